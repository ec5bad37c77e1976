//! Ports: send rights, one receive right, and rights to send once.

use std::ffi::c_int;
use std::os::fd::AsRawFd;

use super::boundary::{call, value};
use super::handle::{Shared, Slot, borrow, consume, out, release, retain};
#[cfg(target_os = "linux")]
use super::handle::{descriptor, duplicate};
use super::message::sfp_message;
use super::status::sfp_status;
use crate::error::Error;
use crate::message::Message;
use crate::port::{ReceiveRight, SendError, SendOnceRight, SendRight};
use crate::time::Timeout;

/// Lets its holder send to a port, any number of times: sfp_send(), sfp_request().
///
/// It comes from sfp_receive_right_make_send(), out of a message, or by a name from
/// sfp_bootstrap_look_up().
pub struct sfp_send_right(pub(super) Shared<SendRight>);

/// Lets its holder send to a port once, which is how a request is answered: sfp_send_once().
///
/// If it ends unused, the port's receiver learns that no answer will come (SFP_STATUS_PEER_DEAD).
pub struct sfp_send_once_right(pub(super) Slot<SendOnceRight>);

/// The one right to receive from a port: sfp_receive(). When it ends, so does the port.
///
/// Messages come whole, and in order for each sender. It can move to another process, with all that
/// is queued, by sfp_message_attach_receive_right().
pub struct sfp_receive_right(pub(super) Shared<ReceiveRight>);

impl sfp_send_right {
    pub(super) fn new(right: SendRight) -> Self {
        Self(Shared::new(right))
    }
}

impl sfp_send_once_right {
    pub(super) fn new(right: SendOnceRight) -> Self {
        Self(Slot::new(right))
    }
}

impl sfp_receive_right {
    pub(super) fn new(right: ReceiveRight) -> Self {
        Self(Shared::new(right))
    }
}

/// What is left of a message that was not sent, and why.
pub(super) fn unsent(failure: SendError) -> (Option<Message>, Error) {
    let error = failure.error().clone();
    (failure.into_message(), error)
}

/// Makes one more reference to a send right.
///
/// Parameters:
/// - `right`: the right; NULL is nothing.
///
/// Returns `right`, as a reference of its own that needs its own sfp_send_right_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_right_retain(right: *mut sfp_send_right) -> *mut sfp_send_right {
    retain!(right)
}

/// Ends a reference to a send right. The last one gives the right back to the system.
///
/// Parameters:
/// - `right`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_right_release(right: *mut sfp_send_right) {
    release!(right);
}

/// Tells whether a port is dead: its receive right is gone, and nothing can arrive any more.
///
/// To be told of it instead of asking, see sfp_port_set_watch().
///
/// Parameters:
/// - `right`: a right to send to the port.
/// - `dead`: becomes true or false.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_right_is_dead(right: *const sfp_send_right, dead: *mut bool) -> sfp_status {
    call(|| {
        let (right, dead) = (borrow!(right), out!(dead));
        dead.set(right.0.get()?.is_dead()?);
        Ok(())
    })
}

/// Sends a message; waits while the port's queue is full.
///
/// Success ends your reference to the message: do not release it. On failure it is still yours, whole,
/// to be sent again, sent elsewhere, or released.
///
/// Parameters:
/// - `right`: the right to send to the port.
/// - `message`: what to send.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: the queue stayed full.
/// - SFP_STATUS_PEER_DEAD: the port is dead.
/// - SFP_STATUS_WRONG_STATE: an attachment was taken out of the message, or a handle is empty.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: the system has no room for the message; try later.
///
/// Threads: any, several at once with one right. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send(
    right: *mut sfp_send_right,
    message: *mut sfp_message,
    timeout_ns: i64,
) -> sfp_status {
    call(|| {
        let (right, contents) = (borrow!(right).0.get()?, &borrow!(message).0);
        let timeout = Timeout::from_nanoseconds(timeout_ns);
        contents.consume_by(|message| right.send(message, timeout).map_err(unsent))?;
        consume!(message);
        Ok(())
    })
}

/// Sends a message with a right to answer it once, and waits for the answer.
///
/// Success ends your reference to the message. On failure it is still yours; whether it was sent before
/// the failure says sfp_message_is_empty(). A request that timed out leaves nothing behind: an answer
/// that comes later is destroyed.
///
/// Parameters:
/// - `right`: the right to send to the port.
/// - `message`: the request.
/// - `timeout_ns`: how long to wait for both, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `answer`: becomes the answer, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: the queue stayed full, or no answer came.
/// - SFP_STATUS_PEER_DEAD: the port is dead, or the right to answer ended unused.
/// - SFP_STATUS_MALFORMED, SFP_STATUS_UNSUPPORTED: the answer does not keep to the format.
/// - Otherwise as sfp_send().
///
/// Threads: any, several at once with one right. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_request(
    right: *mut sfp_send_right,
    message: *mut sfp_message,
    timeout_ns: i64,
    answer: *mut *mut sfp_message,
) -> sfp_status {
    call(|| {
        let (right, contents) = (borrow!(right).0.get()?, &borrow!(message).0);
        let answer = out!(answer);
        let timeout = Timeout::from_nanoseconds(timeout_ns);
        let answered = contents.consume_by(|message| right.request(message, timeout).map_err(unsent))?;
        consume!(message);
        answer.give(sfp_message::new(answered));
        Ok(())
    })
}

