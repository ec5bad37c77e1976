//! Homebrew's formula. Homebrew itself runs on Macs; here its text is checked.

use anyhow::{Result, bail};

use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

const FORMULA: &str = "packaging/homebrew/surfaceport.rb";

/// The step.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !project.command("ruby", ["--version"]).exists() {
        return Ok(Outcome::Skipped("there is no ruby: `apt install ruby`".into()));
    }
    project.command("ruby", ["-w", "-c", FORMULA]).run()?;
    names_what_is_there(project, &project.read(FORMULA)?)?;
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
