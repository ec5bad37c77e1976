//! The host's side of a session. Runs in the process that started the other one.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::handshake::{self, Secret};
use super::inbox::{self, Ending, Inbox, Side, Verdict};
use super::{ChildExit, Invitation, OfferError};
use crate::channel::{Channel, is_same_process};
use crate::error::{Error, Result, Status};
use crate::message::{Message, Sender};
use crate::port::{Duplex, ReceiveRight, SendRight};
use crate::swapchain::{Consumer, ConsumerRight};
use crate::sys::AnyReadable;
use crate::sys::owner::Owner;
use crate::sys::spawn::{self, Command, Process};
use crate::time::{Deadline, Timeout};

/// What happens to a spawned child that still runs when its [`Host`] is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfLife {
    /// It has this time to end by itself, since it learns that the session is over; then it is killed. Either way it
    /// is reaped. [`Timeout::FOREVER`] never kills.
    KillAfter(Timeout),
    /// It is left to itself. If it ends later it stays a zombie until this process ends, unless this process reaps
    /// its children by other means.
    Leave,
}

impl Default for EndOfLife {
    /// One second.
    fn default() -> Self {
        Self::KillAfter(Timeout::from_nanoseconds(1_000_000_000))
    }
}

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct SpawnOptions {
    /// The program and its arguments. A program without a slash is searched in this process's `PATH`.
    pub arguments: Vec<OsString>,
    /// Entries for the environment, over those of this process: name and value.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether the environment has these entries only, and nothing of this process's.
    pub clear_environment: bool,
    /// The working folder; `None` is this process's. A relative path of the program starts there.
    pub directory: Option<PathBuf>,
    /// How long the child has to say hello, counted from its start. 10 seconds by default.
    pub hello_timeout: Timeout,
    /// What happens to a child that still runs when the host is dropped.
    pub end_of_life: EndOfLife,
    /// Whether another process than the one that was started may say hello, if it has the token and is of the same
    /// user: for wrappers, such as a shell script that does not `exec` the program.
    ///
    /// The price: whatever inherits the descriptors, down to the last helper of the script, can take the child's
    /// place, while otherwise the kernel's word on the sender stands against that. When the host is dropped, the
    /// process that said hello is ended as well, where the system names it for certain (Linux 6.5), but only the one
    /// that was started can be reaped here.
    pub allow_descendants: bool,
}

impl SpawnOptions {
    /// These arguments, the first of which is the program, and defaults for the rest.
    pub fn new<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            clear_environment: false,
            directory: None,
            hello_timeout: Host::HELLO_TIMEOUT,
            end_of_life: EndOfLife::default(),
            allow_descendants: false,
        }
    }

    /// All of the child's environment, as `NAME=value`.
    fn environment(&self, invitation: &Invitation) -> Result<Vec<CString>> {
        let inherited = if self.clear_environment { None } else { Some(std::env::vars_os()) };
        let mut entries: BTreeMap<OsString, OsString> = inherited.into_iter().flatten().collect();
        for (name, value) in &self.environment {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return Err(Error::invalid(format!(
                    "{name:?} is no name of an environment entry: it is empty or contains '='"
                )));
            }
            entries.insert(name.clone(), value.clone());
        }
        // Last, since this process may be the child of another host.
        entries.extend(invitation.environment().into_iter().map(|(name, value)| (name.into(), value.into())));
        let join = |(mut entry, value): (OsString, OsString)| {
            entry.push("=");
            entry.push(value);
            c_string(&entry)
        };
        entries.into_iter().map(join).collect()
    }
}

fn c_string(text: &OsStr) -> Result<CString> {
    CString::new(text.to_owned().into_vec())
        .map_err(|_| Error::invalid(format!("{text:?} contains a zero byte")))
}

/// What a hello must fulfil.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) token: Secret,
    /// Whether the token suffices, whichever process it comes from.
    pub(super) any_process: bool,
    pub(super) hello_deadline: Deadline,
}

/// The child's process, and what becomes of it.
#[derive(Debug)]
pub(super) struct Life {
    /// The process that was started, where it is known.
    started: Option<Arc<Process>>,
    /// The process that said hello, where that may be another one.
    greeter: OnceLock<Arc<Process>>,
    end_of_life: EndOfLife,
    /// The host's process: a fork of it has a copy of this, and no say in the child's life.
    owner: Owner,
}

