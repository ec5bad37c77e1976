//! The descriptor that tells when a full queue has room again.
//!
//! Whether a queue is full is known to a send that found no room, so it is the one that asks to be told: by the port's
//! vacancy if that was full, or by the bell that the receiver rings behind what it takes out of the ring. From then on the
//! descriptor is silent until there is room, and then readable until the next send finds none. Sends that find room do
//! nothing for it.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;
use crate::port::SendRight;
use crate::sys::AnyReadable;
use crate::sys::doorbell::{Doorbell, Ringer, doorbell};
use crate::sys::vacancy::Vacancy;

/// What the descriptor consists of. All but the descriptor itself is for who has the lock of the sending half.
#[derive(Debug)]
pub(super) struct Writable {
    any: AnyReadable,
    vacancy: Vacancy,
    /// For room that was there already.
    own: (Doorbell, Ringer),
    /// The receiver's bell is a member.
    has_room_bell: AtomicBool,
}

impl Writable {
    pub(super) fn new(right: &SendRight) -> Result<Self> {
        let (vacancy, own) = (Vacancy::new(&right.0)?, doorbell()?);
        let any = AnyReadable::new(&[vacancy.descriptor(), own.0.descriptor()])?;
        Ok(Self { any, vacancy, own, has_room_bell: AtomicBool::new(false) })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.any.descriptor()
    }

    /// Readable from now on.
    pub(super) fn wake(&self) {
        if let Err(error) = self.own.1.ring() {
            tracing::warn!(%error, "a channel's descriptor may be silent about room for messages");
        }
    }

    /// Readable when the port has room. `room`: the receiver's bell, if it has one.
    pub(super) fn await_port(&self, room: Option<&Doorbell>) -> Result<()> {
        self.hush(room)?;
        self.vacancy.watch()
    }

    /// Readable when the receiver rings.
    pub(super) fn await_bell(&self, room: &Doorbell) -> Result<()> {
        // Relaxed: under the lock of the sending half.
        if !self.has_room_bell.load(Ordering::Relaxed) {
            self.any.add(room.descriptor())?;
            self.has_room_bell.store(true, Ordering::Relaxed);
        }
        self.hush(Some(room))
    }

    /// Forgets what was said before. A receiver that is gone is told of by the vacancy.
    fn hush(&self, room: Option<&Doorbell>) -> Result<()> {
        self.vacancy.forget()?;
        self.own.0.drain()?;
        if let Some(room) = room {
            room.drain()?;
        }
        self.any.settle();
        Ok(())
    }
}
