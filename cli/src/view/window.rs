//! The view in a window, on X11 or Wayland.
//!
//! The window has a thread of its own, which alone calls the libraries of the display. Xlib ends the process when its
//! server is gone, unless that thread never comes back from the call which says so; then it stays there, and the rest of
//! the program goes on without it.

use std::os::raw::c_int;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use minifb::{Key, ScaleMode, WindowOptions};
use x11_dl::xlib::{Display, XErrorEvent, Xlib};

use super::scale::{Scaler, fit};
use super::{View, Wish};
use crate::color::Painter;
use crate::failure::{Failure, Result};
use crate::newest::{Found, Newest};
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

/// How often the window is looked after, and how often its thread.
const LOOK: Duration = Duration::from_millis(10);
/// How long the thread may take to close the window.
const PATIENCE: Duration = Duration::from_secs(1);
/// The name of the window's thread.
const THREAD: &str = "window";

/// Whether the X server is gone, or refused something. Xlib hands its handlers nothing of ours.
static LOST: AtomicBool = AtomicBool::new(false);

/// A frame for the window.
struct Picture {
    number: u64,
    pixels: Vec<u32>,
}

/// What the window's thread says.
enum Said {
    /// The window is there.
    Open,
    /// The user closed it or pressed a key.
    Stop,
    /// It cannot be opened or drawn into.
    Failed(String),
}

/// An open window, seen from outside of its thread.
struct Window {
    pictures: Arc<Newest<Picture>>,
    said: Receiver<Said>,
    size: (u32, u32),
    scaler: Scaler,
}

impl Window {
    fn open(layout: &Layout) -> Result<Window, String> {
        if display().is_none() {
            return Err("neither DISPLAY nor WAYLAND_DISPLAY is set".into());
        }
        let size = fit(layout.width, layout.height, LARGEST);
        let pictures = Arc::new(Newest::new());
        let (say, said) = channel();
        let window = Window { pictures: pictures.clone(), said, size, scaler: Scaler::default() };
        silence();
        let run = move || {
            let (width, height) = (size.0 as usize, size.1 as usize);
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(width, height, &pictures, &say)));
            if let Err(reason) = outcome.unwrap_or_else(|panic| Err(panic_text(&*panic))) {
                // Without the other side nobody needs to know.
                let _ = say.send(Said::Failed(reason));
            }
        };
        thread::Builder::new().name(THREAD.into()).spawn(run).map_err(|error| error.to_string())?;
        loop {
            match window.hear(LOOK)? {
                Some(Said::Open) => return Ok(window),
                Some(Said::Failed(reason)) => return Err(reason),
                Some(Said::Stop) | None => {}
            }
        }
    }

    /// What the thread says within a time; an error if it cannot say anything any more.
    fn hear(&self, patience: Duration) -> Result<Option<Said>, String> {
        let lost = || LOST.load(Ordering::Relaxed).then(|| "the display is gone".to_owned());
        match self.said.recv_timeout(patience) {
            Ok(said) => Ok(Some(said)),
            Err(RecvTimeoutError::Timeout) => lost().map_or(Ok(None), Err),
            Err(RecvTimeoutError::Disconnected) => {
                Err(lost().unwrap_or_else(|| "the window is closed".into()))
            }
        }
    }
}

impl View for Window {
    fn interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(15))
    }

    fn show(&mut self, number: u64, painter: &mut Painter, frame: &dyn Planes) -> Result<()> {
        let mut pixels = Vec::new();
        self.scaler.draw(painter, frame, self.size, &mut pixels)?;
        self.pictures.put(Picture { number, pixels });
        Ok(())
    }

    fn tend(&mut self, _: u64) -> Result<Wish> {
        let failed = |reason| {
            Failure::new("cannot draw into the window", reason, "use --show terminal or --show none")
        };
        match self.hear(Duration::ZERO).map_err(failed)? {
            Some(Said::Failed(reason)) => Err(failed(reason)),
            Some(Said::Stop) => Ok(Wish::Stop),
            Some(Said::Open) | None => Ok(Wish::Go),
        }
    }
}

impl Drop for Window {
    /// Closes the window. A thread that the display does not answer is left behind.
    fn drop(&mut self) {
        self.pictures.close();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && self.hear(LOOK).is_ok() {}
    }
}

/// The window's thread: shows pictures until there are no more.
fn run(width: usize, height: usize, pictures: &Newest<Picture>, say: &Sender<Said>) -> Result<(), String> {
    catch_errors();
    let options =
        WindowOptions { resize: true, scale_mode: ScaleMode::AspectRatioStretch, ..WindowOptions::default() };
    let mut window = minifb::Window::new("surfaceport", width, height, options)
        .map_err(|error| reason(&error.to_string()))?;
    // The first events make it load what it loads late.
    window.set_target_fps(0);
    window.update();
    let mut asked = false;
    let mut open = say.send(Said::Open).is_ok();
    while open {
        match pictures.take(LOOK) {
            Found::Nothing => window.update(),
            Found::Closed => open = false,
            Found::New(Picture { number, pixels }) => {
                if number % 30 == 1 {
                    window.set_title(&format!("surfaceport: frame {number}"));
                }
                window.update_with_buffer(&pixels, width, height).map_err(|error| error.to_string())?;
            }
        }
        let stop = !window.is_open() || window.is_key_down(Key::Escape) || window.is_key_down(Key::Q);
        if stop && !asked {
            asked = true;
            open &= say.send(Said::Stop).is_ok();
        }
    }
    Ok(())
}

/// Keeps Xlib from ending the process. Where there is no Xlib, nothing calls it.
#[allow(unsafe_code)]
fn catch_errors() {
    unsafe extern "C" fn gone(_: *mut Display) -> c_int {
        LOST.store(true, Ordering::Relaxed);
        // Xlib ends the process as soon as this returns.
        loop {
            thread::park();
        }
    }
    unsafe extern "C" fn refused(_: *mut Display, _: *mut XErrorEvent) -> c_int {
        LOST.store(true, Ordering::Relaxed);
        0
    }
    if let Ok(xlib) = Xlib::open() {
        // SAFETY: both functions have the types that Xlib declares, live as long as the process, and do nothing but
        // store into an atomic and wait. No other thread calls Xlib.
        unsafe {
            (xlib.XSetIOErrorHandler)(Some(gone));
            (xlib.XSetErrorHandler)(Some(refused));
        }
    }
}

/// Without the list of places where a library was looked for, and without what the caller says itself.
fn reason(error: &str) -> String {
    let end = error.find(": OpenError").unwrap_or(error.len());
    error[..end].trim_start_matches("Failed to create window: ").to_owned()
}

/// Panics of the window's thread, which minifb has for a library that it loads late, are told by `Said::Failed` alone.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() != Some(THREAD) {
                hook(panic);
            }
        }));
    });
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a library of the display is missing").to_owned()
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
        let text = |work: fn()| panic_text(&*panic::catch_unwind(work).unwrap_err());
        assert_eq!(text(|| panic!("no lib{}", "X11")), "no libX11");
        assert_eq!(text(|| panic!("no library")), "no library");
    }
}
