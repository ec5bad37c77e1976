//! Surfaces in plain shared memory: the pixels, and behind them a page that all processes share.
//!
//! ```text
//! 0 .. layout.size()       pixels, as `Layout` places the planes
//! multiple of GRANULE ..   `Shared`: seed, users, purgeable state, values
//! ```
//!
//! Every process that has the surface can write that page. So it is information: an index or a length from it is
//! bounded before use, and nothing that memory safety rests on is read from it. The geometry comes from the
//! message that brought the surface and is checked against the size of the memory, which never changes.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::memory::{Memory, Protection};
use super::posix::{page_size, random_bytes};
use super::shared_values::SharedValues;
use super::spawn::ProcessStamp;
use super::wire::{SurfaceDetail, SurfaceKind};
use crate::error::{Error, Result, Status};
use crate::layout::{Alignment, Layout, SurfaceDescriptor};

/// Processes that can use one surface at a time and be counted.
const MAX_USERS: usize = 64;
/// What the shared page begins at a multiple of, in bytes, if the system's pages are not larger. Processes of one
/// machine can have pages of different sizes (4 KiB for translated ones on Apple silicon, 16 KiB for others) and must
/// come to the same place.
const GRANULE: usize = 16 << 10;

/// The page behind the pixels.
#[repr(C)]
struct Shared {
    seed: AtomicU32,
    purgeable: AtomicU32,
    users: [AtomicU64; MAX_USERS],
    values: SharedValues,
}

/// A purgeable state, by IOSurface's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Purgeable {
    NonVolatile = 0,
    Volatile = 1,
    Empty = 2,
}

impl Purgeable {
    pub(super) fn from_shared(value: u32) -> Self {
        match value {
            1 => Self::Volatile,
            2 => Self::Empty,
            _ => Self::NonVolatile,
        }
    }
}

#[derive(Debug)]
struct Inner {
    memory: Memory,
    shared_offset: usize,
    layout: Layout,
    id: u32,
}

/// A surface, mapped. Clones are the same surface.
#[derive(Clone, Debug)]
pub(crate) struct MemorySurface(Arc<Inner>);

fn shared_offset(layout: &Layout) -> Result<usize> {
    layout
        .size()
        .checked_next_multiple_of(GRANULE.max(page_size()))
        .ok_or_else(|| Error::fixed(Status::TooLarge, "a surface is larger than this address space"))
}

impl MemorySurface {
    pub(super) fn in_memory(descriptor: &SurfaceDescriptor) -> Result<Self> {
        let layout = Layout::compute(descriptor, Alignment::DEFAULT)?;
        let shared_offset = shared_offset(&layout)?;
        let memory = Memory::create(shared_offset + size_of::<Shared>(), Protection::ReadWrite)?;
        Ok(Self(Arc::new(Inner { memory, shared_offset, layout, id: random_id()? })))
    }

    /// What a message says of the surface, beside its memory.
    pub(crate) fn describe(&self) -> [u8; 32] {
        let descriptor = self.0.layout.descriptor();
        SurfaceDetail { descriptor, id: self.0.id, kind: SurfaceKind::Memory }.encode()
    }

    /// What a peer sent as a surface; `map` maps its memory, which is refused unless it has the length that it is
    /// asked for, in bytes, for good.
    ///
    /// Errors: malformed unless the geometry is one that this library makes, the memory has exactly the size for it
    /// and can be written.
    pub(super) fn from_memory(
        detail: &SurfaceDetail,
        map: impl FnOnce(u64) -> Result<Memory>,
    ) -> Result<Self> {
        let wrong = |reason: &str| Error::malformed(format!("a surface in a message: {reason}"));
        let layout =
            Layout::compute(&detail.descriptor, Alignment::DEFAULT).map_err(|e| wrong(&e.to_string()))?;
        let shared_offset = shared_offset(&layout)?;
        let length = shared_offset + size_of::<Shared>();
        let memory = map(length as u64)?;
        if memory.len() != length {
            return Err(wrong("its memory is not as large as it"));
        }
        if !memory.is_writable() {
            return Err(wrong("its memory is read-only"));
        }
        Ok(Self(Arc::new(Inner { memory, shared_offset, layout, id: detail.id })))
    }

    /// The memory of the pixels, with all that belongs to them.
    pub(super) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    fn shared(&self) -> &Shared {
        // SAFETY: the mapping is writable and has size_of::<Shared>() bytes behind `shared_offset`, which is a
        // multiple of the page size and so aligned; it lives as long as `self`. All fields are atomics, for which
        // any bytes are valid and which others may change at any time.
        unsafe { self.0.memory.base().add(self.0.shared_offset).cast::<Shared>().as_ref() }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id
    }

