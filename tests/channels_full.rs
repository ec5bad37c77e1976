//! Channels whose queue is full: what may be dropped, and the descriptor that tells of room.
#![allow(missing_docs)]

mod process;

use std::os::fd::BorrowedFd;

use process::channel::*;
use process::session::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use surfaceport::channel::Channel;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::port::ReceiveRight;
use surfaceport::{Status, Timeout};

peers! {
    "fall silent" => fall_silent,
}

/// More than any queue takes at a time.
const MANY: u32 = 5000;

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

fn wait_readable(fd: BorrowedFd<'_>) {
    let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&limit)).unwrap();
    assert_eq!(ready, 1, "a descriptor was silent");
}

fn wait_for_room(channel: &Channel) {
    wait_readable(channel.writable_descriptor().unwrap());
}

fn tells_of_room(channel: &Channel) -> bool {
    is_readable(channel.writable_descriptor().unwrap())
}

/// Sends what finds no room. Behind that the descriptor is silent, at the latest when this has been said a few times.
#[track_caller]
fn assert_no_room(channel: &Channel, make: impl Fn() -> Message) {
    for _ in 0..5 {
        assert_eq!(channel.send(make(), Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        if !tells_of_room(channel) {
            return;
        }
    }
    panic!("a full queue that says it has room");
}

#[test]
fn room_in_the_port_is_told_of() {
    let (one, other) = open_pair();
    assert!(tells_of_room(&one), "there is room");
    let sent = fill(&one, &[1; 1000]);
    assert_no_room(&one, || Message::with_payload(0, [1; 1000]).unwrap());
    receive(&other, 0..sent);
    wait_for_room(&one);
    one.send(Message::new(7), Timeout::NONE).unwrap();
    assert_eq!(other.receive(SOON).unwrap().id(), 7);
}

#[test]
fn room_in_the_ring_is_told_of() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    for _ in 0..5 {
        let sent = fill(&one, &[1; 1000]);
        assert_no_room(&one, || Message::with_payload(0, [1; 1000]).unwrap());
        // The receiver does not have to wait for more: a part of the ring is news.
        receive(&other, 0..sent / 2);
        wait_for_room(&one);
        one.send(Message::new(sent), Timeout::NONE).unwrap();
        receive(&other, sent / 2..sent + 1);
        assert!(tells_of_room(&one), "there is room");
    }
}

#[test]
fn room_in_the_port_behind_a_ring_is_told_of() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    let memory = MemoryRegion::create(4, Access::ReadWrite).unwrap();
    let make = |n| {
        let mut message = Message::new(n);
        message.attach(memory.clone()).unwrap();
        message
    };
    for _ in 0..3 {
        let sent = fill_with(&one, make);
        assert_no_room(&one, || make(0));
        receive(&other, 0..sent);
        wait_for_room(&one);
        one.send(make(7), Timeout::NONE).unwrap();
        assert_eq!(other.receive(SOON).unwrap().id(), 7);
    }
}

#[test]
fn a_descriptor_that_is_asked_for_late_tells_of_room() {
    for ring in [false, true] {
        let (one, other) = open_pair();
        if ring {
            warm_up(&one, &other);
        }
        let sent = fill(&one, &[]);
        assert!(!tells_of_room(&one), "the queue is full");
        receive(&other, 0..sent);
        wait_for_room(&one);
        one.send(Message::new(7), Timeout::NONE).unwrap();
    }
}

#[test]
fn room_for_a_small_message_is_none_for_a_large_one() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    let large = || Message::with_payload(7, [7; 16 << 10]).unwrap();
    let sent = fill(&one, &[]);
    receive(&other, 0..10);
    one.send(Message::new(sent), Timeout::NONE).unwrap();
    assert_no_room(&one, large);
    receive(&other, 10..sent + 1);
    wait_for_room(&one);
    one.send(large(), Timeout::NONE).unwrap();
}

