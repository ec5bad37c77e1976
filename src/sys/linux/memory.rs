//! Memory regions on Linux: memfd, sealed before anybody else can have them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use rustix::process::Resource;

use super::uninterrupted;
use crate::error::{Error, Result, Status};
use crate::sys::memory_access::touch;
use crate::sys::owner::Owner;
use crate::sys::posix::{made, page_size, system_error};
use crate::sys::wire::MAX_REGION;

pub(crate) use crate::sys::memory_access::{Protection, copy_in, copy_out};

/// The type of file system that every memfd lives on: `TMPFS_MAGIC` of `linux/magic.h`. A memfd on huge pages says
/// something else; touching one can kill the process when the pool is empty.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// A mapping, unmapped at the end.
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
    fn new(fd: BorrowedFd<'_>, length: usize, writable: bool) -> Result<Self, Errno> {
        let protection = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        // SAFETY: no address is asked for, so no existing mapping is touched.
        let base =
            unsafe { rustix::mm::mmap(std::ptr::null_mut(), length, protection, MapFlags::SHARED, fd, 0) }?;
        // Nobody is given the address zero who did not ask for it.
        let base = NonNull::new(base.cast()).ok_or(Errno::FAULT)?;
        Ok(Self { base, length, writable, owner: Owner::this_process(), is_private: AtomicBool::new(false) })
    }

    /// Has forks be made without it. Where that fails they have it as they have everything, which does no harm.
    fn keep_from_forks(&self) {
        // Said first: a fork that another thread makes meanwhile may leave a mapping in place, but never unmap another's.
        // Relaxed, here and below: the kernel orders it, which makes forks and takes advice under one lock.
        self.is_private.store(true, Ordering::Relaxed);
        let length = self.length.next_multiple_of(page_size());
        // SAFETY: whole pages of a mapping of ours; the advice takes effect in forks only.
        let advised =
            unsafe { rustix::mm::madvise(self.base.as_ptr().cast(), length, Advice::LinuxDontFork) };
        if advised.is_err() {
            self.is_private.store(false, Ordering::Relaxed);
        }
    }
}

fn mapping_failed(errno: Errno) -> Error {
    system_error("mapping memory", errno)
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // In a fork that was made without it, there can be anything in its place by now.
        if !self.owner.is_here() && self.is_private.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: exactly the range that `new` mapped, and nobody can have a reference into it any more: all are
        // borrowed from the `Memory` that owned this.
        let outcome = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.length) };
        debug_assert_eq!(outcome, Ok(()));
    }
}

#[derive(Debug)]
struct Region {
    fd: OwnedFd,
    mapping: Mapping,
    /// F_SEAL_WRITE is on: nobody can write, ever.
    sealed: bool,
}

/// A mapped region of memory that can be sent to other processes. Clones are the same region.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Region>);

fn new_memfd(name: &str) -> Result<OwnedFd> {
    let base = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create(name, base | MemfdFlags::NOEXEC_SEAL)
        // A kernel before 6.3 does not know that flag.
        .or_else(|errno| match errno {
            Errno::INVAL => rustix::fs::memfd_create(name, base),
            errno => Err(errno),
        });
    made("making shared memory", fd)
}

/// Makes room for so many zeroes.
fn set_length(fd: &OwnedFd, length: u64) -> Result<()> {
    check_length(length)?;
    rustix::fs::ftruncate(fd, length).map_err(|errno| system_error("sizing shared memory", errno))
}

/// A file that would become larger than `RLIMIT_FSIZE` ends the process by SIGXFSZ, and shared memory counts as one. So the
/// limit is asked for before: the signal's handler and mask are the program's. It costs one call for each region, and
/// nothing for a message without one.
fn check_length(length: u64) -> Result<()> {
    match rustix::process::getrlimit(Resource::Fsize).current {
        Some(limit) if length > limit => Err(system_error("sizing shared memory", Errno::FBIG)),
        _ => Ok(()),
    }
}

fn seal(fd: &OwnedFd, seals: SealFlags) -> Result<()> {
    rustix::fs::fcntl_add_seals(fd, seals).map_err(|errno| system_error("sealing shared memory", errno))
}

const FIXED_SIZE: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

