//! Hostile peers on macOS: whatever Mach message is sent to a port, the receiver refuses it whole, keeps working and
//! leaks no right and no memory.
//!
//! The messages are built here by hand, field by field, so that a change of the library's own encoder cannot hide one
//! of the wire format.
#![cfg(target_os = "macos")]
#![allow(missing_docs, unsafe_code)]

mod process;

use process::leaving_nothing;
use process::mach::{
    COPY_SEND, DEAD, Descriptor, MAKE_SEND, MAKE_SEND_ONCE, MOVE_RECEIVE, MOVE_SEND_ONCE, RawMessage, RawPort,
};
use surfaceport::message::{AttachmentKind, Message};
use surfaceport::port::{PortSet, RawRight, Ready, ReceiveRight, SendRight};
use surfaceport::{Status, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

const OUT_OF_LINE: u16 = 1;
const HAS_REPLY: u16 = 2;
const SEND_RIGHT: u16 = 1;
const RECEIVE_RIGHT: u16 = 2;
const MEMORY: u16 = 3;
const SURFACE: u16 = 4;
const DESCRIPTOR: u16 = 5;

/// The library's own header and table, as `src/sys/wire.rs` describes them, and the payload.
#[derive(Clone)]
struct Envelope<'a> {
    magic: [u8; 4],
    version: u16,
    flags: u16,
    length: Option<u64>,
    /// Kind and length of each attachment.
    entries: &'a [(u16, u64)],
    payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn new(entries: &'a [(u16, u64)]) -> Self {
        Self { magic: *b"SFPM", version: 1, flags: 0, length: None, entries, payload: b"hello" }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(7_u32.to_le_bytes());
        bytes.extend((self.entries.len() as u16).to_le_bytes());
        bytes.extend([0; 2]);
        bytes.extend(self.length.unwrap_or(self.payload.len() as u64).to_le_bytes());
        for (kind, length) in self.entries {
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 6]);
            bytes.extend(length.to_le_bytes());
            bytes.extend([0; 32]);
        }
        bytes.extend(self.payload);
        bytes
    }

    /// As the body of a Mach message: behind its length, since the kernel rounds sizes.
    fn body(&self) -> Vec<u8> {
        let bytes = self.bytes();
        [&(bytes.len() as u32).to_ne_bytes()[..], &bytes].concat()
    }
}

/// A port of the library, and the bare name of a send right to it.
struct Victim {
    port: ReceiveRight,
    to: RawRight,
}

impl Victim {
    fn new() -> Self {
        let port = ReceiveRight::new().unwrap();
        let to = port.make_send().unwrap().into_raw();
        Self { port, to }
    }

    fn attack(&self, message: &RawMessage<'_>) {
        message.send(self.to.name()).unwrap_or_else(|code| panic!("the kernel says {code:#x}"));
    }

    /// What was sent is refused, and an honest message behind it arrives by the same way.
    #[track_caller]
    fn refuses_with(&self, what: &str, message: &RawMessage<'_>, status: Status) {
        self.attack(message);
        self.attack(&RawMessage { body: Envelope::new(&[]).body(), ..RawMessage::default() });
        let error = self.port.receive(SOON).expect_err(what);
        assert_eq!(error.status(), status, "{what}: {error}");
        let honest = self.port.receive(SOON).unwrap_or_else(|error| panic!("behind {what}: {error}"));
        assert_eq!((honest.id(), honest.payload()), (7, &b"hello"[..]), "{what}");
        assert_eq!(honest.sender().unwrap().process_id, std::process::id());
        assert_eq!(self.port.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "{what}");
    }

    #[track_caller]
    fn refuses(&self, what: &str, message: &RawMessage<'_>) {
        self.refuses_with(what, message, Status::Malformed);
    }
}

