//! Writes the frames that the host is shown into a YUV4MPEG2 file.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::color::{Encoder, Matrix};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::picture::{Chroma, Form, Layout, Planes, unpack};
use crate::rate::Rate;
use crate::y4m::{Header, Writer};

/// A file that is being written.
pub(crate) struct Recorder {
    path: PathBuf,
    writer: Writer<BufWriter<Output>>,
    layout: Layout,
    encoder: Encoder,
    samples: Vec<u8>,
}

impl Recorder {
    /// Writes frames of `layout` to `output`, whose name is `path`. A video's own `header` is kept; the scene, which
    /// has none, is recorded with all its colours, as 4:4:4.
    pub(crate) fn create(
        path: &Path,
        output: Output,
        layout: Layout,
        rate: Rate,
        header: Option<&Header>,
    ) -> Result<Recorder> {
        let (width, height) = (layout.width, layout.height);
        let own = Header::new(width, height, Chroma::Full, rate);
        let writer = Writer::create(BufWriter::with_capacity(1 << 20, output), header.unwrap_or(&own))
            .map_err(|error| failure(path, &error))?;
        let encoder = Matrix::for_size(width, height, false).encoder();
        Ok(Recorder { path: path.to_owned(), writer, layout, encoder, samples: Vec::new() })
    }

    /// Writes one frame, with the tags that it had in its stream.
    pub(crate) fn write(&mut self, tags: &[u8], frame: &dyn Planes) -> Result<()> {
        if self.layout.form == Form::Bgra {
            self.encoder.frame(&self.layout, frame, &mut self.samples)?;
        } else {
            unpack(&self.layout, frame, &mut self.samples)?;
        }
        self.writer.write(tags, &self.samples).map_err(|error| failure(&self.path, &error))
    }

    /// Writes out what is still held back; the recording is whole.
    pub(crate) fn finish(self) -> Result<()> {
        let finish = |writer: Writer<BufWriter<Output>>| writer.finish()?.into_inner()?.finish();
        finish(self.writer).map_err(|error| failure(&self.path, &error))
    }
}

/// Why nothing can be recorded to `path`.
pub(crate) fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("cannot record to '{}'", path.display()),
        error,
        "give --record a file in a folder that you can write to, with room for it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::picture::{Memory, pack};
    use crate::y4m::Reader;

    fn output(path: &Path) -> Output {
        Output::create(path, 0, &Interrupt::default()).unwrap()
    }

    #[test]
    fn a_video_s_frame_is_recorded_as_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.y4m");
        let header = Header::from_tags(b"W3 H3 F24:1 It C422 XCOLORRANGE=FULL").unwrap();
        let layout = header.layout();
        let samples: Vec<u8> = (0..layout.file_bytes() as u8).collect();
        let mut memory = Memory::new(&layout, 11);
        pack(&layout, &samples, &mut memory).unwrap();
        let mut recorder =
            Recorder::create(&path, output(&path), layout, Rate::new(24, 1).unwrap(), Some(&header)).unwrap();
        recorder.write(b"Ip", &memory).unwrap();
        recorder.finish().unwrap();
        let mut expected = b"YUV4MPEG2 W3 H3 F24:1 It C422 XCOLORRANGE=FULL\nFRAME Ip\n".to_vec();
        expected.extend_from_slice(&samples);
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn the_scene_is_recorded_with_all_its_colours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.y4m");
        let layout = Layout::bgra(2, 1);
        let mut recorder =
            Recorder::create(&path, output(&path), layout, Rate::new(60, 1).unwrap(), None).unwrap();
        recorder.write(b"", &Memory::new(&layout, 0)).unwrap();
        recorder.finish().unwrap();
        let mut reader = Reader::open(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.header().chroma, Chroma::Full);
        let mut samples = Vec::new();
        assert!(reader.read(&mut samples).unwrap().is_some());
        assert_eq!(samples.len(), 6);
        assert_eq!(reader.read(&mut samples), Ok(None));
    }

    #[test]
    fn a_full_disk_is_told() {
        let (path, layout) = (Path::new("/dev/full"), Layout::bgra(800, 600));
        let mut recorder =
            Recorder::create(path, output(path), layout, Rate::new(60, 1).unwrap(), None).unwrap();
        let failure = recorder.write(b"", &Memory::new(&layout, 0)).unwrap_err();
        assert!(failure.to_string().contains("'/dev/full'"), "{failure}");
    }
}
