//! Channels in a test: how they are warmed up, filled and kept silent, and messages with something attached.

use surfaceport::channel::Channel;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::session::Child;
use surfaceport::{Status, Timeout};

use super::session::SOON;

/// Messages behind which a channel uses its ring.
const UNTIL_RING: u32 = 20;

pub fn open_pair() -> (Channel, Channel) {
    let (one, other) = Channel::pair().unwrap();
    (one.open(), other.open())
}

/// Has both sides use the ring.
pub fn warm_up(from: &Channel, to: &Channel) {
    for n in 0..UNTIL_RING {
        from.send(Message::new(n), SOON).unwrap();
        assert_eq!(to.receive(SOON).unwrap().id(), n);
    }
}

/// Sends messages, which `make` makes, until there is no room; gives how many. The one too many comes back whole.
pub fn fill_with(channel: &Channel, make: impl Fn(u32) -> Message) -> u32 {
    (0..1_000_000)
        .find(|n| match channel.send(make(*n), Timeout::NONE) {
            Ok(()) => false,
            Err(failure) => {
                assert_eq!(failure.status(), Status::TimedOut);
                let (message, expected) = (failure.into_message().unwrap(), make(*n));
                assert_eq!((message.id(), message.payload()), (expected.id(), expected.payload()));
                true
            }
        })
        .expect("a queue has an end")
}

pub fn fill(channel: &Channel, payload: &[u8]) -> u32 {
    fill_with(channel, |n| Message::with_payload(n, payload).unwrap())
}

/// Role: receives what it takes for the ring to be used, and nothing more.
pub fn fall_silent(_: &str) {
    let child = Child::connect(SOON).unwrap();
    for _ in 0..UNTIL_RING {
        child.channel().receive(SOON).unwrap();
        child.channel().send(Message::new(0), SOON).unwrap();
    }
    child.wait_closed(Timeout::FOREVER).unwrap();
}

/// Has a peer in the role of [`fall_silent`] do so.
pub fn silence(channel: &Channel) {
    for n in 0..UNTIL_RING {
        channel.send(Message::new(n), SOON).unwrap();
        channel.receive(SOON).unwrap();
    }
}

/// Attaches memory that is told from that of other messages.
pub fn attach_number(message: &mut Message, n: u32) {
    let memory = MemoryRegion::create(4, Access::ReadWrite).unwrap();
    memory.write(0, &n.to_le_bytes()).unwrap();
    message.attach(memory).unwrap();
}

/// Message `n` arrived as it was sent, with what [`attach_number`] attached, if it did.
#[track_caller]
pub fn assert_arrived(message: &mut Message, n: u32, expected: &Message) {
    assert_eq!(message.id(), n);
    assert!(message.payload() == expected.payload(), "the payload of message {n}");
    assert_eq!(message.attachment_count(), expected.attachment_count(), "message {n}");
    if message.attachment_count() == 1 {
        let mut bytes = [0; 4];
        message.take_memory(0).unwrap().read(0, &mut bytes).unwrap();
        assert_eq!(u32::from_le_bytes(bytes), n);
    }
}
