//! Ports that are queues.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};

use super::failures::point;
use super::readiness::Readiness;
use crate::error::{Error, Result, Status};
use crate::sys::contents::{Incoming, Received};
use crate::sys::owner::Owner;
use crate::sys::posix::wait_readable;
use crate::time::Deadline;

/// Messages that wait at a port at the most.
pub(super) const QUEUE: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Credentials,
    ProcessHandle,
}

#[derive(Debug)]
enum Queued {
    Message(Incoming),
    SendOnceDestroyed,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Queued>,
    senders: usize,
    /// A send right was made since *no senders* was last reported.
    had_senders: bool,
    /// *No senders* was reported, and no send right was made since.
    has_none: bool,
    onces: usize,
    /// A name has senders at any time.
    is_named: bool,
    is_dead: bool,
    /// Of the receive right, while it is not on its way.
    ready: Option<Arc<Readiness>>,
    /// Told when there is room, or the port dies.
    vacancies: Vec<Weak<super::vacancy::Watch>>,
    /// Ready once the port is dead.
    mourners: Vec<Weak<Readiness>>,
}

impl State {
    fn has_news(&self) -> bool {
        let no_senders = self.had_senders && self.senders == 0 && !self.is_named;
        !self.queue.is_empty() || no_senders
    }

    fn tell(&self) {
        if let Some(ready) = &self.ready {
            ready.set(self.has_news());
        }
        for vacancy in self.vacancies.iter().filter_map(Weak::upgrade) {
            vacancy.tell(self.queue.len() < QUEUE, self.is_dead);
        }
    }
}

/// What all rights to one port share.
#[derive(Debug, Default)]
pub(super) struct Port {
    state: Mutex<State>,
    room: Condvar,
}

impl Port {
    /// Puts a message into the queue, and makes it only then.
    pub(super) fn push(&self, deadline: Deadline, message: impl FnOnce() -> Result<Incoming>) -> Result<()> {
        let mut state = self.state.lock();
        while !state.is_dead && state.queue.len() >= QUEUE {
            match deadline.remaining() {
                Some(left) if left.is_zero() => return Err(Error::TIMED_OUT),
                Some(left) => drop(self.room.wait_for(&mut state, left)),
                None => self.room.wait(&mut state),
            }
        }
        if state.is_dead {
            return Err(Error::PEER_DEAD);
        }
        state.queue.push_back(Queued::Message(message()?));
        state.tell();
        Ok(())
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state.lock().is_dead
    }

    pub(super) fn watch_room(&self, vacancy: &Arc<super::vacancy::Watch>) {
        let mut state = self.state.lock();
        state
            .vacancies
            .retain(|old| old.strong_count() > 0 && !std::ptr::eq(old.as_ptr(), &raw const **vacancy));
        state.vacancies.push(Arc::downgrade(vacancy));
        vacancy.tell(state.queue.len() < QUEUE, state.is_dead);
    }

    pub(super) fn mourn(&self, mourner: &Arc<Readiness>) {
        let mut state = self.state.lock();
        state.mourners.push(Arc::downgrade(mourner));
        mourner.set(state.is_dead);
    }
}

/// Ends the port when nobody has its receive right any more, here or in a message.
#[derive(Debug)]
struct Receiver {
    port: Arc<Port>,
    owner: Owner,
}

impl Receiver {
    fn new(port: Arc<Port>) -> Arc<Self> {
        Arc::new(Self { port, owner: Owner::this_process() })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // The parent of a fork has it still.
        if !self.owner.is_here() {
            return;
        }
        let mut state = self.port.state.lock();
        state.is_dead = true;
        state.ready = None;
        let queue = std::mem::take(&mut state.queue);
        state.tell();
        for mourner in state.mourners.iter().filter_map(Weak::upgrade) {
            mourner.set(true);
        }
        self.port.room.notify_all();
        drop(state);
        // Not under the lock: a message can carry rights to this very port.
        drop(queue);
    }
}

#[derive(Debug)]
pub(crate) struct ReceiveRight(Arc<Receiver>);

/// Lent to a message, which then has it, too: the last one who lets go ends the port.
#[derive(Clone, Debug)]
pub(crate) struct MovingReceiveRight(Arc<Receiver>);

#[derive(Debug)]
pub(crate) struct SendRight {
    port: Arc<Port>,
    owner: Owner,
}

/// Lent to a message, which then has it, too: the last one who lets go says that it died unused.
#[derive(Clone, Debug)]
pub(crate) struct SendOnceRight(Arc<Once>);

#[derive(Debug)]
pub(super) struct Once {
    port: Arc<Port>,
    owner: Owner,
    used: Mutex<bool>,
}

/// A right outside of this library.
#[derive(Debug)]
pub struct RawRight(Raw);

#[derive(Debug)]
enum Raw {
    Send(SendRight),
    Receive(ReceiveRight),
}

impl SendRight {
    pub(super) fn to(port: &Arc<Port>) -> Self {
        let mut state = port.state.lock();
        state.senders += 1;
        (state.had_senders, state.has_none) = (true, false);
        state.tell();
        Self { port: port.clone(), owner: Owner::this_process() }
    }

    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    pub(super) fn port(&self) -> &Arc<Port> {
        &self.port
    }

    /// As it is in a message.
    pub(super) fn for_others(&self) -> Self {
        Self::to(&self.port)
    }

    pub(crate) fn try_clone(&self) -> Result<Self> {
        point("duplicating a send right")?;
        Ok(Self::to(&self.port))
    }

    pub(crate) fn is_dead(&self) -> Result<bool> {
        Ok(self.port.is_dead())
    }

    pub(crate) fn into_raw(self) -> RawRight {
        RawRight(Raw::Send(self))
    }

