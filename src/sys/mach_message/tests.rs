//! Messages against a fake right table, which counts what is given back.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use zerocopy::IntoBytes;

use super::*;
use crate::error::Status;
use crate::sys::wire::{Described, Envelope, Kind};

/// Counts what is given back.
#[derive(Clone, Debug, Default)]
struct Fake(Rc<RefCell<Vec<(Name, RightKind)>>>, Rc<RefCell<Vec<(u64, u64)>>>);

impl RightTable for Fake {
    fn give_back(&self, name: Name, kind: RightKind) {
        self.0.borrow_mut().push((name, kind));
    }
    fn unmap(&self, address: u64, length: u64) {
        self.1.borrow_mut().push((address, length));
    }
    fn names_at(&self, address: u64, count: u32) -> Vec<Name> {
        (0..count.min(100)).map(|i| address as Name + i).collect()
    }
}

/// What is wrong, descriptors, their count, names beside the good ones, regions that are unmapped.
type Case<'a> = (&'a str, Vec<Vec<u8>>, u32, &'a [Name], usize);

fn port(name: Name, disposition: u8) -> Vec<u8> {
    let descriptor = PortDescriptor {
        name: name.into(),
        reserved: 0.into(),
        reserved_too: 0.into(),
        disposition,
        kind: PORT_DESCRIPTOR,
    };
    descriptor.as_bytes().to_vec()
}

fn ool(kind: u8, address: u64, how: u8, length: u32) -> Vec<u8> {
    let descriptor =
        OolDescriptor { address: address.into(), deallocate: 1, copy: 1, how, kind, length: length.into() };
    descriptor.as_bytes().to_vec()
}

fn guarded(name: Name) -> Vec<u8> {
    let descriptor = GuardedPortDescriptor {
        context: 7.into(),
        flags: 0.into(),
        disposition: PORT_RECEIVE,
        kind: GUARDED_PORT_DESCRIPTOR,
        name: name.into(),
    };
    descriptor.as_bytes().to_vec()
}

/// A message with a right to answer (5) and a voucher (6), as the kernel would deliver it.
fn message(id: i32, descriptors: &[Vec<u8>], count: u32, body: &[u8], sender: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if count > 0 {
        bytes.extend(count.to_ne_bytes());
    }
    bytes.extend(descriptors.concat());
    bytes.extend(body);
    let complex = if count > 0 { COMPLEX } else { 0 };
    let header = Header {
        bits: (complex | u32::from(PORT_SEND) << VOUCHER_SHIFT | u32::from(PORT_SEND_ONCE)).into(),
        size: ((size_of::<Header>() + bytes.len()) as u32).into(),
        remote: 5.into(),
        local: 1.into(),
        voucher: 6.into(),
        id: (id as u32).into(),
    };
    let mut whole = header.as_bytes().to_vec();
    whole.extend(&bytes);
    whole.resize(whole.len().next_multiple_of(4), 0xee);
    let audit = [0, 1, 2, 501, 20, sender, 0, 9].map(U32::from);
    let size = (size_of::<AuditTrailer>() as u32).into();
    let trailer = AuditTrailer { kind: 0.into(), size, sequence: 1.into(), security: [0.into(); 2], audit };
    whole.extend(trailer.as_bytes());
    whole
}

fn given_back(table: &Fake) -> Vec<(Name, RightKind)> {
    let mut all = table.0.borrow().clone();
    all.sort_by_key(|(name, _)| *name);
    all
}

#[test]
fn the_layouts_have_their_sizes() {
    let sizes = [
        size_of::<Header>(),
        size_of::<PortDescriptor>(),
        size_of::<OolDescriptor>(),
        size_of::<GuardedPortDescriptor>(),
        size_of::<AuditTrailer>(),
    ];
    assert_eq!(sizes, [24, 12, 16, 16, 52]);
}

#[test]
fn everything_is_taken_and_given_back_once() {
    let descriptors = [
        port(10, PORT_SEND),
        ool(OOL_DESCRIPTOR, 0x1000, 0, 77),
        port(11, PORT_RECEIVE),
        port(0, PORT_SEND),
        port(DEAD, PORT_SEND),
    ];
    // Each length of the body, for the rounding in front of the trailer.
    for length in 0..9 {
        let body = vec![3; length];
        let bytes = message(1234, &descriptors, 5, &body, 42);
        let table = Fake::default();
        let taken = take_apart(&bytes, &table).unwrap();
        assert_eq!((taken.id, taken.body), (1234, &body[..]));
        let audit = Audit { user_id: 501, group_id: 20, process_id: 42, process_version: 9 };
        assert_eq!(taken.audit, audit);
        assert!(
            matches!(&taken.parts[0], Part::Right(right) if (right.name(), right.kind()) == (10, RightKind::Send))
        );
        assert!(matches!(&taken.parts[1], Part::Memory(memory) if memory.length == 77));
        assert!(matches!(taken.parts[3..], [Part::Nothing, Part::Nothing]));
        assert_eq!(given_back(&table), [(6, RightKind::Send)], "the voucher is of no use");
        let reply = taken.reply.unwrap();
        drop(taken.parts);
        assert_eq!(reply.into_name(), 5);
        assert_eq!(
            given_back(&table),
            [(6, RightKind::Send), (10, RightKind::Send), (11, RightKind::Receive)]
        );
        assert_eq!(*table.1.borrow(), [(0x1000, 77)]);
    }
}

