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

#[cfg(all(test, shell))]
mod failures;
mod incoming;
mod order;
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
use crate::sys::AnyReadable;
use crate::sys::owner::Owner;
use crate::sys::spawn::Process;
use crate::time::{Deadline, Timeout};
use crate::wake::SpinTime;

/// Messages of strangers, and bells, that one call looks at before it looks at its time.
const FUTILE_AT_ONCE: u64 = 64;

/// One end of a channel that is not in use yet: it can still be sent to the process that will use it. In a fork of the
/// process that made it, nothing can be done with it but to let go of it.
#[derive(Debug)]
pub struct ChannelEnd {
    duplex: Duplex,
    owner: Owner,
}

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
/// no number here, is told by its user only. The end of the peer's process ends the channel, also where a fork of it lives
/// on.
///
/// A channel belongs to the process that opened it. In a fork of that, calls fail with [`Status::WrongState`], and the end
/// of the channel is nothing that the peer notices.
#[derive(Debug)]
pub struct Channel {
    duplex: Duplex,
    owner: Owner,
    peer: OnceLock<Sender>,
    /// The peer's process, once it is known, unless it is this one.
    process: OnceLock<Arc<Process>>,
    /// What a program waits by: the port and the process. `None` where descriptors for it were lacking.
    readable: OnceLock<Option<AnyReadable>>,
    refused: AtomicU64,
    dropped: AtomicU64,
    /// The program waits by the descriptor.
    polled: AtomicBool,
    /// A ring failed that tells the peer of messages; it is for who has the lock of `outgoing` to pay.
    owes_news: AtomicBool,
    /// A ring failed that tells the peer of room; it is for who has the lock of `incoming` to pay.
    owes_room: AtomicBool,
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
    /// Errors: as [`Message::attach`]; [`Status::WrongState`] in a fork; the end comes back.
    pub fn attach_to(self, message: &mut Message) -> Result<(), (Self, Error)> {
        let Self { duplex, owner } = self;
        match owner.check() {
            Ok(()) => duplex.attach_to(message).map_err(|(duplex, error)| (Self { duplex, owner }, error)),
            Err(error) => Err((Self { duplex, owner }, error)),
        }
    }

    /// Takes an end out of a message: its attachments `index` and `index + 1`.
    ///
    /// Errors: [`Status::InvalidArgument`], when there is no end at that place; [`Status::ResourceExhausted`], when
    /// descriptors ran out: the end stays in the message; [`Status::Malformed`], when the sender did not keep to
    /// the format.
    pub fn take_from(message: &mut Message, index: usize) -> Result<Self> {
        Duplex::take_from(message, index).map(Self::new)
    }

    /// Begins to use this end.
    pub fn open(self) -> Channel {
        let Self { duplex, owner } = self;
        Channel {
            duplex,
            owner,
            peer: OnceLock::new(),
            process: OnceLock::new(),
            readable: OnceLock::new(),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            polled: AtomicBool::new(false),
            owes_news: AtomicBool::new(false),
            owes_room: AtomicBool::new(false),
            spin_time: SpinTime::default(),
            outgoing: Mutex::new(Outgoing::new()),
            waits_for_room: AtomicBool::new(false),
            writable: OnceCell::new(),
            incoming: Mutex::new(Incoming::new(owner)),
        }
    }

    /// The raw form of the end, to be carried by any means that carries two rights.
    ///
    /// Errors: [`Status::WrongState`], when this process cannot name its part by one right any more, or is a fork of the
    /// one that made the end; it comes back.
    pub fn into_raw(self) -> Result<ChannelRights, (Self, Error)> {
        if let Err(error) = self.owner.check() {
            return Err((self, error));
        }
        let Duplex { receive, send } = self.duplex;
        match receive.into_raw() {
            Ok(receive) => Ok(ChannelRights { receive, send: send.into_raw() }),
            Err((receive, error)) => Err((Self::of(receive, send), error)),
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
        Self::new(Duplex { receive, send })
    }

    fn new(duplex: Duplex) -> Self {
        Self { duplex, owner: Owner::this_process() }
    }
}

impl Channel {
    /// Both ends of a new channel.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn pair() -> Result<(ChannelEnd, ChannelEnd)> {
        Duplex::pair().map(|(first, second)| (ChannelEnd::new(first), ChannelEnd::new(second)))
    }

