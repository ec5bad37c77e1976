//! Ports on Linux: `SOCK_SEQPACKET` socket pairs.
//!
//! A *lane* is one socket pair: its first end belongs to the receive right, its second end and all duplicates of
//! it are send rights. Each make-send opens a lane of its own, so that the receive right never holds a sender's
//! end and *no senders* is exactly *every lane has ended*; clones of a send right share their lane. The receive
//! right gathers its lanes in an epoll set, whose ready list rotates: that is what makes it fair.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::event::{PollFlags, epoll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, sockopt};

use super::bootstrap::Listener;
use super::message::{self, LaneEvent};
use super::{duplicate, new_epoll};
use crate::error::{Error, Result, Status};
use crate::sys::contents::Received;
use crate::sys::owner::Owner;
use crate::sys::posix::{made, system_error, wait, wait_readable};
use crate::time::Deadline;

/// The most lanes of which one receive right can be made at another process.
const MAX_LANES: usize = 1 << 16;
/// Lanes in one packet of a receive right's move; the kernel takes at most 253 descriptors at a time.
const LANES_PER_PACKET: usize = 200;

/// Whether the kernel is asked for a handle of each sender's process beside its identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Process, user and group identifier of each message.
    Credentials,
    /// These, and a pidfd where the kernel has it (6.5): costs a descriptor for each message.
    ProcessHandle,
}

/// A new connected pair, close-on-exec from its first moment.
pub(super) fn socket_pair() -> Result<(OwnedFd, OwnedFd)> {
    let what = "making a socket pair";
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|errno| system_error(what, errno))
        .and_then(|(one, other)| Ok((made(what, Ok(one))?, made(what, Ok(other))?)))
}

/// The receiver's end of a lane that had a sender.
fn ended_lane() -> Result<OwnedFd> {
    socket_pair().map(|(receiving, _)| receiving)
}

/// Asks for the sender's identity. Before the first message can be sent, else that one carries none.
pub(super) fn ask_for_identity(receiving: BorrowedFd<'_>, identity: Identity) -> Result<()> {
    sockopt::set_socket_passcred(receiving, true)
        .map_err(|errno| system_error("asking for senders' credentials", errno))?;
    if identity == Identity::ProcessHandle {
        // A kernel before 6.5 does not know it: identifiers alone have to do there.
        let _ = message::ask_for_process_handles(receiving);
    }
    Ok(())
}

/// Refuses what is not one end of a Unix `SOCK_SEQPACKET` socket: a peer can send any descriptor.
pub(super) fn check_is_lane(fd: BorrowedFd<'_>) -> Result<()> {
    let look = || {
        Ok(sockopt::socket_domain(fd)? == AddressFamily::UNIX
            && sockopt::socket_type(fd)? == SocketType::SEQPACKET
            && !sockopt::socket_acceptconn(fd)?)
    };
    match look() {
        Ok(true) => Ok(()),
        // No socket, or a descriptor that is for nothing but its path.
        Ok(false) | Err(Errno::NOTSOCK | Errno::BADF | Errno::NOPROTOOPT | Errno::OPNOTSUPP) => Err(
            Error::malformed("a descriptor that is no SOCK_SEQPACKET Unix socket was given as a port right"),
        ),
        Err(errno) => Err(system_error("looking at a port right", errno)),
    }
}

/// A lane's end that somebody else made, as if it had been made here.
fn adopt_lane(fd: OwnedFd) -> Result<OwnedFd> {
    check_is_lane(fd.as_fd())?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)
        .map_err(|errno| system_error("making a descriptor close-on-exec", errno))?;
    made("adopting a descriptor", Ok(fd))
}

/// Sending ends of lanes: what the two kinds of send right have in common.
#[derive(Debug)]
pub(super) struct SendingEnd {
    socket: OwnedFd,
    owner: Owner,
}

