//! A channel of which any call to the system fails, once: `--cfg shell`, see CONTRIBUTING.md.

use super::{Channel, ChannelEnd};
use crate::error::Status;
use crate::memory::{Access, MemoryRegion};
use crate::message::Message;
use crate::port::ReceiveRight;
use crate::sys::shell::failures::{each_call_fails, each_call_fails_once};
use crate::sys::wait_readable;
use crate::time::{Deadline, Timeout};

/// What a call of the system may say; the words that a channel may pass on for it.
const FAILURES: [Status; 2] = [Status::ResourceExhausted, Status::System];
const MESSAGES: u32 = 48;
/// How often a receiver is told of one failure at the most.
const REPORTS: usize = 4;

/// Each way that a message can take: through the ring, the memory beside it, or the port.
fn message(number: u32) -> Option<Message> {
    let sizes = [0, 100, 5_000, 16 << 10, 40_000, if number == 45 { 9 << 20 } else { 70_000 }];
    let kind = number as usize % 8;
    let mut message =
        Message::with_payload(number, vec![number as u8; *sizes.get(kind).unwrap_or(&10)]).ok()?;
    match kind {
        6 => message.attach(MemoryRegion::create(4096, Access::ReadWrite).ok()?).ok()?,
        7 => {
            let port = ReceiveRight::new().ok()?;
            message.attach(port.make_send().ok()?).ok()?;
            message.attach(port).ok()?;
        }
        _ => {}
    }
    Some(message)
}

fn is_documented(status: Status) -> bool {
    FAILURES.contains(&status)
}

/// Receives what is there.
fn receive_all(channel: &Channel, received: &mut Vec<u32>, reports: &mut usize) {
    loop {
        match channel.receive(Timeout::NONE) {
            Ok(message) => {
                let (byte, payload) = (message.id() as u8, message.payload());
                assert!(payload.iter().step_by(1021).chain(payload.last()).all(|found| *found == byte));
                received.push(message.id());
            }
            Err(error) if error.status() == Status::TimedOut => return,
            Err(error) => {
                assert!(is_documented(error.status()), "{error}");
                *reports += 1;
                assert!(*reports <= REPORTS, "{error}: again and again");
            }
        }
    }
}

fn pair() -> Option<(Channel, Channel)> {
    Channel::pair().ok().map(|(one, other): (ChannelEnd, ChannelEnd)| (one.open(), other.open()))
}

/// Sends each message once, and whatever was not sent is not sent again. `receive` is called now and then.
fn send_all(channel: &Channel, mut receive: impl FnMut()) -> Vec<u32> {
    let mut sent = Vec::new();
    for number in 0..MESSAGES {
        let Some(message) = message(number) else { continue };
        match channel.send(message, Timeout::NONE) {
            Ok(()) => sent.push(number),
            Err(failure) => {
                let status = failure.status();
                assert!(is_documented(status) || status == Status::TimedOut, "{failure}");
                let whole = failure.into_message().expect("a message that was not sent comes back");
                assert_eq!(whole.id(), number);
            }
        }
        if number % 5 == 0 {
            receive();
        }
    }
    sent
}

#[test]
fn what_was_sent_arrives_once_in_order_and_nothing_else_does() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((here, there)) = pair() else { return };
        let (mut received, mut reports) = (Vec::new(), 0);
        let sent = send_all(&here, || receive_all(&there, &mut received, &mut reports));
        receive_all(&there, &mut received, &mut reports);
        assert_eq!(received, sent);
    });
    assert!(failures > 100, "{failures} calls failed");
}

/// Whether one call fails, or so many in a row that a ring is not just repeated but owed.
#[test]
fn who_waits_by_the_descriptor_hears_of_everything() {
    for in_a_row in [1, 4] {
        let failures = each_call_fails(in_a_row, &FAILURES, || {
            let Some((here, there)) = pair() else { return };
            let (mut received, mut reports) = (Vec::new(), 0);
            let fd = there.descriptor();
            let mut receive = || {
                if wait_readable(&[fd], Deadline::NOW).is_ok_and(|ready| ready != 0) {
                    receive_all(&there, &mut received, &mut reports);
                }
            };
            let mut sent = send_all(&here, &mut receive);
            // And one through the ring alone, to a receiver that sleeps.
            receive();
            if here.send(Message::new(MESSAGES), Timeout::NONE).is_ok() {
                sent.push(MESSAGES);
            }
            // A ring that failed is paid by whatever this side calls next.
            let _ = here.receive(Timeout::NONE);
            receive();
            assert_eq!(received, sent);
        });
        assert!(failures > 100, "{failures} calls failed");
    }
}

