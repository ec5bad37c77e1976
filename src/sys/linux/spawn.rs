//! Processes on Linux: pidfds, and what a child inherits.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::{FileType, Timespec};
use rustix::io::{Errno, FdFlags};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use super::duplicate;
use super::message::{peer_credentials, peer_process};
use super::port::{Identity, ReceiveRight, SendRight, check_is_lane};
use super::start::start;
use crate::error::{Error, Result, Status};
use crate::sys::inherited::{claim, environment_value, find, inherited, is_claimed, token_pipe};
use crate::sys::posix::{beyond_standard, made, system_error, wait_readable};
use crate::sys::process::{Entry, child_has_ended, kill_child};
use crate::time::Deadline;

pub(crate) use crate::sys::inherited::{Command, TOKEN_LENGTH, Token, is_our_user, random_token};
pub(crate) use crate::sys::process::{Exit, Process, ProcessStamp};

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
    let (Some(port), Some(token)) = (inherited(PORT_ENTRY)?, inherited(TOKEN_ENTRY)?) else {
        return Err(Error::new(
            Status::NotFound,
            format!(
                "no host started this process: {PORT_ENTRY} and {TOKEN_ENTRY} are not in its environment"
            ),
        ));
    };
    let pipe = find(token, FileType::Fifo)?;
    // Whatever can fail comes before the claim, which cannot be undone.
    let port = find(port, FileType::Socket).and_then(|port| {
        check_is_lane(port)?;
        rustix::io::fcntl_setfd(port, FdFlags::CLOEXEC)
            .map(|()| port.as_raw_fd())
            .map_err(|errno| system_error("making a descriptor close-on-exec", errno))
    });
    let port = match port {
        Err(error) if !is_claimed(pipe) => return Err(error),
        port => port,
    };
    let token = claim(pipe, deadline)?;
    // SAFETY: the very file that the host left for this library, and who has claimed the token is the one who takes it.
    Ok((SendRight::from_own_end(unsafe { OwnedFd::from_raw_fd(port?) }), token))
}

/// What tells of the end of the process that made an inherited port, which is the host's: a fork of the host keeps the port
/// alive. `None`, where the system does not name it.
///
/// Errors: peer dead, when it was reaped; resource exhausted.
pub(crate) fn watch_host(port: &SendRight) -> Result<Option<Watched>> {
    let lack = match peer_process(port.as_fd()) {
        Ok(pidfd) => return Ok(Some(Watched::Pidfd(pidfd))),
        Err(errno) => system_error("watching the host", errno),
    };
    if lack.status() == Status::ResourceExhausted {
        return Err(lack);
    }
    // A kernel before 6.5, or a filter. Another PID namespace's process has no number.
    let pid = peer_credentials(port.as_fd()).ok().and_then(|peer| Pid::from_raw(peer.pid));
    match pid.map(Watched::process).transpose() {
        Err(error) if error.status() == Status::NotFound => Err(Error::PEER_DEAD),
        watched => watched,
    }
}

/// Starts a process.
///
/// Errors: not found or permission denied for the program; resource exhausted; what the system says.
pub(crate) fn spawn(command: &Command<'_>) -> Result<Process> {
    start(command)
}

/// What the kernel says of a sender's process beside its number: a pidfd.
pub(crate) type ProcessHandle = OwnedFd;

/// How often to look at a process that has no pidfd.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// What tells of the end of a process.
#[derive(Debug)]
pub(crate) enum Watched {
    /// It names one process for good, and is readable when that has ended.
    Pidfd(OwnedFd),
    /// Where a filter refuses pidfds: a timer that says when to look, and what is looked at. A number is given out again,
    /// so the start time belongs to it.
    Number { timer: OwnedFd, pid: Pid, started: Option<u32>, is_child: bool },
}

