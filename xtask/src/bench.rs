//! `cargo xtask bench`, which measures, and the step that tells whether it still works.

use anyhow::Result;

use crate::project::Project;
use crate::report::Outcome;

/// Not a part of the steps for all packages: what it measures beside the library needs more than the library does.
pub(crate) const PACKAGE: &str = "surfaceport-bench";

/// Measures, and writes the report into target/bench.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<()> {
    let command = project.command("cargo", ["run", "--release", "--package", PACKAGE, "--"]);
    let command = command.arg("--output").arg(project.target.join("bench"));
    arguments.iter().fold(command, |command, argument| command.arg(argument)).run()
}

/// The lints and the tests of the measurements, and a run of few rounds, whose figures count for nothing.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("measurements are made on Linux only".into()));
    }
    if !has_libclang() {
        return Ok(Outcome::Skipped("there is no libclang: `apt install clang`".into()));
    }
    let arguments = ["clippy", "--package", PACKAGE, "--all-targets", "--", "-D", "warnings"];
    project.command("cargo", arguments).run()?;
    project.command("cargo", ["test", "--release", "--package", PACKAGE]).run()?;
    let command = project.command("cargo", ["run", "--release", "--package", PACKAGE, "--"]);
    let command = command.args(["--quick", "--output"]).arg(project.target.join("xtask").join("bench"));
    // A machine for continuous integration may have one processor.
    let alone = std::thread::available_parallelism().is_ok_and(|count| count.get() == 1);
    let command = if alone { command.arg("--one-processor") } else { command };
    command.args(["floors", "messages", "table-e", "frames", "startup"]).run()?;
    Ok(Outcome::Passed)
}

/// Whether there is the library with which the bindings of iceoryx2 are made.
fn has_libclang() -> bool {
    let known = std::process::Command::new("/sbin/ldconfig").arg("-p").output();
    let is_known = known.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("libclang"));
    is_known || std::env::var_os("LIBCLANG_PATH").is_some()
}
