//! Processes on Linux: `posix_spawn`, pidfds, and what a child inherits.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use super::duplicate;
use super::port::{Identity, ReceiveRight, SendRight};
use crate::error::{Error, Result, Status};
use crate::sys::posix::{system_error, wait_readable};
use crate::sys::posix_spawn::{adopt, environment_value, inherited, read_token, start, token_pipe};
use crate::time::Deadline;

pub(crate) use crate::sys::posix_spawn::{Command, Exit, TOKEN_LENGTH, Token, effective_user};

/// The environment entry that names the inherited port's descriptor.
const PORT_ENTRY: &str = "SURFACEPORT_PORT";
/// The environment entry that names the descriptor of the pipe with the token.
const TOKEN_ENTRY: &str = "SURFACEPORT_TOKEN_PIPE";

/// A new random token.
pub(crate) fn random_token() -> Result<Token> {
    let mut token = Token::default();
    // Up to 256 bytes come whole or not at all: getrandom(2).
    rustix::rand::getrandom(&mut token, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| system_error("making a token", errno))?;
    Ok(token)
}

/// What a child has to inherit to find its host: a port and a token. The environment says where they are and
/// nothing more, since other processes of the user can read it.
#[derive(Debug)]
pub(crate) struct Inheritance {
    port: OwnedFd,
    token: OwnedFd,
    environment: [(&'static str, String); 2],
}

impl Inheritance {
    /// For a child that [`spawn`] starts, with the port where it will say hello.
    pub(crate) fn for_spawn(token: &Token) -> Result<(ReceiveRight, Self)> {
        let port = ReceiveRight::new(Identity::ProcessHandle)?;
        let inheritance = Self::new(port.make_send()?, token)?;
        Ok((port, inheritance))
    }

    /// For a child that somebody else starts: the same here, since descriptors are all that it takes.
    pub(crate) fn for_others(token: &Token) -> Result<(ReceiveRight, Self)> {
        Self::for_spawn(token)
    }

    fn new(port: SendRight, token: &Token) -> Result<Self> {
        let pipe = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)
            .map_err(|errno| system_error("making a pipe", errno))?;
        let token = token_pipe(pipe, token)?;
        let port = port.into_raw();
        let environment = [
            (PORT_ENTRY, environment_value(port.as_fd())?),
            (TOKEN_ENTRY, environment_value(token.as_fd())?),
        ];
        Ok(Self { port, token, environment })
    }

    /// Entries for the child's environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        self.environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// Descriptors that the child has to have under the same numbers.
    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.port.as_fd(), self.token.as_fd()]
    }
}

/// Takes what this process inherited. It is there once.
///
/// Errors: not found, when no host started this process; wrong state, when it was taken before; timed out.
pub(crate) fn take_inheritance(deadline: Deadline) -> Result<(SendRight, Token)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let (Some(port), Some(token)) = (inherited(PORT_ENTRY)?, inherited(TOKEN_ENTRY)?) else {
        return Err(Error::new(
            Status::NotFound,
            format!(
                "no host started this process: {PORT_ENTRY} and {TOKEN_ENTRY} are not in its environment"
            ),
        ));
    };
    // Relaxed: the flag guards itself only; nothing else is published through it.
    if port == token || TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Error::fixed(Status::WrongState, "this process has connected to its host before"));
    }
    let port = SendRight::from_raw(adopt(port, FileType::Socket)?)
        .map_err(|error| Error::new(Status::NotFound, format!("{PORT_ENTRY}: {error}")))?;
    Ok((port, read_token(&adopt(token, FileType::Fifo)?, deadline)?))
}

/// Starts a process.
///
/// Errors: not found or permission denied for the program; what the system says.
pub(crate) fn spawn(command: &Command<'_>) -> Result<Process> {
    // Our own child, not waited for yet: the number cannot have been given to another process.
    Process::open(start(command)?, true)
}

/// What the kernel says of a sender's process beside its number: a pidfd.
pub(crate) type ProcessHandle = OwnedFd;

/// A process that keeps its identity: its number is not reused under this.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    handle: OwnedFd,
    /// Whether it is ours to reap.
    is_child: bool,
    exit: Mutex<Option<Exit>>,
}

