//! Swapchains between real processes: many frames, and a producer that is killed.
#![allow(missing_docs)]

mod process;

use process::Peer;
use process::swapchain::*;
use surfaceport::message::Message;
use surfaceport::port::ReceiveRight;
use surfaceport::surface::live_surfaces;
use surfaceport::swapchain::{
    Consumer, ConsumerOptions, ConsumerRight, PresentInfo, PresentMode, Producer, SwapchainOptions,
};
use surfaceport::{Status, Timeout, bootstrap};

peers! { "produce" => produce }

/// What an allocator may keep, in bytes; a leak of one byte for each of a million frames would be more.
const MEMORY_NOISE: usize = 512 << 10;

/// Looks the test up by its name and hands it the right to consume what this process produces.
fn offer(name: &str, producer: &Producer) {
    let host = bootstrap::look_up(name, SOON).unwrap();
    let mut message = Message::new(0);
    producer.consumer_right().unwrap().attach_to(&mut message).unwrap();
    host.send(message, SOON).unwrap();
}

fn accept(port: &ReceiveRight) -> Consumer {
    let mut message = port.receive(SOON).unwrap();
    let right = ConsumerRight::take_from(&mut message, 0).unwrap();
    Consumer::attach(right, &ConsumerOptions::default()).unwrap()
}

/// Presents as fast as it can until nobody is left.
fn produce(argument: &str) {
    let (name, images) = argument.split_once(' ').unwrap();
    let options =
        SwapchainOptions { width: 16, height: 4, ..options(PresentMode::Mailbox, images.parse().unwrap()) };
    let producer = Producer::create(&options).unwrap();
    offer(name, &producer);
    let mut steady = None;
    loop {
        match producer.acquire(SOON) {
            Ok(image) => {
                let number = producer.statistics().presented + 1;
                if number.is_multiple_of(50_000) {
                    let (held, memory) =
                        steady.get_or_insert_with(|| (process::held(), process::resident_bytes()));
                    held.is_all(&format!("frame {number}"));
                    assert!(process::resident_bytes() < *memory + MEMORY_NOISE, "memory grows");
                }
                paint(image.surface(), number);
                producer.present(image, &PresentInfo::default()).unwrap();
            }
            Err(error) => {
                assert_eq!(error.status(), Status::PeerDead);
                return;
            }
        }
    }
}

#[test]
fn a_million_frames_between_two_processes_without_a_torn_one() {
    let _alone = process::alone();
    let name = process::unique_name("million");
    let port = bootstrap::check_in(&name).unwrap();
    let peer = Peer::start("produce", &format!("{name} 3"));
    let consumer = accept(&port);
    let (mut last, mut steady) = (0, None);
    for taken in 1..=1_000_000 {
        let frame = next(&consumer);
        assert!(frame.number() > last);
        last = frame.number();
        if taken % 50_000 == 0 {
            let (held, surfaces, memory) =
                steady.get_or_insert_with(|| (process::held(), live_surfaces(), process::resident_bytes()));
            held.is_all(&format!("frame {last}"));
            assert_eq!(*surfaces, live_surfaces());
            assert!(process::resident_bytes() < *memory + MEMORY_NOISE, "memory grows");
        }
    }
    drop(consumer);
    assert!(peer.wait().success(), "the producer ends by itself when nobody is left");
}

#[test]
fn a_producer_that_is_killed_leaves_nothing_behind() {
    let _alone = process::alone();
    let name = process::unique_name("killed");
    let port = bootstrap::check_in(&name).unwrap();
    let round = |frames: u32| {
        let mut peer = Peer::start("produce", &format!("{name} 4"));
        let consumer = accept(&port);
        let mut kept = None;
        for _ in 0..frames {
            kept = Some(next(&consumer));
        }
        peer.kill();
        let end = loop {
            match consumer.acquire(Timeout::after(process::session::AT_ONCE)) {
                Ok(frame) => kept = Some(frame),
                Err(error) => break error,
            }
        };
        assert_eq!(end.status(), Status::PeerDead);
        if let Some(frame) = &kept {
            assert_eq!(read(frame.surface()), frame.number(), "the last frame can be kept");
        }
        drop((consumer, kept));
        // What the dead one had of our port goes with the next look at it.
        assert_eq!(port.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    };
    round(0);
    let (before, surfaces) = (process::held(), live_surfaces());
    for frames in 0..20 {
        round(frames);
        before.is_all(&format!("behind {frames} frames"));
        assert_eq!(live_surfaces(), surfaces);
    }
}
