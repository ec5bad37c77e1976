//! How long a call that waits goes on in spite of a lack of descriptors, memory or room.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::time::Deadline;

/// How long a side rests that lacks something, until it tries again.
pub(super) const PAUSE: Duration = Duration::from_millis(10);
/// How long a call goes on until it tells of a lack.
const PATIENCE: Duration = Duration::from_millis(100);

/// Of one call.
pub(super) struct Patience {
    deadline: Deadline,
    lack: Option<Lack>,
}

struct Lack {
    since: Instant,
    last: Instant,
    error: Error,
}

impl Patience {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self { deadline, lack: None }
    }

    /// After a look that found no news: what was lacking for it.
    ///
    /// Errors: what has been lacking for long, or is at the deadline. What comes back for a moment only, since trying again
    /// frees it, is lacking all the time.
    pub(super) fn check(&mut self, lacking: Option<Error>) -> Result<()> {
        let now = Instant::now();
        if let Some(error) = lacking {
            let since = self.lack.as_ref().map_or(now, |lack| lack.since);
            self.lack = Some(Lack { since, last: now, error });
        }
        match &self.lack {
            Some(lack) if now - lack.last > 3 * PAUSE => self.lack = None,
            Some(lack) if self.deadline.is_over() || now - lack.since >= PATIENCE => {
                return Err(lack.error.clone());
            }
            _ => {}
        }
        Ok(())
    }
}