impl Process {
    fn open(pid: Pid, is_child: bool) -> Result<Self> {
        let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| {
            let status = if errno == Errno::SRCH { Status::NotFound } else { Status::System };
            Error::new(status, format!("opening process {pid}: {}", std::io::Error::from(errno)))
        })?;
        Ok(Self { pid, handle, is_child, exit: Mutex::new(None) })
    }

    /// Watches a process that somebody else started and will reap.
    pub(crate) fn watch(process_id: u32) -> Result<Self> {
        let pid = i32::try_from(process_id).ok().and_then(Pid::from_raw);
        Self::open(pid.ok_or_else(|| Error::invalid(format!("{process_id} is no process number")))?, false)
    }

    /// Watches the process of a handle that the kernel gave with a message of it, or else finds it by its number.
    pub(crate) fn watch_sender(process_id: u32, handle: Option<&ProcessHandle>) -> Result<Self> {
        let Some(handle) = handle else { return Self::watch(process_id) };
        let pid = i32::try_from(process_id).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Error::invalid(format!("{process_id} is no process number")))?;
        let handle = duplicate(handle.as_fd())?;
        Ok(Self { pid, handle, is_child: false, exit: Mutex::new(None) })
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Readable when the process has ended.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Whether it has ended. Reaps nothing.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        Ok(wait_readable(&[self.handle.as_fd()], Deadline::NOW)? != 0)
    }

    /// Waits for the end, and reaps a child.
    pub(crate) fn wait(&self, deadline: Deadline) -> Result<Exit> {
        if let Some(exit) = *self.exit.lock() {
            return Ok(exit);
        }
        if wait_readable(&[self.handle.as_fd()], deadline)? == 0 {
            return Err(Error::TIMED_OUT.context("waiting for a process"));
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
            match rustix::process::waitid(WaitId::PidFd(self.handle.as_fd()), WaitIdOptions::EXITED) {
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
        match rustix::process::pidfd_send_signal(&self.handle, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(system_error("ending a process", errno)),
        }
    }
}

/// A process as a number that can stand in shared memory: its identifier and when it started, so that a later
/// process with the same identifier is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sys) struct ProcessStamp {
    pid: u32,
    /// The low half of the start time in clock ticks: field 22 of `/proc/<pid>/stat`, see proc(5).
    started: u32,
}

impl ProcessStamp {
    pub(in crate::sys) fn current() -> Result<Self> {
        let pid = std::process::id();
        let (_, started) = Self::look_up(pid)
            .ok_or_else(|| Error::fixed(Status::System, "this process cannot read its own /proc entry"))?;
        Ok(Self { pid, started })
    }

    /// State letter and start time of a process, if it exists.
    fn look_up(pid: u32) -> Option<(u8, u32)> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        // The second field, the program's name, is in parentheses and can contain anything.
        let behind_name = stat.iter().rposition(|byte| *byte == b')')? + 2;
        let mut fields = stat.get(behind_name..)?.split(|byte| *byte == b' ');
        let state = *fields.next()?.first()?;
        let started: u64 = std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()?;
        Some((state, started as u32))
    }

    /// Whether that very process lives. A zombie does not.
    pub(in crate::sys) fn is_alive(self) -> bool {
        Self::look_up(self.pid)
            .is_some_and(|(state, started)| started == self.started && !matches!(state, b'Z' | b'X' | b'x'))
    }

    /// Never 0: no process has the identifier 0.
    pub(in crate::sys) fn to_shared(self) -> u64 {
        u64::from(self.pid) << 32 | u64::from(self.started)
    }

    pub(in crate::sys) fn from_shared(bits: u64) -> Self {
        Self { pid: (bits >> 32) as u32, started: bits as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_tells_the_living_from_the_dead() {
        let me = ProcessStamp::current().unwrap();
        assert!(me.is_alive());
        assert_eq!(ProcessStamp::from_shared(me.to_shared()), me);
        assert!(!ProcessStamp { started: me.started.wrapping_add(1), ..me }.is_alive(), "another start time");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = Process::watch(child.id()).unwrap();
        wait_readable(&[process.descriptor()], Deadline::NOW.at_most(std::time::Duration::ZERO)).unwrap();
        let stamp =
            ProcessStamp::look_up(child.id()).map(|(_, started)| ProcessStamp { pid: child.id(), started });
        process.wait(crate::time::Timeout::FOREVER.deadline()).unwrap();
        // Ended and not reaped: a zombie, which does not count.
        assert!(stamp.is_some_and(|stamp| !stamp.is_alive()));
        child.wait().unwrap();
    }
}
