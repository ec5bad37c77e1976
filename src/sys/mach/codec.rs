//! Mach messages as bytes: built and taken apart through declared layouts, without the kernel.
//!
//! What a received message carries is gathered first, into owners that give it back when they are dropped, and only
//! then judged. So whatever is wrong with a message, all of its rights and memory are destroyed with it.
//!
//! Layouts are those of `mach/message.h` of 64-bit systems (XNU, `osfmk/mach/message.h`): 4-byte packing.

use zerocopy::native_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{Error, Result};

/// The name of a right in this task; 0 is none.
pub(crate) type Name = u32;
/// `MACH_PORT_DEAD`.
pub(crate) const DEAD: Name = u32::MAX;

/// `MACH_MSGH_BITS_COMPLEX`.
const COMPLEX: u32 = 0x8000_0000;
/// How a right travels: `MACH_MSG_TYPE_COPY_SEND`.
const COPY_SEND: u8 = 19;
/// `MACH_MSGH_BITS_REMOTE_MASK`; the local port's disposition stands at bit 8: `MACH_MSGH_BITS_LOCAL_MASK`.
const LOCAL_SHIFT: u32 = 8;
/// The most bytes that `round_msg` of `mach/message.h` adds.
const ROUNDING: usize = 4;
/// `MACH_MSG_VIRTUAL_COPY`.
const VIRTUAL_COPY: u8 = 1;
/// What the library's own messages have as `msgh_id`; the user's number is in the envelope.
pub(crate) const MESSAGE_ID: i32 = 0x5346_504d;
/// Room for the largest trailer that any system appends: `MAX_TRAILER_SIZE` is 68, which other kernels may exceed.
pub(crate) const TRAILER_ROOM: usize = 128;

/// `MACH_MSGH_BITS_REMOTE_MASK`; the voucher's disposition stands at bit 16: `MACH_MSGH_BITS_VOUCHER_MASK`.
const REMOTE_MASK: u32 = 0x1f;
const VOUCHER_SHIFT: u32 = 16;
/// `MACH_MSG_TYPE_MOVE_RECEIVE`, `_MOVE_SEND`, `_MOVE_SEND_ONCE`: what a receiver sees as `PORT_RECEIVE` and so on.
const PORT_RECEIVE: u8 = 16;
const PORT_SEND: u8 = 17;
const PORT_SEND_ONCE: u8 = 18;
/// `MACH_MSG_PORT_DESCRIPTOR` and its fellows.
const PORT_DESCRIPTOR: u8 = 0;
const OOL_DESCRIPTOR: u8 = 1;
const OOL_PORTS_DESCRIPTOR: u8 = 2;
const OOL_VOLATILE_DESCRIPTOR: u8 = 3;
const GUARDED_PORT_DESCRIPTOR: u8 = 4;
/// Notifications: `mach/notify.h`.
const NOTIFY_NO_SENDERS: i32 = 70;
const NOTIFY_SEND_ONCE: i32 = 71;
const NOTIFY_DEAD_NAME: i32 = 72;

/// `mach_msg_header_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct Header {
    bits: U32,
    size: U32,
    remote: U32,
    local: U32,
    voucher: U32,
    id: U32,
}

/// `mach_msg_port_descriptor_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct PortDescriptor {
    name: U32,
    reserved: U32,
    reserved_too: U16,
    disposition: u8,
    kind: u8,
}

/// `mach_msg_ool_descriptor_t`, and `mach_msg_ool_ports_descriptor_t`, where `length` counts rights and `how` is
/// their disposition.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct OolDescriptor {
    address: U64,
    deallocate: u8,
    copy: u8,
    how: u8,
    kind: u8,
    length: U32,
}

/// `mach_msg_guarded_port_descriptor_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct GuardedPortDescriptor {
    context: U64,
    flags: U16,
    disposition: u8,
    kind: u8,
    name: U32,
}

/// `mach_msg_audit_trailer_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct AuditTrailer {
    kind: U32,
    size: U32,
    sequence: U32,
    security: [U32; 2],
    audit: [U32; 8],
}

/// The kinds of right that a message can bring, each with a way of its own to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RightKind {
    Send,
    SendOnce,
    Receive,
    /// The reference that a dead-name notification carries: it has to be dropped as well.
    DeadName,
}

