//! Messages on Linux: one packet each, rights as `SCM_RIGHTS`, the sender as `SCM_CREDENTIALS`.
//!
//! A packet is looked at with `MSG_PEEK` first, which already gives its descriptors, and taken out of the queue
//! only when all of them fitted: running out of descriptors loses neither the message nor its rights.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::memory::Memory;
use super::port::{MovingReceiveRight, SendOnceRight, SendRight};
use super::surface::Surface;
use super::uninterrupted;
use crate::error::{Error, Result, Status};
use crate::sys::contents::{Attachment, AttachmentRef, Incoming, Outgoing, Payload, Sender, no_memory};
use crate::sys::posix::{beyond_standard, last_errno, system_error, wait};
use crate::sys::wire::{Described, Envelope, Kind, MAX_ATTACHMENTS, MAX_INLINE_MESSAGE};
use crate::time::Deadline;

/// The descriptor that stands for an attachment.
fn descriptor_of<'a>(attachment: &AttachmentRef<'a>) -> BorrowedFd<'a> {
    match *attachment {
        AttachmentRef::SendRight(right) => right.as_fd(),
        AttachmentRef::ReceiveRight(right) => right.as_fd(),
        AttachmentRef::Memory(memory) => memory.as_fd(),
        AttachmentRef::Surface(surface) => surface.as_fd(),
        AttachmentRef::Descriptor(fd) => fd,
    }
}

fn attachment_from(described: &Described, fd: OwnedFd) -> Result<Attachment> {
    Ok(match described.kind {
        Kind::SendRight => Attachment::SendRight(SendRight::from_raw(fd)?),
        Kind::ReceiveRight => Attachment::ReceiveRight(MovingReceiveRight::from_received(fd)?),
        Kind::Memory => Attachment::Memory(Memory::open(fd, described.length)?),
        Kind::Surface => Attachment::Surface(Surface::open(fd, &described.detail)?),
        Kind::Descriptor => Attachment::Descriptor(fd),
    })
}

/// Sends a message through a send right.
pub(crate) fn send(right: &SendRight, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    send_to_lane(right.as_fd(), message, deadline)
}

/// Sends a message through a send-once right, which success uses up: `SendOnceRight::moved` follows it.
pub(crate) fn send_once(right: &SendOnceRight, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    send_to_lane(right.as_fd(), message, deadline)
}

fn send_to_lane(lane: BorrowedFd<'_>, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    let (inline, region) = match message.payload {
        Payload::Inline(bytes) => (&bytes[..], None),
        Payload::Recycled(bytes) => (&bytes[..], None),
        Payload::OutOfLine(memory) => (&[][..], Some(memory)),
    };
    let envelope = Envelope {
        id: message.id,
        control: message.control,
        number: message.number,
        out_of_line: region.is_some(),
        has_reply: message.reply.is_some(),
        payload_length: message.payload.bytes().len() as u64,
        attachments: message.attachments.iter().map(AttachmentRef::describe).collect(),
    };
    let head = envelope.encode();
    let mut rights = Vec::with_capacity(envelope.native_rights());
    rights.extend(region.map(Memory::as_fd));
    rights.extend(message.reply.map(SendOnceRight::as_fd));
    rights.extend(message.attachments.iter().map(descriptor_of));
    loop {
        match uninterrupted(|| send_packet(lane, &[IoSlice::new(&head), IoSlice::new(inline)], &rights)) {
            Ok(()) => return Ok(()),
            Err(Errno::AGAIN | Errno::INTR) => {
                // The queue is full. A hang-up ends this wait as well; the next attempt then says so.
                if deadline.is_over() || wait(&[lane], PollFlags::OUT, deadline)? == 0 {
                    return Err(Error::TIMED_OUT);
                }
            }
            Err(errno) => return Err(system_error("sending a message", errno)),
        }
    }
}

fn send_packet(lane: BorrowedFd<'_>, bytes: &[IoSlice<'_>], rights: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_RIGHTS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !rights.is_empty() && !control.push(SendAncillaryMessage::ScmRights(rights)) {
        return Err(Errno::TOOMANYREFS);
    }
    // MSG_DONTWAIT and not O_NONBLOCK: the flag belongs to the open description, which the peer shares.
    rustix::net::sendmsg(lane, bytes, &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).map(drop)
}

/// Sends bytes with descriptors and nothing else: the parts of a moving receive right.
pub(super) fn send_descriptors(to: BorrowedFd<'_>, bytes: &[u8], rights: &[BorrowedFd<'_>]) -> Result<()> {
    send_packet(to, &[IoSlice::new(bytes)], rights)
        .map_err(|errno| system_error("packing a receive right", errno))
}

