//! Ports between real processes: rights on the move, death at any moment, and who a message came from.
#![allow(missing_docs)]

mod process;

use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use process::Peer;
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::message::{MAX_PAYLOAD, Message};
use surfaceport::port::{PortSet, Ready, ReceiveRight, SendRight};
use surfaceport::{Status, Timeout};

peers! {
    "relay a receive right" => relay_a_receive_right,
    "send numbers" => send_numbers,
    "hold" => hold,
    "serve" => serve,
    "send the largest payload" => send_the_largest_payload,
    "pass a right on" => pass_a_right_on,
}

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

/// What a helper process is told to do and with what; its end of a connection that the test holds the other of.
fn connect(name: &str, mut hello: Message) -> ReceiveRight {
    let inbox = ReceiveRight::new().unwrap();
    hello.attach(inbox.make_send().unwrap()).unwrap();
    look_up(name, SOON).unwrap().send(hello, SOON).unwrap();
    inbox
}

/// A helper process and the way to it.
struct Helper {
    peer: Peer,
    to: SendRight,
    hello: Message,
}

impl Helper {
    /// Starts a process in a role and waits for its hello, which ends with a send right to it.
    fn start(role: &str, door: &ReceiveRight, name: &str) -> Self {
        let peer = Peer::start(role, name);
        let mut hello = door.receive(SOON).unwrap();
        let to = hello.take_send_right(hello.attachment_count() - 1).unwrap();
        Self { peer, to, hello }
    }

    fn ends_well(self) {
        drop((self.to, self.hello));
        assert!(self.peer.wait().success());
    }
}

fn door() -> (ReceiveRight, String) {
    let name = process::unique_name("door");
    (check_in(&name).unwrap(), name)
}

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
    let relays = [(); 2].map(|()| Helper::start("relay a receive right", &door, &name));
    // Two senders with a lane of their own, and two that share one.
    let shared = right.make_send().unwrap();
    let senders: Vec<Helper> = (0..4)
        .map(|n| {
            let helper = Helper::start("send numbers", &door, &name);
            let mut start = Message::new(1);
            let to = if n < 2 { right.make_send().unwrap() } else { shared.try_clone().unwrap() };
            start.attach(to).unwrap();
            helper.to.send(start, SOON).unwrap();
            helper
        })
        .collect();
    drop(shared);

    let mut next: HashMap<u32, u32> = senders.iter().map(|helper| (helper.peer.id(), 0)).collect();
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

/// Role: holds whatever it is sent until it is killed, and says that it does.
fn hold(name: &str) {
    let mine = ReceiveRight::new().unwrap();
    let mut hello = Message::new(0);
    hello.attach(mine.make_send().unwrap()).unwrap();
    let inbox = connect(name, hello);
    let mut held = Vec::new();
    loop {
        let mut message = match inbox.receive(SOON) {
            Ok(message) => message,
            Err(error) => return assert_eq!(error.status(), Status::NoSenders),
        };
        let reply = message.take_reply_right();
        if message.id() == 1 {
            // Taken out, so that they are this process's own and no longer in the message.
            held.extend((0..message.attachment_count()).map(|index| message.take(index).unwrap()));
            reply.unwrap().send(Message::new(2), SOON).map_err(|(_, error)| error).unwrap();
        } else {
            // Requests that are never answered.
            held.extend((0..message.attachment_count()).map(|index| message.take(index).unwrap()));
            std::mem::forget(reply);
        }
    }
}

