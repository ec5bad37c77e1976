//! Messages that have arrived, or come back from a send that failed.

use zerocopy::FromBytes;
use zerocopy::native_endian::U32;

use super::{
    AuditTrailer, COMPLEX, GUARDED_PORT_DESCRIPTOR, GuardedPortDescriptor, Header, LOCAL_SHIFT,
    NOTIFY_DEAD_NAME, NOTIFY_NO_SENDERS, NOTIFY_SEND_ONCE, NOTIFY_SEND_POSSIBLE, Name, OOL_DESCRIPTOR,
    OOL_PORTS_DESCRIPTOR, OOL_VOLATILE_DESCRIPTOR, OolDescriptor, OwnedMemory, OwnedRight, PORT_DESCRIPTOR,
    PORT_RECEIVE, PORT_SEND, PORT_SEND_ONCE, Part, PortDescriptor, REMOTE_MASK, ROUNDING, RightKind,
    RightTable, VOUCHER_SHIFT,
};
use crate::error::{Error, Result};
use crate::sys::wire::{Envelope, Kind};

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
        // Words 3, 4, 5 and 7 of `audit_token_t`, as libbsm reads them. Words 1 and 2 are the effective user and group:
        // elsewhere the kernel tells the real ones.
        (Some(trailer), None) => Audit {
            user_id: trailer.audit[3].get(),
            group_id: trailer.audit[4].get(),
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
    /// The queue of the port behind a name has room.
    SendPossible,
    /// The port behind a name is dead. The notification's own reference to the name comes with it.
    DeadName(Option<OwnedRight<T>>),
}

impl<T: RightTable> Taken<'_, T> {
    /// The notification that this is, if its number is one's.
    ///
    /// Errors: malformed, when somebody else than the kernel sent it: anybody with a send right can.
    pub(crate) fn notification(&self, table: &T) -> Result<Option<Notification<T>>> {
        if !matches!(self.id, NOTIFY_SEND_POSSIBLE | NOTIFY_NO_SENDERS | NOTIFY_SEND_ONCE | NOTIFY_DEAD_NAME)
        {
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
            NOTIFY_SEND_POSSIBLE => Notification::SendPossible,
            NOTIFY_NO_SENDERS => Notification::NoSenders,
            NOTIFY_DEAD_NAME => Notification::DeadName(OwnedRight::new(value()?, RightKind::DeadName, table)),
            _ => Notification::SendOnce,
        }))
    }
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

/// Whether rights and memory are what the envelope says.
///
/// Errors: malformed.
pub(crate) fn check_parts<T: RightTable>(
    envelope: &Envelope,
    reply: Option<&OwnedRight<T>>,
    parts: &[Part<T>],
) -> Result<()> {
    let wrong = |text: String| Err(Error::malformed(text));
    let present = parts.len() + usize::from(envelope.has_reply);
    let wanted = envelope.native_rights();
    if present != wanted {
        return wrong(format!("a message carries {present} rights where its header says {wanted}"));
    }
    match reply {
        Some(reply) if reply.kind() != RightKind::SendOnce => {
            return wrong("a message has a right to answer that is not for one message".into());
        }
        reply if reply.is_some() && !envelope.has_reply => {
            return wrong("a message has a right to answer that its header does not name".into());
        }
        _ => {}
    }
    let mut rest = parts.iter();
    if envelope.out_of_line {
        let length = envelope.payload_length;
        if !matches!(rest.next(), Some(Part::Memory(memory)) if memory.length == length) {
            return wrong(format!("a message has no payload of {length} bytes where its header says so"));
        }
    }
    for (described, part) in envelope.attachments.iter().zip(rest) {
        let fits = match (described.kind, part) {
            // A right to a dead port arrives as no right.
            (Kind::SendRight, Part::Nothing) => true,
            (Kind::ReceiveRight, Part::Right(right)) => right.kind() == RightKind::Receive,
            (_, Part::Right(right)) => right.kind() == RightKind::Send,
            _ => false,
        };
        if !fits {
            return wrong(format!("a message carries another right than the {:?} it says", described.kind));
        }
    }
    Ok(())
}
