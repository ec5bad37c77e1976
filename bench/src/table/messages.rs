//! Small messages, of lengths as a browser's were counted: there and back, one way, and as many as possible.

use anyhow::Result;

use super::connect;
use crate::Options;
use crate::contender::{Contender, Plan};
use crate::lengths::LARGEST;
use crate::measure::Connection;
use crate::report::{Table, Unit};
use crate::samples::Series;

const CONTENDERS: [Contender; 7] = [
    Contender::Ours,
    Contender::OursAsleep,
    Contender::IpcChannel,
    Contender::Iceoryx,
    Contender::IceoryxEvents,
    Contender::Socket,
    Contender::Fifo,
];
/// Messages that may be under way, where that has to be said.
const DEPTH: usize = 64;
/// The most bytes of a round, of messages of one size.
const FLOOD: usize = 256 << 20;
/// Sizes of the plot of throughput, in bytes.
const SIZES: [usize; 5] = [16, 64, 256, 1024, 8192];
const LENGTHS: &str = "Lengths: 51 % of 49 to 64 bytes, 25 % of 21 to 27, 12 % of 12 to 15, 90 % under 65, 99.9 % \
                       under 2400.";
const MAKING: &str = "To make a message of a program's bytes is part of what is measured.";

pub(crate) fn run(options: &Options) -> Result<Vec<Table>> {
    let plan = |contender| Plan { contender, capacity: LARGEST, depth: DEPTH, size: (0, 0), in_order: false };
    let mut connections = connect(&CONTENDERS, options, plan)?;
    let (pairs, one_way) = (options.count(5000, 300), options.count(2000, 300));
    for connection in &mut connections {
        connection.round_trips(0, pairs)?;
        connection.flood(0, 0, one_way)?;
    }
    let new = || vec![Series::default(); CONTENDERS.len()];
    let (mut trips, mut singles, mut floods) = (new(), new(), new());
    let mut sizes = vec![new(); SIZES.len()];
    for round in 1..=options.rounds as u64 {
        for (place, connection) in connections.iter_mut().enumerate() {
            trips[place].push(&connection.round_trips(round, pairs)?);
            singles[place].push(&connection.paced(0, round, one_way)?);
            floods[place].push_value(flood(connection, 0, round, options)?);
            for (size, series) in SIZES.iter().zip(&mut sizes) {
                series[place].push_value(flood(connection, *size, round, options)?);
            }
        }
    }

    let table = |name, title: &str, unit, all: &[Series]| {
        let mut table = Table::new(name, title, unit);
        for (contender, series) in CONTENDERS.iter().zip(all) {
            table.add("drawn", 0.0, contender.name(), series);
        }
        table.note(LENGTHS);
        if name != "one-way" {
            table.note(MAKING);
        }
        table.compare_to(Contender::Ours.name());
        table
    };
    let trips = table("round-trip", "Small messages: there and back", Unit::Nanoseconds, &trips);
    let mut singles = table(
        "one-way",
        "Small messages: one way, each when the one before has arrived",
        Unit::Nanoseconds,
        &singles,
    );
    singles.note("From the moment at which the bytes are ready, as in table E.");
    singles.note("20 µs pass between the arrival of one and the sending of the next: who sleeps, does.");
    let mut floods = table("throughput", "Small messages: as many as possible", Unit::PerSecond, &floods);
    for (size, series) in SIZES.iter().zip(&sizes) {
        for (contender, series) in CONTENDERS.iter().zip(series) {
            floods.add(format!("{size} B"), *size as f64, contender.name(), series);
        }
    }
    floods.compare_to(Contender::Ours.name());
    Ok(vec![trips, singles, floods])
}

/// Slow ones, and long messages, need fewer for a round that is long enough.
fn flood(connection: &mut Connection, length: usize, round: u64, options: &Options) -> Result<f64> {
    let count = match connection.plan.contender {
        Contender::Ours | Contender::OursAsleep | Contender::Iceoryx => options.count(500_000, 20_000),
        _ => options.count(100_000, 5_000),
    };
    connection.flood(length, round, count.min(FLOOD / length.max(1)))
}
