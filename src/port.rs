//! Ports: one receive right, any number of send rights, whole messages in the order in which they were sent.
//!
//! The rights can be sent to other processes inside of messages. All types here can be used from any thread;
//! dropping a right gives it back to the system.
//!
//! A right, and a port set, belong to the process that made or received it. In a fork of that, calls fail with
//! [`Status::WrongState`], and dropping it is nothing that any other process notices.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::error::{Error, Result, Status};
use crate::message::Message;
use crate::sys;
use crate::sys::contents::{Outgoing, Received};
use crate::time::{Deadline, Timeout};

/// A right as the system names it, owned: on Linux a descriptor (one end of a `SOCK_SEQPACKET` Unix socket pair,
/// close-on-exec), on macOS a Mach port name with one reference to its right.
pub use crate::sys::port::RawRight;

/// How long a send of a channel waits for room until it asks whether the peer lives.
const BEFORE_DOUBT: Duration = Duration::from_secs(1);

/// What a [`PortSet`] says is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// The receive right of this key has a message or a notice.
    Receive(u64),
    /// The port behind the watched send right of this key is dead. The watch has ended.
    Dead(u64),
}

/// Lets its holder send to a port any number of times. Clones of a right send to the same port.
#[derive(Debug)]
pub struct SendRight(pub(crate) sys::port::SendRight);

/// Lets its holder send to a port once: the way an answer takes.
#[derive(Debug)]
pub struct SendOnceRight(pub(crate) sys::port::SendOnceRight);

/// The one right to receive from a port.
#[derive(Debug)]
pub struct ReceiveRight(pub(crate) sys::port::ReceiveRight);

/// A message that was not sent, with the reason. The message is whole, with everything that it carries.
///
/// Where a request failed *behind* its sending, while waiting for the answer, there is no message any more.
pub struct SendError {
    error: Error,
    message: Option<Box<Message>>,
}

impl SendError {
    pub(crate) fn new(error: Error, message: Message) -> Self {
        Self { error, message: Some(Box::new(message)) }
    }

    /// Why it was not sent.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The kind of failure.
    pub fn status(&self) -> Status {
        self.error.status()
    }

    pub(crate) fn message(&self) -> Option<&Message> {
        self.message.as_deref()
    }

    /// Sends the message once more.
    pub(crate) fn retry(self, send: impl FnOnce(Message) -> Result<(), Self>) -> Result<(), Self> {
        match self.message {
            Some(message) => send(*message),
            None => Err(self),
        }
    }

