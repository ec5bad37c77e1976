//! Where frames are shown on Linux: a real window.
#![cfg(target_os = "linux")]

#[allow(dead_code)]
mod program;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use program::{Folder, ended_with, figures, png, skip, surfaceport, the_line};
use rustix::process::{Pid, Signal, kill_process};

/// An X server without a screen; it is ended when this is dropped.
struct Display {
    server: std::process::Child,
    name: String,
    folder: Folder,
}

impl Display {
    fn start() -> Option<Display> {
        let folder = Folder::new();
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1400x800x24", "-nolisten", "tcp", "-fbdir"]);
        command.arg(folder.path("")).stdin(Stdio::null()).stdout(writer).stderr(Stdio::null());
        let server = command.spawn().ok()?;
        drop(command);
        let mut display = Display { server, name: String::new(), folder };
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).unwrap();
        display.name = format!(":{}", line.trim());
        Some(display)
    }

    /// What is on the screen: pixels 0x00RRGGBB in rows of 1400.
    fn screen(&self) -> Vec<u32> {
        let bytes = std::fs::read(self.folder.path("Xvfb_screen0")).unwrap();
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        // A window dump: the header's length, then 24 numbers on, that of the colour map.
        let start = number(0) + number(19 * 4) * 12;
        let pixel = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap()) & 0x00FF_FFFF;
        bytes[start..].chunks_exact(4).map(pixel).collect()
    }

    /// The demonstration, shown there.
    fn host(&self, arguments: &[&str]) -> std::process::Child {
        surfaceport(&["demo", "--seconds", "60", "--json"])
            .args(arguments)
            .env("DISPLAY", &self.name)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits until the number of a frame is on the screen, and gives how many white pixels there are.
    fn white(&self) -> usize {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut most = 0;
        while Instant::now() < deadline && most < 10_000 {
            std::thread::sleep(Duration::from_millis(50));
            most = most.max(self.screen().iter().filter(|&&pixel| pixel == 0x00FF_FFFF).count());
        }
        most
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_window_shows_the_frames() {
    const NAME: &str = "a_window_shows_the_frames";
    let Some(display) = Display::start() else {
        return skip(NAME, "there is no X server without a screen; install Debian's package xvfb");
    };
    let host = display.host(&[]);
    let most = display.white();
    let id = Pid::from_raw(host.id() as i32).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let output = host.wait_with_output().unwrap();
    ended_with(&output, 0);
    assert!(most >= 10_000, "the number stood in large white letters on the screen, {most} pixels");
    let figures = figures(&output);
    assert_eq!(figures["bytes_copied"], 0, "{figures}");
}

#[test]
fn a_display_that_goes_away_does_not_take_the_figures_along() {
    const NAME: &str = "a_display_that_goes_away_does_not_take_the_figures_along";
    for signal in [Signal::TERM, Signal::KILL] {
        let Some(mut display) = Display::start() else {
            return skip(NAME, "there is no X server without a screen; install Debian's package xvfb");
        };
        let save = display.folder.text("out.png");
        let host = display.host(&["--save", &save]);
        assert!(display.white() >= 10_000, "there is a window");
        kill_process(Pid::from_raw(display.server.id() as i32).unwrap(), signal).unwrap();
        display.server.wait().unwrap();
        let start = Instant::now();
        let output = host.wait_with_output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(20), "it ends at once");
        ended_with(&output, 1);
        assert!(the_line(&output).contains("the display is gone"), "{}", the_line(&output));
        let figures = figures(&output);
        assert!(figures["shown"].as_u64().unwrap() > 0 && figures["bytes_copied"] == 0, "{figures}");
        assert!(figures["child_cpu_ms"].is_number(), "the child ended in good order: {figures}");
        assert_eq!(png(display.folder.path("out.png").as_ref()).0, 1280);
    }
}

#[test]
fn a_display_that_does_not_answer_does_not_hold_the_program() {
    const NAME: &str = "a_display_that_does_not_answer_does_not_hold_the_program";
    let Some(display) = Display::start() else {
        return skip(NAME, "there is no X server without a screen; install Debian's package xvfb");
    };
    let host = display.host(&[]);
    assert!(display.white() >= 10_000, "there is a window");
    kill_process(Pid::from_raw(display.server.id() as i32).unwrap(), Signal::STOP).unwrap();
    kill_process(Pid::from_raw(host.id() as i32).unwrap(), Signal::INT).unwrap();
    let output = host.wait_with_output().unwrap();
    ended_with(&output, 0);
    assert!(figures(&output)["shown"].as_u64().unwrap() > 0);
}
