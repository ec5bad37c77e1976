//! Places in a region, and peers that break the rules of it. What honest ones do is in `tests/channels_large.rs`.

use super::*;
use crate::Status;
use crate::channel::Channel;
use crate::channel::outgoing::{REGION, RING};
use crate::channel::tests::{RawPeer, SOON, status};
use crate::memory::Access;
use crate::message::Message;
use crate::time::Timeout;

const LARGE: usize = 100_000;

fn region(length: usize) -> MemoryRegion {
    MemoryRegion::create(length, Access::ReadWrite).unwrap()
}

/// Both halves around one ring and one region.
fn halves(length: usize) -> (StagingSender, Sending, StagingReceiver, Receiving) {
    let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
    let ring = RingReceiver::accept(Page::open(page.region()).unwrap());
    let (mut sender, mut receiver) = (StagingSender::new(), StagingReceiver::new());
    sender.offered(region(length));
    receiver.accept_region(&ring, 1, sender.offered.as_ref().unwrap().0.clone()).unwrap();
    (sender, RingSender::new(page), receiver, ring)
}

fn take(receiver: &mut StagingReceiver, ring: &mut Receiving, buffers: &FreeBuffers) -> (u32, Vec<u8>) {
    let Ok(Some(crate::channel::ring::Entry::Staged { id, place })) = ring.next() else {
        panic!("no entry of a staged payload");
    };
    receiver.begin(ring, id, place).unwrap();
    let (id, payload) = receiver.copy(ring, buffers).unwrap().unwrap();
    (id, payload.to_vec())
}

