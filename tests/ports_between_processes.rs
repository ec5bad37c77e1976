//! Ports between real processes: rights on the move, and death at any moment.
#![allow(missing_docs)]

mod process;

use std::collections::HashMap;
use std::time::Duration;

use process::companion::{Companion, connect, door};
use surfaceport::message::Message;
use surfaceport::port::{PortSet, Ready, ReceiveRight, SendRight};
use surfaceport::{Status, Timeout};

peers! {
    "relay a receive right" => relay_a_receive_right,
    "send numbers" => send_numbers,
    "hold" => process::companion::hold,
}

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

fn wait_until_dead(right: &SendRight) {
    let set = PortSet::new().unwrap();
    set.watch(right, 1).unwrap();
    assert_eq!(set.wait(SOON).unwrap(), Ready::Dead(1));
}

/// Role: gets a receive right, takes some messages from it, and sends the right and what it took back.
fn relay_a_receive_right(name: &str) {
    let inbox = connect(name, Message::new(0));
    loop {
        let mut turn = match inbox.receive(SOON) {
            Ok(turn) => turn,
            Err(error) => return assert_eq!(error.status(), Status::NoSenders),
        };
        let right = turn.take_receive_right(0).unwrap();
        let mut taken = Vec::new();
        for _ in 0..turn.id() {
            let message = right.receive(SOON).unwrap();
            let sender = message.sender().unwrap().process_id;
            taken.extend([sender.to_le_bytes(), message.id().to_le_bytes()].concat());
            // What the message says of its sender must be so at every owner.
            assert_eq!(message.payload(), sender.to_string().as_bytes());
        }
        let mut back = Message::with_payload(1, taken).unwrap();
        back.attach(right).unwrap();
        turn.take_reply_right().unwrap().send(back, SOON).map_err(|(_, error)| error).unwrap();
    }
}

const NUMBERS: u32 = 3000;

/// Role: sends numbers to the right that it is given, as fast as the queue takes them.
fn send_numbers(name: &str) {
    let inbox = connect(name, Message::new(0));
    let to = inbox.receive(SOON).unwrap().take_send_right(0).unwrap();
    let me = std::process::id().to_string();
    for n in 0..NUMBERS {
        to.send(Message::with_payload(n, me.clone()).unwrap(), SOON).unwrap();
    }
}

#[test]
fn a_receive_right_on_the_move_loses_no_message_and_keeps_their_order() {
    let _alone = process::alone();
    let (door, name) = door();
    let mut right = ReceiveRight::new().unwrap();
    let relays = [(); 2].map(|()| Companion::start("relay a receive right", &door, &name));
    // Two senders with a lane of their own, and two that share one.
    let shared = right.make_send().unwrap();
    let senders: Vec<Companion> = (0..4)
        .map(|n| {
            let companion = Companion::start("send numbers", &door, &name);
            let mut start = Message::new(1);
            let to = if n < 2 { right.make_send().unwrap() } else { shared.try_clone().unwrap() };
            start.attach(to).unwrap();
            companion.to.send(start, SOON).unwrap();
            companion
        })
        .collect();
    drop(shared);

    let mut next: HashMap<u32, u32> = senders.iter().map(|companion| (companion.peer.id(), 0)).collect();
    let mut take = |sender: u32, number: u32| {
        let expected = next.get_mut(&sender).expect("a message from a known sender");
        assert_eq!(number, *expected, "the next of process {sender}");
        *expected += 1;
    };
    let total = senders.len() as u32 * NUMBERS;
    let mut taken = 0;
    let mut round = 0_u32;
    while taken < total {
        // Here some, then some at another process.
        for _ in 0..(round % 40).min(total - taken) {
            let message = right.receive(SOON).unwrap();
            take(message.sender().unwrap().process_id, message.id());
            taken += 1;
        }
        let there = (round * 7 % 50).min(total - taken);
        let mut turn = Message::new(there);
        turn.attach(right).unwrap();
        let mut back = relays[round as usize % 2].to.request(turn, SOON).unwrap();
        right = back.take_receive_right(0).unwrap();
        for one in back.payload().chunks(8) {
            let word = |at: usize| u32::from_le_bytes(one[at..at + 4].try_into().unwrap());
            take(word(0), word(4));
            taken += 1;
        }
        round += 1;
    }
    assert!(next.values().all(|count| *count == NUMBERS));
    for sender in senders {
        sender.ends_well();
    }
    assert_eq!(right.receive(SOON).unwrap_err().status(), Status::NoSenders);
    for relay in relays {
        relay.ends_well();
    }
}