    /// The message, to be sent again or elsewhere.
    pub fn into_message(self) -> Option<Message> {
        self.message.map(|message| *message)
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for SendError {}

impl From<SendError> for Error {
    fn from(failure: SendError) -> Self {
        failure.error
    }
}

/// Of [`SendOnceRight::send`], which gives the right back: the reason alone.
impl<T> From<(T, SendError)> for Error {
    fn from((_, failure): (T, SendError)) -> Self {
        failure.error
    }
}

impl SendRight {
    /// Another right to send to the same port.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn try_clone(&self) -> Result<Self> {
        self.0.owner().check()?;
        self.0.try_clone().map(Self)
    }

    /// Whether the port's receive right is gone, so that nothing sent can arrive any more.
    pub fn is_dead(&self) -> Result<bool> {
        self.0.owner().check()?;
        self.0.is_dead()
    }

    /// Sends a message; waits while the port's queue is full.
    ///
    /// On macOS a message that waits for room while the receive right dies counts as sent, and dies with the port: the
    /// kernel has it by then.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`], when the receive right is gone;
    /// [`Status::ResourceExhausted`]; [`Status::WrongState`], when an attachment was taken out of the message.
    /// The error holds the message, whole.
    pub fn send(&self, message: Message, timeout: Timeout) -> Result<(), SendError> {
        self.send_before(message, timeout.deadline())
    }

    pub(crate) fn send_before(&self, message: Message, deadline: Deadline) -> Result<(), SendError> {
        message.send_by(None, self.0.owner(), |outgoing| sys::message::send(&self.0, outgoing, deadline))
    }

    /// Sends a message of a channel, with its place among those of its direction. While it waits for room, it asks now and
    /// then whether the peer `is_gone`.
    pub(crate) fn send_numbered(
        &self,
        message: Message,
        number: u32,
        deadline: Deadline,
        is_gone: impl Fn() -> bool,
    ) -> Result<(), SendError> {
        message.send_by(Some(number), self.0.owner(), |outgoing| {
            loop {
                match sys::message::send(&self.0, outgoing, deadline.at_most(BEFORE_DOUBT)) {
                    Err(error) if error.status() == Status::TimedOut && !deadline.is_over() => {
                        if is_gone() {
                            return Err(Error::PEER_DEAD);
                        }
                    }
                    outcome => return outcome,
                }
            }
        })
    }

    /// Sends a message with a one-shot right to answer it, and waits for the answer.
    ///
    /// A request that timed out leaves nothing behind; an answer that comes later is destroyed.
    ///
    /// Errors: as [`Self::send`], for the sending; [`Status::TimedOut`]; [`Status::PeerDead`], when the right to
    /// answer died unused. Once the message is sent, the error does not hold it any more. An answer that cannot be
    /// received for [`Status::ResourceExhausted`] is destroyed.
    pub fn request(&self, message: Message, timeout: Timeout) -> Result<Message, SendError> {
        Self::request_by(message, timeout.deadline(), |message, deadline| self.send_before(message, deadline))
    }

    /// A request that `send` sends.
    pub(crate) fn request_by(
        mut message: Message,
        deadline: Deadline,
        send: impl FnOnce(Message, Deadline) -> Result<(), SendError>,
    ) -> Result<Message, SendError> {
        let answers =
            match ReceiveRight::new().and_then(|port| port.make_send_once().map(|once| (port, once))) {
                Ok((port, once)) => {
                    message.set_reply_right(once);
                    port
                }
                Err(error) => return Err(SendError::new(error, message)),
            };
        send(message, deadline).map_err(|failure| SendError {
            error: failure.error,
            message: failure.message.map(|mut message| {
                message.take_reply_right();
                message
            }),
        })?;
        answers.receive_before(deadline).map_err(|error| SendError { error, message: None })
    }

    /// The raw form of the right, to be carried by any means that carries one. In a fork, on Linux, the fork's own
    /// descriptor; on macOS a right to nothing.
    pub fn into_raw(self) -> RawRight {
        self.0.into_raw()
    }

    /// A send right from its raw form.
    ///
    /// Errors: [`Status::Malformed`], when it is no end of a `SOCK_SEQPACKET` Unix socket, or no send right. It is
    /// given back to the system then.
    pub fn from_raw(raw: RawRight) -> Result<Self> {
        sys::port::SendRight::from_raw(raw).map(Self)
    }
}

impl SendOnceRight {
    /// Whether the port's receive right is gone.
    pub fn is_dead(&self) -> Result<bool> {
        self.0.owner().check()?;
        self.0.is_dead()
    }

    /// Sends the one message, usually an answer.
    ///
    /// Errors: as [`SendRight::send`]; the right comes back with the message.
    pub fn send(self, message: Message, timeout: Timeout) -> Result<(), (Self, SendError)> {
        let deadline = timeout.deadline();
        let send = |outgoing: Outgoing<'_>| sys::message::send_once(&self.0, outgoing, deadline);
        match message.send_by(None, self.0.owner(), send) {
            Ok(()) => {
                self.0.moved();
                Ok(())
            }
            Err(failure) => Err((self, failure)),
        }
    }
}

impl ReceiveRight {
    /// A new port, to which nobody can send yet.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn new() -> Result<Self> {
        sys::port::ReceiveRight::new(sys::port::Identity::Credentials).map(Self)
    }

    /// A new port, whose messages bring a handle of the sender's process where the system has it.
    pub(crate) fn that_knows_senders() -> Result<Self> {
        sys::port::ReceiveRight::new(sys::port::Identity::ProcessHandle).map(Self)
    }

