//! Port sets on macOS: a kqueue of the members' kqueues, which also brings what is not a port's message.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::dead_names::{Mourner, dead_names};
use super::doorbell::Doorbell;
use super::port::{ReceiveRight, SendRight};
use super::spawn::Process;
use crate::error::{Error, Result, Status};
use crate::sys::kqueue::{Event, Kqueue};
use crate::sys::mach_message::{DEAD, Name};
use crate::sys::owner::Owner;
use crate::sys::posix::wait_readable;
use crate::time::Deadline;

pub(crate) use crate::sys::notices::Ready;

/// Keys of a set are not above this.
pub(crate) const MAX_SET_KEY: u64 = u64::MAX >> 1;

/// Many receive rights and watched send rights behind one descriptor. Keys are the caller's; one key names one
/// receive right and one watch at the most.
pub(crate) struct PortSet {
    inner: Arc<Inner>,
    owner: Owner,
    /// The same, as what is told of dead names.
    mourner: Arc<dyn Mourner>,
}

struct Inner {
    kqueue: Kqueue,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    /// The kernel and the dead names know members by these numbers. No two members ever have the same, whatever their keys,
    /// so that news that is late is nobody else's.
    last_number: u64,
    /// The key and the kqueue of a right, by number. The kernel takes a kqueue that is closed out of the set's.
    receive: BTreeMap<u64, (u64, Weak<Kqueue>)>,
    /// The key of a process, by number. Whoever adds a process keeps it for as long.
    processes: BTreeMap<u64, (u64, ())>,
    /// The key and the name of a watch, by number.
    watched: BTreeMap<u64, (u64, Name)>,
    /// Keys of watches whose ports have died, in order.
    dead: VecDeque<u64>,
}

impl Members {
    fn has_key(&self, key: u64) -> bool {
        number_of(&self.receive, key).or_else(|| number_of(&self.processes, key)).is_some()
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

/// The number of what has this key.
fn number_of<T>(members: &BTreeMap<u64, (u64, T)>, key: u64) -> Option<u64> {
    members.iter().find(|(_, (known, _))| *known == key).map(|(number, _)| *number)
}

impl std::fmt::Debug for PortSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PortSet").field(&self.inner.kqueue).finish()
    }
}

impl Mourner for Inner {
    fn has_died(&self, number: u64) {
        let mut members = self.members.lock();
        if let Some((key, _)) = members.watched.remove(&number) {
            members.dead.push_back(key);
            // If that fails, the next look finds it all the same.
            let _ = self.kqueue.trigger();
        }
    }
}

impl PortSet {
    pub(crate) fn new() -> Result<Self> {
        let inner = Arc::new(Inner { kqueue: Kqueue::new()?, members: Mutex::default() });
        Ok(Self { mourner: inner.clone(), inner, owner: Owner::this_process() })
    }

    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// Adds a receive right.
    pub(crate) fn add(&self, right: &ReceiveRight, key: u64) -> Result<()> {
        self.add_kqueue(right.kqueue(), key)
    }

    fn add_kqueue(&self, kqueue: &Arc<Kqueue>, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        members.receive.retain(|_, (_, kqueue)| kqueue.strong_count() > 0);
        if members.has_key(key) {
            return Err(Error::new(
                Status::AlreadyExists,
                format!("the set has a receive right {key} already"),
            ));
        }
        let member = Arc::downgrade(kqueue);
        if members.receive.values().any(|(_, known)| known.ptr_eq(&member)) {
            return Err(Error::fixed(Status::AlreadyExists, "the set has this receive right already"));
        }
        let number = members.next_number();
        self.inner.kqueue.add_descriptor(kqueue.as_fd(), number)?;
        members.receive.insert(number, (key, member));
        Ok(())
    }

    /// Adds a doorbell, under the same kind of key as a receive right: it is ready when it was rung.
    pub(crate) fn add_doorbell(&self, doorbell: &Doorbell, key: u64) -> Result<()> {
        self.add_kqueue(doorbell.kqueue(), key)
    }

