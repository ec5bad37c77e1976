//! Messages: a number, bytes, and up to 64 attachments.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};

use crate::error::{Error, Result, Status};
use crate::memory::MemoryRegion;
use crate::port::{ReceiveRight, SendError, SendOnceRight, SendRight};
use crate::recycled::RecycledBytes;
use crate::surface::Surface;
use crate::sys::contents::{
    Attachment as SystemAttachment, AttachmentRef, Incoming, Outgoing, Payload, no_memory,
};
use crate::sys::memory::Memory;
use crate::sys::owner::Owner;
use crate::sys::port::MovingReceiveRight;
use crate::sys::spawn::ProcessHandle;
use crate::sys::wire;

/// The largest payload of a message, in bytes: 256 MiB.
pub const MAX_PAYLOAD: usize = wire::MAX_PAYLOAD as usize;
/// The largest payload that travels inside of a message, in bytes. A larger one goes as a region of memory that is sealed,
/// which costs a few system calls and, on Linux, a descriptor on the way.
pub const INLINE_LIMIT: usize = wire::INLINE_LIMIT;
/// The most attachments of a message.
///
/// On Linux they travel as descriptors, of which the programs of a user can have as many in messages that nobody has
/// received yet as `RLIMIT_NOFILE` allows; then sends say [`Status::ResourceExhausted`]. A receive right takes one, and
/// one more for each send right that was made of it.
pub const MAX_ATTACHMENTS: usize = wire::MAX_ATTACHMENTS;

/// Who sent a message, as the kernel says it of this very message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The process; 0 when it has no number here, because it lives in another PID namespace.
    pub process_id: u32,
    /// Its real user. On Linux, a process that runs with several (set-user-ID) may say that it is another one of them, and
    /// a privileged one anybody.
    pub user_id: u32,
    /// Its real group, as above.
    pub group_id: u32,
}

/// What a message can carry besides bytes.
#[derive(Debug)]
pub enum Attachment {
    /// A right to send to a port.
    SendRight(SendRight),
    /// The right to receive from a port, with all that is queued.
    ReceiveRight(ReceiveRight),
    /// A region of memory, shared and not copied.
    Memory(MemoryRegion),
    /// A surface, shared and not copied.
    Surface(Surface),
    /// A file descriptor.
    Descriptor(OwnedFd),
}

impl Attachment {
    /// The process that has it; of a descriptor it is the caller's affair.
    fn owner(&self) -> Option<Owner> {
        match self {
            Self::SendRight(right) => Some(right.0.owner()),
            Self::ReceiveRight(right) => Some(right.0.owner()),
            Self::Memory(region) => Some(region.0.owner()),
            Self::Surface(surface) => Some(surface.owner()),
            Self::Descriptor(_) => None,
        }
    }
}

/// The kinds of [`Attachment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentKind {
    /// [`Attachment::SendRight`].
    SendRight,
    /// [`Attachment::ReceiveRight`].
    ReceiveRight,
    /// [`Attachment::Memory`].
    Memory,
    /// [`Attachment::Surface`].
    Surface,
    /// [`Attachment::Descriptor`].
    Descriptor,
}

impl fmt::Display for AttachmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SendRight => "send right",
            Self::ReceiveRight => "receive right",
            Self::Memory => "memory region",
            Self::Surface => "surface",
            Self::Descriptor => "file descriptor",
        })
    }
}

macro_rules! attachment_from {
    ($($variant:ident($kind:ty)),*) => {$(
        impl From<$kind> for Attachment {
            fn from(attachment: $kind) -> Self {
                Self::$variant(attachment)
            }
        }
    )*};
}
attachment_from!(
    SendRight(SendRight),
    ReceiveRight(ReceiveRight),
    Memory(MemoryRegion),
    Surface(Surface),
    Descriptor(OwnedFd)
);

