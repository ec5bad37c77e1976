//! The consumers of a producer: who comes and goes, and which images each of them has. Runs in the producer's process.

use std::sync::Arc;

use super::Station;
use super::outbox::{self, Outbox};
use super::state::{Asked, Generation, State};
use crate::error::{Error, Result, Status};
use crate::message::Message;
use crate::page::Page;
use crate::port::{Duplex, SendRight};
use crate::swapchain::PresentMode;
use crate::swapchain::control::{ConsumerPage, FrameWord, Taking};
use crate::swapchain::patience::PAUSE;
use crate::swapchain::protocol::{self, GenerationHead, Welcome};
use crate::sys::doorbell::{Doorbell, Ringer, Rung, doorbell};
use crate::sys::port_set::Ready;
use crate::sys::spawn::Process;
use crate::time::{self, Deadline, Timeout};
use crate::wake::Waker;

/// News of one service; the rest waits for the next, so that a flood does not keep the producer from drawing.
const NEWS_AT_ONCE: usize = 64;
/// The keys of the producer's port and of its own doorbell in its set. A consumer `n` has the keys from `3n` on, in the
/// order of its watches; it is counted from 1.
pub(super) const PORT_KEY: u64 = 0;
pub(super) const OWN_DOORBELL_KEY: u64 = 1;
const WATCHES: u64 = 3;
/// Consumers at a time.
const MAX_CONSUMERS: usize = 16;
/// Refusals that wait until they can be sent.
const MAX_REFUSALS: usize = 16;
/// How long a consumer may take to make images until another one is asked, in nanoseconds.
const ALLOCATION: i64 = 500_000_000;

/// The producer's side of one consumer.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: u64,
    duplex: Duplex,
    pub(super) page: Page<ConsumerPage>,
    ringer: Ringer,
    waker: Waker,
    /// Rung by this consumer only, so that what one does to its end is no other's trouble.
    doorbell: Doorbell,
    /// Its process, whose end is its end, whoever else has its descriptors; none for this process itself, and where the
    /// system does not tell.
    process: Option<Process>,
    /// How many of its watches are in the set.
    watched: u64,
    pub(super) taking: Taking,
    pub(super) outbox: Outbox,
    /// It takes no more frames, though it may hold some.
    pub(super) left: bool,
}

impl Link {
    /// Wakes the consumer if it sleeps. A fence lies between the news and this.
    #[inline]
    pub(super) fn wake(&mut self) {
        let ringer = &self.ringer;
        self.waker.wake(&self.page.waiting.0, || ringer.ring());
    }

    /// Rings if a ring that it is owed has failed.
    fn pay(&mut self) {
        let ringer = &self.ringer;
        self.waker.pay(&self.page.waiting.0, || ringer.ring());
    }

    pub(super) fn owes_ring(&self) -> bool {
        self.waker.owes(&self.page.waiting.0)
    }

    /// Has the set tell of this consumer.
    fn watch(&mut self, station: &Station) -> Result<()> {
        while self.watched < WATCHES {
            let key = WATCHES * self.number + self.watched;
            match (self.watched, &self.process) {
                (0, _) => station.set.add(&self.duplex.receive.0, key)?,
                (1, _) => station.set.add_doorbell(&self.doorbell, key)?,
                (_, Some(process)) => station.set.add_process(process, key)?,
                (_, None) => {}
            }
            self.watched += 1;
        }
        Ok(())
    }

    /// Has the set forget it.
    fn unwatch(&self, station: &Station) {
        for watch in 0..self.watched {
            let key = WATCHES * self.number + watch;
            // One that is muted is not there.
            let _ = match (watch, &self.process) {
                (2, Some(process)) => station.set.remove_process(process, key),
                (2, None) => Ok(()),
                _ => station.set.remove(key),
            };
        }
    }
}

impl State {
    /// Takes in what the kernel has for this producer, without waiting.
    pub(super) fn hear_news(&mut self, station: &Station) {
        self.last_news = time::now();
        for _ in 0..NEWS_AT_ONCE {
            match station.set.wait(Deadline::NOW) {
                Ok(ready) => self.hear(station, ready),
                Err(_) => break,
            }
        }
        self.settle(station);
        self.pay_rings();
    }

    /// Takes in one of the things that the kernel has.
    pub(super) fn hear(&mut self, station: &Station, ready: Ready) {
        match ready {
            Ready::Receive(PORT_KEY) => self.hear_port(station),
            Ready::Receive(OWN_DOORBELL_KEY) => drop(station.doorbell.drain()),
            Ready::Receive(key) | Ready::Dead(key) => self.hear_consumer(station, key),
        }
    }

