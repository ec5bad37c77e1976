//! `cargo cinstall` of cargo-c installs what `cargo xtask install` does, but for CMake's files and the program.

use std::path::Path;

use anyhow::Result;

use super::install;
use crate::project::Project;
use crate::report::Outcome;

/// The step.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !project.command("cargo", ["cinstall", "--version"]).exists() {
        return Ok(Outcome::Skipped("there is no cargo-c: `cargo install cargo-c --locked`".into()));
    }
    let folder = project.scratch("cinstall")?;
    let (root, libdir) = (folder.join("root"), Path::new("/usr/lib/of-this-processor"));
    project
        .command("cargo", ["cinstall", "--release", "--locked", "--package", "surfaceport"])
        .arg("--prefix=/usr")
        .arg(format!("--libdir={}", libdir.display()))
        .arg(format!("--destdir={}", root.display()))
        .env("CARGO_TARGET_DIR", project.target.join("packages").join("cinstall"))
        .run()?;
    install::check(project, &root, libdir, &folder)?;
    Ok(Outcome::Passed)
}