/// The most rights of one packet: the kernel's `SCM_MAX_FD`.
const MAX_RIGHTS: usize = 253;
/// `SCM_PIDFD` of `linux/socket.h` (6.5), which the `libc` crate does not name.
const SCM_PIDFD: libc::c_int = 4;
/// `SO_PASSPIDFD` of `asm-generic/socket.h` (6.5).
const SO_PASSPIDFD: libc::c_int = 76;
/// Room for all that the kernel can put beside one packet.
// SAFETY: CMSG_SPACE only computes.
const CONTROL_SPACE: usize = unsafe {
    libc::CMSG_SPACE((MAX_RIGHTS * size_of::<RawFd>()) as u32)
        + libc::CMSG_SPACE(size_of::<libc::ucred>() as u32)
        + libc::CMSG_SPACE(size_of::<RawFd>() as u32)
} as usize;

/// Has the kernel add a pidfd to each message (6.5 and later).
pub(super) fn ask_for_process_handles(socket: BorrowedFd<'_>) -> Result<()> {
    set_option(socket, SO_PASSPIDFD, 1)
}

fn set_option(socket: BorrowedFd<'_>, option: libc::c_int, value: libc::c_int) -> Result<()> {
    // SAFETY: the value is a C int that lives across the call, and its size is given.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(system_error("setting a socket's option", last_errno())) }
}

/// A packet as the kernel delivered it.
#[derive(Debug, Default)]
struct Packet {
    /// Its whole length in bytes, which can be more than the buffer had room for.
    length: usize,
    /// Some of the descriptors could not be made.
    rights_cut: bool,
    /// The handle of the sender's process could not be made.
    handle_cut: bool,
    descriptors: Vec<OwnedFd>,
    credentials: Option<libc::ucred>,
    process: Option<OwnedFd>,
}

/// Looks at the first packet without taking it. `rustix` has no word for `SCM_PIDFD` and would lose the
/// descriptor in it, hence `libc` here.
fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Packet, Errno> {
    #[repr(align(8))] // as a control message header wants it
    struct Control([MaybeUninit<u8>; CONTROL_SPACE]);
    let mut control = Control([MaybeUninit::uninit(); CONTROL_SPACE]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: a msghdr of zeroes is a valid one: null pointers with zero lengths.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_SPACE as _;
    // MSG_CMSG_CLOEXEC: a descriptor that arrives is close-on-exec from the moment it exists.
    let flags = libc::MSG_PEEK | libc::MSG_TRUNC | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the header points to a buffer and to control space of the lengths that it names, all alive.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    if length < 0 {
        return Err(last_errno());
    }
    let mut packet = Packet {
        length: length as usize,
        rights_cut: header.msg_flags & libc::MSG_CTRUNC != 0,
        ..Packet::default()
    };
    // SAFETY: the kernel has filled in msg_controllen bytes of well-formed control messages; CMSG_FIRSTHDR and
    // CMSG_NXTHDR stay within them.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    while !message.is_null() {
        // SAFETY: `message` is a control message header within the filled control space.
        let (level, kind, whole) =
            unsafe { ((*message).cmsg_level, (*message).cmsg_type, (*message).cmsg_len as usize) };
        // SAFETY: CMSG_LEN only computes, CMSG_DATA only adds to a pointer into the control space.
        let (data, length) = unsafe { (libc::CMSG_DATA(message), whole - libc::CMSG_LEN(0) as usize) };
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                for i in 0..length / size_of::<RawFd>() {
                    // SAFETY: `i` is within the data; it may be unaligned for what we know.
                    let fd = unsafe { data.cast::<RawFd>().add(i).read_unaligned() };
                    // SAFETY: the kernel has just made this descriptor for us, nobody else owns it.
                    match beyond_standard(unsafe { OwnedFd::from_raw_fd(fd) }) {
                        Ok(fd) => packet.descriptors.push(fd),
                        Err(_) => packet.rights_cut = true,
                    }
                }
            }
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if length >= size_of::<libc::ucred>() => {
                // SAFETY: the data has that length and any bytes are a ucred.
                packet.credentials = Some(unsafe { data.cast::<libc::ucred>().read_unaligned() });
            }
            (libc::SOL_SOCKET, SCM_PIDFD) if length >= size_of::<RawFd>() => {
                // SAFETY: the data has that length.
                let fd = unsafe { data.cast::<RawFd>().read_unaligned() };
                match fd {
                    // SAFETY: as above: a new descriptor that is ours.
                    0.. => match beyond_standard(unsafe { OwnedFd::from_raw_fd(fd) }) {
                        Ok(fd) => packet.process = Some(fd),
                        Err(_) => packet.handle_cut = true,
                    },
                    // The kernel put an errno there. A process that is reaped already has no pidfd on older
                    // kernels; out of descriptors is the one that matters.
                    _ if matches!(-fd, libc::EMFILE | libc::ENFILE) => packet.handle_cut = true,
                    _ => {}
                }
            }
            _ => {}
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        message = unsafe { libc::CMSG_NXTHDR(&raw const header, message) };
    }
    Ok(packet)
}

