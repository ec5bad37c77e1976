//! Sessions with real child processes. Nothing here waits by the clock: each wait is for an event, with a deadline.
#![allow(missing_docs)]

mod process;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::sync::{RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit};
use surfaceport::bootstrap;
use surfaceport::channel::{Channel, ChannelEnd};
use surfaceport::message::Message;
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::session::{Child, ChildExit, EndOfLife, Host, Invitation, SpawnOptions};
use surfaceport::surface::{LockMode, PixelFormat, Surface, SurfaceDescriptor};
use surfaceport::swapchain::{ConsumerRight, Producer, SwapchainOptions};
use surfaceport::{Status, Timeout};

/// Far beyond what anything here takes; it only keeps a failing test from hanging.
const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);

peers! {
    "echo" => |_| echo(),
    "offers" => offers,
    "accepts" => accepts,
    "orderly" => |_| drop(Child::connect(SOON).unwrap()),
    "crash" => crash,
    "exit" => |status| std::process::exit(status.parse().unwrap()),
    "idle" => |_| loop { std::thread::park() },
    "refused" => |_| refused(),
    "wrapper" => wrapper,
    "wrong token" => |_| wrong_token(),
    "raw" => |_| raw(),
    "garbage" => |_| garbage(),
    "stale" => |_| stale(),
    "tell" => |_| tell(),
    "middle" => middle,
    "orphan" => orphan,
    "pings" => |_| pings(),
    "pongs" => |_| pongs(),
    "counts" => |_| counts(),
    "kills" => kills,
    "victim" => |_| victim(),
    "poor" => |_| poor(),
}

// ---- Common to hosts -------------------------------------------------------------------------------------------

/// While an invitation's descriptors are inheritable, no other child may be started: it would get them too.
static STARTING: RwLock<()> = RwLock::new(());

fn may_start() -> RwLockReadGuard<'static, ()> {
    STARTING.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Ends a session in good order: the child has to end well.
fn close(host: Host) {
    assert_eq!(host.close(), Some(ChildExit::Exited(0)));
}

/// This test program in a role. Its output is dropped; a shell that execs it keeps the process.
fn options(role: &str, argument: &str) -> SpawnOptions {
    let shell = ["/bin/sh", "-c", "exec \"$0\" \"$@\" >/dev/null"].map(str::to_owned);
    let mut options = SpawnOptions::new(shell.into_iter().chain(process::arguments()));
    let entries = process::environment(role, argument);
    options.end_of_life = EndOfLife::KillAfter(SOON);
    options.environment.extend(entries.map(|(name, value)| (name.into(), value.into())));
    options
}

fn spawn(role: &str, argument: &str) -> Host {
    start(&options(role, argument))
}

fn start(options: &SpawnOptions) -> Host {
    let _may = may_start();
    Host::spawn(options).unwrap()
}

fn text(id: u32, payload: &str) -> Message {
    Message::with_payload(id, payload).unwrap()
}

fn swapchain_options() -> SwapchainOptions {
    SwapchainOptions { width: 64, height: 64, ..SwapchainOptions::default() }
}

fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&now)).unwrap() == 1
}

/// The end of a session: what was queued is thrown away.
fn wait_end(host: &Host) -> surfaceport::Error {
    loop {
        if let Err(error) = host.accept_consumer_right(SOON) {
            return error;
        }
    }
}

// ---- Hello and exchange ----------------------------------------------------------------------------------------

/// Sends everything back, with what it carries, until the host is gone.
fn echo() {
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

#[test]
fn a_child_says_hello_and_messages_go_both_ways() {
    let host = spawn("echo", "");
    let id = host.process_id().unwrap();
    host.wait_connected(SOON).unwrap();
    assert!(host.is_connected());
    let channel = host.channel(Timeout::NONE).unwrap();
    assert_eq!(channel.peer().unwrap().process_id, id);
    for n in 0..100 {
        channel.send(text(n, "there and back"), SOON).unwrap();
    }
    for n in 0..100 {
        let message = channel.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload()), (n + 1, &b"there and back"[..]));
        assert_eq!(message.sender().unwrap().process_id, id);
    }
    let surface = Surface::create(&SurfaceDescriptor::new(16, 16, PixelFormat::Bgra8)).unwrap();
    surface.lock(LockMode::Write).unwrap().plane(0).unwrap().write_row(3, &[5; 64]).unwrap();
    let mut message = text(1, &"large ".repeat(100_000));
    message.attach(surface.clone()).unwrap();
    let mut back = channel.request(message, SOON).unwrap();
    assert_eq!(back.payload().len(), 600_000);
    assert_eq!(back.take_surface(0).unwrap().id(), surface.id());
    assert_eq!((host.refused(), channel.refused_messages(), host.features()), (0, 0, 0));
    close(host);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "no zombie is left");
}

