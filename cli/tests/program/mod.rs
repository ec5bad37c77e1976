//! Runs the program, for the tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program with `arguments`; away from the display, the terminal and the runtime folder of whoever runs
/// the tests. It is the one that was built with the tests, or where they run on another machine, the one that
/// `SURFACEPORT_TEST_PROGRAM` names.
pub(crate) fn surfaceport(arguments: &[&str]) -> Command {
    let carried = std::env::var_os("SURFACEPORT_TEST_PROGRAM");
    let mut command = Command::new(carried.unwrap_or_else(|| env!("CARGO_BIN_EXE_surfaceport").into()));
    command.args(arguments).stdin(Stdio::null());
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    surfaceport(arguments).output().expect("the program can be started")
}

/// Standard error, which has to be exactly one line that begins with the program's name.
pub(crate) fn the_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("errors are UTF-8");
    assert_eq!(text.lines().count(), 1, "not one line: {text:?}");
    assert!(text.starts_with("surfaceport: ") && text.ends_with('\n'), "{text:?}");
    text.trim_end().to_owned()
}

/// Standard output as the JSON object that `--json` promises.
pub(crate) fn figures(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}, and {errors:?}"))
}

/// Fails unless the program ended with `status`.
pub(crate) fn ended_with(output: &Output, status: i32) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
}

/// A folder that goes away with the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("there is room for temporary files"))
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path in it as text for a command line.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("temporary paths are UTF-8").to_owned()
    }
}

/// A stream whose frames all differ; `tags` has width, height and sampling.
pub(crate) fn stream(tags: &str, frame_bytes: usize, frames: usize) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 {tags}\n").into_bytes();
    for frame in 0..frames {
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend((0..frame_bytes).map(|at| {
            let mixed = (at as u32).wrapping_mul(2_654_435_761).wrapping_add(frame as u32 * 40_503);
            (mixed >> 15) as u8
        }));
    }
    bytes
}

/// Says why a test does nothing; where nothing may be skipped, that is a failure.
pub(crate) fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("SURFACEPORT_NO_SKIP").is_none(), "{test}: {why}");
    println!("skipped: {test}: {why}");
    let Some(log) = std::env::var_os("SURFACEPORT_SKIP_LOG") else { return };
    let line = format!("{test}: {why}\n");
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(log);
    opened.and_then(|mut log| log.write_all(line.as_bytes())).expect("the skip log can be written");
}

/// Whether a program can be started.
pub(crate) fn is_there(program: &str) -> bool {
    let run = Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

/// The pixels of a PNG: width, height, rows of red, green, blue, alpha.
pub(crate) fn png(path: &Path) -> (u32, u32, Vec<u8>) {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("the PNG is there"));
    let mut reader = png::Decoder::new(file).read_info().expect("it is a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it has a size")];
    let info = reader.next_frame(&mut pixels).expect("it is whole");
    (info.width, info.height, pixels)
}
