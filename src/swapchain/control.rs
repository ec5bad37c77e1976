//! The shared pages of a swapchain and the algorithm on them.
//!
//! # Who writes what
//!
//! | page | written by | readable by |
//! |---|---|---|
//! | [`ProducerPage`] | the producer's process | every consumer |
//! | [`ConsumerPage`], one each | that consumer's process | the producer |
//!
//! The kernel enforces it, so a hostile or crashed process spoils its own page only. Whatever is read from
//! another's page is bounded before it is used.
//!
//! # Cells
//!
//! An image of the current generation is drawn into *cell* `half * 16 + index`. A new generation takes the half in
//! which the latest frame is not, so that records of frames that are still to be seen are not overwritten.
//!
//! # Why no frame is overwritten while a consumer holds it (mailbox)
//!
//! Hazard pointers. The consumer announces, then looks whether the announcement came in time; the producer moves
//! on, then looks for announcements:
//!
//! ```text
//! consumer                                 producer
//! C1  l = latest                           P1  latest = another frame         (an earlier `present`)
//! C2  hold = l                             P2  fence
//! C3  fence                                P3  for each hold: is it the frame in this cell?
//! C4  latest still l ?  else again         P4  no: the cell may be drawn into
//! ```
//!
//! Say a consumer passed C4 for the frame `l` and the producer reached P4 for `l`'s cell. Fences are totally
//! ordered. If C3 comes before P2, the store C2 is visible at P3, and P3 finds the hold: no P4. If P2 comes before
//! C3, the store P1 is visible at C4; frame numbers never repeat, so `latest` is not `l` again: no C4. Either way
//! one of the two turned back. A hold counts only while it names the very frame that its cell has, so that a hold
//! that lost the race, or was made up, keeps nothing.
//!
//! The consumer's reads of the pixels end before it clears or reuses its hold, by a release store that the
//! producer's acquire load at P3 pairs with. The producer's writes begin after that load.
//!
//! # Why every frame is seen in order (fifo)
//!
//! `order[n % 32]` names frame `n`. A consumer takes `consumed + 1`: first it writes the hold, then, by a release
//! store, `consumed`. The producer reads `consumed` first, by an acquire load, then the holds, and leaves a cell
//! alone while its frame is not consumed by all or is held by any. So between *not consumed* and *held* there is no
//! moment in which the cell looks free.
//!
//! # Sleeping
//!
//! Both directions sleep and are woken as `wake.rs` says. The fences above are the wakers' as well: one lies between
//! each change that the other side may wait for and the look at its word.
//!
//! # Loads
//!
//! A page of the other side is mapped read-only, and the standard library promises only relaxed loads from such memory.
//! So an acquire load is written as a relaxed load and an acquire fence: [`load_acquire`].

use super::record::{FrameInfo, PresentInfo, Record};
use crate::page::{Line, SharedPage};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::wake::SleepWord;

/// The most images of a swapchain.
pub(crate) const MAX_IMAGES: usize = 16;
/// Two generations' worth of images.
pub(crate) const CELLS: usize = 2 * MAX_IMAGES;
/// The most frames that one consumer can hold at a time.
pub(crate) const MAX_HELD: usize = MAX_IMAGES;
/// Attempts at a mailbox frame before a producer that moves on without an end is taken for one without a frame.
const MAX_ATTEMPTS: usize = 1000;

/// Loads a word of a page that may be mapped read-only: what was stored before the store that it reads, by a release
/// store, is visible after it.
#[inline(always)]
fn load_acquire(word: &AtomicU64) -> u64 {
    // Relaxed and a fence, as the module's text says.
    let value = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    value
}

/// A frame in one word: number (40 bits, from 1; at 1000 frames a second they last 34 years), generation (16 bits)
/// and cell (8 bits). The number 0 is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameWord(u64);

impl FrameWord {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn new(number: u64, generation: u16, cell: usize) -> Self {
        debug_assert!(number < 1 << 40 && cell < CELLS);
        Self(number << 24 | u64::from(generation) << 8 | cell as u64)
    }