impl Life {
    pub(super) fn new(started: Option<Arc<Process>>, end_of_life: EndOfLife) -> Self {
        Self { started, greeter: OnceLock::new(), end_of_life, owner: Owner::this_process() }
    }

    /// How the process that was started has ended, if it has.
    fn exit(&self) -> Option<ChildExit> {
        self.started.as_ref()?.wait(Deadline::NOW).ok().map(ChildExit::from)
    }

    /// Waits, ends, reaps. A second time does nothing more.
    fn finish(&self) -> Option<ChildExit> {
        if !self.owner.is_here() {
            return None;
        }
        let EndOfLife::KillAfter(grace) = self.end_of_life else { return self.exit() };
        let grace = grace.deadline();
        for process in self.started.iter().chain(self.greeter.get()) {
            if let Err(error) = process.finish(grace) {
                tracing::warn!(process = process.id(), %error, "a child outlives its host");
            }
        }
        self.exit()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A process, and a descriptor that wakes for its end and can have others added to it.
type Watch = (Arc<Process>, AnyReadable);

/// A believed hello that is not answered yet.
struct Greeting {
    watched: Option<Watch>,
    duplex: Duplex,
    control: SendRight,
    peer: Sender,
    features: u64,
}

/// What a believed hello brought.
struct Connection {
    owner: Owner,
    channel: Arc<Channel>,
    control: SendRight,
    peer: Sender,
    features: u64,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A fork of the host has no say in the session.
        if self.owner.is_here()
            && let Ok(goodbye) = handshake::goodbye()
        {
            // Without waiting: a child that takes nothing in learns it by the end of the rights.
            let _ = self.control.send(goodbye, Timeout::NONE);
        }
    }
}

/// The host's side of a session with one child process.
///
/// [`Host::spawn`] returns when the process is started; the handshake is done by whatever call waits first. When the
/// child has ended, calls deliver what it sent before, then fail with [`Status::PeerDead`] and say how it ended, or
/// with [`Status::Closed`] if it dropped its [`Child`](super::Child) first.
///
/// Dropping the host closes the session. A child that it spawned learns that, has a time to end, is killed, and is
/// reaped: see [`EndOfLife`]. A [`Channel`] of which somebody still has a clone stays open.
///
/// Can be used from any thread.
pub struct Host {
    // Dropped from top to bottom: first what tells the child, then the wait for it.
    connection: OnceLock<Connection>,
    inbox: Inbox,
    /// Waits in the inbox for what was lacking.
    greeting: Mutex<Option<Greeting>>,
    terms: Terms,
    life: Life,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("process_id", &self.process_id())
            .field("is_connected", &self.connection.get().is_some())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}

impl Host {
    /// How long a child has to say hello, unless the options say otherwise: 10 seconds.
    pub const HELLO_TIMEOUT: Timeout = Timeout::from_nanoseconds(10_000_000_000);

    /// Starts a child process. It inherits what it needs to connect, and no other descriptor of this library.
    ///
    /// Errors: [`Status::InvalidArgument`] for the options; [`Status::NotFound`] and [`Status::PermissionDenied`] for
    /// the program; [`Status::ResourceExhausted`], when there are no descriptors, no memory, or no processes for it;
    /// [`Status::System`]. No child is left behind then.
    pub fn spawn(options: &SpawnOptions) -> Result<Self> {
        if options.arguments.first().is_none_or(|program| program.is_empty()) {
            return Err(Error::invalid("no program was named to be started"));
        }
        let arguments = options.arguments.iter().map(|text| c_string(text)).collect::<Result<Vec<_>>>()?;
        let directory = options.directory.as_ref().map(|path| c_string(path.as_os_str())).transpose()?;
        let mut invitation = Invitation::for_spawn()?;
        invitation.set_hello_timeout(options.hello_timeout);
        invitation.set_allow_descendants(options.allow_descendants);
        let process = spawn::spawn(&Command {
            arguments: &arguments,
            environment: &options.environment(&invitation)?,
            directory: directory.as_deref(),
            inheritance: invitation.inheritance(),
        })?;
        // Without a host the child is of no use.
        let at_once = EndOfLife::KillAfter(Timeout::NONE);
        let mut host = invitation.into_host_of(Some(process), at_once).map_err(|(_, error)| error)?;
        host.life.end_of_life = options.end_of_life;
        Ok(host)
    }

