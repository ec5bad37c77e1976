//! Saves a frame as PNG.

use std::io::{self, BufWriter};
use std::path::Path;

use crate::color::Painter;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::picture::Planes;

/// Writes the frame `from` to `output`, whose name is `path`.
pub(crate) fn save(path: &Path, output: Output, painter: &mut Painter, from: &dyn Planes) -> Result<()> {
    let pixels = rgba(painter, from)?;
    let layout = *painter.layout();
    let write = || -> io::Result<()> {
        let mut file = BufWriter::new(output);
        let mut encoder = png::Encoder::new(&mut file, layout.width, layout.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&pixels)?;
        writer.finish()?;
        file.into_inner()?.finish()
    };
    write().map_err(|error| failure(path, &error))
}

/// Why nothing can be saved as `path`.
pub(crate) fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("cannot save the last frame as '{}'", path.display()),
        error,
        "give --save a file in a folder that you can write to, with room for it",
    )
}

/// The whole frame as rows of red, green, blue, alpha.
fn rgba(painter: &mut Painter, from: &dyn Planes) -> Result<Vec<u8>> {
    let layout = *painter.layout();
    let mut row = vec![0u32; layout.width as usize];
    let mut pixels = Vec::with_capacity(row.len() * layout.height as usize * 4);
    for y in 0..layout.height {
        painter.row(from, y, &mut row)?;
        pixels.extend(row.iter().flat_map(|pixel| {
            let [blue, green, red, alpha] = pixel.to_le_bytes();
            [red, green, blue, alpha]
        }));
    }
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::picture::{Layout, Memory, PlanesMut};

    fn frame() -> (Painter, Memory) {
        let layout = Layout::bgra(2, 1);
        let mut memory = Memory::new(&layout, 8);
        memory.write_row(0, 0, &[1, 2, 3, 255, 4, 5, 6, 255]).unwrap();
        (Painter::new(layout, false), memory)
    }

    #[test]
    fn a_png_has_the_frame_s_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frame.png");
        let (mut painter, memory) = frame();
        let output = Output::create(&path, 0, &Interrupt::default()).unwrap();
        save(&path, output, &mut painter, &memory).unwrap();
        let file = io::BufReader::new(std::fs::File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (2, 1, png::ColorType::Rgba));
        assert_eq!(pixels, [3, 2, 1, 255, 6, 5, 4, 255]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told() {
        let (mut painter, memory) = frame();
        let path = Path::new("/dev/full");
        let output = Output::create(path, 0, &Interrupt::default()).unwrap();
        let failure = save(path, output, &mut painter, &memory).unwrap_err();
        assert!(failure.to_string().contains("'/dev/full'"), "{failure}");
    }
}
