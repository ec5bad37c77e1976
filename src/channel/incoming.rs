//! The receiving half of a channel: what comes through the ring and the port, in the order in which it was sent.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::order::{Order, Step};
use super::outgoing::{BELL, REGION, RING, ROOM};
use super::ring::{Broken, Entry, RingPage, RingReceiver, WORDS};
use super::staging::StagingReceiver;
use super::{Channel, FUTILE_AT_ONCE};
use crate::error::{Error, Result, Status};
use crate::message::Message;
use crate::page::Page;
use crate::recycled::FreeBuffers;
use crate::sys::doorbell::Ringer;
use crate::sys::owner::Owner;
use crate::sys::wait_readable;
use crate::time::{Deadline, Timeout};
use crate::wake::{self, Spin, Wait, Waiting};

/// What the port of a dead peer can hold at the most, in messages: more than any system queues.
const MOST_IN_PORT: u32 = 4096;
/// How often a bell of this end's own is rung until that counts as failed.
const ATTEMPTS: usize = 3;
/// How long a receive whose message finds no descriptors or memory tries again before it says so, and how often.
const SHORTAGE: Duration = Duration::from_millis(100);
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The receiving half.
#[derive(Debug)]
pub(super) struct Incoming {
    owner: Owner,
    order: Order<Result<Message>>,
    ring: Option<RingReceiver<Page<RingPage>>>,
    staging: StagingReceiver,
    /// For the payloads that come through the staging region.
    buffers: FreeBuffers,
    /// Wakes a sender that waits for room.
    room: Option<Ringer>,
    /// The last look at the port found it empty.
    port_was_empty: bool,
    /// Messages that the sender had sent by the port before that look, as it says.
    by_port: u64,
    /// Where the kernel is asked for news, in words taken from the ring: one lap after the last time.
    ask_at: u64,
    peer: Peer,
    spin: Spin,
    /// For the rest of a message whose sender is writing it, which is a matter of its own: those waits are short, however
    /// long it is between messages.
    rest_spin: Spin,
}

/// Whether more can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Alive,
    /// Its process has ended, and the port has at most so many messages that it sent before.
    Ended {
        in_port: u32,
    },
    /// Nobody can send any more, and the port is empty. The descriptor says so, or has still to be told.
    Gone {
        told: bool,
    },
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(ring) = self.ring.take().filter(|_| self.owner.is_here()) {
            ring.leave();
        }
    }
}

impl Incoming {
    pub(super) fn new(owner: Owner) -> Self {
        Self {
            owner,
            order: Order::new(),
            ring: None,
            staging: StagingReceiver::new(),
            buffers: FreeBuffers::default(),
            room: None,
            port_was_empty: false,
            by_port: 0,
            ask_at: WORDS as u64,
            peer: Peer::Alive,
            spin: Spin::new(),
            rest_spin: Spin::new(),
        }
    }

    /// Whether everything that is queued is in the port.
    pub(super) fn is_in_port(&self) -> bool {
        self.ring.is_none() && !self.order.has_port()
    }

    /// The next message, if it is bytes alone in the ring. Asks nobody.
    pub(super) fn take_at_once(&mut self, channel: &Channel) -> Result<Option<Message>> {
        let Some(ring) = &mut self.ring else { return Ok(None) };
        if self.staging.is_arriving() || ring.taken() >= self.ask_at || !self.order.is_next(ring.number()) {
            return Ok(None);
        }
        self.take_from_ring(channel)
    }

    /// The next message.
    pub(super) fn receive(&mut self, channel: &Channel, deadline: Deadline) -> Result<Message> {
        let shortage_ends = match self.receive_now(channel, deadline) {
            Err(error) if error.status() == Status::ResourceExhausted && !deadline.is_over() => {
                deadline.at_most(SHORTAGE)
            }
            outcome => return outcome,
        };
        // The port is readable, so nothing can be waited for; and who calls again at once must not keep a processor busy.
        loop {
            std::thread::sleep(shortage_ends.remaining().unwrap_or(BETWEEN_TRIES).min(BETWEEN_TRIES));
            let is_over = shortage_ends.is_over();
            match self.receive_now(channel, Deadline::NOW) {
                Err(error) if error.status() == Status::ResourceExhausted && !is_over => {}
                Err(error) if error.status() == Status::TimedOut => {
                    return self.receive_now(channel, deadline);
                }
                outcome => return outcome,
            }
        }
    }

