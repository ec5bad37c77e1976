//! Port sets on Linux: an epoll set of receive rights' epoll sets, and of sockets whose hang-up is waited for.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustix::event::epoll;
use rustix::io::Errno;

use super::doorbell::Doorbell;
use super::port::{ReceiveRight, SendRight};
use super::spawn::Process;
use super::{duplicate, new_epoll};
use crate::error::{Error, Result, Status};
use crate::sys::owner::Owner;
use crate::sys::posix::{system_error, wait_readable};
use crate::time::Deadline;

pub(crate) use crate::sys::notices::Ready;

/// Many receive rights and watched send rights behind one descriptor. Keys are the caller's own; one key names one
/// receive right and one watch at the most.
#[derive(Debug)]
pub(crate) struct PortSet {
    epoll: OwnedFd,
    owner: Owner,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    /// By the number that the epoll set has for a member. No two members ever have the same, whatever their keys, so that
    /// an event that is late is nobody else's.
    by_number: BTreeMap<u64, Member>,
    last_number: u64,
    numbers: HashMap<(Role, u64), u64>,
    /// How many members there may be before those are looked for that have ended.
    enough: usize,
}

#[derive(Debug)]
struct Member {
    role: Role,
    key: u64,
    source: Source,
}

/// As what a member is ready. Each has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Role {
    Receive,
    Watch,
}

#[derive(Debug)]
enum Source {
    /// A right's epoll set, which is the right's alone: when that has moved or died the kernel takes it out.
    Right(Weak<OwnedFd>),
    /// A duplicate: its socket can live on in other processes, and would keep its place in the set.
    Socket(OwnedFd),
}

impl Source {
    fn has_ended(&self) -> bool {
        matches!(self, Self::Right(right) if right.strong_count() == 0)
    }
}

/// Greatest key of a set.
pub(crate) const MAX_SET_KEY: u64 = u64::MAX >> 1;

/// Events of members that are none any more, in one wait, before others have their turn: there is one at most for each
/// thread that changes the set meanwhile.
const MOST_FUTILE_EVENTS: usize = 1024;

impl Members {
    /// Those whose rights are gone, as often as the members have doubled.
    fn forget_ended(&mut self) {
        if self.by_number.len() >= self.enough {
            self.by_number.retain(|_, member| !member.source.has_ended());
            let Self { by_number, numbers, .. } = self;
            numbers.retain(|_, number| by_number.contains_key(number));
            self.enough = 2 * self.by_number.len() + 16;
        }
    }

    fn take(&mut self, role: Role, key: u64) -> Option<Member> {
        self.by_number.remove(&self.numbers.remove(&(role, key))?)
    }
}

