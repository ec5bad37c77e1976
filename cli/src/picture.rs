//! How a frame lies in memory: in a surface, plane by plane with rows that may have gaps, and in a stream,
//! where the planes follow each other without gaps.

use crate::failure::{Failure, Result};

/// How the colour planes of a YUV picture are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chroma {
    /// 4:2:0, half the width and half the height.
    Half,
    /// 4:2:2, half the width.
    Wide,
    /// 4:4:4, a colour for each pixel.
    Full,
}

/// What the pixels of a surface are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One plane of blue, green, red, alpha.
    Bgra,
    /// A plane of brightness and one for each of the two colour samples.
    Planar(Chroma),
    /// A plane of brightness and one of pairs of colour samples.
    Paired(Chroma),
}

/// Size and form of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Pixels of a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// What the pixels are.
    pub(crate) form: Form,
}

/// Something whose rows can be read: a surface that is locked, or memory.
pub(crate) trait Planes {
    /// Copies the beginning of row `row` of plane `plane` into `into`.
    fn read_row(&self, plane: usize, row: u32, into: &mut [u8]) -> Result<()>;
}

/// Something whose rows can be written.
pub(crate) trait PlanesMut {
    /// Copies `from` to the beginning of row `row` of plane `plane`.
    fn write_row(&mut self, plane: usize, row: u32, from: &[u8]) -> Result<()>;
}

impl Layout {
    /// A frame of blue, green, red, alpha.
    pub(crate) fn bgra(width: u32, height: u32) -> Layout {
        Layout { width, height, form: Form::Bgra }
    }

    /// A frame of YUV samples, in the form that has a pixel format: only 4:2:0 in video range is planar.
    pub(crate) fn yuv(width: u32, height: u32, chroma: Chroma, full_range: bool) -> Layout {
        let planar = chroma == Chroma::Half && !full_range;
        let form = if planar { Form::Planar(chroma) } else { Form::Paired(chroma) };
        Layout { width, height, form }
    }

    /// Samples of a row and rows of the colour of a YUV frame; odd sides round up.
    pub(crate) fn chroma_size(&self) -> (usize, u32) {
        let (width, height) = (self.width as usize, self.height);
        match self.form {
            Form::Bgra => (0, 0),
            Form::Planar(chroma) | Form::Paired(chroma) => match chroma {
                Chroma::Half => (width.div_ceil(2), height.div_ceil(2)),
                Chroma::Wide => (width.div_ceil(2), height),
                Chroma::Full => (width, height),
            },
        }
    }

    /// The planes of a surface of this layout: bytes of a row that are pixels, and rows.
    pub(crate) fn planes(&self) -> Vec<(usize, u32)> {
        let (width, height) = (self.width as usize, self.height);
        let (chroma_width, rows) = self.chroma_size();
        match self.form {
            Form::Bgra => vec![(width * 4, height)],
            Form::Planar(_) => vec![(width, height), (chroma_width, rows), (chroma_width, rows)],
            Form::Paired(_) => vec![(width, height), (chroma_width * 2, rows)],
        }
    }

    /// Bytes of a frame in a stream, without gaps; also the pixel bytes of a surface.
    pub(crate) fn file_bytes(&self) -> usize {
        self.planes().iter().map(|&(bytes, rows)| bytes * rows as usize).sum()
    }
}

/// Writes a stream's frame (brightness, then the two colours) into a surface's planes.
pub(crate) fn pack(layout: &Layout, samples: &[u8], into: &mut dyn PlanesMut) -> Result<()> {
    if layout.form == Form::Bgra || samples.len() != layout.file_bytes() {
        let (width, height) = (layout.width, layout.height);
        let why = format!("{} bytes are no frame of {width} × {height}", samples.len());
        return Err(Failure::new("cannot hand a frame over", why, "please report this defect"));
    }
    let (chroma_width, rows) = layout.chroma_size();
    let (luma, colour) = samples.split_at(layout.width as usize * layout.height as usize);
    let (blue, red) = colour.split_at(chroma_width * rows as usize);
    write_plane(into, 0, layout.width as usize, luma)?;
    if let Form::Planar(_) = layout.form {
        write_plane(into, 1, chroma_width, blue)?;
        return write_plane(into, 2, chroma_width, red);
    }
    let mut pairs = vec![0; chroma_width * 2];
    let rows = blue.chunks_exact(chroma_width).zip(red.chunks_exact(chroma_width));
    for (row, (blue, red)) in (0..).zip(rows) {
        for ((pair, &b), &r) in pairs.chunks_exact_mut(2).zip(blue).zip(red) {
            pair[0] = b;
            pair[1] = r;
        }
        into.write_row(1, row, &pairs)?;
    }
    Ok(())
}

/// Reads a surface's planes back into the order of a stream; `samples` is made as long as a frame.
pub(crate) fn unpack(layout: &Layout, from: &dyn Planes, samples: &mut Vec<u8>) -> Result<()> {
    samples.resize(layout.file_bytes(), 0);
    let (chroma_width, rows) = layout.chroma_size();
    let (luma, colour) = samples.split_at_mut(layout.width as usize * layout.height as usize);
    let (blue, red) = colour.split_at_mut(chroma_width * rows as usize);
    read_plane(from, 0, layout.width as usize, luma)?;
    if let Form::Planar(_) = layout.form {
        read_plane(from, 1, chroma_width, blue)?;
        return read_plane(from, 2, chroma_width, red);
    }
    let mut pairs = vec![0; chroma_width * 2];
    let rows = blue.chunks_exact_mut(chroma_width).zip(red.chunks_exact_mut(chroma_width));
    for (row, (blue, red)) in (0..).zip(rows) {
        from.read_row(1, row, &mut pairs)?;
        for ((pair, b), r) in pairs.chunks_exact(2).zip(blue).zip(red) {
            *b = pair[0];
            *r = pair[1];
        }
    }
    Ok(())
}

