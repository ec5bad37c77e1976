//! What POSIX systems do alike to start a process: `posix_spawn`, and a token through a pipe.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::FileType;
use rustix::io::{Errno, FdFlags};
use rustix::process::Pid;

use super::posix::{random_bytes, system_error, wait_readable};
use super::spawn::Inheritance;
use crate::error::{Error, Result, Status};
use crate::time::Deadline;

/// Bytes of a session's token.
pub(crate) const TOKEN_LENGTH: usize = 32;

/// What shows that a child is the one that its host meant.
pub(crate) type Token = [u8; TOKEN_LENGTH];

/// A new random token.
pub(crate) fn random_token() -> Result<Token> {
    random_bytes()
}

/// The user whose rights this process has.
pub(crate) fn effective_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The reading end of a new pipe that has the token in it.
pub(super) fn token_pipe(pipe: (OwnedFd, OwnedFd), token: &Token) -> Result<OwnedFd> {
    let (reading, writing) = pipe;
    // A new pipe has room for it, so this is whole and does not wait.
    match rustix::io::write(&writing, token) {
        Ok(TOKEN_LENGTH) => Ok(reading),
        Ok(_) => Err(Error::fixed(Status::System, "a new pipe did not take a token")),
        Err(errno) => Err(system_error("writing a token", errno)),
    }
}

pub(super) fn read_token(pipe: &OwnedFd, deadline: Deadline) -> Result<Token> {
    let failed = |errno| system_error("reading the token", errno);
    let mut token = Token::default();
    let mut filled = 0;
    while filled < TOKEN_LENGTH {
        if wait_readable(&[pipe.as_fd()], deadline)? == 0 {
            return Err(Error::TIMED_OUT.context("reading the token"));
        }
        match rustix::io::read(pipe, &mut token[filled..]) {
            Ok(0) => return Err(Error::fixed(Status::PeerDead, "the host left no token")),
            Ok(count) => filled += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(token)
}

/// A descriptor's value in the environment: its number, a colon, its inode. The entries are inherited further than the
/// descriptors, and a number alone could be anybody's by then.
pub(super) fn environment_value(fd: BorrowedFd<'_>) -> Result<String> {
    let status = rustix::fs::fstat(fd).map_err(|errno| system_error("naming a descriptor", errno))?;
    Ok(format!("{}:{}", fd.as_raw_fd(), status.st_ino))
}

/// A descriptor as the environment names it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Inherited {
    number: RawFd,
    inode: u64,
}

pub(super) fn inherited(entry: &str) -> Result<Option<Inherited>> {
    let Some(value) = std::env::var_os(entry) else { return Ok(None) };
    let parse = |text: &str| {
        let (number, inode) = text.split_once(':')?;
        let (number, inode) = (number.parse().ok()?, inode.parse().ok()?);
        (number > 2).then_some(Inherited { number, inode })
    };
    match value.to_str().and_then(parse) {
        Some(inherited) => Ok(Some(inherited)),
        None => Err(Error::new(
            Status::NotFound,
            format!("{entry} is {}, which names no descriptor", value.display()),
        )),
    }
}

/// Makes an inherited descriptor ours: owned, and close-on-exec from here on. One that is not the very file that the
/// host meant is left alone: the environment can be an ancestor's, and the number then means something else here.
pub(super) fn adopt(Inherited { number, inode }: Inherited, kind: FileType) -> Result<OwnedFd> {
    // SAFETY: borrowed for the length of this call only; the kernel answers EBADF if there is no such descriptor.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    // Inodes of two file systems can have the same number; a socket's and a pipe's are of one each.
    let is_it = rustix::fs::fstat(borrowed)
        .is_ok_and(|status| status.st_ino == inode && FileType::from_raw_mode(status.st_mode) == kind);
    if !is_it || rustix::io::fcntl_setfd(borrowed, FdFlags::CLOEXEC).is_err() {
        return Err(Error::new(
            Status::NotFound,
            format!(
                "the descriptor {number} that a host passed on is not here: it was closed on the way, or this \
                 process was started by another one than that host"
            ),
        ));
    }
    // SAFETY: this is the very file that the host left for this library, and it is adopted once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// What to start, and how.
#[derive(Debug)]
pub(crate) struct Command<'a> {
    /// The program and its arguments; at least one. A program without a slash is searched in `PATH`.
    pub(crate) arguments: &'a [CString],
    /// All of the environment, as `NAME=value`.
    pub(crate) environment: &'a [CString],
    /// The working folder; `None` is this process's.
    pub(crate) directory: Option<&'a CStr>,
    /// Kept open in the child under the same numbers; every other descriptor of ours is close-on-exec.
    pub(crate) inheritance: &'a Inheritance,
}

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

#[cfg(target_os = "macos")]
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

    /// Has the child inherit a descriptor that is close-on-exec here.
    fn keep(&mut self, fd: BorrowedFd<'_>) -> Result<()> {
        let number = fd.as_raw_fd();
        // A dup2 onto itself clears close-on-exec in the child: POSIX.1-2024, glibc since 2.29, musl.
        #[cfg(not(target_os = "macos"))]
        // SAFETY: the actions are initialized.
        let outcome = unsafe { libc::posix_spawn_file_actions_adddup2(&raw mut self.0, number, number) };
        // There it does not, and has a call of its own: posix_spawn_file_actions_addinherit_np(3).
        #[cfg(target_os = "macos")]
        // SAFETY: the actions are initialized.
        let outcome = unsafe { posix_spawn_file_actions_addinherit_np(&raw mut self.0, number) };
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
/// Errors: not found or permission denied for the program; what the system says.
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
    check(&format!("starting {}", OsStr::from_bytes(program.to_bytes()).display()), outcome)?;
    Pid::from_raw(pid).ok_or_else(|| Error::fixed(Status::Internal, "a process without a number"))
}
