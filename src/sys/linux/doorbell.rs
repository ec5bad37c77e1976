//! Doorbells on Linux: a socket pair that carries one-byte packets.
//!
//! Not an eventfd: the waiting side, which shares the open description, could clear `O_NONBLOCK` and fill the
//! counter, and the next ring would block for ever. `MSG_DONTWAIT` cannot be switched off from outside, and the
//! end of the ringer's process shows on the same descriptor. See `docs/decisions/0002-doorbell-is-a-socket.md`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::port::{SendRight, socket_pair};
use crate::error::Result;
use crate::sys::posix::system_error;

pub(crate) use crate::sys::notices::Rung;

/// The end that waits.
#[derive(Debug)]
pub(crate) struct Doorbell(OwnedFd);

/// The end that rings; it travels as a send right.
#[derive(Debug)]
pub(crate) struct Ringer(OwnedFd);

/// Makes a doorbell and its ringer.
pub(crate) fn doorbell() -> Result<(Doorbell, Ringer)> {
    let (waiting, ringing) = socket_pair()?;
    Ok((Doorbell(waiting), Ringer(ringing)))
}

impl Doorbell {
    /// Readable when it was rung or its ringer is gone.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Takes all rings.
    pub(crate) fn drain(&self) -> Result<Rung> {
        let mut rung = Rung::No;
        // An honest ringer rings once for each wait; the bound is against one that never stops.
        for _ in 0..64 {
            match rustix::net::recv(&self.0, &mut [0_u8; 1], RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => return Ok(Rung::RingerDead),
                Ok(_) => rung = Rung::Yes,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(system_error("looking at a doorbell", errno)),
            }
        }
        Ok(rung)
    }
}

impl Ringer {
    /// Wakes the waiting side. Never blocks; rings that nobody took yet coalesce.
    ///
    /// Errors: peer dead.
    pub(crate) fn ring(&self) -> Result<()> {
        loop {
            match rustix::net::send(&self.0, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                // A full queue is a doorbell that has been ringing for long.
                Ok(_) | Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(system_error("ringing a doorbell", errno)),
            }
        }
    }

    /// As it travels in a message.
    pub(crate) fn into_send_right(self) -> SendRight {
        SendRight::from_own_end(self.0)
    }

    /// As it arrived in a message.
    pub(crate) fn from_send_right(right: SendRight) -> Self {
        // A received send right has been checked to be one end of a socket pair.
        Self(right.into_raw())
    }
}