impl SendingEnd {
    fn new(socket: OwnedFd) -> Self {
        Self { socket, owner: Owner::this_process() }
    }

    fn is_dead(&self) -> Result<bool> {
        is_hung_up(self.socket.as_fd())
    }
}

fn is_hung_up(lane: BorrowedFd<'_>) -> Result<bool> {
    // No event is asked for: what is left is the hang-up, which the kernel reports unasked.
    Ok(wait(&[lane], PollFlags::empty(), Deadline::NOW)? != 0)
}

/// A right outside of this library: one end of a socket pair.
pub type RawRight = OwnedFd;

/// Lets its holder send to a port, any number of times.
#[derive(Debug)]
pub(crate) struct SendRight(SendingEnd);

/// Lets its holder send to a port once.
#[derive(Debug)]
pub(crate) struct SendOnceRight(SendingEnd);

impl SendRight {
    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.0.owner
    }

    /// Another send right to the same port.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(Self(SendingEnd::new(duplicate(self.as_fd())?)))
    }

    /// Whether the receive right is gone.
    pub(crate) fn is_dead(&self) -> Result<bool> {
        self.0.is_dead()
    }

    /// The raw form: a descriptor.
    pub(crate) fn into_raw(self) -> OwnedFd {
        self.0.socket
    }

    /// From the raw form.
    pub(crate) fn from_raw(fd: OwnedFd) -> Result<Self> {
        adopt_lane(fd).map(SendingEnd::new).map(Self)
    }

    /// Without the check, for an end that this process made itself.
    pub(super) fn from_own_end(fd: OwnedFd) -> Self {
        Self(SendingEnd::new(fd))
    }
}

impl AsFd for SendRight {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.socket.as_fd()
    }
}

impl SendOnceRight {
    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.0.owner
    }

    /// Whether the receive right is gone.
    pub(crate) fn is_dead(&self) -> Result<bool> {
        self.0.is_dead()
    }

    pub(super) fn from_received(fd: OwnedFd) -> Result<Self> {
        SendRight::from_raw(fd).map(|right| Self(right.0))
    }

    /// Lets go behind a successful send of the right, or through it.
    pub(crate) fn moved(self) {}
}

impl AsFd for SendOnceRight {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.socket.as_fd()
    }
}

/// How many messages a lane may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    /// A send right's lane.
    Many,
    /// A send-once right's lane: closed by its receiver behind the first message, since nothing else stops a
    /// dishonest holder from sending a second one.
    Once,
}

impl Lifetime {
    fn to_wire(self) -> u8 {
        match self {
            Self::Many => 0,
            Self::Once => 1,
        }
    }

    fn from_wire(byte: u8) -> Result<Self> {
        match byte {
            0 => Ok(Self::Many),
            1 => Ok(Self::Once),
            _ => Err(Error::malformed("a moving receive right has a lane of unknown kind")),
        }
    }
}

#[derive(Debug)]
struct Lane {
    socket: OwnedFd,
    lifetime: Lifetime,
}

#[derive(Debug, Default)]
struct Lanes {
    by_key: HashMap<u64, Lane>,
    last_key: u64,
    /// A send right was made since *no senders* was last reported.
    had_senders: bool,
    /// *No senders* was reported, and no send right was made since.
    has_none: bool,
    /// A checked-in name: each look-up opens a lane.
    listener: Option<Arc<Listener>>,
    /// A look-up that could not become a lane yet.
    accepted: Option<OwnedFd>,
    /// Where messages arrive; kept, so that a receive does not allocate it each time.
    buffer: Vec<u8>,
}

/// The one right to receive from a port.
#[derive(Debug)]
pub(crate) struct ReceiveRight {
    /// Port sets have it as long as the right lives, and no longer.
    epoll: Arc<OwnedFd>,
    owner: Owner,
    identity: Identity,
    lanes: Mutex<Lanes>,
}

