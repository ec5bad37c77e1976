//! The producing side: runs in the process that draws.

mod links;
mod outbox;
mod state;

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use self::links::{OWN_DOORBELL_KEY, PORT_KEY};
pub(super) use self::links::{is_peers_fault, watch_sender};
use self::state::{State, make_images};
use super::control::{AttentionPage, FrameWord, MAX_IMAGES, ProducerPage};
use super::patience::{PAUSE, Patience};
use super::right::ConsumerRight;
use super::{NEWS_INTERVAL, PresentInfo, SwapchainOptions};
use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
use crate::memory::Access;
use crate::page::Page;
use crate::pixel_format::PixelFormat;
use crate::port::ReceiveRight;
use crate::surface::{Backing, Surface};
use crate::sys;
use crate::sys::doorbell::{Doorbell, Ringer, doorbell};
use crate::sys::owner::Owner;
use crate::time::{self, Deadline, Timeout};
use crate::wake::{self, Spin, SpinTime, Wait, Waiting};

/// How often a drain looks: taking a frame rings nobody.
const DRAIN_LOOKS: Duration = Duration::from_millis(5);

/// Draws into the images of a swapchain and presents them. All methods can be called from any thread.
///
/// Dropping it ends the stream: consumers see the frames that are left, then [`Status::Closed`]. Those that have a right
/// and did not use it yet see them, too. It does not wait for that; [`Self::drain`] does.
///
/// In a fork of the process that made it, calls fail with [`Status::WrongState`], and dropping it ends nothing.
#[derive(Debug)]
pub struct Producer {
    shared: Arc<Shared>,
    station: Station,
    spin_time: SpinTime,
    /// Had by the one thread that waits for an image; others wait for their turn.
    turn: Mutex<Spin>,
}

/// What images have in common with their producer, which they can outlive.
#[derive(Debug)]
struct Shared {
    owner: Owner,
    /// Of the producer's own doorbell: rung when an image is dropped while another thread waits for one.
    ringer: Ringer,
    state: Mutex<State>,
}

/// What ends with the producer, so that nobody waits for one that is gone.
#[derive(Debug)]
struct Station {
    page: Page<ProducerPage>,
    attention: Page<AttentionPage>,
    port: ReceiveRight,
    set: sys::port_set::PortSet,
    doorbell: Doorbell,
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
    surface: Surface,
    claim: Claim,
}

/// To a cell of its producer's own, given back when it is dropped.
#[derive(Debug)]
struct Claim {
    /// None once the image was presented.
    shared: Option<Arc<Shared>>,
    cell: usize,
    generation: u16,
}

impl Image {
    /// The pixels.
    pub fn surface(&self) -> &Surface {
        &self.surface
    }

    /// Which of the swapchain's images it is, from 0.
    pub fn index(&self) -> usize {
        self.claim.cell % MAX_IMAGES
    }
}

impl Drop for Claim {
    #[inline]
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            self.give_back(&shared);
        }
    }
}

