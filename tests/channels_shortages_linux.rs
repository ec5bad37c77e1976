//! Channels whose process forks, ends before its fork does, or has no descriptors left.
//!
//! On Linux alone: elsewhere a fork does not have its parent's rights.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]
#![allow(unsafe_code)]

mod process;

use std::io::Read;
use std::time::{Duration, Instant};

use process::channel::*;
use process::session::*;
use surfaceport::channel::{Channel, ChannelEnd};
use surfaceport::message::Message;
use surfaceport::port::ReceiveRight;
use surfaceport::session::Child;
use surfaceport::{Status, Timeout};

peers! {
    "fork and go on" => fork_and_go_on,
    "end before a fork" => end_before_a_fork,
    "lack descriptors" => |_| lack_descriptors(),
}

/// Forks this process, which has one thread; gives the number of the fork, to the fork itself none.
fn fork() -> Option<libc::pid_t> {
    // SAFETY: a role's process has no other thread that could hold a lock.
    match unsafe { libc::fork() } {
        0 => None,
        process => Some(process),
    }
}

/// Ends this process without a destructor.
fn end(status: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

fn exit_status_of(process: libc::pid_t) -> i32 {
    let mut status = -1;
    // SAFETY: the status lives across the call.
    while unsafe { libc::waitpid(process, &raw mut status, 0) } < 0 {}
    status
}

/// What a fork may do with its parent's channel, which is nothing.
fn try_all(channel: &Channel) -> bool {
    let refused = |status: Status| status == Status::WrongState;
    refused(channel.send(Message::new(666), Timeout::NONE).unwrap_err().status())
        && refused(channel.send_or_drop(Message::new(666)).unwrap_err().status())
        && refused(channel.request(Message::new(666), SOON).unwrap_err().status())
        && refused(channel.receive(Timeout::NONE).unwrap_err().status())
        && refused(channel.receive(SOON).unwrap_err().status())
        && channel.writable_descriptor().is_err_and(|error| refused(error.status()))
}

/// Role: forks now and then, and sends back what it receives.
fn fork_and_go_on(_: &str) {
    let child = Child::connect(SOON).unwrap();
    let mut gift = child.channel().receive(SOON).unwrap();
    let channel = ChannelEnd::take_from(&mut gift, 0).unwrap().open();
    let (one, other) = Channel::pair().unwrap();
    for n in 0.. {
        if n % 10 == 5 {
            let fork = fork();
            if fork.is_none() {
                let attached = one.attach_to(&mut Message::new(0));
                let fine = try_all(&channel)
                    && try_all(child.channel())
                    && attached.is_err_and(|(_, error)| error.status() == Status::WrongState)
                    && other.into_raw().is_err_and(|(_, error)| error.status() == Status::WrongState);
                channel.descriptor();
                drop(channel);
                end(i32::from(!fine));
            }
            assert_eq!(fork.map(exit_status_of), Some(0));
        }
        match channel.receive(SOON) {
            Ok(message) => channel.send(message, SOON).unwrap(),
            Err(error) => return assert_eq!(error.status(), Status::PeerDead),
        }
    }
}

#[test]
fn a_fork_changes_nothing_for_its_parents_channel() {
    let host = spawn("fork and go on", "");
    let (mine, theirs) = Channel::pair().unwrap();
    let mut message = Message::new(0);
    theirs.attach_to(&mut message).unwrap();
    host.channel(SOON).unwrap().send(message, SOON).unwrap();
    let channel = mine.open();
    for n in 0..100 {
        let size = [10, 5000, 100_000][n as usize % 3];
        let mut message = Message::with_payload(n, vec![n as u8; size]).unwrap();
        if n % 7 == 0 {
            attach_number(&mut message, n);
        }
        channel.send(message, SOON).unwrap();
        let message = channel.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload().len()), (n, size));
    }
    assert_eq!(channel.refused_messages(), 0);
    drop(channel);
    close(host);
}

/// Role: ends at once, and leaves a fork with all its descriptors, which lives until the host lets go of a pipe.
fn end_before_a_fork(way: &str) {
    let child = Child::connect(SOON).unwrap();
    let mut message = child.channel().receive(SOON).unwrap();
    let pipe = message.take_descriptor(0).unwrap();
    let pair = ChannelEnd::take_from(&mut message, 1).unwrap().open();
    let channel = if way == "session" { child.channel() } else { &pair };
    for n in 0..20 {
        channel.send(Message::new(n), SOON).unwrap();
        assert_eq!(channel.receive(SOON).unwrap().id(), n);
    }
    channel.send(Message::new(77), SOON).unwrap();
    if fork().is_none() {
        let _ = std::fs::File::from(pipe).read(&mut [0]);
    }
    end(0);
}

