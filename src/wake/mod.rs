//! Waking: how one side sleeps until another process has news for it, and how that process wakes it.
//!
//! The two share a [`SleepWord`], which the sleeper writes, and the sleeper has a doorbell that the waker can ring. What
//! the news are is their own affair: a frame, a free image, a message, room for one.
//!
//! ```text
//! sleeper                              waker
//! S1  word = the count of its sleeps   W1  publish the news
//! S2  fence                            W2  fence
//! S3  look for news: there? stay up    W3  read the word: asleep, and not rung for this sleep?
//! S4  sleep until it is rung           W4  ring
//! ```
//!
//! Fences are totally ordered. If S2 comes before W2, the waker sees the word at W3 and rings. If W2 comes before S2, the
//! sleeper sees the news at S3 and does not sleep. So nobody sleeps through what he waits for.
//!
//! A ring is a system call, and can fail. The waker notes a sleep as rung only after a ring that succeeded. Until then
//! it *owes* the ring: every later call of its side comes by W3 again and pays. The sleeper does not rely on it: it
//! looks again after [`RESTLESS`], and always before it says that the time is over.
//!
//! The word is written by the peer. A peer that writes nonsense is rung once too often, or misses its own news.

mod spin;

use std::time::Duration;

pub(crate) use self::spin::{Spin, SpinTime, Wait};
use crate::error::{Error, Result, Status};
use crate::sync::{AtomicU64, Ordering, fence};
use crate::time::Deadline;

/// How long a sleep lasts at the most until the sleeper looks again: what a ring that was lost for good costs.
const RESTLESS: Duration = Duration::from_secs(1);
/// How long a side that owes a ring sleeps at the most until it tries again.
pub(crate) const RETRY: Duration = Duration::from_millis(2);
/// How often a ring that fails is repeated at once: most failures are over then.
const ATTEMPTS: usize = 3;

/// Says whether its writer sleeps. Zero bytes are *awake*.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(transparent)]
pub(crate) struct SleepWord(AtomicU64);

impl SleepWord {
    const AWAKE: u64 = 0;
    /// The writer will never look again.
    const GONE: u64 = u64::MAX;

    /// One of a page that a model makes itself.
    #[cfg(test)]
    pub(crate) fn awake() -> Self {
        Self(AtomicU64::new(Self::AWAKE))
    }

    /// Waker, after a fence: whether the sleeper may have to be rung.
    #[inline]
    pub(crate) fn is_asleep(&self) -> bool {
        // Relaxed: the fence before it orders it.
        self.0.load(Ordering::Relaxed) != Self::AWAKE
    }

    /// Sleeper: says that it will never look for news again.
    pub(crate) fn leave(&self) {
        // Relaxed: it orders nothing; a waker that sees it late has published to nobody.
        self.0.store(Self::GONE, Ordering::Relaxed);
    }

    /// Waker: whether the sleeper will never look again.
    pub(crate) fn is_gone(&self) -> bool {
        // Relaxed: as in `leave`.
        self.0.load(Ordering::Relaxed) == Self::GONE
    }
}

/// What a sleeper remembers of its own word, which it never reads back.
#[derive(Debug, Default)]
pub(crate) struct Sleeper {
    /// How often it has slept: each sleep is rung once.
    sleeps: u64,
    asleep: bool,
}

