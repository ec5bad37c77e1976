//! Messages on macOS: one Mach message each.
//!
//! Descriptors, in order: the payload, if it travels out of line; one port descriptor for each attachment. The right
//! to answer is the header's local port. The body is our envelope with the payload, if that travels inside.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use mach2::message::{
    MACH_MSG_IPC_KERNEL, MACH_MSG_IPC_SPACE, MACH_MSG_MASK, MACH_MSG_SUCCESS, MACH_MSG_VM_KERNEL,
    MACH_MSG_VM_SPACE, MACH_RCV_BODY_ERROR, MACH_RCV_HEADER_ERROR, MACH_RCV_INTERRUPT, MACH_RCV_INTERRUPTED,
    MACH_RCV_LARGE, MACH_RCV_MSG, MACH_RCV_TIMED_OUT, MACH_RCV_TIMEOUT, MACH_RCV_TOO_LARGE,
    MACH_RCV_TRAILER_AUDIT, MACH_SEND_INTERRUPT, MACH_SEND_INTERRUPTED, MACH_SEND_INVALID_DEST,
    MACH_SEND_MSG, MACH_SEND_NO_BUFFER, MACH_SEND_TIMED_OUT, MACH_SEND_TIMEOUT, MACH_SEND_TOO_LARGE,
    mach_msg, mach_msg_header_t, mach_msg_option_t, mach_msg_return_t,
};
use mach2::vm::mach_vm_deallocate;

use super::memory::Memory;
use super::port::{MovingReceiveRight, SendOnceRight, SendRight, destroy_receive_right, give_back_reference};
use super::spawn::ProcessHandle;
use super::surface::Surface;
use super::task;
use crate::error::{Error, Result, Status};
use crate::sys::contents::{Attachment, AttachmentRef, Incoming, Outgoing, Payload, Received, Sender};
use crate::sys::mach_message::{
    self, Audit, DEAD, Destination, GivenBack, Lent, Name, Notification, OwnedMemory, OwnedRight, Part,
    RightKind, RightTable, TRAILER_ROOM,
};
use crate::sys::owner::Owner;
use crate::sys::posix::{last_errno, made, system_error};
use crate::sys::wire::{Described, Envelope, Kind, MAX_ATTACHMENTS, MAX_INLINE_MESSAGE};
use crate::time::Deadline;

// In libSystem since macOS 10.7. Their header, `sys/fileport.h`, is in XNU's sources, and in the SDK since macOS 15.4.
unsafe extern "C" {
    /// A send right that stands for an open file.
    fn fileport_makeport(fd: libc::c_int, port: *mut Name) -> libc::c_int;
    /// A new descriptor of that file; the right stays. Close-on-exec: XNU, `sys_fileport_makefd`.
    fn fileport_makefd(port: Name) -> libc::c_int;
}

/// The kernel, which rights and memory go back to: those of the process that has them. A fork has none of its parent's rights,
/// and can have others under their names.
#[derive(Clone, Copy, Debug)]
pub(in crate::sys) struct Kernel(Owner);

impl Kernel {
    pub(in crate::sys) fn here() -> Self {
        Self(Owner::this_process())
    }
}

impl RightTable for Kernel {
    fn give_back(&self, name: Name, kind: RightKind) {
        if !self.0.is_here() {
            return;
        }
        match kind {
            RightKind::Receive if name != 0 && name != DEAD => destroy_receive_right(name),
            RightKind::Receive => {}
            RightKind::Send | RightKind::SendOnce | RightKind::DeadName => give_back_reference(name),
        }
    }

    fn unmap(&self, address: u64, length: u64) {
        // What came out of line is inherited.
        // SAFETY: memory that the kernel mapped for a message; who calls this owns it.
        let code = unsafe { mach_vm_deallocate(task(), address, length) };
        debug_assert_eq!(code, 0, "memory that was owned");
    }

    fn names_at(&self, address: u64, count: u32) -> Vec<Name> {
        let names = address as *const Name;
        // SAFETY: the kernel has just mapped an array of that many names there for this message.
        (0..count as usize).map(|i| unsafe { names.add(i).read() }).collect()
    }
}

/// The largest message of this library, with its trailer: header, count, descriptors, length, envelope and payload.
const MAX_MESSAGE: usize = 24 + 4 + (MAX_ATTACHMENTS + 1) * 16 + 4 + MAX_INLINE_MESSAGE + 4 + TRAILER_ROOM;
/// Most messages are far shorter. One that is not is left in the queue and says how long it is.
const USUAL_MESSAGE: usize = 1024;

