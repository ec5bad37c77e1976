//! Channels: a two-way connection between two processes, for the user's own messages.
//!
//! A session has one from its start ([`Host::channel`](crate::session::Host::channel),
//! [`Child::channel`](crate::session::Child::channel)). A *broker* makes more of them: [`Channel::pair`] gives both
//! ends of a new channel, each of which can be put into a message and sent to any process, so that two processes
//! meet that do not know each other. The broker takes no part in what they then say.
//!
//! Beneath are two ports, one for each direction, and after the first messages a ring in shared memory beside each:
//! from then on messages of up to 16 KiB without attachments go through that, and cost a system call only when the other
//! side sleeps. Larger ones, up to 8 MiB, go through a region of memory beside it, which is used again. All messages of a
//! direction arrive in the order in which they were sent, whichever way they take. All
//! types here can be used from any thread.

mod incoming;
mod outgoing;
mod ring;
mod staging;
#[cfg(all(test, not(loom)))]
mod tests;
mod writable;

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use once_cell::sync::OnceCell;
use parking_lot::{Mutex, MutexGuard};

use self::incoming::Incoming;
use self::outgoing::Outgoing;
use self::writable::Writable;
use crate::error::{Error, Result, Status};
use crate::message::{Message, Sender};
use crate::port::{Duplex, RawRight, ReceiveRight, SendError, SendRight};
use crate::spin::SpinTime;
use crate::sys::AnyReadable;
use crate::sys::spawn::Process;
use crate::time::{Deadline, Timeout};

/// Messages of strangers, and bells, that one call looks at before it looks at its time.
const FUTILE_AT_ONCE: u64 = 64;

/// One end of a channel that is not in use yet: it can still be sent to the process that will use it.
#[derive(Debug)]
pub struct ChannelEnd(Duplex);

/// The two rights that are the raw form of a [`ChannelEnd`].
#[derive(Debug)]
pub struct ChannelRights {
    /// To receive what the other end sends.
    pub receive: RawRight,
    /// To send to the other end.
    pub send: RawRight,
}

/// A two-way connection to one other process.
///
/// A channel listens to one process only, its *peer*: for a session the process of the handshake, for a pair of ends
/// the process of the first message. What others send, for example a process to which the peer passed its rights
/// on, is destroyed and counted ([`Channel::refused_messages`]). A peer in another PID namespace, whose process has
/// no number here, is told by its user only.
#[derive(Debug)]
pub struct Channel {
    duplex: Duplex,
    peer: OnceLock<Sender>,
    /// The peer's process and the descriptor that wakes for it too, where a handshake told who the peer is.
    process: Option<(Arc<Process>, AnyReadable)>,
    /// Nobody can send to this end any more, and what was queued has been received.
    ended: AtomicBool,
    refused: AtomicU64,
    dropped: AtomicU64,
    /// The program waits by the descriptor.
    polled: AtomicBool,
    spin_time: SpinTime,
    outgoing: Mutex<Outgoing>,
    /// The thread that has the lock of `outgoing` waits for room.
    waits_for_room: AtomicBool,
    /// From the first time that it is asked for.
    writable: OnceCell<Writable>,
    incoming: Mutex<Incoming>,
}

impl ChannelEnd {
    /// How many attachments of a message an end takes.
    pub const ATTACHMENTS: usize = 2;

    /// Puts this end into a message, as its next two attachments.
    ///
    /// Errors: as [`Message::attach`]; the end comes back.
    pub fn attach_to(self, message: &mut Message) -> Result<(), (Self, Error)> {
        self.0.attach_to(message).map_err(|(duplex, error)| (Self(duplex), error))
    }

    /// Takes an end out of a message: its attachments `index` and `index + 1`.
    ///
    /// Errors: [`Status::InvalidArgument`], when there is no end at that place; [`Status::ResourceExhausted`], when
    /// descriptors ran out: the end stays in the message; [`Status::Malformed`], when the sender did not keep to
    /// the format.
    pub fn take_from(message: &mut Message, index: usize) -> Result<Self> {
        Duplex::take_from(message, index).map(Self)
    }

