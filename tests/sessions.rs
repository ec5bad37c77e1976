//! Sessions with real child processes. Nothing here waits by the clock: each wait is for an event, with a deadline.
#![allow(missing_docs)]

mod process;

use std::collections::BTreeSet;
use std::ffi::OsString;

use process::session::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use surfaceport::channel::{Channel, ChannelEnd};
use surfaceport::message::Message;
use surfaceport::session::{Child, ChildExit, Host, SpawnOptions};
use surfaceport::surface::{LockMode, PixelFormat};
use surfaceport::swapchain::{ConsumerRight, Producer};
use surfaceport::{Status, Timeout};

peers! {
    "echo" => |_| echo(),
    "offers" => offers,
    "accepts" => accepts,
    "tell" => |_| tell(),
    "pings" => |_| pings(),
    "pongs" => |_| pongs(),
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
    let surface = process::plain::surface(16, 16, PixelFormat::Bgra8);
    surface.lock(LockMode::Write).unwrap().plane(0).unwrap().write_row(3, &[5; 64]).unwrap();
    let mut message = text(1, &"large ".repeat(100_000));
    message.attach(surface.clone()).unwrap();
    let mut back = channel.request(message, SOON).unwrap();
    assert_eq!(back.payload().len(), 600_000);
    assert_eq!(back.take_surface(0).unwrap().id(), surface.id());
    assert_eq!((host.refused(), channel.refused_messages(), host.features()), (0, 0, 0));
    close(host);
    assert!(!is_known(id), "no zombie is left");
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
        let ours = std::env::vars()
            .map(|(name, value)| format!("{name}={value}"))
            .find(|entry| !entry.contains('\n'));
        let ours = ours.expect("an environment");
        assert_eq!(entries.contains(ours.as_str()), !clear, "{told}");
        assert!(!told.contains("TOKEN=") && told.contains("\nSURFACEPORT_"), "{told}");
        assert_eq!(channel.receive(SOON).unwrap().payload(), folder.to_str().unwrap().as_bytes());
        close(host);
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let _may = may_start();
    let status = |options: &SpawnOptions| Host::spawn(options).unwrap_err().status();
    assert_eq!(status(&SpawnOptions::new([""; 0])), Status::InvalidArgument);
    assert_eq!(status(&SpawnOptions::new([""])), Status::InvalidArgument);
    assert_eq!(status(&SpawnOptions::new(["program", "zero\0byte"])), Status::InvalidArgument);
    assert_eq!(status(&SpawnOptions::new(["/there/is/no/such/program"])), Status::NotFound);
    let no_program = std::env::temp_dir().join(process::unique_name("no-program"));
    std::fs::write(&no_program, "").unwrap();
    // Systems do not agree whether a file that is no program is there.
    assert!(matches!(status(&SpawnOptions::new([&no_program])), Status::PermissionDenied | Status::NotFound));
    std::fs::remove_file(no_program).unwrap();
    let with = |name: &str, value: &str| {
        let mut options = SpawnOptions::new(process::arguments());
        options.environment.push((OsString::from(name), OsString::from(value)));
        options
    };
    assert_eq!(status(&with("", "x")), Status::InvalidArgument);
    assert_eq!(status(&with("A=B", "x")), Status::InvalidArgument);
    assert_eq!(status(&with("A", "x\0y")), Status::InvalidArgument);
    let mut options = SpawnOptions::new(process::arguments());
    options.directory = Some("/there/is/no/such/folder".into());
    assert_eq!(status(&options), Status::NotFound);
    assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::NotFound, "nobody started this process");
}

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

#[test]
fn both_sides_can_be_shared_by_threads() {
    fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Host>();
    is_shareable::<Child>();
}
