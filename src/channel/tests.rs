//! Peers that break the rules, messages that are destroyed on their way, and strangers. What honest ones do is in
//! `tests/channels_rings.rs`.

use std::time::{Duration, Instant};

use super::outgoing::{BELL, REGION, RING, ROOM};
use super::ring::{RingPage, RingSender, WORDS};
use super::*;
use crate::memory::{Access, MemoryRegion};
use crate::page::Page;

pub(super) const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);

/// A peer that has nothing but the rights of its end.
pub(super) struct RawPeer {
    pub(super) duplex: Duplex,
    next: u32,
}

impl RawPeer {
    /// A channel, and its peer.
    pub(super) fn attack() -> (Channel, Self) {
        let (channel, duplex) = Duplex::pair().unwrap();
        (ChannelEnd::new(channel).open(), Self { duplex, next: 0 })
    }

    /// The number of the next message.
    pub(super) fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    pub(super) fn send(&mut self, message: Message) {
        let number = self.number();
        self.duplex.send.send_numbered(message, number, SOON.deadline(), || false).unwrap();
    }

    pub(super) fn offer(&self, id: u32, payload: &[u8], region: MemoryRegion) {
        let mut message = Message::control(id);
        message.set_payload(payload).unwrap();
        message.attach(region).unwrap();
        self.duplex.send.send(message, SOON).unwrap();
    }

    /// Offers a ring that is accepted.
    fn ring(&self, channel: &Channel) -> RingSender<Page<RingPage>> {
        let page = Page::<RingPage>::create(Access::ReadWrite).unwrap();
        self.offer(RING, &[], page.region());
        assert_eq!(status(channel), Status::TimedOut);
        let ring = RingSender::new(page);
        assert!(ring.is_accepted());
        ring
    }

    /// The channel goes on by its port.
    #[track_caller]
    fn assert_goes_on(&mut self, channel: &Channel) {
        self.send(Message::new(42));
        assert_eq!(channel.receive(SOON).unwrap().id(), 42);
    }
}

fn ring_region() -> MemoryRegion {
    Page::<RingPage>::create(Access::ReadWrite).unwrap().region()
}

pub(super) fn status(channel: &Channel) -> Status {
    channel.receive(Timeout::NONE).unwrap_err().status()
}

/// What is received until there is nothing more: identifiers, and statuses.
fn received(channel: &Channel) -> Vec<Result<u32, Status>> {
    let next = || match channel.receive(Timeout::NONE) {
        Ok(message) => Some(Ok(message.id())),
        Err(error) if error.status() == Status::TimedOut => None,
        Err(error) => Some(Err(error.status())),
    };
    std::iter::from_fn(next).take(100_000).collect()
}

#[test]
fn a_ring_that_is_none_is_refused() {
    let (channel, mut raw) = RawPeer::attack();
    for length in [1, 4096, size_of::<RingPage>() - 1, size_of::<RingPage>() + 1] {
        raw.offer(RING, &[], MemoryRegion::create(length, Access::ReadWrite).unwrap());
        assert_eq!(status(&channel), Status::Malformed, "{length} bytes");
    }
    for (id, what) in [(RING, "no memory"), (ROOM, "nothing to ring"), (REGION, "no memory"), (99, "unknown")]
    {
        raw.duplex.send.send(Message::control(id), SOON).unwrap();
        assert_eq!(status(&channel), Status::Malformed, "{what}");
    }
    raw.assert_goes_on(&channel);
    raw.duplex.send.send(Message::new(1), SOON).unwrap();
    assert_eq!(received(&channel), [Err(Status::Malformed)], "a message without a number");
    raw.assert_goes_on(&channel);
}

#[test]
fn garbage_in_a_ring_ends_the_ring_and_not_the_channel() {
    for garbage in [1_u64, 3 << 32, u64::MAX, 1 << 32 | 0xffff_ffff] {
        let (channel, mut raw) = RawPeer::attack();
        let region = ring_region();
        raw.offer(RING, &[], region.clone());
        assert_eq!(status(&channel), Status::TimedOut);
        // Everywhere, so that it is at the place of the first head.
        for at in (0..region.len() - 8).step_by(8) {
            region.write(at, &garbage.to_le_bytes()).unwrap();
        }
        assert_eq!(received(&channel), [Err(Status::Malformed)], "{garbage:#x}");
        raw.assert_goes_on(&channel);
        // And takes another one.
        raw.ring(&channel);
        raw.assert_goes_on(&channel);
    }
}

