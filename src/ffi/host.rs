//! Hosts: start a child process, and know it for certain.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;

use super::boundary::{call, value};
use super::channel::sfp_channel;
use super::consumer::sfp_consumer;
use super::consumer_right::sfp_consumer_right;
use super::handle::{Options, borrow, choice, choices, end_of, is_true, list, options, out, release, retain};
use super::status::sfp_status;
use crate::error::{Error, Result, Status};
use crate::session::{ChildExit, EndOfLife, Host, SpawnOptions};
use crate::time::Timeout;

/// The host's side of a session with one child process: sfp_host_spawn(), or sfp_invitation_into_host().
///
/// The child is who it says: its hello has to bring a secret that only it inherited, and to come from
/// the process that was started. Calls that fail with SFP_STATUS_PEER_DEAD, because the child has ended,
/// or with SFP_STATUS_CLOSED, because it released its sfp_child, do so behind what the child sent before.
pub struct sfp_host(pub(super) Host);

/// What happens to a spawned child that still runs when its host is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_end_of_life {
    /// It has `grace_ns` to end by itself, since it learns that the session is over; then it is killed.
    /// Either way it is reaped, and the release waits for that.
    Kill = 0,
    /// It is left to itself. If it ends later it stays a zombie until this process ends, unless this
    /// process reaps its children by other means.
    Leave = 1,
}
choices!(sfp_end_of_life: Kill, Leave);

/// What to start, and how. Begin with SFP_SPAWN_OPTIONS_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_spawn_options {
    /// sizeof(sfp_spawn_options), set by SFP_SPAWN_OPTIONS_INIT.
    pub struct_size: usize,
    /// The program and its arguments; NULL ends the list. A program without a slash is searched in
    /// PATH.
    pub argv: *const *const c_char,
    /// Entries for the environment, "NAME=value", over those of this process; NULL ends the list. NULL
    /// for none.
    pub environment: *const *const c_char,
    /// The working folder; NULL is this process's. A relative path of the program starts there.
    pub directory: *const c_char,
    /// How long the child has to say hello, in nanoseconds; 0 is 10 seconds, SFP_FOREVER has no end.
    pub hello_timeout_ns: i64,
    /// How long a child has to end by itself when its host is released, in nanoseconds; 0 is 1 second,
    /// SFP_FOREVER never kills it.
    pub grace_ns: i64,
    /// What happens to a child that still runs then; 0 is SFP_END_OF_LIFE_KILL.
    pub end_of_life: MaybeUninit<sfp_end_of_life>,
    /// Whether the environment has `environment` only, and nothing of this process's.
    pub clear_environment: MaybeUninit<bool>,
    /// Whether another process than the one that was started may say hello, if it has the secret and is
    /// of the same user: for wrappers, such as a shell script that does not exec the program. Whatever
    /// inherits the descriptors can take the child's place then. When the host is released, the process
    /// that said hello is ended as well, where the system names it for certain (Linux 6.5).
    pub allow_descendants: MaybeUninit<bool>,
    /// 0.
    pub reserved: [u8; 2],
}

// SAFETY: the size is the first field, and all others are integers, pointers, or enums and truths of which any
// number is allowed.
unsafe impl Options for sfp_spawn_options {
    const FIRST_SIZE: usize = end_of!(sfp_spawn_options, reserved: [u8; 2]);
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_exit_kind {
    /// It has ended; how is known to its own parent only, or to who reaped it first.
    Unknown = 0,
    /// By itself, with an exit status.
    Exited = 1,
    /// By a signal.
    Signalled = 2,
}

/// The end of a process.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_exit {
    /// How it ended.
    pub kind: sfp_exit_kind,
    /// The exit status, or the number of the signal; 0 if unknown.
    pub code: i32,
}

impl From<ChildExit> for sfp_exit {
    fn from(exit: ChildExit) -> Self {
        match exit {
            ChildExit::Exited(code) => Self { kind: sfp_exit_kind::Exited, code },
            ChildExit::Signalled(code) => Self { kind: sfp_exit_kind::Signalled, code },
            ChildExit::Unknown => Self { kind: sfp_exit_kind::Unknown, code: 0 },
        }
    }
}

/// 0 is the default; what is negative has no end.
fn time_or(given: i64, default: Timeout) -> Timeout {
    if given == 0 { default } else { Timeout::from_nanoseconds(given) }
}

pub(super) fn hello_timeout_from(given: i64) -> Timeout {
    time_or(given, Host::HELLO_TIMEOUT)
}

fn owned(text: &CStr) -> OsString {
    OsString::from_vec(text.to_bytes().to_vec())
}

fn entry_from(text: &CStr) -> Result<(OsString, OsString)> {
    let bytes = text.to_bytes();
    // The name is looked at by the library.
    let Some(end) = bytes.iter().position(|byte| *byte == b'=') else {
        return Err(Error::invalid(format!("{text:?} of `environment` is no NAME=value")));
    };
    let part = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Ok((part(&bytes[..end]), part(&bytes[end + 1..])))
}

