//! Our channel: bytes in messages, regions in messages, and one region that is filled in place.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use surfaceport::Timeout;
use surfaceport::channel::Channel;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;

use super::{Arrival, Contender, Link, Plan, Source, stamp};
use crate::peer::SOON;

fn send(channel: &Channel, message: Message) -> Result<()> {
    Ok(channel.send(message, Timeout::FOREVER).map_err(surfaceport::Error::from)?)
}

/// Bytes as a message's payload: the library decides which way they go.
pub(super) struct Inline {
    channel: Arc<Channel>,
    source: Source,
    ready: Vec<u8>,
}

impl Inline {
    pub(super) fn new(channel: Arc<Channel>, plan: &Plan) -> Self {
        if plan.contender == Contender::OursAsleep {
            channel.set_spin_time(Duration::ZERO);
        }
        Self { channel, source: Source::new(plan.capacity), ready: Vec::new() }
    }
}

impl Link for Inline {
    fn prepare(&mut self, length: usize) -> Result<()> {
        // A message takes its bytes with it, so they are made anew, whatever their number.
        self.ready = self.source.0[..length].to_vec();
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let mut bytes = std::mem::take(&mut self.ready);
        bytes[..8].copy_from_slice(&stamp());
        send(&self.channel, Message::with_payload(0, bytes)?)
    }

    fn receive(&mut self) -> Result<Arrival> {
        Arrival::of(self.channel.receive(Timeout::FOREVER)?.payload())
    }
}

/// A region for each message, filled before it is sent.
pub(super) struct OutOfLine {
    channel: Arc<Channel>,
    source: Source,
    ready: Option<MemoryRegion>,
}

impl OutOfLine {
    pub(super) fn new(channel: Arc<Channel>, plan: &Plan) -> Self {
        Self { channel, source: Source::new(plan.capacity), ready: None }
    }
}

impl Link for OutOfLine {
    fn prepare(&mut self, length: usize) -> Result<()> {
        let region = MemoryRegion::create(length, Access::ReadOnlyForOthers)?;
        region.write(0, &self.source.0[..length])?;
        self.ready = Some(region);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let Some(region) = self.ready.take() else { return Ok(()) };
        region.write(0, &stamp())?;
        let mut message = Message::new(0);
        message.attach(region).map_err(surfaceport::Error::from)?;
        send(&self.channel, message)
    }

    fn receive(&mut self) -> Result<Arrival> {
        let region = self.channel.receive(Timeout::FOREVER)?.take_memory(0)?;
        Arrival::in_region(&region, region.len())
    }
}

/// One region in each direction, sent at the beginning. A message says how much of it is filled.
pub(super) struct InPlace {
    channel: Arc<Channel>,
    source: Source,
    own: MemoryRegion,
    theirs: MemoryRegion,
    ready: usize,
}

impl InPlace {
    pub(super) fn new(channel: Arc<Channel>, plan: &Plan) -> Result<Self> {
        let own = MemoryRegion::create(plan.capacity, Access::ReadOnlyForOthers)?;
        let source = Source::new(plan.capacity);
        own.write(0, &source.0)?;
        let mut message = Message::new(0);
        message.attach(own.clone()).map_err(surfaceport::Error::from)?;
        send(&channel, message)?;
        let theirs = channel.receive(SOON)?.take_memory(0)?;
        Ok(Self { channel, source, own, theirs, ready: 0 })
    }
}

impl Link for InPlace {
    fn prepare(&mut self, length: usize) -> Result<()> {
        let fresh = if length <= super::MADE_ANEW { length } else { 64 };
        self.own.write(0, &self.source.0[..fresh])?;
        self.ready = length;
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.own.write(0, &stamp())?;
        send(&self.channel, Message::with_payload(0, self.ready.to_ne_bytes())?)
    }

    fn receive(&mut self) -> Result<Arrival> {
        let message = self.channel.receive(Timeout::FOREVER)?;
        let length = usize::from_ne_bytes(message.payload().try_into()?);
        Arrival::in_region(&self.theirs, length)
    }
}