#[test]
fn a_thread_that_waits_for_room_leaves_the_news_to_others() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    for _ in 0..20 {
        let sent = fill(&one, &[1; 1000]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| one.send(Message::with_payload(sent, [1; 1000]).unwrap(), SOON));
            assert_no_room(&one, || Message::with_payload(0, [1; 1000]).unwrap());
            receive(&other, 0..sent + 1);
            waiting.join().unwrap().unwrap();
        });
        wait_for_room(&one);
        one.send(Message::new(7), Timeout::NONE).unwrap();
        assert_eq!(other.receive(SOON).unwrap().id(), 7);
    }
}

/// Message `n` of a stream: of any size, some with attachments.
fn numbered(n: u32) -> Message {
    let length = match n % 50 {
        7 => 16 << 10,
        8 => 40_000,
        rest => rest as usize * 17,
    };
    let mut message = Message::with_payload(n, vec![n as u8; length]).unwrap();
    if n % 10 == 3 {
        message.attach(MemoryRegion::create(4, Access::ReadWrite).unwrap()).unwrap();
    }
    message
}

/// Sends all without waiting anywhere but at the descriptor.
fn send_by_descriptor(channel: &Channel, from: u32) {
    for n in from..from + MANY {
        let mut message = numbered(n);
        while let Err(failure) = channel.send(message, Timeout::NONE) {
            assert_eq!(failure.status(), Status::TimedOut);
            message = failure.into_message().unwrap();
            wait_for_room(channel);
        }
    }
}

#[test]
fn who_waits_by_the_descriptor_is_never_forgotten() {
    for polls in [false, true] {
        let (one, other) = open_pair();
        std::thread::scope(|scope| {
            scope.spawn(|| send_by_descriptor(&one, 0));
            for n in 0..MANY {
                let message = loop {
                    if !polls {
                        break other.receive(SOON).unwrap();
                    }
                    wait_readable(other.descriptor());
                    match other.receive(Timeout::NONE) {
                        Ok(message) => break message,
                        Err(error) => assert_eq!(error.status(), Status::TimedOut),
                    }
                };
                let expected = numbered(n);
                assert_eq!(message.id(), n);
                assert!(message.payload() == expected.payload());
                assert_eq!(message.attachment_count(), expected.attachment_count());
            }
        });
    }
}

#[test]
fn many_threads_wait_for_room_by_all_means() {
    let (one, other) = open_pair();
    let mut received = std::thread::scope(|scope| {
        scope.spawn(|| send_by_descriptor(&one, 0));
        scope.spawn(|| send_by_descriptor(&one, MANY));
        scope.spawn(|| (2 * MANY..3 * MANY).for_each(|n| one.send(numbered(n), SOON).unwrap()));
        (0..3 * MANY).map(|_| other.receive(SOON).unwrap().id()).collect::<Vec<_>>()
    });
    received.sort_unstable();
    assert!(received.into_iter().eq(0..3 * MANY), "each one once");
}

#[test]
fn the_peers_end_is_told_of() {
    for state in 0..4 {
        let (one, other) = open_pair();
        if state > 1 {
            warm_up(&one, &other);
        }
        one.writable_descriptor().unwrap();
        if state % 2 == 1 {
            fill(&one, &[1; 1000]);
            assert_no_room(&one, || Message::with_payload(0, [1; 1000]).unwrap());
        }
        drop(other);
        for _ in 0..3 {
            wait_for_room(&one);
            let message = || Message::with_payload(0, [1; 1000]).unwrap();
            assert_eq!(one.send(message(), Timeout::NONE).unwrap_err().status(), Status::PeerDead);
            assert_eq!(one.send_or_drop(message()).unwrap_err().status(), Status::PeerDead);
        }
    }
}

#[test]
fn the_death_of_a_silent_peer_is_told_of() {
    let host = spawn("fall silent", "");
    let channel = host.channel(SOON).unwrap();
    silence(channel);
    fill(channel, &[1; 1000]);
    assert_no_room(channel, || Message::with_payload(0, [1; 1000]).unwrap());
    host.kill().unwrap();
    wait_for_room(channel);
    let failure = channel.send(Message::with_payload(0, [1; 1000]).unwrap(), Timeout::NONE).unwrap_err();
    assert_eq!(failure.status(), Status::PeerDead);
}
