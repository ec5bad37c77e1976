//! Dispatch sources: your function is called on your queue while something is ready.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use super::boundary::value;
use super::channel::sfp_channel;
use super::child::sfp_child;
use super::consumer::sfp_consumer;
use super::handle::hold;
use super::host::sfp_host;
use super::port::sfp_receive_right;
use super::port_set::sfp_port_set;
use super::producer::sfp_producer;
use super::runloop_source::{Ready, descriptor_of_right, sfp_context_release, sfp_ready_callback};
use crate::error::Result;
use crate::sys::dispatch::{self, dispatch_queue_t, dispatch_source_t};

/// # Safety
/// `queue` is NULL or a queue.
unsafe fn source<T: Send + Sync + 'static>(
    ready: Ready<T>,
    queue: dispatch_queue_t,
) -> Result<dispatch_source_t> {
    // SAFETY: the caller vouches for the queue.
    unsafe { dispatch::create(ready, queue) }.map_err(|(ready, error)| {
        ready.give_up();
        error
    })
}

/// Makes a dispatch source for a receive right: `callback` is called on a queue while it has a message, or
/// a notice as SFP_STATUS_NO_SENDERS. The right cannot be moved as long as the source lives.
///
/// What holds for all sources of this kind: there is one call at a time. In the callback everything is
/// allowed, also to end the source. dispatch_source_cancel() and dispatch_release() end it. When the system
/// does not use it any more, behind both, the source gives back its reference to the handle, and then
/// releases the context, both on the queue. The handle can be released before: the source keeps it. Instead
/// of `callback` you can give the source another event handler, before it is activated, by
/// dispatch_source_set_event_handler(); `callback` may be NULL then. Its cancellation handler is yours; its
/// context and its finalizer (dispatch_set_context(), dispatch_set_finalizer_f()) are the library's.
///
/// Parameters:
/// - `right`: the receive right; the source keeps a reference to it until it is freed.
/// - `queue`: where to call; NULL is the default global queue.
/// - `callback`: what to call; it can be NULL.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
/// dispatch_release(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=OS_OBJECT_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_dispatch_source_create_for_receive_right(
    right: *mut sfp_receive_right,
    queue: dispatch_queue_t,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> dispatch_source_t {
    value(null_mut(), || {
        let handle = hold!(right);
        let right = handle.0.get()?;
        let ready = Ready::new(Arc::new((handle, right)), descriptor_of_right, callback, context, release);
        // SAFETY: the C manual asks for NULL or a queue.
        unsafe { source(ready, queue) }
    })
}

/// Makes a dispatch source for a port set, as sfp_dispatch_source_create_for_receive_right() does:
/// `callback` is called while a member is ready.
///
/// Parameters:
/// - `set`: the port set; the source keeps a reference to it until it is freed.
/// - `queue`: where to call; NULL is the default global queue.
/// - `callback`: what to call; it can be NULL.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
/// dispatch_release(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=OS_OBJECT_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_dispatch_source_create_for_port_set(
    set: *mut sfp_port_set,
    queue: dispatch_queue_t,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> dispatch_source_t {
    value(null_mut(), || {
        let handle = hold!(set);
        let ready = Ready::new(handle, |set: &sfp_port_set| set.0.descriptor(), callback, context, release);
        // SAFETY: the C manual asks for NULL or a queue.
        unsafe { source(ready, queue) }
    })
}

/// Makes a dispatch source for a channel, as sfp_dispatch_source_create_for_receive_right() does:
/// `callback` is called while it has a message, or its peer is dead.
///
/// Parameters:
/// - `channel`: the channel; the source keeps a reference to it until it is freed.
/// - `queue`: where to call; NULL is the default global queue.
/// - `callback`: what to call; it can be NULL.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
/// dispatch_release(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=OS_OBJECT_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_dispatch_source_create_for_channel(
    channel: *mut sfp_channel,
    queue: dispatch_queue_t,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> dispatch_source_t {
    value(null_mut(), || {
        let handle = hold!(channel);
        // SAFETY: the C manual asks for NULL or a queue.
        unsafe {
            source(
                Ready::new(
                    handle,
                    |channel: &sfp_channel| channel.0.descriptor(),
                    callback,
                    context,
                    release,
                ),
                queue,
            )
        }
    })
}