    pub(crate) fn number(self) -> u64 {
        self.0 >> 24
    }

    pub(crate) fn generation(self) -> u16 {
        (self.0 >> 8) as u16
    }

    /// Below [`CELLS`], whatever a peer wrote.
    pub(crate) fn cell(self) -> usize {
        (self.0 & 0xff) as usize % CELLS
    }
}

/// The producer's page.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C)]
pub(crate) struct ProducerPage {
    latest: Line<AtomicU64>,
    /// The producer sleeps until a cell is free.
    pub(crate) waiting: Line<SleepWord>,
    /// 1 when the producer has ended the stream.
    closed: Line<AtomicU64>,
    /// Frame `n` at `n % CELLS`: more frames than cells cannot be unseen.
    order: [AtomicU64; CELLS],
    records: [Record; CELLS],
}

/// A consumer's page.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C)]
pub(crate) struct ConsumerPage {
    hold: Line<[AtomicU64; MAX_HELD]>,
    /// The number of the last frame taken.
    consumed: Line<AtomicU64>,
    /// The consumer sleeps until a frame comes.
    pub(crate) waiting: Line<SleepWord>,
    /// The last generation whose images arrived.
    generation: AtomicU32,
    /// 1 when the consumer takes no more frames, though it still holds some.
    left: AtomicU32,
    /// How many places of `hold` were ever used: the others need no look. A consumer that says too little spoils the
    /// frames that it holds itself.
    places: AtomicU32,
}

/// Not written by one process alone but by every consumer: hints, so that a busy producer need not ask the kernel, and who
/// comes late need not guess. The worst that a hostile consumer can do by it is to have the producer ask once for each
/// frame, and to have others believe that a dead producer has ended the stream.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C)]
pub(crate) struct AttentionPage(AtomicU32);

impl AttentionPage {
    /// There is something on the producer's port.
    const WANTED: u32 = 1;
    /// The producer has ended the stream.
    const ENDED: u32 = 2;

    /// Consumer: after a message to the producer.
    pub(crate) fn call(&self) {
        // Relaxed: the message itself travels through the kernel; a hint seen late is only late.
        self.0.fetch_or(Self::WANTED, Ordering::Relaxed);
    }

    /// Producer: takes the hint. It is taken before the port is looked at, so that one given meanwhile stays.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Relaxed as in `call`. The load keeps the usual case from writing to a line that others read.
        self.0.load(Ordering::Relaxed) & Self::WANTED != 0
            && self.0.fetch_and(!Self::WANTED, Ordering::Relaxed) & Self::WANTED != 0
    }

    /// Producer: says that it has ended the stream.
    pub(crate) fn end(&self) {
        // Relaxed: it orders nothing.
        self.0.fetch_or(Self::ENDED, Ordering::Relaxed);
    }

    /// Consumer: whether the producer has ended the stream.
    pub(crate) fn has_ended(&self) -> bool {
        // Relaxed as in `end`.
        self.0.load(Ordering::Relaxed) & Self::ENDED != 0
    }
}

impl SharedPage for ProducerPage {}
impl SharedPage for ConsumerPage {}
impl SharedPage for AttentionPage {}

/// How a consumer takes frames, as far as cells are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taking {
    /// The newest one.
    Newest,
    /// Each one whose number is above this.
    EachAbove(u64),
}

impl ProducerPage {
    /// Producer: makes a frame the latest. Its cell was given by [`find_free_cell`].
    pub(crate) fn publish(&self, frame: FrameWord, presented_ns: i64, info: &PresentInfo) {
        self.records[frame.cell()].write(presented_ns, info);
        // Release, both: who reads the word sees the record and the pixels. Fifo reads the first, mailbox the second.
        self.order[(frame.number() % CELLS as u64) as usize].store(frame.0, Ordering::Release);
        self.latest.0.store(frame.0, Ordering::Release);
        // P2 of the module's text, and W2 of `wake.rs`.
        fence(Ordering::SeqCst);
    }

