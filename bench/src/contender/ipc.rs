//! ipc-channel with its default settings: bytes in messages, and its shared memory.

use anyhow::Result;
use ipc_channel::ipc::{
    self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender, IpcSharedMemory,
};
use serde::{Deserialize, Serialize};

use super::{Arrival, Buffer, Link, Plan, stamp};
use crate::peer::{Peer, Seat, note, read_note};

/// The first message of a child has this in it.
fn accept<T: for<'a> Deserialize<'a> + Serialize>(peer: &Peer) -> Result<T> {
    let (server, name) = IpcOneShotServer::new()?;
    peer.give(note(&name)?)?;
    Ok(server.accept()?.1)
}

fn offer<T: for<'a> Deserialize<'a> + Serialize>(seat: &Seat, first: T) -> Result<()> {
    Ok(IpcSender::connect(read_note(&seat.take()?)?)?.send(first)?)
}

/// Channels of bytes, one each way.
pub(super) struct Bytes {
    sender: IpcBytesSender,
    receiver: IpcBytesReceiver,
    buffer: Buffer,
}

impl Bytes {
    pub(super) fn host(peer: &Peer, plan: &Plan) -> Result<Self> {
        let (sender, receiver) = accept(peer)?;
        Ok(Self::new(sender, receiver, plan))
    }

    pub(super) fn child(seat: &Seat, plan: &Plan) -> Result<Self> {
        let (sender, theirs) = ipc::bytes_channel()?;
        let (our_sender, receiver) = ipc::bytes_channel()?;
        offer::<(IpcBytesSender, IpcBytesReceiver)>(seat, (our_sender, theirs))?;
        Ok(Self::new(sender, receiver, plan))
    }

    fn new(sender: IpcBytesSender, receiver: IpcBytesReceiver, plan: &Plan) -> Self {
        Self { sender, receiver, buffer: Buffer::new(plan.capacity) }
    }
}

impl Link for Bytes {
    fn prepare(&mut self, length: usize) -> Result<()> {
        self.buffer.prepare(length);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        Ok(self.sender.send(self.buffer.stamped())?)
    }

    fn receive(&mut self) -> Result<Arrival> {
        Arrival::of(&self.receiver.recv()?)
    }
}

/// The end that gets shared memory.
pub(super) struct Receiving(IpcReceiver<IpcSharedMemory>);

impl Receiving {
    pub(super) fn host(peer: &Peer) -> Result<Self> {
        Ok(Self(accept(peer)?))
    }
}

impl Link for Receiving {
    fn receive(&mut self) -> Result<Arrival> {
        Arrival::of(&self.0.recv()?)
    }
}

fn memory_sender(seat: &Seat) -> Result<IpcSender<IpcSharedMemory>> {
    let (sender, theirs) = ipc::channel()?;
    offer::<IpcReceiver<IpcSharedMemory>>(seat, theirs)?;
    Ok(sender)
}

/// The end that copies bytes into new memory for each message: the way without unsafe code.
pub(super) struct Copying {
    sender: IpcSender<IpcSharedMemory>,
    buffer: Buffer,
}

impl Copying {
    pub(super) fn child(seat: &Seat, plan: &Plan) -> Result<Self> {
        Ok(Self { sender: memory_sender(seat)?, buffer: Buffer::new(plan.capacity) })
    }
}

impl Link for Copying {
    fn prepare(&mut self, length: usize) -> Result<()> {
        self.buffer.prepare(length);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        Ok(self.sender.send(IpcSharedMemory::from_bytes(self.buffer.stamped()))?)
    }
}

/// The end that draws into memory which it keeps, three in turn, and sends that each time.
pub(super) struct InPlace {
    sender: IpcSender<IpcSharedMemory>,
    images: [IpcSharedMemory; 3],
    next: usize,
}

impl InPlace {
    pub(super) fn child(seat: &Seat, plan: &Plan) -> Result<Self> {
        let images = std::array::from_fn(|_| IpcSharedMemory::from_byte(1, plan.capacity));
        Ok(Self { sender: memory_sender(seat)?, images, next: 0 })
    }

    #[allow(unsafe_code)]
    fn draw(&mut self, bytes: &[u8]) {
        // SAFETY: this process alone writes, and the other one let go of this image two frames ago.
        let image = unsafe { self.images[self.next].deref_mut() };
        image[..bytes.len()].copy_from_slice(bytes);
    }
}

impl Link for InPlace {
    fn prepare(&mut self, _: usize) -> Result<()> {
        self.next = (self.next + 1) % self.images.len();
        self.draw(&[1; 64]);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.draw(&stamp());
        Ok(self.sender.send(self.images[self.next].clone())?)
    }
}
