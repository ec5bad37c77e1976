//! The C and C++ compilers: the languages that the header is for, and the flags of what we compile.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::Command;
use crate::project::{LIBRARY, Project};

/// A language with the compiler for it.
pub(crate) struct Language {
    /// For file names.
    pub(crate) name: &'static str,
    /// The compiler's command.
    pub(crate) compiler: &'static str,
    /// What its files end with.
    pub(crate) extension: &'static str,
    standard: &'static str,
}

/// The oldest C that the header is for.
pub(crate) const C99: Language =
    Language { name: "c99", compiler: "cc", extension: "c", standard: "-std=c99" };
/// The C of our own C files.
pub(crate) const C11: Language =
    Language { name: "c11", compiler: "cc", extension: "c", standard: "-std=c11" };
/// The oldest C++ that the header is for.
pub(crate) const CXX17: Language =
    Language { name: "cxx17", compiler: "c++", extension: "cpp", standard: "-std=c++17" };

impl Language {
    /// The standard, and each warning an error.
    pub(crate) fn strict_flags(&self) -> Vec<OsString> {
        [self.standard, "-Wall", "-Wextra", "-Werror", "-pedantic"].map(OsString::from).to_vec()
    }
}

/// The flags of the address and undefined behaviour sanitizers; the first report ends the program.
pub(crate) const SANITIZE: [&str; 4] =
    ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// Compiles one of our C files and links it to the release build of the shared library.
pub(crate) fn compile(project: &Project, source: &Path, flags: &[&str], program: &Path) -> Result<()> {
    link(project, project.command(C11.compiler, C11.strict_flags()), &[source], flags, program)
}

/// Compiles C++ files of ours by this compiler and links them to the release build of the shared library.
pub(crate) fn compile_cpp(
    project: &Project,
    compiler: &str,
    sources: &[&Path],
    flags: &[&str],
    program: &Path,
) -> Result<()> {
    let command = project.command(compiler, CXX17.strict_flags()).args(["-Wconversion", "-Wshadow"]);
    link(project, command, sources, flags, program)
}

fn link(
    project: &Project,
    mut command: Command,
    sources: &[&Path],
    flags: &[&str],
    program: &Path,
) -> Result<()> {
    for flag in flags {
        command = command.arg(flag);
    }
    command = command.arg("-pthread").arg("-Iinclude");
    for source in sources {
        command = command.arg(source.strip_prefix(&project.root).unwrap_or(source));
    }
    let search = |before: &str| {
        let mut flag = OsString::from(before);
        flag.push(project.release());
        flag
    };
    command
        .arg("-o")
        .arg(program)
        .arg(search("-L"))
        .arg(format!("-l{LIBRARY}"))
        .arg(search("-Wl,-rpath,"))
        .run()
}

/// The environment of a sanitized program.
pub(crate) fn sanitized(command: Command) -> Command {
    command.env("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0").env("UBSAN_OPTIONS", "print_stacktrace=1")
}

/// Whether the sanitizers work here; if not, why.
pub(crate) fn no_sanitizers(project: &Project) -> Result<Option<String>> {
    let folder = project.scratch("sanitizers")?;
    let (source, program) = (folder.join("probe.c"), folder.join("probe"));
    fs::write(&source, "int main(void) { return 0; }\n")
        .with_context(|| format!("cannot write {}", source.display()))?;
    let built = project.command("cc", SANITIZE).arg(&source).arg("-o").arg(&program).read();
    let ran = built.and_then(|_| sanitized(project.program(&program)).read());
    Ok(ran.err().map(|error| {
        let text = format!("{error:#}");
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        format!("the sanitizers of cc do not work here: {line}")
    }))
}

/// How long a program in C may run.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
