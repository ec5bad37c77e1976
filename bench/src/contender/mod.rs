//! What is measured side by side: each way to bring bytes or pixels to another process, behind one trait.

mod copied;
mod floor;
mod iceoryx;
mod ipc;
mod messages;
mod stream;
mod swapchain;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use surfaceport::memory::MemoryRegion;
use surfaceport::time;

use crate::peer::{Peer, Seat};

/// Up to this length, bytes are made ready anew for each message. Of longer ones only the beginning changes, for each
/// contender alike: to make them is no part of what is measured, and would take most of the time.
const MADE_ANEW: usize = 64 << 10;

/// One end of a connection. Of a contender that is measured one way only, each end does its part.
pub(crate) trait Link {
    /// Makes bytes ready, in the place where a program that uses this contender at its best would have them.
    fn prepare(&mut self, _length: usize) -> Result<()> {
        one_way()
    }
    /// Writes the moment into the first of them and passes them on.
    fn send(&mut self) -> Result<()> {
        one_way()
    }
    /// Waits for the next message, and looks at its first bytes and its last one.
    fn receive(&mut self) -> Result<Arrival> {
        one_way()
    }
}

/// A message that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) sent: i64,
    pub(crate) received: i64,
    pub(crate) length: usize,
}

impl Arrival {
    /// Now, with these bytes.
    fn of(bytes: &[u8]) -> Result<Self> {
        let (Some(stamp), Some(last)) = (bytes.first_chunk(), bytes.last()) else {
            bail!("a message without a stamp")
        };
        Ok(Self::new(*stamp, *last, bytes.len()))
    }

    /// Now, with so many bytes of a region.
    fn in_region(region: &MemoryRegion, length: usize) -> Result<Self> {
        let (mut first, mut last) = ([0; 8], [0; 1]);
        region.read(0, &mut first)?;
        region.read(length - 1, &mut last)?;
        Ok(Self::new(first, last[0], length))
    }

    fn new(stamp: [u8; 8], last: u8, length: usize) -> Self {
        std::hint::black_box(last);
        Self { sent: i64::from_ne_bytes(stamp), received: time::now(), length }
    }

    pub(crate) fn latency(&self) -> u64 {
        (self.received - self.sent).max(0) as u64
    }
}

/// What a message begins with.
fn stamp() -> [u8; 8] {
    time::now().to_ne_bytes()
}

/// Bytes of a program's own, from which messages are made.
#[derive(Debug)]
struct Source(Vec<u8>);

impl Source {
    fn new(capacity: usize) -> Self {
        Self((0..capacity).map(|place| place as u8 | 1).collect())
    }

    /// Into a buffer that had bytes of this source before, if they are many.
    fn fill(&self, buffer: &mut [u8]) {
        let length = buffer.len();
        let fresh = if length <= MADE_ANEW { length } else { 64 };
        buffer[..fresh].copy_from_slice(&self.0[..fresh]);
    }
}

/// A program's buffer, in which each message is made ready in the place of the one before.
#[derive(Debug)]
struct Buffer {
    source: Source,
    ready: Vec<u8>,
    length: usize,
}

impl Buffer {
    fn new(capacity: usize) -> Self {
        let source = Source::new(capacity);
        Self { ready: source.0.clone(), source, length: 0 }
    }

    fn prepare(&mut self, length: usize) {
        self.source.fill(&mut self.ready[..length]);
        self.length = length;
    }

    /// The message, with this moment in it.
    fn stamped(&mut self) -> &[u8] {
        self.ready[..8].copy_from_slice(&stamp());
        &self.ready[..self.length]
    }
}

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Contender {
    /// Our channel, as it comes.
    Ours,
    /// Our channel that sleeps at once.
    OursAsleep,
    /// A new region of ours in each message.
    OursOutOfLine,
    /// One region of ours, filled again and again.
    OursInPlace,
    /// Our swapchain, as it comes.
    Swapchain,
    /// Our swapchain, the consumer asleep.
    SwapchainAsleep,
    /// Our swapchain, the consumer looking without a pause.
    SwapchainBusy,
    Fifo,
    Socket,
    IpcChannel,
    /// New shared memory of ipc-channel for each message, filled by a copy.
    IpcMemory,
    /// Shared memory of ipc-channel, drawn into in place.
    IpcMemoryInPlace,
    Iceoryx,
    IceoryxEvents,
    /// Shared memory and a semaphore, with a copy.
    Copied,
    // What no way can beat; their messages are a stamp and nothing else.
    FloorEventfd,
    FloorFutex,
    FloorCacheLine,
    FloorDescriptor,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "surfaceport channel",
            Self::OursAsleep => "surfaceport channel, spin 0",
            Self::OursOutOfLine => "surfaceport, out of line",
            Self::OursInPlace => "surfaceport region in place",
            Self::Swapchain => "surfaceport",
            Self::SwapchainAsleep => "surfaceport, consumer asleep",
            Self::SwapchainBusy => "surfaceport, consumer busy",
            Self::Fifo => "FIFO",
            Self::Socket => "Unix stream socket",
            Self::IpcChannel => "ipc-channel",
            Self::IpcMemory => "ipc-channel memory, copied",
            Self::IpcMemoryInPlace => "ipc-channel memory, in place",
            Self::Iceoryx => "iceoryx2, polling",
            Self::IceoryxEvents => "iceoryx2, events",
            Self::Copied => "shared memory, semaphore, copy",
            Self::FloorEventfd => "eventfd wake",
            Self::FloorFutex => "futex wake",
            Self::FloorCacheLine => "cache line, with a stamp",
            Self::FloorDescriptor => "sendmsg with one descriptor",
        }
    }
}

