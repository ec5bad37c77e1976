//! Channels whose messages go through shared memory: order, room, descriptors, and processes that are killed.
//!
//! A channel begins to use its ring behind some eight messages, so these tests send many.
#![allow(missing_docs)]

mod process;

use std::time::{Duration, Instant};

use process::channel::*;
use process::session::*;
use surfaceport::message::Message;
use surfaceport::session::Child;
use surfaceport::{Status, Timeout};

peers! {
    "echo" => |_| echo(),
    "count" => count,
    "count until killed" => count_until_killed,
    "fall silent" => fall_silent,
}

/// More than a ring takes at a time.
const MANY: u32 = 5000;

/// How often, on a system where starting a process is cheap, and elsewhere.
const KILLS: u32 = if cfg!(target_os = "linux") { 100 } else { 10 };

/// Message `n` of a stream: of any size around the limits, some with attachments.
fn numbered(n: u32) -> Message {
    let length = match n % 50 {
        7 => 16 << 10,
        8 => (16 << 10) + 1,
        9 => 40_000,
        rest => rest as usize * 7,
    };
    let mut message = Message::with_payload(n, vec![n as u8; length]).unwrap();
    if n % 10 == 3 {
        attach_number(&mut message, n);
    }
    message
}

#[track_caller]
fn assert_is_numbered(message: &mut Message, n: u32) {
    assert_arrived(message, n, &numbered(n));
}

#[test]
fn messages_of_every_kind_arrive_in_order() {
    let (one, other) = open_pair();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..MANY).for_each(|n| one.send(numbered(n), SOON).unwrap()));
        for n in 0..MANY {
            assert_is_numbered(&mut other.receive(SOON).unwrap(), n);
        }
    });
    assert_eq!(other.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    assert_eq!(other.refused_messages(), 0);
}

#[test]
fn both_directions_and_requests_go_on_side_by_side() {
    let (one, other) = open_pair();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..1000 {
                let mut message = other.receive(SOON).unwrap();
                match message.take_reply_right() {
                    Some(reply) => {
                        assert_eq!(n % 10, 9);
                        reply.send(Message::new(message.id()), SOON).unwrap();
                    }
                    None => other.send(Message::new(message.id()), SOON).unwrap(),
                }
                assert_eq!(message.id(), n);
            }
        });
        for n in 0..1000 {
            if n % 10 == 9 {
                assert_eq!(one.request(Message::new(n), SOON).unwrap().id(), n);
            } else {
                one.send(Message::new(n), SOON).unwrap();
                assert_eq!(one.receive(SOON).unwrap().id(), n);
            }
        }
    });
}

#[test]
fn several_threads_send_and_receive_at_one_channel() {
    let (one, other) = open_pair();
    let (one, other) = (&one, &other);
    let received: Vec<u32> = std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                for n in 0..MANY / 5 {
                    one.send(Message::new(thread * MANY + n), SOON).unwrap();
                }
            });
        }
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    (0..MANY / 5).map(|_| other.receive(SOON).unwrap().id()).collect::<Vec<_>>()
                })
            })
            .collect();
        receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect()
    });
    let mut sorted = received;
    sorted.sort_unstable();
    let expected: Vec<u32> =
        (0..3).flat_map(|thread| (0..MANY / 5).map(move |n| thread * MANY + n)).collect();
    assert_eq!(sorted, expected, "each one once");
}

#[test]
fn a_full_ring_says_so_and_a_send_that_waits_is_woken() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    for round in 0..5 {
        let sent = fill(&one, &[round; 1000]);
        assert!((10..100).contains(&sent), "{sent} messages of 1000 bytes in a ring of 64 KiB");
        let briefly = Timeout::from_nanoseconds(1_000_000);
        assert_eq!(
            one.send(Message::with_payload(0, [0; 1000]).unwrap(), briefly).unwrap_err().status(),
            Status::TimedOut
        );
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| one.send(Message::with_payload(sent, [round; 1000]).unwrap(), SOON));
            for n in 0..=sent {
                let message = other.receive(SOON).unwrap();
                assert_eq!((message.id(), message.payload()), (n, &[round; 1000][..]));
            }
            waiting.join().unwrap().unwrap();
        });
    }
}

#[test]
fn a_send_that_waits_for_room_learns_that_the_peer_has_gone() {
    for _ in 0..20 {
        let (one, other) = open_pair();
        warm_up(&one, &other);
        fill(&one, &[7; 1000]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| one.send(Message::with_payload(0, [0; 1000]).unwrap(), SOON));
            drop(other);
            assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::PeerDead);
        });
        assert_eq!(one.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
    }
}

#[test]
fn what_is_in_the_ring_arrives_before_the_end() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    for n in 0..100 {
        one.send(numbered(n), SOON).unwrap();
    }
    drop(one);
    for n in 0..100 {
        assert_is_numbered(&mut other.receive(SOON).unwrap(), n);
    }
    for _ in 0..3 {
        assert_eq!(other.receive(Timeout::FOREVER).unwrap_err().status(), Status::PeerDead);
        assert!(is_readable(other.descriptor()), "the end stays readable");
    }
}

