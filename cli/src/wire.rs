//! What host and child tell each other on the channel beside the frames: the child says what will come and,
//! at its end, how it went; the host may ask it to stop.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use surfaceport::{Message, Status, Timeout};

use crate::failure::{Failure, Result};
use crate::memory::Identity;
use crate::rate::Rate;

/// How long a message may take on its way to a living process.
const PATIENCE: Duration = Duration::from_secs(10);

/// From the child, before its first frame.
const STREAM: u32 = 1;
/// From the child, after its last frame.
const END: u32 = 2;
/// From the host: present no more.
const STOP: u32 = 3;

/// What will come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// Pixels of a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// Frames per second.
    pub(crate) rate: Rate,
    /// The tags of the video's header; none for the scene.
    pub(crate) tags: Option<Vec<u8>>,
    /// How many frames will come, if that is known.
    pub(crate) total: Option<u64>,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    /// Frames presented.
    pub(crate) presented: u64,
    /// Processor time of the child.
    pub(crate) cpu_ms: f64,
    /// The memory that the child drew into, by surface.
    pub(crate) memory: Vec<(u32, Identity)>,
    /// Why it ended early.
    pub(crate) failure: Option<Failure>,
}

/// A message from the child.
#[derive(Debug, PartialEq)]
pub(crate) enum FromChild {
    /// Frames will come.
    Stream(Stream),
    /// No more will.
    End(End),
}
