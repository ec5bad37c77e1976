//! Processes on Linux: `posix_spawn`, pidfds, and what a child inherits.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId};

use super::duplicate;
use super::port::{Identity, ReceiveRight, SendRight};
use crate::error::{Error, Result, Status};
use crate::sys::posix::{system_error, wait_readable};
use crate::sys::posix_spawn::{adopt, environment_value, inherited, read_token, start, token_pipe};
use crate::time::Deadline;

pub(crate) use crate::sys::process::{Exit, Process, ProcessStamp};

pub(crate) use crate::sys::posix_spawn::{Command, TOKEN_LENGTH, Token, effective_user, random_token};

/// The environment entry that names the inherited port's descriptor.
const PORT_ENTRY: &str = "SURFACEPORT_PORT";
/// The environment entry that names the descriptor of the pipe with the token.
const TOKEN_ENTRY: &str = "SURFACEPORT_TOKEN_PIPE";

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
    Process::of_child(start(command)?)
}

/// What the kernel says of a sender's process beside its number: a pidfd.
pub(crate) type ProcessHandle = OwnedFd;

/// A pidfd: it names one process for good, and is readable when that has ended.
#[derive(Debug)]
pub(crate) struct Watched(OwnedFd);

impl Watched {
    pub(crate) fn process(pid: Pid) -> Result<Self> {
        rustix::process::pidfd_open(pid, PidfdFlags::empty()).map(Self).map_err(|errno| {
            let status = if errno == Errno::SRCH { Status::NotFound } else { Status::System };
            Error::new(status, format!("opening process {pid}: {}", std::io::Error::from(errno)))
        })
    }

    pub(crate) fn child(pid: Pid) -> Result<Self> {
        Self::process(pid)
    }

    /// A pidfd is readable when its process has ended and never else: pidfd_open(2).
    pub(crate) fn has_ended(&self) -> Result<bool> {
        Ok(wait_readable(&[self.as_fd()], Deadline::NOW)? != 0)
    }

    pub(crate) fn sender(_: Pid, handle: &ProcessHandle) -> Result<Self> {
        duplicate(handle.as_fd()).map(Self)
    }

    /// What to wait for to reap it.
    pub(crate) fn to_reap(&self, _: Pid) -> WaitId<'_> {
        WaitId::PidFd(self.0.as_fd())
    }

    pub(crate) fn kill(&self, _: Pid) -> Result<(), Errno> {
        rustix::process::pidfd_send_signal(&self.0, Signal::KILL)
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether a process that exists is a zombie, and the low half of its start time in clock ticks: fields 3 and 22 of
/// `/proc/<pid>/stat`, see proc(5).
pub(crate) fn start_of(pid: u32) -> Option<(bool, u32)> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name, is in parentheses and can contain anything.
    let behind_name = stat.iter().rposition(|byte| *byte == b')')? + 2;
    let mut fields = stat.get(behind_name..)?.split(|byte| *byte == b' ');
    let state = *fields.next()?.first()?;
    let started: u64 = std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()?;
    Some((matches!(state, b'Z' | b'X' | b'x'), started as u32))
}