/// The epoll key of a listener's sockets; lanes count from 1.
pub(super) const LISTENER: u64 = 0;
/// The epoll key of what watches the files of names.
pub(super) const NAME_FILES: u64 = u64::MAX;

/// How many events that bring nothing one look goes through. Peers can make as many as they like (look-ups that go
/// at once), and the deadline is to hold all the same.
const MOST_FUTILE_EVENTS: usize = 1024;

impl ReceiveRight {
    /// A port that nobody can send to yet.
    pub(crate) fn new(identity: Identity) -> Result<Self> {
        let epoll = Arc::new(new_epoll("making a receive right")?);
        Ok(Self { epoll, owner: Owner::this_process(), identity, lanes: Mutex::default() })
    }

    /// The process that has it.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// From the raw form: the receiving end of one socket pair.
    pub(crate) fn from_raw(fd: OwnedFd) -> Result<Self> {
        let fd = adopt_lane(fd)?;
        let right = Self::new(Identity::Credentials)?;
        ask_for_identity(fd.as_fd(), right.identity)?;
        right.add_lane(&mut right.lanes.lock(), Lane { socket: fd, lifetime: Lifetime::Many })?;
        Ok(right)
    }

    /// The raw form, which exists while the port has exactly one lane; else the right comes back.
    pub(crate) fn into_raw(self) -> Result<OwnedFd, (Self, Error)> {
        let mut lanes = self.lanes.lock();
        // Its one sender is gone.
        if lanes.has_none && lanes.by_key.is_empty() {
            drop(lanes);
            return ended_lane().map_err(|error| (self, error));
        }
        let key = match (lanes.by_key.iter().next(), lanes.by_key.len(), &lanes.listener) {
            (Some((key, lane)), 1, None) if lane.lifetime == Lifetime::Many => *key,
            _ => {
                drop(lanes);
                let error = Error::new(
                    Status::WrongState,
                    "a receive right has a raw descriptor only while exactly one send right was made of it",
                );
                return Err((self, error));
            }
        };
        let lane = self.remove_lane(&mut lanes, key);
        drop(lanes);
        lane.map(|lane| lane.socket)
            .ok_or_else(|| (self, Error::fixed(Status::Internal, "a lane vanished under its lock")))
    }

    /// A port that is found by a name: look-ups open lanes through `listener`, whose descriptors it watches.
    pub(super) fn with_listener(self, listener: Arc<Listener>) -> Self {
        self.lanes.lock().listener = Some(listener);
        self
    }

    pub(super) fn epoll(&self) -> &Arc<OwnedFd> {
        &self.epoll
    }

    pub(super) fn watch(&self, fd: BorrowedFd<'_>, key: u64) -> Result<()> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(key), epoll::EventFlags::IN)
            .map_err(|errno| system_error("adding to a receive right", errno))
    }

    fn add_lane(&self, lanes: &mut Lanes, lane: Lane) -> Result<()> {
        self.try_add_lane(lanes, lane).map_err(|(_, error)| error)
    }

    /// A failure gives the lane back.
    fn try_add_lane(&self, lanes: &mut Lanes, lane: Lane) -> Result<(), (Lane, Error)> {
        lanes.last_key += 1;
        let key = lanes.last_key;
        if let Err(error) = self.watch(lane.socket.as_fd(), key) {
            return Err((lane, error));
        }
        if lane.lifetime == Lifetime::Many {
            (lanes.had_senders, lanes.has_none) = (true, false);
        }
        lanes.by_key.insert(key, lane);
        Ok(())
    }

    /// Taking it out of the epoll set is not left to the close: a duplicate of the socket, at a former owner or on
    /// its way to a new one, would keep its place there.
    fn remove_lane(&self, lanes: &mut Lanes, key: u64) -> Option<Lane> {
        let lane = lanes.by_key.remove(&key)?;
        let _ = epoll::delete(&self.epoll, &lane.socket);
        Some(lane)
    }

