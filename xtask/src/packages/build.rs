//! The builds that go into packages: the library with a version in its name, static and shared, and the program.
//!
//! They have folders of their own inside the target folder: the library of `cargo build --release` has no such name,
//! so that programs find it where it was built.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, TargetKind};

use crate::command::Command;
use crate::project::{LIBRARY, Project};

/// The package of the program `surfaceport`.
const PROGRAM: &str = "surfaceport-cli";

/// What was built.
pub(super) struct Build {
    /// The shared library.
    pub(super) shared: PathBuf,
    /// The static library.
    pub(super) archive: PathBuf,
    /// The program.
    pub(super) program: PathBuf,
    /// The linker's flags for what the static library needs of the system.
    pub(super) needs: Vec<String>,
}

/// The name by which programs ask for the shared library: one for each first number of the version.
pub(super) fn soname(version: &str) -> String {
    let major = version.split('.').next().unwrap_or_default();
    if cfg!(target_os = "macos") {
        format!("lib{LIBRARY}.{major}.dylib")
    } else {
        format!("lib{LIBRARY}.so.{major}")
    }
}

/// Builds everything. `libdir` is where the library will be, which on macOS stands in it.
pub(super) fn build(project: &Project, libdir: &Path) -> Result<Build> {
    let (shared, archive, needs) = library(project, libdir)?;
    Ok(Build { shared, archive, needs, program: program(project)? })
}

fn library(project: &Project, libdir: &Path) -> Result<(PathBuf, PathBuf, Vec<String>)> {
    let soname = soname(&project.version);
    let mut name = OsString::from("-Clink-arg=-Wl,");
    if cfg!(target_os = "macos") {
        name.push("-install_name,");
        name.push(libdir.join(soname));
    } else {
        name.push("-soname,");
        name.push(soname);
    }
    let command = cargo(project, "library", "rustc")
        .arg("--package")
        .arg(LIBRARY)
        .arg("--lib")
        .arg("--crate-type")
        .arg("cdylib,staticlib")
        .arg("--")
        .arg("--print=native-static-libs")
        .arg(name);
    let (mut shared, mut archive, mut needs) = (None, None, None);
    for message in messages(&command)? {
        match message {
            Message::CompilerArtifact(artifact) => {
                for file in artifact.filenames {
                    match file.extension() {
                        Some("a") => archive = Some(file.into_std_path_buf()),
                        Some("so" | "dylib") if artifact.target.kind.contains(&TargetKind::CDyLib) => {
                            shared = Some(file.into_std_path_buf());
                        }
                        _ => {}
                    }
                }
            }
            Message::CompilerMessage(message) => {
                needs = native_libraries(&message.message.message).or(needs);
            }
            _ => {}
        }
    }
    Ok((
        shared.context("the build made no shared library")?,
        archive.context("the build made no static library")?,
        needs.context("the compiler did not say what the static library needs")?,
    ))
}

fn program(project: &Project) -> Result<PathBuf> {
    let command = cargo(project, "program", "build").arg("--package").arg(PROGRAM);
    let mut program = None;
    for message in messages(&command)? {
        if let Message::CompilerArtifact(artifact) = message {
            program =
                artifact.executable.map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf).or(program);
        }
    }
    program.with_context(|| format!("the build made no program of {PROGRAM}"))
}

/// Cargo for a release build that says nothing of the machine that it was made on.
fn cargo(project: &Project, folder: &str, subcommand: &str) -> Command {
    let target = project.target.join("packages").join(folder);
    let mut flags = without_places(project);
    // The other variables of flags do not count beside this one; those of a packager do.
    if let Some(others) = env::var_os("RUSTFLAGS") {
        flags.extend(others.to_string_lossy().split_whitespace().map(OsString::from));
    }
    project
        .command("cargo", [subcommand, "--release", "--locked", "--message-format=json"])
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join(OsString::from("\u{1f}").as_os_str()))
}

/// Flags of rustc that put other names in the place of this machine's folders, which panics would tell.
pub(crate) fn without_places(project: &Project) -> Vec<OsString> {
    let ours = [(project.target.clone(), "/target"), (project.root.clone(), "/surfaceport")];
    let all = ours.into_iter().chain(cargo_home().map(|home| (home, "/cargo")));
    let flag = |(path, name): (PathBuf, &str)| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(path);
        flag.push("=");
        flag.push(name);
        flag
    };
    all.map(flag).collect()
}

/// Where cargo keeps the source of other crates.
pub(super) fn cargo_home() -> Option<PathBuf> {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// Runs cargo, shows what the compiler says, and gives all messages.
fn messages(command: &Command) -> Result<Vec<Message>> {
    let (mut messages, mut broken) = (Vec::new(), None);
    command.run_and_hear(|line| match Message::parse_stream(line.as_bytes()).next() {
        Some(Ok(message)) => messages.push(message),
        Some(Err(error)) => broken = Some(error),
        None => {}
    })?;
    if let Some(error) = broken {
        bail!("cargo wrote what is no message: {error}");
    }
    Ok(messages)
}

/// The flags in a note of the compiler's about a static library, each once if it stands twice in a row.
fn native_libraries(note: &str) -> Option<Vec<String>> {
    let mut flags: Vec<String> =
        note.strip_prefix("native-static-libs:")?.split_whitespace().map(String::from).collect();
    flags.dedup();
    Some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_static_library_needs_is_read_from_the_compilers_note() {
        let note = "native-static-libs: -lgcc_s -lutil -lrt -lrt -lc";
        assert_eq!(native_libraries(note).unwrap(), ["-lgcc_s", "-lutil", "-lrt", "-lc"]);
        assert!(native_libraries("link against the following native artifacts").is_none());
    }

    #[test]
    fn versions_with_one_first_number_share_the_name() {
        assert_eq!(soname("0.1.0"), soname("0.22.7"));
        assert_ne!(soname("0.1.0"), soname("1.0.0"));
    }
}
