//! System calls of other processes that fail because we say so.
//!
//! A filter of seccomp stops a program, and all that it starts, in each system call of a list, until this process
//! has said whether the kernel is to do the call or what error it has. Nothing of the program is altered, and an
//! error that is given to one call of one process is given to no other.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use libc::{c_int, c_long, seccomp_notif, seccomp_notif_resp, sock_filter, sock_fprog};

/// Where the program has the socket by which it sends the listener, until it is executed. The filter lets what is
/// sent there pass, for nobody listens yet.
const SOCKET: RawFd = 1000;
/// `SECCOMP_IOCTL_NOTIF_RECV` and `SECCOMP_IOCTL_NOTIF_SEND` of `linux/seccomp.h`.
const RECEIVE: libc::Ioctl = 0xc050_2100_u32 as libc::Ioctl;
const SEND: libc::Ioctl = 0xc018_2101_u32 as libc::Ioctl;
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// A program's processes, stopped in each of their system calls of the list.
pub(super) struct Injector {
    listener: OwnedFd,
}

/// What ended [`Injector::serve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No process is left.
    AllEnded,
    /// Some are, and the time is over.
    TimeOver,
}

/// Why no program can be stopped here.
pub(super) fn missing() -> Option<String> {
    let mut command = Command::new("true");
    let listened = prepare(&mut command, &[]).and_then(|socket| {
        let ended = command.spawn().and_then(|mut child| child.wait()).context("cannot start `true`")?;
        anyhow::ensure!(ended.success(), "`true` says no");
        Injector::listen(&socket)
    });
    listened.err().map(|error| format!("seccomp cannot stop system calls here: {error:#}"))
}

/// Has a program stop in these system calls once it is started. The socket gets the listener.
pub(super) fn prepare(command: &mut Command, calls: &[c_long]) -> Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut filter = filter(calls);
    // SAFETY: between fork and exec, it makes system calls alone, with memory that was allocated before.
    unsafe {
        command.pre_exec(move || install(&mut filter, theirs.as_raw_fd()));
    }
    Ok(ours)
}

impl Injector {
    /// Gets the listener of a program that is being started.
    pub(super) fn listen(socket: &UnixStream) -> Result<Self> {
        let mut byte = 0_u8;
        let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut control = Control::default();
        let mut message = control.message(&mut part);
        // SAFETY: the message names memory that lives until the call is over.
        let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
        if got != 1 || message.msg_controllen == 0 {
            bail!("the program was not started under the filter");
        }
        // SAFETY: the kernel wrote a control message there with a descriptor, which is ours now.
        Ok(Self { listener: unsafe { OwnedFd::from_raw_fd(control.descriptor) } })
    }

    /// Answers each system call of the processes by what `error_of` says of it, by thread, number and arguments: an
    /// error, or `None`, for the kernel to do it.
    pub(super) fn serve(
        &self,
        deadline: Instant,
        mut error_of: impl FnMut(u32, c_long, &[u64; 6]) -> Option<c_int>,
    ) -> Result<End> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.wait(left)? {
                0 => return Ok(End::TimeOver),
                events if events & libc::POLLIN == 0 => return Ok(End::AllEnded),
                _ => {}
            }
            // SAFETY: all numbers, of which zero is one.
            let mut stopped: seccomp_notif = unsafe { mem::zeroed() };
            if !self.control(RECEIVE, &raw mut stopped)? {
                continue;
            }
            let error = error_of(stopped.pid, c_long::from(stopped.data.nr), &stopped.data.args);
            // The constant is the first bit.
            let flags = if error.is_some() { 0 } else { 1 };
            let mut answer = seccomp_notif_resp { id: stopped.id, val: 0, error: -error.unwrap_or(0), flags };
            self.control(SEND, &raw mut answer)?;
        }
    }

    fn wait(&self, time: Duration) -> io::Result<i16> {
        let mut poll = libc::pollfd { fd: self.listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let time = c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one entry, which lives until the call is over.
        match unsafe { libc::poll(&raw mut poll, 1, time) } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(0),
            _ => Ok(poll.revents),
        }
    }

    /// Whether it was done; not so if the process was killed or interrupted in the meantime.
    fn control<T>(&self, request: libc::Ioctl, argument: *mut T) -> Result<bool> {
        // SAFETY: the request reads and writes a structure of this type.
        if unsafe { libc::ioctl(self.listener.as_raw_fd(), request, argument) } == 0 {
            return Ok(true);
        }
        match io::Error::last_os_error() {
            error if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(false),
            error => Err(error).context("the listener of seccomp"),
        }
    }
}

/// Stops in the calls of the list, other than those on [`SOCKET`].
fn filter(calls: &[c_long]) -> Vec<sock_filter> {
    let statement = |code: u32, k: u32| sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let skip_one = |unless: bool, k: u32| sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: u8::from(!unless),
        jf: u8::from(unless),
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let (allow, stop) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_USER_NOTIF);
    // `struct seccomp_data`: the number at 0, the architecture at 4, the arguments from 16.
    let mut filter = vec![
        statement(load, 4),
        skip_one(false, ARCHITECTURE),
        statement(libc::BPF_RET, allow),
        statement(load, 16),
        skip_one(true, SOCKET as u32),
        statement(libc::BPF_RET, allow),
        statement(load, 0),
    ];
    for call in calls {
        filter.push(skip_one(true, *call as u32));
        filter.push(statement(libc::BPF_RET, stop));
    }
    filter.push(statement(libc::BPF_RET, allow));
    filter
}

/// Runs in the program's process, before it is executed.
fn install(filter: &mut [sock_filter], socket: RawFd) -> io::Result<()> {
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: plain system calls; the program names the filter, which lives until they are over.
    unsafe {
        if libc::dup3(socket, SOCKET, libc::O_CLOEXEC) < 0
            || libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        {
            return Err(io::Error::last_os_error());
        }
        let listener = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        );
        if listener < 0 {
            return Err(io::Error::last_os_error());
        }
        let listener = BorrowedFd::borrow_raw(listener as RawFd);
        let mut byte = 0_u8;
        let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut control = Control { descriptor: listener.as_raw_fd(), ..Control::default() };
        let message = control.message(&mut part);
        if libc::sendmsg(SOCKET, &raw const message, 0) != 1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// A control message with one descriptor, as `CMSG_DATA` finds it in what is aligned as `cmsghdr` is.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    descriptor: RawFd,
    rest: RawFd,
}

impl Default for Control {
    fn default() -> Self {
        // SAFETY: all numbers, of which zero is one.
        let mut header: libc::cmsghdr = unsafe { mem::zeroed() };
        header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<RawFd>()) as _;
        header.cmsg_level = libc::SOL_SOCKET;
        header.cmsg_type = libc::SCM_RIGHTS;
        Self { header, descriptor: -1, rest: 0 }
    }
}

impl Control {
    /// A message of that part and this, which both have to live as long as it is used.
    fn message(&mut self, part: &mut libc::iovec) -> libc::msghdr {
        libc::msghdr {
            msg_name: ptr::null_mut(),
            msg_namelen: 0,
            msg_iov: part,
            msg_iovlen: 1,
            msg_control: ptr::from_mut(self).cast(),
            msg_controllen: size_of::<Self>(),
            msg_flags: 0,
        }
    }
}