/// Where rights and memory go back to: the kernel, or a table in a test.
pub(crate) trait RightTable: Clone {
    fn give_back(&self, name: Name, kind: RightKind);
    fn unmap(&self, address: u64, length: u64);
    /// The names in out-of-line memory that came as an array of rights.
    fn names_at(&self, address: u64, count: u32) -> Vec<Name>;
}

/// A descriptor of a message to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// A send right, of which the kernel makes one more for the receiver.
    Send(Name),
    /// A receive right, which moves.
    Receive(Name),
    /// Memory, of which the receiver gets a copy-on-write copy.
    Memory { address: u64, length: u32 },
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Through a send right, which stays.
    Send(Name),
    /// Through a send-once right, which the message uses up.
    SendOnce(Name),
}

/// Builds a message. `parts` together are its body: their length, and then they.
///
/// The order is header, descriptors, body; the size is a multiple of four, as the kernel wants it
/// (`MACH_SEND_MSG_TOO_SMALL` otherwise).
pub(crate) fn build(to: Destination, reply: Option<Name>, lent: &[Lent], parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let room = size_of::<Header>() + 4 + lent.len() * size_of::<OolDescriptor>() + 4 + length + ROUNDING;
    let mut bytes = vec![0; size_of::<Header>()];
    bytes.reserve_exact(room);
    if !lent.is_empty() {
        bytes.extend_from_slice(&(lent.len() as u32).to_ne_bytes());
    }
    for descriptor in lent {
        let right = |name: Name, disposition| PortDescriptor {
            name: name.into(),
            reserved: 0.into(),
            reserved_too: 0.into(),
            disposition,
            kind: PORT_DESCRIPTOR,
        };
        match *descriptor {
            Lent::Send(name) => bytes.extend_from_slice(right(name, COPY_SEND).as_bytes()),
            Lent::Receive(name) => bytes.extend_from_slice(right(name, PORT_RECEIVE).as_bytes()),
            Lent::Memory { address, length } => bytes.extend_from_slice(
                OolDescriptor {
                    address: address.into(),
                    deallocate: 0,
                    copy: VIRTUAL_COPY,
                    how: 0,
                    kind: OOL_DESCRIPTOR,
                    length: length.into(),
                }
                .as_bytes(),
            ),
        }
    }
    bytes.extend_from_slice(&(length as u32).to_ne_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.resize(bytes.len().next_multiple_of(ROUNDING), 0);
    let (remote, disposition) = match to {
        Destination::Send(name) => (name, COPY_SEND),
        Destination::SendOnce(name) => (name, PORT_SEND_ONCE),
    };
    let local = reply.map_or(0, |_| u32::from(PORT_SEND_ONCE) << LOCAL_SHIFT);
    let header = Header {
        bits: (u32::from(disposition) | local | if lent.is_empty() { 0 } else { COMPLEX }).into(),
        size: (bytes.len() as u32).into(),
        remote: remote.into(),
        local: reply.unwrap_or(0).into(),
        voucher: 0.into(),
        id: (MESSAGE_ID as u32).into(),
    };
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    bytes
}

/// The bytes of the parts that [`build`] was given, out of a body.
///
/// Errors: malformed.
pub(crate) fn body_bytes(body: &[u8]) -> Result<&[u8]> {
    let wrong = || Error::malformed("a Mach message has a body of another length than it says");
    let (length, rest) = U32::ref_from_prefix(body).map_err(|_| wrong())?;
    let length = length.get() as usize;
    if length.checked_next_multiple_of(ROUNDING) != Some(rest.len()) {
        return Err(wrong());
    }
    rest.get(..length).ok_or_else(wrong)
}

/// A right that is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnedRight<T: RightTable> {
    name: Name,
    kind: RightKind,
    table: T,
}

impl<T: RightTable> OwnedRight<T> {
    /// `None` for a name that stands for no right: a sender can put null and dead names anywhere.
    pub(crate) fn new(name: Name, kind: RightKind, table: &T) -> Option<Self> {
        (name != 0 && name != DEAD).then(|| Self::from_name(name, kind, table))
    }

    /// Also for a name that stands for no right: giving that back is nothing.
    pub(crate) fn from_name(name: Name, kind: RightKind, table: &T) -> Self {
        Self { name, kind, table: table.clone() }
    }

