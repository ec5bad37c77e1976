//! Whether to spin before sleeping: what a wait for another process does first.
//!
//! To sleep and be woken costs tens of microseconds, so a wait that is usually shorter than that had better watch the
//! memory for a while. Whether waits are short is learnt from the last ones, and a spin that did not help makes the next
//! ones rarer, twice as rare each time: so two processes that share one processor, where spinning only keeps the other
//! from running, pay for it less and less; and who waits for the next video frame does not spin at all.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::time::Deadline;

/// Looks between two looks at the clock, which costs more.
const LOOKS: u32 = 32;
/// The most short waits for which a spin that does not help is not repeated.
const MAX_PENALTY: u32 = 4096;

/// How long the waits of one object watch the memory before they sleep. It can be set while another thread waits.
#[derive(Debug)]
pub(crate) struct SpinTime(AtomicU64);

impl Default for SpinTime {
    /// 50 µs: about what it costs to sleep and to be woken.
    fn default() -> Self {
        Self(AtomicU64::new(50_000))
    }
}

impl SpinTime {
    pub(crate) fn get(&self) -> Duration {
        // Relaxed, here and below: a setting, which orders nothing.
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, time: Duration) {
        self.0.store(time.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// What one waiting side has learnt of its waits.
#[derive(Debug)]
pub(crate) struct Spin {
    /// Short waits that have to be seen until the next spin.
    to_wait: u32,
    /// What `to_wait` becomes when a spin does not help.
    penalty: u32,
}

/// A wait that is going on.
#[derive(Debug)]
pub(crate) struct Wait {
    began: Instant,
    limit: Duration,
    has_spun: bool,
}

impl Spin {
    pub(crate) fn new() -> Self {
        Self { to_wait: 0, penalty: 1 }
    }

    /// Begins to wait: watches for at most `limit`, if that is likely to help, until it is `seen`. A limit of zero is
    /// no look at all.
    pub(crate) fn watch(
        &mut self,
        limit: Duration,
        deadline: Deadline,
        mut seen: impl FnMut() -> bool,
    ) -> Result<(), Wait> {
        let began = Instant::now();
        let wait = |has_spun| Err(Wait { began, limit, has_spun });
        if limit.is_zero() || self.to_wait > 0 {
            return wait(false);
        }
        let limit = deadline.remaining().map_or(limit, |left| left.min(limit));
        loop {
            for _ in 0..LOOKS {
                if seen() {
                    self.penalty = (self.penalty / 2).max(1);
                    return Ok(());
                }
                spin_loop();
            }
            if began.elapsed() >= limit {
                return wait(true);
            }
        }
    }

    /// Behind a sleep: how long the wait was says whether the next one is likely to be short.
    pub(crate) fn learn(&mut self, wait: &Wait) {
        if wait.has_spun {
            self.penalty = (self.penalty * 2).min(MAX_PENALTY);
            self.to_wait = self.penalty;
        } else if wait.began.elapsed() <= wait.limit {
            self.to_wait = self.to_wait.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timeout;

    fn never(spin: &mut Spin, limit: Duration) -> Wait {
        spin.watch(limit, Timeout::FOREVER.deadline(), || false).unwrap_err()
    }

    #[test]
    fn what_is_seen_ends_the_spin() {
        let mut looks = 0;
        let outcome = Spin::new().watch(Duration::from_secs(60), Timeout::FOREVER.deadline(), || {
            looks += 1;
            looks == 1000
        });
        assert!(outcome.is_ok());
        assert_eq!(looks, 1000);
    }

    #[test]
    fn a_deadline_ends_the_spin() {
        assert!(Spin::new().watch(Duration::from_secs(60), Deadline::NOW, || false).is_err());
    }

    #[test]
    fn spins_that_do_not_help_become_rare() {
        let mut spin = Spin::new();
        let mut spun = 0;
        for _ in 0..10_000 {
            let mut wait = never(&mut spin, Duration::from_nanos(1));
            spun += u32::from(wait.has_spun);
            // As if woken at once.
            wait.began = Instant::now() + Duration::from_secs(1);
            spin.learn(&wait);
        }
        assert!((8..=16).contains(&spun), "{spun} of 10000 waits were spun");
        // One that helps makes them likelier again.
        let penalty = spin.penalty;
        spin.to_wait = 0;
        assert!(spin.watch(Duration::from_secs(60), Timeout::FOREVER.deadline(), || true).is_ok());
        assert_eq!(spin.penalty, penalty / 2);
    }

    #[test]
    fn long_waits_are_not_spun() {
        let mut spin = Spin::new();
        let mut spun = 0;
        for _ in 0..1000 {
            let wait = never(&mut spin, Duration::from_nanos(1));
            spun += u32::from(wait.has_spun);
            std::thread::yield_now();
            spin.learn(&wait);
        }
        assert_eq!(spun, 1);
    }

    #[test]
    fn a_limit_of_zero_never_spins() {
        assert!(!never(&mut Spin::new(), Duration::ZERO).has_spun);
    }
}
