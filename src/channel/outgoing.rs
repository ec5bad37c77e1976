//! The sending half of a channel: which way each message takes.
//!
//! A channel begins with its port alone. The sender that has sent a few messages offers a ring, and goes on by the port
//! until the receiver has accepted it; a receiver that never does costs nothing. From then on bytes go through the ring,
//! many bytes through the staging region beside it, and what needs the kernel through the port. Each message has its number,
//! so that the receiver finds its place.
//!
//! A message is sent once it is in the ring, or the port has taken it; before that a send can fail, and after it nothing
//! can. A receiver that could not be woken is woken by whatever this side calls next.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::{Error, Result, Status};
use crate::memory::{Access, MemoryRegion};
use crate::message::Message;
use crate::page::Page;
use crate::port::{SendError, SendRight};
use crate::sys::doorbell::{Doorbell, Rung, doorbell};
use crate::sys::wait_readable;
use crate::time::{Deadline, Timeout};
use crate::wake::{self, Spin, Waiting};

use super::Channel;
use super::order::{FIRST, after};
use super::ring::{MAX_INLINE, RingPage, RingSender};
use super::staging::{Lacking, StagingSender};
use super::writable::Writable;

/// The receiver has something to look at.
pub(super) const BELL: u32 = 1;
/// Carries a ring's page.
pub(super) const RING: u32 = 2;
/// Carries what the receiver rings when a sender waits for room.
pub(super) const ROOM: u32 = 3;
/// Carries a staging region for large payloads, and its number.
pub(super) const REGION: u32 = 4;

/// The messages after which a ring is worth its memory.
const BEFORE_OFFER: u32 = 8;
/// The messages after which a ring that was not accepted is offered again.
const BEFORE_OFFER_AGAIN: u32 = 64;
/// Sends in a row of which the receiver took nothing, until the kernel is asked whether it lives. It is asked again
/// after twice as many.
const BEFORE_DOUBT: u32 = 8;
/// How long a large payload waits for room in the staging region, however long it may: a receiver that is at it needs less,
/// and one that is not gets it by the port, which takes more.
const PATIENCE: Duration = Duration::from_millis(10);

type Ring = RingSender<Page<RingPage>>;

/// The sending half.
#[derive(Debug)]
pub(super) struct Outgoing {
    way: Way,
    /// The number of the next message.
    number: u32,
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
        until_offer: u32,
    },
    /// By the port, so many since the ring was offered.
    Offered {
        ring: Ring,
        sent: u32,
    },
    Ring(Ring),
}

/// What a send waits for.
#[derive(Clone, Copy, Debug)]
enum Room {
    /// Room for a payload of so many bytes in the ring.
    Ring(usize),
    /// A place for so many bytes in the staging region.
    Staged(usize),
}

impl Outgoing {
    pub(super) fn new() -> Self {
        let way = Way::Port { until_offer: BEFORE_OFFER };
        Self { way, number: FIRST, staging: StagingSender::new(), room: None, untaken: 0, spin: Spin::new() }
    }

    /// Sends a message that is bytes alone through shared memory, if that is there and has room.
    ///
    /// Errors: peer dead.
    pub(super) fn send_at_once(&mut self, channel: &Channel, message: &Message) -> Result<bool> {
        let Way::Ring(ring) = &mut self.way else { return Ok(false) };
        let Some(bytes) = message.bytes_alone() else { return Ok(false) };
        if ring.receiver_is_gone() {
            return Err(Error::PEER_DEAD);
        }
        // A receiver that died awake says nothing in shared memory.
        if self.untaken >= BEFORE_DOUBT && self.untaken.is_power_of_two() {
            if ring.look_at_taken() {
                self.untaken = 0;
            } else if channel.is_peer_gone() {
                return Err(Error::PEER_DEAD);
            }
        }
        let (number, id) = (self.number, message.id());
        if bytes.len() > MAX_INLINE {
            let Some(place) = self.staging.begin(ring, number, id, bytes.len()) else { return Ok(false) };
            // At once, so that it copies while this side writes.
            wake_receiver(ring, channel);
            self.staging.fill(ring, place, bytes);
        } else if !ring.push_inline(number, id, bytes) {
            return Ok(false);
        }
        wake_receiver(ring, channel);
        self.number = after(number);
        self.untaken += 1;
        Ok(true)
    }

