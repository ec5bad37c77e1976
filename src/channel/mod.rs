//! Channels: a two-way connection between two processes, for the user's own messages.
//!
//! A session has one from its start ([`Host::channel`](crate::session::Host::channel),
//! [`Child::channel`](crate::session::Child::channel)). A *broker* makes more of them: [`Channel::pair`] gives both
//! ends of a new channel, each of which can be put into a message and sent to any process, so that two processes
//! meet that do not know each other. The broker takes no part in what they then say.
//!
//! Beneath are two ports, one for each direction. All types here can be used from any thread.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result, Status};
use crate::message::{Message, Sender};
use crate::port::{Duplex, RawRight, ReceiveRight, SendError, SendRight};
use crate::sys::spawn::Process;
use crate::sys::{AnyReadable, wait_readable};
use crate::time::{Deadline, Timeout};

/// Messages of strangers that one call looks at when it is not to wait.
const STRANGERS_AT_ONCE: u32 = 64;

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
    pub(crate) fn with_peer(duplex: Duplex, peer: Sender, process: Option<Arc<Process>>) -> Result<Self> {
        let process = match process {
            Some(process) => {
                let both = AnyReadable::new(&[duplex.receive.descriptor(), process.descriptor()])?;
                Some((process, both))
            }
            None => None,
        };
        Ok(Self { process, peer: peer.into(), ..ChannelEnd(duplex).open() })
    }

    /// Sends a message; waits while the peer's queue is full.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`]; [`Status::ResourceExhausted`]; [`Status::WrongState`],
    /// when an attachment was taken out of the message. The error holds the message, whole.
    pub fn send(&self, message: Message, timeout: Timeout) -> Result<(), SendError> {
        self.duplex.send.send(message, timeout)
    }

    /// The peer's next message.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`], once everything that was queued has been received;
    /// [`Status::Malformed`] and [`Status::Unsupported`], when a sender does not keep to the format: that message
    /// is destroyed, go on receiving; [`Status::ResourceExhausted`], when descriptors ran out: the message stays in
    /// the queue.
    pub fn receive(&self, timeout: Timeout) -> Result<Message> {
        let deadline = timeout.deadline();
        let mut strangers = 0;
        loop {
            let message = self.receive_from_anyone(deadline)?;
            if self.is_from_peer(&message) {
                return Ok(message);
            }
            drop(message);
            // Relaxed: a count, which orders nothing.
            self.refused.fetch_add(1, Ordering::Relaxed);
            strangers += 1;
            if strangers >= STRANGERS_AT_ONCE && deadline.is_over() {
                return Err(Error::TIMED_OUT);
            }
        }
    }

    fn receive_from_anyone(&self, deadline: Deadline) -> Result<Message> {
        let receive = &self.duplex.receive;
        let mut peer_has_ended = false;
        loop {
            // Relaxed: once it is set nothing can arrive any more, so a late look costs nothing but a look.
            if self.ended.load(Ordering::Relaxed) {
                return Err(Error::PEER_DEAD);
            }
            match receive.receive_before(Deadline::NOW) {
                Err(error) if error.status() == Status::NoSenders => {
                    self.end();
                    return Err(Error::PEER_DEAD);
                }
                // A lane for one message that died unused: no channel has one, so the peer made it. It is no end.
                Err(error) if error.status() == Status::PeerDead => continue,
                Err(error) if error.status() == Status::TimedOut => {}
                outcome => return outcome,
            }
            if peer_has_ended {
                // Its process stays readable: nobody else needs to be woken.
                self.ended.store(true, Ordering::Relaxed);
                return Err(Error::PEER_DEAD);
            }
            let ready = match &self.process {
                Some((process, _)) => wait_readable(&[process.descriptor(), receive.descriptor()], deadline)?,
                None => wait_readable(&[receive.descriptor()], deadline)? << 1,
            };
            if ready == 0 {
                if let Some((_, both)) = &self.process {
                    both.settle();
                }
                return Err(Error::TIMED_OUT);
            }
            // What it sent before its end is queued by now: look at the queue once more.
            peer_has_ended = match &self.process {
                Some((process, _)) if ready & 1 != 0 => process.has_ended()?,
                _ => false,
            };
        }
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
        self.duplex.send.request(message, timeout)
    }

    /// Readable when [`Self::receive`] would not wait, and for good once the peer is gone. Borrowed: do not close
    /// it, do not read from it.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.process {
            Some((_, both)) => both.descriptor(),
            None => self.duplex.receive.descriptor(),
        }
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

    /// The end by itself, with all that is queued, to be sent on. Who opens it listens to the first process that
    /// sends; the peer of a session listens to its session's process only.
    pub fn into_end(self) -> ChannelEnd {
        ChannelEnd(self.duplex)
    }
}

/// Whether two messages came from one process. A user alone can change: a process may give up rights.
pub(crate) fn is_same_process(one: &Sender, other: &Sender) -> bool {
    one.process_id == other.process_id && (one.process_id != 0 || one.user_id == other.user_id)
}
