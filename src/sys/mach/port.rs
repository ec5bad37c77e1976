//! Ports on macOS: Mach ports.
//!
//! Send rights of one port share one name in a task, which counts references; each send-once right has a name of its
//! own. A right that outlives its port becomes a dead name, with the same references. So every right here owns
//! exactly one reference, whatever has become of it, and `mach_port_deallocate` gives each kind back but the
//! receive right.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mach2::mach_port::{
    mach_port_construct, mach_port_deallocate, mach_port_extract_right, mach_port_get_attributes,
    mach_port_insert_right, mach_port_mod_refs, mach_port_request_notification,
};
use mach2::message::{MACH_MSG_TYPE_MAKE_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE, MACH_MSG_TYPE_MOVE_SEND_ONCE};
use mach2::notify::MACH_NOTIFY_NO_SENDERS;
use mach2::port::{
    MACH_PORT_QLIMIT_LARGE, MACH_PORT_RECEIVE_STATUS, MACH_PORT_RIGHT_DEAD_NAME, MACH_PORT_RIGHT_RECEIVE,
    MACH_PORT_RIGHT_SEND, MACH_PORT_RIGHT_SEND_ONCE, MPO_QLIMIT, mach_port_limits_t, mach_port_options_t,
};
use parking_lot::Mutex;

use super::message::{self, Kernel, Pending};
use super::{check, task};
use crate::error::{Error, Result, Status};
use crate::sys::contents::Received;
use crate::sys::kqueue::Kqueue;
use crate::sys::mach_message::{DEAD, Name, Notification, OwnedRight, RightKind};
use crate::sys::owner::Owner;
use crate::sys::posix::wait_readable;
use crate::time::Deadline;

unsafe extern "C" {
    /// `mach/mach_port.h`; `mach2` lacks it.
    fn mach_port_type(task: u32, name: Name, kinds: *mut u32) -> i32;
}

/// `MACH_PORT_TYPE_SEND` and its fellows of `mach/port.h`: bit 16 and the number of the right.
const fn type_bit(right: u32) -> u32 {
    1 << (16 + right)
}

/// What this task has under a name: bits of `MACH_PORT_TYPE_...`, 0 for nothing.
fn type_of(name: Name) -> u32 {
    let mut kinds = 0;
    // SAFETY: the kernel writes one word, which lives across the call.
    match unsafe { mach_port_type(task(), name, &raw mut kinds) } {
        0 => kinds,
        _ => 0,
    }
}

/// Whether a name that came from outside of this library has a right of this kind.
fn check_has(name: Name, right: u32, kind: &str) -> Result<()> {
    if type_of(name) & type_bit(right) == 0 {
        return Err(Error::invalid(format!("the name {name:#x} has no {kind} right")));
    }
    Ok(())
}

fn is_dead(name: Name) -> bool {
    name == DEAD || type_of(name) & type_bit(MACH_PORT_RIGHT_DEAD_NAME) != 0
}

/// A new port with its receive right, which is the caller's.
pub(in crate::sys) fn construct(queue_limit: u32) -> Result<Name> {
    // SAFETY: options of zeroes are valid ones.
    let mut options: mach_port_options_t = unsafe { std::mem::zeroed() };
    options.flags = MPO_QLIMIT;
    options.mpl = mach_port_limits_t { mpl_qlimit: queue_limit };
    let mut name = 0;
    // SAFETY: the options and the name live across the call.
    check("making a port", unsafe { mach_port_construct(task(), &raw mut options, 0, &raw mut name) })?;
    Ok(name)
}

/// One more send right to a port whose receive right is here.
pub(in crate::sys) fn insert_send_right(name: Name) -> Result<SendRight> {
    // SAFETY: names in this task's own port space; nothing is read or written in memory.
    let code = unsafe { mach_port_insert_right(task(), name, name, MACH_MSG_TYPE_MAKE_SEND) };
    check("making a send right", code)?;
    Ok(SendRight::from_owned_name(name))
}

