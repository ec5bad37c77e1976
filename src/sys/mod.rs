//! The operating system, behind one contract. Everything above this folder reads as if there were one system.
//!
//! What exists once for each system has the same file names in `linux` and in `mach`. The files beside this one are
//! common to all; of them `mach_message` builds and takes apart Mach messages as bytes, wherever its tests run, and
//! `apple` is what macOS has beside Mach.
//!
//! # `port`, `port_set`
//!
//! - `SendRight`: may be duplicated (`try_clone`) and sent. `is_dead` tells whether the receive right is gone.
//!   Raw form: `RawRight`, by `into_raw` and `from_raw` (checked).
//! - `SendOnceRight`: good for one message, then it is used up. If it dies unused its receiver learns that.
//! - `ReceiveRight`: `new`; `make_send` and `make_send_once` at any time; whole messages, in order for each
//!   sender; bounded. It reports *no senders* once each time that the last send right is gone, however often
//!   it was duplicated or sent on. `descriptor` is readable when `receive` would not wait. `refuse_senders`, before
//!   its end: a fork that has a copy of the right keeps no sender waiting.
//! - `MovingReceiveRight`: a receive right on its way through a message (`pack`, `unpack`); what is queued, and
//!   what is sent meanwhile, arrives at the new owner.
//! - `PortSet`: many receive rights, processes, and watches for dead names, behind one descriptor, served in turn. Its descriptor,
//!   as that of `AnyReadable`, may still be readable for what somebody has received meanwhile; `settle` ends that, and a
//!   call that finds nothing ends with it.
//!
//! # `message`
//!
//! - `send`: whole or not at all. On failure every attachment is still in the message. `Deadline::NOW` never
//!   waits. A send-once right is used up by success only.
//! - `ReceiveRight::receive`: a message whose envelope, rights, seals and sizes are checked. A malformed one is
//!   destroyed whole and reported as such, with its sender and its number where they are known. A lack of descriptors or
//!   memory loses nothing: the message stays queued.
//! - `Sender`: who the kernel says sent this very message.
//!
//! # `bootstrap`
//!
//! - `check_in`: one owner of a name at a time; the name of a dead owner is free at once. `look_up`: a send
//!   right, or *not found*, or waits until the name appears. Only the same user gets in.
//!
//! # `memory`
//!
//! - `Memory`: a mapped region that can be sent; its size never changes while anyone has it. With
//!   `Protection::ReadOnlyForOthers` only the maker can ever write. `sealed` regions nobody can write: their
//!   bytes may be borrowed as a slice. `keep_from_forks`: forks are made without it, and its end there unmaps nothing.
//!
//! # `surface`
//!
//! - `Surface`: pixels with IOSurface's vocabulary, mapped; `seed`, uses, purgeable state and values are shared
//!   between processes and are information, never something that safety rests on. `FORKS_SEE_IT` says whether a fork
//!   can look at its parent's. `create` takes the backing: of
//!   the system's own kind, or a `memory_surface`. `describe` is what a message says of it. Values are read and
//!   written one by one, so that two processes that change different ones lose none.
//!
//! # `doorbell`
//!
//! - `doorbell()` makes a `Doorbell` (waits) and its `Ringer` (sent to the other side as a send right).
//!   Rings coalesce; ringing never blocks, whatever the other side does to its end.
//!
//! # `vacancy`
//!
//! - `Vacancy`: `new` of a send right. Its descriptor is readable from the time at which a port's queue has room, once
//!   `watch` has asked for that and until `forget`; and for good when the port is dead. How much room is the system's own
//!   affair: for one more message at least. Both calls settle what is over.
//!
//! # `spawn`
//!
//! - `Inheritance`: what a child needs to find its host: the way to a port, and a token. `spawn`: starts a process that
//!   inherits that and no other right of ours; when it fails there is no child. `take_inheritance`: once in a process,
//!   however many copies of this library are in it; a call that fails takes nothing. `watch_host`: what tells of the end of
//!   who made it, where the end of the port does not.
//! - `Process`: is it alive, wait for its end with a deadline, its exit status; no identifier is ever reused under it, and
//!   it kills nobody but a child that is not reaped or a process that the kernel named. It is made of `Watched`, whose
//!   descriptor is readable when the process has ended, and may be readable at other times.
//! - `entry_of`: what the system says of a process, by its number: none, one that may not be looked at, or its start and
//!   whether it has ended. `pid_namespace`: where these numbers are valid. `is_our_user`: whether a sender's user is ours.
//!
//! # `owner`
//!
//! - `Mark`: tells a process from its ancestors and forks, without a system call where the system can. `Owner` is made of
//!   it: each handle remembers who made it, and in a fork does no more than let go. Each right and set, and `Memory`,
//!   tells its `owner`; whoever calls its other methods has asked that one.
//!
//! # Waiting
//!
//! - `wait_readable`: waits until one of a few descriptors is readable. `AnyReadable`: some descriptors behind
//!   one. `monotonic_nanoseconds`: the clock.

#![cfg_attr(
    shell,
    allow(dead_code, unused_imports, unreachable_code, reason = "it has no processes and no wire")
)]

pub(crate) mod contents;
#[cfg(test)]
mod doorbell_tests;
// Its tests run wherever the library is.
#[cfg(any(test, target_os = "macos"))]
mod iosurface_geometry;
#[cfg(target_os = "macos")]
mod kqueue;
// Its tests run wherever the library is.
mod inherited;
#[cfg(any(test, fuzzing, target_os = "macos"))]
#[cfg_attr(not(target_os = "macos"), allow(dead_code, unused_imports, reason = "macOS uses all of it"))]
pub(crate) mod mach_message;
mod memory_access;
pub(crate) mod memory_surface;
mod notices;
pub(crate) mod owner;
pub(crate) mod posix;
pub(crate) mod process;
pub(crate) mod shared_values;
#[cfg(test)]
mod vacancy_tests;
pub(crate) mod wire;

pub(crate) use posix::{monotonic_nanoseconds, wait_readable};

#[cfg(all(target_os = "linux", not(shell)))]
mod linux;
#[cfg(all(target_os = "linux", not(shell)))]
use linux as system;

#[cfg(all(target_os = "macos", not(shell)))]
mod apple;
#[cfg(all(target_os = "macos", not(shell)))]
mod mach;
#[cfg(all(target_os = "macos", not(shell)))]
pub(crate) use apple::{dispatch, runloop};
#[cfg(all(target_os = "macos", not(shell)))]
use mach as system;

// A system for tests, inside of one process, whose every call can fail.
#[cfg(shell)]
pub(crate) mod shell;
#[cfg(shell)]
use shell as system;

pub(crate) use system::{
    AnyReadable, bootstrap, doorbell, memory, message, port, port_set, spawn, surface, vacancy,
};

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("surfaceport runs on Linux and macOS");
