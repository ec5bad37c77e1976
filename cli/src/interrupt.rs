//! Ctrl-C and a polite kill: the host ends the demonstration in good order, so that the terminal is given back,
//! a recording is whole and the figures are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, Result};

/// Whether somebody wants this process to end.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the first signal is noted, and the second one ends the process at once.
    pub(crate) fn catch() -> Result<Interrupt> {
        let came = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down.
            flag::register_conditional_shutdown(signal, 128 + signal, came.clone())
                .and_then(|_| flag::register(signal, came.clone()))
                .map_err(|error| Failure::new("cannot listen to signals", error, "run surfaceport doctor"))?;
        }
        Ok(Interrupt(came))
    }

    /// In the child: Ctrl-C reaches it as well, and it is the host that decides.
    pub(crate) fn leave_to_host() -> Result<()> {
        flag::register(SIGINT, Arc::default())
            .map(drop)
            .map_err(|error| Failure::new("cannot listen to signals", error, "run surfaceport doctor"))
    }

    /// Whether a signal came.
    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
