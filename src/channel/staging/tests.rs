//! Places in a region, and peers that break the rules of it. What honest ones do is in `tests/channels_large.rs`.

use super::*;
use crate::Status;
use crate::channel::outgoing::{REGION, RING};
use crate::channel::{Channel, ChannelEnd};
use crate::memory::Access;
use crate::message::Message;
use crate::port::Duplex;
use crate::time::Timeout;

const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);
const LARGE: usize = 100_000;

fn region(length: usize) -> MemoryRegion {
    MemoryRegion::create(length, Access::ReadWrite).unwrap()
}

/// Both halves around one ring and one region.
fn halves(length: usize) -> (StagingSender, Sending, StagingReceiver, Receiving, MemoryRegion) {
    let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
    let ring = RingReceiver::accept(Page::open(page.region()).unwrap());
    let (mut sender, mut receiver) = (StagingSender::new(), StagingReceiver::new());
    let region = region(length);
    sender.use_region(region.clone());
    receiver.use_region(region.clone()).unwrap();
    (sender, RingSender::new(page), receiver, ring, region)
}

fn take(receiver: &mut StagingReceiver, ring: &mut Receiving, buffers: &FreeBuffers) -> (u32, Vec<u8>) {
    let Ok(Some(crate::channel::ring::Entry::Staged { id, offset, length })) = ring.next() else {
        panic!("no entry of a staged payload");
    };
    receiver.begin(buffers, id, offset, length).unwrap();
    let (id, payload) = receiver.copy(ring).unwrap().unwrap();
    (id, payload.to_vec())
}

/// Until the region is full, and again in every state of it: what arrives is what was sent, however places follow.
#[test]
fn places_never_overlap_and_all_of_the_region_is_used() {
    let (mut sender, mut ring, mut receiver, mut receiving, _) = halves(MIN_REGION);
    let buffers = FreeBuffers::default();
    let (mut sent, mut received) = (0_u32, 0_u32);
    let bytes = |n: u32| vec![n as u8; MAX_INLINE + 1 + (n as usize * 7919) % 300_000];
    for round in 0..60 {
        while let Some(place) = sender.begin(&mut ring, sent, bytes(sent).len()) {
            sender.fill(&mut ring, place, &bytes(sent)).unwrap();
            sent += 1;
        }
        assert!(sent > received + 1, "room for {} in round {round}", sent - received);
        for _ in 0..=round % (sent - received) {
            assert!(take(&mut receiver, &mut receiving, &buffers) == (received, bytes(received)));
            received += 1;
        }
    }
}

#[test]
fn a_region_that_is_not_in_use_begins_anew() {
    let (mut sender, mut ring, mut receiver, mut receiving, _) = halves(MIN_REGION);
    for n in 0..100 {
        let place = sender.begin(&mut ring, n, LARGE).unwrap();
        assert_eq!(place, 0);
        sender.fill(&mut ring, place, &[7; LARGE]).unwrap();
        take(&mut receiver, &mut receiving, &FreeBuffers::default());
    }
}

#[test]
fn a_region_is_wanted_for_the_second_that_is_too_large() {
    let mut sender = StagingSender::new();
    assert_eq!(sender.lacking(LARGE), Lacking::Everything);
    assert_eq!(sender.lacking(LARGE), Lacking::Region(MIN_REGION));
    sender.use_region(region(MIN_REGION));
    assert_eq!(sender.lacking(MIN_REGION / 2), Lacking::Room);
    assert_eq!(sender.lacking(MIN_REGION / 2 + 1), Lacking::Everything);
    assert_eq!(sender.lacking(MAX_STAGED), Lacking::Region(MAX_REGION));
    sender.use_region(region(MAX_REGION));
    for _ in 0..3 {
        assert_eq!(sender.lacking(MAX_STAGED + 1), Lacking::Everything);
    }
    assert_eq!(sender.lacking(MAX_STAGED), Lacking::Room);
}

