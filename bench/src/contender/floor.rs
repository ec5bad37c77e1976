//! The floors of the machine: the least that a sleeping or a looking process can be told by.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use rustix::event::EventfdFlags;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::thread::futex;
use surfaceport::message::Attachment;
use surfaceport::time;

use super::{Arrival, Link};
use crate::peer::{Peer, Seat, parcel};
use crate::pin::look_until;
use crate::shared::Words;

const STAMP: usize = 0;
const SIGNAL: usize = 1;

/// A word in shared memory that says when.
fn share_words(peer: &Peer, more: Option<Attachment>) -> Result<Words> {
    let words = Words::create(2)?;
    peer.give(parcel([Attachment::Memory(words.region())].into_iter().chain(more))?)?;
    Ok(words)
}

fn arrived(words: &Words) -> Arrival {
    let received = time::now();
    // Acquire, and Release in `write_stamp`: the stamp is what carries the news.
    let sent = words.at(STAMP).load(Ordering::Acquire) as i64;
    Arrival { sent, received, length: 0 }
}

fn write_stamp(words: &Words) {
    words.at(STAMP).store(time::now() as u64, Ordering::Release);
}

/// One process sleeps in a read of an eventfd, the other one writes.
pub(super) struct Eventfd(OwnedFd, Words);

impl Eventfd {
    pub(super) fn host(peer: &Peer) -> Result<Self> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?;
        let words = share_words(peer, Some(Attachment::Descriptor(event.try_clone()?)))?;
        Ok(Self(event, words))
    }

    pub(super) fn child(seat: &Seat) -> Result<Self> {
        let mut parcel = seat.take()?;
        Ok(Self(parcel.take_descriptor(1)?, Words::open(parcel.take_memory(0)?)))
    }
}

impl Link for Eventfd {
    fn prepare(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        write_stamp(&self.1);
        rustix::io::write(&self.0, &1_u64.to_ne_bytes())?;
        Ok(())
    }

    fn receive(&mut self) -> Result<Arrival> {
        rustix::io::read(&self.0, &mut [0_u8; 8])?;
        Ok(arrived(&self.1))
    }
}

/// One process sleeps in a futex, the other one wakes it.
pub(super) struct Futex(Words, u32);

impl Futex {
    pub(super) fn host(peer: &Peer) -> Result<Self> {
        Ok(Self(share_words(peer, None)?, 0))
    }

    pub(super) fn child(seat: &Seat) -> Result<Self> {
        Ok(Self(Words::open(seat.take()?.take_memory(0)?), 0))
    }
}

impl Link for Futex {
    fn prepare(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        write_stamp(&self.0);
        let word = self.0.futex_at(SIGNAL);
        word.fetch_add(1, Ordering::Release);
        futex::wake(word, futex::Flags::empty(), 1)?;
        Ok(())
    }

    fn receive(&mut self) -> Result<Arrival> {
        let word = self.0.futex_at(SIGNAL);
        while word.load(Ordering::Acquire) == self.1 {
            let _ = futex::wait(word, futex::Flags::empty(), self.1, None);
        }
        self.1 = self.1.wrapping_add(1);
        Ok(arrived(&self.0))
    }
}

/// One process looks at a word, the other one writes the moment into it.
pub(super) struct CacheLine {
    words: Words,
    last: u64,
    shared: bool,
}

impl CacheLine {
    pub(super) fn host(peer: &Peer) -> Result<Self> {
        Ok(Self { words: share_words(peer, None)?, last: 0, shared: peer.desk.is_shared })
    }

    pub(super) fn child(seat: &Seat) -> Result<Self> {
        let words = Words::open(seat.take()?.take_memory(0)?);
        Ok(Self { words, last: 0, shared: seat.desk.is_shared })
    }
}

impl Link for CacheLine {
    fn prepare(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        write_stamp(&self.words);
        Ok(())
    }

    fn receive(&mut self) -> Result<Arrival> {
        let (words, last) = (&self.words, self.last);
        look_until(self.shared, || words.at(STAMP).load(Ordering::Acquire) != last);
        let arrival = arrived(words);
        self.last = arrival.sent as u64;
        Ok(arrival)
    }
}

/// One process sleeps in `recvmsg`, the other one sends a stamp and a descriptor by `sendmsg`.
pub(super) struct Descriptor(OwnedFd);

impl Descriptor {
    pub(super) fn host(peer: &Peer) -> Result<Self> {
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        peer.give(parcel([Attachment::Descriptor(theirs)])?)?;
        Ok(Self(ours))
    }

    pub(super) fn child(seat: &Seat) -> Result<Self> {
        Ok(Self(seat.take()?.take_descriptor(0)?))
    }
}

impl Link for Descriptor {
    fn prepare(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [self.0.as_fd()];
        ensure!(control.push(SendAncillaryMessage::ScmRights(&descriptors)), "no room for a descriptor");
        let stamp = super::stamp();
        rustix::net::sendmsg(&self.0, &[IoSlice::new(&stamp)], &mut control, SendFlags::empty())?;
        Ok(())
    }

    fn receive(&mut self) -> Result<Arrival> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut stamp = [0; 8];
        let mut into = [IoSliceMut::new(&mut stamp)];
        let received = rustix::net::recvmsg(&self.0, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        ensure!(received.bytes == 8, "the other side is gone");
        let arrival = Arrival::of(&stamp)?;
        let mut descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors.count()),
            _ => None,
        });
        ensure!(descriptors.next() == Some(1), "a message without its descriptor");
        Ok(arrival)
    }
}