impl Claim {
    #[cold]
    fn give_back(&self, shared: &Shared) {
        // In a fork it is the parent's, whose threads may have had the lock.
        if !shared.owner.is_here() {
            return;
        }
        let mut state = shared.state.lock();
        if state.knows(self.generation) {
            state.drawing.remove(self.cell);
            if state.sleeper.is_asleep() {
                let _ = shared.ringer.ring();
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
        let port = ReceiveRight::that_knows_senders()?;
        let set = sys::port_set::PortSet::new()?;
        set.add(&port.0, PORT_KEY)?;
        let (doorbell, ringer) = doorbell()?;
        set.add_doorbell(&doorbell, OWN_DOORBELL_KEY)?;
        let page = Page::<ProducerPage>::create(Access::ReadOnlyForOthers)?;
        let state = Mutex::new(State::new(options, page.region())?);
        let attention = Page::create(Access::ReadWrite)?;
        Ok(Self {
            shared: Arc::new(Shared { owner: Owner::this_process(), ringer, state }),
            station: Station { page, attention, port, set, doorbell },
            spin_time: SpinTime::default(),
            turn: Mutex::new(Spin::new()),
        })
    }

    /// A right for one or more consumers, to be used here or sent to another process.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn consumer_right(&self) -> Result<ConsumerRight> {
        self.shared.owner.check()?;
        let lane = ReceiveRight::new()?;
        let will = lane.make_send()?;
        let attention = Page::open(self.station.attention.region())?;
        let right = ConsumerRight::new(self.station.port.make_send()?, attention, lane);
        let mut state = self.shared.state.lock();
        state.forget_dead_lanes();
        state.lanes.push(will);
        state.no_rights = false;
        Ok(right)
    }

    /// Size in pixels and format of the images that [`Self::acquire`] gives. In a fork: 0 × 0.
    pub fn surface_descriptor(&self) -> SurfaceDescriptor {
        if !self.shared.owner.is_here() {
            return SurfaceDescriptor::new(0, 0, PixelFormat::Bgra8);
        }
        self.shared.state.lock().current.descriptor
    }

    /// What the images' memory is, which never changes. In a fork: the default.
    pub fn backing(&self) -> Backing {
        if !self.shared.owner.is_here() {
            return Backing::default();
        }
        self.shared.state.lock().options.backing
    }

    /// An image to draw into. It has the pixels of some earlier frame, or zeroes. Waits while there is none.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`], when all consumers are gone and no right to become one is
    /// left anywhere; [`Status::ResourceExhausted`], when there is no image because a consumer is waited for that this
    /// process has no descriptors or memory to serve: nothing is lost, and a later call goes on.
    pub fn acquire(&self, timeout: Timeout) -> Result<Image> {
        self.shared.owner.check()?;
        let mut state = self.shared.state.lock();
        if self.station.attention.take() {
            state.hear_news(&self.station);
        }
        let taken = state.take_image(&self.shared);
        drop(state);
        match taken {
            Some(image) => Ok(image),
            None => self.acquire_later(timeout),
        }
    }

    #[cold]
    fn acquire_later(&self, timeout: Timeout) -> Result<Image> {
        let mut state = self.shared.state.lock();
        state.check_attendance()?;
        state.statistics.waited += u64::from(timeout != Timeout::NONE);
        drop(state);
        let deadline = timeout.deadline();
        let mut spin = deadline.lock(&self.turn).ok_or(Error::TIMED_OUT)?;
        let watched = self.watch(&mut spin, deadline);
        let mut state = self.shared.state.lock();
        if deadline.is_over() {
            state.hear_news(&self.station);
        }
        // Word that was left for a program's own loop is over: what is waited for now is a new sleep.
        state.sleeper.rise(&self.station.page.waiting.0);
        drop(state);
        wake::wait(
            &mut ImageWait { producer: self, spin: &mut spin, watched, patience: Patience::new(deadline) },
            deadline,
        )
    }

    /// Watches the consumers' pages for a while. `None`: an image is free, or there is nobody to watch.
    fn watch(&self, spin: &mut Spin, deadline: Deadline) -> Option<Wait> {
        let state = self.shared.state.lock();
        if state.by_descriptor || state.consumers.is_empty() {
            return None;
        }
        drop(state);
        let seen = || self.shared.state.lock().find_image().is_some();
        spin.watch(self.spin_time.get(), deadline, seen).err()
    }

    /// Makes an image the newest frame; gives the frame's number.
    ///
    /// Errors: [`Status::WrongState`], when the image is of another swapchain, or of a generation that a resize has
    /// replaced, or in a fork. The image comes back.
    pub fn present(&self, mut image: Image, info: &PresentInfo) -> Result<u64, (Image, Error)> {
        let shared = &self.shared;
        if !shared.owner.is_here() {
            return Self::present_elsewhere(image);
        }
        let mut state = shared.state.lock();
        let Claim { shared: owner, cell, generation } = &mut image.claim;
        let (cell, generation) = (*cell, *generation);
        if owner.as_ref().is_none_or(|owner| !Arc::ptr_eq(owner, shared)) || !state.knows(generation) {
            drop(state);
            let message = "an image was presented that is not of this swapchain's current generation";
            return Err((image, Error::fixed(Status::WrongState, message)));
        }
        let now = time::now();
        let frame = FrameWord::new(state.latest.number() + 1, generation, cell);
        self.station.page.publish(frame, now, info);
        state.note_presented(frame);
        for link in &mut state.consumers {
            link.wake();
        }
        let news_are_due = now - state.last_news > NEWS_INTERVAL.as_nanos() as i64;
        drop(state);
        // It has nothing to give back, nor anything else.
        *owner = None;
        std::mem::forget(image.claim);
        if news_are_due {
            self.service();
        }
        Ok(frame.number())
    }

    #[cold]
    fn present_elsewhere(image: Image) -> Result<u64, (Image, Error)> {
        Err((image, Owner::elsewhere()))
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
        self.shared.owner.check()?;
        let SurfaceDescriptor { width, height, format } = *descriptor;
        let mut state = self.shared.state.lock();
        let options = SwapchainOptions { width, height, format, ..state.options };
        options.check()?;
        let images = make_images(&options)?;
        state.begin_generation(options, images);
        state.hear_news(&self.station);
        Ok(())
    }

    /// Looks after consumers that come and go, without waiting. [`Self::acquire`] does it too; a producer that draws
    /// rarely calls it when [`Self::descriptor`] is readable. In a fork it does nothing.
    #[cold]
    pub fn service(&self) {
        if self.shared.owner.is_here() {
            self.shared.state.lock().hear_news(&self.station);
        }
    }

    /// Waits until every consumer has what it is to have: in fifo mode every frame, else the newest one. Rights that were
    /// not used yet are waited for, too, until they are used or nobody has them any more. A program calls it before it
    /// ends, if frames must not only be kept for who comes late, but seen.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`], when frames are left that nobody will see: all consumers are
    /// gone, and no right to become one is left.
    pub fn drain(&self, timeout: Timeout) -> Result<()> {
        self.shared.owner.check()?;
        self.service();
        wake::wait(&mut DrainWait(self), timeout.deadline())
    }

    /// Readable when [`Self::acquire`], with a timeout of none, or [`Self::service`] has something to do. From the
    /// first call of this on, an acquire that finds no image leaves word that one is waited for.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        if self.shared.owner.is_here() {
            self.shared.state.lock().by_descriptor = true;
        }
        self.station.set.descriptor()
    }

    /// How long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set. Zero never
    /// watches. Where waits turn out to be longer it sleeps at once, whatever the time.
    pub fn set_spin_time(&self, time: Duration) {
        self.spin_time.set(time);
    }

    /// What was counted. In a fork: nothing.
    pub fn statistics(&self) -> ProducerStatistics {
        if !self.shared.owner.is_here() {
            return ProducerStatistics::default();
        }
        let state = self.shared.state.lock();
        let (presented, consumers) = (state.latest.number(), state.consumers.len() as u32);
        ProducerStatistics { presented, consumers, ..state.statistics }
    }

    /// Waits for one of the things that the kernel has, and takes it in.
    fn hear_next(&self, until: Deadline) -> Result<()> {
        match self.station.set.wait(until) {
            Ok(ready) => self.shared.state.lock().hear(&self.station, ready),
            // It is looked once more.
            Err(error) if error.status() == Status::TimedOut => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        if self.shared.owner.is_here() {
            self.shared.state.lock().end(&self.station);
        }
    }
}

