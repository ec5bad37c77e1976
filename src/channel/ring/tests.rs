//! The ring alone: sizes, laps, room, and a sender that breaks the rules.

use std::sync::Arc;

use proptest::prelude::*;
use zerocopy::FromZeros;

use super::*;

const SMALL: usize = 64;

fn page<const N: usize>() -> Arc<RingPage<N>> {
    Arc::new(RingPage::new_zeroed())
}

fn ends<const N: usize>(
    page: &Arc<RingPage<N>>,
) -> (RingSender<Arc<RingPage<N>>, N>, RingReceiver<Arc<RingPage<N>>, N>) {
    (RingSender::new(page.clone()), RingReceiver::accept(page.clone()))
}

#[test]
fn every_length_arrives_at_every_place() {
    let page = page::<SMALL>();
    let (mut sender, mut receiver) = ends(&page);
    for length in (0..=400).chain((0..=400).rev()) {
        let payload: Vec<u8> = (0..length).map(|n| (n * 7 + length) as u8).collect();
        assert!(sender.push_inline(length as u32, &payload), "{length}");
        let arrived = receiver.next().unwrap().unwrap();
        assert_eq!(arrived, Entry::Inline { id: length as u32, payload });
        assert_eq!(receiver.next(), Ok(None));
    }
}

#[test]
fn the_largest_payload_fits_into_the_real_ring_while_another_is_unread() {
    let region = crate::page::Page::<RingPage>::create(crate::memory::Access::ReadWrite).unwrap();
    let other = crate::page::Page::<RingPage>::open(region.region()).unwrap();
    let (mut sender, mut receiver) = (RingSender::new(region), RingReceiver::accept(other));
    let payload = vec![5; MAX_INLINE];
    for _ in 0..20 {
        assert!(sender.push_inline(1, &payload) && sender.push_inline(2, &payload));
        for id in [1, 2] {
            let arrived = receiver.next().unwrap().unwrap();
            assert_eq!(arrived, Entry::Inline { id, payload: payload.clone() });
        }
    }
}

#[test]
fn a_full_ring_takes_nothing_and_loses_nothing() {
    let page = page::<SMALL>();
    let (mut sender, mut receiver) = ends(&page);
    for lap in 0..10 {
        let mut sent = 0;
        while sender.has_room_for(20) {
            assert!(sender.push_inline(lap, &[sent; 20]));
            sent += 1;
        }
        assert!(!sender.push_inline(lap, &[0; 20]));
        assert!(sent > 5);
        for n in 0..sent {
            let arrived = receiver.next().unwrap();
            assert_eq!(arrived, Some(Entry::Inline { id: lap, payload: vec![n; 20] }));
        }
        assert_eq!(receiver.next(), Ok(None));
        assert!(sender.look_at_taken());
        assert!(!sender.look_at_taken());
    }
}

#[test]
fn each_sleep_is_rung_once() {
    let page = page::<SMALL>();
    let (mut sender, mut receiver) = ends(&page);
    assert!(sender.push_port(1));
    assert_eq!(sender.receiver(), Receiver::Awake);
    for _ in 0..3 {
        receiver.fall_asleep();
        assert_eq!(sender.receiver(), Receiver::Asleep);
        assert_eq!(sender.receiver(), Receiver::Awake);
    }
    receiver.wake_up();
    assert_eq!(sender.receiver(), Receiver::Awake);
    receiver.leave();
    assert_eq!(sender.receiver(), Receiver::Gone);
}

#[test]
fn a_sender_that_sleeps_is_rung_when_a_quarter_is_free_or_the_receiver_rests() {
    let page = page::<SMALL>();
    let (mut sender, mut receiver) = ends(&page);
    let mut sent = 0;
    while sender.push_port(1) {
        sent += 1;
    }
    sender.fall_asleep();
    assert!(!receiver.must_ring_sender(true), "nothing was taken");
    receiver.next().unwrap();
    assert!(!receiver.must_ring_sender(false));
    assert!(receiver.must_ring_sender(true));
    assert!(!receiver.must_ring_sender(true), "once for each sleep");
    assert!(sender.push_port(1));
    sender.fall_asleep();
    let taken = (1..=sent).find(|_| {
        receiver.next().unwrap();
        receiver.must_ring_sender(false)
    });
    assert_eq!(taken, Some(SMALL / 4 / HEAD_WORDS));
    receiver.look_again();
    assert!(receiver.must_ring_sender(true), "a bell that was given late is rung for what was missed");
}

#[test]
fn a_receiver_that_lies_about_its_place_gets_no_more_room() {
    let page = page::<SMALL>();
    let (mut sender, _) = ends(&page);
    while sender.push_port(1) {}
    let written = sender.written;
    for lie in [written + 1, written + 1000, u64::MAX, 0] {
        page.taken.0.store(lie, Ordering::Relaxed);
        assert!(!sender.push_port(1), "{lie}");
    }
    page.taken.0.store(written, Ordering::Relaxed);
    assert!(sender.push_port(1));
    // Back is as wrong as too far.
    page.taken.0.store(2, Ordering::Relaxed);
    assert!(!sender.look_at_taken());
}

#[test]
fn each_wrong_head_is_refused() {
    for wrong in [
        3 << 32,
        u64::MAX,
        1,
        INLINE << 32 | (MAX_INLINE as u64 + 1),
        INLINE << 32 | u64::from(u32::MAX),
        // As long as the whole ring.
        INLINE << 32 | (SMALL as u64 * 8),
        PORT << 32 | 1,
        1 << 63 | INLINE << 32,
    ] {
        let page = page::<SMALL>();
        let (_, mut receiver) = ends(&page);
        page.words.0[0].store(wrong, Ordering::Relaxed);
        assert_eq!(receiver.next(), Err(Broken), "{wrong:#x}");
    }
    let page = page::<SMALL>();
    let (_, mut receiver) = ends(&page);
    page.words.0[0].store(INLINE << 32, Ordering::Relaxed);
    page.words.0[1].store(1 << 32, Ordering::Relaxed);
    assert_eq!(receiver.next(), Err(Broken), "an id has 32 bits");
}

proptest! {
    #[test]
    fn whatever_is_sent_in_whatever_turns_arrives(
        turns in prop::collection::vec((any::<bool>(), 0..150_usize), 1..300),
    ) {
        let page = page::<SMALL>();
        let (mut sender, mut receiver) = ends(&page);
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        for (send, length) in turns {
            let id = sent.len() as u32;
            let payload = vec![id as u8; length];
            if !send {
                received.extend(receiver.next().unwrap());
            } else if sender.push_inline(id, &payload) {
                sent.push(Entry::Inline { id, payload });
            }
        }
        while let Some(entry) = receiver.next().unwrap() {
            received.push(entry);
        }
        prop_assert_eq!(sent, received);
    }

    #[test]
    fn no_page_makes_the_receiver_panic(words in prop::collection::vec(any::<u64>(), SMALL)) {
        let page = page::<SMALL>();
        for (n, word) in words.iter().enumerate() {
            // Some that look like heads.
            let word = if word % 3 == 0 { (word >> 2 & 3) << 32 | word >> 8 & 0x3ff } else { *word };
            page.words.0[n].store(word, Ordering::Relaxed);
        }
        let (_, mut receiver) = ends(&page);
        for _ in 0..100 {
            if !matches!(receiver.next(), Ok(Some(_))) {
                break;
            }
        }
    }
}
