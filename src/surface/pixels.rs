//! Access by the CPU to a locked surface's planes.

use std::ptr::NonNull;

use super::Surface;
use crate::error::{Error, Result, Status};
use crate::layout::PlaneLayout;

/// What a lock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Reading only: the seed stays.
    Read,
    /// Reading and writing: the seed moves when the lock ends.
    Write,
}

/// A surface that is locked while this lives.
#[derive(Debug)]
pub struct LockedSurface<'a> {
    surface: &'a Surface,
    mode: LockMode,
}

impl<'a> LockedSurface<'a> {
    pub(super) fn new(surface: &'a Surface, mode: LockMode) -> Self {
        Self { surface, mode }
    }

    /// A plane, 0 to the format's number of planes less one.
    ///
    /// Errors: [`Status::InvalidArgument`].
    pub fn plane(&self, index: usize) -> Result<PixelPlane<'_>> {
        let layout = self.surface.layout();
        match layout.plane(index) {
            Some(plane) => Ok(PixelPlane { locked: self, index, layout: *plane }),
            None => Err(Error::invalid(format!(
                "a surface of format {} has {} planes and no plane {index}",
                layout.descriptor().format,
                layout.planes().len()
            ))),
        }
    }
}

impl Drop for LockedSurface<'_> {
    fn drop(&mut self) {
        // Cannot fail but for a lock that was ended behind our back by `end_lock`.
        let _ = self.surface.end_lock(self.mode, false);
    }
}

/// One plane of a locked surface.
#[derive(Debug)]
pub struct PixelPlane<'a> {
    locked: &'a LockedSurface<'a>,
    index: usize,
    layout: PlaneLayout,
}

impl PixelPlane<'_> {
    /// Pixels of this plane.
    pub fn width(&self) -> u32 {
        self.layout.width
    }

    /// Rows of this plane.
    pub fn height(&self) -> u32 {
        self.layout.height
    }

    /// From the beginning of one row to the beginning of the next, in bytes.
    pub fn bytes_per_row(&self) -> usize {
        self.layout.bytes_per_row
    }

    /// The pixels of one row, without what follows them up to the next, in bytes.
    pub fn row_bytes(&self) -> usize {
        self.layout.row_len()
    }

    /// The first byte of the first row; `height() * bytes_per_row()` bytes are valid while the surface lives. Other
    /// processes may write at any time unless the swapchain's rules keep them from it.
    pub fn base(&self) -> NonNull<u8> {
        self.locked.surface.system().plane_base(self.index)
    }

    fn row(&self, y: u32, length: usize) -> Result<usize> {
        if length > self.row_bytes() {
            return Err(Error::invalid(format!(
                "{length} bytes are more than a row of this plane has, {}",
                self.row_bytes()
            )));
        }
        match self.locked.surface.layout().row_range(self.index, y) {
            Some(range) => Ok(range.start),
            None => Err(Error::invalid(format!("a plane of {} rows has no row {y}", self.height()))),
        }
    }

    /// Copies pixels into a row, from its beginning.
    ///
    /// Errors: [`Status::InvalidArgument`], when there is no such row or it is shorter;
    /// [`Status::PermissionDenied`], when the lock is for reading.
    pub fn write_row(&self, y: u32, bytes: &[u8]) -> Result<()> {
        if self.locked.mode == LockMode::Read {
            return Err(Error::fixed(Status::PermissionDenied, "a surface locked for reading was written"));
        }
        let offset = self.row(y, bytes.len())?;
        self.locked.surface.system().copy_in(offset, bytes);
        Ok(())
    }

    /// Copies pixels out of a row, from its beginning.
    ///
    /// Errors: [`Status::InvalidArgument`], as [`Self::write_row`].
    pub fn read_row(&self, y: u32, bytes: &mut [u8]) -> Result<()> {
        let offset = self.row(y, bytes.len())?;
        self.locked.surface.system().copy_out(offset, bytes);
        Ok(())
    }
}
