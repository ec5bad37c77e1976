//! The system calls that are made to fail, and the errors that the kernel, a filter or a limit can have for each.
//!
//! `close`, `munmap` and `unlink` are not among them: that they fail without doing their work does not happen where they
//! are allowed, and there would be nothing to do about it.

use libc::{
    EACCES, EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENODEV, ENOLCK, ENOMEM, ENOSPC, ENOSYS,
    EPERM, ETOOMANYREFS, c_int, c_long,
};

/// A system call, and how it can fail.
#[derive(Debug)]
pub(super) struct SystemCall {
    pub(super) name: &'static str,
    pub(super) number: c_long,
    errors: &'static [c_int],
}

macro_rules! calls {
    ($($name:literal $number:ident $errors:expr,)*) => {
        &[$(SystemCall { name: $name, number: libc::$number, errors: &$errors }),*]
    };
}

/// Sorted by what they are for: messages, memory, waiting, processes, files and names.
#[rustfmt::skip]
const CALLS: &[SystemCall] = calls! {
    "sendmsg" SYS_sendmsg [EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS, EINTR, EPERM],
    "sendto" SYS_sendto [EAGAIN, ENOBUFS, ENOMEM, EINTR],
    "recvmsg" SYS_recvmsg [ENOBUFS, ENOMEM, EINTR, EMFILE],
    "recvfrom" SYS_recvfrom [ENOBUFS, ENOMEM, EINTR],
    "recvmmsg" SYS_recvmmsg [ENOBUFS, ENOMEM, EINTR],
    "socketpair" SYS_socketpair [EMFILE, ENFILE, ENOBUFS, ENOMEM],
    "socket" SYS_socket [EMFILE, ENFILE, ENOBUFS, ENOMEM],
    "setsockopt" SYS_setsockopt [ENOMEM, ENOBUFS],
    "getsockopt" SYS_getsockopt [ENOMEM, EMFILE, ENFILE],
    "bind" SYS_bind [ENOMEM, ENOBUFS, ENOSPC, EACCES],
    "listen" SYS_listen [ENOMEM, ENOBUFS],
    "connect" SYS_connect [EAGAIN, ENOMEM, ENOBUFS, EINTR],
    "accept4" SYS_accept4 [EMFILE, ENFILE, ENOMEM, ENOBUFS, ECONNABORTED, EINTR],
    "memfd_create" SYS_memfd_create [EMFILE, ENFILE, ENOMEM, EPERM],
    "ftruncate" SYS_ftruncate [ENOSPC, EINTR, ENOMEM],
    "fallocate" SYS_fallocate [ENOSPC, EINTR, ENOMEM],
    "mmap" SYS_mmap [ENOMEM, EAGAIN],
    "mprotect" SYS_mprotect [ENOMEM],
    "mremap" SYS_mremap [ENOMEM, EAGAIN],
    "madvise" SYS_madvise [ENOMEM, EAGAIN],
    "fcntl" SYS_fcntl [EMFILE],
    "dup" SYS_dup [EMFILE],
    "pipe2" SYS_pipe2 [EMFILE, ENFILE, ENOMEM],
    "eventfd2" SYS_eventfd2 [EMFILE, ENFILE, ENOMEM],
    "epoll_create1" SYS_epoll_create1 [EMFILE, ENFILE, ENOMEM],
    "epoll_ctl" SYS_epoll_ctl [ENOMEM, ENOSPC],
    "epoll_pwait" SYS_epoll_pwait [EINTR, ENOMEM],
    "epoll_pwait2" SYS_epoll_pwait2 [EINTR, ENOMEM, ENOSYS],
    "ppoll" SYS_ppoll [EINTR, ENOMEM],
    "futex" SYS_futex [EINTR, EAGAIN],
    "inotify_init1" SYS_inotify_init1 [EMFILE, ENFILE, ENOMEM],
    "inotify_add_watch" SYS_inotify_add_watch [ENOSPC, ENOMEM],
    "pidfd_open" SYS_pidfd_open [EMFILE, ENFILE, ENOMEM, ENODEV, ENOSYS, EPERM],
    "pidfd_send_signal" SYS_pidfd_send_signal [ENOSYS, EPERM],
    "kill" SYS_kill [EPERM],
    "waitid" SYS_waitid [EINTR],
    "wait4" SYS_wait4 [EINTR],
    "clone" SYS_clone [EAGAIN, ENOMEM],
    "clone3" SYS_clone3 [EAGAIN, ENOMEM, ENOSYS, EPERM],
    "execve" SYS_execve [ENOMEM, EAGAIN],
    "getrandom" SYS_getrandom [EINTR],
    "openat" SYS_openat [EMFILE, ENFILE, ENOMEM, EINTR],
    "flock" SYS_flock [EINTR, ENOLCK],
    "mkdirat" SYS_mkdirat [ENOSPC, ENOMEM],
    "renameat" SYS_renameat [ENOSPC, ENOMEM],
    "renameat2" SYS_renameat2 [ENOSPC, ENOMEM],
    "linkat" SYS_linkat [ENOSPC, ENOMEM],
    "read" SYS_read [EINTR, ENOMEM],
    "write" SYS_write [EINTR, ENOSPC],
    "pread64" SYS_pread64 [EINTR, ENOMEM],
    "pwrite64" SYS_pwrite64 [EINTR, ENOSPC],
    "ioctl" SYS_ioctl [ENOMEM],
    "getdents64" SYS_getdents64 [ENOMEM],
    "statx" SYS_statx [ENOMEM],
};