    fn receive_now(&mut self, channel: &Channel, deadline: Deadline) -> Result<Message> {
        let mut receiving = Receiving { incoming: self, channel, deadline, spun: None };
        if let Some(message) = receiving.look()? {
            return Ok(message);
        }
        // A wait asks the kernel itself whether there is something.
        let waits = !deadline.is_over();
        if !waits || receiving.incoming.ring.is_none() {
            if !waits {
                receiving.incoming.ask_process(channel)?;
            }
            receiving.incoming.fetch(channel)?;
            if let Some(message) = receiving.look()? {
                return Ok(message);
            }
        }
        let outcome = if waits { wake::wait(&mut receiving, deadline) } else { Err(Error::TIMED_OUT) };
        if outcome.as_ref().is_err_and(|error| error.status() == Status::TimedOut) {
            channel.settle();
        }
        outcome
    }

    /// The next message of what is in the ring and what was fetched from the port. Looks into the port itself only where
    /// the order depends on it.
    fn take(&mut self, channel: &Channel) -> Result<Option<Message>> {
        let mut port_is_empty = false;
        loop {
            let is_over = self.ring.as_ref().is_some_and(|ring| ring.taken() >= self.ask_at);
            // What was in the ring when the head of the port was fetched has been taken, or the sender broke the rules.
            let is_overdue = is_over && self.order.has_port();
            if is_over && !is_overdue {
                self.ask_after_a_lap();
                self.ask_process(channel)?;
                match self.fetch(channel) {
                    // What is in the ring needs nothing.
                    Err(error) if error.status() == Status::ResourceExhausted => {}
                    outcome => drop(outcome?),
                }
            }
            if self.staging.is_arriving() {
                return self.take_arriving(channel);
            }
            let ring = self.ring.as_ref().filter(|_| !is_overdue);
            match self.order.step(ring.and_then(RingReceiver::number), port_is_empty) {
                Step::Nothing => return Ok(None),
                Step::LookAtPort => {
                    port_is_empty = self.fetch(channel)?;
                    if !port_is_empty && !self.order.has_port() {
                        return Ok(None);
                    }
                }
                Step::Missing(messages) => {
                    let words = format!("{messages} messages of the peer were destroyed on their way");
                    return Err(Error::malformed(words));
                }
                Step::Port(message) => {
                    self.ask_after_a_lap();
                    return message.map(Some);
                }
                Step::Ring => match self.take_from_ring(channel)? {
                    None if self.staging.is_arriving() => {}
                    outcome => return Ok(outcome),
                },
            }
        }
    }

    /// Takes the ring's head, which is next. A payload that arrives beside the ring is not there yet.
    fn take_from_ring(&mut self, channel: &Channel) -> Result<Option<Message>> {
        let Some(ring) = &mut self.ring else { return Ok(None) };
        match ring.next() {
            Ok(Some(Entry::Inline { id, payload })) => {
                self.order.advance();
                self.wake_sender(channel, false);
                Ok(Some(Message::from_bytes(id, payload, channel.peer())))
            }
            Ok(Some(Entry::Staged { id, place })) => match self.staging.begin(ring, id, place) {
                Ok(()) => Ok(None),
                Err(Broken) => {
                    self.order.advance();
                    Err(Error::malformed("a peer sent a payload at a place that is none"))
                }
            },
            Ok(None) => Ok(None),
            // Of which nothing can be read from here on.
            Err(Broken) => {
                self.forget_ring();
                self.order.forget();
                Err(Error::malformed("a peer broke the format of its channel's ring"))
            }
        }
    }

    /// Takes what has arrived of a payload, and the message once all of it has.
    fn take_arriving(&mut self, channel: &Channel) -> Result<Option<Message>> {
        let Some(ring) = &self.ring else { return Ok(None) };
        if let Some((id, payload)) = self.staging.copy(ring, &self.buffers)? {
            self.order.advance();
            // A large place has become free, which is worth a look whether the sender waits for it.
            self.wake_sender(channel, true);
            return Ok(Some(Message::from_recycled(id, payload, channel.peer())));
        }
        if !self.order.has_port() {
            return Ok(None);
        }
        // The sender has sent something since, so all of it had to be there.
        self.staging.give_up(ring);
        self.order.advance();
        Err(Error::malformed("a peer did not send the rest of a message"))
    }