#[test]
fn the_handshake_is_done_by_whatever_waits_first() {
    let host = spawn("echo", "");
    host.channel(SOON).unwrap().send(text(1, ""), SOON).unwrap();
    assert_eq!(host.channel(Timeout::NONE).unwrap().receive(SOON).unwrap().id(), 2);
    let host = spawn("offers", "1");
    drop(host.accept_consumer(SOON).unwrap());
    assert_eq!(host.channel(Timeout::NONE).unwrap().receive(SOON).unwrap().id(), 1);
    close(host);
    let host = spawn("echo", "");
    let mut waits = 0;
    while !host.is_connected() {
        let mut fds = [PollFd::from_borrowed_fd(host.descriptor(), PollFlags::IN)];
        let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
        assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "the descriptor tells of the hello");
        match host.wait_connected(Timeout::NONE) {
            Err(error) if error.status() == Status::TimedOut => waits += 1,
            outcome => outcome.unwrap(),
        }
    }
    assert!(waits < 10);
    close(host);
}

fn offers(count: &str) {
    let child = Child::connect(SOON).unwrap();
    let producers: Vec<Producer> =
        (0..count.parse().unwrap()).map(|_| child.create_producer(&swapchain_options()).unwrap()).collect();
    child.channel().send(text(producers.len() as u32, "offered"), SOON).unwrap();
    child.wait_closed(Timeout::FOREVER).unwrap();
}

#[test]
fn many_threads_wait_for_different_things() {
    let host = spawn("offers", "4");
    std::thread::scope(|scope| {
        let connected: Vec<_> = (0..3).map(|_| scope.spawn(|| host.wait_connected(SOON))).collect();
        let accepted: Vec<_> = (0..4).map(|_| scope.spawn(|| host.accept_consumer_right(SOON))).collect();
        let offered = scope.spawn(|| host.channel(SOON).unwrap().receive(SOON).unwrap().id());
        let exit = scope.spawn(|| host.wait_exit(SOON));
        assert_eq!(offered.join().unwrap(), 4);
        connected.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        accepted.into_iter().for_each(|thread| drop(thread.join().unwrap().unwrap()));
        let (late, receiving) = (
            scope.spawn(|| host.accept_consumer_right(Timeout::FOREVER)),
            scope.spawn(|| host.channel(SOON).unwrap().receive(Timeout::FOREVER)),
        );
        host.kill().unwrap();
        assert_eq!(exit.join().unwrap().unwrap(), ChildExit::Signalled(9));
        assert_eq!(late.join().unwrap().unwrap_err().status(), Status::PeerDead);
        assert_eq!(receiving.join().unwrap().unwrap_err().status(), Status::PeerDead);
    });
}

