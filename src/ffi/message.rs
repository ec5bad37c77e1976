//! Messages: a number, bytes, and up to 64 attachments.

use std::ffi::{c_int, c_void};

use super::boundary::{call, value};
use super::handle::{Slot, borrow, bytes, consume, descriptor, duplicate, give, out, release, retain};
use super::memory::sfp_memory;
use super::port::{self, sfp_receive_right, sfp_send_once_right, sfp_send_right};
use super::status::sfp_status;
use super::surface::sfp_surface;
use crate::error::{Error, Status};
use crate::message::{Attachment, AttachmentKind, Message, Sender};
use crate::port::ReceiveRight;
use crate::time::Timeout;

/// A message: it owns all that it carries, and gives that back when its last reference ends.
///
/// It is for one thread at a time. A message that was sent leaves its other references, if there are
/// any, as empty handles.
pub struct sfp_message(pub(super) Slot<Message>);

/// The largest payload of a message, in bytes: 256 MiB.
pub const SFP_MESSAGE_MAX_PAYLOAD: u32 = 268435456;
/// The most attachments of a message.
pub const SFP_MESSAGE_MAX_ATTACHMENTS: u32 = 64;
const _: () = assert!(SFP_MESSAGE_MAX_PAYLOAD as usize == crate::message::MAX_PAYLOAD);
const _: () = assert!(SFP_MESSAGE_MAX_ATTACHMENTS as usize == crate::message::MAX_ATTACHMENTS);

/// What an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_attachment {
    /// Nothing: it was taken out, or never was.
    None = 0,
    /// A send right: sfp_message_take_send_right().
    SendRight = 1,
    /// A receive right: sfp_message_take_receive_right().
    ReceiveRight = 2,
    /// A memory region: sfp_message_take_memory().
    Memory = 3,
    /// A surface: sfp_message_take_surface().
    Surface = 4,
    /// A file descriptor: sfp_message_take_fd().
    Fd = 5,
}

/// Who sent a message, as the kernel says it of this very message.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_sender {
    /// The process; 0 when it has no number here, because it lives in another PID namespace.
    pub process_id: u32,
    /// Its real user. On Linux, a process that has several (set-user-ID) may name another one of them, and a
    /// privileged one anybody.
    pub user_id: u32,
    /// Its real group; else as above.
    pub group_id: u32,
}

impl From<Sender> for sfp_sender {
    fn from(sender: Sender) -> Self {
        let Sender { process_id, user_id, group_id } = sender;
        Self { process_id, user_id, group_id }
    }
}

impl sfp_message {
    pub(super) fn new(message: Message) -> Self {
        Self(Slot::new(message))
    }
}

/// Makes an empty message.
///
/// Parameters:
/// - `id`: a number; what it means is for sender and receiver to agree.
///
/// Returns the message, a reference that you release, or that sfp_send() and its like end. NULL only if
/// there is no memory for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub extern "C" fn sfp_message_create(id: u32) -> *mut sfp_message {
    value(std::ptr::null_mut(), || Ok(give(sfp_message::new(Message::new(id)))))
}

/// Makes one more reference to a message.
///
/// Parameters:
/// - `message`: the message; NULL is nothing.
///
/// Returns `message`, as a reference of its own that needs its own sfp_message_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_retain(message: *mut sfp_message) -> *mut sfp_message {
    retain!(message)
}

/// Ends a reference to a message. The last one destroys it, with all that it still carries.
///
/// Parameters:
/// - `message`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_release(message: *mut sfp_message) {
    release!(message);
}

/// Tells whether a message was sent, so that the handle is empty.
///
/// After a failure of sfp_request() this tells whether the other side can have the request: if not, the
/// message is whole and can be sent again.
///
/// Parameters:
/// - `message`: the message.
///
/// Returns true if the handle is empty; false for NULL.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_is_empty(message: *const sfp_message) -> bool {
    value(false, || Ok(borrow!(message).0.is_empty()))
}

