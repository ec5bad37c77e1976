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
//! head (8 bytes: length of the payload, kind) | detail (8 bytes) | payload, filled up to a multiple of 16 bytes
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
//! # Why nobody sleeps through what he waits for
//!
//! As in a swapchain: the sleeper writes how often it has slept, fence, looks once more, sleeps; the other side writes
//! what the sleeper waits for, fence, reads that count, rings. Of the two fences one is first.

use std::ops::Deref;

use crate::page::{Line, SharedPage};
use crate::sync::{AtomicU64, Ordering, fence};

/// Words of 8 bytes in a ring: 64 KiB, which stays in the second cache of a processor while it is passed on.
pub(super) const WORDS: usize = 8 << 10;
/// The largest payload in a ring, in bytes: a quarter of it.
pub(super) const MAX_INLINE: usize = 16 << 10;

/// Words of an entry's head and detail.
const HEAD_WORDS: usize = 2;
/// Bytes of an entry that says where a payload is.
pub(super) const STAGED_BYTES: usize = 16;
/// What the receiver says instead of a count when it will never receive again.
const GONE: u64 = u64::MAX;

const INLINE: u64 = 1;
const PORT: u64 = 2;
const STAGED: u64 = 3;

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
    /// Not 0 while the receiver sleeps: the count of its sleeps, so that each is rung once; or [`GONE`].
    asleep: AtomicU64,
    /// 1 from the moment at which the receiver takes messages from here.
    accepted: AtomicU64,
}

#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C)]
struct SenderLine {
    /// Not 0 while the sender sleeps until there is room: the count of its sleeps.
    asleep: AtomicU64,
}

impl<const N: usize> SharedPage for RingPage<N> {}

/// What an entry says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A message that is here.
    Inline { id: u32, payload: Vec<u8> },
    /// So many messages that came, or come, by the port belong here.
    Port(u64),
    /// A message whose payload is, or will be, in the memory beside the ring. Its place is the receiver's until
    /// [`RingReceiver::give_back`].
    Staged { id: u32, offset: u64, length: u64 },
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
    /// The sleep for which the receiver was rung last.
    rung: u64,
    /// How often this side has slept.
    sleeps: u64,
}

/// What the receiver is doing, behind a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver {
    Awake,
    /// To be rung, once.
    Asleep,
    /// It will never look again.
    Gone,
}

impl<P: Deref<Target = RingPage<N>>, const N: usize> RingSender<P, N> {
    pub(super) fn new(page: P) -> Self {
        Self { page, written: 0, taken: 0, filled: 0, rung: 0, sleeps: 0 }
    }

