//! A channel of which any call to the system fails, once: `--cfg shell`, see CONTRIBUTING.md.

use super::{Channel, ChannelEnd};
use crate::error::Status;
use crate::memory::{Access, MemoryRegion};
use crate::message::Message;
use crate::port::ReceiveRight;
use crate::sys::shell::failures::each_call_fails_once;
use crate::sys::wait_readable;
use crate::time::{Deadline, Timeout};

/// What a call of the system may say; the words that a channel may pass on for it.
const FAILURES: [Status; 2] = [Status::ResourceExhausted, Status::System];
const MESSAGES: u32 = 48;
/// How often a receiver is told of one failure at the most.
const REPORTS: usize = 2;

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

#[test]
fn who_waits_by_the_descriptor_hears_of_everything() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((here, there)) = pair() else { return };
        let (mut received, mut reports) = (Vec::new(), 0);
        let fd = there.descriptor();
        let mut receive = || {
            if wait_readable(&[fd], Deadline::NOW).is_ok_and(|ready| ready != 0) {
                receive_all(&there, &mut received, &mut reports);
            }
        };
        let sent = send_all(&here, &mut receive);
        // A ring that failed is paid by whatever this side calls next.
        let _ = here.receive(Timeout::NONE);
        receive();
        assert_eq!(received, sent);
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
