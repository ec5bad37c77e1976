//! The control messages of a session: their layouts, and the token's comparison.
//!
//! ```text
//! hello    child → host   Head | features | token      a request; attachments: the child's control port (send
//!                                                      right), the host's end of the channel (two rights)
//! welcome  host → child   Head | features              the answer
//! refusal  host → child   Head | status | text         the other answer; the same in every version
//! offer    either way     Head                         attachments: a right to consume a swapchain
//! goodbye  either way     Head                         the last message of a side that ends in good order
//! ```
//!
//! The kind of a message is its number. All of this comes from a peer: it is read through declared layouts only, of
//! exactly their lengths, and never believed to be more than bytes.

use std::fmt;
use std::hint::black_box;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{Error, Result, Status, line_from_peer};
use crate::message::{AttachmentKind, Message};
use crate::swapchain::ConsumerRight;
use crate::sys::spawn::{TOKEN_LENGTH, Token};

/// The bytes `SFPS` at the start of each control message.
const MAGIC: u32 = u32::from_le_bytes(*b"SFPS");
/// The version of these layouts.
pub(super) const VERSION: u16 = 1;
/// What this side can do beyond the version; a bit that either side lacks is not used. None is defined yet.
pub(super) const FEATURES: u64 = 0;

/// The number of a hello.
pub(super) const HELLO: u32 = 1;
/// The number of a welcome.
pub(super) const WELCOME: u32 = 2;
/// The number of a refusal.
pub(super) const REFUSAL: u32 = 3;
/// The number of an offer.
pub(super) const OFFER: u32 = 4;
/// The number of a goodbye.
pub(super) const GOODBYE: u32 = 5;

/// Where a hello carries the child's control port.
pub(super) const CONTROL_AT: usize = 0;
/// Where a hello carries the host's end of the channel.
pub(super) const CHANNEL_AT: usize = 1;
/// What a hello carries, in order.
const HELLO_CARRIES: [AttachmentKind; 3] =
    [AttachmentKind::SendRight, AttachmentKind::ReceiveRight, AttachmentKind::SendRight];

/// The longest text of a refusal, in bytes.
const MAX_TEXT: usize = 1024;

