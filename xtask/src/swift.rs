//! The Swift package: built, tested and used by its example, in a Debian 13; and its pair of the
//! interoperation tests, which runs outside of that root beside the programs of the other languages.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::c_compiler::LIMIT;
use crate::command::Command;
use crate::project::Project;
use crate::report::Outcome;
use crate::swift_root::{self, SwiftRoot};

/// The package.
const PACKAGE: &str = "bindings/swift";

/// The example: a package of its own.
const EXAMPLE: &str = "examples/swift/frames";

/// Host and child of the interoperation tests: a package of their own.
const PAIR: &str = "tests/interop/swift/pair";

/// What only Apple's systems have.
const APPLE: &str = "bindings/swift/Sources/SurfacePort/Apple";

/// Builds and tests all that is in Swift.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    let root = match swift_root::find(project)? {
        Ok(root) => root,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    parse_apple(project, &root)?;
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

/// Host and child of the interoperation tests, built to run outside of the Debian 13; or why they cannot be.
#[allow(dead_code, reason = "for the step that pairs the languages")]
pub(crate) fn interop(project: &Project) -> Result<Result<(PathBuf, PathBuf), String>> {
    match swift_root::find(project)? {
        Ok(root) => Ok(Ok(build_pair(project, &root)?)),
        Err(reason) => Ok(Err(reason)),
    }
}

/// The sources for Apple's systems have no compiler here that knows their frameworks; each is parsed at least.
fn parse_apple(project: &Project, root: &SwiftRoot) -> Result<()> {
    let sources = project.files(APPLE, "swift")?;
    if sources.is_empty() {
        bail!("there is no source in {APPLE}");
    }
    let mut command = root.command(
        project,
        &project.root,
        "swiftc",
        ["-parse", "-swift-version", "6", "-warnings-as-errors"],
    );
    for source in sources {
        command = command.arg(source);
    }
    command.run()
}

fn test(project: &Project, root: &SwiftRoot) -> Result<()> {
    let command = swift(project, root, PACKAGE, "test", "package").arg("-Xswiftc").arg("-warnings-as-errors");
    let output = command.run_and_read()?;
    if !output.contains("Executed ") || output.contains("Executed 0 tests") {
        bail!("no test of the Swift package ran");
    }
    Ok(())
}

fn run_example(project: &Project, root: &SwiftRoot) -> Result<()> {
    swift(project, root, EXAMPLE, "build", "example").run()?;
    let folder = scratch(project, "example").join("debug");
    let log = project.scratch("swift-example")?.join("output.txt");
    let output = root.command(project, &folder, "./host", []).run_limited(LIMIT, &log)?;
    if !output.contains("frame 120, 1280 x 720") || !output.contains("exited(0)") {
        bail!("the example did not show all frames");
    }
    Ok(())
}

/// The programs find the system's libraries in the Debian 13, and so run on an older one too. Swift's own are
/// linked into them.
fn build_pair(project: &Project, root: &SwiftRoot) -> Result<(PathBuf, PathBuf)> {
    let libraries = first(root.folder(), &["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"])?;
    let loader = first(
        root.folder(),
        &["usr/lib64/ld-linux-x86-64.so.2", "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"],
    )?;
    let mut command = swift(project, root, PAIR, "build", "pair").arg("--static-swift-stdlib");
    for flag in [
        "--disable-new-dtags".to_owned(),
        format!("-rpath={}", libraries.display()),
        format!("--dynamic-linker={}", loader.display()),
    ] {
        command = command.arg("-Xlinker").arg(flag);
    }
    command.arg("-Xswiftc").arg("-warnings-as-errors").run()?;
    let folder = scratch(project, "pair").join("debug");
    Ok((folder.join("host"), folder.join("child")))
}

/// Swift's package manager at work on one of our packages, with the release build of the library.
fn swift(project: &Project, root: &SwiftRoot, package: &str, verb: &str, name: &str) -> Command {
    let release = project.release();
    let command = root.command(project, &project.path(package), "swift", [verb, "--scratch-path"]);
    command
        .arg(scratch(project, name))
        .arg("-Xlinker")
        .arg(format!("-L{}", release.display()))
        .arg("-Xlinker")
        .arg(format!("-rpath={}", release.display()))
}

fn scratch(project: &Project, name: &str) -> PathBuf {
    project.target.join("swift").join(name)
}

/// The first of these paths that is there.
fn first(folder: &Path, paths: &[&str]) -> Result<PathBuf> {
    let found = paths.iter().map(|path| folder.join(path)).find(|path| path.exists());
    found.with_context(|| format!("{} has none of {}", folder.display(), paths.join(", ")))
}
