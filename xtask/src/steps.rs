//! The steps of `cargo xtask test`: their order, what each needs, and the run.

use std::time::{Duration, Instant};

use anstyle::Style;
use anyhow::Result;
use clap::ValueEnum;

#[cfg(target_os = "linux")]
use crate::faults;
use crate::packages::{self, cinstall, cmake, debian, dist, homebrew, install};
use crate::project::Project;
use crate::report::{Entry, Outcome, Report};
use crate::{
    abi, bench, c_examples, c_tests, cargo, costs, cpp_examples, cpp_header, cpp_tests, dependencies, header,
    interop, macos, objc_examples, python, readme, storm, swift, symbols, version,
};

/// A step of `cargo xtask test`. They run in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Step {
    /// The format of all Rust code
    Fmt,
    /// The lints, each warning an error
    Clippy,
    /// The documentation builds without a warning
    Rustdoc,
    /// The Rust tests: library, program and tasks
    Rust,
    /// The examples in the documentation
    Doctest,
    /// The models of the lock-free parts, in every order that loom finds
    Loom,
    /// The library on the system inside of one process, with each call failing in turn
    Shell,
    /// include/surfaceport.h is what src/ffi says
    Header,
    /// The header alone compiles as C99, C11 and C++17 without a warning
    HeaderCompiles,
    /// The C++ header reaches every C function; both headers compile alone by GCC and clang, and for macOS
    CppHeader,
    /// Nothing of the binary interface is gone or changed since the first version with this first number
    Abi,
    /// The library's dependencies are few, and none is only a tool's
    Dependencies,
    /// The release build of the library
    Library,
    /// The library exports what the header declares and nothing else
    Symbols,
    /// The header, the library and Cargo.toml name one version
    Version,
    /// The code blocks of README.md are extracts of the files that they name
    Readme,
    /// A frame and a message cost as many instructions and system calls as docs/performance.md says
    Costs,
    /// Of three processes some are stopped and killed at random, 200 times; the others get their ends and keep nothing
    Storm,
    /// Each system call of a list of programs fails, one in a run, and nothing is lost; as many as 90 s are enough for
    Faults,
    /// The measurements beside other libraries compile without a warning, and run
    Bench,
    /// The C examples, built with the README's commands, run
    CExamples,
    /// What the Objective-C examples use is in the header; they compile where SDKROOT names an SDK
    ObjcExamples,
    /// The tests of the C API
    CTests,
    /// The C examples and tests under the address and undefined behaviour sanitizers
    CSanitizers,
    /// The tests of the C API under valgrind
    CValgrind,
    /// The C++ examples, built with the README's commands and by CMake, run; a user plays with the window
    CppExamples,
    /// The tests of the C++ header, by GCC and by clang, under the sanitizers and valgrind
    CppTests,
    /// The Swift package, in a Debian 13: its tests, its example, its interoperation pair
    Swift,
    /// The Python package in a fresh environment: its types, its tests, its examples
    Python,
    /// The host of each language with the child of each language
    Interop,
    /// What `cargo xtask install` installs is found by pkg-config, and the README's host and child run with it
    Install,
    /// A project that finds the library by CMake
    Cmake,
    /// `cargo cinstall` of cargo-c installs the same
    Cinstall,
    /// The archive for Linux is the same bytes twice, and with it alone the README's commands work
    Dist,
    /// The Debian packages are built, installed into a root, and used there
    Debian,
    /// Homebrew's formula is Ruby, and its install and its test work
    Homebrew,
    /// Library, program, tests and examples for macOS link, and what they import and export is right
    Macos,
    /// The archives for macOS, of what the step before has built
    DistMacos,
}

impl Step {
    /// The step's name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What the step checks, in a line.
    fn about(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// The steps that must have succeeded before.
    fn needs(self) -> &'static [Step] {
        match self {
            Step::Symbols
            | Step::Version
            | Step::Faults
            | Step::CExamples
            | Step::CTests
            | Step::CSanitizers
            | Step::CValgrind
            | Step::CppExamples
            | Step::CppTests
            | Step::Swift
            | Step::Python => &[Step::Library],
            Step::Interop => &[Step::Library, Step::Python],
            Step::DistMacos => &[Step::Macos],
            _ => &[],
        }
    }

