//! The Swift package: built, tested and used by its example, in a Debian 13; and its pair of the
//! interoperation tests, which runs outside of that root beside the programs of the other languages.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::c_compiler::LIMIT;
use crate::command::Command;
use crate::project::{LIBRARY, Project};
use crate::readme;
use crate::report::Outcome;
use crate::swift_apple;
use crate::swift_root::{self, SwiftRoot};
use crate::symbols;

/// The package.
const PACKAGE: &str = "bindings/swift";

/// Its sources.
const SOURCES: &str = "bindings/swift/Sources/SurfacePort";

/// The name of the README's markers around the commands for the example.
const MARKER: &str = "swift-example";

/// How long the example may take, to be built and to run.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// Host and child of the interoperation tests: a package of their own.
const PAIR: &str = "tests/interop/swift/pair";

/// Builds and tests all that is in Swift.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    let root = match swift_root::find(project)? {
        Ok(root) => root,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    check_complete(project)?;
    swift_apple::check(project, &root)?;
    write_pkg_config(project)?;
    test(project, &root)?;
    run_example(project, &root)?;
    let (host, child) = build_pair(project, &root)?;
    let log = project.scratch("swift")?.join("output.txt");
    let output = project.command(&host.to_string_lossy(), [child]).run_limited(LIMIT, &log)?;
    if output.trim() != "ok" {
        bail!("the pair of the interoperation tests did not say ok");
    }
    Ok(Outcome::Passed)
}

/// The commands of the two programs of the interoperation tests, or why they cannot be made here.
///
/// They run outside of the Debian 13, beside the programs of other languages: start them, and have them start others, by
/// these paths and nothing else, `[host, child of any language...]` and `[host of any language, child]`. Their runtime is
/// linked in; their loader and the C library are those of the root and stand in the programs, as does where libsurfaceport
/// is, so that no variable is set that a child would inherit.
pub(crate) fn interop(project: &Project) -> Result<Result<(PathBuf, PathBuf), String>> {
    match swift_root::find(project)? {
        Ok(root) => {
            write_pkg_config(project)?;
            Ok(Ok(build_pair(project, &root)?))
        }
        Err(reason) => Ok(Err(reason)),
    }
}

/// Each function of the C API has its place in the package. To hold a handle once more is what Swift does by itself.
fn check_complete(project: &Project) -> Result<()> {
    let mut text = String::new();
    for folder in [SOURCES.to_owned(), format!("{SOURCES}/Apple")] {
        for source in project.files(&folder, "swift")? {
            text +=
                &fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
        }
    }
    let used: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let missing: Vec<String> = symbols::listed(project)?
        .into_iter()
        .filter(|name| !used.contains(name.as_str()) && !name.ends_with("_retain"))
        .collect();
    if !missing.is_empty() {
        bail!("the Swift package does not use {}", missing.join(", "));
    }
    Ok(())
}

/// Says where the release build of the library is, as the file of an installed one would.
fn write_pkg_config(project: &Project) -> Result<()> {
    let folder = scratch(project, "pkgconfig");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let text = format!(
        "Name: {LIBRARY}\nDescription: cross-process rendering\nVersion: {}\nLibs: -L{} -l{LIBRARY}\n",
        project.version,
        project.release().display()
    );
    fs::write(folder.join("surfaceport.pc"), text)
        .with_context(|| format!("cannot write in {}", folder.display()))
}

fn test(project: &Project, root: &SwiftRoot) -> Result<()> {
    let command = swift(project, root, PACKAGE, "test", "package").arg("-Xswiftc").arg("-warnings-as-errors");
    let output = command.run_and_read()?;
    if !output.contains("Executed ") || output.contains("Executed 0 tests") {
        bail!("no test of the Swift package ran");
    }
    Ok(())
}

/// Builds the example with the README's own commands, but for cargo's, and runs it.
fn run_example(project: &Project, root: &SwiftRoot) -> Result<()> {
    let commands = readme::shell(project, MARKER)?;
    let commands: Vec<&str> = commands.lines().filter(|line| !line.starts_with("cargo ")).collect();
    // They make things in the repository: here in a copy of the part that they use.
    let folder = project.scratch("swift-example")?;
    let copy = ["-R", "--parents", "bindings/swift", "examples/swift", "include"];
    project.command("cp", copy).arg(&folder).run()?;
    symlink(&project.target, folder.join("target")).context("cannot link the target folder")?;
    let script = format!("set -e\n{}", commands.join("\n"));
    let command = root.command(project, &folder, "sh", ["-c", &script]);
    let output = command.shown(commands.join("\n  ")).run_limited(BUILD_LIMIT, &folder.join("output.txt"))?;
    if !output.contains("frame 120, 1280 x 720") || !output.contains("exited(0)") {
        bail!("the example did not show all frames");
    }
    Ok(())
}

/// Makes the two programs, `swift/interop/host` and `swift/interop/child` in the target folder. They find the system's
/// libraries in the Debian 13, and so run on an older one too. Swift's own are linked into them.
fn build_pair(project: &Project, root: &SwiftRoot) -> Result<(PathBuf, PathBuf)> {
    let libraries = first(root.folder(), &["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"])?;
    let loader = first(
        root.folder(),
        &["usr/lib64/ld-linux-x86-64.so.2", "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"],
    )?;
    // The plan of an earlier build knows nothing of files that came to, or went from, a package that this one uses.
    let plan = scratch(project, "pair").join("debug.yaml");
    if plan.exists() {
        fs::remove_file(&plan).with_context(|| format!("cannot remove {}", plan.display()))?;
    }
    let mut command = swift(project, root, PAIR, "build", "pair").arg("--static-swift-stdlib");
    for flag in [
        "--disable-new-dtags".to_owned(),
        format!("-rpath={}", libraries.display()),
        format!("--dynamic-linker={}", loader.display()),
    ] {
        command = command.arg("-Xlinker").arg(flag);
    }
    command.arg("-Xswiftc").arg("-warnings-as-errors").run()?;
    let built = scratch(project, "pair").join("debug");
    let folder = scratch(project, "interop");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in ["host", "child"] {
        // One that still runs cannot be written over.
        let program = folder.join(name);
        let _ = fs::remove_file(&program);
        fs::copy(built.join(name), &program)
            .with_context(|| format!("cannot write {}", program.display()))?;
    }
    Ok((folder.join("host"), folder.join("child")))
}

/// Swift's package manager at work on one of our packages, with the release build of the library.
fn swift(project: &Project, root: &SwiftRoot, package: &str, verb: &str, name: &str) -> Command {
    let release = project.release();
    let settings = format!("PKG_CONFIG_PATH={}", scratch(project, "pkgconfig").display());
    let command =
        root.command(project, &project.path(package), "env", [&settings, "swift", verb, "--scratch-path"]);
    command.arg(scratch(project, name)).arg("-Xlinker").arg(format!("-rpath={}", release.display()))
}

fn scratch(project: &Project, name: &str) -> PathBuf {
    project.target.join("swift").join(name)
}

/// The first of these paths that is there.
fn first(folder: &Path, paths: &[&str]) -> Result<PathBuf> {
    let found = paths.iter().map(|path| folder.join(path)).find(|path| path.exists());
    found.with_context(|| format!("{} has none of {}", folder.display(), paths.join(", ")))
}
