//! What the kernel keeps for this process is the same before and behind each scenario: on macOS the names of its rights
//! and their references, on Linux its descriptors and mappings. Malformed messages are counted where they are made, in
//! `messages_hostile_mach.rs` and `messages_hostile_linux.rs`.
#![allow(missing_docs)]

mod process;

use process::full::{Full, port};
use process::leaving_nothing;
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::channel::{Channel, ChannelEnd};
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::{Attachment, MAX_ATTACHMENTS, Message};
use surfaceport::port::{PortSet, Ready, ReceiveRight};
use surfaceport::{Status, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);
/// Long enough for a message to get somewhere, short enough to run out in a test.
const BRIEFLY: Timeout = Timeout::from_nanoseconds(2_000_000);

#[test]
fn what_is_sent_and_received() {
    leaving_nothing(|| {
        let (receive, send) = port();
        for _ in 0..3 {
            let (message, full) = Full::new();
            send.send(message, SOON).unwrap();
            full.check(receive.receive(SOON).unwrap());
        }
    });
}

#[test]
fn what_is_sent_and_dropped_unread_or_untaken() {
    leaving_nothing(|| {
        let (receive, send) = port();
        let (message, full) = Full::new();
        send.send(message, SOON).unwrap();
        drop(receive.receive(SOON).unwrap());
        assert_eq!(full.asked.receive(SOON).unwrap_err().status(), Status::PeerDead);
        assert_eq!(full.back.receive(SOON).unwrap_err().status(), Status::NoSenders);
        assert!(full.to_moved.is_dead().unwrap());
        // Never received, with its port.
        let (message, full) = Full::new();
        send.send(message, SOON).unwrap();
        drop(receive);
        assert_eq!(full.asked.receive(SOON).unwrap_err().status(), Status::PeerDead);
        assert_eq!(full.back.receive(SOON).unwrap_err().status(), Status::NoSenders);
        // Never sent.
        drop(Full::new());
    });
}

#[test]
fn as_many_rights_as_a_message_carries() {
    leaving_nothing(|| {
        let (receive, send) = port();
        for round in 0..2 {
            let mut message = Message::new(round);
            for n in 0..MAX_ATTACHMENTS {
                // The same right many times, and many that are all different.
                let (other, to_other) = port();
                let attachment: Attachment = match n % 4 {
                    0 => send.try_clone().unwrap().into(),
                    1 => to_other.into(),
                    2 => other.into(),
                    _ => MemoryRegion::create(n, Access::ReadOnlyForOthers).unwrap().into(),
                };
                message.attach(attachment).unwrap();
            }
            send.send(message, SOON).unwrap();
            let mut arrived = receive.receive(SOON).unwrap();
            // All of them are taken out, or the half.
            for n in (0..MAX_ATTACHMENTS).step_by(1 + round as usize) {
                drop(arrived.take(n).unwrap());
            }
        }
    });
}

#[test]
fn a_send_that_fails_on_a_full_queue() {
    leaving_nothing(|| {
        let (receive, send) = port();
        while send.send(Message::with_payload(1, vec![0; 20_000]).unwrap(), Timeout::NONE).is_ok() {}
        for timeout in [Timeout::NONE, BRIEFLY] {
            let (message, full) = Full::new();
            let failure = send.send(message, timeout).unwrap_err();
            assert_eq!(failure.status(), Status::TimedOut);
            // It goes elsewhere.
            let (elsewhere, to_elsewhere) = port();
            to_elsewhere.send(failure.into_message().unwrap(), SOON).unwrap();
            full.check(elsewhere.receive(SOON).unwrap());
        }
        // The same message again and again, until there is room.
        let (message, full) = Full::new();
        let mut message = Some(message);
        for _ in 0..20 {
            let failure = send.send(message.take().unwrap(), BRIEFLY).unwrap_err();
            assert_eq!(failure.status(), Status::TimedOut);
            message = failure.into_message();
        }
        while receive.receive(Timeout::NONE).is_ok() {}
        send.send(message.unwrap(), SOON).unwrap();
        full.check(receive.receive(SOON).unwrap());
        // And one that nobody wants any more.
        while send.send(Message::with_payload(1, vec![0; 20_000]).unwrap(), Timeout::NONE).is_ok() {}
        let (message, _full) = Full::new();
        drop(send.send(message, Timeout::NONE).unwrap_err());
        // A right to itself, in a message to a queue that is full.
        let mut message = Message::new(1);
        message.attach(send.try_clone().unwrap()).unwrap();
        message.set_reply_right(receive.make_send_once().unwrap());
        drop(send.send(message, Timeout::NONE).unwrap_err());
    });
}