impl PortSet {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            epoll: new_epoll("making a port set")?,
            owner: Owner::this_process(),
            members: Mutex::default(),
        })
    }

    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    fn insert(&self, source: Source, events: epoll::EventFlags, role: Role, key: u64) -> Result<()> {
        let mut members = self.members.lock();
        members.forget_ended();
        if let Some(number) = members.numbers.get(&(role, key)) {
            if members.by_number.get(number).is_some_and(|member| !member.source.has_ended()) {
                let what = if role == Role::Receive { "has a receive right" } else { "watches a send right" };
                return Err(Error::new(Status::AlreadyExists, format!("the set {what} {key} already")));
            }
            members.take(role, key);
        }
        members.last_number += 1;
        let number = members.last_number;
        let right;
        let fd = match &source {
            Source::Socket(socket) => socket.as_fd(),
            Source::Right(set) => {
                right =
                    set.upgrade().ok_or_else(|| Error::fixed(Status::Internal, "a right without a set"))?;
                right.as_fd()
            }
        };
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(number), events).map_err(
            |errno| match errno {
                Errno::EXIST => Error::fixed(Status::AlreadyExists, "the set has this receive right already"),
                errno => system_error("adding to a port set", errno),
            },
        )?;
        members.by_number.insert(number, Member { role, key, source });
        members.numbers.insert((role, key), number);
        Ok(())
    }

    /// Adds a receive right.
    pub(crate) fn add(&self, right: &ReceiveRight, key: u64) -> Result<()> {
        let source = Source::Right(Arc::downgrade(right.epoll()));
        self.insert(source, epoll::EventFlags::IN, Role::Receive, key)
    }

    /// Adds a doorbell, under the same kind of key as a receive right: it is ready when it was rung.
    pub(crate) fn add_doorbell(&self, doorbell: &Doorbell, key: u64) -> Result<()> {
        let source = Source::Socket(duplicate(doorbell.descriptor())?);
        self.insert(source, epoll::EventFlags::IN, Role::Receive, key)
    }

    /// Adds a process, under the same kind of key as a receive right: it is ready when it may have ended.
    pub(crate) fn add_process(&self, process: &Process, key: u64) -> Result<()> {
        let source = Source::Socket(duplicate(process.descriptor())?);
        self.insert(source, epoll::EventFlags::IN, Role::Receive, key)
    }

    /// Takes a process out.
    pub(crate) fn remove_process(&self, _: &Process, key: u64) -> Result<()> {
        self.remove(key)
    }

    /// Reports once when the receive right behind `right` is gone.
    pub(crate) fn watch_dead(&self, right: &SendRight, key: u64) -> Result<()> {
        let source = Source::Socket(duplicate(right.as_fd())?);
        // The hang-up comes unasked; no other event is wanted.
        self.insert(source, epoll::EventFlags::ONESHOT, Role::Watch, key)
    }

    /// Takes a receive right or a doorbell out. The right itself is untouched.
    pub(crate) fn remove(&self, key: u64) -> Result<()> {
        self.take_out(Role::Receive, key, || format!("the set has no receive right {key}"))
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&self, key: u64) -> Result<()> {
        self.take_out(Role::Watch, key, || format!("the set watches no send right {key}"))
    }

    fn take_out(&self, role: Role, key: u64, missing: impl FnOnce() -> String) -> Result<()> {
        let member = self.members.lock().take(role, key);
        self.forget(member.ok_or_else(|| Error::new(Status::NotFound, missing()))?)
    }

    fn forget(&self, member: Member) -> Result<()> {
        let outcome = match &member.source {
            Source::Right(right) => match right.upgrade() {
                Some(epoll) => epoll::delete(&self.epoll, &epoll),
                None => return Ok(()),
            },
            Source::Socket(socket) => epoll::delete(&self.epoll, socket),
        };
        outcome.map_err(|errno| system_error("removing from a port set", errno))
    }

    /// Readable when [`Self::wait`] would not wait.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Has the descriptor forget what is over. Here it knows by itself.
    pub(crate) fn settle(&self) {}

    /// The next member that is ready; members take turns.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Ready> {
        loop {
            for _ in 0..MOST_FUTILE_EVENTS {
                let mut ready: [std::mem::MaybeUninit<epoll::Event>; 1] = [std::mem::MaybeUninit::uninit()];
                // Not the deadline itself: only Linux 5.11 takes nanoseconds here, and poll(2) does everywhere.
                let event =
                    match epoll::wait(&self.epoll, &mut ready, Some(&rustix::event::Timespec::default())) {
                        Ok((events, _)) => events.first().copied(),
                        Err(Errno::INTR) => continue,
                        Err(errno) => return Err(system_error("waiting for a port set", errno)),
                    };
                let Some(event) = event else { break };
                let number = event.data.u64();
                let mut members = self.members.lock();
                // None, if it was taken out meanwhile.
                let Some(member) = members.by_number.get(&number) else { continue };
                let key = member.key;
                if member.role == Role::Receive {
                    return Ok(Ready::Receive(key));
                }
                let watch = members.take(Role::Watch, key);
                drop(members);
                watch.map_or(Ok(()), |watch| self.forget(watch))?;
                return Ok(Ready::Dead(key));
            }
            if deadline.is_over() || wait_readable(&[self.epoll.as_fd()], deadline)? == 0 {
                return Err(Error::TIMED_OUT);
            }
        }
    }
}
