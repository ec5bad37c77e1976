//! The consuming side: runs in the process that shows.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use super::control::{ConsumerPage, FrameWord, MAX_HELD, MAX_IMAGES, ProducerPage};
use super::patience::{PAUSE, Patience};
use super::producer::{is_peers_fault, watch_sender};
use super::protocol;
use super::right::ConsumerRight;
use super::{FrameInfo, NEWS_INTERVAL, PresentInfo, PresentMode};
use crate::error::{Error, Result, Status};
use crate::memory::Access;
use crate::message::Message;
use crate::page::Page;
use crate::port::{Duplex, ReceiveRight};
use crate::surface::Surface;
use crate::sys;
use crate::sys::doorbell::{Doorbell, Ringer, Rung, doorbell};
use crate::sys::owner::Owner;
use crate::sys::spawn::Process;
use crate::time::{self, Deadline, Timeout};
use crate::wake::{self, Sleeper, Spin, SpinTime, Wait, Waiting, Waker};

const DOORBELL_KEY: u64 = 0;
const LINK_KEY: u64 = 1;
const PROCESS_KEY: u64 = 2;
/// Messages that one look takes in: a hostile producer must not keep us at it.
const MESSAGES_AT_ONCE: usize = 64;

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
    owner: Owner,
    page: Page<ConsumerPage>,
    doorbell: Doorbell,
    link: Duplex,
    right: ConsumerRight,
    /// What this consumer asked for.
    asked: Option<PresentMode>,
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
    sleeper: Sleeper,
    /// The wait is by the user's own loop: leave word when nothing was found.
    by_descriptor: bool,
    /// The doorbell was rung, and what it said is still to be taken: a frame comes before that.
    rung: bool,
    last_news: i64,
    /// Where a producer that has ended left what we need, until it has welcomed us.
    lane: Option<ReceiveRight>,
    /// A message for which something was lacking.
    unfinished: Option<Message>,
    /// What was lacking at the last look.
    shortage: Option<Error>,
    /// The producer's end of the link, or its process, is gone.
    is_cut_off: bool,
    /// The producer is gone: what every acquire says once the frames are used up.
    ended: Option<Error>,
    statistics: ConsumerStatistics,
}

#[derive(Debug)]
struct ProducerSide {
    page: Page<ProducerPage>,
    mode: PresentMode,
    /// None of one that had ended when it left the welcome.
    ringer: Option<Ringer>,
    waker: Mutex<Waker>,
    /// Its process, whose end is its end, whoever else has its descriptors.
    process: Option<Process>,
}

impl ProducerSide {
    /// Wakes the producer if it sleeps. A fence lies between the news and this.
    #[inline]
    fn wake(&self) {
        if self.page.waiting.0.is_asleep() {
            self.ring();
        }
    }

    #[cold]
    fn ring(&self) {
        if let Some(ringer) = &self.ringer {
            self.waker.lock().wake(&self.page.waiting.0, || ringer.ring());
        }
    }

    /// Rings if a ring that it is owed has failed.
    fn pay(&self) {
        if let Some(ringer) = &self.ringer {
            self.waker.lock().pay(&self.page.waiting.0, || ringer.ring());
        }
    }

