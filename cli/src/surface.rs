//! The library's surfaces as the program's planes.

use surfaceport::pixel_format::PixelFormat;
use surfaceport::surface::LockedSurface;

use crate::failure::{Failure, Result};
use crate::picture::{Chroma, Form, Layout, Planes, PlanesMut};

impl Planes for LockedSurface<'_> {
    fn read_row(&self, plane: usize, row: u32, into: &mut [u8]) -> Result<()> {
        self.plane(plane).and_then(|plane| plane.read_row(row, into)).map_err(failure)
    }
}

impl PlanesMut for LockedSurface<'_> {
    fn write_row(&mut self, plane: usize, row: u32, from: &[u8]) -> Result<()> {
        self.plane(plane).and_then(|plane| plane.write_row(row, from)).map_err(failure)
    }
}

/// The pixel format of surfaces that hold frames of `layout`.
pub(crate) fn format(layout: &Layout, full_range: bool) -> PixelFormat {
    match (layout.form, full_range) {
        (Form::Bgra, _) => PixelFormat::Bgra8,
        (Form::Planar(_), _) => PixelFormat::I420,
        (Form::Paired(Chroma::Half), true) => PixelFormat::Nv12Full,
        (Form::Paired(Chroma::Half), false) => PixelFormat::Nv12,
        (Form::Paired(Chroma::Wide), true) => PixelFormat::Nv16Full,
        (Form::Paired(Chroma::Wide), false) => PixelFormat::Nv16,
        (Form::Paired(Chroma::Full), true) => PixelFormat::Nv24Full,
        (Form::Paired(Chroma::Full), false) => PixelFormat::Nv24,
    }
}

fn failure(error: surfaceport::Error) -> Failure {
    Failure::new("cannot reach a surface's pixels", error, "please report this defect")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{pack, unpack};
    use surfaceport::layout::SurfaceDescriptor;
    use surfaceport::surface::{LockMode, Surface};

    #[test]
    fn frames_go_through_surfaces_of_every_format_and_odd_sizes() {
        for chroma in [Chroma::Half, Chroma::Wide, Chroma::Full] {
            for (full_range, width, height) in
                [(false, 1, 1), (false, 33, 17), (true, 33, 17), (true, 2, 1), (false, 64, 64)]
            {
                let layout = Layout::yuv(width, height, chroma, full_range);
                let descriptor = SurfaceDescriptor::new(width, height, format(&layout, full_range));
                let surface = Surface::create(&descriptor).unwrap();
                let samples: Vec<u8> = (0..layout.file_bytes()).map(|i| (i * 7 % 251) as u8).collect();
                pack(&layout, &samples, &mut surface.lock(LockMode::Write).unwrap()).unwrap();
                let mut back = Vec::new();
                unpack(&layout, &surface.lock(LockMode::Read).unwrap(), &mut back).unwrap();
                assert_eq!(back, samples, "{descriptor:?}");
                let planes = surface.lock(LockMode::Read).unwrap();
                for (index, (row_bytes, rows)) in layout.planes().into_iter().enumerate() {
                    let plane = planes.plane(index).unwrap();
                    assert_eq!((plane.row_bytes(), plane.height()), (row_bytes, rows), "{descriptor:?}");
                }
            }
        }
    }
}
