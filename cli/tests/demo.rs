//! The demonstration from outside: two real processes, the figures, the PNG.

#[allow(dead_code)]
mod program;

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use program::{Folder, ended_with, figures, png, run, skip, stream, surfaceport, the_line};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

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
#[cfg(target_os = "linux")]
fn a_program_and_files_whose_names_are_no_text_are_as_good() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let strange = folder.path("").join(OsStr::from_bytes(b"\xff\xfe \n"));
    std::fs::create_dir(&strange).unwrap();
    let (program, usual) = (strange.join("program"), surfaceport(&[]).get_program().to_owned());
    std::fs::hard_link(&usual, &program).or_else(|_| std::fs::copy(&usual, &program).map(drop)).unwrap();
    let name = |name: &str| strange.join(name);
    let run = |arguments: &[&OsStr]| {
        let mut command = std::process::Command::new(&program);
        command.args(["demo", "--json", "--show", "none"]).args(arguments).stdin(Stdio::null());
        command.output().unwrap()
    };
    let size = OsStr::new("--size=64x64");
    let output = run(&[size, "--seconds=0.2".as_ref(), "--record".as_ref(), name("a.y4m").as_ref()]);
    ended_with(&output, 0);
    assert_eq!(figures(&output)["bytes_copied"], 0, "{}", figures(&output));
    let [input, save] = [name("a.y4m"), name("a.png")];
    let output = run(&["--input".as_ref(), input.as_ref(), "--save".as_ref(), save.as_ref()]);
    ended_with(&output, 0);
    assert_eq!(figures(&output)["bytes_copied"], 0, "{}", figures(&output));
    assert_eq!(png(&save).0, 64);
}

#[test]
#[cfg(target_os = "linux")]
fn processor_time_counts_from_the_program_s_start() {
    // The shell works for two seconds, then the program takes its place, as it does with cargo.
    let work = r#"while read -r line < /proc/$$/stat; set -- ${line##*)}; test $((${12} + ${13})) -lt 200; do :; done
                  exec "$0" demo --seconds 0.1 --size 64x64 --json"#;
    let program = surfaceport(&[]).get_program().to_owned();
    let output = std::process::Command::new("sh").arg("-c").arg(work).arg(program).output().unwrap();
    ended_with(&output, 0);
    let time = |key: &str| figures(&output)[key].as_f64().unwrap();
    assert!((0.1..1000.0).contains(&time("host_cpu_ms")), "{} ms", time("host_cpu_ms"));
    assert!((0.1..1000.0).contains(&time("child_cpu_ms")), "{} ms", time("child_cpu_ms"));
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
            assert_eq!(figures["shown"], figures["presented"], "{figures}");
            assert_eq!(figures["dropped"], 0, "{figures}");
        }
    }
}

#[test]
fn the_png_is_the_last_frame() {
    let folder = Folder::new();
    let save = |name: &str, seconds: &str| {
        // A recording has every frame, however slow the machine is.
        let (save, record) = (folder.text(name), folder.text("out.y4m"));
        let arguments =
            ["demo", "--size", "320x180", "--seconds", seconds, "--save", &save, "--record", &record];
        ended_with(&run(&arguments), 0);
        png(&folder.path(name))
    };
    let (width, height, twelve) = save("a.png", "0.2");
    assert_eq!((width, height, twelve.len()), (320, 180, 320 * 180 * 4));
    assert!(twelve.chunks_exact(4).all(|pixel| pixel[3] == 255), "it is opaque");
    let white = twelve.chunks_exact(4).filter(|pixel| pixel[..3] == [255; 3]).count();
    assert!(white > 500, "the number stands there in large white letters, {white} pixels");
    assert!(save("b.png", "0.2").2 == twelve, "frame 12 looks the same every time");
    assert!(save("c.png", "0.25").2 != twelve, "frame 15 is another one");
}