impl Memory {
    /// A region of zeroes. `length` is in bytes and not 0.
    pub(crate) fn create(length: usize, protection: Protection) -> Result<Self> {
        let fd = new_memfd("surfaceport-memory")?;
        set_length(&fd, length as u64)?;
        let mapping = Mapping::new(fd.as_fd(), length, true).map_err(mapping_failed)?;
        // The mapping above stays writable under FUTURE_WRITE; every later one, whoever makes it, is not.
        let future = match protection {
            Protection::ReadWrite => SealFlags::empty(),
            Protection::ReadOnlyForOthers => SealFlags::FUTURE_WRITE,
        };
        seal(&fd, FIXED_SIZE | future | SealFlags::SEAL)?;
        Ok(Self(Arc::new(Region { fd, mapping, sealed: false })))
    }

    /// A region with these bytes (at least one), which nobody can change any more.
    pub(crate) fn sealed(bytes: &[u8]) -> Result<Self> {
        let fd = new_memfd("surfaceport-payload")?;
        check_length(bytes.len() as u64)?;
        let mut rest = bytes;
        let mut offset = 0;
        // Written, which sets the size as well, and not mapped: WRITE can be sealed only while no writable mapping exists.
        while !rest.is_empty() {
            match uninterrupted(|| rustix::io::pwrite(&fd, rest, offset)) {
                Ok(0) => {
                    return Err(Error::fixed(Status::System, "shared memory does not take what is written"));
                }
                Ok(count) => {
                    rest = &rest[count..];
                    offset += count as u64;
                }
                Err(errno) => return Err(system_error("filling shared memory", errno)),
            }
        }
        seal(&fd, FIXED_SIZE | SealFlags::WRITE | SealFlags::SEAL)?;
        let mapping = Mapping::new(fd.as_fd(), bytes.len(), false).map_err(mapping_failed)?;
        Ok(Self(Arc::new(Region { fd, mapping, sealed: true })))
    }

    /// What a peer sent as a region of `length` bytes.
    ///
    /// Errors: malformed unless it is a memfd of exactly that size that can neither shrink nor grow.
    pub(crate) fn open(fd: OwnedFd, length: u64) -> Result<Self> {
        Self::open_checked(fd, length, FIXED_SIZE)
    }

    /// What a peer sent as a payload: as [`Self::open`], and nobody can write it either.
    pub(crate) fn open_sealed(fd: OwnedFd, length: u64) -> Result<Self> {
        Self::open_checked(fd, length, FIXED_SIZE | SealFlags::WRITE)
    }

