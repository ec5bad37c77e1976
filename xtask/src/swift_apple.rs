//! The Swift sources for Apple's systems, checked by a compiler that has none of Apple's frameworks: their types are
//! compared with declarations that we wrote from Apple's documentation, in `xtask/swift/frameworks`.
//!
//! That finds mistakes in our code, not in what we believe of Apple's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::project::Project;
use crate::swift_root::SwiftRoot;

/// The sources of the package.
const SOURCES: &str = "bindings/swift/Sources/SurfacePort";

/// The declarations: a module for each file, but for `sources.swift`, which is compiled with the package.
const FRAMEWORKS: &str = "xtask/swift/frameworks";

/// The modules in the order in which they need each other.
const MODULES: [&str; 10] = [
    "Darwin",
    "ObjectiveC",
    "IOSurface",
    "CoreFoundation",
    "CoreVideo",
    "XPC",
    "Metal",
    "QuartzCore",
    "AppKit",
    "SwiftUI",
];

/// Checks the types of all sources as for macOS; a warning is an error.
pub(crate) fn check(project: &Project, root: &SwiftRoot) -> Result<()> {
    let folder = project.scratch("swift-apple")?;
    let frameworks = project.path(FRAMEWORKS);
    for module in MODULES {
        let source = frameworks.join(format!("{module}.swift"));
        let output = folder.join(format!("{module}.swiftmodule"));
        root.command(
            project,
            &folder,
            "swiftc",
            ["-emit-module", "-parse-as-library", "-swift-version", "6"],
        )
        .arg("-module-name")
        .arg(module)
        .arg("-I")
        .arg(&folder)
        .arg("-o")
        .arg(output)
        .arg(source)
        .run()?;
    }
    // In one piece, or the compiler stops at the first file with an error.
    let mut command = root.command(project, &folder, "swiftc", ["-typecheck", "-wmo", "-swift-version", "6"]);
    command = command.arg("-warnings-as-errors").arg("-module-name").arg("SurfacePort");
    command = command.arg("-I").arg(&folder).arg("-I").arg(frameworks.join("CSurfacePort"));
    command = command.arg("-Xcc").arg(format!("-I{}", project.path("include").display()));
    let sources = folder.join("sources");
    fs::create_dir_all(&sources).with_context(|| format!("cannot make {}", sources.display()))?;
    for source in sources_for_macos(project)? {
        let name = source.file_name().context("a source has no name")?;
        let copy = sources.join(name);
        fs::write(&copy, without_objective_c(&source)?)
            .with_context(|| format!("cannot write {}", copy.display()))?;
        command = command.arg(copy);
    }
    command.arg(frameworks.join("sources.swift")).run()
}

fn sources_for_macos(project: &Project) -> Result<Vec<PathBuf>> {
    let apple = project.files(&format!("{SOURCES}/Apple"), "swift")?;
    if apple.is_empty() {
        bail!("there is no source in {SOURCES}/Apple");
    }
    Ok(project.files(SOURCES, "swift")?.into_iter().chain(apple).collect())
}

/// The source without what only a compiler for Apple's systems takes.
fn without_objective_c(source: &Path) -> Result<String> {
    let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
    let text = text.replace("@objc ", "");
    Ok(Regex::new(r"#selector\((\w+)\)")?.replace_all(&text, "\"$1\"").into_owned())
}