/// Accepts so many rights, then says so.
fn accepts(count: &str) {
    let child = Child::connect(SOON).unwrap();
    for _ in 0..count.parse().unwrap() {
        child.accept_consumer_right(SOON).unwrap();
    }
    assert_eq!(child.accept_consumer_right(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    child.channel().send(text(1, "accepted"), SOON).unwrap();
    let end = child.accept_consumer_right(Timeout::FOREVER).unwrap_err();
    assert_eq!(end.status(), Status::Closed, "the host ends in good order");
    assert!(is_readable(child.descriptor()));
    child.wait_closed(Timeout::NONE).unwrap();
    assert_eq!(child.channel().receive(SOON).unwrap_err().status(), Status::PeerDead);
    assert_eq!(child.refused(), 0);
}

#[test]
fn a_host_offers_rights_to_consume_too() {
    let host = spawn("accepts", "3");
    let producer = Producer::create(&swapchain_options()).unwrap();
    let early = host.offer_consumer_right(producer.consumer_right().unwrap()).unwrap_err();
    assert_eq!(early.error.status(), Status::WrongState);
    host.wait_connected(SOON).unwrap();
    host.offer_consumer_right(early.right.unwrap()).unwrap();
    for _ in 0..2 {
        host.offer_consumer_right(producer.consumer_right().unwrap()).unwrap();
    }
    assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().payload(), b"accepted");
    close(host);
}

fn tell() {
    let child = Child::connect(SOON).unwrap();
    let names: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    let folder = std::env::current_dir().unwrap();
    child.channel().send(text(1, &names.join("\n")), SOON).unwrap();
    child.channel().send(text(2, folder.to_str().unwrap()), SOON).unwrap();
    child.wait_closed(Timeout::FOREVER).unwrap();
}

#[test]
fn environment_and_folder_are_what_the_options_say() {
    let folder = std::env::temp_dir().canonicalize().unwrap();
    let mut options = options("tell", "");
    options.environment.push(("EXTRA".into(), "1=2 3".into()));
    options.directory = Some(folder.clone());
    for clear in [true, false] {
        options.clear_environment = clear;
        let host = start(&options);
        let channel = host.channel(SOON).unwrap();
        let told = channel.receive(SOON).unwrap();
        let told = std::str::from_utf8(told.payload()).unwrap().to_owned();
        let entries: BTreeSet<&str> = told.lines().collect();
        assert!(entries.contains("EXTRA=1=2 3"));
        let path = format!("PATH={}", std::env::var("PATH").unwrap());
        assert_eq!(entries.contains(path.as_str()), !clear, "{told}");
        assert!(!told.contains("TOKEN=") && told.contains("SURFACEPORT_PORT="));
        assert_eq!(channel.receive(SOON).unwrap().payload(), folder.to_str().unwrap().as_bytes());
        close(host);
    }
}

/// What a process inherits that is a child's child, or whose descriptors were closed: numbers that mean nothing, or
/// something else by now.
#[test]
fn a_descriptor_of_somebody_else_is_not_taken() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    for (port, token) in [(format!("{number}:1"), "999:1".into()), ("x".into(), "".into())] {
        let (port, token): (String, String) = (port, token);
        let peer = process::Peer::start_command(
            process::command("stale", "").env("SURFACEPORT_PORT", port).env("SURFACEPORT_TOKEN_PIPE", token),
        );
        assert!(peer.wait().success());
    }
}

fn stale() {
    // The lowest numbers are taken, whatever the environment says of them.
    let files: Vec<_> = (0..100).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::NotFound);
    assert!(files.iter().all(|file| file.metadata().is_ok()), "none of them was closed");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let _may = may_start();
    let status = |options: &SpawnOptions| Host::spawn(options).unwrap_err().status();
    assert_eq!(status(&SpawnOptions::new([""; 0])), Status::InvalidArgument);
    assert_eq!(status(&SpawnOptions::new([""])), Status::InvalidArgument);
    assert_eq!(status(&SpawnOptions::new(["true", "zero\0byte"])), Status::InvalidArgument);
    assert_eq!(status(&SpawnOptions::new(["/there/is/no/such/program"])), Status::NotFound);
    assert_eq!(status(&SpawnOptions::new(["/dev/null"])), Status::PermissionDenied);
    let with = |name: &str, value: &str| {
        let mut options = SpawnOptions::new(["true"]);
        options.environment.push((OsString::from(name), OsString::from(value)));
        options
    };
    assert_eq!(status(&with("", "x")), Status::InvalidArgument);
    assert_eq!(status(&with("A=B", "x")), Status::InvalidArgument);
    assert_eq!(status(&with("A", "x\0y")), Status::InvalidArgument);
    let mut options = SpawnOptions::new(["true"]);
    options.directory = Some("/there/is/no/such/folder".into());
    assert_eq!(status(&options), Status::NotFound);
    assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::NotFound, "nobody started this process");
}

// ---- Refusals --------------------------------------------------------------------------------------------------

fn refused() {
    let error = Child::connect(SOON).unwrap_err();
    assert_eq!(error.status(), Status::Refused, "{error}");
    assert!(error.message().contains("is not the one that the host started"), "{error}");
    assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::WrongState);
}

/// A process between the host and the one that connects. The descriptors go through it.
fn wrapper(role: &str) {
    let status = process::command(role, "").status().unwrap();
    std::process::exit(status.code().unwrap_or(1));
}

#[test]
fn a_grandchild_is_refused() {
    let host = spawn("wrapper", "refused");
    let error = host.wait_connected(SOON).unwrap_err();
    assert_eq!(error.status(), Status::PeerDead);
    assert_eq!(error.message(), "the child exited with status 0 before it said hello");
    assert_eq!(host.refused(), 1);
    assert!(!host.is_connected());
}

