//! include/surfaceport.hpp: it reaches all of the C API, and it and the C header compile alone.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::header::HEADER;
use crate::project::Project;
use crate::report::Outcome;
use crate::symbols;

/// The header.
pub(crate) const CPP_HEADER: &str = "include/surfaceport.hpp";

/// The compilers for C and C++ that the headers are for.
pub(crate) const COMPILERS: [(&str, &str); 2] = [("gcc", "g++"), ("clang", "clang++")];

/// What both headers stand without a warning.
pub(crate) const WARNINGS: [&str; 7] =
    ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror"];

/// Compares names and compiles.
pub(crate) fn check(project: &Project) -> Result<Outcome> {
    let declared = symbols::declared(&project.read(HEADER)?)?;
    let used = names(&project.read(CPP_HEADER)?)?;
    let missing: Vec<&str> = declared.difference(&used).map(String::as_str).collect();
    if declared.is_empty() || !missing.is_empty() {
        bail!("{CPP_HEADER} does not reach these functions of {HEADER}: {}", missing.join(", "));
    }
    println!("{CPP_HEADER} reaches all {} functions", declared.len());
    let mut missing = Vec::new();
    for (c, cpp) in COMPILERS {
        if !project.command(cpp, ["--version"]).exists() {
            missing.push(cpp);
            continue;
        }
        alone(project, c, "surfaceport.h", "c", &["-std=c99"])?;
        for standard in ["-std=c++17", "-std=c++20"] {
            alone(project, cpp, "surfaceport.h", "cpp", &[standard])?;
            alone(project, cpp, "surfaceport.hpp", "cpp", &[standard])?;
            alone(
                project,
                cpp,
                "surfaceport.hpp",
                "cpp",
                &[standard, "-fno-exceptions", "-DSFP_NO_EXCEPTIONS"],
            )?;
        }
    }
    Ok(match missing.as_slice() {
        [] => Outcome::Passed,
        missing => Outcome::Skipped(format!("there is no {} here", missing.join(", "))),
    })
}

/// Compiles a file that has the header, twice, and nothing else that counts.
fn alone(project: &Project, compiler: &str, header: &str, extension: &str, flags: &[&str]) -> Result<()> {
    let file = project.scratch("cpp-header")?.join(format!("alone.{extension}"));
    let text = format!("#include <{header}>\n#include <{header}>\n\ntypedef int not_empty;\n");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = project.command(compiler, WARNINGS);
    for flag in flags {
        command = command.arg(*flag);
    }
    let shown = format!("{compiler} {} {header}", flags.join(" "));
    command.args(["-fsyntax-only", "-Iinclude"]).arg(file).shown(shown).run()
}

/// All names of the library's functions outside of comments.
fn names(header: &str) -> Result<BTreeSet<String>> {
    let comment = Regex::new(r"(?s)/\*.*?\*/|//[^\n]*")?;
    let name = Regex::new(r"\bsfp_\w+")?;
    let text = comment.replace_all(header, " ");
    Ok(name.find_iter(&text).map(|found| found.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_comments_do_not_count() {
        let found = names("/* sfp_one() */ sfp_two(); // sfp_three\nx_sfp_four(sfp_five)").unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["sfp_five", "sfp_two"]);
    }
}
