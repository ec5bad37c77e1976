//! Surfaces on Linux: one memfd with the pixels, and behind them a page that all processes share.
//!
//! ```text
//! 0 .. layout.size()       pixels, as `Layout` places the planes
//! page boundary ..         `Shared`: id, seed, users, purgeable state, values
//! ```
//!
//! Every process that has the surface can write that page. So it is information: an index or a length from it is
//! bounded before use, and nothing that memory safety rests on is read from it. The geometry comes from the
//! message that brought the surface and is checked against the size of the sealed memory.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use rustix::io::Errno;
use rustix::rand::GetRandomFlags;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::memory::{Memory, Protection};
use super::spawn::ProcessStamp;
use crate::error::{Error, Result, Status};
use crate::layout::{Alignment, Layout, SurfaceDescriptor};
use crate::pixel_format::PixelFormat;
use crate::sys::posix::system_error;

/// Processes that can use one surface at a time and be counted.
const MAX_USERS: usize = 64;
/// Room for all values of a surface together, in bytes.
pub(crate) const MAX_VALUES: usize = 28 << 10;

/// The page behind the pixels.
#[repr(C)]
struct Shared {
    seed: AtomicU32,
    purgeable: AtomicU32,
    /// Which process writes values now; 0 is nobody.
    values_writer: AtomicU64,
    /// How often values were written. Its lowest bit says which of the two areas is valid, so that a writer who
    /// dies half-way leaves the old ones.
    values_sequence: AtomicU64,
    users: [AtomicU64; MAX_USERS],
    values: [ValueArea; 2],
}

#[repr(C)]
struct ValueArea {
    length: AtomicU32,
    reserved: AtomicU32,
    words: [AtomicU64; MAX_VALUES / 8],
}

/// What a message says of a surface that it carries.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Detail {
    width: U32,
    height: U32,
    four_cc: U32,
    id: U32,
    reserved: [u8; 16],
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
    fn from_shared(value: u32) -> Self {
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
pub(crate) struct Surface(Arc<Inner>);

fn shared_offset(layout: &Layout) -> Result<usize> {
    layout
        .size()
        .checked_next_multiple_of(rustix::param::page_size())
        .ok_or_else(|| Error::fixed(Status::TooLarge, "a surface is larger than this address space"))
}

impl Surface {
    pub(crate) fn create(descriptor: &SurfaceDescriptor) -> Result<Self> {
        let layout = Layout::compute(descriptor, Alignment::DEFAULT)?;
        let shared_offset = shared_offset(&layout)?;
        let memory = Memory::create(shared_offset + size_of::<Shared>(), Protection::ReadWrite)?;
        Ok(Self(Arc::new(Inner { memory, shared_offset, layout, id: random_id()? })))
    }

    pub(crate) fn describe(&self) -> [u8; 32] {
        let descriptor = self.0.layout.descriptor();
        zerocopy::transmute!(Detail {
            width: descriptor.width.into(),
            height: descriptor.height.into(),
            four_cc: descriptor.format.four_cc().into(),
            id: self.0.id.into(),
            reserved: [0; 16],
        })
    }

    /// What a peer sent as a surface.
    ///
    /// Errors: malformed unless the geometry is one that this library makes and the memory is sealed and of
    /// exactly the size for it.
    pub(super) fn open(fd: OwnedFd, detail: &[u8; 32]) -> Result<Self> {
        let detail: Detail = zerocopy::transmute!(*detail);
        let wrong = |reason: String| Error::malformed(format!("a surface in a message: {reason}"));
        if detail.id.get() == 0 || detail.reserved != [0; 16] {
            return Err(wrong("it has no id, or fields that this version does not know".into()));
        }
        let format = PixelFormat::from_four_cc(detail.four_cc.get()).map_err(|e| wrong(e.to_string()))?;
        let descriptor = SurfaceDescriptor::new(detail.width.get(), detail.height.get(), format);
        let layout = Layout::compute(&descriptor, Alignment::DEFAULT).map_err(|e| wrong(e.to_string()))?;
        let shared_offset = shared_offset(&layout)?;
        let memory = Memory::open(fd, (shared_offset + size_of::<Shared>()) as u64)?;
        if !memory.is_writable() {
            return Err(wrong("its memory is read-only".into()));
        }
        Ok(Self(Arc::new(Inner { memory, shared_offset, layout, id: detail.id.get() })))
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

    /// The bytes that the surface keeps in memory, with all that belongs to it.
    pub(crate) fn allocation_size(&self) -> usize {
        self.0.memory.len()
    }

    /// Makes the pixels ready for the CPU. Memory on Linux always is.
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
        let me = ProcessStamp::current()?;
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
        if let (Some(user), Ok(me)) = (self.shared().users.get(place), ProcessStamp::current()) {
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

    /// All values, as they were written last. The bytes are a peer's word and checked by who decodes them.
    pub(crate) fn values(&self) -> Result<Vec<u8>> {
        let shared = self.shared();
        for _ in 0..1000 {
            // Acquire: pairs with the release that published this sequence.
            let sequence = shared.values_sequence.load(Ordering::Acquire);
            let area = &shared.values[(sequence & 1) as usize];
            let length = (area.length.load(Ordering::Relaxed) as usize).min(MAX_VALUES);
            let words = &area.words[..length.div_ceil(8)];
            let mut bytes: Vec<u8> =
                words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
            bytes.truncate(length);
            // The loads above happen before the one below; if no writer came in between, they were of one piece.
            fence(Ordering::Acquire);
            if shared.values_sequence.load(Ordering::Relaxed) == sequence {
                return Ok(bytes);
            }
            std::thread::yield_now();
        }
        Err(Error::fixed(Status::TimedOut, "a surface's values are being written without an end"))
    }

    /// Replaces all values by what `change` makes of them.
    pub(crate) fn change_values(&self, change: impl FnOnce(Vec<u8>) -> Result<Vec<u8>>) -> Result<()> {
        let writing = ValueWriting::begin(self.shared())?;
        let bytes = change(self.values()?)?;
        if bytes.len() > MAX_VALUES {
            return Err(Error::new(
                Status::TooLarge,
                format!("a surface's values are {} bytes together, the maximum is {MAX_VALUES}", bytes.len()),
            ));
        }
        writing.publish(&bytes);
        Ok(())
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
        let device = rustix::fs::open("/dev/udmabuf", flags, rustix::fs::Mode::empty()).map_err(|errno| {
            let reason = std::io::Error::from(errno);
            Error::new(Status::Unsupported, format!("no dma-buf can be made here: /dev/udmabuf: {reason}"))
        })?;
        let request = UdmabufCreate {
            memfd: self.as_fd().as_raw_fd() as u32,
            flags: UDMABUF_FLAGS_CLOEXEC,
            offset: 0,
            size: self.0.shared_offset as u64,
        };
        // SAFETY: the request is the structure that this command reads, alive across the call.
        let fd = unsafe { libc::ioctl(device.as_raw_fd(), UDMABUF_CREATE as _, &raw const request) };
        if fd < 0 {
            let errno = Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO);
            return Err(system_error("making a dma-buf", errno));
        }
        // SAFETY: a new descriptor that the kernel has just given to us.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl AsFd for Surface {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.memory.as_fd()
    }
}

fn random_id() -> Result<u32> {
    let mut bytes = [0; 4];
    loop {
        rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty())
            .map_err(|errno| system_error("making a surface's id", errno))?;
        match u32::from_ne_bytes(bytes) {
            0 => {}
            id => return Ok(id),
        }
    }
}

/// The right to write a surface's values, which one process has at a time. A dead holder's is taken over.
struct ValueWriting<'a> {
    shared: &'a Shared,
    mark: u64,
}

