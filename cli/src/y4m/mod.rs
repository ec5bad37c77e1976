//! YUV4MPEG2: the streams that `ffmpeg -f yuv4mpegpipe` and the mjpegtools write.
//!
//! The crate `y4m` was tried first and could not serve: its writer cannot carry the interlacing tag or the
//! order of the tags, its reader tells a truncated stream from a complete one as little as an unknown
//! colour space from its name, multiplies sizes without looking for overflow, and allocates a frame
//! because a header says so. Here every byte is counted, so that a fault is named by its offset, and the
//! header's tags go to the output byte by byte as they came.

mod reader;
mod writer;

pub(crate) use reader::{Fault, Reader};
pub(crate) use writer::Writer;

use crate::picture::{Chroma, Layout};
use crate::rate::Rate;

/// What a stream begins with; a space and the tags follow.
const MAGIC: &[u8] = b"YUV4MPEG2";
/// What each frame begins with.
const FRAME: &[u8] = b"FRAME";
/// The longest header line that is read, its end included.
const MAX_HEADER: usize = 1024;
/// The most bytes of a frame's own tags: what fits into a frame record beside their length.
pub(crate) const MAX_FRAME_TAGS: usize = 63;
/// The most pixels of a side.
pub(crate) const MAX_SIDE: u32 = 16384;

/// What a stream's first line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Pixels of a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// How the colour planes are sampled.
    pub(crate) chroma: Chroma,
    /// Frames per second, if the stream says so.
    pub(crate) rate: Option<Rate>,
    /// Whether samples use all of 0 to 255.
    pub(crate) full_range: bool,
    /// All tags as they stand in the stream, without the magic word and the line's end.
    tags: Vec<u8>,
}

/// Why a header was refused, and at which byte of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    offset: usize,
    reason: String,
}

impl Header {
    /// The header of a stream that this program makes.
    pub(crate) fn new(width: u32, height: u32, chroma: Chroma, rate: Rate) -> Header {
        let sampling = match chroma {
            Chroma::Half => "420jpeg",
            Chroma::Wide => "422",
            Chroma::Full => "444",
        };
        let (numerator, denominator) = (rate.numerator(), rate.denominator());
        let tags =
            format!("W{width} H{height} F{numerator}:{denominator} Ip A1:1 C{sampling} XCOLORRANGE=LIMITED")
                .into_bytes();
        Header { width, height, chroma, rate: Some(rate), full_range: false, tags }
    }

    /// Reads the tags of a header: all that follows the magic word.
    pub(crate) fn from_tags(tags: &[u8]) -> Result<Header, String> {
        let mut line = MAGIC.to_vec();
        line.push(b' ');
        line.extend_from_slice(tags);
        Header::parse(&line).map_err(|refusal| refusal.reason)
    }

    /// All tags as they stand in the stream.
    pub(crate) fn tags(&self) -> &[u8] {
        &self.tags
    }

    /// How a frame lies in the stream and in a surface.
    pub(crate) fn layout(&self) -> Layout {
        Layout::yuv(self.width, self.height, self.chroma, self.full_range)
    }

    /// Reads a header line without its end.
    fn parse(line: &[u8]) -> Result<Header, Refusal> {
        let refuse = |offset: usize, reason: String| Err(Refusal { offset, reason });
        let Some(tags) = line.strip_prefix(MAGIC) else {
            return refuse(0, "it does not begin with YUV4MPEG2".into());
        };
        let tags = match tags {
            [] => tags,
            [b' ', tags @ ..] => tags,
            _ => return refuse(MAGIC.len(), "it does not begin with YUV4MPEG2 and a space".into()),
        };
        let mut width = None;
        let mut height = None;
        let mut rate = None;
        let mut sampling = None;
        let mut extension_sampling = None;
        let mut full_range = false;
        let mut offset = line.len() - tags.len();
        for tag in tags.split(|&b| b == b' ') {
            let at = offset;
            offset += tag.len() + 1;
            let Some((&name, value)) = tag.split_first() else { continue };
            let refused = |reason: String| Refusal { offset: at, reason };
            match name {
                b'W' => set(&mut width, side("width", value).map_err(refused)?, "width").map_err(refused)?,
                b'H' => {
                    set(&mut height, side("height", value).map_err(refused)?, "height").map_err(refused)?
                }
                b'F' => set(&mut rate, frame_rate(value).map_err(refused)?, "rate").map_err(refused)?,
                b'C' => {
                    set(&mut sampling, chroma(value).map_err(refused)?, "colour sampling").map_err(refused)?
                }
                b'X' => {
                    if let Some(value) = value.strip_prefix(b"YSCSS=") {
                        extension_sampling = Some((at, value));
                    } else if let Some(range) = value.strip_prefix(b"COLORRANGE=") {
                        full_range = range == b"FULL";
                    }
                }
                // Interlacing, aspect and what others may add: passed on, not looked at.
                _ => {}
            }
        }
        let chroma = match (sampling, extension_sampling) {
            (Some(chroma), _) => chroma,
            // Old streams say it in an extension only.
            (None, Some((at, value))) => {
                chroma(&value.to_ascii_lowercase()).map_err(|reason| Refusal { offset: at, reason })?
            }
            (None, None) => Chroma::Half,
        };
        let Some(width) = width else { return refuse(line.len(), "the header has no width (W)".into()) };
        let Some(height) = height else { return refuse(line.len(), "the header has no height (H)".into()) };
        Ok(Header { width, height, chroma, rate: rate.flatten(), full_range, tags: tags.to_vec() })
    }
}

