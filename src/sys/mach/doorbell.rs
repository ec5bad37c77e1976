//! Doorbells on macOS: a port with room for one message. A ring is a message of a header alone, sent with no time to
//! wait: a full queue is a doorbell that rings already.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::message;
use super::port::{SendRight, construct, destroy_receive_right, insert_send_right, request_no_senders};
use crate::error::Result;
use crate::sys::kqueue::Kqueue;
use crate::sys::mach_message::{Name, Notification};
use crate::sys::owner::Owner;

pub(crate) use crate::sys::notices::Rung;

/// The end that waits.
#[derive(Debug)]
pub(crate) struct Doorbell {
    port: Name,
    owner: Owner,
    /// Shared with the port sets that this is a member of.
    kqueue: Arc<Kqueue>,
    ringer_is_dead: AtomicBool,
}

/// The end that rings; it travels as a send right.
#[derive(Debug)]
pub(crate) struct Ringer(SendRight);

/// Makes a doorbell and its ringer.
pub(crate) fn doorbell() -> Result<(Doorbell, Ringer)> {
    let kqueue = Arc::new(Kqueue::new()?);
    let (port, owner) = (construct(1)?, Owner::this_process());
    let doorbell = Doorbell { port, owner, kqueue, ringer_is_dead: AtomicBool::new(false) };
    doorbell.kqueue.add_port(doorbell.port)?;
    let ringer = Ringer(insert_send_right(doorbell.port)?);
    // The notification finds room in a full queue: the kernel sends with MACH_SEND_ALWAYS (XNU, `ipc_notify.c`).
    request_no_senders(doorbell.port)?;
    Ok((doorbell, ringer))
}

impl Doorbell {
    /// Readable when it was rung or its ringer is gone.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.kqueue.as_fd()
    }

    pub(in crate::sys) fn kqueue(&self) -> &Arc<Kqueue> {
        &self.kqueue
    }

    /// Takes all rings.
    pub(crate) fn drain(&self) -> Result<Rung> {
        let mut rung = Rung::No;
        message::drain(self.port, |notification| {
            rung = match (notification, rung) {
                (Some(Notification::NoSenders), _) | (_, Rung::RingerDead) => Rung::RingerDead,
                _ => Rung::Yes,
            };
        })?;
        // Relaxed, here and below: the flag orders nothing but itself.
        if rung == Rung::RingerDead {
            // Said once by the kernel, and to be seen by every later look.
            self.ringer_is_dead.store(true, Ordering::Relaxed);
            self.kqueue.trigger()?;
            return Ok(rung);
        }
        if self.ringer_is_dead.load(Ordering::Relaxed) {
            return Ok(Rung::RingerDead);
        }
        // The kqueue may still say that there is something.
        self.kqueue.next()?;
        Ok(rung)
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        self.kqueue.remove_port(self.port);
        self.kqueue.reset();
        destroy_receive_right(self.port);
    }
}

impl Ringer {
    /// Wakes the waiting side. Never blocks; rings that nobody took yet coalesce.
    ///
    /// Errors: peer dead.
    pub(crate) fn ring(&self) -> Result<()> {
        message::ring(self.0.name()).map(drop)
    }

    /// As it travels in a message.
    pub(crate) fn into_send_right(self) -> SendRight {
        self.0
    }

    /// As it arrived in a message.
    pub(crate) fn from_send_right(right: SendRight) -> Self {
        Self(right)
    }
}
