//! What arrives at one side of a session, and the turns that threads take in looking at it. Runs in both processes.
//!
//! Any number of threads may wait for different things: a handshake, a right to consume, the end. All of it arrives
//! at one port, so one thread at a time looks, puts what it finds where all can see it, and wakes the others. The
//! lock is held for that bookkeeping only, never while the kernel is waited for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{OfferError, handshake};
use crate::error::{Error, Result, Status};
use crate::message::Message;
use crate::port::{ReceiveRight, SendRight};
use crate::swapchain::{Consumer, ConsumerOptions, ConsumerRight};
use crate::sys::owner::Owner;
use crate::sys::spawn::Process;
use crate::sys::{AnyReadable, wait_readable};
use crate::time::{Deadline, Timeout};

/// How long a side that closed its rights has to end, before it is reported without saying how it ended. A process
/// that dies closes its descriptors a little before the kernel tells its end.
const DYING: Duration = Duration::from_millis(100);
/// How many rights to consume wait to be accepted. More are refused: each one costs two descriptors, and how many a
/// hostile peer makes is up to it.
const MAX_OFFERS: usize = 64;
/// After so many refused messages in a row a call looks at the time.
const REFUSED_AT_ONCE: u32 = 64;
/// How long an offer waits for the other side to take in what was sent before. Longer than anything but a hang.
const OFFER_TIMEOUT: Timeout = Timeout::from_nanoseconds(5_000_000_000);

/// What a side makes of a message.
pub(super) enum Verdict {
    /// The handshake is done.
    Connected,
    /// A right to consume.
    Offer(ConsumerRight),
    /// Not believed: counted, answered with the reason if an answer is wanted, destroyed.
    Refused(Message, Error),
    /// Descriptors ran out. The message is looked at again by the next call.
    Later(Message, Error),
    /// The other side's goodbye.
    Ended(Error),
}

/// Why nothing will come any more.
pub(super) enum Ending {
    /// The other side's process has ended.
    Death,
    /// Nobody has a right to send here any more.
    NoSenders,
    /// The time for the handshake is over.
    NoHello,
}

/// What a look at the port gave.
enum Next {
    Message(Message),
    Malformed,
    Nothing,
}

/// What the two sides of a session have of their own.
pub(super) trait Side {
    /// Looks at a message. Called by one thread at a time.
    fn judge(&self, message: Message) -> Verdict;
    /// The process whose end is the session's, as soon as it is known.
    fn process(&self) -> Option<&Process>;
    /// The process whose end tells most about why nobody can send any more.
    fn last_process(&self) -> Option<&Process>;
    /// When to give up the handshake; `None` once it is done.
    fn hello_deadline(&self) -> Option<Deadline>;
    /// The error that every call returns from now on.
    fn end(&self, ending: Ending) -> Error;
}

/// One side's port with what came out of it.
#[derive(Debug)]
pub(super) struct Inbox {
    owner: Owner,
    port: ReceiveRight,
    ready: AnyReadable,
    state: Mutex<State>,
    changed: Condvar,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// A thread has the turn to look.
    is_looked_at: bool,
    /// A message for which descriptors ran out.
    unfinished: Option<Message>,
    offers: VecDeque<ConsumerRight>,
    /// Nobody can send any more: when to report it without knowing how the other side ended.
    no_senders: Option<Deadline>,
    /// The process that was started has ended. Whether that is the session's end is another question.
    started_has_ended: bool,
    end: Option<Error>,
}

/// The turn to look. Its end wakes the others: there is news, or one of them is next.
struct Turn<'a>(&'a Inbox);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state.lock().is_looked_at = false;
        self.0.changed.notify_all();
    }
}

