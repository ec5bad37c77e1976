//! The producing side: runs in the process that draws.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::control::{
    AttentionPage, CELLS, ConsumerPage, FrameWord, MAX_IMAGES, ProducerPage, Taking, find_free_cell,
};
use super::page::Page;
use super::protocol::{self, GenerationHead, Welcome};
use super::right::ConsumerRight;
use super::{Allocator, PresentInfo, PresentMode, SwapchainOptions};
use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
use crate::memory::Access;
use crate::message::Message;
use crate::port::{Duplex, ReceiveRight};
use crate::surface::Surface;
use crate::sys;
use crate::sys::doorbell::{Doorbell, Ringer, Rung, doorbell};
use crate::sys::port::Ready;
use crate::time::{self, Deadline, Timeout};

/// How long a producer that never has to wait goes without asking the kernel for news: who died says nothing in
/// shared memory.
const NEWS_INTERVAL: Duration = Duration::from_millis(8);
/// News of one service; the rest waits for the next, so that a flood does not keep the producer from drawing.
const NEWS_AT_ONCE: usize = 64;
/// The keys of the producer's port and of its own doorbell in its set. A consumer `n` has the keys `2n` and
/// `2n + 1`, from 1.
const PORT_KEY: u64 = 0;
const OWN_DOORBELL_KEY: u64 = 1;
/// Consumers at a time.
const MAX_CONSUMERS: usize = 16;

/// Draws into the images of a swapchain and presents them. All methods can be called from any thread.
///
/// Dropping it ends the stream: consumers see the frames that are left, then [`Status::Closed`].
#[derive(Debug)]
pub struct Producer(Arc<Shared>);

/// What images have in common with their producer.
#[derive(Debug)]
struct Shared {
    page: Page<ProducerPage>,
    attention: Page<AttentionPage>,
    port: ReceiveRight,
    set: sys::port::PortSet,
    /// Rung by this process itself, when an image is dropped while another thread waits for one.
    doorbell: Doorbell,
    ringer: Ringer,
    state: Mutex<State>,
    /// Had by the one thread that waits for an image; others wait for their turn.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct State {
    options: SwapchainOptions,
    current: Generation,
    /// The generation of the latest frame, while the current one has none yet.
    previous: Option<Generation>,
    cells: [Cell; CELLS],
    latest: FrameWord,
    consumers: Vec<Link>,
    last_consumer: u64,
    /// While there is no consumer, fifo frames above this number wait for one.
    waiting_above: u64,
    /// No right to attach is left anywhere, and there was one.
    no_rights: bool,
    /// The wait is by the user's own loop: leave word when nothing was found.
    by_descriptor: bool,
    /// Word was left: an image is waited for.
    wanted: bool,
    last_news: i64,
    statistics: ProducerStatistics,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// Of the frame that was last presented in it; 0: none.
    number: u64,
    drawing: bool,
}

/// A generation of images.
#[derive(Debug)]
struct Generation {
    number: u16,
    descriptor: SurfaceDescriptor,
    /// 0 or 1: which half of the cells its images have.
    half: usize,
    /// Empty while a consumer is asked to make them.
    images: Vec<Surface>,
    /// The consumer that was asked.
    asked: Option<u64>,
}

/// The producer's side of one consumer.
#[derive(Debug)]
struct Link {
    number: u64,
    duplex: Duplex,
    page: Page<ConsumerPage>,
    ringer: Ringer,
    /// Rung by this consumer only, so that what one does to its end is no other's trouble.
    doorbell: Doorbell,
    taking: Taking,
    /// The sleep for which it was rung last.
    rung: u64,
    /// The generation that was sent last; 0: none.
    sent: u16,
    /// It takes no more frames, though it may hold some.
    left: bool,
}

/// What a producer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerStatistics {
    /// Frames presented.
    pub presented: u64,
    /// How often an acquire had to wait for an image.
    pub waited: u64,
    /// Consumers that are attached now.
    pub consumers: u32,
    /// Messages that were no such of a swapchain, and consumers that were refused.
    pub refused: u64,
}

/// An image that is the producer's alone. Dropping it without presenting it gives it back.
#[derive(Debug)]
pub struct Image {
    shared: Arc<Shared>,
    surface: Surface,
    cell: usize,
    generation: u16,
    presented: bool,
}

impl Image {
    /// The pixels.
    pub fn surface(&self) -> &Surface {
        &self.surface
    }

