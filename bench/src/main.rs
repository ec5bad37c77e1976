//! Measures the library, and beside it what a program could use instead, between real processes: `cargo xtask bench`.
//!
//! The host is this process, the children are this program again, in a role; both are pinned. All contenders of a table
//! are connected at the beginning and take turns in rounds, A B C A B C, so that a machine whose speed drifts moves them
//! together: what counts is the ratio.

mod contender;
mod desk;
mod lengths;
mod machine;
mod measure;
mod peer;
mod pin;
mod plot;
mod report;
mod samples;
mod shared;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use crate::machine::Machine;
use crate::peer::{Assignment, Role, Seat};
use crate::pin::{Pinning, pin};
use crate::report::Report;
use crate::table::{Name, scale, startup};

/// Measures surfaceport beside what else a program could use.
#[derive(Parser)]
struct Arguments {
    /// Only these tables; all of them if none is named.
    #[arg(value_enum, value_name = "TABLE")]
    tables: Vec<Name>,
    /// How often each contender has its turn.
    #[arg(long)]
    rounds: Option<usize>,
    /// Few rounds of few messages: whether it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// Both sides on one processor.
    #[arg(long)]
    one_processor: bool,
    /// Where the report is written.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

/// How a run is done.
#[derive(Clone, Debug)]
struct Options {
    rounds: usize,
    is_quick: bool,
    pinning: Pinning,
}

impl Options {
    /// How many messages of a round, and in a quick run.
    fn count(&self, count: usize, quick: usize) -> usize {
        if self.is_quick { quick } else { count }
    }
}

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.as_slice() {
        [_, child, assignment] if child == "child" => run_child(&serde_json::from_str(assignment)?),
        _ => run_host(Arguments::parse()),
    }
}

fn run_host(arguments: Arguments) -> Result<()> {
    let options = Options {
        rounds: arguments.rounds.unwrap_or(if arguments.quick { 2 } else { 5 }).max(1),
        is_quick: arguments.quick,
        pinning: if arguments.one_processor { Pinning::TOGETHER } else { Pinning::APART },
    };
    let machine = Machine::look(&options);
    println!("{}", machine.text());
    pin(options.pinning.host)?;
    let tables = if arguments.tables.is_empty() { Name::value_variants() } else { &arguments.tables };
    let mut report = Report::new(machine);
    for name in tables {
        report.add(name.run(&options)?, &arguments.output)?;
    }
    println!("written to {}", arguments.output.join("report.md").display());
    Ok(())
}

fn run_child(Assignment { role, pinning }: &Assignment) -> Result<()> {
    // One that looks at shared memory would look for ever.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if let Role::Start(start) = role {
        pin(pinning.child)?;
        return startup::child(start);
    }
    let seat = Seat::take_place(*pinning)?;
    match role {
        Role::Link(plan) => measure::serve(plan, seat),
        Role::Producer => scale::producer(seat),
        Role::Consumer => scale::consumer(seat),
        Role::Start(_) => Ok(()),
    }
}