    /// Whether the receiver takes messages from here.
    pub(super) fn is_accepted(&self) -> bool {
        // Acquire: the receiver's first count of sleeps is older than this.
        self.page.receiver.0.accepted.load(Ordering::Acquire) != 0
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

    /// Writes a message, if there is room. The payload has at most [`MAX_INLINE`] bytes.
    pub(super) fn push_inline(&mut self, id: u32, payload: &[u8]) -> bool {
        debug_assert!(payload.len() <= MAX_INLINE);
        self.push(INLINE << 32 | payload.len() as u64, id.into(), payload)
    }

    /// Says that so many messages of the port belong here, if there is room.
    pub(super) fn push_port(&mut self, messages: u64) -> bool {
        self.push(PORT << 32, messages, &[])
    }

    /// Says where the payload of a message is going to be, if there is room; what is there is said by
    /// [`Self::add_filled`].
    pub(super) fn push_staged(&mut self, id: u32, offset: u64, length: u64) -> bool {
        let mut payload = [0; STAGED_BYTES];
        payload[..8].copy_from_slice(&offset.to_le_bytes());
        payload[8..].copy_from_slice(&length.to_le_bytes());
        self.push(STAGED << 32 | STAGED_BYTES as u64, id.into(), &payload)
    }

    /// Says that so many more bytes of staged payloads are written.
    pub(super) fn add_filled(&mut self, bytes: u64) {
        self.filled += bytes;
        // Release: who sees this count sees the bytes.
        self.page.filled.0.store(self.filled, Ordering::Release);
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

    /// Whether a push of so many bytes would find room. One of the port has none.
    pub(super) fn has_room_for(&mut self, payload: usize) -> bool {
        self.has_room(entry_words(payload))
    }

    fn push(&mut self, head: u64, detail: u64, payload: &[u8]) -> bool {
        let words = entry_words(payload.len());
        if !self.has_room(words) {
            return false;
        }
        let start = (self.written % N as u64) as usize;
        let ring = &self.page.words.0;
        // Relaxed, all three: the release store of the head publishes them.
        ring[(start + words) % N].store(0, Ordering::Relaxed);
        ring[start + 1].store(detail, Ordering::Relaxed);
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
        // Release: who reads this head sees the entry, and the 0 behind it.
        ring[start].store(head, Ordering::Release);
        self.written += words as u64;
        true
    }

    /// Behind a push: whether the receiver has to be woken. It is rung once for each of its sleeps.
    pub(super) fn receiver(&mut self) -> Receiver {
        // Between the entry and the look at the count, see the module's text.
        fence(Ordering::SeqCst);
        // Relaxed: the fence orders it.
        match self.page.receiver.0.asleep.load(Ordering::Relaxed) {
            0 => Receiver::Awake,
            GONE => Receiver::Gone,
            sleep if sleep == self.rung => Receiver::Awake,
            sleep => {
                self.rung = sleep;
                Receiver::Asleep
            }
        }
    }

    /// Says that this side sleeps until there is room. Behind it, it tries once more.
    pub(super) fn fall_asleep(&mut self) {
        self.sleeps += 1;
        // Relaxed: the fence orders it.
        self.page.sender.0.asleep.store(self.sleeps, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Says that this side is awake.
    pub(super) fn wake_up(&self) {
        // Relaxed: a ring too many does no harm.
        self.page.sender.0.asleep.store(0, Ordering::Relaxed);
    }
}

/// The receiver's end of a ring.
#[derive(Debug)]
pub(super) struct RingReceiver<P, const N: usize = WORDS> {
    page: P,
    /// Words taken since the beginning.
    taken: u64,
    /// Words taken at the last look whether the sender sleeps.
    looked: u64,
    /// The sleep for which the sender was rung last.
    rung: u64,
    /// How often this side has slept.
    sleeps: u64,
}

impl<P: Deref<Target = RingPage<N>>, const N: usize> RingReceiver<P, N> {
    /// Begins to take messages from the page.
    pub(super) fn accept(page: P) -> Self {
        let ring = Self { page, taken: 0, looked: 0, rung: 0, sleeps: 0 };
        // Release: pairs with `is_accepted`.
        ring.page.receiver.0.accepted.store(1, Ordering::Release);
        ring
    }

    fn head(&self) -> u64 {
        // Acquire: pairs with the store of the head.
        self.page.words.0[(self.taken % N as u64) as usize].load(Ordering::Acquire)
    }

    /// Whether there is nothing to take.
    pub(super) fn is_empty(&self) -> bool {
        self.head() == 0
    }

    /// Takes the next entry, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Broken> {
        let head = self.head();
        if head == 0 {
            return Ok(None);
        }
        let start = (self.taken % N as u64) as usize;
        let ring = &self.page.words.0;
        // Relaxed, here and below: ordered behind the acquire load of the head.
        let detail = ring[start + 1].load(Ordering::Relaxed);
        let length = (head & u64::from(u32::MAX)) as usize;
        let entry = match head >> 32 {
            INLINE if length <= MAX_INLINE && entry_words(length) < N => {
                let id = u32::try_from(detail).map_err(|_| Broken)?;
                Entry::Inline { id, payload: self.copy_out(start + HEAD_WORDS, length) }
            }
            PORT if length == 0 => Entry::Port(detail),
            STAGED if length == STAGED_BYTES => {
                let id = u32::try_from(detail).map_err(|_| Broken)?;
                let word = |n: usize| ring[(start + HEAD_WORDS + n) % N].load(Ordering::Relaxed);
                Entry::Staged { id, offset: word(0), length: word(1) }
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

    /// Whether the sender sleeps until there is room, and there is. It is rung once for each of its sleeps.
    ///
    /// `at_rest`: this side has nothing to do, so every bit of room counts. Otherwise the sender is woken when a quarter
    /// of the ring is free, and looked at no more often than that.
    pub(super) fn must_ring_sender(&mut self, at_rest: bool) -> bool {
        let since = self.taken - self.looked;
        if since == 0 || (!at_rest && since < N as u64 / 4) {
            return false;
        }
        self.looked = self.taken;
        // Between the news of room and the look at the count.
        fence(Ordering::SeqCst);
        // Relaxed: the fence orders it.
        let sleep = self.page.sender.0.asleep.load(Ordering::Relaxed);
        let ring = sleep != 0 && sleep != self.rung;
        if ring {
            self.rung = sleep;
        }
        ring
    }

    /// Has the next [`Self::must_ring_sender`] look again: a sender has just said how it is to be rung.
    pub(super) fn look_again(&mut self) {
        self.looked = 0;
        self.rung = 0;
    }

    /// Says that this side sleeps. Behind it, it looks once more.
    pub(super) fn fall_asleep(&mut self) {
        self.sleeps += 1;
        // Relaxed: the fence orders it.
        self.page.receiver.0.asleep.store(self.sleeps, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Says that this side is awake.
    pub(super) fn wake_up(&self) {
        // Relaxed: a ring too many does no harm.
        self.page.receiver.0.asleep.store(0, Ordering::Relaxed);
    }

    /// Says that nobody takes messages from here any more.
    pub(super) fn leave(&self) {
        // Relaxed: it orders nothing; a sender that sees it late has sent to nobody, as it would have by a moment.
        self.page.receiver.0.asleep.store(GONE, Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod loom_model;
#[cfg(all(test, not(loom)))]
mod tests;
