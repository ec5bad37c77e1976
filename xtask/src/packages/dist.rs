//! `cargo xtask dist`: the archives of a release, in `target/dist`.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::contents::Contents;
use super::layout::{Layout, copy, write};
use super::{archive, build, cmake, macos};
use crate::c_compiler::LIMIT;
use crate::project::{LIBRARY, Project};
use crate::readme;
use crate::report::Outcome;

/// The README's markers around what a reader does with the archive.
const MARKER: &str = "tarball";

/// Files from the top of the repository that are in each archive.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// The task: everything that can be made here.
pub(crate) fn run(project: &Project) -> Result<()> {
    let folder = project.target.join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if cfg!(target_os = "linux") {
        tarball(project, &folder)?;
    }
    match crate::macos::step(project)? {
        Outcome::Passed => macos::archives(project, &folder)?,
        Outcome::Skipped(reason) | Outcome::Failed(reason) => println!("nothing for macOS: {reason}"),
    }
    wheel(project, &folder)?;
    archive::sums(&folder)?;
    for file in fs::read_dir(&folder)? {
        println!("{}", file?.path().display());
    }
    Ok(())
}

/// The wheel, where there is a Python package.
fn wheel(project: &Project, folder: &Path) -> Result<()> {
    if project.path("bindings/python/pyproject.toml").is_file() {
        let arguments = ["-m", "pip", "wheel", "--no-deps", "bindings/python", "--wheel-dir"];
        project.command("python3", arguments).arg(folder).run()?;
    }
    Ok(())
}

/// The archive for this system, below `folder`.
fn tarball(project: &Project, folder: &Path) -> Result<PathBuf> {
    let name = format!("{LIBRARY}-{}-{ARCH}-linux-gnu", project.version);
    let stage = project.scratch("dist-linux")?.join(&name);
    let layout = Layout::relocatable();
    layout.fill(project, &build::build(project, &layout.libdir)?, &stage)?;
    papers(project, &stage, &format!("{ARCH}-unknown-linux-gnu"))?;
    names_no_place(project, &stage)?;
    let file = folder.join(format!("{name}.tar.gz"));
    archive::tar_gz(&stage, &file)?;
    Ok(file)
}

/// What is not the library itself: what to read, the examples, the licences and the list of all contents.
pub(super) fn papers(project: &Project, folder: &Path, target: &str) -> Result<()> {
    for name in PAPERS {
        copy(&project.path(name), &folder.join(name), 0o644)?;
    }
    for example in project.files("examples/c", "c")? {
        let name = example.file_name().context("a file without a name")?;
        copy(&example, &folder.join("examples/c").join(name), 0o644)?;
    }
    let contents = Contents::find(project, target)?;
    contents.copy_licences(project, &folder.join("licenses"))?;
    write(&folder.join(format!("{LIBRARY}.cdx.json")), &contents.bill(&project.version)?)
}

/// Looks into each file for the folders of this machine, which would make it another one elsewhere.
pub(super) fn names_no_place(project: &Project, folder: &Path) -> Result<()> {
    let mut places = vec![project.root.clone(), project.target.clone()];
    places.extend(build::cargo_home());
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(path) = waiting.pop() {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
            continue;
        }
        let data = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for place in &places {
            let place = place.to_string_lossy();
            if data.windows(place.len()).any(|found| found == place.as_bytes()) {
                bail!("{} names {place}, a folder of this machine", path.display());
            }
        }
    }
    Ok(())
}

/// The step: makes the archive twice, and does with it what the README says, in an empty folder.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("the archive is made on Linux".into()));
    }
    let folder = project.scratch("dist")?;
    let (first, second) = (folder.join("first"), folder.join("second"));
    fs::create_dir_all(&first)?;
    fs::create_dir_all(&second)?;
    let archive = tarball(project, &first)?;
    if fs::read(&archive)? != fs::read(tarball(project, &second)?)? {
        bail!("the archive has other bytes when it is made again");
    }
    let name = archive.file_name().context("an archive without a name")?.to_string_lossy().into_owned();
    let commands = readme::shell(project, MARKER)?;
    if !commands.contains(&name) {
        bail!("README.md does not name {name} between the {MARKER} markers");
    }
    let empty = folder.join("empty");
    copy(&archive, &empty.join(&name), 0o644)?;
    // Nothing but the archive, pkg-config and cc: no variable of ours, and no way to the repository.
    let arguments = ["-i", "PATH=/usr/bin:/bin", "sh", "-e", "-c"];
    project
        .command("env", arguments)
        .arg(&commands)
        .shown(commands.trim())
        .dir(&empty)
        .run_limited(LIMIT, &folder.join("output.txt"))?;

    let unpacked = empty.join(name.trim_end_matches(".tar.gz"));
    if project.command("cmake", ["--version"]).exists() {
        cmake::check(project, &unpacked, &folder.join("cmake"))?;
    }
    Ok(Outcome::Passed)
}
