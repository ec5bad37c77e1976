//! Children that are killed at any moment: the host learns it at once and gets back everything.
#![allow(missing_docs)]

mod process;

use std::time::{Duration, Instant};

use process::session::*;
use surfaceport::message::Message;
use surfaceport::session::{Child, ChildExit};
use surfaceport::surface::{LockMode, live_surfaces};
use surfaceport::swapchain::{PresentInfo, PresentMode, SwapchainOptions};
use surfaceport::{Status, Timeout};

peers! {
    "draw" => draw,
    "kill who draws" => kill_who_draws,
    "victim" => |_| victim(),
    "kill who works" => kill_who_works,
}

/// How often, on a system where starting a process is cheap, and elsewhere.
const KILLS: &str = if cfg!(target_os = "linux") { "500" } else { "25" };

/// Presents without an end, in the mode and with the images that the argument says, and talks meanwhile.
fn draw(argument: &str) {
    let seed: u32 = argument.parse().unwrap();
    let mode = if seed.is_multiple_of(2) { PresentMode::Mailbox } else { PresentMode::Fifo };
    let options = SwapchainOptions { images: 2 + seed % 3, mode, ..swapchain_options() };
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

#[test]
fn one_that_draws_leaves_nothing() {
    in_a_process_of_its_own("kill who draws", KILLS);
}

fn kill_who_draws(count: &str) {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut slowest = Duration::ZERO;
    let mut round = |seed: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let host = spawn("draw", &seed.to_string());
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
                match frames.acquire(Timeout::after(AT_ONCE)) {
                    Ok(frame) => kept.push(frame),
                    Err(error) => break error.status(),
                }
                if kept.len() > 4 {
                    kept.clear();
                }
            };
            assert_eq!(end, Status::PeerDead, "kill {seed}");
        }
        assert_eq!(host.wait_exit(Timeout::after(AT_ONCE)).unwrap(), ChildExit::Signalled(9));
        slowest = slowest.max(killed.elapsed());
    };
    round(0);
    let before = process::held();
    for seed in 1..=count.parse().unwrap() {
        round(seed);
        before.is_all(&format!("kill {seed}"));
        assert_eq!(live_surfaces().count, 0);
    }
    assert!(slowest < AT_ONCE, "{slowest:?}");
}

#[test]
fn one_that_does_a_bit_of_everything_leaves_nothing() {
    in_a_process_of_its_own("kill who works", KILLS);
}

fn kill_who_works(count: &str) {
    let mut random = u64::from(std::process::id());
    let mut round = |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Timeout::after(Duration::from_nanos((random >> 33) % limit));
        let host = spawn("victim", "");
        // Works with the child up to a random moment.
        let deadline = Instant::now() + Duration::from_nanos((random >> 33) % limit);
        let _ = host.wait_connected(moment);
        while Instant::now() < deadline && host.is_connected() {
            let _ = host.accept_consumer_right(Timeout::NONE);
            let _ = host.channel(SOON).unwrap().receive(Timeout::NONE);
        }
        host.kill().unwrap();
        let killed = Instant::now();
        let error = wait_end(&host);
        assert_eq!(error.status(), Status::PeerDead, "{error}");
        assert!(killed.elapsed() < AT_ONCE, "{:?}", killed.elapsed());
        assert!(error.message().contains("signal 9"), "{error}");
        assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Signalled(9));
        host.is_connected()
    };
    assert!(!round(1));
    let before = process::held();
    for kill in 0..count.parse().unwrap() {
        // A start takes some milliseconds on a fast system and some hundred on a slow one.
        assert!(!round(if cfg!(target_os = "linux") { 20_000_000 } else { 500_000_000 }));
        before.is_all(&format!("kill {kill}"));
    }
}
