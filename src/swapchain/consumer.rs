//! The consuming side: runs in the process that shows.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use super::control::{ConsumerPage, FrameWord, MAX_HELD, MAX_IMAGES, ProducerPage};
use super::protocol;
use super::right::ConsumerRight;
use super::{FrameInfo, PresentInfo, PresentMode};
use crate::error::{Error, Result, Status};
use crate::memory::Access;
use crate::message::Message;
use crate::page::Page;
use crate::port::Duplex;
use crate::surface::Surface;
use crate::sys;
use crate::sys::doorbell::{Doorbell, Ringer, Rung, doorbell};
use crate::time::{self, Deadline, Timeout};
use crate::wake::{Spin, SpinTime, Wait};

/// How long a consumer that only ever polls goes without asking the kernel for news: a dead producer says nothing in
/// shared memory.
const NEWS_INTERVAL: Duration = Duration::from_millis(8);
const DOORBELL_KEY: u64 = 0;
const LINK_KEY: u64 = 1;

/// What a consumer is made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerOptions {
    /// How to take frames: `None` is the swapchain's own mode. A fifo swapchain can be looked at in mailbox mode,
    /// which does not make its producer wait; no other difference is possible.
    pub mode: Option<PresentMode>,
}

/// Takes the frames of a swapchain. All methods can be called from any thread.
#[derive(Debug)]
pub struct Consumer(Arc<Shared>);

/// What frames have in common with their consumer.
#[derive(Debug)]
struct Shared {
    page: Page<ConsumerPage>,
    doorbell: Doorbell,
    link: Duplex,
    right: ConsumerRight,
    set: sys::port_set::PortSet,
    /// The producer's side, once it has welcomed us.
    producer: OnceLock<ProducerSide>,
    /// One bit for each place of our page's holds: whether a frame has it. Set under the lock of the state, cleared
    /// without.
    held: AtomicU32,
    state: Mutex<State>,
    spin_time: SpinTime,
    /// Had by the one thread that waits for a frame; others wait for their turn.
    turn: Mutex<Spin>,
}

#[derive(Debug)]
struct State {
    /// The generation of the last frame taken.
    generation: u16,
    /// Its images.
    images: Vec<Surface>,
    /// Later generations whose images arrived, the oldest first.
    generations: VecDeque<(u16, Vec<Surface>)>,
    /// The last frame taken.
    last: u64,
    /// How often we said that we sleep; the producer rings once for each.
    sleeps: u64,
    /// The wait is by the user's own loop: leave word when nothing was found.
    by_descriptor: bool,
    asleep: bool,
    /// The doorbell was rung, and what it said is still to be taken: a frame comes before that.
    rung: bool,
    last_news: i64,
    /// The producer is gone: what every acquire says once the frames are used up.
    ended: Option<Error>,
    statistics: ConsumerStatistics,
}

#[derive(Debug)]
struct ProducerSide {
    page: Page<ProducerPage>,
    ringer: Ringer,
    mode: PresentMode,
}

/// What a consumer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerStatistics {
    /// Frames that the producer presented since the first one that this consumer could see.
    pub presented: u64,
    /// Frames taken.
    pub shown: u64,
    /// Frames that were replaced by newer ones before they were taken.
    pub dropped: u64,
    /// How often an acquire had to wait.
    pub waited: u64,
}

/// A frame that is held: nobody draws into it while this lives, whatever happens to the producer.
#[derive(Debug)]
pub struct Frame {
    shared: Arc<Shared>,
    surface: Surface,
    word: FrameWord,
    place: usize,
}

impl Frame {
    /// The pixels.
    pub fn surface(&self) -> &Surface {
        &self.surface
    }

    /// Counts the frames of the swapchain from 1.
    pub fn number(&self) -> u64 {
        self.word.number()
    }

