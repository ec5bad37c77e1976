//! Channels whose messages are large: through memory that is used again, in the order of all others, and given back.
#![allow(missing_docs)]

mod process;

use process::channel::*;
use process::session::*;
use surfaceport::channel::Channel;
use surfaceport::message::Message;
use surfaceport::session::Child;
use surfaceport::{Status, Timeout};

peers! {
    "stream" => stream,
    "check" => check,
    "bounce" => |_| bounce(),
    "faults" => |_| faults(),
    "counts" => |_| counts(),
}

const MIB: usize = 1 << 20;

/// How often, on a system where starting a process is cheap, and elsewhere.
const KILLS: u32 = if cfg!(target_os = "linux") { 60 } else { 10 };

/// Bytes that are told from those of other messages, and each page of them from the others.
fn bytes(n: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![n as u8; length];
    for (page, place) in bytes.chunks_exact_mut(4096).zip(0_u32..) {
        page[..4].copy_from_slice(&n.wrapping_mul(place + 1).to_le_bytes());
        page[4092..].copy_from_slice(&(n ^ place).to_le_bytes());
    }
    bytes
}

#[track_caller]
fn assert_is(message: &Message, n: u32, length: usize) {
    assert_eq!((message.id(), message.payload().len()), (n, length));
    assert!(message.payload() == bytes(n, length), "the payload of message {n}");
}

/// Message `n` of a stream of messages that go every way.
fn mixed(n: u32) -> Message {
    let length = match n % 16 {
        1 | 2 | 9 => 100_000 + n as usize,
        4 => 16 << 10,
        5 => (16 << 10) + 1,
        6 => MIB + 7,
        11 => 3 * MIB,
        // One that no region is made for.
        15 if n % 64 == 15 => 9 * MIB,
        rest => rest as usize * 11,
    };
    let mut message = Message::with_payload(n, bytes(n, length)).unwrap();
    if n % 7 == 2 {
        attach_number(&mut message, n);
    }
    message
}

#[track_caller]
fn assert_is_mixed(message: &mut Message, n: u32) {
    assert_arrived(message, n, &mixed(n));
}

/// Role: sends numbered messages, of a length or of every kind, without an end.
fn stream(length: &str) {
    let child = Child::connect(SOON).unwrap();
    for n in 0.. {
        let message = match length.parse() {
            Ok(length) => Message::with_payload(n, bytes(n, length)).unwrap(),
            Err(_) => mixed(n),
        };
        if child.channel().send(message, SOON).is_err() {
            return;
        }
    }
}

/// Role: receives what [`stream`] sends, and says when it begins.
fn check(_: &str) {
    let child = Child::connect(SOON).unwrap();
    child.channel().send(Message::new(0), SOON).unwrap();
    for n in 0.. {
        match child.channel().receive(SOON) {
            Ok(mut message) => assert_is_mixed(&mut message, n),
            Err(_) => return,
        }
    }
}

#[test]
fn a_stream_of_large_messages_arrives_whole() {
    let host = spawn("stream", &MIB.to_string());
    let channel = host.channel(SOON).unwrap();
    for n in 0..1000 {
        assert_is(&channel.receive(SOON).unwrap(), n, MIB);
    }
    host.kill().unwrap();
}

#[test]
fn messages_of_every_way_arrive_in_order() {
    let (one, other) = open_pair();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..600).for_each(|n| one.send(mixed(n), SOON).unwrap()));
        for n in 0..600 {
            assert_is_mixed(&mut other.receive(SOON).unwrap(), n);
        }
    });
    assert_eq!(other.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
}

/// Makes both sides use all that there is.
fn warm_up(from: &Channel, to: &Channel, length: usize) {
    for n in 0..20 {
        from.send(Message::with_payload(n, bytes(n, length)).unwrap(), SOON).unwrap();
        assert_is(&to.receive(SOON).unwrap(), n, length);
    }
}