/// Looks at the first packet, with all that it carries unless this process cannot hold that.
///
/// The second part of the answer says that descriptors ran out.
fn peek_whole(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(Packet, bool), Errno> {
    let (mut tries, mut was_reset) = (0, false);
    loop {
        let packet = match uninterrupted(|| peek(socket, buffer)) {
            Ok(packet) => packet,
            // Said once, and before what is still queued, when the other end was closed with something unread.
            Err(Errno::CONNRESET) if !was_reset => {
                was_reset = true;
                continue;
            }
            Err(errno) => return Err(errno),
        };
        if !packet.rights_cut && !packet.handle_cut {
            return Ok((packet, false));
        }
        // Asked while everything that the peek gave is still open.
        let used_up = rustix::io::fcntl_dupfd_cloexec(socket, 3).is_err();
        tries += 1;
        // Not used up: another thread has closed some in between, so a second look can succeed. If it goes on, a
        // security module keeps a descriptor from us.
        if used_up || tries == 16 {
            return Ok((packet, used_up));
        }
    }
}

/// # Safety
///
/// The option's value must be one that `T` can have, whatever the kernel makes it.
unsafe fn peer_option<T>(socket: BorrowedFd<'_>, option: libc::c_int, mut value: T) -> Result<T, Errno> {
    let mut length = size_of::<T>() as libc::socklen_t;
    let place = (&raw mut value).cast();
    // SAFETY: the value and its length live across the call, which writes no more than that.
    let outcome =
        unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, place, &raw mut length) };
    if outcome < 0 { Err(last_errno()) } else { Ok(value) }
}

/// The process that made or connected the other end, which has the number 0 in other PID namespaces, and its user.
pub(super) fn peer_credentials(socket: BorrowedFd<'_>) -> Result<libc::ucred, Errno> {
    let unknown = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    // SAFETY: three numbers.
    unsafe { peer_option(socket, libc::SO_PEERCRED, unknown) }
}

/// A pidfd of that process (Linux 6.5).
pub(super) fn peer_process(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: a number.
    let pidfd = unsafe { peer_option::<RawFd>(socket, libc::SO_PEERPIDFD, -1) }?;
    if pidfd < 0 {
        return Err(Errno::NOPROTOOPT);
    }
    // SAFETY: the kernel has just made it for us.
    beyond_standard(unsafe { OwnedFd::from_raw_fd(pidfd) })
}

/// Has peeks begin at the first packet again: a former owner of the lane can have set another place.
pub(super) fn reset_peek_offset(socket: BorrowedFd<'_>) {
    let _ = set_option(socket, libc::SO_PEEK_OFF, -1);
}

/// Takes the first packet out of the queue. Its descriptors are closed by the kernel: a peek gave us our own.
///
/// Errors: what the system says. The packet is there still, and must not count as received: it would come twice.
fn consume(socket: BorrowedFd<'_>) -> Result<()> {
    const ATTEMPTS: usize = 8;
    let mut outcome = Ok(());
    for _ in 0..ATTEMPTS {
        outcome = match rustix::net::recv(socket, &mut [0_u8; 1], RecvFlags::DONTWAIT) {
            // The second: another thread was faster, or a former owner takes what is ours.
            Ok(_) | Err(Errno::AGAIN) => return Ok(()),
            Err(errno) => Err(system_error("taking a message out of its queue", errno)),
        };
    }
    outcome
}

/// What looking at a lane gave.
#[derive(Debug)]
pub(super) enum LaneEvent {
    Nothing,
    Ended,
    Message(Incoming),
    Destroyed(Incoming, Error),
}

