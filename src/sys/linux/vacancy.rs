//! Vacancies on Linux: an epoll set with the sender's end of the lane, which says by itself when it can be written to,
//! and that its other end is gone.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, EventFlags};

use super::port::SendRight;
use super::{duplicate, new_epoll};
use crate::error::Result;
use crate::sys::posix::system_error;

/// Tells of room in a port's queue.
#[derive(Debug)]
pub(crate) struct Vacancy {
    epoll: OwnedFd,
    /// Its own, so that the set has it for as long as it lives.
    socket: OwnedFd,
}

impl Vacancy {
    /// Watches for nothing yet but the port's death.
    pub(crate) fn new(right: &SendRight) -> Result<Self> {
        let socket = duplicate(right.as_fd())?;
        let epoll = new_epoll("watching for room in a port")?;
        // No event is asked for: what is left is the hang-up, which the kernel reports unasked.
        epoll::add(&epoll, &socket, epoll::EventData::new_u64(0), EventFlags::empty())
            .map_err(|errno| system_error("watching for room in a port", errno))?;
        Ok(Self { epoll, socket })
    }

    /// Readable while there is room, if it is watched for, and once the port is dead.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Watches for room from here on.
    pub(crate) fn watch(&self) -> Result<()> {
        // The kernel says so when three quarters of what the sender may have on its way are received: `unix_writable`.
        self.ask_for(EventFlags::OUT)
    }

    /// Says nothing of room any more.
    pub(crate) fn forget(&self) -> Result<()> {
        self.ask_for(EventFlags::empty())
    }

    fn ask_for(&self, events: EventFlags) -> Result<()> {
        epoll::modify(&self.epoll, &self.socket, epoll::EventData::new_u64(0), events)
            .map_err(|errno| system_error("watching for room in a port", errno))
    }
}