/// What newer architectures do without.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLDER: &[SystemCall] = calls! {
    "poll" SYS_poll [EINTR, ENOMEM],
    "epoll_wait" SYS_epoll_wait [EINTR, ENOMEM],
    "open" SYS_open [EMFILE, ENFILE, ENOMEM, EINTR],
    "fork" SYS_fork [EAGAIN, ENOMEM],
    "vfork" SYS_vfork [EAGAIN, ENOMEM],
    "mkdir" SYS_mkdir [ENOSPC, ENOMEM],
    "rename" SYS_rename [ENOSPC, ENOMEM],
};
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[SystemCall] = &[];

/// Errors by their names.
#[rustfmt::skip]
const NAMES: &[(c_int, &str)] = &[
    (EACCES, "EACCES"), (EAGAIN, "EAGAIN"), (ECONNABORTED, "ECONNABORTED"), (EINTR, "EINTR"), (EMFILE, "EMFILE"),
    (ENFILE, "ENFILE"), (ENOBUFS, "ENOBUFS"), (ENODEV, "ENODEV"), (ENOLCK, "ENOLCK"), (ENOMEM, "ENOMEM"),
    (ENOSPC, "ENOSPC"), (ENOSYS, "ENOSYS"), (EPERM, "EPERM"), (ETOOMANYREFS, "ETOOMANYREFS"),
];

/// What the README's pair survives, whichever system call has it; but nobody's `getrandom` does.
const ANYWHERE: [c_int; 4] = [ENOBUFS, ENOMEM, EAGAIN, EINTR];

impl SystemCall {
    /// The errors to try; anywhere also those that this call is not known to have.
    pub(super) fn errors_of(&self, anywhere: bool) -> Vec<c_int> {
        let more = ANYWHERE
            .iter()
            .filter(|error| anywhere && self.number != libc::SYS_getrandom && !self.errors.contains(error));
        self.errors.iter().chain(more).copied().collect()
    }
}

/// Whether a call can have one of its errors, by its arguments: only what makes a descriptor can.
pub(super) fn can_fail(call: c_long, arguments: &[u64; 6]) -> bool {
    let makes_descriptor = |argument: u64, of: &[c_int]| of.iter().any(|of| *of as u64 == argument);
    match call {
        libc::SYS_getsockopt => makes_descriptor(arguments[2], &[libc::SO_PEERPIDFD]),
        libc::SYS_fcntl => makes_descriptor(arguments[1], &[libc::F_DUPFD, libc::F_DUPFD_CLOEXEC]),
        _ => true,
    }
}

/// All of them.
pub(super) fn calls() -> impl Iterator<Item = &'static SystemCall> {
    CALLS.iter().chain(OLDER)
}

pub(super) fn name(error: c_int) -> &'static str {
    NAMES.iter().find(|(number, _)| *number == error).map_or("?", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_there_once_and_each_error_has_its_name() {
        for (at, call) in calls().enumerate() {
            assert!(calls().take(at).all(|other| other.number != call.number), "{}", call.name);
            assert!(call.errors.iter().all(|error| name(*error) != "?"), "{}", call.name);
            assert!(!call.errors.is_empty());
        }
    }
}