#[test]
fn the_end_of_the_peers_process_ends_a_channel_although_a_fork_of_it_lives() {
    for way in ["session", "pair"] {
        for polls in [false, true] {
            let host = spawn("end before a fork", way);
            let session = host.channel(SOON).unwrap();
            let (reading, writing) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
            let (mine, theirs) = Channel::pair().unwrap();
            let mut message = Message::new(0);
            message.attach(reading).unwrap();
            theirs.attach_to(&mut message).unwrap();
            session.send(message, SOON).unwrap();
            let pair = mine.open();
            let channel = if way == "session" { session } else { &pair };
            let descriptor = polls.then(|| channel.descriptor());
            let receive = || {
                descriptor.into_iter().for_each(wait_readable);
                channel.receive(if polls { Timeout::NONE } else { SOON })
            };
            let mut next = 0;
            let end = loop {
                match receive() {
                    Ok(message) if message.id() == 77 => assert_eq!(next, 20),
                    Ok(message) => {
                        assert_eq!(message.id(), next);
                        next += 1;
                        channel.send(message, SOON).unwrap();
                    }
                    Err(error) if polls && error.status() == Status::TimedOut => {}
                    Err(error) => break error,
                }
            };
            assert_eq!((end.status(), next), (Status::PeerDead, 20), "{way}");
            assert_eq!(channel.receive(Timeout::FOREVER).unwrap_err().status(), Status::PeerDead);
            assert!(channel.is_peer_dead().unwrap());
            // As long as nobody is asked, sends succeed; but no more than there is room for.
            let failure = (0..100_000).find_map(|n| channel.send(Message::new(n), SOON).err()).unwrap();
            assert_eq!(failure.status(), Status::PeerDead);
            assert!(is_readable(channel.descriptor()), "the end stays readable");
            drop(writing);
        }
    }
}

fn limit_descriptors(limit: u64) {
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: 1024 };
    // SAFETY: the limit lives across the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// The processor time of this process.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time lives across the call.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Role: a receiver that is at its limit of descriptors for a while.
fn lack_descriptors() {
    let (one, other) = open_pair();
    let send = |n: u32, rights: usize| {
        let mut message = Message::new(n);
        for _ in 0..rights {
            message.attach(ReceiveRight::new().unwrap().make_send().unwrap()).unwrap();
        }
        one.send(message, SOON).unwrap();
    };
    for ring in [false, true] {
        if ring {
            warm_up(&one, &other);
        }
        let numbers = [(0, 0), (1, 0), (2, 20), (3, 0), (4, 0), (5, 3), (6, 0)];
        numbers.iter().for_each(|(n, rights)| send(*n, *rights));
        // The one that the next descriptor would have, and some for what is made on the way.
        let next = rustix::io::dup(std::io::stderr()).unwrap();
        limit_descriptors(std::os::fd::AsRawFd::as_raw_fd(&next) as u64 + 8);
        drop(next);
        assert_eq!(other.receive(SOON).unwrap().id(), 0);
        assert_eq!(other.receive(SOON).unwrap().id(), 1);
        let (began, before) = (Instant::now(), processor_time());
        while began.elapsed() < Duration::from_secs(2) {
            let failure = other.receive(Timeout::after(Duration::from_millis(100))).unwrap_err();
            assert_eq!(failure.status(), Status::ResourceExhausted);
        }
        let taken = processor_time() - before;
        assert!(taken < Duration::from_millis(if cfg!(debug_assertions) { 60 } else { 20 }), "{taken:?}");
        assert_eq!(other.receive(Timeout::NONE).unwrap_err().status(), Status::ResourceExhausted);
        limit_descriptors(1024);
        for (n, rights) in &numbers[2..] {
            let message = other.receive(SOON).unwrap();
            assert_eq!((message.id(), message.attachment_count()), (*n, *rights));
        }
    }
}

#[test]
fn a_receiver_without_descriptors_loses_nothing_and_does_not_spin() {
    assert!(process::Peer::start("lack descriptors", "").wait().success());
}