    /// The latest frame, to look at without a claim to it.
    pub(crate) fn latest(&self) -> FrameWord {
        // Acquire: pairs with `publish`.
        FrameWord(load_acquire(&self.latest.0))
    }

    /// Consumer: the frame of this number, if it was presented, to look at without a claim to it.
    pub(crate) fn ordered(&self, number: u64) -> Option<FrameWord> {
        // Acquire: pairs with `publish`.
        let frame = FrameWord(load_acquire(&self.order[(number % CELLS as u64) as usize]));
        (frame.number() == number).then_some(frame)
    }

    /// Consumer: what the producer says of a frame that is held.
    pub(crate) fn info(&self, frame: FrameWord) -> FrameInfo {
        self.records[frame.cell()].read(frame.number())
    }

    /// Producer: ends the stream.
    pub(crate) fn close(&self) {
        // Release: who sees the end sees every frame before it.
        self.closed.0.store(1, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Whether the producer ended the stream in an orderly way.
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with `close`.
        load_acquire(&self.closed.0) != 0
    }
}

impl ConsumerPage {
    /// Consumer, before the first hold in a place.
    fn use_place(&self, place: usize) {
        // Relaxed: the hold is stored behind it, by a release store, and is what the producer's look is ordered by.
        if place >= self.places.load(Ordering::Relaxed) as usize {
            self.places.store(place as u32 + 1, Ordering::Relaxed);
        }
    }

    /// Consumer: takes the newest frame above `last` into place `place` of its holds. Also says whether a frame was
    /// announced for a moment and let go again, so that the producer may have to be woken.
    pub(crate) fn take_newest(
        &self,
        producer: &ProducerPage,
        place: usize,
        last: u64,
    ) -> (Option<FrameWord>, bool) {
        let mut announced = false;
        self.use_place(place);
        for _ in 0..MAX_ATTEMPTS {
            let frame = producer.latest();
            if frame.number() <= last {
                break;
            }
            // Release: reads of what this place held before end here. C2.
            self.hold.0[place].store(frame.0, Ordering::Release);
            // C3.
            fence(Ordering::SeqCst);
            // C4.
            if producer.latest() == frame {
                // Relaxed: a producer that waits for it does so with patience, and orders nothing by it.
                self.consumed.0.store(frame.number(), Ordering::Relaxed);
                return (Some(frame), announced);
            }
            announced = true;
        }
        if announced {
            self.let_go(place);
        }
        (None, announced)
    }

    /// Consumer: takes the frame that [`ProducerPage::ordered`] gave for the next number into a place of its holds.
    pub(crate) fn take_ordered(&self, place: usize, frame: FrameWord) {
        self.use_place(place);
        // Release, both, and in this order: who reads that the frame is consumed sees that it is held.
        self.hold.0[place].store(frame.0, Ordering::Release);
        self.consumed.0.store(frame.number(), Ordering::Release);
    }

    /// Consumer: gives a frame back. The producer may have to be woken.
    pub(crate) fn let_go(&self, place: usize) {
        // Release: all reads of the frame's pixels end here.
        self.hold.0[place].store(FrameWord::NONE.0, Ordering::Release);
        // W2 of `wake.rs`.
        fence(Ordering::SeqCst);
    }

    /// Consumer: says that a generation's images arrived.
    pub(crate) fn set_generation(&self, generation: u16) {
        // Relaxed: it tells the producer that it may send the next one, and orders nothing.
        self.generation.store(generation.into(), Ordering::Relaxed);
    }

    /// Producer: the last generation that arrived.
    pub(crate) fn generation(&self) -> u32 {
        // Relaxed as in `set_generation`.
        self.generation.load(Ordering::Relaxed)
    }

    /// Consumer: takes no more frames. What it holds stays held.
    pub(crate) fn leave(&self) {
        // Release: who sees it sees the last `consumed`.
        self.left.store(1, Ordering::Release);
    }