/// Where a message arrives: aligned as its header wants it.
#[repr(C, align(8))]
struct Buffer<const LENGTH: usize>([u8; LENGTH]);

/// Milliseconds as the kernel waits them, rounded up so that a wait does not end before its deadline.
fn milliseconds(deadline: Deadline) -> Option<u32> {
    let left = deadline.remaining()?;
    Some(u32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX))
}

/// A send or a receive of one buffer, which holds a message or has room for one.
fn call(bytes: &mut [u8], direction: mach_msg_option_t, port: Name, deadline: Deadline) -> mach_msg_return_t {
    let timeout = milliseconds(deadline);
    let (send_size, receive_size, timed) = match direction {
        MACH_SEND_MSG => (bytes.len() as u32, 0, MACH_SEND_TIMEOUT | MACH_SEND_INTERRUPT),
        _ => (0, bytes.len() as u32, MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT),
    };
    // Interruptions are our own business in every case: a repeated call is to wait for what is left of the time.
    let options = if timeout.is_some() { timed } else { timed & (MACH_SEND_INTERRUPT | MACH_RCV_INTERRUPT) };
    let receive_options = if direction == MACH_RCV_MSG {
        // Format 0 is 0 in the four bits above the elements': `MACH_RCV_TRAILER_TYPE` of `mach/message.h`.
        MACH_RCV_LARGE | ((MACH_RCV_TRAILER_AUDIT as mach_msg_option_t) << 24)
    } else {
        0
    };
    // SAFETY: the buffer has the length that is said and is only written by the kernel within it; what the message
    // names, rights and memory, is owned by the caller. `mach_msg_header_t` asks for an alignment of 4, which vectors
    // from the allocator and `Buffer` have.
    unsafe {
        mach_msg(
            bytes.as_mut_ptr().cast::<mach_msg_header_t>(),
            direction | options | receive_options,
            send_size,
            receive_size,
            port,
            timeout.unwrap_or(0),
            0,
        )
    }
}

/// What a receive brought.
pub(in crate::sys) enum Arrived {
    Message(Pending),
    /// What is left of a message that was destroyed, and why.
    Destroyed(Incoming, Error),
    Notification(Notification<Kernel>),
}

fn sender_of(audit: &Audit) -> Sender {
    let Audit { user_id, group_id, process_id, process_version } = *audit;
    let process = Some(ProcessHandle::from_version(process_version));
    Sender { process_id, user_id, group_id, process }
}

/// The next message of a port, without waiting; `None` when there is none.
///
/// Errors: malformed (the message is destroyed); what the system says.
pub(in crate::sys) fn receive_now(port: Name) -> Result<Option<Arrived>> {
    let mut usual = Buffer([0; USUAL_MESSAGE]);
    let code = receive_into(&mut usual.0, port);
    if code != MACH_RCV_TOO_LARGE {
        return arrived(code, &usual.0);
    }
    let size = mach_message::size_of_waiting(&usual.0);
    if size + TRAILER_ROOM > MAX_MESSAGE {
        destroy_waiting(port);
        return Err(Error::malformed(format!("a message of {size} bytes is larger than any can be")));
    }
    let mut large = vec![0_u64; (size + TRAILER_ROOM).div_ceil(8)];
    let large = zerocopy::IntoBytes::as_mut_bytes(large.as_mut_slice());
    match receive_into(large, port) {
        // Another thread has received the message that was waiting, and a larger one is the first now.
        MACH_RCV_TOO_LARGE => receive_now(port),
        code => arrived(code, large),
    }
}

fn receive_into(buffer: &mut [u8], port: Name) -> mach_msg_return_t {
    loop {
        match call(buffer, MACH_RCV_MSG, port, Deadline::NOW) {
            MACH_RCV_INTERRUPTED => {}
            code => return code,
        }
    }
}

/// Has the kernel destroy the first message of a port, which is larger than the buffer: it does without
/// `MACH_RCV_LARGE`.
fn destroy_waiting(port: Name) {
    let mut small = Buffer([0; 64]);
    // SAFETY: as in `call`.
    unsafe {
        mach_msg(
            small.0.as_mut_ptr().cast::<mach_msg_header_t>(),
            MACH_RCV_MSG | MACH_RCV_TIMEOUT,
            0,
            small.0.len() as u32,
            port,
            0,
            0,
        )
    };
}

