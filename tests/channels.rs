//! Channels: pairs, their ways through messages and descriptors, their ends, and strangers.
#![allow(missing_docs)]

mod process;

use process::session::is_readable;
use surfaceport::bootstrap;
use surfaceport::channel::{Channel, ChannelEnd, ChannelRights};
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::{Status, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(5_000_000_000);

peers! {
    "stranger" => stranger,
    "partner" => partner,
}

fn text(id: u32, payload: &str) -> Message {
    Message::with_payload(id, payload).unwrap()
}

fn open_pair() -> (Channel, Channel) {
    let (one, other) = Channel::pair().unwrap();
    (one.open(), other.open())
}

#[test]
fn both_ends_send_and_receive() {
    let (one, other) = open_pair();
    assert!(!is_readable(other.descriptor()));
    for n in 0..100 {
        one.send(text(n, "to the other"), SOON).unwrap();
    }
    other.send(text(7, "to the one"), SOON).unwrap();
    assert!(is_readable(other.descriptor()));
    assert_eq!(other.peer(), None);
    for n in 0..100 {
        let message = other.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload()), (n, &b"to the other"[..]));
    }
    assert_eq!(other.peer().unwrap().process_id, std::process::id());
    // The descriptor of some systems hears that there is nothing more when somebody looks.
    assert_eq!(other.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    assert!(!is_readable(other.descriptor()));
    assert_eq!(one.receive(SOON).unwrap().id(), 7);
    assert_eq!((one.refused_messages(), other.refused_messages()), (0, 0));
}

#[test]
fn a_request_is_answered() {
    let (one, other) = open_pair();
    let server = std::thread::spawn(move || {
        let mut request = other.receive(SOON).unwrap();
        request.take_reply_right().unwrap().send(text(2, "answer"), SOON).unwrap();
        drop(other.receive(SOON).unwrap());
    });
    assert_eq!(one.request(text(1, "question"), SOON).unwrap().payload(), b"answer");
    assert_eq!(one.request(text(1, "question"), SOON).unwrap_err().status(), Status::PeerDead);
    server.join().unwrap();
}

#[test]
fn what_was_queued_arrives_before_the_end() {
    let (one, other) = open_pair();
    one.send(text(1, ""), SOON).unwrap();
    one.send(text(2, ""), SOON).unwrap();
    assert!(!other.is_peer_dead().unwrap());
    drop(one);
    assert!(other.is_peer_dead().unwrap());
    assert_eq!(other.receive(Timeout::NONE).unwrap().id(), 1);
    assert_eq!(other.receive(Timeout::NONE).unwrap().id(), 2);
    for _ in 0..3 {
        assert!(is_readable(other.descriptor()), "the end stays readable");
        assert_eq!(other.receive(Timeout::FOREVER).unwrap_err().status(), Status::PeerDead);
    }
    let failure = other.send(text(3, "late"), SOON).unwrap_err();
    assert_eq!(failure.status(), Status::PeerDead);
    assert_eq!(failure.into_message().unwrap().payload(), b"late");
}

#[test]
fn all_threads_learn_the_end() {
    let (one, other) = open_pair();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| other.receive(Timeout::FOREVER))).collect();
        drop(one);
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap_err().status(), Status::PeerDead);
        }
    });
}

#[test]
fn a_thread_can_send_while_another_waits() {
    let (one, other) = open_pair();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| one.receive(SOON).unwrap().id());
        one.send(text(1, ""), SOON).unwrap();
        assert_eq!(other.receive(SOON).unwrap().id(), 1);
        other.send(text(2, ""), SOON).unwrap();
        assert_eq!(waiting.join().unwrap(), 2);
    });
}