    /// Producer: whether the consumer takes no more frames.
    pub(crate) fn has_left(&self) -> bool {
        // Relaxed and a fence, as in `load_acquire`: pairs with `leave`.
        let left = self.left.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        left != 0
    }

    /// Producer: the number of the last frame taken.
    pub(crate) fn consumed(&self) -> u64 {
        // Acquire: pairs with `take_ordered`.
        load_acquire(&self.consumed.0)
    }

    /// Producer, after a fence: which of the cells, with these frames, this consumer has a claim to.
    #[inline]
    fn claims(&self, cells: CellSet, frames: &[FrameWord], taking: Taking) -> CellSet {
        let mut claimed = CellSet::NONE;
        // `consumed` before the holds, see the module's text.
        if let Taking::EachAbove(floor) = taking {
            let done = floor.max(self.consumed());
            claimed = cells.filter(|cell| frames[cell].number() > done);
        }
        // Relaxed: a hold that has to be seen here, by the fence or by `consumed`, has its place seen, too.
        let places = self.places.load(Ordering::Relaxed) as usize;
        for hold in self.hold.0.iter().take(places) {
            // Acquire: pairs with the release of the hold, after which the pixels may be written.
            let held = FrameWord(load_acquire(hold));
            if held != FrameWord::NONE && frames.get(held.cell()) == Some(&held) {
                claimed.insert(held.cell());
            }
        }
        claimed
    }
}

/// Some of the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellSet(u32);

impl CellSet {
    pub(crate) const NONE: Self = Self(0);

    /// `count` cells from `first` on, together at most [`CELLS`], and no more than [`MAX_IMAGES`].
    pub(crate) fn range(first: usize, count: usize) -> Self {
        debug_assert!(count <= MAX_IMAGES && first + count <= CELLS);
        Self(((1 << count) - 1) << first)
    }

    pub(crate) fn insert(&mut self, cell: usize) {
        self.0 |= 1 << cell;
    }

    pub(crate) fn remove(&mut self, cell: usize) {
        self.0 &= !(1 << cell);
    }

    pub(crate) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(crate) fn first(self) -> Option<usize> {
        (self != Self::NONE).then_some(self.0.trailing_zeros() as usize)
    }

    pub(crate) fn filter(self, keep: impl Fn(usize) -> bool) -> Self {
        let (mut left, mut kept) = (self, Self::NONE);
        while let Some(cell) = left.first() {
            left.remove(cell);
            if keep(cell) {
                kept.insert(cell);
            }
        }
        kept
    }
}

/// Producer: the first of the candidates that no consumer has a claim to; `frames` are those in the cells. None of the
/// candidates is the latest frame's cell. The fence P2 lies before it: at the end of [`ProducerPage::publish`], or in
/// `Sleeper::announce`.
#[inline]
pub(crate) fn find_free_cell<'a>(
    candidates: CellSet,
    frames: &[FrameWord],
    consumers: impl Iterator<Item = (&'a ConsumerPage, Taking)>,
) -> Option<usize> {
    let claims = |free: CellSet, (page, taking): (&ConsumerPage, Taking)| {
        free.without(page.claims(free, frames, taking))
    };
    consumers.fold(candidates, claims).first()
}

#[cfg(all(test, loom))]
mod loom_model {
    //! The model checker runs every interleaving and every value that the memory model lets a load see.

    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn atomics<const N: usize>() -> [AtomicU64; N] {
        std::array::from_fn(|_| AtomicU64::new(0))
    }

    impl ProducerPage {
        fn new() -> Self {
            Self {
                latest: Line(AtomicU64::new(0)),
                waiting: Line(SleepWord::awake()),
                closed: Line(AtomicU64::new(0)),
                order: atomics(),
                records: std::array::from_fn(|_| Record::new()),
            }
        }
    }