    /// What the producer says of it. It is read anew by each call, and only a producer that breaks the rules has changed
    /// it meanwhile.
    pub fn info(&self) -> FrameInfo {
        match self.shared.producer.get() {
            Some(producer) => producer.page.info(self.word),
            // Not so: frames come from a producer.
            None => FrameInfo { number: self.number(), presented_ns: 0, present: PresentInfo::default() },
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let shared = &*self.shared;
        if let Some(producer) = shared.producer.get()
            && shared.page.let_go(&producer.page, self.place)
        {
            let _ = producer.ringer.ring();
        }
        // Release: the place is given back behind the hold. Until then no other frame may have it.
        shared.held.fetch_and(!(1 << self.place), Ordering::Release);
    }
}

impl Consumer {
    /// Uses a right to become a consumer. Does not wait: the producer takes part when it next acquires, presents or
    /// looks after its descriptor, and the first acquire waits for that.
    ///
    /// Errors: [`Status::PeerDead`], when the producer is gone; [`Status::TimedOut`], when its queue is full;
    /// [`Status::ResourceExhausted`].
    pub fn attach(right: ConsumerRight, options: &ConsumerOptions) -> Result<Self> {
        Self::attach_or_give_back(right, options).map_err(|(_, error)| error)
    }

    /// As [`Self::attach`]; a failure gives the right back.
    pub(crate) fn attach_or_give_back(
        right: ConsumerRight,
        options: &ConsumerOptions,
    ) -> Result<Self, (ConsumerRight, Error)> {
        let parts = || {
            let page = Page::<ConsumerPage>::create(Access::ReadOnlyForOthers)?;
            let (doorbell, ringer) = doorbell()?;
            let (link, theirs) = Duplex::pair()?;
            let set = sys::port_set::PortSet::new()?;
            set.add_doorbell(&doorbell, DOORBELL_KEY)?;
            set.add(&link.receive.0, LINK_KEY)?;

            let mut attach = protocol::attach_message(options.mode)?;
            theirs.attach_to(&mut attach).map_err(|(_, error)| error)?;
            attach.attach(page.region())?;
            attach.attach(crate::port::SendRight(ringer.into_send_right()))?;
            right.producer.send(attach, Timeout::NONE)?;
            right.attention.call();
            Ok((page, doorbell, link, set))
        };
        let (page, doorbell, link, set) = match parts() {
            Ok(parts) => parts,
            Err(error) => return Err((right, error)),
        };

        let state = State {
            generation: 0,
            images: Vec::new(),
            generations: VecDeque::new(),
            last: 0,
            sleeps: 0,
            by_descriptor: false,
            asleep: false,
            rung: false,
            last_news: time::now(),
            ended: None,
            statistics: ConsumerStatistics::default(),
        };
        Ok(Self(Arc::new(Shared {
            page,
            doorbell,
            link,
            right,
            set,
            producer: OnceLock::new(),
            held: AtomicU32::new(0),
            state: Mutex::new(state),
            spin_time: SpinTime::default(),
            turn: Mutex::new(Spin::new()),
        })))
    }

    /// The next frame: the newest one, or in fifo mode the next in order. Waits while there is none that was not
    /// taken before.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::Closed`], when the producer ended the stream, and
    /// [`Status::PeerDead`], when it died, both behind its last frame; [`Status::Refused`], when it does not want
    /// this consumer; [`Status::WrongState`], when this consumer holds as many frames as there can be images.
    pub fn acquire(&self, timeout: Timeout) -> Result<Frame> {
        let taken = self.0.state.lock().take_frame(&self.0);
        match taken {
            Some(frame) => Ok(frame),
            None => self.acquire_later(timeout),
        }
    }

    #[cold]
    fn acquire_later(&self, timeout: Timeout) -> Result<Frame> {
        let shared = &self.0;
        shared.check_places()?;
        let mut state = shared.state.lock();
        if timeout == Timeout::NONE && !state.news_are_due(shared) {
            return Err(Error::TIMED_OUT);
        }
        state.statistics.waited += u64::from(timeout != Timeout::NONE);
        drop(state);
        let deadline = timeout.deadline();
        let mut spin = deadline.lock(&shared.turn).ok_or(Error::TIMED_OUT)?;
        shared.wait_for_frame(&mut spin, deadline)
    }