/// The number of a message.
///
/// Parameters:
/// - `message`: the message.
///
/// Returns the number; 0 if `message` is NULL or empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_id(message: *const sfp_message) -> u32 {
    value(0, || borrow!(message).0.look(|message| Ok(message.id())))
}

/// Adds bytes at the end of a message's payload.
///
/// A large payload travels out of line by itself; the receiver sees no difference. To not copy it at
/// all, fill an sfp_memory in place and attach that.
///
/// Parameters:
/// - `message`: the message.
/// - `bytes`: what to add, which is copied; can be NULL if there are 0.
/// - `size`: how many bytes.
///
/// Returns:
/// - SFP_STATUS_TOO_LARGE: the payload would be over SFP_MESSAGE_MAX_PAYLOAD; it is unchanged.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory for it; it is unchanged.
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_append(
    message: *mut sfp_message,
    bytes: *const c_void,
    size: usize,
) -> sfp_status {
    call(|| {
        let (message, bytes) = (borrow!(message), bytes!(bytes, size));
        message.0.with(|message| message.append(bytes))
    })
}

/// The bytes of a message: sfp_message_payload_size() of them.
///
/// Parameters:
/// - `message`: the message.
///
/// Returns the first byte. It is the message's, and valid until the message is changed, sent (also if
/// that fails) or released. Of a payload of 0 bytes it is not NULL, but there is nothing to read. NULL
/// if `message` is NULL or empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_payload(message: *const sfp_message) -> *const c_void {
    value(std::ptr::null(), || borrow!(message).0.look(|message| Ok(message.payload().as_ptr().cast())))
}

/// How many bytes a message has.
///
/// Parameters:
/// - `message`: the message.
///
/// Returns the number of bytes; 0 if `message` is NULL or empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_payload_size(message: *const sfp_message) -> usize {
    value(0, || borrow!(message).0.look(|message| Ok(message.payload().len())))
}

/// Adds a send right behind the attachments of a message: another right to the same port.
///
/// Parameters:
/// - `message`: the message.
/// - `right`: the right; it stays yours.
///
/// Returns:
/// - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
/// - SFP_STATUS_WRONG_STATE: a handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attach_send_right(
    message: *mut sfp_message,
    right: *mut sfp_send_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), borrow!(right).0.get()?);
        message.0.with(|message| Ok(message.attach(right.try_clone()?)?))
    })
}

/// Moves a receive right behind the attachments of a message, with all that is queued at the port.
///
/// The right's handle is empty then; release it. If the message is never sent, take the right out again
/// or it ends with the message.
///
/// Parameters:
/// - `message`: the message.
/// - `right`: the right; on failure it is what it was.
///
/// Returns:
/// - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
/// - SFP_STATUS_UNSUPPORTED: this right cannot move: it belongs to a name, and came from
///   sfp_bootstrap_check_in().
/// - SFP_STATUS_WRONG_STATE: a handle is empty, or another thread is in a call with the right.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attach_receive_right(
    message: *mut sfp_message,
    right: *mut sfp_receive_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), borrow!(right));
        message.0.with(|message| right.0.move_by(|right| attach_receive_right(message, right)))
    })
}

/// A failure gives the right back.
fn attach_receive_right(message: &mut Message, right: ReceiveRight) -> Result<(), (ReceiveRight, Error)> {
    message.attach(right).map_err(|failure| match failure.attachment {
        Attachment::ReceiveRight(right) => (right, failure.error),
        other => unreachable!("a receive right came back as {other:?}"),
    })
}

/// Adds a memory region behind the attachments of a message: shared, not copied.
///
/// Parameters:
/// - `message`: the message.
/// - `memory`: the region; it stays yours, and is the same memory for both sides.
///
/// Returns:
/// - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attach_memory(
    message: *mut sfp_message,
    memory: *mut sfp_memory,
) -> sfp_status {
    call(|| {
        let (message, memory) = (borrow!(message), borrow!(memory));
        message.0.with(|message| Ok(message.attach(memory.0.clone())?))
    })
}

