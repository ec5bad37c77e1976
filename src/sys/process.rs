//! Processes that keep their identity, on top of what a system has to watch one.

use std::os::fd::{AsFd, BorrowedFd};

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::process::{Pid, WaitIdOptions};

use super::posix::{system_error, wait_readable};
use super::spawn::{ProcessHandle, Watched, start_of};
use crate::error::{Error, Result, Status};
use crate::time::Deadline;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It has ended, and how is known to its own parent only, or to who reaped it before us.
    Unknown,
}

/// A process that keeps its identity: its number is not reused under this.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    /// Readable when it has ended.
    watched: Watched,
    /// Whether it is ours to reap.
    is_child: bool,
    exit: Mutex<Option<Exit>>,
}

fn pid_of(process_id: u32) -> Result<Pid> {
    let pid = i32::try_from(process_id).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| Error::invalid(format!("{process_id} is no process number")))
}

impl Process {
    fn new(pid: Pid, watched: Watched, is_child: bool) -> Self {
        Self { pid, watched, is_child, exit: Mutex::new(None) }
    }

    /// A child of ours that was not waited for yet: its number cannot have been given to another process.
    pub(super) fn of_child(pid: Pid) -> Result<Self> {
        Ok(Self::new(pid, Watched::child(pid)?, true))
    }

    /// Watches a process that somebody else started and will reap.
    ///
    /// Errors: not found; invalid argument, when the number can be no process's.
    pub(crate) fn watch(process_id: u32) -> Result<Self> {
        let pid = pid_of(process_id)?;
        Ok(Self::new(pid, Watched::process(pid)?, false))
    }

    /// Watches the process that the kernel named with a message of it, or else finds it by its number.
    ///
    /// Errors: as [`Self::watch`].
    pub(crate) fn watch_sender(process_id: u32, handle: Option<&ProcessHandle>) -> Result<Self> {
        let Some(handle) = handle else { return Self::watch(process_id) };
        let pid = pid_of(process_id)?;
        Ok(Self::new(pid, Watched::sender(pid, handle)?, false))
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Readable when the process has ended.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }

    /// Whether it has ended. Reaps nothing. Who finds [`Self::descriptor`] readable asks this, too: the descriptor of
    /// some systems tells of an end that is none.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        self.watched.has_ended()
    }

    /// Waits for the end, and reaps a child.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Exit> {
        if let Some(exit) = *self.exit.lock() {
            return Ok(exit);
        }
        while !self.has_ended()? {
            if wait_readable(&[self.descriptor()], deadline)? == 0 {
                return Err(Error::TIMED_OUT.context("waiting for a process"));
            }
        }
        let mut known = self.exit.lock();
        if let Some(exit) = *known {
            return Ok(exit);
        }
        let exit = if self.is_child { self.reap()? } else { Exit::Unknown };
        *known = Some(exit);
        Ok(exit)
    }

    fn reap(&self) -> Result<Exit> {
        loop {
            match rustix::process::waitid(self.watched.to_reap(self.pid), WaitIdOptions::EXITED) {
                Ok(Some(status)) => {
                    let exited = status.exit_status().map(Exit::Exited);
                    let signalled = status.terminating_signal().map(Exit::Signalled);
                    return Ok(exited.or(signalled).unwrap_or(Exit::Unknown));
                }
                // Reaped by somebody else in this process: a loop over all children, or SIGCHLD ignored.
                Ok(None) | Err(Errno::CHILD) => return Ok(Exit::Unknown),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(system_error("waiting for a process", errno)),
            }
        }
    }

    /// Ends the process at once. One that has ended already is fine.
    pub(crate) fn kill(&self) -> Result<()> {
        // Held until the signal is sent: a child that is not reaped keeps its number.
        let exit = self.exit.lock();
        if exit.is_some() || self.has_ended()? {
            return Ok(());
        }
        match self.watched.kill(self.pid) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(system_error("ending a process", errno)),
        }
    }
}

/// A process as a number that can stand in shared memory: its identifier and when it started, so that a later
/// process with the same identifier is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessStamp {
    pid: u32,
    /// In the system's unit.
    started: u32,
}

impl ProcessStamp {
    pub(crate) fn current() -> Result<Self> {
        let pid = std::process::id();
        let (_, started) = start_of(pid)
            .ok_or_else(|| Error::fixed(Status::System, "this process cannot look at its own entry"))?;
        Ok(Self { pid, started })
    }

    /// Whether that very process lives. A zombie does not.
    pub(crate) fn is_alive(self) -> bool {
        start_of(self.pid).is_some_and(|(zombie, started)| started == self.started && !zombie)
    }

    /// Never 0: no process has the identifier 0.
    pub(crate) fn to_shared(self) -> u64 {
        u64::from(self.pid) << 32 | u64::from(self.started)
    }

    pub(crate) fn from_shared(bits: u64) -> Self {
        Self { pid: (bits >> 32) as u32, started: bits as u32 }
    }
}

#[cfg(all(test, not(shell)))]
mod tests {
    use super::*;
    use crate::time::Timeout;

    /// A process that ends at once, and is not reaped yet.
    fn zombie() -> std::process::Child {
        // The test program itself, which is there on every system.
        let program = std::env::current_exe().unwrap();
        let child =
            std::process::Command::new(program).arg("--list").stdout(std::process::Stdio::null()).spawn();
        child.unwrap()
    }

    #[test]
    fn a_stamp_tells_the_living_from_the_dead() {
        let me = ProcessStamp::current().unwrap();
        assert!(me.is_alive());
        assert_eq!(ProcessStamp::from_shared(me.to_shared()), me);
        assert!(!ProcessStamp { started: me.started.wrapping_add(1), ..me }.is_alive(), "another start time");
        let mut child = zombie();
        let process = Process::watch(child.id()).unwrap();
        let stamp = start_of(child.id()).map(|(_, started)| ProcessStamp { pid: child.id(), started });
        process.wait(Timeout::FOREVER.deadline()).unwrap();
        // Ended and not reaped: a zombie, which does not count.
        assert!(stamp.is_some_and(|stamp| !stamp.is_alive()));
        child.wait().unwrap();
    }

    #[test]
    #[allow(clippy::zombie_processes, reason = "what is tested reaps it")]
    fn a_child_that_ended_before_it_was_watched_is_reaped() {
        let child = zombie();
        let pid = pid_of(child.id()).unwrap();
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
        let process = Process::of_child(pid).unwrap();
        assert!(process.has_ended().unwrap());
        process.kill().unwrap();
        assert_eq!(process.wait(Deadline::NOW).unwrap(), Exit::Exited(0));
        assert_eq!(process.wait(Deadline::NOW).unwrap(), Exit::Exited(0), "known for good");
    }
}
