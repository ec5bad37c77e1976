//! The sending half of a channel: which way each message takes.
//!
//! A channel begins with its port alone. The sender that has sent a few messages offers a ring, and goes on by the port
//! until the receiver has accepted it; a receiver that never does costs nothing. From then on bytes go through the ring,
//! many bytes through the staging region beside it, and what needs the kernel through the port, with an entry in the ring
//! that marks its place.

use std::time::Duration;

use crate::error::{Error, Result, Status};
use crate::memory::{Access, MemoryRegion};
use crate::message::Message;
use crate::page::Page;
use crate::port::{SendError, SendRight};
use crate::spin::{Spin, SpinTime};
use crate::sys::doorbell::{Doorbell, Rung, doorbell};
use crate::sys::wait_readable;
use crate::time::{Deadline, Timeout};

use super::ring::{MAX_INLINE, Receiver, RingPage, RingSender};
use super::staging::{Lacking, StagingSender};
use super::writable::Writable;

/// The receiver has something to look at.
pub(super) const BELL: u32 = 1;
/// Carries a ring's page.
pub(super) const RING: u32 = 2;
/// Carries what the receiver rings when a sender waits for room.
pub(super) const ROOM: u32 = 3;
/// Carries the staging region for the large payloads that follow. It has its entry in the ring, as messages have.
pub(super) const REGION: u32 = 4;

/// The messages behind which a ring is worth its memory.
const BEFORE_OFFER: u64 = 8;
/// Sends in a row of which the receiver took nothing, until the kernel is asked whether it lives. It is asked again
/// after twice as many.
const BEFORE_DOUBT: u32 = 8;
/// How long a large payload waits for room in the staging region, however long it may: a receiver that is at it needs less,
/// and one that is not gets it by the port, which takes more.
const PATIENCE: Duration = Duration::from_millis(10);

/// The sending half.
#[derive(Debug)]
pub(super) struct Outgoing {
    way: Way,
    staging: StagingSender,
    /// Rung by the receiver when there is room, from the first time that there was none.
    room: Option<Doorbell>,
    /// Sends since the receiver was last seen to take something.
    untaken: u32,
    spin: Spin,
}

#[derive(Debug)]
enum Way {
    /// By the port: so many messages until a ring is offered.
    Port {
        until_offer: u64,
    },
    /// By the port, so many since the ring was offered.
    Offered {
        ring: RingSender<Page<RingPage>>,
        sent: u64,
    },
    Ring(RingSender<Page<RingPage>>),
}

/// What a send waits for.
#[derive(Clone, Copy, Debug)]
enum Room {
    /// Room for a payload of so many bytes in the ring; one that goes by the port has none.
    Ring(usize),
    /// A place for so many bytes in the staging region.
    Staged(usize),
}

impl Outgoing {
    pub(super) fn new() -> Self {
        let way = Way::Port { until_offer: BEFORE_OFFER };
        Self { way, staging: StagingSender::new(), room: None, untaken: 0, spin: Spin::new() }
    }

    /// Sends a message that is bytes alone through shared memory, if that is there and has room.
    ///
    /// Errors: peer dead; the message was not received then and never will be.
    pub(super) fn send_at_once(&mut self, right: &SendRight, message: &Message) -> Result<bool> {
        let Way::Ring(ring) = &mut self.way else { return Ok(false) };
        let Some(bytes) = message.bytes_alone() else { return Ok(false) };
        if bytes.len() > MAX_INLINE {
            return self.send_staged(right, message.id(), bytes);
        }
        if !ring.push_inline(message.id(), bytes) {
            return Ok(false);
        }
        self.wake(right)?;
        Ok(true)
    }

    fn send_staged(&mut self, right: &SendRight, id: u32, bytes: &[u8]) -> Result<bool> {
        let Way::Ring(ring) = &mut self.way else { return Ok(false) };
        let Some(place) = self.staging.begin(ring, id, bytes.len()) else { return Ok(false) };
        // At once, so that it copies while this side writes. Whatever it is told, the bytes have to follow.
        let woken = self.wake(right);
        if let Way::Ring(ring) = &mut self.way {
            self.staging.fill(ring, place, bytes)?;
        }
        woken.and_then(|()| self.wake(right))?;
        Ok(true)
    }

