//! How sessions end: in good order, by a crash, by nobody having said hello in time; and that nothing is left then.
#![allow(missing_docs)]

mod process;

use std::time::{Duration, Instant};

use process::session::*;
use surfaceport::bootstrap;
use surfaceport::session::{Child, ChildExit, EndOfLife, Host, Invitation, SpawnOptions};
use surfaceport::{Status, Timeout};

peers! {
    "echo" => |_| echo(),
    "offers" => offers,
    "orderly" => |_| drop(Child::connect(SOON).unwrap()),
    "crash" => |_| crash(),
    "exit" => |status| std::process::exit(status.parse().unwrap()),
    "idle" => |_| loop { std::thread::park() },
    "wrapper" => wrapper,
    "middle" => middle,
    "orphan" => orphan,
    "counts" => |_| counts(),
}

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
    assert_eq!(error.status(), Status::NoHello);
    assert!(error.message().contains("did not say hello"), "{error}");
    assert_eq!(host.accept_consumer_right(Timeout::FOREVER).unwrap_err(), error);
    assert_eq!(host.wait_exit(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    let id = host.process_id().unwrap();
    drop(host);
    assert!(!is_known(id), "it is killed and reaped");
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

/// A child that waits for its answer before it ends.
#[test]
fn a_wait_for_the_exit_does_the_handshake() {
    let host = spawn("orderly", "");
    assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Exited(0));
    let mut options = options("wrapper", "orderly");
    options.allow_descendants = true;
    assert_eq!(start(&options).wait_exit(SOON).unwrap(), ChildExit::Exited(0));
    let mut gone = process::session::options("exit", "5");
    gone.allow_descendants = true;
    assert_eq!(start(&gone).wait_exit(SOON).unwrap(), ChildExit::Exited(5));
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

#[test]
fn everything_is_the_same_before_and_after() {
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
    let before = process::held();
    for n in 0..5 {
        round();
        before.is_all(&format!("round {n}"));
    }
}
