//! Bootstrap names between real processes.
#![allow(missing_docs)]

mod process;

use std::time::Duration;

use process::Peer;
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::message::Message;
use surfaceport::port::{PortSet, Ready, SendRight};
use surfaceport::{Status, Timeout};

peers! {
    "say hello" => say_hello,
    "own" => own,
    "compete" => compete,
}

const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);
const BRIEFLY: Timeout = Timeout::from_nanoseconds(20_000_000);

/// Role: finds the name, waiting for it, and sends its process number.
fn say_hello(name: &str) {
    let owner = look_up(name, SOON).unwrap();
    owner.send(Message::with_payload(1, std::process::id().to_string()).unwrap(), SOON).unwrap();
}

/// Role: `name` or `name reporter`. Owns the name until it is killed, and says to the reporter that it does.
fn own(argument: &str) {
    let (name, reporter) = argument.split_once(' ').unwrap();
    let owned = check_in(name).unwrap();
    let report = look_up(reporter, SOON).unwrap();
    report.send(Message::new(1), SOON).unwrap();
    loop {
        // The report's end is the test's.
        if owned.receive(SOON).is_err() && report.is_dead().unwrap() {
            return;
        }
    }
}

/// Role: waits for the start, tries to own the name, reports, and keeps what it has until the reporter is gone.
fn compete(argument: &str) {
    let (name, reporter) = argument.split_once(' ').unwrap();
    let report = look_up(reporter, SOON).unwrap();
    let start = surfaceport::port::ReceiveRight::new().unwrap();
    let mut ready = Message::new(0);
    ready.attach(start.make_send().unwrap()).unwrap();
    report.send(ready, SOON).unwrap();
    start.receive(SOON).unwrap();
    let answer = check_in(name);
    let status = match &answer {
        Ok(_) => 1,
        Err(error) => 100 + error.status() as u32,
    };
    report.send(Message::new(status), SOON).unwrap();
    assert_eq!(start.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

#[test]
fn a_name_leads_to_its_owner() {
    let _alone = process::alone();
    let name = process::unique_name("hello");
    let owned = check_in(&name).unwrap();
    for _ in 0..3 {
        let peer = Peer::start("say hello", &name);
        let message = owned.receive(SOON).unwrap();
        assert_eq!(message.payload(), peer.id().to_string().as_bytes());
        assert_eq!(message.sender().unwrap().process_id, peer.id());
        assert!(peer.wait().success());
    }
}

#[test]
fn a_look_up_waits_until_the_name_appears() {
    let _alone = process::alone();
    let name = process::unique_name("appears");
    assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
    assert_eq!(look_up(&name, BRIEFLY).unwrap_err().status(), Status::TimedOut);
    let peers: Vec<Peer> = (0..3).map(|_| Peer::start("say hello", &name)).collect();
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look_up(&name, SOON));
        let owned = check_in(&name).unwrap();
        let mut seen: Vec<u32> =
            peers.iter().map(|_| owned.receive(SOON).unwrap().sender().unwrap().process_id).collect();
        let mut expected: Vec<u32> = peers.iter().map(Peer::id).collect();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
        waiting.join().unwrap().unwrap()
    });
    drop(waiting);
    for peer in peers {
        assert!(peer.wait().success());
    }
}

#[test]
fn a_name_has_one_owner() {
    let _alone = process::alone();
    let name = process::unique_name("one");
    let owned = check_in(&name).unwrap();
    let error = check_in(&name).unwrap_err();
    assert_eq!(error.status(), Status::AlreadyExists);
    assert!(error.message().contains(&name), "{error}");
    drop(owned);
    // Given back, it is free at once, as often as one likes.
    for _ in 0..10 {
        drop(check_in(&name).unwrap());
        assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
    }
}

#[test]
fn of_many_processes_that_want_a_name_exactly_one_gets_it() {
    let _alone = process::alone();
    let reporter = process::unique_name("reporter");
    let reports = check_in(&reporter).unwrap();
    for round in 0..3 {
        let name = process::unique_name("wanted");
        let peers: Vec<Peer> =
            (0..5).map(|_| Peer::start("compete", &format!("{name} {reporter}"))).collect();
        let starts: Vec<_> =
            peers.iter().map(|_| reports.receive(SOON).unwrap().take_send_right(0).unwrap()).collect();
        for start in &starts {
            start.send(Message::new(0), SOON).unwrap();
        }
        let mut answers: Vec<u32> = peers.iter().map(|_| reports.receive(SOON).unwrap().id()).collect();
        answers.sort_unstable();
        let lost = 100 + Status::AlreadyExists as u32;
        assert_eq!(answers, [1, lost, lost, lost, lost], "round {round}");
        drop(starts);
        for peer in peers {
            assert!(peer.wait().success());
        }
    }
}

#[test]
fn threads_that_take_and_give_back_a_name_never_share_it() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let _alone = process::alone();
    let name = process::unique_name("threads");
    let (owners, won) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..300 {
                    match check_in(&name) {
                        Ok(owned) => {
                            assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0, "two owners at a time");
                            won.fetch_add(1, Ordering::SeqCst);
                            owners.fetch_sub(1, Ordering::SeqCst);
                            drop(owned);
                        }
                        Err(error) => assert_eq!(error.status(), Status::AlreadyExists),
                    }
                }
            });
        }
    });
    assert!(won.into_inner() > 0);
    drop(check_in(&name).unwrap());
}