/// Has the kernel send a no-senders notification to the port itself, once, when no send right is left.
pub(in crate::sys) fn request_no_senders(name: Name) -> Result<()> {
    exchange_no_senders(name, name, MACH_MSG_TYPE_MAKE_SEND_ONCE).map(drop)
}

/// Replaces where the notification goes; the answer is where it went.
fn exchange_no_senders(name: Name, to: Name, disposition: u32) -> Result<Name> {
    let mut before = 0;
    // SAFETY: names in this task's own port space; one word is written, which lives across the call.
    let code = unsafe {
        mach_port_request_notification(
            task(),
            name,
            MACH_NOTIFY_NO_SENDERS,
            0,
            to,
            disposition,
            &raw mut before,
        )
    };
    check("asking for a no-senders notification", code)?;
    Ok(before)
}

/// `mach_port_status_t` of `mach/port.h`.
#[repr(C)]
#[derive(Default)]
struct PortStatus {
    port_set: u32,
    sequence: u32,
    make_sends: u32,
    queue_limit: u32,
    messages: u32,
    send_once_rights: u32,
    has_send_rights: i32,
    port_destroyed: i32,
    no_senders: i32,
    flags: u32,
}

fn has_send_rights(name: Name) -> Result<bool> {
    Ok(status_of(name)?.has_send_rights != 0)
}

fn status_of(name: Name) -> Result<PortStatus> {
    let mut status = PortStatus::default();
    let mut count = (size_of::<PortStatus>() / size_of::<u32>()) as u32;
    // SAFETY: the kernel writes at most `count` words, as many as the structure has.
    let code = unsafe {
        mach_port_get_attributes(
            task(),
            name,
            MACH_PORT_RECEIVE_STATUS,
            (&raw mut status).cast(),
            &raw mut count,
        )
    };
    check("looking at a port", code)?;
    Ok(status)
}

/// How much is asked of the kernel about senders: each message brings the audit token of its sender's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Credentials,
    /// The same: the token tells processes from their successors.
    ProcessHandle,
}

/// A right outside of this library: the name of a Mach port, and one reference to its right.
#[derive(Debug)]
pub struct RawRight(OwnedRight<Kernel>);

impl RawRight {
    /// Takes over one reference to a send right, or to the dead name that it has become.
    ///
    /// # Safety
    ///
    /// The reference must be the caller's to give.
    pub unsafe fn from_send_right(name: u32) -> Option<Self> {
        OwnedRight::new(name, RightKind::Send, &Kernel::here()).map(Self)
    }

    /// Takes over a receive right.
    ///
    /// # Safety
    ///
    /// The right must be the caller's to give.
    pub unsafe fn from_receive_right(name: u32) -> Option<Self> {
        OwnedRight::new(name, RightKind::Receive, &Kernel::here()).map(Self)
    }

    /// The name. The reference stays with this.
    pub fn name(&self) -> u32 {
        self.0.name()
    }

    /// The name; the reference is the caller's from here on.
    pub fn into_name(self) -> u32 {
        self.0.into_name()
    }
}

/// Lets its holder send to a port, any number of times.
#[derive(Debug)]
pub(crate) struct SendRight {
    name: Name,
    owner: Owner,
}

