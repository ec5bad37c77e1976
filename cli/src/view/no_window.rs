//! In the place of the window, on systems where this program opens none.

use super::View;
use crate::picture::Layout;

/// What to do about a window that cannot be opened.
pub(super) const REMEDY: &str = "use --show terminal or none";

/// There is no display for this program.
pub(crate) fn display() -> Option<String> {
    None
}

/// Says why not.
pub(super) fn open(_: &Layout) -> Result<Box<dyn View>, String> {
    Err("this program opens windows on Linux only".into())
}