    fn open_lane(&self, lifetime: Lifetime) -> Result<SendingEnd> {
        let (receiving, sending) = socket_pair()?;
        ask_for_identity(receiving.as_fd(), self.identity)?;
        self.add_lane(&mut self.lanes.lock(), Lane { socket: receiving, lifetime })?;
        Ok(SendingEnd::new(sending))
    }

    /// A new send right to this port.
    pub(crate) fn make_send(&self) -> Result<SendRight> {
        self.open_lane(Lifetime::Many).map(SendRight)
    }

    /// A new send-once right to this port.
    pub(crate) fn make_send_once(&self) -> Result<SendOnceRight> {
        self.open_lane(Lifetime::Once).map(SendOnceRight)
    }

    /// Ends all lanes for their senders, also while a fork has copies of the descriptors. What is queued stays.
    pub(crate) fn refuse_senders(&self) {
        for lane in self.lanes.lock().by_key.values() {
            // One whose sender is gone is at its end already.
            let _ = rustix::net::shutdown(&lane.socket, Shutdown::Both);
        }
    }

    /// Readable when [`Self::receive`] would not wait.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// The next message or notice.
    ///
    /// Errors: timed out; malformed (that message is destroyed, go on); resources exhausted (it stays queued).
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<Received> {
        let mut woken = false;
        loop {
            let mut lanes = self.lanes.lock();
            if let Some(received) = self.receive_now(&mut lanes, woken)? {
                return Ok(received);
            }
            // Nothing would ever end this wait but a send right that another thread makes, which had better be a new one.
            if deadline.never_ends() && lanes.has_none && lanes.by_key.is_empty() {
                return Ok(Received::NoSenders);
            }
            drop(lanes);
            woken = true;
            // Outside of the lock: a send right can be made while another thread waits here.
            if deadline.is_over() || wait_readable(&[self.epoll.as_fd()], deadline)? == 0 {
                return Err(Error::TIMED_OUT);
            }
        }
    }