/// Writes rows of red, green, blue, alpha as blue, green, red, alpha.
pub(crate) fn write_rgba(layout: &Layout, pixels: &[u8], into: &mut dyn PlanesMut) -> Result<()> {
    let row_bytes = layout.width as usize * 4;
    let mut line = vec![0; row_bytes];
    for (row, pixels) in (0..layout.height).zip(pixels.chunks_exact(row_bytes)) {
        for (to, from) in line.chunks_exact_mut(4).zip(pixels.chunks_exact(4)) {
            to.copy_from_slice(&[from[2], from[1], from[0], from[3]]);
        }
        into.write_row(0, row, &line)?;
    }
    Ok(())
}

fn write_plane(into: &mut dyn PlanesMut, plane: usize, row_bytes: usize, samples: &[u8]) -> Result<()> {
    (0..).zip(samples.chunks_exact(row_bytes)).try_for_each(|(row, line)| into.write_row(plane, row, line))
}

fn read_plane(from: &dyn Planes, plane: usize, row_bytes: usize, samples: &mut [u8]) -> Result<()> {
    (0..).zip(samples.chunks_exact_mut(row_bytes)).try_for_each(|(row, line)| from.read_row(plane, row, line))
}

/// Planes in ordinary memory, with gaps after each row as a surface may have: for tests.
#[cfg(test)]
pub(crate) struct Memory {
    planes: Vec<(usize, Vec<u8>)>,
}

#[cfg(test)]
impl Memory {
    /// Planes for `layout` whose rows are `gap` bytes longer than their pixels.
    pub(crate) fn new(layout: &Layout, gap: usize) -> Memory {
        let plane = |(bytes, rows): (usize, u32)| (bytes + gap, vec![0xEE; (bytes + gap) * rows as usize]);
        Memory { planes: layout.planes().into_iter().map(plane).collect() }
    }
}

#[cfg(test)]
impl Planes for Memory {
    fn read_row(&self, plane: usize, row: u32, into: &mut [u8]) -> Result<()> {
        let (stride, bytes) = &self.planes[plane];
        into.copy_from_slice(&bytes[row as usize * stride..][..into.len()]);
        Ok(())
    }
}

#[cfg(test)]
impl PlanesMut for Memory {
    fn write_row(&mut self, plane: usize, row: u32, from: &[u8]) -> Result<()> {
        let (stride, bytes) = &mut self.planes[plane];
        bytes[row as usize * *stride..][..from.len()].copy_from_slice(from);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packing_and_unpacking_loses_nothing(
            width in 1u32..40, height in 1u32..40, chroma in 0usize..3, full: bool, gap in 0usize..70, seed: u32,
        ) {
            let chroma = [Chroma::Half, Chroma::Wide, Chroma::Full][chroma];
            let layout = Layout::yuv(width, height, chroma, full);
            let samples: Vec<u8> = (0..layout.file_bytes() as u32)
                .map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8)
                .collect();
            let mut memory = Memory::new(&layout, gap);
            pack(&layout, &samples, &mut memory).unwrap();
            let mut back = vec![7; 3];
            unpack(&layout, &memory, &mut back).unwrap();
            prop_assert_eq!(back, samples);
        }
    }

    #[test]
    fn odd_sides_round_up() {
        let planes = |chroma, full| Layout::yuv(3, 5, chroma, full).planes();
        assert_eq!(planes(Chroma::Half, false), [(3, 5), (2, 3), (2, 3)]);
        assert_eq!(planes(Chroma::Half, true), [(3, 5), (4, 3)]);
        assert_eq!(planes(Chroma::Wide, false), [(3, 5), (4, 5)]);
        assert_eq!(planes(Chroma::Full, false), [(3, 5), (6, 5)]);
        assert_eq!(Layout::yuv(3, 5, Chroma::Half, false).file_bytes(), 15 + 6 + 6);
        assert_eq!(Layout::bgra(3, 5).file_bytes(), 60);
    }

    #[test]
    fn a_frame_of_another_size_is_refused() {
        let layout = Layout::yuv(4, 4, Chroma::Full, false);
        let mut memory = Memory::new(&layout, 0);
        assert!(pack(&layout, &[0; 47], &mut memory).is_err());
        assert!(pack(&Layout::bgra(4, 4), &[0; 64], &mut memory).is_err());
    }

    #[test]
    fn red_and_blue_change_places() {
        let layout = Layout::bgra(2, 1);
        let mut memory = Memory::new(&layout, 3);
        write_rgba(&layout, &[1, 2, 3, 4, 5, 6, 7, 8], &mut memory).unwrap();
        let mut row = [0; 8];
        memory.read_row(0, 0, &mut row).unwrap();
        assert_eq!(row, [3, 2, 1, 4, 7, 6, 5, 8]);
    }
}