#[test]
fn who_waited_in_vain_waits_again_once_something_is_given_back() {
    let (mut sender, mut ring, mut receiver, mut receiving, _) = halves(MIN_REGION);
    let place = sender.begin(&mut ring, 0, MIN_REGION / 2).unwrap();
    sender.fill(&mut ring, place, &vec![0; MIN_REGION / 2]).unwrap();
    assert!(sender.begin(&mut ring, 1, MIN_REGION / 2).is_some());
    assert!(sender.begin(&mut ring, 2, LARGE).is_none());
    sender.lose_patience();
    assert!(!sender.has_room(&mut ring, LARGE));
    assert_eq!(sender.lacking(LARGE), Lacking::Everything);
    take(&mut receiver, &mut receiving, &FreeBuffers::default());
    assert!(sender.has_room(&mut ring, LARGE));
    assert_eq!(sender.lacking(LARGE), Lacking::Room);
}

/// A channel, and what its hostile peer has: the raw way to it, a ring that it accepted, and a region.
struct Attack {
    channel: Channel,
    raw: Duplex,
    page: Page<RingPage>,
    ring: Sending,
    region: MemoryRegion,
}

fn attack() -> Attack {
    let (channel, raw) = Duplex::pair().unwrap();
    let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
    let mut ring = RingSender::new(Page::open(page.region()).unwrap());
    send(&raw, RING, page.region());
    let region = region(MIN_REGION);
    send(&raw, REGION, region.clone());
    assert!(ring.push_port(1));
    let channel = ChannelEnd::of(channel.receive, channel.send).open();
    assert_eq!(status(&channel), Status::TimedOut);
    Attack { channel, raw, page, ring, region }
}

fn send(raw: &Duplex, id: u32, region: MemoryRegion) {
    let mut message = Message::control(id);
    message.attach(region).unwrap();
    raw.send.send(message, SOON).unwrap();
}

fn status(channel: &Channel) -> Status {
    channel.receive(Timeout::NONE).unwrap_err().status()
}

#[track_caller]
fn assert_goes_on(Attack { channel, raw, .. }: &Attack) {
    raw.send.send(Message::new(42), SOON).unwrap();
    assert_eq!(channel.receive(SOON).unwrap().id(), 42);
}

#[test]
fn a_place_that_is_not_in_the_region_ends_the_ring_and_not_the_channel() {
    let size = MIN_REGION as u64;
    let too_large = MAX_STAGED as u64 + 1;
    for (offset, length) in [
        (size, LARGE as u64),
        (size - LARGE as u64 + 1, LARGE as u64),
        (u64::MAX, LARGE as u64),
        (u64::MAX - LARGE as u64 + 1, LARGE as u64),
        (0, size + 1),
        (0, too_large),
        (0, u64::MAX),
        // What has no business here.
        (0, 0),
        (0, MAX_INLINE as u64),
    ] {
        let mut attack = attack();
        assert!(attack.ring.push_staged(1, offset, length));
        attack.ring.add_filled(u64::MAX / 2);
        assert_eq!(status(&attack.channel), Status::Malformed, "{length} bytes at {offset}");
        assert_goes_on(&attack);
    }
}

#[test]
fn a_place_without_a_region_ends_the_ring() {
    let (channel, raw) = Duplex::pair().unwrap();
    let channel = ChannelEnd::of(channel.receive, channel.send).open();
    let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
    send(&raw, RING, page.region());
    let mut ring = RingSender::new(page);
    assert!(ring.push_staged(1, 0, LARGE as u64));
    assert_eq!(status(&channel), Status::Malformed);
    assert_eq!(status(&channel), Status::TimedOut);
}

#[test]
fn a_region_of_a_size_that_no_sender_chooses_is_refused() {
    for length in [1, LARGE, MIN_REGION / 2, MIN_REGION + 1, 3 * MIN_REGION, 2 * MAX_REGION] {
        let mut attack = attack();
        send(&attack.raw, REGION, region(length));
        assert!(attack.ring.push_port(1));
        assert_eq!(status(&attack.channel), Status::Malformed, "{length} bytes");
        // Nothing has changed.
        assert!(attack.ring.push_staged(1, MIN_REGION as u64 - LARGE as u64, LARGE as u64));
        attack.ring.add_filled(LARGE as u64);
        assert_eq!(attack.channel.receive(SOON).unwrap().payload().len(), LARGE);
    }
    let attack = attack();
    attack.raw.send.send(Message::control(REGION), SOON).unwrap();
    assert_eq!(attack.channel.receive(SOON).unwrap_err().status(), Status::InvalidArgument, "no memory");
    assert_goes_on(&attack);
}

