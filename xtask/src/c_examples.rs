//! The C examples: built with the README's own commands, and run.
//!
//! The commands run in a folder of their own that has `include`, `examples` and `target` as the
//! repository has them, so that what they make does not lie in the repository.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::c_compiler::{self, LIMIT, SANITIZE};
use crate::project::Project;
use crate::readme;
use crate::report::Outcome;

/// Where they are.
const FOLDER: &str = "examples/c";

/// The name of the README's markers around the commands.
const MARKER: &str = "c-examples";

/// Programs that another example starts.
const STARTED_BY_OTHERS: [&str; 1] = ["child"];

/// One command of the README.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Something that cargo does, in the repository.
    Cargo(String),
    /// Makes the program from the sources.
    Compile { text: String, sources: Vec<String>, program: String },
    /// Anything else, such as running a program.
    Run(String),
}

/// Builds the examples as the README says and runs them.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    build_and_run(project, false)?;
    Ok(Outcome::Passed)
}

/// The same with the C side under the sanitizers.
pub(crate) fn run_sanitized(project: &Project) -> Result<()> {
    build_and_run(project, true)
}

fn build_and_run(project: &Project, sanitize: bool) -> Result<()> {
    let lines = parse(&readme::shell(project, MARKER)?)?;
    complete(&project.files(FOLDER, "c")?, &lines)?;
    let folder = stage(project, if sanitize { "c-examples-sanitized" } else { "c-examples" })?;
    for line in &lines {
        match line {
            Line::Cargo(text) => {
                if !sanitize {
                    project.shell(text).run()?;
                }
            }
            Line::Compile { text, .. } => {
                let text = if sanitize { sanitized(text) } else { text.clone() };
                project.shell(&text).dir(&folder).run()?;
            }
            Line::Run(text) => start(project, &folder, text, sanitize)?,
        }
    }
    for program in programs_not_run(&lines) {
        start(project, &folder, &program, sanitize)?;
    }
    Ok(())
}

fn start(project: &Project, folder: &Path, line: &str, sanitize: bool) -> Result<()> {
    let mut command = project.shell(line).dir(folder);
    if sanitize {
        command = c_compiler::sanitized(command);
    }
    command.run_limited(LIMIT, &folder.join("output.txt"))?;
    Ok(())
}

/// A fresh folder that looks like the repository to the README's commands.
pub(crate) fn stage(project: &Project, name: &str) -> Result<PathBuf> {
    let folder = project.scratch(name)?;
    let links = [
        ("include", project.path("include")),
        ("examples", project.path("examples")),
        ("target", project.target.clone()),
    ];
    for (name, path) in links {
        symlink(&path, folder.join(name)).with_context(|| format!("cannot link {}", path.display()))?;
    }
    Ok(folder)
}

/// The commands, one for each line; a line that ends with a backslash goes on in the next.
fn parse(shell: &str) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for line in shell.replace("\\\n", " ").lines() {
        let text = line.trim().trim_start_matches("$ ").trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = text.to_owned();
        lines.push(match words[0] {
            "cargo" => Line::Cargo(text),
            "cc" => {
                let output = words.iter().position(|&word| word == "-o").and_then(|at| words.get(at + 1));
                let program = output.with_context(|| format!("no program is named by -o in: {text}"))?;
                let program = (*program).to_owned();
                let sources =
                    words.iter().filter(|word| word.ends_with(".c")).map(ToString::to_string).collect();
                Line::Compile { text, sources, program }
            }
            _ => Line::Run(text),
        });
    }
    Ok(lines)
}

/// Whether there are examples, and each is built by some line.
fn complete(files: &[PathBuf], lines: &[Line]) -> Result<()> {
    if files.is_empty() {
        bail!("there is no example in {FOLDER}");
    }
    for file in files {
        let name = file.file_name().context("a file without a name")?;
        let path = format!("{FOLDER}/{}", name.to_string_lossy());
        let is_built = lines.iter().any(|line| match line {
            Line::Compile { sources, .. } => sources.contains(&path),
            _ => false,
        });
        if !is_built {
            bail!("README.md does not say how to build {path} (between the {MARKER} markers)");
        }
    }
    Ok(())
}

/// Whether another example starts this one.
pub(crate) fn is_started_by_others(name: &str) -> bool {
    STARTED_BY_OTHERS.contains(&name)
}

/// The programs that are built and that no line runs, as one types them.
fn programs_not_run(lines: &[Line]) -> Vec<String> {
    let mut programs = Vec::new();
    for line in lines {
        let Line::Compile { program, .. } = line else { continue };
        let typed = if program.contains('/') { program.clone() } else { format!("./{program}") };
        let name = program.rsplit('/').next().unwrap_or(program);
        let is_run = |line: &Line| match line {
            Line::Run(text) => text.split_whitespace().any(|word| word == typed),
            _ => false,
        };
        if !is_started_by_others(name) && !lines.iter().any(is_run) {
            programs.push(typed);
        }
    }
    programs
}

/// A command of `cc` with the sanitizers on.
fn sanitized(text: &str) -> String {
    text.replacen("cc ", &format!("cc {} ", SANITIZE.join(" ")), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: &str = "\
# The library, then the examples.
cargo build --release
cc -std=c11 examples/c/host.c -o host \\
   -Ltarget/release -lsurfaceport
cc examples/c/child.c -o child
cc examples/c/ports.c -o ports
./host
";

    #[test]
    fn lines_are_what_they_are() {
        let lines = parse(SHELL).unwrap();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], Line::Cargo("cargo build --release".into()));
        let Line::Compile { sources, program, .. } = &lines[1] else { panic!("{:?}", lines[1]) };
        assert_eq!((sources[0].as_str(), program.as_str()), ("examples/c/host.c", "host"));
        assert_eq!(lines[4], Line::Run("./host".into()));
        assert!(parse("cc examples/c/host.c\n").is_err());
    }

    #[test]
    fn what_no_line_runs_is_run_unless_another_starts_it() {
        assert_eq!(programs_not_run(&parse(SHELL).unwrap()), ["./ports"]);
    }

    #[test]
    fn an_example_that_is_not_built_is_an_error() {
        let lines = parse(SHELL).unwrap();
        complete(&["examples/c/host.c".into(), "examples/c/child.c".into()], &lines).unwrap();
        assert!(complete(&["examples/c/broker.c".into()], &lines).is_err());
        assert!(complete(&[], &lines).is_err());
    }

    #[test]
    fn the_sanitizers_are_put_into_the_command() {
        assert!(sanitized("cc a.c -o a").starts_with("cc -g -fsanitize=address,undefined"));
    }
}
