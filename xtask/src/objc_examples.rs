//! The Objective-C examples, which only a Mac can run. Everywhere it is checked that what they use of the library is in
//! the header, and that the Makefile builds each; where `SDKROOT` names an SDK of macOS, that they compile without a
//! warning for both processors.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::header::HEADER;
use crate::project::Project;
use crate::report::Outcome;

/// Where they are, and beneath.
const FOLDERS: [&str; 2] = ["examples/objc", "examples/objc/layers"];

const MAKEFILE: &str = "examples/objc/Makefile";

const TARGETS: [&str; 2] = ["arm64-apple-macos11", "x86_64-apple-macos11"];

pub(crate) fn check(project: &Project) -> Result<Outcome> {
    let mut programs = Vec::new();
    let mut texts = Vec::new();
    for folder in FOLDERS {
        programs.extend(project.files(folder, "m")?);
        for file in [project.files(folder, "m")?, project.files(folder, "h")?].concat() {
            texts.push(read(&file)?);
        }
    }
    if programs.is_empty() {
        bail!("there is no example in {}", FOLDERS[0]);
    }
    let unknown = unknown(&texts.concat(), &project.read(HEADER)?)?;
    if !unknown.is_empty() {
        bail!("{HEADER} does not have {}", unknown.join(", "));
    }
    let makefile = project.read(MAKEFILE)?;
    for program in &programs {
        let relative = program.strip_prefix(project.path(FOLDERS[0]))?.to_string_lossy();
        if !makefile.contains(&format!(": {relative}\n")) {
            bail!("{MAKEFILE} does not build {relative}");
        }
    }
    match std::env::var_os("SDKROOT") {
        Some(_) => compile(project, &programs)?,
        None => println!("not compiled: SDKROOT names no SDK of macOS"),
    }
    println!("{} examples", programs.len());
    Ok(Outcome::Passed)
}

/// Clang takes the SDK from the environment.
fn compile(project: &Project, programs: &[PathBuf]) -> Result<()> {
    for target in TARGETS {
        for program in programs {
            let command = project.command("clang", ["-target", target, "-fobjc-arc", "-fblocks"]);
            let command = command.arg("-Wall").arg("-Wextra").arg("-Werror").arg("-fsyntax-only");
            command.arg("-Iinclude").arg(program).run()?;
        }
    }
    Ok(())
}

fn read(file: &PathBuf) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The names of the library's kind that a text uses and the header does not.
fn unknown(text: &str, header: &str) -> Result<Vec<String>> {
    let (used, known) = (names(text)?, names(&without_comments(header)?)?);
    Ok(used.difference(&known).cloned().collect())
}

fn names(text: &str) -> Result<BTreeSet<String>> {
    let name = Regex::new(r"\b(?:sfp|SFP)_\w+")?;
    Ok(name.find_iter(text).map(|found| found.as_str().to_owned()).collect())
}

fn without_comments(text: &str) -> Result<String> {
    Ok(Regex::new(r"(?s)/\*.*?\*/")?.replace_all(text, " ").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_header_only_speaks_of_is_unknown() {
        let header =
            "/* as sfp_gone() */\n#define SFP_SECONDS(n) (n)\nvoid sfp_send(sfp_message *message);\n";
        let text = "sfp_send(message); sfp_message *m; wait(SFP_SECONDS(5)); sfp_gone(); not_sfp_this();";
        assert_eq!(unknown(text, header).unwrap(), ["sfp_gone"]);
    }
}