/// Adds a surface behind the attachments of a message: shared, not copied.
///
/// Parameters:
/// - `message`: the message.
/// - `surface`: the surface; it stays yours, and is the same pixels for both sides.
///
/// Returns:
/// - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attach_surface(
    message: *mut sfp_message,
    surface: *mut sfp_surface,
) -> sfp_status {
    call(|| {
        let (message, surface) = (borrow!(message), borrow!(surface));
        message.0.with(|message| Ok(message.attach(surface.0.clone())?))
    })
}

/// Adds a file descriptor behind the attachments of a message: a duplicate.
///
/// Parameters:
/// - `message`: the message.
/// - `fd`: the descriptor; it stays yours, and can be closed after the call.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the descriptor is not open.
/// - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attach_fd(message: *mut sfp_message, fd: c_int) -> sfp_status {
    call(|| {
        let (message, fd) = (borrow!(message), descriptor!(fd));
        message.0.with(|message| Ok(message.attach(duplicate(fd)?)?))
    })
}

/// How many attachments a message has, those counted that were taken out: the others keep their places.
///
/// Parameters:
/// - `message`: the message.
///
/// Returns the number; 0 if `message` is NULL or empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attachment_count(message: *const sfp_message) -> usize {
    value(0, || borrow!(message).0.look(|message| Ok(message.attachment_count())))
}

/// What an attachment is.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: which attachment, from 0.
///
/// Returns its kind; SFP_ATTACHMENT_NONE if it was taken out or never was, or if `message` is NULL or
/// empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attachment_kind(
    message: *const sfp_message,
    index: usize,
) -> sfp_attachment {
    value(sfp_attachment::None, || {
        borrow!(message).0.look(|message| {
            Ok(match message.attachment_kind(index) {
                None => sfp_attachment::None,
                Some(AttachmentKind::SendRight) => sfp_attachment::SendRight,
                Some(AttachmentKind::ReceiveRight) => sfp_attachment::ReceiveRight,
                Some(AttachmentKind::Memory) => sfp_attachment::Memory,
                Some(AttachmentKind::Surface) => sfp_attachment::Surface,
                Some(AttachmentKind::Descriptor) => sfp_attachment::Fd,
            })
        })
    })
}

/// Takes a send right out of a message. The other attachments keep their places.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: which attachment, from 0.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_send_right(
    message: *mut sfp_message,
    index: usize,
    right: *mut *mut sfp_send_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), out!(right));
        let taken = message.0.with(|message| message.take_send_right(index))?;
        right.give(sfp_send_right::new(taken));
        Ok(())
    })
}

/// Takes a receive right out of a message. The other attachments keep their places.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: which attachment, from 0.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. It stays in the message.
/// - SFP_STATUS_MALFORMED: the sender did not keep to the format. It is destroyed.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_receive_right(
    message: *mut sfp_message,
    index: usize,
    right: *mut *mut sfp_receive_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), out!(right));
        let taken = message.0.with(|message| message.take_receive_right(index))?;
        right.give(sfp_receive_right::new(taken));
        Ok(())
    })
}

/// Takes a memory region out of a message. The other attachments keep their places.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: which attachment, from 0.
/// - `memory`: becomes the region, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_memory(
    message: *mut sfp_message,
    index: usize,
    memory: *mut *mut sfp_memory,
) -> sfp_status {
    call(|| {
        let (message, memory) = (borrow!(message), out!(memory));
        let taken = message.0.with(|message| message.take_memory(index))?;
        memory.give(sfp_memory(taken));
        Ok(())
    })
}

/// Takes a surface out of a message. The other attachments keep their places.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: which attachment, from 0.
/// - `surface`: becomes the surface, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_surface(
    message: *mut sfp_message,
    index: usize,
    surface: *mut *mut sfp_surface,
) -> sfp_status {
    call(|| {
        let (message, surface) = (borrow!(message), out!(surface));
        let taken = message.0.with(|message| message.take_surface(index))?;
        surface.give(sfp_surface(taken));
        Ok(())
    })
}

