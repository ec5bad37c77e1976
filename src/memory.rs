//! Memory regions: memory that several processes map, sent in messages without a copy.

use std::ptr::NonNull;

use crate::error::{Error, Result, Status};
use crate::sys;

/// The largest region, in bytes: 64 GiB.
pub const MAX_REGION: usize = sys::wire::MAX_REGION as usize;

/// Who may write a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Access {
    /// Every process that has it.
    #[default]
    ReadWrite,
    /// Only the process that made it; the kernel enforces it for all others.
    ReadOnlyForOthers,
}

/// A region of memory, mapped here and wherever it was sent. Clones are the same region; the memory is freed when
/// the last process lets go of it. Its size never changes. Can be used from any thread.
///
/// A fork of the process that has it can read it; other calls fail with [`Status::WrongState`] there.
#[derive(Clone, Debug)]
pub struct MemoryRegion(pub(crate) sys::memory::Memory);

impl MemoryRegion {
    /// A region of `length` zero bytes.
    ///
    /// Errors: [`Status::InvalidArgument`] for 0; [`Status::TooLarge`] over [`MAX_REGION`];
    /// [`Status::ResourceExhausted`].
    pub fn create(length: usize, access: Access) -> Result<Self> {
        if length == 0 {
            return Err(Error::invalid("a memory region of 0 bytes was asked for"));
        }
        if length > MAX_REGION {
            let message = format!("a memory region of {length} bytes is over the maximum of {MAX_REGION}");
            return Err(Error::new(Status::TooLarge, message));
        }
        let protection = match access {
            Access::ReadWrite => sys::memory::Protection::ReadWrite,
            Access::ReadOnlyForOthers => sys::memory::Protection::ReadOnlyForOthers,
        };
        sys::memory::Memory::create(length, protection).map(Self)
    }

    /// The first byte. Valid for [`Self::len`] bytes while this region or a clone of it lives. Other processes may
    /// write at any time, so read and write through it as through memory that changes by itself.
    pub fn base(&self) -> NonNull<u8> {
        self.0.base()
    }

    /// Bytes; never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this process may write.
    pub fn is_writable(&self) -> bool {
        self.0.is_writable()
    }

    /// Has the system make every page of the region now and map it in this process, so that the first access to each does
    /// not have to.
    ///
    /// Errors: [`Status::ResourceExhausted`], when there is not as much memory. (Writing would end the process then.)
    pub fn prefault(&self) -> Result<()> {
        self.0.owner().check()?;
        self.0.prefault()
    }

    /// Has forks of this process be made without it: what only the library looks at.
    pub(crate) fn keep_from_forks(&self) {
        self.0.keep_from_forks();
    }

    fn check(&self, offset: usize, length: usize) -> Result<()> {
        match offset.checked_add(length) {
            Some(end) if end <= self.len() => Ok(()),
            _ => Err(Error::invalid(format!(
                "{length} bytes at {offset} are not within a memory region of {} bytes",
                self.len()
            ))),
        }
    }

    /// Copies bytes into the region.
    ///
    /// Errors: [`Status::InvalidArgument`], when they do not fit; [`Status::PermissionDenied`], when this process
    /// may not write.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.0.owner().check()?;
        self.check(offset, bytes.len())?;
        if !self.is_writable() {
            return Err(Error::fixed(
                Status::PermissionDenied,
                "this process may only read the memory region",
            ));
        }
        sys::memory::copy_in(&self.0, offset, bytes);
        Ok(())
    }

    /// Copies bytes out of the region.
    ///
    /// Errors: [`Status::InvalidArgument`], when there are not as many.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<()> {
        self.check(offset, bytes.len())?;
        sys::memory::copy_out(&self.0, offset, bytes);
        Ok(())
    }
}