    fn owes(&self) -> bool {
        self.waker.lock().owes(&self.page.waiting.0)
    }
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
    /// it meanwhile. Damage is within the surface. In a fork: nothing but the number.
    pub fn info(&self) -> FrameInfo {
        match self.shared.producer.get().filter(|_| self.shared.owner.is_here()) {
            Some(producer) => {
                let descriptor = self.surface.descriptor();
                producer.page.info(self.word).within(descriptor.width, descriptor.height)
            }
            None => FrameInfo { number: self.number(), presented_ns: 0, present: PresentInfo::default() },
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let shared = &*self.shared;
        // In a fork it is the parent's, which holds it still.
        if !shared.owner.is_here() {
            return;
        }
        shared.page.let_go(self.place);
        if let Some(producer) = shared.producer.get() {
            producer.wake();
        }
        // Release: the place is given back after the hold. Until then no other frame may have it.
        shared.held.fetch_and(!(1 << self.place), Ordering::Release);
    }
}

impl Consumer {
    /// Uses a right to become a consumer. Does not wait: the producer takes part when it next acquires, presents or
    /// looks after its descriptor, and the first acquire waits for that. A producer that has ended the stream left its last
    /// frames with the right, if that was not used before, and they can be acquired.
    ///
    /// Errors: [`Status::Closed`], when the producer has ended the stream; [`Status::PeerDead`], when it is gone without
    /// that; [`Status::TimedOut`], when its queue is full; [`Status::ResourceExhausted`].
    pub fn attach(right: ConsumerRight, options: &ConsumerOptions) -> Result<Self> {
        Self::attach_or_give_back(right, options).map_err(|(_, error)| error)
    }

