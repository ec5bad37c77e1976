//! Channels: two-way connections of two processes, for messages of your own.

use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::boundary::{call, value};
use super::handle::{Slot, borrow, consume, optional_out, out, release, retain};
#[cfg(target_os = "linux")]
use super::handle::{descriptor, duplicate};
use super::message::{sfp_message, sfp_sender};
use super::port::unsent;
use super::status::sfp_status;
#[cfg(target_os = "linux")]
use crate::channel::ChannelRights;
use crate::channel::{Channel, ChannelEnd};
use crate::error::{Error, Status};
use crate::time::Timeout;

/// One end of a channel that is not in use yet: it can still be sent to the process that will use it.
///
/// A *broker* makes both ends and sends each to a process: so two meet that do not know each other, and
/// the broker takes no part in what they then say.
pub struct sfp_channel_end(pub(super) Slot<ChannelEnd>);

/// A two-way connection to one other process.
///
/// It listens to that one only, its *peer*: in a session the process of the other side, otherwise the
/// process of the first message. What others send, to whom the peer passed its rights on, is destroyed
/// and counted. What a peer sent before its end can be received after it. The end of the peer's process is
/// the end of the channel, also where a fork of it lives on.
///
/// A channel, and the end of one, belong to the process that made them: in a fork of it, calls return
/// SFP_STATUS_WRONG_STATE, and a release is nothing that anybody else notices.
pub struct sfp_channel(pub(super) Arc<Channel>);

/// How many attachments of a message the end of a channel takes.
pub const SFP_CHANNEL_END_ATTACHMENTS: u32 = 2;
const _: () = assert!(SFP_CHANNEL_END_ATTACHMENTS as usize == ChannelEnd::ATTACHMENTS);

impl sfp_channel_end {
    pub(super) fn new(end: ChannelEnd) -> Self {
        Self(Slot::new(end))
    }
}

/// Makes a channel, and gives both of its ends.
///
/// Parameters:
/// - `one`: becomes one end, a reference that you release.
/// - `other`: becomes the other end, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_create_pair(
    one: *mut *mut sfp_channel_end,
    other: *mut *mut sfp_channel_end,
) -> sfp_status {
    call(|| {
        let (one, other) = (out!(one), out!(other));
        let (first, second) = Channel::pair()?;
        one.give(sfp_channel_end::new(first));
        other.give(sfp_channel_end::new(second));
        Ok(())
    })
}

/// Makes one more reference to the end of a channel.
///
/// Parameters:
/// - `end`: the end; NULL is nothing.
///
/// Returns `end`, as a reference of its own that needs its own sfp_channel_end_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_retain(end: *mut sfp_channel_end) -> *mut sfp_channel_end {
    retain!(end)
}

/// Ends a reference to the end of a channel. The last one closes it, unless it was opened or moved.
///
/// Parameters:
/// - `end`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_release(end: *mut sfp_channel_end) {
    release!(end);
}

/// Begins to use the end of a channel. The end's handle is empty then; release it.
///
/// Parameters:
/// - `end`: the end.
/// - `channel`: becomes the channel, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_open(
    end: *mut sfp_channel_end,
    channel: *mut *mut sfp_channel,
) -> sfp_status {
    call(|| {
        let (end, channel) = (borrow!(end), out!(channel));
        channel.give(sfp_channel(Arc::new(end.0.consume_by(|end| Ok(end.open()))?)));
        Ok(())
    })
}

/// Moves the end of a channel behind the attachments of a message, as the next
/// SFP_CHANNEL_END_ATTACHMENTS of them.
///
/// The end's handle is empty then; release it. If the message is never sent, take the end out again or
/// it closes with the message.
///
/// Parameters:
/// - `message`: the message.
/// - `end`: the end; on failure it is what it was.
///
/// Returns:
/// - SFP_STATUS_TOO_LARGE: the message would have more than SFP_MESSAGE_MAX_ATTACHMENTS.
/// - SFP_STATUS_WRONG_STATE: a handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attach_channel_end(
    message: *mut sfp_message,
    end: *mut sfp_channel_end,
) -> sfp_status {
    call(|| {
        let (message, end) = (borrow!(message), borrow!(end));
        message.0.with(|message| {
            end.0.consume_by(|end| end.attach_to(message).map_err(|(end, error)| (Some(end), error)))
        })
    })
}

