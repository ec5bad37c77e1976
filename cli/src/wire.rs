//! What host and child tell each other on the channel beside the frames: the child says what will come and,
//! at its end, how it went; the host may ask it to stop.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use surfaceport::channel::Channel;
use surfaceport::message::Message;
use surfaceport::{Status, Timeout};

use crate::failure::{Failure, Result};
use crate::memory::Identity;
use crate::rate::Rate;

/// How long a message may take on its way out.
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
    /// Whether a swapchain follows. A video without a single frame has none.
    pub(crate) frames: bool,
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
    /// What will come.
    Stream(Stream),
    /// It is over.
    End(End),
}

/// What waiting for a message led to.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    /// A message.
    Message(FromChild),
    /// None in that time.
    Nothing,
    /// The child is gone, and has said all that it said.
    Gone,
}

impl FromChild {
    fn message(&self) -> Result<Message> {
        let (id, payload) = match self {
            FromChild::Stream(stream) => (STREAM, serde_json::to_vec(stream)),
            FromChild::End(end) => (END, serde_json::to_vec(end)),
        };
        let payload = payload.map_err(|error| broken(&error))?;
        Message::with_payload(id, payload).map_err(|error| broken(&error))
    }

    fn read(message: &Message) -> Result<FromChild> {
        match message.id() {
            STREAM => serde_json::from_slice(message.payload()).map(FromChild::Stream),
            END => serde_json::from_slice(message.payload()).map(FromChild::End),
            id => return Err(broken(&format!("a message with the unknown number {id} came"))),
        }
        .map_err(|error| broken(&error))
    }

    /// Sends it; in the child.
    pub(crate) fn send(&self, channel: &Channel) -> Result<()> {
        let sent = channel.send(self.message()?, Timeout::after(PATIENCE));
        sent.map_err(|error| broken(&error))
    }

    /// Waits for the next one; in the host.
    pub(crate) fn receive(channel: &Channel, timeout: Timeout) -> Result<Received> {
        match channel.receive(timeout) {
            Ok(message) => FromChild::read(&message).map(Received::Message),
            Err(error) if error.status() == Status::TimedOut => Ok(Received::Nothing),
            Err(error) if is_gone(error.status()) => Ok(Received::Gone),
            Err(error) => Err(broken(&error)),
        }
    }
}

/// Asks the child to stop; in the host. A child that is gone has stopped already.
pub(crate) fn ask_to_stop(channel: &Channel) {
    let _ = channel.send(Message::new(STOP), Timeout::NONE);
}

/// Whether the host asked to stop, or is gone; in the child.
pub(crate) fn shall_stop(channel: &Channel) -> bool {
    match channel.receive(Timeout::NONE) {
        Ok(message) => message.id() == STOP,
        Err(error) => error.status() != Status::TimedOut,
    }
}

/// Whether a status says that the other process ended.
pub(crate) fn is_gone(status: Status) -> bool {
    matches!(status, Status::PeerDead | Status::Closed | Status::NoSenders)
}

fn broken(why: &dyn std::fmt::Display) -> Failure {
    Failure::new("host and child cannot talk to each other", why, "run surfaceport doctor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let stream = Stream {
            width: 3,
            height: 4,
            rate: Rate::new(30000, 1001).unwrap(),
            tags: Some(vec![0, 255, b'W']),
            total: None,
            frames: true,
        };
        let failure = Failure::new("a", "b", "c");
        let end = End { presented: 9, cpu_ms: 0.5, memory: vec![], failure: Some(failure) };
        for sent in [FromChild::Stream(stream), FromChild::End(end)] {
            assert_eq!(FromChild::read(&sent.message().unwrap()).unwrap(), sent);
        }
    }

    #[test]
    fn garbage_is_refused() {
        assert!(FromChild::read(&Message::new(77)).is_err());
        assert!(FromChild::read(&Message::with_payload(STREAM, *b"{}").unwrap()).is_err());
    }
}
