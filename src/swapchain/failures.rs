//! A swapchain of which any call to the system fails, once: `--cfg shell`, see CONTRIBUTING.md.

use std::time::{Duration, Instant};

use super::{Consumer, ConsumerOptions, PresentInfo, PresentMode, Producer, SwapchainOptions};
use crate::error::{Error, Status};
use crate::sys::shell::failures::each_call_fails_once;
use crate::sys::wait_readable;
use crate::time::{Deadline, Timeout};

const FAILURES: [Status; 2] = [Status::ResourceExhausted, Status::System];
/// Frames of a scenario. The size changes twice on the way.
const FRAMES: u64 = 12;
/// How long a scenario may take, in which either side does what it can in turn: far more than a failure delays.
const TIME: Duration = Duration::from_secs(20);

fn options(mode: PresentMode) -> SwapchainOptions {
    SwapchainOptions { width: 8, height: 8, mode, ..SwapchainOptions::default() }
}

/// A failure that a side may be told of, or that it has to try again.
fn check(error: &Error) {
    let status = error.status();
    assert!(FAILURES.contains(&status) || status == Status::TimedOut, "{error}");
}

fn attached(mode: PresentMode) -> Option<(Producer, Consumer)> {
    let producer = Producer::create(&options(mode)).ok()?;
    let consumer = Consumer::attach(producer.consumer_right().ok()?, &ConsumerOptions::default()).ok()?;
    // Who waits by a descriptor asks the kernel at each call, and not every few milliseconds.
    let _ = (producer.descriptor(), consumer.descriptor());
    Some((producer, consumer))
}

/// Takes turns until it is done.
fn take_turns(mut turn: impl FnMut() -> bool) {
    let end = Instant::now() + TIME;
    while !turn() && Instant::now() < end {
        std::thread::yield_now();
    }
}

/// Draws the next frame, if there is an image for it.
fn produce(producer: &Producer, presented: &mut u64) {
    if *presented == FRAMES {
        // Its other calls pay what it owes.
        producer.service();
        return;
    }
    if *presented % 5 == 4
        && let Err(error) = producer.resize(8 + *presented as u32, 8)
    {
        check(&error);
    }
    match producer.acquire(Timeout::NONE) {
        Ok(image) => *presented = producer.present(image, &PresentInfo::default()).unwrap(),
        Err(error) => check(&error),
    }
}

/// Takes what is there.
fn consume(consumer: &Consumer, seen: &mut Vec<u64>) {
    loop {
        match consumer.acquire(Timeout::NONE) {
            Ok(frame) => seen.push(frame.number()),
            Err(error) if error.status() == Status::TimedOut => return,
            Err(error) => return check(&error),
        }
    }
}

#[test]
fn every_fifo_frame_is_seen_in_order() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((producer, consumer)) = attached(PresentMode::Fifo) else { return };
        let (mut presented, mut seen) = (0, Vec::new());
        take_turns(|| {
            produce(&producer, &mut presented);
            consume(&consumer, &mut seen);
            seen.len() as u64 == FRAMES
        });
        assert!(seen.iter().copied().eq(1..=FRAMES), "{seen:?}");
    });
    assert!(failures > 50, "{failures} calls failed");
}

#[test]
fn a_mailbox_ends_with_its_newest_frame() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((producer, consumer)) = attached(PresentMode::Mailbox) else { return };
        let (mut presented, mut seen) = (0, Vec::new());
        let mut turn = 0;
        take_turns(|| {
            produce(&producer, &mut presented);
            turn += 1;
            if turn % 3 == 2 {
                consume(&consumer, &mut seen);
            }
            seen.last() == Some(&FRAMES)
        });
        assert!(seen.is_sorted() && seen.last() == Some(&FRAMES), "{seen:?}");
    });
    assert!(failures > 50, "{failures} calls failed");
}

#[test]
fn who_waits_by_descriptors_sees_every_frame() {
    let failures = each_call_fails_once(&FAILURES, || {
        let Some((producer, consumer)) = attached(PresentMode::Fifo) else { return };
        let (mut presented, mut seen) = (0, Vec::new());
        let is_ready = |fd| wait_readable(&[fd], Deadline::NOW).is_ok_and(|ready| ready != 0);
        produce(&producer, &mut presented);
        consume(&consumer, &mut seen);
        let mut idle = 0;
        take_turns(|| {
            // What nobody could be told of is found by a call now and then.
            idle += 1;
            if is_ready(producer.descriptor()) || idle % 1000 == 0 {
                produce(&producer, &mut presented);
            }
            if is_ready(consumer.descriptor()) || idle % 1000 == 0 {
                consume(&consumer, &mut seen);
            }
            seen.len() as u64 == FRAMES
        });
        assert!(seen.iter().copied().eq(1..=FRAMES), "{seen:?}");
    });
    assert!(failures > 50, "{failures} calls failed");
}

#[test]
fn a_stream_that_ended_is_shown() {
    for mode in [PresentMode::Fifo, PresentMode::Mailbox] {
        each_call_fails_once(&[], || {
            let producer = Producer::create(&options(mode)).unwrap();
            let right = producer.consumer_right().unwrap();
            let mut presented = 0;
            produce(&producer, &mut presented);
            drop(producer);
            let consumer = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
            assert_eq!(consumer.acquire(Timeout::NONE).unwrap().number(), 1);
            assert_eq!(consumer.acquire(Timeout::NONE).unwrap_err().status(), Status::Closed);
        });
    }
}

#[test]
fn nothing_happens_in_a_fork() {
    let (producer, consumer) = attached(PresentMode::Mailbox).unwrap();
    let mut presented = 0;
    produce(&producer, &mut presented);
    let frame = consumer.acquire(Timeout::NONE).unwrap();
    crate::sys::shell::owner::in_a_fork(|| {
        assert_eq!(producer.acquire(Timeout::NONE).unwrap_err().status(), Status::WrongState);
        assert_eq!(consumer.acquire(Timeout::NONE).unwrap_err().status(), Status::WrongState);
        // Its end there is not its end here.
        drop(frame);
    });
    // The parent holds its frame still: one of three images is left to draw into, again and again.
    for _ in 0..10 {
        let image = producer.acquire(Timeout::NONE).unwrap();
        presented = producer.present(image, &PresentInfo::default()).unwrap();
    }
    assert_eq!(consumer.acquire(Timeout::NONE).unwrap().number(), presented);
}
