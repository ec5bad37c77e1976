//! The messages between a producer and its consumers: who comes, who goes, which images there are. No frame needs
//! one.
//!
//! ```text
//! consumer → producer's port   Attach    its end of a link, its page, its doorbell's ringer
//! producer → consumer's link   Refused   and why, as text; nothing follows
//!                              Welcome   the producer's page, its doorbell's ringer for this consumer
//!                              Images    a new generation
//!                              Allocate  please make the images of a new generation
//! consumer → producer's link   Images    here they are
//! producer → a right's lane    Welcome   the producer's page; the stream has ended
//!                              Images    each generation that has frames to be seen
//! ```
//!
//! Each right that a producer makes has a *lane* of its own, in which the producer that ends leaves what the right's holder
//! needs to see the frames that are left: see `docs/decisions/0018-a-right-has-a-lane.md`.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::control::MAX_IMAGES;
use super::{PresentMode, SwapchainOptions};
use crate::error::{Error, Result, Status, line_from_peer};
use crate::layout::SurfaceDescriptor;
use crate::message::Message;
use crate::pixel_format::PixelFormat;
use crate::surface::{Backing, Surface};

pub(super) const ATTACH: u32 = 1;
pub(super) const WELCOME: u32 = 2;
pub(super) const IMAGES: u32 = 3;
pub(super) const ALLOCATE: u32 = 4;
pub(super) const REFUSED: u32 = 5;
/// The most of a refusal's text that is believed, in bytes.
const MAX_REASON: usize = 300;

/// Of this protocol; another one is refused.
const VERSION: u16 = 1;

/// How a mode stands on the wire. 0 in an attach is *as the swapchain*.
pub(super) fn mode_to_wire(mode: Option<PresentMode>) -> u16 {
    match mode {
        None => 0,
        Some(PresentMode::Mailbox) => 1,
        Some(PresentMode::Fifo) => 2,
        Some(PresentMode::Immediate) => 3,
    }
}