impl Sleeper {
    /// Says that this side sleeps: S1 and S2. After it, look for news once more. A sleep that goes on is no new one.
    pub(crate) fn announce(&mut self, word: &SleepWord) {
        if !self.asleep {
            self.asleep = true;
            self.sleeps += 1;
            // Relaxed: the fence orders it.
            word.0.store(self.sleeps, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    /// Says that this side is awake, and begins a new sleep at the next [`Self::announce`].
    pub(crate) fn rise(&mut self, word: &SleepWord) {
        if std::mem::take(&mut self.asleep) {
            // Relaxed: a ring too many does no harm.
            word.0.store(SleepWord::AWAKE, Ordering::Relaxed);
        }
    }

    /// Whether it has said that it sleeps.
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep
    }
}

/// What a waker remembers of one sleeper.
#[derive(Debug, Default)]
pub(crate) struct Waker {
    /// The sleep for which it has rung.
    rung: u64,
    /// The sleep for which a ring has failed; 0: none.
    owed: u64,
}

impl Waker {
    /// Rings if the sleeper sleeps and was not rung for it: W3 and W4. The news are published before, and the fence W2
    /// lies between. A ring that fails is owed.
    #[inline]
    pub(crate) fn wake(&mut self, word: &SleepWord, ring: impl FnMut() -> Result<()>) {
        // Relaxed: the fence before it orders it.
        let sleep = word.0.load(Ordering::Relaxed);
        if sleep != SleepWord::AWAKE {
            self.ring_for(sleep, ring);
        }
    }

    #[cold]
    fn ring_for(&mut self, sleep: u64, mut ring: impl FnMut() -> Result<()>) {
        if sleep == self.rung || sleep == SleepWord::GONE {
            return;
        }
        self.owed = sleep;
        for _ in 0..ATTEMPTS {
            match ring() {
                Ok(()) => {}
                // Nobody sleeps there. That the peer is dead is told by other means.
                Err(error) if error.status() == Status::PeerDead => {}
                Err(error) => {
                    tracing::debug!(%error, "a ring failed, and is owed");
                    continue;
                }
            }
            (self.rung, self.owed) = (sleep, 0);
            return;
        }
    }

    /// Rings once more for a sleep for which a ring has failed. Who sleeps without being owed anything sleeps on.
    #[inline]
    pub(crate) fn pay(&mut self, word: &SleepWord, ring: impl FnMut() -> Result<()>) {
        if self.owed != 0 {
            self.wake(word, ring);
        }
    }

    /// Whether a ring failed for a sleep that still goes on: call [`Self::wake`] again before long.
    #[inline]
    pub(crate) fn owes(&self, word: &SleepWord) -> bool {
        // Relaxed: a debt that is seen late is paid late.
        self.owed != 0 && word.0.load(Ordering::Relaxed) == self.owed
    }
}

/// What waits for news. Each method is called by the one thread that waits.
pub(crate) trait Waiting {
    /// What is waited for.
    type News;

    /// Says that this side sleeps: [`Sleeper::announce`]. What this side owes others is paid here, too.
    fn announce(&mut self);

    /// Looks for the news, without waiting.
    fn look(&mut self) -> Result<Option<Self::News>>;

    /// Whether a ring is owed to anybody.
    fn owes(&self) -> bool;

    /// Sleeps until it is rung or the moment has come, and takes in what the kernel has. Whether there is news is seen by
    /// the next look.
    fn sleep(&mut self, until: Deadline) -> Result<()>;

    /// Says that this side is awake: [`Sleeper::rise`]. Who waits by a descriptor and found no news may go on sleeping.
    fn rise(&mut self, has_news: bool);
}

/// Waits for news.
///
/// Errors: timed out, after a last look; what `look` and `sleep` say.
pub(crate) fn wait<W: Waiting>(waiting: &mut W, deadline: Deadline) -> Result<W::News> {
    loop {
        waiting.announce();
        let outcome = match waiting.look() {
            Ok(None) if deadline.is_over() => {
                waiting.rise(false);
                return Err(Error::TIMED_OUT);
            }
            Ok(None) => {
                let most = if waiting.owes() { RETRY } else { RESTLESS };
                // The news come first, and only then what else the ring brought.
                waiting.sleep(deadline.at_most(most)).and_then(|()| waiting.look())
            }
            outcome => outcome,
        };
        waiting.rise(true);
        if let Some(outcome) = outcome.transpose() {
            return outcome;
        }
    }
}

#[cfg(all(test, loom))]
mod loom_model {
    //! The model checker runs every interleaving and every value that the memory model lets a load see.

    use std::cell::Cell;

    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    struct Pair {
        word: SleepWord,
        news: AtomicU64,
    }

    impl Pair {
        fn new() -> Arc<Self> {
            Arc::new(Self { word: SleepWord::awake(), news: AtomicU64::new(0) })
        }

        fn publish(&self) {
            // Relaxed: the weakest that any news are published with.
            self.news.store(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
        }

        /// Whether the sleeper would sleep.
        fn fall_asleep(&self, sleeper: &mut Sleeper) -> bool {
            sleeper.announce(&self.word);
            self.news.load(Ordering::Relaxed) == 0
        }
    }

    /// Rings of which the first `failures` fail; counts those that succeed.
    fn bell(failures: usize, rung: &Cell<usize>) -> impl FnMut() -> Result<()> {
        let mut left = failures;
        move || match left {
            0 => {
                rung.set(rung.get() + 1);
                Ok(())
            }
            _ => {
                left -= 1;
                Err(Error::fixed(Status::ResourceExhausted, "no room for a ring"))
            }
        }
    }

    #[test]
    fn nobody_sleeps_through_news() {
        loom::model(|| {
            let pair = Pair::new();
            let waking = pair.clone();
            let waker = thread::spawn(move || {
                let rung = Cell::new(0);
                waking.publish();
                Waker::default().wake(&waking.word, bell(0, &rung));
                rung.get() > 0
            });
            let sleeps = pair.fall_asleep(&mut Sleeper::default());
            let rung = waker.join().unwrap();
            assert!(!sleeps || rung);
        });
    }

    #[test]
    fn a_ring_that_fails_is_owed_and_paid_by_the_next_call() {
        loom::model(|| {
            let pair = Pair::new();
            let waking = pair.clone();
            let waker = thread::spawn(move || {
                let (mut waker, rung) = (Waker::default(), Cell::new(0));
                waking.publish();
                let mut failing = bell(usize::MAX, &rung);
                waker.wake(&waking.word, &mut failing);
                let owes = waker.owes(&waking.word);
                fence(Ordering::SeqCst);
                // A later call of the same side, which has nothing new to tell.
                waker.wake(&waking.word, bell(0, &rung));
                assert!(!owes || rung.get() == 1 || !waker.owes(&waking.word));
                rung.get() > 0
            });
            let sleeps = pair.fall_asleep(&mut Sleeper::default());
            let rung = waker.join().unwrap();
            assert!(!sleeps || rung);
        });
    }

    #[test]
    fn each_sleep_is_rung_once() {
        loom::model(|| {
            let pair = Pair::new();
            let waking = pair.clone();
            let waker = thread::spawn(move || {
                let (mut waker, rung) = (Waker::default(), Cell::new(0));
                for _ in 0..2 {
                    waking.publish();
                    waker.wake(&waking.word, bell(0, &rung));
                }
                rung.get()
            });
            pair.fall_asleep(&mut Sleeper::default());
            assert!(waker.join().unwrap() <= 1);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::time::Timeout;

    fn word() -> SleepWord {
        SleepWord::awake()
    }

    fn fails() -> Result<()> {
        Err(Error::fixed(Status::ResourceExhausted, "no room for a ring"))
    }

    #[test]
    fn a_failed_ring_is_repeated_at_once_and_else_owed() {
        let (word, mut sleeper, mut waker) = (word(), Sleeper::default(), Waker::default());
        sleeper.announce(&word);
        let mut rings = 0;
        waker.wake(&word, || {
            rings += 1;
            if rings < ATTEMPTS { fails() } else { Ok(()) }
        });
        assert_eq!(rings, ATTEMPTS);
        assert!(!waker.owes(&word));
        waker.wake(&word, || panic!("it was rung for this sleep"));
        sleeper.rise(&word);
        sleeper.announce(&word);
        waker.wake(&word, fails);
        assert!(waker.owes(&word));
        waker.wake(&word, || Ok(()));
        assert!(!waker.owes(&word));
    }

    #[test]
    fn a_debt_ends_with_the_sleep() {
        let (word, mut sleeper, mut waker) = (word(), Sleeper::default(), Waker::default());
        sleeper.announce(&word);
        waker.wake(&word, fails);
        sleeper.rise(&word);
        assert!(!waker.owes(&word));
        waker.wake(&word, || panic!("nobody sleeps"));
    }

    #[test]
    fn nobody_is_rung_who_has_left() {
        let (word, mut waker) = (word(), Waker::default());
        word.leave();
        assert!(word.is_gone());
        waker.wake(&word, || panic!("it has left"));
        assert!(!waker.owes(&word));
    }

    /// News that come while the last sleep is going on, and ring nobody.
    struct Silent {
        sleeps: usize,
        news_after: usize,
    }

    impl Waiting for Silent {
        type News = usize;

        fn announce(&mut self) {}

        fn look(&mut self) -> Result<Option<usize>> {
            Ok((self.sleeps >= self.news_after).then_some(self.sleeps))
        }

        fn owes(&self) -> bool {
            false
        }

        fn sleep(&mut self, until: Deadline) -> Result<()> {
            assert!(until.remaining().is_some(), "a sleep has an end");
            self.sleeps += 1;
            Ok(())
        }

        fn rise(&mut self, _: bool) {}
    }

    #[test]
    fn news_without_a_ring_are_found() {
        let mut silent = Silent { sleeps: 0, news_after: 3 };
        assert_eq!(wait(&mut silent, Timeout::FOREVER.deadline()).unwrap(), 3);
    }

    #[test]
    fn a_wait_without_time_looks_once() {
        let mut silent = Silent { sleeps: 0, news_after: 1 };
        assert_eq!(wait(&mut silent, Deadline::NOW).unwrap_err().status(), Status::TimedOut);
        assert_eq!(silent.sleeps, 0);
        silent.sleeps = 1;
        assert_eq!(wait(&mut silent, Deadline::NOW).unwrap(), 1);
    }
}
