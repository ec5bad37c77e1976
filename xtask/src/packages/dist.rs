//! `cargo xtask dist`: the archives of a release, in `target/dist`.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::contents::{COMPILER, Contents, WITH_PROGRAM};
use super::layout::{Layout, copy};
use super::wheel::Wheels;
use super::{archive, build, cmake, contents, macos};
use crate::c_compiler::LIMIT;
use crate::project::{LIBRARY, Project};
use crate::readme;
use crate::report::Outcome;

/// The README's markers around what a reader does with the archive.
const MARKER: &str = "tarball";

/// Files from the top of the repository that are in each archive, beside the licences.
const PAPERS: [&str; 2] = ["README.md", "CHANGELOG.md"];

/// The task: everything that can be made here.
pub(crate) fn run(project: &Project) -> Result<()> {
    let folder = project.target.join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let wheels = Wheels::find(project)?.map_err(anyhow::Error::msg)?;
    if cfg!(target_os = "linux") {
        archives(project, &wheels, &folder)?;
    }
    match crate::macos::step(project)? {
        Outcome::Passed => macos::archives(project, &wheels, &folder)?,
        Outcome::Skipped(reason) | Outcome::Failed(reason) => println!("nothing for macOS: {reason}"),
    }
    archive::sums(&folder)?;
    for file in fs::read_dir(&folder)? {
        println!("{}", file?.path().display());
    }
    Ok(())
}

/// Makes the archives for this system below `folder`; gives the one with everything.
fn archives(project: &Project, wheels: &Wheels, folder: &Path) -> Result<PathBuf> {
    let layout = Layout::relocatable();
    let build = build::build(project, &layout.libdir)?;
    let name = format!("{LIBRARY}-{}-{ARCH}-linux-gnu", project.version);
    let stage = project.scratch("dist-linux")?.join(&name);
    layout.fill(project, &build, &stage)?;
    let contents = Contents::find(project, COMPILER.as_ref(), &[&contents::here()], WITH_PROGRAM)?;
    papers(project, &stage, &contents)?;
    names_no_place(project, &stage)?;
    let file = folder.join(format!("{name}.tar.gz"));
    archive::tar_gz(&stage, &file)?;
    wheels.check_linux(&wheels.linux(&build.shared, folder)?)?;
    Ok(file)
}

/// What is not the library itself: what to read, the examples, the licences and the list of all contents.
pub(super) fn papers(project: &Project, folder: &Path, contents: &Contents) -> Result<()> {
    for name in PAPERS {
        copy(&project.path(name), &folder.join(name), 0o644)?;
    }
    for example in project.files("examples/c", "c")? {
        let name = example.file_name().context("a file without a name")?;
        copy(&example, &folder.join("examples/c").join(name), 0o644)?;
    }
    contents.write_into(project, folder)
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

/// The step: makes the archives twice, and does with it what the README says, in an empty folder.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("the archive is made on Linux".into()));
    }
    let wheels = match Wheels::find(project)? {
        Ok(wheels) => wheels,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let folder = project.scratch("dist")?;
    let (first, second) = (folder.join("first"), folder.join("second"));
    fs::create_dir_all(&first)?;
    fs::create_dir_all(&second)?;
    let archive = archives(project, &wheels, &first)?;
    archives(project, &wheels, &second)?;
    archive::same(&first, &second)?;
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
