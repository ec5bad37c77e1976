//! The version: Cargo.toml's, the header's macros and the library's own answer are one.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::c_compiler;
use crate::project::Project;
use crate::report::Outcome;

/// A program that prints the header's and the library's version.
const PROGRAM: &str = include_str!("version.c");

/// Compares the versions.
pub(crate) fn check(project: &Project) -> Result<Outcome> {
    let folder = project.scratch("version")?;
    let (source, program) = (folder.join("version.c"), folder.join("version"));
    fs::write(&source, PROGRAM).with_context(|| format!("cannot write {}", source.display()))?;
    c_compiler::compile(project, &source, &[], &program)?;
    let printed = project.program(&program).read()?;
    compare(&project.version, &printed)?;
    println!("Cargo.toml, SFP_VERSION and sfp_version_string() say {}", project.version);
    Ok(Outcome::Passed)
}

fn compare(version: &str, printed: &str) -> Result<()> {
    let lines: Vec<&str> = printed.lines().collect();
    let [text, numbers, library] = lines[..] else {
        bail!("the program for the version printed {printed:?}");
    };
    let release = version.split(['-', '+']).next().unwrap_or_default();
    for (what, said, expected) in [
        ("the header's SFP_VERSION", text, version),
        ("the header's SFP_VERSION_MAJOR, _MINOR and _PATCH", numbers, release),
        ("sfp_version_string()", library, version),
    ] {
        if said != expected {
            bail!("{what} say {said}, Cargo.toml says {version}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_is_enough() {
        compare("1.2.3", "1.2.3\n1.2.3\n1.2.3\n").unwrap();
        compare("1.2.3-rc.1", "1.2.3-rc.1\n1.2.3\n1.2.3-rc.1\n").unwrap();
    }

    #[test]
    fn a_difference_is_named() {
        let error = compare("1.2.3", "1.2.3\n1.2.3\n1.2.2\n").unwrap_err().to_string();
        assert_eq!(error, "sfp_version_string() say 1.2.2, Cargo.toml says 1.2.3");
        assert!(compare("1.2.3", "").is_err());
    }
}