fn arrived(code: mach_msg_return_t, buffer: &[u8]) -> Result<Option<Arrived>> {
    match code & !MACH_MSG_MASK {
        MACH_MSG_SUCCESS => {}
        MACH_RCV_TIMED_OUT => return Ok(None),
        // Some of what the message carried found no place in this task; the rest is in the buffer.
        MACH_RCV_HEADER_ERROR | MACH_RCV_BODY_ERROR => {
            drop(mach_message::take_apart(buffer, &Kernel::here()));
            let places = MACH_MSG_IPC_SPACE | MACH_MSG_IPC_KERNEL | MACH_MSG_VM_SPACE | MACH_MSG_VM_KERNEL;
            let status = if code & places != 0 { Status::ResourceExhausted } else { Status::System };
            return Err(Error::new(status, format!("a message could not be taken in: {code:#x}")));
        }
        _ => return Err(Error::new(Status::System, format!("receiving a message: {code:#x}"))),
    }
    let taken = mach_message::take_apart(buffer, &Kernel::here())?;
    if let Some(notification) = taken.notification(&Kernel::here())? {
        return Ok(Some(Arrived::Notification(notification)));
    }
    let (envelope, inline) = match mach_message::body_bytes(taken.body).and_then(Envelope::decode) {
        Ok(decoded) => decoded,
        Err(error) => {
            let remains = Incoming::remains(None, sender_of(&taken.audit));
            return Ok(Some(Arrived::Destroyed(remains, error)));
        }
    };
    let pending = Pending {
        inline: inline.to_vec(),
        envelope,
        reply: taken.reply,
        parts: taken.parts,
        audit: taken.audit,
    };
    match mach_message::check_parts(&pending.envelope, pending.reply.as_ref(), &pending.parts) {
        Ok(()) => Ok(Some(Arrived::Message(pending))),
        Err(error) => Ok(Some(Arrived::Destroyed(pending.remains(), error))),
    }
}

/// Takes all messages of a port that brings nothing but wake-ups, and destroys what they carry.
pub(in crate::sys) fn drain(port: Name, mut each: impl FnMut(Option<Notification<Kernel>>)) -> Result<()> {
    let mut buffer = Buffer([0; 256]);
    // An honest sender queues one; the bound is against one that never stops.
    for _ in 0..64 {
        match receive_into(&mut buffer.0, port) {
            MACH_RCV_TIMED_OUT => return Ok(()),
            MACH_RCV_TOO_LARGE => {
                destroy_waiting(port);
                each(None);
            }
            MACH_MSG_SUCCESS => {
                let taken = mach_message::take_apart(&buffer.0, &Kernel::here());
                each(taken.and_then(|taken| taken.notification(&Kernel::here())).ok().flatten());
            }
            code => return Err(Error::new(Status::System, format!("looking at a port: {code:#x}"))),
        }
    }
    Ok(())
}

/// Sends a message of a header alone, and never waits. `Ok(false)`: the queue is full.
///
/// Errors: peer dead.
pub(in crate::sys) fn ring(port: Name) -> Result<bool> {
    loop {
        let mut bytes = mach_message::build(Destination::Send(port), None, &[], &[]);
        match call(&mut bytes, MACH_SEND_MSG, 0, Deadline::NOW) {
            MACH_MSG_SUCCESS => return Ok(true),
            MACH_SEND_TIMED_OUT => {
                drop(mach_message::take_back(&bytes, &Kernel::here()));
                return Ok(false);
            }
            MACH_SEND_INTERRUPTED => drop(mach_message::take_back(&bytes, &Kernel::here())),
            code => return Err(send_error(code)),
        }
    }
}

fn send_error(code: mach_msg_return_t) -> Error {
    let status = match code & !MACH_MSG_MASK {
        MACH_SEND_TIMED_OUT => return Error::TIMED_OUT,
        MACH_SEND_INVALID_DEST => return Error::PEER_DEAD,
        MACH_SEND_NO_BUFFER => Status::ResourceExhausted,
        MACH_SEND_TOO_LARGE => Status::TooLarge,
        _ => Status::System,
    };
    Error::new(status, format!("sending a message: {code:#x}"))
}

/// Sends a message through a send right.
pub(crate) fn send(right: &SendRight, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    transmit(|| Destination::Send(right.name()), |_| (), message, deadline)
}

/// Sends a message through a send-once right, which success uses up: `SendOnceRight::moved` follows it.
pub(crate) fn send_once(right: &SendOnceRight, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    // The kernel takes a message to a dead one and destroys it: `IPC_OBJECT_COPYIN_FLAGS_ALLOW_DEAD_SEND_ONCE`.
    if right.is_dead()? {
        return Err(Error::PEER_DEAD);
    }
    transmit(
        || Destination::SendOnce(right.name.get()),
        |given_back| right.name.set(given_back),
        message,
        deadline,
    )
}