/// Keeps a tag's value; a tag that comes twice has no meaning.
fn set<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    if place.replace(value).is_some() {
        return Err(format!("the {name} is given twice"));
    }
    Ok(())
}

fn side(name: &str, value: &[u8]) -> Result<u32, String> {
    number(value)
        .filter(|side| (1..=MAX_SIDE).contains(side))
        .ok_or_else(|| format!("the {name} '{}' is not a number from 1 to {MAX_SIDE}", text(value)))
}

/// `0:0` is how a stream says that it does not know its rate.
fn frame_rate(value: &[u8]) -> Result<Option<Rate>, String> {
    let wrong = || format!("the frame rate '{}' is not two numbers as in 30000:1001", text(value));
    let colon = value.iter().position(|&b| b == b':').ok_or_else(wrong)?;
    let upper = number(&value[..colon]).ok_or_else(wrong)?;
    let lower = number(&value[colon + 1..]).ok_or_else(wrong)?;
    Ok(Rate::new(upper, lower))
}

fn number(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    // `parse` would also take a sign.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn chroma(value: &[u8]) -> Result<Chroma, String> {
    match value {
        b"420" | b"420jpeg" | b"420mpeg2" | b"420paldv" => Ok(Chroma::Half),
        b"422" => Ok(Chroma::Wide),
        b"444" => Ok(Chroma::Full),
        _ => Err(format!(
            "the colour sampling '{}' is not one of 420, 420jpeg, 420mpeg2, 420paldv, 422, 444 with 8 bits",
            text(value)
        )),
    }
}

/// Bytes of a stream for an error message: short and printable.
fn text(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(32)];
    let mut text = shown.escape_ascii().to_string();
    if shown.len() < bytes.len() {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Header, Refusal> {
        Header::parse(line.as_bytes())
    }

    #[test]
    fn ffmpeg_s_header_is_read_and_kept_byte_by_byte() {
        let tags = "W1920 H1080 F30000:1001 It A4:3 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL";
        let header = parse(&format!("YUV4MPEG2 {tags}")).unwrap();
        assert_eq!((header.width, header.height, header.chroma), (1920, 1080, Chroma::Half));
        assert_eq!(header.rate, Rate::new(30000, 1001));
        assert!(header.full_range);
        assert_eq!(header.tags(), tags.as_bytes());
        assert_eq!(Header::from_tags(tags.as_bytes()), Ok(header));
    }

    #[test]
    fn every_sampling_of_eight_bits_is_read_and_the_rest_refused_at_its_place() {
        for (name, chroma) in [
            ("420", Chroma::Half),
            ("420jpeg", Chroma::Half),
            ("420mpeg2", Chroma::Half),
            ("420paldv", Chroma::Half),
            ("422", Chroma::Wide),
            ("444", Chroma::Full),
        ] {
            assert_eq!(parse(&format!("YUV4MPEG2 W2 H2 C{name}")).unwrap().chroma, chroma);
        }
        for name in ["420p10", "422p10", "444p16", "411", "mono", "mono16", "444alpha", "", "420JPEG"] {
            let refusal = parse(&format!("YUV4MPEG2 W2 H2 C{name} F25:1")).unwrap_err();
            assert_eq!(refusal.offset, 16, "{name}");
            assert!(refusal.reason.contains(&format!("'{name}'")), "{}", refusal.reason);
        }
    }

    #[test]
    fn without_a_sampling_it_is_420_or_what_the_extension_says() {
        assert_eq!(parse("YUV4MPEG2 W2 H2").unwrap().chroma, Chroma::Half);
        assert_eq!(parse("YUV4MPEG2 W2 H2 XYSCSS=444").unwrap().chroma, Chroma::Full);
        assert_eq!(parse("YUV4MPEG2 W2 H2 XYSCSS=420JPEG").unwrap().chroma, Chroma::Half);
        assert_eq!(parse("YUV4MPEG2 W2 H2 XYSCSS=411").unwrap_err().offset, 16);
        // The tag is stronger than the extension.
        assert_eq!(parse("YUV4MPEG2 W2 H2 C422 XYSCSS=411").unwrap().chroma, Chroma::Wide);
    }

    #[test]
    fn rates_may_be_missing_or_unknown() {
        assert_eq!(parse("YUV4MPEG2 W2 H2").unwrap().rate, None);
        assert_eq!(parse("YUV4MPEG2 W2 H2 F0:0").unwrap().rate, None);
        assert_eq!(parse("YUV4MPEG2 W2 H2 F25").unwrap_err().offset, 16);
    }

    #[test]
    fn absurd_headers_are_refused() {
        for (line, offset) in [
            ("", 0),
            ("YUV4MPEG", 0),
            ("YUV4MPEG3 W2 H2", 0),
            ("YUV4MPEG2W2 H2", 9),
            ("YUV4MPEG2", 9),
            ("YUV4MPEG2 W2", 12),
            ("YUV4MPEG2 H2", 12),
            ("YUV4MPEG2 W0 H2", 10),
            ("YUV4MPEG2 W2 H16385", 13),
            ("YUV4MPEG2 W18446744073709551616 H2", 10),
            ("YUV4MPEG2 W+2 H2", 10),
            ("YUV4MPEG2 W-2 H2", 10),
            ("YUV4MPEG2 W2 W2 H2", 13),
            ("YUV4MPEG2 W2 H2 C420 C444", 21),
        ] {
            assert_eq!(parse(line).unwrap_err().offset, offset, "{line}");
        }
    }

    #[test]
    fn our_own_header_reads_back() {
        let header = Header::new(641, 359, Chroma::Full, Rate::new(5994, 100).unwrap());
        assert_eq!(Header::from_tags(header.tags()), Ok(header));
    }
}
