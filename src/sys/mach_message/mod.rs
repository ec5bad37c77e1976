//! Mach messages as bytes: built and taken apart through declared layouts, without the kernel.
//!
//! What a received message carries is gathered first, into owners that give it back when they are dropped, and only
//! then judged. So whatever is wrong with a message, all of its rights and memory are destroyed with it.
//!
//! Layouts are those of `mach/message.h` of 64-bit systems (XNU, `osfmk/mach/message.h`): 4-byte packing.

use zerocopy::native_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

pub(crate) use incoming::{
    Audit, GivenBack, Notification, body_bytes, check_parts, size_of_waiting, take_apart, take_back,
};
pub(crate) use outgoing::{Destination, Lent, build};

/// The name of a right in this task; 0 is none.
pub(crate) type Name = u32;
/// `MACH_PORT_DEAD`.
pub(crate) const DEAD: Name = u32::MAX;

/// `MACH_MSGH_BITS_COMPLEX`.
const COMPLEX: u32 = 0x8000_0000;
/// How a right travels: `MACH_MSG_TYPE_COPY_SEND`.
const COPY_SEND: u8 = 19;
/// `MACH_MSGH_BITS_REMOTE_MASK`; the local port's disposition stands at bit 8: `MACH_MSGH_BITS_LOCAL_MASK`.
const LOCAL_SHIFT: u32 = 8;
/// The most bytes that `round_msg` of `mach/message.h` adds.
const ROUNDING: usize = 4;
/// `MACH_MSG_VIRTUAL_COPY`.
const VIRTUAL_COPY: u8 = 1;
/// What the library's own messages have as `msgh_id`; the user's number is in the envelope.
pub(crate) const MESSAGE_ID: i32 = 0x5346_504d;
/// Room for the largest trailer that any system appends: `MAX_TRAILER_SIZE` is 68, which other kernels may exceed.
pub(crate) const TRAILER_ROOM: usize = 128;

/// `MACH_MSGH_BITS_REMOTE_MASK`; the voucher's disposition stands at bit 16: `MACH_MSGH_BITS_VOUCHER_MASK`.
const REMOTE_MASK: u32 = 0x1f;
const VOUCHER_SHIFT: u32 = 16;
/// `MACH_MSG_TYPE_MOVE_RECEIVE`, `_MOVE_SEND`, `_MOVE_SEND_ONCE`: what a receiver sees as `PORT_RECEIVE` and so on.
const PORT_RECEIVE: u8 = 16;
const PORT_SEND: u8 = 17;
const PORT_SEND_ONCE: u8 = 18;
/// `MACH_MSG_PORT_DESCRIPTOR` and its fellows.
const PORT_DESCRIPTOR: u8 = 0;
const OOL_DESCRIPTOR: u8 = 1;
const OOL_PORTS_DESCRIPTOR: u8 = 2;
const OOL_VOLATILE_DESCRIPTOR: u8 = 3;
const GUARDED_PORT_DESCRIPTOR: u8 = 4;
/// Notifications: `mach/notify.h`.
const NOTIFY_SEND_POSSIBLE: i32 = 66;
const NOTIFY_NO_SENDERS: i32 = 70;
const NOTIFY_SEND_ONCE: i32 = 71;
const NOTIFY_DEAD_NAME: i32 = 72;

/// `mach_msg_header_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct Header {
    bits: U32,
    size: U32,
    remote: U32,
    local: U32,
    voucher: U32,
    id: U32,
}

/// `mach_msg_port_descriptor_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct PortDescriptor {
    name: U32,
    reserved: U32,
    reserved_too: U16,
    disposition: u8,
    kind: u8,
}

/// `mach_msg_ool_descriptor_t`, and `mach_msg_ool_ports_descriptor_t`, where `length` counts rights and `how` is
/// their disposition.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct OolDescriptor {
    address: U64,
    deallocate: u8,
    copy: u8,
    how: u8,
    kind: u8,
    length: U32,
}

/// `mach_msg_guarded_port_descriptor_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct GuardedPortDescriptor {
    context: U64,
    flags: U16,
    disposition: u8,
    kind: u8,
    name: U32,
}

/// `mach_msg_audit_trailer_t`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct AuditTrailer {
    kind: U32,
    size: U32,
    sequence: U32,
    security: [U32; 2],
    audit: [U32; 8],
}

/// The kinds of right that a message can bring, each with a way of its own to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RightKind {
    Send,
    SendOnce,
    Receive,
    /// The reference that a dead-name notification carries: it has to be dropped as well.
    DeadName,
}

/// Where rights and memory go back to: the kernel, or a table in a test.
pub(crate) trait RightTable: Clone {
    fn give_back(&self, name: Name, kind: RightKind);
    fn unmap(&self, address: u64, length: u64);
    /// The names in out-of-line memory that came as an array of rights.
    fn names_at(&self, address: u64, count: u32) -> Vec<Name>;
}

/// A right that is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnedRight<T: RightTable> {
    name: Name,
    kind: RightKind,
    table: T,
}

impl<T: RightTable> OwnedRight<T> {
    /// `None` for a name that stands for no right: a sender can put null and dead names anywhere.
    pub(crate) fn new(name: Name, kind: RightKind, table: &T) -> Option<Self> {
        (name != 0 && name != DEAD).then(|| Self::from_name(name, kind, table))
    }

    /// Also for a name that stands for no right: giving that back is nothing.
    pub(crate) fn from_name(name: Name, kind: RightKind, table: &T) -> Self {
        Self { name, kind, table: table.clone() }
    }

    pub(crate) fn name(&self) -> Name {
        self.name
    }

    pub(crate) fn kind(&self) -> RightKind {
        self.kind
    }

    /// The right is the caller's from here on.
    pub(crate) fn into_name(self) -> Name {
        let name = self.name;
        std::mem::forget(self);
        name
    }
}

impl<T: RightTable> Drop for OwnedRight<T> {
    fn drop(&mut self) {
        self.table.give_back(self.name, self.kind);
    }
}

/// Out-of-line memory that is unmapped when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnedMemory<T: RightTable> {
    pub(crate) address: u64,
    pub(crate) length: u64,
    table: T,
}

impl<T: RightTable> OwnedMemory<T> {
    /// The memory is the caller's from here on: address and bytes.
    pub(crate) fn into_region(self) -> (u64, u64) {
        let this = std::mem::ManuallyDrop::new(self);
        (this.address, this.length)
    }
}

impl<T: RightTable> Drop for OwnedMemory<T> {
    fn drop(&mut self) {
        if self.length != 0 {
            self.table.unmap(self.address, self.length);
        }
    }
}

/// What a descriptor brought.
#[derive(Debug)]
pub(crate) enum Part<T: RightTable> {
    Right(OwnedRight<T>),
    Memory(OwnedMemory<T>),
    /// No right where one was expected: null, or dead by the time it arrived.
    Nothing,
}
