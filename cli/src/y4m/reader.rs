//! Reads YUV4MPEG2 streams strictly and counts the bytes.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use super::{FRAME, Header, MAX_FRAME_TAGS, MAX_HEADER, text};

/// How much of a frame is allocated before its bytes are there: a header that promises more than the
/// stream has costs no more than this.
const STEP: usize = 64 << 20;

/// What is wrong with a stream, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The byte of the stream, counted from 0.
    pub(crate) offset: u64,
    /// What was found there.
    pub(crate) reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at byte {}", self.reason, self.offset)
    }
}

/// A stream of which the header has been read.
pub(crate) struct Reader<R> {
    source: BufReader<R>,
    header: Header,
    frame_bytes: usize,
    offset: u64,
    frames: u64,
}

/// What the next line turned out to be.
enum Line {
    Whole(Vec<u8>),
    TooLong(Vec<u8>),
    /// The stream ended; what there was of the line.
    Ended(Vec<u8>),
}

impl<R: Read> Reader<R> {
    /// Reads the header of `source`.
    pub(crate) fn open(source: R) -> Result<Reader<R>, Fault> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let mut offset = 0;
        let header = match line(&mut source, MAX_HEADER, &mut offset)? {
            Line::Whole(line) => Header::parse(&line)
                .map_err(|refusal| Fault { offset: refusal.offset as u64, reason: refusal.reason })?,
            Line::Ended(line) if line.is_empty() => {
                return Err(Fault { offset, reason: "the stream is empty".into() });
            }
            Line::TooLong(line) | Line::Ended(line) if !plausible(&line, super::MAGIC) => {
                return Err(Fault { offset: 0, reason: "it does not begin with YUV4MPEG2".into() });
            }
            Line::TooLong(_) => {
                return Err(Fault {
                    offset,
                    reason: format!("the header does not end within {MAX_HEADER} bytes"),
                });
            }
            Line::Ended(_) => return Err(Fault { offset, reason: "the stream ends in its header".into() }),
        };
        let frame_bytes = header.layout().file_bytes();
        Ok(Reader { source, header, frame_bytes, offset, frames: 0 })
    }

    /// What the first line says.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next frame's samples into `samples`, which is made as long as a frame, and gives the
    /// frame's own tags; nothing at the stream's end.
    pub(crate) fn read(&mut self, samples: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Fault> {
        let start = self.offset;
        let number = self.frames + 1;
        let fault = |offset, reason| Err(Fault { offset, reason });
        let line = match line(&mut self.source, FRAME.len() + 1 + MAX_FRAME_TAGS + 1, &mut self.offset)? {
            Line::Ended(line) if line.is_empty() => return Ok(None),
            Line::Whole(line) => line,
            Line::TooLong(line) | Line::Ended(line) if !plausible(&line, FRAME) => {
                return fault(start, expected(number, &line));
            }
            Line::TooLong(_) => {
                return fault(start, format!("frame {number} has more than {MAX_FRAME_TAGS} bytes of tags"));
            }
            Line::Ended(_) => {
                return fault(self.offset, format!("the stream ends in the header of frame {number}"));
            }
        };
        let tags = match line.strip_prefix(FRAME) {
            Some([]) => Vec::new(),
            Some([b' ', tags @ ..]) => tags.to_vec(),
            _ => return fault(start, expected(number, &line)),
        };
        self.fill(number, samples)?;
        self.frames = number;
        Ok(Some(tags))
    }

    fn fill(&mut self, number: u64, samples: &mut Vec<u8>) -> Result<(), Fault> {
        samples.truncate(self.frame_bytes);
        let mut filled = 0;
        while filled < self.frame_bytes {
            if samples.len() == filled {
                let step = STEP.min(self.frame_bytes - filled);
                if samples.try_reserve_exact(step).is_err() {
                    let reason = format!("there is no memory for the {} bytes of a frame", self.frame_bytes);
                    return Err(Fault { offset: self.offset, reason });
                }
                samples.resize(filled + step, 0);
            }
            match self.source.read(&mut samples[filled..]) {
                Ok(0) => {
                    return Err(Fault {
                        offset: self.offset,
                        reason: format!(
                            "the stream ends in frame {number}, after {filled} of its {} bytes",
                            self.frame_bytes
                        ),
                    });
                }
                Ok(count) => {
                    filled += count;
                    self.offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(self.offset, &error)),
            }
        }
        Ok(())
    }
}

