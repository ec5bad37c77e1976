//! Who may write shared memory, and copies into and out of it, while other processes can write it at any time.

use super::memory::Memory;

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
