//! Shared pages as Rust values: the one place above `sys` that turns memory into references.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Deref;

#[cfg(not(loom))]
use zerocopy::FromBytes;

use crate::error::{Error, Result};
use crate::memory::{Access, MemoryRegion};

/// A type that shared memory can hold whatever any process writes there: made of atomics only, so that every bit pattern
/// is valid ([`FromBytes`]) and concurrent changes are defined. Zero bytes are its initial value.
#[cfg(not(loom))]
pub(crate) trait SharedPage: FromBytes {}

/// Models make their pages themselves, of atomics that no memory can be turned into.
#[cfg(loom)]
pub(crate) trait SharedPage {}

/// On cache lines of its own: what one side polls must not move when the other side writes its neighbour.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(FromBytes))]
#[repr(C, align(64))]
pub(crate) struct Line<T>(pub(crate) T);

/// A page in shared memory. A fork of the process that has it does not have it: nothing but its end may be asked for there.
#[derive(Debug)]
pub(crate) struct Page<T> {
    region: MemoryRegion,
    kind: PhantomData<T>,
}

impl<T: SharedPage> Page<T> {
    /// A page of this process.
    pub(crate) fn create(access: Access) -> Result<Self> {
        const { assert!(align_of::<T>() <= 4096, "mappings begin at a page boundary") };
        Ok(Self::of(MemoryRegion::create(size_of::<T>(), access)?))
    }

    /// A page that a peer sent.
    ///
    /// Errors: malformed unless it has exactly the size.
    pub(crate) fn open(region: MemoryRegion) -> Result<Self> {
        if region.len() != size_of::<T>() {
            return Err(Error::malformed(format!(
                "a shared page has {} bytes and not {}",
                region.len(),
                size_of::<T>()
            )));
        }
        Ok(Self::of(region))
    }

    /// What the two sides agree on by a page is nothing that a fork of one of them may change.
    fn of(region: MemoryRegion) -> Self {
        region.keep_from_forks();
        Self { region, kind: PhantomData }
    }

    /// Whether this process may write it. A store into a page that it may not write ends the process.
    pub(crate) fn is_writable(&self) -> bool {
        self.region.is_writable()
    }

    /// The memory, to be sent.
    pub(crate) fn region(&self) -> MemoryRegion {
        self.region.clone()
    }
}

impl<T: SharedPage> Deref for Page<T> {
    type Target = T;

    fn deref(&self) -> &T {
        debug_assert!(self.region.0.owner().is_here(), "a page is not looked at in a fork");
        // SAFETY: the mapping begins at a page boundary, has exactly the size of `T`, and lives as long as
        // `self.region`, in this process: who has a page asks its owner first; `SharedPage` says that any bytes are a valid `T` and may change under a shared reference.
        unsafe { self.region.base().cast::<T>().as_ref() }
    }
}