#[test]
fn a_grandchild_is_let_in_where_descendants_are() {
    let mut options = options("wrapper", "echo");
    options.allow_descendants = true;
    let host = start(&options);
    let channel = host.channel(SOON).unwrap();
    channel.send(text(1, ""), SOON).unwrap();
    let message = channel.receive(SOON).unwrap();
    let grandchild = message.sender().unwrap().process_id;
    assert_eq!(channel.peer().unwrap().process_id, grandchild);
    assert_ne!(host.process_id(), Some(grandchild));
    close(host);

    // Without its goodwill as well: it ignores the end of its host, and is killed with the wrapper.
    let mut options = self::options("wrapper", "victim");
    options.allow_descendants = true;
    options.end_of_life = EndOfLife::KillAfter(Timeout::NONE);
    let host = start(&options);
    let grandchild = host.channel(SOON).unwrap().peer().unwrap().process_id;
    let pid = Pid::from_raw(grandchild as i32).unwrap();
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
    drop(host);
    let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
    let mut fds = [PollFd::new(&handle, PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "the grandchild is killed");
}

#[test]
fn the_end_of_a_wrapped_program_or_of_a_wrapper_is_noticed() {
    let mut options = options("wrapper", "crash");
    options.allow_descendants = true;
    let host = start(&options);
    host.wait_connected(SOON).unwrap();
    assert_eq!(wait_end(&host).status(), Status::PeerDead);
    let mut options = self::options("exit", "5");
    options.allow_descendants = true;
    options.hello_timeout = Timeout::FOREVER;
    let host = start(&options);
    let error = host.wait_connected(SOON).unwrap_err();
    assert_eq!(error.message(), "the child exited with status 5 before it said hello");
}

/// What this process inherited, without taking it: duplicates of the port and of the pipe with the token.
fn inherited() -> (SendRight, OwnedFd) {
    let me = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).unwrap();
    let duplicate = |entry: &str| {
        let value = std::env::var(entry).unwrap();
        let number = value.split(':').next().unwrap().parse().unwrap();
        rustix::process::pidfd_getfd(&me, number, PidfdGetfdFlags::empty()).unwrap()
    };
    let port = SendRight::from_raw(duplicate("SURFACEPORT_PORT")).unwrap();
    (port, duplicate("SURFACEPORT_TOKEN_PIPE"))
}

/// A hello as it stands on the wire, with the rights that belong to it.
fn raw_hello(version: u8, token: &[u8]) -> (Message, ReceiveRight, [ChannelEnd; 1]) {
    let mut payload = vec![b'S', b'F', b'P', b'S', version, 0, 0, 0];
    payload.extend(0_u64.to_le_bytes());
    payload.extend(token);
    let control = ReceiveRight::new().unwrap();
    let (mine, yours) = Channel::pair().unwrap();
    let mut message = Message::with_payload(1, payload).unwrap();
    message.attach(control.make_send().unwrap()).unwrap();
    yours.attach_to(&mut message).unwrap();
    (message, control, [mine])
}

/// The number, the status and the text of an answer.
fn answer(port: &SendRight, message: Message) -> (u32, u32, String) {
    let answer = port.request(message, SOON).unwrap();
    let payload = answer.payload();
    assert_eq!(payload[..8], [b'S', b'F', b'P', b'S', 1, 0, 0, 0]);
    let status = u32::from_le_bytes(payload[8..12].try_into().unwrap());
    (answer.id(), status, String::from_utf8_lossy(&payload[12..]).into_owned())
}

fn wrong_token() {
    let (port, _) = inherited();
    let (hello, _control, _end) = raw_hello(1, &[0; 32]);
    let (id, status, text) = answer(&port, hello);
    assert_eq!((id, status), (3, Status::Refused as u32));
    assert!(text.contains("token"), "{text}");
}

#[test]
fn a_wrong_token_is_refused() {
    let host = spawn("wrong token", "");
    let error = host.wait_connected(SOON).unwrap_err();
    assert_eq!(error.status(), Status::PeerDead);
    assert_eq!(error.message(), "the child exited with status 0 before it said hello");
    assert_eq!(host.refused(), 1);
}

