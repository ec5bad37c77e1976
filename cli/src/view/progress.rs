//! The view that shows no pictures: a bar on standard error, and nothing if that is no terminal that can move its
//! cursor.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{View, Wish};
use crate::color::Painter;
use crate::failure::Result;
use crate::picture::Planes;
use crate::screen::Screen;

/// How many frames have come.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for `total` frames, or a count if nobody knows how many will come.
    pub(crate) fn new(total: Option<u64>) -> Progress {
        let (bar, form) = match total {
            Some(total) => (ProgressBar::new(total), "{bar:40} {pos}/{len} frames, {per_sec}"),
            None => (ProgressBar::no_length(), "{spinner} {pos} frames, {per_sec}"),
        };
        if Screen::of(&std::io::stderr()) == Screen::Lines {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        Progress { bar }
    }
}

impl View for Progress {
    fn interval(&self) -> Option<Duration> {
        None
    }

    fn show(&mut self, _: u64, _: &mut Painter, _: &dyn Planes) -> Result<()> {
        Ok(())
    }

    fn tend(&mut self, shown: u64) -> Result<Wish> {
        self.bar.set_position(shown);
        Ok(Wish::Go)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