/// A thread that waits for an image.
struct ImageWait<'a> {
    producer: &'a Producer,
    spin: &'a mut Spin,
    watched: Option<Wait>,
    patience: Patience,
}

impl Waiting for ImageWait<'_> {
    type News = Image;

    fn announce(&mut self) {
        let mut state = self.producer.shared.state.lock();
        state.sleeper.announce(&self.producer.station.page.waiting.0);
        state.pay_rings();
    }

    fn look(&mut self) -> Result<Option<Image>> {
        let mut state = self.producer.shared.state.lock();
        state.settle(&self.producer.station);
        let found = state.take_image(&self.producer.shared);
        if found.is_some() {
            return Ok(found);
        }
        state.check_attendance()?;
        self.patience.check(state.shortage())?;
        Ok(None)
    }

    fn owes(&self) -> bool {
        self.producer.shared.state.lock().owes()
    }

    fn sleep(&mut self, until: Deadline) -> Result<()> {
        let is_delayed = self.producer.shared.state.lock().is_delayed();
        // Not under the lock: other threads present and drop images meanwhile.
        let outcome = self.producer.hear_next(if is_delayed { until.at_most(PAUSE) } else { until });
        if let Some(watched) = self.watched.take() {
            self.spin.learn(&watched);
        }
        outcome
    }

    fn rise(&mut self, has_news: bool) {
        let mut state = self.producer.shared.state.lock();
        // A program that waits by the descriptor is rung for what comes after this call.
        if has_news || !state.by_descriptor {
            state.sleeper.rise(&self.producer.station.page.waiting.0);
        }
    }
}

/// A thread that waits until everything has been seen.
struct DrainWait<'a>(&'a Producer);

impl Waiting for DrainWait<'_> {
    type News = ();

    fn announce(&mut self) {
        self.0.shared.state.lock().pay_rings();
    }

    fn look(&mut self) -> Result<Option<()>> {
        let mut state = self.0.shared.state.lock();
        state.settle(&self.0.station);
        state.has_drained()
    }

    fn owes(&self) -> bool {
        self.0.shared.state.lock().owes()
    }

    fn sleep(&mut self, until: Deadline) -> Result<()> {
        self.0.hear_next(until.at_most(DRAIN_LOOKS))
    }

    fn rise(&mut self, _: bool) {}
}
