//! The consumers of a producer: who comes and goes, and which images each of them has. Runs in the producer's process.

use std::sync::Arc;

use super::Shared;
use super::state::{Generation, State};
use crate::error::{Error, Result, Status};
use crate::message::Message;
use crate::page::Page;
use crate::port::Duplex;
use crate::swapchain::PresentMode;
use crate::swapchain::control::{ConsumerPage, Taking};
use crate::swapchain::protocol::{self, GenerationHead, Welcome};
use crate::sys::doorbell::{Doorbell, Ringer, Rung, doorbell};
use crate::sys::port_set::Ready;
use crate::time::{self, Deadline, Timeout};

/// News of one service; the rest waits for the next, so that a flood does not keep the producer from drawing.
const NEWS_AT_ONCE: usize = 64;
/// The keys of the producer's port and of its own doorbell in its set. A consumer `n` has the keys `2n` and
/// `2n + 1`, from 1.
pub(super) const PORT_KEY: u64 = 0;
pub(super) const OWN_DOORBELL_KEY: u64 = 1;
/// Consumers at a time.
const MAX_CONSUMERS: usize = 16;

/// The producer's side of one consumer.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) duplex: Duplex,
    pub(super) page: Page<ConsumerPage>,
    pub(super) ringer: Ringer,
    /// Rung by this consumer only, so that what one does to its end is no other's trouble.
    pub(super) doorbell: Doorbell,
    pub(super) taking: Taking,
    /// The sleep for which it was rung last.
    pub(super) rung: u64,
    /// The generation that was sent last; 0: none.
    pub(super) sent: u16,
    /// It takes no more frames, though it may hold some.
    pub(super) left: bool,
}

impl State {
    /// Takes in what the kernel has for this producer, without waiting.
    pub(super) fn hear_news(&mut self, shared: &Arc<Shared>) {
        self.last_news = time::now();
        for _ in 0..NEWS_AT_ONCE {
            match shared.set.wait(Deadline::NOW) {
                Ok(ready) => self.hear(shared, ready),
                Err(_) => break,
            }
        }
        self.settle_consumers();
    }

    /// Takes in one of the things that the kernel has.
    pub(super) fn hear(&mut self, shared: &Arc<Shared>, ready: Ready) {
        match ready {
            Ready::Receive(PORT_KEY) => self.hear_port(shared),
            Ready::Receive(OWN_DOORBELL_KEY) => drop(shared.doorbell.drain()),
            Ready::Receive(key) | Ready::Dead(key) => self.hear_consumer(shared, key),
        }
    }

    /// Looks at what consumers say in shared memory, and sends them the images that they lack.
    pub(super) fn settle_consumers(&mut self) {
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
            PresentMode::Fifo if !self.is_attended() => self.waiting_floor(),
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
            let asking = head.allocate_message(self.options.backing);
            let sent = asking.map(|ask| link.duplex.send.send(ask, Timeout::NONE));
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

    #[inline]
    pub(super) fn ring_if_waiting(&mut self) {
        let sleep = self.page.waiting();
        if sleep != 0 {
            self.ring(sleep);
        }
    }

    #[cold]
    fn ring(&mut self, sleep: u64) {
        if sleep != self.rung {
            self.rung = sleep;
            // A dead consumer's links say so as well, and are heard with the news.
            let _ = self.ringer.ring();
        }
    }
}