    pub(crate) fn name(&self) -> Name {
        self.name
    }

    pub(crate) fn kind(&self) -> RightKind {
        self.kind
    }

    /// The right is the caller's from here on.
    pub(crate) fn into_name(self) -> Name {
        let name = self.name;
        std::mem::forget(self);
        name
    }
}

impl<T: RightTable> Drop for OwnedRight<T> {
    fn drop(&mut self) {
        self.table.give_back(self.name, self.kind);
    }
}

/// Out-of-line memory that is unmapped when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnedMemory<T: RightTable> {
    pub(crate) address: u64,
    pub(crate) length: u64,
    table: T,
}

impl<T: RightTable> OwnedMemory<T> {
    /// The memory is the caller's from here on: address and bytes.
    pub(crate) fn into_region(self) -> (u64, u64) {
        let this = std::mem::ManuallyDrop::new(self);
        (this.address, this.length)
    }
}

impl<T: RightTable> Drop for OwnedMemory<T> {
    fn drop(&mut self) {
        if self.length != 0 {
            self.table.unmap(self.address, self.length);
        }
    }
}

/// What a descriptor brought.
#[derive(Debug)]
pub(crate) enum Part<T: RightTable> {
    Right(OwnedRight<T>),
    Memory(OwnedMemory<T>),
    /// No right where one was expected: null, or dead by the time it arrived.
    Nothing,
}

/// Who sent a message: words of its audit token, by `bsm/libbsm.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) user_id: u32,
    pub(crate) group_id: u32,
    pub(crate) process_id: u32,
    pub(crate) process_version: u32,
}

/// A message taken apart: everything in it is owned.
#[derive(Debug)]
pub(crate) struct Taken<'a, T: RightTable> {
    pub(crate) id: i32,
    pub(crate) reply: Option<OwnedRight<T>>,
    pub(crate) parts: Vec<Part<T>>,
    /// What follows the descriptors.
    pub(crate) body: &'a [u8],
    pub(crate) audit: Audit,
}

/// What has been gathered of a message that is not judged yet.
struct Gathered<T: RightTable> {
    reply: Option<OwnedRight<T>>,
    destination: Option<OwnedRight<T>>,
    _voucher: Option<OwnedRight<T>>,
    parts: Vec<Part<T>>,
    /// The first thing that is wrong.
    fault: Option<&'static str>,
}

impl<T: RightTable> Gathered<T> {
    fn fail(&mut self, fault: &'static str) {
        self.fault.get_or_insert(fault);
    }

    fn take_right(&mut self, name: Name, disposition: u8, table: &T) {
        let kind = match disposition {
            PORT_RECEIVE => RightKind::Receive,
            PORT_SEND => RightKind::Send,
            PORT_SEND_ONCE => RightKind::SendOnce,
            _ => return self.fail("a right of unknown disposition"),
        };
        self.parts.push(OwnedRight::new(name, kind, table).map_or(Part::Nothing, Part::Right));
    }

    /// The next descriptor; what is left behind it, or `None` when the rest cannot be read.
    fn take_descriptor<'a>(&mut self, bytes: &'a [u8], table: &T) -> Option<&'a [u8]> {
        // Every descriptor is at least as long as the one of a port, and has its type in the twelfth byte.
        let (port, behind_port) = PortDescriptor::ref_from_prefix(bytes).ok()?;
        match port.kind {
            PORT_DESCRIPTOR => {
                self.take_right(port.name.get(), port.disposition, table);
                Some(behind_port)
            }
            OOL_DESCRIPTOR | OOL_VOLATILE_DESCRIPTOR => {
                let (ool, rest) = OolDescriptor::ref_from_prefix(bytes).ok()?;
                let (address, length) = (ool.address.get(), ool.length.get().into());
                self.parts.push(Part::Memory(OwnedMemory { address, length, table: table.clone() }));
                Some(rest)
            }
            OOL_PORTS_DESCRIPTOR => {
                let (ool, rest) = OolDescriptor::ref_from_prefix(bytes).ok()?;
                let (address, count) = (ool.address.get(), ool.length.get());
                let length = u64::from(count) * size_of::<Name>() as u64;
                let array = OwnedMemory { address, length, table: table.clone() };
                for name in table.names_at(address, count) {
                    self.take_right(name, ool.how, table);
                }
                drop(array);
                self.fail("an array of rights, which this library never sends");
                Some(rest)
            }
            GUARDED_PORT_DESCRIPTOR => {
                let (guarded, rest) = GuardedPortDescriptor::ref_from_prefix(bytes).ok()?;
                self.take_right(guarded.name.get(), guarded.disposition, table);
                self.fail("a guarded right, which this library never sends");
                Some(rest)
            }
            _ => None,
        }
    }
}

