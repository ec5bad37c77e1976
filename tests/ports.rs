//! Ports within one process; real kernel objects, no waiting by the clock.
#![allow(missing_docs)]

mod process;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use surfaceport::message::Message;
use surfaceport::port::{PortSet, Ready, ReceiveRight, SendRight};
use surfaceport::{Status, Timeout};

/// Far beyond what anything here takes; it only keeps a failing test from hanging.
const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

fn port() -> (ReceiveRight, SendRight) {
    let receive = ReceiveRight::new().unwrap();
    let send = receive.make_send().unwrap();
    (receive, send)
}

fn text(id: u32, payload: &str) -> Message {
    Message::with_payload(id, payload).unwrap()
}

#[test]
fn no_senders_is_said_once_for_each_time() {
    let _alone = process::alone();
    let (receive, send) = port();
    let clone = send.try_clone().unwrap();
    let second = receive.make_send().unwrap();
    send.send(text(1, ""), SOON).unwrap();
    drop(send);
    drop(second);
    assert_eq!(receive.receive(SOON).unwrap().id(), 1);
    assert_eq!(receive.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "a clone is left");
    drop(clone);
    assert_eq!(receive.receive(SOON).unwrap_err().status(), Status::NoSenders);
    assert_eq!(receive.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "said once");
    let again = receive.make_send().unwrap();
    assert_eq!(receive.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    drop(again);
    assert_eq!(receive.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

#[test]
fn a_fresh_port_waits_for_its_first_sender() {
    let _alone = process::alone();
    let receive = ReceiveRight::new().unwrap();
    assert_eq!(receive.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    let waited = receive.receive(Timeout::after(Duration::from_millis(1))).unwrap_err();
    assert_eq!(waited.status(), Status::TimedOut);
}

#[test]
fn many_senders_keep_no_senders_through_a_move() {
    let _alone = process::alone();
    let (carrier_receive, carrier) = port();
    let receive = ReceiveRight::new().unwrap();
    // More lanes than one packet of descriptors can carry.
    let senders: Vec<SendRight> = (0..600).map(|_| receive.make_send().unwrap()).collect();
    let mut message = Message::new(1);
    message.attach(receive).unwrap();
    carrier.send(message, SOON).unwrap();
    let moved = carrier_receive.receive(SOON).unwrap().take_receive_right(0).unwrap();
    for (n, sender) in senders.iter().enumerate() {
        sender.send(text(n as u32, ""), SOON).unwrap();
    }
    let mut seen: Vec<u32> = (0..600).map(|_| moved.receive(SOON).unwrap().id()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..600).collect::<Vec<_>>());
    drop(senders);
    assert_eq!(moved.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

#[test]
fn a_receive_right_that_dies_in_a_message_kills_its_port() {
    let _alone = process::alone();
    let (carrier_receive, carrier) = port();
    let (receive, send) = port();
    let mut message = Message::new(1);
    message.attach(receive).unwrap();
    carrier.send(message, SOON).unwrap();
    assert!(!send.is_dead().unwrap());
    drop(carrier_receive);
    assert!(send.is_dead().unwrap());
}

#[test]
fn a_set_serves_its_members_in_turn_and_tells_of_dead_names() {
    let _alone = process::alone();
    let set = PortSet::new().unwrap();
    let (first, to_first) = port();
    let (second, to_second) = port();
    let (third, to_third) = port();
    set.add(&first, 1).unwrap();
    set.add(&second, 2).unwrap();
    set.watch(&to_third, 3).unwrap();
    assert_eq!(set.add(&first, 1).unwrap_err().status(), Status::AlreadyExists);
    assert_eq!(set.wait(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    for n in 0..50 {
        to_first.send(text(n, ""), SOON).unwrap();
        to_second.send(text(n, ""), SOON).unwrap();
    }
    let mut seen = [0, 0];
    for _ in 0..20 {
        match set.wait(SOON).unwrap() {
            Ready::Receive(1) => {
                first.receive(Timeout::NONE).unwrap();
                seen[0] += 1;
            }
            Ready::Receive(2) => {
                second.receive(Timeout::NONE).unwrap();
                seen[1] += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [10, 10], "members take turns");
    set.remove(1).unwrap();
    set.remove(2).unwrap();
    assert_eq!(set.remove(2).unwrap_err().status(), Status::NotFound);
    drop(third);
    assert_eq!(set.wait(SOON).unwrap(), Ready::Dead(3));
    assert_eq!(set.wait(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "said once");
}

#[test]
fn a_busy_sender_leaves_a_quiet_one_its_turn() {
    let _alone = process::alone();
    let port = ReceiveRight::new().unwrap();
    let (busy, quiet) = (port.make_send().unwrap(), port.make_send().unwrap());
    while busy.send(text(0, ""), Timeout::NONE).is_ok() {}
    for n in 1..10 {
        std::thread::scope(|scope| {
            // Where all senders share a queue there is no room yet, and this waits for some.
            let waiting = scope.spawn(|| quiet.send(text(n, ""), SOON));
            while port.receive(SOON).unwrap().id() != n {
                // The queue stays full, so there is always one more of the busy one.
                let _ = busy.send(text(0, ""), Timeout::NONE);
            }
            waiting.join().unwrap().unwrap();
        });
    }
}

/// Each make-send has a queue of its own on Linux, and they take turns.
#[cfg(target_os = "linux")]
#[test]
fn a_quiet_sender_is_the_next_but_one_on_linux() {
    let _alone = process::alone();
    let port = ReceiveRight::new().unwrap();
    let (busy, quiet) = (port.make_send().unwrap(), port.make_send().unwrap());
    while busy.send(text(0, ""), Timeout::NONE).is_ok() {}
    for n in 1..50 {
        quiet.send(text(n, ""), SOON).unwrap();
        let mut before = 0;
        while port.receive(SOON).unwrap().id() != n {
            before += 1;
            busy.send(text(0, ""), SOON).unwrap();
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

#[test]
fn rights_survive_their_raw_form() {
    let _alone = process::alone();
    let (receive, send) = port();
    let send = SendRight::from_raw(send.into_raw()).unwrap();
    let receive = ReceiveRight::from_raw(receive.into_raw().unwrap()).unwrap();
    send.send(text(1, "raw"), SOON).unwrap();
    assert_eq!(receive.receive(SOON).unwrap().payload(), b"raw");
    let second = receive.make_send().unwrap();
    second.send(text(2, "behind it"), SOON).unwrap();
    assert_eq!(receive.receive(SOON).unwrap().id(), 2);
    drop((send, second));
    assert_eq!(receive.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

/// What a raw form is differs: a descriptor here.
#[cfg(target_os = "linux")]
#[test]
fn raw_forms_that_are_no_rights_are_refused_on_linux() {
    let _alone = process::alone();
    let (receive, _send) = port();
    let _second = receive.make_send().unwrap();
    let (receive, error) = receive.into_raw().unwrap_err();
    assert_eq!(error.status(), Status::WrongState);
    drop(receive);
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(SendRight::from_raw(file.into()).unwrap_err().status(), Status::Malformed);
}

#[test]
fn a_wait_that_nothing_can_end_says_no_senders_again() {
    let _alone = process::alone();
    let (receive, send) = port();
    assert!(receive.has_senders().unwrap());
    drop(send);
    assert!(!receive.has_senders().unwrap());
    for _ in 0..3 {
        assert_eq!(receive.receive(Timeout::FOREVER).unwrap_err().status(), Status::NoSenders);
    }
    // A send-once right can still bring something.
    let once = receive.make_send_once().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| receive.receive(Timeout::FOREVER).unwrap().id());
        once.send(Message::new(5), SOON).map_err(|(_, failure)| failure).unwrap();
        assert_eq!(waiting.join().unwrap(), 5);
    });
    let send = receive.make_send().unwrap();
    assert!(receive.has_senders().unwrap());
    send.send(Message::new(6), SOON).unwrap();
    drop(send);
    assert_eq!(receive.receive(Timeout::FOREVER).unwrap().id(), 6);
    assert_eq!(receive.receive(Timeout::FOREVER).unwrap_err().status(), Status::NoSenders);
}

#[test]
fn a_right_without_senders_tells_its_new_owner() {
    let _alone = process::alone();
    let (carrier, to_carrier) = port();
    let (mut moved, send) = port();
    drop(send);
    for is_said in [true, true, false, true] {
        if is_said {
            assert_eq!(moved.receive(SOON).unwrap_err().status(), Status::NoSenders);
            assert_eq!(moved.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        }
        let mut message = Message::new(1);
        message.attach(moved).unwrap();
        to_carrier.send(message, SOON).unwrap();
        moved = carrier.receive(SOON).unwrap().take_receive_right(0).unwrap();
    }
    assert_eq!(moved.receive(Timeout::FOREVER).unwrap_err().status(), Status::NoSenders);
    let again = moved.make_send().unwrap();
    again.send(Message::new(2), SOON).unwrap();
    assert_eq!(moved.receive(SOON).unwrap().id(), 2);
    // One that never had a sender has no such news.
    let mut message = Message::new(1);
    message.attach(ReceiveRight::new().unwrap()).unwrap();
    to_carrier.send(message, SOON).unwrap();
    let fresh = carrier.receive(SOON).unwrap().take_receive_right(0).unwrap();
    assert_eq!(fresh.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
}

#[test]
fn a_set_lets_go_of_what_is_gone() {
    let _alone = process::alone();
    let set = PortSet::new().unwrap();
    set.add(&ReceiveRight::new().unwrap(), 1).unwrap();
    let before = process::held();
    for key in 0..200 {
        set.add(&ReceiveRight::new().unwrap(), key).unwrap();
    }
    let (carrier, to_carrier) = port();
    for n in 0..20 {
        let (moved, send) = port();
        set.add(&moved, 7).unwrap();
        let mut message = Message::new(n);
        message.attach(moved).unwrap();
        to_carrier.send(message, SOON).unwrap();
        send.send(Message::new(100), SOON).unwrap();
        let moved = carrier.receive(SOON).unwrap().take_receive_right(0).unwrap();
        assert_eq!(set.wait(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "it left with its right");
        assert_eq!(moved.receive(SOON).unwrap().id(), 100);
    }
    drop((carrier, to_carrier));
    before.is_all("after members that went away");
    // What lives stays, and is in the set once.
    let (receive, send) = port();
    set.add(&receive, 7).unwrap();
    assert_eq!(set.add(&receive, 7).unwrap_err().status(), Status::AlreadyExists);
    assert_eq!(set.add(&receive, 8).unwrap_err().status(), Status::AlreadyExists);
    send.send(Message::new(1), SOON).unwrap();
    assert_eq!(set.wait(SOON).unwrap(), Ready::Receive(7));
    set.remove(7).unwrap();
    assert_eq!(set.remove(7).unwrap_err().status(), Status::NotFound);
    set.add(&receive, 8).unwrap();
    assert_eq!(set.wait(SOON).unwrap(), Ready::Receive(8));
}

/// One thread waits while another gives the key of a dead port's watch to a living one's.
#[test]
fn a_key_that_is_used_again_is_not_reported_for_its_predecessor() {
    use std::sync::atomic::{AtomicBool, AtomicU32};
    let _alone = process::alone();
    let set = PortSet::new().unwrap();
    let (stop, reported) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    if let Ok(ready) = set.wait(Timeout::after(Duration::from_millis(1))) {
                        assert_eq!(ready, Ready::Dead(5));
                        reported.fetch_add(1, SeqCst);
                    }
                }
            });
        }
        let mut taken_back = 0;
        let (living, to_living) = port();
        for round in 0..5_000 {
            let (dying, to_dying) = port();
            set.watch(&to_dying, 5).unwrap();
            drop(dying);
            if set.unwatch(5).is_ok() {
                taken_back += 1;
                set.watch(&to_living, 5).unwrap();
                std::thread::yield_now();
                let outcome = set.unwatch(5);
                if outcome.is_err() {
                    stop.store(true, SeqCst);
                }
                outcome.unwrap_or_else(|error| panic!("round {round}: a living port was reported: {error}"));
            }
        }
        stop.store(true, SeqCst);
        assert!(taken_back > 0 || reported.load(SeqCst) > 0);
        drop(living);
    });
}