/// `destination` is asked before each attempt; `given_back` learns under which name a send-once destination came back,
/// 0 when it was used up.
fn transmit(
    destination: impl Fn() -> Destination,
    given_back: impl Fn(Name),
    message: Outgoing<'_>,
    deadline: Deadline,
) -> Result<()> {
    let (inline, region) = match message.payload {
        Payload::Inline(bytes) => (&bytes[..], None),
        Payload::Recycled(bytes) => (&bytes[..], None),
        Payload::OutOfLine(memory) => (&[][..], Some(memory)),
    };
    let head = Envelope {
        id: message.id,
        control: message.control,
        number: message.number,
        out_of_line: region.is_some(),
        has_reply: message.reply.is_some(),
        payload_length: message.payload.bytes().len() as u64,
        attachments: message.attachments.iter().map(AttachmentRef::describe).collect(),
    }
    .encode();
    // Rights that exist for this send only; each attempt copies them.
    let made = message.attachments.iter().map(right_to_lend).collect::<Result<Vec<_>>>()?;
    loop {
        let mut lent: Vec<Lent> = region.map(Memory::lend).into_iter().collect();
        lent.extend(message.attachments.iter().zip(&made).map(|(attachment, made)| match attachment {
            AttachmentRef::ReceiveRight(right) => Lent::Receive(right.name.get()),
            AttachmentRef::SendRight(right) => Lent::Send(right.name()),
            _ => Lent::Send(made.as_ref().map_or(DEAD, SendRight::name)),
        }));
        let reply = message.reply.map(|right| right.name.get());
        let mut bytes = mach_message::build(destination(), reply, &lent, &[&head, inline]);
        let code = call(&mut bytes, MACH_SEND_MSG, 0, deadline);
        match code & !MACH_MSG_MASK {
            MACH_MSG_SUCCESS => {
                give_back_moved(&message, &given_back, GivenBack::default());
                return Ok(());
            }
            // The two that come behind the copy-in: the buffer was pseudo-received. A port that dies while a send
            // waits for it lets the send succeed: XNU, `ipc_kmsg_send`.
            MACH_SEND_TIMED_OUT | MACH_SEND_INTERRUPTED => {
                give_back_moved(&message, &given_back, mach_message::take_back(&bytes, &Kernel::here()));
            }
            _ => return Err(send_error(code)),
        }
        if code & !MACH_MSG_MASK == MACH_SEND_TIMED_OUT {
            return Err(Error::TIMED_OUT);
        }
    }
}

/// Puts moved rights back where they came from, under the names that they have now; what did not come back is gone.
/// The rest, copies, is dropped.
fn give_back_moved(message: &Outgoing<'_>, destination: impl Fn(Name), back: GivenBack<Kernel>) {
    let name_of = |right: Option<OwnedRight<Kernel>>, kind| match right {
        Some(right) if right.kind() == kind => right.into_name(),
        _ => 0,
    };
    destination(name_of(back.destination, RightKind::SendOnce));
    if let Some(reply) = message.reply {
        reply.name.set(name_of(back.reply, RightKind::SendOnce));
    }
    let ahead = usize::from(matches!(message.payload, Payload::OutOfLine(_)));
    let mut parts = back.parts.into_iter().skip(ahead);
    for attachment in message.attachments {
        let part = parts.next();
        if let AttachmentRef::ReceiveRight(right) = attachment {
            right.name.set(match part {
                Some(Part::Right(part)) => name_of(Some(part), RightKind::Receive),
                _ => 0,
            });
        }
    }
}

/// The right that stands for an attachment that is no right itself.
fn right_to_lend(attachment: &AttachmentRef<'_>) -> Result<Option<SendRight>> {
    Ok(match attachment {
        AttachmentRef::SendRight(_) | AttachmentRef::ReceiveRight(_) => None,
        AttachmentRef::Memory(memory) => Some(memory.right_to_send()?),
        AttachmentRef::Surface(surface) => Some(surface.right_to_send()?),
        AttachmentRef::Descriptor(fd) => Some(fileport(*fd)?),
    })
}

fn fileport(fd: BorrowedFd<'_>) -> Result<SendRight> {
    let mut name = 0;
    // SAFETY: an open descriptor; the name lives across the call.
    match unsafe { fileport_makeport(fd.as_raw_fd(), &raw mut name) } {
        0 => Ok(SendRight::from_owned_name(name)),
        _ => Err(system_error("making a port of a descriptor", last_errno())),
    }
}

