//! How streams end: in good order, also before anybody looks; with their process, whatever its forks do; and what a lack of
//! descriptors does to those that begin.
#![allow(missing_docs)]

mod process;

#[cfg(target_os = "linux")]
use process::Peer;
use process::session;
use process::swapchain::*;
use surfaceport::session::Child;
#[cfg(target_os = "linux")]
use surfaceport::swapchain::SwapchainOptions;
use surfaceport::swapchain::{Consumer, ConsumerOptions, PresentInfo, PresentMode, Producer, Rectangle};
use surfaceport::{Status, Timeout};

peers! {
    "one-shot" => one_shot,
    "drain" => drained,
    "sleep" => |_| std::thread::sleep(std::time::Duration::from_secs(600)),
    #[cfg(target_os = "linux")]
    "fork and die" => fork_and_die,
}

fn mode_of(argument: &str) -> PresentMode {
    if argument == "fifo" { PresentMode::Fifo } else { PresentMode::Mailbox }
}

/// Draws three frames and ends in good order: a thumbnailer, a page renderer.
fn one_shot(argument: &str) {
    let child = Child::connect(session::SOON).unwrap();
    let producer = child.create_producer(&options(mode_of(argument), 4)).unwrap();
    for _ in 0..3 {
        present(&producer);
    }
}

#[test]
fn a_child_that_has_ended_is_shown() {
    let _alone = process::alone();
    for (mode, expected) in [("mailbox", &[3][..]), ("fifo", &[1, 2, 3])] {
        let host = session::spawn("one-shot", mode);
        host.wait_connected(session::SOON).unwrap();
        // As late as can be: nobody is there any more.
        host.wait_exit(session::SOON).unwrap();
        let consumer = host.accept_consumer(session::SOON).unwrap();
        let mut seen = Vec::new();
        let end = loop {
            match consumer.acquire(session::SOON) {
                Ok(frame) => {
                    assert_eq!(read(frame.surface()), frame.number());
                    seen.push(frame.number());
                }
                Err(error) => break error,
            }
        };
        assert_eq!(seen, expected, "{mode}");
        assert_eq!(end.status(), Status::Closed, "{end}");
    }
}

#[test]
fn a_stream_that_ended_before_anybody_attached_is_shown_with_its_size() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let right = producer.consumer_right().unwrap();
    present(&producer);
    producer.resize(32, 8).unwrap();
    present(&producer);
    let (number, stale) = (present(&producer), right.try_clone().unwrap());
    drop(producer);
    let consumer = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
    let frame = next(&consumer);
    assert_eq!((frame.number(), frame.surface().width()), (number, 32));
    assert_eq!(nothing(&consumer), Status::Closed);
    drop(frame);
    // What was left went to the first one.
    let late = Consumer::attach(stale, &ConsumerOptions::default()).unwrap_err();
    assert_eq!(late.status(), Status::Closed, "{late}");
}

#[test]
fn a_stream_without_a_frame_is_closed_for_who_comes_late() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    let right = producer.consumer_right().unwrap();
    drop(producer);
    let consumer = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
    assert_eq!(consumer.acquire(SOON).unwrap_err().status(), Status::Closed);
}

#[test]
fn an_image_that_outlives_its_producer_keeps_nobody_waiting() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let (used, unused) = (producer.consumer_right().unwrap(), producer.consumer_right().unwrap());
    let attached = Consumer::attach(used, &ConsumerOptions::default()).unwrap();
    let image = producer.acquire(SOON).unwrap();
    drop(producer);
    assert_eq!(attached.acquire(SOON).unwrap_err().status(), Status::Closed);
    let late = Consumer::attach(unused, &ConsumerOptions::default()).unwrap();
    assert_eq!(late.acquire(SOON).unwrap_err().status(), Status::Closed);
    drop(image);
}

#[test]
fn an_attached_consumer_that_looks_late_sees_what_is_left() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 4)).unwrap();
    let consumer = attach(&producer);
    // Nobody has looked after the attach yet.
    for _ in 0..3 {
        present(&producer);
    }
    producer.resize(24, 8).unwrap();
    drop(producer);
    for number in 1..=3 {
        assert_eq!(next(&consumer).number(), number);
    }
    assert_eq!(consumer.acquire(SOON).unwrap_err().status(), Status::Closed);
}

#[test]
fn a_second_client_of_a_still_stream_gets_the_picture() {
    let _alone = process::alone();
    for mode in [PresentMode::Fifo, PresentMode::Mailbox] {
        let producer = Producer::create(&options(mode, 3)).unwrap();
        present(&producer);
        let first = attach(&producer);
        assert_eq!(next_of_both(&producer, &first).number(), 1);
        drop(first);
        producer.service();
        let second = attach(&producer);
        assert_eq!(next_of_both(&producer, &second).number(), 1, "{mode:?}");
    }
}

/// Waits for its consumer before it ends; the host tells by its own end how that went.
fn drained(argument: &str) {
    let child = Child::connect(session::SOON).unwrap();
    let producer = child.create_producer(&options(mode_of(argument), 4)).unwrap();
    for _ in 0..3 {
        present(&producer);
    }
    producer.drain(session::SOON).unwrap();
}