    /// Which of the swapchain's images it is, from 0.
    pub fn index(&self) -> usize {
        self.cell % MAX_IMAGES
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.presented {
            return;
        }
        let mut state = self.shared.state.lock();
        if state.knows(self.generation) {
            state.cells[self.cell].drawing = false;
            if state.wanted {
                let _ = self.shared.ringer.ring();
            }
        }
    }
}

impl Producer {
    /// A swapchain.
    ///
    /// Errors: [`Status::InvalidArgument`] for the options; [`Status::ResourceExhausted`].
    pub fn create(options: &SwapchainOptions) -> Result<Self> {
        options.check()?;
        let current = Generation {
            number: 1,
            descriptor: options.descriptor(),
            half: 0,
            images: make_images(options)?,
            asked: None,
        };
        let port = ReceiveRight::new()?;
        let set = sys::port::PortSet::new()?;
        set.add(&port.0, PORT_KEY)?;
        let (doorbell, ringer) = doorbell()?;
        set.add_doorbell(&doorbell, OWN_DOORBELL_KEY)?;
        let state = State {
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
        };
        Ok(Self(Arc::new(Shared {
            page: Page::create(Access::ReadOnlyForOthers)?,
            attention: Page::create(Access::ReadWrite)?,
            port,
            set,
            doorbell,
            ringer,
            state: Mutex::new(state),
            turn: Mutex::new(()),
        })))
    }

    /// A right for one or more consumers, to be used here or sent to another process.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn consumer_right(&self) -> Result<ConsumerRight> {
        let producer = self.0.port.make_send()?;
        self.0.state.lock().no_rights = false;
        Ok(ConsumerRight { producer, attention: Page::open(self.0.attention.region())? })
    }

    /// Size in pixels and format of the images that [`Self::acquire`] gives.
    pub fn surface_descriptor(&self) -> SurfaceDescriptor {
        self.0.state.lock().current.descriptor
    }

    /// An image to draw into. It has the pixels of some earlier frame, or zeroes. Waits while there is none.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`], when all consumers are gone and no right to become one is
    /// left anywhere.
    pub fn acquire(&self, timeout: Timeout) -> Result<Image> {
        let shared = &self.0;
        let mut state = shared.state.lock();
        if shared.attention.take() {
            state.hear_news(shared);
        }
        if let Some(image) = state.take_image(shared)? {
            return Ok(image);
        }
        state.statistics.waited += 1;
        drop(state);
        let deadline = timeout.deadline();
        let _turn = deadline.lock(&shared.turn).ok_or(Error::TIMED_OUT)?;
        shared.wait_for_image(deadline)
    }

    /// Makes an image the newest frame; gives the frame's number.
    ///
    /// Errors: [`Status::WrongState`], when the image is of another swapchain, or of a generation that a resize has
    /// replaced. The image comes back.
    pub fn present(&self, mut image: Image, info: &PresentInfo) -> Result<u64, (Image, Error)> {
        let shared = &self.0;
        let mut state = shared.state.lock();
        if !Arc::ptr_eq(&image.shared, shared) || !state.knows(image.generation) {
            drop(state);
            let message = "an image was presented that is not of this swapchain's current generation";
            return Err((image, Error::fixed(Status::WrongState, message)));
        }
        let now = time::now();
        let frame = FrameWord::new(state.latest.number() + 1, image.generation, image.cell);
        shared.page.publish(frame, &info.to_record(now));
        state.cells[image.cell] = Cell { number: frame.number(), drawing: false };
        state.latest = frame;
        state.statistics.presented += 1;
        if state.previous.is_some() && image.generation == state.current.number {
            // The first frame of a new generation: who attaches from here on needs the old one no more.
            state.previous = None;
        }
        state.consumers.iter_mut().for_each(Link::ring_if_waiting);
        if now - state.last_news > NEWS_INTERVAL.as_nanos() as i64 {
            state.hear_news(shared);
        }
        image.presented = true;
        Ok(frame.number())
    }

    /// Gives the swapchain images of another size. Images that are being drawn can be presented until the first one
    /// of the new size is.
    ///
    /// Errors: [`Status::InvalidArgument`]; [`Status::ResourceExhausted`]; the swapchain is unchanged then.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        let format = self.surface_descriptor().format;
        self.reconfigure(&SurfaceDescriptor::new(width, height, format))
    }

    /// Gives the swapchain images of another size or format; otherwise as [`Self::resize`].
    pub fn reconfigure(&self, descriptor: &SurfaceDescriptor) -> Result<()> {
        let shared = &self.0;
        let SurfaceDescriptor { width, height, format } = *descriptor;
        let mut state = shared.state.lock();
        let options = SwapchainOptions { width, height, format, ..state.options };
        options.check()?;
        let images = make_images(&options)?;
        state.begin_generation(options, images);
        state.hear_news(shared);
        Ok(())
    }

    /// Looks after consumers that come and go, without waiting. [`Self::acquire`] does it too; a producer that draws
    /// rarely calls it when [`Self::descriptor`] is readable.
    pub fn service(&self) {
        self.0.state.lock().hear_news(&self.0);
    }

    /// Readable when [`Self::acquire`], with a timeout of none, or [`Self::service`] has something to do. From the
    /// first call of this on, an acquire that finds no image leaves word that one is waited for.
    pub fn descriptor(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.state.lock().by_descriptor = true;
        self.0.set.descriptor()
    }

    /// What was counted.
    pub fn statistics(&self) -> ProducerStatistics {
        let state = self.0.state.lock();
        ProducerStatistics { consumers: state.consumers.len() as u32, ..state.statistics }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.0.page.close();
        let mut state = self.0.state.lock();
        for link in &mut state.consumers {
            // Whether it sleeps or not: there is no later frame at which it would look.
            let _ = link.ringer.ring();
        }
        // The links end with this process's interest in them, also while images are still held.
        state.consumers.clear();
    }
}