    /// Takes messages out of the port until one of them has a place in the order. Gives whether the port is empty.
    fn fetch(&mut self, channel: &Channel) -> Result<bool> {
        for _ in 0..FUTILE_AT_ONCE {
            if self.order.has_port() {
                return Ok(false);
            }
            match &mut self.peer {
                Peer::Gone { .. } | Peer::Ended { in_port: 0 } => return Ok(true),
                Peer::Ended { in_port } => *in_port -= 1,
                Peer::Alive => {}
            }
            self.port_was_empty = false;
            self.by_port = self.ring.as_ref().map_or(0, RingReceiver::by_port);
            let (message, destroyed) = match channel.duplex.receive.receive_any(Deadline::NOW) {
                Ok(received) => received,
                Err(error) => match error.status() {
                    Status::TimedOut => {
                        self.port_was_empty = true;
                        return Ok(true);
                    }
                    Status::NoSenders => {
                        self.end(Peer::Gone { told: channel.keep_readable() });
                        return Ok(true);
                    }
                    // A lane for one message that died unused: no channel has one, so somebody made it.
                    Status::PeerDead => continue,
                    Status::Malformed | Status::Unsupported => {
                        channel.refuse();
                        continue;
                    }
                    _ => return Err(error),
                },
            };
            // Whatever came has woken this side.
            if let Some(ring) = &mut self.ring {
                ring.rise();
            }
            if !channel.is_from_peer(&message, destroyed.is_none()) {
                if !is_own_bell(&message) {
                    channel.refuse();
                }
                continue;
            }
            match (message.number(), destroyed) {
                (Some(number), _) if self.order.is_past(number) => {}
                (Some(number), destroyed) => {
                    self.order.put_port(number, destroyed.map_or(Ok(message), Err));
                    self.ask_after_a_lap();
                }
                (None, None) if message.is_control() => self.take_control(channel, message)?,
                // An offer that could not be opened: the sender goes on without, and offers again.
                (None, Some(error)) if message.is_control() => {
                    tracing::debug!(%error, "what a peer offered for a channel is of no use");
                }
                (None, destroyed) => {
                    let unnumbered = || Error::malformed("a peer sent a message that is none of a channel's");
                    return Err(destroyed.unwrap_or_else(unnumbered));
                }
            }
        }
        Ok(false)
    }

    /// Takes a message for the library itself.
    fn take_control(&mut self, channel: &Channel, mut message: Message) -> Result<()> {
        let lacks = |error: Error| match error.status() {
            Status::InvalidArgument => Error::malformed(error.message().to_owned()),
            _ => error,
        };
        match message.id() {
            BELL => {}
            ROOM => {
                self.room = Some(Ringer::from_send_right(message.take_send_right(0).map_err(lacks)?.0));
                self.wake_sender(channel, true);
            }
            RING => {
                let page = Page::<RingPage>::open(message.take_memory(0).map_err(lacks)?)?;
                if !page.is_writable() {
                    return Err(Error::malformed("a peer sent a ring that can only be read"));
                }
                self.forget_ring();
                self.ring = Some(RingReceiver::accept(page));
                self.ask_after_a_lap();
            }
            REGION => {
                let region = message.take_memory(0).map_err(lacks)?;
                let number = <[u8; 4]>::try_from(message.payload()).map(u32::from_le_bytes);
                let (Ok(number), Some(ring)) = (number, &self.ring) else {
                    return Err(Error::malformed("a peer sent a region that is no ring's"));
                };
                self.staging.accept_region(ring, number, region)?;
            }
            _ => return Err(Error::malformed("a peer sent what no channel knows")),
        }
        Ok(())
    }

    /// Whether there may be something in the port of which its descriptor does not tell: not every system tells again of
    /// what is left after another message, and a spin does not look at the descriptor.
    fn port_has_news(&self) -> bool {
        !self.port_was_empty || self.ring.as_ref().is_some_and(|ring| ring.by_port() != self.by_port)
    }

    fn ask_after_a_lap(&mut self) {
        self.ask_at = self.ring.as_ref().map_or(0, RingReceiver::taken) + WORDS as u64;
    }

    fn forget_ring(&mut self) {
        if let Some(ring) = self.ring.take() {
            ring.leave();
        }
        self.staging = StagingReceiver::new();
    }

    /// Asks whether the peer's process has ended.
    fn ask_process(&mut self, channel: &Channel) -> Result<()> {
        if self.peer == Peer::Alive && channel.peer_has_ended()? {
            self.end(Peer::Ended { in_port: MOST_IN_PORT });
        }
        Ok(())
    }

    /// Nothing new comes; what was sent before is there by now.
    fn end(&mut self, peer: Peer) {
        self.peer = peer;
        if let Some(ring) = &mut self.ring {
            ring.close();
        }
    }

    /// Wakes a sender that waits for room, if there is news of some.
    fn wake_sender(&mut self, channel: &Channel, at_rest: bool) {
        let Some(ring) = &mut self.ring else { return };
        let room = &self.room;
        ring.wake_sender(at_rest, || {
            let outcome = room.as_ref().map_or(Err(Error::TIMED_OUT), Ringer::ring);
            // Relaxed: a debt that is seen late is paid late.
            if outcome.is_err() {
                channel.owes_room.store(true, Ordering::Relaxed);
            }
            outcome
        });
        // What rings it may still be in the port.
        if self.room.is_none() && self.owes() && self.fetch(channel).is_err() {
            tracing::debug!("what rings a sender could not be looked for");
        }
    }

    fn owes(&self) -> bool {
        self.ring.as_ref().is_some_and(RingReceiver::owes)
    }

