//! The tests of the C++ header: each file of tests/cpp is a program that is its own test runner.
//!
//! `NAME_part.cpp` is linked into the program of `NAME.cpp`. What the output says is as in tests/c.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::c_compiler::{self, LIMIT, SANITIZE};
use crate::c_tests::{self, SUPPRESSIONS, VALGRIND};
use crate::command::Command;
use crate::cpp_header::COMPILERS;
use crate::project::Project;
use crate::report::Outcome;

/// Where they are.
const FOLDER: &str = "tests/cpp";

/// A test program: its name, and its files.
struct Test {
    name: String,
    sources: Vec<PathBuf>,
}

/// Runs the tests as both compilers build them, then under the sanitizers, then in valgrind.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    let tests = find(project)?;
    let (mut missing, mut faults) = (Vec::new(), Vec::new());
    for (_, compiler) in COMPILERS {
        if !project.command(compiler, ["--version"]).exists() {
            missing.push(format!("there is no {compiler} here"));
            continue;
        }
        // GCC warns of more when it optimizes.
        let run = |program: &Path| project.program(program);
        faults.extend(run_all(project, &tests, compiler, compiler, &["-O2"], run)?);
    }
    if let Some(reason) = c_compiler::no_sanitizers(project)? {
        missing.push(reason);
    } else {
        let run = |program: &Path| c_compiler::sanitized(project.program(program));
        faults.extend(run_all(project, &tests, "sanitized", "c++", &SANITIZE, run)?);
    }
    if project.command("valgrind", ["--version"]).exists() {
        let mut suppressions = OsString::from("--suppressions=");
        suppressions.push(project.path(SUPPRESSIONS));
        let run = |program: &Path| project.command("valgrind", VALGRIND).arg(&suppressions).arg(program);
        let alone = without_children(tests)?;
        faults.extend(run_all(project, &alone, "valgrind", "c++", &["-g"], run)?);
    } else {
        missing.push("there is no valgrind here".to_owned());
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(if missing.is_empty() { Outcome::Passed } else { Outcome::Skipped(missing.join("\n")) })
}

fn find(project: &Project) -> Result<Vec<Test>> {
    let mut tests: Vec<Test> = Vec::new();
    for source in project.files(FOLDER, "cpp")? {
        let stem = source.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
        let name = stem.strip_suffix("_part").unwrap_or(&stem).to_owned();
        match tests.iter_mut().find(|test| test.name == name) {
            Some(test) => test.sources.push(source),
            None => tests.push(Test { name, sources: vec![source] }),
        }
    }
    if tests.is_empty() {
        bail!("there is no test in {FOLDER}");
    }
    Ok(tests)
}

/// The tests that start no child: the valgrind of Debian 12 knows no pidfd_open(), which sessions need.
fn without_children(tests: Vec<Test>) -> Result<Vec<Test>> {
    let mut alone = Vec::new();
    for test in tests {
        let source = &test.sources[0];
        let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
        if !text.contains("host::spawn") {
            alone.push(test);
        }
    }
    Ok(alone)
}

/// Builds the tests by this compiler and runs each; returns what failed.
fn run_all(
    project: &Project,
    tests: &[Test],
    name: &str,
    compiler: &str,
    flags: &[&str],
    command: impl Fn(&Path) -> Command,
) -> Result<Vec<String>> {
    let folder = project.scratch(&format!("cpp-tests-{name}"))?;
    let mut faults = Vec::new();
    for test in tests {
        let program = folder.join(&test.name);
        let sources: Vec<&Path> = test.sources.iter().map(PathBuf::as_path).collect();
        let result = c_compiler::compile_cpp(project, compiler, &sources, flags, &program).and_then(|()| {
            let output = command(&program).dir(&folder).run_limited(LIMIT, &folder.join("output.txt"))?;
            c_tests::judge(&output)
        });
        if let Err(error) = result {
            faults.push(format!("{name}: {}: {error:#}", test.name));
        }
    }
    Ok(faults)
}