/// A message with this envelope and these descriptors.
fn with<'a>(envelope: &Envelope<'_>, descriptors: &[Descriptor<'a>]) -> RawMessage<'a> {
    RawMessage { descriptors: descriptors.to_vec(), body: envelope.body(), ..RawMessage::default() }
}

#[test]
fn what_this_file_builds_is_the_format() {
    leaving_nothing(|| {
        let (victim, other, asked) = (Victim::new(), RawPort::new(), RawPort::new());
        let moving = RawPort::new();
        let payload = [3; 5000];
        let envelope = Envelope {
            flags: HAS_REPLY | OUT_OF_LINE,
            length: Some(5000),
            payload: b"",
            ..Envelope::new(&[(SEND_RIGHT, 0), (RECEIVE_RIGHT, 0)])
        };
        let rights = [
            Descriptor::Memory(&payload),
            Descriptor::Right(other.name(), COPY_SEND),
            Descriptor::Right(moving.name(), MOVE_RECEIVE),
        ];
        victim
            .attack(&RawMessage { reply: Some((asked.name(), MAKE_SEND_ONCE)), ..with(&envelope, &rights) });
        let _send = moving.moved();
        let mut message = victim.port.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload(), message.attachment_count()), (7, &payload[..], 2));
        assert_eq!(message.attachment_kind(1), Some(AttachmentKind::ReceiveRight));
        assert!(message.take_reply_right().is_some());
        assert!(!message.take_send_right(0).unwrap().is_dead().unwrap());
        drop(message);
        // The one that died unused told its port, in a message of the kernel's.
        assert_eq!(asked.receive_id(), 71);
    });
}

#[test]
fn messages_of_others_are_refused() {
    leaving_nothing(|| {
        let victim = Victim::new();
        let plain = |body: &[u8]| RawMessage { id: 1234, body: body.to_vec(), ..RawMessage::default() };
        victim.refuses("an empty message", &plain(b""));
        for size in [4, 8, 24, 28, 100, 1000, 4096, 40_000] {
            victim.refuses("zeroes", &plain(&vec![0; size]));
            victim.refuses("ones", &plain(&vec![0xff; size]));
            victim.refuses("text", &plain(&b"text".repeat(size / 4)));
        }
        let good = Envelope::new(&[]);
        victim.refuses("another magic", &with(&Envelope { magic: *b"SFPX", ..good.clone() }, &[]));
        victim.refuses("unknown flags", &with(&Envelope { flags: 4, ..good.clone() }, &[]));
        victim.refuses("a shorter payload", &with(&Envelope { length: Some(6), ..good.clone() }, &[]));
        victim.refuses("a longer payload", &with(&Envelope { length: Some(4), ..good.clone() }, &[]));
        for version in [0, 2, u16::MAX] {
            let message = with(&Envelope { version, ..good.clone() }, &[]);
            victim.refuses_with("another version", &message, Status::Unsupported);
        }
        let bytes = good.bytes();
        for length in 0..bytes.len() {
            let cut = [&(length as u32).to_ne_bytes()[..], &bytes[..length]].concat();
            victim.refuses("an envelope that is cut", &plain(&cut));
        }
        for length in [0, 1, 24, 28, 33, 1000, u32::MAX - 3, u32::MAX] {
            let lying = [&length.to_ne_bytes()[..], &bytes].concat();
            victim.refuses("a length that is none", &plain(&lying));
        }
    });
}

#[test]
fn rights_that_the_table_does_not_name_are_given_back() {
    leaving_nothing(|| {
        let (victim, other) = (Victim::new(), RawPort::new());
        let send = Descriptor::Right(other.name(), COPY_SEND);
        let made = Descriptor::Right(other.name(), MAKE_SEND);
        let once = Descriptor::Right(other.name(), MAKE_SEND_ONCE);
        let table = [(SEND_RIGHT, 0); 64];
        for (named, sent) in [(0, 1), (0, 3), (0, 200), (1, 0), (2, 1), (1, 2), (64, 63), (64, 65), (64, 200)]
        {
            let rights = vec![send; sent];
            let what = format!("{sent} rights for {named}");
            victim.refuses(&what, &with(&Envelope::new(&table[..named]), &rights));
        }
        victim.refuses("three kinds, and no table", &with(&Envelope::new(&[]), &[send, made, once]));
        // With a body that is no envelope at all.
        let garbage =
            RawMessage { body: vec![0xff; 64], descriptors: vec![send, once], ..Default::default() };
        victim.refuses("rights in garbage", &garbage);
        // Receive rights go with the message that brought them.
        for table in [&[][..], &[(SEND_RIGHT, 0)], &[(MEMORY, 4096)], &[(SURFACE, 0)], &[(DESCRIPTOR, 0)]] {
            let moving = RawPort::new();
            let receive = Descriptor::Right(moving.name(), MOVE_RECEIVE);
            let message = with(&Envelope::new(table), &[receive]);
            victim.attack(&message);
            let send = moving.moved();
            assert_eq!(victim.port.receive(SOON).unwrap_err().status(), Status::Malformed, "{table:?}");
            // SAFETY: the reference is ours to give.
            let send = unsafe { RawRight::from_send_right(send.into_name()) }.unwrap();
            assert!(SendRight::from_raw(send).unwrap().is_dead().unwrap(), "its port is dead");
        }
    });
}