#[test]
fn a_send_to_a_dead_port() {
    leaving_nothing(|| {
        let (receive, send) = port();
        drop(receive);
        let (message, full) = Full::new();
        let failure = send.send(message, SOON).unwrap_err();
        assert_eq!(failure.status(), Status::PeerDead);
        let (elsewhere, to_elsewhere) = port();
        to_elsewhere.send(failure.into_message().unwrap(), SOON).unwrap();
        full.check(elsewhere.receive(SOON).unwrap());
        let (message, _full) = Full::new();
        drop(send.send(message, SOON).unwrap_err());
    });
}

#[test]
fn a_message_that_cannot_be_sent_at_all() {
    leaving_nothing(|| {
        let (receive, send) = port();
        let (mut message, _full) = Full::new();
        let taken = message.take(2).unwrap();
        let failure = send.send(message, SOON).unwrap_err();
        assert_eq!(failure.status(), Status::WrongState);
        drop((failure.into_message(), taken));
        assert_eq!(receive.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    });
}

#[test]
fn a_right_to_send_once() {
    leaving_nothing(|| {
        let receive = ReceiveRight::new().unwrap();
        let once = receive.make_send_once().unwrap();
        once.send(Message::new(1), SOON).map_err(|(_, error)| error).unwrap();
        assert_eq!(receive.receive(SOON).unwrap().id(), 1);
        drop(receive.make_send_once().unwrap());
        assert_eq!(receive.receive(SOON).unwrap_err().status(), Status::PeerDead);
        let once = receive.make_send_once().unwrap();
        drop(receive);
        assert!(once.is_dead().unwrap());
        let (message, full) = Full::new();
        let (once, failure) = once.send(message, SOON).unwrap_err();
        assert_eq!(failure.status(), Status::PeerDead);
        let (elsewhere, to_elsewhere) = port();
        to_elsewhere.send(failure.into_message().unwrap(), SOON).unwrap();
        full.check(elsewhere.receive(SOON).unwrap());
        drop(once);
    });
}

#[test]
fn a_receive_right_that_moves() {
    leaving_nothing(|| {
        let carriers = [port(), port()];
        let (mut right, send) = port();
        let clones: Vec<_> = (0..5).map(|_| right.make_send().unwrap()).collect();
        for round in 0..6 {
            let (arrivals, carrier) = &carriers[round % 2];
            for clone in &clones {
                clone.send(Message::new(round as u32), SOON).unwrap();
            }
            let mut message = Message::new(0);
            message.attach(right).unwrap();
            carrier.send(message, SOON).unwrap();
            right = arrivals.receive(SOON).unwrap().take_receive_right(0).unwrap();
            for _ in 0..clones.len() {
                assert_eq!(right.receive(SOON).unwrap().id(), round as u32);
            }
        }
        drop((clones, send));
        assert_eq!(right.receive(SOON).unwrap_err().status(), Status::NoSenders);
        // On its way, in a message that nobody receives.
        let (arrivals, carrier) = port();
        let send = right.make_send().unwrap();
        let mut message = Message::new(0);
        message.attach(right).unwrap();
        carrier.send(message, SOON).unwrap();
        drop(arrivals);
        assert!(send.is_dead().unwrap());
    });
}

#[test]
fn a_dead_name() {
    leaving_nothing(|| {
        let (receive, send) = port();
        let (set, early) = (PortSet::new().unwrap(), send.try_clone().unwrap());
        set.watch(&early, 1).unwrap();
        let unwatched = PortSet::new().unwrap();
        unwatched.watch(&early, 1).unwrap();
        unwatched.unwatch(1).unwrap();
        let forgotten = PortSet::new().unwrap();
        forgotten.watch(&early, 1).unwrap();
        drop(receive);
        assert_eq!(set.wait(SOON).unwrap(), Ready::Dead(1));
        assert_eq!(unwatched.wait(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        // Sent to, cloned, watched when it is dead already.
        assert_eq!(send.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        assert_eq!(send.request(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        let clone = send.try_clone().unwrap();
        assert!(clone.is_dead().unwrap());
        let set = PortSet::new().unwrap();
        set.watch(&clone, 2).unwrap();
        assert_eq!(set.wait(SOON).unwrap(), Ready::Dead(2));
        // Sent as an attachment: it arrives, dead.
        let (arrivals, carrier) = port();
        for _ in 0..2 {
            let mut message = Message::new(1);
            message.attach(clone.try_clone().unwrap()).unwrap();
            message.attach(early.try_clone().unwrap()).unwrap();
            carrier.send(message, SOON).unwrap();
        }
        let mut arrived = arrivals.receive(SOON).unwrap();
        let dead = arrived.take_send_right(1).unwrap();
        assert!(dead.is_dead().unwrap());
        assert_eq!(dead.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        drop(dead.try_clone().unwrap());
        drop(arrivals.receive(SOON).unwrap());
        // One that dies on its way.
        let (receive, send) = port();
        let mut message = Message::new(2);
        message.attach(send).unwrap();
        carrier.send(message, SOON).unwrap();
        drop(receive);
        assert!(arrivals.receive(SOON).unwrap().take_send_right(0).unwrap().is_dead().unwrap());
    });
}

#[test]
fn port_sets() {
    leaving_nothing(|| {
        let set = PortSet::new().unwrap();
        let ports: Vec<_> = (0..10).map(|_| port()).collect();
        for (key, (receive, send)) in (0..).zip(&ports) {
            set.add(receive, key).unwrap();
            set.watch(send, 100 + key).unwrap();
            send.send(Message::new(key as u32), SOON).unwrap();
        }
        for _ in 0..10 {
            let Ready::Receive(key) = set.wait(SOON).unwrap() else { panic!("nobody is dead") };
            assert_eq!(u64::from(ports[key as usize].0.receive(Timeout::NONE).unwrap().id()), key);
        }
        set.remove(0).unwrap();
        set.unwatch(101).unwrap();
        // Some end before the set, some behind it.
        drop(ports.into_iter().skip(5).collect::<Vec<_>>());
        set.wait(SOON).unwrap();
        let (receive, send) = port();
        set.add(&receive, 50).unwrap();
        set.watch(&send, 51).unwrap();
        drop(set);
        drop((receive, send));
    });
}

#[test]
fn names() {
    leaving_nothing(|| {
        let name = process::unique_name("rights");
        let owned = check_in(&name).unwrap();
        assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
        let found: Vec<_> = (0..5).map(|_| look_up(&name, SOON).unwrap()).collect();
        found[0].send(Message::new(1), SOON).unwrap();
        assert_eq!(owned.receive(SOON).unwrap().id(), 1);
        drop(found);
        // Nobody is there any more, which is seen at the next look.
        assert_eq!(owned.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
        drop(owned);
        assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
        assert_eq!(look_up(&name, BRIEFLY).unwrap_err().status(), Status::TimedOut);
    });
}

#[test]
fn requests() {
    leaving_nothing(|| {
        let (receive, send) = port();
        // Nobody answers in time; the answer comes too late; what was asked is never read.
        assert_eq!(send.request(Message::new(1), BRIEFLY).unwrap_err().status(), Status::TimedOut);
        let mut request = receive.receive(SOON).unwrap();
        let (message, _full) = Full::new();
        let late = request.take_reply_right().unwrap().send(message, SOON);
        assert_eq!(late.unwrap_err().1.status(), Status::PeerDead);
        assert_eq!(send.request(Message::new(1), BRIEFLY).unwrap_err().status(), Status::TimedOut);
        // The queue is full: the request comes back, without its right to answer.
        while send.send(Message::with_payload(1, vec![0; 20_000]).unwrap(), Timeout::NONE).is_ok() {}
        let (mut message, _full) = Full::new();
        message.take_reply_right();
        let failure = send.request(message, BRIEFLY).unwrap_err();
        assert_eq!(failure.status(), Status::TimedOut);
        assert!(!failure.into_message().unwrap().has_reply_right());
        drop(receive);
        assert_eq!(send.request(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
    });
}

#[test]
fn channels() {
    leaving_nothing(|| {
        let (one, other) = Channel::pair().unwrap();
        let (here, there) = Channel::pair().unwrap();
        let (one, other) = (one.open(), other.open());
        let mut message = Full::new().0;
        there.attach_to(&mut message).unwrap();
        one.send(message, SOON).unwrap();
        let mut arrived = other.receive(SOON).unwrap();
        let there = ChannelEnd::take_from(&mut arrived, 4).unwrap().open();
        let here = here.open();
        here.send(Message::new(1), SOON).unwrap();
        assert_eq!(there.receive(SOON).unwrap().id(), 1);
        assert_eq!(here.request(Message::new(2), BRIEFLY).unwrap_err().status(), Status::TimedOut);
        drop(there);
        assert_eq!(here.receive(SOON).unwrap_err().status(), Status::PeerDead);
        let raw = here.into_end().unwrap().into_raw().unwrap();
        assert!(ChannelEnd::from_raw(raw).unwrap().open().is_peer_dead().unwrap());
        // An end that dies on its way.
        let (end, other_end) = Channel::pair().unwrap();
        let mut message = Message::new(3);
        other_end.attach_to(&mut message).unwrap();
        one.send(message, SOON).unwrap();
        drop(other);
        assert_eq!(end.open().receive(SOON).unwrap_err().status(), Status::PeerDead);
    });
}
