//! Port sets on macOS: a kqueue of the members' kqueues, which also brings what is not a port's message.

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use parking_lot::Mutex;

use super::dead_names::{Mourner, dead_names};
use super::doorbell::Doorbell;
use super::port::{ReceiveRight, SendRight};
use super::spawn::Process;
use crate::error::{Error, Result, Status};
use crate::sys::kqueue::{Event, Kqueue};
use crate::sys::mach_message::{DEAD, Name};
use crate::sys::posix::wait_readable;
use crate::time::Deadline;

pub(crate) use crate::sys::notices::Ready;

/// Keys of a set are not above this.
pub(crate) const MAX_SET_KEY: u64 = u64::MAX >> 1;

/// Many receive rights and watched send rights behind one descriptor. Keys are the caller's; one key names one
/// receive right and one watch at the most.
pub(crate) struct PortSet {
    inner: Arc<Inner>,
    /// The same, as what is told of dead names.
    mourner: Arc<dyn Mourner>,
}

struct Inner {
    kqueue: Kqueue,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    /// Shared with the members, so that a number is no other descriptor's as long as the set has it.
    receive: HashMap<u64, Arc<Kqueue>>,
    /// Whoever adds a process keeps it for as long.
    processes: HashSet<u64>,
    watched: HashMap<u64, Name>,
    /// Keys of watches whose ports have died, in order.
    dead: VecDeque<u64>,
}

impl std::fmt::Debug for PortSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PortSet").field(&self.inner.kqueue).finish()
    }
}

impl Mourner for Inner {
    fn has_died(&self, key: u64) {
        let mut members = self.members.lock();
        if members.watched.remove(&key).is_some() {
            members.dead.push_back(key);
            // If that fails, the next look finds it all the same.
            let _ = self.kqueue.trigger();
        }
    }
}

impl PortSet {
    pub(crate) fn new() -> Result<Self> {
        let inner = Arc::new(Inner { kqueue: Kqueue::new()?, members: Mutex::default() });
        Ok(Self { mourner: inner.clone(), inner })
    }

    /// Adds a receive right.
    pub(crate) fn add(&self, right: &ReceiveRight, key: u64) -> Result<()> {
        self.add_kqueue(right.kqueue(), key)
    }

    fn add_kqueue(&self, kqueue: &Arc<Kqueue>, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        if members.receive.contains_key(&key) {
            return Err(Error::new(
                Status::AlreadyExists,
                format!("the set has a receive right {key} already"),
            ));
        }
        self.inner.kqueue.add_descriptor(kqueue.as_fd(), key)?;
        members.receive.insert(key, kqueue.clone());
        Ok(())
    }

    /// Adds a doorbell, under the same kind of key as a receive right: it is ready when it was rung.
    pub(crate) fn add_doorbell(&self, doorbell: &Doorbell, key: u64) -> Result<()> {
        self.add_kqueue(doorbell.kqueue(), key)
    }

    /// Adds a process, under the same kind of key as a receive right: it is ready when it may have ended.
    pub(crate) fn add_process(&self, process: &Process, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        if members.receive.contains_key(&key) || members.processes.contains(&key) {
            return Err(Error::new(Status::AlreadyExists, format!("the set has a process {key} already")));
        }
        self.inner.kqueue.add_descriptor(process.descriptor(), key)?;
        members.processes.insert(key);
        Ok(())
    }

    /// Takes a process out.
    pub(crate) fn remove_process(&self, process: &Process, key: u64) -> Result<()> {
        if !self.inner.members.lock().processes.remove(&key) {
            return Err(Error::new(Status::NotFound, format!("the set has no process {key}")));
        }
        self.inner.kqueue.remove_descriptor(process.descriptor());
        Ok(())
    }

    /// Takes a receive right or a doorbell out. The right itself is untouched.
    pub(crate) fn remove(&self, key: u64) -> Result<()> {
        let kqueue = self.inner.members.lock().receive.remove(&key);
        let kqueue = kqueue
            .ok_or_else(|| Error::new(Status::NotFound, format!("the set has no receive right {key}")))?;
        self.inner.kqueue.remove_descriptor(kqueue.as_fd());
        Ok(())
    }

    /// Reports once when the receive right behind `right` is gone.
    pub(crate) fn watch_dead(&self, right: &SendRight, key: u64) -> Result<()> {
        let dead_names = dead_names()?;
        let mut members = self.inner.members.lock();
        if members.watched.contains_key(&key) || members.dead.contains(&key) {
            return Err(Error::new(
                Status::AlreadyExists,
                format!("the set watches a send right {key} already"),
            ));
        }
        members.watched.insert(key, right.name());
        drop(members);
        // Not under the lock: whoever takes notifications holds the names' lock and asks for this one.
        let watching = if right.name() == DEAD {
            self.inner.has_died(key);
            Ok(())
        } else {
            self.inner
                .kqueue
                .add_port(dead_names.port())
                .and_then(|()| dead_names.watch(right, &self.mourner, key))
        };
        watching.inspect_err(|_| {
            self.inner.members.lock().watched.remove(&key);
        })
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&self, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        if let Some(place) = members.dead.iter().position(|dead| *dead == key) {
            members.dead.remove(place);
            return Ok(());
        }
        let name = members.watched.remove(&key);
        drop(members);
        let name =
            name.ok_or_else(|| Error::new(Status::NotFound, format!("the set watches no send right {key}")))?;
        dead_names()?.unwatch(name, &self.mourner, key);
        Ok(())
    }

    /// Readable when [`Self::wait`] would not wait.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.inner.kqueue.as_fd()
    }

    /// Has the descriptor forget what is over: see [`Kqueue::next`]. If that fails it is readable once too often.
    pub(crate) fn settle(&self) {
        let _ = self.inner.kqueue.next();
    }

    /// The next member that is ready; members take turns.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Ready> {
        loop {
            match self.inner.kqueue.next()? {
                Some(Event::Descriptor(key)) if self.is_ready(key)? => return Ok(Ready::Receive(key)),
                Some(Event::Port) => dead_names()?.look()?,
                Some(Event::Triggered) => {
                    let mut members = self.inner.members.lock();
                    let dead = members.dead.pop_front();
                    if members.dead.is_empty() {
                        self.inner.kqueue.reset();
                    }
                    if let Some(key) = dead {
                        return Ok(Ready::Dead(key));
                    }
                }
                Some(_) => {}
                None => {
                    if deadline.is_over() || wait_readable(&[self.descriptor()], deadline)? == 0 {
                        return Err(Error::TIMED_OUT);
                    }
                }
            }
        }
    }

    /// Whether a member that the kernel named has something. Its own kqueue can be late to see that it is empty.
    fn is_ready(&self, key: u64) -> Result<bool> {
        let members = self.inner.members.lock();
        let member = members.receive.get(&key).cloned();
        // Whether it has ended is for the caller to ask.
        let is_process = members.processes.contains(&key);
        drop(members);
        match member {
            Some(kqueue) => Ok(kqueue.next()?.is_some()),
            None => Ok(is_process),
        }
    }
}

impl Drop for PortSet {
    fn drop(&mut self) {
        let watched: Vec<(u64, Name)> = self.inner.members.lock().watched.drain().collect();
        if let Ok(dead_names) = dead_names() {
            for (key, name) in watched {
                dead_names.unwatch(name, &self.mourner, key);
            }
        }
    }
}