#[test]
fn rights_of_another_kind_than_the_table_says_are_given_back() {
    leaving_nothing(|| {
        let (victim, other) = (Victim::new(), RawPort::new());
        let send = Descriptor::Right(other.name(), COPY_SEND);
        let once = Descriptor::Right(other.name(), MAKE_SEND_ONCE);
        for (what, entry, right) in [
            ("a send right as a receive right", (RECEIVE_RIGHT, 0), send),
            ("a send right as memory", (MEMORY, 4096), send),
            ("a send right as a surface", (SURFACE, 0), send),
            ("a send-once right as a send right", (SEND_RIGHT, 0), once),
            ("a send-once right as a receive right", (RECEIVE_RIGHT, 0), once),
            ("a send-once right as memory", (MEMORY, 4096), once),
        ] {
            victim.refuses(what, &with(&Envelope::new(&[entry]), &[right]));
            // Behind and before one that is as it should be.
            let two = [(SEND_RIGHT, 0), entry, (SEND_RIGHT, 0)];
            victim.refuses(what, &with(&Envelope::new(&two), &[send, right, send]));
        }
    });
}

#[test]
fn rights_that_are_no_files_are_given_back() {
    if !process::files_can_travel() {
        return;
    }
    leaving_nothing(|| {
        let (victim, other) = (Victim::new(), RawPort::new());
        let (entry, dead) = (process::mach::memory_entry(4096), RawPort::new().destroyed());
        let file = Envelope::new(&[(DESCRIPTOR, 0)]);
        for (what, name, disposition) in [
            ("a send right", other.name(), COPY_SEND),
            ("a send-once right", other.name(), MAKE_SEND_ONCE),
            ("memory", entry.name(), COPY_SEND),
            ("null", 0, COPY_SEND),
            ("MACH_PORT_DEAD", DEAD, COPY_SEND),
            ("a dead name", dead.name(), COPY_SEND),
        ] {
            victim.refuses(what, &with(&file, &[Descriptor::Right(name, disposition)]));
        }
    });
}

#[test]
fn null_and_dead_names_are_no_rights() {
    leaving_nothing(|| {
        let victim = Victim::new();
        let dead = RawPort::new().destroyed();
        for (what, name) in [("null", 0), ("MACH_PORT_DEAD", DEAD), ("a dead name", dead.name())] {
            let right = Descriptor::Right(name, COPY_SEND);
            for kind in [RECEIVE_RIGHT, SURFACE] {
                victim.refuses(&format!("{what} as {kind}"), &with(&Envelope::new(&[(kind, 0)]), &[right]));
            }
            victim.refuses(&format!("{what} as memory"), &with(&Envelope::new(&[(MEMORY, 10)]), &[right]));
            victim.refuses(&format!("{what}, not in the table"), &with(&Envelope::new(&[]), &[right]));
            // Where a send right is to be it is one: of a port that is dead.
            victim.attack(&with(&Envelope::new(&[(SEND_RIGHT, 0)]), &[right]));
            let arrived = victim.port.receive(SOON).unwrap().take_send_right(0).unwrap();
            assert!(arrived.is_dead().unwrap(), "{what}");
            assert_eq!(arrived.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        }
    });
}

#[test]
fn rights_to_answer_that_are_none_are_given_back() {
    leaving_nothing(|| {
        let (victim, asked) = (Victim::new(), RawPort::new());
        let honest = Envelope::new(&[]);
        let wants = Envelope { flags: HAS_REPLY, ..Envelope::new(&[]) };
        // As of a port that died on the way: there, and dead.
        victim.attack(&with(&wants, &[]));
        let none = victim.port.receive(SOON).unwrap().take_reply_right().unwrap();
        assert!(none.is_dead().unwrap());
        assert_eq!(none.send(Message::new(1), SOON).unwrap_err().1.status(), Status::PeerDead);
        let reply = |envelope: &Envelope<'_>, disposition| RawMessage {
            reply: Some((asked.name(), disposition)),
            ..with(envelope, &[])
        };
        victim.refuses("a right to answer that was not announced", &reply(&honest, MAKE_SEND_ONCE));
        victim.refuses("a send right that was not announced", &reply(&honest, COPY_SEND));
        victim.refuses("a send right to answer by", &reply(&wants, COPY_SEND));
        victim.refuses("a send right to answer by", &reply(&wants, MAKE_SEND));
        // As a descriptor, where it would be on another system.
        let once = Descriptor::Right(asked.name(), MAKE_SEND_ONCE);
        victim.refuses("a right to answer among the attachments", &with(&wants, &[once]));
    });
}

