//! The folder to carry to a Mac: the library, the program, all tests by group, and the script that runs them.
//!
//! `suite.txt` in it has a line for each program to run: its group, how it says what it did (`rust`, `c`, or `example`
//! for nothing but its exit status) and its path.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::build::Products;
use super::groups::{self, C_API};
use super::toolchain::Toolchain;
use super::{Architecture, library_file};
use crate::c_examples;
use crate::header::HEADER;
use crate::project::{LIBRARY, Project};

/// The script that runs the suite; it needs nothing but the system's own shell.
const SCRIPT: &str = include_str!("../../macos/run-tests.sh");

/// A line of `suite.txt`.
struct Line {
    group: &'static str,
    kind: &'static str,
    command: String,
}

/// Puts everything into `folder`, each program as one file for all processors that it was built for.
pub(super) fn stage(
    project: &Project,
    toolchain: &Toolchain,
    built: &[(Architecture, Products)],
    folder: &Path,
) -> Result<()> {
    let (_, first) = built.first().context("nothing was built")?;
    let unite = |pick: &dyn Fn(&Products) -> Option<PathBuf>, to: &str| -> Result<()> {
        let files: Option<Vec<PathBuf>> = built.iter().map(|(_, products)| pick(products)).collect();
        let files = files.with_context(|| format!("{to} was not built for every processor"))?;
        let to = folder.join(to);
        make_folder_of(&to)?;
        toolchain.unite(project, &files, &to)
    };
    let library = library_file(project);
    for (architecture, products) in built {
        let to = folder.join("lib").join(architecture.name()).join(&library);
        make_folder_of(&to)?;
        fs::copy(&products.library, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    unite(&|products| Some(products.library.clone()), &format!("lib/{library}"))?;
    let linked = format!("lib/lib{LIBRARY}.dylib");
    symlink(&library, folder.join(&linked)).with_context(|| format!("cannot make {linked}"))?;
    unite(&|products| Some(products.program.clone()), "bin/surfaceport")?;

    let mut lines = Vec::new();
    for test in &first.tests {
        let Some(group) = groups::group_of(&test.package, &test.name)? else { continue };
        let path = format!("tests/{group}/{}", test.name);
        let same = |products: &Products| {
            let mut tests = products.tests.iter();
            let found = tests.find(|other| (&other.package, &other.name) == (&test.package, &test.name));
            found.map(|other| other.path.clone())
        };
        unite(&same, &path)?;
        lines.push(Line { group, kind: "rust", command: path });
    }
    let not_built =
        groups::missing(|name| first.tests.iter().any(|test| test.package == LIBRARY && test.name == name));
    if !not_built.is_empty() {
        bail!("these are in a group of xtask/src/macos/groups.rs and do not exist: {}", not_built.join(", "));
    }

    for (kind, pick) in C_PROGRAMS {
        for program in pick(first) {
            let name = program.file_name().context("a file without a name")?;
            let path = format!("{C_API}/{kind}/{}", name.to_string_lossy());
            let same = |products: &Products| {
                pick(products).iter().find(|other| other.file_name() == Some(name)).cloned()
            };
            unite(&same, &path)?;
            if !c_examples::is_started_by_others(&name.to_string_lossy()) {
                lines.push(Line { group: C_API, kind, command: path });
            }
        }
    }
    let header = folder.join(HEADER);
    make_folder_of(&header)?;
    fs::copy(project.path(HEADER), &header).with_context(|| format!("cannot copy {HEADER}"))?;
    lines.sort_by_key(|line| (groups::place_of(line.group), line.command.clone()));
    write(&folder.join("suite.txt"), &text(&lines))?;
    let script = folder.join("run-tests.sh");
    write(&script, SCRIPT)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .context("cannot make run-tests.sh runnable")
}

/// The C programs of one kind.
type Pick = fn(&Products) -> &[PathBuf];

/// The C programs by what they are.
const C_PROGRAMS: [(&str, Pick); 2] =
    [("example", |products| &products.c_examples), ("c", |products| &products.c_tests)];

fn text(lines: &[Line]) -> String {
    let mut text = String::new();
    for Line { group, kind, command } in lines {
        let _ = writeln!(text, "{group} {kind} {command}");
    }
    text
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn make_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    /// A suite of shell scripts in the place of programs: group, kind, name, what it does.
    const PROGRAMS: [(&str, &str, &str, &str); 5] = [
        ("ports", "rust", "many", "echo 'test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured'"),
        ("ports", "c", "plain", "echo '3 passed, 0 failed'"),
        ("c-api", "example", "host", "echo \"$SURFACEPORT_TEST_PROGRAM\"; test -x \"$PWD/host\""),
        ("broken", "rust", "none", "echo 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured'"),
        ("broken", "rust", "some", "echo 'test result: FAILED. 2 passed; 1 failed; 0 ignored'; exit 101"),
    ];

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
            let mut lines = Vec::new();
            for (group, kind, name, script) in PROGRAMS {
                let path = format!("tests/{group}/{name}");
                let file = folder.join(&path);
                make_folder_of(&file).unwrap();
                fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
                lines.push(Line { group, kind, command: path });
            }
            fs::write(folder.join("suite.txt"), text(&lines)).unwrap();
            fs::write(folder.join("run-tests.sh"), SCRIPT).unwrap();
            Folder(folder)
        }

        /// Runs the script and gives its output; the status stands in the last line.
        fn run(&self, arguments: &str) -> String {
            let script = format!("sh ./run-tests.sh {arguments} 2>&1; echo status $?");
            Command::new("sh", ["-c", &script]).dir(&self.0).env_remove("RUNNER").read().unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_script_runs_the_groups_that_are_named() {
        let folder = Folder::new("good");
        let output = folder.run("ports c-api");
        let last: Vec<&str> = output.lines().rev().take(2).collect();
        assert_eq!(last, ["status 0", "3 programs good, 0 failed; 15 tests passed, 0 failed, 1 ignored"]);
        assert!(output.contains("ports/many: test result: ok. 12 passed;"), "{output}");
        assert!(!output.contains("broken"), "{output}");
        let log = fs::read_to_string(folder.0.join("results/c-api-example-host.txt")).unwrap();
        assert!(log.ends_with("/bin/surfaceport\n"), "{log}");
    }

    #[test]
    fn the_script_fails_if_one_program_does() {
        let folder = Folder::new("bad");
        let output = folder.run("");
        assert!(output.ends_with("\nstatus 1\n"), "{output}");
        assert!(output.contains("broken/none (no test ran)"), "{output}");
        assert!(output.contains("broken/some (exit status 101)"), "{output}");
        assert!(output.contains("failed: broken/none broken/some"), "{output}");
        assert!(output.contains("3 programs good, 2 failed; 17 tests passed, 1 failed"), "{output}");
    }

    #[test]
    fn the_script_refuses_what_makes_no_sense_and_lists_what_does() {
        let folder = Folder::new("names");
        assert!(folder.run("nothing").contains("there is no group nothing"));
        assert!(folder.run("nothing").ends_with("status 2\n"));
        assert_eq!(folder.run("--list"), "ports\nc-api\nbroken\nstatus 0\n");
        assert!(folder.run("--help").contains("Environment:"));
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let folder = Folder::new("hang");
        fs::write(folder.0.join("tests/ports/plain"), "#!/bin/sh\nexec sleep 600\n").unwrap();
        let script = "LIMIT=1 sh ./run-tests.sh ports 2>&1";
        let output = Command::new("sh", ["-c", &format!("{script}; true")]).dir(&folder.0).read().unwrap();
        assert!(output.contains("ports/plain (exit status 137)"), "{output}");
        assert!(output.contains("killed after 1 seconds"), "{output}");
    }

    #[test]
    fn a_runner_runs_each_program() {
        let folder = Folder::new("runner");
        let output = folder.run("ports");
        assert!(output.contains("2 programs good"), "{output}");
        let script = "RUNNER='env echo' sh ./run-tests.sh ports 2>&1; true";
        let output = Command::new("sh", ["-c", script]).dir(&folder.0).read().unwrap();
        assert!(output.contains("0 programs good, 2 failed"), "{output}");
        let log = fs::read_to_string(folder.0.join("results/ports-c-plain.txt")).unwrap();
        assert!(log.ends_with("tests/ports/plain\n"), "{log}");
    }
}
