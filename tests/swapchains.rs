//! Swapchains within one process: the modes, who waits for whom, and the end.
#![allow(missing_docs)]

mod process;

use process::swapchain::*;
use surfaceport::message::Message;
use surfaceport::port::SendRight;
use surfaceport::swapchain::{
    Consumer, ConsumerOptions, ConsumerRight, Image, PresentInfo, PresentMode, Producer, Rectangle,
    SwapchainOptions,
};
use surfaceport::{Status, Timeout};

#[test]
fn options_are_checked() {
    let _alone = process::alone();
    let refused = |options: SwapchainOptions| Producer::create(&options).unwrap_err().status();
    for images in [0, 1, 17] {
        assert_eq!(refused(options(PresentMode::Mailbox, images)), Status::InvalidArgument, "{images}");
    }
    assert_eq!(refused(options(PresentMode::Immediate, 2)), Status::InvalidArgument);
    assert_eq!(refused(SwapchainOptions::default()), Status::InvalidArgument, "0 x 0");
    let huge = SwapchainOptions { width: 1 << 31, ..options(PresentMode::Fifo, 2) };
    assert_eq!(refused(huge), Status::InvalidArgument);
}

#[test]
fn mailbox_gives_the_newest_frame() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let consumer = attach(&producer);
    for _ in 0..5 {
        present(&producer);
    }
    let frame = next(&consumer);
    assert_eq!(frame.number(), 5);
    assert_eq!(nothing(&consumer), Status::TimedOut, "each frame is given once");
    for _ in 6..=9 {
        present(&producer);
    }
    assert_eq!(read(frame.surface()), 5, "a held frame stays as it is");
    assert_eq!(next(&consumer).number(), 9);
    let counted = consumer.statistics();
    assert_eq!((counted.presented, counted.shown, counted.dropped), (5, 2, 3));
}

#[test]
fn a_mailbox_producer_with_an_image_to_spare_never_waits() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 4)).unwrap();
    let consumer = attach(&producer);
    present(&producer);
    let mut held = vec![next(&consumer)];
    present(&producer);
    held.push(next(&consumer));
    for _ in 0..100 {
        let image = producer.acquire(Timeout::NONE).unwrap();
        producer.present(image, &PresentInfo::default()).unwrap();
    }
    assert_eq!(producer.statistics().waited, 0);
}

#[test]
fn fifo_gives_every_frame_in_order_to_every_consumer() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    let consumers = [attach(&producer), attach(&producer)];
    producer.service();
    let mut expected = [1, 1];
    for round in 0..50_u64 {
        while producer.acquire(Timeout::NONE).map(drop).is_ok() {
            present(&producer);
        }
        // One takes a frame each round, the other all that there are every third.
        let takes = [1, if round % 3 == 0 { 9 } else { 0 }];
        for ((consumer, takes), expected) in consumers.iter().zip(takes).zip(&mut expected) {
            for _ in 0..takes {
                let Ok(frame) = consumer.acquire(Timeout::NONE) else { break };
                assert_eq!(read(frame.surface()), frame.number());
                assert_eq!(frame.number(), *expected);
                *expected += 1;
            }
        }
    }
    assert!(expected.iter().all(|seen| *seen > 20), "{expected:?}");
    assert_eq!(consumers[0].statistics().dropped, 0);
}

#[test]
fn fifo_frames_wait_for_the_first_consumer() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    for _ in 1..=3 {
        present(&producer);
    }
    assert_eq!(producer.acquire(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    let consumer = attach(&producer);
    producer.service();
    for number in 1..=3 {
        assert_eq!(next(&consumer).number(), number);
    }
    present(&producer);
    drop(consumer);
    let second = attach(&producer);
    producer.service();
    assert_eq!(next(&second).number(), 4, "what the first one did not take is there for the next");
}

#[test]
fn a_consumer_that_leaves_with_a_frame_does_not_stop_fifo() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    let (staying, leaving) = (attach(&producer), attach(&producer));
    producer.service();
    present(&producer);
    let kept = next(&leaving);
    drop(leaving);
    for number in 1..=20 {
        assert_eq!(next(&staying).number(), number);
        present(&producer);
    }
    assert_eq!(read(kept.surface()), 1);
}

#[test]
fn a_preview_of_a_fifo_swapchain_does_not_hold_it_up() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 4)).unwrap();
    let recorder = attach(&producer);
    let right = producer.consumer_right().unwrap();
    let preview = Consumer::attach(right, &ConsumerOptions { mode: Some(PresentMode::Mailbox) }).unwrap();
    producer.service();
    for number in 1..=10 {
        present(&producer);
        assert_eq!(next(&recorder).number(), number);
    }
    assert_eq!(next(&preview).number(), 10);
}

#[test]
fn a_mode_that_would_make_others_wait_is_refused() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let right = producer.consumer_right().unwrap();
    let consumer = Consumer::attach(right, &ConsumerOptions { mode: Some(PresentMode::Fifo) }).unwrap();
    producer.service();
    let error = consumer.acquire(SOON).unwrap_err();
    assert_eq!(error.status(), Status::Refused, "{error}");
    assert_eq!(producer.statistics().refused, 1);
}

#[test]
fn immediate_mode_has_one_image() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Immediate, 1)).unwrap();
    let consumer = attach(&producer);
    present(&producer);
    let frame = next(&consumer);
    present(&producer);
    assert_eq!(read(frame.surface()), 2, "it is drawn while it is shown");
    assert_eq!(next(&consumer).number(), 2);
}

#[test]
fn a_late_consumer_gets_the_latest_frame() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let early = attach(&producer);
    for _ in 0..7 {
        present(&producer);
    }
    let late = attach(&producer);
    producer.service();
    assert_eq!((next(&early).number(), next(&late).number()), (7, 7));
}