impl<'a> ValueWriting<'a> {
    fn begin(shared: &'a Shared) -> Result<Self> {
        let mark = ProcessStamp::current()?.to_shared();
        for round in 0..1000 {
            // Acquire: pairs with the release of the last holder, whose values we are going to read.
            let holder = shared.values_writer.compare_exchange(0, mark, Ordering::Acquire, Ordering::Relaxed);
            let Err(holder) = holder else { return Ok(Self { shared, mark }) };
            // Looking a process up costs some microseconds, a writer is done in less.
            let dead = round % 10 == 9 && !ProcessStamp::from_shared(holder).is_alive();
            if dead
                && shared
                    .values_writer
                    .compare_exchange(holder, mark, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Ok(Self { shared, mark });
            }
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
        Err(Error::fixed(Status::TimedOut, "another process does not end writing a surface's values"))
    }

    fn publish(&self, bytes: &[u8]) {
        let next = self.shared.values_sequence.load(Ordering::Relaxed).wrapping_add(1);
        let area = &self.shared.values[(next & 1) as usize];
        // A reader that is still in this area, two writes late, must not take what follows for whole: its check
        // of the sequence fails, because that moved on before the area came up again. This fence keeps the stores
        // below from being seen before that earlier move.
        fence(Ordering::Release);
        for (word, chunk) in area.words.iter().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            whole[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
        }
        area.length.store(bytes.len() as u32, Ordering::Relaxed);
        // Release: who reads the new sequence sees the area behind it.
        self.shared.values_sequence.store(next, Ordering::Release);
    }
}

impl Drop for ValueWriting<'_> {
    fn drop(&mut self) {
        // Release: the next holder sees what was published. Only our own mark is taken away.
        let _ =
            self.shared.values_writer.compare_exchange(self.mark, 0, Ordering::Release, Ordering::Relaxed);
    }
}
