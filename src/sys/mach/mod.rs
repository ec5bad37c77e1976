//! macOS: Mach ports, memory entries, kqueue. What is of Apple's frameworks is in `apple`.
//!
//! Thin and literal: what can be decided without the kernel is above this folder or in `mach_message`, where tests
//! run on every system. Calls are those of Apple's public headers; each fact that is not in them names its source. "XNU"
//! is the kernel's published source.

pub(crate) mod bootstrap;
mod dead_names;
pub(crate) mod doorbell;
pub(crate) mod memory;
pub(crate) mod message;
pub(super) mod owner;
pub(crate) mod port;
pub(crate) mod port_set;
pub(crate) mod spawn;
mod start;
pub(crate) mod surface;
pub(crate) mod vacancy;

pub(crate) use super::kqueue::AnyReadable;

use mach2::kern_return::{
    KERN_INVALID_RIGHT, KERN_NO_SPACE, KERN_PROTECTION_FAILURE, KERN_RESOURCE_SHORTAGE, KERN_SUCCESS,
    KERN_UREFS_OVERFLOW, kern_return_t,
};
use mach2::port::mach_port_t;
use mach2::traps::mach_task_self;

use crate::error::{Error, Result, Status};

/// This task's port, which names its port space and its memory.
pub(super) fn task() -> mach_port_t {
    // SAFETY: reads a variable that the C library sets before any code of a program runs.
    unsafe { mach_task_self() }
}

/// `Ok` for KERN_SUCCESS, else the status by which a program can decide.
pub(super) fn check(what: &str, code: kern_return_t) -> Result<()> {
    let status = match code {
        KERN_SUCCESS => return Ok(()),
        KERN_NO_SPACE | KERN_RESOURCE_SHORTAGE | KERN_UREFS_OVERFLOW => Status::ResourceExhausted,
        KERN_PROTECTION_FAILURE | KERN_INVALID_RIGHT => Status::PermissionDenied,
        _ => Status::System,
    };
    Err(Error::new(status, format!("{what}: the kernel says {code} ({code:#x})")))
}