impl Shared {
    fn wait_for_image(self: &Arc<Self>, deadline: Deadline) -> Result<Image> {
        loop {
            let mut state = self.state.lock();
            // First leave word, then look once more.
            state.leave_word(self, true);
            state.hear_news(self);
            let found = state.take_image(self);
            let over = deadline.is_over();
            if over || !matches!(found, Ok(None)) {
                let keep = state.by_descriptor && matches!(found, Ok(None));
                state.leave_word(self, keep);
                return found?.ok_or(Error::TIMED_OUT);
            }
            // Not under the lock: other threads present and drop images meanwhile.
            drop(state);
            sys::wait_readable(&[self.set.descriptor()], deadline)?;
        }
    }
}

fn make_images(options: &SwapchainOptions) -> Result<Vec<Surface>> {
    match options.allocator {
        Allocator::Producer => (0..options.images).map(|_| Surface::create(&options.descriptor())).collect(),
        Allocator::Consumer => Ok(Vec::new()),
    }
}

impl State {
    /// Whether images of a generation can be presented.
    fn knows(&self, generation: u16) -> bool {
        generation == self.current.number
            || self.previous.as_ref().is_some_and(|previous| previous.number == generation)
    }

    /// Says to this process and to the consumers whether an image is waited for.
    fn leave_word(&mut self, shared: &Shared, wanted: bool) {
        self.wanted = wanted;
        shared.page.set_waiting(wanted);
    }

    /// An image that nobody has a claim to, if there is one.
    fn take_image(&mut self, shared: &Arc<Shared>) -> Result<Option<Image>> {
        if self.no_rights && self.consumers.is_empty() {
            return Err(Error::fixed(
                Status::PeerDead,
                "all consumers are gone, and nobody can become one any more",
            ));
        }
        let first = self.current.half * MAX_IMAGES;
        let cells = first..first + self.current.images.len();
        let Some(cell) = self.find_cell(cells) else { return Ok(None) };
        self.cells[cell].drawing = true;
        Ok(Some(Image {
            shared: shared.clone(),
            surface: self.current.images[cell - first].clone(),
            cell,
            generation: self.current.number,
            presented: false,
        }))
    }

    fn find_cell(&self, cells: std::ops::Range<usize>) -> Option<usize> {
        let candidates =
            cells.filter(|cell| !self.cells[*cell].drawing).map(|cell| (cell, self.cells[cell].number));
        if self.options.mode == PresentMode::Immediate {
            return candidates.map(|(cell, _)| cell).next();
        }
        let fifo = self.options.mode == PresentMode::Fifo;
        // A fifo consumer that does not have these images yet could miss frames.
        let unsent = |link: &Link| link.taking != Taking::Newest && link.sent != self.current.number;
        if self.consumers.iter().any(unsent) {
            return None;
        }
        // Frames that wait for a first consumer.
        let kept = |number: u64| fifo && !self.is_attended() && number > self.waiting_above;
        let has_latest = |cell: usize| self.latest != FrameWord::NONE && self.latest.cell() == cell;
        let candidates = candidates.filter(|(cell, number)| !has_latest(*cell) && !kept(*number));
        find_free_cell(candidates, self.consumers.iter().map(|link| (&*link.page, link.taking)))
    }

    /// Whether somebody takes frames.
    fn is_attended(&self) -> bool {
        self.consumers.iter().any(|link| !link.left)
    }