    /// Looks once at what is ready. `woken` says that something should be.
    fn receive_now(&self, lanes: &mut Lanes, woken: bool) -> Result<Option<Received>> {
        if let (1, None, Some(key)) =
            (lanes.by_key.len(), &lanes.listener, lanes.by_key.keys().next().copied())
        {
            // One lane is the usual case, and it needs no question which one is ready.
            return self.receive_from(lanes, key, woken);
        }
        if lanes.accepted.is_some() {
            self.look_at_name(lanes, LISTENER)?;
        }
        for _ in 0..MOST_FUTILE_EVENTS {
            let mut ready: [std::mem::MaybeUninit<epoll::Event>; 1] = [std::mem::MaybeUninit::uninit()];
            let events = match epoll::wait(&self.epoll, &mut ready, Some(&rustix::event::Timespec::default()))
            {
                Ok((events, _)) => events,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(system_error("receiving", errno)),
            };
            let Some(event) = events.first() else { return Ok(None) };
            match event.data.u64() {
                key @ (LISTENER | NAME_FILES) => {
                    self.look_at_name(lanes, key)?;
                    if let Some(received) = self.no_senders(lanes) {
                        return Ok(Some(received));
                    }
                }
                key => {
                    if let Some(received) = self.receive_from(lanes, key, true)? {
                        return Ok(Some(received));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes a look-up in, or looks after the files of the name.
    fn look_at_name(&self, lanes: &mut Lanes, key: u64) -> Result<()> {
        let Some(listener) = lanes.listener.clone() else { return Ok(()) };
        if key == NAME_FILES {
            listener.files_changed();
        } else if let Some(socket) =
            lanes.accepted.take().map_or_else(|| listener.accept(), |socket| Ok(Some(socket)))?
        {
            self.take_in(lanes, socket)?;
        }
        if listener.has_ended() {
            // Lost to another process. From here on this is a right without a name, which hears of its senders' end.
            lanes.listener = None;
            lanes.had_senders = true;
        }
        Ok(())
    }

    /// A look-up becomes a lane. What it needs for that may be there at the next try.
    fn take_in(&self, lanes: &mut Lanes, socket: OwnedFd) -> Result<()> {
        if let Err(error) = ask_for_identity(socket.as_fd(), self.identity) {
            lanes.accepted = Some(socket);
            return Err(error);
        }
        let lane = Lane { socket, lifetime: Lifetime::Many };
        self.try_add_lane(lanes, lane).map_err(|(lane, error)| {
            lanes.accepted = Some(lane.socket);
            error
        })
    }

    fn receive_from(&self, lanes: &mut Lanes, key: u64, is_ready: bool) -> Result<Option<Received>> {
        let Lanes { by_key, buffer, .. } = lanes;
        let Some(lane) = by_key.get(&key) else { return Ok(None) };
        let lifetime = lane.lifetime;
        let outcome = message::receive_from_lane(lane.socket.as_fd(), buffer);
        let used_up = match &outcome {
            Ok(LaneEvent::Nothing) => {
                // Another thread was faster, or a former owner hides what is there.
                if is_ready {
                    message::reset_peek_offset(lane.socket.as_fd());
                }
                return Ok(None);
            }
            Ok(LaneEvent::Ended) => true,
            Ok(LaneEvent::Message(_) | LaneEvent::Destroyed(..)) => lifetime == Lifetime::Once,
            Err(error) => error.status() != Status::ResourceExhausted && lifetime == Lifetime::Once,
        };
        if used_up {
            self.remove_lane(lanes, key);
        }
        match outcome? {
            LaneEvent::Message(incoming) => Ok(Some(Received::Message(incoming))),
            LaneEvent::Destroyed(remains, error) => Ok(Some(Received::Destroyed(remains, error))),
            _ if lifetime == Lifetime::Once => Ok(Some(Received::SendOnceDestroyed)),
            _ => Ok(self.no_senders(lanes)),
        }
    }

    fn no_senders(&self, lanes: &mut Lanes) -> Option<Received> {
        let any_left = lanes.by_key.values().any(|lane| lane.lifetime == Lifetime::Many);
        if !lanes.had_senders || any_left || lanes.listener.is_some() {
            return None;
        }
        (lanes.had_senders, lanes.has_none) = (false, true);
        Some(Received::NoSenders)
    }

    /// Whether somebody has a send right, or can get one by the port's name.
    pub(crate) fn has_senders(&self) -> Result<bool> {
        let lanes = self.lanes.lock();
        if lanes.listener.is_some() {
            return Ok(true);
        }
        for lane in lanes.by_key.values().filter(|lane| lane.lifetime == Lifetime::Many) {
            if !is_hung_up(lane.socket.as_fd())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes the right ready for its way through a message. On failure it comes back unchanged.
    pub(crate) fn pack(self) -> Result<MovingReceiveRight, (Self, Error)> {
        match self.pack_lanes() {
            Ok(carrier) => Ok(MovingReceiveRight { carrier }),
            Err(error) => Err((self, error)),
        }
    }

    /// Writes all lanes into a new socket whose reading end then stands for the right: one descriptor, however
    /// many lanes there are.
    fn pack_lanes(&self) -> Result<OwnedFd> {
        let lanes = self.lanes.lock();
        if lanes.listener.is_some() {
            return Err(Error::fixed(
                Status::Unsupported,
                "the receive right of a checked-in name cannot be moved to another process on Linux",
            ));
        }
        if lanes.by_key.len() > MAX_LANES {
            return Err(Error::fixed(Status::TooLarge, "a receive right with that many senders cannot move"));
        }
        let (reading, writing) = socket_pair()?;
        // That there are no senders is news to the new owner, who hears of it by a lane that has ended.
        let ended = if lanes.has_none {
            Some(Lane { socket: ended_lane()?, lifetime: Lifetime::Many })
        } else {
            None
        };
        let all: Vec<&Lane> = lanes.by_key.values().chain(&ended).collect();
        let head = [u8::from(lanes.had_senders), u8::from(self.identity == Identity::ProcessHandle)];
        message::send_descriptors(writing.as_fd(), &head, &[])?;
        for some in all.chunks(LANES_PER_PACKET) {
            let kinds: Vec<u8> = some.iter().map(|lane| lane.lifetime.to_wire()).collect();
            let sockets: Vec<BorrowedFd<'_>> = some.iter().map(|lane| lane.socket.as_fd()).collect();
            message::send_descriptors(writing.as_fd(), &kinds, &sockets)?;
        }
        // Not left to the close: a process that another thread is just starting has a duplicate until it executes
        // its program, and the receiver takes what does not end for a fault.
        rustix::net::shutdown(&writing, Shutdown::Write)
            .map_err(|errno| system_error("packing a receive right", errno))?;
        Ok(reading)
    }
}

impl Drop for ReceiveRight {
    fn drop(&mut self) {
        // The epoll set of a fork is its parent's.
        if !self.owner.is_here() {
            return;
        }
        // A port set may be asking it, and the lanes live on where the right has moved to.
        let lanes = self.lanes.get_mut();
        for lane in lanes.by_key.values() {
            let _ = epoll::delete(&self.epoll, &lane.socket);
        }
        if let Some(listener) = &lanes.listener {
            listener.leave(&self.epoll);
        }
    }
}

/// A receive right on its way.
#[derive(Debug)]
pub(crate) struct MovingReceiveRight {
    carrier: OwnedFd,
}

impl MovingReceiveRight {
    pub(super) fn from_received(carrier: OwnedFd) -> Result<Self> {
        check_is_lane(carrier.as_fd())?;
        Ok(Self { carrier })
    }

    /// Lets go behind a successful send. The kernel holds a reference of its own then.
    pub(crate) fn moved(self) {}

    /// The right itself. A malformed one is destroyed; after any other failure it comes back, and nothing is lost.
    pub(crate) fn unpack(self) -> Result<ReceiveRight, (Option<Self>, Error)> {
        match self.unpack_lanes() {
            Ok(right) => Ok(right),
            Err(error) if error.status() == Status::Malformed => Err((None, error)),
            Err(error) => Err((Some(self), error)),
        }
    }

    /// Only looks into the carrier: the packets stay in it until the whole right stands, so that running out of
    /// descriptors half-way loses none.
    fn unpack_lanes(&self) -> Result<ReceiveRight> {
        let packets = message::peek_packets(self.carrier.as_fd(), MAX_LANES / LANES_PER_PACKET + 2)?;
        let wrong = || Error::malformed("a moving receive right is not as this library packs it");
        let head = packets.first().ok_or_else(wrong)?;
        let ([had_senders @ 0..=1, handles @ 0..=1], true) = (&head.bytes[..], head.descriptors.is_empty())
        else {
            return Err(wrong());
        };
        let (had_senders, handles) = (*had_senders == 1, *handles == 1);
        let identity = if handles { Identity::ProcessHandle } else { Identity::Credentials };
        let right = ReceiveRight::new(identity)?;
        let mut lanes = right.lanes.lock();
        for packet in packets.into_iter().skip(1) {
            if packet.bytes.len() != packet.descriptors.len() {
                return Err(wrong());
            }
            for (kind, socket) in packet.bytes.into_iter().zip(packet.descriptors) {
                check_is_lane(socket.as_fd())?;
                right.add_lane(&mut lanes, Lane { socket, lifetime: Lifetime::from_wire(kind)? })?;
            }
        }
        lanes.had_senders |= had_senders;
        drop(lanes);
        Ok(right)
    }
}

impl AsFd for MovingReceiveRight {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.carrier.as_fd()
    }
}