    /// Sends a message by whichever way, waiting for room until the deadline. A large payload may wait until the end of
    /// `patience` before it goes the slower way; that is not before the deadline.
    pub(super) fn send(
        &mut self,
        right: &SendRight,
        message: Message,
        deadline: Deadline,
        patience: Deadline,
        spin_time: &SpinTime,
    ) -> Result<(), SendError> {
        self.use_ring_if_accepted();
        loop {
            match self.send_at_once(right, &message) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(SendError::new(error, message)),
            }
            let Way::Ring(ring) = &mut self.way else { return self.send_by_port(right, message, deadline) };
            let waited = match length_inside(&message) {
                Some(inside) => self.wait_for_room(right, Room::Ring(inside), deadline, spin_time),
                None if !ring.has_room_for(0) => {
                    self.wait_for_room(right, Room::Ring(0), deadline, spin_time)
                }
                None => match self.make_room(right, &message, patience, spin_time) {
                    Ok(true) => Ok(()),
                    Ok(false) => return self.send_by_port(right, message, deadline),
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = waited {
                return Err(SendError::new(error, message));
            }
        }
    }

    /// Whether there may be a place for a large payload by now that found none. Otherwise it goes by the port, as all does
    /// that is not bytes alone.
    fn make_room(
        &mut self,
        right: &SendRight,
        message: &Message,
        patience: Deadline,
        spin_time: &SpinTime,
    ) -> Result<bool> {
        let Some(length) = message.bytes_alone().map(<[u8]>::len) else { return Ok(false) };
        match self.staging.lacking(length) {
            Lacking::Everything => Ok(false),
            Lacking::Region(size) => Ok(self.offer_region(right, size)),
            Lacking::Room => {
                let patience = patience.at_most(PATIENCE);
                match self.wait_for_room(right, Room::Staged(length), patience, spin_time) {
                    Ok(()) => Ok(true),
                    Err(error) if error.status() == Status::TimedOut => {
                        self.staging.lose_patience();
                        Ok(false)
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Without waiting, as [`Self::offer`]. The ring has room for the entry.
    fn offer_region(&mut self, right: &SendRight, size: usize) -> bool {
        let Way::Ring(ring) = &mut self.way else { return false };
        let offered = MemoryRegion::create(size, Access::ReadOnlyForOthers).and_then(|region| {
            let mut message = Message::control(REGION);
            message.attach(region.clone())?;
            right.send(message, Timeout::NONE)?;
            Ok(region)
        });
        match offered {
            Ok(region) => {
                ring.push_port(1);
                self.staging.use_region(region);
                true
            }
            Err(_) => false,
        }
    }

    fn send_by_port(
        &mut self,
        right: &SendRight,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        right.send_before(message, deadline)?;
        match &mut self.way {
            Way::Port { until_offer } => {
                *until_offer = until_offer.saturating_sub(1);
                if *until_offer == 0 {
                    self.offer(right);
                }
            }
            Way::Offered { sent, .. } => *sent += 1,
            Way::Ring(ring) => {
                // There was room, and nobody else writes.
                ring.push_port(1);
                // The message is sent; whether it arrives is another matter.
                let _ = self.wake(right);
            }
        }
        Ok(())
    }

    /// Without waiting: if it does not succeed now, there is a next time.
    fn offer(&mut self, right: &SendRight) {
        let offered = Page::<RingPage>::create(Access::ReadWrite).and_then(|page| {
            let mut message = Message::control(RING);
            message.attach(page.region())?;
            right.send(message, Timeout::NONE)?;
            Ok(RingSender::new(page))
        });
        self.way = match offered {
            Ok(ring) => Way::Offered { ring, sent: 0 },
            Err(_) => Way::Port { until_offer: BEFORE_OFFER },
        };
    }

    fn use_ring_if_accepted(&mut self) {
        let way = std::mem::replace(&mut self.way, Way::Port { until_offer: BEFORE_OFFER });
        self.way = match way {
            Way::Offered { mut ring, sent } if ring.is_accepted() => {
                // The first entry of an empty ring finds room.
                ring.push_port(sent);
                Way::Ring(ring)
            }
            way => way,
        };
    }

    /// Has `writable` tell when there is room: for this message, or for a small one.
    pub(super) fn watch_room(&mut self, right: &SendRight, message: Option<&Message>, writable: &Writable) {
        if self.try_watch_room(right, message, writable).is_err() {
            // Too often is better than never.
            writable.wake();
        }
    }

    fn try_watch_room(
        &mut self,
        right: &SendRight,
        message: Option<&Message>,
        writable: &Writable,
    ) -> Result<()> {
        let Way::Ring(ring) = &mut self.way else { return writable.await_port(self.room.as_ref()) };
        let inside = message.map_or(Some(0), length_inside);
        let payload = inside.unwrap_or(0);
        if ring.has_room_for(payload) {
            if inside.is_none() {
                return writable.await_port(self.room.as_ref());
            }
            writable.wake();
            return Ok(());
        }
        let bell = match self.room.take() {
            Some(bell) => bell,
            None => match give_bell(right, Deadline::NOW) {
                Ok(bell) => bell,
                // The port is full, too: room there has to come first.
                Err(error) if error.status() == Status::TimedOut => return writable.await_port(None),
                Err(error) => return Err(error),
            },
        };
        let bell = self.room.insert(bell);
        writable.await_bell(bell)?;
        ring.fall_asleep();
        if ring.has_room_for(payload) {
            ring.wake_up();
            writable.wake();
        }
        Ok(())
    }

    /// Behind a push.
    fn wake(&mut self, right: &SendRight) -> Result<()> {
        let Way::Ring(ring) = &mut self.way else { return Ok(()) };
        match ring.receiver() {
            Receiver::Gone => return Err(Error::PEER_DEAD),
            Receiver::Asleep => match right.send(Message::control(BELL), Timeout::NONE) {
                Err(failure) if failure.status() != Status::TimedOut => return Err(failure.into()),
                // A full port wakes the receiver as well.
                _ => {}
            },
            Receiver::Awake => {}
        }
        // A receiver that died awake says nothing in shared memory.
        self.untaken += 1;
        if self.untaken >= BEFORE_DOUBT && self.untaken.is_power_of_two() {
            if ring.look_at_taken() {
                self.untaken = 0;
            } else if right.is_dead()? {
                return Err(Error::PEER_DEAD);
            }
        }
        Ok(())
    }

    fn wait_for_room(
        &mut self,
        right: &SendRight,
        wanted: Room,
        deadline: Deadline,
        spin_time: &SpinTime,
    ) -> Result<()> {
        if deadline.is_over() {
            return Err(Error::TIMED_OUT);
        }
        let Way::Ring(ring) = &mut self.way else { return Ok(()) };
        let staging = &mut self.staging;
        let mut has_room = |ring: &mut _| match wanted {
            Room::Ring(payload) => RingSender::has_room_for(ring, payload),
            Room::Staged(length) => staging.has_room(ring, length),
        };
        let limit = spin_time.get();
        let Err(wait) = self.spin.watch(limit, deadline, || has_room(ring)) else {
            return Ok(());
        };
        let bell = match self.room.take() {
            Some(bell) => bell,
            None => give_bell(right, deadline)?,
        };
        let bell = self.room.insert(bell);
        ring.fall_asleep();
        if has_room(ring) {
            ring.wake_up();
            return Ok(());
        }
        let ready = wait_readable(&[bell.descriptor()], deadline);
        ring.wake_up();
        if ready? == 0 {
            return Err(Error::TIMED_OUT);
        }
        self.spin.learn(&wait);
        match bell.drain()? {
            Rung::RingerDead => Err(Error::PEER_DEAD),
            Rung::Yes | Rung::No => Ok(()),
        }
    }
}

/// The bytes of a message that goes inside of the ring.
fn length_inside(message: &Message) -> Option<usize> {
    message.bytes_alone().map(<[u8]>::len).filter(|length| *length <= MAX_INLINE)
}

/// Gives the receiver something to ring when there is room. It dies with the receiver.
fn give_bell(right: &SendRight, deadline: Deadline) -> Result<Doorbell> {
    let (bell, ringer) = doorbell()?;
    let mut message = Message::control(ROOM);
    message.attach(SendRight(ringer.into_send_right()))?;
    right.send_before(message, deadline)?;
    Ok(bell)
}