    /// A failure gives back what an invitation needs; the child's life is over then, as its end of life says.
    pub(super) fn new(
        port: ReceiveRight,
        terms: Terms,
        life: Life,
    ) -> Result<Self, (ReceiveRight, Terms, Error)> {
        let watched = if terms.any_process { None } else { life.started.as_deref() };
        let inbox = match Inbox::new(port, watched) {
            Ok(inbox) => inbox,
            Err((port, error)) => return Err((port, terms, error)),
        };
        Ok(Self { connection: OnceLock::new(), inbox, greeting: Mutex::default(), terms, life })
    }

    /// Waits until the child has said hello.
    ///
    /// Errors: [`Status::TimedOut`], when this time is over; [`Status::NoHello`], when the child's time to say hello
    /// is, which is for good; [`Status::PeerDead`], when the child has ended, or let go of what it inherited, without
    /// a hello.
    pub fn wait_connected(&self, timeout: Timeout) -> Result<()> {
        self.connection(timeout.deadline()).map(drop)
    }

    fn connection(&self, deadline: Deadline) -> Result<&Connection> {
        self.life.owner.check()?;
        loop {
            if let Some(connection) = self.connection.get() {
                return Ok(connection);
            }
            self.inbox.wait_until(self, deadline, || self.connection.get().is_some())?;
        }
    }

    /// The channel for messages of one's own, once the child has said hello. It is there also when the child has
    /// ended since.
    ///
    /// Errors: as [`Self::wait_connected`].
    pub fn channel(&self, timeout: Timeout) -> Result<&Arc<Channel>> {
        self.connection(timeout.deadline()).map(|connection| &connection.channel)
    }

    /// The next swapchain that the child offers, attached with default options.
    ///
    /// Errors: as [`Self::accept_consumer_right`]; what attaching says.
    pub fn accept_consumer(&self, timeout: Timeout) -> Result<Consumer> {
        self.inbox.attach(self.accept_consumer_right(timeout)?)
    }

    /// The next right to consume a swapchain that the child offers: to be attached with options, or forwarded to
    /// another process, so that this one is in no frame's path.
    ///
    /// Errors: [`Status::TimedOut`]; [`Status::PeerDead`] and [`Status::Closed`], once everything that the child
    /// offered was accepted; before the hello, as [`Self::wait_connected`]; [`Status::ResourceExhausted`], when
    /// descriptors ran out: nothing is lost.
    pub fn accept_consumer_right(&self, timeout: Timeout) -> Result<ConsumerRight> {
        self.inbox.next_offer(self, timeout.deadline())
    }

    /// Gives the child a right to consume a swapchain of this or another process. Does not wait for the child to
    /// accept it; waits up to 5 seconds while more is queued than the child takes in. The child keeps 64 that it has
    /// not accepted yet; more are refused there, and counted.
    ///
    /// Errors: [`Status::WrongState`] before the hello; [`Status::PeerDead`]; [`Status::TimedOut`];
    /// [`Status::ResourceExhausted`]. The right comes back.
    pub fn offer_consumer_right(&self, right: ConsumerRight) -> Result<(), OfferError> {
        let early = || Error::fixed(Status::WrongState, "the child has not said hello yet");
        match self.life.owner.check().and_then(|()| self.connection.get().ok_or_else(early)) {
            Ok(connection) => inbox::send_offer(&connection.control, right),
            Err(error) => Err(OfferError { error, right: Some(right) }),
        }
    }

    /// Waits for the end of the child's process. Until the child has said hello, this also does the handshake: a child
    /// that waits for its answer would not end.
    ///
    /// The process is the one that was started; for an invitation without a process number the one that says hello.
    ///
    /// Errors: [`Status::TimedOut`]; for an invitation without a process number, as [`Self::wait_connected`].
    pub fn wait_exit(&self, timeout: Timeout) -> Result<ChildExit> {
        self.life.owner.check()?;
        let deadline = timeout.deadline();
        if let Some(started) = &self.life.started {
            let is_done = || self.connection.get().is_some() || started.has_ended().unwrap_or(true);
            match self.inbox.wait_until(self, deadline, is_done) {
                // The child may be waiting for an answer that cannot be given now.
                Err(error) if error.status() == Status::ResourceExhausted => return Err(error),
                // The end of a session, or of its time to begin, is not that of the process.
                _ => {}
            }
            return started.wait(deadline).map(ChildExit::from);
        }
        self.connection(deadline)?;
        if let Some(greeter) = self.life.greeter.get() {
            return greeter.wait(deadline).map(ChildExit::from);
        }
        // No handle of it, as from another PID namespace: the end of the session has to do.
        let end = self.inbox.wait_end(self, deadline);
        if end.status() == Status::TimedOut { Err(end) } else { Ok(ChildExit::Unknown) }
    }

