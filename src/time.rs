//! Timeouts of the public API and the deadlines that calls make of them.

use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

/// How long a call may wait, in nanoseconds of the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timeout(i64);

impl Timeout {
    /// Do not wait: look once.
    pub const NONE: Self = Self(0);
    /// Wait until it happens.
    pub const FOREVER: Self = Self(-1);

    /// Waits at most `duration` (over 292 years: forever).
    pub fn after(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(-1))
    }

    /// As in the C API: negative waits forever, 0 polls, else nanoseconds.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    pub(crate) fn deadline(self) -> Deadline {
        Deadline(match self.0 {
            ..0 => End::Never,
            0 => End::Now,
            // An end that the clock cannot express is as good as never.
            n => Instant::now().checked_add(Duration::from_nanos(n as u64)).map_or(End::Never, End::At),
        })
    }
}

impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Self {
        Self::after(duration)
    }
}

/// `None` is for ever.
impl From<Option<Duration>> for Timeout {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::FOREVER, Self::after)
    }
}

/// Until that moment; one that is past polls. The time that is left is counted from the conversion on.
impl From<Instant> for Timeout {
    fn from(end: Instant) -> Self {
        Self::after(end.saturating_duration_since(Instant::now()))
    }
}

/// The moment at which a call gives up. It is fixed once, so that interrupted waits do not start anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(End);

#[derive(Clone, Copy, Debug)]
enum End {
    Now,
    At(Instant),
    Never,
}

impl Deadline {
    pub(crate) const NOW: Self = Self(End::Now);

    /// The time that is left: zero when it is over, `None` when it never ends.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        match self.0 {
            End::Now => Some(Duration::ZERO),
            End::At(end) => Some(end.saturating_duration_since(Instant::now())),
            End::Never => None,
        }
    }

    pub(crate) fn never_ends(&self) -> bool {
        matches!(self.0, End::Never)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// Locks a mutex before this moment.
    pub(crate) fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> Option<MutexGuard<'a, T>> {
        match self.0 {
            End::Now => mutex.try_lock(),
            End::At(end) => mutex.try_lock_until(end),
            End::Never => Some(mutex.lock()),
        }
    }

    /// The earlier of this moment and `duration` from now.
    pub(crate) fn at_most(&self, duration: Duration) -> Self {
        match self.remaining() {
            Some(left) if left <= duration => *self,
            _ => Timeout::after(duration).deadline(),
        }
    }
}

/// Nanoseconds on the monotonic clock, the same clock in every process of this system.
pub fn now() -> i64 {
    crate::sys::monotonic_nanoseconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_end_when_they_say() {
        assert!(Timeout::NONE.deadline().is_over());
        assert_eq!(Timeout::FOREVER.deadline().remaining(), None);
        assert_eq!(Timeout::from_nanoseconds(-7).deadline().remaining(), None);
        assert_eq!(Timeout::after(Duration::MAX).deadline().remaining(), None);
        let left = Timeout::after(Duration::from_secs(60)).deadline().remaining().unwrap();
        assert!(left > Duration::from_secs(50) && left <= Duration::from_secs(60));
        assert_eq!(Timeout::from(None), Timeout::FOREVER);
        assert_eq!(Timeout::from(Some(Duration::from_nanos(7))), Timeout::from_nanoseconds(7));
        assert!(Timeout::from(Instant::now()).deadline().is_over());
        let left = Timeout::from(Instant::now() + Duration::from_secs(60)).deadline().remaining().unwrap();
        assert!(left > Duration::from_secs(50) && left <= Duration::from_secs(60));
        let sooner = Timeout::FOREVER.deadline().at_most(Duration::from_secs(1));
        assert!(sooner.remaining().unwrap() <= Duration::from_secs(1));
    }
}