fn mode_from_wire(mode: u16) -> Result<Option<PresentMode>> {
    Ok(match mode {
        0 => None,
        1 => Some(PresentMode::Mailbox),
        2 => Some(PresentMode::Fifo),
        3 => Some(PresentMode::Immediate),
        _ => return Err(Error::malformed(format!("a swapchain of unknown mode {mode}"))),
    })
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct AttachWire {
    version: U16,
    mode: U16,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct WelcomeWire {
    version: U16,
    mode: U16,
    reserved: U32,
    /// The number of the first frame that this consumer is to see.
    first: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct GenerationWire {
    generation: U16,
    images: u8,
    /// Of images that are to be made: 0 native, 1 plain memory. Those that are there say it themselves.
    backing: u8,
    width: U32,
    height: U32,
    four_cc: U32,
}

fn parse<T: FromBytes + KnownLayout + Immutable + Unaligned>(payload: &[u8]) -> Result<(&T, &[u8])> {
    T::ref_from_prefix(payload)
        .map_err(|_| Error::malformed(format!("a swapchain's message has only {} bytes", payload.len())))
}

/// Refuses another version of this protocol.
fn check_version(version: U16) -> Result<()> {
    if version.get() == VERSION {
        return Ok(());
    }
    Err(Error::new(
        Status::Unsupported,
        format!("a swapchain of version {version} met one of version {VERSION}"),
    ))
}

/// What an attaching consumer asks for.
pub(super) fn attach_message(mode: Option<PresentMode>) -> Result<Message> {
    let wire = AttachWire { version: VERSION.into(), mode: mode_to_wire(mode).into() };
    Message::with_payload(ATTACH, wire.as_bytes())
}

pub(super) fn parse_attach(message: &Message) -> Result<Option<PresentMode>> {
    let (wire, _) = parse::<AttachWire>(message.payload())?;
    check_version(wire.version)?;
    mode_from_wire(wire.mode.get())
}

pub(super) fn refused_message(reason: &Error) -> Result<Message> {
    Message::with_payload(REFUSED, reason.message())
}

/// Why a producer refused a consumer.
pub(super) fn parse_refused(message: &Message) -> Error {
    let reason = line_from_peer(message.payload(), MAX_REASON);
    Error::new(Status::Refused, format!("the producer refused this consumer: {reason}"))
}

/// What a consumer is welcomed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Welcome {
    pub(super) mode: PresentMode,
    pub(super) first: u64,
}

pub(super) fn welcome_message(welcome: Welcome) -> Result<Message> {
    let wire = WelcomeWire {
        version: VERSION.into(),
        mode: mode_to_wire(Some(welcome.mode)).into(),
        reserved: 0.into(),
        first: welcome.first.into(),
    };
    Message::with_payload(WELCOME, wire.as_bytes())
}

pub(super) fn parse_welcome(message: &Message) -> Result<Welcome> {
    let (wire, _) = parse::<WelcomeWire>(message.payload())?;
    check_version(wire.version)?;
    let mode = mode_from_wire(wire.mode.get())?;
    let mode = mode.ok_or_else(|| Error::malformed("a swapchain welcomes without a mode"))?;
    Ok(Welcome { mode, first: wire.first.get() })
}

/// What the images of one generation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GenerationHead {
    pub(super) generation: u16,
    pub(super) images: usize,
    pub(super) descriptor: SurfaceDescriptor,
}

impl GenerationHead {
    pub(super) fn new(generation: u16, options: &SwapchainOptions) -> Self {
        Self { generation, images: options.images as usize, descriptor: options.descriptor() }
    }

    /// An `Allocate`: please make these, with such memory.
    pub(super) fn allocate_message(&self, backing: Backing) -> Result<Message> {
        self.message(ALLOCATE, backing)
    }

    fn message(&self, id: u32, backing: Backing) -> Result<Message> {
        let wire = GenerationWire {
            generation: self.generation.into(),
            images: self.images as u8,
            backing: match backing {
                Backing::Native => 0,
                Backing::Memory => 1,
            },
            width: self.descriptor.width.into(),
            height: self.descriptor.height.into(),
            four_cc: self.descriptor.format.four_cc().into(),
        };
        Message::with_payload(id, wire.as_bytes())
    }

    /// What an `Allocate` asks for.
    pub(super) fn parse_allocate(message: &Message) -> Result<(Self, Backing)> {
        let (wire, _) = parse::<GenerationWire>(message.payload())?;
        let backing = match wire.backing {
            0 => Backing::Native,
            1 => Backing::Memory,
            other => {
                return Err(Error::malformed(format!("a swapchain's images of unknown backing {other}")));
            }
        };
        Ok((Self::parse(message)?, backing))
    }

    fn parse(message: &Message) -> Result<Self> {
        let (wire, _) = parse::<GenerationWire>(message.payload())?;
        let format = PixelFormat::from_four_cc(wire.four_cc.get())
            .map_err(|error| Error::malformed(format!("a swapchain's images: {error}")))?;
        let descriptor = SurfaceDescriptor::new(wire.width.get(), wire.height.get(), format);
        descriptor.check().map_err(|error| Error::malformed(format!("a swapchain's images: {error}")))?;
        let images = usize::from(wire.images);
        if !(1..=MAX_IMAGES).contains(&images) {
            return Err(Error::malformed(format!("a swapchain of {images} images")));
        }
        Ok(Self { generation: wire.generation.get(), images, descriptor })
    }
}

/// An `Images` message with its surfaces.
pub(super) fn images_message(head: &GenerationHead, images: &[Surface]) -> Result<Message> {
    let mut message = head.message(IMAGES, Backing::Native)?;
    for image in images {
        message.attach(image.clone())?;
    }
    Ok(message)
}

/// Takes the surfaces out of an `Images` message and checks that they are what its head says.
pub(super) fn take_images(message: &mut Message) -> Result<(GenerationHead, Vec<Surface>)> {
    let head = GenerationHead::parse(message)?;
    if message.attachment_count() != head.images {
        return Err(Error::malformed(format!(
            "a generation of {} images came with {} attachments",
            head.images,
            message.attachment_count()
        )));
    }
    let images = (0..head.images).map(|index| message.take_surface(index)).collect::<Result<Vec<_>>>();
    let images = images.map_err(|_| Error::malformed("a generation of images came with something else"))?;
    if images.iter().any(|image| image.descriptor() != head.descriptor) {
        return Err(Error::malformed("an image of a generation has another size or format"));
    }
    Ok((head, images))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for mode in [None, Some(PresentMode::Fifo), Some(PresentMode::Mailbox), Some(PresentMode::Immediate)]
        {
            assert_eq!(parse_attach(&attach_message(mode).unwrap()).unwrap(), mode);
        }
        let welcome = Welcome { mode: PresentMode::Fifo, first: 77 };
        assert_eq!(parse_welcome(&welcome_message(welcome).unwrap()).unwrap(), welcome);
        let options = SwapchainOptions { width: 3, height: 5, ..SwapchainOptions::default() };
        let head = GenerationHead::new(9, &options);
        for backing in [Backing::Native, Backing::Memory] {
            let asked = head.allocate_message(backing).unwrap();
            assert_eq!(GenerationHead::parse_allocate(&asked).unwrap(), (head, backing));
            let mut bytes = asked.payload().to_vec();
            bytes[3] = 2;
            let unknown = Message::with_payload(ALLOCATE, bytes).unwrap();
            assert_eq!(GenerationHead::parse_allocate(&unknown).unwrap_err().status(), Status::Malformed);
        }
        let images: Vec<_> = (0..3).map(|_| Surface::create(&head.descriptor).unwrap()).collect();
        assert_eq!(take_images(&mut images_message(&head, &images).unwrap()).unwrap().1.len(), 3);
        let mut fewer = images_message(&head, &images[1..]).unwrap();
        assert_eq!(take_images(&mut fewer).unwrap_err().status(), Status::Malformed);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut message = Message::with_payload(0, bytes).unwrap();
            let _ = parse_attach(&message);
            let _ = parse_welcome(&message);
            let _ = GenerationHead::parse_allocate(&message);
            let _ = take_images(&mut message);
        }
    }
}