/// Takes the end of a channel out of a message. The other attachments keep their places.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: the first of its attachments, from 0.
/// - `end`: becomes the end, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is no end at that place.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. It stays in the message.
/// - SFP_STATUS_MALFORMED: the sender did not keep to the format. It is destroyed.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_channel_end(
    message: *mut sfp_message,
    index: usize,
    end: *mut *mut sfp_channel_end,
) -> sfp_status {
    call(|| {
        let (message, end) = (borrow!(message), out!(end));
        end.give(sfp_channel_end::new(message.0.with(|message| ChannelEnd::take_from(message, index))?));
        Ok(())
    })
}

/// Turns the end of a channel into its raw form: two file descriptors, to be carried by any means that
/// carries them. The end's handle is empty then; release it.
///
/// Parameters:
/// - `end`: the end.
/// - `receive_fd`: becomes the descriptor by which messages come, which is yours to close.
/// - `send_fd`: becomes the descriptor by which messages go, which is yours to close. Both are
///   close-on-exec.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty, the end has no such form any more, or this process is a
///   fork of the one that made it.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_into_fds(
    end: *mut sfp_channel_end,
    receive_fd: *mut c_int,
    send_fd: *mut c_int,
) -> sfp_status {
    call(|| {
        let (end, receive_fd, send_fd) = (borrow!(end), out!(receive_fd), out!(send_fd));
        let raw = end.0.consume_by(|end| end.into_raw().map_err(|(end, error)| (Some(end), error)))?;
        receive_fd.give_descriptor(raw.receive);
        send_fd.give_descriptor(raw.send);
        Ok(())
    })
}

/// Makes the end of a channel of its raw form.
///
/// Parameters:
/// - `receive_fd`: the descriptor by which messages come; it stays yours. Close it after the call: as
///   long as it is open, the peer does not learn that the end is gone.
/// - `send_fd`: the descriptor by which messages go; the same holds for it.
/// - `end`: becomes the end, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: a descriptor is not open.
/// - SFP_STATUS_MALFORMED: one is no end of a SOCK_SEQPACKET socket.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_end_from_fds(
    receive_fd: c_int,
    send_fd: c_int,
    end: *mut *mut sfp_channel_end,
) -> sfp_status {
    call(|| {
        let end = out!(end);
        let receive = duplicate(descriptor!(receive_fd))?;
        let send = duplicate(descriptor!(send_fd))?;
        let made = ChannelEnd::from_raw(ChannelRights { receive, send })?;
        end.give(sfp_channel_end::new(made));
        Ok(())
    })
}

/// Makes one more reference to a channel.
///
/// Parameters:
/// - `channel`: the channel; NULL is nothing.
///
/// Returns `channel`, as a reference of its own that needs its own sfp_channel_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_retain(channel: *mut sfp_channel) -> *mut sfp_channel {
    retain!(channel)
}

/// Ends a reference to a channel. The last one closes it, once its session, if it has one, has ended.
///
/// Parameters:
/// - `channel`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_release(channel: *mut sfp_channel) {
    release!(channel);
}