    /// Rings a sender for which a ring has failed.
    #[cold]
    pub(super) fn pay(&mut self, channel: &Channel) {
        self.wake_sender(channel, true);
        channel.owes_room.store(self.owes(), Ordering::Relaxed);
    }

    /// After every call of a program that waits by the descriptor: has it tell what is there, and what comes.
    pub(super) fn leave(&mut self, channel: &Channel) {
        if self.peer == (Peer::Gone { told: false }) {
            self.peer = Peer::Gone { told: channel.keep_readable() };
        }
        let Some(ring) = &mut self.ring else { return };
        // It rings when it sends next, or has rung and the bell is in the port still.
        if ring.is_asleep() {
            return;
        }
        ring.announce();
        // The sender may have sent it without ringing.
        if (self.staging.has_message(ring) || self.order.has_port()) && !channel.ring_itself() {
            ring.rise();
        }
    }
}

/// A receive that waits.
struct Receiving<'a> {
    incoming: &'a mut Incoming,
    channel: &'a Channel,
    deadline: Deadline,
    /// What the spin before this sleep has learnt.
    spun: Option<Wait>,
}

impl Waiting for Receiving<'_> {
    type News = Message;

    fn announce(&mut self) {
        let Self { incoming, channel, deadline, spun } = self;
        channel.pay_news();
        incoming.wake_sender(channel, true);
        if channel.owes_room() {
            incoming.pay(channel);
        }
        let Incoming { ring: Some(ring), staging, spin, rest_spin, port_was_empty, by_port, .. } =
            &mut **incoming
        else {
            return;
        };
        let has_news = || staging.has_news(ring) || !*port_was_empty || ring.by_port() != *by_port;
        if has_news() {
            return;
        }
        let spin = if staging.is_arriving() { rest_spin } else { spin };
        match spin.watch(channel.spin_time.get(), *deadline, has_news) {
            Ok(()) => {}
            Err(wait) => {
                *spun = Some(wait);
                ring.announce();
            }
        }
    }

    fn look(&mut self) -> Result<Option<Message>> {
        let Self { incoming, channel, .. } = self;
        loop {
            let message = incoming.take(channel)?;
            if message.is_some() || incoming.peer == Peer::Alive {
                return Ok(message);
            }
            // What was sent before the end is there by now.
            if incoming.fetch(channel)? {
                return Err(Error::PEER_DEAD);
            }
        }
    }

    fn owes(&self) -> bool {
        self.channel.owes_news() || self.channel.owes_room()
    }

    fn sleep(&mut self, until: Deadline) -> Result<()> {
        let Self { incoming, channel, spun, .. } = self;
        let was_seen = incoming.ring.as_ref().is_some_and(|ring| !ring.is_asleep());
        if (incoming.port_has_news() && !incoming.fetch(channel)?) || was_seen {
            return Ok(());
        }
        let port = channel.duplex.receive.descriptor();
        let ready = match channel.process() {
            Some(process) => wait_readable(&[port, process.descriptor()], until)?,
            None => wait_readable(&[port], until)?,
        };
        if let Some(wait) = spun.take() {
            let spin =
                if incoming.staging.is_arriving() { &mut incoming.rest_spin } else { &mut incoming.spin };
            spin.learn(&wait);
        }
        if ready & 2 != 0 {
            incoming.ask_process(channel)?;
        }
        if ready & 1 != 0 {
            incoming.fetch(channel)?;
        }
        Ok(())
    }

    fn rise(&mut self, _: bool) {
        if let Some(ring) = &mut self.incoming.ring {
            ring.rise();
        }
    }
}

/// Whether a message is a bell that this process has rung itself.
fn is_own_bell(message: &Message) -> bool {
    let sender = message.sender().map(|sender| sender.process_id);
    message.is_control() && message.id() == BELL && sender == Some(std::process::id())
}

impl Channel {
    /// Puts a bell into this end's own port, which makes its descriptor readable. Gives whether that succeeded.
    pub(super) fn ring_itself(&self) -> bool {
        self.tell_itself(|right| right.send(Message::control(BELL), Timeout::NONE).map_err(Error::from))
    }

    /// *No senders* is said once. A new last sender that goes at once makes the port speak again, so that its descriptor
    /// stays readable. Gives whether that succeeded.
    fn keep_readable(&self) -> bool {
        self.tell_itself(|_| Ok(()))
    }

    fn tell_itself(&self, tell: impl Fn(crate::port::SendRight) -> Result<()>) -> bool {
        let told = (0..ATTEMPTS).any(|_| self.duplex.receive.make_send().and_then(&tell).is_ok());
        if !told {
            tracing::warn!("a channel's descriptor may be silent about what was received already");
        }
        told
    }
}