fn end_of_life_from(end_of_life: MaybeUninit<sfp_end_of_life>, grace_ns: i64) -> Result<EndOfLife> {
    Ok(match choice!(end_of_life) {
        sfp_end_of_life::Leave => EndOfLife::Leave,
        sfp_end_of_life::Kill if grace_ns == 0 => EndOfLife::default(),
        sfp_end_of_life::Kill => EndOfLife::KillAfter(Timeout::from_nanoseconds(grace_ns)),
    })
}

/// # Safety
/// The pointers are what the manual says of them.
unsafe fn spawn_options_from(given: sfp_spawn_options) -> Result<SpawnOptions> {
    let sfp_spawn_options { argv, environment, directory, .. } = given;
    if given.reserved != [0; 2] {
        return Err(Error::fixed(Status::InvalidArgument, "`reserved` of spawn options is not 0"));
    }
    let environment = if environment.is_null() { Vec::new() } else { list!(environment) };
    // SAFETY: the manual asks for NULL or a text.
    let directory = (!directory.is_null()).then(|| owned(unsafe { CStr::from_ptr(directory) }).into());
    Ok(SpawnOptions {
        arguments: list!(argv).into_iter().map(owned).collect(),
        environment: environment.into_iter().map(entry_from).collect::<Result<_>>()?,
        clear_environment: is_true(given.clear_environment),
        directory,
        hello_timeout: hello_timeout_from(given.hello_timeout_ns),
        end_of_life: end_of_life_from(given.end_of_life, given.grace_ns)?,
        allow_descendants: is_true(given.allow_descendants),
    })
}

/// Starts a child process, which connects by sfp_child_connect(). Returns when it is started; the
/// handshake is done by whatever call waits for it first.
///
/// The child inherits what it needs to connect, and no other descriptor of this library. Its signals
/// begin with their defaults, but for those that this process ignores, and none is blocked. When this
/// fails, no child is left behind.
///
/// An application may ignore SIGCHLD, or reap all of its children itself. Then how the child ended is
/// not known here: SFP_EXIT_KIND_UNKNOWN.
///
/// Parameters:
/// - `options`: what to start; begin with SFP_SPAWN_OPTIONS_INIT.
/// - `host`: becomes the host's side of the session, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: no program is named, an entry of the environment has no name, or
///   `struct_size` is not set.
/// - SFP_STATUS_NOT_FOUND: there is no such program, or no such folder.
/// - SFP_STATUS_PERMISSION_DENIED: the system does not let this user run it.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors, no memory, or no processes for it.
/// - SFP_STATUS_UNSUPPORTED: the options are of a later version, and ask for something that this one
///   does not have.
/// - SFP_STATUS_SYSTEM: it could not be started; the message says why.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_spawn(
    options: *const sfp_spawn_options,
    host: *mut *mut sfp_host,
) -> sfp_status {
    call(|| {
        let (options, host) = (options!(options), out!(host));
        // SAFETY: the manual says what the pointers are.
        let options = unsafe { spawn_options_from(options) }?;
        host.give(sfp_host(Host::spawn(&options)?));
        Ok(())
    })
}

/// Makes one more reference to a host.
///
/// Parameters:
/// - `host`: the host's side of the session; NULL is nothing.
///
/// Returns `host`, as a reference of its own that needs its own sfp_host_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_retain(host: *mut sfp_host) -> *mut sfp_host {
    retain!(host)
}

/// Ends a reference to a host. The last one closes the session: a child that was spawned learns that,
/// has a time to end, is killed, and is reaped; see sfp_end_of_life. This waits for it.
///
/// Parameters:
/// - `host`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_release(host: *mut sfp_host) {
    release!(host);
}

/// Waits until the child has said hello.
///
/// Parameters:
/// - `host`: the host's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: this time is over.
/// - SFP_STATUS_NO_HELLO: the child's time to say hello is over, which is for good.
/// - SFP_STATUS_PEER_DEAD: the child has ended, or let go of what it inherited, without a hello.
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_wait_connected(host: *mut sfp_host, timeout_ns: i64) -> sfp_status {
    call(|| borrow!(host).0.wait_connected(Timeout::from_nanoseconds(timeout_ns)))
}

/// Attaches to the next swapchain that the child offers by sfp_child_create_producer() or
/// sfp_child_offer_consumer_right(); waits until there is one.
///
/// Parameters:
/// - `host`: the host's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `consumer`: becomes the consumer, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT, SFP_STATUS_NO_HELLO, SFP_STATUS_PEER_DEAD before the hello: as
///   sfp_host_wait_connected().
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the host's.
/// - SFP_STATUS_TIMED_OUT: the child offered nothing.
/// - SFP_STATUS_PEER_DEAD, SFP_STATUS_CLOSED: the session is over, and all that was offered accepted.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it; nothing is lost.
/// - Otherwise as sfp_consumer_attach().
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_accept_consumer(
    host: *mut sfp_host,
    timeout_ns: i64,
    consumer: *mut *mut sfp_consumer,
) -> sfp_status {
    call(|| {
        let (host, consumer) = (borrow!(host), out!(consumer));
        consumer.give(sfp_consumer(host.0.accept_consumer(Timeout::from_nanoseconds(timeout_ns))?));
        Ok(())
    })
}