/// Sends a message to the peer; waits while its queue is full.
///
/// Success ends your reference to the message: do not release it. On failure it is still yours, whole, and
/// has not arrived: it can be sent again.
///
/// A peer that was killed a moment ago may not be noticed by the next few sends, which ask nobody;
/// sfp_channel_is_peer_dead() asks the kernel.
///
/// Parameters:
/// - `channel`: the channel.
/// - `message`: what to send.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
///
/// Returns as sfp_send(); SFP_STATUS_WRONG_STATE also in a fork.
///
/// Threads: any, several at once with one channel. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_send(
    channel: *mut sfp_channel,
    message: *mut sfp_message,
    timeout_ns: i64,
) -> sfp_status {
    call(|| {
        let (channel, contents) = (borrow!(channel), &borrow!(message).0);
        let timeout = Timeout::from_nanoseconds(timeout_ns);
        contents.consume_by(|message| channel.0.send(message, timeout).map_err(unsent))?;
        consume!(message);
        Ok(())
    })
}

/// Sends a message if the peer's queue has room for it, and drops it otherwise, with all that it carries:
/// for what is soon outdated, such as positions or progress. Never waits.
///
/// Success ends your reference to the message, also if it was dropped: do not release it. On failure it
/// is still yours, whole. A queue is also full while another thread waits for room in it.
///
/// Parameters:
/// - `channel`: the channel.
/// - `message`: what to send.
/// - `sent`: becomes true, or false if the message was dropped, which sfp_channel_dropped() counts. It can
///   be NULL.
///
/// Returns as sfp_send(), but for SFP_STATUS_TIMED_OUT.
///
/// Threads: any, several at once with one channel. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_send_or_drop(
    channel: *mut sfp_channel,
    message: *mut sfp_message,
    sent: *mut bool,
) -> sfp_status {
    call(|| {
        let (channel, contents) = (borrow!(channel), &borrow!(message).0);
        let place = optional_out!(sent);
        let was_sent = contents.consume_by(|message| channel.0.send_or_drop(message).map_err(unsent))?;
        consume!(message);
        if let Some(place) = place {
            place.set(was_sent);
        }
        Ok(())
    })
}

/// Sends a message with a right to answer it once, and waits for the answer. Whoever the peer passes
/// that right on to may answer.
///
/// Success ends your reference to the message. On failure it is still yours; whether it was sent before
/// the failure says sfp_message_is_empty().
///
/// Parameters:
/// - `channel`: the channel.
/// - `message`: the request.
/// - `timeout_ns`: how long to wait for both, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `answer`: becomes the answer, a reference that you release.
///
/// Returns as sfp_request().
///
/// Threads: any, several at once with one channel. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_request(
    channel: *mut sfp_channel,
    message: *mut sfp_message,
    timeout_ns: i64,
    answer: *mut *mut sfp_message,
) -> sfp_status {
    call(|| {
        let (channel, contents) = (borrow!(channel), &borrow!(message).0);
        let answer = out!(answer);
        let timeout = Timeout::from_nanoseconds(timeout_ns);
        let answered = contents.consume_by(|message| channel.0.request(message, timeout).map_err(unsent))?;
        consume!(message);
        answer.give(sfp_message::new(answered));
        Ok(())
    })
}

/// Takes the peer's next message; waits while there is none.
///
/// Parameters:
/// - `channel`: the channel.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `message`: becomes the message, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: no message came.
/// - SFP_STATUS_PEER_DEAD: the peer is gone, and all that it sent was received.
/// - SFP_STATUS_MALFORMED, SFP_STATUS_UNSUPPORTED: the peer does not keep to the format, or what its message
///   carried could not be opened. That message is destroyed, and this is said once, in its place; go on with
///   the next.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors, or no memory, for what the message carries. It
///   stays in its place; close some and try again. A call that may wait tries for up to 100 ms before it
///   says so, so that a loop of such calls does not keep a processor busy.
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the one that made the channel.
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_receive(
    channel: *mut sfp_channel,
    timeout_ns: i64,
    message: *mut *mut sfp_message,
) -> sfp_status {
    call(|| {
        let (channel, message) = (borrow!(channel), out!(message));
        message.give(sfp_message::new(channel.0.receive(Timeout::from_nanoseconds(timeout_ns))?));
        Ok(())
    })
}

