//! The demonstration from outside: two real processes, the figures, the PNG.

#[allow(dead_code)]
mod program;

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use program::{Folder, ended_with, figures, png, run, surfaceport, the_line};

const KEYS: [&str; 13] = [
    "presented",
    "shown",
    "dropped",
    "handoff_p50_ns",
    "handoff_p99_ns",
    "bytes_copied",
    "host_cpu_ms",
    "child_cpu_ms",
    "width",
    "height",
    "format",
    "mode",
    "images",
];

#[test]
fn the_figures_have_the_promised_keys_and_nothing_was_copied() {
    let output = run(&["demo", "--seconds", "1", "--size", "320x180", "--json"]);
    ended_with(&output, 0);
    let figures = figures(&output);
    let mut keys: Vec<&str> = figures.as_object().unwrap().keys().map(String::as_str).collect();
    let mut promised = KEYS;
    keys.sort_unstable();
    promised.sort_unstable();
    assert_eq!(keys, promised);
    assert_eq!(figures["bytes_copied"], 0, "{figures}");
    let count = |key: &str| figures[key].as_u64().unwrap();
    assert_eq!(count("shown") + count("dropped"), count("presented"), "{figures}");
    assert!((1..=60).contains(&count("presented")), "{figures}");
    assert!(count("handoff_p50_ns") > 0 && count("handoff_p50_ns") <= count("handoff_p99_ns"), "{figures}");
    assert_eq!((count("width"), count("height"), count("images")), (320, 180, 3));
    assert_eq!((figures["format"].as_str(), figures["mode"].as_str()), (Some("BGRA"), Some("mailbox")));
    assert!(output.stderr.is_empty(), "a pipe is no place for a progress bar");
}