    fn open_checked(fd: OwnedFd, length: u64, wanted: SealFlags) -> Result<Self> {
        // Seals first: only behind them is the size that fstat tells the size for good.
        let seals = rustix::fs::fcntl_get_seals(&fd).map_err(|errno| match errno {
            // Of any other file; and of a descriptor that is for nothing but its path.
            Errno::INVAL | Errno::BADF => {
                Error::malformed("a memory region is no memfd, so it could be cut under its mapping")
            }
            errno => system_error("opening memory", errno),
        })?;
        if !seals.contains(wanted) {
            return Err(Error::malformed(
                "a memory region lacks the seals that keep its size or bytes, so it could change under its mapping",
            ));
        }
        let file_system = rustix::fs::fstatfs(&fd).map_err(|errno| system_error("opening memory", errno))?;
        if file_system.f_type as u64 != TMPFS_MAGIC {
            return Err(Error::malformed(
                "a memory region is made of huge pages, which can be missing when touched",
            ));
        }
        let status = rustix::fs::fstat(&fd).map_err(|errno| system_error("opening memory", errno))?;
        if length == 0 || length > MAX_REGION || status.st_size as u64 != length {
            return Err(Error::malformed(format!(
                "a memory region has {} bytes where its descriptor says {length}",
                status.st_size
            )));
        }
        let length = usize::try_from(length).map_err(|_| {
            Error::fixed(Status::TooLarge, "a memory region is larger than this address space")
        })?;
        let writable = !seals.intersects(SealFlags::WRITE | SealFlags::FUTURE_WRITE);
        let mapping = Mapping::new(fd.as_fd(), length, writable).map_err(|errno| match errno {
            Errno::ACCESS => Error::malformed("a memory region came by a descriptor that is not open for it"),
            errno => mapping_failed(errno),
        })?;
        Ok(Self(Arc::new(Region { fd, mapping, sealed: seals.contains(SealFlags::WRITE) })))
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

    /// The bytes of a region made by [`Self::sealed`] or [`Self::open_sealed`]; of any other, none.
    pub(crate) fn sealed_bytes(&self) -> &[u8] {
        if !self.0.sealed {
            return &[];
        }
        // SAFETY: the mapping has that length; F_SEAL_WRITE cannot be taken back and excludes writes and
        // writable mappings by anybody, so the bytes do not change while they are borrowed.
        unsafe { std::slice::from_raw_parts(self.base().as_ptr(), self.len()) }
    }

    /// Has every page made and mapped in this process.
    pub(crate) fn prefault(&self) -> Result<()> {
        let advice = if self.is_writable() { Advice::LinuxPopulateWrite } else { Advice::LinuxPopulateRead };
        let length = self.len().next_multiple_of(page_size());
        // SAFETY: whole pages of a mapping of ours; this advice changes no contents.
        match unsafe { rustix::mm::madvise(self.base().as_ptr().cast(), length, advice) } {
            Ok(()) => Ok(()),
            // A kernel before 5.14.
            Err(Errno::INVAL) => {
                touch(self.len(), |offset, bytes| copy_out(self, offset, bytes));
                Ok(())
            }
            // madvise(2): touching a page would have ended in SIGBUS, as there is no memory to make it of.
            Err(Errno::FAULT) => {
                Err(Error::fixed(Status::ResourceExhausted, "there is no memory for all pages of a region"))
            }
            Err(errno) => Err(system_error("making the pages of shared memory", errno)),
        }
    }

    /// Gives pages back to the system; they read as zeroes until they are written again.
    pub(crate) fn punch(&self, offset: u64, length: u64) -> Result<()> {
        let mode = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&self.0.fd, mode, offset, length)
            .map_err(|errno| system_error("giving back memory", errno))
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::linux::duplicate;

    fn memfd_of_a_page() -> OwnedFd {
        let fd = new_memfd("test").unwrap();
        set_length(&fd, 4096).unwrap();
        fd
    }

    fn refused(fd: OwnedFd, length: u64) -> Error {
        let error = Memory::open(fd, length).unwrap_err();
        assert_eq!(error.status(), Status::Malformed, "{error}");
        error
    }

    #[test]
    fn a_region_that_could_shrink_is_refused() {
        refused(memfd_of_a_page(), 4096);
        let only_grow = memfd_of_a_page();
        seal(&only_grow, SealFlags::GROW).unwrap();
        refused(only_grow, 4096);
    }

    #[test]
    fn a_region_of_another_size_is_refused() {
        for said in [0, 1, 4095, 4097, 8192, u64::MAX] {
            let fd = memfd_of_a_page();
            seal(&fd, FIXED_SIZE).unwrap();
            refused(fd, said);
        }
    }

    #[test]
    fn what_is_no_memfd_is_refused() {
        refused(std::fs::File::open("/proc/self/exe").unwrap().into(), 4096);
        refused(std::os::unix::net::UnixStream::pair().unwrap().0.into(), 4096);
    }

    #[test]
    fn a_payload_that_could_be_written_is_refused() {
        let fd = memfd_of_a_page();
        seal(&fd, FIXED_SIZE).unwrap();
        let error = Memory::open_sealed(fd, 4096).unwrap_err();
        assert_eq!(error.status(), Status::Malformed);
    }

    #[test]
    fn others_cannot_write_what_is_read_only_for_them() {
        let made = Memory::create(100, Protection::ReadOnlyForOthers).unwrap();
        assert!(made.is_writable());
        let other = Memory::open(duplicate(made.as_fd()).unwrap(), 100).unwrap();
        assert!(!other.is_writable());
        assert!(Mapping::new(other.as_fd(), 100, true).is_err(), "the kernel refuses a writable mapping");
        assert!(rustix::io::pwrite(&other, b"x", 0).is_err(), "and a write");
        // SAFETY: the maker's mapping is writable and has 100 bytes.
        unsafe { made.base().as_ptr().write_volatile(7) };
        // SAFETY: the other mapping has 100 readable bytes.
        assert_eq!(unsafe { other.base().as_ptr().read_volatile() }, 7);
    }

    #[test]
    fn sealed_bytes_are_those_that_were_given() {
        let bytes: Vec<u8> = (0..100_000).map(|i| (i % 251) as u8).collect();
        let memory = Memory::sealed(&bytes).unwrap();
        assert_eq!(memory.sealed_bytes(), bytes);
        assert!(Memory::create(10, Protection::ReadWrite).unwrap().sealed_bytes().is_empty());
    }
}