/// Takes a file descriptor out of a message. The other attachments keep their places.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: which attachment, from 0.
/// - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_fd(
    message: *mut sfp_message,
    index: usize,
    fd: *mut c_int,
) -> sfp_status {
    call(|| {
        let (message, fd) = (borrow!(message), out!(fd));
        fd.give_descriptor(message.0.with(|message| message.take_descriptor(index))?);
        Ok(())
    })
}

/// Tells who sent a message that was received.
///
/// Parameters:
/// - `message`: the message.
/// - `sender`: becomes the sender, as the kernel says it of this very message.
///
/// Returns:
/// - SFP_STATUS_NOT_FOUND: nobody sent it, it was made here.
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_sender(
    message: *const sfp_message,
    sender: *mut sfp_sender,
) -> sfp_status {
    call(|| {
        let (message, sender) = (borrow!(message), out!(sender));
        let known = message.0.look(|message| {
            let nobody = Error::fixed(Status::NotFound, "the message was made here, so it has no sender");
            message.sender().ok_or(nobody)
        })?;
        sender.set(known.into());
        Ok(())
    })
}

/// Tells whether a message is a request: whether it has a right to answer it, which nobody took yet.
///
/// Parameters:
/// - `message`: the message.
///
/// Returns true if an answer is wanted; false if not, or if `message` is NULL or empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_has_reply_right(message: *const sfp_message) -> bool {
    value(false, || borrow!(message).0.look(|message| Ok(message.has_reply_right())))
}

/// Answers a request, once.
///
/// Success ends your reference to the answer: do not release it. The request stays yours. On failure
/// both are as before, and the request can be answered again. A request that is released unanswered
/// tells so to who made it.
///
/// Parameters:
/// - `request`: a message that has a reply right.
/// - `answer`: what to send; not the request itself.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the answer is the request.
/// - SFP_STATUS_WRONG_STATE: the request has no reply right, or was answered before; an attachment was
///   taken out of the answer; a handle is empty.
/// - SFP_STATUS_PEER_DEAD: nobody waits for the answer any more.
/// - Otherwise as sfp_send().
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_reply(
    request: *mut sfp_message,
    answer: *mut sfp_message,
    timeout_ns: i64,
) -> sfp_status {
    call(|| {
        if std::ptr::eq(request, answer) {
            return Err(Error::fixed(Status::InvalidArgument, "a request cannot be its own answer"));
        }
        let (request, contents) = (borrow!(request), &borrow!(answer).0);
        let right = request.0.with(take_reply_right)?;
        let timeout = Timeout::from_nanoseconds(timeout_ns);
        port::send_once(right, contents, timeout).or_else(|(right, error)| {
            request.0.with(|request| {
                right.into_iter().for_each(|right| request.set_reply_right(right));
                Err(error)
            })
        })?;
        consume!(answer);
        Ok(())
    })
}

fn take_reply_right(message: &mut Message) -> crate::Result<crate::port::SendOnceRight> {
    message
        .take_reply_right()
        .ok_or(Error::fixed(Status::WrongState, "the message is no request that still waits for an answer"))
}

/// Takes the right to answer out of a request, to answer it from elsewhere: sfp_send_once().
///
/// Parameters:
/// - `message`: the request.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the message has no reply right, or the handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_reply_right(
    message: *mut sfp_message,
    right: *mut *mut sfp_send_once_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), out!(right));
        let taken = message.0.with(take_reply_right)?;
        right.give(sfp_send_once_right::new(taken));
        Ok(())
    })
}

/// Has the receiver of a message answer by a right: to pass a request on, with the duty to answer it.
///
/// The right's handle is empty then; release it. A reply right that the message had before ends unused.
///
/// Parameters:
/// - `message`: the message.
/// - `right`: the right to send once; on failure it is what it was.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: a handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_set_reply_right(
    message: *mut sfp_message,
    right: *mut sfp_send_once_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), borrow!(right));
        message.0.with(|message| {
            right.0.consume_by(|right| {
                message.set_reply_right(right);
                Ok(())
            })
        })
    })
}
