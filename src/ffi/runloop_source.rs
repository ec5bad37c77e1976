//! Run loop sources: your function is called on your run loop when something can become ready.
//!
//! Each has the same life, so that the system's side needs to know only a descriptor; see `sys::apple::runloop`.

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::ptr::null_mut;
use std::sync::Arc;

use super::boundary::value;
use super::channel::sfp_channel;
use super::child::sfp_child;
use super::consumer::sfp_consumer;
use super::handle::{hold, is_null};
use super::host::sfp_host;
use super::port::sfp_receive_right;
use super::port_set::sfp_port_set;
use super::producer::sfp_producer;
use crate::error::Result;
use crate::port::ReceiveRight;
use crate::sys::dispatch::Watch;
use crate::sys::runloop::{self, CFRunLoopSourceRef};

/// Called when something is ready: take what is there, with the timeout 0. Now and then there is nothing any more.
///
/// For what is left it is called again. Behind the end, SFP_STATUS_CLOSED or SFP_STATUS_PEER_DEAD, there is always
/// something: end the source then, or it is called over and over.
pub type sfp_ready_callback = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// Called once, when the source that was given `context` does not need it any more, and has done its last
/// call.
pub type sfp_context_release = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// What C gave to be called.
pub(super) struct Callback {
    function: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
}

// SAFETY: the C manual says on which threads the functions are called, and C lends the context to them.
unsafe impl Send for Callback {}
// SAFETY: as above; no source makes two calls at a time.
unsafe impl Sync for Callback {}

impl Drop for Callback {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the C manual says that this is called once, behind the last use.
            unsafe { release(self.context) };
        }
    }
}

/// A handle with a descriptor, and what to call. Fields end in their order: the handle before the context.
pub(super) struct Ready<T> {
    handle: Arc<T>,
    descriptor: fn(&T) -> BorrowedFd<'_>,
    callback: Callback,
}

/// The handle, which the callback may use, and what is in it, which cannot move elsewhere meanwhile.
pub(super) type KeptReceiveRight = (Arc<sfp_receive_right>, Arc<ReceiveRight>);

pub(super) fn descriptor_of_right((_handle, right): &KeptReceiveRight) -> BorrowedFd<'_> {
    right.descriptor()
}

impl<T: Send + Sync + 'static> Ready<T> {
    pub(super) fn new(
        handle: Arc<T>,
        descriptor: fn(&T) -> BorrowedFd<'_>,
        callback: sfp_ready_callback,
        context: *mut c_void,
        release: sfp_context_release,
    ) -> Self {
        Self { handle, descriptor, callback: Callback { function: callback, context, release } }
    }

    /// The end where no source was made: the context is still the caller's.
    pub(super) fn give_up(mut self) {
        self.callback.release = None;
    }
}

impl<T: Send + Sync + 'static> Watch for Ready<T> {
    fn descriptor(&self) -> BorrowedFd<'_> {
        (self.descriptor)(&self.handle)
    }

    fn ready(&self) {
        let Callback { function, context, .. } = self.callback;
        if let Some(function) = function {
            // SAFETY: the C manual asks for a function that can be called with the context until that is released.
            unsafe { function(context) };
        }
    }
}

fn source<T: Send + Sync + 'static>(ready: Ready<T>) -> Result<CFRunLoopSourceRef> {
    if ready.callback.function.is_none() {
        ready.give_up();
        return Err(is_null("callback"));
    }
    runloop::create(ready).map_err(|(ready, error)| {
        ready.give_up();
        error
    })
}

/// Makes a run loop source for a receive right: `callback` is called on the run loops that it was added to
/// while it has a message, or a notice as SFP_STATUS_NO_SENDERS. The right cannot be moved as long as the
/// source lives.
///
/// What holds for all sources of this kind: there is one call at a time, on a thread of a run loop that the
/// source is in. In the callback everything is allowed, also to end the source. CFRunLoopSourceInvalidate()
/// ends it: behind that, when it is made on the run loop's thread, there is no call any more. When the last
/// reference to it goes, on whatever thread, the source gives back its reference to the handle, and then
/// releases the context. The handle can be released before: the source keeps it.
///
/// Parameters:
/// - `right`: the receive right; the source keeps a reference to it until it is freed.
/// - `callback`: what to call.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
/// CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=CF_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_runloop_source_create_for_receive_right(
    right: *mut sfp_receive_right,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> CFRunLoopSourceRef {
    value(null_mut(), || {
        let handle = hold!(right);
        let right = handle.0.get()?;
        source(Ready::new(Arc::new((handle, right)), descriptor_of_right, callback, context, release))
    })
}

