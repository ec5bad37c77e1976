//! Surfaces on macOS: IOSurfaces, or plain memory.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use super::memory::Memory;
use super::port::SendRight;
use crate::backing::Backing;
use crate::error::{Error, Result, Status};
use crate::layout::{Layout, SurfaceDescriptor};
use crate::sys::apple::iosurface::Native;
use crate::sys::memory_surface::MemorySurface;
pub(crate) use crate::sys::memory_surface::Purgeable;
use crate::sys::wire::{SurfaceDetail, SurfaceKind};

/// Whether a fork has the memory of its parent's surfaces. IOSurface speaks to the kernel by rights, which it has not.
pub(crate) const FORKS_SEE_IT: bool = false;

/// A surface, mapped. Clones are the same surface.
#[derive(Clone, Debug)]
pub(crate) enum Surface {
    Native(Native),
    Memory(MemorySurface),
}

/// What both kinds do, each in its way.
macro_rules! of_both {
    ($(fn $name:ident(&self $(, $argument:ident: $kind:ty)*) $(-> $answer:ty)?;)*) => {
        $(pub(crate) fn $name(&self $(, $argument: $kind)*) $(-> $answer)? {
            match self {
                Self::Native(surface) => surface.$name($($argument),*),
                Self::Memory(surface) => surface.$name($($argument),*),
            }
        })*
    };
}

impl Surface {
    pub(crate) fn create(descriptor: &SurfaceDescriptor, backing: Backing) -> Result<Self> {
        match backing {
            Backing::Native => Native::create(descriptor).map(Self::Native),
            Backing::Memory => MemorySurface::in_memory(descriptor).map(Self::Memory),
        }
    }

    pub(crate) fn backing(&self) -> Backing {
        match self {
            Self::Native(_) => Backing::Native,
            Self::Memory(_) => Backing::Memory,
        }
    }

    /// The IOSurface, of one that has it.
    pub(crate) fn native(&self) -> Result<&Native> {
        match self {
            Self::Native(native) => Ok(native),
            Self::Memory(_) => Err(Error::invalid("a surface of plain memory is no IOSurface")),
        }
    }

    /// The right that stands for the surface in a message.
    pub(super) fn right_to_send(&self) -> Result<SendRight> {
        match self {
            Self::Native(native) => native.right_to_send(),
            Self::Memory(memory) => memory.memory().right_to_send(),
        }
    }

    /// What a peer sent as a surface.
    ///
    /// Errors: malformed unless the right leads to what the detail says, and that is a surface that this library
    /// can use.
    pub(super) fn open(right: SendRight, detail: &[u8; 32]) -> Result<Self> {
        let detail = SurfaceDetail::decode(detail)?;
        let wrong = |reason: &str| Error::malformed(format!("a surface in a message: {reason}"));
        match detail.kind {
            SurfaceKind::Memory => {
                MemorySurface::from_memory(&detail, |length| Memory::open(right, length)).map(Self::Memory)
            }
            SurfaceKind::IoSurface => {
                let native = Native::look_up(right.name()).map_err(|error| wrong(error.message()))?;
                if (native.layout().descriptor(), native.id()) != (detail.descriptor, detail.id) {
                    return Err(wrong("it is another one than its message says"));
                }
                Ok(Self::Native(native))
            }
        }
    }

    of_both! {
        fn describe(&self) -> [u8; 32];
        fn layout(&self) -> &Layout;
        fn id(&self) -> u32;
        fn base(&self) -> NonNull<u8>;
        fn plane_base(&self, plane: usize) -> NonNull<u8>;
        fn copy_in(&self, offset: usize, bytes: &[u8]);
        fn copy_out(&self, offset: usize, bytes: &mut [u8]);
        fn prefault(&self) -> Result<()>;
        fn allocation_size(&self) -> usize;
        fn lock(&self, read_only: bool, avoid_sync: bool) -> Result<()>;
        fn unlock(&self, read_only: bool, avoid_sync: bool) -> Result<()>;
        fn seed(&self) -> u32;
        fn begin_use(&self) -> Result<usize>;
        fn end_use(&self, place: usize);
        fn is_in_use(&self) -> bool;
        fn set_purgeable(&self, state: Option<Purgeable>) -> Result<Purgeable>;
        fn set_value(&self, name: &str, value: &[u8]) -> Result<()>;
        fn value(&self, name: &str) -> Result<Option<Vec<u8>>>;
        fn remove_value(&self, name: &str) -> Result<()>;
        fn value_names(&self) -> Result<Vec<String>>;
    }

    pub(crate) fn descriptor_of_memory(&self) -> Result<BorrowedFd<'_>> {
        Err(Error::fixed(Status::Unsupported, "surfaces have no descriptor of their memory on macOS"))
    }

    pub(crate) fn export_dma_buf(&self) -> Result<OwnedFd> {
        Err(Error::fixed(Status::Unsupported, "there is no dma-buf on macOS"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixel_format::PixelFormat;
    use crate::sys::port::{Identity, ReceiveRight};

    fn surfaces() -> [Surface; 2] {
        let descriptor = SurfaceDescriptor::new(33, 17, PixelFormat::Nv12);
        [Backing::Native, Backing::Memory].map(|backing| Surface::create(&descriptor, backing).unwrap())
    }

    #[test]
    fn what_is_sent_is_opened() {
        for surface in surfaces() {
            let opened = Surface::open(surface.right_to_send().unwrap(), &surface.describe()).unwrap();
            assert_eq!((opened.backing(), opened.id()), (surface.backing(), surface.id()));
            assert_eq!(opened.layout(), surface.layout());
            surface.copy_in(5, b"seen");
            let mut seen = [0; 4];
            opened.copy_out(5, &mut seen);
            assert_eq!(&seen, b"seen");
        }
    }

    #[test]
    fn a_right_that_leads_to_something_else_is_refused() {
        let [native, memory] = surfaces();
        let port = ReceiveRight::new(Identity::Credentials).unwrap();
        let refused = |right: SendRight, detail: [u8; 32]| {
            Surface::open(right, &detail).unwrap_err().status() == Status::Malformed
        };
        let of = |surface: &Surface| surface.right_to_send().unwrap();
        assert!(refused(of(&memory), native.describe()), "memory that is said to be an IOSurface");
        assert!(refused(port.make_send().unwrap(), native.describe()), "a port");
        assert!(refused(port.make_send().unwrap(), memory.describe()), "a port");
        // Width, height, format and id each.
        for at in [0, 4, 8, 12] {
            let mut detail = native.describe();
            detail[at] = match at {
                8 => b'f',
                _ => detail[at] ^ 1,
            };
            if at == 8 {
                // 420f, whose planes would fit: `f` is the lowest byte of the code.
                assert!(SurfaceDetail::decode(&detail).is_ok());
            }
            assert!(refused(of(&native), detail), "another {at}");
        }
        let mut larger = memory.describe();
        larger[1] = 0x20;
        assert!(refused(of(&memory), larger), "memory that is too small for what it is said to be");
    }
}