/// Which ports of a header are whose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The remote port is the right to answer, and the local one is the port itself.
    Received,
    /// The remote port is the destination, and the local one the right to answer.
    GivenBack,
}

/// Owns everything that a message carries. The answer's second part is what follows the descriptors.
fn gather<'a, T: RightTable>(
    header: &Header,
    bytes: &'a [u8],
    direction: Direction,
    table: &T,
) -> (Gathered<T>, &'a [u8]) {
    let bits = header.bits.get();
    let right = |name: U32, shift: u32| {
        let kind = match (bits >> shift & REMOTE_MASK) as u8 {
            PORT_SEND => RightKind::Send,
            PORT_SEND_ONCE => RightKind::SendOnce,
            _ => return None,
        };
        Some(OwnedRight::from_name(name.get(), kind, table))
    };
    let remote = right(header.remote, 0);
    let (reply, destination) = match direction {
        Direction::Received => (remote, None),
        Direction::GivenBack => (right(header.local, LOCAL_SHIFT), remote),
    };
    let mut gathered = Gathered {
        reply,
        destination,
        _voucher: right(header.voucher, VOUCHER_SHIFT),
        parts: Vec::new(),
        fault: None,
    };
    let size = header.size.get() as usize;
    let whole = bytes.get(..size).unwrap_or(bytes);
    let mut rest = whole.get(size_of::<Header>()..).unwrap_or_default();
    if bits & COMPLEX != 0 {
        match U32::ref_from_prefix(rest) {
            Ok((count, descriptors)) => {
                rest = descriptors;
                for _ in 0..count.get() {
                    match gathered.take_descriptor(rest, table) {
                        Some(behind) => rest = behind,
                        None => {
                            gathered.fail("descriptors that cannot be read");
                            break;
                        }
                    }
                }
            }
            Err(_) => gathered.fail("descriptors, and ends before them"),
        }
    }
    (gathered, rest)
}

/// What a send that failed gave back.
#[derive(Debug)]
pub(crate) struct GivenBack<T: RightTable> {
    /// The destination: for a send right one more reference than was lent, for a send-once right the right itself.
    pub(crate) destination: Option<OwnedRight<T>>,
    pub(crate) reply: Option<OwnedRight<T>>,
    /// One for each descriptor, in order.
    pub(crate) parts: Vec<Part<T>>,
}

impl<T: RightTable> Default for GivenBack<T> {
    fn default() -> Self {
        Self { destination: None, reply: None, parts: Vec::new() }
    }
}

/// Owns what the kernel put into the buffer of a send that it accepted and could not finish: a *pseudo-receive*, as
/// XNU calls it (`ipc_kmsg_copyout_pseudo`). Copied rights come back as one reference more, moved ones possibly under
/// another name, memory as a copy.
pub(crate) fn take_back<T: RightTable>(bytes: &[u8], table: &T) -> GivenBack<T> {
    match Header::ref_from_prefix(bytes) {
        Ok((header, _)) => {
            let (gathered, _) = gather(header, bytes, Direction::GivenBack, table);
            GivenBack { destination: gathered.destination, reply: gathered.reply, parts: gathered.parts }
        }
        Err(_) => GivenBack::default(),
    }
}

/// The size of the message that a buffer is too small for: the kernel leaves its header there.
pub(crate) fn size_of_waiting(bytes: &[u8]) -> usize {
    Header::ref_from_prefix(bytes).map_or(0, |(header, _)| header.size.get() as usize)
}