/// An attachment that a message did not take, with the reason.
#[derive(Debug)]
pub struct AttachError {
    /// Why.
    pub error: Error,
    /// The attachment, given back.
    pub attachment: Attachment,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for AttachError {}

impl From<AttachError> for Error {
    fn from(failure: AttachError) -> Self {
        failure.error
    }
}

/// An attachment as a message holds it.
#[derive(Debug)]
enum Held {
    SendRight(SendRight),
    /// Ready to go, or just arrived: its queue goes with it.
    Moving(MovingReceiveRight),
    Memory(MemoryRegion),
    Surface(Surface),
    Descriptor(OwnedFd),
}

impl Held {
    fn kind(&self) -> AttachmentKind {
        match self {
            Self::SendRight(_) => AttachmentKind::SendRight,
            Self::Moving(_) => AttachmentKind::ReceiveRight,
            Self::Memory(_) => AttachmentKind::Memory,
            Self::Surface(_) => AttachmentKind::Surface,
            Self::Descriptor(_) => AttachmentKind::Descriptor,
        }
    }

    fn from_attachment(attachment: Attachment) -> Result<Self, AttachError> {
        Ok(match attachment {
            Attachment::SendRight(right) => Self::SendRight(right),
            Attachment::ReceiveRight(right) => Self::Moving(right.0.pack().map_err(|(right, error)| {
                AttachError { error, attachment: Attachment::ReceiveRight(ReceiveRight(right)) }
            })?),
            Attachment::Memory(region) => Self::Memory(region),
            Attachment::Surface(surface) => Self::Surface(surface),
            Attachment::Descriptor(descriptor) => Self::Descriptor(descriptor),
        })
    }

    fn from_system(attachment: SystemAttachment) -> Self {
        match attachment {
            SystemAttachment::SendRight(right) => Self::SendRight(SendRight(right)),
            SystemAttachment::ReceiveRight(right) => Self::Moving(right),
            SystemAttachment::Memory(memory) => Self::Memory(MemoryRegion(memory)),
            SystemAttachment::Surface(surface) => Self::Surface(Surface::from_system(surface)),
            SystemAttachment::Descriptor(descriptor) => Self::Descriptor(descriptor),
        }
    }

    fn lend(&self) -> AttachmentRef<'_> {
        match self {
            Self::SendRight(right) => AttachmentRef::SendRight(&right.0),
            Self::Moving(right) => AttachmentRef::ReceiveRight(right),
            Self::Memory(region) => AttachmentRef::Memory(&region.0),
            Self::Surface(surface) => AttachmentRef::Surface(surface.system()),
            Self::Descriptor(descriptor) => AttachmentRef::Descriptor(descriptor.as_fd()),
        }
    }
}

/// A message. It owns all that it carries; dropping it gives that back.
///
/// In a fork of the process that made or received it, its bytes can be read; changes and taking out attachments fail with
/// [`Status::WrongState`].
#[derive(Debug)]
pub struct Message {
    id: u32,
    owner: Owner,
    /// For the library and not for its user, who never sees it.
    control: bool,
    /// Its place among the messages of the channel that it came through.
    number: Option<u32>,
    payload: Payload,
    attachments: Vec<Option<Held>>,
    reply: Option<SendOnceRight>,
    sender: Option<Sender>,
    process: Option<ProcessHandle>,
}

impl Message {
    /// An empty message. What the number means is for sender and receiver to agree.
    pub fn new(id: u32) -> Self {
        Self {
            id,
            owner: Owner::this_process(),
            control: false,
            number: None,
            payload: Payload::Inline(Vec::new()),
            attachments: Vec::new(),
            reply: None,
            sender: None,
            process: None,
        }
    }

    /// An empty message for the library itself at the other side.
    pub(crate) fn control(id: u32) -> Self {
        Self { control: true, ..Self::new(id) }
    }

    pub(crate) fn is_control(&self) -> bool {
        self.control
    }

    pub(crate) fn number(&self) -> Option<u32> {
        self.number
    }

    /// A message that arrived as bytes alone.
    pub(crate) fn from_bytes(id: u32, payload: Vec<u8>, sender: Option<Sender>) -> Self {
        Self { payload: Payload::Inline(payload), sender, ..Self::new(id) }
    }

    /// A message that arrived as many bytes alone.
    pub(crate) fn from_recycled(id: u32, payload: RecycledBytes, sender: Option<Sender>) -> Self {
        Self { payload: Payload::Recycled(payload), sender, ..Self::new(id) }
    }

