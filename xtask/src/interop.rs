//! The host of each language with the child of each language: what tests/interop/README.md says.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::c_compiler;
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

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
    Language { name: "Swift", build: find_swift },
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

/// Runs all pairs of the languages that are here.
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
    let mut results = Vec::new();
    for (host, host_programs) in &found {
        for (child, child_programs) in &found {
            let good = match run_pair(project, &folder, host_programs, child_programs) {
                Ok(()) => true,
                Err(error) => {
                    faults.push(format!("host in {host}, child in {child}: {error:#}"));
                    false
                }
            };
            results.push((*host, *child, good));
        }
    }
    print!("{}", table(&results));
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(if missing.is_empty() { Outcome::Passed } else { Outcome::Skipped(missing.join("\n")) })
}

fn run_pair(project: &Project, folder: &Path, host: &Programs, child: &Programs) -> Result<()> {
    let words = host.host.iter().chain(&child.child);
    let mut command = project.command("env", words.cloned());
    // Interpreters write their files beside ours otherwise.
    command = command.env("PYTHONDONTWRITEBYTECODE", "1").dir(folder);
    let output = command.run_limited(LIMIT, &folder.join("output.txt"))?;
    if output.lines().last() != Some("ok") {
        bail!("the host did not print `ok` last");
    }
    Ok(())
}

/// A row for each host, a column for each child.
fn table(results: &[(&str, &str, bool)]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (host, _, _) in results {
        if !names.contains(host) {
            names.push(host);
        }
    }
    let mut text = format!("\n{:14}", "host \\ child");
    for child in &names {
        let _ = write!(text, "{child:>8}");
    }
    text.push('\n');
    for host in &names {
        let _ = write!(text, "{host:14}");
        for (_, _, good) in results.iter().filter(|(name, _, _)| name == host) {
            let _ = write!(text, "{:>8}", if *good { "ok" } else { "failed" });
        }
        text.push('\n');
    }
    let good = results.iter().filter(|(_, _, good)| *good).count();
    let _ = writeln!(text, "{good} of {} pairs are good", results.len());
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

/// Python, with the package that the step `python` installs.
fn find_python(project: &Project, _folder: &Path) -> Result<Built> {
    let python = project.target.join("python-venv").join("bin").join("python");
    if !python.is_file() {
        return Ok(Built::Missing(format!("there is no {}; the step `python` makes it", python.display())));
    }
    let program = |name: &str| {
        let script: PathBuf = project.path(FOLDER).join("python").join(name);
        vec![python.clone().into(), script.into()]
    };
    Ok(Built::Programs(Programs { host: program("host.py"), child: program("child.py") }))
}

/// Swift, whose programs the step `swift` builds, because it knows where Swift is.
fn find_swift(project: &Project, _folder: &Path) -> Result<Built> {
    let program = |name: &str| project.target.join("swift").join("interop").join(name);
    let (host, child) = (program("host"), program("child"));
    if !host.is_file() || !child.is_file() {
        return Ok(Built::Missing(format!("there is no {}; the step `swift` makes it", host.display())));
    }
    Ok(Built::Programs(Programs { host: vec![host.into()], child: vec![child.into()] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_host() {
        let text = table(&[("C", "C", true), ("C", "C++", false), ("C++", "C", true), ("C++", "C++", true)]);
        let lines: Vec<&str> = text.trim().lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with('C') && lines[1].ends_with("failed"), "{text}");
        assert_eq!(lines[3], "3 of 4 pairs are good");
    }
}
