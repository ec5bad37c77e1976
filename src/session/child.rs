//! The child's side of a session. Runs in the process that the host started.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::OfferError;
use super::handshake::{self, Secret};
use super::inbox::{self, Ending, Inbox, Side, Verdict};
use crate::channel::{Channel, is_same_process};
use crate::error::{Error, Result, Status};
use crate::message::{Message, Sender};
use crate::port::{Duplex, ReceiveRight, SendRight};
use crate::swapchain::{Consumer, ConsumerRight, Producer, SwapchainOptions};
use crate::sys::owner::{Owner, PerProcess};
use crate::sys::process::retry;
use crate::sys::spawn::{Process, Watched, take_inheritance, watch_host};
use crate::sys::{AnyReadable, wait_readable};
use crate::time::{Deadline, Timeout};

/// How long a child waits for a descriptor, once its host has welcomed it.
const SHORTAGE: Duration = Duration::from_secs(1);

/// What this process inherited, after a hello that could not be said.
static UNUSED: PerProcess<Mutex<Option<(SendRight, Secret)>>> = PerProcess::new();

/// The child's side of the session with the host that started this process.
///
/// When the host is gone, calls deliver what it sent before, then fail with [`Status::PeerDead`], or with
/// [`Status::Closed`] if it dropped its [`Host`](super::Host) in good order. Dropping the child ends the session.
///
/// Can be used from any thread.
#[derive(Debug)]
pub struct Child {
    /// The host's control port.
    control: SendRight,
    inbox: Inbox,
    channel: Arc<Channel>,
    host: Sender,
    /// Where the system tells: in another PID namespace the host has no number.
    process: Option<Arc<Process>>,
    features: u64,
    owner: Owner,
}

impl Child {
    /// Connects to the host that started this process. Possible once in the life of a process; a call that fails before
    /// the host has heard of it can be made again.
    ///
    /// Errors: [`Status::NotFound`], when no host started this process; [`Status::WrongState`], when it has been
    /// called before, by whatever copy of this library is in this process; [`Status::Refused`] and
    /// [`Status::Unsupported`], when the host says no: the message tells why; [`Status::PeerDead`], when the host is
    /// gone; [`Status::TimedOut`]; [`Status::ResourceExhausted`].
    pub fn connect(timeout: Timeout) -> Result<Self> {
        let deadline = timeout.deadline();
        let unused = UNUSED.get().lock().take();
        let inheritance = match unused {
            Some(unused) => unused,
            None => take_inheritance(deadline).map(|(port, token)| (SendRight(port), Secret(token)))?,
        };
        Self::say_hello(inheritance, deadline).map_err(|(unused, error)| {
            *UNUSED.get().lock() = unused;
            error
        })
    }

    /// A failure gives back what the host has not heard of.
    fn say_hello(
        (port, token): (SendRight, Secret),
        deadline: Deadline,
    ) -> Result<Self, (Option<(SendRight, Secret)>, Error)> {
        // First what can run out of descriptors.
        let prepare = || {
            let control = ReceiveRight::new()?;
            let (mine, theirs) = Duplex::pair()?;
            let mut hello = handshake::hello(&token)?;
            hello.attach(control.make_send()?)?;
            theirs.attach_to(&mut hello).map_err(|(_, error)| error)?;
            let inbox = Inbox::new(control, None).map_err(|(_, error)| error)?;
            let wakes = AnyReadable::new(&[mine.receive.descriptor()])?;
            let answers = ReceiveRight::new()?;
            hello.set_reply_right(answers.make_send_once()?);
            Ok((hello, inbox, mine, wakes, answers, watch_host(&port.0)?))
        };
        let (hello, inbox, mine, wakes, answers, process) = match prepare() {
            Ok(prepared) => prepared,
            Err(error) => return Err((Some((port, token)), error)),
        };
        let failed = |error: Error| error.context("connecting to the host");
        if let Err(failure) = port.send_before(hello, deadline) {
            let error = failed(failure.error().clone());
            return Err((failure.into_message().map(|_| (port, token)), error));
        }
        Self::answer(&answers, process.as_ref(), deadline)
            .map_err(failed)
            .and_then(|answer| Self::welcomed(port, answer, inbox, mine, wakes, deadline))
            .map_err(|error| (None, error))
    }

    /// Waits for the host's answer, and for the end of the host's process: the right to answer outlives that in a fork.
    fn answer(answers: &ReceiveRight, host: Option<&Watched>, deadline: Deadline) -> Result<Message> {
        let Some(host) = host else { return answers.receive_before(deadline) };
        loop {
            // Before the last look: what it sent before its end is queued by then.
            let has_ended = host.has_ended()?;
            match answers.receive_before(Deadline::NOW) {
                Err(error) if error.status() == Status::TimedOut => {}
                answer => return answer,
            }
            if has_ended {
                return Err(Error::fixed(Status::PeerDead, "the host has ended"));
            }
            if wait_readable(&[answers.descriptor(), host.as_fd()], deadline)? == 0 {
                return Err(Error::TIMED_OUT);
            }
        }
    }

