//! A user's first programs, built with nothing but what was installed: the README's host and child.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::c_compiler::LIMIT;
use crate::project::Project;

/// The programs; the first one starts the second.
const PROGRAMS: [&str; 2] = ["host", "child"];

/// Builds both in a fresh folder with these flags, each warning an error, and runs the host. `libraries` is a folder
/// of shared libraries that the system does not know.
pub(super) fn build_and_run(
    project: &Project,
    folder: &Path,
    flags: &str,
    libraries: Option<&Path>,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in PROGRAMS {
        let source = project.path(&format!("examples/c/{name}.c"));
        let line = format!("cc -Wall -Wextra -Werror {} -o {name} {flags}", source.display());
        project.shell(&line).dir(folder).run()?;
    }
    let mut host = project.program(&folder.join("host")).dir(folder);
    if let Some(libraries) = libraries {
        host = host
            .env(if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" }, libraries);
    }
    host.run_limited(LIMIT, &folder.join("output.txt")).map(drop)
}
