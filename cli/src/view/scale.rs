//! Makes frames smaller for the view. It happens in the view only: frames themselves stay as they are.

use crate::color::Painter;
use crate::failure::Result;
use crate::picture::Planes;

/// At most so many rows of the frame make a row of the view, so that a huge frame costs no more than that.
const MAX_ROWS: usize = 4;

/// The largest size of the shape `width` × `height` that fits `into`; never larger than the frame.
pub(super) fn fit(width: u32, height: u32, into: (u32, u32)) -> (u32, u32) {
    let (width, height) = (f64::from(width), f64::from(height));
    let factor = (f64::from(into.0) / width).min(f64::from(into.1) / height).min(1.0);
    let side = |length: f64| ((length * factor).round() as u32).max(1);
    (side(width), side(height))
}

/// Buffers for one view.
#[derive(Default)]
pub(super) struct Scaler {
    row: Vec<u32>,
    sums: Vec<[u32; 4]>,
}

impl Scaler {
    /// Paints the frame into `out`, `width` × `height` pixels 0x00RRGGBB, each the mean of the pixels that
    /// it stands for.
    pub(super) fn draw(
        &mut self,
        painter: &mut Painter,
        frame: &dyn Planes,
        (width, height): (u32, u32),
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let layout = *painter.layout();
        let (from_width, from_height) = (layout.width as usize, layout.height as usize);
        let (width, height) = (width as usize, height as usize);
        out.resize(width * height, 0);
        self.row.resize(from_width, 0);
        if (width, height) == (from_width, from_height) {
            for (y, line) in (0..).zip(out.chunks_exact_mut(width)) {
                painter.row(frame, y, line)?;
            }
            return Ok(());
        }
        for (y, line) in out.chunks_exact_mut(width).enumerate() {
            self.sums.clear();
            self.sums.resize(width, [0; 4]);
            let rows = span(y, height, from_height);
            let step = rows.len().div_ceil(MAX_ROWS);
            for row in rows.step_by(step) {
                painter.row(frame, row as u32, &mut self.row)?;
                for (x, sum) in self.sums.iter_mut().enumerate() {
                    for pixel in &self.row[span(x, width, from_width)] {
                        let [blue, green, red, _] = pixel.to_le_bytes();
                        sum[0] += u32::from(red);
                        sum[1] += u32::from(green);
                        sum[2] += u32::from(blue);
                        sum[3] += 1;
                    }
                }
            }
            for (pixel, [red, green, blue, count]) in line.iter_mut().zip(&self.sums) {
                let mean = |sum: &u32| (sum + count / 2) / count;
                *pixel = mean(red) << 16 | mean(green) << 8 | mean(blue);
            }
        }
        Ok(())
    }
}

/// The places of the frame that place `index` of `count` stands for: at least one.
fn span(index: usize, count: usize, from: usize) -> std::ops::Range<usize> {
    let start = (index * from / count).min(from - 1);
    let end = ((index + 1) * from / count).max(start + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Layout, Memory, PlanesMut};

    #[test]
    fn a_frame_keeps_its_shape_and_never_grows() {
        assert_eq!(fit(1920, 1080, (1280, 720)), (1280, 720));
        assert_eq!(fit(640, 480, (1280, 720)), (640, 480));
        assert_eq!(fit(16384, 1, (80, 48)), (80, 1));
        assert_eq!(fit(1080, 1920, (80, 48)), (27, 48));
    }

    #[test]
    fn a_smaller_picture_has_the_means() {
        let layout = Layout::bgra(4, 2);
        let mut memory = Memory::new(&layout, 0);
        let (black, white) = ([0, 0, 0, 255], [254, 254, 254, 255]);
        memory.write_row(0, 0, &[black, white, white, white].concat()).unwrap();
        memory.write_row(0, 1, &[white, black, white, white].concat()).unwrap();
        let mut out = Vec::new();
        Scaler::default().draw(&mut Painter::new(layout, false), &memory, (2, 1), &mut out).unwrap();
        assert_eq!(out, [0x007F_7F7F, 0x00FE_FEFE]);
    }

    #[test]
    fn any_size_into_any_size() {
        for (width, height) in [(1, 1), (7, 3), (100, 1), (33, 64)] {
            let layout = Layout::bgra(width, height);
            let memory = Memory::new(&layout, 0);
            for to in [(1, 1), (2, 5), (33, 64), (200, 100)] {
                let mut out = Vec::new();
                Scaler::default().draw(&mut Painter::new(layout, false), &memory, to, &mut out).unwrap();
                assert_eq!(out.len(), (to.0 * to.1) as usize);
                assert!(out.iter().all(|pixel| pixel & 0x00FF_FFFF == 0x00EE_EEEE));
            }
        }
    }
}
