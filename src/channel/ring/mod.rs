//! The ring of one direction of a channel: bytes through shared memory, and the algorithm on them.
//!
//! # Who writes what
//!
//! The *sender* writes the entries and its own line, the *receiver* its own line. Both could write everything: the page
//! is shared for writing. Each side therefore keeps its own place to itself and never reads it back, and whatever it
//! reads of the other side is copied out once and bounded before it is used. A side that breaks the rules spoils what it
//! sends or how much it is sent, and nothing else.
//!
//! # Entries
//!
//! ```text
//! head (8 bytes: length of the payload, kind) | id, number (4 bytes each) | payload, filled up to a multiple of 16 bytes
//! ```
//!
//! A *staged* payload is not in its entry, which says where it is in the memory beside the ring: the entry comes first, and
//! the sender then counts the bytes that are there. The receiver counts such an entry as taken when it has copied them.
//!
//! An entry begins at a multiple of 16 bytes and may continue at the ring's beginning. The head is stored last and is
//! what the receiver polls, so that a small message crosses between two processors in one cache line. Before that the
//! sender writes 0 over the head that follows: the receiver, when it comes there, finds either that or a new entry,
//! and never what an earlier lap left.
//!
//! How each side sleeps and is woken is [`crate::wake`]'s affair; the two words for it are here.

use std::ops::Deref;

use crate::error::Result;
use crate::page::{Line, SharedPage};
use crate::sync::{AtomicU64, Ordering, fence};
use crate::wake::{SleepWord, Sleeper, Waker};

/// Words of 8 bytes in a ring: 64 KiB, which stays in the second cache of a processor while it is passed on.
pub(super) const WORDS: usize = 8 << 10;
/// The largest payload in a ring, in bytes: a quarter of it.
pub(super) const MAX_INLINE: usize = 16 << 10;

/// Words of an entry's head and of its id and number.
const HEAD_WORDS: usize = 2;
/// Bytes of an entry that says where a payload is.
pub(super) const STAGED_BYTES: usize = 16;

const INLINE: u64 = 1;
const STAGED: u64 = 2;

/// The shared page of one direction.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C)]
pub(super) struct RingPage<const N: usize = WORDS> {
    receiver: Line<ReceiverLine>,
    /// The receiver's place, in words since the beginning: everything before it may be overwritten.
    taken: Line<AtomicU64>,
    sender: Line<SenderLine>,
    /// Bytes of staged payloads that the sender has written since the beginning.
    filled: Line<AtomicU64>,
    words: Line<[AtomicU64; N]>,
}

/// Seldom written while both sides are awake.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C)]
struct ReceiverLine {
    /// The receiver sleeps until there is something to take.
    asleep: SleepWord,
    /// 1 from the moment at which the receiver takes messages from here.
    accepted: AtomicU64,
    /// The number of the newest staging region that the receiver has.
    region: AtomicU64,
}

#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C)]
struct SenderLine {
    /// The sender sleeps until there is room.
    asleep: SleepWord,
    /// Messages that went by the port. It is there for a receiver that watches the page before it sleeps.
    by_port: AtomicU64,
}

impl<const N: usize> SharedPage for RingPage<N> {}

/// Where a staged payload is, as its sender says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Counted from 1.
    pub(super) region: u32,
    pub(super) offset: u32,
    pub(super) length: u64,
}

/// What an entry says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A message that is here.
    Inline { id: u32, payload: Vec<u8> },
    /// A message whose payload is, or will be, in the memory beside the ring. Its place is the receiver's until
    /// [`RingReceiver::give_back`].
    Staged { id: u32, place: Place },
}

/// The sender broke the format of the ring, of which nothing can be read from here on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// Words that an entry takes.
const fn entry_words(payload: usize) -> usize {
    HEAD_WORDS + payload.div_ceil(16) * 2
}

/// The sender's end of a ring.
#[derive(Debug)]
pub(super) struct RingSender<P, const N: usize = WORDS> {
    page: P,
    /// Words written since the beginning.
    written: u64,
    /// Words that the receiver had taken at the last look.
    taken: u64,
    /// Bytes of staged payloads written since the beginning.
    filled: u64,
    /// Messages that went by the port.
    by_port: u64,
    receiver: Waker,
    sleeper: Sleeper,
}

