//! Values that are attached to a surface under names and seen by every process that has it. What is read was written
//! by a peer.

use super::Surface;
use crate::error::{Error, Result};

/// The longest name of a value, in bytes.
const MAX_NAME: usize = 255;
/// IOSurface's name for the value that holds the colour space.
const COLOR_SPACE: &str = "IOSurfaceColorSpace";

/// Colour spaces that can be named on every system. They are attached by Core Graphics' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u32)]
pub enum ColorSpace {
    /// IEC 61966-2-1.
    Srgb = 1,
    /// sRGB primaries, linear, values outside of 0 to 1 allowed.
    ExtendedLinearSrgb,
    /// P3 primaries with sRGB's transfer function.
    DisplayP3,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020.
    Bt2020,
    /// ITU-R BT.2100 with the perceptual quantizer.
    Bt2100Pq,
    /// ITU-R BT.2100 with hybrid log-gamma.
    Bt2100Hlg,
}

/// Names as in `CGColorSpace.h`.
const COLOR_SPACE_NAMES: [(ColorSpace, &str); 7] = [
    (ColorSpace::Srgb, "kCGColorSpaceSRGB"),
    (ColorSpace::ExtendedLinearSrgb, "kCGColorSpaceExtendedLinearSRGB"),
    (ColorSpace::DisplayP3, "kCGColorSpaceDisplayP3"),
    (ColorSpace::Bt709, "kCGColorSpaceITUR_709"),
    (ColorSpace::Bt2020, "kCGColorSpaceITUR_2020"),
    (ColorSpace::Bt2100Pq, "kCGColorSpaceITUR_2100_PQ"),
    (ColorSpace::Bt2100Hlg, "kCGColorSpaceITUR_2100_HLG"),
];

/// Names that others give the same: those of `CGColorSpace.h` from before macOS 11.
const OLD_COLOR_SPACE_NAMES: [(ColorSpace, &str); 3] = [
    (ColorSpace::Bt2100Pq, "kCGColorSpaceITUR_2020_PQ"),
    (ColorSpace::Bt2100Pq, "kCGColorSpaceITUR_2020_PQ_EOTF"),
    (ColorSpace::Bt2100Hlg, "kCGColorSpaceITUR_2020_HLG"),
];

impl ColorSpace {
    /// The colour space of a number, as `as u32` gives it; `None` for 0 and for what is not known here.
    pub fn from_number(number: u32) -> Option<Self> {
        COLOR_SPACE_NAMES.iter().map(|(space, _)| *space).find(|space| *space as u32 == number)
    }
}

impl Surface {
    /// Attaches a value under a name of 1 to 255 bytes, replacing an earlier one. All processes see it. All values
    /// of a surface together have room in 28 KiB.
    ///
    /// Errors: [`Status::InvalidArgument`](crate::Status::InvalidArgument) for the name;
    /// [`Status::TooLarge`](crate::Status::TooLarge), when there is no room: the old values stay;
    /// [`Status::TimedOut`](crate::Status::TimedOut), when another process does not stop writing values.
    pub fn set_value(&self, name: &str, value: &[u8]) -> Result<()> {
        self.owner().check()?;
        check_name(name)?;
        self.system().set_value(name, value)
    }

    /// The value under a name, if there is one.
    ///
    /// Errors: [`Status::InvalidArgument`](crate::Status::InvalidArgument),
    /// [`Status::TimedOut`](crate::Status::TimedOut), as [`Self::set_value`].
    pub fn value(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.check_sight()?;
        check_name(name)?;
        self.system().value(name)
    }

    /// Takes the value under a name away; none is fine.
    ///
    /// Errors: as [`Self::set_value`].
    pub fn remove_value(&self, name: &str) -> Result<()> {
        self.owner().check()?;
        check_name(name)?;
        self.system().remove_value(name)
    }

    /// The names under which there are values. A name that is no UTF-8, which only a peer can have written, is
    /// left out.
    pub fn value_names(&self) -> Result<Vec<String>> {
        self.check_sight()?;
        self.system().value_names()
    }

    /// Says how the pixels' colours are meant; `None` takes that back.
    ///
    /// Errors: as [`Self::set_value`].
    pub fn set_color_space(&self, space: Option<ColorSpace>) -> Result<()> {
        let name = COLOR_SPACE_NAMES.iter().find(|(known, _)| Some(*known) == space);
        match name {
            Some((_, name)) => self.set_value(COLOR_SPACE, name.as_bytes()),
            None => self.remove_value(COLOR_SPACE),
        }
    }

    /// How the pixels' colours are meant; `None` if nobody said so, or by a name that is not known here.
    pub fn color_space(&self) -> Result<Option<ColorSpace>> {
        let value = self.value(COLOR_SPACE)?;
        let mut names = COLOR_SPACE_NAMES.iter().chain(&OLD_COLOR_SPACE_NAMES);
        let found = names.find(|(_, name)| value.as_deref() == Some(name.as_bytes()));
        Ok(found.map(|(space, _)| *space))
    }
}

fn check_name(name: &str) -> Result<()> {
    if (1..=MAX_NAME).contains(&name.len()) {
        Ok(())
    } else {
        Err(Error::invalid(format!(
            "the name of a surface's value has {} bytes, 1 to {MAX_NAME} are possible",
            name.len()
        )))
    }
}
