//! The animated scene that the child draws when it is given no video: moving shapes with soft edges and
//! the frame's number in large letters.
//!
//! A frame depends on its number only, so that the same number always gives the same picture.

use std::f32::consts::TAU;

use tiny_skia::{
    Color, FillRule, GradientStop, IntSize, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point, Rect,
    SpreadMode, Stroke, Transform,
};

use crate::letters::Letters;
use crate::rate::Rate;

/// Colours of the moving discs: red, green, blue, opacity.
const DISCS: [[u8; 4]; 6] = [
    [255, 107, 107, 230],
    [255, 217, 61, 220],
    [107, 203, 119, 220],
    [77, 150, 255, 230],
    [199, 125, 255, 210],
    [255, 159, 67, 220],
];

/// Draws frames of one size and rate.
pub(crate) struct Scene {
    rate: Rate,
    background: Pixmap,
    picture: Pixmap,
    large: Letters,
    /// For the line below the number; a tiny picture has none.
    small: Option<Letters>,
    unit: f32,
}

impl Scene {
    /// A scene of `width` × `height` pixels; nothing if no memory holds such a picture.
    pub(crate) fn new(width: u32, height: u32, rate: Rate) -> Option<Scene> {
        let background = background(width, height)?;
        let picture = pixmap(width, height)?;
        let unit = width.min(height) as f32;
        // The longest text, "frame 000000", has to fit; 0.68 of the size is a letter's mean width.
        let large = (unit * 0.2).min(width as f32 / (12.0 * 0.68)).max(4.0);
        Some(Scene {
            rate,
            background,
            picture,
            large: Letters::bold(large),
            small: (large >= 20.0).then(|| Letters::bold(large * 0.3)),
            unit,
        })
    }

    /// Draws frame `number` and gives its pixels: rows of red, green, blue, alpha without gaps.
    pub(crate) fn draw(&mut self, number: u64) -> &[u8] {
        self.picture.data_mut().copy_from_slice(self.background.data());
        let seconds = self.rate.time_of(number).as_secs_f64();
        self.draw_discs(seconds);
        self.draw_star(seconds);
        self.draw_hand(seconds);
        self.write_number(number, seconds);
        self.pixels()
    }

    /// The pixels of the frame that was drawn last.
    pub(crate) fn pixels(&self) -> &[u8] {
        self.picture.data()
    }

    fn draw_discs(&mut self, seconds: f64) {
        let (width, height) = self.size();
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        for (index, [r, g, b, a]) in DISCS.into_iter().enumerate() {
            let phase = index as f64 / DISCS.len() as f64;
            let x = width * (0.5 + 0.42 * turn(seconds * 0.21 + phase).0);
            let y = height * (0.5 + 0.40 * turn(seconds * 0.29 + phase * 2.0).1);
            let radius = self.unit * (0.07 + 0.02 * turn(seconds * 0.5 + phase).0);
            if let Some(disc) = PathBuilder::from_circle(x, y, radius) {
                paint.set_color_rgba8(r, g, b, a);
                self.picture.fill_path(&disc, &paint, FillRule::Winding, Transform::identity(), None);
            }
        }
    }

    fn draw_star(&mut self, seconds: f64) {
        let (width, height) = self.size();
        let Some(star) = star(self.unit * 0.17) else { return };
        let degrees = (seconds * 40.0).rem_euclid(360.0) as f32;
        let place = Transform::from_rotate(degrees).post_translate(width * 0.15, height * 0.24);
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color_rgba8(255, 255, 255, 60);
        self.picture.fill_path(&star, &paint, FillRule::Winding, place, None);
        paint.set_color_rgba8(255, 255, 255, 230);
        let stroke = Stroke { width: (self.unit * 0.008).max(0.5), ..Stroke::default() };
        self.picture.stroke_path(&star, &paint, &stroke, place, None);
    }

    /// A clock's hand that goes round once in a second: a dropped frame shows as a jump.
    fn draw_hand(&mut self, seconds: f64) {
        let (width, height) = self.size();
        let (x, y, radius) = (width * 0.85, height * 0.24, self.unit * 0.15);
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        let stroke = Stroke { width: (self.unit * 0.012).max(0.5), ..Stroke::default() };
        paint.set_color_rgba8(255, 255, 255, 120);
        if let Some(rim) = PathBuilder::from_circle(x, y, radius) {
            self.picture.stroke_path(&rim, &paint, &stroke, Transform::identity(), None);
        }
        let (sine, cosine) = turn(seconds);
        let mut hand = PathBuilder::new();
        hand.move_to(x, y);
        hand.line_to(x + sine * radius * 0.88, y - cosine * radius * 0.88);
        if let Some(hand) = hand.finish() {
            paint.set_color_rgba8(255, 255, 255, 255);
            self.picture.stroke_path(&hand, &paint, &stroke, Transform::identity(), None);
        }
    }

