//! Time: one clock for all processes.

use super::boundary;

/// The time on the monotonic clock, in nanoseconds.
///
/// It is the same clock in every process of this system, it never goes back, and what its zero is has
/// no meaning. A frame's presentation time is on this clock.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub extern "C" fn sfp_time_now() -> i64 {
    boundary::value(0, || Ok(crate::time::now()))
}