    /// Sends a message by whichever way, waiting for room until the deadline. A large payload may wait until the end of
    /// `patience` before it goes the slower way; that is not before the deadline.
    pub(super) fn send(
        &mut self,
        channel: &Channel,
        message: Message,
        deadline: Deadline,
        patience: Deadline,
    ) -> Result<(), SendError> {
        self.use_ring_if_accepted();
        loop {
            match self.send_at_once(channel, &message) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(SendError::new(error, message)),
            }
            let Way::Ring(ring) = &mut self.way else { return self.send_by_port(channel, message, deadline) };
            let waited = match length_inside(&message) {
                Some(inside) => self.wait_for_room(channel, Room::Ring(inside), deadline),
                // What is full is full for all.
                None if !ring.has_room_for(0) => self.wait_for_room(channel, Room::Ring(0), deadline),
                None => match self.make_room(channel, &message, patience) {
                    Ok(true) => Ok(()),
                    Ok(false) => return self.send_by_port(channel, message, deadline),
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
    fn make_room(&mut self, channel: &Channel, message: &Message, patience: Deadline) -> Result<bool> {
        let Some(length) = message.bytes_alone().map(<[u8]>::len) else { return Ok(false) };
        match self.staging.lacking(length) {
            Lacking::Everything => Ok(false),
            Lacking::Region(size) => {
                self.offer_region(&channel.duplex.send, size);
                Ok(false)
            }
            Lacking::Room => {
                match self.wait_for_room(channel, Room::Staged(length), patience.at_most(PATIENCE)) {
                    Ok(()) => Ok(true),
                    Err(error) if error.status() == Status::PeerDead => Err(error),
                    Err(_) => {
                        self.staging.lose_patience();
                        Ok(false)
                    }
                }
            }
        }
    }

    /// Without waiting, as [`Self::offer`].
    fn offer_region(&mut self, right: &SendRight, size: usize) {
        let number = self.staging.next_region();
        let offered = MemoryRegion::create(size, Access::ReadOnlyForOthers).and_then(|region| {
            let mut message = Message::control(REGION);
            message.set_payload(number.to_le_bytes())?;
            message.attach(region.clone())?;
            right.send(message, Timeout::NONE)?;
            region.keep_from_forks();
            Ok(region)
        });
        if let Ok(region) = offered {
            self.staging.offered(region);
        }
    }

    fn send_by_port(
        &mut self,
        channel: &Channel,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let right = &channel.duplex.send;
        right.send_numbered(message, self.number, deadline, || channel.is_peer_gone())?;
        self.number = after(self.number);
        match &mut self.way {
            Way::Port { until_offer } => {
                *until_offer -= 1;
                if *until_offer == 0 {
                    self.offer(right);
                }
            }
            Way::Offered { sent, .. } if *sent == BEFORE_OFFER_AGAIN => self.offer(right),
            Way::Offered { sent, .. } => *sent += 1,
            // The message itself wakes a receiver that sleeps.
            Way::Ring(ring) => ring.add_by_port(),
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
        if !matches!(&self.way, Way::Offered { ring, .. } if ring.is_accepted()) {
            return;
        }
        let way = std::mem::replace(&mut self.way, Way::Port { until_offer: BEFORE_OFFER });
        if let Way::Offered { ring, .. } = way {
            self.way = Way::Ring(ring);
        }
    }

    /// Rings a receiver for which a ring has failed.
    pub(super) fn pay(&mut self, channel: &Channel) {
        if let Way::Ring(ring) = &mut self.way {
            wake_receiver(ring, channel);
            channel.owes_news.store(ring.owes(), Ordering::Relaxed);
        }
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
        // A sleep of its own: it may have been rung for the one before.
        ring.rise();
        ring.announce();
        if ring.has_room_for(payload) {
            ring.rise();
            writable.wake();
        }
        Ok(())
    }

    fn wait_for_room(&mut self, channel: &Channel, wanted: Room, deadline: Deadline) -> Result<()> {
        if deadline.is_over() {
            return Err(Error::TIMED_OUT);
        }
        let Way::Ring(ring) = &mut self.way else { return Ok(()) };
        let Self { staging, room, spin, .. } = self;
        let mut waiting = AwaitRoom { channel, ring, staging, bell: room, wanted };
        let limit = channel.spin_time.get();
        let Err(wait) = spin.watch(limit, deadline, || waiting.has_room()) else { return Ok(()) };
        let outcome = wake::wait(&mut waiting, deadline);
        spin.learn(&wait);
        outcome
    }
}

/// A send that waits for room.
struct AwaitRoom<'a> {
    channel: &'a Channel,
    ring: &'a mut Ring,
    staging: &'a mut StagingSender,
    bell: &'a mut Option<Doorbell>,
    wanted: Room,
}

impl AwaitRoom<'_> {
    fn has_room(&mut self) -> bool {
        match self.wanted {
            Room::Ring(payload) => self.ring.has_room_for(payload),
            Room::Staged(length) => self.staging.has_room(self.ring, length),
        }
    }
}

impl Waiting for AwaitRoom<'_> {
    type News = ();

    fn announce(&mut self) {
        wake_receiver(self.ring, self.channel);
        self.channel.pay_room();
        self.ring.announce();
    }

    fn look(&mut self) -> Result<Option<()>> {
        Ok(self.has_room().then_some(()))
    }

    fn owes(&self) -> bool {
        self.ring.owes() || self.channel.owes_room()
    }

    fn sleep(&mut self, until: Deadline) -> Result<()> {
        let Self { channel, bell, .. } = self;
        let bell = match bell.take() {
            Some(given) => bell.insert(given),
            None => match give_bell(&channel.duplex.send, until) {
                Ok(given) => bell.insert(given),
                Err(error) if error.status() == Status::TimedOut => return Ok(()),
                Err(error) => return Err(error),
            },
        };
        let ready = match channel.process() {
            Some(process) => wait_readable(&[bell.descriptor(), process.descriptor()], until)?,
            None => wait_readable(&[bell.descriptor()], until)?,
        };
        let is_dead = ready & 1 != 0 && bell.drain()? == Rung::RingerDead;
        if is_dead || ready == 0 || ready & 2 != 0 {
            if channel.is_peer_gone() {
                return Err(Error::PEER_DEAD);
            }
            if is_dead {
                // It was destroyed on its way, or the peer is just ending.
                *self.bell = None;
                std::thread::sleep(wake::RETRY);
            }
        }
        Ok(())
    }

    fn rise(&mut self, _: bool) {
        self.ring.rise();
    }
}

/// After a push: rings the receiver if it sleeps. A message of no bytes in its port wakes it, and if that is full, what is
/// there already does.
#[inline]
fn wake_receiver(ring: &mut Ring, channel: &Channel) {
    ring.wake_receiver(|| match channel.duplex.send.send(Message::control(BELL), Timeout::NONE) {
        Err(failure) if failure.status() != Status::TimedOut => {
            // Relaxed: a debt that is seen late is paid late.
            channel.owes_news.store(true, Ordering::Relaxed);
            Err(failure.into())
        }
        _ => Ok(()),
    });
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
