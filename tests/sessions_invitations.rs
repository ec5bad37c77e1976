//! Children that the test starts by its own means, with what an invitation says.
#![allow(missing_docs)]

mod process;

use std::process::Stdio;

use process::session::*;
use surfaceport::session::{Child, ChildExit, Invitation};
use surfaceport::{Status, Timeout};

peers! {
    "echo" => |_| echo(),
    "idle" => |_| loop { std::thread::park() },
    "refused" => |_| refused(),
}

fn refused() {
    let error = Child::connect(SOON).unwrap_err();
    assert_eq!(error.status(), Status::Refused, "{error}");
    assert!(error.message().contains("is not the one that the host started"), "{error}");
    assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::WrongState);
}

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
        // The port and the token; on macOS the port has a name.
        assert_eq!(invitation.descriptors().len(), if cfg!(target_os = "linux") { 2 } else { 1 });
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
            // The port of an invitation has a name on macOS, so it always has senders.
            if cfg!(target_os = "macos") && !with_process && !connects {
                continue;
            }
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
    // The other process is gone then; on macOS nothing tells of that before its hello, so it would be waited for.
    let (time, end) = if cfg!(target_os = "macos") {
        (Timeout::after(std::time::Duration::from_millis(100)), Status::TimedOut)
    } else {
        (SOON, Status::PeerDead)
    };
    while host.refused() == 0 {
        assert_eq!(host.wait_connected(time).unwrap_err().status(), end);
    }
    assert_eq!(host.refused(), 1);
    assert!(peer.wait().success());
    for nobody in [0, u32::MAX] {
        let (_, error) = Invitation::create().unwrap().into_host(Some(nobody)).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
    }
    let (_, error) = Invitation::create().unwrap().into_host(Some(i32::MAX as u32)).unwrap_err();
    assert_eq!(error.status(), Status::NotFound);
}
