//! The other process, in lock step with this one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use surfaceport::channel::Channel;
use surfaceport::message::Message;

use crate::SOON;

/// As long as [`SOON`].
const PATIENCE: Duration = Duration::from_secs(30);

/// The session's channel, by which the sides keep step; it is not what is counted.
pub(crate) struct Peer {
    channel: Arc<Channel>,
    process: u32,
}

impl Peer {
    pub(crate) fn new(channel: Arc<Channel>, process: u32) -> Self {
        Self { channel, process }
    }

    /// Says that the next call of this side will sleep.
    pub(crate) fn announce_sleep(&self) -> Result<()> {
        Ok(self.channel.send(Message::new(0), SOON).map_err(surfaceport::Error::from)?)
    }

    /// Returns when the other side sleeps in the call that it announced.
    pub(crate) fn wait_until_asleep(&self) -> Result<()> {
        self.channel.receive(SOON)?;
        let began = Instant::now();
        while self.state()? != 'S' {
            if began.elapsed() > PATIENCE {
                bail!("the other side has not fallen asleep");
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// What the kernel says that the other side's first thread does: S is a sleep that a signal can end. A thread that a
    /// tracer has stopped is not in it, and one that waits for memory neither.
    fn state(&self) -> Result<char> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process))?;
        let behind_name = text.rsplit(')').next().unwrap_or_default();
        behind_name.trim_start().chars().next().context("a process without a state")
    }
}
