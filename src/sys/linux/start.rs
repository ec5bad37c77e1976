//! Starts a program on Linux: the child and its pidfd come from one `clone`, so that no child ever runs without a handle.
//!
//! It is done as the C libraries do `posix_spawn`: the child shares this process's memory, and the thread that starts it
//! waits until it has become another program. So everything is made ready before, and the child only calls the kernel.

use std::ffi::{CStr, CString, OsString};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::{c_char, c_int, c_void};
use rustix::io::Errno;
use rustix::process::Pid;

use super::spawn::{Process, Watched};
use crate::error::{Error, Result};
use crate::sys::inherited::{Command, start_error};
use crate::sys::posix::{last_errno, made};
use crate::time::Deadline;

/// Bytes of the child's stack, 16 at a time: for a few system calls.
const STACK: usize = 64 * 1024 / size_of::<u128>();
/// The kernel's set of signals: `_NSIG / 8`, the same on all processors for which Rust has Linux, but MIPS.
const SIGNAL_SET: usize = size_of::<u64>();
const SIGNALS: c_int = 64;

/// All that the child needs. It shares the memory that this is in, and may neither allocate nor lock.
struct Plan<'a> {
    /// Where the program may be, in the order of the search.
    programs: &'a [CString],
    /// Ends with null, as do the entries of the environment.
    arguments: &'a [*const c_char],
    environment: &'a [*const c_char],
    directory: Option<&'a CStr>,
    inherited: &'a [RawFd],
    /// Why the child did not become the program.
    failure: AtomicI32,
}

/// Null-terminated, as `argv` and `envp` are. The pointers live as long as the strings.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The paths that execvp(3) would try.
fn candidates(program: &CStr) -> Vec<CString> {
    if program.to_bytes().contains(&b'/') {
        return vec![program.to_owned()];
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let in_folder = |folder: &[u8]| {
        let mut candidate = folder.to_vec();
        if !folder.is_empty() {
            candidate.push(b'/');
        }
        candidate.extend(program.to_bytes());
        CString::new(candidate).ok()
    };
    path.into_vec().split(|byte| *byte == b':').filter_map(in_folder).collect()
}

/// The child's first and last function. What it gives is the exit status.
extern "C" fn become_program(plan: *mut c_void) -> c_int {
    // SAFETY: `start` gives a plan, which lives until the child has another memory or has ended.
    let plan = unsafe { &*plan.cast::<Plan<'_>>() };
    // Relaxed: the parent goes on when the kernel has seen the child's end.
    plan.failure.store(plan.run().raw_os_error(), Ordering::Relaxed);
    127
}

impl Plan<'_> {
    /// Comes back with the reason, or not at all.
    fn run(&self) -> Errno {
        for signal in 1..=SIGNALS {
            // The kernel's `struct sigaction` begins with the handler and has at most four words; all zeroes are the
            // default. The C library is not asked: it may have an account of the handlers, which is the parent's.
            let (mut before, default) = ([0_usize; 8], [0_usize; 8]);
            let (set, nowhere) = (SIGNAL_SET, null_mut::<c_void>());
            // SAFETY: the kernel writes and reads no more than the arrays have.
            unsafe {
                libc::syscall(libc::SYS_rt_sigaction, signal, nowhere, before.as_mut_ptr(), set);
                // A handler must not run in the parent's memory. SIGPIPE is ignored by Rust programs.
                if !matches!(before[0], libc::SIG_DFL | libc::SIG_IGN) || signal == libc::SIGPIPE {
                    libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), nowhere, set);
                }
            }
        }
        for fd in self.inherited {
            // SAFETY: takes numbers only.
            if unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } < 0 {
                return last_errno();
            }
        }
        // SAFETY: the path is a text that lives.
        if self.directory.is_some_and(|directory| unsafe { libc::chdir(directory.as_ptr()) } < 0) {
            return last_errno();
        }
        set_signal_mask(0);
        let mut reason = Errno::NOENT;
        for program in self.programs {
            // SAFETY: the texts and the null-terminated lists of them live.
            unsafe { libc::execve(program.as_ptr(), self.arguments.as_ptr(), self.environment.as_ptr()) };
            match last_errno() {
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::NAMETOOLONG
                | Errno::STALE
                | Errno::NODEV
                | Errno::TIMEDOUT => {}
                Errno::ACCESS => reason = Errno::ACCESS,
                errno => return errno,
            }
        }
        reason
    }
}

/// All of the calling thread's signal mask, what the C library keeps for itself included; gives the former one.
fn set_signal_mask(mask: u64) -> u64 {
    let mut before = 0_u64;
    let (new, old) = (&raw const mask, &raw mut before);
    // SAFETY: both sets have the size that is given.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, new, old, SIGNAL_SET) };
    before
}

/// Makes the child, and waits until it has another memory. The descriptor is its pidfd, where the kernel gives one.
fn clone(plan: &Plan<'_>, stack: &mut [u128], flags: c_int) -> Result<(Pid, Option<OwnedFd>), Errno> {
    let mut pidfd: RawFd = -1;
    let flags = flags | libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack has room for the child's function, which touches the plan only, and is aligned as all processors
    // want it; plan, stack and `pidfd` outlive the child's use of this memory, since this call waits for its end.
    let child = unsafe {
        let top = stack.as_mut_ptr_range().end.cast::<c_void>();
        libc::clone(become_program, top, flags, (&raw const *plan).cast_mut().cast(), &raw mut pidfd)
    };
    let child = if child > 0 { Pid::from_raw(child) } else { None };
    let child = child.ok_or_else(last_errno)?;
    // SAFETY: a descriptor that the kernel has just made for us; an old one leaves the number as it is.
    Ok((child, (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) })))
}

/// Starts a process.
///
/// Errors: not found or permission denied for the program; resource exhausted; what the system says.
pub(super) fn start(command: &Command<'_>) -> Result<Process> {
    let program = command.arguments.first().ok_or_else(|| Error::invalid("a command has no program"))?;
    let inherited: Vec<RawFd> = command.inheritance.descriptors().iter().map(AsRawFd::as_raw_fd).collect();
    let plan = Plan {
        programs: &candidates(program),
        arguments: &pointers(command.arguments),
        environment: &pointers(command.environment),
        directory: command.directory,
        inherited: &inherited,
        failure: AtomicI32::new(0),
    };
    let mut stack = vec![0_u128; STACK];
    // Until the child has its own handlers.
    let mask = set_signal_mask(u64::MAX);
    let child = match clone(&plan, &mut stack, libc::CLONE_PIDFD) {
        // A filter or an emulator that does not know the flag. Its number has to do then.
        Err(Errno::PERM | Errno::ACCESS | Errno::NOSYS | Errno::INVAL) => clone(&plan, &mut stack, 0),
        child => child,
    };
    set_signal_mask(mask);
    let failed = |errno| start_error(program, errno);
    let (pid, pidfd) = child.map_err(failed)?;
    let watched = pidfd
        .map(|pidfd| made("starting a process", Ok(pidfd)))
        .transpose()
        .and_then(|pidfd| Watched::child(pid, pidfd));
    let process = Process::of_child(pid, watched)?;
    match plan.failure.into_inner() {
        0 => Ok(process),
        errno => {
            // How it ends does not matter, only that it is reaped.
            let _ = process.finish(Deadline::NOW);
            Err(failed(Errno::from_raw_os_error(errno)))
        }
    }
}