impl<P: Deref<Target = RingPage<N>>, const N: usize> RingSender<P, N> {
    pub(super) fn new(page: P) -> Self {
        let (receiver, sleeper) = (Waker::default(), Sleeper::default());
        Self { page, written: 0, taken: 0, filled: 0, by_port: 0, receiver, sleeper }
    }

    /// Whether the receiver takes messages from here.
    pub(super) fn is_accepted(&self) -> bool {
        // Acquire: the receiver's first sleep is older than this.
        self.page.receiver.0.accepted.load(Ordering::Acquire) != 0
    }

    /// Whether the receiver has the staging region of this number, and none newer.
    pub(super) fn has_region(&self, number: u32) -> bool {
        // Relaxed: that it has the region is all that this says.
        self.page.receiver.0.region.load(Ordering::Relaxed) == u64::from(number)
    }

    /// Whether the receiver will never take anything again.
    #[inline]
    pub(super) fn receiver_is_gone(&self) -> bool {
        self.page.receiver.0.asleep.is_gone()
    }

    /// Whether the receiver has taken anything since the last look. What it says is believed only if it can be true.
    pub(super) fn look_at_taken(&mut self) -> bool {
        // Acquire: the receiver's reads of what it has taken end before it is overwritten.
        let taken = self.page.taken.0.load(Ordering::Acquire);
        let can_be = taken > self.taken && taken <= self.written;
        if can_be {
            self.taken = taken;
        }
        can_be
    }

    fn has_room(&mut self, words: usize) -> bool {
        // The head behind the entry has to be free as well, to be cleared. A whole pair, so that entries stay even.
        let wanted = (words + HEAD_WORDS) as u64;
        if self.written - self.taken + wanted > N as u64 {
            self.look_at_taken();
        }
        self.written - self.taken + wanted <= N as u64
    }

    /// Whether a push of so many bytes would find room.
    pub(super) fn has_room_for(&mut self, payload: usize) -> bool {
        self.has_room(entry_words(payload))
    }

    /// Writes a message, if there is room. The payload has at most [`MAX_INLINE`] bytes.
    pub(super) fn push_inline(&mut self, number: u32, id: u32, payload: &[u8]) -> bool {
        debug_assert!(payload.len() <= MAX_INLINE);
        self.push(INLINE << 32 | payload.len() as u64, number, id, payload)
    }

    /// Says where the payload of a message is going to be, if there is room; what is there is said by
    /// [`Self::add_filled`].
    pub(super) fn push_staged(&mut self, number: u32, id: u32, place: Place) -> bool {
        let mut payload = [0; STAGED_BYTES];
        payload[..4].copy_from_slice(&place.offset.to_le_bytes());
        payload[4..8].copy_from_slice(&place.region.to_le_bytes());
        payload[8..].copy_from_slice(&place.length.to_le_bytes());
        self.push(STAGED << 32 | STAGED_BYTES as u64, number, id, &payload)
    }

    /// Says that so many more bytes of staged payloads are written.
    pub(super) fn add_filled(&mut self, bytes: u64) {
        self.filled += bytes;
        // Release: who sees this count sees the bytes.
        self.page.filled.0.store(self.filled, Ordering::Release);
    }

    /// Says that one more message has gone by the port.
    pub(super) fn add_by_port(&mut self) {
        self.by_port += 1;
        // Release: who sees this count finds the message in the port.
        self.page.sender.0.by_port.store(self.by_port, Ordering::Release);
    }

    /// Where the next entry begins, in words since the beginning: once the receiver has taken so many, it has taken
    /// all that was pushed until now.
    pub(super) fn end(&self) -> u64 {
        self.written
    }

