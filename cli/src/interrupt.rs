//! The signals that end programs: the demonstration ends in good order, so that the terminal is given back, a recording
//! is whole, the child is gone and the figures are told.

use std::os::raw::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use signal_hook::consts::{
    SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::low_level;

use crate::clock;
use crate::failure::{Failure, Result};

/// Those that somebody sends, or the system when a time is over. What says that the program itself is wrong is left out.
const ENDING: [c_int; 10] =
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU];

/// Whoever asks again after this time wants the end at once. Before, it is one request that came twice: `timeout` sends
/// its signal to the program and to the program's group, and of a terminal that goes both the system and the shell tell.
const INSISTENCE_NS: i64 = 1_000_000_000;

/// Whether somebody wants this process to end.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    /// When the first signal came; 0 before.
    since: Arc<AtomicI64>,
}

impl Interrupt {
    /// From now on the first signal is noted, and a later one ends the process at once. A signal that whoever started
    /// the program has it ignore, as `nohup` does, stays ignored.
    ///
    /// Host and child both do this: what comes from a terminal reaches both of them.
    pub(crate) fn catch() -> Result<Interrupt> {
        let interrupt = Interrupt::default();
        let ending = ENDING.into_iter().filter(|&signal| !is_ignored(signal));
        let caught = ending.into_iter().try_for_each(|signal| interrupt.note(signal));
        // A file that grows over its limit is an error of the write, then.
        caught
            .and_then(|()| signal_hook::flag::register(SIGXFSZ, Arc::default()))
            .map_err(|error| Failure::new("cannot listen to signals", error, "run surfaceport doctor"))?;
        Ok(interrupt)
    }

    #[allow(unsafe_code)]
    fn note(&self, signal: c_int) -> std::io::Result<()> {
        let since = self.since.clone();
        let came = move || {
            let now = clock::monotonic_ns();
            // Relaxed: nothing else is told by it.
            let first = since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
            if first.is_err_and(|first| now - first > INSISTENCE_NS) {
                low_level::exit(128 + signal);
            }
        };
        // SAFETY: the closure reads a clock, accesses an atomic and perhaps ends the process by `_exit`: all of it is
        // allowed in a signal handler.
        unsafe { low_level::register(signal, came).map(drop) }
    }

    /// Whether a signal came.
    pub(crate) fn came(&self) -> bool {
        self.since.load(Ordering::Relaxed) != 0
    }
}

/// Whether this process has ignored a signal since it was started.
#[allow(unsafe_code)]
fn is_ignored(signal: c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the call reads nothing, as no new action is given, and writes one action to where there is room for it.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: all bytes are zero or written by the call, and an action is numbers and pointers that may be null.
    let action = unsafe { action.assume_init() };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_known() {
        // The standard library ignores it for every program.
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGWINCH));
    }
}