/// Makes a dispatch source for a producer, as sfp_dispatch_source_create_for_receive_right() does:
/// `callback` is called while sfp_producer_acquire(), without waiting, has something to do: an image came
/// free, or consumers want to attach.
///
/// Parameters:
/// - `producer`: the producer; the source keeps a reference to it until it is freed.
/// - `queue`: where to call; NULL is the default global queue.
/// - `callback`: what to call; it can be NULL.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
/// dispatch_release(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=OS_OBJECT_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_dispatch_source_create_for_producer(
    producer: *mut sfp_producer,
    queue: dispatch_queue_t,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> dispatch_source_t {
    value(null_mut(), || {
        let handle = hold!(producer);
        // SAFETY: the C manual asks for NULL or a queue.
        unsafe {
            source(
                Ready::new(
                    handle,
                    |producer: &sfp_producer| producer.0.descriptor(),
                    callback,
                    context,
                    release,
                ),
                queue,
            )
        }
    })
}

/// Makes a dispatch source for a consumer, as sfp_dispatch_source_create_for_receive_right() does:
/// `callback` is called while sfp_consumer_acquire(), without waiting, has something to do. Acquire until
/// SFP_STATUS_TIMED_OUT, in the callback and once before the source is added: only who found no frame is
/// told of the next one.
///
/// Parameters:
/// - `consumer`: the consumer; the source keeps a reference to it until it is freed.
/// - `queue`: where to call; NULL is the default global queue.
/// - `callback`: what to call; it can be NULL.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
/// dispatch_release(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=OS_OBJECT_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_dispatch_source_create_for_consumer(
    consumer: *mut sfp_consumer,
    queue: dispatch_queue_t,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> dispatch_source_t {
    value(null_mut(), || {
        let handle = hold!(consumer);
        // SAFETY: the C manual asks for NULL or a queue.
        unsafe {
            source(
                Ready::new(
                    handle,
                    |consumer: &sfp_consumer| consumer.0.descriptor(),
                    callback,
                    context,
                    release,
                ),
                queue,
            )
        }
    })
}

/// Makes a dispatch source for a host, as sfp_dispatch_source_create_for_receive_right() does: `callback`
/// is called while the host has something to do: the child connected, offered a right to consume, or ended.
///
/// Parameters:
/// - `host`: the host; the source keeps a reference to it until it is freed.
/// - `queue`: where to call; NULL is the default global queue.
/// - `callback`: what to call; it can be NULL.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
/// dispatch_release(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=OS_OBJECT_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_dispatch_source_create_for_host(
    host: *mut sfp_host,
    queue: dispatch_queue_t,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> dispatch_source_t {
    value(null_mut(), || {
        let handle = hold!(host);
        let ready = Ready::new(handle, |host: &sfp_host| host.0.descriptor(), callback, context, release);
        // SAFETY: the C manual asks for NULL or a queue.
        unsafe { source(ready, queue) }
    })
}

/// Makes a dispatch source for a child, as sfp_dispatch_source_create_for_receive_right() does: `callback`
/// is called while the child has something to do: the host offered a right to consume, or is gone.
///
/// Parameters:
/// - `child`: the child; the source keeps a reference to it until it is freed.
/// - `queue`: where to call; NULL is the default global queue.
/// - `callback`: what to call; it can be NULL.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
/// dispatch_release(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=OS_OBJECT_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_dispatch_source_create_for_child(
    child: *mut sfp_child,
    queue: dispatch_queue_t,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> dispatch_source_t {
    value(null_mut(), || {
        let handle = hold!(child);
        let ready = Ready::new(handle, |child: &sfp_child| child.0.descriptor(), callback, context, release);
        // SAFETY: the C manual asks for NULL or a queue.
        unsafe { source(ready, queue) }
    })
}
