//! Messages between real processes: answers, the largest payload, and who a message came from.
#![allow(missing_docs)]

mod process;

use process::companion::{Companion, connect, door};
use surfaceport::message::{MAX_PAYLOAD, Message};
use surfaceport::port::ReceiveRight;
use surfaceport::{Status, Timeout};

peers! {
    "hold" => process::companion::hold,
    "serve" => serve,
    "send the largest payload" => send_the_largest_payload,
    "pass a right on" => pass_a_right_on,
}

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

/// Role: answers requests with what was asked, backwards; every tenth not at all.
fn serve(name: &str) {
    let inbox = connect(name, Message::new(0));
    loop {
        let mut request = match inbox.receive(SOON) {
            Ok(request) => request,
            Err(error) => return assert_eq!(error.status(), Status::NoSenders),
        };
        if request.id() % 10 == 9 {
            continue;
        }
        let answer: Vec<u8> = request.payload().iter().rev().copied().collect();
        let reply = request.take_reply_right().unwrap();
        reply
            .send(Message::with_payload(request.id(), answer).unwrap(), SOON)
            .map_err(|(_, error)| error)
            .unwrap();
    }
}

#[test]
fn requests_are_answered_across_processes_by_many_threads_at_once() {
    let _alone = process::alone();
    let (door, name) = door();
    let companion = Companion::start("serve", &door, &name);
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let to = companion.to.try_clone().unwrap();
            scope.spawn(move || {
                for n in 0..100_u32 {
                    let payload = format!("{thread} {n}").repeat(n as usize);
                    let answer = to.request(Message::with_payload(n, payload.clone()).unwrap(), SOON);
                    if n % 10 == 9 {
                        assert_eq!(answer.unwrap_err().status(), Status::PeerDead);
                    } else {
                        let answer = answer.unwrap();
                        assert_eq!(answer.id(), n);
                        assert!(answer.payload().iter().rev().eq(payload.as_bytes()));
                    }
                }
            });
        }
    });
    companion.ends_well();
}

#[test]
fn a_request_whose_server_is_killed_ends_at_once() {
    let _alone = process::alone();
    let (door, name) = door();
    for stopped in [false, true] {
        let mut companion = Companion::start("hold", &door, &name);
        if stopped {
            // The request stays in the queue, unread.
            companion.peer.stop();
        }
        let asking = ReceiveRight::new().unwrap();
        let mut request = Message::new(9);
        request.attach(asking.make_send().unwrap()).unwrap();
        let to = companion.to.try_clone().unwrap();
        let waiting = std::thread::spawn(move || to.request(request, SOON).unwrap_err().status());
        companion.peer.kill();
        assert_eq!(waiting.join().unwrap(), Status::PeerDead);
        assert_eq!(asking.receive(SOON).unwrap_err().status(), Status::NoSenders);
    }
}

fn pattern(length: usize) -> Vec<u8> {
    // 251 is prime: no page is like the one before it.
    let mut bytes = Vec::from_iter(0..251_u8).repeat(length / 251 + 1);
    bytes.truncate(length);
    bytes
}

/// Role: sends payloads around each limit, the largest among them.
fn send_the_largest_payload(name: &str) {
    let inbox = connect(name, Message::new(0));
    let to = inbox.receive(SOON).unwrap().take_send_right(0).unwrap();
    for length in [0, 1, 32 << 10, (32 << 10) + 1, MAX_PAYLOAD] {
        to.send(Message::with_payload(length as u32, pattern(length)).unwrap(), SOON).unwrap();
    }
    let mut over = Message::new(1);
    assert_eq!(over.set_payload(vec![0; MAX_PAYLOAD + 1]).unwrap_err().status(), Status::TooLarge);
    to.send(over, SOON).unwrap();
}

#[test]
fn the_largest_payload_crosses_processes() {
    let _alone = process::alone();
    let (door, name) = door();
    let port = ReceiveRight::new().unwrap();
    let companion = Companion::start("send the largest payload", &door, &name);
    let mut start = Message::new(1);
    start.attach(port.make_send().unwrap()).unwrap();
    companion.to.send(start, SOON).unwrap();
    for length in [0, 1, 32 << 10, (32 << 10) + 1, MAX_PAYLOAD] {
        let message = port.receive(SOON).unwrap();
        assert_eq!(message.payload().len(), length);
        assert!(message.payload() == pattern(length), "{length} bytes");
    }
    // One byte more was refused before anything was sent: what follows is the next message.
    assert!(port.receive(SOON).unwrap().payload().is_empty());
    companion.ends_well();
}

/// Role: sends by the right that it is given, hands it on to the next process if there is one, and sends again.
fn pass_a_right_on(name: &str) {
    let inbox = connect(name, Message::new(0));
    let mut turn = inbox.receive(SOON).unwrap();
    let right = turn.take_send_right(0).unwrap();
    right.send(Message::new(1), SOON).unwrap();
    if turn.attachment_count() == 2 {
        let mut next = Message::new(1);
        next.attach(right.try_clone().unwrap()).unwrap();
        turn.take_send_right(1).unwrap().send(next, SOON).unwrap();
        // Both send on the same lane from now on.
        for _ in 0..100 {
            right.send(Message::new(2), SOON).unwrap();
        }
    } else {
        for _ in 0..100 {
            right.send(Message::new(3), SOON).unwrap();
        }
    }
}

#[test]
fn every_message_names_the_process_that_sent_it_whoever_had_the_right_before() {
    let _alone = process::alone();
    let (door, name) = door();
    let port = ReceiveRight::new().unwrap();
    let first = Companion::start("pass a right on", &door, &name);
    let second = Companion::start("pass a right on", &door, &name);
    assert_eq!(first.hello.sender().unwrap().process_id, first.peer.id());
    let mine = port.make_send().unwrap();
    mine.send(Message::new(0), SOON).unwrap();
    let mut start = Message::new(1);
    start.attach(mine.try_clone().unwrap()).unwrap();
    start.attach(second.to.try_clone().unwrap()).unwrap();
    first.to.send(start, SOON).unwrap();
    let user = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let (mut of_first, mut of_second) = (0, 0);
    for _ in 0..1 + 2 * 101 {
        let message = port.receive(SOON).unwrap();
        let sender = message.sender().unwrap();
        assert_eq!((sender.user_id, sender.group_id), user);
        match message.id() {
            0 => assert_eq!(sender.process_id, std::process::id()),
            1 if sender.process_id == first.peer.id() => of_first += 1,
            1 => {
                assert_eq!(sender.process_id, second.peer.id());
                of_second += 1;
            }
            2 => {
                assert_eq!(sender.process_id, first.peer.id());
                of_first += 1;
            }
            _ => {
                assert_eq!(sender.process_id, second.peer.id());
                of_second += 1;
            }
        }
    }
    assert_eq!((of_first, of_second), (101, 101));
    first.ends_well();
    second.ends_well();
    drop(mine);
    assert_eq!(port.receive(SOON).unwrap_err().status(), Status::NoSenders);
}