impl Watched {
    pub(crate) fn process(pid: Pid) -> Result<Self> {
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()).and_then(beyond_standard) {
            Ok(pidfd) => Ok(Self::Pidfd(pidfd)),
            Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS) => match entry_of(pid) {
                Entry::None => Err(no_process(pid)),
                entry => Self::number(pid, &entry, false),
            },
            // The second: a thread's number.
            Err(Errno::SRCH | Errno::INVAL) => Err(no_process(pid)),
            Err(errno) => Err(system_error(&format!("opening process {pid}"), errno)),
        }
    }

    /// A new child, with the pidfd that the kernel made for it.
    pub(in crate::sys) fn child(pid: Pid, pidfd: Option<OwnedFd>) -> Result<Self> {
        match pidfd {
            Some(pidfd) => Ok(Self::Pidfd(pidfd)),
            None => Self::number(pid, &entry_of(pid), true),
        }
    }

    fn number(pid: Pid, entry: &Entry, is_child: bool) -> Result<Self> {
        let started = if let Entry::Process { started, .. } = entry { Some(*started) } else { None };
        let failed = |errno| system_error("watching a process", errno);
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = made("watching a process", timerfd_create(TimerfdClockId::Monotonic, flags))?;
        let often = Itimerspec { it_interval: LOOK_EVERY, it_value: LOOK_EVERY };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &often).map_err(failed)?;
        Ok(Self::Number { timer, pid, started, is_child })
    }

    pub(crate) fn has_ended(&self) -> Result<bool> {
        let (timer, pid, started, is_child) = match self {
            // A pidfd is readable when its process has ended and never else: pidfd_open(2).
            Self::Pidfd(pidfd) => return Ok(wait_readable(&[pidfd.as_fd()], Deadline::NOW)? != 0),
            Self::Number { timer, pid, started, is_child } => (timer, *pid, *started, *is_child),
        };
        // Not readable any more, until the next look.
        let _ = rustix::io::read(timer, &mut [0_u8; 8]);
        let has_ended = match entry_of(pid) {
            // Reaped by somebody in this process, or to be reaped: that much is known without `/proc`.
            _ if is_child && child_has_ended(pid) == Ok(true) => true,
            Entry::None => true,
            Entry::Hidden => false,
            Entry::Process { has_ended, started: now } => {
                has_ended || started.is_some_and(|then| then != now)
            }
        };
        if has_ended {
            // Readable for good: nobody reads it while it says the same each time.
            let at_once = Timespec { tv_sec: 0, tv_nsec: 1 };
            let again = Itimerspec { it_interval: at_once, it_value: at_once };
            timerfd_settime(timer, TimerfdTimerFlags::empty(), &again)
                .map_err(|errno| system_error("watching a process", errno))?;
        }
        Ok(has_ended)
    }

    pub(crate) fn sender(_: Pid, handle: &ProcessHandle) -> Result<Self> {
        duplicate(handle.as_fd()).map(Self::Pidfd)
    }

    /// What to wait for to reap it.
    pub(crate) fn to_reap(&self) -> WaitId<'_> {
        match self {
            Self::Pidfd(pidfd) => WaitId::PidFd(pidfd.as_fd()),
            Self::Number { pid, .. } => WaitId::Pid(*pid),
        }
    }

    pub(crate) fn kill(&self) -> Result<(), Errno> {
        match self {
            Self::Pidfd(pidfd) => rustix::process::pidfd_send_signal(pidfd, Signal::KILL),
            Self::Number { pid, .. } => kill_child(*pid),
        }
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Pidfd(fd) | Self::Number { timer: fd, .. } => fd.as_fd(),
        }
    }
}

fn no_process(pid: Pid) -> Error {
    Error::new(Status::NotFound, format!("there is no process {pid}, or no longer"))
}

/// Whether there is a `/proc`, and its numbers are those of this process's PID namespace. A sandbox can have its parent's.
fn proc_is_ours() -> bool {
    let me = rustix::process::getpid().to_string();
    std::fs::read_link("/proc/self").is_ok_and(|number| number.as_os_str() == me.as_str())
}

/// What `/proc/<pid>/stat` says, see proc(5). Where it is not to be seen, or is not mounted, the process may live.
pub(crate) fn entry_of(pid: Pid) -> Entry {
    let parse = |stat: Vec<u8>| {
        // The second field, the program's name, is in parentheses and can contain anything.
        let after_name = stat.iter().rposition(|byte| *byte == b')')? + 2;
        let fields = std::str::from_utf8(stat.get(after_name..)?).ok()?;
        // Fields 3, 20 and 22.
        let mut fields = fields.split(' ');
        let (state, threads) = (fields.next()?, fields.nth(16)?);
        let started: u64 = fields.nth(1)?.parse().ok()?;
        // The first thread is a zombie also while others live; the last one that is counted is that zombie.
        let has_ended = matches!(state, "Z" | "X" | "x") && threads.parse::<u32>().ok()? <= 1;
        Some(Entry::Process { has_ended, started: started as u32 })
    };
    let stat = proc_is_ours().then(|| std::fs::read(format!("/proc/{pid}/stat")).ok());
    match stat.flatten().and_then(parse) {
        Some(entry) => entry,
        None if rustix::process::test_kill_process(pid) == Err(Errno::SRCH) => Entry::None,
        None => Entry::Hidden,
    }
}

/// A number for this process's PID namespace; 0, if there is no `/proc` that knows its processes.
pub(crate) fn pid_namespace() -> u32 {
    let namespace = proc_is_ours().then(|| rustix::fs::stat("/proc/self/ns/pid").ok());
    namespace.flatten().map_or(0, |status| status.st_ino as u32)
}
