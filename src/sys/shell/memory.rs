//! Memory regions of the heap.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use super::failures::point;
use crate::error::{Error, Result, Status};
use crate::sys::owner::Owner;

pub(crate) use crate::sys::memory_access::{Protection, copy_in, copy_out};

/// Where a region begins: a multiple of the smallest page that any system has.
const ALIGNMENT: usize = 4096;

#[derive(Debug)]
struct Region {
    base: NonNull<u8>,
    layout: Layout,
    protection: Protection,
    sealed: bool,
}

// SAFETY: memory of the heap is not bound to a thread; `Region` itself reads or writes nothing through it.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this very layout, and nobody can have a reference into it any more.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}

/// A region as one side has it.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    region: Arc<Region>,
    is_writable: bool,
    owner: Owner,
}

impl Memory {
    fn new(length: usize, protection: Protection, sealed: bool) -> Result<Self> {
        point("making shared memory")?;
        let lacking = || Error::fixed(Status::ResourceExhausted, "there is no memory for a region");
        let layout = Layout::from_size_align(length, ALIGNMENT).map_err(|_| lacking())?;
        // SAFETY: the length is not 0, as the contract says.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(lacking)?;
        let region = Arc::new(Region { base, layout, protection, sealed });
        Ok(Self { region, is_writable: true, owner: Owner::this_process() })
    }

    pub(crate) fn create(length: usize, protection: Protection) -> Result<Self> {
        Self::new(length, protection, false)
    }

    pub(crate) fn sealed(bytes: &[u8]) -> Result<Self> {
        let memory = Self::new(bytes.len(), Protection::ReadOnlyForOthers, true)?;
        copy_in(&memory, 0, bytes);
        Ok(memory.for_others())
    }

    /// The region as another process would have it.
    pub(super) fn for_others(&self) -> Self {
        let is_writable = self.is_writable && self.region.protection == Protection::ReadWrite;
        Self { region: self.region.clone(), is_writable, owner: Owner::this_process() }
    }

    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// There are no forks here.
    pub(crate) fn keep_from_forks(&self) {}

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.region.base
    }

    pub(crate) fn len(&self) -> usize {
        self.region.layout.size()
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable
    }

    pub(crate) fn sealed_bytes(&self) -> &[u8] {
        if !self.region.sealed {
            return &[];
        }
        // SAFETY: the memory has that length, and nobody can write it any more: `sealed` gives no writable handle away.
        unsafe { std::slice::from_raw_parts(self.base().as_ptr(), self.len()) }
    }

    pub(crate) fn prefault(&self) -> Result<()> {
        point("making the pages of shared memory")
    }

    pub(crate) fn punch(&self, offset: u64, length: u64) -> Result<()> {
        point("giving back memory")?;
        copy_in(self, offset as usize, &vec![0; length as usize]);
        Ok(())
    }
}
