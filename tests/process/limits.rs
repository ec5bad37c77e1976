//! Processes at their limits, and forks that live on.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, getrlimit, pidfd_open, setrlimit};

/// How much time of processors this process has taken.
#[allow(unsafe_code)]
pub fn processor_time() -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills in what it is given, which zeroes are valid for already.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |of: libc::timeval| Duration::new(of.tv_sec as u64, of.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Descriptors of no use, all that there can be. The limit is as before when this ends.
pub struct UsedUp {
    descriptors: Vec<OwnedFd>,
    before: Rlimit,
}

impl UsedUp {
    /// Gives one back.
    pub fn pop(&mut self) {
        self.descriptors.pop();
    }

    pub fn is_empty(&self) -> bool {
        self.descriptors.is_empty()
    }
}

impl Drop for UsedUp {
    fn drop(&mut self) {
        self.descriptors.clear();
        setrlimit(Resource::Nofile, self.before).expect("a limit that was allowed before");
    }
}

/// Leaves this process no descriptor.
pub fn use_up_descriptors() -> UsedUp {
    let before = getrlimit(Resource::Nofile);
    let one = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let limit = Rlimit { current: Some(one.as_raw_fd() as u64 + 64), ..before };
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut descriptors = vec![one];
    while let Ok(next) = descriptors[0].try_clone() {
        descriptors.push(next);
    }
    UsedUp { descriptors, before }
}

/// A fork of this process, with copies of all its descriptors, that does nothing until that process ends.
#[allow(unsafe_code)]
pub fn fork_that_waits_for(process_id: u32) {
    let id = i32::try_from(process_id).ok().and_then(Pid::from_raw).expect("a process number");
    let ends = pidfd_open(id, PidfdFlags::empty()).unwrap();
    let mut wait = libc::pollfd { fd: ends.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the child makes system calls only.
    unsafe {
        if libc::fork() == 0 {
            while libc::poll(&raw mut wait, 1, -1) < 0 {}
            libc::_exit(0);
        }
    }
}
