//! macOS: Mach ports, memory entries, kqueue, IOSurface.
//!
//! What needs no kernel is compiled and tested on every system.

pub(crate) mod codec;
