//! Which images there are, and which of them may be drawn into. Runs in the producer's process.

use std::sync::Arc;

use super::links::Link;
use super::{Image, ProducerStatistics, Shared};
use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
use crate::surface::Surface;
use crate::swapchain::control::{CELLS, FrameWord, MAX_IMAGES, Taking, find_free_cell};
use crate::swapchain::{Allocator, PresentMode, SwapchainOptions};
use crate::time;

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: SwapchainOptions,
    pub(super) current: Generation,
    /// The generation of the latest frame, while the current one has none yet.
    pub(super) previous: Option<Generation>,
    pub(super) cells: [Cell; CELLS],
    pub(super) latest: FrameWord,
    pub(super) consumers: Vec<Link>,
    pub(super) last_consumer: u64,
    /// The last fifo frame that was taken before all consumers had gone; see [`State::waiting_floor`].
    pub(super) waiting_above: u64,
    /// No right to attach is left anywhere, and there was one.
    pub(super) no_rights: bool,
    /// The wait is by the user's own loop: leave word when nothing was found.
    pub(super) by_descriptor: bool,
    /// Word was left: an image is waited for.
    pub(super) wanted: bool,
    pub(super) last_news: i64,
    pub(super) statistics: ProducerStatistics,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    /// Of the frame that was last presented in it; 0: none.
    pub(super) number: u64,
    /// Of that frame.
    pub(super) generation: u16,
    pub(super) drawing: bool,
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
    /// The consumer that was asked.
    pub(super) asked: Option<u64>,
}

impl State {
    pub(super) fn new(options: &SwapchainOptions) -> Result<Self> {
        let current = Generation {
            number: 1,
            descriptor: options.descriptor(),
            half: 0,
            images: make_images(options)?,
            asked: None,
        };
        Ok(Self {
            options: *options,
            current,
            previous: None,
            cells: [Cell::default(); CELLS],
            latest: FrameWord::NONE,
            consumers: Vec::new(),
            last_consumer: 0,
            waiting_above: 0,
            no_rights: false,
            by_descriptor: false,
            wanted: false,
            last_news: time::now(),
            statistics: ProducerStatistics::default(),
        })
    }

    /// A frame has become the latest.
    pub(super) fn note_presented(&mut self, frame: FrameWord) {
        self.cells[frame.cell()] =
            Cell { number: frame.number(), generation: frame.generation(), drawing: false };
        self.latest = frame;
        self.statistics.presented += 1;
        if frame.generation() == self.current.number {
            // The first frame of a new generation: who attaches from here on needs the old one no more.
            self.previous = None;
        }
    }

    /// Whether images of a generation can be presented.
    pub(super) fn knows(&self, generation: u16) -> bool {
        generation == self.current.number
            || self.previous.as_ref().is_some_and(|previous| previous.number == generation)
    }

    /// Says to this process and to the consumers whether an image is waited for.
    pub(super) fn leave_word(&mut self, shared: &Shared, wanted: bool) {
        self.wanted = wanted;
        shared.page.set_waiting(wanted);
    }

    /// An image that nobody has a claim to, if there is one.
    pub(super) fn take_image(&mut self, shared: &Arc<Shared>) -> Result<Option<Image>> {
        if self.no_rights && self.consumers.is_empty() {
            return Err(Error::fixed(
                Status::PeerDead,
                "all consumers are gone, and nobody can become one any more",
            ));
        }
        let first = self.current.half * MAX_IMAGES;
        let Some(cell) = self.find_image() else { return Ok(None) };
        self.cells[cell].drawing = true;
        Ok(Some(Image {
            shared: shared.clone(),
            surface: self.current.images[cell - first].clone(),
            cell,
            generation: self.current.number,
            presented: false,
        }))
    }

    /// The cell of an image that nobody has a claim to.
    pub(super) fn find_image(&self) -> Option<usize> {
        let first = self.current.half * MAX_IMAGES;
        self.find_cell(first..first + self.current.images.len())
    }

    fn find_cell(&self, cells: std::ops::Range<usize>) -> Option<usize> {
        let candidates =
            cells.filter(|cell| !self.cells[*cell].drawing).map(|cell| (cell, self.cells[cell].number));
        if self.options.mode == PresentMode::Immediate {
            return candidates.map(|(cell, _)| cell).next();
        }
        // A fifo consumer that does not have these images yet could miss frames.
        let unsent = |link: &Link| link.taking != Taking::Newest && link.sent != self.current.number;
        if self.consumers.iter().any(unsent) {
            return None;
        }
        // Frames that wait for a first consumer.
        let waits = self.options.mode == PresentMode::Fifo && !self.is_attended();
        let floor = if waits { self.waiting_floor() } else { u64::MAX };
        let kept = |number: u64| number > floor;
        // A consumer gets their images before those of a new size, of which there can be no frame until then.
        let is_of_another_size = |cell: &Cell| kept(cell.number) && cell.generation != self.current.number;
        if waits && self.cells.iter().any(is_of_another_size) {
            return None;
        }
        let has_latest = |cell: usize| self.latest != FrameWord::NONE && self.latest.cell() == cell;
        let candidates = candidates.filter(|(cell, number)| !has_latest(*cell) && !kept(*number));
        find_free_cell(candidates, self.consumers.iter().map(|link| (&*link.page, link.taking)))
    }

    /// While there is no consumer, fifo frames above this number wait for one. Not those whose images are gone: who
    /// had them took these frames, or did not and is gone too.
    pub(super) fn waiting_floor(&self) -> u64 {
        let lost = self.cells.iter().filter(|cell| !self.knows(cell.generation)).map(|cell| cell.number);
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
        for cell in &mut self.cells[half * MAX_IMAGES..][..MAX_IMAGES] {
            // Those who draw there have images of a generation that is dropped, and learn it when they present.
            cell.drawing = false;
        }
        let new = Generation { number, descriptor: options.descriptor(), half, images, asked: None };
        let old = std::mem::replace(&mut self.current, new);
        if self.latest != FrameWord::NONE && old.number == self.latest.generation() {
            self.previous = Some(old);
        }
        self.options = options;
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
