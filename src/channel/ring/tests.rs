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
        assert!(sender.push_inline(1, length as u32, &payload), "{length}");
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
        assert!(sender.push_inline(0, 1, &payload) && sender.push_inline(1, 2, &payload));
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
            assert!(sender.push_inline(0, lap, &[sent; 20]));
            sent += 1;
        }
        assert!(!sender.push_inline(0, lap, &[0; 20]));
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
fn each_entry_has_its_number() {
    let page = page::<SMALL>();
    let (mut sender, mut receiver) = ends(&page);
    assert_eq!(receiver.number(), None);
    for number in [0, 1, 7, u32::MAX] {
        assert!(sender.push_inline(number, u32::MAX, &[1]));
        assert_eq!(receiver.number(), Some(number));
        assert_eq!(receiver.next(), Ok(Some(Entry::Inline { id: u32::MAX, payload: vec![1] })));
    }
}

/// Rings, and says whether anybody was rung.
fn rings(wake: impl FnOnce(&mut dyn FnMut() -> crate::Result<()>)) -> bool {
    let mut rung = false;
    wake(&mut || {
        rung = true;
        Ok(())
    });
    rung
}

#[test]
fn a_sender_that_sleeps_is_rung_when_a_quarter_is_free_or_the_receiver_rests() {
    let page = page::<SMALL>();
    let (mut sender, mut receiver) = ends(&page);
    let push = |sender: &mut RingSender<_, SMALL>| sender.push_inline(0, 1, &[]);
    let mut sent = 0;
    while push(&mut sender) {
        sent += 1;
    }
    sender.announce();
    assert!(!rings(|bell| receiver.wake_sender(true, bell)), "nothing was taken");
    receiver.next().unwrap();
    assert!(!rings(|bell| receiver.wake_sender(false, bell)));
    assert!(rings(|bell| receiver.wake_sender(true, bell)));
    assert!(!rings(|bell| receiver.wake_sender(true, bell)), "once for each sleep");
    assert!(push(&mut sender));
    sender.rise();
    sender.announce();
    let taken = (1..=sent).find(|_| {
        receiver.next().unwrap();
        rings(|bell| receiver.wake_sender(false, bell))
    });
    assert_eq!(taken, Some(SMALL / 4 / HEAD_WORDS));
}

#[test]
fn of_a_dead_sender_one_lap_is_read() {
    let page = page::<SMALL>();
    let (_, mut receiver) = ends(&page);
    // Heads that look as if there were always one more.
    for place in &page.words.0 {
        place.store(INLINE << 32, Ordering::Relaxed);
    }
    for _ in 0..1000 {
        assert!(receiver.next().unwrap().is_some());
    }
    receiver.close();
    let left = (0..1000).take_while(|_| receiver.next().unwrap().is_some()).count();
    assert_eq!(left, SMALL / HEAD_WORDS);
    receiver.close();
    assert!(receiver.is_empty() && receiver.number().is_none());
}

#[test]
fn a_receiver_that_lies_about_its_place_gets_no_more_room() {
    let page = page::<SMALL>();
    let (mut sender, _) = ends(&page);
    while sender.push_inline(0, 1, &[]) {}
    let written = sender.written;
    for lie in [written + 1, written + 1000, u64::MAX, 0] {
        page.taken.0.store(lie, Ordering::Relaxed);
        assert!(!sender.push_inline(0, 1, &[]), "{lie}");
    }
    page.taken.0.store(written, Ordering::Relaxed);
    assert!(sender.push_inline(0, 1, &[]));
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
        STAGED << 32 | 1,
        1 << 63 | INLINE << 32,
    ] {
        let page = page::<SMALL>();
        let (_, mut receiver) = ends(&page);
        page.words.0[0].store(wrong, Ordering::Relaxed);
        assert_eq!(receiver.next(), Err(Broken), "{wrong:#x}");
    }
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
            } else if sender.push_inline(id, id, &payload) {
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