    /// The bytes, if there is nothing else to the message.
    pub(crate) fn bytes_alone(&self) -> Option<&[u8]> {
        match &self.payload {
            Payload::OutOfLine(_) => None,
            payload if self.attachments.is_empty() && self.reply.is_none() => Some(payload.bytes()),
            _ => None,
        }
    }

    /// A message with these bytes.
    ///
    /// Errors: [`Status::TooLarge`] over [`MAX_PAYLOAD`].
    pub fn with_payload(id: u32, payload: impl Into<Vec<u8>>) -> Result<Self> {
        let mut message = Self::new(id);
        message.set_payload(payload)?;
        Ok(message)
    }

    /// The number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The bytes.
    pub fn payload(&self) -> &[u8] {
        self.payload.bytes()
    }

    /// The bytes, without a copy if they came inside of the message and not through a channel.
    ///
    /// Errors: [`Status::ResourceExhausted`], when there is no memory for a copy.
    pub fn into_payload(self) -> Result<Vec<u8>> {
        match self.payload {
            Payload::Inline(bytes) => Ok(bytes),
            other => match Payload::copy_of(other.bytes(), 0)? {
                Payload::Inline(bytes) => Ok(bytes),
                _ => Err(Error::fixed(Status::Internal, "a copy is not in memory of its own")),
            },
        }
    }

    /// Replaces the bytes. A vector is moved, what else there is gets copied by its own conversion into one; where there
    /// may be no memory for that, [`Self::append`] says so.
    ///
    /// Errors: [`Status::TooLarge`] over [`MAX_PAYLOAD`]; the message is unchanged.
    pub fn set_payload(&mut self, payload: impl Into<Vec<u8>>) -> Result<()> {
        self.owner.check()?;
        let payload = payload.into();
        check_payload(payload.len())?;
        self.payload = Payload::Inline(payload);
        Ok(())
    }

