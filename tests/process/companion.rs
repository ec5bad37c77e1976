//! A second process that a test talks to: it says hello at a name, with a send right to itself.

use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::message::Message;
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::{Status, Timeout};

use super::Peer;

/// Far beyond what anything here takes; it only keeps a failing test from hanging.
const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

/// What a companion process is told to do and with what; its end of a connection that the test holds the other of.
pub fn connect(name: &str, mut hello: Message) -> ReceiveRight {
    let inbox = ReceiveRight::new().unwrap();
    hello.attach(inbox.make_send().unwrap()).unwrap();
    look_up(name, SOON).unwrap().send(hello, SOON).unwrap();
    inbox
}

/// A companion process and the way to it.
pub struct Companion {
    pub peer: Peer,
    pub to: SendRight,
    pub hello: Message,
}

impl Companion {
    /// Starts a process in a role and waits for its hello, which ends with a send right to it.
    pub fn start(role: &str, door: &ReceiveRight, name: &str) -> Self {
        let peer = Peer::start(role, name);
        let mut hello = door.receive(SOON).unwrap();
        let to = hello.take_send_right(hello.attachment_count() - 1).unwrap();
        Self { peer, to, hello }
    }

    pub fn ends_well(self) {
        drop((self.to, self.hello));
        assert!(self.peer.wait().success());
    }
}

pub fn door() -> (ReceiveRight, String) {
    let name = super::unique_name("door");
    (check_in(&name).unwrap(), name)
}

/// Role: holds whatever it is sent until it is killed, and says that it does.
pub fn hold(name: &str) {
    let mine = ReceiveRight::new().unwrap();
    let mut hello = Message::new(0);
    hello.attach(mine.make_send().unwrap()).unwrap();
    let inbox = connect(name, hello);
    let mut held = Vec::new();
    loop {
        let mut message = match inbox.receive(SOON) {
            Ok(message) => message,
            Err(error) => return assert_eq!(error.status(), Status::NoSenders),
        };
        let reply = message.take_reply_right();
        if message.id() == 1 {
            // Taken out, so that they are this process's own and no longer in the message.
            held.extend((0..message.attachment_count()).map(|index| message.take(index).unwrap()));
            reply.unwrap().send(Message::new(2), SOON).map_err(|(_, error)| error).unwrap();
        } else {
            // Requests that are never answered.
            held.extend((0..message.attachment_count()).map(|index| message.take(index).unwrap()));
            std::mem::forget(reply);
        }
    }
}

/// The whole way with the longest name: two owners, a look-up, an end.
pub fn own_the_longest_name() {
    let name = format!("org.{}.{}", "x".repeat(60), "y".repeat(62));
    assert_eq!(name.len(), 127);
    let owned = check_in(&name).unwrap();
    assert_eq!(check_in(&name).unwrap_err().status(), Status::AlreadyExists);
    look_up(&name, Timeout::NONE).unwrap().send(Message::new(5), SOON).unwrap();
    assert_eq!(owned.receive(SOON).unwrap().id(), 5);
    drop(owned);
    assert_eq!(look_up(&name, Timeout::NONE).unwrap_err().status(), Status::NotFound);
}
