//! The C++ examples: built with the README's own commands, and by CMake, and run; the window in front of a user.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::c_compiler::LIMIT;
use crate::c_examples;
use crate::display::SERVER;
use crate::engine_window;
use crate::project::Project;
use crate::readme;
use crate::report::Outcome;

/// Where they are.
const FOLDER: &str = "examples/cpp";

/// The name of the README's markers around the commands.
const MARKER: &str = "cpp-examples";

/// The README's lines that run something, and how each is run here.
const HOST: &str = "./cpp-host";
const WINDOW: &str = "./engine";

/// Builds the examples as the README says, and by CMake, and runs both.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    let shell = readme::shell(project, MARKER)?.replace("\\\n", " ");
    let lines: Vec<&str> = shell.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    complete(project, &lines)?;
    let probes = [("sdl2-config", "--version"), (SERVER, "-help"), ("cmake", "--version")];
    let missing: Vec<&str> = probes
        .into_iter()
        .filter(|(tool, argument)| !project.command(tool, [argument]).exists())
        .map(|(tool, _)| tool)
        .collect();
    if !missing.is_empty() {
        return Ok(Outcome::Skipped(format!("there is no {} here", missing.join(", "))));
    }
    let folder = c_examples::stage(project, "cpp-examples")?;
    for line in lines {
        match line {
            HOST => run_host(project, &folder)?,
            WINDOW => engine_window::try_out(project, &folder)?,
            _ => project.shell(line).dir(&folder).run()?,
        }
    }
    build_by_cmake(project, &folder)?;
    Ok(Outcome::Passed)
}

/// Whether the README builds all of them, and runs what can be run.
fn complete(project: &Project, lines: &[&str]) -> Result<()> {
    for file in project.files(FOLDER, "cpp")? {
        let name = file.file_name().context("a file without a name")?.to_string_lossy().into_owned();
        let path = format!("{FOLDER}/{name}");
        if !lines.iter().any(|line| line.split_whitespace().any(|word| word == path)) {
            bail!("README.md does not say how to build {path} (between the {MARKER} markers)");
        }
    }
    for program in [HOST, WINDOW] {
        if !lines.contains(&program) {
            bail!("README.md does not run {program} (between the {MARKER} markers)");
        }
    }
    Ok(())
}

fn run_host(project: &Project, folder: &Path) -> Result<()> {
    let host = project.program(&folder.join("cpp-host")).shown(HOST).dir(folder);
    let output = host.run_limited(LIMIT, &folder.join("output.txt"))?;
    if !output.contains("frame 120, 1280 x 720") {
        bail!("the host did not show the last frame");
    }
    Ok(())
}

/// The same programs by the examples' CMakeLists.txt, with each warning an error.
fn build_by_cmake(project: &Project, folder: &Path) -> Result<()> {
    let build = folder.join("build");
    let library = format!("-DSURFACEPORT_LIBRARY={}", project.shared_library().display());
    let warnings = "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror";
    project.command("cmake", ["-S", FOLDER, &library, warnings, "-B"]).arg(&build).run()?;
    project.command("cmake", ["--build"]).arg(&build).run()?;
    for program in ["engine", "renderer"] {
        if !build.join(program).is_file() {
            bail!("CMake has built no {program}");
        }
    }
    run_host(project, &build)
}