fn descriptor_of(fileport: &OwnedRight<Kernel>) -> Result<OwnedFd> {
    // SAFETY: takes a name and gives a new descriptor or -1; what is no fileport is refused.
    let fd = unsafe { fileport_makefd(fileport.name()) };
    if fd < 0 {
        return Err(system_error("opening a descriptor of a message", last_errno()));
    }
    // SAFETY: a new descriptor that nobody else owns.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)
        .map_err(|errno| system_error("making a descriptor close-on-exec", errno))?;
    made("opening a descriptor of a message", Ok(fd))
}

/// A message that has arrived and is not opened yet. It owns what came with it.
#[derive(Debug)]
pub(in crate::sys) struct Pending {
    envelope: Envelope,
    inline: Vec<u8>,
    reply: Option<OwnedRight<Kernel>>,
    parts: Vec<Part<Kernel>>,
    audit: Audit,
}

/// What an attachment becomes, where that takes something from the system. The right itself stays.
enum Opened {
    Memory(Memory),
    Surface(Surface),
    Descriptor(OwnedFd),
    /// The right itself is the attachment.
    Right,
}

impl Pending {
    fn remains(&self) -> Incoming {
        Incoming::remains(Some(&self.envelope), sender_of(&self.audit))
    }

    /// The message, opened, or what is left of it. When something is lacking, the message comes back whole.
    pub(in crate::sys) fn open(mut self) -> Result<Received, (Self, Error)> {
        let rights = self.parts.split_off(usize::from(self.envelope.out_of_line));
        let opened: Result<Vec<Opened>> = self
            .envelope
            .attachments
            .iter()
            .zip(&rights)
            .map(|(described, part)| Opened::open(described, part))
            .collect();
        let payload = opened.and_then(|opened| match self.parts.pop() {
            Some(Part::Memory(region)) => Payload::from_region(region).map(|payload| (payload, opened)),
            _ => Ok((Payload::Inline(std::mem::take(&mut self.inline)), opened)),
        });
        let (payload, opened) = match payload {
            Ok(both) => both,
            Err(error) => {
                self.parts.extend(rights);
                let again = error.status() == Status::ResourceExhausted;
                // Whatever else the system said of something that a peer sent, it is the peer's fault.
                let error = match error.status() {
                    Status::ResourceExhausted | Status::Malformed | Status::Unsupported => error,
                    _ => Error::malformed(error.message().to_owned()),
                };
                return if again {
                    Err((self, error))
                } else {
                    Ok(Received::Destroyed(self.remains(), error))
                };
            }
        };
        let attachments = self
            .envelope
            .attachments
            .iter()
            .zip(rights)
            .zip(opened)
            .map(|((described, part), opened)| opened.into_attachment(described, part))
            .collect();
        let reply = self.envelope.has_reply.then(|| {
            // The asker can be gone by now: then the right is dead.
            SendOnceRight::from_owned_name(self.reply.take().map_or(DEAD, OwnedRight::into_name))
        });
        let Envelope { id, control, number, .. } = self.envelope;
        let sender = sender_of(&self.audit);
        Ok(Received::Message(Incoming { id, control, number, payload, reply, attachments, sender }))
    }
}

impl Payload {
    /// A peer cannot write what came out of line: the kernel copies it, if only when either side writes.
    fn from_region(region: OwnedMemory<Kernel>) -> Result<Self> {
        Memory::open_out_of_line(region).map(Self::OutOfLine)
    }
}

impl Opened {
    fn open(described: &Described, part: &Part<Kernel>) -> Result<Self> {
        let Part::Right(right) = part else { return Ok(Self::Right) };
        let entry = || SendRight::clone_of_name(right.name());
        Ok(match described.kind {
            Kind::SendRight | Kind::ReceiveRight => Self::Right,
            Kind::Memory => Self::Memory(Memory::open(entry()?, described.length)?),
            Kind::Surface => Self::Surface(Surface::open(entry()?, &described.detail)?),
            Kind::Descriptor => Self::Descriptor(descriptor_of(right)?),
        })
    }

    fn into_attachment(self, described: &Described, part: Part<Kernel>) -> Attachment {
        match (self, part) {
            (Self::Memory(memory), _) => Attachment::Memory(memory),
            (Self::Surface(surface), _) => Attachment::Surface(surface),
            (Self::Descriptor(fd), _) => Attachment::Descriptor(fd),
            (Self::Right, Part::Right(right)) if described.kind == Kind::ReceiveRight => {
                Attachment::ReceiveRight(MovingReceiveRight::from_owned_name(right.into_name()))
            }
            (Self::Right, Part::Right(right)) => {
                Attachment::SendRight(SendRight::from_owned_name(right.into_name()))
            }
            (Self::Right, _) => Attachment::SendRight(SendRight::from_owned_name(DEAD)),
        }
    }
}
