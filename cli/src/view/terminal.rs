//! The view in a terminal: two pixels a character, the upper one as the colour of a half block, the lower
//! one as its background. Where there shall be no colours, a character has the brightness of both.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::{cursor, execute, terminal};

use super::scale::{Scaler, fit};
use super::{View, Wish};
use crate::color::Painter;
use crate::failure::{Failure, Result};
use crate::picture::Planes;
use crate::screen::Screen;

/// A terminal that shows pictures until this is dropped.
pub(crate) struct Terminal {
    screen: Screen,
    scaler: Scaler,
    pixels: Vec<u32>,
    text: String,
    size: (u16, u16),
    started: Instant,
    shown: u64,
}

impl Terminal {
    /// Takes the whole terminal, which `screen` says what it can.
    pub(crate) fn open(screen: Screen) -> Result<Terminal> {
        if screen == Screen::Lines {
            let (why, remedy) = match io::stdout().is_terminal() {
                true => ("TERM says that it knows no escape sequences", "set TERM to what it is"),
                false => ("standard output is not one", "leave standard output alone"),
            };
            let remedy = format!("{remedy}, or use --show none");
            return Err(Failure::new("cannot show frames in the terminal", why, remedy));
        }
        let open = || {
            terminal::enable_raw_mode()?;
            execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
            terminal::size()
        };
        match open() {
            Ok(size) => Ok(Terminal {
                screen,
                scaler: Scaler::default(),
                pixels: Vec::new(),
                text: String::new(),
                size,
                started: Instant::now(),
                shown: 0,
            }),
            Err(error) => {
                restore();
                Err(failure(&error))
            }
        }
    }
}

impl View for Terminal {
    fn interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(33))
    }

    fn show(&mut self, number: u64, painter: &mut Painter, frame: &dyn Planes) -> Result<()> {
        let (columns, rows) = (u32::from(self.size.0.max(1)), u32::from(self.size.1.max(2)));
        let layout = *painter.layout();
        // The last row is for the line below the picture.
        let size = fit(layout.width, layout.height, (columns, (rows - 1) * 2));
        self.scaler.draw(painter, frame, size, &mut self.pixels)?;
        self.text.clear();
        match self.screen {
            Screen::Color => half_blocks(&self.pixels, size.0 as usize, &mut self.text),
            Screen::Plain | Screen::Lines => shades(&self.pixels, size.0 as usize, &mut self.text),
        }
        let rate = self.shown as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let line = format!("frame {number}, {rate:.1} frames a second, q stops");
        let line: String = line.chars().take(columns as usize).collect();
        // Home, picture, line, the rest of the screen empty; as one update where the terminal knows how.
        let _ = write!(self.text, "\x1b[0m{line}\x1b[J\x1b[?2026l");
        let mut out = io::stdout().lock();
        let put = out
            .write_all(b"\x1b[?2026h\x1b[H")
            .and_then(|()| out.write_all(self.text.as_bytes()))
            .and_then(|()| out.flush());
        put.map_err(|error| failure(&error))
    }

    fn tend(&mut self, shown: u64) -> Result<Wish> {
        self.shown = shown;
        while event::poll(Duration::ZERO).map_err(|error| failure(&error))? {
            match event::read().map_err(|error| failure(&error))? {
                Event::Resize(columns, rows) => self.size = (columns, rows),
                Event::Key(key) => {
                    let control_c =
                        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                    if control_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                        return Ok(Wish::Stop);
                    }
                }
                _ => {}
            }
        }
        Ok(Wish::Go)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was; what fails here has no better way out.
fn restore() {
    let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

fn failure(error: &io::Error) -> Failure {
    Failure::new("cannot show frames in the terminal", error, "use --show none")
}

/// Writes rows of `width` pixels as lines of half blocks; a colour is only said when it changes.
fn half_blocks(pixels: &[u32], width: usize, text: &mut String) {
    for pair in pixels.chunks(width * 2) {
        let (upper, lower) = pair.split_at(width);
        let mut colors = (None, None);
        for (x, &above) in upper.iter().enumerate() {
            let below = lower.get(x).copied();
            if colors.0 != Some(above) {
                let _ = write!(text, "\x1b[38;2;{}m", rgb(above));
            }
            if colors.1 != Some(below) {
                match below {
                    Some(below) => drop(write!(text, "\x1b[48;2;{}m", rgb(below))),
                    // An odd number of rows: nothing is below the last one.
                    None => text.push_str("\x1b[49m"),
                }
            }
            colors = (Some(above), Some(below));
            text.push('▀');
        }
        text.push_str("\x1b[0m\x1b[K\r\n");
    }
}

/// Writes rows of `width` pixels as lines of characters that are the darker the less ink they have.
fn shades(pixels: &[u32], width: usize, text: &mut String) {
    const INKS: &[u8] = b" .:-=+*#%@";
    for pair in pixels.chunks(width * 2) {
        let (upper, lower) = pair.split_at(width);
        for (x, &above) in upper.iter().enumerate() {
            let light = (luma(above) + lower.get(x).map_or(0, |&below| luma(below))) / 2;
            text.push(INKS[light as usize * INKS.len() / 256].into());
        }
        text.push_str("\x1b[K\r\n");
    }
}

/// The brightness of a pixel, 0 to 255.
fn luma(pixel: u32) -> u32 {
    let [blue, green, red, _] = pixel.to_le_bytes();
    (u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000
}

fn rgb(pixel: u32) -> String {
    let [blue, green, red, _] = pixel.to_le_bytes();
    format!("{red};{green};{blue}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_become_one_line_and_colours_are_said_once() {
        let mut text = String::new();
        half_blocks(&[0x0A0B0C, 0x0A0B0C, 0x010203, 0x010204], 2, &mut text);
        assert_eq!(text, "\x1b[38;2;10;11;12m\x1b[48;2;1;2;3m▀\x1b[48;2;1;2;4m▀\x1b[0m\x1b[K\r\n");
    }

    #[test]
    fn without_colours_there_are_shades() {
        let mut text = String::new();
        shades(&[0, 0x00FF_FFFF, 0, 0x00FF_FFFF, 0x00FF_FFFF, 0], 2, &mut text);
        assert_eq!(text, " @\x1b[K\r\n= \x1b[K\r\n");
    }

    #[test]
    fn an_odd_last_row_has_nothing_below() {
        let mut text = String::new();
        half_blocks(&[1, 2, 3], 1, &mut text);
        assert_eq!(text.matches('▀').count(), 2);
        assert!(text.contains("\x1b[49m▀"));
    }
}
