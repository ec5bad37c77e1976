//! The Debian packages: built by Debian's tools from `packaging/debian`, installed into a root, and used there.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::install;
use super::layout::copy;
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

/// The recipe.
const RECIPE: &str = "packaging/debian";

/// The packages that come of it.
const PACKAGES: [&str; 3] = ["libsurfaceport0", "libsurfaceport-dev", "surfaceport"];

/// The step.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    for (tool, package) in [("dpkg-buildpackage", "dpkg-dev"), ("dh", "debhelper"), ("lintian", "lintian")] {
        if !project.command("sh", ["-c", &format!("command -v {tool}")]).exists() {
            return Ok(Outcome::Skipped(format!("there is no {tool}: `apt install {package}`")));
        }
    }
    one_version(project)?;
    let folder = project.scratch("debian")?;
    let packages = build(project, &folder)?;
    let root = folder.join("root");
    install_into(project, &root, &packages)?;
    let triplet = project.command("dpkg-architecture", ["-qDEB_HOST_MULTIARCH"]).read()?;
    install::check(project, &root, &Path::new("/usr/lib").join(triplet.trim()), &folder)?;
    for name in PACKAGES {
        install::has_licences(&root.join("usr/share/doc").join(name))?;
    }
    project.command(&root.join("usr/bin").join(LIBRARY).to_string_lossy(), ["doctor"]).run()?;

    let mut lintian =
        project.command("lintian", ["--allow-root", "--fail-on", "error", "--tag-display-limit", "0"]);
    for package in &packages {
        lintian = lintian.arg(package);
    }
    lintian.run()?;
    Ok(Outcome::Passed)
}

/// The recipe's newest entry is for the library's version.
fn one_version(project: &Project) -> Result<()> {
    let changelog = project.read(&format!("{RECIPE}/changelog"))?;
    let first = changelog.lines().next().unwrap_or_default();
    if !first.starts_with(&format!("{LIBRARY} ({}-", project.version)) {
        bail!("{RECIPE}/changelog begins with {first:?}; the version is {}", project.version);
    }
    let package = format!("Package: lib{LIBRARY}{}\n", project.version.split('.').next().unwrap_or_default());
    if !project.read(&format!("{RECIPE}/control"))?.contains(&package) {
        bail!("{RECIPE}/control has no {}", package.trim());
    }
    Ok(())
}

/// Builds the packages in a folder that has the recipe where Debian looks for it.
fn build(project: &Project, folder: &Path) -> Result<Vec<PathBuf>> {
    let source = folder.join("source");
    copy_folder(&project.path(RECIPE), &source.join("debian"))?;
    for name in ["LICENSE-MIT", "CHANGELOG.md"] {
        symlink(project.path(name), source.join(name)).with_context(|| format!("cannot link {name}"))?;
    }
    // What is running has been built from this source; the packages need not build it once more.
    let xtask = env::current_exe().context("cannot find the task's own program")?;
    project
        // -d: rustup's compiler is no package of Debian's.
        .command("dpkg-buildpackage", ["-b", "-d", "--unsigned-changes", "--unsigned-buildinfo"])
        .dir(&source)
        .env("XTASK", xtask)
        .env("CARGO_MANIFEST_DIR", project.path("xtask"))
        .env("CARGO_TARGET_DIR", &project.target)
        // debhelper gives builds a home of their own.
        .env("CARGO_HOME", super::build::cargo_home().context("there is no home of cargo's")?)
        .env("RUSTUP_HOME", rustup_home())
        .run()?;
    let architecture = project.command("dpkg-architecture", ["-qDEB_HOST_ARCH"]).read()?;
    let mut packages = Vec::new();
    for name in PACKAGES {
        let file = folder.join(format!("{name}_{}-1_{}.deb", project.version, architecture.trim()));
        if !file.is_file() {
            bail!("the build made no {}", file.display());
        }
        packages.push(file);
    }
    Ok(packages)
}

fn rustup_home() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".rustup");
    env::var_os("RUSTUP_HOME").map_or_else(home, PathBuf::from)
}

/// Installs the packages by dpkg into a root of their own, with a database of its own; what they depend on is in the
/// system that runs them.
fn install_into(project: &Project, root: &Path, packages: &[PathBuf]) -> Result<()> {
    let database = root.join("var/lib/dpkg");
    for folder in ["info", "updates", "triggers"] {
        fs::create_dir_all(database.join(folder))?;
    }
    fs::write(database.join("status"), "")?;
    let mut dpkg = project
        .command(
            "dpkg",
            ["--force-depends", "--force-not-root", "--force-script-chrootless", "--log=/dev/null"],
        )
        .arg(format!("--root={}", root.display()))
        .arg("--install");
    for package in packages {
        dpkg = dpkg.arg(package);
    }
    dpkg.run()?;
    let listed = project
        .command("dpkg-query", ["--showformat=${Package} ${Status}\n", "--show"])
        .arg(format!("--admindir={}", database.display()))
        .read()?;
    for name in PACKAGES {
        if !listed.lines().any(|line| line == format!("{name} install ok installed")) {
            bail!("dpkg has not installed {name}:\n{listed}");
        }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            let mode = if entry.file_name() == "rules" { 0o755 } else { 0o644 };
            copy(&entry.path(), &to, mode)?;
        }
    }
    Ok(())
}