impl SendRight {
    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// Another send right to the same port.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Self::clone_of_name(self.name)
    }

    /// One reference more to a send right of which the caller owns one.
    pub(in crate::sys) fn clone_of_name(name: Name) -> Result<Self> {
        if name == 0 || name == DEAD {
            return Ok(Self::from_owned_name(name));
        }
        // A dead name has references, too. The port can die between the two calls, never come back.
        for right in [MACH_PORT_RIGHT_SEND, MACH_PORT_RIGHT_DEAD_NAME] {
            // SAFETY: a name of which the caller owns a reference, so it is still the same right's.
            let code = unsafe { mach_port_mod_refs(task(), name, right, 1) };
            match code {
                mach2::kern_return::KERN_INVALID_RIGHT if right == MACH_PORT_RIGHT_SEND => {}
                code => {
                    return check("duplicating a send right", code).map(|()| Self::from_owned_name(name));
                }
            }
        }
        Err(Error::fixed(Status::Internal, "a send right is of no kind"))
    }

    /// One reference more to a send right under a name that may be any.
    pub(crate) fn clone_of_any_name(name: Name) -> Result<Self> {
        check_has(name, MACH_PORT_RIGHT_SEND, "send")?;
        Self::clone_of_name(name)
    }

    /// Whether the receive right is gone.
    pub(crate) fn is_dead(&self) -> Result<bool> {
        Ok(is_dead(self.name))
    }

    /// The raw form. In a fork, a right to nothing.
    pub(crate) fn into_raw(self) -> RawRight {
        let name = if self.owner.is_here() { self.into_name() } else { DEAD };
        // A right that arrived dead has no name of its own; the owner of none gives nothing back.
        RawRight(OwnedRight::from_name(name, RightKind::Send, &Kernel::here()))
    }

    /// From the raw form.
    pub(crate) fn from_raw(raw: RawRight) -> Result<Self> {
        let kinds = type_bit(MACH_PORT_RIGHT_SEND) | type_bit(MACH_PORT_RIGHT_DEAD_NAME);
        if raw.0.kind() != RightKind::Send || (raw.name() != DEAD && type_of(raw.name()) & kinds == 0) {
            return Err(Error::malformed("a name that has no send right was given as one"));
        }
        Ok(Self::from_owned_name(raw.into_name()))
    }

    /// The caller's reference becomes this one's. `MACH_PORT_DEAD` stands for a right that arrived dead.
    pub(crate) fn from_owned_name(name: Name) -> Self {
        Self { name, owner: Owner::this_process() }
    }

    pub(crate) fn name(&self) -> Name {
        self.name
    }

    fn into_name(self) -> Name {
        let name = self.name;
        std::mem::forget(self);
        name
    }
}

impl Drop for SendRight {
    fn drop(&mut self) {
        // A fork has no right under the name, or another one.
        if self.owner.is_here() {
            give_back_reference(self.name);
        }
    }
}

/// Drops one reference to a send right, a send-once right or a dead name.
pub(in crate::sys) fn give_back_reference(name: Name) {
    if name != 0 && name != DEAD {
        // SAFETY: the caller owns the reference.
        let code = unsafe { mach_port_deallocate(task(), name) };
        debug_assert_eq!(code, 0, "a reference that was owned");
    }
}

/// Destroys a receive right.
pub(in crate::sys) fn destroy_receive_right(name: Name) {
    // SAFETY: the caller owns the right.
    let code = unsafe { mach_port_mod_refs(task(), name, MACH_PORT_RIGHT_RECEIVE, -1) };
    debug_assert_eq!(code, 0, "a receive right that was owned");
}

/// A name that can be taken away from its right. A send does that, and gives it back, possibly as another one, when it
/// fails.
///
/// All accesses are relaxed: the number orders nothing, and only a thread that owns the right changes it.
#[derive(Debug)]
pub(in crate::sys) struct LentName(AtomicU32);

impl LentName {
    pub(in crate::sys) fn new(name: Name) -> Self {
        Self(AtomicU32::new(name))
    }

    pub(in crate::sys) fn get(&self) -> Name {
        self.0.load(Ordering::Relaxed)
    }

    /// 0: the kernel has taken the right.
    pub(in crate::sys) fn set(&self, name: Name) {
        self.0.store(name, Ordering::Relaxed);
    }
}

/// Lets its holder send to a port once.
#[derive(Debug)]
pub(crate) struct SendOnceRight {
    pub(in crate::sys) name: LentName,
    owner: Owner,
}

impl SendOnceRight {
    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// Whether the receive right is gone.
    pub(crate) fn is_dead(&self) -> Result<bool> {
        Ok(is_dead(self.name.get()))
    }

    /// The caller's right becomes this one. `MACH_PORT_DEAD` stands for one that arrived dead.
    pub(crate) fn from_owned_name(name: Name) -> Self {
        Self { name: LentName::new(name), owner: Owner::this_process() }
    }