/// What finds no room goes the other way, and keeps its place.
#[test]
fn a_receiver_that_takes_nothing_gets_all_of_it_later() {
    let (one, other) = open_pair();
    warm_up(&one, &other, MIB);
    for round in 0..3 {
        let length = |n| if n % 3 == round { 50 } else { MIB };
        let message = |n| Message::with_payload(n, bytes(n, length(n))).unwrap();
        let refused = (0..40).find(|n| match one.send(message(*n), Timeout::NONE) {
            Ok(()) => false,
            Err(failure) => {
                assert_eq!(failure.status(), Status::TimedOut);
                assert_is(&failure.into_message().unwrap(), *n, length(*n));
                true
            }
        });
        let sent = refused.unwrap_or(40);
        assert!(sent > 4, "more than the region has room for");
        for n in 0..sent {
            assert_is(&other.receive(SOON).unwrap(), n, length(n));
        }
        assert_eq!(other.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    }
}

#[test]
fn messages_keep_their_bytes_while_others_arrive_and_behind_the_channel() {
    let (one, other) = open_pair();
    warm_up(&one, &other, 200_000);
    let mut kept: Vec<Message> = (0..30)
        .map(|n| {
            one.send(Message::with_payload(n, bytes(n, 200_000)).unwrap(), SOON).unwrap();
            other.receive(SOON).unwrap()
        })
        .collect();
    drop((one, other));
    kept[3].append(b"more").unwrap();
    assert!(kept[3].payload().ends_with(b"more"));
    kept[3].set_payload(bytes(3, 200_000)).unwrap();
    for (message, n) in kept.iter().zip(0..) {
        assert_is(message, n, 200_000);
    }
}

/// Whatever way it came, it goes on by any.
#[test]
fn a_large_message_that_was_received_is_sent_on() {
    let (one, other) = open_pair();
    warm_up(&one, &other, 20_000);
    let (fresh, far) = open_pair();
    for length in [20_000, 40_000, 2 * MIB] {
        one.send(Message::with_payload(5, bytes(5, length)).unwrap(), SOON).unwrap();
        fresh.send(other.receive(SOON).unwrap(), SOON).unwrap();
        assert_is(&far.receive(SOON).unwrap(), 5, length);
    }
}

#[test]
fn the_descriptor_tells_of_large_messages() {
    let (one, other) = open_pair();
    warm_up(&one, &other, MIB);
    let descriptor = other.descriptor();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..200).for_each(|n| one.send(mixed(n), SOON).unwrap()));
        let mut next = 0;
        while next < 200 {
            wait_readable(descriptor);
            match other.receive(Timeout::NONE) {
                Ok(mut message) => {
                    assert_is_mixed(&mut message, next);
                    next += 1;
                }
                Err(error) => assert_eq!(error.status(), Status::TimedOut),
            }
        }
    });
}

/// A sender that is killed at any instruction has sent the first of its messages, each of them whole.
#[test]
fn what_a_killed_sender_has_sent_is_whole() {
    for kill in 0..KILLS {
        let host = spawn("stream", if kill % 2 == 0 { "3000000" } else { "mixed" });
        let channel = host.channel(SOON).unwrap();
        let assert_is_next = |mut message, n| match kill % 2 {
            0 => assert_is(&message, n, 3_000_000),
            _ => assert_is_mixed(&mut message, n),
        };
        let some = kill * 37 % 40;
        for n in 0..some {
            assert_is_next(channel.receive(SOON).unwrap(), n);
        }
        host.kill().unwrap();
        let end = (some..).find_map(|n| match channel.receive(SOON) {
            Ok(message) => {
                assert_is_next(message, n);
                None
            }
            Err(error) => Some(error.status()),
        });
        assert_eq!(end, Some(Status::PeerDead), "kill {kill}");
    }
}

