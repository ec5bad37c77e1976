//! Peers that break the rules of the ring. What an honest one does is in `tests/channels_rings.rs`.

use super::outgoing::{BELL, RING, ROOM};
use super::ring::RingPage;
use super::*;
use crate::memory::{Access, MemoryRegion};
use crate::page::Page;

const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);

/// A channel, and the raw way to it.
fn attacked() -> (Channel, Duplex) {
    let (channel, raw) = Duplex::pair().unwrap();
    (ChannelEnd(channel).open(), raw)
}

fn offer(raw: &Duplex, region: MemoryRegion) {
    let mut message = Message::control(RING);
    message.attach(region).unwrap();
    raw.send.send(message, SOON).unwrap();
}

fn ring_region() -> MemoryRegion {
    Page::<RingPage>::create(Access::ReadWrite).unwrap().region()
}

fn status(channel: &Channel) -> Status {
    channel.receive(Timeout::NONE).unwrap_err().status()
}

/// The channel goes on by its port.
#[track_caller]
fn assert_goes_on(channel: &Channel, raw: &Duplex) {
    raw.send.send(Message::new(42), SOON).unwrap();
    assert_eq!(channel.receive(SOON).unwrap().id(), 42);
}

#[test]
fn a_ring_that_is_none_is_refused() {
    let (channel, raw) = attacked();
    for length in [1, 4096, size_of::<RingPage>() - 1, size_of::<RingPage>() + 1] {
        offer(&raw, MemoryRegion::create(length, Access::ReadWrite).unwrap());
        assert_eq!(status(&channel), Status::Malformed, "{length} bytes");
    }
    raw.send.send(Message::control(RING), SOON).unwrap();
    assert_eq!(status(&channel), Status::InvalidArgument, "no memory at all");
    raw.send.send(Message::control(ROOM), SOON).unwrap();
    assert_eq!(status(&channel), Status::InvalidArgument, "nothing to ring");
    raw.send.send(Message::control(99), SOON).unwrap();
    assert_eq!(status(&channel), Status::Malformed);
    assert_goes_on(&channel, &raw);
}

#[test]
fn garbage_in_a_ring_ends_the_ring_and_not_the_channel() {
    for garbage in [1_u64, 3 << 32, u64::MAX, 1 << 32 | 0xffff_ffff] {
        let (channel, raw) = attacked();
        let region = ring_region();
        offer(&raw, region.clone());
        assert_eq!(status(&channel), Status::TimedOut);
        // Everywhere, so that it is at the place of the first head.
        for at in (0..region.len() - 8).step_by(8) {
            region.write(at, &garbage.to_le_bytes()).unwrap();
        }
        assert_eq!(status(&channel), Status::Malformed, "{garbage:#x}");
        assert_goes_on(&channel, &raw);
        // And takes another one.
        offer(&raw, ring_region());
        assert_goes_on(&channel, &raw);
    }
}

#[test]
fn a_ring_that_promises_messages_which_never_come_waits_no_longer_than_the_channel() {
    let (channel, raw) = attacked();
    let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
    offer(&raw, page.region());
    let mut ring = ring::RingSender::new(page);
    assert!(ring.push_port(u64::MAX) && ring.push_inline(7, b"behind it"));
    assert_eq!(status(&channel), Status::TimedOut);
    assert_eq!(channel.receive(Timeout::from_nanoseconds(1_000_000)).unwrap_err().status(), Status::TimedOut);
    // What comes by the port is taken for them.
    assert_goes_on(&channel, &raw);
    drop(raw);
    assert_eq!(channel.receive(SOON).unwrap().id(), 7);
    assert_eq!(channel.receive(SOON).unwrap_err().status(), Status::PeerDead);
}

#[test]
fn bells_without_an_end_keep_no_receive_beyond_its_time() {
    let (channel, raw) = attacked();
    offer(&raw, ring_region());
    assert_eq!(status(&channel), Status::TimedOut);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| while raw.send.send(Message::control(BELL), Timeout::FOREVER).is_ok() {});
        for _ in 0..20 {
            let outcome = channel.receive(Timeout::from_nanoseconds(1_000_000));
            assert_eq!(outcome.unwrap_err().status(), Status::TimedOut);
        }
        drop(channel);
        flood.join().unwrap();
    });
}

#[test]
fn what_is_for_a_channel_is_refused_by_a_port() {
    let port = ReceiveRight::new().unwrap();
    let send = port.make_send().unwrap();
    send.send(Message::control(BELL), SOON).unwrap();
    send.send(Message::new(1), SOON).unwrap();
    assert_eq!(port.receive(SOON).unwrap_err().status(), Status::Malformed);
    assert_eq!(port.receive(SOON).unwrap().id(), 1);
}
