//! Processes on macOS: EVFILT_PROC, and what a child inherits.
//!
//! A port goes to a child that we spawn as one of its *registered ports* (`mach_ports_register`, `mach/task.h`): up to
//! three send rights that a task passes on to the tasks it makes. That needs no name, so no sandbox denies it. A child
//! that somebody else starts finds the port by a random bootstrap name.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mach2::kern_return::KERN_SUCCESS;
use mach2::task::{mach_ports_lookup, mach_ports_register, task_info};
use mach2::traps::task_name_for_pid;
use mach2::vm::mach_vm_deallocate;
use parking_lot::Mutex;
use rustix::io::{Errno, FdFlags};
use rustix::process::{Pid, WaitId, WaitIdOptions};

use super::bootstrap;
use super::port::{Identity, ReceiveRight, SendRight};
use super::start::start;
use super::{check, task};
use crate::error::{Error, Result, Status};
use crate::sys::inherited::{claim, environment_value, find, inherited, token_pipe};
use crate::sys::kqueue::{Event, Kqueue};
use crate::sys::owner::PerProcess;
use crate::sys::posix::{last_errno, random_bytes, system_error};
use crate::sys::process::{Entry, kill_child};
use crate::time::Deadline;

pub(crate) use crate::sys::inherited::{Command, TOKEN_LENGTH, Token, is_our_user, random_token};
pub(crate) use crate::sys::process::{Exit, Process, ProcessStamp};

/// The environment entry that says where the port is: `registered`, or `name:` and a bootstrap name.
const PORT_ENTRY: &str = "SURFACEPORT_PORT";
const REGISTERED: &str = "registered";
const NAME: &str = "name:";
/// The environment entry that names the descriptor of the pipe with the token.
const TOKEN_ENTRY: &str = "SURFACEPORT_TOKEN_PIPE";

/// What a child has to inherit to find its host: a port and a token. The environment says where they are and
/// nothing more, since other processes of the user can read it.
#[derive(Debug)]
pub(crate) struct Inheritance {
    /// To be registered when the child is started; none, if it has a name.
    port: Option<SendRight>,
    token: OwnedFd,
    environment: [(&'static str, String); 2],
}

impl Inheritance {
    /// For a child that [`spawn`] starts, with the port where it will say hello.
    pub(crate) fn for_spawn(token: &Token) -> Result<(ReceiveRight, Self)> {
        // Where registered ports are denied a name has to do.
        if !may_register() {
            return Self::for_others(token);
        }
        let port = ReceiveRight::new(Identity::Credentials)?;
        let inheritance = Self::new(Some(port.make_send()?), REGISTERED.to_owned(), token)?;
        Ok((port, inheritance))
    }

    /// For a child that somebody else starts.
    pub(crate) fn for_others(token: &Token) -> Result<(ReceiveRight, Self)> {
        let name = format!("org.surfaceport.host.{:032x}", u128::from_ne_bytes(random_bytes()?));
        let port = bootstrap::check_in(&name)?;
        let inheritance = Self::new(None, format!("{NAME}{name}"), token)?;
        Ok((port, inheritance))
    }

    fn new(port: Option<SendRight>, place: String, token: &Token) -> Result<Self> {
        let pipe = rustix::pipe::pipe().map_err(|errno| system_error("making a pipe", errno))?;
        // There is no pipe2: a process that another thread starts just now inherits the ends.
        for end in [&pipe.0, &pipe.1] {
            rustix::io::fcntl_setfd(end, FdFlags::CLOEXEC)
                .map_err(|errno| system_error("making a descriptor close-on-exec", errno))?;
        }
        let token = token_pipe(pipe, token)?;
        let environment = [(PORT_ENTRY, place), (TOKEN_ENTRY, environment_value(token.as_fd())?)];
        Ok(Self { port, token, environment })
    }

    /// Entries for the child's environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        self.environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// Descriptors that the child has to have under the same numbers.
    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.token.as_fd()]
    }
}

/// `TASK_PORT_REGISTER_MAX` of `mach/mach_param.h`.
const MOST_REGISTERED: usize = 3;

/// The registered ports of this task, null ones included.
fn registered_ports() -> Result<Vec<SendRight>> {
    let (mut list, mut count) = (std::ptr::null_mut::<u32>(), 0);
    // SAFETY: the kernel writes the address of a new array and its length.
    check("looking up registered ports", unsafe {
        mach_ports_lookup(task(), &raw mut list, &raw mut count)
    })?;
    // SAFETY: an array of that many names, each with a reference that is ours now.
    let ports = (0..count as usize).map(|i| unsafe { list.add(i).read() }).map(SendRight::from_owned_name);
    let ports = ports.collect();
    // SAFETY: the kernel mapped it for us, nobody refers to it any more.
    unsafe { mach_vm_deallocate(task(), list as u64, u64::from(count) * size_of::<u32>() as u64) };
    Ok(ports)
}

