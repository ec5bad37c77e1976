//! Does what a frame and a message consist of, again and again, for tools that count: `cargo xtask costs`.
//!
//! `awake` has both sides in one thread, so that each finds its work at once and nobody ever waits. `asleep` has them in
//! two processes in lock step: each call is made while the other side sleeps for what it does. Both say by marks, which
//! strace shows, where a call begins and ends; callgrind counts in the functions of `call.rs`.

mod asleep;
mod awake;
mod call;
mod mark;
mod peer;

use anyhow::{Result, bail};
use surfaceport::Timeout;
use surfaceport::message::Message;
use surfaceport::swapchain::{PresentInfo, SwapchainOptions};

/// The first block warms up, and does not count.
const BLOCKS: usize = 9;
/// Bytes of a small message.
const SMALL: usize = 100;
/// Long enough for everything that does not hang.
const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["awake"] => awake::run(),
        ["asleep"] => asleep::run_host(),
        [asleep::CHILD] => asleep::run_child(),
        _ => bail!("say `awake` or `asleep`; `cargo xtask costs` does, and counts"),
    }
}

/// Does a round so often in each block.
fn in_blocks(rounds: usize, mut round: impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 0..BLOCKS {
        for _ in 0..rounds {
            round()?;
        }
        mark::end_block();
    }
    Ok(())
}

fn swapchain(images: u32) -> SwapchainOptions {
    SwapchainOptions { width: 64, height: 64, images, ..SwapchainOptions::default() }
}

fn present_info() -> PresentInfo {
    PresentInfo { user: [1; 64], ..PresentInfo::default() }
}

fn small_message() -> Result<Message> {
    Ok(Message::with_payload(1, vec![1; SMALL])?)
}