    /// Adds bytes at the end.
    ///
    /// Errors: [`Status::TooLarge`] over [`MAX_PAYLOAD`]; [`Status::ResourceExhausted`], when there is no memory for
    /// them. The message is unchanged then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.owner.check()?;
        check_payload(self.payload().len().saturating_add(bytes.len()))?;
        if !matches!(self.payload, Payload::Inline(_)) {
            self.payload = Payload::copy_of(self.payload(), bytes.len())?;
        }
        if let Payload::Inline(payload) = &mut self.payload {
            payload.try_reserve(bytes.len()).map_err(|_| no_memory(payload.len() + bytes.len()))?;
            payload.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Adds an attachment behind the others.
    ///
    /// Errors: [`Status::TooLarge`] over [`MAX_ATTACHMENTS`]; [`Status::Unsupported`] and
    /// [`Status::ResourceExhausted`], when a receive right cannot be made ready to move; [`Status::WrongState`] in a fork of
    /// the process that has the message or the attachment. The error gives the attachment back.
    pub fn attach(&mut self, attachment: impl Into<Attachment>) -> Result<(), AttachError> {
        let attachment = attachment.into();
        if let Err(error) = self.check_room(1) {
            return Err(AttachError { error, attachment });
        }
        if let Err(error) = attachment.owner().map_or(Ok(()), Owner::check) {
            return Err(AttachError { error, attachment });
        }
        let held = Held::from_attachment(attachment)?;
        self.attachments.push(Some(held));
        Ok(())
    }

    fn check_room(&self, more: usize) -> Result<()> {
        self.owner.check()?;
        if self.attachments.len() + more > MAX_ATTACHMENTS {
            return Err(Error::new(
                Status::TooLarge,
                format!("a message carries at most {MAX_ATTACHMENTS} attachments"),
            ));
        }
        Ok(())
    }

    /// Both rights or none.
    pub(crate) fn attach_pair(
        &mut self,
        receive: ReceiveRight,
        send: SendRight,
    ) -> Result<(), (ReceiveRight, SendRight, Error)> {
        let usable = receive.0.owner().check().and_then(|()| self.check_room(2));
        if let Err(error) = usable {
            return Err((receive, send, error));
        }
        match receive.0.pack() {
            Ok(moving) => {
                self.attachments.push(Some(Held::Moving(moving)));
                self.attachments.push(Some(Held::SendRight(send)));
                Ok(())
            }
            Err((receive, error)) => Err((ReceiveRight(receive), send, error)),
        }
    }

    /// All three or none: only a receive right can fail to be made ready.
    pub(crate) fn attach_three(
        &mut self,
        send: SendRight,
        memory: MemoryRegion,
        receive: ReceiveRight,
    ) -> Result<(), (SendRight, ReceiveRight, Error)> {
        if let Err(error) = self.check_room(3) {
            return Err((send, receive, error));
        }
        match receive.0.pack() {
            Ok(moving) => {
                let parts = [Held::SendRight(send), Held::Memory(memory), Held::Moving(moving)];
                self.attachments.extend(parts.map(Some));
                Ok(())
            }
            Err((receive, error)) => Err((send, ReceiveRight(receive), error)),
        }
    }

    pub(crate) fn check_is_pair(&self, index: usize) -> Result<()> {
        let second = index.checked_add(1).and_then(|second| self.attachment_kind(second));
        match (self.attachment_kind(index), second) {
            (Some(AttachmentKind::ReceiveRight), Some(AttachmentKind::SendRight)) => Ok(()),
            _ => Err(Error::invalid(format!("a message has no channel's end at attachment {index}"))),
        }
    }

    /// How many attachments there are, those included that were taken out.
    pub fn attachment_count(&self) -> usize {
        self.attachments.len()
    }

    /// The kind of an attachment; `None` if it was taken out or never was.
    pub fn attachment_kind(&self, index: usize) -> Option<AttachmentKind> {
        self.attachments.get(index)?.as_ref().map(Held::kind)
    }

    /// Takes an attachment out; the others keep their places.
    ///
    /// Errors: [`Status::InvalidArgument`], when there is none at that place; [`Status::ResourceExhausted`], when
    /// descriptors ran out for a receive right, which then stays; [`Status::Malformed`], when the sender of a
    /// receive right did not keep to the format, which is then destroyed.
    pub fn take(&mut self, index: usize) -> Result<Attachment> {
        self.owner.check()?;
        let place = self.attachments.get_mut(index);
        let Some(held) = place.and_then(Option::take) else {
            return Err(Error::invalid(format!("a message has no attachment {index}")));
        };
        Ok(match held {
            Held::SendRight(right) => Attachment::SendRight(right),
            Held::Moving(moving) => match moving.unpack() {
                Ok(right) => Attachment::ReceiveRight(ReceiveRight(right)),
                Err((moving, error)) => {
                    self.attachments[index] = moving.map(Held::Moving);
                    return Err(error);
                }
            },
            Held::Memory(region) => Attachment::Memory(region),
            Held::Surface(surface) => Attachment::Surface(surface),
            Held::Descriptor(descriptor) => Attachment::Descriptor(descriptor),
        })
    }

    /// All attachments that are there, one after the other, each as [`Self::take`] gives it.
    pub fn into_attachments(mut self) -> impl Iterator<Item = Result<Attachment>> {
        (0..self.attachment_count())
            .filter_map(move |index| self.attachment_kind(index).map(|_| self.take(index)))
    }

    fn expect(&self, index: usize, wanted: AttachmentKind) -> Result<()> {
        match self.attachment_kind(index) {
            Some(kind) if kind == wanted => Ok(()),
            Some(kind) => Err(Error::invalid(format!("attachment {index} is a {kind} and no {wanted}"))),
            None => Err(Error::invalid(format!("a message has no attachment {index}"))),
        }
    }

    /// The reply right of a request, for its answer. It is there once, and not in a fork.
    pub fn take_reply_right(&mut self) -> Option<SendOnceRight> {
        if self.owner.is_here() { self.reply.take() } else { None }
    }

    /// Has the receiver answer by this right: to pass a request on, with the duty to answer it.
    pub fn set_reply_right(&mut self, right: SendOnceRight) {
        self.reply = Some(right);
    }

    /// Whether an answer is wanted, and nobody took the right for it yet.
    pub fn has_reply_right(&self) -> bool {
        self.reply.is_some()
    }

    /// Who sent the message; `None` for one that was made here.
    pub fn sender(&self) -> Option<Sender> {
        self.sender
    }

    /// A handle of the sender's process, where the port asked for it and the system has it.
    pub(crate) fn sender_process(&self) -> Option<&ProcessHandle> {
        self.process.as_ref()
    }

    pub(crate) fn from_incoming(incoming: Incoming) -> Self {
        let sender = Sender {
            process_id: incoming.sender.process_id,
            user_id: incoming.sender.user_id,
            group_id: incoming.sender.group_id,
        };
        Self {
            id: incoming.id,
            owner: Owner::this_process(),
            control: incoming.control,
            number: incoming.number,
            payload: incoming.payload,
            attachments: incoming.attachments.into_iter().map(Held::from_system).map(Some).collect(),
            reply: incoming.reply.map(SendOnceRight),
            sender: Some(sender),
            process: incoming.sender.process,
        }
    }

    /// Lends the message to `send`, by a right that somebody has, and lets go of what it carries only when that succeeded.
    pub(crate) fn send_by(
        mut self,
        number: Option<u32>,
        by: Owner,
        send: impl FnOnce(Outgoing<'_>) -> Result<()>,
    ) -> Result<(), SendError> {
        let usable = by.check().and_then(|()| self.owner.check());
        let outcome = usable.and_then(|()| self.move_large_payload_out_of_line()).and_then(|()| {
            let lent: Option<Vec<_>> =
                self.attachments.iter().map(|held| held.as_ref().map(Held::lend)).collect();
            let attachments = lent.ok_or_else(|| {
                Error::fixed(
                    Status::WrongState,
                    "an attachment was taken out of this message, so it cannot be sent",
                )
            })?;
            send(Outgoing {
                id: self.id,
                control: self.control,
                number,
                payload: &self.payload,
                reply: self.reply.as_ref().map(|right| &right.0),
                attachments: &attachments,
            })
        });
        if let Err(error) = outcome {
            return Err(SendError::new(error, self));
        }
        for held in self.attachments.into_iter().flatten() {
            if let Held::Moving(right) = held {
                right.moved();
            }
        }
        if let Some(right) = self.reply {
            right.0.moved();
        }
        Ok(())
    }

    /// Once for a message, so that a send that timed out does not fill a region again when it is repeated.
    fn move_large_payload_out_of_line(&mut self) -> Result<()> {
        if !matches!(self.payload, Payload::OutOfLine(_)) {
            let bytes = self.payload.bytes();
            check_payload(bytes.len())?;
            if bytes.len() > wire::INLINE_LIMIT {
                self.payload = Payload::OutOfLine(Memory::sealed(bytes)?);
            }
        }
        Ok(())
    }
}

macro_rules! take_kind {
    ($($(#[$doc:meta])* $name:ident -> $variant:ident($kind:ty);)*) => {
        impl Message {$(
            $(#[$doc])*
            ///
            /// Errors: [`Status::InvalidArgument`], when there is another kind or none at that place; otherwise
            /// as [`Self::take`]. An attachment of another kind stays.
            pub fn $name(&mut self, index: usize) -> Result<$kind> {
                self.expect(index, AttachmentKind::$variant)?;
                match self.take(index)? {
                    Attachment::$variant(attachment) => Ok(attachment),
                    _ => Err(Error::fixed(Status::Internal, "an attachment changed its kind")),
                }
            }
        )*}
    };
}
take_kind! {
    /// Takes a send right out.
    take_send_right -> SendRight(SendRight);
    /// Takes a receive right out.
    take_receive_right -> ReceiveRight(ReceiveRight);
    /// Takes a memory region out.
    take_memory -> Memory(MemoryRegion);
    /// Takes a surface out.
    take_surface -> Surface(Surface);
    /// Takes a file descriptor out.
    take_descriptor -> Descriptor(OwnedFd);
}

fn check_payload(length: usize) -> Result<()> {
    if length > MAX_PAYLOAD {
        return Err(Error::new(
            Status::TooLarge,
            format!("a payload of {length} bytes is over the maximum of {MAX_PAYLOAD}"),
        ));
    }
    Ok(())
}