    /// Begins to use this end.
    pub fn open(self) -> Channel {
        Channel {
            duplex: self.0,
            peer: OnceLock::new(),
            process: None,
            ended: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            polled: AtomicBool::new(false),
            spin_time: SpinTime::default(),
            outgoing: Mutex::new(Outgoing::new()),
            waits_for_room: AtomicBool::new(false),
            writable: OnceCell::new(),
            incoming: Mutex::new(Incoming::new()),
        }
    }

    /// The raw form of the end, to be carried by any means that carries two rights.
    ///
    /// Errors: [`Status::WrongState`], when this process cannot name its part by one right any more; the end comes
    /// back.
    pub fn into_raw(self) -> Result<ChannelRights, (Self, Error)> {
        let Duplex { receive, send } = self.0;
        match receive.into_raw() {
            Ok(receive) => Ok(ChannelRights { receive, send: send.into_raw() }),
            Err((receive, error)) => Err((Self(Duplex { receive, send }), error)),
        }
    }

    /// An end from its raw form.
    ///
    /// Errors: [`Status::Malformed`], when one of them is no such right; [`Status::ResourceExhausted`]. Both are given
    /// back to the system then.
    pub fn from_raw(rights: ChannelRights) -> Result<Self> {
        let receive = ReceiveRight::from_raw(rights.receive)?;
        let send = SendRight::from_raw(rights.send)?;
        Ok(Self::of(receive, send))
    }

    pub(crate) fn of(receive: ReceiveRight, send: SendRight) -> Self {
        Self(Duplex { receive, send })
    }
}