/// The next message of a lane, if one is there.
pub(super) fn receive_from_lane(lane: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> Result<LaneEvent> {
    if buffer.len() < MAX_INLINE_MESSAGE {
        let more = MAX_INLINE_MESSAGE - buffer.len();
        buffer.try_reserve_exact(more).map_err(|_| no_memory(MAX_INLINE_MESSAGE))?;
        buffer.resize(MAX_INLINE_MESSAGE, 0);
    }
    let (packet, used_up) = match peek_whole(lane, buffer) {
        Ok(packet) => packet,
        Err(Errno::AGAIN | Errno::INTR) => return Ok(LaneEvent::Nothing),
        // A former owner's socket that never had another end.
        Err(Errno::NOTCONN) => return Ok(LaneEvent::Ended),
        Err(errno) => return Err(system_error("receiving a message", errno)),
    };
    // An empty packet brings its sender's credentials, the end does not.
    if packet.length == 0 && packet.credentials.is_none() {
        return Ok(LaneEvent::Ended);
    }
    let Some(of) = packet.credentials else {
        consume(lane)?;
        return Err(Error::malformed("a message arrived without its sender's identity"));
    };
    let sender = |process| Sender {
        process_id: of.pid.try_into().unwrap_or(0),
        user_id: of.uid,
        group_id: of.gid,
        process,
    };
    let decoded = match buffer.get(..packet.length) {
        Some(bytes) => Envelope::decode(bytes),
        None => {
            Err(Error::malformed(format!("a message of {} bytes is larger than any can be", packet.length)))
        }
    };
    let (envelope, inline) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => {
            consume(lane)?;
            return Ok(LaneEvent::Destroyed(Incoming::remains(None, sender(None)), error));
        }
    };
    // Opened first and taken out of the queue then: what is lacking here may be there at the next try.
    let outcome = open_packet(packet, used_up, &envelope, inline, sender);
    match outcome {
        Ok(incoming) => consume(lane).map(|()| LaneEvent::Message(incoming)),
        // The sender's fault.
        Err(error)
            if matches!(error.status(), Status::Malformed | Status::Unsupported | Status::TooLarge) =>
        {
            consume(lane)?;
            let error = Error::malformed(error.message().to_owned());
            Ok(LaneEvent::Destroyed(Incoming::remains(Some(&envelope), sender(None)), error))
        }
        // The system's, which has opened the like before.
        Err(error) => Err(error.context("the message waits in its queue")),
    }
}

fn open_packet(
    packet: Packet,
    used_up: bool,
    envelope: &Envelope,
    inline: &[u8],
    sender: impl FnOnce(Option<OwnedFd>) -> Sender,
) -> Result<Incoming> {
    let (present, wanted) = (packet.descriptors.len(), envelope.native_rights());
    // All that the header names and more that was cut is too many as well; such a message must not wait.
    if present > wanted || (present < wanted) != packet.rights_cut {
        return Err(Error::malformed(format!(
            "a message carries {present} descriptors{} where its header says {wanted}",
            if packet.rights_cut { " and more" } else { "" },
        )));
    }
    if packet.rights_cut || packet.handle_cut {
        return Err(if used_up {
            Error::fixed(
                Status::ResourceExhausted,
                "this process has no descriptor left for what a message carries",
            )
        } else {
            Error::malformed("the system does not hand over what a message carries")
        });
    }
    let mut descriptors = packet.descriptors.into_iter();
    let payload = match descriptors.next_if(envelope.out_of_line) {
        Some(fd) => Payload::OutOfLine(Memory::open_sealed(fd, envelope.payload_length)?),
        None => Payload::copy_of(inline, 0)?,
    };
    let reply = descriptors.next_if(envelope.has_reply).map(SendOnceRight::from_received).transpose()?;
    let attachments = envelope
        .attachments
        .iter()
        .zip(descriptors)
        .map(|(described, fd)| attachment_from(described, fd))
        .collect::<Result<Vec<_>>>()?;
    let Envelope { id, control, number, .. } = *envelope;
    Ok(Incoming { id, control, number, payload, reply, attachments, sender: sender(packet.process) })
}

/// `next`, only where the envelope says that there is one.
trait NextIf: Iterator {
    fn next_if(&mut self, wanted: bool) -> Option<Self::Item> {
        if wanted { self.next() } else { None }
    }
}

impl<I: Iterator> NextIf for I {}

/// One packet of a moving receive right.
#[derive(Debug)]
pub(super) struct CarriedPacket {
    pub(super) bytes: Vec<u8>,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// Looks at all packets of a socket whose other end is closed, and leaves them there.
pub(super) fn peek_packets(socket: BorrowedFd<'_>, most: usize) -> Result<Vec<CarriedPacket>> {
    // With a peek offset each peek goes on where the last one ended: socket(7), SO_PEEK_OFF.
    set_option(socket, libc::SO_PEEK_OFF, 0)?;
    let mut packets = Vec::new();
    let mut buffer = [0; 256];
    loop {
        let (packet, used_up) = peek_whole(socket, &mut buffer).map_err(|errno| match errno {
            Errno::AGAIN => Error::malformed("a moving receive right does not end"),
            errno => system_error("unpacking a receive right", errno),
        })?;
        if packet.length == 0 {
            return Ok(packets);
        }
        if used_up {
            return Err(Error::fixed(
                Status::ResourceExhausted,
                "this process has no descriptor left for a moved receive right; it waits in its message",
            ));
        }
        if packet.rights_cut || packet.length > buffer.len() || packets.len() == most {
            return Err(Error::malformed("a moving receive right is not as this library packs it"));
        }
        packets
            .push(CarriedPacket { bytes: buffer[..packet.length].to_vec(), descriptors: packet.descriptors });
    }
}

const _: () = assert!(MAX_ATTACHMENTS + 2 <= MAX_RIGHTS);