/// Tells whose messages are received here.
///
/// Parameters:
/// - `channel`: the channel.
/// - `peer`: becomes the peer's process, user and group, as the kernel says them.
///
/// Returns:
/// - SFP_STATUS_NOT_FOUND: no message came yet, and the channel is not a session's.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_peer(channel: *const sfp_channel, peer: *mut sfp_sender) -> sfp_status {
    call(|| {
        let (channel, peer) = (borrow!(channel), out!(peer));
        let nobody = Error::fixed(Status::NotFound, "the channel has no peer before the first message");
        peer.set(channel.0.peer().ok_or(nobody)?.into());
        Ok(())
    })
}

/// Tells whether the peer let go of its end, so that nothing sent can arrive any more. What it sent
/// before can still be received. An end that is on its way to its process is not dead.
///
/// Parameters:
/// - `channel`: the channel.
/// - `dead`: becomes true or false.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_is_peer_dead(
    channel: *const sfp_channel,
    dead: *mut bool,
) -> sfp_status {
    call(|| {
        let (channel, dead) = (borrow!(channel), out!(dead));
        dead.set(channel.0.is_peer_dead()?);
        Ok(())
    })
}

/// How many messages were destroyed because they came from another process than the peer.
///
/// Parameters:
/// - `channel`: the channel.
///
/// Returns the number; 0 if `channel` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_refused(channel: *const sfp_channel) -> u64 {
    value(0, || Ok(borrow!(channel).0.refused_messages()))
}

/// How many messages sfp_channel_send_or_drop() has dropped.
///
/// Parameters:
/// - `channel`: the channel.
///
/// Returns the number; 0 if `channel` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_dropped(channel: *const sfp_channel) -> u64 {
    value(0, || Ok(borrow!(channel).0.dropped_messages()))
}

/// Sets how long a wait of a channel watches the shared memory before it sleeps: 50 µs unless it is set.
///
/// Watching takes a processor, and saves the tens of microseconds that it costs to sleep and to be woken.
/// Where waits turn out to be longer, it sleeps at once, whatever the time.
///
/// Parameters:
/// - `channel`: the channel.
/// - `time_ns`: the longest time to watch, in nanoseconds; 0 is not to watch.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any, also while another one waits. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_set_spin_time(channel: *mut sfp_channel, time_ns: u64) -> sfp_status {
    call(|| {
        borrow!(channel).0.set_spin_time(Duration::from_nanos(time_ns));
        Ok(())
    })
}

/// A file descriptor that is readable while a send with a timeout of 0 would probably find room, and for
/// good once the peer is gone (take it out of your loop then), for poll, epoll or kqueue.
///
/// When a send has said SFP_STATUS_TIMED_OUT, wait for the descriptor, then send again. Do not wait for it
/// with nothing to send: it is readable most of the time, and now and then once too often. A receiver that
/// goes on receiving makes it readable when up to three quarters of the queue are free, not with each
/// message that it takes.
///
/// Parameters:
/// - `channel`: the channel.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the channel was released. -1 if `channel` is NULL, or if the first call found no descriptors for
/// it, which sfp_last_error_status() tells.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_writable_fd(channel: *const sfp_channel) -> c_int {
    value(-1, || Ok(borrow!(channel).0.writable_descriptor()?.as_raw_fd()))
}

/// A file descriptor that is readable when sfp_channel_receive() would not wait, for poll, epoll or kqueue.
///
/// Once the peer is gone it is readable for good, as a socket is at its end: take it out of your loop when
/// sfp_channel_receive() returns SFP_STATUS_PEER_DEAD, or the loop keeps a processor busy.
///
/// Now and then it is readable once too often: receive with a timeout of 0, and wait again when that says
/// SFP_STATUS_TIMED_OUT.
///
/// Parameters:
/// - `channel`: the channel.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the channel was released. -1 if `channel` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_channel_fd(channel: *const sfp_channel) -> c_int {
    value(-1, || Ok(borrow!(channel).0.descriptor().as_raw_fd()))
}
