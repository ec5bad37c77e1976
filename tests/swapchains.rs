//! Swapchains: producer and consumers in one process, and in several real ones.
#![allow(missing_docs)]

mod process;

use std::time::Duration;

use process::Peer;
use surfaceport::message::Message;
use surfaceport::port::SendRight;
use surfaceport::surface::{LockMode, Surface, live_surfaces};
use surfaceport::swapchain::{
    Allocator, Consumer, ConsumerOptions, ConsumerRight, Frame, Image, PresentInfo, PresentMode, Producer,
    Rectangle, SwapchainOptions,
};
use surfaceport::{Status, Timeout, bootstrap};

/// What an allocator may keep, in bytes; a leak of one byte for each of a million frames would be more.
const MEMORY_NOISE: usize = 512 << 10;
const SOON: Timeout = Timeout::from_nanoseconds(10_000_000_000);

fn options(mode: PresentMode, images: u32) -> SwapchainOptions {
    SwapchainOptions { width: 64, height: 16, images, mode, ..SwapchainOptions::default() }
}

fn attach(producer: &Producer) -> Consumer {
    Consumer::attach(producer.consumer_right().unwrap(), &ConsumerOptions::default()).unwrap()
}

/// Every pixel says which frame it is of.
fn paint(surface: &Surface, number: u64) {
    let locked = surface.lock(LockMode::Write).unwrap();
    let plane = locked.plane(0).unwrap();
    let row: Vec<u8> = (number as u32).to_le_bytes().repeat(plane.width() as usize);
    (0..plane.height()).for_each(|y| plane.write_row(y, &row).unwrap());
}

/// Panics unless all pixels are of one frame, and tells which.
fn read(surface: &Surface) -> u64 {
    let locked = surface.lock(LockMode::Read).unwrap();
    let plane = locked.plane(0).unwrap();
    let mut row = vec![0; plane.row_bytes()];
    let mut seen = None;
    for y in 0..plane.height() {
        plane.read_row(y, &mut row).unwrap();
        for pixel in row.chunks_exact(4) {
            let number = u32::from_le_bytes(pixel.try_into().unwrap());
            assert_eq!(*seen.get_or_insert(number), number, "a torn frame");
        }
    }
    seen.unwrap().into()
}

fn present(producer: &Producer) -> u64 {
    let image = producer.acquire(SOON).unwrap();
    let number = producer.statistics().presented + 1;
    paint(image.surface(), number);
    assert_eq!(producer.present(image, &PresentInfo::default()).unwrap(), number);
    number
}

/// The next frame, checked.
fn next(consumer: &Consumer) -> Frame {
    let frame = consumer.acquire(SOON).unwrap();
    assert_eq!(read(frame.surface()), frame.number());
    frame
}

/// The next frame, where both sides run in one thread and may have to talk first.
fn next_of_both(producer: &Producer, consumer: &Consumer) -> Frame {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        match consumer.acquire(Timeout::NONE) {
            Ok(frame) => return frame,
            Err(error) => assert_eq!(error.status(), Status::TimedOut),
        }
        assert!(std::time::Instant::now() < deadline, "no frame comes");
        producer.service();
    }
}

fn nothing(consumer: &Consumer) -> Status {
    consumer.acquire(Timeout::NONE).unwrap_err().status()
}

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
fn resizing_keeps_the_old_frame_until_the_new_one() {
    let _alone = process::alone();
    let before = live_surfaces();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let consumer = attach(&producer);
    present(&producer);
    let old = next(&consumer);
    let unfinished = producer.acquire(SOON).unwrap();
    producer.resize(100, 50).unwrap();
    assert_eq!(producer.surface_descriptor().width, 100);
    assert_eq!(nothing(&consumer), Status::TimedOut);
    // Drawn before the resize: still good, until the first frame of the new size is there.
    paint(unfinished.surface(), 2);
    producer.present(unfinished, &PresentInfo::default()).unwrap();
    assert_eq!(next(&consumer).surface().width(), 64);
    let late = attach(&producer);
    producer.service();
    assert_eq!(next(&late).surface().width(), 64, "a late one gets the latest frame, of the old size");
    let stale = producer.acquire(SOON).unwrap();
    producer.resize(30, 20).unwrap();
    let (stale, error) = producer.present(stale, &PresentInfo::default()).unwrap_err();
    assert_eq!(error.status(), Status::WrongState);
    drop(stale);
    present(&producer);
    // Neither has looked yet at the images that the first resize made; those of the second follow.
    for consumer in [&consumer, &late] {
        let new = next_of_both(&producer, consumer);
        assert_eq!((new.surface().width(), new.surface().height(), new.number()), (30, 20, 3));
    }
    assert_eq!(read(old.surface()), 1);
    drop(old);
    // Three images of one generation: at the producer, and at each consumer.
    producer.service();
    assert_eq!(live_surfaces().count - before.count, 9, "{:?}", live_surfaces());
    drop((producer, consumer, late));
    assert_eq!(live_surfaces(), before);
}

#[test]
fn fifo_sees_every_frame_across_many_sizes() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    let consumer = attach(&producer);
    producer.service();
    let (mut size, mut expected) = (1, 1);
    for round in 0..300_u32 {
        if round % 3 == 0 {
            size = round % 200 + 1;
            producer.resize(size, 7).unwrap();
        }
        while let Ok(image) = producer.acquire(Timeout::NONE) {
            let number = producer.statistics().presented + 1;
            paint(image.surface(), number);
            assert_eq!(image.surface().width(), size);
            let info = PresentInfo { display_ns: size.into(), ..PresentInfo::default() };
            producer.present(image, &info).unwrap();
        }
        if let Ok(frame) = consumer.acquire(Timeout::NONE) {
            assert_eq!((frame.number(), read(frame.surface())), (expected, expected));
            assert_eq!(frame.info().present.display_ns, frame.surface().width().into());
            expected += 1;
        }
    }
    assert!(expected > 100, "{expected}");
}