    /// Readable when there is something to do: call [`Self::wait_connected`] or [`Self::accept_consumer_right`] with
    /// [`Timeout::NONE`] then. For good once the child has ended. Borrowed: do not close it, do not read from it.
    ///
    /// The channel has a descriptor of its own. The end of the child's time to say hello is not seen here.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.inbox.descriptor()
    }

    /// The number of the child's process: the one that was started, else the one that said hello.
    pub fn process_id(&self) -> Option<u32> {
        let greeted = || self.connection.get().map(|connection| connection.peer.process_id);
        self.life.started.as_ref().map(|process| process.id()).or_else(greeted)
    }

    /// Whether the child has said hello, and its session has not ended since.
    pub fn is_connected(&self) -> bool {
        let lives = |process: &Process| !process.has_ended().unwrap_or(true);
        self.life.owner.is_here()
            && self.connection.get().is_some()
            && !self.inbox.has_ended()
            && self.process().is_none_or(lives)
    }

    /// What both sides can do beyond the first version, as bits; none is defined yet. 0 before the hello.
    pub fn features(&self) -> u64 {
        self.connection.get().map_or(0, |connection| connection.features)
    }

    /// How many messages were refused: hellos with the wrong token, from the wrong process or of another version,
    /// second hellos, and whatever else did not come from the child or was not well-formed.
    pub fn refused(&self) -> u64 {
        self.inbox.refused()
    }

    /// Ends the child's process at once. One that has ended already is fine.
    ///
    /// Errors: [`Status::WrongState`], when its process is not known yet; [`Status::Unsupported`], when it is no child of
    /// this process and the system does not name it for certain (macOS, and Linux before 6.5): its number can be another one's.
    pub fn kill(&self) -> Result<()> {
        self.life.owner.check()?;
        let known: Vec<_> = self.life.started.iter().chain(self.life.greeter.get()).collect();
        if known.is_empty() {
            return Err(Error::fixed(
                Status::WrongState,
                "the child's process is not known before its hello",
            ));
        }
        known.into_iter().try_for_each(|process| process.kill())
    }

    /// Does what dropping the host does, and says how the child ended; `None`, if it still runs, or was never known.
    pub fn close(self) -> Option<ChildExit> {
        let Self { connection, inbox, greeting, terms: _, life } = self;
        drop(connection);
        drop((inbox, greeting));
        life.finish()
    }

    /// Whether a hello is to be believed. The answer is the features of both sides.
    fn check_hello(&self, message: &Message, sender: &Sender) -> Result<u64> {
        let features = handshake::check_hello(message, &self.terms.token)?;
        let refused = |text: String| Err(Error::new(Status::Refused, text));
        if !spawn::is_our_user(sender.user_id) {
            return refused(format!("user {} is not the host's", sender.user_id));
        }
        if let Some(started) = self.life.started.as_ref().filter(|_| !self.terms.any_process) {
            if sender.process_id != started.id() {
                return refused(format!(
                    "process {} is not the one that the host started, which is {}: a wrapper has to exec the \
                     program, or the host to allow descendants",
                    sender.process_id,
                    started.id()
                ));
            }
            // Looked at after the receipt: a process that lives now has had its number all the time. And who has
            // ended does not wait for an answer.
            if started.has_ended()? {
                return refused("the process that the host started has ended".into());
            }
        }
        if self.connection.get().is_some() {
            return refused("the child has said hello before".into());
        }
        Ok(features)
    }

    fn judge_hello(&self, mut message: Message) -> Verdict {
        let begun = self.greeting.lock().take();
        let outcome = begun.map_or_else(|| self.greet(&mut message), Ok).and_then(|greeting| {
            match self.welcome(&mut message, &greeting) {
                Ok(()) => {
                    self.connect(greeting);
                    Ok(())
                }
                Err(error) => {
                    // For the next look at this message, if there is one.
                    if error.status() == Status::ResourceExhausted {
                        *self.greeting.lock() = Some(greeting);
                    }
                    Err(error)
                }
            }
        });
        match outcome {
            Ok(()) => Verdict::Connected,
            Err(error) if error.status() == Status::ResourceExhausted => Verdict::Later(message, error),
            Err(error) => Verdict::Refused(message, error),
        }
    }

