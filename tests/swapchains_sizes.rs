//! Swapchains whose images change: by a new size, and by who makes them.
#![allow(missing_docs)]

mod process;

use process::swapchain::*;
use surfaceport::Status;
use surfaceport::Timeout;
use surfaceport::surface::live_surfaces;
use surfaceport::swapchain::{
    Allocator, Consumer, ConsumerOptions, PresentInfo, PresentMode, Producer, SwapchainOptions,
};

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
