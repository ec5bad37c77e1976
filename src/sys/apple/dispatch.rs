//! Dispatch sources: on a queue of libdispatch a function is called while a descriptor is readable.
//!
//! libdispatch is a part of libSystem. What is declared here is as `<dispatch/object.h>`, `<dispatch/queue.h>` and
//! `<dispatch/source.h>` of the macOS SDK have it.

use std::ffi::c_void;
use std::marker::{PhantomData, PhantomPinned};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::error::{Error, Result, Status};

/// Something with a descriptor, and what to do while that is readable.
pub(crate) trait Watch: Send + Sync + 'static {
    /// The same one each time, open for as long as this lives.
    fn descriptor(&self) -> BorrowedFd<'_>;

    fn ready(&self);
}

/// A type of libdispatch that only it looks into.
#[repr(C)]
struct Opaque {
    nothing: [u8; 0],
    /// Neither `Send` nor `Sync`, and never moved.
    elsewhere: PhantomData<(*mut u8, PhantomPinned)>,
}

/// `dispatch_source_t` and `dispatch_queue_t`, which are also `dispatch_object_t`.
#[allow(non_camel_case_types)]
pub(crate) type dispatch_source_t = *mut c_void;
#[allow(non_camel_case_types)]
pub(crate) type dispatch_queue_t = *mut c_void;

#[allow(non_camel_case_types)]
type dispatch_function_t = Option<unsafe extern "C" fn(*mut c_void)>;

unsafe extern "C" {
    /// `DISPATCH_SOURCE_TYPE_READ` is its address.
    static _dispatch_source_type_read: Opaque;

    fn dispatch_source_create(
        kind: *const Opaque,
        handle: usize,
        mask: usize,
        queue: dispatch_queue_t,
    ) -> dispatch_source_t;
    fn dispatch_source_set_event_handler_f(source: dispatch_source_t, handler: dispatch_function_t);
    fn dispatch_source_cancel(source: dispatch_source_t);
    fn dispatch_set_context(object: *mut c_void, context: *mut c_void);
    fn dispatch_set_finalizer_f(object: *mut c_void, finalizer: dispatch_function_t);
    fn dispatch_activate(object: *mut c_void);
    fn dispatch_release(object: *mut c_void);
    fn dispatch_get_global_queue(identifier: isize, flags: usize) -> dispatch_queue_t;
}

/// `QOS_CLASS_USER_INTERACTIVE` of `<sys/qos.h>`.
const USER_INTERACTIVE: isize = 0x21;

/// A source that is not active yet and belongs to the caller, as from `dispatch_source_create`. Its event handler
/// calls [`Watch::ready`]. On failure the watch comes back.
///
/// The watch is dropped on the queue by the source's finalizer. That is behind its cancellation or its last release,
/// whichever comes, when the system does not look at the descriptor any more; a cancellation handler is
/// not called for a source that is released without having been cancelled, so it could not do that.
///
/// # Safety
/// `queue` is NULL, for the default one, or a queue.
pub(crate) unsafe fn create<W: Watch>(
    watch: W,
    queue: dispatch_queue_t,
) -> Result<dispatch_source_t, (W, Error)> {
    let descriptor = watch.descriptor().as_raw_fd().cast_unsigned() as usize;
    // SAFETY: the type is one of libdispatch's, the mask has no meaning for it, the caller vouches for the queue, and
    // the descriptor stays open until the finalizer has dropped the watch.
    let source =
        unsafe { dispatch_source_create(&raw const _dispatch_source_type_read, descriptor, 0, queue) };
    if source.is_null() {
        return Err((watch, Error::fixed(Status::System, "dispatch_source_create failed")));
    }
    let context = Box::into_raw(Box::new(watch)).cast();
    // SAFETY: the source is new and inactive, so nobody else uses it. Its context is a `Box` of the type that both
    // functions expect; the handler borrows it, and the finalizer, which runs once, behind all handlers, owns it.
    unsafe {
        dispatch_set_context(source, context);
        dispatch_source_set_event_handler_f(source, Some(call_ready::<W>));
        dispatch_set_finalizer_f(source, Some(finish::<W>));
    }
    Ok(source)
}

unsafe extern "C" fn call_ready<W: Watch>(context: *mut c_void) {
    // SAFETY: see `create`; a handler runs only before the finalizer.
    unsafe { &*context.cast::<W>() }.ready();
}

unsafe extern "C" fn finish<W: Watch>(context: *mut c_void) {
    // SAFETY: see `create`; this runs once, and nothing uses the context behind it.
    drop(unsafe { Box::from_raw(context.cast::<W>()) });
}

/// A source of our own, active from the start on a queue of the system's. Ends when it is dropped; the watch a little
/// later, on the queue.
#[derive(Debug)]
pub(in crate::sys) struct Running(dispatch_source_t);

// SAFETY: sources can be used from any thread, <dispatch/source.h>.
unsafe impl Send for Running {}
// SAFETY: as above.
unsafe impl Sync for Running {}

impl Running {
    pub(in crate::sys) fn new<W: Watch>(watch: W) -> Result<Self> {
        // SAFETY: the identifier is a class of service, and flags are reserved; never NULL for such.
        let queue = unsafe { dispatch_get_global_queue(USER_INTERACTIVE, 0) };
        // SAFETY: it is a queue.
        let source = unsafe { create(watch, queue) }.map_err(|(_, error)| error)?;
        // SAFETY: it is new, and active once only.
        unsafe { dispatch_activate(source) };
        Ok(Self(source))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: it is ours, active, and not used behind this. A handler that runs now still has the source.
        unsafe {
            dispatch_source_cancel(self.0);
            dispatch_release(self.0);
        }
    }
}