/// Until the region is full, and again in every state of it: what arrives is what was sent, however places follow.
#[test]
fn places_never_overlap_and_all_of_the_region_is_used() {
    let (mut sender, mut ring, mut receiver, mut receiving) = halves(MIN_REGION);
    let buffers = FreeBuffers::default();
    let (mut sent, mut received) = (0_u32, 0_u32);
    let bytes = |n: u32| vec![n as u8; MAX_INLINE + 1 + (n as usize * 7919) % 300_000];
    for round in 0..60 {
        while let Some(place) = sender.begin(&mut ring, 0, sent, bytes(sent).len()) {
            sender.fill(&mut ring, place, &bytes(sent));
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
    let (mut sender, mut ring, mut receiver, mut receiving) = halves(MIN_REGION);
    for n in 0..100 {
        let place = sender.begin(&mut ring, 0, n, LARGE).unwrap();
        assert_eq!(place, 0);
        sender.fill(&mut ring, place, &[7; LARGE]);
        take(&mut receiver, &mut receiving, &FreeBuffers::default());
    }
}

#[test]
fn a_region_is_wanted_for_the_second_that_is_too_large() {
    let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
    let receiving: Receiving = RingReceiver::accept(Page::open(page.region()).unwrap());
    let (mut ring, mut sender) = (RingSender::new(page), StagingSender::new());
    // Offered, and there once the receiver says so.
    let mut accept = |sender: &mut StagingSender, length| {
        sender.offered(region(length));
        assert!(!sender.has_room(&mut ring, length / 2));
        receiving.accept_region(sender.regions);
        assert!(sender.has_room(&mut ring, length / 2));
    };
    assert_eq!(sender.lacking(LARGE), Lacking::Everything);
    assert_eq!(sender.lacking(LARGE), Lacking::Region(MIN_REGION));
    accept(&mut sender, MIN_REGION);
    assert_eq!(sender.lacking(MIN_REGION / 2), Lacking::Room);
    assert_eq!(sender.lacking(MIN_REGION / 2 + 1), Lacking::Everything);
    assert_eq!(sender.lacking(MAX_STAGED), Lacking::Region(MAX_REGION));
    accept(&mut sender, MAX_REGION);
    for _ in 0..3 {
        assert_eq!(sender.lacking(MAX_STAGED + 1), Lacking::Everything);
    }
    assert_eq!(sender.lacking(MAX_STAGED), Lacking::Room);
}

#[test]
fn a_region_that_is_not_accepted_is_offered_again_later() {
    let mut sender = StagingSender::new();
    assert_eq!(sender.lacking(LARGE), Lacking::Everything);
    assert_eq!(sender.lacking(LARGE), Lacking::Region(MIN_REGION));
    sender.offered(region(MIN_REGION));
    let until = (1..100).find(|_| sender.lacking(LARGE) != Lacking::Everything).unwrap();
    assert!((BEFORE_OFFER_AGAIN..BEFORE_OFFER_AGAIN + 2).contains(&until), "{until}");
    sender.offered(region(MIN_REGION));
    // What is larger than what was offered does not wait for that.
    assert!((0..2).any(|_| sender.lacking(MAX_STAGED) == Lacking::Region(MAX_REGION)));
}

/// The newest one may be none that the receiver has.
#[test]
fn payloads_go_through_the_region_in_use_while_others_are_offered() {
    let (mut sender, mut ring, mut receiver, mut receiving) = halves(MIN_REGION);
    for n in 0..3 {
        let place = sender.begin(&mut ring, 0, n, LARGE).unwrap();
        sender.fill(&mut ring, place, &[7; LARGE]);
        let arrived = take(&mut receiver, &mut receiving, &FreeBuffers::default());
        assert!(arrived == (n, vec![7; LARGE]), "with {n} offered");
        let next = region(MIN_REGION << (n + 1));
        sender.offered(next.clone());
        // All but the newest one.
        receiver.regions.push((sender.regions, next));
    }
}

/// Entries of an old region can be in the ring still when new ones have come.
#[test]
fn payloads_come_out_of_the_region_that_they_were_put_into() {
    let (mut sender, mut ring, mut receiver, mut receiving) = halves(MIN_REGION);
    let buffers = FreeBuffers::default();
    let mut put = |sender: &mut StagingSender, n: u8| {
        let place = sender.begin(&mut ring, 0, n.into(), LARGE).unwrap();
        sender.fill(&mut ring, place, &[n; LARGE]);
    };
    put(&mut sender, 1);
    for n in 2..5 {
        let next = region(MIN_REGION << n);
        receiver.accept_region(&receiving, sender.next_region(), next.clone()).unwrap();
        sender.offered(next);
        put(&mut sender, n);
    }
    for n in 1..5 {
        assert!(take(&mut receiver, &mut receiving, &buffers) == (n.into(), vec![n; LARGE]));
        assert_eq!(receiver.regions.len(), 5 - usize::from(n));
    }
}

#[test]
fn who_waited_in_vain_waits_again_once_something_is_given_back() {
    let (mut sender, mut ring, mut receiver, mut receiving) = halves(MIN_REGION);
    let place = sender.begin(&mut ring, 0, 0, MIN_REGION / 2).unwrap();
    sender.fill(&mut ring, place, &vec![0; MIN_REGION / 2]);
    assert!(sender.begin(&mut ring, 0, 1, MIN_REGION / 2).is_some());
    assert!(sender.begin(&mut ring, 0, 2, LARGE).is_none());
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
    raw: RawPeer,
    page: Page<RingPage>,
    ring: Sending,
    region: MemoryRegion,
}

fn attack() -> Attack {
    let (channel, raw) = RawPeer::attack();
    let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
    let ring = RingSender::new(Page::open(page.region()).unwrap());
    raw.offer(RING, &[], page.region());
    let region = region(MIN_REGION);
    raw.offer(REGION, &1_u32.to_le_bytes(), region.clone());
    assert_eq!(status(&channel), Status::TimedOut);
    assert!(ring.has_region(1));
    Attack { channel, raw, page, ring, region }
}

impl Attack {
    fn push_staged(&mut self, id: u32, offset: u32, length: u64) {
        let place = Place { region: 1, offset, length };
        assert!(self.ring.push_staged(self.raw.number(), id, place));
    }

    #[track_caller]
    fn assert_goes_on(&mut self) {
        self.raw.send(Message::new(42));
        assert_eq!(self.channel.receive(SOON).unwrap().id(), 42);
    }
}

#[test]
fn a_place_that_is_not_in_the_region_loses_that_message_alone() {
    let size = MIN_REGION as u32;
    let too_large = MAX_STAGED as u64 + 1;
    for (offset, length) in [
        (size, LARGE as u64),
        (size - LARGE as u32 + 1, LARGE as u64),
        (u32::MAX, LARGE as u64),
        (0, u64::from(size) + 1),
        (0, too_large),
        (0, u64::MAX),
        // What has no business here.
        (0, 0),
        (0, MAX_INLINE as u64),
    ] {
        let mut attack = attack();
        attack.push_staged(1, offset, length);
        assert!(attack.ring.push_inline(attack.raw.number(), 2, b"after it"));
        assert_eq!(status(&attack.channel), Status::Malformed, "{length} bytes at {offset}");
        assert_eq!(attack.channel.receive(SOON).unwrap().id(), 2);
        attack.assert_goes_on();
    }
}

#[test]
fn a_place_in_a_region_that_never_came_loses_that_message_alone() {
    let mut attack = attack();
    let place = Place { region: 2, offset: 0, length: LARGE as u64 };
    assert!(attack.ring.push_staged(attack.raw.number(), 1, place));
    assert_eq!(status(&attack.channel), Status::Malformed);
    assert_eq!(status(&attack.channel), Status::TimedOut);
    attack.assert_goes_on();
}

#[test]
fn a_region_that_no_sender_chooses_is_refused() {
    let mut attack = attack();
    for length in [1, LARGE, MIN_REGION / 2, MIN_REGION + 1, 3 * MIN_REGION, 2 * MAX_REGION] {
        attack.raw.offer(REGION, &2_u32.to_le_bytes(), region(length));
        assert_eq!(status(&attack.channel), Status::Malformed, "{length} bytes");
    }
    attack.raw.offer(REGION, b"two", region(MIN_REGION));
    assert_eq!(status(&attack.channel), Status::Malformed, "no number");
    attack.raw.duplex.send.send(Message::control(REGION), SOON).unwrap();
    assert_eq!(status(&attack.channel), Status::Malformed, "no memory");
    // Nothing has changed.
    attack.push_staged(1, MIN_REGION as u32 - LARGE as u32, LARGE as u64);
    attack.ring.add_filled(LARGE as u64);
    assert_eq!(attack.channel.receive(SOON).unwrap().payload().len(), LARGE);
    attack.assert_goes_on();
}

#[test]
fn regions_without_an_end_are_not_kept() {
    let mut attack = attack();
    for number in 2_u32..100 {
        attack.raw.offer(REGION, &number.to_le_bytes(), region(MAX_REGION));
        assert_eq!(status(&attack.channel), Status::TimedOut);
    }
    assert!(attack.ring.has_region(MOST_REGIONS as u32));
    attack.assert_goes_on();
}

#[test]
fn what_a_sender_changes_after_its_entry_changes_no_length() {
    let mut attack = attack();
    attack.region.write(0, &[1; LARGE]).unwrap();
    attack.push_staged(1, 0, LARGE as u64);
    attack.ring.add_filled(50_000);
    assert_eq!(status(&attack.channel), Status::TimedOut, "half a message is none");
    // All of the ring, with the entry and the head after it.
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
    assert_eq!(status(&attack.channel), Status::Malformed, "what comes after it");
    assert!((0..3).any(|_| status(&attack.channel) == Status::TimedOut), "and is told of once");
    attack.assert_goes_on();
}

#[test]
fn a_count_that_is_too_large_delivers_no_more_than_there_is() {
    let mut attack = attack();
    for id in 0..3 {
        attack.push_staged(id, 0, LARGE as u64);
    }
    attack.ring.add_filled(u64::MAX);
    for id in 0..3 {
        let message = attack.channel.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload().len()), (id, LARGE));
    }
    attack.assert_goes_on();
}