#[test]
fn the_table_is_for_people() {
    let output = run(&["demo", "--seconds", "0.2", "--size", "64x64"]);
    ended_with(&output, 0);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["64 × 64 BGRA", "frames shown", "hand-off, median", "bytes copied", "CPU, child"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn every_mode_runs() {
    for (mode, images) in
        [("mailbox", "2"), ("mailbox", "16"), ("fifo", "2"), ("fifo", "3"), ("immediate", "1")]
    {
        let output = run(&[
            "demo",
            "--seconds",
            "0.3",
            "--size",
            "64x48",
            "--mode",
            mode,
            "--images",
            images,
            "--json",
        ]);
        ended_with(&output, 0);
        let figures = figures(&output);
        assert_eq!(figures["mode"], mode);
        assert_eq!(figures["images"].to_string(), images);
        assert_eq!(figures["bytes_copied"], 0, "{figures}");
        if mode == "fifo" {
            assert_eq!(figures["shown"], 18, "{figures}");
            assert_eq!(figures["dropped"], 0, "{figures}");
        }
    }
}

#[test]
fn the_png_is_the_last_frame() {
    let folder = Folder::new();
    let save = |name: &str, seconds: &str| {
        let path = folder.text(name);
        let size = "320x180";
        let output = run(&["demo", "--size", size, "--mode", "fifo", "--seconds", seconds, "--save", &path]);
        ended_with(&output, 0);
        png(&folder.path(name))
    };
    let (width, height, twelve) = save("a.png", "0.2");
    assert_eq!((width, height, twelve.len()), (320, 180, 320 * 180 * 4));
    assert!(twelve.chunks_exact(4).all(|pixel| pixel[3] == 255), "it is opaque");
    let white = twelve.chunks_exact(4).filter(|pixel| pixel[..3] == [255; 3]).count();
    assert!(white > 500, "the number stands there in large white letters, {white} pixels");
    assert_eq!(save("b.png", "0.2").2, twelve, "frame 12 looks the same every time");
    assert_ne!(save("c.png", "0.25").2, twelve, "frame 15 is another one");
}

#[test]
fn mailbox_mode_also_saves_the_very_last_frame() {
    let folder = Folder::new();
    let mut pictures = Vec::new();
    for (name, mode) in [("a.png", "mailbox"), ("b.png", "fifo")] {
        let path = folder.text(name);
        let output = run(&[
            "demo",
            "--size",
            "96x54",
            "--mode",
            mode,
            "--fps",
            "30",
            "--seconds",
            "0.5",
            "--save",
            &path,
        ]);
        ended_with(&output, 0);
        pictures.push(png(&folder.path(name)));
    }
    assert!(pictures[0] == pictures[1], "both show frame 15");
}

#[test]
fn a_png_that_cannot_be_written_is_told_in_one_line() {
    let output = run(&["demo", "--seconds", "0.1", "--size", "64x64", "--save", "/nowhere/at/all.png"]);
    ended_with(&output, 1);
    assert!(the_line(&output).contains("'/nowhere/at/all.png'"));
}

#[test]
fn a_display_that_is_not_there_is_told_or_done_without() {
    let arguments = ["demo", "--seconds", "0.1", "--size", "64x64", "--show"];
    let window = |show| surfaceport(&arguments).arg(show).env("DISPLAY", ":4242").output().unwrap();
    let output = window("window");
    ended_with(&output, 1);
    assert!(the_line(&output).contains("cannot open a window"));
    ended_with(&window("auto"), 0);
    let output = run(&["demo", "--seconds", "0.1", "--size", "64x64", "--show", "terminal"]);
    ended_with(&output, 1);
    assert!(the_line(&output).contains("standard output is not one"));
}

/// The child of a host, found by its parent's number.
#[cfg(target_os = "linux")]
fn child_of(host: &Child) -> Option<i32> {
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status =
            std::fs::read_to_string(PathBuf::from("/proc").join(id.to_string()).join("stat")).ok()?;
        let parent: u32 = status.rsplit(')').next()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
        (parent == host.id()).then_some(id)
    })
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_that_is_killed_is_told_at_once() {
    let mut host = surfaceport(&["demo", "--seconds", "60", "--size", "64x64", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let child = loop {
        assert!(Instant::now() < deadline && host.try_wait().unwrap().is_none(), "there is no child");
        if let Some(child) = child_of(&host) {
            break child;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    std::thread::sleep(Duration::from_millis(500));
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let killed = Instant::now();
    let output = host.wait_with_output().unwrap();
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    ended_with(&output, 1);
    assert!(the_line(&output).contains("signal 9"), "{}", the_line(&output));
    assert!(figures(&output)["shown"].as_u64().unwrap() > 0);
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_it_in_good_order() {
    use std::os::unix::process::CommandExt;
    let folder = Folder::new();
    for (input, status) in [(None, 0), (Some("-"), 1)] {
        let save = folder.text("out.png");
        let mut command = surfaceport(&["demo", "--json", "--seconds", "60", "--save", &save]);
        match input {
            // A pipe that never says anything.
            Some(input) => command.args(["--input", input]).stdin(Stdio::piped()),
            None => command.args(["--size", "64x64"]),
        };
        let mut host =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
        let pipe = host.stdin.take();
        std::thread::sleep(Duration::from_millis(700));
        // As a terminal does it: both processes get the signal.
        let group = rustix::process::Pid::from_raw(host.id() as i32).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
        let start = Instant::now();
        let output = host.wait_with_output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        drop(pipe);
        ended_with(&output, status);
        if input.is_none() {
            assert!(figures(&output)["shown"].as_u64().unwrap() > 0);
            assert_eq!(png(&folder.path("out.png")).0, 64);
        } else {
            assert!(the_line(&output).contains("before a frame came"));
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_that_is_killed_takes_its_child_along() {
    let mut host = surfaceport(&["demo", "--seconds", "60", "--size", "64x64"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let child = child_of(&host).expect("it runs");
    host.kill().unwrap();
    host.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        !matches!(stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next()), None | Some('Z'))
    };
    while alive() {
        assert!(Instant::now() < deadline, "the child is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