/// Says all that it should not, then connects in earnest: nothing of it may keep it from that.
fn garbage() {
    let (port, _) = inherited();
    let refused = |message, status: Status, word: &str| {
        let (id, code, text) = answer(&port, message);
        assert_eq!((id, code), (3, status as u32), "{text}");
        assert!(text.contains(word), "{text}");
    };
    let (hello, _control, _end) = raw_hello(2, &[0; 32]);
    refused(hello, Status::Unsupported, "version 2");
    refused(Message::new(1), Status::Refused, "shorter");
    refused(text(1, "something else entirely"), Status::Refused, "no control message");
    refused(text(1, "SFPS\x01\0\0\0"), Status::Refused, "instead of");
    let (mut hello, _control, _end) = raw_hello(1, &[0; 32]);
    hello.take(0).unwrap();
    let mut poor = Message::with_payload(1, hello.payload()).unwrap();
    poor.attach(hello.take(2).unwrap()).unwrap();
    refused(poor, Status::Refused, "rights");
    refused(text(4, "SFPS\x01\0\0\0"), Status::Refused, "hello comes first");
    refused(text(77, ""), Status::Refused, "hello comes first");
    // Not a request: destroyed without an answer.
    port.send(text(1, "silence"), SOON).unwrap();
    port.send(text(5, "SFPS\x01\0\0\0"), SOON).unwrap();
    let child = Child::connect(SOON).unwrap();
    // The same again behind the hello.
    let (hello, _control, _end) = raw_hello(1, &[0; 32]);
    refused(hello, Status::Refused, "token");
    refused(text(4, "SFPS\x01\0\0\0"), Status::Refused, "right to consume");
    refused(text(77, "SFPS\x01\0\0\0"), Status::Refused, "unknown number");
    refused(text(5, "goodbye"), Status::Refused, "shorter");
    child.channel().send(text(1, "done"), SOON).unwrap();
    assert_eq!(child.channel().receive(SOON).unwrap().id(), 2);
}

#[test]
fn garbage_is_refused_and_changes_nothing() {
    let host = spawn("garbage", "");
    host.wait_connected(SOON).unwrap();
    assert_eq!(host.refused(), 9);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| host.accept_consumer_right(SOON));
        assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().payload(), b"done");
        assert_eq!(host.refused(), 13);
        host.channel(SOON).unwrap().send(text(2, "end"), SOON).unwrap();
        assert_eq!(looking.join().unwrap().unwrap_err().status(), Status::Closed);
    });
    close(host);
}