#[test]
fn a_payload_that_never_comes_keeps_no_receive_beyond_its_time() {
    let mut attack = attack();
    attack.push_staged(1, 0, LARGE as u64);
    for filled in [0, 1, 70_000] {
        attack.ring.add_filled(filled);
        assert_eq!(status(&attack.channel), Status::TimedOut);
        let briefly = Timeout::from_nanoseconds(1_000_000);
        assert_eq!(attack.channel.receive(briefly).unwrap_err().status(), Status::TimedOut);
    }
    // An honest sender sends nothing else before the rest.
    attack.raw.send(Message::new(7));
    assert_eq!(attack.channel.receive(SOON).unwrap_err().status(), Status::Malformed);
    assert_eq!(attack.channel.receive(SOON).unwrap().id(), 7);
    attack.assert_goes_on();
}

#[test]
fn half_a_payload_is_not_delivered_when_its_sender_ends() {
    let mut attack = attack();
    assert!(attack.ring.push_inline(attack.raw.number(), 1, b"before"));
    attack.push_staged(2, 0, LARGE as u64);
    attack.ring.add_filled(LARGE as u64 - 1);
    let Attack { channel, raw, .. } = attack;
    drop(raw);
    assert_eq!(channel.receive(SOON).unwrap().payload(), b"before");
    for _ in 0..3 {
        assert_eq!(channel.receive(Timeout::FOREVER).unwrap_err().status(), Status::PeerDead);
    }
}
