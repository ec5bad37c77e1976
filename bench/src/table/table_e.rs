//! Table E: one way, over the size of a message, at the 98th percentile.

use anyhow::Result;

use super::connect;
use crate::Options;
use crate::contender::{Contender, Plan};
use crate::lengths::TABLE_E;
use crate::report::{Table, Unit};
use crate::samples::Series;

const CONTENDERS: [Contender; 9] = [
    Contender::Ours,
    Contender::OursAsleep,
    Contender::OursOutOfLine,
    Contender::OursInPlace,
    Contender::Fifo,
    Contender::Socket,
    Contender::IpcChannel,
    Contender::Iceoryx,
    Contender::IceoryxEvents,
];

pub(crate) fn run(options: &Options) -> Result<Vec<Table>> {
    let largest = TABLE_E.into_iter().max().unwrap_or(0);
    let plan = |contender| Plan { contender, capacity: largest, depth: 2, size: (0, 0), in_order: false };
    let mut connections = connect(&CONTENDERS, options, plan)?;
    let count = options.count(2000, 50);
    let mut all = vec![vec![Series::default(); CONTENDERS.len()]; TABLE_E.len()];
    for connection in &mut connections {
        connection.paced(TABLE_E[0], 0, count)?;
    }
    for _ in 0..options.rounds {
        for (length, series) in TABLE_E.iter().zip(&mut all) {
            for (connection, series) in connections.iter_mut().zip(series) {
                // What was learnt of another size is forgotten, and pages of this size are there.
                connection.paced(*length, 0, count / 20)?;
                series.push(&connection.paced(*length, 0, count)?);
            }
        }
    }
    let mut table = Table::new("table-e", "Table E: one way, over the size", Unit::Nanoseconds);
    for (length, series) in TABLE_E.iter().zip(&all) {
        for (contender, series) in CONTENDERS.iter().zip(series) {
            table.add(format!("{length} B"), *length as f64, contender.name(), series);
        }
    }
    table.compare_to(Contender::Ours.name());
    table.note(
        "From the moment at which the bytes are ready, where each system has them at its best: in a buffer, \
                or in its shared memory; until the receiver has read the first and the last of them.",
    );
    table.note(
        "The channel decides by itself which way a message's bytes go: through the ring up to 16 KiB, through \
                the region beside it up to 8 MiB.",
    );
    table.note(
        "Out of line: a new region for each message, made before the time begins. In place: one region for \
                all, sent once; a message says that it is filled.",
    );
    table.note("20 µs pass between the arrival of one and the sending of the next: who sleeps, does.");
    Ok(vec![table])
}
