//! Who may write shared memory, and copies into and out of it, while other processes can write it at any time.

use std::hint::black_box;

use super::memory::Memory;
use super::posix::page_size;

/// Who may write a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Everybody who has it.
    ReadWrite,
    /// Its maker only.
    ReadOnlyForOthers,
}

/// Copies into a writable region, at an offset that the caller has checked.
pub(crate) fn copy_in(memory: &Memory, offset: usize, bytes: &[u8]) {
    assert!(memory.is_writable() && offset.checked_add(bytes.len()).is_some_and(|end| end <= memory.len()));
    // SAFETY: the range is within the writable mapping, checked above; `bytes` is private memory, so the two do
    // not overlap. Another process may write the same bytes meanwhile: what is there then is a mixture, as with
    // any memory that is shared without agreement, and no reference to it exists here.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.base().add(offset).as_ptr(), bytes.len()) };
}

/// Copies out of a region, at an offset that the caller has checked.
pub(crate) fn copy_out(memory: &Memory, offset: usize, bytes: &mut [u8]) {
    assert!(offset.checked_add(bytes.len()).is_some_and(|end| end <= memory.len()));
    // SAFETY: as in `copy_in`, for a mapping that is always readable.
    unsafe {
        std::ptr::copy_nonoverlapping(memory.base().add(offset).as_ptr(), bytes.as_mut_ptr(), bytes.len())
    };
}

/// Reads a byte of each page of `length` bytes, by a function that copies bytes from an offset, so that all are there and
/// mapped.
pub(super) fn touch(length: usize, copy_out: impl Fn(usize, &mut [u8])) {
    let mut byte = [0];
    for offset in (0..length).step_by(page_size()) {
        copy_out(offset, &mut byte);
        black_box(byte);
    }
}
