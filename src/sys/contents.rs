//! What messages carry, in the terms of every system.

use std::os::fd::{BorrowedFd, OwnedFd};

use super::memory::Memory;
use super::port::{MovingReceiveRight, SendOnceRight, SendRight};
use super::spawn::ProcessHandle;
use super::surface::Surface;
use super::wire::{Described, Envelope, Kind};
use crate::error::{Error, Result, Status};
use crate::recycled::RecycledBytes;

/// What a message brought.
#[derive(Debug)]
pub(crate) enum Attachment {
    SendRight(SendRight),
    ReceiveRight(MovingReceiveRight),
    Memory(Memory),
    Surface(Surface),
    Descriptor(OwnedFd),
}

/// What a message is to carry. A send lends it; behind a success the owner lets go of rights that moved by
/// `MovingReceiveRight::moved` and `SendOnceRight::moved`, and drops the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AttachmentRef<'a> {
    SendRight(&'a SendRight),
    ReceiveRight(&'a MovingReceiveRight),
    Memory(&'a Memory),
    Surface(&'a Surface),
    Descriptor(BorrowedFd<'a>),
}

impl<'a> AttachmentRef<'a> {
    pub(super) fn describe(&self) -> Described {
        match self {
            Self::SendRight(_) => Described::plain(Kind::SendRight),
            Self::ReceiveRight(_) => Described::plain(Kind::ReceiveRight),
            Self::Memory(memory) => {
                Described { kind: Kind::Memory, length: memory.len() as u64, detail: [0; 32] }
            }
            Self::Surface(surface) => {
                Described { kind: Kind::Surface, length: 0, detail: surface.describe() }
            }
            Self::Descriptor(_) => Described::plain(Kind::Descriptor),
        }
    }
}

/// A message's bytes: inside of the message, where they may have come through a channel's memory, or a sealed region
/// beside it.
#[derive(Debug)]
pub(crate) enum Payload {
    Inline(Vec<u8>),
    Recycled(RecycledBytes),
    OutOfLine(Memory),
}

/// No memory for so many bytes.
pub(crate) fn no_memory(bytes: usize) -> Error {
    Error::new(Status::ResourceExhausted, format!("there is no memory for {bytes} bytes of a message"))
}

impl Payload {
    /// A copy of bytes, with room for some more. How many there are is said by whoever sent or made them, so there may be
    /// no memory for them.
    pub(crate) fn copy_of(bytes: &[u8], more: usize) -> Result<Self> {
        let (mut copy, length) = (Vec::new(), bytes.len().saturating_add(more));
        copy.try_reserve_exact(length).map_err(|_| no_memory(length))?;
        copy.extend_from_slice(bytes);
        Ok(Self::Inline(copy))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Recycled(bytes) => bytes,
            Self::OutOfLine(memory) => memory.sealed_bytes(),
        }
    }
}

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) id: u32,
    /// For the library and not for its user.
    pub(crate) control: bool,
    /// Its place among the messages of its channel's direction.
    pub(crate) number: Option<u32>,
    pub(crate) payload: &'a Payload,
    pub(crate) reply: Option<&'a SendOnceRight>,
    pub(crate) attachments: &'a [AttachmentRef<'a>],
}

/// A message that arrived, checked.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) id: u32,
    /// For the library and not for its user.
    pub(crate) control: bool,
    /// Its place among the messages of its channel's direction, as the sender says.
    pub(crate) number: Option<u32>,
    pub(crate) payload: Payload,
    pub(crate) reply: Option<SendOnceRight>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) sender: Sender,
}

impl Incoming {
    /// What is left of a message that was destroyed: who sent it and, if that could be read, what it was.
    #[cfg_attr(shell, allow(dead_code, reason = "nothing is destroyed there"))]
    pub(super) fn remains(envelope: Option<&Envelope>, sender: Sender) -> Self {
        Self {
            id: envelope.map_or(0, |envelope| envelope.id),
            control: envelope.is_some_and(|envelope| envelope.control),
            number: envelope.and_then(|envelope| envelope.number),
            payload: Payload::Inline(Vec::new()),
            reply: None,
            attachments: Vec::new(),
            sender,
        }
    }
}

/// What a receive right can bring.
#[derive(Debug)]
pub(crate) enum Received {
    Message(Incoming),
    /// A message that was destroyed, because its sender did not keep to the format or what it carried could not be opened.
    Destroyed(Incoming, Error),
    /// The last send right is gone and the queue is empty.
    NoSenders,
    /// A send-once right died unused: the answer will not come.
    SendOnceDestroyed,
}

/// Who sent a message, as the kernel says.
#[derive(Debug)]
pub(crate) struct Sender {
    /// 0 when the sender's process cannot be named from here (another PID namespace).
    pub(crate) process_id: u32,
    pub(crate) user_id: u32,
    pub(crate) group_id: u32,
    /// A handle that keeps naming that very process, where it was asked for and the kernel has it.
    pub(crate) process: Option<ProcessHandle>,
}