#[test]
fn fifo_frames_of_every_size_wait_for_the_first_consumer() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    present(&producer);
    producer.resize(32, 8).unwrap();
    producer.resize(16, 8).unwrap();
    // Its images would take the place of those that a consumer has yet to get.
    assert_eq!(producer.acquire(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    let consumer = attach(&producer);
    let first = next_of_both(&producer, &consumer);
    assert_eq!((first.number(), first.surface().width()), (1, 64));
    let image = loop {
        match producer.acquire(Timeout::NONE) {
            Ok(image) => break image,
            Err(error) => assert_eq!(error.status(), Status::TimedOut),
        }
        // It gets the images of the new size before a frame of it.
        assert_eq!(nothing(&consumer), Status::TimedOut);
    };
    paint(image.surface(), 2);
    producer.present(image, &PresentInfo::default()).unwrap();
    let second = next(&consumer);
    assert_eq!((second.number(), second.surface().width()), (2, 16));
}

#[test]
fn frames_of_an_old_size_end_with_the_consumer_that_had_its_images() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Fifo, 3)).unwrap();
    let right = producer.consumer_right().unwrap();
    let consumer = attach(&producer);
    producer.service();
    assert_eq!(nothing(&consumer), Status::TimedOut);
    present(&producer);
    producer.resize(32, 8).unwrap();
    present(&producer);
    drop(consumer);
    let next_one = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
    let frame = next_of_both(&producer, &next_one);
    assert_eq!((frame.number(), frame.surface().width()), (2, 32));
}

#[test]
fn a_consumer_that_sleeps_through_resizes_does_not_collect_their_memory() {
    let _alone = process::alone();
    let producer = Producer::create(&options(PresentMode::Mailbox, 3)).unwrap();
    let consumer = attach(&producer);
    present(&producer);
    next(&consumer);
    let before = live_surfaces().count;
    for size in 1..200 {
        producer.resize(size, size).unwrap();
        present(&producer);
    }
    assert_eq!(live_surfaces().count, before, "the producer has one generation");
    // One generation was on its way; the newest comes behind it.
    let newest = next_of_both(&producer, &consumer);
    assert_eq!((newest.surface().width(), newest.number()), (199, 200));
}

#[test]
fn the_consumer_can_make_the_images() {
    let _alone = process::alone();
    for mode in [PresentMode::Mailbox, PresentMode::Fifo] {
        let asked = SwapchainOptions { allocator: Allocator::Consumer, ..options(mode, 3) };
        let producer = Producer::create(&asked).unwrap();
        assert_eq!(producer.acquire(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        let consumer = attach(&producer);
        let late = attach(&producer);
        for size in [64, 10] {
            producer.resize(size, 16).unwrap();
            while producer.acquire(Timeout::NONE).map(drop).is_err() {
                assert_eq!(nothing(&consumer), Status::TimedOut);
                assert_eq!(nothing(&late), Status::TimedOut);
            }
            let number = present(&producer);
            for consumer in [&consumer, &late] {
                let frame = next(consumer);
                assert_eq!((frame.number(), frame.surface().width()), (number, size));
            }
        }
    }
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

/// Looks the test up by its name and hands it the right to consume what this process produces.
fn offer(name: &str, producer: &Producer) {
    let host = bootstrap::look_up(name, SOON).unwrap();
    let mut message = Message::new(0);
    producer.consumer_right().unwrap().attach_to(&mut message).unwrap();
    host.send(message, SOON).unwrap();
}

fn accept(port: &surfaceport::port::ReceiveRight) -> Consumer {
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
                    let now = (process::open_descriptors(), process::resident_bytes());
                    let first = steady.get_or_insert(now);
                    assert!(now.0 == first.0 && now.1 < first.1 + MEMORY_NOISE, "{first:?} became {now:?}");
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

peers! { "produce" => produce }

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
            let counts = (process::open_descriptors(), process::shared_mappings(), live_surfaces());
            let (first, memory) = steady.get_or_insert_with(|| (counts.clone(), process::resident_bytes()));
            assert_eq!(*first, counts);
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
    let before = (process::open_descriptors(), process::shared_mappings(), live_surfaces());
    for round in 0..20 {
        let mut peer = Peer::start("produce", &format!("{name} 4"));
        let consumer = accept(&port);
        let mut kept = None;
        for _ in 0..round {
            kept = Some(next(&consumer));
        }
        peer.kill();
        let number = loop {
            match consumer.acquire(Timeout::after(Duration::from_secs(1))) {
                Ok(frame) => kept = Some(frame),
                Err(error) => break error,
            }
        };
        assert_eq!(number.status(), Status::PeerDead);
        if let Some(frame) = &kept {
            assert_eq!(read(frame.surface()), frame.number(), "the last frame can be kept");
        }
        drop((consumer, kept));
        // The dead one's lane to our port goes with the next look at it.
        assert_eq!(port.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        let after = (process::open_descriptors(), process::shared_mappings(), live_surfaces());
        assert_eq!(after, before, "round {round}");
    }
}