/// Takes a received message apart. `bytes` begin with its header and end with its trailer or behind it.
///
/// Errors: malformed; everything that the message carried is given back.
pub(crate) fn take_apart<'a, T: RightTable>(bytes: &'a [u8], table: &T) -> Result<Taken<'a, T>> {
    let wrong = |fault: &str| Error::malformed(format!("a Mach message has {fault}"));
    let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| wrong("no header"))?;
    let (mut gathered, rest) = gather(header, bytes, Direction::Received, table);
    let size = header.size.get() as usize;
    if size < size_of::<Header>() || size > bytes.len() {
        gathered.fail("another size than it says");
    }
    // Behind the message at the next multiple of four: `round_msg` in `mach/message.h`.
    let trailer = bytes.get(size.next_multiple_of(4)..).unwrap_or_default();
    let trailer = AuditTrailer::ref_from_prefix(trailer).ok().map(|(trailer, _)| trailer);
    let trailer = trailer.filter(|trailer| {
        trailer.kind.get() == 0 && trailer.size.get() as usize >= size_of::<AuditTrailer>()
    });
    let audit = match (trailer, gathered.fault) {
        (_, Some(fault)) => return Err(wrong(fault)),
        (None, None) => return Err(wrong("no audit trailer")),
        // Words 1, 2, 5 and 7 of `audit_token_t`, as libbsm reads them.
        (Some(trailer), None) => Audit {
            user_id: trailer.audit[1].get(),
            group_id: trailer.audit[2].get(),
            process_id: trailer.audit[5].get(),
            process_version: trailer.audit[7].get(),
        },
    };
    let id = header.id.get() as i32;
    Ok(Taken { id, reply: gathered.reply, parts: gathered.parts, body: rest, audit })
}

/// What the kernel itself has to say.
#[derive(Debug)]
pub(crate) enum Notification<T: RightTable> {
    /// The last send right is gone, or was when the kernel said so.
    NoSenders,
    /// A send-once right died unused.
    SendOnce,
    /// The port behind a name is dead. The notification's own reference to the name comes with it.
    DeadName(Option<OwnedRight<T>>),
}

impl<T: RightTable> Taken<'_, T> {
    /// The notification that this is, if its number is one's.
    ///
    /// Errors: malformed, when somebody else than the kernel sent it: anybody with a send right can.
    pub(crate) fn notification(&self, table: &T) -> Result<Option<Notification<T>>> {
        if !matches!(self.id, NOTIFY_NO_SENDERS | NOTIFY_SEND_ONCE | NOTIFY_DEAD_NAME) {
            return Ok(None);
        }
        if self.audit.process_id != 0 {
            let sender = self.audit.process_id;
            return Err(Error::malformed(format!("process {sender} forged a notification of the kernel")));
        }
        // An NDR record of eight bytes, then the one value.
        let value = self
            .body
            .get(8..)
            .and_then(|bytes| U32::ref_from_prefix(bytes).ok())
            .map(|(value, _)| value.get());
        let value = || value.ok_or_else(|| Error::malformed("a notification of the kernel is too short"));
        Ok(Some(match self.id {
            NOTIFY_NO_SENDERS => Notification::NoSenders,
            NOTIFY_DEAD_NAME => Notification::DeadName(OwnedRight::new(value()?, RightKind::DeadName, table)),
            _ => Notification::SendOnce,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;
    use crate::error::Status;

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
        let descriptor = OolDescriptor {
            address: address.into(),
            deallocate: 1,
            copy: 1,
            how,
            kind,
            length: length.into(),
        };
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
        let audit = [0, 501, 20, 0, 0, sender, 0, 9].map(U32::from);
        let size = (size_of::<AuditTrailer>() as u32).into();
        let trailer =
            AuditTrailer { kind: 0.into(), size, sequence: 1.into(), security: [0.into(); 2], audit };
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
            assert_eq!(
                take_apart(&bytes[..length], &table).unwrap_err().status(),
                Status::Malformed,
                "{length}"
            );
            let whole_descriptors = (length.saturating_sub(28) / 12).min(2);
            let expected = if length < 24 { 0 } else { 2 + whole_descriptors };
            assert_eq!(given_back(&table).len(), expected, "{length}");
        }
    }

    #[test]
    fn only_the_kernel_notifies() {
        let body = [[0; 8], [77, 0, 0, 0, 0, 0, 0, 0]].concat();
        let table = Fake::default();
        for id in [NOTIFY_NO_SENDERS, NOTIFY_SEND_ONCE, NOTIFY_DEAD_NAME] {
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
}