/// Reads a line of at most `most` bytes, its end included; the end is not part of the result.
fn line<R: Read>(source: &mut BufReader<R>, most: usize, offset: &mut u64) -> Result<Line, Fault> {
    let mut line = Vec::new();
    loop {
        let available = match source.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(*offset, &error)),
        };
        if available.is_empty() {
            return Ok(Line::Ended(line));
        }
        let window = &available[..available.len().min(most - line.len())];
        let end = window.iter().position(|&b| b == b'\n');
        line.extend_from_slice(&window[..end.unwrap_or(window.len())]);
        let used = end.map_or(window.len(), |end| end + 1);
        source.consume(used);
        *offset += used as u64;
        if end.is_some() {
            return Ok(Line::Whole(line));
        }
        if line.len() == most {
            return Ok(Line::TooLong(line));
        }
    }
}

/// Whether `line` is, as far as it goes, one that begins with `word`.
fn plausible(line: &[u8], word: &[u8]) -> bool {
    let shared = line.len().min(word.len());
    line[..shared] == word[..shared] && line.get(word.len()).is_none_or(|&b| b == b' ')
}

fn expected(number: u64, line: &[u8]) -> String {
    format!("instead of the FRAME line of frame {number} there is '{}'", text(&line[..line.len().min(16)]))
}

