//! Where frames are shown: a real terminal and a real window.

#[allow(dead_code)]
mod program;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use program::{Folder, ended_with, figures, skip, surfaceport};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Both ends of a terminal of 80 × 24 characters.
fn terminal() -> (File, File) {
    let keyboard: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let screen = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    tcsetwinsize(&screen, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(keyboard), screen)
}

/// Runs the demonstration in a terminal, types `keys` once a picture is there, and gives what was on the screen
/// and the time that it took.
fn in_terminal(arguments: &[&str], keys: &[u8]) -> (String, Duration, i32) {
    let (mut keyboard, screen) = terminal();
    let start = Instant::now();
    let mut host = surfaceport(arguments)
        .stdin(screen.try_clone().unwrap())
        .stdout(screen.try_clone().unwrap())
        .stderr(screen)
        .spawn()
        .unwrap();
    let (mut seen, mut typed, mut piece) = (Vec::new(), keys.is_empty(), [0; 4096]);
    // The end of a terminal that nobody has open is an error.
    while let Ok(count @ 1..) = keyboard.read(&mut piece) {
        seen.extend_from_slice(&piece[..count]);
        // Before, the terminal would keep Ctrl-C to itself.
        if !typed && String::from_utf8_lossy(&seen).contains("q stops") {
            keyboard.write_all(keys).unwrap();
            typed = true;
        }
    }
    let status = host.wait().unwrap();
    (String::from_utf8_lossy(&seen).into_owned(), start.elapsed(), status.code().unwrap())
}

#[test]
fn a_terminal_shows_the_frames_and_is_given_back() {
    let (screen, _, status) = in_terminal(&["demo", "--seconds", "0.5", "--size", "320x180"], b"");
    assert_eq!(status, 0, "{screen}");
    assert!(screen.matches('▀').count() > 80 * 20 * 3, "several pictures of 80 × 22 blocks");
    assert!(screen.contains("\x1b[38;2;") && screen.contains("q stops"));
    let (_, after) = screen.rsplit_once("\x1b[?1049l").expect("the screen of before is back");
    assert!(after.contains("frames shown") && after.contains("bytes copied"), "{after}");
    assert!(screen.contains("\x1b[?25h"), "the cursor is back");
}

#[test]
fn a_key_stops_the_demonstration() {
    for key in [&b"q"[..], b"\x1b", b"\x03"] {
        let (screen, took, status) = in_terminal(&["demo", "--seconds", "60", "--size", "64x64"], key);
        assert_eq!(status, 0, "{screen}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert!(screen.contains("frames shown"));
    }
}

#[test]
fn without_pictures_there_is_a_progress_bar() {
    let arguments = ["demo", "--seconds", "0.5", "--size", "64x64", "--show", "none"];
    let (screen, _, status) = in_terminal(&arguments, b"");
    assert_eq!(status, 0);
    assert!(!screen.contains('▀') && screen.contains("/30 frames"), "{screen}");
}

#[test]
fn json_goes_to_a_terminal_without_pictures() {
    let (screen, _, status) = in_terminal(&["demo", "--seconds", "0.3", "--size", "64x64", "--json"], b"");
    assert_eq!(status, 0);
    assert!(!screen.contains('▀') && screen.contains("{\"presented\":"), "{screen}");
}

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
    let host = surfaceport(&["demo", "--seconds", "60", "--json"])
        .env("DISPLAY", &display.name)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut most = 0;
    while Instant::now() < deadline && most < 10_000 {
        std::thread::sleep(Duration::from_millis(50));
        most = most.max(display.screen().iter().filter(|&&pixel| pixel == 0x00FF_FFFF).count());
    }
    let id = Pid::from_raw(host.id() as i32).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let output = host.wait_with_output().unwrap();
    ended_with(&output, 0);
    assert!(most >= 10_000, "the number stood in large white letters on the screen, {most} pixels");
    let figures = figures(&output);
    assert_eq!(figures["bytes_copied"], 0, "{figures}");
}
