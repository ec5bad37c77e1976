//! Shared memory, a semaphore, and a copy into the memory: the way of many programs that show another one's frames.
//!
//! The consumer may read in place as soon as the semaphore says so; its own copy out, which such programs need before the
//! next frame, is not counted.

use anyhow::Result;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Attachment;

use super::{Arrival, Link, Plan, Source, stamp};
use crate::peer::{Peer, Seat, parcel};
use crate::shared::Semaphore;

pub(super) struct Receiving {
    memory: MemoryRegion,
    filled: Semaphore,
    length: usize,
}

impl Receiving {
    pub(super) fn host(peer: &Peer, plan: &Plan) -> Result<Self> {
        let memory = MemoryRegion::create(plan.capacity, Access::ReadWrite)?;
        let filled = Semaphore::create()?;
        peer.give(parcel([Attachment::Memory(memory.clone()), Attachment::Memory(filled.region())])?)?;
        Ok(Self { memory, filled, length: plan.capacity })
    }
}

impl Link for Receiving {
    fn receive(&mut self) -> Result<Arrival> {
        self.filled.wait()?;
        Arrival::in_region(&self.memory, self.length)
    }
}

pub(super) struct Sending {
    memory: MemoryRegion,
    filled: Semaphore,
    source: Source,
    ready: Vec<u8>,
}

impl Sending {
    pub(super) fn child(seat: &Seat, plan: &Plan) -> Result<Self> {
        let mut parcel = seat.take()?;
        let source = Source::new(plan.capacity);
        let ready = source.0.clone();
        let memory = parcel.take_memory(0)?;
        Ok(Self { memory, filled: Semaphore::open(parcel.take_memory(1)?), source, ready })
    }
}

impl Link for Sending {
    fn prepare(&mut self, length: usize) -> Result<()> {
        self.source.fill(&mut self.ready[..length]);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.ready[..8].copy_from_slice(&stamp());
        self.memory.write(0, &self.ready)?;
        self.filled.post()
    }
}
