//! Where frames are shown: a real terminal.

#[allow(dead_code)]
mod program;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use program::surfaceport;
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

/// Runs the demonstration in a terminal in colours, types `keys` once a picture is there, and gives what was on the
/// screen and the time that it took.
fn in_terminal(arguments: &[&str], keys: &[u8]) -> (String, Duration, i32) {
    in_terminal_of_kind(&[("TERM", "xterm-256color")], arguments, keys)
}

/// The same in a terminal of which the environment says just this.
fn in_terminal_of_kind(kind: &[(&str, &str)], arguments: &[&str], keys: &[u8]) -> (String, Duration, i32) {
    let (mut keyboard, screen) = terminal();
    let start = Instant::now();
    let mut command = surfaceport(arguments);
    command.env_remove("TERM").env_remove("NO_COLOR");
    let mut host = command
        .envs(kind.iter().copied())
        .stdin(screen.try_clone().unwrap())
        .stdout(screen.try_clone().unwrap())
        .stderr(screen)
        .spawn()
        .unwrap();
    // It holds the terminal, whose end is what ends the reading.
    drop(command);
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

#[test]
fn a_terminal_that_knows_no_escape_sequences_gets_none() {
    for kind in [&[][..], &[("TERM", "dumb")], &[("TERM", "")], &[("TERM", "dumb"), ("NO_COLOR", "1")]] {
        let (screen, _, status) =
            in_terminal_of_kind(kind, &["demo", "--seconds", "0.2", "--size", "64x64"], b"");
        assert_eq!(status, 0, "{kind:?}: {screen}");
        assert!(!screen.contains('\x1b') && screen.starts_with("picture "), "{kind:?}: {screen:?}");
        let arguments = ["demo", "--seconds", "0.2", "--size", "64x64", "--show", "terminal"];
        let (screen, _, status) = in_terminal_of_kind(kind, &arguments, b"");
        assert_eq!(status, 1, "{kind:?}: {screen}");
        assert!(!screen.contains('\x1b') && screen.contains("no escape sequences"), "{kind:?}: {screen:?}");
        let (screen, _, _) = in_terminal_of_kind(kind, &["--help"], b"");
        assert!(!screen.contains('\x1b'), "{kind:?}: {screen:?}");
    }
}

#[test]
fn a_terminal_without_colours_gets_none() {
    for kind in [&[("TERM", "xterm-256color"), ("NO_COLOR", "1")][..], &[("TERM", "vt100")]] {
        let (screen, _, status) =
            in_terminal_of_kind(kind, &["demo", "--seconds", "0.5", "--size", "320x180"], b"");
        assert_eq!(status, 0, "{screen}");
        assert!(!screen.contains("\x1b[38") && !screen.contains("\x1b[48"), "{kind:?}: {screen:?}");
        assert!(screen.contains('@') && screen.contains("q stops"), "the number is white: {screen}");
        let (screen, _, _) = in_terminal_of_kind(kind, &["--help"], b"");
        assert!(!screen.contains("\x1b["), "{kind:?}: {screen:?}");
    }
}