#[test]
fn what_is_not_expected_is_destroyed_whole() {
    let good = [port(10, PORT_SEND), ool(OOL_DESCRIPTOR, 0x1000, 0, 8)];
    let with = |more: Vec<u8>| [&good[..], &[more]].concat();
    let cases: [Case<'_>; 6] = [
        ("array", with(ool(OOL_PORTS_DESCRIPTOR, 100, PORT_SEND, 3)), 3, &[100, 101, 102], 2),
        ("guarded", with(guarded(20)), 3, &[20], 1),
        ("disposition", with(port(21, 99)), 3, &[], 1),
        ("type", with([port(22, PORT_SEND)[..11].to_vec(), vec![200]].concat()), 3, &[], 1),
        ("count", good.to_vec(), 9, &[], 1),
        ("huge count", good.to_vec(), u32::MAX, &[], 1),
    ];
    for (what, descriptors, count, more, unmapped) in cases {
        let table = Fake::default();
        let error = take_apart(&message(1, &descriptors, count, b"", 42), &table).unwrap_err();
        assert_eq!(error.status(), Status::Malformed, "{what}");
        let names: Vec<Name> = given_back(&table).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [&[5, 6, 10], more].concat(), "{what}");
        assert_eq!(table.1.borrow().len(), unmapped, "{what}");
    }
}

#[test]
fn a_short_buffer_loses_nothing_that_was_in_it() {
    let bytes = message(1, &[port(10, PORT_SEND), port(11, PORT_SEND_ONCE)], 2, b"body", 42);
    for length in 0..bytes.len() {
        let table = Fake::default();
        assert_eq!(take_apart(&bytes[..length], &table).unwrap_err().status(), Status::Malformed, "{length}");
        let whole_descriptors = (length.saturating_sub(28) / 12).min(2);
        let expected = if length < 24 { 0 } else { 2 + whole_descriptors };
        assert_eq!(given_back(&table).len(), expected, "{length}");
    }
}

#[test]
fn only_the_kernel_notifies() {
    let body = [[0; 8], [77, 0, 0, 0, 0, 0, 0, 0]].concat();
    let table = Fake::default();
    for id in [NOTIFY_SEND_POSSIBLE, NOTIFY_NO_SENDERS, NOTIFY_SEND_ONCE, NOTIFY_DEAD_NAME] {
        let forged = message(id, &[], 0, &body, 42);
        let error = take_apart(&forged, &table).unwrap().notification(&table).unwrap_err();
        assert_eq!(error.status(), Status::Malformed);
    }
    table.0.borrow_mut().clear();
    let real = |id: i32| {
        let bytes = message(id, &[], 0, &body, 0);
        take_apart(&bytes, &table).unwrap().notification(&table).unwrap()
    };
    assert!(matches!(real(NOTIFY_NO_SENDERS), Some(Notification::NoSenders)));
    assert!(matches!(real(NOTIFY_SEND_POSSIBLE), Some(Notification::SendPossible)));
    assert!(matches!(real(NOTIFY_SEND_ONCE), Some(Notification::SendOnce)));
    assert!(real(1).is_none());
    table.0.borrow_mut().clear();
    drop(real(NOTIFY_DEAD_NAME));
    assert!(given_back(&table).contains(&(77, RightKind::DeadName)), "its reference is dropped");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let table = Fake::default();
        if let Ok(taken) = take_apart(&bytes, &table) {
            let _ = taken.notification(&table);
        }
    }

    #[test]
    fn damaged_messages_never_panic(at in 0_usize..100, value: u8) {
        let descriptors = [port(10, PORT_SEND), ool(OOL_DESCRIPTOR, 0x1000, 0, 8), guarded(3)];
        let mut bytes = message(1, &descriptors, 3, b"body", 42);
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = take_apart(&bytes, &Fake::default());
    }
}

