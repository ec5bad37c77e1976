//! Memory regions on macOS: memory entries, and out-of-line memory for payloads.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mach2::kern_return::{KERN_INVALID_RIGHT, KERN_PROTECTION_FAILURE, KERN_SUCCESS};
use mach2::vm::{
    mach_make_memory_entry_64, mach_vm_allocate, mach_vm_deallocate, mach_vm_inherit, mach_vm_map,
    mach_vm_region_recurse,
};
use mach2::vm_inherit::{VM_INHERIT_NONE, VM_INHERIT_SHARE};
use mach2::vm_prot::{VM_PROT_READ, VM_PROT_WRITE, vm_prot_t};
use mach2::vm_region::vm_region_submap_short_info_64;
use mach2::vm_statistics::VM_FLAGS_ANYWHERE;

use super::message::Kernel;
use super::port::SendRight;
use super::{check, task};
use crate::error::{Error, Result, Status};
use crate::sys::mach_message::{Lent, OwnedMemory};
use crate::sys::memory_access::touch;
use crate::sys::owner::Owner;
use crate::sys::wire::MAX_REGION;

pub(crate) use crate::sys::memory_access::{Protection, copy_in, copy_out};

/// `MAP_MEM_NAMED_CREATE` of `mach/memory_object_types.h`: the entry has new memory of its own.
const MAP_MEM_NAMED_CREATE: vm_prot_t = 0x02_0000;

const READ_WRITE: vm_prot_t = VM_PROT_READ | VM_PROT_WRITE;

/// Mapped memory, unmapped at the end.
#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    length: usize,
    writable: bool,
    owner: Owner,
    /// Whether forks are made without it.
    is_private: AtomicBool,
}

// SAFETY: a mapping is an address range of the process, not bound to a thread; `Mapping` itself reads or writes
// nothing through it.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Memory that the kernel has put there, which forks inherit.
    fn at(address: u64, length: usize, writable: bool) -> Result<Self> {
        let base = NonNull::new(address as *mut u8)
            .ok_or_else(|| Error::fixed(Status::Internal, "a mapping at address zero"))?;
        Ok(Self { base, length, writable, owner: Owner::this_process(), is_private: AtomicBool::new(false) })
    }

    /// Maps an entry from its start. A fork has the same memory, unless [`Mapping::keep_from_forks`] is called.
    fn new(entry: &SendRight, length: usize, protection: vm_prot_t) -> Result<Self, i32> {
        let mut address = 0;
        // SAFETY: the kernel chooses the place, so no existing mapping is touched; the address lives across the call.
        let code = unsafe {
            mach_vm_map(
                task(),
                &raw mut address,
                length as u64,
                0,
                VM_FLAGS_ANYWHERE,
                entry.name(),
                0,
                0,
                protection,
                protection,
                VM_INHERIT_SHARE,
            )
        };
        match code {
            KERN_SUCCESS => Self::at(address, length, protection & VM_PROT_WRITE != 0).map_err(|_| code),
            code => Err(code),
        }
    }

    /// Has forks be made without it. Where that fails they have it as they have everything, which does no harm.
    fn keep_from_forks(&self) {
        // Said first: a fork that another thread makes meanwhile may leave a mapping in place, but never unmap another's.
        // Relaxed, here and below: the kernel orders it, which makes forks and changes mappings under one lock.
        self.is_private.store(true, Ordering::Relaxed);
        // SAFETY: a mapping of ours; it takes effect in forks only.
        let code = unsafe {
            mach_vm_inherit(task(), self.base.as_ptr() as u64, self.length as u64, VM_INHERIT_NONE)
        };
        if code != KERN_SUCCESS {
            self.is_private.store(false, Ordering::Relaxed);
        }
    }

    /// Whether some pages of it come from a file or another pager, so that they can be missing when touched.
    fn has_external_pager(&self) -> bool {
        let mut address = self.base.as_ptr() as u64;
        let end = address + self.length as u64;
        // What a peer sends can be of several pieces.
        while address < end {
            let (mut size, mut depth) = (0, 1024);
            let mut info = vm_region_submap_short_info_64::default();
            let mut count = vm_region_submap_short_info_64::count();
            // SAFETY: the kernel writes the four words and at most `count` words of the structure, which has as many.
            let code = unsafe {
                mach_vm_region_recurse(
                    task(),
                    &raw mut address,
                    &raw mut size,
                    &raw mut depth,
                    (&raw mut info).cast(),
                    &raw mut count,
                )
            };
            // XNU, `vm_map_region_walk`: objects in the shadow count, too. A kernel that cannot tell has no such pages.
            match code {
                KERN_SUCCESS if info.external_pager != 0 => return true,
                KERN_SUCCESS if size > 0 => address += size,
                _ => return false,
            }
        }
        false
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // In a fork that was made without it, there can be anything in its place by now.
        if !self.owner.is_here() && self.is_private.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: exactly the range that was mapped (the kernel rounds both to pages alike), and nobody can have a
        // reference into it any more: all are borrowed from the `Memory` that owned this.
        let code = unsafe { mach_vm_deallocate(task(), self.base.as_ptr() as u64, self.length as u64) };
        debug_assert_eq!(code, KERN_SUCCESS);
    }
}