/// Sends what can be sent in each direction, and the same again if it could not.
#[test]
fn what_is_sent_again_after_an_error_is_not_doubled() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((here, there)) = pair() else { return };
        let mut received = [Vec::new(), Vec::new()];
        let mut reports = [0, 0];
        for number in 0..MESSAGES {
            for (side, (from, to)) in [(&here, &there), (&there, &here)].into_iter().enumerate() {
                let Some(mut wanted) = (0..2).find_map(|_| message(number)) else { return };
                for _ in 0..3 {
                    let Err(failure) = from.send(wanted, Timeout::NONE) else { break };
                    receive_all(to, &mut received[side], &mut reports[side]);
                    wanted = failure.into_message().expect("a message that was not sent comes back");
                }
                if number % 7 == 3 {
                    receive_all(to, &mut received[side], &mut reports[side]);
                }
            }
        }
        receive_all(&there, &mut received[0], &mut reports[0]);
        receive_all(&here, &mut received[1], &mut reports[1]);
        let all: Vec<u32> = (0..MESSAGES).collect();
        assert_eq!(received, [all.clone(), all]);
    });
    assert!(failures > 200, "{failures} calls failed");
}

/// A ring that is full, and told of by its descriptor, in whatever way that can fail.
#[test]
fn who_waits_for_room_by_the_descriptor_hears_of_it() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((here, there)) = pair() else { return };
        let (mut received, mut reports, mut next) = (Vec::new(), 0, 0);
        let mut sent = Vec::new();
        for _ in 0..200 {
            let message = Message::with_payload(next, vec![next as u8; 5_000]).unwrap();
            let failure = match here.send(message, Timeout::NONE) {
                Ok(()) => {
                    sent.push(next);
                    next += 1;
                    continue;
                }
                Err(failure) => failure,
            };
            if failure.status() != Status::TimedOut {
                assert!(is_documented(failure.status()), "{failure}");
                continue;
            }
            let Ok(room) = here.writable_descriptor() else { continue };
            receive_all(&there, &mut received, &mut reports);
            // A bell that failed is paid by whatever this side calls next.
            there.receive(Timeout::NONE).unwrap_err();
            assert_ne!(wait_readable(&[room], Deadline::NOW).unwrap_or(1), 0, "there is room");
        }
        receive_all(&there, &mut received, &mut reports);
        assert!(sent.len() > 100);
        assert_eq!(received, sent);
    });
    assert!(failures > 100, "{failures} calls failed");
}

/// What the peer has sent before its end is received, whatever fails meanwhile, and then its end is told of.
#[test]
fn the_end_is_told_of_after_everything_that_was_sent() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((here, there)) = pair() else { return };
        let (mut received, mut reports) = (Vec::new(), 0);
        let sent = send_all(&here, || receive_all(&there, &mut received, &mut reports));
        drop(here);
        let end = (0..200).find_map(|_| match there.receive(Timeout::NONE) {
            Ok(message) => {
                received.push(message.id());
                None
            }
            Err(error) if is_documented(error.status()) => None,
            Err(error) => Some(error.status()),
        });
        assert_eq!((end, received), (Some(Status::PeerDead), sent));
        let _ = there.receive(Timeout::NONE);
        let fd = there.descriptor();
        assert!(wait_readable(&[fd], Deadline::NOW).is_ok_and(|ready| ready != 0), "the end stays readable");
        assert_eq!(there.receive(Timeout::FOREVER).unwrap_err().status(), Status::PeerDead);
    });
    assert!(failures > 100, "{failures} calls failed");
}

#[test]
fn nothing_happens_in_a_fork() {
    let (here, there) = pair().unwrap();
    here.send(Message::new(1), Timeout::NONE).unwrap();
    crate::sys::shell::owner::in_a_fork(|| {
        let failure = here.send(Message::new(2), Timeout::NONE).unwrap_err();
        assert_eq!(failure.status(), Status::WrongState);
        assert_eq!(there.receive(Timeout::NONE).unwrap_err().status(), Status::WrongState);
    });
    assert_eq!(there.receive(Timeout::NONE).unwrap().id(), 1);
    assert_eq!(there.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
}