fn register(ports: &[SendRight]) -> Result<()> {
    let mut names: Vec<u32> = ports.iter().map(SendRight::name).take(MOST_REGISTERED).collect();
    // The C library's stub leaves the copy option of its descriptor as it finds it on the stack, and the kernel refuses
    // what is neither 0 nor 1 there: MIG does not set it (`bootstrap_cmds`, `migcom.tproj/user.c`), XNU checks it
    // (`ipc_kmsg_copyin_ool_ports_descriptor`).
    clear_stack();
    // SAFETY: the array has that many names; the kernel makes references of its own.
    check("registering ports", unsafe { mach_ports_register(task(), names.as_mut_ptr(), names.len() as u32) })
}

/// Leaves zeroes where the frame of the next call will be.
#[inline(never)]
fn clear_stack() {
    std::hint::black_box(&mut [0_u64; 512]);
}

/// Who has the task's list of registered ports: it is read, changed and put back as one.
static REGISTERING: PerProcess<Mutex<()>> = PerProcess::new();

/// Whether this process may change its registered ports: a sandbox can deny that.
fn may_register() -> bool {
    let _registering = REGISTERING.get().lock();
    registered_ports().and_then(|ports| register(&ports)).is_ok()
}

/// Starts a process.
///
/// Errors: not found or permission denied for the program; resource exhausted; what the system says.
pub(crate) fn spawn(command: &Command<'_>) -> Result<Process> {
    let pid = match &command.inheritance.port {
        Some(port) => start_with(port, command)?,
        None => start(command)?,
    };
    Process::of_child(pid, Watched::child(pid))
}

/// Starts a process that finds `port` among its registered ports. A process that another thread starts meanwhile by other
/// means gets the right, too; it has no token.
fn start_with(port: &SendRight, command: &Command<'_>) -> Result<Pid> {
    let _registering = REGISTERING.get().lock();
    let before = registered_ports()?;
    let mut with_ours = vec![port.try_clone()?];
    for other in &before {
        with_ours.push(other.try_clone()?);
    }
    register(&with_ours)?;
    let started = start(command);
    // Nothing of ours may stay there: every later child would inherit it, and the port would never be without senders.
    // What can still be done if the list is refused is to leave it empty.
    match (started, register(&before).or_else(|error| register(&[]).and(Err(error)))) {
        (Ok(pid), Err(error)) => {
            let _ = Process::of_child(pid, Err(error.clone()));
            Err(error)
        }
        (started, _) => started,
    }
}

/// Takes what this process inherited. It is there once.
///
/// Errors: not found, when no host started this process; wrong state, when it was taken before; timed out.
pub(crate) fn take_inheritance(deadline: Deadline) -> Result<(SendRight, Token)> {
    let (Some(place), Some(token)) = (std::env::var_os(PORT_ENTRY), inherited(TOKEN_ENTRY)?) else {
        return Err(Error::new(
            Status::NotFound,
            format!(
                "no host started this process: {PORT_ENTRY} and {TOKEN_ENTRY} are not in its environment"
            ),
        ));
    };
    let token = claim(find(token, rustix::fs::FileType::Fifo)?, deadline)?;
    let port = match place.to_str() {
        Some(REGISTERED) => take_registered_port()?,
        Some(place) if place.starts_with(NAME) => bootstrap::look_up(&place[NAME.len()..], Deadline::NOW)?,
        _ => {
            let message = format!("{PORT_ENTRY} is {}, which names no port", place.display());
            return Err(Error::new(Status::NotFound, message));
        }
    };
    Ok((port, token))
}

/// Nothing: the port dies with the host, whose forks have no copy of it.
pub(crate) fn watch_host(_: &SendRight) -> Result<Option<Watched>> {
    Ok(None)
}

/// Takes the first registered port, and takes it from the list: it is not for the processes that this one starts.
fn take_registered_port() -> Result<SendRight> {
    let _registering = REGISTERING.get().lock();
    let mut ports = registered_ports()?;
    if ports.first().is_none_or(|port| port.name() == 0) {
        return Err(Error::fixed(
            Status::NotFound,
            "the port that a host passed on is not here: this process was started by another one than that host",
        ));
    }
    let port = ports.remove(0);
    // A sandbox that denies it leaves the right where it is, which does no harm without the token.
    let _ = register(&ports);
    Ok(port)
}

/// What the kernel says of a sender's process beside its number: which of the processes that ever had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessHandle {
    version: u32,
}

impl ProcessHandle {
    /// The pid version of an audit token.
    pub(super) fn from_version(version: u32) -> Self {
        Self { version }
    }