    impl ConsumerPage {
        fn new() -> Self {
            Self {
                hold: Line(atomics()),
                consumed: Line(AtomicU64::new(0)),
                waiting: Line(SleepWord::awake()),
                generation: AtomicU32::new(0),
                left: AtomicU32::new(0),
                places: AtomicU32::new(0),
            }
        }
    }

    struct Chain {
        producer: ProducerPage,
        consumer: ConsumerPage,
        /// What is drawn: the frame's number. Loom reports any access that another one races with.
        pixels: [UnsafeCell<u64>; 3],
    }

    // SAFETY: the pixels are shared on purpose; that their accesses never race is what the model checks.
    #[allow(unsafe_code)]
    unsafe impl Sync for Chain {}

    impl Chain {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                producer: ProducerPage::new(),
                consumer: ConsumerPage::new(),
                pixels: std::array::from_fn(|_| UnsafeCell::new(0)),
            })
        }

        #[allow(unsafe_code)]
        fn draw(&self, cell: usize, number: u64) {
            // SAFETY: the algorithm gives the cell to the producer alone; loom checks exactly that.
            self.pixels[cell].with_mut(|pixels| unsafe { *pixels = number });
        }

        #[allow(unsafe_code)]
        fn look(&self, cell: usize) -> u64 {
            // SAFETY: a held cell is not written; loom checks exactly that.
            self.pixels[cell].with(|pixels| unsafe { *pixels })
        }

        /// One frame, if a cell is free.
        fn produce(&self, own: &mut Own, taking: Taking) -> bool {
            let latest = own.latest;
            let mut candidates = CellSet::range(0, own.cells.len());
            if latest != FrameWord::NONE {
                candidates.remove(latest.cell());
            }
            let consumers = std::iter::once((&self.consumer, taking));
            let Some(cell) = find_free_cell(candidates, &own.cells, consumers) else { return false };
            let number = latest.number() + 1;
            self.draw(cell, number);
            own.latest = FrameWord::new(number, 0, cell);
            own.cells[cell] = own.latest;
            self.producer.publish(own.latest, 0, &PresentInfo::default());
            true
        }
    }

    /// What the producer knows without looking into shared memory, as the real one does. It matters to the model:
    /// loom remembers one access to each atomic for finding races, and a load of one's own hides that of another.
    struct Own {
        cells: [FrameWord; 2],
        latest: FrameWord,
    }

    impl Own {
        fn new() -> Self {
            Self { cells: [FrameWord::NONE; 2], latest: FrameWord::NONE }
        }
    }

    fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(preemptions);
        model.check(body);
    }

    #[test]
    fn a_held_mailbox_frame_is_never_drawn_into() {
        check(3, || {
            let chain = Chain::new();
            let producing = chain.clone();
            let producer = thread::spawn(move || {
                let mut own = Own::new();
                // Two images are the tightest case: some find no cell while the consumer holds one.
                for _ in 1..=3 {
                    producing.produce(&mut own, Taking::Newest);
                }
            });
            let mut last = 0;
            for _ in 0..2 {
                if let (Some(frame), _) = chain.consumer.take_newest(&chain.producer, 0, last) {
                    assert!(frame.number() > last);
                    last = frame.number();
                    assert_eq!(chain.look(frame.cell()), frame.number());
                    chain.consumer.let_go(0);
                }
            }
            producer.join().unwrap();
        });
    }

    #[test]
    fn fifo_frames_are_seen_in_order_and_whole() {
        check(3, || {
            let chain = Chain::new();
            let producing = chain.clone();
            let producer = thread::spawn(move || {
                let mut own = Own::new();
                for _ in 0..4 {
                    producing.produce(&mut own, Taking::EachAbove(0));
                }
            });
            let mut next = 1;
            for _ in 0..3 {
                if let Some(frame) = chain.producer.ordered(next) {
                    chain.consumer.take_ordered(0, frame);
                    assert_eq!(frame.number(), next);
                    assert_eq!(chain.look(frame.cell()), next);
                    next += 1;
                    chain.consumer.let_go(0);
                }
            }
            producer.join().unwrap();
        });
    }
}