    /// Words that the receiver had taken at the last look.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    fn push(&mut self, head: u64, number: u32, id: u32, payload: &[u8]) -> bool {
        let words = entry_words(payload.len());
        if !self.has_room(words) {
            return false;
        }
        let start = (self.written % N as u64) as usize;
        let ring = &self.page.words.0;
        // Relaxed, all three: the release store of the head publishes them.
        ring[(start + words) % N].store(0, Ordering::Relaxed);
        ring[start + 1].store(u64::from(number) << 32 | u64::from(id), Ordering::Relaxed);
        let (before_end, behind) = ring.split_at((start + HEAD_WORDS) % N);
        let (one, two) = payload.split_at(payload.len().min(behind.len() * 8));
        for (bytes, places) in [(one, behind), (two, before_end)] {
            let (whole, rest) = bytes.as_chunks::<8>();
            let (full, others) = places.split_at(whole.len());
            for (place, bytes) in full.iter().zip(whole) {
                place.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
            }
            if !rest.is_empty()
                && let Some(place) = others.first()
            {
                let mut last = [0; 8];
                last[..rest.len()].copy_from_slice(rest);
                place.store(u64::from_le_bytes(last), Ordering::Relaxed);
            }
        }
        // Release: who reads this head sees the entry, and the 0 after it.
        ring[start].store(head, Ordering::Release);
        self.written += words as u64;
        true
    }

    /// After a push: rings the receiver if it sleeps.
    #[inline]
    pub(super) fn wake_receiver(&mut self, ring: impl FnMut() -> Result<()>) {
        // Between the entry and the look at the word.
        fence(Ordering::SeqCst);
        self.receiver.wake(&self.page.receiver.0.asleep, ring);
    }

    /// Whether a ring of the receiver failed that it still waits for.
    pub(super) fn owes(&self) -> bool {
        self.receiver.owes(&self.page.receiver.0.asleep)
    }

    /// Says that this side sleeps until there is room. After it, it looks once more.
    pub(super) fn announce(&mut self) {
        self.sleeper.announce(&self.page.sender.0.asleep);
    }

    /// Says that this side is awake.
    pub(super) fn rise(&mut self) {
        self.sleeper.rise(&self.page.sender.0.asleep);
    }
}

/// The receiver's end of a ring.
#[derive(Debug)]
pub(super) struct RingReceiver<P, const N: usize = WORDS> {
    page: P,
    /// Words taken since the beginning.
    taken: u64,
    /// Where nothing is read any more, in words since the beginning.
    end: u64,
    /// Words taken at the last look whether the sender sleeps.
    looked: u64,
    sender: Waker,
    sleeper: Sleeper,
}

impl<P: Deref<Target = RingPage<N>>, const N: usize> RingReceiver<P, N> {
    /// Begins to take messages from the page.
    pub(super) fn accept(page: P) -> Self {
        let (sender, sleeper) = (Waker::default(), Sleeper::default());
        let ring = Self { page, taken: 0, end: u64::MAX, looked: 0, sender, sleeper };
        // Release: pairs with `is_accepted`.
        ring.page.receiver.0.accepted.store(1, Ordering::Release);
        ring
    }

    /// Says that payloads may come in the staging region of this number.
    pub(super) fn accept_region(&self, number: u32) {
        // Relaxed: as in `has_region`.
        self.page.receiver.0.region.store(number.into(), Ordering::Relaxed);
    }

    /// The sender is dead: nothing is new from here on, and at most one lap of what it has left is there.
    pub(super) fn close(&mut self) {
        self.end = self.end.min(self.taken + N as u64);
    }

    /// Words taken since the beginning.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Messages that the sender says it has sent by the port.
    pub(super) fn by_port(&self) -> u64 {
        // Acquire: pairs with `add_by_port`.
        self.page.sender.0.by_port.load(Ordering::Acquire)
    }

    #[inline]
    fn head(&self) -> u64 {
        if self.taken >= self.end {
            return 0;
        }
        // Acquire: pairs with the store of the head.
        self.page.words.0[(self.taken % N as u64) as usize].load(Ordering::Acquire)
    }

    /// Whether there is nothing to take.
    pub(super) fn is_empty(&self) -> bool {
        self.head() == 0
    }

