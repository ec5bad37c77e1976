//! The programs that are run: the README's host and child, the other examples in C, and exercisers of their own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::c_compiler;
use crate::project::Project;

/// What a program promises of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The README's pair: 120 frames, each once and in order, and no error.
    Pair,
    /// An example: it checks itself, and its end is its error.
    Example,
    /// It tells what it sent and got, goes on after errors, and gives back all that it has whatever happens.
    Exerciser,
}

/// A program that starts its other processes itself.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<PathBuf>,
    pub(super) kind: Kind,
}

/// Builds all programs into a folder.
pub(super) fn build(project: &Project, folder: &Path) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for (sources, kind) in [("examples/c", Kind::Example), ("tests/faults", Kind::Exerciser)] {
        for source in project.files(sources, "c")? {
            let name = source.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
            let path = folder.join(&name);
            c_compiler::compile(project, &source, &["-O2"], &path)?;
            programs.push(Program { name, path, arguments: Vec::new(), kind });
        }
    }
    let child = programs.iter().position(|program| program.name == "child").context("there is no child")?;
    let child = programs.remove(child).path;
    let host = programs.iter_mut().find(|program| program.name == "host").context("there is no host")?;
    host.kind = Kind::Pair;
    host.arguments.push(child);
    Ok(programs)
}