    /// The channel of a session, whose peer is known.
    ///
    /// The process comes with a descriptor that wakes for it and for the receive right.
    pub(crate) fn with_peer(
        duplex: Duplex,
        peer: Sender,
        process: Option<(Arc<Process>, AnyReadable)>,
    ) -> Self {
        let mut channel = Self { peer: peer.into(), ..ChannelEnd::new(duplex).open() };
        if let Some((process, both)) = process {
            channel.process = process.into();
            channel.readable = Some(both).into();
        }
        channel
    }

    /// Sends a message; waits while the peer's queue is full.
    ///
    /// A peer that was killed a moment ago, and was not waiting then, may not be noticed by the next few sends, which ask
    /// nobody: [`Self::is_peer_dead`] asks the kernel.
    ///
    /// A message that was not sent has not arrived and will not: it can be sent again.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`]; [`Status::ResourceExhausted`]; [`Status::WrongState`],
    /// when an attachment was taken out of the message, and in a fork. The error holds the message, whole.
    pub fn send(&self, message: Message, timeout: Timeout) -> Result<(), SendError> {
        if let Err(error) = self.owner.check() {
            return Err(SendError::new(error, message));
        }
        self.pay_room();
        // The usual case asks for no time.
        if let Some(mut outgoing) = self.outgoing.try_lock() {
            match outgoing.send_at_once(self, &message) {
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
        let full = match outgoing.send(self, message, Deadline::NOW, deadline) {
            Err(failure) if failure.status() == Status::TimedOut => failure,
            outcome => return outcome,
        };
        if let Some(writable) = self.writable.get() {
            outgoing.watch_room(right, full.message(), writable);
        }
        if deadline.is_over() {
            // Who is dead makes no room, and the ring does not say so.
            return match self.is_peer_gone() {
                true => full.retry(|message| Err(SendError::new(Error::PEER_DEAD, message))),
                false => Err(full),
            };
        }
        // SeqCst, both: see `writable_descriptor`.
        self.waits_for_room.store(true, Ordering::SeqCst);
        let outcome = full.retry(|message| outgoing.send(self, message, deadline, deadline));
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
    /// [`Status::Malformed`] and [`Status::Unsupported`], once for each message that was destroyed on its way, in its
    /// place: go on receiving; [`Status::ResourceExhausted`], when descriptors or memory ran out: the message stays in
    /// its place, and a receive that may wait tries for up to 100 ms before it says so; [`Status::WrongState`] in a fork.
    pub fn receive(&self, timeout: Timeout) -> Result<Message> {
        self.owner.check()?;
        self.pay_news();
        // The usual case asks for no time.
        if let Some(mut incoming) = self.incoming.try_lock() {
            if self.owes_room() {
                incoming.pay(self);
            }
            if let Some(message) = incoming.take_at_once(self)? {
                self.tell_descriptor(&mut incoming);
                return Ok(message);
            }
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
        if let Some(Some(readable)) = self.readable.get() {
            readable.settle();
        }
    }

    fn is_polled(&self) -> bool {
        // SeqCst, as in `descriptor`: either that sees the lock of a receive free, or the receive sees the flag.
        self.polled.load(Ordering::SeqCst)
    }

    /// Whether a ring of the receiver failed.
    #[inline]
    fn owes_news(&self) -> bool {
        // Relaxed, here and below: a debt that is seen late is paid late.
        self.owes_news.load(Ordering::Relaxed)
    }

    /// Whether a ring of a sender that waits for room failed.
    #[inline]
    fn owes_room(&self) -> bool {
        self.owes_room.load(Ordering::Relaxed)
    }

    /// Pays what the sending half owes, unless a thread has it, which does so itself.
    #[inline]
    fn pay_news(&self) {
        if self.owes_news()
            && let Some(mut outgoing) = self.outgoing.try_lock()
        {
            outgoing.pay(self);
        }
    }

    /// Pays what the receiving half owes, unless a thread has it, which does so itself.
    #[inline]
    fn pay_room(&self) {
        if self.owes_room()
            && let Some(mut incoming) = self.incoming.try_lock()
        {
            incoming.pay(self);
            self.tell_descriptor(&mut incoming);
        }
    }

    /// The peer's process, once it is known, unless it is this one.
    fn process(&self) -> Option<&Process> {
        self.process.get().map(AsRef::as_ref)
    }

    fn peer_has_ended(&self) -> Result<bool> {
        self.process().map_or(Ok(false), Process::has_ended)
    }

    /// Whether the peer will never receive again. What cannot be found out is not so.
    fn is_peer_gone(&self) -> bool {
        self.is_peer_dead().unwrap_or(false)
    }

    /// Whether a message is the peer's. The first one says who that is, if it `can_begin`.
    fn is_from_peer(&self, message: &Message, can_begin: bool) -> bool {
        let Some(sender) = message.sender() else { return false };
        match self.peer.get() {
            Some(peer) => is_same_process(peer, &sender),
            None if can_begin => {
                let _ = self.peer.set(sender);
                self.watch(sender.process_id);
                true
            }
            None => false,
        }
    }

    /// Watches the peer's process, whose end is the channel's. Without descriptors for it, or where the system cannot, the
    /// channel ends when nobody has a right to send to it any more.
    fn watch(&self, process_id: u32) {
        if process_id == 0 || process_id == std::process::id() {
            return;
        }
        if let Ok(process) = Process::watch(process_id) {
            let _ = self.process.set(process.into());
            self.join_process();
        }
    }

    /// Has the descriptor tell of the peer's end.
    fn join_process(&self) {
        // Between what was just set and a look at the other one: of two threads that each set one, one sees both.
        fence(Ordering::SeqCst);
        if let (Some(Some(readable)), Some(process)) = (self.readable.get(), self.process()) {
            // That it is there already is no harm.
            let _ = readable.add(process.descriptor());
        }
    }

    fn refuse(&self) {
        // Relaxed: a count, which orders nothing.
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends a message with a one-shot right to answer it, and waits for the answer. Whoever the peer passes the
    /// right on to may answer.
    ///
    /// Errors: as [`Self::send`], for the sending; [`Status::TimedOut`]; [`Status::PeerDead`], when the right to
    /// answer died unused. Once the message is sent, the error does not hold it any more.
    pub fn request(&self, message: Message, timeout: Timeout) -> Result<Message, SendError> {
        if let Err(error) = self.owner.check() {
            return Err(SendError::new(error, message));
        }
        self.pay_room();
        SendRight::request_by(message, timeout.deadline(), |message, deadline| {
            self.send_before(message, deadline)
        })
    }

    /// How long a wait watches the shared memory before it sleeps: 50 µs unless it is set. Zero never watches. A channel
    /// whose waits turn out to be longer sleeps at once, whatever the time.
    pub fn set_spin_time(&self, time: Duration) {
        self.spin_time.set(time);
    }

    /// Readable when [`Self::receive`] would not wait, and for good once the peer is gone: take it out of your loop when
    /// a receive says [`Status::PeerDead`]. Borrowed: do not close it, do not read from it.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        let port = self.duplex.receive.descriptor();
        if !self.owner.is_here() {
            return port;
        }
        self.pay_news();
        self.pay_room();
        let readable = self.readable.get_or_init(|| AnyReadable::new(&[port]).ok());
        if !self.polled.swap(true, Ordering::SeqCst) {
            match self.incoming.try_lock() {
                Some(mut incoming) => incoming.leave(self),
                // A thread receives. It may not have seen the flag; the next receive will.
                None => drop(self.ring_itself()),
            }
            self.join_process();
        }
        readable.as_ref().map_or(port, AnyReadable::descriptor)
    }

    /// Readable while a send that is not to wait would probably find room, and for good once the peer is gone. Borrowed: do
    /// not close it, do not read from it.
    ///
    /// It is for a loop of one's own: when a send came back with [`Status::TimedOut`], have the loop wait for this
    /// descriptor, and send again when it is readable. Now and then it is readable once too often. A receiver that goes on
    /// receiving makes it readable when up to three quarters of the queue are free, not with each message that it takes.
    ///
    /// Errors: [`Status::ResourceExhausted`], when it is asked for the first time and descriptors run out;
    /// [`Status::WrongState`] in a fork.
    pub fn writable_descriptor(&self) -> Result<BorrowedFd<'_>> {
        self.owner.check()?;
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
        Ok(self.duplex.send.is_dead()? || self.peer_has_ended()?)
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
    /// Errors: [`Status::WrongState`], once messages have been received through shared memory, which happens after
    /// some eight of them: what is queued there cannot be sent on; and in a fork. The channel comes back.
    pub fn into_end(self) -> Result<ChannelEnd, (Self, Error)> {
        if let Err(error) = self.owner.check() {
            return Err((self, error));
        }
        if self.incoming.lock().is_in_port() {
            return Ok(ChannelEnd { duplex: self.duplex, owner: self.owner });
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
