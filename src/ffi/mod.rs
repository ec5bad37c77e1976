//! The C API: every call checks what C gave it, calls the layer below, and converts the answer. No logic here.
//!
//! The modules and what is in them stand in the order of the manual, `include/surfaceport.h`, which is generated
//! from here: comments of exported items are written for readers of C. `handle` has what the calls share.
//!
//! What holds for all calls, so that it is not repeated at each:
//!
//! - Pointers are what their comments say, or NULL; the macros of `handle` check for NULL, and trust the rest.
//! - Nothing unwinds into C: `boundary` runs every body.
//! - A result is written last, after everything that can fail.

#![allow(non_camel_case_types)]
// The C manual says what each pointer must be; a Rust heading `# Safety` has no place in it.
#![allow(clippy::missing_safety_doc)]

mod boundary;
mod handle;

pub mod status;

pub mod version;

pub mod time;

pub mod port;

pub mod port_set;

pub mod message;

pub mod bootstrap;

pub mod memory;

pub mod surface;

#[cfg(target_os = "macos")]
pub mod iosurface;

pub mod channel;

pub mod producer;

pub mod consumer_right;

pub mod consumer;

pub mod host;

pub mod child;

pub mod invitation;

#[cfg(target_os = "macos")]
pub mod mach_port;

#[cfg(target_os = "macos")]
pub mod runloop_source;

#[cfg(target_os = "macos")]
pub mod dispatch_source;
