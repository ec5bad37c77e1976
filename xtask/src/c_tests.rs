//! The tests of the C API: each file of tests/c is a program that is its own test runner.
//!
//! A test program exits with 0 if all is good, and its output says what ran: either TAP (`1..N` and
//! a line for each test) or, as its last line, `N passed, N failed`. A file whose name ends with
//! `_child.c` is built beside the tests and left to them to start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::c_compiler::{self, LIMIT, SANITIZE};
use crate::c_examples;
use crate::command::Command;
use crate::project::Project;
use crate::report::Outcome;

/// What valgrind says wrongly.
pub(crate) const SUPPRESSIONS: &str = "tests/c/valgrind.supp";

/// Where they are.
const FOLDER: &str = "tests/c";

/// Each test of it needs children, which are left out in valgrind: Debian 12's knows no `pidfd_open`.
const WITH_CHILDREN_ALONE: &str = "forks";

/// What valgrind is asked; a leak for sure, or any error, is a failure, in children too.
pub(crate) const VALGRIND: [&str; 5] = [
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--trace-children=yes",
];

/// Runs the tests as they are.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    run_all(project, "c-tests", &[], Project::program)?;
    Ok(Outcome::Passed)
}

/// Runs the examples and the tests with the C side under the sanitizers.
pub(crate) fn run_sanitized(project: &Project) -> Result<Outcome> {
    if let Some(reason) = c_compiler::no_sanitizers(project)? {
        return Ok(Outcome::Skipped(reason));
    }
    let examples = c_examples::run_sanitized(project);
    let program = |project: &Project, path: &Path| c_compiler::sanitized(project.program(path));
    let tests = run_all(project, "c-tests-sanitized", &SANITIZE, program);
    match (examples, tests) {
        (Err(examples), Err(tests)) => bail!("{examples:#}\n{tests:#}"),
        (examples, tests) => examples.and(tests).map(|()| Outcome::Passed),
    }
}

/// Runs the tests in valgrind.
pub(crate) fn run_in_valgrind(project: &Project) -> Result<Outcome> {
    if !project.command("valgrind", ["--version"]).exists() {
        return Ok(Outcome::Skipped("there is no valgrind here".into()));
    }
    let mut suppressions = OsString::from("--suppressions=");
    suppressions.push(project.path(SUPPRESSIONS));
    let program =
        |project: &Project, path: &Path| project.command("valgrind", VALGRIND).arg(&suppressions).arg(path);
    run_those(project, "c-tests-valgrind", &["-g"], program, |name| name != WITH_CHILDREN_ALONE)?;
    Ok(Outcome::Passed)
}

/// Builds all tests with these flags, then runs each; an error names all that failed.
fn run_all(
    project: &Project,
    folder: &str,
    flags: &[&str],
    command: impl Fn(&Project, &Path) -> Command,
) -> Result<()> {
    run_those(project, folder, flags, command, |_| true)
}

/// As [`run_all`], but runs only those whose names are wanted.
fn run_those(
    project: &Project,
    folder: &str,
    flags: &[&str],
    command: impl Fn(&Project, &Path) -> Command,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<()> {
    let sources = project.files(FOLDER, "c")?;
    let folder = project.scratch(folder)?;
    let mut tests: Vec<PathBuf> = Vec::new();
    for source in &sources {
        let name = source.file_stem().context("a file without a name")?;
        let program = folder.join(name);
        c_compiler::compile(project, source, flags, &program)?;
        let name = name.to_string_lossy();
        if !name.ends_with("_child") && is_wanted(&name) {
            tests.push(program);
        }
    }
    if tests.is_empty() {
        bail!("there is no test in {FOLDER}");
    }
    let mut faults = Vec::new();
    for test in &tests {
        let run = command(project, test).dir(&folder).run_limited(LIMIT, &folder.join("output.txt"));
        if let Err(error) = run.and_then(|output| judge(&output)) {
            let name = test.file_name().unwrap_or_default().to_string_lossy();
            faults.push(format!("{name}: {error:#}"));
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

/// Whether the output of a test program says that tests ran and none failed.
pub(crate) fn judge(output: &str) -> Result<()> {
    let plan = Regex::new(r"(?m)^1\.\.(\d+)")?;
    let closing = Regex::new(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, \d+ skipped)?$")?;
    let (expected, passed, failed) = if let Some(plan) = plan.captures(output) {
        let lines = |start: &str| output.lines().filter(|line| line.starts_with(start)).count();
        (plan[1].parse()?, lines("ok "), lines("not ok "))
    } else {
        let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
        let counts =
            closing.captures(last).context("it neither speaks TAP nor ends with `N passed, N failed`")?;
        let (passed, failed): (usize, usize) = (counts[1].parse()?, counts[2].parse()?);
        (passed + failed, passed, failed)
    };
    if passed + failed == 0 {
        bail!("no test ran");
    }
    if failed != 0 || passed != expected {
        bail!("{passed} of {expected} tests passed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tap_is_counted_against_its_plan() {
        judge("1..2\nok 1 - null\nok 2 - sizes\n").unwrap();
        judge("ok 1 - null\n# why\nok 2 - sizes\n1..2\n").unwrap();
        assert_eq!(judge("1..3\nok 1\nok 2\n").unwrap_err().to_string(), "2 of 3 tests passed");
        assert!(judge("1..2\nok 1\nnot ok 2\n").is_err());
        assert!(judge("1..0\n").is_err());
    }

    #[test]
    fn a_plain_closing_line_is_enough() {
        judge("null\nsizes\n12 passed, 0 failed\n").unwrap();
        judge("total: 12 passed, 0 failed, 1 skipped\n\n").unwrap();
        assert!(judge("1 passed, 1 failed\n").is_err());
        assert!(judge("0 passed, 0 failed\n").is_err());
        assert!(judge("1 passed, 0 failed\nSegmentation fault\n").is_err());
        assert!(judge("").is_err());
    }
}
