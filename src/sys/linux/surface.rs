//! Surfaces on Linux: plain memory, whatever the backing, of which a dma-buf can be made for a GPU.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::memory::Memory;
use crate::backing::Backing;
use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
pub(crate) use crate::sys::memory_surface::{MemorySurface as Surface, Purgeable};
use crate::sys::posix::{beyond_standard, last_errno, made, page_size, system_error};
use crate::sys::wire::{SurfaceDetail, SurfaceKind};

/// Whether a fork has the memory of its parent's surfaces.
pub(crate) const FORKS_SEE_IT: bool = true;

impl Surface {
    pub(crate) fn create(descriptor: &SurfaceDescriptor, _: Backing) -> Result<Self> {
        Self::in_memory(descriptor)
    }

    pub(crate) fn backing(&self) -> Backing {
        Backing::Native
    }

    /// What a peer sent as a surface.
    ///
    /// Errors: malformed unless the geometry is one that this library makes and the memory is sealed and of
    /// exactly the size for it.
    pub(super) fn open(fd: OwnedFd, detail: &[u8; 32]) -> Result<Self> {
        let detail = SurfaceDetail::decode(detail)?;
        match detail.kind {
            SurfaceKind::Memory => Self::from_memory(&detail, |length| Memory::open(fd, length)),
            SurfaceKind::IoSurface => {
                Err(Error::malformed("a surface in a message: an IOSurface on another system than macOS"))
            }
        }
    }

    pub(crate) fn descriptor_of_memory(&self) -> Result<BorrowedFd<'_>> {
        Ok(self.as_fd())
    }

    /// A dma-buf over the pixels, for a GPU or a display to import.
    ///
    /// Errors: unsupported where the system has no `/dev/udmabuf` or does not let this user open it.
    pub(crate) fn export_dma_buf(&self) -> Result<OwnedFd> {
        /// `struct udmabuf_create` of `linux/udmabuf.h`.
        #[repr(C)]
        struct UdmabufCreate {
            memfd: u32,
            flags: u32,
            offset: u64,
            size: u64,
        }
        const UDMABUF_FLAGS_CLOEXEC: u32 = 1;
        /// `_IOW('u', 0x42, struct udmabuf_create)`.
        const UDMABUF_CREATE: libc::c_ulong = 0x4018_7542;
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
        let device = rustix::fs::open("/dev/udmabuf", flags, rustix::fs::Mode::empty())
            .and_then(beyond_standard)
            .map_err(|errno| match system_error("no dma-buf can be made here: /dev/udmabuf", errno) {
                error if error.status() == Status::ResourceExhausted => error,
                error => Error::new(Status::Unsupported, error.message().to_owned()),
            })?;
        let request = UdmabufCreate {
            memfd: self.as_fd().as_raw_fd() as u32,
            flags: UDMABUF_FLAGS_CLOEXEC,
            offset: 0,
            // What is behind the pixels in their last page is space of ours.
            size: self.layout().size().next_multiple_of(page_size()) as u64,
        };
        // SAFETY: the request is the structure that this command reads, alive across the call.
        let fd = unsafe { libc::ioctl(device.as_raw_fd(), UDMABUF_CREATE as _, &raw const request) };
        if fd < 0 {
            return Err(system_error("making a dma-buf", last_errno()));
        }
        // SAFETY: a new descriptor that the kernel has just given to us.
        made("making a dma-buf", Ok(unsafe { OwnedFd::from_raw_fd(fd) }))
    }
}

impl AsFd for Surface {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory().as_fd()
    }
}