#[test]
fn bells_without_an_end_keep_no_receive_beyond_its_time() {
    let (channel, raw) = RawPeer::attack();
    raw.ring(&channel);
    let right = &raw.duplex.send;
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| while right.send(Message::control(BELL), Timeout::FOREVER).is_ok() {});
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
    send.send_numbered(Message::new(2), 0, Deadline::NOW, || false).unwrap();
    send.send(Message::new(1), SOON).unwrap();
    assert_eq!(port.receive(SOON).unwrap_err().status(), Status::Malformed);
    assert_eq!(port.receive(SOON).unwrap_err().status(), Status::Malformed);
    assert_eq!(port.receive(SOON).unwrap().id(), 1);
}

/// Messages of the ring and of the port, of which some never arrive.
#[test]
fn each_gap_is_told_of_once_in_its_place() {
    let (channel, mut raw) = RawPeer::attack();
    let mut ring = raw.ring(&channel);
    let missing = [3, 4, 9, 15];
    let by_port = [2, 5, 6, 10, 13, 14];
    for id in 0..18 {
        let number = raw.number();
        if by_port.contains(&id) {
            raw.duplex.send.send_numbered(Message::new(id), number, Deadline::NOW, || false).unwrap();
        } else if !missing.contains(&id) {
            assert!(ring.push_inline(number, id, &[]));
        }
    }
    let gap = Err(Status::Malformed);
    let expected = [
        &[Ok(0), Ok(1), Ok(2), gap, Ok(5), Ok(6), Ok(7), Ok(8), gap][..],
        &[Ok(10), Ok(11), Ok(12), Ok(13), Ok(14), gap, Ok(16), Ok(17)],
    ]
    .concat();
    assert_eq!(received(&channel), expected);
    raw.assert_goes_on(&channel);
}

#[test]
fn a_message_that_the_port_brings_twice_is_received_once() {
    let (channel, mut raw) = RawPeer::attack();
    for id in 0..4 {
        raw.send(Message::new(id));
        if id == 2 {
            raw.next -= 1;
            raw.send(Message::new(id));
        }
    }
    assert_eq!(received(&channel), [0, 1, 2, 3].map(Ok));
}

/// At whatever place of a lap, there are messages of the ring before one that is in the port.
#[test]
fn a_lap_that_ends_before_a_message_of_the_port_is_no_gap() {
    let (channel, mut raw) = RawPeer::attack();
    let mut ring = raw.ring(&channel);
    for before in 50..80 {
        for _ in 0..before {
            assert!(ring.push_inline(raw.number(), 0, &[0; 1000]));
            assert_eq!(channel.receive(SOON).unwrap().id(), 0);
        }
        for _ in 0..3 {
            assert!(ring.push_inline(raw.number(), 1, &[0; 1000]));
        }
        raw.send(Message::new(2));
        assert!(ring.push_inline(raw.number(), 3, &[]));
        assert_eq!(received(&channel), [1, 1, 1, 2, 3].map(Ok), "after {before} in the ring");
    }
}

/// Heads that say that there is always one more, with whatever numbers.
#[test]
fn heads_without_an_end_keep_no_receive_beyond_its_time_nor_the_channel_beyond_its_peer() {
    for (number, in_port) in [(0_u64, false), (0, true), (1, true), (u64::from(u32::MAX), true)] {
        let (channel, mut raw) = RawPeer::attack();
        let region = ring_region();
        raw.offer(RING, &[], region.clone());
        assert_eq!(status(&channel), Status::TimedOut);
        let words = region.len() - WORDS * 8;
        for at in (words..region.len()).step_by(16) {
            region.write(at, &(1_u64 << 32).to_le_bytes()).unwrap();
            region.write(at + 8, &(number << 32).to_le_bytes()).unwrap();
        }
        let all = |channel: &Channel| -> usize {
            (0..200_000).take_while(|_| status_or_ok(channel) != Status::PeerDead).count()
        };
        if in_port {
            for _ in 0..10 {
                raw.send(Message::new(1));
            }
        }
        let began = Instant::now();
        for _ in 0..10_000 {
            let _ = channel.receive(Timeout::from_nanoseconds(1_000_000));
        }
        assert!(began.elapsed() < Duration::from_secs(15));
        drop(raw);
        let left = all(&channel);
        // Each entry of one lap before the end was noticed and one after that, with a gap before each.
        assert!(left <= 2 * (WORDS + 20), "{left} messages of the dead");
        assert_eq!(status(&channel), Status::PeerDead);
    }
}

