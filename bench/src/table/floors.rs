//! The floors of the machine, in the same run as everything else.

use anyhow::Result;
use surfaceport::time;

use super::connect;
use crate::Options;
use crate::contender::{Contender, Plan};
use crate::report::{Table, Unit};
use crate::samples::Series;

const CONTENDERS: [Contender; 4] =
    [Contender::FloorEventfd, Contender::FloorFutex, Contender::FloorCacheLine, Contender::FloorDescriptor];
/// More than the caches hold.
const COPIED: usize = 64 << 20;
/// In the second cache.
const COPIED_NEAR: usize = 256 << 10;

pub(crate) fn run(options: &Options) -> Result<Vec<Table>> {
    let plan = |contender| Plan { contender, capacity: 8, depth: 1, size: (0, 0), in_order: false };
    let mut connections = connect(&CONTENDERS, options, plan)?;
    let mut wakes = vec![Series::default(); CONTENDERS.len()];
    let (mut exchanges, mut clocks) = (Series::default(), Series::default());
    let (mut far, mut near) = (Series::default(), Series::default());
    let count = options.count(5000, 200);
    for connection in &mut connections {
        connection.paced(8, 0, count / 4)?;
    }
    for _ in 0..options.rounds {
        for (connection, series) in connections.iter_mut().zip(&mut wakes) {
            series.push(&connection.paced(8, 0, count)?);
        }
        exchanges.push(
            &connections[2]
                .ping_pong(options.count(2000, if options.pinning.is_shared() { 5 } else { 100 }))?,
        );
        clocks.push_value(clock());
        far.push_value(copy(COPIED, options.count(16, 2)));
        near.push_value(copy(COPIED_NEAR, options.count(4096, 256)));
    }

    let mut times = Table::new("floors", "Floors of the machine: one way", Unit::Nanoseconds);
    for (contender, series) in CONTENDERS.iter().zip(&wakes) {
        times.add("one way", 0.0, contender.name(), series);
    }
    times.add("one way", 0.0, "cache line, 100 exchanges by the clock", &exchanges);
    times.add("one way", 0.0, "a look at the clock", &clocks);
    times.note("The sleeping ones sleep: 20 µs pass between the arrival of one and the sending of the next.");
    times.note("What has a stamp has one or two looks at the clock in it, as all latencies of this report.");
    let mut copies = Table::new("memcpy", "Floors of the machine: memcpy", Unit::BytesPerSecond);
    copies.add("64 MiB", COPIED as f64, "memcpy", &far);
    copies.add("256 KiB", COPIED_NEAR as f64, "memcpy", &near);
    Ok(vec![times, copies])
}

/// Nanoseconds of a look at the clock.
fn clock() -> f64 {
    const LOOKS: i64 = 100_000;
    let begin = time::now();
    for _ in 0..LOOKS {
        std::hint::black_box(time::now());
    }
    (time::now() - begin) as f64 / LOOKS as f64
}

/// Bytes a second.
fn copy(length: usize, count: usize) -> f64 {
    let from = vec![1_u8; length];
    let mut to = vec![2_u8; length];
    let begin = time::now();
    for _ in 0..count {
        std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from));
    }
    (length * count) as f64 * 1e9 / (time::now() - begin).max(1) as f64
}