#[test]
fn memory_out_of_line_that_is_not_as_described_is_unmapped() {
    let mapped = std::cell::Cell::new(None);
    for _ in 0..3 {
        leaving_nothing(|| {
            let (victim, other) = (Victim::new(), RawPort::new());
            let bytes = vec![5_u8; 1 << 20];
            let memory = |length: usize| Descriptor::Memory(&bytes[..length]);
            let send = Descriptor::Right(other.name(), COPY_SEND);
            let payload = |length: u64| Envelope {
                flags: OUT_OF_LINE,
                length: Some(length),
                payload: b"",
                ..Envelope::new(&[])
            };
            victim.refuses("memory that was not announced", &with(&Envelope::new(&[]), &[memory(1 << 20)]));
            victim.refuses("no payload out of line", &with(&payload(4096), &[]));
            victim.refuses("a right in the payload's place", &with(&payload(4096), &[send]));
            victim.refuses("a payload that is longer", &with(&payload(99_999), &[memory(100_000)]));
            victim.refuses("a payload that is shorter", &with(&payload(100_001), &[memory(100_000)]));
            victim.refuses("a payload that is much shorter", &with(&payload(256 << 20), &[memory(10)]));
            victim.refuses("a payload over the maximum", &with(&payload((256 << 20) + 1), &[memory(10)]));
            victim.refuses("an empty payload out of line", &with(&payload(0), &[memory(0)]));
            victim.refuses("a payload of nothing", &with(&payload(10), &[memory(0)]));
            let both = Envelope { payload: b"inside", length: Some(6), ..payload(6) };
            victim.refuses("a payload that is inside as well", &with(&both, &[memory(6)]));
            victim.refuses("two payloads", &with(&payload(10), &[memory(10), memory(10)]));
            for kind in [SEND_RIGHT, RECEIVE_RIGHT, SURFACE, DESCRIPTOR] {
                victim.refuses("memory as a right", &with(&Envelope::new(&[(kind, 0)]), &[memory(4096)]));
            }
            victim.refuses("bare memory", &with(&Envelope::new(&[(MEMORY, 4096)]), &[memory(4096)]));
            let garbage = RawMessage {
                body: vec![0xff; 64],
                descriptors: vec![memory(1 << 20); 20],
                ..Default::default()
            };
            for _ in 0..3 {
                victim.refuses("memory in garbage", &garbage);
            }
            // In here, where no other test maps anything. Each round maps 60 MiB and more; what an allocator keeps, and
            // the stacks of other tests' threads, are far less.
            let first = mapped.get().unwrap_or_else(process::mapped_bytes);
            mapped.set(Some(first));
            let now = process::mapped_bytes();
            assert!(now < first + (40 << 20), "memory stays mapped: {first} bytes, then {now}");
        });
    }
}

#[test]
fn memory_entries_that_are_not_as_described_are_given_back() {
    leaving_nothing(|| {
        let victim = Victim::new();
        let entry = process::mach::memory_entry(4096);
        let right = Descriptor::Right(entry.name(), COPY_SEND);
        for length in [0, (1 << 40) + 1, 1 << 36, 1 << 20, u64::MAX] {
            let what = format!("{length} bytes of memory");
            victim.refuses(&what, &with(&Envelope::new(&[(MEMORY, length)]), &[right]));
        }
        victim.refuses("memory as a surface", &with(&Envelope::new(&[(SURFACE, 0)]), &[right]));
        victim.attack(&with(&Envelope::new(&[(MEMORY, 4096)]), &[right]));
        assert_eq!(victim.port.receive(SOON).unwrap().take_memory(0).unwrap().len(), 4096);
    });
}

