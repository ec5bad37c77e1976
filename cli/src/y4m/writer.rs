//! Writes YUV4MPEG2 streams.

use std::io::{self, Write};

use super::{FRAME, Header, MAGIC};

/// A stream that is being written.
pub(crate) struct Writer<W> {
    sink: W,
    frame_bytes: usize,
}

impl<W: Write> Writer<W> {
    /// Writes `header` to `sink`, its tags byte by byte as they were read.
    pub(crate) fn create(mut sink: W, header: &Header) -> io::Result<Writer<W>> {
        sink.write_all(MAGIC)?;
        if !header.tags().is_empty() {
            sink.write_all(b" ")?;
            sink.write_all(header.tags())?;
        }
        sink.write_all(b"\n")?;
        Ok(Writer { sink, frame_bytes: header.layout().file_bytes() })
    }

    /// Writes a frame: its own tags, which may be none, and its samples.
    pub(crate) fn write(&mut self, tags: &[u8], samples: &[u8]) -> io::Result<()> {
        if samples.len() != self.frame_bytes || tags.contains(&b'\n') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the frame does not fit the header"));
        }
        self.sink.write_all(FRAME)?;
        if !tags.is_empty() {
            self.sink.write_all(b" ")?;
            self.sink.write_all(tags)?;
        }
        self.sink.write_all(b"\n")?;
        self.sink.write_all(samples)
    }

    /// Writes out what is still held back and gives the sink.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.sink.flush()?;
        Ok(self.sink)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_what_was_read(
            width in 1u32..20, height in 1u32..20, sampling in 0usize..7, frames in 0usize..4, seed: u8, tagged: bool,
        ) {
            let sampling = ["", " C420", " C420jpeg", " C420mpeg2", " C420paldv", " C422", " C444"][sampling];
            let mut bytes =
                format!("YUV4MPEG2 W{width} H{height} F30000:1001 It A1:1{sampling} XCOLORRANGE=FULL\n").into_bytes();
            let length = Reader::open(&bytes[..]).unwrap().header().layout().file_bytes();
            for frame in 0..frames {
                bytes.extend_from_slice(if tagged { b"FRAME Ip\n" } else { b"FRAME\n" });
                bytes.extend((0..length).map(|i| seed.wrapping_add((i * 7 + frame * 31) as u8)));
            }
            let mut reader = Reader::open(&bytes[..]).unwrap();
            let mut writer = Writer::create(Vec::new(), reader.header()).unwrap();
            let mut samples = Vec::new();
            while let Some(tags) = reader.read(&mut samples).unwrap() {
                writer.write(&tags, &samples).unwrap();
            }
            prop_assert_eq!(writer.finish().unwrap(), bytes);
        }
    }

    #[test]
    fn a_frame_of_another_size_is_refused() {
        let header = Header::from_tags(b"W4 H2").unwrap();
        let mut writer = Writer::create(Vec::new(), &header).unwrap();
        assert!(writer.write(b"", &[0; 11]).is_err());
        assert!(writer.write(b"a\nb", &[0; 12]).is_err());
        assert!(writer.write(b"", &[0; 12]).is_ok());
    }
}
