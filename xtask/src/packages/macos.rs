//! The archives for macOS, of what `cargo xtask macos` builds: a folder like that for Linux, and an XCFramework.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::read::macho::FatArch as _;
use object::read::macho::MachOFatFile32;
use object::{Architecture, FileKind};

use super::contents::{Contents, LIBRARY_ALONE, WITH_PROGRAM};
use super::description::Names;
use super::layout::{Layout, copy, link, write};
use super::wheel::Wheels;
use super::{archive, dist};
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

/// Apple's description of an XCFramework with one library for both processors.
const INFO: &str = include_str!("../../../packaging/xcframework/Info.plist.in");
/// The name of the library for Swift and Objective-C.
const MODULE_MAP: &str = include_str!("../../../packaging/xcframework/module.modulemap");

/// The folder in the XCFramework, which names the system and the processors.
const SLICE: &str = "macos-arm64_x86_64";

/// Both processors, as Rust names them.
const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];

/// The step: the archives of what the step `macos` has built, twice.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !library(project).is_file() {
        return Ok(Outcome::Skipped("nothing was built for macOS: `cargo xtask macos`".into()));
    }
    let wheels = match Wheels::find(project)? {
        Ok(wheels) => wheels,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let folder = project.scratch("dist-macos")?;
    let (first, second) = (folder.join("first"), folder.join("second"));
    for folder in [&first, &second] {
        fs::create_dir_all(folder)?;
        archives(project, &wheels, folder)?;
    }
    archive::same(&first, &second)?;
    Ok(Outcome::Passed)
}

/// Reads the description as a property list, where a program for that is at hand, and looks for what it names.
fn describes_what_is_there(project: &Project, framework: &Path) -> Result<()> {
    let script = "import plistlib, sys\n\
        for one in plistlib.load(open(sys.argv[1], 'rb'))['AvailableLibraries']:\n    \
            folder = one['LibraryIdentifier'] + '/'\n    \
            print(folder + one['LibraryPath'], folder + one['BinaryPath'], folder + one['HeadersPath'])\n";
    let python = project.command("python3", ["-c", script]).arg(framework.join("Info.plist"));
    for path in python.read()?.split_whitespace() {
        if !framework.join(path).exists() {
            bail!("Info.plist of the XCFramework names {path}, which is not there");
        }
    }
    Ok(())
}

/// What is in files that have these packages of ours.
pub(super) fn contents(project: &Project, ours: &[&str]) -> Result<Contents> {
    Contents::find(project, &crate::macos::compiler(project)?, &TARGETS, ours)
}

/// Makes the archives below `folder`.
pub(super) fn archives(project: &Project, wheels: &Wheels, folder: &Path) -> Result<()> {
    for file in [library(project), program(project)] {
        is_for_both_processors(&file)?;
    }
    tarball(project, folder)?;
    xcframework(project, folder)?;
    wheels.check_macos(&wheels.macos(&library(project), folder)?)
}

/// The shared library for both processors.
pub(super) fn library(project: &Project) -> PathBuf {
    built(project).join("lib").join(file_name(project))
}

/// The program for both.
fn program(project: &Project) -> PathBuf {
    built(project).join("bin").join(LIBRARY)
}

fn file_name(project: &Project) -> String {
    crate::macos::library_file(project)
}

/// What `cargo xtask macos` has made.
fn built(project: &Project) -> PathBuf {
    crate::macos::output_folder(project)
}

fn tarball(project: &Project, folder: &Path) -> Result<()> {
    let name = format!("{LIBRARY}-{}-macos-universal", project.version);
    let stage = project.scratch("dist-macos-tarball")?.join(&name);
    let (file, layout) = (file_name(project), Layout::relocatable());
    copy(&library(project), &stage.join("lib").join(&file), 0o755)?;
    link(&file, &stage.join("lib").join(format!("lib{LIBRARY}.dylib")))?;
    copy(&program(project), &stage.join("bin").join(LIBRARY), 0o755)?;
    layout.headers(project, &stage.join("include"))?;
    let names = Names { soname: format!("@rpath/{file}"), file, needs: &[] };
    layout.descriptions(project, &names, &stage.join("lib"))?;
    dist::papers(project, &stage, &contents(project, WITH_PROGRAM)?)?;
    dist::names_no_place(project, &stage)?;
    archive::tar_gz(&stage, &folder.join(format!("{name}.tar.gz")))
}

fn xcframework(project: &Project, folder: &Path) -> Result<()> {
    let name = format!("{LIBRARY}.xcframework");
    let stage = project.scratch("dist-xcframework")?.join(&name);
    let (file, slice) = (file_name(project), stage.join(SLICE));
    write(&stage.join("Info.plist"), &INFO.replace("@LIBRARY_FILE@", &file).replace("@SLICE@", SLICE))?;
    copy(&library(project), &slice.join(&file), 0o755)?;
    Layout::relocatable().headers(project, &slice.join("Headers"))?;
    write(&slice.join("Headers/module.modulemap"), MODULE_MAP)?;
    contents(project, LIBRARY_ALONE)?.write_into(project, &stage)?;
    dist::names_no_place(project, &stage)?;
    describes_what_is_there(project, &stage)?;
    archive::zip(&stage, &folder.join(format!("{name}.zip")))
}

/// What is for one processor only is no release.
pub(super) fn is_for_both_processors(file: &Path) -> Result<()> {
    let data = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut found = Vec::new();
    if FileKind::parse(&*data)? == FileKind::MachOFat32 {
        for one in MachOFatFile32::parse(&*data)?.arches() {
            found.push(one.architecture());
        }
    }
    for wanted in [Architecture::Aarch64, Architecture::X86_64] {
        if !found.contains(&wanted) {
            bail!("{} is not for {wanted:?}: run `cargo xtask macos`", file.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_what_is_there() {
        assert!(INFO.contains("<string>@SLICE@</string>"));
        assert_eq!(INFO.matches("@LIBRARY_FILE@").count(), 2);
        for processor in ["arm64", "x86_64"] {
            assert!(SLICE.contains(processor) && INFO.contains(&format!("<string>{processor}</string>")));
        }
    }

    #[test]
    fn a_library_for_one_processor_is_refused() {
        assert!(is_for_both_processors(&std::env::current_exe().unwrap()).is_err());
    }
}
