//! Children: connect to the host that started this process.

use std::ffi::c_int;
use std::os::fd::AsRawFd;

use super::boundary::{call, value};
use super::channel::sfp_channel;
use super::consumer::sfp_consumer;
use super::consumer_right::sfp_consumer_right;
use super::handle::{borrow, options, out, release, retain};
use super::message::sfp_sender;
use super::producer::{sfp_producer, sfp_swapchain_options, swapchain_options_from};
use super::status::sfp_status;
use crate::session::Child;
use crate::time::Timeout;

/// The child's side of the session with the host that started this process: sfp_child_connect().
///
/// Calls that fail with SFP_STATUS_PEER_DEAD, because the host is gone, or with SFP_STATUS_CLOSED, because
/// it released its sfp_host, do so behind what the host sent before.
pub struct sfp_child(pub(super) Child);

/// Connects to the host that started this process. Possible once in the life of a process.
///
/// Parameters:
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER has no end.
/// - `child`: becomes the child's side of the session, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_NOT_FOUND: no host started this process.
/// - SFP_STATUS_WRONG_STATE: this succeeded before, or the host heard of this process before, by whatever
///   copy of the library this process has.
/// - SFP_STATUS_REFUSED, SFP_STATUS_UNSUPPORTED: the host says no; the message says why.
/// - SFP_STATUS_PEER_DEAD: the host is gone, at once also while forks of it live.
/// - SFP_STATUS_TIMED_OUT: the host did not answer: nothing in it waits for this child.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. If the host has not heard of this
///   process yet, the call can be made again.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_connect(timeout_ns: i64, child: *mut *mut sfp_child) -> sfp_status {
    call(|| {
        let child = out!(child);
        child.give(sfp_child(Child::connect(Timeout::from_nanoseconds(timeout_ns))?));
        Ok(())
    })
}

/// Makes one more reference to the child's side of a session.
///
/// Parameters:
/// - `child`: the child's side of the session; NULL is nothing.
///
/// Returns `child`, as a reference of its own that needs its own sfp_child_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_retain(child: *mut sfp_child) -> *mut sfp_child {
    retain!(child)
}

/// Ends a reference to the child's side of a session. The last one ends the session, which the host
/// learns. Producers, consumers and channels stay what they are.
///
/// Parameters:
/// - `child`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_release(child: *mut sfp_child) {
    release!(child);
}

/// Makes a swapchain, and offers it to the host, which gets it by sfp_host_accept_consumer().
///
/// Parameters:
/// - `child`: the child's side of the session.
/// - `options`: size, format, images, mode; begin with SFP_SWAPCHAIN_OPTIONS_INIT.
/// - `producer`: becomes the producer, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the one that connected.
/// - SFP_STATUS_PEER_DEAD: the host is gone.
/// - SFP_STATUS_TIMED_OUT: the host takes nothing in.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it, or no memory.
/// - Otherwise as sfp_producer_create(). No producer is left after a failure.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_create_producer(
    child: *mut sfp_child,
    options: *const sfp_swapchain_options,
    producer: *mut *mut sfp_producer,
) -> sfp_status {
    call(|| {
        let (child, producer) = (borrow!(child), out!(producer));
        let options = swapchain_options_from(options!(options))?;
        producer.give(sfp_producer(child.0.create_producer(&options)?));
        Ok(())
    })
}

/// Gives the host a right to consume a swapchain of this or another process. Does not wait for the host
/// to accept it; waits up to 5 seconds while more is queued than the host takes in.
///
/// Parameters:
/// - `child`: the child's side of the session.
/// - `right`: the right; it stays yours.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the one that connected.
/// - SFP_STATUS_PEER_DEAD: the host is gone.
/// - SFP_STATUS_TIMED_OUT: the host takes nothing in.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_offer_consumer_right(
    child: *mut sfp_child,
    right: *mut sfp_consumer_right,
) -> sfp_status {
    call(|| {
        let (child, right) = (borrow!(child), borrow!(right));
        Ok(child.0.offer_consumer_right(right.0.try_clone()?)?)
    })
}

