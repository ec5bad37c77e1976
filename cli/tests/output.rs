//! Files that the program writes: what cannot be written is told before the work, and a file is whole or not there.

#[allow(dead_code)]
mod program;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[cfg(target_os = "linux")]
use program::skip;
use program::{Folder, ended_with, figures, png, stream, surfaceport, the_line};

/// Bytes of a frame of 640 × 480 whose picture no compression makes small; as PNG it has about 900 KiB.
const FRAME: usize = 640 * 480 * 3 / 2;

fn noise(frames: usize) -> Vec<u8> {
    stream("W640 H480 F500:1 C420jpeg", FRAME, frames)
}

/// Runs a command whose standard input says nothing, for ever: it ends only if it does not begin to play.
fn before_the_work(command: &mut Command) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    let output = command.stdin(reader).output().unwrap();
    drop(writer);
    output
}

/// The program below a limit on the size of files, in KiB. Surfaces are files, too.
fn limited(kib: usize, arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.arg("-c").arg(format!(r#"ulimit -f {kib} && exec "$0" "$@""#));
    command.arg(surfaceport(&[]).get_program()).args(arguments).stdin(Stdio::null());
    command
}

fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.path("")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_path_that_cannot_be_written_is_told_before_the_work() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "kept").unwrap();
    fs::write(folder.path("locked"), "kept").unwrap();
    fs::create_dir(folder.path("sealed")).unwrap();
    for (name, mode) in [("locked", 0o444), ("sealed", 0o555)] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::symlink("loop", folder.path("loop")).unwrap();
    std::os::unix::fs::symlink("no/file", folder.path("dangling")).unwrap();
    let before = names(&folder);
    let long = "x".repeat(300);
    let mut bad = vec!["no/file", "", "file/", "file/new", "new/", "loop", "dangling", &long];
    if rustix::process::geteuid().is_root() {
        // Root may write anywhere but where the system lets nobody.
        bad.push("/proc/file");
    } else {
        bad.extend(["locked", "sealed/file"]);
    }
    for option in ["--save", "--record"] {
        for name in &bad {
            let path = folder.text(name);
            let output = before_the_work(&mut surfaceport(&["demo", "--input", "-", option, &path]));
            ended_with(&output, 1);
            assert!(the_line(&output).contains(&path), "{option} {name}: {}", the_line(&output));
            assert!(output.stdout.is_empty(), "{option} {name}");
        }
    }
    assert_eq!(names(&folder), before);
    assert_eq!(fs::read(folder.path("file")).unwrap(), b"kept");
}

#[test]
fn one_file_by_two_names_is_refused() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("new", folder.path("link")).unwrap();
    let (record, save) = (folder.text("new"), folder.text("link"));
    let output =
        before_the_work(&mut surfaceport(&["demo", "--input", "-", "--record", &record, "--save", &save]));
    ended_with(&output, 2);
    assert!(the_line(&output).contains("same file"));
    assert_eq!(names(&folder), ["link"]);
}

#[test]
fn figures_that_nobody_can_read_are_told_before_the_work() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output =
        before_the_work(surfaceport(&["demo", "--input", "-"]).stdout(writer).stderr(Stdio::piped()));
    ended_with(&output, 1);
    assert!(the_line(&output).contains("cannot print"), "{}", the_line(&output));
    let null = fs::File::open("/dev/null").unwrap();
    let output = before_the_work(surfaceport(&["demo", "--input", "-"]).stdout(null).stderr(Stdio::piped()));
    ended_with(&output, 1);
    assert!(the_line(&output).contains("cannot print"), "{}", the_line(&output));
}

#[test]
fn what_does_not_fit_is_told_before_the_work_where_it_is_known() {
    let folder = Folder::new();
    let record = folder.text("out.y4m");
    // 300 frames of 640 × 480 × 3 bytes.
    let output = limited(100_000, &["demo", "--size", "640x480", "--record", &record]).output().unwrap();
    ended_with(&output, 1);
    assert!(the_line(&output).contains(&record) && output.stdout.is_empty(), "{}", the_line(&output));
    fs::write(folder.path("in.y4m"), noise(3)).unwrap();
    let arguments = ["demo", "--input", &folder.text("in.y4m"), "--record", &record];
    let output = limited(1000, &arguments).output().unwrap();
    ended_with(&output, 1);
    assert!(the_line(&output).contains(&record) && output.stdout.is_empty(), "{}", the_line(&output));
    assert_eq!(names(&folder), ["in.y4m"]);
}

