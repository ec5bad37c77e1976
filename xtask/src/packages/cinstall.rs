//! `cargo cinstall` of cargo-c installs what `cargo xtask install` does, but for CMake's files and the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::install;
use crate::command::Command;
use crate::project::Project;
use crate::report::Outcome;

/// The step.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    let cinstall = match cargo_c(project)? {
        Ok(cinstall) => cinstall,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let folder = project.scratch("cinstall")?;
    let (root, libdir) = (folder.join("root"), Path::new("/usr/lib/of-this-processor"));
    cinstall
        .arg("--release")
        .arg("--locked")
        .arg("--package=surfaceport")
        .arg("--prefix=/usr")
        .arg(format!("--libdir={}", libdir.display()))
        .arg(format!("--destdir={}", root.display()))
        .env("CARGO_TARGET_DIR", project.target.join("packages").join("cinstall"))
        .run()?;
    install::check(project, &root, libdir, &folder)?;
    Ok(Outcome::Passed)
}

/// The command `cargo cinstall`, or why it cannot be had here.
///
/// Debian 12's own is too old for us, and to compile it takes longer than all other steps, so that Debian 13's is
/// unpacked into the target folder with the libraries that it needs.
fn cargo_c(project: &Project) -> Result<Result<Command, String>> {
    let installed = project.command("cargo", ["cinstall"]);
    if installed.clone().arg("--version").exists() {
        return Ok(Ok(installed));
    }
    let folder = project.target.join("cargo-c");
    if !folder.exists() {
        if !project.command("mmdebstrap", ["--version"]).exists() {
            return Ok(Err(
                "there is no cargo-c: `cargo install cargo-c --locked`, or `apt install mmdebstrap`, \
                           which unpacks Debian 13's"
                    .into(),
            ));
        }
        println!("unpacking Debian 13's cargo-c in {}", folder.display());
        let half = project.scratch("cargo-c")?.join("root");
        project
            .command("mmdebstrap", ["--variant=extract", "--include=cargo-c", "trixie"])
            .arg(&half)
            .run()?;
        fs::rename(&half, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    unpacked(project, &folder).map(Ok)
}

/// The same of a folder with Debian's packages. Its libraries are newer than the system's, so that it is called by a
/// loader of its own, which looks there.
fn unpacked(project: &Project, folder: &Path) -> Result<Command> {
    for libraries in entries(&folder.join("usr/lib"))? {
        for loader in entries(&libraries).unwrap_or_default() {
            let name = loader.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("ld-linux") {
                let program = folder.join("usr/bin/cargo-cinstall");
                return Ok(project
                    .command(&loader.to_string_lossy(), ["--library-path".into(), libraries, program])
                    .arg("cinstall"));
            }
        }
    }
    bail!("{} has no loader of programs", folder.display())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    list.map(|entry| Ok(entry?.path())).collect()
}
