//! The host of each language with the child of each language: what tests/interop/README.md says.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::c_compiler;
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;
use crate::swift;

/// Where the programs are, a folder for each language.
const FOLDER: &str = "tests/interop";

/// How long a pair may take; its programs give up sooner.
const LIMIT: Duration = Duration::from_secs(120);

/// A language: its name, and what makes its two programs.
struct Language {
    name: &'static str,
    build: fn(&Project, &Path) -> Result<Built>,
}

/// All languages. A new one is a line here, a function below and a folder in tests/interop.
const LANGUAGES: [Language; 5] = [
    Language { name: "C", build: build_c },
    Language { name: "C++", build: build_cpp },
    Language { name: "Rust", build: build_rust },
    Language { name: "Python", build: find_python },
    Language { name: "Swift", build: build_swift },
];

/// What became of building a language's programs.
enum Built {
    /// The commands that run them.
    Programs(Programs),
    /// Its tools are not here, and what would make them.
    Missing(String),
}

struct Programs {
    host: Vec<OsString>,
    child: Vec<OsString>,
}

/// A host and a child, and what came of them.
struct Pair {
    host: &'static str,
    child: &'static str,
    fault: Option<String>,
}

/// Runs all pairs of the languages that are here, and each program with one that does something wrong.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    let folder = project.scratch("interop")?;
    let (mut found, mut missing, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for language in &LANGUAGES {
        match (language.build)(project, &folder) {
            Ok(Built::Programs(programs)) => found.push((language.name, programs)),
            Ok(Built::Missing(reason)) => missing.push(format!("{}: {reason}", language.name)),
            Err(error) => faults.push(format!("{}: {error:#}", language.name)),
        }
    }
    let mut pairs = Vec::new();
    for (host, host_programs) in &found {
        for (child, child_programs) in &found {
            let result = run_pair(project, &folder, &host_programs.host, &child_programs.child);
            let fault = result.and_then(|end| end.judge()).err().map(|error| format!("{error:#}"));
            println!("{host} -> {child}: {}", if fault.is_none() { "ok" } else { "failed" });
            pairs.push(Pair { host, child, fault });
        }
    }
    faults.extend(notice_faults(project, &folder, &found)?);
    print!("{}", table(&pairs));
    let failed = pairs.iter().filter_map(|pair| {
        Some(format!("host in {}, child in {}: {}", pair.host, pair.child, pair.fault.as_ref()?))
    });
    faults.extend(failed);
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(if missing.is_empty() { Outcome::Passed } else { Outcome::Skipped(missing.join("\n")) })
}

/// How a pair ended: whether the host succeeded, and what each side has said.
struct End {
    result: Result<()>,
    host_said: String,
    child_said: String,
}

impl End {
    fn judge(self) -> Result<()> {
        let said_ok = self.host_said.lines().last() == Some("ok");
        let result =
            self.result.and_then(|()| if said_ok { Ok(()) } else { bail!("it did not say ok last") });
        result.map_err(|error| {
            let said = |text: &str| text.lines().map(|line| format!("\n    {line}")).collect::<String>();
            error.context(format!("host:{}\n  child:{}", said(&self.host_said), said(&self.child_said)))
        })
    }
}

fn run_pair(project: &Project, folder: &Path, host: &[OsString], child: &[OsString]) -> Result<End> {
    let (host_log, child_log) = (folder.join("host.txt"), folder.join("child.txt"));
    // What the child says on standard error goes into a file of its own; the shell becomes the child.
    let wrapper = ["sh", "-c", "exec \"$@\" 2>child.txt", "sh"].map(OsString::from);
    let (program, arguments) = host.split_first().context("no program")?;
    let words = arguments.iter().chain(&wrapper).chain(child);
    let command = project.command(&program.to_string_lossy(), words.cloned()).dir(folder);
    let _ = fs::remove_file(&child_log);
    let result = command.run_limited(LIMIT, &host_log).map(|_| ());
    let read = |path: &Path| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
    Ok(End { result, host_said: read(&host_log)?, child_said: read(&child_log).unwrap_or_default() })
}