fn status_or_ok(channel: &Channel) -> Status {
    channel.receive(Timeout::NONE).map_or_else(|error| error.status(), |_| Status::TimedOut)
}

/// A sender that begins anew does so behind what it has left in the ring.
#[test]
fn an_end_that_is_opened_again_goes_on() {
    let (one, other) = Channel::pair().unwrap();
    let (mut one, other) = (one.open(), other.open());
    for round in 0..3 {
        for id in 0..40 {
            one.send(Message::new(id), SOON).unwrap();
            if round == 0 {
                assert_eq!(other.receive(SOON).unwrap().id(), id);
            }
        }
        one = one.into_end().unwrap().open();
        one.send(Message::new(round), Timeout::NONE).unwrap();
        let before = if round == 0 { 0 } else { 40 };
        let expected: Vec<_> = (0..before).chain([round]).map(Ok).collect();
        assert_eq!(received(&other), expected);
    }
}

/// What its former owner received is no gap.
#[test]
fn a_receiver_that_is_moved_begins_where_the_last_one_ended() {
    let (one, other) = Channel::pair().unwrap();
    let (one, other) = (one.open(), other.open());
    for id in 0..3 {
        one.send(Message::new(id), SOON).unwrap();
    }
    assert_eq!(other.receive(SOON).unwrap().id(), 0);
    assert_eq!(other.receive(SOON).unwrap().id(), 1);
    let other = other.into_end().unwrap().open();
    assert_eq!(received(&other), [Ok(2)]);
}

/// Every wake-up of a sender fails until another call of its side.
#[test]
fn a_bell_that_failed_is_rung_by_whatever_that_side_calls_next() {
    let (channel, mut raw) = RawPeer::attack();
    // A ring of the channel's own, in the other direction.
    for id in 0..9 {
        channel.send(Message::new(id), SOON).unwrap();
    }
    let page = (0..9)
        .find_map(|_| {
            let (mut offer, _) = raw.duplex.receive.receive_any(Deadline::NOW).unwrap();
            offer.is_control().then(|| offer.take_memory(0).unwrap())
        })
        .unwrap();
    while raw.duplex.receive.receive_any(Deadline::NOW).is_ok() {}
    let mut ring = ring::RingReceiver::accept(Page::<RingPage>::open(page).unwrap());
    channel.send(Message::new(9), SOON).unwrap();
    for call in 0..4 {
        ring.announce();
        // As if the ring of that send had failed.
        channel.owes_news.store(true, Ordering::Relaxed);
        match call {
            0 => drop(channel.receive(Timeout::NONE)),
            1 => drop(channel.descriptor()),
            2 => channel.send(Message::new(10), SOON).unwrap(),
            _ => {
                raw.send(Message::new(1));
                channel.receive(SOON).unwrap();
            }
        }
        let (bell, _) = raw.duplex.receive.receive_any(Deadline::NOW).unwrap();
        assert!(bell.is_control() && bell.id() == BELL, "call {call}");
        ring.rise();
        channel.owes_news.store(false, Ordering::Relaxed);
    }
}

