//! What macOS has beside Mach: IOSurface, and the run loops and dispatch queues that programs wait in.

pub(crate) mod dispatch;
pub(crate) mod iosurface;
mod pixel_buffer;
pub(crate) mod runloop;