    /// The caller's right becomes this one, if the name has such a right.
    ///
    /// # Safety
    /// If it has one, it is the caller's to give.
    pub(crate) unsafe fn from_any_name(name: Name) -> Result<Self> {
        check_has(name, MACH_PORT_RIGHT_SEND_ONCE, "send-once")?;
        Ok(Self::from_owned_name(name))
    }

    /// The right is the caller's from here on.
    pub(crate) fn into_name(self) -> Name {
        let name = self.name.get();
        self.name.set(0);
        name
    }

    /// Lets go behind a successful send of the right, or through it: the send has taken the name.
    pub(crate) fn moved(self) {}
}

impl Drop for SendOnceRight {
    fn drop(&mut self) {
        // Unused, it has the kernel tell the receiver: `MACH_NOTIFY_SEND_ONCE`.
        if self.owner.is_here() {
            give_back_reference(self.name.get());
        }
    }
}

/// The one right to receive from a port.
#[derive(Debug)]
pub(crate) struct ReceiveRight {
    /// 0 when the right has gone elsewhere.
    name: LentName,
    owner: Owner,
    /// Shared with the port sets that this is a member of, so that its number is no other descriptor's meanwhile.
    kqueue: Arc<Kqueue>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A no-senders notification is asked for and was not received yet.
    is_armed: bool,
    /// *No senders* was reported, and no send right was made since.
    has_none: bool,
    /// Launchd keeps a send right to the port of a name: there is no *no senders*.
    is_named: bool,
    /// A message that was taken from the port, and for which something was lacking.
    pending: Option<Pending>,
}

impl ReceiveRight {
    /// A port that nobody can send to yet.
    pub(crate) fn new(_: Identity) -> Result<Self> {
        Self::with_name(construct(MACH_PORT_QLIMIT_LARGE)?, State::default()).map_err(|(name, error)| {
            destroy_receive_right(name);
            error
        })
    }

    /// On failure the right is still the caller's.
    fn with_name(name: Name, state: State) -> Result<Self, (Name, Error)> {
        let kqueue = Kqueue::new().and_then(|kqueue| kqueue.add_port(name).map(|()| kqueue));
        match kqueue {
            Ok(kqueue) => Ok(Self {
                name: LentName::new(name),
                owner: Owner::this_process(),
                kqueue: Arc::new(kqueue),
                state: Mutex::new(state),
            }),
            Err(error) => Err((name, error)),
        }
    }

    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// The port of a name.
    pub(in crate::sys) fn of_bootstrap_name(name: Name) -> Result<Self> {
        let state = State { is_named: true, ..State::default() };
        Self::with_name(name, state).map_err(|(name, error)| {
            destroy_receive_right(name);
            error
        })
    }

    /// A receive right that was another process's, or that this library did not make.
    fn adopt(name: Name) -> Result<Self, (Name, Error)> {
        let right = Self::with_name(name, State::default())?;
        match right.rearm() {
            Ok(()) => Ok(right),
            Err(error) => Err((right.into_name(), error)),
        }
    }

    /// What is asked for stays with a port that moves. So it is taken back and, if there was something, put in
    /// again: dropping it would have the kernel report a send-once right that died. Where it leads was the former
    /// owner's choice; at the worst this port then never says *no senders*, as if that owner had kept a right.
    fn rearm(&self) -> Result<()> {
        let before = exchange_no_senders(self.name.get(), 0, MACH_MSG_TYPE_MAKE_SEND_ONCE)?;
        let mut state = self.state.lock();
        if before != 0 {
            exchange_no_senders(self.name.get(), before, MACH_MSG_TYPE_MOVE_SEND_ONCE)
                .inspect_err(|_| give_back_reference(before))?;
            state.is_armed = true;
        } else if has_send_rights(self.name.get())? {
            request_no_senders(self.name.get())?;
            state.is_armed = true;
        }
        Ok(())
    }

