//! Messages within one process: what they carry, how large they can be, and what a failure leaves.
#![allow(missing_docs)]

mod process;

use std::time::Duration;

use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::{Attachment, AttachmentKind, MAX_ATTACHMENTS, MAX_PAYLOAD, Message};
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::surface::{LockMode, PixelFormat};
use surfaceport::{Status, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(5_000_000_000);

fn port() -> (ReceiveRight, SendRight) {
    let receive = ReceiveRight::new().unwrap();
    let send = receive.make_send().unwrap();
    (receive, send)
}

fn text(id: u32, payload: &str) -> Message {
    Message::with_payload(id, payload).unwrap()
}

#[test]
fn messages_arrive_whole_and_in_order() {
    let (receive, send) = port();
    for n in 0..20_u32 {
        send.send(text(n, &"x".repeat(n as usize * 100)), SOON).unwrap();
    }
    for n in 0..20_u32 {
        let message = receive.receive(SOON).unwrap();
        assert_eq!(message.id(), n);
        assert_eq!(message.payload(), "x".repeat(n as usize * 100).as_bytes());
        let sender = message.sender().unwrap();
        assert_eq!(sender.process_id, std::process::id());
    }
    assert_eq!(receive.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
}

#[test]
fn payloads_of_all_sizes_arrive() {
    let (receive, send) = port();
    for size in [0, 1, 32 << 10, (32 << 10) + 1, 1 << 20, MAX_PAYLOAD] {
        // 251 is prime: no page is like the one before it.
        let mut payload = Vec::from_iter(0..251_u8).repeat(size / 251 + 1);
        payload.truncate(size);
        send.send(Message::with_payload(1, payload.clone()).unwrap(), SOON).unwrap();
        assert!(receive.receive(SOON).unwrap().payload() == payload, "{size}");
    }
}

#[test]
fn a_payload_over_the_maximum_is_refused_before_anything_is_sent() {
    let mut message = Message::new(1);
    assert_eq!(message.set_payload(vec![0; MAX_PAYLOAD + 1]).unwrap_err().status(), Status::TooLarge);
    message.set_payload(vec![7; MAX_PAYLOAD]).unwrap();
    assert_eq!(message.append(b"x").unwrap_err().status(), Status::TooLarge);
    assert_eq!(message.payload().len(), MAX_PAYLOAD);
}

/// But descriptors, see `messages_descriptors.rs`.
#[test]
fn every_kind_of_attachment_arrives() {
    let (receive, send) = port();
    let (inner_receive, inner_send) = port();
    inner_send.send(text(5, "queued before the move"), SOON).unwrap();
    let region = MemoryRegion::create(5000, Access::ReadWrite).unwrap();
    region.write(4990, b"region").unwrap();
    let surface = process::plain::surface(33, 17, PixelFormat::Bgra8);
    surface.lock(LockMode::Write).unwrap().plane(0).unwrap().write_row(16, &[9; 132]).unwrap();
    let (back_receive, back_send) = port();

    let mut message = text(2, "all");
    message.attach(back_send).unwrap();
    message.attach(inner_receive).unwrap();
    message.attach(region.clone()).unwrap();
    message.attach(surface.clone()).unwrap();
    send.send(message, SOON).unwrap();
    inner_send.send(text(6, "sent during the move"), SOON).unwrap();

    let mut arrived = receive.receive(SOON).unwrap();
    assert_eq!(arrived.attachment_count(), 4);
    assert_eq!(arrived.attachment_kind(3), Some(AttachmentKind::Surface));
    let moved = arrived.take_receive_right(1).unwrap();
    assert_eq!(moved.receive(SOON).unwrap().id(), 5);
    assert_eq!(moved.receive(SOON).unwrap().id(), 6);
    let another = moved.make_send().unwrap();
    another.send(text(7, "made after the move"), SOON).unwrap();
    assert_eq!(moved.receive(SOON).unwrap().id(), 7);
    let shared = arrived.take_memory(2).unwrap();
    let mut bytes = [0; 6];
    shared.read(4990, &mut bytes).unwrap();
    assert_eq!(&bytes, b"region");
    shared.write(0, b"!").unwrap();
    region.read(0, &mut bytes[..1]).unwrap();
    assert_eq!(bytes[0], b'!');
    let other = arrived.take_surface(3).unwrap();
    assert_eq!((other.id(), other.width(), other.height()), (surface.id(), 33, 17));
    let mut row = [0; 132];
    other.lock(LockMode::Read).unwrap().plane(0).unwrap().read_row(16, &mut row).unwrap();
    assert_eq!(row, [9; 132]);
    assert_eq!(other.seed(), surface.seed());
    arrived.take_send_right(0).unwrap().send(text(8, ""), SOON).unwrap();
    assert_eq!(back_receive.receive(SOON).unwrap().id(), 8);
    assert_eq!(arrived.take(0).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(arrived.take(4).unwrap_err().status(), Status::InvalidArgument);
}

#[test]
fn as_many_attachments_as_allowed_and_not_one_more() {
    let (receive, send) = port();
    let mut message = Message::new(1);
    for _ in 0..MAX_ATTACHMENTS {
        message.attach(send.try_clone().unwrap()).unwrap();
    }
    let failure = message.attach(send.try_clone().unwrap()).unwrap_err();
    assert_eq!(failure.error.status(), Status::TooLarge);
    assert!(matches!(failure.attachment, Attachment::SendRight(_)));
    send.send(message, SOON).unwrap();
    assert_eq!(receive.receive(SOON).unwrap().attachment_count(), MAX_ATTACHMENTS);
}

#[test]
fn a_failed_send_leaves_the_message_whole() {
    let (receive, send) = port();
    let mut queued = 0;
    let message = loop {
        let mut message = text(1, &"y".repeat(10_000));
        message.attach(send.try_clone().unwrap()).unwrap();
        message.attach(ReceiveRight::new().unwrap()).unwrap();
        match send.send(message, Timeout::NONE) {
            Ok(()) => queued += 1,
            Err(failure) => {
                assert_eq!(failure.status(), Status::TimedOut);
                break failure.into_message().unwrap();
            }
        }
    };
    assert!(queued > 0, "the queue has room for some");
    assert_eq!(message.payload().len(), 10_000);
    assert_eq!(message.attachment_kind(1), Some(AttachmentKind::ReceiveRight));
    receive.receive(SOON).unwrap();
    let failure = {
        // Room again for at least one.
        send.send(message, SOON).unwrap();
        drop(receive);
        send.send(text(3, "late"), SOON).unwrap_err()
    };
    assert_eq!(failure.status(), Status::PeerDead);
    assert_eq!(failure.into_message().unwrap().payload(), b"late");
    assert!(send.is_dead().unwrap());
}

#[test]
fn a_request_is_answered_once() {
    let (receive, send) = port();
    let server = std::thread::spawn(move || {
        let mut request = receive.receive(SOON).unwrap();
        let reply = request.take_reply_right().unwrap();
        reply.send(text(2, "answer"), SOON).unwrap();
        // The second request is dropped unanswered.
        drop(receive.receive(SOON).unwrap());
        receive
    });
    assert_eq!(send.request(text(1, "question"), SOON).unwrap().payload(), b"answer");
    let unanswered = send.request(text(1, "question"), SOON).unwrap_err();
    assert_eq!(unanswered.status(), Status::PeerDead);
    let receive = server.join().unwrap();
    let late = send.request(text(1, "question"), Timeout::after(Duration::from_millis(1))).unwrap_err();
    assert_eq!(late.status(), Status::TimedOut);
    let mut request = receive.receive(SOON).unwrap();
    let (_, failure) = request.take_reply_right().unwrap().send(text(2, "late"), SOON).unwrap_err();
    assert_eq!(failure.status(), Status::PeerDead);
}

#[test]
fn a_message_is_taken_apart_whole() {
    let _alone = process::alone();
    let (receive, send) = port();
    let mut message = Message::with_payload(1, b"bytes".to_vec()).unwrap();
    for n in 0..3 {
        message.attach(send.try_clone().unwrap()).unwrap();
        if n == 1 {
            message.attach(ReceiveRight::new().unwrap()).unwrap();
        }
    }
    send.send(message, SOON).unwrap();
    let mut arrived = receive.receive(SOON).unwrap();
    drop(arrived.take(0).unwrap());
    let all: Vec<_> = arrived.into_attachments().collect::<Result<_, _>>().unwrap();
    assert_eq!(all.len(), 3, "what was taken is not there any more");
    for (size, id) in [(5, 2), (surfaceport::message::INLINE_LIMIT + 1, 3)] {
        send.send(Message::with_payload(id, vec![id as u8; size]).unwrap(), SOON).unwrap();
        assert_eq!(receive.receive(SOON).unwrap().into_payload().unwrap(), vec![id as u8; size]);
    }
    // An attachment that a message does not take is an error that can be passed on.
    let mut full = Message::new(4);
    let attach = |full: &mut Message| -> Result<(), Box<dyn std::error::Error>> {
        full.attach(send.try_clone()?)?;
        Ok(())
    };
    (0..surfaceport::message::MAX_ATTACHMENTS).for_each(|_| attach(&mut full).unwrap());
    assert!(attach(&mut full).unwrap_err().to_string().contains("at most"));
}
