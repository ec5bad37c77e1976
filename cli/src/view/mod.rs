//! Where the host shows the frames: a window, the terminal, or a progress bar.
//!
//! A view runs at its own pace beside the acquisition and sees the newest frame only, so that a slow
//! display or terminal drops pictures of its own and never one of the swapchain.

mod progress;
mod scale;
mod terminal;
#[cfg(target_os = "linux")]
mod window;
#[cfg(not(target_os = "linux"))]
#[path = "no_window.rs"]
mod window;

use std::time::Duration;

use crate::color::Painter;
use crate::failure::{Failure, Result};
use crate::picture::{Layout, Planes};
use crate::screen::Screen;

pub(crate) use window::display;

/// Where to show frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Show {
    /// A window if a display is there, else the terminal if standard output is one that can, else progress.
    Auto,
    /// A window.
    Window,
    /// The terminal, in true colour; in shades if NO_COLOR is set.
    Terminal,
    /// Nowhere: a progress bar if standard error is a terminal.
    None,
}

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Go on.
    Go,
    /// Stop: the window was closed, or a key pressed.
    Stop,
}

/// A place where frames are shown.
pub(crate) trait View {
    /// The time between two pictures, or nothing if it wants none.
    fn interval(&self) -> Option<Duration>;

    /// Shows frame `number`.
    fn show(&mut self, number: u64, painter: &mut Painter, frame: &dyn Planes) -> Result<()>;

    /// Looks after keys and the window; `shown` frames have been acquired so far. It is called often.
    fn tend(&mut self, shown: u64) -> Result<Wish>;
}

/// Opens the place that `show` names for frames of `layout`, of which `total` will come if that is known.
/// `quiet` says that standard output is for a program, so that no picture may go there by itself.
pub(crate) fn open(show: Show, layout: &Layout, total: Option<u64>, quiet: bool) -> Result<Box<dyn View>> {
    let screen = Screen::of(&std::io::stdout());
    match show {
        Show::Window => {
            return window::open(layout)
                .map_err(|why| Failure::new("cannot open a window", why, window::REMEDY));
        }
        Show::Terminal => return Ok(Box::new(terminal::Terminal::open(screen)?)),
        Show::None => {}
        Show::Auto => {
            if display().is_some()
                && let Ok(window) = window::open(layout)
            {
                return Ok(window);
            }
            if !quiet && screen > Screen::Lines {
                return Ok(Box::new(terminal::Terminal::open(screen)?));
            }
        }
    }
    Ok(Box::new(progress::Progress::new(total)))
}
