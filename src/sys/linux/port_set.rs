//! Port sets on Linux: an epoll set of receive rights' epoll sets, and of sockets whose hang-up is waited for.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use parking_lot::Mutex;
use rustix::event::epoll;
use rustix::io::Errno;

use super::doorbell::Doorbell;
use super::new_epoll;
use super::port::{ReceiveRight, SendRight};
use super::spawn::Process;
use crate::error::{Error, Result, Status};
use crate::sys::posix::{duplicate, system_error, wait_readable};
use crate::time::Deadline;

pub(crate) use crate::sys::notices::Ready;

/// Many receive rights and watched send rights behind one descriptor. Keys are the caller's; one key names one
/// receive right and one watch at the most.
#[derive(Debug)]
pub(crate) struct PortSet {
    epoll: OwnedFd,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    /// The epoll descriptors of member rights, by key. Duplicates, so that a member can be taken out again when
    /// its right has moved or died.
    receive: HashMap<u64, OwnedFd>,
    watched: HashMap<u64, OwnedFd>,
}

/// Which of the two a key in the epoll set means; the lowest bit of it says so.
const RECEIVE_BIT: u64 = 0;
const WATCH_BIT: u64 = 1;
/// Keys of a set are below this, since one bit tells receive rights from watches.
pub(crate) const MAX_SET_KEY: u64 = u64::MAX >> 1;

impl PortSet {
    pub(crate) fn new() -> Result<Self> {
        let epoll = new_epoll("making a port set")?;
        Ok(Self { epoll, members: Mutex::default() })
    }

    /// Adds a receive right.
    pub(crate) fn add(&self, right: &ReceiveRight, key: u64) -> Result<()> {
        self.add_descriptor(right.descriptor(), key)
    }

    fn add_descriptor(&self, fd: BorrowedFd<'_>, key: u64) -> Result<()> {
        let fd = duplicate(fd)?;
        let mut members = self.members.lock();
        if members.receive.contains_key(&key) {
            return Err(Error::new(
                Status::AlreadyExists,
                format!("the set has a receive right {key} already"),
            ));
        }
        self.watch(fd.as_fd(), key << 1 | RECEIVE_BIT, epoll::EventFlags::IN)?;
        members.receive.insert(key, fd);
        Ok(())
    }

    /// Adds a doorbell, under the same kind of key as a receive right: it is ready when it was rung.
    pub(crate) fn add_doorbell(&self, doorbell: &Doorbell, key: u64) -> Result<()> {
        self.add_descriptor(doorbell.descriptor(), key)
    }

    /// Adds a process, under the same kind of key as a receive right: it is ready when it may have ended.
    pub(crate) fn add_process(&self, process: &Process, key: u64) -> Result<()> {
        self.add_descriptor(process.descriptor(), key)
    }

    /// Takes a process out.
    pub(crate) fn remove_process(&self, _: &Process, key: u64) -> Result<()> {
        self.remove(key)
    }

    /// Takes a receive right or a doorbell out. The right itself is untouched.
    pub(crate) fn remove(&self, key: u64) -> Result<()> {
        let fd = self.members.lock().receive.remove(&key);
        self.forget(fd, || format!("the set has no receive right {key}"))
    }

    /// Reports once when the receive right behind `right` is gone.
    pub(crate) fn watch_dead(&self, right: &SendRight, key: u64) -> Result<()> {
        let fd = duplicate(right.as_fd())?;
        let mut members = self.members.lock();
        if members.watched.contains_key(&key) {
            return Err(Error::new(
                Status::AlreadyExists,
                format!("the set watches a send right {key} already"),
            ));
        }
        // The hang-up comes unasked; no other event is wanted.
        self.watch(fd.as_fd(), key << 1 | WATCH_BIT, epoll::EventFlags::ONESHOT)?;
        members.watched.insert(key, fd);
        Ok(())
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&self, key: u64) -> Result<()> {
        let fd = self.members.lock().watched.remove(&key);
        self.forget(fd, || format!("the set watches no send right {key}"))
    }

    fn watch(&self, fd: BorrowedFd<'_>, data: u64, flags: epoll::EventFlags) -> Result<()> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(data), flags)
            .map_err(|errno| system_error("adding to a port set", errno))
    }

    fn forget(&self, fd: Option<OwnedFd>, missing: impl FnOnce() -> String) -> Result<()> {
        let fd = fd.ok_or_else(|| Error::new(Status::NotFound, missing()))?;
        // Needed before the close: the socket may live on in duplicates of other processes, and with it its
        // place in the epoll set.
        epoll::delete(&self.epoll, &fd).map_err(|errno| system_error("removing from a port set", errno))
    }

    /// Readable when [`Self::wait`] would not wait.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Has the descriptor forget what is over. Here it knows by itself.
    pub(crate) fn settle(&self) {}

    /// The next member that is ready; members take turns.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Ready> {
        // Not the deadline itself: only Linux 5.11 takes nanoseconds here, and poll(2) does everywhere.
        let timeout = deadline.remaining().map(|_| rustix::event::Timespec::default());
        loop {
            let mut ready: [std::mem::MaybeUninit<epoll::Event>; 1] = [std::mem::MaybeUninit::uninit()];
            match epoll::wait(&self.epoll, &mut ready, timeout.as_ref()) {
                Ok((events, _)) => {
                    if let Some(event) = events.first() {
                        let key = event.data.u64() >> 1;
                        if event.data.u64() & WATCH_BIT == RECEIVE_BIT {
                            return Ok(Ready::Receive(key));
                        }
                        let fd = self.members.lock().watched.remove(&key);
                        if fd.is_some() {
                            self.forget(fd, String::new)?;
                            return Ok(Ready::Dead(key));
                        }
                        continue;
                    }
                }
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(system_error("waiting for a port set", errno)),
            }
            if deadline.is_over() || wait_readable(&[self.epoll.as_fd()], deadline)? == 0 {
                return Err(Error::TIMED_OUT);
            }
        }
    }
}