#[test]
fn a_drain_waits_for_who_comes() {
    let _alone = process::alone();
    for mode in ["mailbox", "fifo"] {
        let host = session::spawn("drain", mode);
        let consumer = host.accept_consumer(session::SOON).unwrap();
        let mut seen = 0;
        while seen < 3 {
            assert_eq!(host.wait_exit(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "{mode}");
            seen = next(&consumer).number();
        }
        session::close(host);
    }
}

#[test]
fn a_drain_says_whom_it_waits_for() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 4)).unwrap();
    producer.drain(Timeout::NONE).unwrap();
    let right = producer.consumer_right().unwrap();
    assert_eq!(producer.drain(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "a right was not used");
    present(&producer);
    let consumer = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
    assert_eq!(producer.drain(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "a frame was not seen");
    next_of_both(&producer, &consumer);
    producer.drain(SOON).unwrap();
    present(&producer);
    drop(consumer);
    assert_eq!(producer.drain(SOON).unwrap_err().status(), Status::PeerDead, "nobody will see it");
}

#[test]
fn damage_is_within_the_surface_and_statistics_are_of_now() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let consumer = attach(&producer);
    present(&producer);
    let first = next_of_both(&producer, &consumer);
    let damage = Rectangle { x: 3, y: u32::MAX, width: u32::MAX, height: 7 };
    let info = PresentInfo { damage: Some(damage), ..PresentInfo::default() };
    for _ in 0..10 {
        let image = producer.acquire(SOON).unwrap();
        producer.present(image, &info).unwrap();
    }
    let counted = consumer.statistics();
    assert_eq!((counted.presented, counted.shown, counted.dropped), (11, 1, 9), "one can still be seen");
    let frame = consumer.acquire(SOON).unwrap();
    let surface = frame.surface();
    let seen = frame.info().present.damage.unwrap();
    assert_eq!((seen.x, seen.width), (3, surface.width() - 3));
    assert_eq!((seen.y, seen.height), (surface.height(), 0));
    drop(first);
}

#[test]
fn polls_are_no_waits() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 2)).unwrap();
    present(&producer);
    present(&producer);
    for _ in 0..5 {
        let _ = producer.acquire(Timeout::NONE).map(drop);
    }
    assert_eq!(producer.statistics().waited, 0);
    let _ = producer.acquire(Timeout::from_nanoseconds(1)).map(drop);
    assert_eq!(producer.statistics().waited, 1);
}

/// A consumer that holds a frame, starts a fork of itself that lives on, and is killed.
#[cfg(target_os = "linux")]
fn fork_and_die(_: &str) {
    let child = Child::connect(session::SOON).unwrap();
    let consumer = child.accept_consumer(session::SOON).unwrap();
    let frame = consumer.acquire(session::SOON).unwrap();
    // The fork has all descriptors, and does nothing.
    process::fork_that_waits_for(child.host().process_id);
    child.channel().send(session::text(1, "holds"), session::SOON).unwrap();
    let _ = child.wait_closed(session::SOON);
    drop(frame);
}

#[cfg(target_os = "linux")]
#[test]
fn a_consumer_that_is_killed_gives_back_what_it_held_though_a_fork_lives() {
    let _alone = process::alone();
    let host = session::spawn("fork and die", "");
    let channel = host.channel(session::SOON).unwrap();
    let producer = Producer::create(&options(PresentMode::Fifo, 2)).unwrap();
    host.offer_consumer_right(producer.consumer_right().unwrap()).unwrap();
    present(&producer);
    let held = loop {
        producer.service();
        match channel.receive(Timeout::from_nanoseconds(5_000_000)) {
            Err(error) if error.status() == Status::TimedOut => {}
            outcome => break outcome.unwrap(),
        }
    };
    assert_eq!(held.payload(), b"holds");
    present(&producer);
    assert_eq!(producer.acquire(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "it is held");
    host.kill().unwrap();
    // The image of the frame that it held is free, and that of the other one, which waits for who comes next, is not.
    let image = producer.acquire(SOON).unwrap();
    producer.present(image, &PresentInfo::default()).unwrap();
    assert_eq!(producer.statistics().consumers, 0);
}

/// Too few descriptors, more and more of them, until it works: a lack says so, costs no processor and blames nobody else.
#[cfg(target_os = "linux")]
#[test]
fn a_lack_of_descriptors_delays_and_says_so() {
    let _alone = process::alone();
    let _sleeper = Peer::start("sleep", "");
    let asked = SwapchainOptions { width: 16, height: 16, ..options(PresentMode::Fifo, 2) };
    let producer = Producer::create(&asked).unwrap();
    let consumer = attach(&producer);
    let mut filled = process::use_up_descriptors();
    let before = process::processor_time();
    // Both images can be drawn, and then nobody has taken any.
    present(&producer);
    present(&producer);
    let error = producer.acquire(Timeout::FOREVER).unwrap_err();
    assert_eq!(error.status(), Status::ResourceExhausted, "{error}");
    let waiting = consumer.acquire(Timeout::from_nanoseconds(300_000_000)).unwrap_err();
    assert_eq!(waiting.status(), Status::TimedOut, "it knows nothing yet: {waiting}");
    assert!(process::processor_time() - before < std::time::Duration::from_millis(300), "it spins");
    // One after the other comes back, and in the end everything goes on.
    let frame = loop {
        filled.pop();
        producer.service();
        match consumer.acquire(Timeout::from_nanoseconds(20_000_000)) {
            Ok(frame) => break frame,
            Err(error) => {
                assert!(matches!(error.status(), Status::TimedOut | Status::ResourceExhausted), "{error}");
                assert!(!filled.is_empty(), "with all descriptors: {error}");
            }
        }
    };
    assert_eq!(frame.number(), 1);
}