    fn write_number(&mut self, number: u64, seconds: f64) {
        let (width, height) = self.size();
        let text = format!("frame {number}");
        let x = (width - self.large.width(&text)) / 2.0;
        let baseline = height * 0.58;
        // A shadow keeps the number readable wherever the discs are.
        let shadow = (self.unit * 0.006).round();
        self.large.write(&mut self.picture, x + shadow, baseline + shadow, &text, [0, 0, 0]);
        self.large.write(&mut self.picture, x, baseline, &text, [255, 255, 255]);
        if let Some(small) = &mut self.small {
            let (columns, rows) = (self.picture.width(), self.picture.height());
            let line = format!("{columns} × {rows}   {} Hz   {seconds:.2} s", self.rate);
            let x = (width - small.width(&line)) / 2.0;
            small.write(&mut self.picture, x, height * 0.68, &line, [200, 210, 230]);
        }
    }

    fn size(&self) -> (f32, f32) {
        (self.picture.width() as f32, self.picture.height() as f32)
    }
}

/// Sine and cosine of `turns` whole turns; exact also after hours.
fn turn(turns: f64) -> (f32, f32) {
    ((turns.rem_euclid(1.0) as f32) * TAU).sin_cos()
}

fn star(radius: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    for point in 0..10 {
        let (sine, cosine) = turn(f64::from(point) / 10.0);
        let radius = if point % 2 == 0 { radius } else { radius * 0.45 };
        let (x, y) = (sine * radius, -cosine * radius);
        if point == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path.close();
    path.finish()
}

/// What does not move: a gradient and a grid. It is drawn once.
fn background(width: u32, height: u32) -> Option<Pixmap> {
    let mut pixmap = pixmap(width, height)?;
    pixmap.fill(Color::from_rgba8(18, 22, 48, 255));
    let (right, bottom) = (width as f32, height as f32);
    let stops = vec![
        GradientStop::new(0.0, Color::from_rgba8(18, 22, 48, 255)),
        GradientStop::new(1.0, Color::from_rgba8(64, 28, 84, 255)),
    ];
    let gradient = LinearGradient::new(
        Point::from_xy(0.0, 0.0),
        Point::from_xy(0.0, bottom),
        stops,
        SpreadMode::Pad,
        Transform::identity(),
    );
    let all = Rect::from_xywh(0.0, 0.0, right, bottom);
    if let (Some(shader), Some(all)) = (gradient, all) {
        let paint = Paint { shader, ..Paint::default() };
        pixmap.fill_rect(all, &paint, Transform::identity(), None);
    }
    let mut paint = Paint::default();
    paint.set_color_rgba8(255, 255, 255, 14);
    let step = (width.min(height) as f32 / 9.0).max(4.0);
    for line in 1..(right.max(bottom) / step) as u32 + 1 {
        let at = (line as f32 * step).round();
        let lines = [Rect::from_xywh(at, 0.0, 1.0, bottom), Rect::from_xywh(0.0, at, right, 1.0)];
        for line in lines.into_iter().flatten() {
            pixmap.fill_rect(line, &paint, Transform::identity(), None);
        }
    }
    Some(pixmap)
}

/// A picture; nothing if it has no pixels or no memory holds it.
fn pixmap(width: u32, height: u32) -> Option<Pixmap> {
    let bytes = width as usize * height as usize * 4;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(bytes).ok()?;
    pixels.resize(bytes, 0);
    Pixmap::from_vec(pixels, IntSize::from_wh(width, height)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate() -> Rate {
        Rate::new(60, 1).unwrap()
    }

    #[test]
    fn frames_differ_and_the_same_number_gives_the_same_picture() {
        let mut scene = Scene::new(320, 180, rate()).unwrap();
        let one = scene.draw(1).to_vec();
        let two = scene.draw(2).to_vec();
        assert_eq!(one.len(), 320 * 180 * 4);
        assert_ne!(one, two);
        assert_eq!(one, Scene::new(320, 180, rate()).unwrap().draw(1));
    }

    #[test]
    fn every_pixel_is_opaque() {
        let mut scene = Scene::new(200, 100, rate()).unwrap();
        assert!(scene.draw(1234).chunks_exact(4).all(|p| p[3] == 255));
    }

    #[test]
    fn odd_and_tiny_sizes_and_huge_numbers_do_not_panic() {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (3, 5), (17, 33), (64, 64), (641, 359)] {
            let mut scene = Scene::new(width, height, rate()).unwrap();
            for number in [0, 1, 59, 1_000_000, u64::from(u32::MAX), 1 << 50] {
                assert_eq!(scene.draw(number).len(), (width * height * 4) as usize);
            }
        }
        assert!(Scene::new(0, 5, rate()).is_none());
    }
}
