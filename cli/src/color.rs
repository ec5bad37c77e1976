//! Colours: YUV samples to red, green and blue for the eye, and back for recording the scene.

use crate::failure::Result;
use crate::picture::{Form, Layout, Planes};

/// Bits after the point of the integer arithmetic.
const POINT: i32 = 16;
const HALF: i32 = 1 << (POINT - 1);

/// Which red, green and blue a YUV sample stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Matrix {
    red: f64,
    blue: f64,
    full_range: bool,
}

impl Matrix {
    /// The matrix of a picture of this size: BT.709 for high definition, BT.601 below, as players choose
    /// when a stream does not say.
    pub(crate) fn for_size(width: u32, height: u32, full_range: bool) -> Matrix {
        let (red, blue) = if width >= 1280 || height > 576 { (0.2126, 0.0722) } else { (0.299, 0.114) };
        Matrix { red, blue, full_range }
    }

    /// Steps of brightness, steps of colour, and the darkest brightness.
    fn range(self) -> (f64, f64, i32) {
        if self.full_range { (255.0, 255.0, 0) } else { (219.0, 224.0, 16) }
    }

    /// The integer form that makes red, green and blue.
    fn decoder(self) -> Decoder {
        let (luma, chroma, dark) = self.range();
        let green = 1.0 - self.red - self.blue;
        let scale = |x: f64| (x * f64::from(1 << POINT)).round() as i32;
        let colour = 255.0 / chroma;
        Decoder {
            dark,
            luma: scale(255.0 / luma),
            red_v: scale(2.0 * (1.0 - self.red) * colour),
            green_u: scale(2.0 * (1.0 - self.blue) * self.blue / green * colour),
            green_v: scale(2.0 * (1.0 - self.red) * self.red / green * colour),
            blue_u: scale(2.0 * (1.0 - self.blue) * colour),
        }
    }

    /// The integer form that makes YUV samples.
    pub(crate) fn encoder(self) -> Encoder {
        let (luma, chroma, dark) = self.range();
        let green = 1.0 - self.red - self.blue;
        let scale = |x: f64| (x * f64::from(1 << POINT)).round() as i32;
        let (y, u, v) = (
            luma / 255.0,
            chroma / 255.0 / (2.0 * (1.0 - self.blue)),
            chroma / 255.0 / (2.0 * (1.0 - self.red)),
        );
        Encoder {
            dark,
            y: [scale(self.red * y), scale(green * y), scale(self.blue * y)],
            u: [scale(-self.red * u), scale(-green * u), scale((1.0 - self.blue) * u)],
            v: [scale((1.0 - self.red) * v), scale(-green * v), scale(-self.blue * v)],
        }
    }
}

/// YUV to red, green and blue.
#[derive(Clone, Copy, Debug)]
struct Decoder {
    dark: i32,
    luma: i32,
    red_v: i32,
    green_u: i32,
    green_v: i32,
    blue_u: i32,
}

impl Decoder {
    /// A pixel as 0xAARRGGBB.
    fn pixel(&self, y: u8, u: u8, v: u8) -> u32 {
        let y = (i32::from(y) - self.dark) * self.luma + HALF;
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let byte = |x: i32| (x >> POINT).clamp(0, 255) as u32;
        let red = byte(y + self.red_v * v);
        let green = byte(y - self.green_u * u - self.green_v * v);
        let blue = byte(y + self.blue_u * u);
        0xFF00_0000 | red << 16 | green << 8 | blue
    }
}

/// Red, green and blue to YUV.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoder {
    dark: i32,
    y: [i32; 3],
    u: [i32; 3],
    v: [i32; 3],
}

impl Encoder {
    /// The samples of a pixel.
    fn samples(&self, rgb: [u8; 3]) -> [u8; 3] {
        let sum = |by: [i32; 3], zero: i32| {
            let sum: i32 = by.iter().zip(rgb).map(|(&factor, value)| factor * i32::from(value)).sum();
            (((sum + HALF) >> POINT) + zero).clamp(0, 255) as u8
        };
        [sum(self.y, self.dark), sum(self.u, 128), sum(self.v, 128)]
    }

    /// Turns a surface of blue, green, red, alpha into the 4:4:4 frame of a stream.
    pub(crate) fn frame(&self, layout: &Layout, from: &dyn Planes, samples: &mut Vec<u8>) -> Result<()> {
        let (width, height) = (layout.width as usize, layout.height as usize);
        samples.resize(width * height * 3, 0);
        let (luma, colour) = samples.split_at_mut(width * height);
        let (blue, red) = colour.split_at_mut(width * height);
        let mut line = vec![0; width * 4];
        for row in 0..height {
            from.read_row(0, row as u32, &mut line)?;
            let span = row * width..(row + 1) * width;
            let places =
                luma[span.clone()].iter_mut().zip(&mut blue[span.clone()]).zip(&mut red[span.clone()]);
            for (((y, u), v), pixel) in places.zip(line.chunks_exact(4)) {
                [*y, *u, *v] = self.samples([pixel[2], pixel[1], pixel[0]]);
            }
        }
        Ok(())
    }
}

/// Turns a frame's rows into pixels that can be shown.
pub(crate) struct Painter {
    layout: Layout,
    decoder: Decoder,
    luma: Vec<u8>,
    blue: Vec<u8>,
    red: Vec<u8>,
    pairs: Vec<u8>,
}

impl Painter {
    /// A painter for frames of `layout`; `full_range` is about YUV samples.
    pub(crate) fn new(layout: Layout, full_range: bool) -> Painter {
        let decoder = Matrix::for_size(layout.width, layout.height, full_range).decoder();
        Painter { layout, decoder, luma: vec![], blue: vec![], red: vec![], pairs: vec![] }
    }

