//! Pixel formats: what the bytes of a surface mean, the same in every process and on every system.
//!
//! A format is known by its four-character code, as IOSurface and Core Video name it: `'BGRA'` is
//! `0x4247_5241`, the first character in the highest byte. Codes, component orders and ranges are those
//! of Apple's header `CVPixelBuffer.h` (the constants `kCVPixelFormatType_…`), on all systems.
//! Components wider than a byte are little-endian.
//!
//! Everything about a format stands in one row of the table in this file.

use std::fmt;
use std::str::FromStr;

/// How one plane of a format stores its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PlaneFormat {
    /// The components of one element in the order of memory, the lowest byte first: `BGRA`, `Y`, `CbCr`.
    pub name: &'static str,
    /// Bytes of one element, all its components and padding bits included.
    pub bytes_per_element: u32,
    /// Pixels of the surface for one element, from left to right: 1 or 2.
    pub horizontal_subsampling: u32,
    /// Pixels of the surface for one element, from top to bottom: 1 or 2.
    pub vertical_subsampling: u32,
}

impl PlaneFormat {
    const fn new(name: &'static str, bytes_per_element: u32, horizontal: u32, vertical: u32) -> Self {
        Self { name, bytes_per_element, horizontal_subsampling: horizontal, vertical_subsampling: vertical }
    }

    /// Elements in a row of this plane, for a surface that is `surface_width` pixels wide.
    ///
    /// Rounded up: the last column of an odd width has a chroma element of its own.
    #[must_use]
    pub const fn width(&self, surface_width: u32) -> u32 {
        surface_width.div_ceil(self.horizontal_subsampling)
    }

    /// Rows of this plane, for a surface that is `surface_height` pixels high, rounded up.
    #[must_use]
    pub const fn height(&self, surface_height: u32) -> u32 {
        surface_height.div_ceil(self.vertical_subsampling)
    }
}

/// What the table says of one format.
struct FormatInfo {
    four_cc: u32,
    name: &'static str,
    core_video_name: &'static str,
    samples: Samples,
    planes: &'static [PlaneFormat],
}

/// What the samples stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Samples {
    /// Colour or grey components over their full range.
    Direct,
    /// Y'CbCr in video range: for 8 bits luma 16 to 235, chroma 16 to 240.
    VideoYcbcr,
    /// Y'CbCr in full range: for 8 bits luma 0 to 255, chroma 1 to 255.
    FullYcbcr,
}
use Samples::{Direct, FullYcbcr, VideoYcbcr};

const Y8: PlaneFormat = PlaneFormat::new("Y", 1, 1, 1);

