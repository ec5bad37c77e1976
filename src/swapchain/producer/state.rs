//! Which images there are, and which of them may be drawn into. Runs in the producer's process.

use std::sync::Arc;

use super::links::Link;
use super::{Claim, Image, ProducerStatistics, Shared};
use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
use crate::memory::MemoryRegion;
use crate::message::Message;
use crate::port::{Duplex, SendRight};
use crate::surface::Surface;
use crate::swapchain::control::{CELLS, CellSet, FrameWord, MAX_IMAGES, Taking, find_free_cell};
use crate::swapchain::{Allocator, PresentMode, SwapchainOptions};
use crate::time;
use crate::wake::Sleeper;

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: SwapchainOptions,
    /// The producer's page, for those who come.
    pub(super) page: MemoryRegion,
    pub(super) current: Arc<Generation>,
    /// The generation of the latest frame, while the current one has none yet.
    pub(super) previous: Option<Arc<Generation>>,
    /// The frame that was last presented in each cell.
    pub(super) frames: [FrameWord; CELLS],
    /// The cells in which somebody draws.
    pub(super) drawing: CellSet,
    pub(super) latest: FrameWord,
    pub(super) consumers: Vec<Link>,
    pub(super) last_consumer: u64,
    /// The ends of the lanes of all rights that were made: where the end of the stream is told to who comes late.
    pub(super) lanes: Vec<SendRight>,
    /// An attach for which something was lacking.
    pub(super) attaching: Option<Message>,
    /// Refusals that could not be sent yet, with what they are sent by.
    pub(super) refusals: Vec<(Duplex, Message)>,
    /// The consumers that were asked to make the images of the current generation.
    pub(super) asked: Vec<Asked>,
    /// What had to be put off.
    pub(super) delay: Option<Delay>,
    /// Keys of the set that are not in it until then.
    pub(super) muted: Vec<u64>,
    /// The last frame that any consumer took that is gone.
    pub(super) seen: u64,
    /// The last fifo frame that was taken before all consumers had gone; see [`State::waiting_floor`].
    pub(super) waiting_above: u64,
    /// No right to attach is left anywhere, and there was one.
    pub(super) no_rights: bool,
    /// The wait is by the user's own loop: leave word when nothing was found.
    pub(super) by_descriptor: bool,
    pub(super) sleeper: Sleeper,
    pub(super) last_news: i64,
    pub(super) statistics: ProducerStatistics,
}

/// A generation of images.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u16,
    pub(super) descriptor: SurfaceDescriptor,
    /// 0 or 1: which half of the cells its images have.
    pub(super) half: usize,
    /// Empty while a consumer is asked to make them.
    pub(super) images: Vec<Surface>,
}

impl Generation {
    pub(super) fn without_images(&self) -> Self {
        Self { number: self.number, descriptor: self.descriptor, half: self.half, images: Vec::new() }
    }
}

/// A consumer that was asked to make images, and when.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) when: i64,
}

/// What is done again later.
#[derive(Debug)]
pub(super) struct Delay {
    /// On the monotonic clock, in nanoseconds.
    pub(super) until: i64,
    /// Why it could not be done.
    pub(super) error: Error,
}

impl State {
    pub(super) fn new(options: &SwapchainOptions, page: MemoryRegion) -> Result<Self> {
        let images = make_images(options)?;
        let current = Generation { number: 1, descriptor: options.descriptor(), half: 0, images };
        Ok(Self {
            options: *options,
            page,
            current: Arc::new(current),
            previous: None,
            frames: [FrameWord::NONE; CELLS],
            drawing: CellSet::NONE,
            latest: FrameWord::NONE,
            consumers: Vec::new(),
            last_consumer: 0,
            lanes: Vec::new(),
            attaching: None,
            refusals: Vec::new(),
            asked: Vec::new(),
            delay: None,
            muted: Vec::new(),
            seen: 0,
            waiting_above: 0,
            no_rights: false,
            by_descriptor: false,
            sleeper: Sleeper::default(),
            last_news: time::now(),
            statistics: ProducerStatistics::default(),
        })
    }

    /// Whether something is done again after a pause.
    pub(super) fn is_delayed(&self) -> bool {
        self.delay.is_some()
    }

    /// What is lacking to serve the consumers; a consumer that takes nothing in is no lack.
    pub(super) fn shortage(&self) -> Option<Error> {
        let delay = self.delay.as_ref().filter(|delay| delay.error.status() != Status::TimedOut)?;
        Some(delay.error.clone().context("serving a consumer"))
    }

    /// A frame has become the latest.
    #[inline]
    pub(super) fn note_presented(&mut self, frame: FrameWord) {
        let cell = frame.cell();
        self.frames[cell] = frame;
        self.drawing.remove(cell);
        self.latest = frame;
        if self.previous.is_some() {
            self.leave_previous();
        }
    }