    /// Readable when [`Self::acquire`], with a timeout of none, has something to do. From the first call of this on,
    /// an acquire that finds no frame leaves word that one is waited for: acquire until [`Status::TimedOut`], then
    /// wait for the descriptor.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        let mut state = self.0.state.lock();
        if !state.by_descriptor {
            state.by_descriptor = true;
            // A frame that is there already rings nobody; the first acquire finds it.
            state.fall_asleep(&self.0);
        }
        self.0.set.descriptor()
    }

    /// How long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set. Zero never
    /// watches. Where waits turn out to be longer it sleeps at once, whatever the time.
    pub fn set_spin_time(&self, time: Duration) {
        self.0.spin_time.set(time);
    }

    /// What was counted.
    pub fn statistics(&self) -> ConsumerStatistics {
        let state = self.0.state.lock();
        let counted = state.statistics;
        let unseen = match self.0.producer.get() {
            Some(producer) if counted.shown > 0 => producer.page.latest().number().saturating_sub(state.last),
            _ => 0,
        };
        ConsumerStatistics { presented: counted.shown + counted.dropped.saturating_add(unseen), ..counted }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Frames that are still held keep the link, and so their images, until they are dropped; a fifo producer
        // must not wait for us meanwhile.
        self.0.page.leave();
        self.0.right.attention.call();
        if let Some(producer) = self.0.producer.get() {
            let _ = producer.ringer.ring();
        }
    }
}

impl Shared {
    /// Watches the producer's page for a while. `None`: there is news, or nothing to watch.
    fn watch(&self, spin: &mut Spin, deadline: Deadline) -> Option<Wait> {
        let state = self.state.lock();
        let last = state.last;
        let producer = self.producer.get().filter(|_| !state.by_descriptor && state.ended.is_none())?;
        drop(state);
        let page = &producer.page;
        spin.watch(self.spin_time.get(), deadline, || page.latest().number() > last || page.is_closed()).err()
    }

    fn wait_for_frame(self: &Arc<Self>, spin: &mut Spin, deadline: Deadline) -> Result<Frame> {
        let wait = self.watch(spin, deadline);
        loop {
            let mut state = self.state.lock();
            if state.rung {
                state.hear_doorbell(self);
            }
            // First leave word, then look once more.
            state.fall_asleep(self);
            if let Some(frame) = state.take_frame(self) {
                state.wake_up(self);
                return Ok(frame);
            }
            self.check_places()?;
            if let Some(error) = state.ended.clone() {
                return Err(error);
            }
            // Not under the lock: other threads drop frames meanwhile.
            drop(state);
            let sources = [self.doorbell.descriptor(), self.link.receive.descriptor()];
            let ready = sys::wait_readable(&sources, deadline)?;
            if let Some(wait) = &wait {
                spin.learn(wait);
            }
            let mut state = self.state.lock();
            state.last_news = time::now();
            if ready == 0 {
                if state.by_descriptor {
                    self.set.settle();
                } else {
                    state.wake_up(self);
                }
                return Err(Error::TIMED_OUT);
            }
            state.wake_up(self);
            state.rung |= ready & 1 != 0;
            if ready & 2 != 0 {
                state.hear_link(self);
            }
            if let Some(frame) = state.take_frame(self) {
                return Ok(frame);
            }
        }
    }

    fn free_place(&self) -> usize {
        // Acquire: pairs with the release of a frame, whose hold is over then.
        self.held.load(Ordering::Acquire).trailing_ones() as usize
    }

    fn check_places(&self) -> Result<()> {
        if self.free_place() < MAX_HELD {
            return Ok(());
        }
        let message = "a consumer holds as many frames as there can be images: release one first";
        Err(Error::fixed(Status::WrongState, message))
    }
}

