//! Run loop sources of Core Foundation: on the thread of a run loop a function is called when a descriptor is readable.
//!
//! A source of version 1 (`CFRunLoopSourceContext1`) is one whose Mach port the run loop waits for itself, so it needs
//! to know nothing of the run loops and modes that it is in. The way of a call:
//!
//! ```text
//! descriptor ──> kqueue ──> dispatch source ──> wake port ──> run loop ──> the user's function
//!                  ^        (a thread of the     (room for    (the user's     |
//!                  |         system's pool)       1 message)   thread)        |
//!                  └──────────────── armed again, behind it ─────────────────┘
//! ```
//!
//! The event in the kqueue is of the kind that disarms itself (`EV_DISPATCH`). So there is one call for one arming,
//! never two at a time, and a function that leaves something unread is called again.
//!
//! `CFFileDescriptor` would do the same. But its documentation does not say that who invalidates and releases its
//! source has ended the descriptor object, too, and the source is all that our callers get.

use std::ffi::c_void;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::null_mut;
use std::sync::Arc;

use objc2_core_foundation::{
    CFAllocator, CFIndex, CFRetained, CFRunLoopSource, CFRunLoopSourceContext, CFRunLoopSourceContext1,
};

use super::dispatch::{Running, Watch};
use crate::error::{Error, Result, Status};
use crate::sys::kqueue::Kqueue;
use crate::sys::mach::doorbell::Ringer;
use crate::sys::mach::port::{construct, destroy_receive_right, insert_send_right};
use crate::sys::mach_message::Name;

/// What belongs to a source, from its making until Core Foundation frees it.
struct Contents<W> {
    /// Ends first: what it has to do with the descriptor is over then.
    machinery: Machinery,
    watch: W,
}

/// All between the descriptor and the run loop.
struct Machinery {
    _bell: Running,
    kqueue: Arc<Kqueue>,
    wake: WakePort,
}

/// The receive right of a port that holds one message.
struct WakePort(Name);

impl Drop for WakePort {
    fn drop(&mut self) {
        // A ringer that is still in use keeps the name from being used again.
        destroy_receive_right(self.0);
    }
}

impl Machinery {
    fn new(descriptor: BorrowedFd<'_>) -> Result<Self> {
        let wake = WakePort(construct(1)?);
        // It is never sent on, so whatever arrives was rung.
        let ringer = Ringer::from_send_right(insert_send_right(wake.0)?);
        let kqueue = Arc::new(Kqueue::new()?);
        kqueue.arm_descriptor(descriptor)?;
        let bell = Running::new(Bell { kqueue: Arc::clone(&kqueue), ringer })?;
        Ok(Self { _bell: bell, kqueue, wake })
    }
}

/// Rings the wake port when the kqueue has its event.
struct Bell {
    kqueue: Arc<Kqueue>,
    ringer: Ringer,
}

impl Watch for Bell {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.kqueue.as_fd()
    }

    fn ready(&self) {
        // To take the event disarms it. Where there is none, the call before took it.
        if let Ok(Some(_)) = self.kqueue.next() {
            // A port that is gone has nobody to wake.
            let _ = self.ringer.ring();
        }
    }
}

/// `CFRunLoopSourceRef`, one reference to it.
pub(crate) type CFRunLoopSourceRef = *mut CFRunLoopSource;

/// A source that belongs to the caller and is in no run loop yet. The watch is dropped when the source is freed, on the
/// thread that releases it last. On failure it comes back.
pub(crate) fn create<W: Watch>(watch: W) -> Result<CFRunLoopSourceRef, (W, Error)> {
    let contents = match Machinery::new(watch.descriptor()) {
        Ok(machinery) => Box::new(Contents { watch, machinery }),
        Err(error) => return Err((watch, error)),
    };
    let mut context = CFRunLoopSourceContext1 {
        version: 1,
        info: Box::into_raw(contents).cast(),
        // The first reference is the source's: it copies `info`, and releases it once, when it is freed.
        retain: None,
        release: Some(release::<W>),
        copyDescription: None,
        equal: None,
        hash: None,
        getPort: Some(port::<W>),
        perform: Some(perform::<W>),
    };
    // SAFETY: no allocator is the default one, and contexts of both versions are passed by this pointer type; the
    // version says which one it is, see <CoreFoundation/CFRunLoop.h>.
    let source =
        unsafe { CFRunLoopSource::new(None, 0, (&raw mut context).cast::<CFRunLoopSourceContext>()) };
    match source {
        Some(source) => Ok(CFRetained::into_raw(source).as_ptr()),
        None => {
            // SAFETY: it was not taken.
            let contents = unsafe { Box::from_raw(context.info.cast::<Contents<W>>()) };
            Err((contents.watch, Error::fixed(Status::ResourceExhausted, "CFRunLoopSourceCreate failed")))
        }
    }
}

unsafe extern "C-unwind" fn release<W: Watch>(info: *const c_void) {
    // SAFETY: it is the `Box` of `create`, which the source owned, and its end.
    drop(unsafe { Box::from_raw(info.cast_mut().cast::<Contents<W>>()) });
}

unsafe extern "C-unwind" fn port<W: Watch>(info: *mut c_void) -> Name {
    // SAFETY: the source that calls owns it.
    unsafe { &*info.cast::<Contents<W>>() }.machinery.wake.0
}

/// A run loop holds the source while it calls this, so `info` lives also if the user's function invalidates the source
/// and releases it. The message is a header only: nothing in it needs an end.
unsafe extern "C-unwind" fn perform<W: Watch>(
    _message: *mut c_void,
    _size: CFIndex,
    _allocator: *const CFAllocator,
    info: *mut c_void,
) -> *mut c_void {
    // SAFETY: the source that calls owns it.
    let contents = unsafe { &*info.cast::<Contents<W>>() };
    contents.watch.ready();
    // The kqueue has the event already, so this needs no memory.
    let _ = contents.machinery.kqueue.arm_descriptor(contents.watch.descriptor());
    null_mut() // no answer
}
