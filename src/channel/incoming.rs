//! The receiving half of a channel: the ring and the port in the order in which they were sent.
//!
//! The sender publishes an entry for each message of the port, behind its sending. A message that is taken out of the
//! port is the next one if the ring is empty *after* that: whatever was sent before it is in the ring by then. So nothing
//! waits for a sender that is, or dies, between the two steps; the entry is skipped when it comes.

use std::sync::atomic::Ordering;

use super::outgoing::{BELL, REGION, RING, ROOM};
use super::ring::{Broken, Entry, RingPage, RingReceiver};
use super::staging::StagingReceiver;
use super::{Channel, FUTILE_AT_ONCE};
use crate::error::{Error, Result, Status};
use crate::message::Message;
use crate::page::Page;
use crate::recycled::FreeBuffers;
use crate::spin::Spin;
use crate::sys::doorbell::Ringer;
use crate::sys::wait_readable;
use crate::time::{self, Deadline, Timeout};

/// How long a receiver that polls goes without a look at the port, in nanoseconds: a death says nothing in shared
/// memory.
const NEWS_INTERVAL: i64 = 1_000_000;

/// The receiving half.
#[derive(Debug)]
pub(super) struct Incoming {
    ring: Option<RingReceiver<Page<RingPage>>>,
    staging: StagingReceiver,
    /// For the payloads that come through the staging region.
    buffers: FreeBuffers,
    /// Messages of the port that come before the ring's next entry.
    owed: u64,
    /// Messages of the port that were received before their entries in the ring.
    ahead: u64,
    /// Taken out of the port, and not the next one.
    early: Option<Message>,
    /// Wakes a sender that waits for room.
    room: Option<Ringer>,
    /// The sender waits for room, and what rings it has to be in the port.
    seeks_room: bool,
    /// The sender rings when it sends next, or has rung and the bell is in the port still.
    armed: bool,
    /// The kernel said that the port has something, and it was not looked at since.
    port_is_ready: bool,
    /// The last look at the port ended because too much was there that was no message of the peer's.
    cut_short: bool,
    /// When the port was last looked at.
    last_look: i64,
    spin: Spin,
    /// For the rest of a message whose sender is writing it, which is a matter of its own: those waits are short, however
    /// long it is between messages.
    rest_spin: Spin,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(ring) = &self.ring {
            ring.leave();
        }
    }
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self {
            ring: None,
            staging: StagingReceiver::new(),
            buffers: FreeBuffers::default(),
            owed: 0,
            ahead: 0,
            early: None,
            room: None,
            seeks_room: false,
            armed: false,
            port_is_ready: false,
            cut_short: false,
            last_look: 0,
            spin: Spin::new(),
            rest_spin: Spin::new(),
        }
    }

    /// Whether everything that is queued is in the port.
    pub(super) fn is_in_port(&self) -> bool {
        self.ring.is_none() && self.early.is_none()
    }

    /// The next message, if it is in the ring. Asks nobody.
    pub(super) fn take_at_once(&mut self, channel: &Channel) -> Result<Option<Message>> {
        if self.owed > 0 || self.ring.is_none() {
            return Ok(None);
        }
        self.take(channel, false)
    }

    /// The next message.
    pub(super) fn receive(&mut self, channel: &Channel, deadline: Deadline) -> Result<Message> {
        let waits = !deadline.is_over();
        // A look that is not to wait looks at everything, unless it is one of many. A wait tells whether there is
        // something.
        let looks_once = !waits && (self.last_look + NEWS_INTERVAL < time::now() || channel.is_polled());
        let mut peer_has_ended = false;
        loop {
            let look = self.ring.is_none() || looks_once || peer_has_ended || self.port_is_ready;
            if let Some(message) = self.take(channel, look)? {
                return Ok(message);
            }
            // Relaxed: once it is set nothing can arrive any more, so a late look costs nothing but a look.
            if channel.ended.load(Ordering::Relaxed) || peer_has_ended {
                if std::mem::take(&mut self.owed) > 0 {
                    // What the ring says is in the port is not; there may be more in the ring.
                    continue;
                }
                // A process that has ended stays readable: nobody else needs to be woken.
                channel.ended.store(true, Ordering::Relaxed);
                return Err(Error::PEER_DEAD);
            }
            let cut_short = std::mem::take(&mut self.cut_short);
            if !waits || (cut_short && deadline.is_over()) {
                channel.settle();
                return Err(Error::TIMED_OUT);
            }
            if cut_short {
                continue;
            }
            self.make_room_known(true);
            let Some(ready) = self.sleep(channel, deadline)? else { continue };
            if ready == 0 {
                channel.settle();
                return Err(Error::TIMED_OUT);
            }
            self.port_is_ready |= ready & 2 != 0;
            // What it sent before its end is there by now: look once more.
            peer_has_ended = match &channel.process {
                Some((process, _)) if ready & 1 != 0 => process.has_ended()?,
                _ => false,
            };
        }
    }

    /// Waits until the ring or the kernel has something. `None`: the ring.
    fn sleep(&mut self, channel: &Channel, deadline: Deadline) -> Result<Option<u8>> {
        let mut wait = None;
        if let Some(ring) = self.ring.as_mut().filter(|_| self.owed == 0) {
            let staging = &self.staging;
            let spin = if staging.is_arriving() { &mut self.rest_spin } else { &mut self.spin };
            match spin.watch(channel.spin_time.get(), deadline, || staging.has_news(ring)) {
                Ok(()) => return Ok(None),
                Err(not_seen) => wait = Some((spin, not_seen)),
            }
            ring.fall_asleep();
            self.armed = true;
            if staging.has_news(ring) {
                // Rung or not, nobody sleeps here: `leave` says so where that matters.
                ring.wake_up();
                self.armed = false;
                return Ok(None);
            }
        }
        let receive = &channel.duplex.receive;
        let ready = match &channel.process {
            Some((process, _)) => wait_readable(&[process.descriptor(), receive.descriptor()], deadline)?,
            None => wait_readable(&[receive.descriptor()], deadline)? << 1,
        };
        if let (Some(ring), Some((spin, wait))) = (&self.ring, wait) {
            spin.learn(&wait);
            ring.wake_up();
            self.armed = false;
        }
        Ok(Some(ready))
    }

    /// The next message, without waiting. `look`: in the port as well, until it is empty, since not every system tells
    /// again of a message that is left behind another; otherwise there only for what the ring says is there.
    fn take(&mut self, channel: &Channel, look: bool) -> Result<Option<Message>> {
        let mut futile = 0;
        if std::mem::take(&mut self.seeks_room) {
            self.seek_room_bell(channel)?;
        }
        loop {
            if self.owed == 0
                && let Some(ring) = &mut self.ring
            {
                if let Some((id, payload)) = self.staging.copy(ring)? {
                    // A large place has become free, which is worth a look whether the sender waits for it.
                    self.make_room_known(true);
                    return Ok(Some(Message::from_recycled(id, payload, channel.peer())));
                }
                let next = match self.staging.is_arriving() {
                    // Whatever is in the port was sent behind the rest of it, which is there by now.
                    true if self.early.is_some() => Err(Broken),
                    true => Ok(None),
                    false => ring.next(),
                };
                match next {
                    Ok(Some(Entry::Inline { id, payload })) => {
                        self.make_room_known(false);
                        return Ok(Some(Message::from_bytes(id, payload, channel.peer())));
                    }
                    Ok(Some(Entry::Port(messages))) => {
                        let received = self.ahead.min(messages);
                        self.ahead -= received;
                        self.owed = messages - received;
                        continue;
                    }
                    Ok(Some(Entry::Staged { id, offset, length })) => {
                        match self.staging.begin(&self.buffers, id, offset, length) {
                            Ok(()) => continue,
                            Err(Broken) => return Err(self.end_ring()),
                        }
                    }
                    Ok(None) => {}
                    Err(Broken) => return Err(self.end_ring()),
                }
            }
            if futile >= FUTILE_AT_ONCE {
                // There may be more, of which not every system tells again.
                (self.port_is_ready, self.cut_short) = (true, true);
                return Ok(None);
            }
            let message = match self.early.take() {
                Some(message) => message,
                None if look || self.owed > 0 => match self.look_at_port(channel)? {
                    Some(message) => message,
                    None => return Ok(None),
                },
                None => return Ok(None),
            };
            if !channel.is_expected(&message) {
                // Relaxed: a count, which orders nothing.
                channel.refused.fetch_add(1, Ordering::Relaxed);
                futile += 1;
            } else if message.is_control() && message.id() == BELL {
                self.armed = false;
                futile += 1;
            } else if message.is_control() && message.id() == ROOM {
                self.take_room_bell(message)?;
            } else if self.owed == 0 && self.comes_before_port() {
                self.early = Some(message);
            } else if message.is_control() && message.id() != REGION {
                self.take_ring(message)?;
            } else {
                match self.owed.checked_sub(1) {
                    Some(owed) => self.owed = owed,
                    None => self.ahead += u64::from(self.ring.is_some()),
                }
                if !message.is_control() {
                    return Ok(Some(message));
                }
                self.take_region(message)?;
            }
        }
    }

    /// Looks for the bell of a sender that waits for room, which would not hear of any before all that is in the ring was
    /// received. What else is found first stays the first.
    fn seek_room_bell(&mut self, channel: &Channel) -> Result<()> {
        for _ in 0..FUTILE_AT_ONCE {
            if self.early.is_some() {
                return Ok(());
            }
            let Some(message) = self.look_at_port(channel)? else { return Ok(()) };
            // There may be more behind it, of which not every system tells again.
            self.port_is_ready = true;
            match message.id() {
                ROOM if message.is_control() && channel.is_expected(&message) => {
                    return self.take_room_bell(message);
                }
                BELL if message.is_control() && channel.is_expected(&message) => self.armed = false,
                _ => self.early = Some(message),
            }
        }
        Ok(())
    }

    fn look_at_port(&mut self, channel: &Channel) -> Result<Option<Message>> {
        self.port_is_ready = false;
        self.last_look = time::now();
        loop {
            // Relaxed: see `receive`.
            if channel.ended.load(Ordering::Relaxed) {
                return Ok(None);
            }
            match channel.duplex.receive.receive_any(Deadline::NOW) {
                Ok((message, None)) => return Ok(Some(message)),
                Ok((_, Some(error))) => return Err(error),
                Err(error) => match error.status() {
                    Status::TimedOut => return Ok(None),
                    Status::NoSenders => channel.end(),
                    // A lane for one message that died unused: no channel has one, so the peer made it.
                    Status::PeerDead => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn take_room_bell(&mut self, mut message: Message) -> Result<()> {
        self.room = Some(Ringer::from_send_right(message.take_send_right(0)?.0));
        if let Some(ring) = &mut self.ring {
            ring.look_again();
        }
        self.make_room_known(true);
        Ok(())
    }

    /// Whether something was sent before what is in the port.
    fn comes_before_port(&self) -> bool {
        self.staging.is_arriving() || self.ring.as_ref().is_some_and(|ring| !ring.is_empty())
    }

    /// Memory for the large payloads that follow.
    fn take_region(&mut self, mut message: Message) -> Result<()> {
        self.staging.use_region(message.take_memory(0)?)
    }

    /// A ring for what follows.
    fn take_ring(&mut self, mut message: Message) -> Result<()> {
        if message.id() != RING {
            return Err(Error::malformed("a peer sent what no channel knows"));
        }
        let page = Page::<RingPage>::open(message.take_memory(0)?)?;
        if !page.is_writable() {
            return Err(Error::malformed("a peer sent a ring that can only be read"));
        }
        self.forget_ring();
        self.ring = Some(RingReceiver::accept(page));
        Ok(())
    }

    fn forget_ring(&mut self) {
        if let Some(ring) = self.ring.take() {
            ring.leave();
        }
        self.staging = StagingReceiver::new();
        (self.owed, self.ahead, self.armed) = (0, 0, false);
    }

    /// Behind an entry that no sender writes.
    fn end_ring(&mut self) -> Error {
        self.forget_ring();
        Error::malformed("a peer broke the format of its channel's ring")
    }

    /// Wakes a sender that waits for room, if there is some.
    fn make_room_known(&mut self, at_rest: bool) {
        if let Some(ring) = &mut self.ring
            && ring.must_ring_sender(at_rest)
        {
            match &self.room {
                // One that is dead says so by other means.
                Some(room) => drop(room.ring()),
                None => self.seeks_room = true,
            }
        }
    }

    /// Behind every call of a program that waits by the descriptor: has it tell what is there, and what comes.
    pub(super) fn leave(&mut self, channel: &Channel) {
        let Some(ring) = &mut self.ring else { return };
        if self.armed {
            return;
        }
        ring.fall_asleep();
        self.armed = true;
        if self.staging.has_message(ring) || self.early.is_some() || self.owed > 0 {
            // The sender may have sent it without ringing.
            channel.ring_itself();
        }
    }
}

impl Channel {
    /// Puts a bell into this end's own port, which makes its descriptor readable.
    pub(super) fn ring_itself(&self) {
        let rung = self.duplex.receive.make_send().and_then(|right| {
            right.send(Message::control(BELL), Timeout::NONE)?;
            Ok(())
        });
        if let Err(error) = rung {
            tracing::warn!(%error, "a channel's descriptor may be silent about what was received already");
        }
    }

    /// Whether a message is the peer's, or this process's own bell.
    fn is_expected(&self, message: &Message) -> bool {
        // Before the next question, which asks the kernel who we are.
        if self.peer.get().is_some() && self.is_from_peer(message) {
            return true;
        }
        let is_own_bell = message.is_control()
            && message.id() == BELL
            && message.sender().is_some_and(|sender| sender.process_id == std::process::id());
        is_own_bell || self.is_from_peer(message)
    }
}
