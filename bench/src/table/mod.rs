//! The tables: what is compared in each, and how.

mod floors;
mod frames;
mod gstreamer;
mod messages;
mod processor_time;
pub(crate) mod scale;
pub(crate) mod startup;
mod table_e;

use anyhow::Result;
use clap::ValueEnum;

use crate::Options;
use crate::contender::{Contender, Plan};
use crate::measure::Connection;
use crate::report::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// What the machine can do at best.
    Floors,
    /// Small messages, as a browser sends them.
    Messages,
    /// One way, over the size of a message.
    TableE,
    /// From present to acquired, over the size of a frame.
    Frames,
    /// What 1080p at 60 Hz takes of the processors.
    ProcessorTime,
    /// Many streams, many consumers.
    Scale,
    /// From the start of a process to its first frame.
    Startup,
}

impl Name {
    pub(crate) fn run(self, options: &Options) -> Result<Vec<Table>> {
        match self {
            Self::Floors => floors::run(options),
            Self::Messages => messages::run(options),
            Self::TableE => table_e::run(options),
            Self::Frames => frames::run(options),
            Self::ProcessorTime => processor_time::run(options),
            Self::Scale => scale::run(options),
            Self::Startup => startup::run(options),
        }
    }
}

/// Connects these, to be measured in turn.
fn connect(
    contenders: &[Contender],
    options: &Options,
    plan: impl Fn(Contender) -> Plan,
) -> Result<Vec<Connection>> {
    contenders.iter().map(|contender| Connection::start(plan(*contender), options.pinning)).collect()
}
