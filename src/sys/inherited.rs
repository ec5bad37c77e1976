//! What a child inherits of its host: descriptors that the environment names, and a token through a pipe.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::FileType;
use rustix::io::{Errno, FdFlags};

use super::posix::{made, random_bytes, system_error, wait_readable};
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

/// Whether a process with this real user, which the kernel tells of a sender, is of this process's user. The two users
/// of a process that changed its effective one, such as a set-user-ID program, are both its own: what it starts
/// keeps the real one, and may make the effective one its only one.
pub(crate) fn is_our_user(user_id: u32) -> bool {
    user_id == rustix::process::getuid().as_raw() || user_id == rustix::process::geteuid().as_raw()
}

/// The reading end of a new pipe that has the token in it.
pub(super) fn token_pipe(pipe: (OwnedFd, OwnedFd), token: &Token) -> Result<OwnedFd> {
    let (reading, writing) = (made("making a pipe", Ok(pipe.0))?, made("making a pipe", Ok(pipe.1))?);
    // A new pipe has room for it, so this is whole and does not wait.
    match rustix::io::write(&writing, token) {
        Ok(TOKEN_LENGTH) => Ok(reading),
        Ok(_) => Err(Error::fixed(Status::System, "a new pipe did not take a token")),
        Err(errno) => Err(system_error("writing a token", errno)),
    }
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

/// A descriptor that a host left for this process. It is nobody's here until [`claim`] has succeeded. One that is not the
/// very file that the host meant is left alone: the environment can be an ancestor's, and the number then means
/// something else.
pub(super) fn find(Inherited { number, inode }: Inherited, kind: FileType) -> Result<BorrowedFd<'static>> {
    // SAFETY: looked at only until this library has claimed it; the kernel answers EBADF if there is none.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    // Inodes of two file systems can have the same number; a socket's and a pipe's are of one each.
    let is_it = rustix::fs::fstat(fd)
        .is_ok_and(|status| status.st_ino == inode && FileType::from_raw_mode(status.st_mode) == kind);
    if is_it {
        return Ok(fd);
    }
    Err(Error::new(
        Status::NotFound,
        format!(
            "the descriptor {number} that a host passed on is not here: it was closed on the way, or this \
             process was started by another one than that host"
        ),
    ))
}

/// Reads the token, which is what makes all that the host left the reader's: only one can read it, whichever copy of this
/// library it is in. The pipe stays open, close-on-exec, to tell the other ones.
///
/// Errors: wrong state, when somebody in this process was faster; timed out.
pub(super) fn claim(pipe: BorrowedFd<'static>, deadline: Deadline) -> Result<Token> {
    let failed = |errno| system_error("reading the token", errno);
    // First, as all that can fail: a token that was read is gone.
    rustix::io::fcntl_setfd(pipe, FdFlags::CLOEXEC).map_err(failed)?;
    if wait_readable(&[pipe], deadline)? == 0 {
        return Err(Error::TIMED_OUT.context("reading the token"));
    }
    let mut token = Token::default();
    // Whole or not at all: it was written by one call into an empty pipe, and is read by one.
    match rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut token)).map_err(failed)? {
        TOKEN_LENGTH => Ok(token),
        // Its writer has closed its end, as each does, and somebody has read it.
        0 => Err(Error::fixed(Status::WrongState, "this process has connected to its host before")),
        _ => Err(Error::fixed(Status::PeerDead, "the host left no whole token")),
    }
}

/// Whether [`claim`] has succeeded before: nothing is left in the pipe.
#[cfg(target_os = "linux")]
pub(super) fn is_claimed(pipe: BorrowedFd<'_>) -> bool {
    rustix::io::ioctl_fionread(pipe).is_ok_and(|left| left == 0)
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

/// Why a program was not started.
pub(super) fn start_error(program: &CStr, errno: Errno) -> Error {
    let what = format!("starting {}", OsStr::from_bytes(program.to_bytes()).display());
    let (status, reason) = match errno {
        Errno::AGAIN => (
            Status::ResourceExhausted,
            "this user, or this container, may have no more processes (RLIMIT_NPROC, pids.max)".to_owned(),
        ),
        Errno::NOENT | Errno::NOTDIR => (Status::NotFound, std::io::Error::from(errno).to_string()),
        errno => return system_error(&what, errno),
    };
    Error::new(status, format!("{what}: {reason}"))
}