/// The whole protocol by hand.
fn raw() {
    let (port, pipe) = inherited();
    let mut token = [0; 32];
    assert_eq!(rustix::io::read(&pipe, &mut token).unwrap(), 32);
    let (hello, control, _end) = raw_hello(1, &token);
    let welcome = port.request(hello, SOON).unwrap();
    assert_eq!(welcome.id(), 2);
    assert_eq!(welcome.payload(), [&b"SFPS\x01\0\0\0"[..], &[0; 8]].concat());
    let (again, _control, _end) = raw_hello(1, &token);
    let (id, status, text) = answer(&port, again);
    assert_eq!((id, status), (3, Status::Refused as u32));
    assert!(text.contains("said hello before"), "{text}");
    let goodbye = control.receive(SOON).unwrap();
    assert_eq!((goodbye.id(), goodbye.payload()), (5, &b"SFPS\x01\0\0\0"[..]));
    assert_eq!(control.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

#[test]
fn a_second_hello_is_refused() {
    let host = spawn("raw", "");
    host.wait_connected(SOON).unwrap();
    while host.refused() == 0 {
        let error = host.accept_consumer_right(Timeout::from_nanoseconds(1_000_000)).unwrap_err();
        assert_eq!(error.status(), Status::TimedOut);
    }
    assert!(host.is_connected());
    close(host);
}

// ---- Ends ------------------------------------------------------------------------------------------------------

#[test]
fn an_exit_before_the_hello_is_noticed_at_once() {
    let mut options = options("exit", "7");
    options.hello_timeout = Timeout::FOREVER;
    let host = start(&options);
    let error = host.accept_consumer_right(Timeout::FOREVER).unwrap_err();
    assert_eq!(error.status(), Status::PeerDead);
    assert_eq!(error.message(), "the child exited with status 7 before it said hello");
    assert_eq!(host.wait_exit(Timeout::NONE).unwrap(), ChildExit::Exited(7));
    assert_eq!(host.wait_connected(Timeout::NONE).unwrap_err(), error);
    assert!(is_readable(host.descriptor()));
    host.kill().unwrap();
}

#[test]
fn the_time_for_the_hello_ends() {
    let mut options = options("idle", "");
    options.hello_timeout = Timeout::from_nanoseconds(30_000_000);
    options.end_of_life = EndOfLife::KillAfter(Timeout::NONE);
    let host = start(&options);
    let error = host.wait_connected(Timeout::NONE).unwrap_err();
    assert_eq!(error.status(), Status::TimedOut);
    let error = host.wait_connected(Timeout::FOREVER).unwrap_err();
    assert_eq!(error.status(), Status::TimedOut);
    assert!(error.message().contains("did not say hello"), "{error}");
    assert_eq!(host.accept_consumer_right(Timeout::FOREVER).unwrap_err(), error);
    assert_eq!(host.wait_exit(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    let id = host.process_id().unwrap();
    drop(host);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

/// Offers three rights, sends three messages and crashes.
fn crash(_: &str) {
    let child = Child::connect(SOON).unwrap();
    for n in 0..3 {
        child.create_producer(&swapchain_options()).unwrap();
        child.channel().send(text(n, ""), SOON).unwrap();
    }
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
}

#[test]
fn what_a_crashed_child_sent_is_delivered_first() {
    let host = spawn("crash", "");
    let channel = host.channel(SOON).unwrap();
    assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Signalled(9));
    for n in 0..3 {
        assert_eq!(channel.receive(Timeout::NONE).unwrap().id(), n);
        host.accept_consumer_right(Timeout::NONE).unwrap();
    }
    assert_eq!(channel.receive(Timeout::NONE).unwrap_err().status(), Status::PeerDead);
    let error = host.accept_consumer_right(Timeout::NONE).unwrap_err();
    assert_eq!(error.message(), "the child was ended by signal 9");
}

#[test]
fn a_crash_is_noticed_at_once_with_its_signal() {
    let host = spawn("echo", "");
    host.wait_connected(SOON).unwrap();
    let killed = Instant::now();
    std::thread::scope(|scope| {
        let accepting = scope.spawn(|| host.accept_consumer_right(Timeout::FOREVER));
        host.kill().unwrap();
        let error = accepting.join().unwrap().unwrap_err();
        assert_eq!(error.status(), Status::PeerDead);
        assert_eq!(error.message(), "the child was ended by signal 9");
    });
    assert!(killed.elapsed() < Duration::from_secs(1));
    assert_eq!(host.wait_exit(Timeout::NONE).unwrap(), ChildExit::Signalled(9));
    assert_eq!(host.channel(Timeout::NONE).unwrap().receive(SOON).unwrap_err().status(), Status::PeerDead);
    assert!(is_readable(host.descriptor()) && !host.is_connected());
}

#[test]
fn an_orderly_end_is_told_from_a_crash() {
    let host = spawn("orderly", "");
    let error = host.accept_consumer_right(SOON).unwrap_err();
    assert_eq!(error.status(), Status::Closed);
    assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Exited(0));
    assert_eq!(host.accept_consumer_right(Timeout::NONE).unwrap_err(), error);
}

/// A host that is going to be killed: its child says what it learns at a name.
fn middle(name: &str) {
    let mut options = options("orphan", name);
    options.end_of_life = EndOfLife::Leave;
    let host = start(&options);
    host.wait_connected(SOON).unwrap();
    let _ = host.accept_consumer_right(Timeout::FOREVER);
}

fn orphan(name: &str) {
    let observer = bootstrap::look_up(name, SOON).unwrap();
    let child = Child::connect(SOON).unwrap();
    observer.send(text(1, "connected"), SOON).unwrap();
    std::thread::scope(|scope| {
        let channel = scope.spawn(|| child.channel().receive(Timeout::FOREVER).unwrap_err().status());
        let offer = scope.spawn(|| child.accept_consumer_right(Timeout::FOREVER).unwrap_err().status());
        child.wait_closed(Timeout::FOREVER).unwrap();
        assert_eq!(channel.join().unwrap(), Status::PeerDead);
        assert_eq!(offer.join().unwrap(), Status::PeerDead);
    });
    assert!(is_readable(child.descriptor()) && is_readable(child.channel().descriptor()));
    observer.send(text(2, "orphaned"), SOON).unwrap();
}

#[test]
fn a_child_learns_of_its_hosts_death() {
    let name = process::unique_name("orphans");
    let port = bootstrap::check_in(&name).unwrap();
    let mut middle = {
        let _may = may_start();
        process::Peer::start("middle", &name)
    };
    assert_eq!(port.receive(SOON).unwrap().payload(), b"connected");
    middle.kill();
    assert_eq!(port.receive(SOON).unwrap().payload(), b"orphaned");
}

// ---- Invitations -----------------------------------------------------------------------------------------------

/// Starts a role by the standard library, with what the invitation says passed on.
fn start_invited(invitation: &Invitation, role: &str) -> process::Peer {
    let _alone = STARTING.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let inherit = |flags| {
        for fd in invitation.descriptors() {
            rustix::io::fcntl_setfd(fd, flags).unwrap();
        }
    };
    inherit(rustix::io::FdFlags::empty());
    let peer = process::Peer::start_command(
        process::command(role, "").envs(invitation.environment()).stdin(Stdio::null()),
    );
    inherit(rustix::io::FdFlags::CLOEXEC);
    peer
}

#[test]
fn an_invited_child_connects() {
    for with_process in [true, false] {
        let invitation = Invitation::create().unwrap();
        assert_eq!(invitation.descriptors().len(), 2);
        let peer = start_invited(&invitation, "echo");
        let host = invitation.into_host(with_process.then(|| peer.id())).unwrap();
        assert_eq!(host.process_id().is_some(), with_process);
        let channel = host.channel(SOON).unwrap();
        channel.send(text(1, ""), SOON).unwrap();
        assert_eq!(channel.receive(SOON).unwrap().id(), 2);
        assert_eq!(host.process_id(), Some(peer.id()));
        drop(host);
        assert!(peer.wait().success(), "it ends by itself, and is reaped by who started it");
    }
}

#[test]
fn the_end_of_an_invited_child_is_noticed() {
    for with_process in [true, false] {
        for connects in [true, false] {
            let mut invitation = Invitation::create().unwrap();
            invitation.set_hello_timeout(Timeout::FOREVER);
            let mut peer = start_invited(&invitation, if connects { "echo" } else { "idle" });
            let host = invitation.into_host(with_process.then(|| peer.id())).unwrap();
            if connects {
                host.wait_connected(SOON).unwrap();
            }
            peer.kill();
            assert_eq!(wait_end(&host).status(), Status::PeerDead);
            if with_process || connects {
                assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Unknown);
            } else {
                assert_eq!(host.wait_exit(SOON).unwrap_err().status(), Status::PeerDead);
                assert_eq!(host.kill().unwrap_err().status(), Status::WrongState);
            }
        }
    }
}

#[test]
fn an_invitation_is_for_the_named_process() {
    let invitation = Invitation::create().unwrap();
    let peer = start_invited(&invitation, "refused");
    // Some other process, which lives as long as this test does.
    let host = invitation.into_host(Some(std::process::id())).unwrap();
    assert_eq!(host.wait_connected(SOON).unwrap_err().status(), Status::PeerDead);
    assert_eq!(host.refused(), 1);
    assert!(peer.wait().success());
    for nobody in [0, u32::MAX] {
        let (_, error) = Invitation::create().unwrap().into_host(Some(nobody)).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
    }
    let (_, error) = Invitation::create().unwrap().into_host(Some(i32::MAX as u32)).unwrap_err();
    assert_eq!(error.status(), Status::NotFound);
}

// ---- Brokers ---------------------------------------------------------------------------------------------------

fn take_end(child: &Child) -> Channel {
    let mut gift = child.channel().receive(SOON).unwrap();
    ChannelEnd::take_from(&mut gift, 0).unwrap().open()
}

fn pings() {
    let child = Child::connect(SOON).unwrap();
    let other = take_end(&child);
    let _producer = child.create_producer(&swapchain_options()).unwrap();
    for n in 0..100 {
        let answer = other.request(text(n, "ping"), SOON).unwrap();
        assert_eq!((answer.id(), answer.payload()), (n, &b"pong"[..]));
    }
    other.send(text(1000, "the last"), SOON).unwrap();
    child.wait_closed(SOON).unwrap();
}

fn pongs() {
    let child = Child::connect(SOON).unwrap();
    let other = take_end(&child);
    let mut pings = 0;
    loop {
        let mut message = other.receive(SOON).unwrap();
        let Some(reply) = message.take_reply_right() else { break };
        pings += 1;
        reply.send(text(message.id(), "pong"), SOON).unwrap();
    }
    assert_ne!(other.peer().unwrap().process_id, child.host().process_id);
    let _frames: ConsumerRight = child.accept_consumer_right(SOON).unwrap();
    child.channel().send(text(pings, "pings came"), SOON).unwrap();
    assert_eq!(other.receive(SOON).unwrap_err().status(), Status::PeerDead);
    child.channel().send(text(0, "the other is gone"), SOON).unwrap();
    child.wait_closed(SOON).unwrap();
}

#[test]
fn a_broker_joins_two_that_do_not_know_each_other() {
    let (one, other) = (spawn("pings", ""), spawn("pongs", ""));
    let (here, there) = Channel::pair().unwrap();
    for (host, end) in [(&one, here), (&other, there)] {
        let mut gift = Message::new(1);
        end.attach_to(&mut gift).unwrap();
        host.channel(SOON).unwrap().send(gift, SOON).unwrap();
    }
    other.offer_consumer_right(one.accept_consumer_right(SOON).unwrap()).unwrap();
    let report = other.channel(SOON).unwrap().receive(SOON).unwrap();
    assert_eq!((report.id(), report.payload()), (100, &b"pings came"[..]));
    one.kill().unwrap();
    assert_eq!(other.channel(SOON).unwrap().receive(SOON).unwrap().payload(), b"the other is gone");
    close(other);
}

// ---- Nothing is left -------------------------------------------------------------------------------------------

fn in_a_process_of_its_own(role: &str, argument: &str) {
    let peer = {
        let _may = may_start();
        process::Peer::start(role, argument)
    };
    assert!(peer.wait().success(), "see the panic above");
}

#[test]
fn descriptors_are_the_same_before_and_after() {
    in_a_process_of_its_own("counts", "");
}

fn counts() {
    let round = || {
        let host = spawn("offers", "2");
        drop(host.accept_consumer(SOON).unwrap());
        drop(host.accept_consumer_right(SOON).unwrap());
        assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().id(), 2);
        drop(spawn("echo", ""));
        assert!(spawn("exit", "1").wait_connected(SOON).is_err());
        assert!(Host::spawn(&SpawnOptions::new(["/there/is/no/such/program"])).is_err());
        drop(Invitation::create().unwrap());
        let mut wrapped = options("wrapper", "echo");
        wrapped.allow_descendants = true;
        start(&wrapped).wait_connected(SOON).unwrap();
    };
    round();
    let before = (process::open_descriptors(), process::shared_mappings());
    for _ in 0..5 {
        round();
    }
    assert_eq!((process::open_descriptors(), process::shared_mappings()), before);
}

/// Does a bit of everything until it is killed.
fn victim() {
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

#[test]
fn a_child_killed_at_any_moment_leaves_nothing() {
    in_a_process_of_its_own("kills", "200");
}

fn kills(count: &str) {
    let mut random = u64::from(std::process::id());
    let mut round = |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Timeout::after(Duration::from_nanos((random >> 33) % limit));
        let host = spawn("victim", "");
        // Works with the child up to a random moment.
        let deadline = Instant::now() + Duration::from_nanos((random >> 33) % limit);
        let _ = host.wait_connected(moment);
        while Instant::now() < deadline && host.is_connected() {
            let _ = host.accept_consumer_right(Timeout::NONE);
            let _ = host.channel(SOON).unwrap().receive(Timeout::NONE);
        }
        host.kill().unwrap();
        let killed = Instant::now();
        let error = wait_end(&host);
        assert_eq!(error.status(), Status::PeerDead, "{error}");
        assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
        assert!(error.message().contains("signal 9"), "{error}");
        assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Signalled(9));
        host.is_connected()
    };
    assert!(!round(1));
    let before = (process::open_descriptors(), process::shared_mappings());
    for _ in 0..count.parse().unwrap() {
        assert!(!round(20_000_000));
    }
    assert_eq!((process::open_descriptors(), process::shared_mappings()), before);
}

/// Without descriptors to spare an offer waits; with them it is there.
#[test]
fn an_offer_survives_a_lack_of_descriptors() {
    in_a_process_of_its_own("poor", "");
}

fn poor() {
    let host = spawn("offers", "1");
    assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().id(), 1);
    let limit = Some(process::open_descriptors() as u64 + 100);
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit, maximum }).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    let mut lacks = 0;
    loop {
        match host.accept_consumer_right(SOON) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.status(), Status::ResourceExhausted, "{error}"),
        }
        lacks += 1;
        hoard.pop().expect("enough were freed by now");
    }
    assert!(lacks > 1);
}

#[test]
fn both_sides_can_be_shared_by_threads() {
    fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Host>();
    is_shareable::<Child>();
}