#[test]
fn a_send_to_a_killed_receiver_ends() {
    for kill in 0..KILLS {
        let host = spawn("check", "");
        let channel = host.channel(SOON).unwrap();
        channel.receive(SOON).unwrap();
        for n in 0..kill * 41 % 60 {
            channel.send(mixed(n), SOON).unwrap();
        }
        host.kill().unwrap();
        let failure = loop {
            if let Err(failure) = channel.send(Message::with_payload(1, bytes(1, MIB)).unwrap(), SOON) {
                break failure;
            }
        };
        assert_eq!(failure.status(), Status::PeerDead, "kill {kill}");
        // What came back can be sent to another one.
        assert_eq!(failure.into_message().unwrap().payload().len(), MIB);
    }
}

/// Reads each page.
fn touch(message: &Message) {
    let sum: u32 = message.payload().iter().step_by(1024).map(|byte| u32::from(*byte)).sum();
    assert_ne!(sum, 0);
}

/// Role: sends each message back as it is, and says at the end how many faults those behind the first 50 took.
fn bounce() {
    let child = Child::connect(SOON).unwrap();
    let mut before = 0;
    for n in 0.. {
        if n == 50 {
            before = process::minor_faults();
        }
        let message = child.channel().receive(SOON).unwrap();
        if message.id() == u32::MAX {
            let taken = process::minor_faults() - before;
            let answer = Message::with_payload(0, taken.to_ne_bytes()).unwrap();
            child.channel().send(answer, SOON).unwrap();
            return child.wait_closed(Timeout::FOREVER).unwrap();
        }
        touch(&message);
        child.channel().send(message, SOON).unwrap();
    }
}

/// Role: throws a large message to and fro, which is always the same one from some moment on, so that all memory that is
/// touched then is the library's.
fn faults() {
    let host = spawn("bounce", "");
    let channel = host.channel(SOON).unwrap();
    let mut message = Message::with_payload(1, bytes(1, MIB)).unwrap();
    let mut before = 0;
    for n in 0..150 {
        if n == 50 {
            before = process::minor_faults();
        } else if n < 50 {
            // What comes out of line goes on out of line, so that it never comes to what is counted.
            message = Message::with_payload(1, bytes(1, MIB)).unwrap();
        }
        channel.send(message, SOON).unwrap();
        message = channel.receive(SOON).unwrap();
        touch(&message);
    }
    let ours = process::minor_faults() - before;
    assert_is(&message, 1, MIB);
    channel.send(Message::new(u32::MAX), SOON).unwrap();
    let answer = channel.receive(SOON).unwrap();
    let theirs = u64::from_ne_bytes(answer.payload().try_into().unwrap());
    close(host);
    // 100 messages went each way. With fresh memory, each of their pages would be one.
    let pages = (100 * MIB / rustix::param::page_size()) as u64;
    assert!(ours < pages / 50 && theirs < pages / 50, "{ours} and {theirs} faults, for twice {pages} pages");
}

#[test]
fn a_stream_of_large_messages_touches_no_fresh_memory() {
    in_a_process_of_its_own("faults", "");
}

/// Role: channels with large messages, at every end that they can have, leave nothing.
fn counts() {
    let round = || {
        let (one, other) = open_pair();
        for length in [100_000, MIB, 7 * MIB] {
            warm_up(&one, &other, length);
            warm_up(&other, &one, length);
        }
        // Some are never received, and one outlives all.
        for n in 0..5 {
            one.send(mixed(n), SOON).unwrap();
            other.send(mixed(n + 5), SOON).unwrap();
        }
        let kept = other.receive(SOON).unwrap();
        drop((one, other));
        drop(kept);
        let host = spawn("stream", "3000000");
        let channel = host.channel(SOON).unwrap();
        (0..12).for_each(|n| assert_is(&channel.receive(SOON).unwrap(), n, 3_000_000));
        host.kill().unwrap();
    };
    round();
    let before = process::held();
    round();
    before.is_all("two processes and two threads");
    let mapped = process::mapped_bytes();
    round();
    before.is_all("again");
    // Of what malloc keeps for itself, and no more than one buffer that stayed.
    assert!(process::mapped_bytes() < mapped + 3 * MIB, "memory that nobody gives back");
}

#[test]
fn nothing_is_left_of_channels_with_large_messages() {
    in_a_process_of_its_own("counts", "");
}
