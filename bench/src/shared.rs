//! Memory that both sides of a measurement map: the floors of the machine and the benchmark's own signals are made of it.
//! The only unsafe code of the benchmark, with the semaphore and the uninitialised samples of others.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64};

use anyhow::{Result, ensure};
use surfaceport::memory::{Access, MemoryRegion};

/// Bytes between two words of [`Words`], so that no two share a cache line, nor the pair of lines that some processors
/// fetch together.
const STRIDE: usize = 128;

/// Words in shared memory, each on a cache line of its own.
#[derive(Clone, Debug)]
pub(crate) struct Words(MemoryRegion);

impl Words {
    pub(crate) fn create(count: usize) -> Result<Self> {
        Ok(Self(MemoryRegion::create(count * STRIDE, Access::ReadWrite)?))
    }

    pub(crate) fn open(region: MemoryRegion) -> Self {
        Self(region)
    }

    pub(crate) fn region(&self) -> MemoryRegion {
        self.0.clone()
    }

    pub(crate) fn at(&self, index: usize) -> &AtomicU64 {
        assert!((index + 1) * STRIDE <= self.0.len());
        // SAFETY: within the region, which lives as long as `self`; aligned, as a region begins with a page; both sides
        // use these bytes as this type only.
        unsafe { self.0.base().cast::<u8>().add(index * STRIDE).cast::<AtomicU64>().as_ref() }
    }

    /// A word that a futex can wait for; never used by [`Self::at`] as well.
    pub(crate) fn futex_at(&self, index: usize) -> &AtomicU32 {
        assert!((index + 1) * STRIDE <= self.0.len());
        // SAFETY: as above.
        unsafe { self.0.base().cast::<u8>().add(index * STRIDE).cast::<AtomicU32>().as_ref() }
    }
}

/// A POSIX semaphore in shared memory.
#[derive(Debug)]
pub(crate) struct Semaphore(MemoryRegion);

impl Semaphore {
    pub(crate) fn create() -> Result<Self> {
        let region = MemoryRegion::create(size_of::<libc::sem_t>(), Access::ReadWrite)?;
        // SAFETY: the region is large enough, aligned as a page is, and nobody else has it yet.
        let code = unsafe { libc::sem_init(region.base().as_ptr().cast(), 1, 0) };
        ensure!(code == 0, "sem_init: {}", std::io::Error::last_os_error());
        Ok(Self(region))
    }

    pub(crate) fn open(region: MemoryRegion) -> Self {
        Self(region)
    }

    pub(crate) fn region(&self) -> MemoryRegion {
        self.0.clone()
    }

    pub(crate) fn post(&self) -> Result<()> {
        // SAFETY: a semaphore, initialised by who created it.
        let code = unsafe { libc::sem_post(self.0.base().as_ptr().cast()) };
        ensure!(code == 0, "sem_post: {}", std::io::Error::last_os_error());
        Ok(())
    }

    pub(crate) fn wait(&self) -> Result<()> {
        loop {
            // SAFETY: as above.
            if unsafe { libc::sem_wait(self.0.base().as_ptr().cast()) } == 0 {
                return Ok(());
            }
            let error = std::io::Error::last_os_error();
            ensure!(error.kind() == std::io::ErrorKind::Interrupted, "sem_wait: {error}");
        }
    }
}
