//! The project that the tasks work on: where its files are, and the environment of its tools.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::command::Command;

/// The name of the library's package, and of the library.
pub(crate) const LIBRARY: &str = "surfaceport";

/// The workspace that `cargo xtask` was called in.
pub(crate) struct Project {
    /// The workspace's folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// The library's version, as Cargo.toml states it.
    pub(crate) version: String,
    /// The packages of the workspace.
    pub(crate) metadata: Metadata,
    /// Whether a step that cannot run is a failure.
    pub(crate) no_skip: bool,
}

impl Project {
    /// Finds the workspace around this package.
    pub(crate) fn find(no_skip: bool) -> Result<Project> {
        // `cargo run` says where the package is now; it may have been built somewhere else.
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().context("the folder of xtask has no parent")?.to_path_buf();
        let metadata = MetadataCommand::new()
            .current_dir(&root)
            .no_deps()
            .exec()
            .context("cannot ask cargo metadata")?;
        let library = metadata
            .packages
            .iter()
            .find(|package| package.name == LIBRARY)
            .with_context(|| format!("the workspace has no package {LIBRARY}"))?;
        Ok(Project {
            root,
            target: metadata.target_directory.clone().into_std_path_buf(),
            version: library.version.to_string(),
            metadata,
            no_skip,
        })
    }

    /// A program that was made, to be run as it is.
    pub(crate) fn program(&self, path: &Path) -> Command {
        self.command(&path.to_string_lossy(), [""; 0])
    }

    /// A line as a shell runs it.
    pub(crate) fn shell(&self, line: &str) -> Command {
        self.command("sh", ["-c", line]).shown(line)
    }

    /// A command in the project's folder, with the environment that all its tools get.
    pub(crate) fn command<I>(&self, program: &str, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let mut command = Command::new(program, arguments)
            .dir(&self.root)
            .env("SURFACEPORT_SKIP_LOG", self.skip_log())
            .env_remove("SURFACEPORT_NO_SKIP");
        if self.no_skip {
            command = command.env("SURFACEPORT_NO_SKIP", "1");
        }
        // `cargo run` puts its own folders before all others; a C program that is linked to the
        // release library would load the debug one.
        for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
            if let Some(value) = env::var_os(name) {
                command = match without(&value, &self.target) {
                    Some(rest) => command.env(name, rest),
                    None => command.env_remove(name),
                };
            }
        }
        command
    }

    /// A file of the project.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The text of a file of the project.
    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        fs::read_to_string(self.path(relative)).with_context(|| format!("cannot read {relative}"))
    }

    /// The files of a folder with this extension, sorted; none if there is no such folder.
    pub(crate) fn files(&self, folder: &str, extension: &str) -> Result<Vec<PathBuf>> {
        let folder = self.path(folder);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// The folder with the release build of the library.
    pub(crate) fn release(&self) -> PathBuf {
        self.target.join("release")
    }

    /// The release build of the shared library.
    pub(crate) fn shared_library(&self) -> PathBuf {
        let (prefix, suffix) = (env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
        self.release().join(format!("{prefix}{LIBRARY}{suffix}"))
    }

    /// An empty folder for what a step makes.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.target.join("xtask").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// Where a test that cannot run here writes one line: its name and why (`name: reason`).
    fn skip_log(&self) -> PathBuf {
        self.target.join("xtask").join("skipped.txt")
    }

    /// Takes the lines that tests have written to the skip log since the last call.
    pub(crate) fn take_skips(&self) -> Result<Vec<String>> {
        let log = self.skip_log();
        let lines = match fs::read_to_string(&log) {
            Ok(text) => {
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect()
            }
            Err(_) => Vec::new(),
        };
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&log, "").with_context(|| format!("cannot write {}", log.display()))?;
        Ok(lines)
    }
}

/// The search path without the entries inside `folder`; `None` if no entry is left.
fn without(search_path: &OsString, folder: &Path) -> Option<OsString> {
    let rest: Vec<PathBuf> = env::split_paths(search_path)
        .filter(|entry| !entry.as_os_str().is_empty() && !entry.starts_with(folder))
        .collect();
    if rest.is_empty() { None } else { env::join_paths(rest).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_path_loses_the_target_folder_only() {
        let path = OsString::from("/t/debug/deps:/t/debug:/usr/lib");
        assert_eq!(without(&path, Path::new("/t")), Some(OsString::from("/usr/lib")));
        assert_eq!(without(&OsString::from("/t/debug:"), Path::new("/t")), None);
    }
}
