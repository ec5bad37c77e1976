//! Kqueues: what makes ports and processes pollable. A kqueue is a descriptor that is readable while one of its
//! events is pending, and can itself be a member of another one: kqueue(2).

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::process::Pid;

use crate::error::{Error, Result, Status};
use crate::sys::owner::Owner;
use crate::sys::posix::{last_errno, made, system_error};

/// An event that is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A descriptor that was added under this key is readable.
    Descriptor(u64),
    /// A port has a message.
    Port,
    /// [`Kqueue::trigger`] was called.
    Triggered,
    /// A process has ended.
    Process,
}

/// A kqueue, close-on-exec. A fork does not have it, and can have anything under its number: XNU, `kqueue_fork` and
/// `fdcopy`. So all that is done with one is nothing there.
#[derive(Debug)]
pub(super) struct Kqueue {
    fd: ManuallyDrop<OwnedFd>,
    owner: Owner,
    /// One thread at a time looks: two that are told of one event would both go for it.
    looking: Mutex<()>,
    /// The filters and what they are for, to be taken out at the end.
    events: Mutex<BTreeSet<(i16, usize)>>,
}

impl Kqueue {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: takes nothing and gives a new descriptor or -1.
        let fd = unsafe { libc::kqueue() };
        if fd < 0 {
            return Err(system_error("making a kqueue", last_errno()));
        }
        // SAFETY: a new descriptor that nobody else owns.
        let kqueue = made("making a kqueue", Ok(unsafe { OwnedFd::from_raw_fd(fd) }))?;
        // It is not inherited by fork in any case: kqueue(2). This is for exec without one.
        rustix::io::fcntl_setfd(&kqueue, rustix::io::FdFlags::CLOEXEC)
            .map_err(|errno| system_error("making a kqueue", errno))?;
        Ok(Self {
            fd: ManuallyDrop::new(kqueue),
            owner: Owner::this_process(),
            looking: Mutex::default(),
            events: Mutex::default(),
        })
    }

    fn change(&self, ident: usize, filter: i16, flags: u16, fflags: u32, key: u64) -> Result<(), Errno> {
        if !self.owner.is_here() {
            return Err(Errno::BADF);
        }
        let mut events = self.events.lock();
        if flags & libc::EV_ADD != 0 {
            events.insert((filter, ident));
        } else if flags & libc::EV_DELETE != 0 {
            events.remove(&(filter, ident));
        }
        let event = libc::kevent { ident, filter, flags, fflags, data: 0, udata: key as *mut libc::c_void };
        // SAFETY: one change is read, no event is written: the list has no room and a null pointer.
        let outcome = unsafe {
            libc::kevent(self.fd.as_raw_fd(), &raw const event, 1, std::ptr::null_mut(), 0, std::ptr::null())
        };
        if outcome < 0 { Err(last_errno()) } else { Ok(()) }
    }

    /// Watches for messages of a receive right. EVFILT_MACHPORT takes port sets, and since macOS 10.12 receive rights:
    /// XNU, `osfmk/ipc/ipc_pset.c`, `filt_machportattach`; Chromium relies on it, too (`message_pump_kqueue.cc`).
    pub(super) fn add_port(&self, name: u32) -> Result<()> {
        self.change(name as usize, libc::EVFILT_MACHPORT, libc::EV_ADD, 0, 0)
            .map_err(|errno| system_error("watching a port", errno))
    }

    pub(super) fn remove_port(&self, name: u32) {
        let _ = self.change(name as usize, libc::EVFILT_MACHPORT, libc::EV_DELETE, 0, 0);
    }

    /// Watches for a descriptor to become readable. The close of the descriptor ends that.
    pub(super) fn add_descriptor(&self, fd: BorrowedFd<'_>, key: u64) -> Result<()> {
        self.change(fd.as_raw_fd() as usize, libc::EVFILT_READ, libc::EV_ADD, 0, key)
            .map_err(|errno| system_error("joining descriptors", errno))
    }

    /// The same, to be told once. To be told again, call it again.
    pub(super) fn arm_descriptor(&self, fd: BorrowedFd<'_>) -> Result<()> {
        let once = libc::EV_ADD | libc::EV_ENABLE | libc::EV_DISPATCH;
        self.change(fd.as_raw_fd() as usize, libc::EVFILT_READ, once, 0, 0)
            .map_err(|errno| system_error("watching a descriptor", errno))
    }

    pub(super) fn remove_descriptor(&self, fd: BorrowedFd<'_>) {
        let _ = self.change(fd.as_raw_fd() as usize, libc::EVFILT_READ, libc::EV_DELETE, 0, 0);
    }

    /// Watches for the end of a process. `Errno::SRCH`: it has ended, or never was.
    pub(super) fn add_process(&self, process: Pid) -> Result<(), Errno> {
        self.change(
            process.as_raw_nonzero().get() as usize,
            libc::EVFILT_PROC,
            libc::EV_ADD,
            libc::NOTE_EXIT,
            0,
        )
    }

    /// Makes the kqueue readable until [`Self::reset`].
    pub(super) fn trigger(&self) -> Result<()> {
        self.change(0, libc::EVFILT_USER, libc::EV_ADD, 0, 0)
            .and_then(|()| self.change(0, libc::EVFILT_USER, 0, libc::NOTE_TRIGGER, 0))
            .map_err(|errno| system_error("waking a kqueue", errno))
    }

    pub(super) fn reset(&self) {
        let _ = self.change(0, libc::EVFILT_USER, libc::EV_DELETE, 0, 0);
    }

    /// The next pending event, without waiting. Also what has the kernel find out that an event is over: a port
    /// that was emptied leaves its kqueue readable until somebody looks.
    pub(super) fn next(&self) -> Result<Option<Event>> {
        self.owner.check()?;
        // SAFETY: an event of zeroes is a valid one.
        let mut event: libc::kevent = unsafe { std::mem::zeroed() };
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let _looking = self.looking.lock();
        loop {
            // SAFETY: no change is read; there is room for one event, and the time lives across the call.
            let count = unsafe {
                libc::kevent(self.fd.as_raw_fd(), std::ptr::null(), 0, &raw mut event, 1, &raw const now)
            };
            match count {
                0 => return Ok(None),
                1.. => break,
                _ => match last_errno() {
                    Errno::INTR => {}
                    errno => return Err(system_error("looking at a kqueue", errno)),
                },
            }
        }
        match event.filter {
            libc::EVFILT_READ => Ok(Some(Event::Descriptor(event.udata as u64))),
            libc::EVFILT_MACHPORT => Ok(Some(Event::Port)),
            libc::EVFILT_USER => Ok(Some(Event::Triggered)),
            libc::EVFILT_PROC => Ok(Some(Event::Process)),
            _ => Err(Error::fixed(Status::Internal, "a kqueue has an event that nobody asked for")),
        }
    }
}

impl Drop for Kqueue {
    /// The kernel takes events out of a kqueue that is closed. Systems that are compatible with it do not all.
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        let events = std::mem::take(self.events.get_mut());
        for (filter, ident) in events {
            let _ = self.change(ident, filter, libc::EV_DELETE, 0, 0);
        }
        // SAFETY: nothing uses it after this.
        unsafe { ManuallyDrop::drop(&mut self.fd) };
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Some descriptors behind one, which is readable while any of them is. It does not keep them open: one that is
/// closed takes no part any more.
#[derive(Debug)]
pub(crate) struct AnyReadable(Kqueue);

impl AnyReadable {
    pub(crate) fn new(descriptors: &[BorrowedFd<'_>]) -> Result<Self> {
        let set = Self(Kqueue::new()?);
        descriptors.iter().try_for_each(|fd| set.add(*fd))?;
        Ok(set)
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>) -> Result<()> {
        self.0.add_descriptor(fd, 0)
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Has the descriptor forget what is over: see [`Kqueue::next`]. If that fails it is readable once too often.
    pub(crate) fn settle(&self) {
        let _ = self.0.next();
    }
}
