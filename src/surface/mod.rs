//! Surfaces: pixel buffers that several processes map, in IOSurface's vocabulary.

mod accounting;
mod pixels;
mod values;

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, Result, Status};
use crate::layout::Layout;
use crate::sys;
use crate::sys::owner::Owner;

pub use accounting::{LiveSurfaces, live_surfaces};
pub use pixels::{LockMode, LockedSurface, PixelPlane};
pub use values::ColorSpace;

pub use crate::backing::Backing;
pub use crate::layout::{MAX_DIMENSION, MAX_PLANES, PlaneLayout, SurfaceDescriptor};
pub use crate::pixel_format::PixelFormat;

/// What the system may do with a surface's pages when memory is short. On Linux no pages can be taken back
/// unasked: *volatile* is a mark that others can read, *empty* frees the pages at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purgeable {
    /// The contents stay.
    NonVolatile,
    /// The contents may vanish.
    Volatile,
    /// The contents are gone; the pixels read as zero until they are written again.
    Empty,
}

/// A surface. Clones are the same surface in this process; the memory is freed when the last process lets go.
///
/// Can be used from any thread. What other processes can write too, the pixels, the seed, the uses, the state and
/// the values, is their word.
///
/// A fork of the process that has it can look at it, on Linux also at the pixels, with a lock for reading or without. What
/// would change the surface fails with [`Status::WrongState`] there.
#[derive(Clone)]
pub struct Surface(Arc<Inner>);

struct Inner {
    system: sys::surface::Surface,
    owner: Owner,
    uses: Mutex<Uses>,
    locks: Mutex<Locks>,
    _registration: accounting::Registration,
}

/// This process's uses; while there are some, it has a place in the table that all processes see.
#[derive(Default)]
struct Uses {
    count: u32,
    place: Option<usize>,
}

#[derive(Default)]
struct Locks {
    reading: u32,
    writing: u32,
}

impl Surface {
    /// A new surface of zero bytes, of the system's own kind of memory.
    ///
    /// Errors: [`Status::InvalidArgument`], when a side is 0 or over [`MAX_DIMENSION`];
    /// [`Status::ResourceExhausted`].
    pub fn create(descriptor: &SurfaceDescriptor) -> Result<Self> {
        Self::create_with(descriptor, Backing::Native)
    }

    /// A new surface of zero bytes, with the memory that the caller chooses; errors as [`Self::create`].
    pub fn create_with(descriptor: &SurfaceDescriptor, backing: Backing) -> Result<Self> {
        sys::surface::Surface::create(descriptor, backing).map(Self::from_system)
    }

    pub(crate) fn from_system(system: sys::surface::Surface) -> Self {
        let registration = accounting::Registration::new(system.id(), system.allocation_size());
        Self(Arc::new(Inner {
            system,
            owner: Owner::this_process(),
            uses: Mutex::default(),
            locks: Mutex::default(),
            _registration: registration,
        }))
    }

    /// The process that made or received it.
    pub(crate) fn owner(&self) -> Owner {
        self.0.owner
    }

    pub(crate) fn system(&self) -> &sys::surface::Surface {
        &self.0.system
    }

    /// A number that names the surface on this system while it lives. Never 0. It gives no access.
    pub fn id(&self) -> u32 {
        self.system().id()
    }

    /// What the surface's memory is. On Linux always the native one, which is plain memory.
    pub fn backing(&self) -> Backing {
        self.system().backing()
    }

    /// Size in pixels and format.
    pub fn descriptor(&self) -> SurfaceDescriptor {
        self.layout().descriptor()
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.descriptor().width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.descriptor().height
    }

    /// What the pixels are.
    pub fn format(&self) -> PixelFormat {
        self.descriptor().format
    }

    /// Where planes and rows lie.
    pub fn layout(&self) -> &Layout {
        self.system().layout()
    }

    /// The first byte of plane 0's first row. Valid for `layout().size()` bytes while the surface or a clone lives.
    /// Lock the surface around every access by the CPU.
    pub fn base(&self) -> NonNull<u8> {
        self.system().base()
    }

    /// The first byte of a plane's first row, valid as [`Self::base`]; `None` if the format has no such plane.
    pub fn plane_base(&self, index: usize) -> Option<NonNull<u8>> {
        (index < self.layout().planes().len()).then(|| self.system().plane_base(index))
    }

    /// Has the system make every page of the surface now and map it in this process. Without this each is made when it is
    /// touched first: over a surface of 8K that takes some tens of milliseconds, once in each process.
    ///
    /// Errors: [`Status::ResourceExhausted`], when there is not as much memory. (Drawing would end the process then.)
    pub fn prefault(&self) -> Result<()> {
        self.owner().check()?;
        self.system().prefault()
    }

    /// The memory that the surface takes, in bytes, with all that belongs to it.
    pub fn allocation_size(&self) -> usize {
        self.system().allocation_size()
    }

    /// Moves whenever a process ends a lock for writing. Wraps around.
    pub fn seed(&self) -> u32 {
        self.check_sight().map_or(0, |()| self.system().seed())
    }