impl State {
    fn news_are_due(&self, shared: &Shared) -> bool {
        self.by_descriptor
            || self.ended.is_some()
            || shared.producer.get().is_none_or(|producer| producer.page.is_closed())
            || time::now() - self.last_news > NEWS_INTERVAL.as_nanos() as i64
    }

    fn fall_asleep(&mut self, shared: &Shared) {
        if !self.asleep {
            self.asleep = true;
            self.sleeps += 1;
            shared.page.set_waiting(self.sleeps);
        }
    }

    fn wake_up(&mut self, shared: &Shared) {
        self.asleep = false;
        shared.page.set_waiting(0);
    }

    /// A frame that was not taken before, if there is one, and a place to hold it.
    #[inline(always)]
    fn take_frame(&mut self, shared: &Arc<Shared>) -> Option<Frame> {
        let producer = shared.producer.get()?;
        let place = shared.free_place();
        if place >= MAX_HELD {
            return None;
        }
        let (word, surface) = match producer.mode {
            PresentMode::Fifo => self.take_next(shared, producer, place),
            PresentMode::Mailbox | PresentMode::Immediate => self.take_newest(shared, producer, place),
        }?;
        // Relaxed: only the holder of the lock sets bits, and the lock orders that.
        shared.held.fetch_or(1 << place, Ordering::Relaxed);
        self.count(word.number());
        Some(Frame { shared: shared.clone(), surface, word, place })
    }

    fn take_next(
        &mut self,
        shared: &Shared,
        producer: &ProducerSide,
        place: usize,
    ) -> Option<(FrameWord, Surface)> {
        let frame = producer.page.ordered(self.last.saturating_add(1))?;
        // Not before its images are here: once it counts as taken, the producer may draw over it.
        let surface = self.find_surface(shared, frame)?;
        shared.page.take_ordered(place, frame);
        Some((frame, surface))
    }

    fn take_newest(
        &mut self,
        shared: &Shared,
        producer: &ProducerSide,
        place: usize,
    ) -> Option<(FrameWord, Surface)> {
        let (frame, mut wake) = shared.page.take_newest(&producer.page, place, self.last);
        let found = frame.and_then(|frame| Some((frame, self.find_surface(shared, frame)?)));
        if frame.is_some() && found.is_none() {
            // The images of its generation are on their way, or never come: a fault of the producer.
            wake |= shared.page.let_go(&producer.page, place);
        }
        if wake {
            let _ = producer.ringer.ring();
        }
        found
    }

    /// The number is above the last one.
    fn count(&mut self, number: u64) {
        if self.statistics.shown > 0 {
            self.statistics.dropped += number - self.last - 1;
        }
        self.statistics.shown += 1;
        self.last = number;
    }

    fn find_surface(&mut self, shared: &Shared, frame: FrameWord) -> Option<Surface> {
        if frame.generation() != self.generation {
            self.turn_to_generation(shared, frame.generation())?;
        }
        self.images.get(frame.cell() % MAX_IMAGES).cloned()
    }

    /// Looks for the images of another generation. `None`: they are not there.
    #[cold]
    fn turn_to_generation(&mut self, shared: &Shared, generation: u16) -> Option<()> {
        let known = |state: &Self| state.generations.iter().position(|(number, _)| *number == generation);
        if known(self).is_none() {
            // The images were sent before the first frame that uses them.
            self.hear_link(shared);
        }
        // Frames come in order, so what is older than a frame's generation is not needed any more.
        let (_, images) = self.generations.drain(..=known(self)?).next_back()?;
        (self.generation, self.images) = (generation, images);
        Some(())
    }

    fn hear_doorbell(&mut self, shared: &Shared) {
        self.rung = false;
        match shared.doorbell.drain() {
            Ok(Rung::No | Rung::Yes) => {}
            Ok(Rung::RingerDead) | Err(_) => {
                // What the producer sent before its end counts.
                self.hear_link(shared);
                self.end(shared);
            }
        }
    }

