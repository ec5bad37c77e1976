//! As `rights.rs`, where another process has a part in it: it answers too late, is killed, or ends.
#![allow(missing_docs)]

mod process;

use process::companion::{Companion, connect, door};
use process::full::{Full, port};
use process::leaving_nothing;
use process::session::{close, options as child_options, spawn, start};
use surfaceport::message::Message;
use surfaceport::session::{Child, ChildExit, Host, Invitation, SpawnOptions};
use surfaceport::swapchain::{
    Allocator, Consumer, ConsumerOptions, ConsumerRight, PresentInfo, PresentMode, Producer, SwapchainOptions,
};
use surfaceport::{Status, Timeout};

peers! {
    "talk" => talk,
    "serve late" => serve_late,
    "produce" => produce,
    "echo" => |_| process::session::echo(),
    "offers" => process::session::offers,
    "exit" => |status| std::process::exit(status.parse().unwrap()),
}

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);
/// Long enough for a message to get somewhere, short enough to run out in a test.
const BRIEFLY: Timeout = Timeout::from_nanoseconds(2_000_000);

/// Role: gets requests and answers each only when the next one has come; the last one never.
fn serve_late(name: &str) {
    let inbox = connect(name, Message::new(0));
    let mut before = None;
    while let Ok(mut request) = inbox.receive(SOON) {
        let this = request.take_reply_right();
        if let Some(reply) = std::mem::replace(&mut before, this) {
            let (message, _full) = Full::new();
            // Whoever asked may be gone, or wait for it.
            let _ = reply.send(message, SOON);
        }
    }
}

#[test]
fn requests_to_a_process_that_answers_late_or_dies() {
    leaving_nothing(|| {
        let (door, name) = door();
        let mut late = Companion::start("serve late", &door, &name);
        for _ in 0..3 {
            assert_eq!(late.to.request(Message::new(1), BRIEFLY).unwrap_err().status(), Status::TimedOut);
        }
        let (message, _full) = Full::new();
        assert_eq!(late.to.request(message, BRIEFLY).unwrap_err().status(), Status::TimedOut);
        late.peer.kill();
        assert_eq!(late.to.request(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
    });
}

/// Role: sends all kinds of things without an end, asks, and answers, until it is killed.
fn talk(name: &str) {
    let (mine, to_me) = port();
    let mut hello = Message::new(0);
    hello.attach(to_me).unwrap();
    let inbox = connect(name, hello);
    let to = inbox.receive(SOON).unwrap().take_send_right(0).unwrap();
    let mut kept = Vec::new();
    loop {
        let (message, full) = Full::new();
        if to.send(message, SOON).is_err() {
            return;
        }
        kept.push(full);
        if kept.len() == 10 {
            kept.clear();
        }
        let _ = to.request(Message::new(1), BRIEFLY);
        while let Ok(mut asked) = inbox.receive(Timeout::NONE) {
            if let Some(reply) = asked.take_reply_right() {
                let _ = reply.send(Full::new().0, SOON);
            }
        }
        let _ = mine.receive(Timeout::NONE);
    }
}

#[test]
fn a_peer_that_is_killed_in_the_middle_of_everything() {
    let random = std::cell::Cell::new(0x2545_f491_4f6c_dd1d_u64);
    let next = || {
        let mut word = random.get();
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        random.set(word);
        word
    };
    for _ in 0..if cfg!(target_os = "linux") { 30 } else { 10 } {
        leaving_nothing(|| {
            let (door, name) = door();
            let mut peer = Companion::start("talk", &door, &name);
            let (inbox, to_inbox) = port();
            let mut start = Message::new(1);
            start.attach(to_inbox).unwrap();
            peer.to.send(start, SOON).unwrap();
            let mut kept = Vec::new();
            for _ in 0..next() % 20 {
                let mut message = inbox.receive(SOON).unwrap();
                match next() % 4 {
                    0 => drop(message),
                    1 => kept.extend((0..message.attachment_count()).map(|n| message.take(n).unwrap())),
                    2 => drop(message.take_reply_right().map(|reply| reply.send(Full::new().0, BRIEFLY))),
                    _ => drop(peer.to.request(Full::new().0, BRIEFLY)),
                }
            }
            // Somewhere in the middle of what it does next.
            for _ in 0..next() % 100_000 {
                std::hint::spin_loop();
            }
            peer.peer.kill();
            // What it sent is still there, then its end.
            let end = loop {
                match inbox.receive(SOON) {
                    Ok(mut message) => {
                        kept.extend((0..message.attachment_count()).map(|n| message.take(n).unwrap()));
                    }
                    Err(error) => break error,
                }
            };
            assert_eq!(end.status(), Status::NoSenders);
            assert_eq!(peer.to.send(Full::new().0, SOON).unwrap_err().status(), Status::PeerDead);
        });
    }
}

#[test]
fn sessions() {
    leaving_nothing(|| {
        let host = spawn("echo", "");
        let (message, full) = Full::new();
        host.channel(SOON).unwrap().send(message, SOON).unwrap();
        // It answers with all that it was sent.
        let mut back = full.asked.receive(SOON).unwrap();
        assert_eq!((back.id(), back.attachment_count()), (Full::NUMBER + 1, 4));
        drop(back.take(1).unwrap());
        close(host);
    });
}

#[test]
fn sessions_that_end_otherwise() {
    leaving_nothing(|| {
        let host = spawn("echo", "");
        host.channel(SOON).unwrap().send(Full::new().0, SOON).unwrap();
        host.kill().unwrap();
        assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Signalled(9));
        drop(host);
        assert!(spawn("exit", "1").wait_connected(SOON).is_err());
        assert!(Host::spawn(&SpawnOptions::new(["/there/is/no/such/program"])).is_err());
        drop(Invitation::create().unwrap());
        // Ended before it could say anything.
        start(&child_options("echo", "")).kill().unwrap();
        let host = spawn("offers", "2");
        drop(host.accept_consumer(SOON).unwrap());
        drop(host.accept_consumer_right(SOON).unwrap());
        assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().id(), 2);
        close(host);
    });
}