/// Kills the owner of a name, and waits for the end of its port: there are systems on which a process is reaped a moment
/// earlier. What comes back is a right to send to it.
fn kill_owner(name: &str, owner: &mut Peer) -> SendRight {
    let send = look_up(name, Timeout::NONE).unwrap();
    let deaths = PortSet::new().unwrap();
    deaths.watch(&send, 1).unwrap();
    owner.kill();
    assert_eq!(deaths.wait(SOON).unwrap(), Ready::Dead(1));
    send
}

#[test]
fn a_killed_owners_name_is_free_at_once() {
    let _alone = process::alone();
    let (name, reporter) = (process::unique_name("killed"), process::unique_name("reporter"));
    let reports = check_in(&reporter).unwrap();
    for _ in 0..5 {
        let mut peer = Peer::start("own", &format!("{name} {reporter}"));
        reports.receive(SOON).unwrap();
        assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
        let send = kill_owner(&name, &mut peer);
        assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound, "nobody is there");
        assert_eq!(look_up(&name, BRIEFLY).unwrap_err().status(), Status::TimedOut);
        assert!(send.is_dead().unwrap());
        let owned = check_in(&name).unwrap();
        look_up(&name, Timeout::NONE).unwrap().send(Message::new(9), SOON).unwrap();
        assert_eq!(owned.receive(SOON).unwrap().id(), 9);
    }
    // A look-up that waits while the dead owner's name is taken over finds the new one.
    let mut peer = Peer::start("own", &format!("{name} {reporter}"));
    reports.receive(SOON).unwrap();
    kill_owner(&name, &mut peer);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look_up(&name, SOON).unwrap().send(Message::new(4), SOON));
        let owned = check_in(&name).unwrap();
        assert_eq!(owned.receive(SOON).unwrap().id(), 4);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn invalid_names_are_refused_everywhere() {
    let too_long = "x".repeat(128);
    for name in ["", ".", "a..b", "a/b", "../a", "a b", "a~lock", "a\0b", "\u{e4}", &too_long] {
        assert_eq!(check_in(name).unwrap_err().status(), Status::InvalidArgument, "{name:?}");
        assert_eq!(look_up(name, Timeout::NONE).unwrap_err().status(), Status::InvalidArgument, "{name:?}");
        assert_eq!(
            look_up(name, Timeout::FOREVER).unwrap_err().status(),
            Status::InvalidArgument,
            "{name:?}"
        );
    }
}

#[test]
fn the_longest_name_works() {
    let _alone = process::alone();
    process::companion::own_the_longest_name();
}

#[test]
fn an_owner_that_takes_nobody_in_keeps_no_look_up_beyond_its_time() {
    let _alone = process::alone();
    let name = process::unique_name("busy");
    let owned = check_in(&name).unwrap();
    let mut found = Vec::new();
    let refused = loop {
        match look_up(&name, Timeout::NONE) {
            Ok(right) => found.push(right),
            Err(error) => break error,
        }
        // Where the system takes any number in, there is nothing to refuse.
        if found.len() == 4000 {
            return;
        }
    };
    assert_eq!(refused.status(), Status::ResourceExhausted, "{refused}");
    let start = std::time::Instant::now();
    assert_eq!(look_up(&name, BRIEFLY).unwrap_err().status(), Status::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(20), "it tried as long as it was asked to");
    // Those that were found are served, in spite of it, and whoever waits gets in then.
    for (n, right) in found.iter().enumerate() {
        right.send(Message::new(n as u32), SOON).unwrap();
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look_up(&name, SOON).unwrap().send(Message::new(9999), SOON));
        let mut seen: Vec<u32> = (0..=found.len()).map(|_| owned.receive(SOON).unwrap().id()).collect();
        seen.sort_unstable();
        let expected = (0..found.len() as u32).chain([9999]).collect::<Vec<_>>();
        assert_eq!(seen, expected);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_storm_of_look_ups_does_not_keep_a_receive_beyond_its_time() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let _alone = process::alone();
    let name = process::unique_name("storm");
    let owned = check_in(&name).unwrap();
    let right = look_up(&name, SOON).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = look_up(&name, Timeout::NONE);
                }
            });
        }
        for n in 0..10 {
            // It ends: that is all there is to see. A machine that is slow does not make it fail.
            assert_eq!(owned.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
            right.send(Message::new(n), SOON).unwrap();
            assert_eq!(owned.receive(SOON).unwrap().id(), n, "and messages get through");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_crowd_that_comes_and_goes_leaves_nothing_at_the_owner() {
    let _alone = process::alone();
    let name = process::unique_name("crowd");
    let owned = check_in(&name).unwrap();
    let before = process::held();
    for n in 0..500 {
        let right = look_up(&name, SOON).unwrap();
        if n % 2 == 0 {
            right.send(Message::new(n), SOON).unwrap();
            assert_eq!(owned.receive(SOON).unwrap().id(), n);
        } else if n % 20 == 1 {
            drop(right);
            // No senders is never said of a name: the next one may come at any time.
            assert_eq!(owned.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        }
    }
    while owned.receive(BRIEFLY).is_ok() {}
    before.is_all("behind the crowd");
}