/// A receiver has one at a time, so many are as good as one.
#[test]
fn a_smaller_region_takes_the_place_of_a_larger_one() {
    let mut attack = attack();
    for _ in 0..50 {
        for length in [MAX_REGION, MIN_REGION] {
            send(&attack.raw, REGION, region(length));
            assert!(attack.ring.push_port(1));
            assert_eq!(status(&attack.channel), Status::TimedOut);
        }
    }
    assert!(attack.ring.push_staged(1, MIN_REGION as u64, LARGE as u64), "which the larger one had room for");
    assert_eq!(status(&attack.channel), Status::Malformed);
    assert_goes_on(&attack);
}

#[test]
fn what_a_sender_changes_behind_its_entry_changes_no_length() {
    let mut attack = attack();
    attack.region.write(0, &[1; LARGE]).unwrap();
    assert!(attack.ring.push_staged(1, 0, LARGE as u64));
    attack.ring.add_filled(50_000);
    assert_eq!(status(&attack.channel), Status::TimedOut, "half a message is none");
    // All of the ring, with the entry and the head behind it.
    let page = attack.page.region();
    for at in (page.len() - super::super::ring::WORDS * 8..page.len()).step_by(8) {
        page.write(at, &(MIN_REGION as u64).to_le_bytes()).unwrap();
    }
    // And the bytes, of which the first have been copied already.
    attack.region.write(0, &[2; LARGE]).unwrap();
    attack.ring.add_filled(50_000);
    let message = attack.channel.receive(SOON).unwrap();
    assert_eq!(message.payload().len(), LARGE);
    assert!(message.payload()[..50_000] == [1; 50_000] && message.payload()[50_000..] == [2; 50_000]);
    assert_eq!(status(&attack.channel), Status::Malformed, "what is behind it");
    assert_goes_on(&attack);
}

#[test]
fn a_count_that_is_too_large_delivers_no_more_than_there_is() {
    let mut attack = attack();
    for id in 0..3 {
        assert!(attack.ring.push_staged(id, 0, LARGE as u64));
    }
    attack.ring.add_filled(u64::MAX);
    for id in 0..3 {
        let message = attack.channel.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload().len()), (id, LARGE));
    }
    assert_goes_on(&attack);
}

#[test]
fn a_payload_that_never_comes_keeps_no_receive_beyond_its_time() {
    let mut attack = attack();
    assert!(attack.ring.push_staged(1, 0, LARGE as u64));
    for filled in [0, 1, 70_000] {
        attack.ring.add_filled(filled);
        assert_eq!(status(&attack.channel), Status::TimedOut);
        let briefly = Timeout::from_nanoseconds(1_000_000);
        assert_eq!(attack.channel.receive(briefly).unwrap_err().status(), Status::TimedOut);
    }
    // An honest sender sends nothing else before the rest.
    attack.raw.send.send(Message::new(7), SOON).unwrap();
    assert_eq!(attack.channel.receive(SOON).unwrap_err().status(), Status::Malformed);
    assert_eq!(attack.channel.receive(SOON).unwrap().id(), 7);
    assert_goes_on(&attack);
}

#[test]
fn half_a_payload_is_not_delivered_when_its_sender_ends() {
    let Attack { channel, raw, mut ring, .. } = attack();
    assert!(ring.push_inline(1, b"before") && ring.push_staged(2, 0, LARGE as u64));
    ring.add_filled(LARGE as u64 - 1);
    drop(raw);
    assert_eq!(channel.receive(SOON).unwrap().payload(), b"before");
    for _ in 0..3 {
        assert_eq!(channel.receive(Timeout::FOREVER).unwrap_err().status(), Status::PeerDead);
    }
}
