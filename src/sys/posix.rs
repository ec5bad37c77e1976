//! What POSIX has and every system does alike: error numbers, the clock, waiting for descriptors.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::error::{Error, Result, Status};
use crate::time::Deadline;

/// Turns an errno into the status by which a program can decide.
pub(crate) fn system_error(what: &str, errno: Errno) -> Error {
    let status = match errno {
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::NOSPC | Errno::TOOMANYREFS => {
            Status::ResourceExhausted
        }
        Errno::ACCESS | Errno::PERM => Status::PermissionDenied,
        Errno::NOENT => Status::NotFound,
        // The last two: a socket that a peer sent as a port and that leads nowhere.
        Errno::PIPE | Errno::CONNRESET | Errno::CONNREFUSED | Errno::NOTCONN => Status::PeerDead,
        Errno::OPNOTSUPP | Errno::NOSYS => Status::Unsupported,
        _ => Status::System,
    };
    if errno == Errno::TOOMANYREFS {
        // The system's own words are about something else, and nobody would look at other programs.
        let limit = "the programs of this user have as many descriptors in messages that nobody has received yet as \
                     RLIMIT_NOFILE allows";
        return Error::new(status, format!("{what}: {limit}"));
    }
    Error::new(status, format!("{what}: {}", std::io::Error::from(errno)))
}

/// The same file under another number, if it has one of the first three: what writes to the standard descriptors would
/// write to it. They are free in a process that was started without them. Close-on-exec.
pub(super) fn beyond_standard(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    rustix::io::fcntl_dupfd_cloexec(&fd, 3).map_err(|errno| system_error("moving a descriptor", errno))
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
            Err(Errno::INTR) => {}
            Err(errno) => return Err(system_error("waiting for a descriptor", errno)),
        }
    }
}
