//! What tells a process from its forks, where a test can pretend to be one.

use std::cell::Cell;

thread_local! {
    static MARK: Cell<u64> = const { Cell::new(1) };
}

/// Stands for a process.
#[derive(Clone, Copy, Debug)]
pub(in crate::sys) struct Mark(u64);

impl Mark {
    pub(in crate::sys) fn of_this_process() -> Self {
        Self(MARK.get())
    }

    pub(in crate::sys) fn is_of_this_process(self) -> bool {
        self.0 == MARK.get()
    }
}

/// Runs code as if in a fork of this process.
pub(crate) fn in_a_fork<T>(code: impl FnOnce() -> T) -> T {
    let mark = MARK.replace(MARK.get() + 1);
    let outcome = code();
    MARK.set(mark);
    outcome
}
