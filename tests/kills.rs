//! A child that is killed at any moment: the host learns it at once and gets back everything.
#![allow(missing_docs)]
// Counts what the process has open, as Linux lists it.
#![cfg(target_os = "linux")]

mod process;

use std::time::{Duration, Instant};

use surfaceport::message::Message;
use surfaceport::session::{Child, ChildExit, Host, SpawnOptions};
use surfaceport::surface::{LockMode, live_surfaces};
use surfaceport::swapchain::{PresentInfo, PresentMode, SwapchainOptions};
use surfaceport::{Status, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(10_000_000_000);
const KILLS: usize = 500;

/// Presents without an end, in the mode and with the images that the argument says, and talks meanwhile.
fn draw(argument: &str) {
    let seed: u32 = argument.parse().unwrap();
    let mode = if seed.is_multiple_of(2) { PresentMode::Mailbox } else { PresentMode::Fifo };
    let options =
        SwapchainOptions { width: 64, height: 64, images: 2 + seed % 3, mode, ..SwapchainOptions::default() };
    let host = Child::connect(SOON).unwrap();
    let producer = host.create_producer(&options).unwrap();
    for n in 0_u32.. {
        let Ok(image) = producer.acquire(SOON) else { return };
        image.surface().lock(LockMode::Write).unwrap().plane(0).unwrap().write_row(0, &[n as u8; 4]).unwrap();
        if producer.present(image, &PresentInfo::default()).is_err() {
            return;
        }
        if n % 16 == 0 {
            let _ = host.channel().send(Message::new(n), Timeout::NONE);
        }
        if n % 64 == 63 {
            producer.resize(16 + n % 100, 64).unwrap();
        }
    }
}

peers! { "draw" => draw }

fn spawn(seed: usize) -> Host {
    let mut options = SpawnOptions::new(process::arguments());
    options.environment.extend(
        process::environment("draw", &seed.to_string()).map(|(name, value)| (name.into(), value.into())),
    );
    Host::spawn(&options).unwrap()
}

fn left() -> (usize, usize, usize) {
    (process::open_descriptors(), process::shared_mappings(), live_surfaces().count)
}

#[test]
fn five_hundred_kills_leave_nothing() {
    let _alone = process::alone();
    let before = left();
    let mut slowest = Duration::ZERO;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for seed in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let host = spawn(seed);
        // From before the hello to some way into the stream.
        let frames = if random.is_multiple_of(8) { None } else { Some(host.accept_consumer(SOON).unwrap()) };
        let mut kept = Vec::new();
        if let Some(frames) = &frames {
            for _ in 0..random >> 8 & 31 {
                kept = vec![frames.acquire(SOON).unwrap()];
            }
        }
        host.kill().unwrap();
        let killed = Instant::now();
        if let Some(frames) = &frames {
            let end = loop {
                match frames.acquire(Timeout::after(Duration::from_secs(1))) {
                    Ok(frame) => kept.push(frame),
                    Err(error) => break error.status(),
                }
                if kept.len() > 4 {
                    kept.clear();
                }
            };
            assert_eq!(end, Status::PeerDead, "kill {seed}");
        }
        assert_eq!(host.wait_exit(Timeout::after(Duration::from_secs(1))).unwrap(), ChildExit::Signalled(9));
        slowest = slowest.max(killed.elapsed());
        drop((host, frames, kept));
        assert_eq!(left(), before, "kill {seed}");
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}