fn unreadable(offset: u64, error: &io::Error) -> Fault {
    Fault { offset, reason: format!("it cannot be read ({error})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = b"YUV4MPEG2 W4 H2 F25:1 C420\n".to_vec();
        for frame in frames {
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    /// A frame of 4 × 2 pixels: 8 + 2 + 2 samples.
    fn frame(value: u8) -> Vec<u8> {
        let mut bytes = b"FRAME\n".to_vec();
        bytes.extend_from_slice(&[value; 12]);
        bytes
    }

    /// All frames before the end or the fault.
    fn read_all(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<Fault>) {
        let mut reader = match Reader::open(bytes) {
            Ok(reader) => reader,
            Err(fault) => return (Vec::new(), Some(fault)),
        };
        let (mut frames, mut samples) = (Vec::new(), Vec::new());
        loop {
            match reader.read(&mut samples) {
                Ok(Some(_)) => frames.push(samples.clone()),
                Ok(None) => return (frames, None),
                Err(fault) => return (frames, Some(fault)),
            }
        }
    }

    #[test]
    fn frames_come_in_order_with_their_tags() {
        let mut bytes = stream(&[&frame(1)]);
        bytes.extend_from_slice(b"FRAME Ip XA=b\n");
        bytes.extend_from_slice(&[2; 12]);
        let mut reader = Reader::open(&bytes[..]).unwrap();
        let mut samples = vec![9; 100];
        assert_eq!(reader.read(&mut samples).unwrap().unwrap(), b"");
        assert_eq!(samples, [1; 12]);
        assert_eq!(reader.read(&mut samples).unwrap().unwrap(), b"Ip XA=b");
        assert_eq!(samples, [2; 12]);
        assert_eq!(reader.read(&mut samples), Ok(None));
    }

    #[test]
    fn a_cut_at_any_byte_keeps_what_was_whole_and_names_the_cut() {
        let bytes = stream(&[&frame(1), &frame(2)]);
        let header = stream(&[]).len();
        for cut in 0..bytes.len() {
            let (frames, fault) = read_all(&bytes[..cut]);
            let whole = cut.saturating_sub(header) / frame(0).len();
            assert_eq!(frames.len(), whole, "cut at {cut}");
            if cut >= header && (cut - header).is_multiple_of(frame(0).len()) {
                assert_eq!(fault, None, "cut at {cut}");
            } else {
                assert_eq!(fault.unwrap().offset, cut as u64);
            }
        }
    }

    #[test]
    fn garbage_between_frames_is_named_where_it_begins() {
        for garbage in [
            &b"garbage that goes on and on and on and on and on and on and on and on"[..],
            b"FRAM\n",
            b"FRAMES\n",
            b"\n",
            b"\0",
        ] {
            let bytes = stream(&[&frame(1), garbage]);
            let (frames, fault) = read_all(&bytes);
            assert_eq!(frames, [vec![1; 12]]);
            let fault = fault.unwrap();
            assert_eq!(fault.offset as usize, stream(&[&frame(1)]).len());
            assert!(fault.reason.contains("frame 2"), "{}", fault.reason);
        }
    }

    #[test]
    fn endless_lines_are_given_up() {
        let mut bytes = b"YUV4MPEG2 W4 H2 X".to_vec();
        bytes.resize(5000, b'x');
        assert_eq!(read_all(&bytes).1.unwrap().offset, MAX_HEADER as u64);
        let mut tags = b"FRAME X".to_vec();
        tags.resize(FRAME.len() + 1 + MAX_FRAME_TAGS + 1, b'x');
        tags.push(b'\n');
        let fault = read_all(&stream(&[&tags])).1.unwrap();
        assert_eq!(fault.offset as usize, stream(&[]).len());
        assert!(fault.reason.contains("more than 63 bytes of tags"));
    }

    #[test]
    fn a_huge_frame_is_not_allocated_before_its_bytes_are_there() {
        let bytes = b"YUV4MPEG2 W16384 H16384 C444\nFRAME\nabc";
        let mut reader = Reader::open(&bytes[..]).unwrap();
        let mut samples = Vec::new();
        assert_eq!(reader.read(&mut samples).unwrap_err().offset, bytes.len() as u64);
        assert!(samples.len() <= STEP);
    }

    #[test]
    fn a_source_that_gives_one_byte_at_a_time_is_read_the_same() {
        struct Drip<'a>(&'a [u8]);
        impl Read for Drip<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(into.len()).min(1);
                into[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let bytes = stream(&[&frame(1), &frame(2)]);
        let mut reader = Reader::open(Drip(&bytes)).unwrap();
        let mut samples = Vec::new();
        assert!(reader.read(&mut samples).unwrap().is_some());
        assert!(reader.read(&mut samples).unwrap().is_some());
        assert_eq!(samples, [2; 12]);
        assert_eq!(reader.read(&mut samples), Ok(None));
    }

    #[test]
    fn a_source_that_fails_is_told_with_its_offset() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let bytes = stream(&[&frame(1)]);
        let fault = {
            let mut reader = Reader::open((&bytes[..]).chain(Broken)).unwrap();
            let mut samples = Vec::new();
            assert!(reader.read(&mut samples).unwrap().is_some());
            reader.read(&mut samples).unwrap_err()
        };
        assert_eq!(fault.offset, bytes.len() as u64);
        assert!(fault.to_string().contains("the disk is gone"));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_and_the_offset_is_inside(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let fault = read_all(&bytes).1.expect("random bytes are no stream");
            prop_assert!(fault.offset <= bytes.len() as u64);
        }

        #[test]
        fn damage_keeps_the_frames_before_it(at in 0usize..63, value: u8) {
            let whole = stream(&[&frame(1), &frame(2)]);
            let mut bytes = whole.clone();
            bytes[at] = value;
            let (frames, fault) = read_all(&bytes);
            let before = at.saturating_sub(stream(&[]).len()) / frame(0).len();
            if at >= stream(&[]).len() {
                prop_assert!(frames.len() >= before);
                prop_assert_eq!(&frames[..before], &[vec![1; 12], vec![2; 12]][..before]);
            }
            if let Some(fault) = fault {
                prop_assert!(fault.offset <= bytes.len() as u64);
            }
        }

        #[test]
        fn random_tags_never_panic(tags in "[WHFCIAX0-9:=a-z ]{0,60}") {
            let _ = read_all(format!("YUV4MPEG2 {tags}\nFRAME\nxxxx").as_bytes());
        }
    }
}
