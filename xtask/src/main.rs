//! The project's tasks, run as `cargo xtask COMMAND`.
//!
//! `test` is everything that decides whether a change is good; `header` writes the C header; `bench` measures.
//! Each further task is one more [`Task`] and one file beside this one.

mod abi;
mod bench;
mod c_compiler;
mod c_examples;
mod c_tests;
mod cargo;
mod command;
mod costs;
mod cpp_examples;
mod cpp_header;
mod cpp_tests;
mod dependencies;
mod display;
mod engine_window;
#[cfg(target_os = "linux")]
mod faults;
mod header;
mod interop;
mod macos;
mod objc_examples;
mod packages;
mod project;
mod python;
mod random;
mod readme;
mod report;
mod sections;
mod steps;
mod storm;
mod swift;
mod swift_apple;
mod swift_root;
mod symbols;
mod version;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::macos::Architecture;
use crate::packages::install::Folders;
use crate::project::Project;
use crate::steps::Step;

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check everything: format, lints, documentation, tests, header, symbols, C examples.
    ///
    /// Every step is run, also after one that failed; the exit status is 0 only if none did.
    Test {
        /// A step that cannot run here is a failure, not a skip.
        #[arg(long)]
        no_skip: bool,
        /// Only these steps, and those that they need; all of them if none is named.
        #[arg(value_enum, value_name = "STEP")]
        steps: Vec<Step>,
    },
    /// Write include/surfaceport.h and the list of its symbols from src/ffi.
    Header,
    /// Write the snapshot of the binary interface, in abi.
    Abi,
    /// Measure the library between real processes, beside what else a program could use; see `bench --help`.
    #[command(disable_help_flag = true)]
    Bench {
        /// For the program that measures: names of tables, --rounds, --quick, --one-processor.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<String>,
    },
    /// Count what a frame and a message cost in instructions and system calls, beside what docs/performance.md says.
    Costs {
        /// Write the table there.
        #[arg(long)]
        write: bool,
    },
    /// Have each system call of a list of programs fail once, and see that nothing is lost.
    #[cfg(target_os = "linux")]
    Faults(faults::Selection),
    /// Stop and kill three processes at random, and see that the others get their ends and keep nothing.
    Storm(storm::Storm),
    /// Make the archives of a release, in target/dist.
    Dist,
    /// Install the library, its headers, the files of pkg-config and CMake, and the program.
    Install(Folders),
    /// Build and check everything for macOS, and put what a Mac needs to run the tests into target/macos.
    Macos {
        /// Only for this processor; for both if none is named.
        #[arg(long, value_enum)]
        arch: Vec<Architecture>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Test { no_skip, steps } => {
            let project = Project::find(no_skip)?;
            let report = steps::run(&project, &steps)?;
            report.print();
            Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Task::Bench { arguments } => {
            bench::run(&Project::find(false)?, &arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Costs { write } => {
            costs::run(&Project::find(false)?, write)?;
            Ok(ExitCode::SUCCESS)
        }
        #[cfg(target_os = "linux")]
        Task::Faults(selection) => {
            faults::build_and_run(&Project::find(false)?, &selection)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Storm(storm) => {
            storm::run(&Project::find(false)?, &storm)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Abi => {
            abi::write(&Project::find(false)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Dist => {
            packages::dist::run(&Project::find(false)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Install(folders) => {
            packages::install::run(&Project::find(false)?, &folders)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Macos { arch } => {
            macos::run(&Project::find(false)?, &arch)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Header => {
            header::write(&Project::find(false)?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
