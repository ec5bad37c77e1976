//! Vacancies on macOS: a port of its own, to which the kernel sends a notification.
//!
//! The kernel keeps one request for each name: for room (`MACH_NOTIFY_SEND_POSSIBLE`, which brings the news of a death
//! as well) or for the port's death alone. It is used up by what it brings. Whoever else asks for the death of the same
//! port in this task, as a port set does, takes the other one's request away, so a vacancy is for rights that nobody else
//! has. XNU: `ipc_right_request_alloc`, `ipc_port_spnotify`.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use mach2::mach_port::mach_port_request_notification;
use mach2::message::{MACH_MSG_TYPE_MAKE_SEND_ONCE, MACH_MSG_TYPE_MOVE_SEND_ONCE};
use mach2::notify::{MACH_NOTIFY_DEAD_NAME, MACH_NOTIFY_SEND_POSSIBLE};

use super::port::{SendRight, construct, destroy_receive_right, give_back_reference};
use super::{check, message, task};
use crate::error::Result;
use crate::sys::kqueue::Kqueue;
use crate::sys::mach_message::{Name, Notification};
use crate::sys::owner::Owner;

/// Tells of room in a port's queue.
#[derive(Debug)]
pub(crate) struct Vacancy {
    /// Its own, so that the name stays the port's.
    right: SendRight,
    /// Where notifications arrive. They find room in a full queue, as in a doorbell.
    port: Name,
    owner: Owner,
    kqueue: Kqueue,
    is_dead: AtomicBool,
}

impl Vacancy {
    /// Watches for nothing yet but the port's death.
    pub(crate) fn new(right: &SendRight) -> Result<Self> {
        let (right, kqueue) = (right.try_clone()?, Kqueue::new()?);
        let (port, owner) = (construct(1)?, Owner::this_process());
        let vacancy = Self { right, port, owner, kqueue, is_dead: AtomicBool::new(false) };
        vacancy.kqueue.add_port(vacancy.port)?;
        vacancy.forget()?;
        Ok(vacancy)
    }

    /// Readable while there is room, if it is watched for, and once the port is dead.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.kqueue.as_fd()
    }

    /// Watches for room from here on.
    pub(crate) fn watch(&self) -> Result<()> {
        // With room already, the kernel notifies at once.
        self.request(MACH_NOTIFY_SEND_POSSIBLE)?;
        if self.hear()? {
            self.kqueue.trigger()?;
        }
        Ok(())
    }

    /// Says nothing of room any more.
    pub(crate) fn forget(&self) -> Result<()> {
        self.request(MACH_NOTIFY_DEAD_NAME)?;
        self.hear().map(drop)
    }

    /// Replaces what the kernel is asked for.
    fn request(&self, what: i32) -> Result<()> {
        // Relaxed, here and below: the flag orders nothing but itself.
        if self.is_dead.load(Ordering::Relaxed) || self.right.is_dead()? {
            self.is_dead.store(true, Ordering::Relaxed);
            return self.kqueue.trigger();
        }
        self.exchange(what, self.port, MACH_MSG_TYPE_MAKE_SEND_ONCE)
    }

    /// With a `sync` of 1 the kernel notifies at once of what is so already.
    fn exchange(&self, what: i32, to: Name, disposition: u32) -> Result<()> {
        let (name, mut before) = (self.right.name(), 0);
        // SAFETY: names in this task's own port space; one word is written, which lives across the call.
        let code = unsafe {
            mach_port_request_notification(task(), name, what, 1, to, disposition, &raw mut before)
        };
        check("watching for room in a port", code)?;
        // Unused, it makes a notification of its own, which the next look takes and ignores.
        give_back_reference(before);
        Ok(())
    }

    /// Takes what has come: whether there was news of room. A death stays readable.
    fn hear(&self) -> Result<bool> {
        let (mut has_room, mut has_died) = (false, false);
        message::drain(self.port, |notification| match notification {
            Some(Notification::SendPossible) => has_room = true,
            Some(Notification::DeadName(_)) => has_died = true,
            _ => {}
        })?;
        if has_died {
            self.is_dead.store(true, Ordering::Relaxed);
        }
        if self.is_dead.load(Ordering::Relaxed) {
            self.kqueue.trigger()?;
        } else {
            self.kqueue.reset();
            // It may still say that there is something in the port.
            self.kqueue.next()?;
        }
        Ok(has_room)
    }
}

impl Drop for Vacancy {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        if !self.is_dead.load(Ordering::Relaxed) {
            // A name that has died meanwhile has no request any more.
            let _ = self.exchange(MACH_NOTIFY_DEAD_NAME, 0, MACH_MSG_TYPE_MOVE_SEND_ONCE);
        }
        self.kqueue.remove_port(self.port);
        self.kqueue.reset();
        destroy_receive_right(self.port);
    }
}
