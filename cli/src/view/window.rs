//! The view in a window, on X11 or Wayland.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use minifb::{Key, ScaleMode, WindowOptions};

use super::scale::{Scaler, fit};
use super::{View, Wish};
use crate::color::Painter;
use crate::failure::{Failure, Result};
use crate::picture::{Layout, Planes};

/// The largest picture of a window; larger frames are shown smaller.
const LARGEST: (u32, u32) = (1280, 720);

/// Which display the environment names, if any.
pub(crate) fn display() -> Option<String> {
    ["WAYLAND_DISPLAY", "DISPLAY"].into_iter().find_map(|name| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        Some(format!("{name}={value}"))
    })
}

/// What to do about a window that cannot be opened.
pub(super) const REMEDY: &str =
    "start it where DISPLAY or WAYLAND_DISPLAY names a display, or use --show terminal or none";

/// Opens a window for frames of `layout`, or says why not.
pub(super) fn open(layout: &Layout) -> Result<Box<dyn View>, String> {
    Ok(Box::new(Window::open(layout)?))
}

/// An open window.
struct Window {
    window: minifb::Window,
    size: (u32, u32),
    scaler: Scaler,
    pixels: Vec<u32>,
}

impl Window {
    fn open(layout: &Layout) -> Result<Window, String> {
        if display().is_none() {
            return Err("neither DISPLAY nor WAYLAND_DISPLAY is set".into());
        }
        let size = fit(layout.width, layout.height, LARGEST);
        let options = WindowOptions {
            resize: true,
            scale_mode: ScaleMode::AspectRatioStretch,
            ..WindowOptions::default()
        };
        let open = || {
            let mut window = minifb::Window::new("surfaceport", size.0 as usize, size.1 as usize, options)?;
            // The first events make it load what it loads late.
            window.set_target_fps(0);
            window.update();
            Ok::<_, minifb::Error>(window)
        };
        let window = silent(open)?.map_err(|error| reason(&error.to_string()))?;
        Ok(Window { window, size, scaler: Scaler::default(), pixels: Vec::new() })
    }
}

impl View for Window {
    fn interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(15))
    }

    fn show(&mut self, number: u64, painter: &mut Painter, frame: &dyn Planes) -> Result<()> {
        self.scaler.draw(painter, frame, self.size, &mut self.pixels)?;
        if number % 30 == 1 {
            self.window.set_title(&format!("surfaceport: frame {number}"));
        }
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        self.window.update_with_buffer(&self.pixels, width, height).map_err(|error| {
            Failure::new("cannot draw into the window", error, "use --show terminal or --show none")
        })
    }

    fn tend(&mut self, _: u64) -> Result<Wish> {
        self.window.update();
        let stop =
            !self.window.is_open() || self.window.is_key_down(Key::Escape) || self.window.is_key_down(Key::Q);
        Ok(if stop { Wish::Stop } else { Wish::Go })
    }
}

/// Without the list of places where a library was looked for, and without what the caller says itself.
fn reason(error: &str) -> String {
    let end = error.find(": OpenError").unwrap_or(error.len());
    error[..end].trim_start_matches("Failed to create window: ").to_owned()
}

/// Does `work`, which panics when a library of the display that it loads late is not there.
fn silent<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("a library of the display is missing").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_short() {
        let error =
            "Failed to create window: failed to load Xlib: OpenError { kind: Library, detail: \"...\" }";
        assert_eq!(reason(error), "failed to load Xlib");
        assert_eq!(reason("Failed to create window: XOpenDisplay failed"), "XOpenDisplay failed");
    }

    #[test]
    fn a_panic_becomes_a_reason() {
        assert_eq!(silent(|| 5), Ok(5));
        assert_eq!(silent(|| -> () { panic!("no lib{}", "X11") }), Err("no libX11".into()));
    }
}