    /// Locks the surface for access by the CPU until the answer is dropped. Locks exclude nobody: who may write
    /// when is for the swapchain, or the processes, to agree.
    ///
    /// Errors: [`Status::System`].
    pub fn lock(&self, mode: LockMode) -> Result<LockedSurface<'_>> {
        self.begin_lock(mode, false)?;
        Ok(LockedSurface::new(self, mode))
    }

    /// Begins a lock that [`Self::end_lock`] ends. With `avoid_sync`, a lock that would have to copy from a GPU
    /// fails with [`Status::WrongState`]; never on Linux.
    pub fn begin_lock(&self, mode: LockMode, avoid_sync: bool) -> Result<()> {
        if self.is_looked_at_in_a_fork(mode)? {
            return Ok(());
        }
        let mut locks = self.0.locks.lock();
        self.system().lock(mode == LockMode::Read, avoid_sync)?;
        *locks.count(mode) += 1;
        Ok(())
    }

    /// Ends a lock that was begun with the same mode.
    ///
    /// Errors: [`Status::WrongState`], when there is none.
    pub fn end_lock(&self, mode: LockMode, avoid_sync: bool) -> Result<()> {
        if self.is_looked_at_in_a_fork(mode)? {
            return Ok(());
        }
        let mut locks = self.0.locks.lock();
        let count = locks.count(mode);
        if *count == 0 {
            let message = "a surface was unlocked that is not locked in this mode";
            return Err(Error::fixed(Status::WrongState, message));
        }
        *count -= 1;
        self.system().unlock(mode == LockMode::Read, avoid_sync)
    }

    /// Whether this process is a fork that may look at the pixels all the same: a lock does nothing then.
    fn is_looked_at_in_a_fork(&self, mode: LockMode) -> Result<bool> {
        match (self.owner().check(), mode) {
            (Ok(()), _) => Ok(false),
            (Err(_), LockMode::Read) => self.check_sight().map(|()| true),
            (Err(error), LockMode::Write) => Err(error),
        }
    }

    /// Errors: wrong state in a fork, where that cannot look at its parent's surfaces.
    fn check_sight(&self) -> Result<()> {
        if sys::surface::FORKS_SEE_IT { Ok(()) } else { self.owner().check() }
    }

    /// How often this process has begun a use and not ended it.
    pub fn use_count(&self) -> u32 {
        if self.owner().is_here() { self.0.uses.lock().count } else { 0 }
    }

    /// Begins a use by this process: others see that the surface is in use.
    ///
    /// Errors: [`Status::ResourceExhausted`], when more processes use it than can be counted.
    pub fn increment_use_count(&self) -> Result<()> {
        self.owner().check()?;
        let mut uses = self.0.uses.lock();
        if uses.count == 0 {
            uses.place = Some(self.system().begin_use()?);
        }
        uses.count += 1;
        Ok(())
    }

    /// Ends a use.
    ///
    /// Errors: [`Status::WrongState`], when this process has begun none.
    pub fn decrement_use_count(&self) -> Result<()> {
        self.owner().check()?;
        let mut uses = self.0.uses.lock();
        if uses.count == 0 {
            return Err(Error::fixed(Status::WrongState, "a use of a surface was ended that was not begun"));
        }
        uses.count -= 1;
        if uses.count == 0
            && let Some(place) = uses.place.take()
        {
            self.system().end_use(place);
        }
        Ok(())
    }

    /// Whether any living process has begun a use. One that died, or let go of the surface, does not count.
    pub fn is_in_use(&self) -> bool {
        self.check_sight().is_ok() && self.system().is_in_use()
    }

    /// Changes the purgeable state; gives the one from before. Making an empty surface non-volatile tells by that
    /// answer that the contents are gone.
    ///
    /// Errors: [`Status::System`].
    pub fn set_purgeable(&self, state: Purgeable) -> Result<Purgeable> {
        self.owner().check()?;
        self.system().set_purgeable(Some(state.to_system())).map(Purgeable::from_system)
    }

    /// The purgeable state.
    pub fn purgeable(&self) -> Result<Purgeable> {
        self.check_sight()?;
        self.system().set_purgeable(None).map(Purgeable::from_system)
    }

    /// A dma-buf over the pixels, for a GPU or display to import; a new descriptor. Linux only.
    ///
    /// Errors: [`Status::Unsupported`], where the system has no `/dev/udmabuf` that this user can open.
    pub fn export_dma_buf(&self) -> Result<std::os::fd::OwnedFd> {
        self.owner().check()?;
        self.system().export_dma_buf()
    }

    /// The memory file of the pixels, borrowed. Linux only.
    ///
    /// Errors: [`Status::Unsupported`], on other systems.
    pub fn descriptor_of_memory(&self) -> Result<std::os::fd::BorrowedFd<'_>> {
        self.system().descriptor_of_memory()
    }
}

impl Locks {
    fn count(&mut self, mode: LockMode) -> &mut u32 {
        match mode {
            LockMode::Read => &mut self.reading,
            LockMode::Write => &mut self.writing,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.owner.is_here()
            && let Some(place) = self.uses.get_mut().place.take()
        {
            self.system.end_use(place);
        }
    }
}

impl Purgeable {
    fn to_system(self) -> sys::surface::Purgeable {
        match self {
            Self::NonVolatile => sys::surface::Purgeable::NonVolatile,
            Self::Volatile => sys::surface::Purgeable::Volatile,
            Self::Empty => sys::surface::Purgeable::Empty,
        }
    }

    fn from_system(state: sys::surface::Purgeable) -> Self {
        match state {
            sys::surface::Purgeable::NonVolatile => Self::NonVolatile,
            sys::surface::Purgeable::Volatile => Self::Volatile,
            sys::surface::Purgeable::Empty => Self::Empty,
        }
    }
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SurfaceDescriptor { width, height, format } = self.descriptor();
        write!(f, "Surface({} {width}x{height} {format})", self.id())
    }
}