    /// Looks at what consumers say in shared memory, and does what is owed them.
    pub(super) fn settle(&mut self, station: &Station) {
        self.see_who_left();
        self.ask_for_images();
        if let Some(delay) = &self.delay {
            if time::now() < delay.until {
                return;
            }
            self.delay = None;
            self.unmute(station);
            if let Some(message) = self.attaching.take() {
                self.hear_attach(station, message);
            }
        }
        self.pay(station);
    }

    /// Sends what is owed, and watches who is not watched yet.
    fn pay(&mut self, station: &Station) {
        let mut lacking = Ok(());
        for link in &mut self.consumers {
            let arrived = Some(link.page.generation());
            let paid = link.watch(station).and_then(|()| link.outbox.pay(&link.duplex.send, arrived));
            lacking = lacking.and(paid);
        }
        while let Some((duplex, message)) = self.refusals.pop() {
            if let Err(failure) = duplex.send.send(message, Timeout::NONE)
                && failure.status() != Status::PeerDead
            {
                lacking = lacking.and(Err(failure.error().clone()));
                self.refusals.extend(failure.into_message().map(|message| (duplex, message)));
                break;
            }
        }
        if let Err(error) = lacking {
            self.put_off(error);
        }
    }

    /// Something cannot be done now, and is tried again after a pause.
    fn put_off(&mut self, error: Error) {
        tracing::debug!(%error, "what is owed to consumers has to wait");
        self.delay = Some(super::state::Delay { until: time::now() + PAUSE.as_nanos() as i64, error });
    }

    /// What is ready and cannot be taken in now must not keep the set ready.
    fn mute(&mut self, station: &Station, key: u64, error: Error) {
        if station.set.remove(key).is_ok() {
            self.muted.push(key);
        }
        self.put_off(error);
    }

    fn unmute(&mut self, station: &Station) {
        for key in std::mem::take(&mut self.muted) {
            let link = self.consumers.iter().find(|link| WATCHES * link.number == key);
            let right =
                if key == PORT_KEY { Some(&station.port) } else { link.map(|link| &link.duplex.receive) };
            if let Some(right) = right
                && let Err(error) = station.set.add(&right.0, key)
            {
                self.muted.push(key);
                self.put_off(error);
            }
        }
    }

    fn hear_port(&mut self, station: &Station) {
        match station.port.receive(Timeout::NONE) {
            Ok(message) => self.hear_attach(station, message),
            Err(error) => match error.status() {
                Status::NoSenders => self.no_rights = true,
                // Nothing there after all.
                Status::TimedOut => {}
                Status::PeerDead => self.count_refused(&error),
                _ if is_peers_fault(&error) => self.count_refused(&error),
                // The message waits.
                _ => self.mute(station, PORT_KEY, error),
            },
        }
    }

    fn count_refused(&mut self, error: &Error) {
        tracing::warn!(%error, "a message to a producer was refused");
        self.statistics.refused += 1;
    }

    fn hear_attach(&mut self, station: &Station, mut message: Message) {
        match self.take_attach(&mut message) {
            Ok(()) => self.settle(station),
            Err(error) if is_peers_fault(&error) => self.count_refused(&error),
            // It is looked at again; whatever it carries is in it still.
            Err(error) => {
                self.attaching = Some(message);
                self.mute(station, PORT_KEY, error);
            }
        }
    }

    /// Takes in a new consumer.
    ///
    /// Errors: malformed; refused, and the consumer is told; what is lacking here, and the message is as it was.
    fn take_attach(&mut self, message: &mut Message) -> Result<()> {
        if message.id() != protocol::ATTACH || message.attachment_count() != 4 {
            return Err(Error::malformed("a message to a producer is no attach"));
        }
        // First what can be lacking, with everything still in the message.
        let (doorbell, their_ringer) = doorbell()?;
        let process = watch_sender(message)?;
        let duplex = Duplex::take_from(message, 0)?;
        match self.agree(message) {
            Ok((mode, page, ringer)) => {
                let floor = self.floor_of_newcomer(mode);
                let mut welcome = protocol::welcome_message(Welcome { mode, first: floor + 1 })?;
                welcome.attach(self.page.clone())?;
                welcome.attach(SendRight(their_ringer.into_send_right()))?;
                let mut outbox = Outbox::default();
                outbox.owe(welcome);
                // The generation of the latest frame first.
                for generation in self.generations() {
                    outbox.owe_images(generation, self.latest.generation());
                }
                self.last_consumer += 1;
                self.consumers.push(Link {
                    number: self.last_consumer,
                    duplex,
                    page,
                    ringer,
                    waker: Waker::default(),
                    doorbell,
                    process,
                    watched: 0,
                    taking: if mode == PresentMode::Fifo { Taking::EachAbove(floor) } else { Taking::Newest },
                    outbox,
                    left: false,
                });
                Ok(())
            }
            Err(error) => {
                if self.refusals.len() < MAX_REFUSALS {
                    self.refusals.push((duplex, protocol::refused_message(&error)?));
                }
                Err(error)
            }
        }
    }