/// One receive for each time that the descriptor says so, which is enough if that is right.
#[test]
fn the_descriptor_tells_of_every_message() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..MANY {
                one.send(numbered(n), SOON).unwrap();
                if n % 64 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < MANY {
            wait_readable(other.descriptor());
            match other.receive(Timeout::NONE) {
                Ok(mut message) => {
                    assert_is_numbered(&mut message, next);
                    next += 1;
                }
                Err(error) => assert_eq!(error.status(), Status::TimedOut),
            }
        }
    });
    // The bells of messages that were received already may still be heard, each once.
    while other.receive(Timeout::NONE).is_err() && is_readable(other.descriptor()) {}
    assert!(!is_readable(other.descriptor()));
}

#[test]
fn a_descriptor_that_is_asked_for_late_tells_what_is_there() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    one.send(Message::new(1), SOON).unwrap();
    one.send(Message::new(2), SOON).unwrap();
    wait_readable(other.descriptor());
    assert_eq!(other.receive(Timeout::NONE).unwrap().id(), 1);
    wait_readable(other.descriptor());
    assert_eq!(other.receive(Timeout::NONE).unwrap().id(), 2);
}

#[test]
fn a_channel_that_has_received_through_memory_is_not_sent_on() {
    let (one, other) = open_pair();
    warm_up(&one, &other);
    one.send(Message::new(77), SOON).unwrap();
    let (other, error) = other.into_end().unwrap_err();
    assert_eq!(error.status(), Status::WrongState);
    assert_eq!(other.receive(SOON).unwrap().id(), 77);
    // The other one has received nothing, and can be.
    let one = one.into_end().unwrap().open();
    for n in 0..100 {
        one.send(numbered(n), SOON).unwrap();
    }
    for n in 0..100 {
        assert_is_numbered(&mut other.receive(SOON).unwrap(), n);
    }
}

#[test]
fn a_spin_time_of_zero_changes_nothing_but_time() {
    let host = spawn("echo", "");
    let channel = host.channel(SOON).unwrap();
    for spin in [Duration::ZERO, Duration::from_micros(50), Duration::from_secs(1)] {
        channel.set_spin_time(spin);
        for n in 0..200 {
            channel.send(numbered(n), SOON).unwrap();
            let mut message = channel.receive(SOON).unwrap();
            assert_eq!(message.id(), n + 1);
            assert!(message.payload() == numbered(n).payload());
            assert_eq!(message.attachment_count(), numbered(n).attachment_count());
            drop(message.take(0));
        }
    }
    close(host);
}

/// Role: sends numbered messages without an end.
fn count(_: &str) {
    let child = Child::connect(SOON).unwrap();
    for n in 0.. {
        if child.channel().send(numbered(n), SOON).is_err() {
            return;
        }
    }
}

/// A sender that is killed at any instruction has sent the first of its messages, each of them whole.
#[test]
fn what_a_killed_sender_has_sent_is_whole() {
    for kill in 0..KILLS {
        let host = spawn("count", "");
        let channel = host.channel(SOON).unwrap();
        let some = kill * 37 % 400;
        for n in 0..some {
            assert_is_numbered(&mut channel.receive(SOON).unwrap(), n);
        }
        host.kill().unwrap();
        let end = (some..).find_map(|n| match channel.receive(SOON) {
            Ok(mut message) => {
                assert_is_numbered(&mut message, n);
                None
            }
            Err(error) => Some(error.status()),
        });
        assert_eq!(end, Some(Status::PeerDead), "kill {kill}");
    }
}

/// Role: receives numbered messages, and says when it begins.
fn count_until_killed(_: &str) {
    let child = Child::connect(SOON).unwrap();
    child.channel().send(Message::new(0), SOON).unwrap();
    for n in 0.. {
        match child.channel().receive(SOON) {
            Ok(mut message) => assert_is_numbered(&mut message, n),
            Err(_) => return,
        }
    }
}

#[test]
fn a_send_to_a_killed_receiver_ends() {
    for kill in 0..KILLS {
        let host = spawn("count until killed", "");
        let channel = host.channel(SOON).unwrap();
        channel.receive(SOON).unwrap();
        for n in 0..kill * 41 % 400 {
            channel.send(numbered(n), SOON).unwrap();
        }
        host.kill().unwrap();
        let began = Instant::now();
        let failure = loop {
            if let Err(failure) = channel.send(Message::with_payload(1, [1; 100]).unwrap(), SOON) {
                break failure;
            }
        };
        assert_eq!(failure.status(), Status::PeerDead, "kill {kill}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

/// A receiver that takes nothing and dies without having been told how to ring.
#[test]
fn a_send_that_waits_for_a_silent_receiver_learns_its_death() {
    let host = spawn("fall silent", "");
    let channel = host.channel(SOON).unwrap();
    silence(channel);
    let sent = fill(channel, &[1; 1000]);
    assert!(sent > 10);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| channel.send(Message::with_payload(0, [0; 1000]).unwrap(), SOON));
        host.kill().unwrap();
        assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::PeerDead);
    });
}