/// What both ends of a connection have to know.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) contender: Contender,
    /// The longest message.
    pub(crate) capacity: usize,
    /// Messages that may be under way, where that has to be said.
    pub(crate) depth: usize,
    /// Width and height, if a message is a frame.
    pub(crate) size: (u32, u32),
    /// Whether each frame has to arrive, and none may be replaced by a newer one.
    pub(crate) in_order: bool,
}

/// The receiving end of what is measured one way.
pub(crate) fn host_end(plan: &Plan, peer: &Peer) -> Result<Box<dyn Link>> {
    let shared = peer.desk.is_shared;
    Ok(match plan.contender {
        Contender::Ours | Contender::OursAsleep => {
            Box::new(messages::Inline::new(peer.channel()?.clone(), plan))
        }
        Contender::OursOutOfLine => Box::new(messages::OutOfLine::new(peer.channel()?.clone(), plan)),
        Contender::OursInPlace => Box::new(messages::InPlace::new(peer.channel()?.clone(), plan)?),
        Contender::Swapchain | Contender::SwapchainAsleep | Contender::SwapchainBusy => {
            Box::new(swapchain::Showing::new(peer, plan.contender)?)
        }
        Contender::Fifo => Box::new(stream::fifos(peer, plan)?),
        Contender::Socket => Box::new(stream::sockets(peer, plan)?),
        Contender::IpcChannel => Box::new(ipc::Bytes::host(peer, plan)?),
        Contender::IpcMemory | Contender::IpcMemoryInPlace => Box::new(ipc::Receiving::host(peer)?),
        Contender::Iceoryx | Contender::IceoryxEvents => {
            let name = iceoryx::service_name();
            let link = iceoryx::Iceoryx::new(&name, iceoryx::Side::Host, plan, shared)?;
            peer.give(crate::peer::note(&name)?)?;
            Box::new(link)
        }
        Contender::Copied => Box::new(copied::Receiving::host(peer, plan)?),
        Contender::FloorEventfd => Box::new(floor::Eventfd::host(peer)?),
        Contender::FloorFutex => Box::new(floor::Futex::host(peer)?),
        Contender::FloorCacheLine => Box::new(floor::CacheLine::host(peer)?),
        Contender::FloorDescriptor => Box::new(floor::Descriptor::host(peer)?),
    })
}

/// The sending end.
pub(crate) fn child_end(plan: &Plan, seat: &Seat) -> Result<Box<dyn Link>> {
    let channel = || seat.host.channel().clone();
    Ok(match plan.contender {
        Contender::Ours | Contender::OursAsleep => Box::new(messages::Inline::new(channel(), plan)),
        Contender::OursOutOfLine => Box::new(messages::OutOfLine::new(channel(), plan)),
        Contender::OursInPlace => Box::new(messages::InPlace::new(channel(), plan)?),
        Contender::Swapchain | Contender::SwapchainAsleep | Contender::SwapchainBusy => {
            Box::new(swapchain::Drawing::new(seat, plan)?)
        }
        Contender::Fifo | Contender::Socket => Box::new(stream::Stream::child(seat, plan)?),
        Contender::IpcChannel => Box::new(ipc::Bytes::child(seat, plan)?),
        Contender::IpcMemory => Box::new(ipc::Copying::child(seat, plan)?),
        Contender::IpcMemoryInPlace => Box::new(ipc::InPlace::child(seat, plan)?),
        Contender::Iceoryx | Contender::IceoryxEvents => {
            let name = crate::peer::read_note(&seat.take()?)?;
            Box::new(iceoryx::Iceoryx::new(&name, iceoryx::Side::Child, plan, seat.desk.is_shared)?)
        }
        Contender::Copied => Box::new(copied::Sending::child(seat, plan)?),
        Contender::FloorEventfd => Box::new(floor::Eventfd::child(seat)?),
        Contender::FloorFutex => Box::new(floor::Futex::child(seat)?),
        Contender::FloorCacheLine => Box::new(floor::CacheLine::child(seat)?),
        Contender::FloorDescriptor => Box::new(floor::Descriptor::child(seat)?),
    })
}

/// For ends that go one way only.
fn one_way<T>() -> Result<T> {
    bail!("this contender is measured in the other direction only")
}
