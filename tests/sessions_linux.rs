//! What a session's child inherits on Linux: descriptors, of which there can be too few.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod process;

use process::session::*;
use rustix::process::{Resource, Rlimit};
use surfaceport::Status;
use surfaceport::session::Child;

peers! {
    "offers" => offers,
    "stale" => |_| stale(),
    "poor" => |_| poor(),
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