#[test]
fn the_death_of_a_process_is_the_end_of_all_its_rights() {
    let _alone = process::alone();
    let (door, name) = door();
    for _ in 0..5 {
        let mut helper = Helper::start("hold", &door, &name);
        let of_helper = helper.hello.take_send_right(0).unwrap();
        let ours = ReceiveRight::new().unwrap();
        let moved = ReceiveRight::new().unwrap();
        let to_moved = moved.make_send().unwrap();
        to_moved.send(Message::new(1), SOON).unwrap();
        let mut gift = Message::new(1);
        gift.attach(ours.make_send().unwrap()).unwrap();
        gift.attach(moved).unwrap();
        assert_eq!(helper.to.request(gift, SOON).unwrap().id(), 2);
        assert!(!of_helper.is_dead().unwrap() && !to_moved.is_dead().unwrap());
        assert_eq!(ours.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);

        helper.peer.kill();
        assert_eq!(ours.receive(SOON).unwrap_err().status(), Status::NoSenders);
        wait_until_dead(&of_helper);
        wait_until_dead(&to_moved);
        wait_until_dead(&helper.to);
        for dead in [&of_helper, &to_moved, &helper.to] {
            assert_eq!(dead.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        }
    }
}

#[test]
fn rights_in_the_queue_of_a_killed_process_end_with_it() {
    let _alone = process::alone();
    let (door, name) = door();
    let mut helper = Helper::start("hold", &door, &name);
    helper.peer.stop();
    let ours = ReceiveRight::new().unwrap();
    let moved = ReceiveRight::new().unwrap();
    let to_moved = moved.make_send().unwrap();
    let mut unread = Message::new(3);
    unread.attach(ours.make_send().unwrap()).unwrap();
    unread.attach(moved).unwrap();
    helper.to.send(unread, SOON).unwrap();
    assert!(!to_moved.is_dead().unwrap());
    helper.peer.kill();
    assert_eq!(ours.receive(SOON).unwrap_err().status(), Status::NoSenders);
    wait_until_dead(&to_moved);
}

#[test]
fn a_request_whose_server_is_killed_ends_at_once() {
    let _alone = process::alone();
    let (door, name) = door();
    for stopped in [false, true] {
        let mut helper = Helper::start("hold", &door, &name);
        if stopped {
            // The request stays in the queue, unread.
            helper.peer.stop();
        }
        let asking = ReceiveRight::new().unwrap();
        let mut request = Message::new(9);
        request.attach(asking.make_send().unwrap()).unwrap();
        let to = helper.to.try_clone().unwrap();
        let waiting = std::thread::spawn(move || to.request(request, SOON).unwrap_err().status());
        helper.peer.kill();
        assert_eq!(waiting.join().unwrap(), Status::PeerDead);
        assert_eq!(asking.receive(SOON).unwrap_err().status(), Status::NoSenders);
    }
}

#[test]
fn a_sender_that_waits_for_room_learns_of_the_receivers_death() {
    let _alone = process::alone();
    let (door, name) = door();
    let mut helper = Helper::start("hold", &door, &name);
    helper.peer.stop();
    let to = helper.to.try_clone().unwrap();
    let (full, is_full) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        while to.send(Message::with_payload(7, vec![0; 1000]).unwrap(), Timeout::NONE).is_ok() {}
        full.send(()).unwrap();
        to.send(Message::with_payload(8, vec![0; 1000]).unwrap(), Timeout::FOREVER).unwrap_err().status()
    });
    is_full.recv_timeout(Duration::from_secs(30)).unwrap();
    helper.peer.kill();
    assert_eq!(waiting.join().unwrap(), Status::PeerDead);
}

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
    let helper = Helper::start("serve", &door, &name);
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let to = helper.to.try_clone().unwrap();
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
    helper.ends_well();
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
    let helper = Helper::start("send the largest payload", &door, &name);
    let mut start = Message::new(1);
    start.attach(port.make_send().unwrap()).unwrap();
    helper.to.send(start, SOON).unwrap();
    for length in [0, 1, 32 << 10, (32 << 10) + 1, MAX_PAYLOAD] {
        let message = port.receive(SOON).unwrap();
        assert_eq!(message.payload().len(), length);
        assert!(message.payload() == pattern(length), "{length} bytes");
    }
    // One byte more was refused before anything was sent: what follows is the next message.
    assert!(port.receive(SOON).unwrap().payload().is_empty());
    helper.ends_well();
}

#[test]
fn a_busy_sender_leaves_a_quiet_one_its_turn() {
    let _alone = process::alone();
    let port = ReceiveRight::new().unwrap();
    let (busy, quiet) = (port.make_send().unwrap(), port.make_send().unwrap());
    while busy.send(Message::new(0), Timeout::NONE).is_ok() {}
    for n in 1..50 {
        quiet.send(Message::new(n), SOON).unwrap();
        let mut before = 0;
        while port.receive(SOON).unwrap().id() != n {
            before += 1;
            // The queue stays full, so there is always one more of the busy one.
            busy.send(Message::new(0), SOON).unwrap();
            assert!(before <= 2, "the busy sender has more than its turn");
        }
    }
}