    /// Size and form of the frames.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Writes row `row` as 0xAARRGGBB into `out`, which is as long as a row.
    pub(crate) fn row(&mut self, from: &dyn Planes, row: u32, out: &mut [u32]) -> Result<()> {
        let width = self.layout.width as usize;
        if self.layout.form == Form::Bgra {
            self.luma.resize(width * 4, 0);
            from.read_row(0, row, &mut self.luma)?;
            for (to, pixel) in out.iter_mut().zip(self.luma.chunks_exact(4)) {
                *to = u32::from_le_bytes([pixel[0], pixel[1], pixel[2], pixel[3]]);
            }
            return Ok(());
        }
        self.luma.resize(width, 0);
        from.read_row(0, row, &mut self.luma)?;
        let (chroma_width, chroma_rows) = self.layout.chroma_size();
        // How many pixels of a row share a colour, and how many rows.
        let (across, down) = (width.div_ceil(chroma_width), self.layout.height.div_ceil(chroma_rows));
        let decoder = self.decoder;
        let paint = |(to, y, u, v): (&mut [u32], &[u8], u8, u8)| {
            to.iter_mut().zip(y).for_each(|(to, &y)| *to = decoder.pixel(y, u, v));
        };
        let places = out.chunks_mut(across).zip(self.luma.chunks(across));
        if let Form::Planar(_) = self.layout.form {
            self.blue.resize(chroma_width, 0);
            self.red.resize(chroma_width, 0);
            from.read_row(1, row / down, &mut self.blue)?;
            from.read_row(2, row / down, &mut self.red)?;
            let colours = self.blue.iter().zip(&self.red);
            places.zip(colours).map(|((to, y), (&u, &v))| (to, y, u, v)).for_each(paint);
        } else {
            self.pairs.resize(chroma_width * 2, 0);
            from.read_row(1, row / down, &mut self.pairs)?;
            let colours = self.pairs.chunks_exact(2);
            places.zip(colours).map(|((to, y), pair)| (to, y, pair[0], pair[1])).for_each(paint);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Chroma, Memory, PlanesMut, pack};

    fn matrices() -> [Matrix; 4] {
        [(1920, 1080, false), (1920, 1080, true), (640, 480, false), (640, 480, true)]
            .map(|(width, height, full)| Matrix::for_size(width, height, full))
    }

    #[test]
    fn black_grey_and_white_have_no_tint() {
        for matrix in matrices() {
            let (dark, light) = if matrix.full_range { (0, 255) } else { (16, 235) };
            assert_eq!(matrix.decoder().pixel(dark, 128, 128), 0xFF00_0000);
            assert_eq!(matrix.decoder().pixel(light, 128, 128), 0xFFFF_FFFF);
            assert_eq!(matrix.encoder().samples([0, 0, 0]), [dark, 128, 128]);
            assert_eq!(matrix.encoder().samples([255, 255, 255]), [light, 128, 128]);
        }
    }

    #[test]
    fn known_values_of_both_standards() {
        // 75 % bars are not needed: pure red is enough to tell the matrices apart.
        assert_eq!(Matrix::for_size(640, 480, false).encoder().samples([255, 0, 0]), [81, 90, 240]);
        assert_eq!(Matrix::for_size(1280, 720, false).encoder().samples([255, 0, 0]), [63, 102, 240]);
    }

    #[test]
    fn there_and_back_is_close() {
        for matrix in matrices() {
            for rgb in (0..512u32).map(|i| [(i * 37) as u8, (i * 91) as u8, (i * 151) as u8]) {
                let [y, u, v] = matrix.encoder().samples(rgb);
                let [b, g, r, _] = matrix.decoder().pixel(y, u, v).to_le_bytes();
                for (was, is) in rgb.into_iter().zip([r, g, b]) {
                    assert!(was.abs_diff(is) <= 3, "{rgb:?} became {:?} under {matrix:?}", [r, g, b]);
                }
            }
        }
    }

    #[test]
    fn each_sampling_is_painted_with_the_colour_of_its_place() {
        let chromas = [Chroma::Half, Chroma::Wide, Chroma::Full];
        for (chroma, full) in chromas.into_iter().flat_map(|chroma| [(chroma, false), (chroma, true)]) {
            let layout = Layout::yuv(3, 3, chroma, full);
            // Grey, but the last colour sample is red.
            let mut samples = vec![128; layout.file_bytes()];
            let last = samples.len() - 1;
            samples[last] = 255;
            let mut memory = Memory::new(&layout, 5);
            pack(&layout, &samples, &mut memory).unwrap();
            let mut painter = Painter::new(layout, full);
            let mut row = [0; 3];
            painter.row(&memory, 2, &mut row).unwrap();
            assert_ne!(row[2], row[0], "{chroma:?}");
            assert_eq!(row[0], row[1]);
            painter.row(&memory, 0, &mut row).unwrap();
            assert_eq!(row[0], row[2]);
        }
    }

    #[test]
    fn a_scene_is_painted_as_it_is_and_recorded_in_full_colour() {
        let layout = Layout::bgra(2, 2);
        let mut memory = Memory::new(&layout, 4);
        memory.write_row(0, 0, &[1, 2, 3, 255, 4, 5, 6, 255]).unwrap();
        memory.write_row(0, 1, &[255, 255, 255, 255, 0, 0, 0, 255]).unwrap();
        let mut row = [0; 2];
        Painter::new(layout, false).row(&memory, 0, &mut row).unwrap();
        assert_eq!(row, [0xFF03_0201, 0xFF06_0504]);
        let mut samples = Vec::new();
        Matrix::for_size(2, 2, false).encoder().frame(&layout, &memory, &mut samples).unwrap();
        assert_eq!(samples.len(), 12);
        assert_eq!(samples[2..4], [235, 16]);
    }
}
