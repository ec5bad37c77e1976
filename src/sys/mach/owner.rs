//! What tells a process from its forks on macOS: getpid(2), which the C library answers from memory and asks the kernel
//! anew after a fork.

/// A number that this process has for all its life, and that none of its living ancestors and forks has.
#[inline]
pub(in crate::sys) fn process_mark() -> u64 {
    rustix::process::getpid().as_raw_nonzero().get().unsigned_abs().into()
}