    /// Whether the process that has the number now is another one. Where a sandbox keeps that from us, the number
    /// has to do.
    fn is_gone(self, process_id: i32) -> bool {
        let mut name = 0;
        // SAFETY: the name lives across the call. Processes of the same user are nameable: XNU, `task_name_for_pid`.
        if unsafe { task_name_for_pid(task(), process_id, &raw mut name) } != KERN_SUCCESS {
            return false;
        }
        let _name = SendRight::from_owned_name(name);
        /// `TASK_AUDIT_TOKEN` of `mach/task_info.h`, eight words.
        const TASK_AUDIT_TOKEN: u32 = 15;
        let mut token = [0_u32; 8];
        let mut count = token.len() as u32;
        // SAFETY: the kernel writes at most eight words.
        let code = unsafe { task_info(name, TASK_AUDIT_TOKEN, token.as_mut_ptr().cast(), &raw mut count) };
        code == KERN_SUCCESS && token[7] != self.version
    }
}

/// A kqueue with one event, the end of a process. The kernel says it once, and then the kqueue itself says it for good.
#[derive(Debug)]
pub(crate) struct Watched {
    kqueue: Kqueue,
    pid: Pid,
}

impl Watched {
    pub(crate) fn child(pid: Pid) -> Result<Self> {
        let kqueue = Kqueue::new()?;
        let added = kqueue.add_process(pid);
        // Of one that has ended before nothing is said any more, or that there is none.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let has_ended = added == Err(Errno::SRCH)
            || matches!(rustix::process::waitid(WaitId::Pid(pid), options), Ok(Some(_)));
        if has_ended {
            kqueue.trigger()?;
        } else {
            added.map_err(|errno| system_error("watching a process", errno))?;
        }
        Ok(Self { kqueue, pid })
    }

    pub(crate) fn process(pid: Pid) -> Result<Self> {
        let kqueue = Kqueue::new()?;
        let added = kqueue.add_process(pid);
        // Looked for after the begin of the watch. Another user's is there and cannot be sent a signal.
        if added == Err(Errno::SRCH) || rustix::process::test_kill_process(pid) == Err(Errno::SRCH) {
            return Err(no_process(pid));
        }
        added.map(|()| Self { kqueue, pid }).map_err(|errno| system_error("watching a process", errno))
    }

    pub(crate) fn sender(pid: Pid, handle: &ProcessHandle) -> Result<Self> {
        let watched = Self::process(pid)?;
        // Looked at after the begin of the watch: whoever has the number now is watched.
        if handle.is_gone(pid.as_raw_nonzero().get()) { Err(no_process(pid)) } else { Ok(watched) }
    }

    /// A kqueue is readable while it has an event, and for other reasons until somebody looks.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        match self.kqueue.next()? {
            Some(Event::Process) => self.kqueue.trigger().map(|()| true),
            event => Ok(event == Some(Event::Triggered)),
        }
    }

    /// What to wait for to reap it.
    pub(crate) fn to_reap(&self) -> WaitId<'_> {
        WaitId::Pid(self.pid)
    }

    pub(crate) fn kill(&self) -> Result<(), Errno> {
        kill_child(self.pid)
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kqueue.as_fd()
    }
}

fn no_process(pid: Pid) -> Error {
    Error::new(Status::NotFound, format!("there is no process {pid}, or no longer"))
}

/// What `PROC_PIDTBSDINFO` of `sys/proc_info.h` says. The start is in microseconds, as far as the number goes.
pub(crate) fn entry_of(pid: Pid) -> Entry {
    // SAFETY: a structure of numbers, for which zeroes are valid.
    let mut info: libc::proc_bsdinfo = unsafe { std::mem::zeroed() };
    let (number, size) = (pid.as_raw_nonzero().get(), size_of::<libc::proc_bsdinfo>() as libc::c_int);
    // SAFETY: the kernel writes at most `size` bytes, which the structure has.
    let written =
        unsafe { libc::proc_pidinfo(number, libc::PROC_PIDTBSDINFO, 0, (&raw mut info).cast(), size) };
    if written == size {
        /// `SZOMB` of `sys/proc.h`.
        const ZOMBIE: u32 = 5;
        let started = info.pbi_start_tvsec.wrapping_mul(1_000_000).wrapping_add(info.pbi_start_tvusec);
        return Entry::Process { has_ended: info.pbi_status == ZOMBIE, started: started as u32 };
    }
    // A sandbox can hide it, and it says ESRCH of a zombie, which is to be sent signals all the same.
    match (last_errno(), rustix::process::test_kill_process(pid)) {
        (Errno::SRCH, _) | (_, Err(Errno::SRCH)) => Entry::None,
        _ => Entry::Hidden,
    }
}

/// There is one PID namespace.
pub(crate) fn pid_namespace() -> u32 {
    0
}
