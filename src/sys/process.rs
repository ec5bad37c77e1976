//! Processes that keep their identity, on top of what a system has to watch one.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::posix::{system_error, wait_readable};
use super::spawn::{ProcessHandle, Watched, entry_of, pid_namespace};
use crate::error::{Error, Result, Status};
use crate::time::{Deadline, Timeout};

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
    /// Whether what is watched is it for certain, and not who has its number by now.
    is_certain: bool,
    exit: Mutex<Option<Exit>>,
}

fn pid_of(process_id: u32) -> Result<Pid> {
    let pid = i32::try_from(process_id).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| Error::invalid(format!("{process_id} is no process number")))
}

/// How long an ended process may take until the kernel lets it be reaped. A tracer that it had can keep it for longer.
const REAPING: Timeout = Timeout::from_nanoseconds(1_000_000_000);
/// How long a killed process may take to end.
const DYING: Timeout = Timeout::from_nanoseconds(10_000_000_000);

/// Whether a child of this process has ended, or is none any more. While it runs nobody else has its number, until this
/// process reaps it.
pub(super) fn child_has_ended(pid: Pid) -> Result<bool, Errno> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::Pid(pid), options)) {
        Ok(status) => Ok(status.is_some()),
        Err(Errno::CHILD) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Ends a child by its number. Who else has that number by now, if the child was reaped, is left alone.
pub(super) fn kill_child(pid: Pid) -> Result<(), Errno> {
    if child_has_ended(pid)? { Err(Errno::CHILD) } else { rustix::process::kill_process(pid, Signal::KILL) }
}

/// Reaps what can be reaped now; `None`, if it runs, or a tracer has it.
fn reap(id: WaitId<'_>) -> Result<Option<Exit>> {
    loop {
        let status = match rustix::process::waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
        {
            Ok(status) => status,
            Err(Errno::INTR) => continue,
            // Reaped by somebody else in this process: a loop over all children, or SIGCHLD ignored.
            Err(Errno::CHILD) => return Ok(Some(Exit::Unknown)),
            Err(errno) => return Err(system_error("waiting for a process", errno)),
        };
        return Ok(status.map(|status| {
            let exited = status.exit_status().map(Exit::Exited);
            exited.or(status.terminating_signal().map(Exit::Signalled)).unwrap_or(Exit::Unknown)
        }));
    }
}

/// Does `attempt` until it gives something, first after a millisecond, then at longer intervals. For what the kernel has
/// no event.
pub(crate) fn retry<T>(
    deadline: Deadline,
    mut attempt: impl FnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(done) = attempt()? {
            return Ok(Some(done));
        }
        match deadline.remaining() {
            Some(Duration::ZERO) => return Ok(None),
            left => std::thread::sleep(left.map_or(pause, |left| left.min(pause))),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

impl Process {
    fn new(pid: Pid, watched: Watched, is_child: bool, is_certain: bool) -> Self {
        Self { pid, watched, is_child, is_certain, exit: Mutex::new(None) }
    }

    /// A child that this process has just started. One that cannot be watched is ended and reaped.
    pub(super) fn of_child(pid: Pid, watched: Result<Watched>) -> Result<Self> {
        watched.map(|watched| Self::new(pid, watched, true, true)).inspect_err(|_| {
            // What the system refuses for a moment is done again.
            let _ = retry(DYING.deadline(), || {
                let _ = kill_child(pid);
                reap(WaitId::Pid(pid)).or(Ok(None))
            });
        })
    }

    /// Watches a process that somebody else started and will reap.
    ///
    /// Errors: not found; invalid argument, when the number can be no process's; resource exhausted.
    pub(crate) fn watch(process_id: u32) -> Result<Self> {
        let pid = pid_of(process_id)?;
        Ok(Self::new(pid, Watched::process(pid)?, false, true))
    }

    /// Watches the process that the kernel named with a message of it, or else finds it by its number. That can be another
    /// process's by then, so it is never killed.
    ///
    /// Errors: as [`Self::watch`].
    pub(crate) fn watch_sender(process_id: u32, handle: Option<&ProcessHandle>) -> Result<Self> {
        let pid = pid_of(process_id)?;
        let watched = handle.map_or_else(|| Watched::process(pid), |handle| Watched::sender(pid, handle))?;
        Ok(Self::new(pid, watched, false, handle.is_some()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Readable when the process has ended.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.watched.as_fd()
    }

    /// Whether it has ended. Reaps nothing. Who finds [`Self::descriptor`] readable asks this, too: the descriptor can be
    /// readable without an end.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        self.watched.has_ended()
    }

    /// Waits for the end, and reaps a child. A child that its tracer has not let go of yet is not reaped, and counts as
    /// running here.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Exit> {
        if let Some(exit) = *self.exit.lock() {
            return Ok(exit);
        }
        self.wait_ended(deadline)?;
        retry(deadline, || self.reap())?.ok_or_else(Self::is_traced)
    }

    fn is_traced() -> Error {
        Error::TIMED_OUT.context("waiting for an ended process that its tracer still has")
    }

    /// How it has ended; `None`, if its tracer has it.
    fn reap(&self) -> Result<Option<Exit>> {
        // The lock is not held while anything is waited for.
        let mut known = self.exit.lock();
        if known.is_none() {
            *known = if self.is_child {
                // A kernel before 5.4, or a filter, knows no handle here. A child that is not reaped has its number.
                reap(self.watched.to_reap()).or_else(|_| reap(WaitId::Pid(self.pid)))?
            } else {
                Some(Exit::Unknown)
            };
        }
        Ok(*known)
    }

    /// Waits for the end, and reaps nothing.
    pub(crate) fn wait_ended(&self, deadline: Deadline) -> Result<()> {
        while !self.has_ended()? {
            if wait_readable(&[self.descriptor()], deadline)? == 0 {
                return Err(Error::TIMED_OUT.context("waiting for a process"));
            }
        }
        Ok(())
    }

    /// As [`Self::wait_ended`], and says no more than whether it has ended by then: where the system refuses to wait, it is
    /// looked at in intervals.
    fn ends_before(&self, deadline: Deadline) -> bool {
        let look = || match self.wait_ended(deadline) {
            Ok(()) => Ok(Some(())),
            Err(_) if self.is_child && child_has_ended(self.pid) == Ok(true) => Ok(Some(())),
            Err(_) => Ok(None),
        };
        matches!(retry(deadline, look), Ok(Some(())))
    }

    /// Gives the process this time to end by itself, then kills it; reaps a child. What the system refuses for a moment is
    /// done again: a child is not to be left.
    ///
    /// Errors: as [`Self::kill`]; timed out, when it has not ended, or its tracer keeps it.
    pub(crate) fn finish(&self, grace: Deadline) -> Result<()> {
        if !self.ends_before(grace) {
            let dying = DYING.deadline();
            let kill = || match self.kill() {
                Ok(()) => Ok(Some(())),
                Err(error) if matches!(error.status(), Status::Unsupported | Status::PermissionDenied) => {
                    Err(error)
                }
                Err(_) => Ok(None),
            };
            if retry(dying, kill)?.is_none() || !self.ends_before(dying) {
                return Err(Error::TIMED_OUT.context("waiting for a killed process"));
            }
        }
        retry(REAPING.deadline(), || self.reap().or(Ok(None)))?.map(drop).ok_or_else(Self::is_traced)
    }

    /// Ends the process at once. One that has ended already is fine.
    ///
    /// Errors: unsupported, when it is not certain who has the process's number.
    pub(crate) fn kill(&self) -> Result<()> {
        // Held until the signal is sent: a child that is not reaped keeps its number.
        let exit = self.exit.lock();
        if exit.is_some() {
            return Ok(());
        }
        let killed = match if self.is_certain { self.watched.kill() } else { Err(Errno::CHILD) } {
            // A filter can know signals to handles less than those to numbers.
            Err(errno) if self.is_child && errno != Errno::SRCH => kill_child(self.pid),
            killed => killed,
        };
        match killed {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(Errno::CHILD) if self.has_ended()? => Ok(()),
            Err(Errno::CHILD) => Err(Error::new(
                Status::Unsupported,
                format!(
                    "process {} is no child of this one, and the system does not tell for certain who it is",
                    self.pid
                ),
            )),
            Err(errno) => Err(system_error("ending a process", errno)),
        }
    }
}

/// What the system says of the process that has a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// There is none.
    None,
    /// There is one, and this process may not look at it.
    Hidden,
    Process {
        /// All its threads have ended, and it is not reaped yet.
        has_ended: bool,
        /// When it started, in the system's unit, as far as the number goes.
        started: u32,
    },
}

/// A process as a number that can stand in shared memory: its identifier, which PID namespace that is of, and when the
/// process started, so that a later one with the same identifier is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessStamp(u64);

impl ProcessStamp {
    /// What there is of the namespace's number and of the start time: the lower bits of each. The rest is for the
    /// identifier, which is below 2²² on Linux, and far below elsewhere.
    const LOWER: u32 = 21;

    fn new(pid: Pid, namespace: u32, started: u32) -> Self {
        let lower = |number: u32| u64::from(number & ((1 << Self::LOWER) - 1));
        let pid = u64::from(pid.as_raw_nonzero().get().unsigned_abs());
        Self(pid << (2 * Self::LOWER) | lower(namespace) << Self::LOWER | lower(started))
    }

    pub(crate) fn current() -> Self {
        let pid = rustix::process::getpid();
        // Without an entry, as without `/proc`, the number alone has to do: what looks it up finds none either.
        let started = if let Entry::Process { started, .. } = entry_of(pid) { started } else { 0 };
        Self::new(pid, pid_namespace(), started)
    }

    /// Whether that very process may live: all but what is known to have ended does. A zombie has ended. Identifiers of
    /// another PID namespace say nothing here.
    pub(crate) fn is_alive(self) -> bool {
        let Some(pid) = i32::try_from(self.0 >> (2 * Self::LOWER)).ok().and_then(Pid::from_raw) else {
            return false;
        };
        let namespace = pid_namespace();
        if Self::new(pid, namespace, 0).0 >> Self::LOWER != self.0 >> Self::LOWER {
            return true;
        }
        match entry_of(pid) {
            Entry::None => false,
            Entry::Hidden => true,
            Entry::Process { has_ended, started } => !has_ended && Self::new(pid, namespace, started) == self,
        }
    }

    /// Never 0: no process has the identifier 0.
    pub(crate) fn to_shared(self) -> u64 {
        self.0
    }

    pub(crate) fn from_shared(bits: u64) -> Self {
        Self(bits)
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
        let me = ProcessStamp::current();
        assert!(me.is_alive());
        assert_eq!(ProcessStamp::from_shared(me.to_shared()), me);
        assert!(!ProcessStamp(me.0 ^ 1).is_alive(), "another start time");
        assert!(ProcessStamp(me.0 ^ 1 << ProcessStamp::LOWER).is_alive(), "who knows, in another namespace");
        let mut child = zombie();
        let process = Process::watch(child.id()).unwrap();
        let stamp = stamp_of(pid_of(child.id()).unwrap());
        process.wait(Timeout::FOREVER.deadline()).unwrap();
        // Ended and not reaped: a zombie, which does not count.
        assert!(!stamp.is_alive());
        child.wait().unwrap();
        assert!(!stamp.is_alive());
    }

    fn stamp_of(pid: Pid) -> ProcessStamp {
        let Entry::Process { started, .. } = entry_of(pid) else {
            panic!("it is there, and may be looked at")
        };
        ProcessStamp::new(pid, pid_namespace(), started)
    }

    /// The kernel calls its first thread a zombie then.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_whose_first_thread_has_ended_lives() {
        // SAFETY: the child starts one thread and ends the one it has.
        let child = unsafe { libc::fork() };
        if child == 0 {
            std::thread::spawn(|| {
                loop {
                    std::thread::park()
                }
            });
            // SAFETY: ends this thread alone, which is not to unwind.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        let pid = Pid::from_raw(child).unwrap();
        let stamp = stamp_of(pid);
        let process = Process::watch(child.unsigned_abs()).unwrap();
        while !std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap().contains(") Z ") {
            std::thread::yield_now();
        }
        assert!(stamp.is_alive() && !process.has_ended().unwrap());
        kill_child(pid).unwrap();
        process.wait_ended(Timeout::FOREVER.deadline()).unwrap();
        assert!(!stamp.is_alive());
        assert_eq!(reap(WaitId::Pid(pid)).unwrap(), Some(Exit::Signalled(9)));
        assert_eq!(kill_child(pid), Err(Errno::CHILD), "nobody's number any more");
    }

    /// Where nobody gives handles of processes: by their numbers.
    #[test]
    #[cfg(target_os = "linux")]
    #[allow(clippy::zombie_processes, reason = "what is tested reaps it")]
    fn a_process_without_a_handle_is_watched() {
        for reaped_by_another in [false, true] {
            let mut sleeper = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
            let pid = pid_of(sleeper.id()).unwrap();
            let process = Process::of_child(pid, Watched::child(pid, None)).unwrap();
            assert!(!process.has_ended().unwrap());
            let now = Deadline::NOW;
            assert_eq!(process.wait(now).unwrap_err().status(), Status::TimedOut);
            if reaped_by_another {
                sleeper.kill().unwrap();
                sleeper.wait().unwrap();
                assert_eq!(process.wait(Timeout::FOREVER.deadline()).unwrap(), Exit::Unknown);
                process.kill().unwrap();
            } else {
                process.kill().unwrap();
                assert_eq!(process.wait(Timeout::FOREVER.deadline()).unwrap(), Exit::Signalled(9));
            }
            assert_eq!(wait_readable(&[process.descriptor()], now).unwrap(), 1, "for good");
            assert_eq!(wait_readable(&[process.descriptor()], now).unwrap(), 1, "for good");
        }
    }

    #[test]
    #[allow(clippy::zombie_processes, reason = "what is tested reaps it")]
    fn a_child_that_ended_before_it_was_watched_is_reaped() {
        let child = zombie();
        let pid = pid_of(child.id()).unwrap();
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
        #[cfg(target_os = "linux")]
        let watched = Watched::process(pid);
        #[cfg(target_os = "macos")]
        let watched = Watched::child(pid);
        let process = Process::of_child(pid, watched).unwrap();
        assert!(process.has_ended().unwrap());
        process.kill().unwrap();
        assert_eq!(process.wait(Deadline::NOW).unwrap(), Exit::Exited(0));
        assert_eq!(process.wait(Deadline::NOW).unwrap(), Exit::Exited(0), "known for good");
    }
}
