//! Homebrew's formula. Homebrew itself is not at hand: what the formula says is done without it, its install and its
//! test.

use std::time::Duration;

use anyhow::{Result, bail};

use super::install;
use super::layout::Layout;
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

const FORMULA: &str = "packaging/homebrew/surfaceport.rb";
/// What runs it in the place of Homebrew.
const RUN: &str = "xtask/homebrew/run.rb";

/// How long it may take; the first time it builds everything.
const LIMIT: Duration = Duration::from_secs(1200);

/// The step.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !project.command("ruby", ["--version"]).exists() {
        return Ok(Outcome::Skipped("there is no ruby: `apt install ruby`".into()));
    }
    project.command("ruby", ["-w", "-c", FORMULA]).run()?;
    names_what_is_there(project, &project.read(FORMULA)?)?;
    let folder = project.scratch("homebrew")?;
    project
        .command("ruby", ["-w", RUN, FORMULA])
        .arg(&project.root)
        .arg(folder.join("prefix"))
        .env("CARGO_TARGET_DIR", &project.target)
        .run_limited(LIMIT, &folder.join("output.txt"))?;
    let installed = Layout::new(&folder.join("prefix"));
    for file in [installed.bindir.join(LIBRARY), installed.libdir.join(format!("lib{LIBRARY}.a"))] {
        if !file.is_file() {
            bail!("the formula installs no {}", file.display());
        }
    }
    install::has_licences(&installed.docdir)?;
    Ok(Outcome::Passed)
}

/// The formula says what Cargo.toml says, and builds programs that exist.
fn names_what_is_there(project: &Project, formula: &str) -> Result<()> {
    let packages = &project.metadata.packages;
    let Some(library) = packages.iter().find(|package| package.name == LIBRARY) else {
        bail!("the workspace has no library");
    };
    let repository = library.repository.clone().unwrap_or_default();
    for text in [format!("homepage \"{repository}\""), format!("head \"{repository}.git\"")] {
        if !formula.contains(&text) {
            bail!("{FORMULA} has no line {text}");
        }
    }
    for name in ["host.c", "child.c"] {
        if !formula.contains(&format!("pkgshare/\"c/{name}\""))
            || !project.path("examples/c").join(name).is_file()
        {
            bail!("{FORMULA} does not build examples/c/{name}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_formula_names_is_there() {
        let project = Project::find(false).unwrap();
        let formula = project.read(FORMULA).unwrap();
        names_what_is_there(&project, &formula).unwrap();
        assert!(names_what_is_there(&project, &formula.replace("host.c", "other.c")).is_err());
    }
}
