//! Hosts in a test, and children in the roles that several test programs have.

use std::os::fd::BorrowedFd;
use std::sync::{RwLock, RwLockReadGuard};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use surfaceport::message::Message;
use surfaceport::session::{Child, ChildExit, EndOfLife, Host, SpawnOptions};
use surfaceport::swapchain::Producer;
use surfaceport::{Status, Timeout};

pub use super::plain::swapchain_options;

/// Far beyond what anything here takes; it only keeps a failing test from hanging.
pub const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);

/// While an invitation's descriptors are inheritable, no other child may be started: it would get them too.
pub static STARTING: RwLock<()> = RwLock::new(());

pub fn may_start() -> RwLockReadGuard<'static, ()> {
    STARTING.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Ends a session in good order: the child has to end well.
pub fn close(host: Host) {
    assert_eq!(host.close(), Some(ChildExit::Exited(0)));
}

/// This test program in a role.
pub fn options(role: &str, argument: &str) -> SpawnOptions {
    let mut options = SpawnOptions::new(super::arguments());
    let entries = super::environment(role, argument);
    options.end_of_life = EndOfLife::KillAfter(SOON);
    options.environment.extend(entries.map(|(name, value)| (name.into(), value.into())));
    options
}

pub fn spawn(role: &str, argument: &str) -> Host {
    start(&options(role, argument))
}

pub fn start(options: &SpawnOptions) -> Host {
    let _may = may_start();
    Host::spawn(options).unwrap()
}

pub fn text(id: u32, payload: &str) -> Message {
    Message::with_payload(id, payload).unwrap()
}

pub fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&now)).unwrap() == 1
}

/// Waits until it is.
pub fn wait_readable(fd: BorrowedFd<'_>) {
    let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&limit)).unwrap();
    assert_eq!(ready, 1, "the descriptor was silent about a message");
}

/// The end of a session: what was queued is thrown away.
pub fn wait_end(host: &Host) -> surfaceport::Error {
    loop {
        if let Err(error) = host.accept_consumer_right(SOON) {
            return error;
        }
    }
}

/// Sends everything back, with what it carries, until the host is gone.
pub fn echo() {
    let child = match Child::connect(SOON) {
        Ok(child) => child,
        // A host that did not wait.
        Err(error) => return assert_eq!(error.status(), Status::PeerDead),
    };
    assert_eq!(child.host().process_id, child.channel().peer().unwrap().process_id);
    loop {
        match child.channel().receive(Timeout::FOREVER) {
            Ok(mut message) => {
                let mut back = Message::with_payload(message.id() + 1, message.payload()).unwrap();
                for index in 0..message.attachment_count() {
                    back.attach(message.take(index).unwrap()).unwrap();
                }
                match message.take_reply_right() {
                    Some(reply) => reply.send(back, SOON).unwrap(),
                    None => child.channel().send(back, SOON).unwrap(),
                }
            }
            Err(error) => {
                assert_eq!(error.status(), Status::PeerDead);
                return;
            }
        }
    }
}

pub fn offers(count: &str) {
    let child = Child::connect(SOON).unwrap();
    let producers: Vec<Producer> =
        (0..count.parse().unwrap()).map(|_| child.create_producer(&swapchain_options()).unwrap()).collect();
    child.channel().send(text(producers.len() as u32, "offered"), SOON).unwrap();
    child.wait_closed(Timeout::FOREVER).unwrap();
}

/// A process between the host and the one that connects. What is inherited goes through it.
pub fn wrapper(role: &str) {
    let status = super::command(role, "").status().unwrap();
    std::process::exit(status.code().unwrap_or(1));
}

/// Does a bit of everything until it is killed.
pub fn victim() {
    let child = Child::connect(SOON).unwrap();
    let mut producers = Vec::new();
    for n in 0.. {
        if n % 16 == 0 {
            producers = Vec::new();
        }
        producers.extend(child.create_producer(&swapchain_options()).ok());
        let _ = child.channel().send(text(n, "work"), SOON);
    }
}

/// Whether there is a process of this number, ended and not reaped ones included.
pub fn is_known(process_id: u32) -> bool {
    let id = i32::try_from(process_id).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::test_kill_process(id.expect("a process number")).is_ok()
}

/// Offers three rights, sends three messages and crashes.
pub fn crash() {
    let child = Child::connect(SOON).unwrap();
    for n in 0..3 {
        child.create_producer(&swapchain_options()).unwrap();
        child.channel().send(text(n, ""), SOON).unwrap();
    }
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
}

/// What is counted is counted in a process that does nothing else.
pub fn in_a_process_of_its_own(role: &str, argument: &str) {
    let peer = {
        let _may = may_start();
        super::Peer::start(role, argument)
    };
    assert!(peer.wait().success(), "see the panic above");
}

/// How long it may take until an end is known: milliseconds, on a machine that has nothing else to do.
pub const AT_ONCE: std::time::Duration =
    std::time::Duration::from_secs(if cfg!(target_os = "linux") { 1 } else { 10 });