#[test]
fn a_file_that_does_not_fit_is_not_there() {
    for (option, kib) in [("--save", 700), ("--record", 2000)] {
        for before in [None, Some("what was there before")] {
            let folder = Folder::new();
            fs::write(folder.path("in.y4m"), noise(8)).unwrap();
            if let Some(text) = before {
                fs::write(folder.path("out"), text).unwrap();
            }
            // Through a pipe: its length is not known before.
            let output = limited(kib, &["demo", "--input", "-", option, &folder.text("out"), "--json"])
                .stdin(fs::File::open(folder.path("in.y4m")).unwrap())
                .output()
                .unwrap();
            ended_with(&output, 1);
            assert!(the_line(&output).contains(&folder.text("out")), "{}", the_line(&output));
            assert!(figures(&output)["shown"].as_u64().unwrap() > 0, "the figures are told");
            let left = fs::read(folder.path("out")).ok();
            assert_eq!(left.as_deref(), before.map(str::as_bytes));
            assert_eq!(names(&folder).len(), 1 + usize::from(before.is_some()), "{:?}", names(&folder));
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_has_no_file() {
    const NAME: &str = "a_full_disk_has_no_file";
    let folder = Folder::new();
    fs::write(folder.path("in.y4m"), noise(8)).unwrap();
    fs::create_dir(folder.path("disk")).unwrap();
    // A system of files of its own; the last line of what it prints is what is left there.
    let on_disk = |kib: usize, fill: bool, arguments: &str| {
        let script = format!(
            r#"mount -t tmpfs -o size={kib}k none "$1" || exit 99
               if {fill}; then head -c {kib}k /dev/zero > "$1/fill" 2>/dev/null; fi
               "$0" demo --json {arguments} < "$2"; status=$?; echo; ls -A "$1" | grep -v fill | tr '\n' ' '; exit $status"#
        );
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .arg(surfaceport(&[]).get_program())
            .args([folder.path("disk"), folder.path("in.y4m")])
            .output()
    };
    match on_disk(700, false, "--seconds 0.1 --size 64x64") {
        Ok(output) if output.status.success() => {}
        _ => return skip(NAME, "a system of files cannot be mounted here: unshare and mount have to work"),
    }
    for arguments in [r#"--save "$1/a.png""#, r#"--record "$1/a.y4m""#] {
        let output = on_disk(700, false, &format!("--input - {arguments}")).unwrap();
        ended_with(&output, 1);
        assert!(the_line(&output).contains("space"), "{}", the_line(&output));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("\"shown\":") && printed.ends_with("}\n\n"), "{printed}");
        let output = on_disk(64, true, &format!("--input - {arguments}")).unwrap();
        ended_with(&output, 1);
        assert!(the_line(&output).contains("space"), "{}", the_line(&output));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "\n", "known before the work");
    }
    let output = on_disk(700, false, r#"--size 640x480 --record "$1/a.y4m""#).unwrap();
    ended_with(&output, 1);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "\n", "known before the work");
}

#[test]
fn pipes_and_devices_are_written_as_they_are() {
    let folder = Folder::new();
    let bytes = noise(3);
    fs::write(folder.path("in.y4m"), &bytes).unwrap();
    let made = Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap();
    assert!(made.success());
    let arguments = ["demo", "--input", &folder.text("in.y4m"), "--record", &folder.text("pipe")];
    let host = surfaceport(&arguments).args(["--save", "/dev/null"]).stdout(Stdio::null()).spawn().unwrap();
    let recorded = fs::read(folder.path("pipe")).unwrap();
    let output = host.wait_with_output().unwrap();
    ended_with(&output, 0);
    assert!(recorded == bytes);
    assert_eq!(names(&folder), ["in.y4m", "pipe"]);
}

#[test]
fn a_file_that_is_written_again_is_replaced_through_its_links() {
    let folder = Folder::new();
    fs::create_dir(folder.path("there")).unwrap();
    fs::write(folder.path("there/picture"), "old").unwrap();
    std::os::unix::fs::symlink("there/picture", folder.path("link")).unwrap();
    let demo = |path: &OsStr| {
        let mut command = surfaceport(&["demo", "--seconds", "0.1", "--size", "64x64", "--save"]);
        // A name alone is a file in this folder.
        command.arg(path).current_dir(folder.path("")).output().unwrap()
    };
    for path in ["link", "new", "./there/new"] {
        ended_with(&demo(path.as_ref()), 0);
        assert_eq!(png(&folder.path(path)).0, 64, "{path}");
    }
    assert!(folder.path("link").is_symlink());
    assert_eq!(png(Path::new(&folder.path("there/picture"))).0, 64);
    assert_eq!(names(&folder), ["link", "new", "there"]);
}