    /// Believes a hello, and takes out what it brings. What can run out of descriptors comes first, while everything is
    /// still in the message.
    fn greet(&self, message: &mut Message) -> Result<Greeting> {
        let peer = message.sender();
        let peer = peer.ok_or_else(|| Error::fixed(Status::Internal, "a message without a sender"))?;
        let features = self.check_hello(message, &peer)?;
        let watched = self.watch_greeter(message, &peer)?;
        let duplex = Duplex::take_from(message, handshake::CHANNEL_AT)?;
        let control = message.take_send_right(handshake::CONTROL_AT)?;
        Ok(Greeting { watched, duplex, control, peer, features })
    }

    /// The process that says hello, and a descriptor that wakes for its end.
    fn watch_greeter(&self, message: &Message, sender: &Sender) -> Result<Option<Watch>> {
        let process = match &self.life.started {
            Some(started) if !self.terms.any_process => started.clone(),
            _ => match Process::watch_sender(sender.process_id, message.sender_process()) {
                Ok(process) => Arc::new(process),
                Err(error) if error.status() == Status::ResourceExhausted => return Err(error),
                // Without a handle the end of the rights still shows the end of the session.
                Err(_) => return Ok(None),
            },
        };
        let wakes = AnyReadable::new(&[process.descriptor()])?;
        Ok(Some((process, wakes)))
    }

    /// Answers a hello. What fails for a shortage can be done again.
    fn welcome(&self, message: &mut Message, greeting: &Greeting) -> Result<()> {
        if let Some((process, wakes)) = &greeting.watched {
            wakes.add(greeting.duplex.receive.descriptor())?;
            if self.terms.any_process {
                self.inbox.watch(process)?;
            }
        }
        let welcome = handshake::welcome(greeting.features)?;
        // Whoever does not wait for the answer any more has not connected. The queue of a right to answer is empty,
        // so this does not wait.
        let Some(reply) = message.take_reply_right() else { return Err(Error::PEER_DEAD) };
        reply.send(welcome, Timeout::NONE).map_err(|(reply, failure)| {
            message.set_reply_right(reply);
            Error::from(failure)
        })
    }

    fn connect(&self, greeting: Greeting) {
        let Greeting { watched, duplex, control, peer, features } = greeting;
        let process = watched.as_ref().map(|(process, _)| process.clone());
        let channel = Arc::new(Channel::with_peer(duplex, peer, watched));
        if self.terms.any_process
            && let Some(process) = process
        {
            let _ = self.life.greeter.set(process);
        }
        // Set once: a second hello is refused before it comes here, by the one thread that has the turn.
        let _ = self.connection.set(Connection { owner: self.life.owner, channel, control, peer, features });
    }
}

impl Side for Host {
    fn judge(&self, message: Message) -> Verdict {
        if message.id() == handshake::HELLO {
            return self.judge_hello(message);
        }
        match (self.connection.get(), message.sender()) {
            (Some(connection), Some(sender)) if is_same_process(&connection.peer, &sender) => {
                inbox::judge_running(message, "the child has ended the session")
            }
            (Some(_), _) => {
                Verdict::Refused(message, Error::fixed(Status::Refused, "this process is not the child"))
            }
            (None, _) => Verdict::Refused(message, Error::fixed(Status::Refused, "hello comes first")),
        }
    }

    fn process(&self) -> Option<&Process> {
        let process =
            if self.terms.any_process { self.life.greeter.get() } else { self.life.started.as_ref() };
        process.map(Arc::as_ref)
    }

    fn last_process(&self) -> Option<&Process> {
        self.process().or(self.life.started.as_deref())
    }

    fn hello_deadline(&self) -> Option<Deadline> {
        self.connection.get().is_none().then_some(self.terms.hello_deadline)
    }

    fn end(&self, ending: Ending) -> Error {
        let before = if self.connection.get().is_some() { "" } else { " before it said hello" };
        let text = match (ending, self.life.exit()) {
            (Ending::NoHello, _) => {
                let text = "the child did not say hello in its time: does the program call connect?";
                return Error::fixed(Status::NoHello, text);
            }
            (_, Some(exit)) => format!("the child {exit}{before}"),
            (Ending::Death, None) => format!("the child ended{before}"),
            (Ending::NoSenders, None) => format!("the child let go of its session{before}"),
        };
        Error::new(Status::PeerDead, text)
    }
}
