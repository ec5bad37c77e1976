//! What tells a process from its forks, where a test can pretend to be one.

use std::cell::Cell;

thread_local! {
    static MARK: Cell<u64> = const { Cell::new(1) };
}

/// A number that stands for a process.
pub(in crate::sys) fn process_mark() -> u64 {
    MARK.get()
}

/// Runs code as if in a fork of this process.
pub(crate) fn in_a_fork<T>(code: impl FnOnce() -> T) -> T {
    let mark = MARK.replace(MARK.get() + 1);
    let outcome = code();
    MARK.set(mark);
    outcome
}
