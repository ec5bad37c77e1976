//! The steps that cargo does: format, lints, documentation, builds and the Rust tests.

use anyhow::{Result, bail};
use regex::Regex;

use crate::bench;
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

/// The format of all Rust code.
pub(crate) fn fmt(project: &Project) -> Result<Outcome> {
    project.command("cargo", ["fmt", "--all", "--check"]).run()?;
    Ok(Outcome::Passed)
}

/// The lints.
pub(crate) fn clippy(project: &Project) -> Result<Outcome> {
    let arguments =
        ["clippy", "--workspace", "--exclude", bench::PACKAGE, "--all-targets", "--", "-D", "warnings"];
    project.command("cargo", arguments).run()?;
    Ok(Outcome::Passed)
}

/// The documentation.
pub(crate) fn rustdoc(project: &Project) -> Result<Outcome> {
    let arguments = ["doc", "--workspace", "--exclude", bench::PACKAGE, "--no-deps"];
    let command = project.command("cargo", arguments).env("RUSTDOCFLAGS", "-Dwarnings");
    command.shown(format!("RUSTDOCFLAGS=-Dwarnings cargo {}", arguments.join(" "))).run()?;
    Ok(Outcome::Passed)
}

/// The Rust tests, by nextest if it is there.
pub(crate) fn rust(project: &Project) -> Result<Outcome> {
    if project.command("cargo", ["nextest", "--version"]).exists() {
        // nextest itself fails if there is no test.
        project.command("cargo", ["nextest", "run", "--workspace", "--exclude", bench::PACKAGE]).run()?;
    } else {
        let all = ["test", "--workspace", "--exclude", bench::PACKAGE];
        let arguments = all.into_iter().chain(["--lib", "--bins", "--tests", "--no-fail-fast"]);
        some_passed(&project.command("cargo", arguments).run_and_read()?)?;
    }
    Ok(Outcome::Passed)
}

/// The examples in the documentation.
pub(crate) fn doctest(project: &Project) -> Result<Outcome> {
    some_passed(
        &project
            .command("cargo", ["test", "--workspace", "--exclude", bench::PACKAGE, "--doc"])
            .run_and_read()?,
    )?;
    Ok(Outcome::Passed)
}

/// The loom models: the tests of the library with `loom` in their path.
pub(crate) fn loom(project: &Project) -> Result<Outcome> {
    configured(project, "loom", &["test", "--release", "--lib", "loom", "-p", LIBRARY])
}

/// The tests of the library on the system inside of one process, whose calls fail on purpose.
pub(crate) fn shell(project: &Project) -> Result<Outcome> {
    configured(project, "shell", &["test", "--lib", "-p", LIBRARY])
}

/// Tests of the library as it is with this configuration.
fn configured(project: &Project, configuration: &str, arguments: &[&str]) -> Result<Outcome> {
    let flags = format!("--cfg {configuration}");
    let command = project
        .command("cargo", arguments)
        .env("RUSTFLAGS", flags.clone())
        .env("CARGO_TARGET_DIR", project.target.join(configuration))
        .shown(format!("RUSTFLAGS='{flags}' cargo {}", arguments.join(" ")));
    some_passed(&command.run_and_read()?)?;
    Ok(Outcome::Passed)
}

/// The release build of the library.
pub(crate) fn library(project: &Project) -> Result<Outcome> {
    project.command("cargo", ["build", "--release", "-p", LIBRARY, "--lib"]).run()?;
    let library = project.shared_library();
    if !library.is_file() {
        bail!("the build made no {}", library.display());
    }
    Ok(Outcome::Passed)
}

/// A test runner that found nothing to run is content; we are not.
fn some_passed(output: &str) -> Result<()> {
    if passed(output)? == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// How many tests passed, by the closing lines of `cargo test`.
fn passed(output: &str) -> Result<u64> {
    let mut sum = 0;
    for found in Regex::new(r"(?m)^test result: .*?(\d+) passed;")?.captures_iter(output) {
        sum += found[1].parse::<u64>()?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_that_passed_are_counted_over_all_test_programs() {
        let output = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s\n\n\
            test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(passed(output).unwrap(), 12);
    }

    #[test]
    fn a_run_of_no_test_is_an_error() {
        let output = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 30 filtered out\n";
        assert!(some_passed(output).is_err());
        assert!(some_passed("").is_err());
    }
}