macro_rules! formats {
    ($(
        $(#[$meta:meta])*
        $variant:ident = $code:literal, $name:literal, $core_video:literal, $samples:ident,
            [$($plane:expr),+];
    )+) => {
        /// A pixel format, known by its four-character code (see [`four_cc`](Self::four_cc)).
        ///
        /// `Display` writes the code (`BGRA`). `FromStr` reads the code in its exact case, or the name
        /// of [`name`](Self::name) in any case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum PixelFormat {
            $($(#[$meta])* $variant,)+
        }

        /// One row for each format, in the order of the enum's variants.
        static FORMATS: &[FormatInfo] = &[$(FormatInfo {
            four_cc: u32::from_be_bytes(*$code),
            name: $name,
            core_video_name: concat!("kCVPixelFormatType_", $core_video),
            samples: $samples,
            planes: &[$($plane),+],
        },)+];

        impl PixelFormat {
            /// All formats that a surface can have.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }
    };
}

formats! {
    /// `BGRA`: 8 bits for each of blue, green, red, alpha, in the order of memory.
    Bgra8 = b"BGRA", "bgra8", "32BGRA", Direct, [PlaneFormat::new("BGRA", 4, 1, 1)];

    /// `RGBA`: 8 bits for each of red, green, blue, alpha, in the order of memory.
    Rgba8 = b"RGBA", "rgba8", "32RGBA", Direct, [PlaneFormat::new("RGBA", 4, 1, 1)];

    /// `l10r`: 10 bits for each colour and 2 for alpha in one little-endian 32-bit word: blue in bits
    /// 0 to 9, green 10 to 19, red 20 to 29, alpha 30 and 31.
    ///
    /// Metal calls this `BGR10A2Unorm`, Vulkan `A2R10G10B10_UNORM_PACK32`. OpenGL's `RGB10_A2` and
    /// DXGI's `R10G10B10A2` have red in the lowest bits: swap red and blue for those.
    Rgb10A2 = b"l10r", "rgb10a2", "ARGB2101010LEPacked", Direct, [PlaneFormat::new("BGRA", 4, 1, 1)];

    /// `RGhA`: IEEE half-precision red, green, blue, alpha, in the order of memory.
    Rgba16F = b"RGhA", "rgba16f", "64RGBAHalf", Direct, [PlaneFormat::new("RGBA", 8, 1, 1)];

    /// `L008`: one component of 8 bits, 0 is black.
    R8 = b"L008", "r8", "OneComponent8", Direct, [PlaneFormat::new("R", 1, 1, 1)];

    /// `2C08`: two components of 8 bits.
    Rg8 = b"2C08", "rg8", "TwoComponent8", Direct, [PlaneFormat::new("RG", 2, 1, 1)];

    /// `420v`: 8-bit Y'CbCr 4:2:0, video range, a plane of Y' and one of CbCr pairs.
    Nv12 = b"420v", "nv12", "420YpCbCr8BiPlanarVideoRange", VideoYcbcr,
        [Y8, PlaneFormat::new("CbCr", 2, 2, 2)];

    /// `420f`: as [`Nv12`](Self::Nv12), full range.
    Nv12Full = b"420f", "nv12-full", "420YpCbCr8BiPlanarFullRange", FullYcbcr,
        [Y8, PlaneFormat::new("CbCr", 2, 2, 2)];

    /// `x420`: 10-bit Y'CbCr 4:2:0, video range, a plane of Y' and one of CbCr pairs; each component is
    /// the high 10 bits of a little-endian 16-bit word, the low 6 bits are padding.
    P010 = b"x420", "p010", "420YpCbCr10BiPlanarVideoRange", VideoYcbcr,
        [PlaneFormat::new("Y", 2, 1, 1), PlaneFormat::new("CbCr", 4, 2, 2)];

    /// `y420`: 8-bit Y'CbCr 4:2:0, video range, a plane each of Y', Cb and Cr.
    I420 = b"y420", "i420", "420YpCbCr8Planar", VideoYcbcr,
        [Y8, PlaneFormat::new("Cb", 1, 2, 2), PlaneFormat::new("Cr", 1, 2, 2)];

    /// `422v`: 8-bit Y'CbCr 4:2:2, video range, a plane of Y' and one of CbCr pairs.
    ///
    /// With the other 4:2:2 and 4:4:4 formats it is here so that video of that kind is carried without
    /// loss: every sample has its place, none is averaged or repeated.
    Nv16 = b"422v", "nv16", "422YpCbCr8BiPlanarVideoRange", VideoYcbcr,
        [Y8, PlaneFormat::new("CbCr", 2, 2, 1)];

    /// `422f`: as [`Nv16`](Self::Nv16), full range.
    Nv16Full = b"422f", "nv16-full", "422YpCbCr8BiPlanarFullRange", FullYcbcr,
        [Y8, PlaneFormat::new("CbCr", 2, 2, 1)];

    /// `444v`: 8-bit Y'CbCr 4:4:4, video range, a plane of Y' and one of CbCr pairs; a carrier of 4:4:4
    /// video without loss.
    Nv24 = b"444v", "nv24", "444YpCbCr8BiPlanarVideoRange", VideoYcbcr,
        [Y8, PlaneFormat::new("CbCr", 2, 1, 1)];

    /// `444f`: as [`Nv24`](Self::Nv24), full range.
    Nv24Full = b"444f", "nv24-full", "444YpCbCr8BiPlanarFullRange", FullYcbcr,
        [Y8, PlaneFormat::new("CbCr", 2, 1, 1)];
}

impl PixelFormat {
    /// The format with this four-character code, the first character in the highest byte.
    ///
    /// # Errors
    /// [`UnknownFormat`] for a code that is not one of [`ALL`](Self::ALL).
    pub fn from_four_cc(four_cc: u32) -> Result<Self, UnknownFormat> {
        Self::find(|info| info.four_cc == four_cc).ok_or(UnknownFormat(Given::Code(four_cc)))
    }

    /// The four-character code, the first character in the highest byte: `0x4247_5241` for `BGRA`.
    #[must_use]
    pub fn four_cc(self) -> u32 {
        self.info().four_cc
    }

    /// The format's common name in lower case, for command lines and reports: `bgra8`, `nv12-full`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The constant of `CVPixelBuffer.h` for this format: `kCVPixelFormatType_32BGRA`.
    #[must_use]
    pub fn core_video_name(self) -> &'static str {
        self.info().core_video_name
    }

    /// The planes: 1 to [`MAX_PLANES`](crate::layout::MAX_PLANES). A format whose components lie together has 1
    /// (where IOSurface counts 0).
    #[must_use]
    pub fn planes(self) -> &'static [PlaneFormat] {
        self.info().planes
    }

    /// The number of planes: 1 to [`MAX_PLANES`](crate::layout::MAX_PLANES).
    #[must_use]
    pub fn plane_count(self) -> usize {
        self.planes().len()
    }

    /// Whether the samples are Y'CbCr, so that showing them takes a conversion to RGB.
    #[must_use]
    pub fn is_ycbcr(self) -> bool {
        self.info().samples != Direct
    }

    /// Whether the samples use the video range (for 8 bits luma 16 to 235, chroma 16 to 240).
    #[must_use]
    pub fn is_video_range(self) -> bool {
        self.info().samples == VideoYcbcr
    }

    fn info(self) -> &'static FormatInfo {
        &FORMATS[self as usize]
    }

    fn find(matches: impl Fn(&FormatInfo) -> bool) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| matches(format.info()))
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.four_cc().to_be_bytes();
        f.pad(std::str::from_utf8(&code).unwrap_or("????"))
    }
}

