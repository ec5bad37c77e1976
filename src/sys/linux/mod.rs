//! Linux: Unix sockets, memfd, pidfd, epoll.

pub(crate) mod bootstrap;
pub(crate) mod doorbell;
mod folder;
pub(crate) mod memory;
pub(crate) mod message;
pub(super) mod owner;
pub(crate) mod port;
pub(crate) mod port_set;
pub(crate) mod spawn;
mod start;
pub(crate) mod surface;
pub(crate) mod vacancy;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll;
use rustix::io::Errno;

use super::posix::{made, system_error};
use crate::error::Result;

/// Some descriptors behind one, which is readable while any of them is. It does not keep them open: one that is
/// closed takes no part any more.
#[derive(Debug)]
pub(crate) struct AnyReadable(OwnedFd);

impl AnyReadable {
    pub(crate) fn new(descriptors: &[BorrowedFd<'_>]) -> Result<Self> {
        let set = Self(new_epoll("joining descriptors")?);
        descriptors.iter().try_for_each(|fd| set.add(*fd))?;
        Ok(set)
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>) -> Result<()> {
        match epoll::add(&self.0, fd, epoll::EventData::new_u64(0), epoll::EventFlags::IN) {
            // It is there.
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(system_error("joining descriptors", errno)),
        }
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Has the descriptor forget what is over. Here it knows by itself.
    pub(crate) fn settle(&self) {}
}

fn new_epoll(what: &str) -> Result<OwnedFd> {
    made(what, epoll::create(epoll::CreateFlags::CLOEXEC))
}

/// Another descriptor of the same file, close-on-exec.
fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    made("duplicating a descriptor", rustix::io::fcntl_dupfd_cloexec(fd, 3))
}

/// Makes a call again that a signal has interrupted, some times: a call that does not wait is hardly ever interrupted, and one
/// that is each time must not keep its caller for ever.
#[inline]
fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 0..100 {
        match call() {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
    Err(Errno::INTR)
}
