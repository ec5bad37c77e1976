//! Python's wheels: the package of `bindings/python`, with the library that the other archives have.
//!
//! The package calls the library by ctypes, so that one wheel is for every Python of a system.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use super::contents::{self, COMPILER, Contents, LIBRARY_ALONE};
use super::dist;
use super::layout::{copy, write};
use crate::command::Command;
use crate::macos::MINIMUM;
use crate::project::{LIBRARY, Project};

/// The package.
const PACKAGE: &str = "bindings/python";
/// The tools that put wheels together.
const REQUIREMENTS: &str = "packaging/wheel/requirements.txt";
/// The time of all files in a wheel: 1980, the first one that a zip archive can say.
const EPOCH: &str = "315532800";

/// Python with the tools that make wheels.
pub(super) struct Wheels<'p> {
    project: &'p Project,
    python: PathBuf,
}

impl<'p> Wheels<'p> {
    /// Sets the tools up, or says why they cannot be had.
    pub(super) fn find(project: &'p Project) -> Result<Result<Wheels<'p>, String>> {
        if !project.command("python3", ["-c", "import venv, ensurepip"]).exists() {
            return Ok(Err("there is no python3 with venv: `apt install python3-venv`".into()));
        }
        let python = environment(project, &project.scratch("wheel-tools")?)?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        call(project, &python).args(install).arg(REQUIREMENTS).run()?;
        Ok(Ok(Wheels { project, python }))
    }

    /// The wheel for this system, with a library that was built for it.
    pub(super) fn linux(&self, library: &Path, folder: &Path) -> Result<PathBuf> {
        let file = format!("lib{LIBRARY}.so");
        let contents = Contents::find(self.project, COMPILER.as_ref(), &[&contents::here()], LIBRARY_ALONE)?;
        let raw = self.pack("linux", library, &file, &contents)?;
        // Which systems have all that the library asks for, by the versions of its symbols.
        let audit = call(self.project, &self.python).args(["-m", "auditwheel", "show"]).arg(&raw).read()?;
        let tag = oldest_system(&audit)?;
        self.tagged(&raw, &tag, folder)
    }

    /// The wheel for macOS, with a library for both processors.
    pub(super) fn macos(&self, library: &Path, folder: &Path) -> Result<PathBuf> {
        let file = format!("lib{LIBRARY}.dylib");
        let raw =
            self.pack("macos", library, &file, &super::macos::contents(self.project, LIBRARY_ALONE)?)?;
        self.tagged(&raw, &format!("macosx_{}_universal2", MINIMUM.replace('.', "_")), folder)
    }

    /// Packs the package with this library, the licences and the list of its contents.
    fn pack(&self, name: &str, library: &Path, file: &str, contents: &Contents) -> Result<PathBuf> {
        let scratch = self.project.scratch(&format!("wheel-{name}"))?;
        let (source, built, packed) = (scratch.join("source"), scratch.join("built"), scratch.join("packed"));
        copy_sources(&self.project.path(PACKAGE), &source)?;
        let named = scratch.join(file);
        copy(library, &named, 0o755)?;
        call(self.project, &self.python)
            .args([
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--wheel-dir",
            ])
            .arg(&built)
            .arg(&source)
            .env("SURFACEPORT_WHEEL_LIBRARY", named)
            .run()?;

        let wheel = |command: &str| call(self.project, &self.python).args(["-m", "wheel", command]);
        let open = scratch.join("open");
        wheel("unpack").arg("--dest").arg(&open).arg(only(&built)?).read()?;
        let open = only(&open)?;
        let about = open.join(format!("{LIBRARY}-{}.dist-info", self.project.version));
        if !about.is_dir() {
            bail!("the Python package is not version {}", self.project.version);
        }
        // The places that Python's specifications name for both.
        contents.copy_licences(self.project, &about.join("licenses").join("third-party"))?;
        write(&about.join("sboms").join(contents::BILL), &contents.bill()?)?;
        dist::names_no_place(self.project, &open)?;
        fs::create_dir_all(&packed).with_context(|| format!("cannot make {}", packed.display()))?;
        wheel("pack").arg("--dest-dir").arg(&packed).arg(&open).read()?;
        only(&packed)
    }

    /// Puts a wheel into a folder under the name of the systems that it is for.
    fn tagged(&self, wheel: &Path, platform: &str, folder: &Path) -> Result<PathBuf> {
        let tags = ["-m", "wheel", "tags", "--remove", "--platform-tag", platform];
        let said = call(self.project, &self.python).args(tags).arg(wheel).read()?;
        let name = said.lines().last().context("wheel names no file")?.trim().to_owned();
        let made = wheel.with_file_name(&name);
        let to = folder.join(&name);
        copy(&made, &to, 0o644)?;
        Ok(to)
    }

    /// Installs the wheel for this system into a fresh environment, where the package loads its own library.
    pub(super) fn check_linux(&self, wheel: &Path) -> Result<()> {
        let scratch = self.project.scratch("wheel-check")?;
        let python = environment(self.project, &scratch.join("environment"))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"];
        call(self.project, &python).args(install).arg(wheel).run()?;
        let said = call(self.project, &python).args(["-m", LIBRARY]).dir(&scratch).read()?;
        println!("{}", said.trim());
        if !said.contains(&self.project.version) || !said.contains(&*scratch.to_string_lossy()) {
            bail!("the package does not say its version and its library's place: {said}");
        }
        Ok(())
    }

    /// Lets pip install the wheel as it would on each kind of Mac, and not on others; and looks what came out.
    pub(super) fn check_macos(&self, wheel: &Path) -> Result<()> {
        let scratch = self.project.scratch("wheel-check")?;
        let install = |platform: &str| {
            call(self.project, &self.python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"])
                .args(["--no-deps", "--only-binary=:all:", "--platform", platform, "--target"])
                .arg(scratch.join(platform))
                .arg(wheel)
        };
        for platform in ["macosx_11_0_arm64", "macosx_11_0_x86_64"] {
            install(platform).run()?;
            let library = scratch.join(platform).join(LIBRARY).join(format!("lib{LIBRARY}.dylib"));
            super::macos::is_for_both_processors(&library)?;
        }
        for platform in ["macosx_10_15_x86_64", "manylinux_2_34_x86_64"] {
            if install(platform).exists() {
                bail!("{} can be installed where it does not run: {platform}", wheel.display());
            }
        }
        Ok(())
    }
}

/// The tag that auditwheel finds fit.
fn oldest_system(audit: &str) -> Result<String> {
    let words = audit.split_whitespace().collect::<Vec<_>>().join(" ");
    let tag = Regex::new("following platform tag: \"((?:many|musl)linux_[0-9a-z_]+)\"")?;
    let found = tag.captures(&words).with_context(|| format!("auditwheel finds no system fit:\n{audit}"))?;
    Ok(found[1].to_owned())
}

/// Makes a virtual environment, and names its Python.
fn environment(project: &Project, folder: &Path) -> Result<PathBuf> {
    project.command("python3", ["-m", "venv", "--clear"]).arg(folder).run()?;
    Ok(folder.join("bin/python"))
}

/// Python, with nothing of this machine's for it; what it packs has one time.
fn call(project: &Project, python: &Path) -> Command {
    project
        .program(python)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env_remove("PYTHONPATH")
        .env_remove("SURFACEPORT_LIBRARY")
}

/// Copies the package as it is in the repository, without what builds and tests leave there.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let text = name.to_string_lossy();
        if text.starts_with('.')
            || text.starts_with("__pycache__")
            || text.ends_with(".egg-info")
            || text == "build"
        {
            continue;
        }
        if path.is_dir() {
            copy_sources(&path, &to.join(&name))?;
        } else {
            copy(&path, &to.join(&name), 0o644)?;
        }
    }
    Ok(())
}

/// The one entry of a folder.
fn only(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    match (entries.next(), entries.next()) {
        (Some(entry), None) => Ok(entry?.path()),
        _ => bail!("{} has not just one entry", folder.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_system_is_what_auditwheel_says() {
        let audit = "\nsurfaceport-0.1.0-py3-none-linux_x86_64.whl is consistent\nwith the following platform tag: \n\
                     \"manylinux_2_34_x86_64\".\n\nThe wheel references no external versioned symbols.";
        assert_eq!(oldest_system(audit).unwrap(), "manylinux_2_34_x86_64");
        assert!(oldest_system("with the following platform tag: \"linux_x86_64\".").is_err());
    }
}