    /// The number of the next entry, if there is one.
    #[inline]
    pub(super) fn number(&self) -> Option<u32> {
        // Relaxed: ordered after the acquire load of the head.
        let detail = || self.page.words.0[(self.taken % N as u64) as usize + 1].load(Ordering::Relaxed);
        (self.head() != 0).then(|| (detail() >> 32) as u32)
    }

    /// Takes the next entry, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Broken> {
        let head = self.head();
        if head == 0 {
            return Ok(None);
        }
        let start = (self.taken % N as u64) as usize;
        let ring = &self.page.words.0;
        // Relaxed, here and below: ordered after the acquire load of the head.
        let id = ring[start + 1].load(Ordering::Relaxed) as u32;
        let length = (head & u64::from(u32::MAX)) as usize;
        let entry = match head >> 32 {
            INLINE if length <= MAX_INLINE && entry_words(length) < N => {
                Entry::Inline { id, payload: self.copy_out(start + HEAD_WORDS, length) }
            }
            STAGED if length == STAGED_BYTES => {
                let word = |n: usize| ring[(start + HEAD_WORDS + n) % N].load(Ordering::Relaxed);
                let (begin, length) = (word(0), word(1));
                Entry::Staged {
                    id,
                    place: Place { region: (begin >> 32) as u32, offset: begin as u32, length },
                }
            }
            _ => return Err(Broken),
        };
        self.taken += entry_words(length) as u64;
        if !matches!(entry, Entry::Staged { .. }) {
            self.give_back();
        }
        Ok(Some(entry))
    }

    /// Says that everything that was taken is read, a staged payload as well.
    pub(super) fn give_back(&self) {
        // Release: the reads end before the sender may write there again.
        self.page.taken.0.store(self.taken, Ordering::Release);
    }

    /// Bytes of staged payloads that the sender says it has written since the beginning.
    pub(super) fn filled(&self) -> u64 {
        // Acquire: pairs with `add_filled`.
        self.page.filled.0.load(Ordering::Acquire)
    }

    fn copy_out(&self, first: usize, length: usize) -> Vec<u8> {
        let (before_end, behind) = self.page.words.0.split_at(first % N);
        let words = length.div_ceil(8);
        let until_end = words.min(behind.len());
        let mut payload = Vec::with_capacity(words);
        for places in [&behind[..until_end], &before_end[..words - until_end]] {
            payload.extend(places.iter().map(|place| place.load(Ordering::Relaxed).to_le_bytes()));
        }
        let mut payload = payload.into_flattened();
        payload.truncate(length);
        payload
    }

    /// Rings the sender if it sleeps until there is room, and there is news of some.
    ///
    /// `at_rest`: this side has nothing to do, so every bit of room is news. Otherwise the sender is woken when a quarter
    /// of the ring is free, and looked at no more often than that, unless a ring is owed.
    #[inline]
    pub(super) fn wake_sender(&mut self, at_rest: bool, ring: impl FnMut() -> Result<()>) {
        let since = self.taken - self.looked;
        if since >= N as u64 / 4 || (at_rest && since != 0) || self.owes() {
            self.looked = self.taken;
            // Between the news of room and the look at the word.
            fence(Ordering::SeqCst);
            self.sender.wake(&self.page.sender.0.asleep, ring);
        }
    }

    /// Whether a ring of the sender failed that it still waits for.
    #[inline]
    pub(super) fn owes(&self) -> bool {
        self.sender.owes(&self.page.sender.0.asleep)
    }

    /// Says that this side sleeps. After it, it looks once more.
    pub(super) fn announce(&mut self) {
        self.sleeper.announce(&self.page.receiver.0.asleep);
    }

    /// Says that this side is awake.
    pub(super) fn rise(&mut self) {
        self.sleeper.rise(&self.page.receiver.0.asleep);
    }

    /// Whether this side has said that it sleeps.
    pub(super) fn is_asleep(&self) -> bool {
        self.sleeper.is_asleep()
    }

    /// Says that nobody takes messages from here any more.
    pub(super) fn leave(&self) {
        self.page.receiver.0.asleep.leave();
    }
}

#[cfg(all(test, loom))]
mod loom_model;
#[cfg(all(test, not(loom)))]
mod tests;