/// What the kernel makes of a message on its way: the receiver's names and dispositions, and a trailer.
fn delivered(mut bytes: Vec<u8>, sender: u32) -> Vec<u8> {
    let size = bytes.len();
    let (header, rest) = Header::mut_from_prefix(&mut bytes).unwrap();
    let (bits, answer) = (header.bits.get(), header.local.get());
    let reply = if answer == 0 { 0 } else { u32::from(PORT_SEND_ONCE) };
    header.bits = (bits & COMPLEX | reply | u32::from(PORT_SEND) << LOCAL_SHIFT).into();
    (header.remote, header.local) = (answer.into(), 1.into());
    if bits & COMPLEX != 0 {
        kernel_dispositions(rest);
    }
    let audit = [0, 1, 2, 501, 20, sender, 0, 9].map(U32::from);
    let trailer_size = (size_of::<AuditTrailer>() as u32).into();
    let trailer = AuditTrailer {
        kind: 0.into(),
        size: trailer_size,
        sequence: 1.into(),
        security: [0.into(); 2],
        audit,
    };
    assert_eq!(size % ROUNDING, 0, "the kernel takes nothing else");
    bytes.extend(trailer.as_bytes());
    bytes
}

/// What the kernel leaves in the buffer of a send that timed out.
fn pseudo_received(mut bytes: Vec<u8>) -> Vec<u8> {
    let (header, rest) = Header::mut_from_prefix(&mut bytes).unwrap();
    let bits = header.bits.get();
    if bits & REMOTE_MASK == u32::from(COPY_SEND) {
        header.bits = (bits & !REMOTE_MASK | u32::from(PORT_SEND)).into();
    }
    if bits & COMPLEX != 0 {
        kernel_dispositions(rest);
    }
    bytes
}

fn kernel_dispositions(rest: &mut [u8]) {
    let (count, mut rest) = U32::mut_from_prefix(rest).unwrap();
    for _ in 0..count.get() {
        if rest[11] == PORT_DESCRIPTOR {
            if rest[10] == COPY_SEND {
                rest[10] = PORT_SEND;
            }
            rest = &mut rest[size_of::<PortDescriptor>()..];
        } else {
            rest = &mut rest[size_of::<OolDescriptor>()..];
        }
    }
}

const LENT: [Lent; 4] =
    [Lent::Memory { address: 0x2000, length: 99 }, Lent::Send(10), Lent::Receive(11), Lent::Send(DEAD)];

#[test]
fn what_is_built_arrives() {
    for length in 0..9 {
        let payload = vec![7; length];
        let bytes = build(Destination::Send(3), Some(4), &LENT, &[b"head", &payload]);
        let table = Fake::default();
        let arrived = delivered(bytes, 42);
        let taken = take_apart(&arrived, &table).unwrap();
        assert_eq!(taken.id, MESSAGE_ID);
        assert_eq!(body_bytes(taken.body).unwrap(), [b"head", &payload[..]].concat());
        let reply = taken.reply.as_ref().unwrap();
        assert_eq!((reply.name(), reply.kind()), (4, RightKind::SendOnce));
        assert!(
            matches!(&taken.parts[0], Part::Memory(memory) if (memory.address, memory.length) == (0x2000, 99))
        );
        for (part, expected) in
            taken.parts[1..3].iter().zip([(10, RightKind::Send), (11, RightKind::Receive)])
        {
            assert!(matches!(part, Part::Right(right) if (right.name(), right.kind()) == expected));
        }
        assert!(matches!(taken.parts[3], Part::Nothing), "a dead name arrives as no right");
        assert!(taken.notification(&table).unwrap().is_none());
        drop(taken);
        let all = [(4, RightKind::SendOnce), (10, RightKind::Send), (11, RightKind::Receive)];
        assert_eq!(given_back(&table), all);
        assert_eq!(*table.1.borrow(), [(0x2000, 99)]);
    }
}

#[test]
fn a_bare_message_has_neither_rights_nor_bytes() {
    let bytes = build(Destination::SendOnce(3), None, &[], &[]);
    assert_eq!(bytes.len(), 28);
    let table = Fake::default();
    let arrived = delivered(bytes, 42);
    let taken = take_apart(&arrived, &table).unwrap();
    assert!(taken.reply.is_none() && taken.parts.is_empty());
    assert_eq!(body_bytes(taken.body).unwrap(), b"");
    drop(taken);
    assert!(given_back(&table).is_empty());
}