/// What every control message of every version begins with.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct Head {
    magic: U32,
    version: U16,
    reserved: U16,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct HelloLayout {
    head: Head,
    features: U64,
    token: [u8; TOKEN_LENGTH],
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct WelcomeLayout {
    head: Head,
    features: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RefusalLayout {
    head: Head,
    /// Only *refused* and *unsupported* are sent.
    status: U32,
}

impl Head {
    fn current() -> Self {
        Self { magic: MAGIC.into(), version: VERSION.into(), reserved: 0.into() }
    }

    fn check(bytes: &[u8]) -> Result<()> {
        let (head, _) = Self::ref_from_prefix(bytes)
            .map_err(|_| Error::malformed("a control message of a session is shorter than its head"))?;
        if head.magic.get() != MAGIC {
            return Err(Error::malformed("a message to a session's port is no control message"));
        }
        if head.version.get() != VERSION {
            return Err(Error::new(
                Status::Unsupported,
                format!(
                    "the other side speaks version {} of the session protocol, this side version {VERSION}: \
                     use the same version of the library on both sides",
                    head.version
                ),
            ));
        }
        if head.reserved.get() != 0 {
            return Err(Error::malformed("a control message of a session has unknown flags"));
        }
        Ok(())
    }
}

/// The whole of a message as a layout.
fn read<L: FromBytes + KnownLayout + Immutable + Unaligned>(bytes: &[u8]) -> Result<&L> {
    Head::check(bytes)?;
    L::ref_from_bytes(bytes).map_err(|_| {
        Error::malformed(format!(
            "a control message of a session has {} bytes instead of {}",
            bytes.len(),
            size_of::<L>()
        ))
    })
}

/// The token as its keepers have it: compared and never shown.
pub(super) struct Secret(pub(super) Token);

impl Secret {
    /// Takes the same time wherever the first difference is.
    fn is(&self, other: &Token) -> bool {
        let mut difference = 0;
        for (mine, theirs) in self.0.iter().zip(other) {
            // Behind `black_box` the compiler does not know when the rest of the loop has become useless.
            difference = black_box(difference | (mine ^ theirs));
        }
        difference == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The child's first word.
pub(super) fn hello(token: &Secret) -> Result<Message> {
    let layout = HelloLayout { head: Head::current(), features: FEATURES.into(), token: token.0 };
    Message::with_payload(HELLO, layout.as_bytes())
}

/// Checks a hello, all but who sent it. The answer is the features that both sides have.
pub(super) fn check_hello(message: &Message, token: &Secret) -> Result<u64> {
    let hello: &HelloLayout = read(message.payload())?;
    let carries = (0..message.attachment_count()).map(|index| message.attachment_kind(index));
    if !carries.eq(HELLO_CARRIES.map(Some)) {
        return Err(Error::malformed("a hello does not carry the rights that belong to it"));
    }
    if !message.has_reply_right() {
        return Err(Error::malformed("a hello came without a right to answer it"));
    }
    if !token.is(&hello.token) {
        return Err(Error::fixed(Status::Refused, "the token is not the one that the host gave its child"));
    }
    Ok(hello.features.get() & FEATURES)
}

/// The host's yes.
pub(super) fn welcome(features: u64) -> Result<Message> {
    let layout = WelcomeLayout { head: Head::current(), features: features.into() };
    Message::with_payload(WELCOME, layout.as_bytes())
}

/// The host's no.
pub(super) fn refusal(reason: &Error) -> Result<Message> {
    let status = match reason.status() {
        Status::Unsupported => Status::Unsupported,
        _ => Status::Refused,
    };
    let layout = RefusalLayout { head: Head::current(), status: (status as u32).into() };
    let mut message = Message::with_payload(REFUSAL, layout.as_bytes())?;
    message.append(reason.message().as_bytes())?;
    Ok(message)
}

/// What the host answered: the features that both sides have, or why not.
pub(super) fn check_answer(message: &Message) -> Result<u64> {
    match message.id() {
        WELCOME => {
            let welcome: &WelcomeLayout = read(message.payload())?;
            Ok(welcome.features.get() & FEATURES)
        }
        REFUSAL => Err(read_refusal(message.payload())),
        _ => Err(Error::malformed("the host's answer is neither a welcome nor a refusal")),
    }
}

/// Does not look at the version: a refusal of every version is read, since it says that the versions differ.
fn read_refusal(bytes: &[u8]) -> Error {
    let (layout, text) = match RefusalLayout::ref_from_prefix(bytes) {
        Ok((layout, text)) if layout.head.magic.get() == MAGIC => (layout, text),
        _ => return Error::malformed("the host's answer is not well-formed"),
    };
    let status = match layout.status.get() {
        code if code == Status::Unsupported as u32 => Status::Unsupported,
        _ => Status::Refused,
    };
    let reason = line_from_peer(text, MAX_TEXT);
    Error::new(status, format!("the host refused this process: {reason}"))
}

/// A right to consume a swapchain, on its way to the other side.
pub(super) fn offer() -> Result<Message> {
    Message::with_payload(OFFER, Head::current().as_bytes())
}

/// Checks an offer before its right is taken out.
pub(super) fn check_offer(message: &Message) -> Result<()> {
    read::<Head>(message.payload())?;
    if message.attachment_count() != ConsumerRight::ATTACHMENTS {
        return Err(Error::malformed("an offer does not carry one right to consume"));
    }
    Ok(())
}

/// The last word of a side that ends in good order.
pub(super) fn goodbye() -> Result<Message> {
    Message::with_payload(GOODBYE, Head::current().as_bytes())
}

/// Checks a goodbye.
pub(super) fn check_goodbye(message: &Message) -> Result<()> {
    read::<Head>(message.payload()).map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::port::{Duplex, ReceiveRight};

    const TOKEN: Token = [7; TOKEN_LENGTH];

    fn whole_hello() -> Message {
        let mut message = hello(&Secret(TOKEN)).unwrap();
        let port = ReceiveRight::new().unwrap();
        message.attach(port.make_send().unwrap()).unwrap();
        Duplex::pair().unwrap().0.attach_to(&mut message).unwrap();
        message.set_reply_right(port.make_send_once().unwrap());
        message
    }

    #[test]
    fn the_layouts_are_what_they_were() {
        let head = [b'S', b'F', b'P', b'S', 1, 0, 0, 0];
        let mut expected = head.to_vec();
        expected.extend([0; 8]);
        expected.extend(TOKEN);
        assert_eq!(whole_hello().payload(), expected);
        assert_eq!(welcome(0).unwrap().payload(), [&head[..], &[0; 8]].concat());
        let no = refusal(&Error::fixed(Status::WrongState, "no")).unwrap();
        assert_eq!(no.payload(), [&head[..], &[13, 0, 0, 0], b"no"].concat());
        assert_eq!(offer().unwrap().payload(), head);
        assert_eq!(goodbye().unwrap().payload(), head);
    }

    #[test]
    fn a_hello_is_believed_only_whole_and_with_the_right_token() {
        assert_eq!(check_hello(&whole_hello(), &Secret(TOKEN)).unwrap(), FEATURES);
        for wrong in 0..TOKEN_LENGTH {
            let mut token = TOKEN;
            token[wrong] ^= 1;
            let error = check_hello(&whole_hello(), &Secret(token)).unwrap_err();
            assert_eq!(error.status(), Status::Refused);
        }
        let status = |message: &Message| check_hello(message, &Secret(TOKEN)).unwrap_err().status();
        let mut silent = whole_hello();
        silent.take_reply_right();
        assert_eq!(status(&silent), Status::Malformed);
        let mut poor = whole_hello();
        poor.take(1).unwrap();
        assert_eq!(status(&poor), Status::Malformed);
        let mut rich = whole_hello();
        rich.attach(ReceiveRight::new().unwrap()).unwrap();
        assert_eq!(status(&rich), Status::Malformed);
        for (byte, expected) in [
            (0, Status::Malformed),
            (4, Status::Unsupported),
            (5, Status::Unsupported),
            (6, Status::Malformed),
        ] {
            let mut message = whole_hello();
            let mut payload = message.payload().to_vec();
            payload[byte] ^= 0x80;
            message.set_payload(payload).unwrap();
            assert_eq!(status(&message), expected, "byte {byte}");
        }
        for length in [0, 7, 8, 47, 49] {
            let mut message = whole_hello();
            let mut payload = message.payload().to_vec();
            payload.resize(length, 0);
            message.set_payload(payload).unwrap();
            assert_eq!(status(&message), Status::Malformed, "length {length}");
        }
    }

    #[test]
    fn a_refusal_is_read_whatever_its_version() {
        let reason = Error::fixed(Status::Unsupported, "another version");
        let mut message = refusal(&reason).unwrap();
        let mut payload = message.payload().to_vec();
        payload[4] = 99;
        payload.extend(b"\n\x1b[2J\xff");
        message.set_payload(payload).unwrap();
        let error = check_answer(&message).unwrap_err();
        assert_eq!(error.status(), Status::Unsupported);
        assert_eq!(error.message(), "the host refused this process: another version[2J\u{fffd}");
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret(TOKEN)), "Secret");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            id in 0..8_u32,
            keep in 0..12_usize,
            bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            // Some of the right head, so that what follows is looked at too.
            let mut payload = Head::current().as_bytes()[..keep.min(8)].to_vec();
            payload.extend(&bytes);
            let message = Message::with_payload(id, payload).unwrap();
            let _ = check_answer(&message);
            prop_assert!(check_hello(&message, &Secret(TOKEN)).is_err());
            prop_assert!(check_offer(&message).is_err());
            let is_head = message.payload() == Head::current().as_bytes();
            prop_assert_eq!(check_goodbye(&message).is_ok(), is_head);
            let error = read_refusal(message.payload());
            prop_assert!(!error.message().contains(char::is_control));
        }
    }
}
