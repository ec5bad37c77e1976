//! A system inside of one process, without a kernel: for tests alone.
//!
//! It keeps the contract of `sys` with ports that are queues, memory of the heap and descriptors that are pipes, so that
//! the compiler checks the contract a third time, on every system. Both sides of a connection live in one process, and
//! [`failures`] makes any call fail, once, with any status: a whole scenario runs thousands of times in a second, with
//! another call failing each time. [`owner`] lets a test pretend that it runs in a fork.
//!
//! Built with `--cfg shell` in place of the real system; see CONTRIBUTING.md. There are no processes in it: what starts or
//! watches one answers *unsupported*.

pub(crate) mod bootstrap;
pub(crate) mod doorbell;
pub(crate) mod failures;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod owner;
pub(crate) mod port;
pub(crate) mod port_set;
mod readiness;
pub(crate) mod spawn;
pub(crate) mod surface;
pub(crate) mod vacancy;

pub(crate) use readiness::AnyReadable;
