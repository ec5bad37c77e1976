//! The model checker runs every interleaving and every value that the memory model lets a load see. A side that dies at
//! some instruction is one that does nothing more from there on, which every interleaving contains.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Small, so that a few messages go around: three entries without bytes and the head behind them.
const SMALL: usize = 8;

impl RingPage<SMALL> {
    fn new() -> Self {
        Self {
            receiver: Line(ReceiverLine {
                asleep: SleepWord::awake(),
                accepted: AtomicU64::new(0),
                region: AtomicU64::new(0),
            }),
            taken: Line(AtomicU64::new(0)),
            sender: Line(SenderLine { asleep: SleepWord::awake(), by_port: AtomicU64::new(0) }),
            filled: Line(AtomicU64::new(0)),
            words: Line(std::array::from_fn(|_| AtomicU64::new(0))),
        }
    }
}

type Sending = RingSender<Arc<RingPage<SMALL>>, SMALL>;
type Receiving = RingReceiver<Arc<RingPage<SMALL>>, SMALL>;

fn ends() -> (Sending, Receiving) {
    let page = Arc::new(RingPage::new());
    (RingSender::new(page.clone()), RingReceiver::accept(page))
}

fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(body);
}

/// A message that is told from all others by each of its bytes.
fn payload(id: u32) -> [u8; 12] {
    [id as u8; 12]
}

#[test]
fn messages_arrive_in_order_and_whole() {
    check(5, || {
        let (mut sender, mut receiver) = ends();
        let sending = thread::spawn(move || {
            let mut sent = 0;
            // One place for it, so that the ring goes around while it is read.
            for _ in 0..4 {
                sent += u32::from(sender.push_inline(sent, sent, &payload(sent)));
            }
        });
        let mut next = 0;
        for _ in 0..4 {
            if let Some(number) = receiver.number() {
                assert_eq!(number, next);
                let entry = Entry::Inline { id: next, payload: payload(next).to_vec() };
                assert_eq!(receiver.next(), Ok(Some(entry)));
                next += 1;
            }
        }
        sending.join().unwrap();
    });
}

#[test]
fn a_lap_that_is_over_is_never_read_again() {
    check(5, || {
        let (mut sender, mut receiver) = ends();
        let entry = |id| Entry::Inline { id, payload: Vec::new() };
        // Every place has held an entry.
        for n in 0..4 {
            assert!(sender.push_inline(n, n, &[]));
            assert_eq!(receiver.next(), Ok(Some(entry(n))));
        }
        let sending = thread::spawn(move || {
            for n in 4..7 {
                sender.push_inline(n, n, &[]);
            }
        });
        let mut next = 4;
        for _ in 0..3 {
            if let Some(found) = receiver.next().unwrap() {
                assert_eq!(found, entry(next));
                next += 1;
            }
        }
        sending.join().unwrap();
    });
}

/// As the staging does it: written in two steps behind the entry, read behind the writer, and written again only once the
/// receiver has given it back.
#[test]
fn a_staged_payload_is_read_behind_its_writer_and_before_the_next() {
    check(4, || {
        let (mut sender, mut receiver) = ends();
        let memory = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        // How often the payload was read, which no reading itself leaves a trace of.
        let readings = Arc::new(AtomicU64::new(0));
        let (written, seen) = (memory.clone(), readings.clone());
        let sending = thread::spawn(move || {
            for id in 1..=2 {
                sender.look_at_taken();
                if sender.taken() != sender.end() {
                    return;
                }
                assert_eq!(seen.load(Ordering::Relaxed), u64::from(id) - 1);
                assert!(sender.push_staged(id, id, Place { region: 1, offset: 0, length: 2 }));
                for word in written.iter() {
                    // Relaxed, as the copies are that stand for it.
                    word.store(id.into(), Ordering::Relaxed);
                    sender.add_filled(1);
                }
            }
        });
        let (mut before, mut copied) = (0, 0);
        let mut arriving = None;
        for _ in 0..6 {
            let Some(id) = arriving else {
                if let Some(Entry::Staged { id, .. }) = receiver.next().unwrap() {
                    assert_eq!(u64::from(id), before / 2 + 1);
                    arriving = Some(id);
                }
                continue;
            };
            while before + copied < receiver.filled() {
                assert_eq!(memory[copied as usize].load(Ordering::Relaxed), u64::from(id));
                copied += 1;
            }
            if copied == 2 {
                readings.store(u64::from(id), Ordering::Relaxed);
                receiver.give_back();
                (before, copied, arriving) = (before + 2, 0, None);
            }
        }
        sending.join().unwrap();
    });
}