    /// A new send right to this port. Can be called at any time, also after all earlier ones are gone.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn make_send(&self) -> Result<SendRight> {
        self.0.owner().check()?;
        self.0.make_send().map(SendRight)
    }

    /// A new right to send one message to this port. When it dies unused, [`Self::receive`] says so.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn make_send_once(&self) -> Result<SendOnceRight> {
        self.0.owner().check()?;
        self.0.make_send_once().map(SendOnceRight)
    }

    /// The next message.
    ///
    /// *No senders* is news once each time that the last send right is gone and the queue is empty: to this process, and to
    /// another one that the right moves to afterwards. A call that would wait for ever says it again, unless a send-once
    /// right can still bring something; one with a deadline waits, as another thread may make a send right meanwhile.
    /// A right that [`check_in`](crate::bootstrap::check_in) made never says it: the next one may look the name up at any
    /// time.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::NoSenders`]; [`Status::PeerDead`], when a send-once right of this port died unused;
    /// [`Status::Malformed`] and [`Status::Unsupported`], when a sender does not keep to the format: that message
    /// is destroyed, go on receiving; [`Status::ResourceExhausted`], when descriptors or the room to map memory
    /// ran out: the message stays in the queue.
    pub fn receive(&self, timeout: Timeout) -> Result<Message> {
        self.receive_before(timeout.deadline())
    }

    pub(crate) fn receive_before(&self, deadline: Deadline) -> Result<Message> {
        match self.receive_any(deadline)? {
            (_, Some(error)) => Err(error),
            (message, None) if message.is_control() || message.number().is_some() => {
                Err(Error::malformed("a message for a channel came to a port that is none's"))
            }
            (message, None) => Ok(message),
        }
    }

    /// The next message, whether for the user or for the library; with an error, what is left of one that was destroyed.
    pub(crate) fn receive_any(&self, deadline: Deadline) -> Result<(Message, Option<Error>)> {
        self.0.owner().check()?;
        match self.0.receive(deadline)? {
            Received::Message(incoming) => Ok((Message::from_incoming(incoming), None)),
            Received::Destroyed(remains, error) => Ok((Message::from_incoming(remains), Some(error))),
            Received::NoSenders => {
                Err(Error::fixed(Status::NoSenders, "the last send right to this port is gone"))
            }
            Received::SendOnceDestroyed => {
                Err(Error::fixed(Status::PeerDead, "a right to answer died unused: the answer will not come"))
            }
        }
    }

    /// Whether somebody has a send right to this port, or can get one by its name. What was sent may still be queued
    /// when nobody has.
    pub fn has_senders(&self) -> Result<bool> {
        self.0.owner().check()?;
        self.0.has_senders()
    }

    /// Ends the port for its senders, also while a fork has a copy of the right. What is queued can still be received.
    pub(crate) fn refuse_senders(&self) {
        self.0.refuse_senders();
    }

    /// Readable when [`Self::receive`] would not wait. Borrowed: do not close it, do not read from it.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.descriptor()
    }

    /// The raw form of the right. On Linux it has one while exactly one send right was made of it, on macOS always.
    ///
    /// Errors: [`Status::WrongState`]; the right comes back.
    pub fn into_raw(self) -> Result<RawRight, (Self, Error)> {
        if let Err(error) = self.0.owner().check() {
            return Err((self, error));
        }
        self.0.into_raw().map_err(|(right, error)| (Self(right), error))
    }

    /// A receive right from its raw form. On Linux the other end is its first send right, and what was sent before,
    /// through a socket pair that this library did not make, comes from process 0.
    ///
    /// Errors: [`Status::Malformed`], as [`SendRight::from_raw`].
    pub fn from_raw(raw: RawRight) -> Result<Self> {
        sys::port::ReceiveRight::from_raw(raw).map(Self)
    }
}

impl AsFd for ReceiveRight {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor()
    }
}

/// Many receive rights, and watches for the death of ports, behind one descriptor. Members take turns.
///
/// Keys are the caller's own, 0 to [`PortSet::MAX_KEY`]. A right is in a set once, and leaves it when it is dropped or
/// moved; its key can be used again then. What is reported is always of the member that has the key now.
#[derive(Debug)]
pub struct PortSet(sys::port_set::PortSet);

