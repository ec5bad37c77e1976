//! Where each plane and each row of a surface lies in its memory.
//!
//! This is the only place that turns a width, a height and a format into offsets. All arithmetic is
//! checked, so that a [`Layout`], once it exists, is true by construction: every row of every plane lies
//! inside [`Layout::size`] bytes and no two rows share a byte. Code that maps memory relies on that; it
//! has only to ask [`Layout::verify`] whether the memory is as long.

use std::fmt;
use std::ops::Range;

use crate::pixel_format::{PixelFormat, PlaneFormat};

/// The greatest width and the greatest height of a surface, in pixels.
///
/// What GPUs and IOSurface take on current machines; the largest surface is 2 GiB.
pub const MAX_DIMENSION: u32 = 16_384;

/// The greatest number of planes of a surface.
pub const MAX_PLANES: usize = 3;

/// The size and format that a surface is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SurfaceDescriptor {
    /// Width in pixels: 1 to [`MAX_DIMENSION`].
    pub width: u32,
    /// Height in pixels: 1 to [`MAX_DIMENSION`].
    pub height: u32,
    /// What the pixels are.
    pub format: PixelFormat,
}

impl SurfaceDescriptor {
    /// A descriptor of `width` × `height` pixels; nothing is checked before a layout is computed.
    #[must_use]
    pub const fn new(width: u32, height: u32, format: PixelFormat) -> Self {
        Self { width, height, format }
    }

    /// Says whether width and height are 1 to [`MAX_DIMENSION`].
    ///
    /// # Errors
    /// [`LayoutError::Dimension`], which names the side, its value and the maximum.
    pub fn check(&self) -> Result<(), LayoutError> {
        for (name, value) in [("width", self.width), ("height", self.height)] {
            if value == 0 || value > MAX_DIMENSION {
                return Err(LayoutError::Dimension { name, value });
            }
        }
        Ok(())
    }
}

/// What the beginnings of rows and planes are multiples of. Both are powers of two, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alignment {
    /// Bytes per row are a multiple of this.
    pub bytes_per_row: u32,
    /// The offset of each plane is a multiple of this.
    pub plane_offset: u32,
}

impl Alignment {
    /// Rows and planes at multiples of 64 bytes: a cache line, and the widest vector registers. It does
    /// not depend on the size of a page.
    pub const DEFAULT: Self = Self { bytes_per_row: 64, plane_offset: 64 };

    /// Rows and planes without any space between them, as in files and pipes.
    pub const PACKED: Self = Self { bytes_per_row: 1, plane_offset: 1 };
}