    fn begin_generation(&mut self, options: SwapchainOptions, images: Vec<Surface>) {
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

    /// Takes in what the kernel has for this producer, without waiting.
    fn hear_news(&mut self, shared: &Arc<Shared>) {
        self.last_news = time::now();
        for _ in 0..NEWS_AT_ONCE {
            match shared.set.wait(Deadline::NOW) {
                Ok(Ready::Receive(PORT_KEY)) => self.hear_port(shared),
                Ok(Ready::Receive(OWN_DOORBELL_KEY)) => drop(shared.doorbell.drain()),
                Ok(Ready::Receive(key) | Ready::Dead(key)) => self.hear_consumer(shared, key),
                Err(_) => break,
            }
        }
        self.see_who_left();
        self.send_generations();
    }

    fn hear_port(&mut self, shared: &Shared) {
        let refused = match shared.port.receive(Timeout::NONE) {
            Ok(message) => self.hear_attach(shared, message).err(),
            Err(error) => match error.status() {
                Status::NoSenders => {
                    self.no_rights = true;
                    None
                }
                // Nothing there after all; or no descriptor free, and the message waits.
                Status::TimedOut | Status::ResourceExhausted => None,
                _ => Some(error),
            },
        };
        if let Some(error) = refused {
            tracing::warn!(%error, "a message to a producer was refused");
            self.statistics.refused += 1;
        }
    }

    fn hear_attach(&mut self, shared: &Shared, mut message: Message) -> Result<()> {
        if message.id() != protocol::ATTACH || message.attachment_count() != 4 {
            return Err(Error::malformed("a message to a producer is no attach"));
        }
        let duplex = Duplex::take_from(&mut message, 0)?;
        let answers = duplex.send.try_clone()?;
        self.welcome(shared, message, duplex).inspect_err(|error| {
            let _ = protocol::refused_message(error).map(|refusal| answers.send(refusal, Timeout::NONE));
        })
    }

    /// Takes in a new consumer.
    fn welcome(&mut self, shared: &Shared, mut message: Message, duplex: Duplex) -> Result<()> {
        if self.consumers.len() == MAX_CONSUMERS {
            let text = format!("a swapchain has at most {MAX_CONSUMERS} consumers, and this one has them");
            return Err(Error::new(Status::Refused, text));
        }
        let mode = self.agree_on_mode(protocol::parse_attach(&message)?)?;
        let page = Page::<ConsumerPage>::open(message.take_memory(2)?)?;
        let ringer = Ringer::from_send_right(message.take_send_right(3)?.0);
        let (doorbell, their_ringer) = doorbell()?;

        // It begins with the latest frame, or with those that waited for it.
        let floor = match mode {
            PresentMode::Fifo if !self.is_attended() => self.waiting_above,
            _ => self.latest.number().saturating_sub(1),
        };
        let mut welcome = protocol::welcome_message(Welcome { mode, first: floor + 1 })?;
        welcome.attach(shared.page.region())?;
        welcome.attach(crate::port::SendRight(their_ringer.into_send_right()))?;
        duplex.send.send(welcome, Timeout::NONE)?;

        self.last_consumer += 1;
        let number = self.last_consumer;
        shared.set.add(&duplex.receive.0, 2 * number)?;
        if let Err(error) = shared.set.add_doorbell(&doorbell, 2 * number + 1) {
            shared.set.remove(2 * number)?;
            return Err(error);
        }
        let taking = if mode == PresentMode::Fifo { Taking::EachAbove(floor) } else { Taking::Newest };
        let mut link = Link { number, duplex, page, ringer, doorbell, taking, rung: 0, sent: 0, left: false };
        // The generation of the latest frame first; a newer one follows when this one has arrived.
        if let Some(previous) = &self.previous {
            link.send_images(previous);
        }
        self.consumers.push(link);
        Ok(())
    }

    /// A consumer may take the newest frames of a fifo swapchain, but not make a mailbox producer wait.
    fn agree_on_mode(&self, asked: Option<PresentMode>) -> Result<PresentMode> {
        match (self.options.mode, asked) {
            (mode, None) => Ok(mode),
            (mode, Some(asked)) if mode == asked => Ok(mode),
            (PresentMode::Fifo, Some(PresentMode::Mailbox)) => Ok(PresentMode::Mailbox),
            (mode, Some(asked)) => Err(Error::new(
                Status::Refused,
                format!("a consumer asked for {asked:?} of a swapchain in {mode:?} mode"),
            )),
        }
    }

    fn hear_consumer(&mut self, shared: &Shared, key: u64) {
        let Some(place) = self.consumers.iter().position(|link| link.number == key / 2) else {
            return;
        };
        let link = &self.consumers[place];
        let lives = if key % 2 == 1 {
            // A ring says that a cell may be free, which the caller looks at anyway.
            matches!(link.doorbell.drain(), Ok(Rung::Yes | Rung::No))
        } else {
            match link.duplex.receive.receive(Timeout::NONE) {
                Ok(message) => match self.take_allocated(key / 2, message) {
                    Ok(()) => true,
                    Err(error) => {
                        tracing::warn!(%error, "a consumer that breaks the rules is sent away");
                        self.statistics.refused += 1;
                        false
                    }
                },
                Err(error) => matches!(error.status(), Status::TimedOut | Status::ResourceExhausted),
            }
        };
        if !lives {
            self.remove_consumer(shared, place);
        }
    }

    /// Whatever it held is free: its page is not looked at any more.
    fn remove_consumer(&mut self, shared: &Shared, place: usize) {
        let mut link = self.consumers.remove(place);
        let _ = shared.set.remove(2 * link.number);
        let _ = shared.set.remove(2 * link.number + 1);
        self.keep_untaken(&mut link);
        if self.current.asked == Some(link.number) {
            self.current.asked = None;
        }
    }

    /// Consumers that take no more frames must not be waited for.
    fn see_who_left(&mut self) {
        for place in 0..self.consumers.len() {
            if !self.consumers[place].left && self.consumers[place].page.has_left() {
                let mut link = self.consumers.remove(place);
                self.keep_untaken(&mut link);
                self.consumers.insert(place, link);
            }
        }
    }

    /// What the last fifo consumer did not take waits for the next one.
    fn keep_untaken(&mut self, link: &mut Link) {
        if let (Taking::EachAbove(floor), false, false) = (link.taking, link.left, self.is_attended()) {
            // It cannot have taken what was not presented, whatever its page says.
            self.waiting_above = floor.max(link.page.consumed().min(self.latest.number()));
        }
        link.left = true;
        link.taking = Taking::Newest;
    }

    /// The images that a consumer was asked to make.
    fn take_allocated(&mut self, from: u64, mut message: Message) -> Result<()> {
        if message.id() != protocol::IMAGES
            || self.current.asked != Some(from)
            || !self.current.images.is_empty()
        {
            return Err(Error::malformed("a consumer sent images that it was not asked for"));
        }
        let (head, images) = protocol::take_images(&mut message)?;
        if head != GenerationHead::new(self.current.number, &self.options) {
            return Err(Error::malformed("a consumer made other images than it was asked for"));
        }
        self.current.images = images;
        if let Some(link) = self.consumers.iter_mut().find(|link| link.number == from) {
            link.sent = head.generation;
        }
        Ok(())
    }

    /// Brings every consumer up to the current generation, one at a time: a consumer that does not look after its
    /// messages must not collect the memory of all sizes that a window had meanwhile.
    fn send_generations(&mut self) {
        let wants_images = self.current.images.is_empty();
        if wants_images && self.current.asked.is_none() {
            self.ask_for_images();
        }
        if wants_images {
            return;
        }
        for link in &mut self.consumers {
            let arrived = link.sent == 0 || link.page.generation() == u32::from(link.sent);
            if link.sent != self.current.number && arrived {
                link.send_images(&self.current);
            }
        }
    }

    fn ask_for_images(&mut self) {
        let head = GenerationHead::new(self.current.number, &self.options);
        for link in &self.consumers {
            let sent = head.message(protocol::ALLOCATE).map(|ask| link.duplex.send.send(ask, Timeout::NONE));
            if matches!(sent, Ok(Ok(()))) {
                self.current.asked = Some(link.number);
                return;
            }
        }
    }
}

impl Link {
    /// Without waiting: a consumer whose queue is full is tried again at the next news.
    fn send_images(&mut self, generation: &Generation) {
        let head = GenerationHead {
            generation: generation.number,
            images: generation.images.len(),
            descriptor: generation.descriptor,
        };
        let sent = protocol::images_message(&head, &generation.images)
            .and_then(|message| Ok(self.duplex.send.send(message, Timeout::NONE)?));
        match sent {
            Ok(()) => self.sent = generation.number,
            Err(error) => tracing::debug!(%error, "images could not be sent yet"),
        }
    }

    fn ring_if_waiting(&mut self) {
        let sleep = self.page.waiting();
        if sleep != 0 && sleep != self.rung {
            self.rung = sleep;
            // A dead consumer's links say so as well, and are heard with the news.
            let _ = self.ringer.ring();
        }
    }
}