#[test]
fn what_a_failed_send_gives_back_is_owned() {
    for (to, kind) in
        [(Destination::Send(3), RightKind::Send), (Destination::SendOnce(3), RightKind::SendOnce)]
    {
        let table = Fake::default();
        let back = take_back(&pseudo_received(build(to, Some(4), &LENT, &[b"bytes"])), &table);
        let destination = back.destination.as_ref().unwrap();
        assert_eq!((destination.name(), destination.kind()), (3, kind));
        // Who lent moved rights takes them again; the copies are one reference too many, and so is the memory.
        assert_eq!(back.reply.unwrap().into_name(), 4);
        let mut parts = back.parts.into_iter();
        let (_memory, _copy) = (parts.next(), parts.next());
        let Some(Part::Right(moved)) = parts.next() else { panic!("a receive right comes back") };
        assert_eq!((moved.kind(), moved.into_name()), (RightKind::Receive, 11));
        drop((parts, _memory, _copy, back.destination));
        assert_eq!(given_back(&table), [(3, kind), (10, RightKind::Send)]);
        assert_eq!(*table.1.borrow(), [(0x2000, 99)]);
    }
    assert!(take_back(b"short", &Fake::default()).parts.is_empty());
}

#[test]
fn a_body_of_another_length_is_refused() {
    let body = |length: u32, bytes: usize| [&length.to_ne_bytes()[..], &vec![1; bytes]].concat();
    for (length, bytes) in [(0, 0), (1, 4), (4, 4), (5, 8)] {
        assert_eq!(body_bytes(&body(length, bytes)).unwrap().len(), length as usize);
    }
    for (length, bytes) in [(1, 0), (1, 1), (0, 4), (5, 4), (4, 8), (u32::MAX, 8)] {
        assert_eq!(body_bytes(&body(length, bytes)).unwrap_err().status(), Status::Malformed, "{length}");
    }
    assert!(body_bytes(&[0; 3]).is_err());
}

#[test]
fn a_waiting_message_says_how_long_it_is() {
    let bytes = build(Destination::Send(3), None, &LENT, &[&[0; 1000]]);
    assert_eq!(size_of_waiting(&bytes[..64]), bytes.len());
    assert_eq!(size_of_waiting(&bytes[..8]), 0);
}

#[test]
fn rights_that_the_envelope_does_not_name_are_refused() {
    let table = Fake::default();
    let right = |kind| OwnedRight::new(10, kind, &table).map(Part::Right).unwrap();
    let memory = |length| Part::Memory(OwnedMemory { address: 0x1000, length, table: table.clone() });
    let envelope = |out_of_line, kinds: &[Kind]| Envelope {
        id: 1,
        control: false,
        number: None,
        out_of_line,
        has_reply: false,
        payload_length: 8,
        attachments: kinds.iter().map(|kind| Described::plain(*kind)).collect(),
    };
    let all = [Kind::SendRight, Kind::ReceiveRight, Kind::Memory, Kind::Surface, Kind::Descriptor];
    for kind in all {
        let envelope = envelope(false, &[kind]);
        let accepted = |part| check_parts(&envelope, None, &[part]).is_ok();
        assert_eq!(accepted(right(RightKind::Send)), kind != Kind::ReceiveRight, "{kind:?}");
        assert_eq!(accepted(right(RightKind::Receive)), kind == Kind::ReceiveRight, "{kind:?}");
        assert_eq!(accepted(Part::Nothing), kind == Kind::SendRight, "{kind:?}");
        assert!(!accepted(right(RightKind::SendOnce)) && !accepted(memory(8)), "{kind:?}");
        assert!(check_parts::<Fake>(&envelope, None, &[]).is_err(), "too few");
        let two = [right(RightKind::Send), right(RightKind::Send)];
        assert!(check_parts(&envelope, None, &two).is_err(), "too many");
    }
    let outside = envelope(true, &[Kind::SendRight]);
    assert!(check_parts(&outside, None, &[memory(8), right(RightKind::Send)]).is_ok());
    assert!(check_parts(&outside, None, &[memory(9), right(RightKind::Send)]).is_err(), "another length");
    assert!(check_parts(&outside, None, &[right(RightKind::Send), memory(8)]).is_err(), "another order");
    let mut plain = envelope(false, &[]);
    let reply = |kind| OwnedRight::new(11, kind, &table);
    assert!(check_parts::<Fake>(&plain, None, &[]).is_ok());
    assert!(check_parts(&plain, reply(RightKind::SendOnce).as_ref(), &[]).is_err(), "not named");
    plain.has_reply = true;
    assert!(check_parts(&plain, reply(RightKind::SendOnce).as_ref(), &[]).is_ok());
    assert!(check_parts(&plain, reply(RightKind::Send).as_ref(), &[]).is_err(), "for many messages");
    assert!(check_parts::<Fake>(&plain, None, &[]).is_ok(), "who asked can be gone");
}