    pub(crate) fn from_raw(raw: RawRight) -> Result<Self> {
        match raw.0 {
            Raw::Send(right) => Ok(right),
            Raw::Receive(_) => Err(Error::malformed("a receive right was given as a send right")),
        }
    }
}

impl Drop for SendRight {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        let mut state = self.port.state.lock();
        state.senders -= 1;
        state.tell();
    }
}

impl SendOnceRight {
    pub(crate) fn owner(&self) -> Owner {
        self.0.owner
    }

    pub(super) fn once(&self) -> &Once {
        &self.0
    }

    pub(crate) fn is_dead(&self) -> Result<bool> {
        Ok(self.0.port.is_dead())
    }

    pub(crate) fn moved(self) {}
}

impl Once {
    pub(super) fn port(&self) -> &Port {
        &self.port
    }

    pub(super) fn use_up(&self) {
        *self.used.lock() = true;
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        let mut state = self.port.state.lock();
        state.onces -= 1;
        if !*self.used.get_mut() && !state.is_dead {
            state.queue.push_back(Queued::SendOnceDestroyed);
            state.tell();
        }
    }
}

impl ReceiveRight {
    pub(crate) fn new(_: Identity) -> Result<Self> {
        let ready = Arc::new(Readiness::new()?);
        let port = Arc::new(Port::default());
        port.state.lock().ready = Some(ready);
        Ok(Self(Receiver::new(port)))
    }

    /// A port that is found by a name.
    pub(super) fn named() -> Result<Self> {
        let right = Self::new(Identity::ProcessHandle)?;
        right.0.port.state.lock().is_named = true;
        Ok(right)
    }

    pub(crate) fn owner(&self) -> Owner {
        self.0.owner
    }

    pub(super) fn port(&self) -> &Arc<Port> {
        &self.0.port
    }

    pub(super) fn has_news(&self) -> bool {
        self.0.port.state.lock().has_news()
    }

    /// Whether somebody has a send right.
    pub(crate) fn has_senders(&self) -> Result<bool> {
        let state = self.0.port.state.lock();
        Ok(state.senders > 0 || state.is_named)
    }

    pub(crate) fn from_raw(raw: RawRight) -> Result<Self> {
        match raw.0 {
            Raw::Receive(right) => Ok(right),
            Raw::Send(_) => Err(Error::malformed("a send right was given as a receive right")),
        }
    }

    pub(crate) fn into_raw(self) -> Result<RawRight, (Self, Error)> {
        Ok(RawRight(Raw::Receive(self)))
    }

    pub(crate) fn make_send(&self) -> Result<SendRight> {
        point("making a send right")?;
        Ok(SendRight::to(&self.0.port))
    }

    pub(crate) fn make_send_once(&self) -> Result<SendOnceRight> {
        point("making a send-once right")?;
        self.0.port.state.lock().onces += 1;
        let (port, owner) = (self.0.port.clone(), Owner::this_process());
        Ok(SendOnceRight(Arc::new(Once { port, owner, used: Mutex::new(false) })))
    }

    pub(super) fn ready(&self) -> Option<Arc<Readiness>> {
        self.0.port.state.lock().ready.clone()
    }

    pub(crate) fn refuse_senders(&self) {}

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        let state = self.0.port.state.lock();
        let ready = state.ready.as_ref().map(|ready| ready.descriptor());
        // A right that is no message's has one.
        let fd = ready.unwrap_or_else(|| unreachable!("a receive right that is on its way is asked"));
        // SAFETY: the readiness is the port's until this right is packed or dropped, which ends the borrow of `self`.
        unsafe { BorrowedFd::borrow_raw(std::os::fd::AsRawFd::as_raw_fd(&fd)) }
    }

    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Received> {
        point("receiving a message")?;
        loop {
            if let Some(received) = self.take() {
                return Ok(received);
            }
            if deadline.never_ends() {
                let state = self.0.port.state.lock();
                if state.has_none && state.onces == 0 {
                    return Ok(Received::NoSenders);
                }
            }
            if deadline.is_over() || wait_readable(&[self.descriptor()], deadline)? == 0 {
                return Err(Error::TIMED_OUT);
            }
        }
    }

    fn take(&self) -> Option<Received> {
        let port = &self.0.port;
        let mut state = port.state.lock();
        let received = match state.queue.pop_front() {
            Some(Queued::Message(message)) => Received::Message(message),
            Some(Queued::SendOnceDestroyed) => Received::SendOnceDestroyed,
            None if state.has_news() => {
                (state.had_senders, state.has_none) = (false, true);
                Received::NoSenders
            }
            None => return None,
        };
        state.tell();
        port.room.notify_all();
        Some(received)
    }

    pub(crate) fn pack(self) -> Result<MovingReceiveRight, (Self, Error)> {
        if let Err(error) = point("packing a receive right") {
            return Err((self, error));
        }
        if self.0.port.state.lock().is_named {
            let error = Error::fixed(Status::Unsupported, "the receive right of a name cannot be moved");
            return Err((self, error));
        }
        self.0.port.state.lock().ready = None;
        Ok(MovingReceiveRight(self.0))
    }
}

impl MovingReceiveRight {
    pub(crate) fn moved(self) {}

    pub(crate) fn unpack(self) -> Result<ReceiveRight, (Option<Self>, Error)> {
        let ready = match Readiness::new() {
            Ok(ready) => Arc::new(ready),
            Err(error) => return Err((Some(self), error)),
        };
        let mut state = self.0.port.state.lock();
        state.had_senders |= state.has_none;
        state.ready = Some(ready);
        state.tell();
        drop(state);
        Ok(ReceiveRight(self.0))
    }
}
