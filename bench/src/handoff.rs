//! From *present* in one process to *acquired* in another that slept: does the size of a frame matter?

use std::time::Duration;

use anyhow::{Context, Result, bail};
use surfaceport::message::Message;
use surfaceport::session::{Child, Host, SpawnOptions};
use surfaceport::surface::LockMode;
use surfaceport::swapchain::{Consumer, PresentInfo, Producer, SwapchainOptions};
use surfaceport::{Timeout, time};

const SIZES: [(u32, u32); 3] = [(64, 64), (1920, 1080), (3840, 2160)];
const ROUNDS: usize = 9;
const FRAMES: usize = 1000;
const WARM_UP: usize = 200;
/// Bytes that the child writes before each frame, in place of drawing.
const DRAWING: usize = 4 << 20;
const SOON: Timeout = Timeout::from_nanoseconds(10_000_000_000);

/// Each on its own processor, so that a round does not depend on where the scheduler puts them.
fn pin(processor: usize) -> Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(processor);
    // A machine with one processor, or a container that forbids it, measures unpinned.
    let _ = rustix::thread::sched_setaffinity(None, &set);
    Ok(())
}

/// The drawing process: one swapchain for each size, a frame whenever the host asks for one.
pub(crate) fn child() -> Result<()> {
    pin(1)?;
    let host = Child::connect(SOON)?;
    let producers: Vec<Producer> = SIZES
        .iter()
        .map(|(width, height)| {
            let options = SwapchainOptions { width: *width, height: *height, ..SwapchainOptions::default() };
            host.create_producer(&options)
        })
        .collect::<surfaceport::Result<_>>()?;
    let mut work = vec![0_u8; DRAWING];
    loop {
        let Ok(order) = host.channel().receive(Timeout::FOREVER) else { return Ok(()) };
        let producer = producers.get(order.id() as usize).context("an order for a size that is there")?;
        let image = producer.acquire(SOON)?;
        // The same work before each frame, whatever its size: the consumer is asleep when it is presented, and the
        // caches are as cold. What is left of the size is what the hand-off makes of it.
        let value = order.payload().first().copied().unwrap_or(0);
        std::hint::black_box(&mut work).fill(value);
        let locked = image.surface().lock(LockMode::Write)?;
        let plane = locked.plane(0)?;
        plane.write_row(0, &[value; 64])?;
        drop(locked);
        if producer.present(image, &PresentInfo::default()).is_err() {
            bail!("a frame could not be presented");
        }
    }
}

struct Series {
    consumer: Consumer,
    /// Of each round, in nanoseconds.
    medians: Vec<i64>,
    p99s: Vec<i64>,
}

pub(crate) fn run() -> Result<()> {
    pin(0)?;
    let program = std::env::current_exe()?;
    let host = Host::spawn(&SpawnOptions::new([program.as_os_str(), "child".as_ref()]))?;
    let mut series: Vec<Series> = SIZES
        .iter()
        .map(|_| Ok(Series { consumer: host.accept_consumer(SOON)?, medians: vec![], p99s: vec![] }))
        .collect::<Result<_>>()?;
    for (size, series) in series.iter_mut().enumerate() {
        measure(&host, size as u32, series, WARM_UP)?;
        (series.medians, series.p99s) = Default::default();
    }
    for _ in 0..ROUNDS {
        for (size, series) in series.iter_mut().enumerate() {
            measure(&host, size as u32, series, FRAMES)?;
        }
    }
    println!(
        "present to acquired, the consumer asleep; {ROUNDS} rounds of {FRAMES} frames each, sizes in turn"
    );
    println!("{:>12} {:>12} {:>12} {:>12} {:>8}", "size", "median", "spread", "p99", "ratio");
    let first = median(&mut series[0].medians.clone());
    for ((width, height), series) in SIZES.iter().zip(&mut series) {
        let middle = median(&mut series.medians);
        let spread = series.medians.last().unwrap_or(&0) - series.medians.first().unwrap_or(&0);
        println!(
            "{:>12} {:>9} ns {:>9} ns {:>9} ns {:>8.3}",
            format!("{width}x{height}"),
            middle,
            spread,
            median(&mut series.p99s),
            middle as f64 / first as f64
        );
    }
    Ok(())
}

/// Sorts, too.
fn median(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn measure(host: &Host, size: u32, series: &mut Series, frames: usize) -> Result<()> {
    let channel = host.channel(SOON)?;
    let mut latencies = Vec::with_capacity(frames);
    for n in 0..frames {
        channel.send(Message::with_payload(size, [n as u8])?, SOON).map_err(surfaceport::Error::from)?;
        let frame = series.consumer.acquire(Timeout::after(Duration::from_secs(10)))?;
        latencies.push(time::now() - frame.info().presented_ns);
    }
    series.medians.push(median(&mut latencies));
    series.p99s.push(latencies[frames * 99 / 100]);
    Ok(())
}