    /// The caller's right becomes this one, if the name has such a right. On failure it is still the caller's.
    ///
    /// # Safety
    /// If it has one, it is the caller's to give.
    pub(crate) unsafe fn from_any_name(name: Name) -> Result<Self> {
        check_has(name, MACH_PORT_RIGHT_RECEIVE, "receive")?;
        Self::adopt(name).map_err(|(_, error)| error)
    }

    /// From the raw form.
    pub(crate) fn from_raw(raw: RawRight) -> Result<Self> {
        if raw.0.kind() != RightKind::Receive || type_of(raw.name()) & type_bit(MACH_PORT_RIGHT_RECEIVE) == 0
        {
            return Err(Error::malformed("a name that has no receive right was given as one"));
        }
        Self::adopt(raw.into_name()).map_err(|(name, error)| {
            destroy_receive_right(name);
            error
        })
    }

    /// The raw form. A message that waits for something that was lacking goes nowhere: then the right comes back.
    pub(crate) fn into_raw(self) -> Result<RawRight, (Self, Error)> {
        match self.check_nothing_pending() {
            Ok(()) => {
                Ok(RawRight(OwnedRight::from_name(self.into_name(), RightKind::Receive, &Kernel::here())))
            }
            Err(error) => Err((self, error)),
        }
    }

    fn check_nothing_pending(&self) -> Result<()> {
        if self.state.lock().pending.is_some() {
            return Err(Error::fixed(
                Status::ResourceExhausted,
                "a message of this port waits for descriptors or memory that were lacking: receive it first",
            ));
        }
        Ok(())
    }

    /// Lets go of the right without destroying it.
    fn into_name(self) -> Name {
        let name = self.name.get();
        self.kqueue.remove_port(name);
        self.name.set(0);
        name
    }

    /// A new send right to this port.
    pub(crate) fn make_send(&self) -> Result<SendRight> {
        let mut state = self.state.lock();
        let right = insert_send_right(self.name.get())?;
        if !state.is_armed && !state.is_named {
            request_no_senders(self.name.get())?;
            state.is_armed = true;
        }
        state.has_none = false;
        Ok(right)
    }

    /// A new send-once right to this port.
    pub(crate) fn make_send_once(&self) -> Result<SendOnceRight> {
        let (mut name, mut kind) = (0, 0);
        // SAFETY: a name in this task's own port space; the two words live across the call.
        let code = unsafe {
            mach_port_extract_right(
                task(),
                self.name.get(),
                MACH_MSG_TYPE_MAKE_SEND_ONCE,
                &raw mut name,
                &raw mut kind,
            )
        };
        check("making a send-once right", code)?;
        Ok(SendOnceRight::from_owned_name(name))
    }

    /// Nothing: a fork has no copy of the right, and its end tells the senders.
    pub(crate) fn refuse_senders(&self) {}

