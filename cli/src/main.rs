//! The `surfaceport` program.

mod acquisition;
mod child;
mod clock;
mod color;
mod command;
mod doctor;
mod failure;
mod host;
mod interrupt;
mod letters;
mod memory;
mod newest;
mod output;
mod picture;
mod rate;
mod recorder;
mod report;
mod scene;
mod screen;
mod source;
mod still;
mod surface;
mod view;
mod wire;
mod y4m;

use std::io::Write;
use std::process::ExitCode;

use command::Command;
use failure::{Exit, Failure, Result};

fn main() -> ExitCode {
    clock::start();
    match run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // Without standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "surfaceport: {failure}");
            failure.exit().into()
        }
    }
}

fn run() -> Result<Exit> {
    let Some(command) = command::read(std::env::args_os())? else { return Ok(Exit::Ok) };
    match command {
        Command::Demo(demo) => host::run(&demo),
        Command::Child(task) => child::run(&task),
        #[cfg(target_os = "macos")]
        Command::Probe => doctor::probe(),
        Command::Doctor(doctor) => {
            let (text, exit) = doctor::run(doctor.json);
            print(&text)?;
            Ok(exit)
        }
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unprinted(&error))
}

fn unprinted(error: &std::io::Error) -> Failure {
    Failure::new("cannot print the result", error, "see where standard output goes")
}
