//! A place for the newest of something: one thread puts, another one takes. What nobody took in time is
//! replaced, so that the one who puts never waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the taking thread found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// Something that was not taken before.
    New(T),
    /// Nothing new came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

/// The place.
pub(crate) struct Newest<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    item: Option<T>,
    closed: bool,
}

impl<T> Newest<T> {
    /// An empty place.
    pub(crate) fn new() -> Newest<T> {
        Newest { state: Mutex::new(State { item: None, closed: false }), changed: Condvar::new() }
    }

    /// Puts `item`; what lay there is dropped, after the other thread can go on.
    pub(crate) fn put(&self, item: T) {
        let replaced = self.lock().item.replace(item);
        self.changed.notify_one();
        drop(replaced);
    }

    /// Says that nothing will come any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Takes what lies there, or waits for it up to `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Found<T> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(item) = state.item.take() {
                return Found::New(item);
            }
            if state.closed {
                return Found::Closed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Found::Nothing;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic elsewhere cannot leave this half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_the_last_is_still_found_after_the_end() {
        let newest = Newest::new();
        assert_eq!(newest.take(Duration::ZERO), Found::<u32>::Nothing);
        newest.put(1);
        newest.put(2);
        newest.close();
        assert_eq!(newest.take(Duration::ZERO), Found::New(2));
        assert_eq!(newest.take(Duration::from_secs(60)), Found::Closed);
    }

    #[test]
    fn waiting_ends_when_something_comes() {
        let newest = Newest::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                newest.put(7);
            });
            assert_eq!(newest.take(Duration::from_secs(60)), Found::New(7));
        });
    }
}