    /// The first frame of a new generation: who attaches from here on needs the old one no more.
    #[cold]
    fn leave_previous(&mut self) {
        if self.latest.generation() == self.current.number {
            self.previous = None;
            // Who sees the newest frame alone sees none of the old images any more.
            for link in self.consumers.iter_mut().filter(|link| link.taking == Taking::Newest) {
                link.outbox.owe_only(self.current.number);
            }
        }
    }

    /// Whether images of a generation can be presented.
    pub(super) fn knows(&self, generation: u16) -> bool {
        generation == self.current.number
            || self.previous.as_ref().is_some_and(|previous| previous.number == generation)
    }

    /// Whether there is anybody to draw for, now or later.
    pub(super) fn check_attendance(&self) -> Result<()> {
        if !self.is_deserted() {
            return Ok(());
        }
        Err(Error::fixed(Status::PeerDead, "all consumers are gone, and nobody can become one any more"))
    }

    fn is_deserted(&self) -> bool {
        self.no_rights && self.consumers.is_empty()
    }

    /// An image that nobody has a claim to, if there is one, and anybody to draw for.
    #[inline]
    pub(super) fn take_image(&mut self, shared: &Arc<Shared>) -> Option<Image> {
        if self.is_deserted() {
            return None;
        }
        let cell = self.find_image()?;
        let surface = self.current.images.get(cell % MAX_IMAGES)?.clone();
        self.drawing.insert(cell);
        let claim = Claim { shared: Some(shared.clone()), cell, generation: self.current.number };
        Some(Image { surface, claim })
    }

    /// The cell of an image that nobody has a claim to.
    #[inline]
    pub(super) fn find_image(&self) -> Option<usize> {
        let images = CellSet::range(self.current.half * MAX_IMAGES, self.current.images.len());
        let mut candidates = images.without(self.drawing);
        match self.options.mode {
            PresentMode::Immediate => return candidates.first(),
            PresentMode::Mailbox => {}
            PresentMode::Fifo => candidates = self.without_waiting(candidates),
        }
        if self.latest != FrameWord::NONE {
            candidates.remove(self.latest.cell());
        }
        let consumers = self.consumers.iter().map(|link| (&*link.page, link.taking));
        find_free_cell(candidates, &self.frames, consumers)
    }

    /// Those of the cells whose frames wait for no consumer that is still to come, or to get its images.
    #[inline(never)]
    fn without_waiting(&self, cells: CellSet) -> CellSet {
        // A consumer that does not have these images yet could miss frames.
        let unsent =
            |link: &Link| link.taking != Taking::Newest && !link.outbox.has_sent(self.current.number);
        if self.consumers.iter().any(unsent) {
            return CellSet::NONE;
        }
        if self.is_attended() {
            return cells;
        }
        let floor = self.waiting_floor();
        let waits = |frame: &FrameWord| frame.number() > floor;
        // A consumer gets their images before those of a new size, of which there can be no frame until then.
        if self.frames.iter().any(|frame| waits(frame) && frame.generation() != self.current.number) {
            return CellSet::NONE;
        }
        cells.filter(|cell| !waits(&self.frames[cell]))
    }

    /// While there is no consumer, fifo frames above this number wait for one. Not those whose images are gone: who
    /// had them took these frames, or did not and is gone too.
    pub(super) fn waiting_floor(&self) -> u64 {
        let lost = self.frames.iter().filter(|frame| !self.knows(frame.generation()));
        let lost = lost.map(|frame| frame.number());
        lost.max().unwrap_or(0).max(self.waiting_above)
    }

    /// Whether somebody takes frames.
    pub(super) fn is_attended(&self) -> bool {
        self.consumers.iter().any(|link| !link.left)
    }

    pub(super) fn begin_generation(&mut self, options: SwapchainOptions, images: Vec<Surface>) {
        // Never 0, which stands for none.
        let number = self.current.number.checked_add(1).unwrap_or(1);
        let latest_half = self.latest.cell() / MAX_IMAGES;
        let half = if self.latest == FrameWord::NONE { 0 } else { 1 - latest_half };
        // Those who draw there have images of a generation that is dropped, and learn it when they present.
        self.drawing = self.drawing.without(CellSet::range(half * MAX_IMAGES, MAX_IMAGES));
        let new = Arc::new(Generation { number, descriptor: options.descriptor(), half, images });
        let old = std::mem::replace(&mut self.current, new);
        if self.latest != FrameWord::NONE && old.number == self.latest.generation() {
            self.previous = Some(old);
        }
        self.options = options;
        self.asked.clear();
        if !self.current.images.is_empty() {
            for link in &mut self.consumers {
                link.outbox.owe_images(&self.current, self.latest.generation());
            }
        }
    }
}

pub(super) fn make_images(options: &SwapchainOptions) -> Result<Vec<Surface>> {
    match options.allocator {
        Allocator::Producer => {
            let make = || Surface::create_with(&options.descriptor(), options.backing);
            (0..options.images).map(|_| make()).collect()
        }
        Allocator::Consumer => Ok(Vec::new()),
    }
}