#[test]
fn the_death_of_a_process_is_the_end_of_all_its_rights() {
    let _alone = process::alone();
    let (door, name) = door();
    for _ in 0..5 {
        let mut companion = Companion::start("hold", &door, &name);
        let of_companion = companion.hello.take_send_right(0).unwrap();
        let ours = ReceiveRight::new().unwrap();
        let moved = ReceiveRight::new().unwrap();
        let to_moved = moved.make_send().unwrap();
        to_moved.send(Message::new(1), SOON).unwrap();
        let mut gift = Message::new(1);
        gift.attach(ours.make_send().unwrap()).unwrap();
        gift.attach(moved).unwrap();
        assert_eq!(companion.to.request(gift, SOON).unwrap().id(), 2);
        assert!(!of_companion.is_dead().unwrap() && !to_moved.is_dead().unwrap());
        assert_eq!(ours.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);

        companion.peer.kill();
        assert_eq!(ours.receive(SOON).unwrap_err().status(), Status::NoSenders);
        wait_until_dead(&of_companion);
        wait_until_dead(&to_moved);
        wait_until_dead(&companion.to);
        for dead in [&of_companion, &to_moved, &companion.to] {
            assert_eq!(dead.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        }
    }
}

#[test]
fn rights_in_the_queue_of_a_killed_process_end_with_it() {
    let _alone = process::alone();
    let (door, name) = door();
    let mut companion = Companion::start("hold", &door, &name);
    companion.peer.stop();
    let ours = ReceiveRight::new().unwrap();
    let moved = ReceiveRight::new().unwrap();
    let to_moved = moved.make_send().unwrap();
    let mut unread = Message::new(3);
    unread.attach(ours.make_send().unwrap()).unwrap();
    unread.attach(moved).unwrap();
    companion.to.send(unread, SOON).unwrap();
    assert!(!to_moved.is_dead().unwrap());
    companion.peer.kill();
    assert_eq!(ours.receive(SOON).unwrap_err().status(), Status::NoSenders);
    wait_until_dead(&to_moved);
}

#[test]
fn a_sender_that_waits_for_room_learns_of_the_receivers_death() {
    let _alone = process::alone();
    let (door, name) = door();
    let mut companion = Companion::start("hold", &door, &name);
    companion.peer.stop();
    let to = companion.to.try_clone().unwrap();
    let (full, is_full) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        while to.send(Message::with_payload(7, vec![0; 1000]).unwrap(), Timeout::NONE).is_ok() {}
        full.send(()).unwrap();
        to.send(Message::with_payload(8, vec![0; 1000]).unwrap(), Timeout::FOREVER)
    });
    is_full.recv_timeout(Duration::from_secs(30)).unwrap();
    companion.peer.kill();
    match waiting.join().unwrap() {
        Err(failure) => assert_eq!(failure.status(), Status::PeerDead),
        // A port that dies while a send waits takes the message with it, as if it had been queued: XNU,
        // `ipc_kmsg_send`. The next send says so.
        Ok(()) if cfg!(target_os = "macos") => {}
        Ok(()) => panic!("nobody can receive it any more"),
    }
    assert_eq!(companion.to.send(Message::new(9), SOON).unwrap_err().status(), Status::PeerDead);
}