#[derive(Debug)]
struct Region {
    mapping: Mapping,
    /// What is sent: with no more rights than others are to have. None for a payload, which is private memory.
    entry: Option<SendRight>,
}

/// A mapped region of memory that can be sent to other processes. Clones are the same region.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Region>);

/// An entry: of new memory, or with less rights to the memory of another one.
fn make_entry(length: usize, permission: vm_prot_t, parent: Option<&SendRight>) -> Result<SendRight> {
    let (mut size, mut name) = (length as u64, 0);
    let create = if parent.is_none() { MAP_MEM_NAMED_CREATE } else { 0 };
    // SAFETY: the size and the name live across the call; the parent is a right of ours or none.
    let code = unsafe {
        mach_make_memory_entry_64(
            task(),
            &raw mut size,
            0,
            permission | create,
            &raw mut name,
            parent.map_or(0, SendRight::name),
        )
    };
    check("making shared memory", code)?;
    let entry = SendRight::from_owned_name(name);
    // With a parent it is cut to what that has: XNU, `mach_make_memory_entry_64`.
    if size < length as u64 {
        return Err(Error::fixed(Status::System, "the kernel made less shared memory than was asked for"));
    }
    Ok(entry)
}

impl Memory {
    /// A region of zeroes. `length` is in bytes and not 0.
    pub(crate) fn create(length: usize, protection: Protection) -> Result<Self> {
        let whole = make_entry(length, READ_WRITE, None)?;
        let mapping =
            Mapping::new(&whole, length, READ_WRITE).map_err(|code| mapping_error("mapping memory", code))?;
        // An entry of the entry has the rights that it says, and no way to more: others get that one.
        let entry = match protection {
            Protection::ReadWrite => whole,
            Protection::ReadOnlyForOthers => make_entry(length, VM_PROT_READ, Some(&whole))?,
        };
        Ok(Self(Arc::new(Region { mapping, entry: Some(entry) })))
    }

    /// A region with these bytes (at least one), which nobody can change any more: it is this process's alone, and
    /// who gets it by a message gets a copy-on-write copy.
    pub(crate) fn sealed(bytes: &[u8]) -> Result<Self> {
        let mut address = 0;
        // SAFETY: the kernel chooses the place, so no existing mapping is touched; the address lives across the call.
        let code =
            unsafe { mach_vm_allocate(task(), &raw mut address, bytes.len() as u64, VM_FLAGS_ANYWHERE) };
        check("making memory for a payload", code)?;
        let mapping = Mapping::at(address, bytes.len(), false)?;
        // SAFETY: new memory of that length, which nobody else knows of.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), mapping.base.as_ptr(), bytes.len()) };
        Ok(Self(Arc::new(Region { mapping, entry: None })))
    }