#[test]
fn arrays_of_rights_are_given_back() {
    leaving_nothing(|| {
        let (victim, other) = (Victim::new(), RawPort::new());
        let names = [other.name(); 100];
        for disposition in [COPY_SEND, MAKE_SEND, MAKE_SEND_ONCE] {
            let array = Descriptor::Rights(&names, disposition);
            victim.refuses("an array", &with(&Envelope::new(&[]), &[array]));
            victim.refuses("an array as a right", &with(&Envelope::new(&[(SEND_RIGHT, 0)]), &[array]));
            let payload =
                Envelope { flags: OUT_OF_LINE, length: Some(400), payload: b"", ..Envelope::new(&[]) };
            victim.refuses("an array as a payload", &with(&payload, &[array]));
        }
        victim.refuses("an empty array", &with(&Envelope::new(&[]), &[Descriptor::Rights(&[], COPY_SEND)]));
        let mixed = [0, DEAD, other.name()];
        let array = Descriptor::Rights(&mixed, COPY_SEND);
        victim.refuses("an array with nulls", &with(&Envelope::new(&[]), &[array]));
        let moving: Vec<RawPort> = (0..3).map(|_| RawPort::new()).collect();
        let names: Vec<u32> = moving.iter().map(RawPort::name).collect();
        let array = Descriptor::Rights(&names, MOVE_RECEIVE);
        let message = with(&Envelope::new(&[(RECEIVE_RIGHT, 0)]), &[array]);
        victim.refuses("an array of receive rights", &message);
        drop(moving.into_iter().map(RawPort::moved).collect::<Vec<_>>());
    });
}

/// Behind a header: eight bytes of a record that says how numbers are written, then the one value.
fn notification(id: i32, value: u32) -> RawMessage<'static> {
    RawMessage { id, body: [&[0; 8][..], &value.to_ne_bytes()].concat(), ..RawMessage::default() }
}

