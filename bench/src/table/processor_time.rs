//! What 10 seconds of 1080p at 60 Hz take of the processors, in both processes together.

use anyhow::Result;

use super::frames::frame_plan;
use super::{connect, gstreamer};
use crate::Options;
use crate::contender::{Contender, Plan};
use crate::report::{Table, Unit};
use crate::samples::Series;

/// Those that look without a pause take a whole processor, whatever they do.
const CONTENDERS: [Contender; 7] = [
    Contender::Swapchain,
    Contender::Socket,
    Contender::Copied,
    Contender::IpcMemory,
    Contender::IpcMemoryInPlace,
    Contender::IceoryxEvents,
    Contender::FloorEventfd,
];
/// Nanoseconds between two frames.
const TICK: u64 = 16_666_667;
/// Frames of 10 seconds.
const FRAMES: usize = 600;

pub(crate) fn run(options: &Options) -> Result<Vec<Table>> {
    // Who counts frames waits for each, so a late one must not be replaced.
    let plan = |contender| Plan { in_order: true, ..frame_plan(contender, 1920, 1080) };
    let mut connections = connect(&CONTENDERS, options, plan)?;
    let mut all = vec![Series::default(); CONTENDERS.len()];
    // All rounds together are 10 seconds, or more.
    let count = options.count(FRAMES.div_ceil(options.rounds), 20).max(20);
    for connection in &mut connections {
        connection.paced(connection.plan.capacity, 0, 20)?;
    }
    let mut gstreamer = gstreamer::is_installed().then(Series::default);
    for _ in 0..options.rounds {
        for (connection, series) in connections.iter_mut().zip(&mut all) {
            let taken = connection.clocked(connection.plan.capacity, TICK, count)?;
            series.push_value(taken as f64 * FRAMES as f64 / count as f64);
        }
        if let Some(series) = &mut gstreamer {
            let taken = gstreamer::hand_over(count, options.pinning)?;
            series.push_value(taken * FRAMES as f64 / count as f64);
        }
    }
    let title = "Processor time of both processes for 10 s of 1080p at 60 Hz";
    let mut table = Table::new("processor-time", title, Unit::Nanoseconds);
    for (contender, series) in CONTENDERS.iter().zip(&all) {
        table.add("10 s", 0.0, contender.name(), series);
    }
    match &gstreamer {
        Some(series) => {
            table.add("10 s", 0.0, gstreamer::NAME, series);
            table.note("GStreamer's, without its drawing and its timer, is the difference of runs, in ticks of 10 ms.");
        }
        None => table.note(gstreamer::note()),
    }
    table.compare_to(Contender::Swapchain.name());
    table.note("The swapchain is one in which each frame is taken, as with the others.");
    table.note("The producer's timer is in it, the same for each; nothing is drawn but a few pixels.");
    table.note("The eventfd hands nothing over: it is what the timer and a wake take.");
    table.note("Left out: consumers that look without a pause, which take a whole processor.");
    Ok(vec![table, idle(options)?])
}

/// Both sides of what is connected, while nothing is sent.
fn idle(options: &Options) -> Result<Table> {
    const IDLERS: [Contender; 3] = [Contender::Swapchain, Contender::Ours, Contender::FloorEventfd];
    let pause = options.count(10, 1) as u64 * 1_000_000_000;
    let title = format!(
        "Processor time of both processes for two messages and {} s between them",
        pause / 1_000_000_000
    );
    let mut table = Table::new("idle", &title, Unit::Nanoseconds);
    let plan = |contender| Plan { in_order: true, ..frame_plan(contender, 64, 64) };
    for mut connection in connect(&IDLERS, options, plan)? {
        let capacity = connection.plan.capacity;
        // So that a channel has its ring, and who learns has learnt that waits are short.
        connection.paced(capacity, 0, 200)?;
        let mut series = Series::default();
        series.push_value(connection.clocked(capacity, pause, 2)? as f64);
        table.add("idle", 0.0, connection.plan.contender.name(), &series);
    }
    table.note("Measured once, not in rounds.");
    Ok(table)
}