impl PortSet {
    /// The greatest key.
    pub const MAX_KEY: u64 = sys::port_set::MAX_SET_KEY;

    /// An empty set.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn new() -> Result<Self> {
        sys::port_set::PortSet::new().map(Self)
    }

    fn check(key: u64) -> Result<()> {
        if key <= Self::MAX_KEY {
            Ok(())
        } else {
            Err(Error::invalid(format!("{key} is over {}, the greatest key of a port set", Self::MAX_KEY)))
        }
    }

    /// Adds a receive right under a key.
    ///
    /// Errors: [`Status::InvalidArgument`]; [`Status::AlreadyExists`], for the key or the right;
    /// [`Status::ResourceExhausted`].
    pub fn add(&self, right: &ReceiveRight, key: u64) -> Result<()> {
        self.0.owner().check()?;
        right.0.owner().check()?;
        Self::check(key)?;
        self.0.add(&right.0, key)
    }

    /// Takes the receive right of a key out of the set.
    ///
    /// Errors: [`Status::NotFound`].
    pub fn remove(&self, key: u64) -> Result<()> {
        self.0.owner().check()?;
        self.0.remove(key)
    }

    /// Watches for the death of the port behind a send right: a dead-name notice, reported once.
    ///
    /// Errors: as [`Self::add`].
    pub fn watch(&self, right: &SendRight, key: u64) -> Result<()> {
        self.0.owner().check()?;
        right.0.owner().check()?;
        Self::check(key)?;
        self.0.watch_dead(&right.0, key)
    }

    /// Ends the watch of a key. One that has reported has ended already.
    ///
    /// Errors: [`Status::NotFound`].
    pub fn unwatch(&self, key: u64) -> Result<()> {
        self.0.owner().check()?;
        self.0.unwatch(key)
    }

    /// Waits for a member that is ready. Receive from a ready right with [`Timeout::NONE`]: another thread may
    /// have been faster.
    ///
    /// Errors: [`Status::TimedOut`].
    pub fn wait(&self, timeout: Timeout) -> Result<Ready> {
        self.0.owner().check()?;
        Ok(match self.0.wait(timeout.deadline())? {
            sys::port_set::Ready::Receive(key) => Ready::Receive(key),
            sys::port_set::Ready::Dead(key) => Ready::Dead(key),
        })
    }

    /// Readable when [`Self::wait`] would not wait. Borrowed.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.descriptor()
    }
}

impl AsFd for PortSet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor()
    }
}

/// Two ports that make a two-way connection: this side's receive right and a send right to the other side's.
#[derive(Debug)]
pub(crate) struct Duplex {
    pub(crate) receive: ReceiveRight,
    pub(crate) send: SendRight,
}

impl Duplex {
    /// Both ends of a new connection.
    pub(crate) fn pair() -> Result<(Self, Self)> {
        Self::pair_with(ReceiveRight::new()?)
    }

    /// As [`Self::pair`], and the first end knows the processes of those who send to it.
    pub(crate) fn pair_that_knows_senders() -> Result<(Self, Self)> {
        Self::pair_with(ReceiveRight::that_knows_senders()?)
    }

    fn pair_with(first: ReceiveRight) -> Result<(Self, Self)> {
        let second = ReceiveRight::new()?;
        let (to_first, to_second) = (first.make_send()?, second.make_send()?);
        Ok((Self { receive: first, send: to_second }, Self { receive: second, send: to_first }))
    }

    /// Puts this end into a message, as its next two attachments.
    pub(crate) fn attach_to(self, message: &mut Message) -> Result<(), (Self, Error)> {
        let Self { receive, send } = self;
        message.attach_pair(receive, send).map_err(|(receive, send, error)| (Self { receive, send }, error))
    }

    /// Takes an end out of a message: its attachments `index` and `index + 1`.
    pub(crate) fn take_from(message: &mut Message, index: usize) -> Result<Self> {
        // The receive right first: that can fail for want of descriptors, then both are still in the message.
        message.check_is_pair(index)?;
        let receive = message.take_receive_right(index)?;
        let send = message.take_send_right(index + 1)?;
        Ok(Self { receive, send })
    }
}