fn present(producer: &Producer) {
    let image = producer.acquire(SOON).unwrap();
    producer.present(image, &PresentInfo::default()).map_err(|(_, error)| error).unwrap();
}

fn attach(producer: &Producer) -> Consumer {
    Consumer::attach(producer.consumer_right().unwrap(), &ConsumerOptions::default()).unwrap()
}

#[test]
fn swapchains() {
    leaving_nothing(|| {
        for (mode, allocator) in [
            (PresentMode::Mailbox, Allocator::Producer),
            (PresentMode::Fifo, Allocator::Producer),
            (PresentMode::Mailbox, Allocator::Consumer),
        ] {
            let options = SwapchainOptions { mode, allocator, ..process::plain::swapchain_options() };
            let producer = Producer::create(&options).unwrap();
            let consumer = attach(&producer);
            // Its images come from the consumer, or its welcome has yet to be read.
            while producer.acquire(Timeout::NONE).is_err() {
                assert_eq!(consumer.acquire(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
            }
            present(&producer);
            let held = consumer.acquire(SOON).unwrap();
            for _ in 0..3 {
                // Comes and goes, without a word in between as well.
                drop(attach(&producer));
                let other = attach(&producer);
                producer.service();
                let _ = other.acquire(Timeout::NONE);
            }
            if allocator == Allocator::Producer {
                producer.resize(100, 10).unwrap();
                present(&producer);
            }
            drop(producer);
            drop(held);
            while consumer.acquire(SOON).is_ok() {}
        }
        let producer = Producer::create(&process::plain::swapchain_options()).unwrap();
        drop(attach(&producer));
        assert_eq!(producer.acquire(SOON).unwrap_err().status(), Status::PeerDead);
    });
}

/// Role: presents until nobody is left or it is killed.
fn produce(name: &str) {
    let producer = Producer::create(&process::plain::swapchain_options()).unwrap();
    let mut hello = Message::new(0);
    producer.consumer_right().unwrap().attach_to(&mut hello).unwrap();
    let _inbox = connect(name, hello);
    while let Ok(image) = producer.acquire(SOON) {
        producer.present(image, &PresentInfo::default()).map_err(|(_, error)| error).unwrap();
    }
}

#[test]
fn swapchains_of_another_process() {
    for killed in [false, true] {
        leaving_nothing(|| {
            let (door, name) = door();
            let mut producer = Companion::start("produce", &door, &name);
            let right = ConsumerRight::take_from(&mut producer.hello, 0).unwrap();
            let consumer = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
            let frame = consumer.acquire(SOON).unwrap();
            if killed {
                producer.peer.kill();
                while consumer.acquire(SOON).is_ok() {}
                drop((frame, consumer));
            } else {
                drop((frame, consumer));
                producer.ends_well();
            }
        });
    }
}

/// The way from a host to its child and back, at every stage of it.
#[test]
fn a_child_of_this_process_is_not_its_host() {
    leaving_nothing(|| {
        assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::NotFound);
    });
}