    /// What a peer sent as a region of `length` bytes.
    ///
    /// Errors: malformed unless it is an entry of at least that size whose memory has no file behind it.
    pub(crate) fn open(entry: SendRight, length: u64) -> Result<Self> {
        if length == 0 || length > MAX_REGION {
            return Err(Error::malformed(format!("a memory region of {length} bytes was sent")));
        }
        let length = usize::try_from(length).map_err(|_| {
            Error::fixed(Status::TooLarge, "a memory region is larger than this address space")
        })?;
        let mapping = Mapping::new(&entry, length, READ_WRITE).or_else(|code| match code {
            // What the entry does not allow: XNU, `vm_map_enter_mem_object_helper`.
            KERN_INVALID_RIGHT | KERN_PROTECTION_FAILURE => Mapping::new(&entry, length, VM_PROT_READ),
            code => Err(code),
        });
        let mapping = mapping.map_err(|code| mapping_error("mapping memory of a message", code))?;
        if mapping.has_external_pager() {
            return Err(Error::malformed("a memory region has a file behind it, so it could be cut"));
        }
        Ok(Self(Arc::new(Region { mapping, entry: Some(entry) })))
    }

    /// What came out of line with a message; it was checked to have the length that the message says.
    pub(super) fn open_out_of_line(memory: OwnedMemory<Kernel>) -> Result<Self> {
        let (address, length) = memory.into_region();
        let mapping = Mapping::at(address, length as usize, false)?;
        if mapping.has_external_pager() {
            return Err(Error::malformed("a payload has a file behind it, so it could be cut"));
        }
        Ok(Self(Arc::new(Region { mapping, entry: None })))
    }

    /// The process that mapped it.
    pub(crate) fn owner(&self) -> Owner {
        self.0.mapping.owner
    }

    /// Has forks of this process be made without it: for what only the library looks at, and only in the process that
    /// mapped it.
    pub(crate) fn keep_from_forks(&self) {
        self.0.mapping.keep_from_forks();
    }

    /// The first byte. Valid for [`Self::len`] bytes while this region or a clone lives; other processes may
    /// write at any time, unless the region is sealed.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.0.mapping.base
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.mapping.length
    }

    /// Whether this process may write.
    pub(crate) fn is_writable(&self) -> bool {
        self.0.mapping.writable
    }

    /// The bytes of a payload; of a region that others can write, none.
    pub(crate) fn sealed_bytes(&self) -> &[u8] {
        if self.0.entry.is_some() {
            return &[];
        }
        // SAFETY: the mapping has that length; it is this process's alone, and nothing writes it behind its making.
        unsafe { std::slice::from_raw_parts(self.base().as_ptr(), self.len()) }
    }

    /// The right that stands for the region in a message.
    pub(super) fn right_to_send(&self) -> Result<SendRight> {
        match &self.0.entry {
            Some(entry) => entry.try_clone(),
            None => Err(Error::fixed(Status::Internal, "a payload was attached as a memory region")),
        }
    }

    /// The region as a message carries a payload. At most 256 MiB, so the length fits.
    pub(super) fn lend(&self) -> Lent {
        Lent::Memory { address: self.base().as_ptr() as u64, length: self.len() as u32 }
    }

    /// Has every page made and mapped in this process. macOS has no call for it.
    pub(crate) fn prefault(&self) -> Result<()> {
        touch(self.len(), |offset, bytes| copy_out(self, offset, bytes));
        Ok(())
    }

    /// Has bytes read as zeroes.
    pub(crate) fn punch(&self, offset: u64, length: u64) -> Result<()> {
        let zeroes = [0; 4096];
        let end = offset.saturating_add(length).min(self.len() as u64);
        let mut at = offset;
        while at < end {
            let chunk = (end - at).min(zeroes.len() as u64) as usize;
            copy_in(self, at as usize, &zeroes[..chunk]);
            at += chunk as u64;
        }
        Ok(())
    }
}

fn mapping_error(what: &str, code: i32) -> Error {
    match check(what, code) {
        Err(error) if error.status() == Status::ResourceExhausted => error,
        Err(error) => Error::malformed(error.message().to_owned()),
        Ok(()) => Error::fixed(Status::Internal, "a mapping that failed without a reason"),
    }
}
