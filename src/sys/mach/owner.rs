//! What tells a process from its forks on macOS: getpid(2), which the C library answers from memory and asks the kernel
//! anew after a fork.

/// What tells a process from its living ancestors and forks.
#[derive(Clone, Copy, Debug)]
pub(in crate::sys) struct Mark(u32);

impl Mark {
    pub(in crate::sys) fn of_this_process() -> Self {
        Self(std::process::id())
    }

    #[inline]
    pub(in crate::sys) fn is_of_this_process(self) -> bool {
        self.0 == std::process::id()
    }
}