impl Inbox {
    /// `process` is the other side's, if it is known by now. A failure gives the port back.
    pub(super) fn new(port: ReceiveRight, process: Option<&Process>) -> Result<Self, (ReceiveRight, Error)> {
        let ready = AnyReadable::new(&[port.descriptor()]).and_then(|ready| {
            process.map_or(Ok(()), |process| ready.add(process.descriptor()))?;
            Ok(ready)
        });
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => return Err((port, error)),
        };
        Ok(Self {
            owner: Owner::this_process(),
            port,
            ready,
            state: Mutex::default(),
            changed: Condvar::new(),
            refused: AtomicU64::new(0),
        })
    }

    /// The process whose end is the session's became known.
    pub(super) fn watch(&self, process: &Process) -> Result<()> {
        self.ready.add(process.descriptor())
    }

    /// Readable when there is something to look at.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.ready.descriptor()
    }

    /// How many messages were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether the end is known.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().end.is_some()
    }

    /// Waits until `is_done` says so.
    pub(super) fn wait_until(
        &self,
        side: &impl Side,
        deadline: Deadline,
        is_done: impl Fn() -> bool,
    ) -> Result<()> {
        self.wait(side, deadline, |_| is_done().then_some(()))
    }

    /// The next right to consume.
    pub(super) fn next_offer(&self, side: &impl Side, deadline: Deadline) -> Result<ConsumerRight> {
        self.wait(side, deadline, |state| state.offers.pop_front())
    }

    /// Attaches to what was offered. A right for which there are no descriptors now, or no room at its producer, is the
    /// next offer again.
    pub(super) fn attach(&self, right: ConsumerRight) -> Result<Consumer> {
        Consumer::attach_or_give_back(right, &ConsumerOptions::default()).map_err(|(right, error)| {
            // But where the producer has said its last.
            if !matches!(error.status(), Status::Closed | Status::PeerDead | Status::WrongState) {
                self.state.lock().offers.push_front(right);
                self.changed.notify_all();
            }
            error
        })
    }

    /// Waits for the end, and says why. Offers that come meanwhile are kept.
    pub(super) fn wait_end(&self, side: &impl Side, deadline: Deadline) -> Error {
        match self.wait(side, deadline, |_| None::<Infallible>) {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn wait<T>(
        &self,
        side: &impl Side,
        deadline: Deadline,
        find: impl Fn(&mut State) -> Option<T>,
    ) -> Result<T> {
        self.owner.check()?;
        loop {
            let mut state = self.state.lock();
            loop {
                if let Some(found) = find(&mut state) {
                    return Ok(found);
                }
                if let Some(end) = &state.end {
                    return Err(end.clone());
                }
                if !state.is_looked_at {
                    break;
                }
                match deadline.remaining() {
                    Some(Duration::ZERO) => return Err(Error::TIMED_OUT),
                    Some(left) => drop(self.changed.wait_for(&mut state, left)),
                    None => self.changed.wait(&mut state),
                }
            }
            state.is_looked_at = true;
            drop(state);
            let turn = Turn(self);
            self.look(side, deadline)?;
            drop(turn);
        }
    }

    /// Waits for one piece of news and puts it into the state.
    fn look(&self, side: &impl Side, deadline: Deadline) -> Result<()> {
        let mut process_has_ended = false;
        let mut refused = 0;
        loop {
            let is_refused = match self.next_message()? {
                Next::Nothing => false,
                Next::Malformed => {
                    self.count_refused();
                    true
                }
                Next::Message(message) => match side.judge(message) {
                    Verdict::Connected => return Ok(()),
                    Verdict::Offer(right) => {
                        let mut state = self.state.lock();
                        if state.offers.len() < MAX_OFFERS {
                            state.offers.push_back(right);
                            return Ok(());
                        }
                        drop(state);
                        self.count_refused();
                        true
                    }
                    Verdict::Ended(error) => return self.set_end(error),
                    Verdict::Later(message, error) => {
                        self.state.lock().unfinished = Some(message);
                        return Err(error);
                    }
                    Verdict::Refused(message, reason) => {
                        // First, so that who has the answer finds it counted.
                        self.count_refused();
                        answer_refused(message, &reason);
                        true
                    }
                },
            };
            if is_refused {
                refused += 1;
                if refused % REFUSED_AT_ONCE != 0 {
                    continue;
                }
                // Whoever floods the port does not keep a call beyond its time, nor the handshake.
                if side.hello_deadline().is_some_and(|hello| hello.is_over()) {
                    return self.set_end(side.end(Ending::NoHello));
                }
                if deadline.is_over() {
                    return Err(Error::TIMED_OUT);
                }
                continue;
            }
            if process_has_ended {
                return self.set_end(side.end(Ending::Death));
            }
            let no_senders = self.state.lock().no_senders;
            let process = if no_senders.is_none() { side.process() } else { side.last_process() };
            // Somebody may wait for the end of the one that was started, though the session's is another one.
            let started =
                side.last_process().filter(|_| process.is_none() && !self.state.lock().started_has_ended);
            if let Some(dying) = no_senders
                && (process.is_none() || dying.is_over())
            {
                return self.set_end(side.end(Ending::NoSenders));
            }
            let hello = side.hello_deadline();
            if hello.is_some_and(|hello| hello.is_over()) {
                return self.set_end(side.end(Ending::NoHello));
            }
            let mut until = deadline;
            for other in [no_senders, hello].into_iter().flatten() {
                until = other.remaining().map_or(until, |left| until.at_most(left));
            }
            // Without senders the port only repeats that.
            let port = no_senders.is_none().then(|| self.port.descriptor());
            let ready = match (process.or(started).map(Process::descriptor), port) {
                (Some(process), Some(port)) => wait_readable(&[process, port], until)?,
                (Some(process), None) => wait_readable(&[process], until)?,
                (None, Some(port)) => wait_readable(&[port], until)? << 1,
                (None, None) => 0,
            };
            if ready == 0 && deadline.is_over() {
                self.ready.settle();
                return Err(Error::TIMED_OUT);
            }
            if ready & 1 != 0 && started.map_or(Ok(false), Process::has_ended)? {
                self.state.lock().started_has_ended = true;
                return Ok(());
            }
            // What it sent before its end is queued by now: look at the queue once more.
            process_has_ended = ready & 1 != 0 && process.map_or(Ok(false), Process::has_ended)?;
        }
    }

    /// The next message, without waiting.
    fn next_message(&self) -> Result<Next> {
        if let Some(message) = self.state.lock().unfinished.take() {
            return Ok(Next::Message(message));
        }
        loop {
            let error = match self.port.receive_before(Deadline::NOW) {
                Ok(message) => return Ok(Next::Message(message)),
                Err(error) => error,
            };
            match error.status() {
                Status::TimedOut => return Ok(Next::Nothing),
                Status::NoSenders => {
                    let mut state = self.state.lock();
                    state.no_senders.get_or_insert_with(|| Timeout::after(DYING).deadline());
                    drop(state);
                    self.keep_readable();
                    return Ok(Next::Nothing);
                }
                Status::Malformed | Status::Unsupported => {
                    tracing::debug!(%error, "a session's port got a message that is none");
                    return Ok(Next::Malformed);
                }
                // A right to answer that died unused: nobody asks anything of this port, so a peer made it up.
                Status::PeerDead => {}
                _ => return Err(error),
            }
        }
    }

    fn count_refused(&self) {
        // Relaxed: a count, which orders nothing.
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn set_end(&self, error: Error) -> Result<()> {
        self.state.lock().end = Some(error);
        self.keep_readable();
        Ok(())
    }

    /// A new sender that goes at once is news that stays until somebody receives. Best effort: without descriptors
    /// for it whoever polls learns the end when it asks.
    fn keep_readable(&self) {
        drop(self.port.make_send());
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            return;
        }
        // Not left to the close: a fork has copies of the port. Who waits for an answer learns that there will be none.
        self.port.refuse_senders();
        while let Ok(Next::Message(_) | Next::Malformed) = self.next_message() {}
    }
}

/// Sends the other side a right to consume.
pub(super) fn send_offer(control: &SendRight, right: ConsumerRight) -> Result<(), OfferError> {
    let mut message = match handshake::offer() {
        Ok(message) => message,
        Err(error) => return Err(OfferError { error, right: Some(right) }),
    };
    right.attach_to(&mut message).map_err(|(right, error)| OfferError { error, right: Some(right) })?;
    control.send(message, OFFER_TIMEOUT).map_err(|failure| {
        let error = failure.error().clone().context("offering a right to consume");
        let right =
            failure.into_message().and_then(|mut message| ConsumerRight::take_from(&mut message, 0).ok());
        OfferError { error, right }
    })
}

/// What an authentic side of a running session says.
pub(super) fn judge_running(mut message: Message, closed: &'static str) -> Verdict {
    let checked = match message.id() {
        handshake::OFFER => handshake::check_offer(&message),
        handshake::GOODBYE => match handshake::check_goodbye(&message) {
            Ok(()) => return Verdict::Ended(Error::fixed(Status::Closed, closed)),
            Err(error) => Err(error),
        },
        _ => Err(Error::malformed("a control message of a session has an unknown number")),
    };
    match checked.and_then(|()| ConsumerRight::take_from(&mut message, 0)) {
        Ok(right) => Verdict::Offer(right),
        Err(error) if error.status() == Status::ResourceExhausted => Verdict::Later(message, error),
        Err(error) => Verdict::Refused(message, error),
    }
}

/// Destroys a message, and says why to a sender that wants an answer.
fn answer_refused(mut message: Message, reason: &Error) {
    tracing::debug!(sender = ?message.sender(), %reason, "a session refused a message");
    if let Some(reply) = message.take_reply_right()
        && let Ok(refusal) = handshake::refusal(reason)
    {
        // Who does not wait for its answer any more does not get it.
        let _ = reply.send(refusal, Timeout::NONE);
    }
}