impl FromStr for PixelFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::find(|info| {
            text.as_bytes() == info.four_cc.to_be_bytes() || text.eq_ignore_ascii_case(info.name)
        })
        .ok_or_else(|| UnknownFormat(Given::Text(text.chars().take(MAX_SHOWN_CHARS).collect())))
    }
}

/// A four-character code or a name that is no format of [`PixelFormat::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat(Given);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Code(u32),
    /// The first characters of the text.
    Text(String),
}

/// How much of an unknown name an error repeats.
const MAX_SHOWN_CHARS: usize = 32;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Given::Code(code) => {
                write!(f, "unknown pixel format '{}' (0x{code:08x})", code.to_be_bytes().escape_ascii())?;
            }
            Given::Text(text) => write!(f, "unknown pixel format {text:?}")?,
        }
        f.write_str("; known are ")?;
        for (i, format) in PixelFormat::ALL.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{} ({format})", format.name())?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownFormat {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// The numbers of `CVPixelBuffer.h`, written out, so that the table is checked against them.
    #[test]
    fn codes_are_core_videos() {
        let expected = [
            (PixelFormat::Bgra8, 0x4247_5241, "BGRA"),
            (PixelFormat::Rgba8, 0x5247_4241, "RGBA"),
            (PixelFormat::Rgb10A2, 0x6c31_3072, "l10r"),
            (PixelFormat::Rgba16F, 0x5247_6841, "RGhA"),
            (PixelFormat::R8, 0x4c30_3038, "L008"),
            (PixelFormat::Rg8, 0x3243_3038, "2C08"),
            (PixelFormat::Nv12, 0x3432_3076, "420v"),
            (PixelFormat::Nv12Full, 0x3432_3066, "420f"),
            (PixelFormat::P010, 0x7834_3230, "x420"),
            (PixelFormat::I420, 0x7934_3230, "y420"),
            (PixelFormat::Nv16, 0x3432_3276, "422v"),
            (PixelFormat::Nv16Full, 0x3432_3266, "422f"),
            (PixelFormat::Nv24, 0x3434_3476, "444v"),
            (PixelFormat::Nv24Full, 0x3434_3466, "444f"),
        ];
        assert_eq!(PixelFormat::ALL.len(), expected.len());
        for (format, code, text) in expected {
            assert_eq!(format.four_cc(), code, "{text}");
            assert_eq!(format.to_string(), text);
        }
    }

    #[test]
    fn codes_and_names_lead_back() {
        for &format in PixelFormat::ALL {
            assert_eq!(PixelFormat::from_four_cc(format.four_cc()), Ok(format));
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(format.name().to_uppercase().parse(), Ok(format));
        }
    }

    #[test]
    fn nothing_is_named_twice() {
        let mut seen = HashSet::new();
        for format in PixelFormat::ALL {
            assert!(seen.insert(format.to_string()), "{format}");
            assert!(seen.insert(format.name().to_owned()), "{format}");
            assert!(seen.insert(format.core_video_name().to_owned()), "{format}");
        }
    }

    #[test]
    fn planes_are_sane() {
        for format in PixelFormat::ALL {
            assert!((1..=crate::layout::MAX_PLANES).contains(&format.plane_count()), "{format}");
            assert_eq!(format.is_ycbcr(), format.plane_count() > 1, "{format}");
            for plane in format.planes() {
                // Aligned rows hold whole elements only because both are powers of two.
                assert!(plane.bytes_per_element.is_power_of_two(), "{format}");
                assert!(matches!(plane.horizontal_subsampling, 1 | 2), "{format}");
                assert!(matches!(plane.vertical_subsampling, 1 | 2), "{format}");
            }
            assert_eq!(format.planes()[0].horizontal_subsampling, 1, "{format}");
            assert_eq!(format.planes()[0].vertical_subsampling, 1, "{format}");
        }
        assert!(PixelFormat::Nv12.is_video_range());
        assert!(!PixelFormat::Nv12Full.is_video_range());
        assert!(!PixelFormat::Bgra8.is_video_range());
    }

    #[test]
    fn display_obeys_the_width() {
        assert_eq!(format!("[{:>6}]", PixelFormat::Bgra8), "[  BGRA]");
    }

    #[test]
    fn unknown_formats_are_refused_with_what_is_known() {
        let error = PixelFormat::from_four_cc(u32::from_be_bytes(*b"DXT1")).unwrap_err().to_string();
        assert!(error.starts_with("unknown pixel format 'DXT1' (0x44585431); known are bgra8 (BGRA), "));
        assert!(error.ends_with("nv24-full (444f)"), "{error}");

        // Codes are exact: another case could be another format.
        for text in ["", "bgra", "rgbA", "420V", "nv13", " bgra8"] {
            let error = text.parse::<PixelFormat>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("unknown pixel format {text:?}; known")), "{error}");
        }
    }

    #[test]
    fn errors_never_repeat_control_characters_or_floods() {
        let error = PixelFormat::from_four_cc(0x0a1b_00ff).unwrap_err().to_string();
        assert!(error.starts_with(r"unknown pixel format '\n\x1b\x00\xff' (0x0a1b00ff)"), "{error}");
        let error = "\u{1b}é".repeat(100_000).parse::<PixelFormat>().unwrap_err().to_string();
        assert!(error.len() < 1000 && !error.contains('\u{1b}'), "{error}");
    }

    proptest! {
        #[test]
        fn any_code_is_known_or_refused(code: u32) {
            match PixelFormat::from_four_cc(code) {
                Ok(format) => prop_assert_eq!(format.four_cc(), code),
                Err(error) => {
                    let hex = format!("0x{code:08x}");
                    prop_assert!(error.to_string().contains(&hex));
                }
            }
        }
    }
}
