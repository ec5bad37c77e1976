//! `cargo xtask macos`: the library, the program, the tests and the C examples for macOS, from Linux or on a Mac.
//!
//! From Linux, the standard library is built from its source for both processors, everything is linked against link
//! stubs that name just what we import, and what came out is checked. On a Mac its own tools do the same. Either way
//! `target/macos/` can be carried to a Mac, where `run-tests.sh` in it runs the suite.

mod build;
mod checks;
mod groups;
mod headers;
mod image;
mod sdk;
mod stub;
mod suite;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::command::Command;
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;
use toolchain::Toolchain;

/// The oldest macOS that the programs run on.
pub(crate) const MINIMUM: &str = "11.0";

/// A processor that Macs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Architecture {
    /// Apple silicon
    Aarch64,
    /// Intel
    #[value(name = "x86_64")]
    X86_64,
}

impl Architecture {
    /// Rust's name of the target.
    fn target(self) -> &'static str {
        match self {
            Architecture::Aarch64 => "aarch64-apple-darwin",
            Architecture::X86_64 => "x86_64-apple-darwin",
        }
    }

    /// The processor's name in Rust and zig, and of folders.
    fn name(self) -> &'static str {
        match self {
            Architecture::Aarch64 => "aarch64",
            Architecture::X86_64 => "x86_64",
        }
    }

    /// Apple's name of the processor.
    fn apple_name(self) -> &'static str {
        match self {
            Architecture::Aarch64 => "arm64",
            Architecture::X86_64 => "x86_64",
        }
    }
}

/// The folder of everything that is made on the way: cargo's target folder for macOS, among others.
fn work_folder(project: &Project) -> PathBuf {
    project.target.join("macos-build")
}

/// The folder to carry to a Mac.
pub(crate) fn output_folder(project: &Project) -> PathBuf {
    project.target.join("macos")
}

/// The shared library's file name, which its install name names too: programs of one major version share it.
pub(crate) fn library_file(project: &Project) -> String {
    let major = project.version.split('.').next().unwrap_or_default();
    format!("lib{LIBRARY}.{major}.dylib")
}

/// The library's install name: programs find it by their own search path.
fn install_name(project: &Project) -> String {
    format!("@rpath/{}", library_file(project))
}

/// The Rust compiler that builds for macOS.
pub(crate) fn compiler(project: &Project) -> Result<PathBuf> {
    match Toolchain::find(project)? {
        Ok(toolchain) => Ok(toolchain.rustc().to_path_buf()),
        Err(missing) => bail!("{}", advice(&missing)),
    }
}

/// The step of `cargo xtask test`.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    match Toolchain::find(project)? {
        Ok(toolchain) => {
            build_all(project, &toolchain, &[])?;
            Ok(Outcome::Passed)
        }
        Err(missing) => Ok(Outcome::Skipped(advice(&missing))),
    }
}

/// The task: builds for these processors, or for both if none is named.
pub(crate) fn run(project: &Project, named: &[Architecture]) -> Result<()> {
    match Toolchain::find(project)? {
        Ok(toolchain) => build_all(project, &toolchain, named),
        Err(missing) => bail!("{}", advice(&missing)),
    }
}

/// The C++ compiler for each processor; or what is missing.
pub(crate) fn cpp_compilers(project: &Project) -> Result<Result<Vec<Command>, String>> {
    Ok(Toolchain::find(project)?.map_err(|missing| advice(&missing)).map(|toolchain| {
        let processors = Architecture::value_variants();
        processors.iter().map(|processor| toolchain.compiler(project, *processor, "c++")).collect()
    }))
}

fn advice(missing: &[String]) -> String {
    format!("this is missing to build for macOS:\n{}", missing.join("\n"))
}

fn build_all(project: &Project, toolchain: &Toolchain, named: &[Architecture]) -> Result<()> {
    let mut architectures =
        if named.is_empty() { Architecture::value_variants().to_vec() } else { named.to_vec() };
    architectures.sort();
    architectures.dedup();
    println!("{}", toolchain.about());

    let mut faults = Vec::new();
    let mut built = Vec::new();
    for &architecture in &architectures {
        let products = build::build(project, toolchain, architecture)?;
        faults.extend(checks::check(project, toolchain, architecture, &products)?);
        built.push((architecture, products));
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    let folder = output_folder(project);
    empty(&folder)?;
    suite::stage(project, toolchain, &built, &folder)?;
    println!("{} has what a Mac needs to run the tests: run-tests.sh", folder.display());
    Ok(())
}

/// Makes the folder, or makes it empty.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_named_by_its_major_version() {
        let mut project = Project::find(false).unwrap();
        project.version = "3.14.0".into();
        assert_eq!(library_file(&project), "libsurfaceport.3.dylib");
        assert_eq!(install_name(&project), "@rpath/libsurfaceport.3.dylib");
    }

    #[test]
    fn processors_are_named_as_cargo_names_them() {
        for architecture in Architecture::value_variants() {
            let value = architecture.to_possible_value().unwrap();
            assert_eq!(value.get_name(), architecture.name());
            assert!(architecture.target().starts_with(architecture.name()));
        }
    }
}