/// Turns a send right into its raw form: a file descriptor, to be carried by any means that carries
/// one.
///
/// The handle is empty then; release it. sfp_send_right_from_fd() is the way back, in any process.
///
/// Parameters:
/// - `right`: the right.
/// - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty, or another thread is in a call with it.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_right_into_fd(right: *mut sfp_send_right, fd: *mut c_int) -> sfp_status {
    call(|| {
        let (right, fd) = (borrow!(right), out!(fd));
        fd.give_descriptor(right.0.move_by(|right| Ok(right.into_raw()))?);
        Ok(())
    })
}

/// Makes a send right of its raw form.
///
/// Parameters:
/// - `fd`: the descriptor; it stays yours, and can be closed after the call.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the descriptor is not open.
/// - SFP_STATUS_MALFORMED: it is no end of a SOCK_SEQPACKET socket.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_right_from_fd(fd: c_int, right: *mut *mut sfp_send_right) -> sfp_status {
    call(|| {
        let right = out!(right);
        let descriptor = duplicate(descriptor!(fd))?;
        right.give(sfp_send_right::new(SendRight::from_raw(descriptor)?));
        Ok(())
    })
}

/// Makes one more reference to a right to send once.
///
/// Parameters:
/// - `right`: the right; NULL is nothing.
///
/// Returns `right`, as a reference of its own that needs its own sfp_send_once_right_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_once_right_retain(
    right: *mut sfp_send_once_right,
) -> *mut sfp_send_once_right {
    retain!(right)
}

/// Ends a reference to a right to send once. The last one tells the port's receiver that no answer will
/// come, unless the right was used.
///
/// Parameters:
/// - `right`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_once_right_release(right: *mut sfp_send_once_right) {
    release!(right);
}

/// Tells whether nobody waits for the one message any more, because the port is dead.
///
/// Parameters:
/// - `right`: the right to send once.
/// - `dead`: becomes true or false.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_once_right_is_dead(
    right: *const sfp_send_once_right,
    dead: *mut bool,
) -> sfp_status {
    call(|| {
        let (right, dead) = (borrow!(right), out!(dead));
        dead.set(right.0.with(|right| right.is_dead())?);
        Ok(())
    })
}

/// Sends the one message, usually an answer. See sfp_message_reply() for the shorter way.
///
/// Success ends your reference to the message, and leaves the right's handle empty: release that. On
/// failure both are as before.
///
/// Parameters:
/// - `right`: the right to send once.
/// - `message`: what to send.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
///
/// Returns as sfp_send().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_send_once(
    right: *mut sfp_send_once_right,
    message: *mut sfp_message,
    timeout_ns: i64,
) -> sfp_status {
    call(|| {
        let (once, contents) = (borrow!(right), &borrow!(message).0);
        let timeout = Timeout::from_nanoseconds(timeout_ns);
        once.0.consume_by(|right| send_once(right, contents, timeout))?;
        consume!(message);
        Ok(())
    })
}

/// Uses up both, or neither.
pub(super) fn send_once(
    right: SendOnceRight,
    contents: &Slot<Message>,
    timeout: Timeout,
) -> Result<(), (Option<SendOnceRight>, Error)> {
    let mut right = Some(right);
    let sent = contents.consume_by(|message| match right.take() {
        Some(once) => once.send(message, timeout).map_err(|(once, failure)| {
            right = Some(once);
            unsent(failure)
        }),
        None => Ok(()),
    });
    sent.map_err(|error| (right, error))
}

/// Makes a port, to which nobody can send yet, and gives the right to receive from it.
///
/// Parameters:
/// - `right`: becomes the receive right, a reference that you release.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_create(right: *mut *mut sfp_receive_right) -> sfp_status {
    call(|| {
        let right = out!(right);
        right.give(sfp_receive_right::new(ReceiveRight::new()?));
        Ok(())
    })
}

/// Makes one more reference to a receive right. It does not make one more receiver: each message comes
/// to one call of sfp_receive() only.
///
/// Parameters:
/// - `right`: the right; NULL is nothing.
///
/// Returns `right`, as a reference of its own that needs its own sfp_receive_right_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_retain(right: *mut sfp_receive_right) -> *mut sfp_receive_right {
    retain!(right)
}