#[test]
fn a_frame_brings_its_record() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 2)).unwrap();
    let consumer = attach(&producer);
    let info = PresentInfo {
        display_ns: 123_456_789,
        damage: Some(Rectangle { x: 1, y: 2, width: 3, height: 4 }),
        color_space: Some(surfaceport::surface::ColorSpace::DisplayP3),
        user: std::array::from_fn(|i| i as u8),
    };
    let before = surfaceport::time::now();
    producer.present(producer.acquire(SOON).unwrap(), &info).unwrap();
    producer.service();
    let frame = consumer.acquire(SOON).unwrap();
    assert_eq!(frame.info().present, info);
    assert!(frame.info().presented_ns >= before && frame.info().presented_ns <= surfaceport::time::now());
}

#[test]
fn the_end_of_a_stream_comes_behind_its_last_frame() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    let consumer = attach(&producer);
    producer.service();
    present(&producer);
    present(&producer);
    drop(producer);
    assert_eq!(next(&consumer).number(), 1);
    let last = next(&consumer);
    assert_eq!(nothing(&consumer), Status::Closed);
    assert_eq!(consumer.acquire(SOON).unwrap_err().status(), Status::Closed);
    assert_eq!(read(last.surface()), 2, "the last frame can be kept");
}

#[test]
fn a_producer_without_anybody_left_ends() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    present(&producer);
    let consumer = attach(&producer);
    present(&producer);
    next(&consumer);
    drop(consumer);
    assert_eq!(producer.acquire(SOON).unwrap_err().status(), Status::PeerDead);
    let again = attach(&producer);
    present(&producer);
    producer.service();
    assert_eq!(next(&again).number(), 3, "a new right gives it a new life");
}

#[test]
fn an_image_that_is_dropped_wakes_who_waits_for_one() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 2)).unwrap();
    let _consumer = attach(&producer);
    present(&producer);
    let image = producer.acquire(SOON).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| producer.acquire(SOON).map(drop));
        // Nothing tells from outside that the other thread sleeps; either order has to work.
        std::thread::yield_now();
        drop(image);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn both_sides_can_be_polled() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 2)).unwrap();
    let consumer = attach(&producer);
    let readable = |fd: std::os::fd::BorrowedFd<'_>, timeout: Timeout| {
        let mut set = [rustix::event::PollFd::from_borrowed_fd(fd, rustix::event::PollFlags::IN)];
        let wait = if timeout == Timeout::NONE { 0 } else { 5 };
        let wait = rustix::event::Timespec { tv_sec: wait, tv_nsec: 0 };
        rustix::event::poll(&mut set, Some(&wait)).unwrap() == 1
    };
    assert!(readable(producer.descriptor(), SOON), "an attach has arrived");
    producer.service();
    assert!(readable(consumer.descriptor(), SOON), "a welcome has arrived");
    assert_eq!(nothing(&consumer), Status::TimedOut);
    assert!(!readable(consumer.descriptor(), Timeout::NONE));
    present(&producer);
    assert!(readable(consumer.descriptor(), SOON));
    present(&producer);
    assert_eq!(producer.acquire(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    assert!(!readable(producer.descriptor(), Timeout::NONE));
    let frame = next(&consumer);
    drop(frame);
    assert!(readable(producer.descriptor(), SOON), "an image is free");
    producer.acquire(Timeout::NONE).unwrap();
    assert_eq!(next(&consumer).number(), 2);
    assert_eq!(nothing(&consumer), Status::TimedOut);
    assert!(!readable(consumer.descriptor(), Timeout::NONE));
    drop(producer);
    assert!(readable(consumer.descriptor(), SOON));
}

#[test]
fn a_message_that_is_no_attach_is_refused() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 2)).unwrap();
    let consumer = attach(&producer);
    let mut carrier = Message::new(0);
    producer.consumer_right().unwrap().attach_to(&mut carrier).unwrap();
    let raw: SendRight = carrier.take_send_right(0).unwrap();
    raw.send(Message::new(1), SOON).unwrap();
    raw.send(Message::with_payload(77, "garbage").unwrap(), SOON).unwrap();
    producer.service();
    assert_eq!(producer.statistics().refused, 2);
    present(&producer);
    next(&consumer);
}

#[test]
fn a_right_can_be_forwarded_and_its_maker_can_be_far_away() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let mut carrier = Message::new(0);
    producer.consumer_right().unwrap().attach_to(&mut carrier).unwrap();
    let port = surfaceport::port::ReceiveRight::new().unwrap();
    port.make_send().unwrap().send(carrier, SOON).unwrap();
    let mut arrived = port.receive(SOON).unwrap();
    assert_eq!(ConsumerRight::take_from(&mut arrived, 1).unwrap_err().status(), Status::InvalidArgument);
    let right = ConsumerRight::take_from(&mut arrived, 0).unwrap();
    let consumer = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
    producer.service();
    present(&producer);
    next(&consumer);
}

#[test]
fn threads_share_a_producer_and_a_consumer() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 4)).unwrap();
    let consumer = attach(&producer);
    producer.service();
    let turn = std::sync::Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let image: Image = producer.acquire(SOON).unwrap();
                    let _turn = turn.lock().unwrap();
                    let number = producer.statistics().presented + 1;
                    paint(image.surface(), number);
                    producer.present(image, &PresentInfo::default()).unwrap();
                }
            });
        }
        let takers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..500).map(|_| next(&consumer).number()).collect::<Vec<_>>()))
            .collect();
        let mut seen: Vec<u64> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=1000).collect::<Vec<_>>());
    });
}
