//! What IOSurface says of a surface's memory, checked before anybody believes it: whoever made the surface chose it,
//! and that can be a peer, or another library of this process. Needs no system, and is tested on each.

use crate::error::{Error, Result};
use crate::layout::{Layout, PlanePlacement, SurfaceDescriptor};
use crate::pixel_format::PixelFormat;

/// A plane, as IOSurface has it. Of a surface without planes, the surface itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    /// The address of its first row.
    pub(super) base: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) bytes_per_row: usize,
}

/// A surface, as IOSurface has it.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    pub(super) four_cc: u32,
    pub(super) width: usize,
    pub(super) height: usize,
    /// The address of its memory.
    pub(super) base: usize,
    /// Bytes that can be read and written from there on.
    pub(super) size: usize,
    pub(super) planes: Vec<Plane>,
}

impl Geometry {
    /// The same as a layout, which holds what a layout promises whatever IOSurface says.
    ///
    /// Errors: unsupported for an unknown format; invalid argument for anything that does not fit together.
    pub(super) fn layout(&self) -> Result<Layout> {
        let format = PixelFormat::from_four_cc(self.four_cc)?;
        let side = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let descriptor = SurfaceDescriptor::new(side(self.width), side(self.height), format);
        descriptor.check()?;
        let mut placements = Vec::with_capacity(self.planes.len());
        for (index, plane) in self.planes.iter().enumerate() {
            let wanted = format.planes().get(index);
            let wanted = wanted.map_or((0, 0), |f| (f.width(descriptor.width), f.height(descriptor.height)));
            if plane.width < wanted.0 as usize || plane.height < wanted.1 as usize {
                let Plane { width, height, .. } = plane;
                return Err(Error::invalid(format!(
                    "plane {index} of an IOSurface of {format} is {width} x {height} where it should be {wanted:?}"
                )));
            }
            let offset = plane.base.checked_sub(self.base).ok_or_else(|| {
                Error::invalid(format!("plane {index} of an IOSurface lies before its memory"))
            })?;
            let bytes_per_row = plane.bytes_per_row as u64;
            placements.push(PlanePlacement { offset: offset as u64, bytes_per_row });
        }
        Ok(Layout::from_placement(&descriptor, &placements, self.size as u64)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Status;

    const BASE: usize = 0x1_0000_0000;

    /// 100 × 10 of `420v`, with more space than it needs everywhere.
    fn biplanar() -> Geometry {
        let planes = vec![
            Plane { base: BASE + 64, width: 100, height: 10, bytes_per_row: 192 },
            Plane { base: BASE + 4096, width: 50, height: 5, bytes_per_row: 128 },
        ];
        let four_cc = PixelFormat::Nv12.four_cc();
        Geometry { four_cc, width: 100, height: 10, base: BASE, size: 16_384, planes }
    }

    fn refused(change: impl FnOnce(&mut Geometry)) -> Status {
        let mut geometry = biplanar();
        change(&mut geometry);
        geometry.layout().unwrap_err().status()
    }

    #[test]
    fn what_iosurface_chose_is_taken_as_it_is() {
        let layout = biplanar().layout().unwrap();
        assert_eq!(layout.descriptor(), SurfaceDescriptor::new(100, 10, PixelFormat::Nv12));
        assert_eq!(layout.size(), 16_384);
        let planes: Vec<_> = layout.planes().iter().map(|p| (p.offset, p.bytes_per_row, p.width)).collect();
        assert_eq!(planes, [(64, 192, 100), (4096, 128, 50)]);
        // A format whose components lie together, of any stride.
        let planes = vec![Plane { base: BASE, width: 7, height: 3, bytes_per_row: 33 }];
        let four_cc = PixelFormat::Bgra8.four_cc();
        let one = Geometry { four_cc, width: 7, height: 3, base: BASE, size: 99, planes };
        assert_eq!(one.layout().unwrap().row_range(0, 2), Some(66..94));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        assert_eq!(refused(|g| g.four_cc = u32::from_be_bytes(*b"&8v0")), Status::Unsupported);
        let wrong = [
            refused(|g| g.width = 0),
            refused(|g| g.height = 16_385),
            refused(|g| g.width = (1 << 32) + 100),
            refused(|g| g.planes.truncate(1)),
            refused(|g| g.planes.push(g.planes[0])),
            refused(|g| g.planes.clear()),
            refused(|g| g.planes[0].base = BASE - 1),
            refused(|g| g.planes[1].base = BASE + 64 + 1919),
            refused(|g| g.planes[1].base = BASE + 16_384 - 639),
            refused(|g| g.planes[1].base = usize::MAX),
            refused(|g| g.planes[0].bytes_per_row = 99),
            refused(|g| g.planes[0].bytes_per_row = usize::MAX),
            refused(|g| g.planes[1].width = 49),
            refused(|g| g.planes[1].height = 4),
            refused(|g| g.size = 4096 + 639),
            refused(|g| g.size = 0),
        ];
        assert_eq!(wrong, [Status::InvalidArgument; 16]);
        let mut least = biplanar();
        least.size = 4096 + 640;
        least.layout().unwrap();
    }

    proptest! {
        #[test]
        fn no_answer_of_iosurface_leads_outside_of_its_memory(
            four_cc in proptest::sample::select(PixelFormat::ALL), width in 0..40_usize, height in 0..40_usize,
            size in 0..20_000_usize,
            planes in proptest::collection::vec(
                (0..20_000_usize, 0..40_usize, 0..40_usize, prop_oneof![8 => 0..400_usize, 1 => any::<usize>()]),
                0..4,
            ),
        ) {
            let planes = planes.into_iter().map(|(offset, width, height, bytes_per_row)| {
                Plane { base: BASE + offset, width, height, bytes_per_row }
            });
            let geometry = Geometry {
                four_cc: four_cc.four_cc(), width, height, base: BASE, size, planes: planes.collect(),
            };
            if let Ok(layout) = geometry.layout() {
                for (index, plane) in layout.planes().iter().enumerate() {
                    prop_assert!(plane.range().end <= size);
                    prop_assert_eq!(BASE + plane.offset, geometry.planes[index].base);
                    prop_assert!(layout.row_range(index, plane.height - 1).is_some_and(|row| row.end <= size));
                }
            }
        }
    }
}
