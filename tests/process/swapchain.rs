//! Swapchains whose frames say in each pixel which one they are.

use std::time::Duration;

use surfaceport::surface::{LockMode, Surface};
use surfaceport::swapchain::{
    Consumer, ConsumerOptions, Frame, PresentInfo, PresentMode, Producer, SwapchainOptions,
};
use surfaceport::{Status, Timeout};

/// Far beyond what anything here takes; it only keeps a failing test from hanging.
pub const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

pub fn options(mode: PresentMode, images: u32) -> SwapchainOptions {
    SwapchainOptions { height: 16, images, mode, ..super::plain::swapchain_options() }
}

pub fn attach(producer: &Producer) -> Consumer {
    Consumer::attach(producer.consumer_right().unwrap(), &ConsumerOptions::default()).unwrap()
}

/// Every pixel says which frame it is of.
pub fn paint(surface: &Surface, number: u64) {
    let locked = surface.lock(LockMode::Write).unwrap();
    let plane = locked.plane(0).unwrap();
    let row: Vec<u8> = (number as u32).to_le_bytes().repeat(plane.width() as usize);
    (0..plane.height()).for_each(|y| plane.write_row(y, &row).unwrap());
}

/// Panics unless all pixels are of one frame, and tells which.
pub fn read(surface: &Surface) -> u64 {
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

pub fn present(producer: &Producer) -> u64 {
    let image = producer.acquire(SOON).unwrap();
    let number = producer.statistics().presented + 1;
    paint(image.surface(), number);
    assert_eq!(producer.present(image, &PresentInfo::default()).unwrap(), number);
    number
}

/// The next frame, checked.
pub fn next(consumer: &Consumer) -> Frame {
    let frame = consumer.acquire(SOON).unwrap();
    assert_eq!(read(frame.surface()), frame.number());
    frame
}

/// The next frame, where both sides run in one thread and may have to talk first.
pub fn next_of_both(producer: &Producer, consumer: &Consumer) -> Frame {
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

pub fn nothing(consumer: &Consumer) -> Status {
    consumer.acquire(Timeout::NONE).unwrap_err().status()
}
