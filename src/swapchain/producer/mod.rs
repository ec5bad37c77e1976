//! The producing side: runs in the process that draws.

mod links;
mod state;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use self::links::{OWN_DOORBELL_KEY, PORT_KEY};
use self::state::{State, make_images};
use super::control::{AttentionPage, FrameWord, MAX_IMAGES, ProducerPage};
use super::right::ConsumerRight;
use super::{PresentInfo, SwapchainOptions};
use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
use crate::memory::Access;
use crate::page::Page;
use crate::port::ReceiveRight;
use crate::surface::Surface;
use crate::sys;
use crate::sys::doorbell::{Doorbell, Ringer, doorbell};
use crate::time::{self, Deadline, Timeout};
use crate::wake::{Spin, SpinTime, Wait};

/// How long a producer that never has to wait goes without asking the kernel for news: who died says nothing in
/// shared memory.
const NEWS_INTERVAL: Duration = Duration::from_millis(8);

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
    set: sys::port_set::PortSet,
    /// Rung by this process itself, when an image is dropped while another thread waits for one.
    doorbell: Doorbell,
    ringer: Ringer,
    state: Mutex<State>,
    spin_time: SpinTime,
    /// Had by the one thread that waits for an image; others wait for their turn.
    turn: Mutex<Spin>,
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
        let mut state = shared.state.lock();
        if state.knows(self.generation) {
            state.drawing.remove(self.cell);
            if state.wanted {
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
        let port = ReceiveRight::new()?;
        let set = sys::port_set::PortSet::new()?;
        set.add(&port.0, PORT_KEY)?;
        let (doorbell, ringer) = doorbell()?;
        set.add_doorbell(&doorbell, OWN_DOORBELL_KEY)?;
        let state = State::new(options)?;
        Ok(Self(Arc::new(Shared {
            page: Page::create(Access::ReadOnlyForOthers)?,
            attention: Page::create(Access::ReadWrite)?,
            port,
            set,
            doorbell,
            ringer,
            state: Mutex::new(state),
            spin_time: SpinTime::default(),
            turn: Mutex::new(Spin::new()),
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
        let taken = state.take_image(shared);
        drop(state);
        match taken {
            Some(image) => Ok(image),
            None => self.acquire_later(timeout),
        }
    }

    #[cold]
    fn acquire_later(&self, timeout: Timeout) -> Result<Image> {
        let shared = &self.0;
        let mut state = shared.state.lock();
        state.check_attendance()?;
        state.statistics.waited += 1;
        drop(state);
        let deadline = timeout.deadline();
        let mut spin = deadline.lock(&shared.turn).ok_or(Error::TIMED_OUT)?;
        shared.wait_for_image(&mut spin, deadline)
    }

    /// Makes an image the newest frame; gives the frame's number.
    ///
    /// Errors: [`Status::WrongState`], when the image is of another swapchain, or of a generation that a resize has
    /// replaced. The image comes back.
    pub fn present(&self, mut image: Image, info: &PresentInfo) -> Result<u64, (Image, Error)> {
        let shared = &self.0;
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
        shared.page.publish(frame, now, info);
        state.note_presented(frame);
        for link in &mut state.consumers {
            link.ring_if_waiting();
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
    #[cold]
    pub fn service(&self) {
        self.0.state.lock().hear_news(&self.0);
    }

    /// Readable when [`Self::acquire`], with a timeout of none, or [`Self::service`] has something to do. From the
    /// first call of this on, an acquire that finds no image leaves word that one is waited for.
    pub fn descriptor(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.state.lock().by_descriptor = true;
        self.0.set.descriptor()
    }

    /// How long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set. Zero never
    /// watches. Where waits turn out to be longer it sleeps at once, whatever the time.
    pub fn set_spin_time(&self, time: Duration) {
        self.0.spin_time.set(time);
    }

    /// What was counted.
    pub fn statistics(&self) -> ProducerStatistics {
        let state = self.0.state.lock();
        let (presented, consumers) = (state.latest.number(), state.consumers.len() as u32);
        ProducerStatistics { presented, consumers, ..state.statistics }
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
    /// Watches the consumers' pages for a while. `None`: an image is free, or there is nobody to watch.
    fn watch(&self, spin: &mut Spin, deadline: Deadline) -> Option<Wait> {
        let state = self.state.lock();
        if state.by_descriptor || state.consumers.is_empty() {
            return None;
        }
        drop(state);
        spin.watch(self.spin_time.get(), deadline, || self.state.lock().find_image().is_some()).err()
    }

    fn wait_for_image(self: &Arc<Self>, spin: &mut Spin, deadline: Deadline) -> Result<Image> {
        let wait = self.watch(spin, deadline);
        if deadline.is_over() {
            self.state.lock().hear_news(self);
        }
        loop {
            let mut state = self.state.lock();
            // First leave word, then look once more.
            state.leave_word(self, true);
            state.settle_consumers();
            let found = state.take_image(self);
            let alone = state.check_attendance();
            if found.is_some() || alone.is_err() || deadline.is_over() {
                let keep = state.by_descriptor && found.is_none() && alone.is_ok();
                state.leave_word(self, keep);
                alone?;
                return found.ok_or(Error::TIMED_OUT);
            }
            // Not under the lock: other threads present and drop images meanwhile.
            drop(state);
            let news = self.set.wait(deadline);
            if let Some(wait) = &wait {
                spin.learn(wait);
            }
            match news {
                Ok(ready) => self.state.lock().hear(self, ready),
                // It is looked once more.
                Err(error) if error.status() == Status::TimedOut => {}
                Err(error) => return Err(error),
            }
        }
    }
}
