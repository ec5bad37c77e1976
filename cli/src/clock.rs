//! The two clocks of the measurements: the one that frames are stamped with, and the processor's.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds on the monotonic clock, which is the same one in every process.
pub(crate) fn monotonic_ns() -> i64 {
    nanoseconds(ClockId::Monotonic)
}

/// Milliseconds that the processor worked for this process so far, all its threads together.
pub(crate) fn cpu_ms() -> f64 {
    nanoseconds(ClockId::ProcessCPUTime) as f64 / 1e6
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
