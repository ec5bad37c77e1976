//! include/surfaceport.hpp: it reaches all of the C API, and it and the C header compile alone.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::command::Command;
use crate::header::HEADER;
use crate::macos;
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

/// The flags of the two ways to fail: exceptions and results.
const MODES: [&[&str]; 2] = [&[], &["-fno-exceptions", "-DSFP_NO_EXCEPTIONS"]];

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
            missing.push(format!("there is no {cpp} here"));
            continue;
        }
        let compile = |compiler: &str, header: &str, flags: &[&str]| {
            let command = project.command(compiler, flags).arg("-fsyntax-only");
            alone(project, command, header, &format!("{compiler} {}", flags.join(" ")))
        };
        compile(c, "surfaceport.h", &["-xc", "-std=c99"])?;
        for standard in ["-std=c++17", "-std=c++20"] {
            compile(cpp, "surfaceport.h", &[standard])?;
            for mode in MODES {
                compile(cpp, "surfaceport.hpp", &[&[standard], mode].concat())?;
            }
        }
    }
    match macos::cpp_compilers(project)? {
        Err(reason) => missing.push(reason),
        Ok(compilers) => {
            for (compiler, mode) in compilers.iter().flat_map(|one| MODES.map(|mode| (one, mode))) {
                // It is compiled to an object: zig's other modes warn of their own flags.
                let object = project.target.join("xtask").join("cpp-header.o");
                let command = compiler.clone().arg("-std=c++17").args(mode.iter().copied());
                let shown = format!("{compiler} -std=c++17 {}", mode.join(" "));
                alone(project, command.arg("-c").arg("-o").arg(object), "surfaceport.hpp", &shown)?;
            }
        }
    }
    Ok(if missing.is_empty() { Outcome::Passed } else { Outcome::Skipped(missing.join("\n")) })
}

/// Compiles a file that has the header, twice, and nothing else that counts.
fn alone(project: &Project, command: Command, header: &str, shown: &str) -> Result<()> {
    let file = project.scratch("cpp-header")?.join("alone.cpp");
    let text = format!("#include <{header}>\n#include <{header}>\n\ntypedef int not_empty;\n");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    command.args(WARNINGS).arg("-Iinclude").arg(file).shown(format!("{shown} {header}")).run()
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