    /// As [`Self::attach`]; a failure gives the right back.
    pub fn attach_or_give_back(
        right: ConsumerRight,
        options: &ConsumerOptions,
    ) -> Result<Self, (ConsumerRight, Error)> {
        let parts = || {
            right.owner.check()?;
            let page = Page::<ConsumerPage>::create(Access::ReadOnlyForOthers)?;
            let (doorbell, ringer) = doorbell()?;
            let (link, theirs) = Duplex::pair_that_knows_senders()?;
            let set = sys::port_set::PortSet::new()?;
            set.add_doorbell(&doorbell, DOORBELL_KEY)?;
            set.add(&link.receive.0, LINK_KEY)?;

            let mut attach = protocol::attach_message(options.mode)?;
            theirs.attach_to(&mut attach).map_err(|(_, error)| error)?;
            attach.attach(page.region())?;
            attach.attach(crate::port::SendRight(ringer.into_send_right()))?;
            // One that is gone may have left something.
            let is_gone = match right.producer.send(attach, Timeout::NONE) {
                Err(failure) if failure.status() == Status::PeerDead => true,
                outcome => outcome.map(|()| false)?,
            };
            Ok((page, doorbell, link, set, is_gone))
        };
        let (page, doorbell, link, set, is_gone) = match parts() {
            Ok(parts) => parts,
            Err(error) => return Err((right, error)),
        };
        let lane = right.lane().take();
        let mut welcome = None;
        if is_gone {
            welcome = match lane.as_ref().map_or(Err(Error::PEER_DEAD), |lane| lane.receive(Timeout::NONE)) {
                Ok(message) => Some(message),
                Err(error) => {
                    right.lane().put(lane);
                    let error = if error.status() == Status::ResourceExhausted {
                        error
                    } else {
                        gone_without_a_word(&right)
                    };
                    return Err((right, error));
                }
            };
        } else {
            right.attention.call();
        }
        let state = State {
            generation: 0,
            images: Vec::new(),
            generations: VecDeque::new(),
            last: 0,
            sleeper: Sleeper::default(),
            by_descriptor: false,
            rung: false,
            last_news: time::now(),
            lane,
            unfinished: welcome,
            shortage: None,
            is_cut_off: is_gone,
            ended: None,
            statistics: ConsumerStatistics::default(),
        };
        Ok(Self(Arc::new(Shared {
            owner: right.owner,
            page,
            doorbell,
            link,
            right,
            asked: options.mode,
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
    /// [`Status::PeerDead`], when it died, both after its last frame; [`Status::Refused`], when it does not want
    /// this consumer; [`Status::WrongState`], when this consumer holds as many frames as there can be images;
    /// [`Status::ResourceExhausted`], when this process lacks descriptors or memory for what the producer sends: nothing is
    /// lost, and a later call goes on.
    pub fn acquire(&self, timeout: Timeout) -> Result<Frame> {
        self.0.owner.check()?;
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
        let watched = shared.watch(&mut spin, deadline);
        let mut wait = FrameWait { shared, spin: &mut spin, watched, patience: Patience::new(deadline) };
        if deadline.is_over() {
            wait.sleep(Deadline::NOW)?;
        }
        // Word that was left for a program's own loop is over: what is waited for now is a new sleep.
        shared.state.lock().sleeper.rise(&shared.page.waiting.0);
        wake::wait(&mut wait, deadline)
    }

    /// Readable when [`Self::acquire`], with a timeout of none, has something to do. From the first call of this on,
    /// an acquire that finds no frame leaves word that one is waited for: acquire until [`Status::TimedOut`], then
    /// wait for the descriptor.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        let shared = &self.0;
        if shared.owner.is_here() {
            let mut state = shared.state.lock();
            if !state.by_descriptor {
                state.by_descriptor = true;
                // A frame that is there already rings nobody; the first acquire finds it.
                state.sleeper.announce(&shared.page.waiting.0);
            }
        }
        shared.set.descriptor()
    }

    /// How long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set. Zero never
    /// watches. Where waits turn out to be longer it sleeps at once, whatever the time.
    pub fn set_spin_time(&self, time: Duration) {
        self.0.spin_time.set(time);
    }

    /// What was counted until now. In a fork: nothing.
    pub fn statistics(&self) -> ConsumerStatistics {
        if !self.0.owner.is_here() {
            return ConsumerStatistics::default();
        }
        let state = self.0.state.lock();
        let mut counted = state.statistics;
        if let Some(producer) = self.0.producer.get().filter(|_| counted.shown > 0) {
            let unseen = producer.page.latest().number().saturating_sub(state.last);
            if producer.mode != PresentMode::Fifo {
                // All but the newest were replaced.
                counted.dropped = counted.dropped.saturating_add(unseen.saturating_sub(1));
                counted.presented = counted.shown + counted.dropped + unseen.min(1);
            } else {
                counted.presented = counted.shown + counted.dropped.saturating_add(unseen);
            }
        }
        counted
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if !self.0.owner.is_here() {
            return;
        }
        // Frames that are still held keep the link, and so their images, until they are dropped; a fifo producer
        // must not wait for us meanwhile.
        self.0.page.leave();
        self.0.right.attention.call();
        if let Some(ringer) = self.0.producer.get().and_then(|producer| producer.ringer.as_ref()) {
            let _ = ringer.ring();
        }
    }
}

/// Why a producer that is gone, and left nothing, is.
fn gone_without_a_word(right: &ConsumerRight) -> Error {
    if right.attention.has_ended() {
        Error::fixed(Status::Closed, "the producer has ended the stream")
    } else {
        Error::fixed(Status::PeerDead, "the producer is gone")
    }
}

/// A thread that waits for a frame.
struct FrameWait<'a> {
    shared: &'a Arc<Shared>,
    spin: &'a mut Spin,
    watched: Option<Wait>,
    patience: Patience,
}

impl Waiting for FrameWait<'_> {
    type News = Frame;

    fn announce(&mut self) {
        let mut state = self.shared.state.lock();
        if state.rung {
            state.hear_doorbell(self.shared);
        }
        state.sleeper.announce(&self.shared.page.waiting.0);
        if let Some(producer) = self.shared.producer.get() {
            producer.pay();
        }
    }

    fn look(&mut self) -> Result<Option<Frame>> {
        let mut state = self.shared.state.lock();
        let found = state.take_frame(self.shared);
        if found.is_some() {
            return Ok(found);
        }
        self.shared.check_places()?;
        if state.see_end(self.shared) {
            // What it sent before its end has come by now.
            let found = state.take_frame(self.shared);
            return match (found, state.ended.clone()) {
                (None, Some(error)) => Err(error),
                (found, _) => Ok(found),
            };
        }
        self.patience.check(state.shortage.clone())?;
        Ok(None)
    }

    fn owes(&self) -> bool {
        self.shared.producer.get().is_some_and(ProducerSide::owes)
    }

    fn sleep(&mut self, until: Deadline) -> Result<()> {
        let shared = self.shared;
        let is_short = shared.state.lock().shortage.is_some();
        let mut sources = [shared.doorbell.descriptor(); 3];
        let mut count = 1;
        // What cannot be taken in is not waited for: it is there.
        if !is_short {
            sources[count] = shared.link.receive.descriptor();
            count += 1;
        }
        if let Some(process) = shared.producer.get().and_then(|producer| producer.process.as_ref()) {
            sources[count] = process.descriptor();
            count += 1;
        }
        let until = if is_short { until.at_most(PAUSE) } else { until };
        // Not under the lock: other threads drop frames meanwhile.
        let ready = sys::wait_readable(&sources[..count], until)?;
        if let Some(watched) = self.watched.take() {
            self.spin.learn(&watched);
        }
        let mut state = shared.state.lock();
        state.last_news = time::now();
        state.rung |= ready & 1 != 0;
        if ready & !1 != 0 || is_short {
            state.hear_link(shared);
        }
        if ready == 0 && state.by_descriptor {
            shared.set.settle();
        }
        Ok(())
    }

    fn rise(&mut self, has_news: bool) {
        let mut state = self.shared.state.lock();
        // A program that waits by the descriptor is rung for what comes after this call.
        if has_news || !state.by_descriptor {
            state.sleeper.rise(&self.shared.page.waiting.0);
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
            || self.is_cut_off
            || shared.producer.get().is_none_or(|producer| producer.page.is_closed())
            || time::now() - self.last_news > NEWS_INTERVAL.as_nanos() as i64
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
        let (frame, mut let_go) = shared.page.take_newest(&producer.page, place, self.last);
        let found = frame.and_then(|frame| Some((frame, self.find_surface(shared, frame)?)));
        if frame.is_some() && found.is_none() {
            // The images of its generation are on their way, or never come: a fault of the producer.
            shared.page.let_go(place);
            let_go = true;
        }
        if let_go {
            producer.wake();
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
        match shared.doorbell.drain() {
            Ok(Rung::No | Rung::Yes) => self.rung = false,
            // What the producer sent before its end counts.
            Ok(Rung::RingerDead) => {
                self.hear_link(shared);
                self.is_cut_off |= shared.producer.get().is_some();
            }
            // It is looked at again.
            Err(error) => tracing::debug!(%error, "a consumer's doorbell does not answer"),
        }
    }

    /// Takes in the producer's messages, without waiting, and sees whether it lives.
    fn hear_link(&mut self, shared: &Shared) {
        self.shortage = None;
        for _ in 0..MESSAGES_AT_ONCE {
            match self.next_message(shared) {
                Ok(Some(message)) => self.hear(shared, message),
                Ok(None) => break,
                Err(error) => match error.status() {
                    _ if is_peers_fault(&error) => {
                        tracing::warn!(%error, "a producer's message was refused");
                    }
                    Status::NoSenders | Status::PeerDead => {
                        self.is_cut_off = true;
                        break;
                    }
                    // The message waits.
                    _ => self.shortage = Some(error),
                },
            }
            if self.shortage.is_some() {
                return;
            }
        }
        let process = shared.producer.get().and_then(|producer| producer.process.as_ref());
        self.is_cut_off |= process.is_some_and(|process| process.has_ended().unwrap_or(false));
    }

    /// `None`: there is none.
    fn next_message(&mut self, shared: &Shared) -> Result<Option<Message>> {
        if let Some(message) = self.unfinished.take() {
            return Ok(Some(message));
        }
        match shared.link.receive.receive(Timeout::NONE) {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.status() == Status::TimedOut => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn hear(&mut self, shared: &Shared, mut message: Message) {
        match self.take_message(shared, &mut message) {
            Ok(()) => {}
            Err(error) if is_peers_fault(&error) => {
                tracing::warn!(%error, "a producer's message was refused");
            }
            // It is looked at again; whatever it carries is in it still.
            Err(error) => {
                self.unfinished = Some(message);
                self.shortage = Some(error);
            }
        }
    }

    /// Whether no frame will come any more, but for those that are there.
    fn see_end(&mut self, shared: &Shared) -> bool {
        if self.ended.is_some() {
            return true;
        }
        let is_closed = shared.producer.get().is_some_and(|producer| producer.page.is_closed());
        if !is_closed && !self.is_cut_off {
            return false;
        }
        // Images can be on their way still, or wait with the right.
        self.hear_link(shared);
        if self.shortage.is_none() && shared.producer.get().is_none_or(|producer| producer.ringer.is_none()) {
            self.hear_lane(shared);
        }
        if self.shortage.is_some() {
            return false;
        }
        self.ended.get_or_insert_with(|| match shared.producer.get() {
            Some(producer) if producer.page.is_closed() => {
                Error::fixed(Status::Closed, "the producer ended the stream")
            }
            Some(_) => Error::fixed(Status::PeerDead, "the producer died"),
            None => gone_without_a_word(&shared.right),
        });
        true
    }

    /// Takes in what a producer that has ended left with the right.
    fn hear_lane(&mut self, shared: &Shared) {
        let Some(lane) = self.lane.take() else { return };
        for _ in 0..MESSAGES_AT_ONCE {
            match lane.receive(Timeout::NONE) {
                Ok(message) => self.hear(shared, message),
                Err(error) if is_peers_fault(&error) => {}
                Err(error) => {
                    if !matches!(error.status(), Status::TimedOut | Status::NoSenders | Status::PeerDead) {
                        self.shortage = Some(error);
                    }
                    break;
                }
            }
            if self.shortage.is_some() {
                break;
            }
        }
        if self.shortage.is_some() {
            self.lane = Some(lane);
        }
    }

    fn take_message(&mut self, shared: &Shared, message: &mut Message) -> Result<()> {
        match (message.id(), shared.producer.get()) {
            (protocol::WELCOME, None) => self.take_welcome(shared, message),
            (protocol::REFUSED, None) => {
                self.ended = Some(protocol::parse_refused(message));
                Ok(())
            }
            (protocol::IMAGES, Some(_)) => {
                let (head, images) = protocol::take_images(message)?;
                self.add_generation(shared, head.generation, images);
                Ok(())
            }
            (protocol::ALLOCATE, Some(_)) => self.allocate(shared, message),
            (id, _) => Err(Error::malformed(format!("a producer sent the message {id} out of turn"))),
        }
    }

    fn take_welcome(&mut self, shared: &Shared, message: &mut Message) -> Result<()> {
        let welcome = protocol::parse_welcome(message)?;
        let has_ended = match message.attachment_count() {
            1 => true,
            2 => false,
            _ => return Err(Error::malformed("a producer's welcome has other attachments than it should")),
        };
        let process = if has_ended { None } else { watch_sender(message)? };
        if let Some(process) = &process {
            shared.set.add_process(process, PROCESS_KEY)?;
        }
        let page = Page::open(message.take_memory(0)?)?;
        let right = (!has_ended).then(|| message.take_send_right(1)).transpose()?;
        let ringer = right.map(|right| Ringer::from_send_right(right.0));
        // What a producer that has ended says is the same for all its consumers.
        let mode = match (welcome.mode, shared.asked) {
            (PresentMode::Fifo, Some(PresentMode::Mailbox)) => PresentMode::Mailbox,
            (mode, _) => mode,
        };
        self.last = welcome.first.saturating_sub(1);
        if !has_ended {
            self.lane = None;
        }
        // There is none yet, and the lock of the state keeps it so.
        let _ = shared.producer.set(ProducerSide { page, mode, ringer, waker: Mutex::default(), process });
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
        if let Some(ringer) = shared.producer.get().and_then(|producer| producer.ringer.as_ref()) {
            let _ = ringer.ring();
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