    fn run(self, project: &Project) -> Result<Outcome> {
        match self {
            Step::Fmt => cargo::fmt(project),
            Step::Clippy => cargo::clippy(project),
            Step::Rustdoc => cargo::rustdoc(project),
            Step::Rust => cargo::rust(project),
            Step::Doctest => cargo::doctest(project),
            Step::Loom => cargo::loom(project),
            Step::Shell => cargo::shell(project),
            Step::Header => header::check(project),
            Step::HeaderCompiles => header::compile(project),
            Step::CppHeader => cpp_header::check(project),
            Step::Abi => abi::step(project),
            Step::Dependencies => dependencies::check(project),
            Step::Library => cargo::library(project),
            Step::Symbols => symbols::check(project),
            Step::Version => version::check(project),
            Step::Readme => readme::check(project),
            Step::Costs => costs::step(project),
            Step::Storm => storm::step(project),
            #[cfg(target_os = "linux")]
            Step::Faults => faults::step(project),
            #[cfg(not(target_os = "linux"))]
            Step::Faults => Ok(Outcome::Skipped("it needs seccomp, which only Linux has".into())),
            Step::Bench => bench::step(project),
            Step::CExamples => c_examples::run(project),
            Step::ObjcExamples => objc_examples::check(project),
            Step::CTests => c_tests::run(project),
            Step::CSanitizers => c_tests::run_sanitized(project),
            Step::CValgrind => c_tests::run_in_valgrind(project),
            Step::CppExamples => cpp_examples::run(project),
            Step::CppTests => cpp_tests::run(project),
            Step::Swift => swift::run(project),
            Step::Python => python::run(project),
            Step::Install => install::step(project),
            Step::Cmake => cmake::step(project),
            Step::Cinstall => cinstall::step(project),
            Step::Dist => dist::step(project),
            Step::Homebrew => homebrew::step(project),
            Step::Debian => debian::step(project),
            Step::DistMacos => packages::macos::step(project),
            Step::Macos => macos::step(project),
            Step::Interop => interop::run(project),
        }
    }
}

/// Runs the named steps and what they need, or all of them, in order; also after a failure.
pub(crate) fn run(project: &Project, named: &[Step]) -> Result<Report> {
    let steps = select(named);
    let bold = Style::new().bold();
    let mut report = Report::new(project.no_skip);
    project.take_skips()?;
    for (index, step) in steps.iter().enumerate() {
        let (number, count, name) = (index + 1, steps.len(), step.name());
        anstream::println!("\n{bold}== {number}/{count} {name}{bold:#}: {}", step.about());
        let started = Instant::now();
        let outcome = match step.needs().iter().find(|need| report.has_failed(&need.name())) {
            Some(need) => {
                Outcome::Failed(format!("not run: it needs the step {}, which failed", need.name()))
            }
            None => step.run(project).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}"))),
        };
        let time: Duration = started.elapsed();
        report.add(Entry { name, outcome, skips: project.take_skips()?, time });
    }
    Ok(report)
}

/// The named steps with their needs, each once and in order; all if none is named.
fn select(named: &[Step]) -> Vec<Step> {
    if named.is_empty() {
        return Step::value_variants().to_vec();
    }
    let mut steps: Vec<Step> = named.to_vec();
    steps.extend(named.iter().flat_map(|step| step.needs()));
    steps.sort();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_steps_bring_what_they_need_in_order() {
        assert_eq!(
            select(&[Step::Symbols, Step::Fmt, Step::Symbols]),
            [Step::Fmt, Step::Library, Step::Symbols]
        );
        assert_eq!(select(&[]), Step::value_variants());
    }

    #[test]
    fn a_need_comes_before_its_step() {
        for step in Step::value_variants() {
            assert!(step.needs().iter().all(|need| need < step), "{step:?}");
        }
    }

    #[test]
    fn every_step_says_what_it_checks() {
        for step in Step::value_variants() {
            assert!(!step.about().is_empty(), "{step:?}");
        }
    }
}
