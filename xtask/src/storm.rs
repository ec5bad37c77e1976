//! `cargo xtask storm`: three processes that are stopped and killed at random; see `tests/storms_linux.rs`.

use anyhow::{Result, bail};

use crate::project::{LIBRARY, Project};
use crate::random::Random;
use crate::report::Outcome;

/// For the step of `cargo xtask test`.
const ROUNDS: u64 = 200;

/// Which storm.
#[derive(Debug, clap::Args)]
pub(crate) struct Storm {
    /// How many rounds.
    #[arg(long, default_value_t = ROUNDS)]
    rounds: u64,
    /// What happens in them; a failed storm says its own.
    #[arg(long)]
    seed: Option<u64>,
}

/// The step of `cargo xtask test`.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("the signals of a storm need the pidfds of Linux".into()));
    }
    run(project, &Storm { rounds: ROUNDS, seed: None })?;
    Ok(Outcome::Passed)
}

/// Runs a storm.
pub(crate) fn run(project: &Project, storm: &Storm) -> Result<()> {
    let (rounds, seed) = (storm.rounds, storm.seed.unwrap_or_else(|| Random::new_seed() % 1_000_000));
    let arguments = ["test", "-p", LIBRARY, "--test", "storms_linux", "--", "--ignored", "--nocapture"];
    let test = project
        .command("cargo", arguments)
        .env("SURFACEPORT_STORM_ROUNDS", rounds.to_string())
        .env("SURFACEPORT_STORM_SEED", seed.to_string());
    if let Err(error) = test.run() {
        bail!("{error:#}; to repeat it: cargo xtask storm --rounds {rounds} --seed {seed}");
    }
    Ok(())
}
