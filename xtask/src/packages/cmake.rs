//! A project that finds the library by CMake: built against an installation, with each of its targets, and run.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::build;
use super::layout::Layout;
use crate::c_compiler::LIMIT;
use crate::project::Project;
use crate::report::Outcome;

/// The project of a user.
const CONSUMER: &str = "tests/cmake";

/// The step.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !project.command("cmake", ["--version"]).exists() {
        return Ok(Outcome::Skipped("there is no cmake: `apt install cmake`".into()));
    }
    let folder = project.scratch("cmake")?;
    let prefix = folder.join("installed");
    let layout = Layout::new(&prefix);
    layout.fill(project, &build::build(project, &layout.libdir)?, Path::new("/"))?;
    check(project, &prefix, &folder.join("build"))?;
    an_unfit_version_is_refused(project, &prefix, &folder)?;
    Ok(Outcome::Passed)
}

/// Builds the consumer against what lies below `prefix`, and runs its programs.
pub(super) fn check(project: &Project, prefix: &Path, folder: &Path) -> Result<()> {
    configure(project, prefix, folder, &project.version)?.run()?;
    project.command("cmake", ["--build"]).arg(folder).arg("--verbose").run()?;
    for programs in ["shared", "static"] {
        let host = folder.join(format!("{programs}-host"));
        project
            .command(&host.to_string_lossy(), [folder.join(format!("{programs}-child"))])
            .run_limited(LIMIT, &folder.join(format!("{programs}.txt")))?;
    }
    Ok(())
}

fn configure(
    project: &Project,
    prefix: &Path,
    folder: &Path,
    version: &str,
) -> Result<crate::command::Command> {
    let source: PathBuf = project.path(CONSUMER);
    Ok(project
        .command("cmake", ["-S"])
        .arg(source)
        .arg("-B")
        .arg(folder)
        .arg("-Wdev")
        .arg("-Werror=dev")
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
        .arg(format!("-DEXAMPLES={}", project.path("examples/c").display()))
        .arg(format!("-DWANTED={version}")))
}

/// Versions that break programs have another first number; none of them is taken.
fn an_unfit_version_is_refused(project: &Project, prefix: &Path, folder: &Path) -> Result<()> {
    for version in ["999.0", "0.999"] {
        if configure(project, prefix, &folder.join(version), version)?.exists() {
            bail!("CMake takes {} where {version} is asked for", project.version);
        }
    }
    Ok(())
}