impl Channel {
    /// Both ends of a new channel.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn pair() -> Result<(ChannelEnd, ChannelEnd)> {
        Duplex::pair().map(|(first, second)| (ChannelEnd(first), ChannelEnd(second)))
    }

    /// The channel of a session: the peer is known, and its process's death ends the channel, whoever else still
    /// has the rights to send.
    ///
    /// The process comes with a descriptor that wakes for it, so that nothing here can run out of descriptors.
    pub(crate) fn with_peer(
        duplex: Duplex,
        peer: Sender,
        process: Option<(Arc<Process>, AnyReadable)>,
    ) -> Result<Self> {
        if let Some((_, both)) = &process {
            both.add(duplex.receive.descriptor())?;
        }
        Ok(Self { process, peer: peer.into(), ..ChannelEnd(duplex).open() })
    }

    /// Sends a message; waits while the peer's queue is full.
    ///
    /// A peer that was killed a moment ago, and was not waiting then, may not be noticed by the next few sends, which ask
    /// nobody: [`Self::is_peer_dead`] asks the kernel.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`]; [`Status::ResourceExhausted`]; [`Status::WrongState`],
    /// when an attachment was taken out of the message. The error holds the message, whole.
    pub fn send(&self, message: Message, timeout: Timeout) -> Result<(), SendError> {
        let right = &self.duplex.send;
        // The usual case asks for no time.
        if let Some(mut outgoing) = self.outgoing.try_lock() {
            match outgoing.send_at_once(right, &message) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(SendError::new(error, message)),
            }
        }
        self.send_before(message, timeout.deadline())
    }

    /// Sends a message if the peer's queue has room for it, and drops it otherwise, with all that it carries: for what
    /// is soon outdated, such as positions or progress. Gives whether it was sent. Never waits.
    ///
    /// [`Self::dropped_messages`] counts what was dropped. A queue is also full while another thread waits for room in it.
    ///
    /// Errors: as [`Self::send`], but for [`Status::TimedOut`].
    pub fn send_or_drop(&self, message: Message) -> Result<bool, SendError> {
        match self.send(message, Timeout::NONE) {
            Ok(()) => Ok(true),
            Err(failure) if failure.status() == Status::TimedOut => {
                // Relaxed: a count, which orders nothing.
                self.dropped.fetch_add(1, Ordering::Relaxed);
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    fn send_before(&self, message: Message, deadline: Deadline) -> Result<(), SendError> {
        let outgoing = if deadline.is_over() { self.lock_at_once() } else { deadline.lock(&self.outgoing) };
        let Some(mut outgoing) = outgoing else { return Err(SendError::new(Error::TIMED_OUT, message)) };
        let right = &self.duplex.send;
        let full = match outgoing.send(right, message, Deadline::NOW, deadline, &self.spin_time) {
            Err(failure) if failure.status() == Status::TimedOut => failure,
            outcome => return outcome,
        };
        if let Some(writable) = self.writable.get() {
            outgoing.watch_room(right, full.message(), writable);
        }
        if deadline.is_over() {
            // Who is dead makes no room, and the ring does not say so.
            return match right.is_dead() {
                Ok(true) => full.retry(|message| Err(SendError::new(Error::PEER_DEAD, message))),
                _ => Err(full),
            };
        }
        // SeqCst, both: see `writable_descriptor`.
        self.waits_for_room.store(true, Ordering::SeqCst);
        let outcome =
            full.retry(|message| outgoing.send(right, message, deadline, deadline, &self.spin_time));
        self.waits_for_room.store(false, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // The receiver may have rung for this thread alone, and another one has been turned away meanwhile.
        if let Some(writable) = self.writable.get() {
            outgoing.watch_room(right, None, writable);
        }
        outcome
    }

    /// Has the sending half, unless a thread has it that waits for room. Others let go of it in a moment.
    fn lock_at_once(&self) -> Option<MutexGuard<'_, Outgoing>> {
        loop {
            if let Some(outgoing) = self.outgoing.try_lock() {
                return Some(outgoing);
            }
            // SeqCst: see `writable_descriptor`.
            if self.waits_for_room.load(Ordering::SeqCst) {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// The peer's next message.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`], once everything that was queued has been received;
    /// [`Status::Malformed`] and [`Status::Unsupported`], when a sender does not keep to the format: that message
    /// is destroyed, go on receiving; [`Status::ResourceExhausted`], when descriptors ran out: the message stays in
    /// the queue.
    pub fn receive(&self, timeout: Timeout) -> Result<Message> {
        // The usual case asks for no time.
        if let Some(mut incoming) = self.incoming.try_lock()
            && let Some(message) = incoming.take_at_once(self)?
        {
            self.tell_descriptor(&mut incoming);
            return Ok(message);
        }
        let deadline = timeout.deadline();
        let Some(mut incoming) = deadline.lock(&self.incoming) else { return Err(Error::TIMED_OUT) };
        let outcome = incoming.receive(self, deadline);
        self.tell_descriptor(&mut incoming);
        outcome
    }

    fn tell_descriptor(&self, incoming: &mut Incoming) {
        if self.is_polled() {
            incoming.leave(self);
        }
    }

    /// Has descriptors forget what is over.
    fn settle(&self) {
        if let Some((_, both)) = &self.process {
            both.settle();
        }
    }

    fn is_polled(&self) -> bool {
        // SeqCst, as in `descriptor`: either that sees the lock of a receive free, or the receive sees the flag.
        self.polled.load(Ordering::SeqCst)
    }

    /// *No senders* is said to one receiver; this has it said to all, now and later, and keeps the descriptor
    /// readable.
    fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        // A new last sender that goes at once makes the port speak again. Without descriptors for it the other
        // threads that wait are not woken, which is no worse than what they are in already.
        drop(self.duplex.receive.make_send());
    }

    fn is_from_peer(&self, message: &Message) -> bool {
        let Some(sender) = message.sender() else { return false };
        let peer = self.peer.get_or_init(|| sender);
        is_same_process(peer, &sender)
    }

    /// Sends a message with a one-shot right to answer it, and waits for the answer. Whoever the peer passes the
    /// right on to may answer.
    ///
    /// Errors: as [`Self::send`], for the sending; [`Status::TimedOut`]; [`Status::PeerDead`], when the right to
    /// answer died unused. Once the message is sent, the error does not hold it any more.
    pub fn request(&self, message: Message, timeout: Timeout) -> Result<Message, SendError> {
        SendRight::request_by(message, timeout.deadline(), |message, deadline| {
            self.send_before(message, deadline)
        })
    }

    /// How long a wait watches the shared memory before it sleeps: 50 µs unless it is set. Zero never watches. A channel
    /// whose waits turn out to be longer sleeps at once, whatever the time.
    pub fn set_spin_time(&self, time: Duration) {
        self.spin_time.set(time);
    }

    /// Readable when [`Self::receive`] would not wait, and for good once the peer is gone. Borrowed: do not close
    /// it, do not read from it.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        if !self.polled.swap(true, Ordering::SeqCst) {
            match self.incoming.try_lock() {
                Some(mut incoming) => incoming.leave(self),
                // A thread receives. It may not have seen the flag; the next receive will.
                None => self.ring_itself(),
            }
        }
        match &self.process {
            Some((_, both)) => both.descriptor(),
            None => self.duplex.receive.descriptor(),
        }
    }

    /// Readable while a send that is not to wait would probably find room, and for good once the peer is gone. Borrowed: do
    /// not close it, do not read from it.
    ///
    /// It is for a loop of one's own: when a send came back with [`Status::TimedOut`], have the loop wait for this
    /// descriptor, and send again when it is readable. Now and then it is readable once too often. A receiver that goes on
    /// receiving makes it readable when up to three quarters of the queue are free, not with each message that it takes.
    ///
    /// Errors: [`Status::ResourceExhausted`], when it is asked for the first time and descriptors run out.
    pub fn writable_descriptor(&self) -> Result<BorrowedFd<'_>> {
        let mut is_new = false;
        let writable = self.writable.get_or_try_init(|| {
            is_new = true;
            Writable::new(&self.duplex.send)
        })?;
        if is_new {
            // Either a thread that waits for room is seen here, or it sees the descriptor when it has ended.
            fence(Ordering::SeqCst);
            if let Some(mut outgoing) = self.lock_at_once() {
                outgoing.watch_room(&self.duplex.send, None, writable);
            }
        }
        Ok(writable.descriptor())
    }

    /// Whose messages are received here; `None` for a pair's end before the first message.
    pub fn peer(&self) -> Option<Sender> {
        self.peer.get().copied()
    }

    /// Whether the peer let go of its end, so that nothing sent can arrive any more. What it sent before can still
    /// be received. An end that is on its way to its process is not dead.
    pub fn is_peer_dead(&self) -> Result<bool> {
        self.duplex.send.is_dead()
    }

    /// How many messages were destroyed because they came from another process than the peer.
    pub fn refused_messages(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many messages [`Self::send_or_drop`] has dropped.
    pub fn dropped_messages(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The end by itself, with all that is queued, to be sent on. Who opens it listens to the first process that
    /// sends; the peer of a session listens to its session's process only.
    ///
    /// Errors: [`Status::WrongState`], once messages have been received through shared memory, which happens behind
    /// some eight of them: what is queued there cannot be sent on. The channel comes back.
    pub fn into_end(self) -> Result<ChannelEnd, (Self, Error)> {
        if self.incoming.lock().is_in_port() {
            return Ok(ChannelEnd(self.duplex));
        }
        let error = Error::fixed(
            Status::WrongState,
            "a channel cannot be sent on once it has received through shared memory",
        );
        Err((self, error))
    }
}

/// Whether two messages came from one process. A user alone can change: a process may give up rights.
pub(crate) fn is_same_process(one: &Sender, other: &Sender) -> bool {
    one.process_id == other.process_id && (one.process_id != 0 || one.user_id == other.user_id)
}