#[test]
fn notifications_that_the_kernel_did_not_send_are_not_believed() {
    const NO_SENDERS: i32 = 70;
    const SEND_ONCE: i32 = 71;
    const DEAD_NAME: i32 = 72;
    leaving_nothing(|| {
        let (victim, other) = (Victim::new(), ReceiveRight::new().unwrap());
        let to_other = other.make_send().unwrap().into_raw();
        let set = PortSet::new().unwrap();
        set.add(&victim.port, 1).unwrap();
        for id in [NO_SENDERS, SEND_ONCE, DEAD_NAME, 64, 65, 66, 69, 73, 74] {
            for value in [0, 1, DEAD, victim.to.name(), to_other.name()] {
                victim.refuses("a forged notification", &notification(id, value));
            }
            victim.refuses("a short one", &RawMessage { id, body: vec![0; 4], ..Default::default() });
            victim.refuses("an empty one", &RawMessage { id, ..Default::default() });
            let right = Descriptor::Right(to_other.name(), COPY_SEND);
            let complex = RawMessage { descriptors: vec![right], ..notification(id, 1) };
            victim.refuses("one with a right", &complex);
            // As an answer comes: through a send-once right, as the kernel sends its own.
            let once = victim.port.make_send_once().unwrap();
            let mut carrier = Message::new(1);
            carrier.set_reply_right(once);
            let asked = RawPort::new();
            // SAFETY: the reference is ours to give.
            let to_asked = unsafe { RawRight::from_send_right(asked.send_right()) }.unwrap();
            SendRight::from_raw(to_asked).unwrap().send(carrier, SOON).unwrap();
            let once = asked.receive_reply_right();
            notification(id, victim.to.name()).send_as(once, MOVE_SEND_ONCE).unwrap();
            assert_eq!(victim.port.receive(SOON).unwrap_err().status(), Status::Malformed);
        }
        // Everything is as it was: the rights are alive, and what the kernel says is believed.
        while set.wait(Timeout::NONE).is_ok() {
            assert_eq!(victim.port.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        }
        SendRight::from_raw(to_other).unwrap().send(Message::new(1), SOON).unwrap();
        assert_eq!(other.receive(SOON).unwrap().id(), 1);
        assert_eq!(other.receive(SOON).unwrap_err().status(), Status::NoSenders);
        drop(victim.to);
        assert_eq!(set.wait(SOON).unwrap(), Ready::Receive(1));
        assert_eq!(victim.port.receive(SOON).unwrap_err().status(), Status::NoSenders);
    });
}

#[test]
fn messages_of_any_size_are_refused() {
    leaving_nothing(|| {
        let (victim, other) = (Victim::new(), RawPort::new());
        let send = Descriptor::Right(other.name(), COPY_SEND);
        for size in [500, 1000, 1024, 1025, 36_000, 40_000, 100_000, 1 << 20, 8 << 20] {
            for size in size..size + 8 {
                let garbage = vec![7; size];
                for descriptors in [vec![], vec![send; 3]] {
                    let message = RawMessage { body: garbage.clone(), descriptors, ..Default::default() };
                    victim.refuses(&format!("{size} bytes"), &message);
                }
                if size >= 100_000 {
                    // One size is enough where it takes its time.
                    break;
                }
            }
        }
        let payload = vec![9; (32 << 10) + 1];
        let inside = Envelope { payload: &payload, ..Envelope::new(&[]) };
        // Over the limit for payloads inside: a peer may have another one. It arrives, or it is refused.
        victim.attack(&with(&inside, &[]));
        match victim.port.receive(SOON) {
            Ok(message) => assert_eq!(message.payload(), payload),
            Err(error) => assert_eq!(error.status(), Status::Malformed),
        }
    });
}

#[test]
fn an_answer_that_is_garbage_ends_its_request() {
    leaving_nothing(|| {
        let server = RawPort::new();
        // SAFETY: the reference is ours to give.
        let to = unsafe { RawRight::from_send_right(server.send_right()) }.unwrap();
        let to = SendRight::from_raw(to).unwrap();
        let send = Descriptor::Right(server.name(), COPY_SEND);
        for answer in [
            RawMessage { body: vec![1; 100], ..RawMessage::default() },
            RawMessage { descriptors: vec![send], ..RawMessage::default() },
            notification(70, 0),
            notification(71, 0),
            notification(72, 0),
        ] {
            std::thread::scope(|scope| {
                let asking = scope.spawn(|| to.request(Message::new(1), SOON).map(drop));
                let once = server.receive_reply_right();
                answer.send_as(once, MOVE_SEND_ONCE).unwrap();
                assert_eq!(asking.join().unwrap().unwrap_err().status(), Status::Malformed);
            });
        }
    });
}

#[test]
fn a_flood_leaves_honest_messages_their_turn() {
    leaving_nothing(|| {
        let (victim, other) = (Victim::new(), RawPort::new());
        let honest = victim.port.make_send().unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let order = std::sync::atomic::Ordering::Relaxed;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let bytes = [0; 20_000];
                let descriptors = vec![
                    Descriptor::Right(other.name(), COPY_SEND),
                    Descriptor::Right(other.name(), MAKE_SEND_ONCE),
                    Descriptor::Memory(&bytes),
                ];
                let garbage = RawMessage { descriptors, body: vec![1; 40], ..RawMessage::default() };
                let empty = RawMessage::default();
                // As fast as the queue takes it; what it does not take comes back, and is given back.
                while !stop.load(order) {
                    let _ = empty.send(victim.to.name());
                    let _ = garbage.send(victim.to.name());
                }
            });
            let mut refused = 0;
            for n in 0..5 {
                std::thread::scope(|scope| {
                    let sending = scope.spawn(|| honest.send(Message::new(n), SOON));
                    loop {
                        match victim.port.receive(SOON) {
                            Ok(message) => break assert_eq!(message.id(), n),
                            Err(error) => assert_eq!(error.status(), Status::Malformed),
                        }
                        refused += 1;
                    }
                    sending.join().unwrap().unwrap();
                });
            }
            stop.store(true, order);
            assert!(refused > 0);
        });
    });
}