/// Attaches to the next swapchain that the host offers by sfp_host_offer_consumer_right(); waits until
/// there is one.
///
/// Parameters:
/// - `child`: the child's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `consumer`: becomes the consumer, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the one that connected.
/// - SFP_STATUS_TIMED_OUT: the host offered nothing.
/// - SFP_STATUS_PEER_DEAD, SFP_STATUS_CLOSED: the session is over, and all that was offered accepted.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it; nothing is lost.
/// - Otherwise as sfp_consumer_attach().
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_accept_consumer(
    child: *mut sfp_child,
    timeout_ns: i64,
    consumer: *mut *mut sfp_consumer,
) -> sfp_status {
    call(|| {
        let (child, consumer) = (borrow!(child), out!(consumer));
        consumer.give(sfp_consumer(child.0.accept_consumer(Timeout::from_nanoseconds(timeout_ns))?));
        Ok(())
    })
}

/// Takes the next right to consume that the host offers.
///
/// Parameters:
/// - `child`: the child's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns as sfp_child_accept_consumer().
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_accept_consumer_right(
    child: *mut sfp_child,
    timeout_ns: i64,
    right: *mut *mut sfp_consumer_right,
) -> sfp_status {
    call(|| {
        let (child, right) = (borrow!(child), out!(right));
        let accepted = child.0.accept_consumer_right(Timeout::from_nanoseconds(timeout_ns))?;
        right.give(sfp_consumer_right(accepted));
        Ok(())
    })
}

/// Gives the channel for messages of your own.
///
/// Parameters:
/// - `child`: the child's side of the session.
/// - `channel`: becomes the channel, a reference that you release.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_channel(
    child: *mut sfp_child,
    channel: *mut *mut sfp_channel,
) -> sfp_status {
    call(|| {
        let (child, channel) = (borrow!(child), out!(channel));
        channel.give(sfp_channel(child.0.channel().clone()));
        Ok(())
    })
}

/// Waits until the host ends the session, in good order or not.
///
/// Parameters:
/// - `child`: the child's side of the session.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: the session goes on.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for what the host offers.
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_wait_closed(child: *mut sfp_child, timeout_ns: i64) -> sfp_status {
    call(|| borrow!(child).0.wait_closed(Timeout::from_nanoseconds(timeout_ns)))
}

/// Tells who the host is, as the kernel says it.
///
/// Parameters:
/// - `child`: the child's side of the session.
/// - `host`: becomes the host's process, user and group.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_host(child: *const sfp_child, host: *mut sfp_sender) -> sfp_status {
    call(|| {
        let (child, host) = (borrow!(child), out!(host));
        host.set(child.0.host().into());
        Ok(())
    })
}

/// What both sides can do beyond the first version, as bits; none is defined yet.
///
/// Parameters:
/// - `child`: the child's side of the session.
///
/// Returns the bits; 0 if `child` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_features(child: *const sfp_child) -> u64 {
    value(0, || Ok(borrow!(child).0.features()))
}

/// How many messages were refused that did not come from the host or were not well-formed.
///
/// Parameters:
/// - `child`: the child's side of the session.
///
/// Returns the number; 0 if `child` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_refused(child: *const sfp_child) -> u64 {
    value(0, || Ok(borrow!(child).0.refused()))
}

/// A file descriptor that is readable when there is something to do, for poll, epoll or kqueue: call
/// sfp_child_accept_consumer_right() or sfp_child_wait_closed() with the timeout 0 then.
///
/// It is readable for good once the host is gone. The channel, each producer and each consumer have
/// descriptors of their own.
///
/// Parameters:
/// - `child`: the child's side of the session.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the child's side was released. -1 if `child` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_child_fd(child: *const sfp_child) -> c_int {
    value(-1, || Ok(borrow!(child).0.descriptor().as_raw_fd()))
}