/// Makes a run loop source for a port set, as sfp_runloop_source_create_for_receive_right() does:
/// `callback` is called while a member is ready.
///
/// Parameters:
/// - `set`: the port set; the source keeps a reference to it until it is freed.
/// - `callback`: what to call.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
/// CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=CF_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_runloop_source_create_for_port_set(
    set: *mut sfp_port_set,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> CFRunLoopSourceRef {
    value(null_mut(), || {
        let handle = hold!(set);
        source(Ready::new(handle, |set: &sfp_port_set| set.0.descriptor(), callback, context, release))
    })
}

/// Makes a run loop source for a channel, as sfp_runloop_source_create_for_receive_right() does: `callback`
/// is called while it has a message, or its peer is dead.
///
/// Parameters:
/// - `channel`: the channel; the source keeps a reference to it until it is freed.
/// - `callback`: what to call.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
/// CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=CF_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_runloop_source_create_for_channel(
    channel: *mut sfp_channel,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> CFRunLoopSourceRef {
    value(null_mut(), || {
        let handle = hold!(channel);
        source(Ready::new(handle, |channel: &sfp_channel| channel.0.descriptor(), callback, context, release))
    })
}

/// Makes a run loop source for a producer, as sfp_runloop_source_create_for_receive_right() does:
/// `callback` is called while sfp_producer_acquire(), without waiting, has something to do: an image came
/// free, or consumers want to attach.
///
/// Parameters:
/// - `producer`: the producer; the source keeps a reference to it until it is freed.
/// - `callback`: what to call.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
/// CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=CF_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_runloop_source_create_for_producer(
    producer: *mut sfp_producer,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> CFRunLoopSourceRef {
    value(null_mut(), || {
        let handle = hold!(producer);
        source(Ready::new(
            handle,
            |producer: &sfp_producer| producer.0.descriptor(),
            callback,
            context,
            release,
        ))
    })
}

/// Makes a run loop source for a consumer, as sfp_runloop_source_create_for_receive_right() does:
/// `callback` is called while sfp_consumer_acquire(), without waiting, has something to do. Acquire until
/// SFP_STATUS_TIMED_OUT, in the callback and once before the source is added: only who found no frame is
/// told of the next one.
///
/// Parameters:
/// - `consumer`: the consumer; the source keeps a reference to it until it is freed.
/// - `callback`: what to call.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
/// CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=CF_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_runloop_source_create_for_consumer(
    consumer: *mut sfp_consumer,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> CFRunLoopSourceRef {
    value(null_mut(), || {
        let handle = hold!(consumer);
        source(Ready::new(
            handle,
            |consumer: &sfp_consumer| consumer.0.descriptor(),
            callback,
            context,
            release,
        ))
    })
}

/// Makes a run loop source for a host, as sfp_runloop_source_create_for_receive_right() does: `callback` is
/// called while the host has something to do: the child connected, offered a right to consume, or ended.
///
/// Parameters:
/// - `host`: the host; the source keeps a reference to it until it is freed.
/// - `callback`: what to call.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
/// CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=CF_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_runloop_source_create_for_host(
    host: *mut sfp_host,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> CFRunLoopSourceRef {
    value(null_mut(), || {
        let handle = hold!(host);
        source(Ready::new(handle, |host: &sfp_host| host.0.descriptor(), callback, context, release))
    })
}

/// Makes a run loop source for a child, as sfp_runloop_source_create_for_receive_right() does: `callback`
/// is called while the child has something to do: the host offered a right to consume, or is gone.
///
/// Parameters:
/// - `child`: the child; the source keeps a reference to it until it is freed.
/// - `callback`: what to call.
/// - `context`: what to call it with; it can be NULL.
/// - `release`: what to call with the context, once, when the source does not need it any more; it can
///   be NULL.
///
/// Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
/// CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
///
/// Threads: any. Systems: macOS.
/// cbindgen:postfix=CF_RETURNS_RETAINED
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_runloop_source_create_for_child(
    child: *mut sfp_child,
    callback: sfp_ready_callback,
    context: *mut c_void,
    release: sfp_context_release,
) -> CFRunLoopSourceRef {
    value(null_mut(), || {
        let handle = hold!(child);
        source(Ready::new(handle, |child: &sfp_child| child.0.descriptor(), callback, context, release))
    })
}