    /// Adds a process, under the same kind of key as a receive right: it is ready when it may have ended.
    pub(crate) fn add_process(&self, process: &Process, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        if members.has_key(key) {
            return Err(Error::new(Status::AlreadyExists, format!("the set has a member {key} already")));
        }
        let number = members.next_number();
        self.inner.kqueue.add_descriptor(process.descriptor(), number)?;
        members.processes.insert(number, (key, ()));
        Ok(())
    }

    /// Takes a process out.
    pub(crate) fn remove_process(&self, process: &Process, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        if number_of(&members.processes, key).and_then(|number| members.processes.remove(&number)).is_none() {
            return Err(Error::new(Status::NotFound, format!("the set has no process {key}")));
        }
        drop(members);
        self.inner.kqueue.remove_descriptor(process.descriptor());
        Ok(())
    }

    /// Takes a receive right or a doorbell out. The right itself is untouched.
    pub(crate) fn remove(&self, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        let member = number_of(&members.receive, key).and_then(|number| members.receive.remove(&number));
        drop(members);
        let (_, kqueue) = member
            .ok_or_else(|| Error::new(Status::NotFound, format!("the set has no receive right {key}")))?;
        if let Some(kqueue) = kqueue.upgrade() {
            self.inner.kqueue.remove_descriptor(kqueue.as_fd());
        }
        Ok(())
    }

    /// Reports once when the receive right behind `right` is gone.
    pub(crate) fn watch_dead(&self, right: &SendRight, key: u64) -> Result<()> {
        let dead_names = dead_names()?;
        let mut members = self.inner.members.lock();
        if number_of(&members.watched, key).is_some() || members.dead.contains(&key) {
            return Err(Error::new(
                Status::AlreadyExists,
                format!("the set watches a send right {key} already"),
            ));
        }
        let number = members.next_number();
        members.watched.insert(number, (key, right.name()));
        drop(members);
        // Not under the lock: whoever takes notifications holds the names' lock and asks for this one.
        let watching = if right.name() == DEAD {
            self.inner.has_died(number);
            Ok(())
        } else {
            self.inner
                .kqueue
                .add_port(dead_names.port())
                .and_then(|()| dead_names.watch(right, &self.mourner, number))
        };
        watching.inspect_err(|_| {
            self.inner.members.lock().watched.remove(&number);
        })
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&self, key: u64) -> Result<()> {
        let mut members = self.inner.members.lock();
        if let Some(place) = members.dead.iter().position(|dead| *dead == key) {
            members.dead.remove(place);
            return Ok(());
        }
        let number = number_of(&members.watched, key);
        let watch = number.and_then(|number| Some((number, members.watched.remove(&number)?.1)));
        drop(members);
        let (number, name) = watch
            .ok_or_else(|| Error::new(Status::NotFound, format!("the set watches no send right {key}")))?;
        dead_names()?.unwatch(name, &self.mourner, number);
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
                Some(Event::Descriptor(number)) => {
                    if let Some(key) = self.ready_key(number)? {
                        return Ok(Ready::Receive(key));
                    }
                }
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

    /// The key of a member that the kernel named, if it has something. Its own kqueue can be late to see that it is empty.
    fn ready_key(&self, number: u64) -> Result<Option<u64>> {
        let members = self.inner.members.lock();
        let member = members.receive.get(&number).cloned();
        // Whether it has ended is for the caller to ask.
        let process = members.processes.get(&number).map(|(key, ())| *key);
        drop(members);
        match member.and_then(|(key, kqueue)| Some((key, kqueue.upgrade()?))) {
            Some((key, kqueue)) => Ok(kqueue.next()?.map(|_| key)),
            None => Ok(process),
        }
    }
}

impl Drop for PortSet {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        let watched = std::mem::take(&mut self.inner.members.lock().watched);
        if let Ok(dead_names) = dead_names() {
            for (number, (_, name)) in watched {
                dead_names.unwatch(name, &self.mourner, number);
            }
        }
    }
}
