//! Port sets: a group of what is ready, asked in turn.

use std::os::fd::BorrowedFd;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::doorbell::Doorbell;
use super::failures::point;
use super::port::{Port, ReceiveRight, SendRight};
use super::readiness::Readiness;
use super::spawn::Process;
use crate::error::{Error, Result, Status};
use crate::sys::owner::Owner;
use crate::sys::posix::wait_readable;
use crate::time::Deadline;

pub(crate) use crate::sys::notices::Ready;

pub(crate) const MAX_SET_KEY: u64 = u64::MAX >> 1;

#[derive(Debug)]
pub(crate) struct PortSet {
    group: Readiness,
    owner: Owner,
    members: Mutex<Vec<Member>>,
}

#[derive(Debug)]
struct Member {
    key: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Receive(Weak<Readiness>),
    Watch { port: Arc<Port>, mourner: Arc<Readiness> },
}

impl Kind {
    fn is_watch(&self) -> bool {
        matches!(self, Self::Watch { .. })
    }

    fn is_ready(&self) -> bool {
        match self {
            Self::Receive(ready) => ready.upgrade().is_some_and(|ready| {
                wait_readable(&[ready.descriptor()], Deadline::NOW).is_ok_and(|ready| ready != 0)
            }),
            Self::Watch { port, .. } => port.is_dead(),
        }
    }
}

impl PortSet {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { group: Readiness::new()?, owner: Owner::this_process(), members: Mutex::default() })
    }

    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    fn insert(&self, key: u64, kind: Kind) -> Result<()> {
        point("adding to a port set")?;
        let mut members = self.members.lock();
        members.retain(|member| !matches!(&member.kind, Kind::Receive(ready) if ready.strong_count() == 0));
        if members.iter().any(|member| member.key == key && member.kind.is_watch() == kind.is_watch()) {
            return Err(Error::new(Status::AlreadyExists, format!("the set has a member {key} already")));
        }
        match &kind {
            Kind::Receive(ready) => {
                if let Some(ready) = ready.upgrade() {
                    self.group.join(ready.descriptor());
                }
            }
            Kind::Watch { port, mourner } => {
                self.group.join(mourner.descriptor());
                port.mourn(mourner);
            }
        }
        members.push(Member { key, kind });
        Ok(())
    }

    fn take_out(&self, key: u64, watch: bool) -> Result<()> {
        let mut members = self.members.lock();
        let place = members.iter().position(|member| member.key == key && member.kind.is_watch() == watch);
        let place =
            place.ok_or_else(|| Error::new(Status::NotFound, format!("the set has no member {key}")))?;
        if let Kind::Receive(ready) = members.remove(place).kind
            && let Some(ready) = ready.upgrade()
        {
            self.group.part(ready.descriptor());
        }
        Ok(())
    }

    pub(crate) fn add(&self, right: &ReceiveRight, key: u64) -> Result<()> {
        let ready = right.ready().map_or_else(Weak::new, |ready| Arc::downgrade(&ready));
        self.insert(key, Kind::Receive(ready))
    }

    pub(crate) fn add_doorbell(&self, doorbell: &Doorbell, key: u64) -> Result<()> {
        self.add(doorbell.port(), key)
    }

    /// There are no processes here.
    pub(crate) fn add_process(&self, _: &Process, _: u64) -> Result<()> {
        point("adding to a port set")
    }

    pub(crate) fn remove_process(&self, _: &Process, _: u64) -> Result<()> {
        Ok(())
    }

    pub(crate) fn remove(&self, key: u64) -> Result<()> {
        self.take_out(key, false)
    }

    pub(crate) fn watch_dead(&self, right: &SendRight, key: u64) -> Result<()> {
        let mourner = Arc::new(Readiness::new()?);
        self.insert(key, Kind::Watch { port: right.port().clone(), mourner })
    }

    pub(crate) fn unwatch(&self, key: u64) -> Result<()> {
        self.take_out(key, true)
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.group.descriptor()
    }

    pub(crate) fn settle(&self) {}

    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Ready> {
        point("waiting for a port set")?;
        loop {
            let mut members = self.members.lock();
            if let Some(place) = members.iter().position(|member| member.kind.is_ready()) {
                // To the end, so that the others have their turn.
                let member = members.remove(place);
                let key = member.key;
                if member.kind.is_watch() {
                    return Ok(Ready::Dead(key));
                }
                members.push(member);
                return Ok(Ready::Receive(key));
            }
            drop(members);
            if deadline.is_over() || wait_readable(&[self.descriptor()], deadline)? == 0 {
                return Err(Error::TIMED_OUT);
            }
        }
    }
}