#[test]
fn many_threads_send_on_clones_of_one_right() {
    let _alone = process::alone();
    let port = ReceiveRight::new().unwrap();
    let right = port.make_send().unwrap();
    const THREADS: u32 = 8;
    const EACH: u32 = 1000;
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let clone = right.try_clone().unwrap();
            scope.spawn(move || {
                for n in 0..EACH {
                    // Each payload is of one piece, and long enough to be torn if it could be.
                    let payload = vec![thread as u8; 100 + (n as usize * 37 % 900)];
                    clone.send(Message::with_payload(thread << 16 | n, payload).unwrap(), SOON).unwrap();
                }
            });
        }
        drop(right);
        // More than one thread receives as well: each message arrives at exactly one of them.
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let (port, ended) = (&port, &ended);
                scope.spawn(move || {
                    let mut seen = Vec::new();
                    loop {
                        match port.receive(Timeout::after(Duration::from_millis(10))) {
                            Ok(message) => {
                                let thread = (message.id() >> 16) as u8;
                                assert!(message.payload().iter().all(|byte| *byte == thread));
                                seen.push(message.id());
                            }
                            // Said once, to one of the two.
                            Err(error) if error.status() == Status::NoSenders => ended.store(true, SeqCst),
                            Err(error) => {
                                assert_eq!(error.status(), Status::TimedOut);
                                if ended.load(SeqCst) {
                                    break;
                                }
                            }
                        }
                    }
                    seen
                })
            })
            .collect();
        let mut all = Vec::new();
        for receiver in receivers {
            let seen = receiver.join().unwrap();
            // In order for each sender, at each receiver.
            for thread in 0..THREADS {
                let of_thread: Vec<_> = seen.iter().filter(|id| *id >> 16 == thread).collect();
                assert!(of_thread.is_sorted());
            }
            all.extend(seen);
        }
        all.sort_unstable();
        let expected: Vec<u32> = (0..THREADS).flat_map(|t| (0..EACH).map(move |n| t << 16 | n)).collect();
        assert!(all == expected, "{} of {} messages", all.len(), expected.len());
    });
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
    let first = Helper::start("pass a right on", &door, &name);
    let second = Helper::start("pass a right on", &door, &name);
    assert_eq!(first.hello.sender().unwrap().process_id, first.peer.id());
    let mine = port.make_send().unwrap();
    mine.send(Message::new(0), SOON).unwrap();
    let mut start = Message::new(1);
    start.attach(mine.try_clone().unwrap()).unwrap();
    start.attach(second.to.try_clone().unwrap()).unwrap();
    first.to.send(start, SOON).unwrap();
    #[cfg(target_os = "linux")]
    let user = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let (mut of_first, mut of_second) = (0, 0);
    for _ in 0..1 + 2 * 101 {
        let message = port.receive(SOON).unwrap();
        let sender = message.sender().unwrap();
        #[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
#[test]
fn a_receive_right_that_moves_with_a_message_in_its_own_queue_frees_everything() {
    process::leaving_nothing(|| {
        let port = ReceiveRight::new().unwrap();
        let send = port.make_send().unwrap();
        let inner = ReceiveRight::new().unwrap();
        let to_inner = inner.make_send().unwrap();
        let mut message = Message::new(1);
        message.attach(inner).unwrap();
        send.send(message, SOON).unwrap();
        // A right in the queue of a right in the queue of a right: as deep as old kernels allow.
        let mut message = Message::new(2);
        message.attach(port).unwrap();
        let (outer, to_outer) = {
            let outer = ReceiveRight::new().unwrap();
            let to_outer = outer.make_send().unwrap();
            (outer, to_outer)
        };
        to_outer.send(message, SOON).unwrap();
        to_inner.send(Message::new(7), SOON).unwrap();
        let port = outer.receive(SOON).unwrap().take_receive_right(0).unwrap();
        let inner = port.receive(SOON).unwrap().take_receive_right(0).unwrap();
        assert_eq!(inner.receive(SOON).unwrap().id(), 7);
        // And one that nobody can ever take out again.
        let mut message = Message::new(3);
        message.attach(inner).unwrap();
        to_inner.send(message, SOON).unwrap();
    });
}
