//! Surfaces in plain memory.

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::backing::Backing;
use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
pub(crate) use crate::sys::memory_surface::{MemorySurface as Surface, Purgeable};
use crate::sys::wire::SurfaceDetail;

const NO_DESCRIPTOR: Error = Error::fixed(Status::Unsupported, "the memory of this system has no descriptor");

/// Whether a fork has the memory of its parent's surfaces.
pub(crate) const FORKS_SEE_IT: bool = true;

impl Surface {
    pub(crate) fn create(descriptor: &SurfaceDescriptor, _: Backing) -> Result<Self> {
        Self::in_memory(descriptor)
    }

    /// The surface as it arrives in a message.
    pub(super) fn for_others(&self) -> Result<Self> {
        let detail = SurfaceDetail::decode(&self.describe())?;
        Self::from_memory(&detail, |_| Ok(self.memory().for_others()))
    }

    pub(crate) fn backing(&self) -> Backing {
        Backing::Native
    }

    pub(crate) fn descriptor_of_memory(&self) -> Result<BorrowedFd<'_>> {
        Err(NO_DESCRIPTOR)
    }

    pub(crate) fn export_dma_buf(&self) -> Result<OwnedFd> {
        Err(NO_DESCRIPTOR)
    }
}
