//! An X server without a screen, and the hands and eyes of a user in front of it.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, ImageFormat, InputFocus,
    KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MOTION_NOTIFY_EVENT, MapState, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

/// The server's program.
pub(crate) const SERVER: &str = "Xvfb";

/// The space bar, in the key map that the server begins with.
const SPACE: u8 = 65;

/// An X server; it is ended when this is dropped.
pub(crate) struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts a server on a display that is free.
    pub(crate) fn start() -> Result<Display> {
        let mut server = Command::new(SERVER)
            .args(["-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {SERVER}"))?;
        let output = server.stdout.take();
        let mut display = Display { server, name: String::new() };
        let mut line = String::new();
        BufReader::new(output.context("no output")?).read_line(&mut line)?;
        if line.trim().is_empty() {
            bail!("{SERVER} has not said which display it is");
        }
        display.name = format!(":{}", line.trim());
        Ok(display)
    }

    /// What `DISPLAY` must be for its programs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A user of it.
    pub(crate) fn user(&self) -> Result<User> {
        let (connection, screen) = x11rb::connect(Some(&self.name))
            .with_context(|| format!("cannot connect to display {}", self.name))?;
        let root = connection.setup().roots[screen].root;
        Ok(User { connection, root })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Somebody who moves the pointer, presses keys, manages windows and looks at the screen.
pub(crate) struct User {
    connection: RustConnection,
    root: Window,
}

impl User {
    /// The window that has this title and can be seen.
    pub(crate) fn find(&self, title: &str) -> Result<Option<Window>> {
        for window in self.connection.query_tree(self.root)?.reply()?.children {
            // A window can be gone before it has answered.
            let name =
                self.connection.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64)?;
            let state = self.connection.get_window_attributes(window)?;
            let is_named = name.reply().is_ok_and(|name| name.value == title.as_bytes());
            if is_named && state.reply().is_ok_and(|state| state.map_state == MapState::VIEWABLE) {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    /// The process that says that the window is its own.
    pub(crate) fn process_of(&self, window: Window) -> Result<u32> {
        let atom = self.connection.intern_atom(false, b"_NET_WM_PID")?.reply()?.atom;
        let reply = self.connection.get_property(false, window, atom, AtomEnum::CARDINAL, 0, 1)?.reply()?;
        reply.value32().and_then(|mut values| values.next()).context("the window names no process")
    }

    /// Lets the window have the keys, as a window manager would.
    pub(crate) fn focus(&self, window: Window) -> Result<()> {
        self.connection.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME)?.check()?;
        Ok(())
    }

    /// Moves the pointer to this place in the window.
    pub(crate) fn point(&self, window: Window, x: i16, y: i16) -> Result<()> {
        let place = self.connection.translate_coordinates(window, self.root, x, y)?.reply()?;
        let (x, y) = (place.dst_x, place.dst_y);
        self.connection.xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, x, y, 0)?.check()?;
        Ok(())
    }

    /// Presses the space bar.
    pub(crate) fn press_space(&self) -> Result<()> {
        for event in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
            self.connection.xtest_fake_input(event, SPACE, 0, self.root, 0, 0, 0)?.check()?;
        }
        Ok(())
    }

    /// Gives the window another size.
    pub(crate) fn resize(&self, window: Window, width: u32, height: u32) -> Result<()> {
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.connection.configure_window(window, &size)?.check()?;
        Ok(())
    }

    /// Asks the window to close, as its button would.
    pub(crate) fn close(&self, window: Window) -> Result<()> {
        let protocols = self.connection.intern_atom(false, b"WM_PROTOCOLS")?.reply()?.atom;
        let delete = self.connection.intern_atom(false, b"WM_DELETE_WINDOW")?.reply()?.atom;
        let event = ClientMessageEvent::new(32, window, protocols, [delete, x11rb::CURRENT_TIME, 0, 0, 0]);
        self.connection.send_event(false, window, EventMask::NO_EVENT, event)?.check()?;
        Ok(())
    }

    /// What the window shows now.
    pub(crate) fn look(&self, window: Window) -> Result<Picture> {
        let size = self.connection.get_geometry(window)?.reply()?;
        let (width, height) = (size.width, size.height);
        let image = self.connection.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, !0)?;
        let bytes = image.reply()?.data;
        let (width, height) = (usize::from(width), usize::from(height));
        if bytes.len() != width * height * 4 {
            bail!("a window of {width} x {height} has {} bytes", bytes.len());
        }
        let pixel = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
        Ok(Picture { width, height, pixels: bytes.chunks_exact(4).map(pixel).collect() })
    }
}

/// What a window shows.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 0x00RRGGBB, row by row.
    pixels: Vec<u32>,
}

impl Picture {
    /// The pixel at this place.
    pub(crate) fn at(&self, x: usize, y: usize) -> u32 {
        self.pixels[y * self.width + x]
    }

    /// Writes a PNG file.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let (width, height) = (u32::try_from(self.width)?, u32::try_from(self.height)?);
        let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
        encoder.set_color(png::ColorType::Rgb);
        let bytes: Vec<u8> = self.pixels.iter().flat_map(|pixel| pixel.to_be_bytes()[1..].to_vec()).collect();
        encoder.write_header()?.write_image_data(&bytes)?;
        Ok(())
    }
}
