//! The two clocks of the measurements: the one that frames are stamped with, and the processor's.

use std::sync::OnceLock;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds on the monotonic clock, which is the same one in every process.
pub(crate) fn monotonic_ns() -> i64 {
    nanoseconds(ClockId::Monotonic)
}

/// What the processor had worked for this process when `main` began.
static BEFORE: OnceLock<i64> = OnceLock::new();

/// Processor time counts from here; `main` calls it first. A process keeps its time when another program is started
/// in its place, as `cargo run` does it.
pub(crate) fn start() {
    BEFORE.get_or_init(|| nanoseconds(ClockId::ProcessCPUTime));
}

/// Milliseconds that the processor worked for this program so far, all its threads together.
pub(crate) fn cpu_ms() -> f64 {
    (nanoseconds(ClockId::ProcessCPUTime) - BEFORE.get().unwrap_or(&0)) as f64 / 1e6
}

fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on() {
        let (time, cpu) = (monotonic_ns(), cpu_ms());
        let mut sum = 0u64;
        while cpu_ms() <= cpu {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(monotonic_ns() > time);
    }
}
