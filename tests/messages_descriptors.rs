//! File descriptors in messages: they stay the very file, and nothing is left of those that do not arrive.
#![allow(missing_docs)]

mod process;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use process::companion::{Companion, connect, door};
use process::full::port;
use process::{files_can_travel, leaving_nothing};
use surfaceport::message::{AttachmentKind, MAX_ATTACHMENTS, Message};
use surfaceport::{Status, Timeout};

peers! { "write" => write }

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

fn pipe() -> (File, File) {
    let (reading, writing) = std::io::pipe().unwrap();
    (OwnedFd::from(reading).into(), OwnedFd::from(writing).into())
}

fn with(descriptors: impl IntoIterator<Item = File>) -> Message {
    let mut message = Message::with_payload(1, "descriptors").unwrap();
    descriptors.into_iter().for_each(|file| message.attach(OwnedFd::from(file)).unwrap());
    message
}

/// Role: writes into each file that it is sent.
fn write(name: &str) {
    let inbox = connect(name, Message::new(0));
    while let Ok(mut request) = inbox.receive(SOON) {
        for index in 0..request.attachment_count() {
            let mut file = File::from(request.take_descriptor(index).unwrap());
            write!(file, "{index} from {}", std::process::id()).unwrap();
        }
        request.take_reply_right().unwrap().send(Message::new(2), SOON).map_err(|(_, error)| error).unwrap();
    }
}

#[test]
fn another_process_writes_into_our_pipe() {
    if !files_can_travel() {
        return;
    }
    leaving_nothing(|| {
        let (door, name) = door();
        let companion = Companion::start("write", &door, &name);
        let (mut reading, writing) = pipe();
        companion.to.request(with([writing]), SOON).unwrap();
        let mut text = String::new();
        // To its end: no other copy of the writing side is open.
        reading.read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("0 from {}", companion.peer.id()));
        companion.ends_well();
    });
}

#[test]
fn descriptors_are_close_on_exec() {
    if !files_can_travel() {
        return;
    }
    leaving_nothing(|| {
        let (receive, send) = port();
        send.send(with([pipe().0]), SOON).unwrap();
        let mut message = receive.receive(SOON).unwrap();
        assert_eq!(message.attachment_kind(0), Some(AttachmentKind::Descriptor));
        let descriptor = message.take_descriptor(0).unwrap();
        assert!(rustix::io::fcntl_getfd(&descriptor).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    });
}

#[test]
fn descriptors_of_messages_that_fail_or_are_dropped_are_closed() {
    if !files_can_travel() {
        return;
    }
    leaving_nothing(|| {
        let (receive, send) = port();
        let (mut reading, writing) = pipe();
        while send.send(Message::with_payload(1, vec![0; 20_000]).unwrap(), Timeout::NONE).is_ok() {}
        let failure = send.send(with([writing]), Timeout::NONE).unwrap_err();
        assert_eq!(failure.status(), Status::TimedOut);
        // It goes elsewhere, whole.
        let (elsewhere, to_elsewhere) = port();
        to_elsewhere.send(failure.into_message().unwrap(), SOON).unwrap();
        let mut arrived = elsewhere.receive(SOON).unwrap();
        File::from(arrived.take_descriptor(0).unwrap()).write_all(b"whole").unwrap();
        let mut text = String::new();
        reading.read_to_string(&mut text).unwrap();
        assert_eq!(text, "whole");
        // Never received, received and not taken, never sent, sent to nobody.
        let (mut reading, writing) = pipe();
        let another = || writing.try_clone().unwrap();
        to_elsewhere.send(with([another(), another()]), SOON).unwrap();
        drop(elsewhere.receive(SOON).unwrap());
        to_elsewhere.send(with([another()]), SOON).unwrap();
        drop(elsewhere);
        assert_eq!(to_elsewhere.send(with([another()]), SOON).unwrap_err().status(), Status::PeerDead);
        drop(with([another()]));
        drop(receive);
        drop(writing);
        assert_eq!(reading.read(&mut [0]).unwrap(), 0, "nobody can write any more");
    });
}

#[test]
fn as_many_descriptors_as_attachments() {
    if !files_can_travel() {
        return;
    }
    leaving_nothing(|| {
        let (receive, send) = port();
        send.send(with((0..MAX_ATTACHMENTS).map(|_| pipe().0)), SOON).unwrap();
        let mut message = receive.receive(SOON).unwrap();
        for index in 0..MAX_ATTACHMENTS {
            drop(message.take_descriptor(index).unwrap());
        }
    });
}
