//! Doorbells on Linux: a socket pair that carries one-byte packets.
//!
//! Not an eventfd: the waiting side, which shares the open description, could clear `O_NONBLOCK` and fill the
//! counter, and the next ring would block for ever. `MSG_DONTWAIT` cannot be switched off from outside, and the
//! end of the ringer's process shows on the same descriptor. See `docs/decisions/0002-doorbell-is-a-socket.md`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::SendFlags;

use super::port::{SendRight, socket_pair};
use super::uninterrupted;
use crate::error::Result;
use crate::sys::posix::{last_errno, system_error};

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

    /// Takes all rings; of one who rings without end, some.
    pub(crate) fn drain(&self) -> Result<Rung> {
        const RINGS: usize = 16;
        // Several packets by one call: a call for each, and one that finds no more, is what waking up would take.
        // SAFETY: structures of numbers and pointers, for which zeroes are valid: packets of no bytes' room, whose
        // length is told all the same.
        let mut packets: [libc::mmsghdr; RINGS] = unsafe { std::mem::zeroed() };
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let taken = uninterrupted(|| {
            // SAFETY: the headers live across the call, and name no other memory.
            let taken = unsafe {
                libc::recvmmsg(
                    self.0.as_raw_fd(),
                    packets.as_mut_ptr(),
                    RINGS as _,
                    flags as _,
                    std::ptr::null_mut(),
                )
            };
            usize::try_from(taken).map_err(|_| last_errno())
        });
        match taken {
            // A packet of no bytes is the end.
            Ok(taken) if packets.iter().take(taken).any(|packet| packet.msg_len == 0) => Ok(Rung::RingerDead),
            Ok(_) => Ok(Rung::Yes),
            Err(Errno::AGAIN) => Ok(Rung::No),
            Err(Errno::CONNRESET) => Ok(Rung::RingerDead),
            Err(errno) => Err(system_error("looking at a doorbell", errno)),
        }
    }
}

impl Ringer {
    /// Wakes the waiting side. Never blocks; rings that nobody took yet coalesce.
    ///
    /// Errors: peer dead.
    pub(crate) fn ring(&self) -> Result<()> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match uninterrupted(|| rustix::net::send(&self.0, &[1], flags)) {
            // A full queue is a doorbell that has been ringing for long.
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(errno) => Err(system_error("ringing a doorbell", errno)),
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