    /// What an attach asks for and brings.
    fn agree(&self, message: &mut Message) -> Result<(PresentMode, Page<ConsumerPage>, Ringer)> {
        if self.consumers.len() == MAX_CONSUMERS {
            let text = format!("a swapchain has at most {MAX_CONSUMERS} consumers, and this one has them");
            return Err(Error::new(Status::Refused, text));
        }
        let mode = self.agree_on_mode(protocol::parse_attach(message)?)?;
        let page = Page::<ConsumerPage>::open(message.take_memory(2)?)?;
        let ringer = Ringer::from_send_right(message.take_send_right(3)?.0);
        Ok((mode, page, ringer))
    }

    /// The number of the frame before the first one that a new consumer is to see: it begins with the latest frame, or
    /// with those that waited for it.
    fn floor_of_newcomer(&self, mode: PresentMode) -> u64 {
        let before_latest = self.latest.number().saturating_sub(1);
        match mode {
            PresentMode::Fifo if !self.is_attended() => self.waiting_floor().min(before_latest),
            _ => before_latest,
        }
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

    fn hear_consumer(&mut self, station: &Station, key: u64) {
        let (number, watch) = (key / WATCHES, key % WATCHES);
        let Some(place) = self.consumers.iter().position(|link| link.number == number) else {
            return;
        };
        let link = &self.consumers[place];
        let lives = match watch {
            0 => match link.duplex.receive.receive(Timeout::NONE) {
                Ok(message) => self.take_allocated(number, message),
                Err(error) => match error.status() {
                    Status::TimedOut => Ok(()),
                    Status::NoSenders | Status::PeerDead => Err(error),
                    _ if is_peers_fault(&error) => Err(error),
                    _ => {
                        self.mute(station, key, error);
                        Ok(())
                    }
                },
            },
            // A ring says that a cell may be free, which the caller looks at anyway.
            1 if matches!(link.doorbell.drain(), Ok(Rung::RingerDead)) => Err(Error::PEER_DEAD),
            2 if link.process.as_ref().is_some_and(|process| process.has_ended().unwrap_or(false)) => {
                Err(Error::PEER_DEAD)
            }
            _ => Ok(()),
        };
        if let Err(error) = lives {
            if !matches!(error.status(), Status::PeerDead | Status::NoSenders) {
                tracing::warn!(%error, "a consumer that breaks the rules is sent away");
                self.statistics.refused += 1;
            }
            self.remove_consumer(station, place);
        }
    }

    /// Whatever it held is free: its page is not looked at any more.
    fn remove_consumer(&mut self, station: &Station, place: usize) {
        let mut link = self.consumers.remove(place);
        link.unwatch(station);
        self.keep_untaken(&mut link);
        self.asked.retain(|asked| asked.number != link.number);
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
        // It cannot have taken what was not presented, whatever its page says.
        let consumed = link.page.consumed().min(self.latest.number());
        self.seen = self.seen.max(consumed);
        if let (Taking::EachAbove(floor), false, false) = (link.taking, link.left, self.is_attended()) {
            self.waiting_above = floor.max(consumed);
        }
        link.left = true;
        link.taking = Taking::Newest;
    }

    /// The images that a consumer was asked to make. Another one may have been faster.
    fn take_allocated(&mut self, from: u64, mut message: Message) -> Result<()> {
        let was_asked = self.asked.iter().any(|asked| asked.number == from);
        if message.id() != protocol::IMAGES || !was_asked {
            return Err(Error::malformed("a consumer sent images that it was not asked for"));
        }
        let (head, images) = protocol::take_images(&mut message)?;
        if head.generation != self.current.number || !self.current.images.is_empty() {
            return Ok(());
        }
        if head != GenerationHead::new(self.current.number, &self.options) {
            return Err(Error::malformed("a consumer made other images than it was asked for"));
        }
        let made = Generation { images, ..self.current.without_images() };
        self.current = Arc::new(made);
        for link in &mut self.consumers {
            if link.number == from {
                link.outbox.has_images(head.generation);
            } else {
                link.outbox.owe_images(&self.current, self.latest.generation());
            }
        }
        Ok(())
    }

    /// Has a consumer make the images, where that is theirs to do. One that says nothing for long is not the only one.
    fn ask_for_images(&mut self) {
        if !self.current.images.is_empty() {
            return;
        }
        let now = time::now();
        if self.asked.iter().any(|asked| now - asked.when < ALLOCATION) {
            return;
        }
        let head = GenerationHead::new(self.current.number, &self.options);
        let was_asked = |link: &&mut Link| self.asked.iter().any(|asked| asked.number == link.number);
        let next = self.consumers.iter_mut().find(|link| !was_asked(link) && !link.left);
        if let (Some(link), Ok(ask)) = (next, head.allocate_message(self.options.backing)) {
            link.outbox.owe(ask);
            self.asked.push(Asked { number: link.number, when: now });
        }
    }

    /// Rings those for whom a ring is owed.
    pub(super) fn pay_rings(&mut self) {
        self.consumers.iter_mut().for_each(Link::pay);
    }

    /// Whether a ring is owed to anybody.
    pub(super) fn owes(&self) -> bool {
        self.consumers.iter().any(Link::owes_ring)
    }

    /// Rights that were used, or that nobody has any more.
    pub(super) fn forget_dead_lanes(&mut self) {
        self.lanes.retain(|lane| !lane.is_dead().unwrap_or(false));
    }

    /// Whether everybody has what they are to have.
    ///
    /// Errors: peer dead, when frames are left that nobody will see.
    pub(super) fn has_drained(&mut self) -> Result<Option<()>> {
        self.forget_dead_lanes();
        let latest = self.latest.number();
        let has_all = |link: &Link| link.left || (link.outbox.is_empty() && link.page.consumed() >= latest);
        if !self.lanes.is_empty() || self.attaching.is_some() || !self.consumers.iter().all(has_all) {
            return Ok(None);
        }
        if !self.is_attended() && self.seen < latest {
            return Err(Error::fixed(Status::PeerDead, "frames are left that nobody will see"));
        }
        Ok(Some(()))
    }

    /// The end of the stream, in good order and without waiting: everybody gets what can be sent.
    pub(super) fn end(&mut self, station: &Station) {
        // What was put off has no later time than this.
        self.delay = None;
        self.unmute(station);
        if let Some(mut message) = self.attaching.take() {
            let _ = at_last(|| self.take_attach(&mut message));
        }
        self.hear_news(station);
        for link in &mut self.consumers {
            let _ = at_last(|| link.outbox.pay(&link.duplex.send, None));
        }
        let lanes = std::mem::take(&mut self.lanes);
        for lane in lanes {
            let left = at_last(|| outbox::leave(&lane, self.will()?, &self.all_generations()));
            if let Err(error) = left
                && error.status() != Status::PeerDead
            {
                tracing::warn!(%error, "who comes late may not see the last frames of a stream");
            }
        }
        station.page.close();
        station.attention.end();
        for link in &self.consumers {
            // Whether it sleeps or not: there is no later frame at which it would look.
            let _ = link.ringer.ring();
        }
        // The links end with this process's interest in them, also while images are still held.
        self.consumers.clear();
    }

    /// What the holder of a right that was not used is welcomed with.
    fn will(&self) -> Result<Message> {
        let mode = self.options.mode;
        let first = self.floor_of_newcomer(mode) + 1;
        let mut welcome = protocol::welcome_message(Welcome { mode, first })?;
        welcome.attach(self.page.clone())?;
        Ok(welcome)
    }

    /// The generations that have frames to be seen, or will have.
    fn generations(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.previous.iter().chain([&self.current]).filter(|generation| !generation.images.is_empty())
    }

    fn all_generations(&self) -> Vec<&Generation> {
        let is_shown = |generation: &&Generation| {
            let shows =
                |frame: &FrameWord| *frame != FrameWord::NONE && frame.generation() == generation.number;
            self.frames.iter().any(shows)
        };
        self.generations().map(|generation| &**generation).filter(is_shown).collect()
    }
}

/// Does what cannot be put off. Most failures are over at the next attempt.
fn at_last(mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    const ATTEMPTS: usize = 3;
    let mut outcome = attempt();
    for _ in 1..ATTEMPTS {
        if outcome.as_ref().map_or_else(|error| error.status() == Status::PeerDead, |()| true) {
            break;
        }
        outcome = attempt();
    }
    outcome
}

/// Whether a message failed for what a peer put into it, and not for what this process lacks.
pub(in crate::swapchain) fn is_peers_fault(error: &Error) -> bool {
    use Status::{InvalidArgument, Malformed, Refused, Unsupported};
    matches!(error.status(), InvalidArgument | Malformed | Refused | Unsupported)
}

/// The process that sent a message, to be watched: none for this one, and where the system does not tell.
///
/// Errors: what is lacking here.
pub(in crate::swapchain) fn watch_sender(message: &Message) -> Result<Option<Process>> {
    let Some(sender) = message.sender().filter(|sender| sender.process_id != std::process::id()) else {
        return Ok(None);
    };
    match Process::watch_sender(sender.process_id, message.sender_process()) {
        Ok(process) => Ok(Some(process)),
        // It has no number here, or has ended already: its descriptors say the latter, if it was the only one to have them.
        Err(error) if error.status() == Status::NotFound || is_peers_fault(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