/// Ends a reference to a receive right. The last one ends the port: what is queued is destroyed, and
/// senders learn that it is dead. That is not so if the right was moved before.
///
/// Parameters:
/// - `right`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any; a thread that waits in sfp_receive() needs a reference of its own. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_release(right: *mut sfp_receive_right) {
    release!(right);
}

/// Makes a send right to the port of a receive right. That can be done at any time, also after all
/// earlier ones are gone.
///
/// Parameters:
/// - `right`: the right to receive from the port.
/// - `send`: becomes the send right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_make_send(
    right: *mut sfp_receive_right,
    send: *mut *mut sfp_send_right,
) -> sfp_status {
    call(|| {
        let (right, send) = (borrow!(right), out!(send));
        send.give(sfp_send_right::new(right.0.get()?.make_send()?));
        Ok(())
    })
}

/// Makes a right to send one message to the port of a receive right. When it ends unused, sfp_receive()
/// says SFP_STATUS_PEER_DEAD.
///
/// Parameters:
/// - `right`: the right to receive from the port.
/// - `once`: becomes the right to send once, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_make_send_once(
    right: *mut sfp_receive_right,
    once: *mut *mut sfp_send_once_right,
) -> sfp_status {
    call(|| {
        let (right, once) = (borrow!(right), out!(once));
        once.give(sfp_send_once_right::new(right.0.get()?.make_send_once()?));
        Ok(())
    })
}

/// Takes the next message of a port; waits while there is none.
///
/// Parameters:
/// - `right`: the right to receive from the port.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `message`: becomes the message, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: no message came.
/// - SFP_STATUS_NO_SENDERS: the queue is empty and the last send right is gone. Said once each time
///   that this happens, and once more to a process that the right moves to; new send rights can be
///   made. With SFP_FOREVER, when nothing can end the wait but a new send right, it is said each time.
/// - SFP_STATUS_PEER_DEAD: a right to send once ended unused.
/// - SFP_STATUS_MALFORMED, SFP_STATUS_UNSUPPORTED: a sender does not keep to the format. That message
///   is destroyed; go on with the next.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for what the message carries. It stays in
///   the queue; close some and try again.
/// - SFP_STATUS_WRONG_STATE: the handle is empty, because the right was moved.
///
/// Threads: any, several at once. While one waits here, the right cannot be moved. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive(
    right: *mut sfp_receive_right,
    timeout_ns: i64,
    message: *mut *mut sfp_message,
) -> sfp_status {
    call(|| {
        let (right, message) = (borrow!(right), out!(message));
        let received = right.0.get()?.receive(Timeout::from_nanoseconds(timeout_ns))?;
        message.give(sfp_message::new(received));
        Ok(())
    })
}

/// A file descriptor that is readable when sfp_receive() would not wait, for poll, epoll or kqueue.
///
/// Parameters:
/// - `right`: the receive right.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the right was moved or released. -1 if `right` is NULL or empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_fd(right: *const sfp_receive_right) -> c_int {
    value(-1, || Ok(borrow!(right).0.get()?.descriptor().as_raw_fd()))
}

/// Turns a receive right into its raw form, a file descriptor, to be carried by any means that carries
/// one. It has that form while exactly one send right was made of it.
///
/// The handle is empty then; release it. sfp_receive_right_from_fd() is the way back, in any process.
///
/// Parameters:
/// - `right`: the right.
/// - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: no send right was made of it, or several, or it came by a name from
///   sfp_bootstrap_check_in(), or the handle is empty, or another thread is in a call with it.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_into_fd(
    right: *mut sfp_receive_right,
    fd: *mut c_int,
) -> sfp_status {
    call(|| {
        let (right, fd) = (borrow!(right), out!(fd));
        fd.give_descriptor(right.0.move_by(ReceiveRight::into_raw)?);
        Ok(())
    })
}

/// Makes a receive right of its raw form. The other end of the socket pair is its first send right.
///
/// Parameters:
/// - `fd`: the descriptor; it stays yours. Close it after the call: as long as it is open, senders do
///   not learn that the receive right is gone.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the descriptor is not open.
/// - SFP_STATUS_MALFORMED: it is no end of a SOCK_SEQPACKET socket.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_receive_right_from_fd(
    fd: c_int,
    right: *mut *mut sfp_receive_right,
) -> sfp_status {
    call(|| {
        let right = out!(right);
        let descriptor = duplicate(descriptor!(fd))?;
        right.give(sfp_receive_right::new(ReceiveRight::from_raw(descriptor)?));
        Ok(())
    })
}