#[test]
fn an_end_moves_with_what_is_queued() {
    let (carrier, arrivals) = open_pair();
    let (one, other) = open_pair();
    one.send(text(1, "before the move"), SOON).unwrap();
    let mut message = text(9, "an end");
    message.attach(MemoryRegion::create(10, Access::ReadWrite).unwrap()).unwrap();
    other.into_end().unwrap().attach_to(&mut message).unwrap();
    assert_eq!(message.attachment_count(), 1 + ChannelEnd::ATTACHMENTS);
    carrier.send(message, SOON).unwrap();
    one.send(text(2, "during the move"), SOON).unwrap();
    assert!(!one.is_peer_dead().unwrap());
    let mut arrived = arrivals.receive(SOON).unwrap();
    assert_eq!(ChannelEnd::take_from(&mut arrived, 0).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(ChannelEnd::take_from(&mut arrived, 2).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(
        ChannelEnd::take_from(&mut arrived, usize::MAX).unwrap_err().status(),
        Status::InvalidArgument
    );
    let other = ChannelEnd::take_from(&mut arrived, 1).unwrap().open();
    assert_eq!(other.receive(SOON).unwrap().id(), 1);
    assert_eq!(other.receive(SOON).unwrap().id(), 2);
    other.send(text(3, ""), SOON).unwrap();
    assert_eq!(one.receive(SOON).unwrap().id(), 3);
}

#[test]
fn an_end_that_dies_on_its_way_is_dead() {
    let (carrier, arrivals) = open_pair();
    let (one, other) = Channel::pair().unwrap();
    let one = one.open();
    let mut message = Message::new(1);
    other.attach_to(&mut message).unwrap();
    carrier.send(message, SOON).unwrap();
    drop(arrivals);
    assert_eq!(one.receive(SOON).unwrap_err().status(), Status::PeerDead);
    assert!(one.is_peer_dead().unwrap());
}

#[test]
fn an_end_survives_its_raw_form() {
    let (one, other) = Channel::pair().unwrap();
    let one = one.open();
    one.send(text(1, "queued"), SOON).unwrap();
    let rights = other.into_raw().unwrap();
    let other = ChannelEnd::from_raw(rights).unwrap().open();
    assert_eq!(other.receive(SOON).unwrap().payload(), b"queued");
    other.send(text(2, ""), SOON).unwrap();
    assert_eq!(one.receive(SOON).unwrap().id(), 2);
    drop(other);
    assert_eq!(one.receive(SOON).unwrap_err().status(), Status::PeerDead);
}

/// What a raw form is differs: a descriptor here.
#[cfg(target_os = "linux")]
#[test]
fn raw_forms_that_are_no_rights_are_refused_on_linux() {
    use std::os::fd::OwnedFd;
    let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let wrong = ChannelRights { receive: null(), send: null() };
    assert_eq!(ChannelEnd::from_raw(wrong).unwrap_err().status(), Status::Malformed);
}

/// Has one end of a pair, and the send right of its own end a second time, in another process.
#[test]
fn messages_of_strangers_are_destroyed_and_counted() {
    let name = process::unique_name("strangers");
    let port = bootstrap::check_in(&name).unwrap();
    let (listening, speaking) = Channel::pair().unwrap();
    let ChannelRights { receive, send } = speaking.into_raw().unwrap();
    let send = SendRight::from_raw(send).unwrap();
    let leaked = send.try_clone().unwrap();
    let rights = ChannelRights { receive, send: send.into_raw() };
    let speaking = ChannelEnd::from_raw(rights).unwrap().open();
    let listening = listening.open();
    speaking.send(text(1, "first"), SOON).unwrap();
    assert_eq!(listening.receive(SOON).unwrap().id(), 1);

    let stranger = process::Peer::start("stranger", &name);
    let mut hello = port.receive(SOON).unwrap();
    let mut gift = Message::new(1);
    gift.attach(leaked).unwrap();
    hello.take_reply_right().unwrap().send(gift, SOON).unwrap();
    assert!(stranger.wait().success());
    speaking.send(text(2, "second"), SOON).unwrap();
    assert_eq!(listening.receive(SOON).unwrap().id(), 2);
    assert_eq!(listening.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    assert_eq!(listening.refused_messages(), 100);
}

fn stranger(name: &str) {
    let mut gift = bootstrap::look_up(name, SOON).unwrap().request(Message::new(1), SOON).unwrap();
    let leaked = gift.take_send_right(0).unwrap();
    for n in 0..100 {
        leaked.send(text(n, "forged"), SOON).unwrap();
    }
}

/// An end goes to another process, which then is the peer; its death ends the channel.
#[test]
fn an_end_goes_to_another_process() {
    let name = process::unique_name("partner");
    let port = bootstrap::check_in(&name).unwrap();
    let mut partner = process::Peer::start("partner", &name);
    let (mine, yours) = Channel::pair().unwrap();
    let mut hello = port.receive(SOON).unwrap();
    let mut gift = Message::new(1);
    yours.attach_to(&mut gift).unwrap();
    hello.take_reply_right().unwrap().send(gift, SOON).unwrap();
    let mine = mine.open();
    for n in 0..10 {
        mine.send(text(n, "ping"), SOON).unwrap();
        assert_eq!(mine.receive(SOON).unwrap().id(), n + 1);
    }
    assert_eq!(mine.peer().unwrap().process_id, partner.id());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| mine.receive(Timeout::FOREVER));
        partner.kill();
        assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::PeerDead);
    });
}

fn partner(name: &str) {
    let mut gift = bootstrap::look_up(name, SOON).unwrap().request(Message::new(1), SOON).unwrap();
    let channel = ChannelEnd::take_from(&mut gift, 0).unwrap().open();
    while let Ok(message) = channel.receive(Timeout::FOREVER) {
        channel.send(text(message.id() + 1, "pong"), SOON).unwrap();
    }
}

#[test]
fn a_channel_can_be_shared_by_threads() {
    fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Channel>();
    is_shareable::<ChannelEnd>();
    is_shareable::<ReceiveRight>();
}