/// Each host with a child that draws one pixel wrong, and a host that sends one with each child: all of them must say so.
fn notice_faults(
    project: &Project,
    folder: &Path,
    languages: &[(&'static str, Programs)],
) -> Result<Vec<String>> {
    let wrong = |name: &str| -> Result<Vec<OsString>> {
        let program = folder.join(format!("wrong-{name}"));
        let source = project.path(FOLDER).join("c").join(format!("{name}.c"));
        c_compiler::compile(project, &source, &["-DONE_PIXEL_WRONG"], &program)?;
        Ok(vec![program.into()])
    };
    let (wrong_host, wrong_child) = (wrong("host")?, wrong("child")?);
    let mut faults = Vec::new();
    for (name, programs) in languages {
        println!("{name}: a wrong pixel must be noticed");
        let end = run_pair(project, folder, &programs.host, &wrong_child)?;
        if end.result.is_ok() || end.host_said.trim().is_empty() {
            faults.push(format!("the host in {name} does not notice a wrong pixel"));
        }
        let end = run_pair(project, folder, &wrong_host, &programs.child)?;
        if end.result.is_ok() || end.child_said.trim().is_empty() {
            faults.push(format!("the child in {name} does not notice a wrong pixel"));
        }
    }
    Ok(faults)
}

/// A row for each host, a column for each child.
fn table(pairs: &[Pair]) -> String {
    let mut names: Vec<&str> = pairs.iter().map(|pair| pair.host).collect();
    names.dedup();
    let mut text = format!("\n{:14}", "host \\ child");
    for child in &names {
        let _ = write!(text, "{child:>8}");
    }
    text.push('\n');
    for host in &names {
        let _ = write!(text, "{host:14}");
        for pair in pairs.iter().filter(|pair| pair.host == *host) {
            let _ = write!(text, "{:>8}", if pair.fault.is_none() { "ok" } else { "failed" });
        }
        text.push('\n');
    }
    let good = pairs.iter().filter(|pair| pair.fault.is_none()).count();
    let _ = writeln!(text, "{good} of {} pairs are good", pairs.len());
    text
}

/// Two programs that `make` makes, one of each name.
fn both(folder: &Path, language: &str, make: impl Fn(&str, &Path) -> Result<()>) -> Result<Built> {
    let path = |name: &str| folder.join(format!("{language}-{name}"));
    for name in ["host", "child"] {
        make(name, &path(name))?;
    }
    Ok(Built::Programs(Programs { host: vec![path("host").into()], child: vec![path("child").into()] }))
}

fn build_c(project: &Project, folder: &Path) -> Result<Built> {
    both(folder, "c", |name, program| {
        let source = project.path(FOLDER).join("c").join(format!("{name}.c"));
        c_compiler::compile(project, &source, &["-O2", "-Wconversion"], program)
    })
}

fn build_cpp(project: &Project, folder: &Path) -> Result<Built> {
    both(folder, "cpp", |name, program| {
        let source = project.path(FOLDER).join("cpp").join(format!("{name}.cpp"));
        c_compiler::compile_cpp(project, "c++", &[&source], &["-O2"], program)
    })
}

fn build_rust(project: &Project, _folder: &Path) -> Result<Built> {
    let arguments =
        ["build", "--release", "-p", LIBRARY, "--example", "interop_host", "--example", "interop_child"];
    project.command("cargo", arguments).run()?;
    let program = |name: &str| vec![project.release().join("examples").join(name).into()];
    Ok(Built::Programs(Programs { host: program("interop_host"), child: program("interop_child") }))
}

/// Python: the package as it is in the repository, with the release build of the library. The interpreter is the one
/// of the environment that the step `python` makes, which has NumPy; or another one that has it.
fn find_python(project: &Project, _folder: &Path) -> Result<Built> {
    let programs = project.path(FOLDER).join("python");
    if !programs.is_dir() {
        return Ok(Built::Missing(format!("there is no {}", programs.display())));
    }
    let environment = project.target.join("python-venv").join("bin").join("python");
    let interpreters = [environment.to_string_lossy().into_owned(), "python3".to_owned()];
    let has_numpy = |python: &&String| project.command(python, ["-c", "import numpy"]).exists();
    let Some(python) = interpreters.iter().find(has_numpy) else {
        return Ok(Built::Missing(
            "there is no Python with NumPy here; the step `python` makes one".to_owned(),
        ));
    };
    let program = |name: &str| {
        let mut path = OsString::from("PYTHONPATH=");
        path.push(project.path("bindings/python"));
        let mut library = OsString::from("SURFACEPORT_LIBRARY=");
        library.push(project.shared_library());
        // Its compiled files would lie in the repository.
        let clean = OsString::from("PYTHONDONTWRITEBYTECODE=1");
        vec!["env".into(), path, library, clean, python.into(), programs.join(name).into()]
    };
    Ok(Built::Programs(Programs { host: program("host.py"), child: program("child.py") }))
}

/// Swift, built in a Debian 13 and run by themselves.
fn build_swift(project: &Project, _folder: &Path) -> Result<Built> {
    Ok(match swift::interop(project)? {
        Ok((host, child)) => Built::Programs(Programs { host: vec![host.into()], child: vec![child.into()] }),
        Err(reason) => Built::Missing(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_host() {
        let pair = |host, child, fault: Option<&str>| Pair { host, child, fault: fault.map(String::from) };
        let pairs = [
            pair("C", "C", None),
            pair("C", "C++", Some("x")),
            pair("C++", "C", None),
            pair("C++", "C++", None),
        ];
        let text = table(&pairs);
        let lines: Vec<&str> = text.trim().lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with('C') && lines[1].ends_with("failed"), "{text}");
        assert_eq!(lines[3], "3 of 4 pairs are good");
    }

    #[test]
    fn a_pair_that_fails_shows_both_sides() {
        let end = |host_said: &str| End {
            result: Ok(()),
            host_said: host_said.into(),
            child_said: "a child's\nwords".into(),
        };
        end("frames\nok\n").judge().unwrap();
        let error = format!("{:#}", end("ok\nno").judge().unwrap_err());
        assert!(error.contains("host:\n    ok\n    no\n  child:\n    a child's\n    words"), "{error}");
    }
}
