//! Frames: from *present* in one process to *acquired* in another.

use anyhow::Result;

use super::{connect, gstreamer};
use crate::Options;
use crate::contender::{Contender, Plan};
use crate::report::{Table, Unit};
use crate::samples::Series;

const CONTENDERS: [Contender; 10] = [
    Contender::Swapchain,
    Contender::SwapchainAsleep,
    Contender::SwapchainBusy,
    Contender::Socket,
    Contender::Copied,
    Contender::IpcMemory,
    Contender::IpcMemoryInPlace,
    Contender::Iceoryx,
    Contender::IceoryxEvents,
    Contender::FloorEventfd,
];
const SIZES: [(&str, u32, u32); 5] =
    [("64 × 64", 64, 64), ("720p", 1280, 720), ("1080p", 1920, 1080), ("4K", 3840, 2160), ("8K", 7680, 4320)];
/// Bytes that a way which copies moves in a round.
const COPIED: usize = 3 << 30;

pub(crate) fn frame_plan(contender: Contender, width: u32, height: u32) -> Plan {
    let capacity = width as usize * height as usize * 4;
    Plan { contender, capacity, depth: 2, size: (width, height), in_order: false }
}

fn copies(contender: Contender) -> bool {
    matches!(contender, Contender::Socket | Contender::Copied | Contender::IpcMemory)
}

pub(crate) fn run(options: &Options) -> Result<Vec<Table>> {
    let mut all = vec![vec![Series::default(); CONTENDERS.len()]; SIZES.len()];
    let mut sizes = Vec::new();
    for (_, width, height) in SIZES {
        sizes.push(connect(&CONTENDERS, options, |contender| frame_plan(contender, width, height))?);
    }
    for round in 0..=options.rounds {
        for (connections, series) in sizes.iter_mut().zip(&mut all) {
            for (connection, series) in connections.iter_mut().zip(series) {
                let Plan { contender, capacity, .. } = connection.plan;
                let most = if copies(contender) { (COPIED / capacity).max(20) } else { usize::MAX };
                let count = options.count(1000.min(most), 20);
                let latencies = connection.paced(capacity, 0, count)?;
                // The first round is there to warm up.
                if round > 0 {
                    series.push(&latencies);
                }
            }
        }
    }
    let mut table = Table::new("frames", "Frames, BGRA: from present to acquired", Unit::Nanoseconds);
    for ((name, width, height), series) in SIZES.iter().zip(&all) {
        for (contender, series) in CONTENDERS.iter().zip(series) {
            table.add(*name, f64::from(width * height), contender.name(), series);
        }
    }
    table.compare_to(Contender::Swapchain.name());
    table.note("Both sides touch a few pixels of each frame, and no more: what is left is the hand-off.");
    table.note("Copied once, into the shared memory; such a consumer has to copy once more before the next frame, which \
                is not counted.");
    table.note("ipc-channel in place: unsafe code, three images that are sent again and again.");
    table.note("20 µs pass between the acquiring of one and the presenting of the next: who sleeps, does. Ours watches \
                for 50 µs before it sleeps, unless it is told not to.");
    table.note("The eventfd hands nothing over: it is what a wake takes.");
    table.note(gstreamer::note());
    Ok(vec![table])
}
