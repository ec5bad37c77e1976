//! Who is not let in: strangers, grandchildren, and those who do not keep to the protocol.
#![allow(missing_docs)]

mod process;

use std::os::fd::OwnedFd;

use process::session::*;
use surfaceport::channel::Channel;
use surfaceport::channel::ChannelEnd;
use surfaceport::message::Message;
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::session::{Child, EndOfLife};
use surfaceport::{Status, Timeout};

peers! {
    "echo" => |_| echo(),
    "crash" => |_| crash(),
    "exit" => |status| std::process::exit(status.parse().unwrap()),
    "refused" => |_| refused(),
    "wrapper" => wrapper,
    "wrong token" => |_| wrong_token(),
    "raw" => |_| raw(),
    "garbage" => |_| garbage(),
    "victim" => |_| victim(),
}

fn refused() {
    let error = Child::connect(SOON).unwrap_err();
    assert_eq!(error.status(), Status::Refused, "{error}");
    assert!(error.message().contains("is not the one that the host started"), "{error}");
    assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::WrongState);
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
    let channel = std::sync::Arc::clone(host.channel(SOON).unwrap());
    assert_ne!(Some(channel.peer().unwrap().process_id), host.process_id());
    drop(host);
    // Behind what it sent, which it never stops to, comes its end.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let end = loop {
        match channel.receive(SOON) {
            Ok(_) => assert!(std::time::Instant::now() < deadline, "the grandchild lives"),
            Err(error) => break error,
        }
    };
    assert_eq!(end.status(), Status::PeerDead, "the grandchild is killed");
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
#[cfg(target_os = "linux")]
fn inherited() -> (SendRight, OwnedFd) {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let me = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let duplicate = |entry: &str| {
        let value = std::env::var(entry).unwrap();
        let number = value.split(':').next().unwrap().parse().unwrap();
        pidfd_getfd(&me, number, PidfdGetfdFlags::empty()).unwrap()
    };
    let port = SendRight::from_raw(duplicate("SURFACEPORT_PORT")).unwrap();
    (port, duplicate("SURFACEPORT_TOKEN_PIPE"))
}

/// The first registered port, and a duplicate of the pipe with the token.
#[cfg(target_os = "macos")]
#[allow(unsafe_code)]
fn inherited() -> (SendRight, OwnedFd) {
    use std::os::fd::BorrowedFd;
    assert_eq!(std::env::var("SURFACEPORT_PORT").unwrap(), "registered");
    let mut ports = process::mach::registered_ports();
    // SAFETY: the reference is ours: the look-up made it.
    let port = unsafe { surfaceport::port::RawRight::from_send_right(ports.remove(0).into_name()) };
    let pipe = std::env::var("SURFACEPORT_TOKEN_PIPE").unwrap();
    let number = pipe.split(':').next().unwrap().parse().unwrap();
    // SAFETY: the host left it open for this process.
    let pipe = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned().unwrap();
    (SendRight::from_raw(port.unwrap()).unwrap(), pipe)
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
