//! The builds for one processor: the shared library, the program, the test programs, the C examples and tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{Artifact, Message, TargetKind};

use super::toolchain::Toolchain;
use super::{Architecture, empty, install_name, library_file, work_folder};
use crate::command::Command;
use crate::project::{LIBRARY, Project};

/// The package of the program `surfaceport`.
const PROGRAM: &str = "surfaceport-cli";

/// Where the C examples and the C tests are.
const C_EXAMPLES: &str = "examples/c";
const C_TESTS: &str = "tests/c";

/// How a C program finds the library from its own place: all of them lie two folders below the top.
const RPATH: &str = "@loader_path/../../lib";

/// All that was built for one processor.
pub(super) struct Products {
    /// The shared library.
    pub(super) library: PathBuf,
    /// The program `surfaceport`.
    pub(super) program: PathBuf,
    /// The test programs in Rust.
    pub(super) tests: Vec<Test>,
    /// The C examples.
    pub(super) c_examples: Vec<PathBuf>,
    /// The C tests.
    pub(super) c_tests: Vec<PathBuf>,
}

/// A test program in Rust.
pub(super) struct Test {
    pub(super) package: String,
    /// Its target's name; `lib` or `program` if it is a package's unit tests.
    pub(super) name: String,
    pub(super) path: PathBuf,
}

impl Products {
    /// Everything that can be started.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Path> {
        let tests = self.tests.iter().map(|test| &test.path);
        let all = tests.chain(&self.c_examples).chain(&self.c_tests).chain([&self.program]);
        all.map(PathBuf::as_path)
    }
}

/// Builds everything.
pub(super) fn build(
    project: &Project,
    toolchain: &Toolchain,
    architecture: Architecture,
) -> Result<Products> {
    let folder = work_folder(project).join("products").join(architecture.name());
    empty(&folder)?;
    let library = shared_library(project, toolchain, architecture, &folder)?;
    let (program, tests) = rust_programs(project, toolchain, architecture)?;
    let compile = |sources| c_programs(project, toolchain, architecture, sources, &folder);
    Ok(Products { c_examples: compile(C_EXAMPLES)?, c_tests: compile(C_TESTS)?, library, program, tests })
}

/// The release build of the shared library, under its own name and the one that `-l` looks for.
fn shared_library(
    project: &Project,
    toolchain: &Toolchain,
    architecture: Architecture,
    folder: &Path,
) -> Result<PathBuf> {
    let mut command = toolchain.cargo(project, architecture, "rustc");
    for argument in ["-p", LIBRARY, "--lib", "--crate-type", "cdylib", "--"] {
        command = command.arg(argument);
    }
    for flag in toolchain.library_flags(&install_name(project), &project.version) {
        command = command.arg(flag);
    }
    let artifacts = artifacts(&command)?;
    let mut files =
        artifacts.iter().filter(|artifact| is_of(artifact, LIBRARY)).flat_map(|one| &one.filenames);
    let file = files.find(|file| file.extension() == Some("dylib")).context("the build made no library")?;
    let library = folder.join(library_file(project));
    fs::copy(file, &library).with_context(|| format!("cannot copy {file}"))?;
    let linked = folder.join(format!("lib{LIBRARY}.dylib"));
    fs::copy(file, &linked).with_context(|| format!("cannot copy {file}"))?;
    Ok(library)
}

/// The program, and the test programs of its package and the library's.
fn rust_programs(
    project: &Project,
    toolchain: &Toolchain,
    architecture: Architecture,
) -> Result<(PathBuf, Vec<Test>)> {
    let mut command = toolchain.cargo(project, architecture, "test");
    for argument in ["--no-run", "-p", LIBRARY, "-p", PROGRAM, "--lib", "--bins", "--tests"] {
        command = command.arg(argument);
    }
    let (mut program, mut tests) = (None, Vec::new());
    for artifact in artifacts(&command)? {
        let Some(path) = artifact.executable.clone() else { continue };
        let path = path.into_std_path_buf();
        let of_program = is_of(&artifact, PROGRAM);
        if artifact.profile.test {
            let name = match () {
                () if artifact.target.is_test() => artifact.target.name,
                () if artifact.target.is_bin() => "program".into(),
                () => "lib".into(),
            };
            let package = if of_program { PROGRAM } else { LIBRARY }.to_owned();
            tests.push(Test { package, name, path });
        } else if of_program && artifact.target.kind.contains(&TargetKind::Bin) {
            program = Some(path);
        }
    }
    Ok((program.with_context(|| format!("the build made no program of {PROGRAM}"))?, tests))
}

/// Each C file of a folder as a program.
fn c_programs(
    project: &Project,
    toolchain: &Toolchain,
    architecture: Architecture,
    sources: &str,
    folder: &Path,
) -> Result<Vec<PathBuf>> {
    let programs = folder.join(sources);
    fs::create_dir_all(&programs).with_context(|| format!("cannot make {}", programs.display()))?;
    let sources = project.files(sources, "c")?;
    sources
        .iter()
        .map(|source| {
            let program = programs.join(source.file_stem().context("a file without a name")?);
            let object = program.with_extension("o");
            toolchain.compile(project, architecture, source, &object)?;
            toolchain.link(project, architecture, &object, folder, RPATH, &program)?;
            Ok(program)
        })
        .collect()
}

/// Whether something was built of this package.
fn is_of(artifact: &Artifact, package: &str) -> bool {
    // path+file:///somewhere#name@0.1.0, or without the name if that is the folder's.
    let id = &artifact.package_id.repr;
    let (folder, version) = id.rsplit_once('#').unwrap_or((id, ""));
    match version.split_once('@') {
        Some((name, _)) => name == package,
        None => folder.rsplit('/').next() == Some(package),
    }
}

/// Runs cargo and gives what it built. What the compiler says of our own packages is shown; a warning is an error.
fn artifacts(command: &Command) -> Result<Vec<Artifact>> {
    let (mut artifacts, mut warnings) = (Vec::new(), 0);
    command.run_and_hear(|line| match message_of(line) {
        Some(Message::CompilerArtifact(artifact)) => artifacts.push(artifact),
        Some(Message::CompilerMessage(message)) => {
            println!("{}", message.message.rendered.as_deref().unwrap_or(&message.message.message));
            warnings += usize::from(message.message.level == DiagnosticLevel::Warning);
        }
        _ => {}
    })?;
    if warnings != 0 {
        bail!("the compiler warns ({warnings} messages)");
    }
    Ok(artifacts)
}

/// A line that cargo wrote for programs.
fn message_of(line: &str) -> Option<Message> {
    Message::parse_stream(line.as_bytes()).next()?.ok()
}