    fn welcomed(
        control: SendRight,
        answer: Message,
        inbox: Inbox,
        mine: Duplex,
        wakes: AnyReadable,
        deadline: Deadline,
    ) -> Result<Self> {
        let features = handshake::check_answer(&answer)?;
        let host = answer.sender().ok_or(Error::PEER_DEAD)?;
        let watch = || match Process::watch(host.process_id) {
            Ok(process) => {
                inbox.watch(&process)?;
                wakes.add(process.descriptor())?;
                Ok(Some(Arc::new(process)))
            }
            Err(error) if error.status() == Status::ResourceExhausted => Err(error),
            Err(_) => Ok(None),
        };
        // The hello cannot be said again, so a shortage is waited for.
        let watched = retry(deadline.at_most(SHORTAGE), || match watch() {
            Err(error) if error.status() == Status::ResourceExhausted => Ok(None),
            watched => watched.map(Some),
        });
        let process = watched?.ok_or_else(|| {
            Error::fixed(
                Status::ResourceExhausted,
                "this process has no descriptor left to watch its host by",
            )
        })?;
        let watch = process.clone().map(|process| (process, wakes));
        Ok(Self {
            control,
            inbox,
            channel: Arc::new(Channel::with_peer(mine, host, watch)),
            host,
            process,
            features,
            owner: Owner::this_process(),
        })
    }

    /// The channel for messages of one's own.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Makes a swapchain that the host consumes: it gets the right to by
    /// [`Host::accept_consumer`](super::Host::accept_consumer).
    ///
    /// Errors: what [`Producer::create`] says; as [`Self::offer_consumer_right`].
    pub fn create_producer(&self, options: &SwapchainOptions) -> Result<Producer> {
        self.owner.check()?;
        let producer = Producer::create(options)?;
        self.offer_consumer_right(producer.consumer_right()?)?;
        Ok(producer)
    }

    /// Gives the host a right to consume a swapchain of this or another process. Does not wait for the host to
    /// accept it; waits up to 5 seconds while more is queued than the host takes in. The host keeps 64 that it has
    /// not accepted yet; more are refused there, and counted.
    ///
    /// Errors: [`Status::PeerDead`]; [`Status::TimedOut`]; [`Status::ResourceExhausted`]. The right comes back.
    pub fn offer_consumer_right(&self, right: ConsumerRight) -> Result<(), OfferError> {
        match self.owner.check() {
            Ok(()) => inbox::send_offer(&self.control, right),
            Err(error) => Err(OfferError { error, right: Some(right) }),
        }
    }

    /// The next swapchain that the host offers, attached with default options.
    ///
    /// Errors: as [`Self::accept_consumer_right`]; what attaching says.
    pub fn accept_consumer(&self, timeout: Timeout) -> Result<Consumer> {
        self.inbox.attach(self.accept_consumer_right(timeout)?)
    }

    /// The next right to consume a swapchain that the host offers.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`] and [`Status::Closed`], once everything that the host
    /// offered was accepted; [`Status::ResourceExhausted`], when descriptors ran out: nothing is lost.
    pub fn accept_consumer_right(&self, timeout: Timeout) -> Result<ConsumerRight> {
        self.inbox.next_offer(self, timeout.deadline())
    }

    /// Waits until the host ends the session, in good order or not.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::ResourceExhausted`].
    pub fn wait_closed(&self, timeout: Timeout) -> Result<()> {
        let end = self.inbox.wait_end(self, timeout.deadline());
        match end.status() {
            Status::PeerDead | Status::Closed => Ok(()),
            _ => Err(end),
        }
    }

    /// Readable when there is something to do: call [`Self::accept_consumer_right`] or [`Self::wait_closed`] with
    /// [`Timeout::NONE`] then. For good once the host is gone. Borrowed: do not close it, do not read from it.
    ///
    /// The channel has a descriptor of its own.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.inbox.descriptor()
    }

    /// Who the host is, as the kernel says.
    pub fn host(&self) -> Sender {
        self.host
    }

    /// What both sides can do beyond the first version, as bits; none is defined yet.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// How many messages were refused that did not come from the host or were not well-formed.
    pub fn refused(&self) -> u64 {
        self.inbox.refused()
    }
}

impl Side for Child {
    fn judge(&self, message: Message) -> Verdict {
        if message.sender().is_some_and(|sender| is_same_process(&self.host, &sender)) {
            inbox::judge_running(message, "the host has ended the session")
        } else {
            Verdict::Refused(message, Error::fixed(Status::Refused, "this process is not the host"))
        }
    }

    fn process(&self) -> Option<&Process> {
        self.process.as_deref()
    }

    fn last_process(&self) -> Option<&Process> {
        self.process()
    }

    fn hello_deadline(&self) -> Option<Deadline> {
        None
    }

    fn end(&self, _: Ending) -> Error {
        Error::fixed(Status::PeerDead, "the host is gone")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A fork of the child has no say in the session.
        if self.owner.is_here()
            && let Ok(goodbye) = handshake::goodbye()
        {
            // Without waiting: a host that takes nothing in learns it by the end of the rights.
            let _ = self.control.send(goodbye, Timeout::NONE);
        }
    }
}