#[cfg(all(target_os = "linux", not(shell)))]
#[allow(unsafe_code, reason = "strangers are processes")]
mod linux {
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};

    use super::*;
    use crate::channel::ring::Place;
    use crate::sys::wire::{Described, Envelope, Kind};

    /// A message that claims a right which does not come with it: it is destroyed.
    fn broken(number: Option<u32>) -> Vec<u8> {
        let attachments = vec![Described::plain(Kind::SendRight)];
        let (out_of_line, has_reply) = (false, false);
        Envelope { id: 1, control: false, number, out_of_line, has_reply, payload_length: 0, attachments }
            .encode()
    }

    fn intact(number: u32) -> Vec<u8> {
        let (out_of_line, has_reply, attachments) = (false, false, Vec::new());
        Envelope {
            id: 99,
            control: false,
            number: Some(number),
            out_of_line,
            has_reply,
            payload_length: 0,
            attachments,
        }
        .encode()
    }

    fn send_bytes(raw: &RawPeer, bytes: &[u8]) {
        let flags = rustix::net::SendFlags::empty();
        assert_eq!(rustix::net::send(raw.duplex.send.0.as_fd(), bytes, flags).unwrap(), bytes.len());
    }

    /// Sends packets from another process than this one.
    fn send_as_a_stranger(raw: &RawPeer, packets: &[Vec<u8>]) {
        let fd: OwnedFd = raw.duplex.send.0.as_fd().try_clone_to_owned().unwrap();
        // SAFETY: the child makes system calls only.
        let child = unsafe { libc::fork() };
        if child == 0 {
            for packet in packets {
                // SAFETY: the bytes live across the call.
                unsafe { libc::send(fd.as_raw_fd(), packet.as_ptr().cast(), packet.len(), 0) };
            }
            // SAFETY: ends the process, no code of this program runs.
            unsafe { libc::_exit(0) };
        }
        let mut status = -1;
        // SAFETY: the status lives across the call.
        while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
        assert_eq!(status, 0);
    }

    #[test]
    fn a_message_that_is_destroyed_is_told_of_in_its_place() {
        let (channel, mut raw) = RawPeer::attack();
        raw.assert_goes_on(&channel);
        let mut ring = raw.ring(&channel);
        for id in 0..12 {
            let number = raw.number();
            match id % 4 {
                0 => send_bytes(&raw, &broken(Some(number))),
                1 => raw
                    .duplex
                    .send
                    .send_numbered(Message::new(id), number, SOON.deadline(), || false)
                    .unwrap(),
                _ => assert!(ring.push_inline(number, id, &[])),
            }
        }
        let gap = Err(Status::Malformed);
        let four = |n: u32| [gap, Ok(n + 1), Ok(n + 2), Ok(n + 3)];
        assert_eq!(received(&channel), [four(0), four(4), four(8)].concat());
        // Whether something is after it or not.
        send_bytes(&raw, &broken(Some(13)));
        assert_eq!(received(&channel), [gap]);
        // And what is no message at all is nobody's gap.
        send_bytes(&raw, b"garbage");
        send_bytes(&raw, &broken(None));
        assert_eq!(received(&channel), [gap, gap]);
        assert!(ring.push_inline(14, 14, &[]));
        assert_eq!(received(&channel), [Ok(14)]);
        assert_eq!(channel.refused_messages(), 0);
    }

    #[test]
    fn strangers_take_no_number_and_end_no_ring() {
        let (channel, mut raw) = RawPeer::attack();
        raw.assert_goes_on(&channel);
        let mut ring = raw.ring(&channel);
        let region = MemoryRegion::create(1 << 20, Access::ReadWrite).unwrap();
        raw.offer(REGION, &1_u32.to_le_bytes(), region);
        let strange = [intact(1), broken(Some(1)), b"garbage".to_vec(), broken(None), intact(0), intact(7)];
        send_as_a_stranger(&raw, &strange);
        assert_eq!(received(&channel), []);
        assert_eq!(channel.refused_messages(), 6);
        // While a payload arrives.
        let place = Place { region: 1, offset: 0, length: 100_000 };
        assert!(ring.push_staged(raw.number(), 1, place));
        ring.add_filled(50_000);
        assert_eq!(received(&channel), []);
        send_as_a_stranger(&raw, &strange);
        assert_eq!(received(&channel), []);
        let briefly = Timeout::from_nanoseconds(1_000_000);
        assert_eq!(channel.receive(briefly).unwrap_err().status(), Status::TimedOut);
        ring.add_filled(50_000);
        assert_eq!(received(&channel), [Ok(1)]);
        assert!(ring.push_inline(raw.number(), 2, &[]));
        assert_eq!(received(&channel), [Ok(2)]);
        assert_eq!(channel.refused_messages(), 12);
        assert!(ring.is_accepted() && !ring.receiver_is_gone());
    }

    /// Before the peer's first message, too.
    #[test]
    fn what_is_destroyed_says_nothing_about_who_the_peer_is() {
        let (channel, mut raw) = RawPeer::attack();
        send_as_a_stranger(&raw, &[broken(Some(0)), b"garbage".to_vec()]);
        assert_eq!(received(&channel), []);
        assert_eq!(channel.peer(), None);
        raw.assert_goes_on(&channel);
        assert_eq!(channel.peer().unwrap().process_id, std::process::id());
    }
}