    /// Readable when [`Self::receive`] would not wait.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.kqueue.as_fd()
    }

    pub(in crate::sys) fn kqueue(&self) -> &Arc<Kqueue> {
        &self.kqueue
    }

    /// The next message or notice.
    ///
    /// Errors: timed out; malformed (that message is destroyed, go on); resources exhausted (it stays queued).
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Received> {
        let mut woken = false;
        loop {
            if let Some(received) = self.receive_now()? {
                return Ok(received);
            }
            // The kqueue may still say that there is something that another thread took: until somebody looks.
            if (woken || deadline.is_over()) && self.kqueue.next()?.is_some() && !deadline.is_over() {
                continue;
            }
            // Nothing would ever end this wait but a send right that another thread makes, which had better be a new one.
            if deadline.never_ends() && self.can_bring_nothing()? {
                return Ok(Received::NoSenders);
            }
            // Not in `mach_msg`: a message that is put back by another thread has to end this wait, too.
            if deadline.is_over() || wait_readable(&[self.kqueue.as_fd()], deadline)? == 0 {
                return Err(Error::TIMED_OUT);
            }
            woken = true;
        }
    }

    fn can_bring_nothing(&self) -> Result<bool> {
        if !self.state.lock().has_none {
            return Ok(false);
        }
        let status = status_of(self.name.get())?;
        Ok(status.has_send_rights == 0 && status.send_once_rights == 0 && status.messages == 0)
    }

    /// Whether somebody has a send right, or can get one by the port's name.
    pub(crate) fn has_senders(&self) -> Result<bool> {
        Ok(self.state.lock().is_named || has_send_rights(self.name.get())?)
    }

    fn receive_now(&self) -> Result<Option<Received>> {
        let mut state = self.state.lock();
        let put_back = state.pending.take();
        if put_back.is_some() {
            self.kqueue.reset();
        }
        drop(state);
        let pending = match put_back {
            Some(pending) => pending,
            None => loop {
                match message::receive_now(self.name.get())? {
                    Some(message::Arrived::Message(pending)) => break pending,
                    Some(message::Arrived::Destroyed(remains, error)) => {
                        return Ok(Some(Received::Destroyed(remains, error)));
                    }
                    Some(message::Arrived::Notification(notification)) => {
                        if let Some(received) = self.notified(&notification)? {
                            return Ok(Some(received));
                        }
                    }
                    None => return Ok(None),
                }
            },
        };
        match pending.open() {
            Ok(received) => Ok(Some(received)),
            Err((pending, error)) => {
                self.state.lock().pending = Some(pending);
                self.kqueue.trigger()?;
                Err(error.context("the message waits in its queue"))
            }
        }
    }

    fn notified(&self, notification: &Notification<Kernel>) -> Result<Option<Received>> {
        match notification {
            Notification::NoSenders => {
                let mut state = self.state.lock();
                state.is_armed = false;
                // A send right can have been made since the kernel said so.
                if has_send_rights(self.name.get())? {
                    request_no_senders(self.name.get())?;
                    state.is_armed = true;
                    return Ok(None);
                }
                state.has_none = true;
                Ok(Some(Received::NoSenders))
            }
            Notification::SendOnce => Ok(Some(Received::SendOnceDestroyed)),
            // Nobody asked this port to be told.
            Notification::DeadName(_) | Notification::SendPossible => Ok(None),
        }
    }

    /// Makes the right ready for its way through a message. On failure it comes back unchanged.
    pub(crate) fn pack(self) -> Result<MovingReceiveRight, (Self, Error)> {
        // That there are no senders is news to the new owner: the kernel says it again, into the queue that goes along.
        let again = |state: &State| if state.has_none { request_no_senders(self.name.get()) } else { Ok(()) };
        if let Err(error) = self.check_nothing_pending().and_then(|()| again(&self.state.lock())) {
            return Err((self, error));
        }
        Ok(MovingReceiveRight::from_owned_name(self.into_name()))
    }
}

impl Drop for ReceiveRight {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        // A port set keeps the kqueue; it is to be silent from here on.
        match self.name.get() {
            0 => {}
            name => {
                self.kqueue.remove_port(name);
                destroy_receive_right(name);
            }
        }
        self.kqueue.reset();
    }
}

/// A receive right on its way.
#[derive(Debug)]
pub(crate) struct MovingReceiveRight {
    pub(in crate::sys) name: LentName,
    owner: Owner,
}

impl MovingReceiveRight {
    pub(in crate::sys) fn from_owned_name(name: Name) -> Self {
        Self { name: LentName::new(name), owner: Owner::this_process() }
    }

    /// Lets go behind a successful send, which has taken the name.
    pub(crate) fn moved(self) {}

    /// The right itself. When descriptors run out, it comes back and nothing is lost; any other failure
    /// destroys it.
    pub(crate) fn unpack(self) -> Result<ReceiveRight, (Option<Self>, Error)> {
        let name = self.name.get();
        self.name.set(0);
        ReceiveRight::adopt(name).map_err(|(name, error)| {
            let right = Self::from_owned_name(name);
            (Some(right).filter(|_| error.status() == Status::ResourceExhausted), error)
        })
    }
}

impl Drop for MovingReceiveRight {
    fn drop(&mut self) {
        match self.name.get() {
            name if name != 0 && self.owner.is_here() => destroy_receive_right(name),
            _ => {}
        }
    }
}