    /// The first pixel byte; valid for `layout().size()` bytes while this surface or a clone lives.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.0.memory.base()
    }

    /// The first byte of a plane that the layout has.
    pub(crate) fn plane_base(&self, plane: usize) -> NonNull<u8> {
        let offset = self.0.layout.planes()[plane].offset;
        // SAFETY: a layout's planes lie within its size, and the mapping is at least as long.
        unsafe { self.base().add(offset) }
    }

    /// Copies pixels in; the caller's offset comes from the layout.
    pub(crate) fn copy_in(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.0.layout.size());
        super::memory::copy_in(&self.0.memory, offset, bytes);
    }

    /// Copies pixels out; the caller's offset comes from the layout.
    pub(crate) fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        assert!(offset + bytes.len() <= self.0.layout.size());
        super::memory::copy_out(&self.0.memory, offset, bytes);
    }

    /// Has every page made and mapped in this process.
    pub(crate) fn prefault(&self) -> Result<()> {
        self.0.memory.prefault()
    }

    /// The bytes that the surface keeps in memory, with all that belongs to it.
    pub(crate) fn allocation_size(&self) -> usize {
        self.0.memory.len()
    }

    /// Makes the pixels ready for the CPU. Memory always is.
    pub(crate) fn lock(&self, _read_only: bool, _avoid_sync: bool) -> Result<()> {
        Ok(())
    }

    /// Ends a lock; one for writing moves the seed.
    pub(crate) fn unlock(&self, read_only: bool, _avoid_sync: bool) -> Result<()> {
        if !read_only {
            // Release: who reads the new seed sees the pixels that were written before.
            self.shared().seed.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    pub(crate) fn seed(&self) -> u32 {
        // Acquire: pairs with the release in `unlock`.
        self.shared().seed.load(Ordering::Acquire)
    }

    /// Counts this process as a user; the answer is the place to give back with [`Self::end_use`].
    pub(crate) fn begin_use(&self) -> Result<usize> {
        let me = ProcessStamp::current();
        for (place, user) in self.shared().users.iter().enumerate() {
            // Relaxed: the table orders nothing but itself, and says nothing about the pixels.
            let found = user.load(Ordering::Relaxed);
            let free = found == 0 || !ProcessStamp::from_shared(found).is_alive();
            if free
                && user.compare_exchange(found, me.to_shared(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                return Ok(place);
            }
        }
        Err(Error::new(
            Status::ResourceExhausted,
            format!("{MAX_USERS} processes use the surface {} already", self.0.id),
        ))
    }

    pub(crate) fn end_use(&self, place: usize) {
        if let Some(user) = self.shared().users.get(place) {
            let me = ProcessStamp::current();
            // Only our own mark: a peer may have overwritten it. Relaxed as in `begin_use`.
            let _ = user.compare_exchange(me.to_shared(), 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether a living process uses the surface.
    pub(crate) fn is_in_use(&self) -> bool {
        // Relaxed as in `begin_use`.
        let marks = self.shared().users.iter().map(|user| user.load(Ordering::Relaxed));
        marks.filter(|mark| *mark != 0).any(|mark| ProcessStamp::from_shared(mark).is_alive())
    }

    /// Changes the purgeable state (`None` leaves it) and gives the one from before. *Empty* acts at once.
    pub(crate) fn set_purgeable(&self, state: Option<Purgeable>) -> Result<Purgeable> {
        let shared = &self.shared().purgeable;
        let Some(state) = state else {
            // Relaxed, here and below: the state orders nothing, emptying goes through the kernel.
            return Ok(Purgeable::from_shared(shared.load(Ordering::Relaxed)));
        };
        let before = Purgeable::from_shared(shared.swap(state as u32, Ordering::Relaxed));
        if state == Purgeable::Empty {
            self.0.memory.punch(0, self.0.shared_offset as u64)?;
        }
        Ok(before)
    }

    /// Attaches a value, whose name and size the caller has checked.
    pub(crate) fn set_value(&self, name: &str, value: &[u8]) -> Result<()> {
        self.shared().values.set(name, value)
    }

    pub(crate) fn value(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.shared().values.get(name)
    }

    pub(crate) fn remove_value(&self, name: &str) -> Result<()> {
        self.shared().values.remove(name)
    }

    pub(crate) fn value_names(&self) -> Result<Vec<String>> {
        self.shared().values.names()
    }
}

fn random_id() -> Result<u32> {
    loop {
        match u32::from_ne_bytes(random_bytes()?) {
            0 => {}
            id => return Ok(id),
        }
    }
}