#[test]
fn every_mode_saves_the_very_last_frame() {
    let folder = Folder::new();
    let mut bytes = b"YUV4MPEG2 W4 H4 F500:1 C444 XCOLORRANGE=FULL\n".to_vec();
    for luma in 1..=100 {
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend_from_slice(&[luma; 16]);
        bytes.extend_from_slice(&[128; 32]);
    }
    std::fs::write(folder.path("in.y4m"), bytes).unwrap();
    for mode in ["mailbox", "fifo", "immediate"] {
        let (input, save) = (folder.text("in.y4m"), folder.text("out.png"));
        ended_with(&run(&["demo", "--input", &input, "--mode", mode, "--save", &save]), 0);
        let (_, _, pixels) = png(&folder.path("out.png"));
        assert_eq!(pixels[..4], [100, 100, 100, 255], "{mode}");
    }
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
            std::fs::read_to_string(std::path::PathBuf::from("/proc").join(id.to_string()).join("stat"))
                .ok()?;
        let parent: u32 = status.rsplit(')').next()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
        (parent == host.id()).then_some(id)
    })
}

/// The child of a host, found by the system's own program for that.
#[cfg(target_os = "macos")]
fn child_of(host: &Child) -> Option<i32> {
    let found = std::process::Command::new("pgrep").args(["-P", &host.id().to_string()]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().lines().next()?.parse().ok()
}

/// Whether a host's child can be found here; if not, the test is skipped.
fn children_can_be_found(test: &str) -> bool {
    let found =
        cfg!(target_os = "linux") || std::process::Command::new("pgrep").args(["-P", "0"]).output().is_ok();
    if !found {
        skip(test, "there is no pgrep to find a child with");
    }
    found
}

/// Whether a process is there that is no zombie.
fn is_alive(process: i32) -> bool {
    if cfg!(target_os = "linux") {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !matches!(stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next()), None | Some('Z'))
    } else {
        test_kill_process(Pid::from_raw(process).unwrap()).is_ok()
    }
}

/// A host that records three frames of a pipe that then says nothing more.
struct Waiting {
    host: Child,
    pipe: std::process::ChildStdin,
    bytes: Vec<u8>,
    folder: Folder,
}

impl Waiting {
    fn start() -> Waiting {
        Waiting::start_as(surfaceport(&[]))
    }

