//! The command line and the doctor, from outside.

#[allow(dead_code)]
mod program;

use program::{Folder, ended_with, run, surfaceport, the_line};

#[test]
fn help_has_examples_and_exit_statuses() {
    for arguments in [&["--help"][..], &["demo", "--help"], &["doctor", "--help"]] {
        let output = run(arguments);
        ended_with(&output, 0);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Exit status:\n  0  "), "{text}");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
        assert!(!text.contains("\n  child"), "the child's side is not for users: {text}");
        assert!(arguments.len() == 1 || text.contains("Examples:\n  surfaceport "), "{text}");
    }
    ended_with(&run(&["--version"]), 0);
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_two_and_one_line() {
    for (line, word) in [
        ("", "--help"),
        ("dance", "dance"),
        ("demo --mode vsync", "mailbox, fifo, immediate"),
        ("demo --mode immediate --images 2", "immediate"),
        ("demo --images 17", "2 to 16"),
        ("demo --images 0", "2 to 16"),
        ("demo --record a.y4m --mode mailbox", "fifo"),
        ("demo --record -", "standard output"),
        ("demo --save -", "standard output"),
        ("demo --record a --save a", "same file"),
        ("demo --size 0x0", "1 to 16384"),
        ("demo --size 2147483648x1", "1 to 16384"),
        ("demo --size 4x4 --input a", "--size"),
        ("demo --fps 0", "--fps"),
        ("demo --seconds -1", "--seconds"),
    ] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let output = run(&arguments);
        ended_with(&output, 2);
        let said = the_line(&output);
        assert!(said.contains(word), "{line}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_doctor_is_content_with_this_system() {
    let home = Folder::new();
    let output = surfaceport(&["doctor"]).env("XDG_RUNTIME_DIR", home.path("")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let parts = if cfg!(target_os = "linux") {
        ["memfd_create", "seal: future write", "descriptors", "runtime folder", "dma-buf", "display"]
    } else {
        ["Mach port", "memory entry", "descriptors", "bootstrap names", "inherited ports", "IOSurface"]
    };
    for part in parts {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.ends_with("\nNothing is wrong.\n"), "{text}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_finds_a_runtime_folder_that_lets_others_in() {
    use std::os::unix::fs::PermissionsExt;
    let home = Folder::new();
    std::fs::create_dir(home.path("surfaceport")).unwrap();
    std::fs::set_permissions(home.path("surfaceport"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let output = surfaceport(&["doctor", "--json"]).env("XDG_RUNTIME_DIR", home.path("")).output().unwrap();
    ended_with(&output, 1);
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings["problems"], 1);
    let problem = findings["checks"].as_array().unwrap().iter().find(|check| check["verdict"] == "problem");
    assert!(problem.unwrap()["remedy"].as_str().unwrap().contains("chmod 700"), "{findings}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    use std::process::Stdio;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = surfaceport(&["doctor"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    ended_with(&output, 1);
    assert!(the_line(&output).contains("cannot print"));
}
