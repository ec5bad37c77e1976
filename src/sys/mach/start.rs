//! Starts a program on macOS: `posix_spawn`.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;
use rustix::process::Pid;

use crate::error::{Error, Result, Status};
use crate::sys::inherited::{Command, start_error};
use crate::sys::posix::system_error;

/// `posix_spawn` functions answer with an error number.
fn check(what: &str, outcome: libc::c_int) -> Result<()> {
    match outcome {
        0 => Ok(()),
        errno => Err(system_error(what, Errno::from_raw_os_error(errno))),
    }
}

/// Null-terminated, as `argv` and `envp` are. The pointers live as long as the strings.
fn pointers(strings: &[CString]) -> Vec<*mut libc::c_char> {
    let each = strings.iter().map(|string| string.as_ptr().cast_mut());
    each.chain(std::iter::once(std::ptr::null_mut())).collect()
}

unsafe extern "C" {
    /// `spawn.h`; the `libc` crate lacks it.
    fn posix_spawn_file_actions_addinherit_np(
        actions: *mut libc::posix_spawn_file_actions_t,
        fd: libc::c_int,
    ) -> libc::c_int;
}

struct FileActions(libc::posix_spawn_file_actions_t);

impl FileActions {
    fn new() -> Result<Self> {
        let mut actions = std::mem::MaybeUninit::uninit();
        // SAFETY: the call initializes what it is given.
        check("preparing a process", unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: initialized by the successful call above.
        Ok(Self(unsafe { actions.assume_init() }))
    }

    /// Has the child inherit a descriptor that is close-on-exec here. A dup2 onto itself, which does that elsewhere, leaves
    /// the flag as it is here (XNU, `bsd/kern/kern_exec.c`, `exec_handle_file_actions`).
    fn keep(&mut self, fd: BorrowedFd<'_>) -> Result<()> {
        // SAFETY: the actions are initialized.
        let outcome = unsafe { posix_spawn_file_actions_addinherit_np(&raw mut self.0, fd.as_raw_fd()) };
        check("preparing a process", outcome)
    }

    fn change_directory(&mut self, directory: &CStr) -> Result<()> {
        // SAFETY: the actions are initialized; the path is copied by the call.
        check("preparing a process", unsafe {
            libc::posix_spawn_file_actions_addchdir_np(&raw mut self.0, directory.as_ptr())
        })
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialized in `new` and destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

struct SpawnAttributes(libc::posix_spawnattr_t);

impl SpawnAttributes {
    /// The child begins with an empty signal mask and the default for SIGPIPE, which Rust programs ignore.
    fn new() -> Result<Self> {
        let mut attributes = std::mem::MaybeUninit::uninit();
        // SAFETY: the call initializes what it is given.
        check("preparing a process", unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: initialized by the successful call above.
        let mut this = Self(unsafe { attributes.assume_init() });
        let mut set = std::mem::MaybeUninit::uninit();
        let flags = (libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF) as libc::c_short;
        // SAFETY: the attributes are initialized; the set is initialized by sigemptyset before it is read.
        let outcomes = unsafe {
            [
                libc::sigemptyset(set.as_mut_ptr()),
                libc::posix_spawnattr_setsigmask(&raw mut this.0, set.as_ptr()),
                libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE),
                libc::posix_spawnattr_setsigdefault(&raw mut this.0, set.as_ptr()),
                libc::posix_spawnattr_setflags(&raw mut this.0, flags),
            ]
        };
        outcomes.into_iter().try_for_each(|outcome| check("preparing a process", outcome))?;
        Ok(this)
    }
}

impl Drop for SpawnAttributes {
    fn drop(&mut self) {
        // SAFETY: initialized in `new` and destroyed once.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}

/// Starts a process.
///
/// Errors: not found or permission denied for the program; resource exhausted; what the system says.
pub(super) fn start(command: &Command<'_>) -> Result<Pid> {
    let mut actions = FileActions::new()?;
    for fd in command.inheritance.descriptors() {
        actions.keep(fd)?;
    }
    if let Some(directory) = command.directory {
        actions.change_directory(directory)?;
    }
    let attributes = SpawnAttributes::new()?;
    let program = command.arguments.first().ok_or_else(|| Error::invalid("a command has no program"))?;
    let (arguments, environment) = (pointers(command.arguments), pointers(command.environment));
    let mut pid: libc::pid_t = 0;
    // SAFETY: the strings and the null-terminated arrays of pointers to them live across the call, the actions
    // and attributes are initialized.
    let outcome = unsafe {
        libc::posix_spawnp(
            &raw mut pid,
            program.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    if outcome != 0 {
        return Err(start_error(program, Errno::from_raw_os_error(outcome)));
    }
    Pid::from_raw(pid).ok_or_else(|| Error::fixed(Status::Internal, "a process without a number"))
}