/// Takes the next right to consume that the child offers: to attach with options, or to pass it on to
/// another process, so that this one is in no frame's path.
///
/// Parameters:
/// - `host`: the host's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns as sfp_host_accept_consumer().
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_accept_consumer_right(
    host: *mut sfp_host,
    timeout_ns: i64,
    right: *mut *mut sfp_consumer_right,
) -> sfp_status {
    call(|| {
        let (host, right) = (borrow!(host), out!(right));
        let accepted = host.0.accept_consumer_right(Timeout::from_nanoseconds(timeout_ns))?;
        right.give(sfp_consumer_right(accepted));
        Ok(())
    })
}

/// Gives the child a right to consume a swapchain of this or another process. Does not wait for the
/// child to accept it; waits up to 5 seconds while more is queued than the child takes in.
///
/// Parameters:
/// - `host`: the host's side of the session.
/// - `right`: the right; it stays yours.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the child has not said hello yet, or this process is a fork of the host's.
/// - SFP_STATUS_PEER_DEAD: the child is gone.
/// - SFP_STATUS_TIMED_OUT: the child takes nothing in.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_offer_consumer_right(
    host: *mut sfp_host,
    right: *mut sfp_consumer_right,
) -> sfp_status {
    call(|| {
        let (host, right) = (borrow!(host), borrow!(right));
        Ok(host.0.offer_consumer_right(right.0.try_clone()?)?)
    })
}

/// Gives the channel for messages of your own, once the child has said hello. It is there also when the
/// child has ended since, and stays when the host is released.
///
/// Parameters:
/// - `host`: the host's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `channel`: becomes the channel, a reference that you release.
///
/// Returns as sfp_host_wait_connected().
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_channel(
    host: *mut sfp_host,
    timeout_ns: i64,
    channel: *mut *mut sfp_channel,
) -> sfp_status {
    call(|| {
        let (host, channel) = (borrow!(host), out!(channel));
        let shared = host.0.channel(Timeout::from_nanoseconds(timeout_ns))?;
        channel.give(sfp_channel(shared.clone()));
        Ok(())
    })
}

/// Waits for the end of the child's process. Until the child has said hello, this also does the
/// handshake: a child that waits for its answer would not end.
///
/// Parameters:
/// - `host`: the host's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `exit`: becomes how it ended.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: it still runs, or a debugger still has it.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for the handshake.
/// - For an invitation without a process number, as sfp_host_wait_connected().
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_wait_exit(
    host: *mut sfp_host,
    timeout_ns: i64,
    exit: *mut sfp_exit,
) -> sfp_status {
    call(|| {
        let (host, exit) = (borrow!(host), out!(exit));
        exit.set(host.0.wait_exit(Timeout::from_nanoseconds(timeout_ns))?.into());
        Ok(())
    })
}

/// Ends the child's process at once. One that has ended already is fine.
///
/// Parameters:
/// - `host`: the host's side of the session.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: its process is not known before its hello.
/// - SFP_STATUS_UNSUPPORTED: it is no child of this process, and the system does not name it for certain
///   (macOS, and Linux before 6.5): the number can be another process's by now.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_kill(host: *mut sfp_host) -> sfp_status {
    call(|| borrow!(host).0.kill())
}

/// The number of the child's process: the one that was started, else the one that said hello.
///
/// Parameters:
/// - `host`: the host's side of the session.
///
/// Returns the number; 0 if it is not known, or `host` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_process_id(host: *const sfp_host) -> u32 {
    value(0, || Ok(borrow!(host).0.process_id().unwrap_or(0)))
}

/// Tells whether the child has said hello, and its session has not ended since.
///
/// Parameters:
/// - `host`: the host's side of the session.
///
/// Returns true if so; false if not, or if `host` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_is_connected(host: *const sfp_host) -> bool {
    value(false, || Ok(borrow!(host).0.is_connected()))
}

/// What both sides can do beyond the first version, as bits; none is defined yet.
///
/// Parameters:
/// - `host`: the host's side of the session.
///
/// Returns the bits; 0 before the hello, or if `host` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_features(host: *const sfp_host) -> u64 {
    value(0, || Ok(borrow!(host).0.features()))
}

/// How many messages were refused: hellos with the wrong secret, from the wrong process or of another
/// version, second hellos, and whatever else did not come from the child or was not well-formed.
///
/// Parameters:
/// - `host`: the host's side of the session.
///
/// Returns the number; 0 if `host` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_refused(host: *const sfp_host) -> u64 {
    value(0, || Ok(borrow!(host).0.refused()))
}

/// A file descriptor that is readable when there is something to do, for poll, epoll or kqueue: call
/// sfp_host_wait_connected() or sfp_host_accept_consumer_right() with the timeout 0 then.
///
/// It is readable for good once the child has ended. The channel and each consumer have descriptors of
/// their own. The end of the child's time to say hello is not seen here.
///
/// Parameters:
/// - `host`: the host's side of the session.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the host was released. -1 if `host` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_host_fd(host: *const sfp_host) -> c_int {
    value(-1, || Ok(borrow!(host).0.descriptor().as_raw_fd()))
}
