//! Channels whose queue is full: what may be dropped.
#![allow(missing_docs)]

mod process;

use process::session::*;
use surfaceport::channel::Channel;
use surfaceport::message::Message;
use surfaceport::port::ReceiveRight;
use surfaceport::{Status, Timeout};

peers! {}

/// More than any queue takes at a time.
const MANY: u32 = 5000;

fn open_pair() -> (Channel, Channel) {
    let (one, other) = Channel::pair().unwrap();
    (one.open(), other.open())
}

/// Has both sides use the ring.
fn warm_up(from: &Channel, to: &Channel) {
    for n in 0..20 {
        from.send(Message::new(n), SOON).unwrap();
        assert_eq!(to.receive(SOON).unwrap().id(), n);
    }
}

/// Sends messages, which `make` makes, until there is no room; gives how many.
fn fill_with(channel: &Channel, make: impl Fn(u32) -> Message) -> u32 {
    (0..1_000_000)
        .find(|n| match channel.send(make(*n), Timeout::NONE) {
            Ok(()) => false,
            Err(failure) => {
                assert_eq!(failure.status(), Status::TimedOut);
                true
            }
        })
        .expect("a queue has an end")
}

fn fill(channel: &Channel, payload: &[u8]) -> u32 {
    fill_with(channel, |n| Message::with_payload(n, payload).unwrap())
}

fn receive(channel: &Channel, expected: std::ops::Range<u32>) {
    for n in expected {
        assert_eq!(channel.receive(SOON).unwrap().id(), n);
    }
}

/// Drops messages at a full queue, then has all that was accepted arrive, and more.
fn drop_at_a_full_queue(one: &Channel, other: &Channel) {
    let before = one.dropped_messages();
    let payload = vec![5; 1000];
    let sent = (0..1_000_000)
        .find(|n| !one.send_or_drop(Message::with_payload(*n, &payload[..]).unwrap()).unwrap())
        .expect("a queue has an end");
    assert!(sent > 1);
    for n in 0..10 {
        assert!(!one.send_or_drop(Message::with_payload(n, &payload[..]).unwrap()).unwrap());
    }
    assert_eq!(one.dropped_messages(), before + 11);
    for n in 0..sent {
        let message = other.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload()), (n, &payload[..]));
    }
    assert_eq!(other.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    assert!(one.send_or_drop(Message::new(77)).unwrap());
    assert_eq!(other.receive(SOON).unwrap().id(), 77);
    assert_eq!((one.dropped_messages(), other.dropped_messages()), (before + 11, 0));
}

#[test]
fn a_full_queue_drops_what_may_be_dropped() {
    let (one, other) = open_pair();
    // First by the port, then by the ring.
    for _ in 0..3 {
        drop_at_a_full_queue(&one, &other);
    }
    drop(other);
    let failure = one.send_or_drop(Message::with_payload(1, "kept").unwrap()).unwrap_err();
    assert_eq!(failure.status(), Status::PeerDead);
    assert_eq!(failure.into_message().unwrap().payload(), b"kept");
}

#[test]
fn what_a_dropped_message_carries_is_released() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    fill(&one, &[1; 1000]);
    let port = ReceiveRight::new().unwrap();
    let mut message = Message::with_payload(1, [1; 1000]).unwrap();
    message.attach(port.make_send().unwrap()).unwrap();
    fill(&one, &[]);
    assert!(!one.send_or_drop(message).unwrap());
    assert_eq!(port.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

/// A queue that another thread waits for is full; one that others use is not.
#[test]
fn only_a_full_queue_drops() {
    let (one, other) = open_pair();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for n in 0..MANY {
                    assert!(one.send_or_drop(Message::new(n)).unwrap());
                    // So that the queue is never full.
                    other.receive(SOON).unwrap();
                }
            });
        }
    });
    assert_eq!(one.dropped_messages(), 0);
    let sent = fill(&one, &[]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| one.send(Message::new(sent), SOON));
        assert!(!one.send_or_drop(Message::new(0)).unwrap());
        for n in 0..=sent {
            assert_eq!(other.receive(SOON).unwrap().id(), n);
        }
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(one.dropped_messages(), 1);
}