    /// Takes in the producer's messages, without waiting.
    fn hear_link(&mut self, shared: &Shared) {
        // A hostile producer must not keep us here.
        for _ in 0..64 {
            match shared.link.receive.receive(Timeout::NONE) {
                Ok(message) => {
                    if let Err(error) = self.take_message(shared, message) {
                        tracing::warn!(%error, "a producer's message was refused");
                    }
                }
                Err(error) if matches!(error.status(), Status::TimedOut | Status::ResourceExhausted) => {
                    return;
                }
                Err(error) if matches!(error.status(), Status::Malformed | Status::Unsupported) => {
                    tracing::warn!(%error, "a producer's message was refused");
                }
                Err(_) => return self.end(shared),
            }
        }
    }

    /// The producer is gone. Its frames can still be taken, then acquire says how it went.
    fn end(&mut self, shared: &Shared) {
        let producer = shared.producer.get();
        let closed = producer.is_some_and(|producer| producer.page.is_closed());
        self.ended.get_or_insert(match (closed, producer) {
            (true, _) => Error::fixed(Status::Closed, "the producer ended the stream"),
            (false, Some(_)) => Error::fixed(Status::PeerDead, "the producer died"),
            (false, None) => {
                Error::fixed(Status::PeerDead, "the producer died before it welcomed this consumer")
            }
        });
    }

    fn take_message(&mut self, shared: &Shared, mut message: Message) -> Result<()> {
        match (message.id(), shared.producer.get()) {
            (protocol::WELCOME, None) => self.take_welcome(shared, message),
            (protocol::REFUSED, None) => {
                self.ended = Some(protocol::parse_refused(&message));
                Ok(())
            }
            (protocol::IMAGES, Some(_)) => {
                let (head, images) = protocol::take_images(&mut message)?;
                self.add_generation(shared, head.generation, images);
                Ok(())
            }
            (protocol::ALLOCATE, Some(_)) => self.allocate(shared, &message),
            (id, _) => Err(Error::malformed(format!("a producer sent the message {id} out of turn"))),
        }
    }

    fn take_welcome(&mut self, shared: &Shared, mut message: Message) -> Result<()> {
        let welcome = protocol::parse_welcome(&message)?;
        if message.attachment_count() != 2 {
            return Err(Error::malformed("a producer's welcome has other attachments than it should"));
        }
        let page = Page::open(message.take_memory(0)?)?;
        let ringer = Ringer::from_send_right(message.take_send_right(1)?.0);
        self.last = welcome.first.saturating_sub(1);
        // There is none yet, and the lock of the state keeps it so.
        let _ = shared.producer.set(ProducerSide { page, ringer, mode: welcome.mode });
        Ok(())
    }

    fn add_generation(&mut self, shared: &Shared, generation: u16, images: Vec<Surface>) {
        self.generations.retain(|(number, _)| *number != generation);
        self.generations.push_back((generation, images));
        // The producer sends one at a time, so more than a few are a fault of it.
        while self.generations.len() > 8 {
            self.generations.pop_front();
        }
        shared.page.set_generation(generation);
        // The producer may have a newer one to send: it learns it when it draws next, or by its descriptor.
        shared.right.attention.call();
        if let Some(producer) = shared.producer.get() {
            let _ = producer.ringer.ring();
        }
    }

    fn allocate(&mut self, shared: &Shared, message: &Message) -> Result<()> {
        let (head, backing) = protocol::GenerationHead::parse_allocate(message)?;
        let make = || Surface::create_with(&head.descriptor, backing);
        let images: Vec<Surface> = (0..head.images).map(|_| make()).collect::<Result<_>>()?;
        shared.link.send.send(protocol::images_message(&head, &images)?, Timeout::NONE)?;
        self.add_generation(shared, head.generation, images);
        Ok(())
    }
}
