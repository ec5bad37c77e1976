//! Anti-aliased text for the scene, from a typeface that the program carries.

use std::collections::HashMap;

use fontdue::{Font, FontSettings, Metrics};
use tiny_skia::Pixmap;

/// A typeface at one size. Each letter is drawn once and then kept.
pub(crate) struct Letters {
    font: Font,
    size: f32,
    drawn: HashMap<char, (Metrics, Vec<u8>)>,
}

impl Letters {
    /// DejaVu Sans Bold, `size` pixels high.
    pub(crate) fn bold(size: f32) -> Letters {
        let settings = FontSettings { scale: size, ..FontSettings::default() };
        let font = Font::from_bytes(dejavu::sans::bold(), settings)
            .expect("the typeface that is built into the program is well-formed");
        Letters { font, size, drawn: HashMap::new() }
    }

    /// How many pixels `text` is wide.
    pub(crate) fn width(&mut self, text: &str) -> f32 {
        text.chars().map(|c| self.letter(c).0.advance_width).sum()
    }

    /// Writes `text` in `color` (red, green, blue) from `x` on the baseline `y`. What is outside the
    /// picture is cut off. The picture has to be opaque.
    pub(crate) fn write(&mut self, onto: &mut Pixmap, x: f32, y: f32, text: &str, color: [u8; 3]) {
        let (width, height) = (onto.width() as i32, onto.height() as i32);
        let mut pen = x;
        for c in text.chars() {
            let (metrics, coverage) = self.letter(c);
            let left = pen.round() as i32 + metrics.xmin;
            let top = y.round() as i32 - metrics.height as i32 - metrics.ymin;
            pen += metrics.advance_width;
            let letter_width = metrics.width as i32;
            let (from, to) = ((-left).clamp(0, letter_width), (width - left).clamp(0, letter_width));
            if from >= to {
                continue;
            }
            for (row, line) in coverage.chunks_exact(metrics.width).enumerate() {
                let py = top + row as i32;
                if py < 0 || py >= height {
                    continue;
                }
                let start = (py * width + left + from) as usize * 4;
                let pixels = onto.data_mut()[start..].chunks_exact_mut(4);
                for (pixel, &alpha) in pixels.zip(&line[from as usize..to as usize]) {
                    blend(pixel, color, alpha);
                }
            }
        }
    }

    fn letter(&mut self, c: char) -> &(Metrics, Vec<u8>) {
        let Letters { font, size, drawn } = self;
        drawn.entry(c).or_insert_with(|| font.rasterize(c, *size))
    }
}

/// Lays `color` over an opaque pixel with the strength `alpha`.
fn blend(pixel: &mut [u8], color: [u8; 3], alpha: u8) {
    let alpha = u32::from(alpha);
    for (under, over) in pixel.iter_mut().zip(color) {
        *under = ((u32::from(*under) * (255 - alpha) + u32::from(over) * alpha + 127) / 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn black(width: u32, height: u32) -> Pixmap {
        let mut pixmap = Pixmap::new(width, height).unwrap();
        pixmap.fill(tiny_skia::Color::BLACK);
        pixmap
    }

    #[test]
    fn letters_are_there_and_have_soft_edges() {
        let mut onto = black(100, 60);
        Letters::bold(40.0).write(&mut onto, 10.0, 45.0, "48", [255, 255, 255]);
        let reds: Vec<u8> = onto.data().chunks_exact(4).map(|p| p[0]).collect();
        assert!(reds.contains(&255), "the inside is white");
        assert!(reds.iter().any(|&r| r > 0 && r < 255), "the edge is soft");
        assert!(onto.data().chunks_exact(4).all(|p| p[3] == 255), "it stays opaque");
    }

    #[test]
    fn text_outside_the_picture_is_cut_off() {
        let mut onto = black(7, 5);
        let mut letters = Letters::bold(30.0);
        for (x, y) in [(-1000.0, 3.0), (-5.0, 2.0), (5.0, 20.0), (1000.0, 3.0), (0.0, -50.0), (0.0, 1000.0)] {
            letters.write(&mut onto, x, y, "wide 0123456789", [255, 0, 0]);
        }
        assert!(letters.width("10") > letters.width("1"));
    }
}