    /// Starts it by a command that takes its arguments.
    fn start_as(mut command: std::process::Command) -> Waiting {
        use std::os::unix::process::CommandExt;
        let folder = Folder::new();
        let bytes = stream("W640 H640 F25:1 C444", 640 * 640 * 3, 3);
        let (record, save) = (folder.text("out.y4m"), folder.text("out.png"));
        let mut host = command
            .args(["demo", "--input", "-", "--record", &record, "--save", &save, "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut pipe = host.stdin.take().unwrap();
        pipe.write_all(&bytes).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        // It gets its name when it is whole.
        let recorded = || {
            let files = std::fs::read_dir(folder.path("")).unwrap().flatten();
            files.filter_map(|file| file.metadata().ok()).map(|found| found.len()).max().unwrap_or(0)
        };
        while recorded() < 2 * bytes.len() as u64 / 3 {
            assert!(Instant::now() < deadline && host.try_wait().unwrap().is_none(), "no frame came");
            std::thread::sleep(Duration::from_millis(10));
        }
        // The third frame is on its way.
        std::thread::sleep(Duration::from_millis(300));
        Waiting { host, pipe, bytes, folder }
    }

    /// Waits for the host, which has to end by itself and at once; what was recorded is whole.
    fn end(self) -> std::process::Output {
        let start = Instant::now();
        let output = self.host.wait_with_output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        drop(self.pipe);
        assert!(
            std::fs::read(self.folder.path("out.y4m")).unwrap() == self.bytes,
            "three frames are recorded"
        );
        assert_eq!(png(&self.folder.path("out.png")).0, 640);
        assert_eq!(figures(&output)["shown"], 3);
        assert_eq!(std::fs::read_dir(self.folder.path("")).unwrap().count(), 2, "nothing else is left");
        output
    }

    fn id(&self) -> Pid {
        Pid::from_raw(self.host.id() as i32).unwrap()
    }
}

#[test]
fn a_child_that_is_killed_is_told_at_once_and_its_frames_are_kept() {
    if !children_can_be_found("a_child_that_is_killed_is_told_at_once_and_its_frames_are_kept") {
        return;
    }
    let waiting = Waiting::start();
    kill_process(Pid::from_raw(child_of(&waiting.host).unwrap()).unwrap(), Signal::KILL).unwrap();
    let output = waiting.end();
    ended_with(&output, 1);
    assert!(the_line(&output).contains("signal 9"), "{}", the_line(&output));
}

#[test]
fn ctrl_c_ends_it_in_good_order() {
    let waiting = Waiting::start();
    // As a terminal does it: both processes get the signal.
    kill_process_group(Pid::from_raw(waiting.host.id() as i32).unwrap(), Signal::INT).unwrap();
    ended_with(&waiting.end(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn each_signal_that_ends_programs_ends_it_in_good_order() {
    let to_host = [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::ALARM, Signal::USR1, Signal::USR2];
    let to_host = to_host.into_iter().chain([Signal::VTALARM, Signal::PROF, Signal::XCPU]);
    let to_both = [Signal::TERM, Signal::HUP, Signal::QUIT].into_iter();
    for (signal, both) in to_host.map(|signal| (signal, false)).chain(to_both.map(|signal| (signal, true))) {
        let waiting = Waiting::start();
        let child = child_of(&waiting.host).unwrap();
        kill_process(waiting.id(), signal).unwrap();
        if both {
            // As `timeout` does it: the host gets it twice.
            kill_process_group(waiting.id(), signal).unwrap();
        }
        ended_with(&waiting.end(), 0);
        assert!(!is_alive(child), "{signal:?}: the child is still there");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_that_is_asked_to_end_ends_in_good_order() {
    let host = surfaceport(&["demo", "--seconds", "60", "--size", "64x64", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let child = loop {
        let catches = |child: &i32| {
            let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << 14 != 0)
        };
        // It has a channel to the host a moment later.
        match child_of(&host).filter(catches) {
            Some(child) => break child,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    kill_process(Pid::from_raw(child).unwrap(), Signal::TERM).unwrap();
    let output = host.wait_with_output().unwrap();
    ended_with(&output, 0);
    assert!(figures(&output)["presented"].as_u64().unwrap() < 3600);
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", r#"trap "" HUP INT; exec "$0" "$@""#]).arg(surfaceport(&[]).get_program());
    let mut waiting = Waiting::start_as(command);
    for signal in [Signal::HUP, Signal::INT] {
        kill_process_group(waiting.id(), signal).unwrap();
    }
    // What comes now is recorded too.
    let more = stream("", 640 * 640 * 3, 2)[b"YUV4MPEG2 \n".len()..].to_vec();
    waiting.pipe.write_all(&more).unwrap();
    drop(waiting.pipe);
    let output = waiting.host.wait_with_output().unwrap();
    ended_with(&output, 0);
    assert_eq!(figures(&output)["shown"], 5);
    assert!(std::fs::read(waiting.folder.path("out.y4m")).unwrap() == [waiting.bytes, more].concat());
}

#[test]
fn ctrl_c_ends_the_wait_for_a_stream() {
    use std::os::unix::process::CommandExt;
    if !children_can_be_found("ctrl_c_ends_the_wait_for_a_stream") {
        return;
    }
    let mut host = surfaceport(&["demo", "--input", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let pipe = host.stdin.take();
    while child_of(&host).is_none() {
        assert!(host.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process_group(Pid::from_raw(host.id() as i32).unwrap(), Signal::INT).unwrap();
    let output = host.wait_with_output().unwrap();
    drop(pipe);
    ended_with(&output, 1);
    assert!(the_line(&output).contains("before a frame came"), "{}", the_line(&output));
}

#[test]
fn a_host_that_is_killed_takes_its_child_along() {
    if !children_can_be_found("a_host_that_is_killed_takes_its_child_along") {
        return;
    }
    let mut host = surfaceport(&["demo", "--seconds", "60", "--size", "64x64"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let child = loop {
        assert!(Instant::now() < deadline, "there is no child");
        if let Some(child) = child_of(&host) {
            break child;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    std::thread::sleep(Duration::from_millis(500));
    host.kill().unwrap();
    host.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_alive(child) {
        assert!(Instant::now() < deadline, "the child is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
