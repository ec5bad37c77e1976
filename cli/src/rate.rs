//! Frame rates: read from the command line or a stream's header, and turned into points of time.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Frames per second, as a fraction, so that 30000/1001 stays exact. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rate {
    numerator: u32,
    denominator: u32,
}

impl Rate {
    /// The most frames per second that the program paces.
    pub(crate) const MAX_PER_SECOND: u32 = 1000;

    /// `numerator / denominator` frames per second; nothing if either is zero.
    pub(crate) fn new(numerator: u32, denominator: u32) -> Option<Rate> {
        (numerator > 0 && denominator > 0).then_some(Rate { numerator, denominator })
    }

    /// `count` frames per second, which is not zero.
    pub(crate) const fn whole(count: u32) -> Rate {
        assert!(count > 0);
        Rate { numerator: count, denominator: 1 }
    }

    /// The fraction's upper part.
    pub(crate) fn numerator(self) -> u32 {
        self.numerator
    }

    /// The fraction's lower part.
    pub(crate) fn denominator(self) -> u32 {
        self.denominator
    }

    /// Frames per second.
    pub(crate) fn per_second(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// The time from frame 0 to frame `index`.
    pub(crate) fn time_of(self, index: u64) -> Duration {
        let nanos =
            u128::from(index) * u128::from(self.denominator) * 1_000_000_000 / u128::from(self.numerator);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many frames begin within `seconds`: at least one.
    pub(crate) fn frames_in(self, seconds: f64) -> u64 {
        // A hair less, so that 0.1 s at 60 Hz is 6 frames and not 7 by rounding.
        ((seconds * self.per_second() - 1e-6).ceil().max(1.0)) as u64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.denominator == 1 {
            write!(f, "{}", self.numerator)
        } else {
            write!(f, "{}/{}", self.numerator, self.denominator)
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    /// Reads `60`, `59.94` or `30000/1001`.
    fn from_str(text: &str) -> Result<Rate, String> {
        let wrong = || {
            format!(
                "a rate is a number or a fraction over 0 and up to {}, as 60, 59.94 or 30000/1001",
                Rate::MAX_PER_SECOND
            )
        };
        let rate = if let Some((upper, lower)) = text.split_once(['/', ':']) {
            Rate::new(upper.parse().map_err(|_| wrong())?, lower.parse().map_err(|_| wrong())?)
        } else if let Some((whole, part)) = text.split_once('.') {
            if part.is_empty() || part.len() > 4 || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong());
            }
            let scale = 10u32.pow(part.len() as u32);
            let whole: u32 = whole.parse().map_err(|_| wrong())?;
            let part: u32 = part.parse().map_err(|_| wrong())?;
            whole.checked_mul(scale).and_then(|w| w.checked_add(part)).and_then(|n| Rate::new(n, scale))
        } else {
            Rate::new(text.parse().map_err(|_| wrong())?, 1)
        };
        rate.filter(|r| r.per_second() <= f64::from(Rate::MAX_PER_SECOND)).ok_or_else(wrong)
    }
}

/// Lets frames go at their time.
#[derive(Debug)]
pub(crate) struct Pacer {
    rate: Rate,
    start: Instant,
    next: u64,
}

impl Pacer {
    /// The first frame is due now.
    pub(crate) fn new(rate: Rate) -> Pacer {
        Pacer { rate, start: Instant::now(), next: 0 }
    }

    /// How long to wait, at `now`, for the next frame to be due; then that frame counts as gone.
    ///
    /// A frame that is late goes at once. When the source stood still for longer than two frames (a pipe
    /// that gave nothing), time goes on from there: what was missed is not raced through.
    pub(crate) fn delay(&mut self, now: Instant) -> Duration {
        let due = self.start + self.rate.time_of(self.next);
        self.next += 1;
        let late = now.saturating_duration_since(due);
        if late > self.rate.time_of(2) {
            self.start += late;
        }
        due.saturating_duration_since(now)
    }

    /// Sleeps until the next frame is due.
    pub(crate) fn wait(&mut self) {
        let delay = self.delay(Instant::now());
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, rate) in [
            ("60", Rate::new(60, 1)),
            ("59.94", Rate::new(5994, 100)),
            ("30000/1001", Rate::new(30000, 1001)),
            ("30000:1001", Rate::new(30000, 1001)),
            ("0.5", Rate::new(5, 10)),
            ("1000", Rate::new(1000, 1)),
        ] {
            assert_eq!(text.parse::<Rate>().ok(), rate, "{text}");
        }
        for text in
            ["", "0", "-1", "1001", "60.", "60/0", "0/1", "fast", "1e3", "99999999999", "4294967295.9"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn times_do_not_drift() {
        let rate = Rate::new(30000, 1001).unwrap();
        assert_eq!(rate.time_of(30000), Duration::from_secs(1001));
        assert_eq!(Rate::new(60, 1).unwrap().frames_in(5.0), 300);
        assert_eq!(Rate::new(60, 1).unwrap().frames_in(0.1), 6);
        assert_eq!(Rate::new(1, 1).unwrap().frames_in(0.001), 1);
    }

    #[test]
    fn a_late_frame_goes_at_once_and_a_stall_is_not_raced_through() {
        let mut pacer = Pacer::new(Rate::new(10, 1).unwrap());
        let start = pacer.start;
        assert_eq!(pacer.delay(start), Duration::ZERO);
        assert_eq!(pacer.delay(start), Duration::from_millis(100));
        // Frame 2 is due at 200 ms; it comes 50 ms late, and frame 3 still goes at 300 ms.
        assert_eq!(pacer.delay(start + Duration::from_millis(250)), Duration::ZERO);
        assert_eq!(pacer.delay(start + Duration::from_millis(250)), Duration::from_millis(50));
        // A stall of ten seconds.
        assert_eq!(pacer.delay(start + Duration::from_secs(10)), Duration::ZERO);
        assert_eq!(pacer.delay(start + Duration::from_secs(10)), Duration::from_millis(100));
    }
}
