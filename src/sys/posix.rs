//! What POSIX has and every system does alike: error numbers, the clock, waiting for descriptors.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::error::{Error, Result, Status};
use crate::time::Deadline;

/// The status of an errno: the one place where that is decided. A call that means something else by one of these, such as
/// *not found* by ENOENT, says so itself before it asks.
const fn status_of(errno: Errno) -> Status {
    match errno {
        // Descriptors: of this process, of the system, and of this user on their way in messages.
        Errno::MFILE | Errno::NFILE | Errno::TOOMANYREFS
        // Memory, kernel's or ours; pages that may be locked; processes, threads and timers.
        | Errno::NOMEM | Errno::NOBUFS | Errno::AGAIN
        // Files, and watches of files and descriptors.
        | Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::USERS | Errno::NOLCK => Status::ResourceExhausted,
        // By the rights of a file, a filter of system calls, a security module, or a file system that is not written to.
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Status::PermissionDenied,
        // The last two: a socket that a peer sent as a port and that leads nowhere.
        Errno::PIPE | Errno::CONNRESET | Errno::CONNREFUSED | Errno::NOTCONN => Status::PeerDead,
        // A kernel that is too old, or a filter that has it look so.
        Errno::OPNOTSUPP | Errno::NOSYS => Status::Unsupported,
        _ => Status::System,
    }
}

/// Which limit an errno is about, where the system's own words do not say it, or speak of something else.
const fn limit_of(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::MFILE => {
            "this process has as many descriptors as RLIMIT_NOFILE allows, or this user as many watches"
        }
        Errno::NFILE => "this system has as many files open as it can",
        Errno::TOOMANYREFS => {
            "the programs of this user have as many descriptors in messages that nobody has received yet as \
             RLIMIT_NOFILE allows"
        }
        Errno::FBIG => "RLIMIT_FSIZE, which counts for shared memory too, allows no such size",
        _ => return None,
    })
}

/// Turns an errno into the status by which a program can decide, and words.
pub(crate) fn system_error(what: &str, errno: Errno) -> Error {
    let message = match limit_of(errno) {
        Some(limit) => format!("{what}: {limit}"),
        None => format!("{what}: {}", std::io::Error::from(errno)),
    };
    Error::new(status_of(errno), message)
}

/// A descriptor that a call has just made, or why it did not.
pub(super) fn made(what: &str, outcome: Result<OwnedFd, Errno>) -> Result<OwnedFd> {
    outcome.and_then(beyond_standard).map_err(|errno| system_error(what, errno))
}

/// The same file under another number, if it has one of the first three: what writes to the standard descriptors would
/// write to it. They are free in a process that was started without them, or has closed them. Close-on-exec.
pub(super) fn beyond_standard(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    rustix::io::fcntl_dupfd_cloexec(&fd, 3)
}

pub(crate) use rustix::param::page_size;

/// Why the last call of the C library failed in this thread.
pub(super) fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// So many bytes that nobody can foresee, 256 at the most: they come whole or not at all, getentropy(3).
pub(super) fn random_bytes<const COUNT: usize>() -> Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    // SAFETY: the call writes as many bytes as it is told, and those live across it.
    match unsafe { libc::getentropy(bytes.as_mut_ptr().cast(), COUNT) } {
        0 => Ok(bytes),
        _ => Err(system_error("asking for random bytes", last_errno())),
    }
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic_nanoseconds() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Waits until one of up to eight descriptors is readable (or its other end is gone). Bit `i` of the answer says
/// that descriptor `i` is; 0 means that the deadline came first.
pub(crate) fn wait_readable(descriptors: &[BorrowedFd<'_>], deadline: Deadline) -> Result<u8> {
    wait(descriptors, PollFlags::IN, deadline)
}

/// As [`wait_readable`], for the events that the caller names. Hang-ups and errors always count.
pub(super) fn wait(descriptors: &[BorrowedFd<'_>], events: PollFlags, deadline: Deadline) -> Result<u8> {
    assert!((1..=8).contains(&descriptors.len()), "a wait is for one to eight descriptors, more want a set");
    // An array and no vector: this is on the way of each sleeping consumer and must not allocate. The places
    // beyond the last descriptor are never handed to the kernel.
    let mut places: [PollFd<'_>; 8] = std::array::from_fn(|i| {
        PollFd::from_borrowed_fd(*descriptors.get(i).unwrap_or(&descriptors[0]), events)
    });
    let set = &mut places[..descriptors.len()];
    loop {
        let timeout = deadline
            .remaining()
            .map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        match poll(set, timeout.as_ref()) {
            Ok(_) => {
                let ready = set.iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty());
                return Ok(ready.fold(0, |bits, (i, _)| bits | 1 << i));
            }
            // A signal: go on with what is left of the time.
            Err(Errno::INTR) if deadline.is_over() => return Ok(0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(system_error("waiting for a descriptor", errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_a_lack_of_resources() {
        let limits = [
            Errno::AGAIN,
            Errno::DQUOT,
            Errno::FBIG,
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOLCK,
            Errno::NOMEM,
            Errno::NOSPC,
            Errno::TOOMANYREFS,
            Errno::USERS,
        ];
        for errno in limits {
            assert_eq!(system_error("a call", errno).status(), Status::ResourceExhausted, "{errno:?}");
        }
        for errno in [Errno::PERM, Errno::ACCESS, Errno::ROFS] {
            assert_eq!(system_error("a call", errno).status(), Status::PermissionDenied, "{errno:?}");
        }
        for errno in [Errno::IO, Errno::INVAL, Errno::NOENT, Errno::BADF, Errno::INTR] {
            assert_eq!(system_error("a call", errno).status(), Status::System, "{errno:?}");
        }
    }

    #[test]
    fn the_words_name_the_limit() {
        for (errno, name) in [
            (Errno::MFILE, "RLIMIT_NOFILE"),
            (Errno::TOOMANYREFS, "messages that nobody has received"),
            (Errno::FBIG, "RLIMIT_FSIZE"),
        ] {
            let error = system_error("a call", errno);
            assert!(error.message().starts_with("a call: ") && error.message().contains(name), "{error}");
        }
    }
}
