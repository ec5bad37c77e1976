//! Memory regions: memory that several processes map, sent in messages without a copy.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use super::boundary::{call, value};
use super::handle::{Room, borrow, bytes, choice, choices, out, release, retain, room};
use super::status::sfp_status;
use crate::memory::{Access, MemoryRegion};

/// A region of memory, mapped here and wherever it was sent. Its size never changes. It is freed when
/// the last process lets go of it.
pub struct sfp_memory(pub(super) MemoryRegion);

/// Who may write a memory region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_memory_access {
    /// Every process that has it.
    ReadWrite = 0,
    /// Only the process that made it; the kernel enforces that for all others.
    ReadOnlyForOthers = 1,
}
choices!(sfp_memory_access: ReadWrite, ReadOnlyForOthers);

/// The largest memory region, in bytes: 64 GiB.
pub const SFP_MEMORY_MAX_SIZE: u64 = 68719476736;
const _: () = assert!(SFP_MEMORY_MAX_SIZE == crate::memory::MAX_REGION as u64);

impl From<sfp_memory_access> for Access {
    fn from(access: sfp_memory_access) -> Self {
        match access {
            sfp_memory_access::ReadWrite => Self::ReadWrite,
            sfp_memory_access::ReadOnlyForOthers => Self::ReadOnlyForOthers,
        }
    }
}

/// Makes a memory region of zero bytes.
///
/// Parameters:
/// - `size`: how many bytes, 1 to SFP_MEMORY_MAX_SIZE.
/// - `access`: who may write.
/// - `memory`: becomes the region, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the size is 0, or `access` is something else.
/// - SFP_STATUS_TOO_LARGE: the size is over SFP_MEMORY_MAX_SIZE.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_create(
    size: usize,
    access: MaybeUninit<sfp_memory_access>,
    memory: *mut *mut sfp_memory,
) -> sfp_status {
    call(|| {
        let (access, memory) = (choice!(access), out!(memory));
        memory.give(sfp_memory(MemoryRegion::create(size, access.into())?));
        Ok(())
    })
}

/// Makes one more reference to a memory region.
///
/// Parameters:
/// - `memory`: the region; NULL is nothing.
///
/// Returns `memory`, as a reference of its own that needs its own sfp_memory_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_retain(memory: *mut sfp_memory) -> *mut sfp_memory {
    retain!(memory)
}

/// Ends a reference to a memory region. The last one unmaps it here, once no message holds it either.
///
/// Parameters:
/// - `memory`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_release(memory: *mut sfp_memory) {
    release!(memory);
}

/// The first byte of a memory region: sfp_memory_size() of them can be read, and written if
/// sfp_memory_is_writable().
///
/// Other processes may write at any time: read what matters once, then check it.
///
/// Parameters:
/// - `memory`: the region.
///
/// Returns the address, valid until the region is released; NULL if `memory` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_base(memory: *const sfp_memory) -> *mut c_void {
    value(std::ptr::null_mut(), || Ok(borrow!(memory).0.base().as_ptr().cast()))
}

/// The size of a memory region.
///
/// Parameters:
/// - `memory`: the region.
///
/// Returns the number of bytes; 0 if `memory` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_size(memory: *const sfp_memory) -> usize {
    value(0, || Ok(borrow!(memory).0.len()))
}

/// Tells whether this process may write a memory region. If not, writing to it is a fault.
///
/// Parameters:
/// - `memory`: the region.
///
/// Returns true if it may; false if not, or if `memory` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_is_writable(memory: *const sfp_memory) -> bool {
    value(false, || Ok(borrow!(memory).0.is_writable()))
}

/// Has the system make every page of a memory region now and map it in this process, so that the first
/// access to each does not have to.
///
/// Parameters:
/// - `memory`: the region.
///
/// Returns SFP_STATUS_RESOURCE_EXHAUSTED: there is not as much memory. Writing would end the process then.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_prefault(memory: *mut sfp_memory) -> sfp_status {
    call(|| borrow!(memory).0.prefault())
}

/// Copies bytes into a memory region.
///
/// Parameters:
/// - `memory`: the region.
/// - `offset`: where in the region they begin, in bytes.
/// - `bytes`: what to copy; can be NULL if there are 0. Not a part of the region itself.
/// - `size`: how many bytes.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: they do not fit.
/// - SFP_STATUS_PERMISSION_DENIED: this process may only read the region.
///
/// Threads: any; what several write at once is any mixture of it. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_write(
    memory: *mut sfp_memory,
    offset: usize,
    bytes: *const c_void,
    size: usize,
) -> sfp_status {
    call(|| {
        let (memory, bytes) = (borrow!(memory), bytes!(bytes, size));
        memory.0.write(offset, bytes)
    })
}

/// Copies bytes out of a memory region.
///
/// Parameters:
/// - `memory`: the region.
/// - `offset`: where in the region they begin, in bytes.
/// - `buffer`: becomes the bytes; can be NULL for 0 of them. Not a part of the region itself.
/// - `size`: how many bytes.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there are not as many.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_memory_read(
    memory: *const sfp_memory,
    offset: usize,
    buffer: *mut c_void,
    size: usize,
) -> sfp_status {
    call(|| {
        let memory = borrow!(memory);
        let buffer = buffer.cast::<u8>();
        let mut room: Room<'_, u8> = room!(buffer, size);
        memory.0.read(offset, room.bytes())
    })
}