impl Default for Alignment {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Where somebody else put a plane, to be checked by [`Layout::from_placement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlanePlacement {
    /// Bytes from the beginning of the surface's memory to the plane's first row.
    pub offset: u64,
    /// Bytes from the beginning of a row to the beginning of the next.
    pub bytes_per_row: u64,
}

/// One plane of a [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct PlaneLayout {
    /// Elements in a row (pixels, of the plane's own resolution).
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes of one element.
    pub bytes_per_element: usize,
    /// Bytes from the beginning of a row to the beginning of the next, padding included.
    pub bytes_per_row: usize,
    /// Bytes from the beginning of the surface's memory to the first row.
    pub offset: usize,
    /// Bytes of all rows, padding included: `bytes_per_row * height`.
    pub size: usize,
}

impl PlaneLayout {
    /// The bytes of a row that are pixels: `width * bytes_per_element`, without the padding.
    #[must_use]
    pub const fn row_len(&self) -> usize {
        self.width as usize * self.bytes_per_element
    }

    /// The bytes of the surface's memory that belong to this plane, padding included.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.size
    }
}

/// The places of all planes of a surface, inside a memory of [`size`](Self::size) bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    descriptor: SurfaceDescriptor,
    /// The first [`PixelFormat::plane_count`] are in use, the others zero.
    planes: [PlaneLayout; MAX_PLANES],
    size: usize,
}

impl Layout {
    /// Places the planes one after the other, each row and plane as `alignment` asks.
    ///
    /// # Errors
    /// - [`LayoutError::Dimension`]: width or height is 0 or over [`MAX_DIMENSION`];
    /// - [`LayoutError::Alignment`]: an alignment is not a power of two;
    /// - [`LayoutError::TooLarge`]: this system cannot address that many bytes.
    pub fn compute(descriptor: &SurfaceDescriptor, alignment: Alignment) -> Result<Self, LayoutError> {
        descriptor.check()?;
        for (name, value) in
            [("bytes per row", alignment.bytes_per_row), ("plane offset", alignment.plane_offset)]
        {
            if !value.is_power_of_two() {
                return Err(LayoutError::Alignment { name, value });
            }
        }

        let mut placements = [PlanePlacement { offset: 0, bytes_per_row: 0 }; MAX_PLANES];
        let mut end = 0_u64;
        for (placement, plane) in placements.iter_mut().zip(descriptor.format.planes()) {
            (*placement, end) =
                place_after(end, descriptor, plane, alignment).ok_or(LayoutError::TooLarge)?;
        }
        Self::from_placement(descriptor, &placements[..descriptor.format.plane_count()], end)
    }

    /// Checks the places that somebody else chose: IOSurface, a driver, or a peer that is not trusted.
    ///
    /// `size` is the length of the surface in bytes, which may be more than the planes need. Planes may
    /// lie in any order, and need no alignment.
    ///
    /// # Errors
    /// - [`LayoutError::Dimension`]: width or height is 0 or over [`MAX_DIMENSION`];
    /// - [`LayoutError::PlaneCount`]: not as many planes as the format has;
    /// - [`LayoutError::RowTooShort`]: a row's pixels do not fit into its bytes;
    /// - [`LayoutError::PlaneOutside`]: a plane ends behind `size`;
    /// - [`LayoutError::PlanesOverlap`]: two planes share bytes;
    /// - [`LayoutError::TooLarge`]: this system cannot address that many bytes.
    pub fn from_placement(
        descriptor: &SurfaceDescriptor,
        placements: &[PlanePlacement],
        size: u64,
    ) -> Result<Self, LayoutError> {
        descriptor.check()?;
        let formats = descriptor.format.planes();
        if placements.len() != formats.len() {
            return Err(LayoutError::PlaneCount { expected: formats.len(), given: placements.len() });
        }
        // A slice of memory is at most isize::MAX bytes long.
        let addressable = isize::try_from(size).map_err(|_| LayoutError::TooLarge)?.unsigned_abs();

        let mut planes = [PlaneLayout::default(); MAX_PLANES];
        for (index, (format, placement)) in formats.iter().zip(placements).enumerate() {
            let (width, height) = (format.width(descriptor.width), format.height(descriptor.height));
            let needed = u64::from(width)
                .checked_mul(u64::from(format.bytes_per_element))
                .ok_or(LayoutError::TooLarge)?;
            if placement.bytes_per_row < needed {
                let bytes_per_row = placement.bytes_per_row;
                return Err(LayoutError::RowTooShort { plane: index, bytes_per_row, needed });
            }
            let place = |value: u64| usize::try_from(value).map_err(|_| LayoutError::TooLarge);
            let plane_size =
                placement.bytes_per_row.checked_mul(u64::from(height)).ok_or(LayoutError::TooLarge)?;
            let end = placement.offset.checked_add(plane_size).ok_or(LayoutError::TooLarge)?;
            if end > size {
                return Err(LayoutError::PlaneOutside { plane: index, end, size });
            }
            planes[index] = PlaneLayout {
                width,
                height,
                bytes_per_element: place(u64::from(format.bytes_per_element))?,
                bytes_per_row: place(placement.bytes_per_row)?,
                offset: place(placement.offset)?,
                size: place(plane_size)?,
            };
            for other in 0..index {
                let (a, b) = (planes[other].range(), planes[index].range());
                if a.start < b.end && b.start < a.end {
                    return Err(LayoutError::PlanesOverlap { first: other, second: index });
                }
            }
        }
        Ok(Self { descriptor: *descriptor, planes, size: addressable })
    }

    /// What the layout was computed from.
    #[must_use]
    pub const fn descriptor(&self) -> SurfaceDescriptor {
        self.descriptor
    }

    /// Bytes of the whole surface: the least that its memory must have.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The planes, in the order of the format.
    #[must_use]
    pub fn planes(&self) -> &[PlaneLayout] {
        &self.planes[..self.descriptor.format.plane_count()]
    }

    /// One plane, if the format has it.
    #[must_use]
    pub fn plane(&self, plane: usize) -> Option<&PlaneLayout> {
        self.planes().get(plane)
    }

    /// Whether there is such a plane, and such a row in it.
    #[must_use]
    pub fn contains(&self, plane: usize, y: u32) -> bool {
        self.plane(plane).is_some_and(|plane| y < plane.height)
    }

    /// The bytes of the surface's memory that are the pixels of row `y` of a plane, without padding.
    ///
    /// `None` if [`contains`](Self::contains) says no. The range lies inside [`size`](Self::size).
    #[must_use]
    pub fn row_range(&self, plane: usize, y: u32) -> Option<Range<usize>> {
        if !self.contains(plane, y) {
            return None;
        }
        let plane = self.plane(plane)?;
        // Cannot overflow: the row lies inside the plane, which lies inside `size`.
        let start = plane.offset + y as usize * plane.bytes_per_row;
        Some(start..start + plane.row_len())
    }

    /// Says whether a memory of `available_bytes` holds the surface. Ask before mapping what a peer sent.
    ///
    /// # Errors
    /// [`LayoutError::MemoryTooSmall`], which names both sizes.
    pub fn verify(&self, available_bytes: u64) -> Result<(), LayoutError> {
        let needed = self.size as u64;
        if available_bytes < needed {
            return Err(LayoutError::MemoryTooSmall { needed, available: available_bytes });
        }
        Ok(())
    }
}

/// The place of a plane that follows the byte `end`, and the byte behind it; `None` for an overflow.
fn place_after(
    end: u64,
    descriptor: &SurfaceDescriptor,
    plane: &PlaneFormat,
    alignment: Alignment,
) -> Option<(PlanePlacement, u64)> {
    let row_len = u64::from(plane.width(descriptor.width)).checked_mul(u64::from(plane.bytes_per_element))?;
    let bytes_per_row = row_len.checked_next_multiple_of(u64::from(alignment.bytes_per_row))?;
    let offset = end.checked_next_multiple_of(u64::from(alignment.plane_offset))?;
    let size = bytes_per_row.checked_mul(u64::from(plane.height(descriptor.height)))?;
    Some((PlanePlacement { offset, bytes_per_row }, offset.checked_add(size)?))
}

/// Why there is no such layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// Width or height is 0 or over [`MAX_DIMENSION`].
    Dimension {
        /// `width` or `height`.
        name: &'static str,
        /// What was given, in pixels.
        value: u32,
    },
    /// An alignment is not a power of two.
    Alignment {
        /// `bytes per row` or `plane offset`.
        name: &'static str,
        /// What was given, in bytes.
        value: u32,
    },
    /// The surface, or a place in it, is beyond what this system can address.
    TooLarge,
    /// Not as many planes as the format has.
    PlaneCount {
        /// Planes of the format.
        expected: usize,
        /// Planes given.
        given: usize,
    },
    /// A row's pixels do not fit into its bytes.
    RowTooShort {
        /// The plane's index.
        plane: usize,
        /// What was given.
        bytes_per_row: u64,
        /// Bytes of a row's pixels.
        needed: u64,
    },
    /// A plane ends behind the end of the surface.
    PlaneOutside {
        /// The plane's index.
        plane: usize,
        /// Where it ends, in bytes.
        end: u64,
        /// Bytes of the surface.
        size: u64,
    },
    /// Two planes share bytes.
    PlanesOverlap {
        /// Index of the one plane.
        first: usize,
        /// Index of the other plane.
        second: usize,
    },
    /// A memory is shorter than the surface that it should hold.
    MemoryTooSmall {
        /// Bytes of the surface.
        needed: u64,
        /// Bytes of the memory.
        available: u64,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Dimension { name, value: 0 } => {
                write!(f, "the {name} of a surface is 0 pixels; it must be 1 to {MAX_DIMENSION}")
            }
            Self::Dimension { name, value } => {
                write!(f, "the {name} of a surface is {value} pixels; the maximum is {MAX_DIMENSION}")
            }
            Self::Alignment { name, value } => {
                write!(f, "the alignment of the {name} is {value} bytes; it must be a power of two")
            }
            Self::TooLarge => f.write_str("the surface is larger than this system can address"),
            Self::PlaneCount { expected, given } => {
                write!(f, "{given} planes were given, the pixel format has {expected}")
            }
            Self::RowTooShort { plane, bytes_per_row, needed } => {
                write!(f, "plane {plane} has {bytes_per_row} bytes per row, its pixels need {needed}")
            }
            Self::PlaneOutside { plane, end, size } => {
                write!(f, "plane {plane} ends at byte {end} of a surface of {size} bytes")
            }
            Self::PlanesOverlap { first, second } => write!(f, "planes {first} and {second} overlap"),
            Self::MemoryTooSmall { needed, available } => {
                write!(f, "the surface needs {needed} bytes, its memory has {available}")
            }
        }
    }
}

impl std::error::Error for LayoutError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compute(width: u32, height: u32, format: PixelFormat) -> Result<Layout, LayoutError> {
        Layout::compute(&SurfaceDescriptor::new(width, height, format), Alignment::DEFAULT)
    }

    /// Each plane as (width, height, bytes per row, offset, size), and the total size.
    type Numbers = (&'static [(u32, u32, usize, usize, usize)], usize);

    fn assert_layout(width: u32, height: u32, format: PixelFormat, (planes, size): Numbers) {
        let layout = compute(width, height, format).unwrap();
        let got: Vec<_> = layout
            .planes()
            .iter()
            .map(|plane| (plane.width, plane.height, plane.bytes_per_row, plane.offset, plane.size))
            .collect();
        assert_eq!(got, planes, "{format} {width}x{height}");
        assert_eq!(layout.size(), size, "{format} {width}x{height}");
        assert_eq!(layout.descriptor(), SurfaceDescriptor { width, height, format });
    }

    #[test]
    fn full_hd() {
        use PixelFormat::*;
        let bi_planar_420: Numbers =
            (&[(1920, 1080, 1920, 0, 2_073_600), (960, 540, 1920, 2_073_600, 1_036_800)], 3_110_400);
        let bi_planar_422: Numbers =
            (&[(1920, 1080, 1920, 0, 2_073_600), (960, 1080, 1920, 2_073_600, 2_073_600)], 4_147_200);
        let bi_planar_444: Numbers =
            (&[(1920, 1080, 1920, 0, 2_073_600), (1920, 1080, 3840, 2_073_600, 4_147_200)], 6_220_800);
        let known: [(PixelFormat, Numbers); 14] = [
            (Bgra8, (&[(1920, 1080, 7680, 0, 8_294_400)], 8_294_400)),
            (Rgba8, (&[(1920, 1080, 7680, 0, 8_294_400)], 8_294_400)),
            (Rgb10A2, (&[(1920, 1080, 7680, 0, 8_294_400)], 8_294_400)),
            (Rgba16F, (&[(1920, 1080, 15_360, 0, 16_588_800)], 16_588_800)),
            (R8, (&[(1920, 1080, 1920, 0, 2_073_600)], 2_073_600)),
            (Rg8, (&[(1920, 1080, 3840, 0, 4_147_200)], 4_147_200)),
            (Nv12, bi_planar_420),
            (Nv12Full, bi_planar_420),
            (P010, (&[(1920, 1080, 3840, 0, 4_147_200), (960, 540, 3840, 4_147_200, 2_073_600)], 6_220_800)),
            (
                I420,
                (
                    &[
                        (1920, 1080, 1920, 0, 2_073_600),
                        (960, 540, 960, 2_073_600, 518_400),
                        (960, 540, 960, 2_592_000, 518_400),
                    ],
                    3_110_400,
                ),
            ),
            (Nv16, bi_planar_422),
            (Nv16Full, bi_planar_422),
            (Nv24, bi_planar_444),
            (Nv24Full, bi_planar_444),
        ];
        assert_eq!(known.map(|(format, _)| format), PixelFormat::ALL);
        for (format, numbers) in known {
            assert_layout(1920, 1080, format, numbers);
        }
    }

    #[test]
    fn odd_sizes_round_chroma_up_and_pad_rows() {
        assert_layout(1, 1, PixelFormat::Bgra8, (&[(1, 1, 64, 0, 64)], 64));
        assert_layout(17, 3, PixelFormat::Bgra8, (&[(17, 3, 128, 0, 384)], 384));
        assert_layout(1, 1, PixelFormat::Nv12, (&[(1, 1, 64, 0, 64), (1, 1, 64, 64, 64)], 128));
        assert_layout(
            5,
            3,
            PixelFormat::I420,
            (&[(5, 3, 64, 0, 192), (3, 2, 64, 192, 128), (3, 2, 64, 320, 128)], 448),
        );
        assert_layout(127, 3, PixelFormat::Nv12, (&[(127, 3, 128, 0, 384), (64, 2, 128, 384, 256)], 640));
        assert_layout(129, 3, PixelFormat::Nv16, (&[(129, 3, 192, 0, 576), (65, 3, 192, 576, 576)], 1152));
    }

    #[test]
    fn the_alignment_is_the_callers() {
        let descriptor = SurfaceDescriptor::new(5, 3, PixelFormat::I420);
        let packed = Layout::compute(&descriptor, Alignment::PACKED).unwrap();
        assert_eq!(packed.planes().iter().map(|plane| plane.offset).collect::<Vec<_>>(), [0, 15, 21]);
        assert_eq!(packed.size(), 27);

        let pages = Alignment { bytes_per_row: 256, plane_offset: 16_384 };
        let layout = Layout::compute(&descriptor, pages).unwrap();
        assert_eq!(layout.planes().iter().map(|plane| plane.offset).collect::<Vec<_>>(), [0, 16_384, 32_768]);
        assert_eq!(layout.size(), 32_768 + 2 * 256);

        assert_eq!(Alignment::default(), Alignment::DEFAULT);
        for bad in [0, 3, 65, u32::MAX] {
            let error =
                Layout::compute(&descriptor, Alignment { bytes_per_row: bad, plane_offset: 64 }).unwrap_err();
            assert_eq!(error, LayoutError::Alignment { name: "bytes per row", value: bad });
            let error =
                Layout::compute(&descriptor, Alignment { bytes_per_row: 64, plane_offset: bad }).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the alignment of the plane offset is {bad} bytes; it must be a power of two")
            );
        }
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn the_largest_surface_is_two_gibibytes() {
        let layout = compute(MAX_DIMENSION, MAX_DIMENSION, PixelFormat::Rgba16F).unwrap();
        assert_eq!(layout.size(), 1 << 31);
        assert_eq!(layout.row_range(0, MAX_DIMENSION - 1), Some((1 << 31) - 131_072..1 << 31));
        for &format in PixelFormat::ALL {
            assert!(compute(MAX_DIMENSION, MAX_DIMENSION, format).unwrap().size() <= 1 << 31);
        }
    }

    #[test]
    fn absurd_sizes_are_refused_with_value_and_maximum() {
        for value in [0, MAX_DIMENSION + 1, 1 << 31, u32::MAX] {
            let wide = compute(value, 16, PixelFormat::Bgra8).unwrap_err();
            let high = compute(16, value, PixelFormat::Nv12).unwrap_err();
            assert_eq!(wide, LayoutError::Dimension { name: "width", value });
            assert_eq!(high, LayoutError::Dimension { name: "height", value });
        }
        assert_eq!(
            compute(0, 16, PixelFormat::Bgra8).unwrap_err().to_string(),
            "the width of a surface is 0 pixels; it must be 1 to 16384"
        );
        assert_eq!(
            compute(16, 1 << 31, PixelFormat::Bgra8).unwrap_err().to_string(),
            "the height of a surface is 2147483648 pixels; the maximum is 16384"
        );
    }

    #[test]
    fn rows_are_addressed_without_padding_and_never_outside() {
        let layout = compute(5, 3, PixelFormat::Nv12).unwrap();
        assert_eq!(layout.row_range(0, 2), Some(128..133));
        assert_eq!(layout.row_range(1, 1), Some(256..262));
        for (plane, y) in [(0, 3), (1, 2), (2, 0), (usize::MAX, 0), (0, u32::MAX)] {
            assert!(!layout.contains(plane, y));
            assert_eq!(layout.row_range(plane, y), None);
        }
        assert_eq!(layout.plane(2), None);
    }

    #[test]
    fn a_memory_must_be_as_long_as_the_surface() {
        let layout = compute(64, 64, PixelFormat::Bgra8).unwrap();
        assert_eq!(layout.verify(16_384), Ok(()));
        assert_eq!(layout.verify(u64::MAX), Ok(()));
        assert_eq!(
            layout.verify(16_383).unwrap_err().to_string(),
            "the surface needs 16384 bytes, its memory has 16383"
        );
        assert!(layout.verify(0).is_err());
    }

    #[test]
    fn places_from_elsewhere_are_checked() {
        let descriptor = SurfaceDescriptor::new(100, 10, PixelFormat::Nv12);
        let check = |y: (u64, u64), c: (u64, u64), size| {
            let placements = [y, c].map(|(offset, bytes_per_row)| PlanePlacement { offset, bytes_per_row });
            Layout::from_placement(&descriptor, &placements, size)
        };
        let layout = check((0, 128), (2048, 100), 4096).unwrap();
        assert_eq!(layout.size(), 4096);
        assert_eq!(layout.row_range(1, 4), Some(2448..2548));
        // Chroma first is as good.
        assert!(check((500, 100), (0, 100), 1500).is_ok());

        let short = LayoutError::RowTooShort { plane: 0, bytes_per_row: 99, needed: 100 };
        assert_eq!(check((0, 99), (2048, 100), 4096), Err(short));
        let outside = LayoutError::PlaneOutside { plane: 1, end: 4097, size: 4096 };
        assert_eq!(check((0, 100), (3597, 100), 4096), Err(outside));
        let overlap = LayoutError::PlanesOverlap { first: 0, second: 1 };
        assert_eq!(check((0, 100), (999, 100), 4096), Err(overlap));
        assert_eq!(check((0, 100), (0, 100), 4096), Err(overlap));
        assert_eq!(check((0, 100), (u64::MAX, 100), 4096), Err(LayoutError::TooLarge));
        assert_eq!(check((0, u64::MAX), (0, 100), 4096), Err(LayoutError::TooLarge));
        assert_eq!(check((0, 100), (2048, 100), u64::MAX), Err(LayoutError::TooLarge));
        let one = [PlanePlacement { offset: 0, bytes_per_row: 100 }];
        assert_eq!(
            Layout::from_placement(&descriptor, &one, 4096).unwrap_err().to_string(),
            "1 planes were given, the pixel format has 2"
        );
        assert!(Layout::from_placement(&descriptor, &[one[0]; 4], 4096).is_err());
    }

    fn any_format() -> impl Strategy<Value = PixelFormat> {
        proptest::sample::select(PixelFormat::ALL)
    }

    fn any_side() -> impl Strategy<Value = u32> {
        prop_oneof![1..=64_u32, 1..=MAX_DIMENSION, MAX_DIMENSION - 3..=MAX_DIMENSION]
    }

    fn any_alignment() -> impl Strategy<Value = Alignment> {
        (0..=16_u32, 0..=16_u32)
            .prop_map(|(row, plane)| Alignment { bytes_per_row: 1 << row, plane_offset: 1 << plane })
    }

    /// A format and a place for each of its planes: mostly near the truth, now and then anything.
    fn any_placement() -> impl Strategy<Value = (PixelFormat, Vec<PlanePlacement>)> {
        any_format().prop_flat_map(|format| {
            let offset = prop_oneof![16 => 0..400_000_u64, 1 => any::<u64>()];
            let bytes_per_row = prop_oneof![16 => 100..2000_u64, 1 => any::<u64>()];
            let place = (offset, bytes_per_row)
                .prop_map(|(offset, bytes_per_row)| PlanePlacement { offset, bytes_per_row });
            (Just(format), proptest::collection::vec(place, format.plane_count()))
        })
    }

    /// What a `Layout` promises, however it came to be.
    fn check_promises(layout: &Layout) -> Result<(), TestCaseError> {
        let descriptor = layout.descriptor();
        prop_assert_eq!(layout.planes().len(), descriptor.format.plane_count());
        prop_assert!(layout.size() <= isize::MAX as usize);
        for (i, (plane, format)) in layout.planes().iter().zip(descriptor.format.planes()).enumerate() {
            prop_assert_eq!(plane.bytes_per_element, format.bytes_per_element as usize);
            prop_assert!(plane.row_len() <= plane.bytes_per_row);
            prop_assert_eq!(plane.size, plane.bytes_per_row * plane.height as usize);
            prop_assert!(plane.range().end <= layout.size());
            // Every pixel of the surface has its element.
            prop_assert!(plane.width * format.horizontal_subsampling >= descriptor.width);
            prop_assert!(plane.height * format.vertical_subsampling >= descriptor.height);
            for other in &layout.planes()[..i] {
                prop_assert!(
                    other.range().end <= plane.range().start || plane.range().end <= other.range().start
                );
            }
            let mut before = plane.offset;
            for y in 0..plane.height {
                let row = layout.row_range(i, y).unwrap();
                prop_assert!(before <= row.start && row.end <= plane.range().end);
                prop_assert_eq!(row.len(), plane.row_len());
                before = row.end;
            }
            prop_assert_eq!(layout.row_range(i, plane.height), None);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn computed_layouts_keep_their_promises(
            width in any_side(), height in any_side(), format in any_format(), alignment in any_alignment(),
        ) {
            let layout = Layout::compute(&SurfaceDescriptor { width, height, format }, alignment);
            // Only a system of 32 bits may find it too large.
            prop_assume!(cfg!(target_pointer_width = "64") || layout.is_ok());
            let layout = layout.unwrap();
            check_promises(&layout)?;
            for plane in layout.planes() {
                prop_assert_eq!(plane.bytes_per_row % alignment.bytes_per_row as usize, 0);
                prop_assert_eq!(plane.offset % alignment.plane_offset as usize, 0);
                prop_assert_eq!(plane.bytes_per_row % plane.bytes_per_element, 0);
                prop_assert!(plane.bytes_per_row - plane.row_len() < alignment.bytes_per_row as usize);
            }
            prop_assert_eq!(layout.size(), layout.planes().last().unwrap().range().end);
            prop_assert!(layout.verify(layout.size() as u64).is_ok());
            prop_assert!(layout.verify(layout.size() as u64 - 1).is_err());
        }

        #[test]
        fn larger_surfaces_never_need_less(
            (w0, w1) in (any_side(), any_side()), (h0, h1) in (any_side(), any_side()), format in any_format(),
        ) {
            let small = compute(w0.min(w1), h0.min(h1), format);
            let large = compute(w0.max(w1), h0.max(h1), format);
            if let (Ok(small), Ok(large)) = (small, large) {
                prop_assert!(small.size() <= large.size());
                for (a, b) in small.planes().iter().zip(large.planes()) {
                    prop_assert!(a.size <= b.size && a.bytes_per_row <= b.bytes_per_row && a.offset <= b.offset);
                }
            }
        }

        #[test]
        fn no_input_panics(
            width: u32, height: u32, format in any_format(), bytes_per_row: u32, plane_offset: u32,
            shift_row in 0..32_u32, shift_plane in 0..32_u32, small_width in any_side(), plane: usize, y: u32,
        ) {
            let valid = Alignment { bytes_per_row: 1 << shift_row, plane_offset: 1 << shift_plane };
            for alignment in [valid, Alignment { bytes_per_row, plane_offset }] {
                for width in [width, small_width] {
                    let descriptor = SurfaceDescriptor { width, height, format };
                    match Layout::compute(&descriptor, alignment) {
                        Ok(layout) => {
                            prop_assert_eq!(layout.row_range(plane, y).is_some(), layout.contains(plane, y));
                        }
                        Err(error) => prop_assert!(!error.to_string().is_empty()),
                    }
                }
            }
            let inside = (1..=MAX_DIMENSION).contains(&width) && (1..=MAX_DIMENSION).contains(&height);
            prop_assert_eq!(compute(width, height, format).is_ok(), inside);
        }

        #[test]
        fn places_from_elsewhere_keep_the_promises_or_are_refused(
            width in 1..=200_u32, height in 1..=200_u32, (format, placements) in any_placement(),
            size in prop_oneof![8 => 0..1_000_000_u64, 1 => any::<u64>()],
        ) {
            let descriptor = SurfaceDescriptor { width, height, format };
            if let Ok(layout) = Layout::from_placement(&descriptor, &placements, size) {
                check_promises(&layout)?;
            }
        }
    }
}
