//! `cargo xtask costs`: what a frame and a message cost in instructions and system calls, beside the committed values.
//!
//! Nothing is timed: callgrind counts instructions, strace system calls, of the program in `bench/costs`. What a clock
//! has happen now and then, such as asking the kernel whether a peer still lives, only ever adds to a count, so of
//! several blocks of the same calls the cheapest counts.

mod instructions;
mod system_calls;
mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use self::system_calls::Trace;
use self::table::Table;
use crate::project::Project;
use crate::report::Outcome;

const PACKAGE: &str = "surfaceport-costs";
/// Where the committed values are.
const DOCUMENT: &str = "docs/performance.md";
/// The program's longest run.
const LIMIT: Duration = Duration::from_secs(300);
/// What the committed instructions are of.
const ARCHITECTURE: &str = "x86_64";

/// A call of the library whose cost is known.
#[derive(Debug)]
struct Call {
    /// In the program's marks, and with underscores in the name of a function of it.
    name: &'static str,
    /// For people.
    text: &'static str,
    bars: Bars,
}

/// What a call is to cost. That these are held is reported; that the committed values are is demanded.
#[derive(Debug)]
struct Bars {
    instructions_below: Option<f64>,
    awake: Option<f64>,
    asleep: Option<f64>,
}

impl Bars {
    const NONE: Self = Self { instructions_below: None, awake: None, asleep: None };
    /// Of a frame's calls while both sides are awake.
    const AWAKE: Self = Self { instructions_below: Some(150.0), awake: Some(0.0), asleep: None };
}

const CALLS: [Call; 6] = [
    Call { name: "acquire-image", text: "acquire an image", bars: Bars::AWAKE },
    Call { name: "present", text: "present it", bars: Bars { asleep: Some(1.0), ..Bars::AWAKE } },
    Call { name: "acquire-frame", text: "acquire a frame", bars: Bars { asleep: Some(2.0), ..Bars::AWAKE } },
    Call { name: "release-frame", text: "release it", bars: Bars::NONE },
    Call { name: "send", text: "send 100 bytes", bars: Bars::NONE },
    Call { name: "receive", text: "receive 100 bytes", bars: Bars::NONE },
];

/// What one call costs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    instructions: f64,
    /// System calls with everybody awake.
    awake: f64,
    /// System calls when the other side sleeps until this call, or this side until the other's.
    asleep: f64,
}

/// By the call's name.
type Costs = BTreeMap<&'static str, Cost>;

/// The step of `cargo xtask test`.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if let Some(reason) = missing(project) {
        return Ok(Outcome::Skipped(reason));
    }
    check(project)?;
    Ok(Outcome::Passed)
}

/// Counts, and compares with the committed values, or writes them.
pub(crate) fn run(project: &Project, write: bool) -> Result<()> {
    if let Some(reason) = missing(project) {
        bail!("{reason}");
    }
    if write { renew(project) } else { check(project) }
}

fn check(project: &Project) -> Result<()> {
    let committed = table::committed(&project.read(DOCUMENT)?).context(DOCUMENT)?;
    let table = Table { costs: count(project)?, committed: Some(committed) };
    print!("{table}");
    let faults = table.faults();
    if !faults.is_empty() {
        bail!(
            "{}\nIf it is meant, or a new compiler's doing, `cargo xtask costs --write` renews {DOCUMENT}",
            faults.join("\n")
        );
    }
    Ok(())
}

fn renew(project: &Project) -> Result<()> {
    let table = Table { costs: count(project)?, committed: None };
    print!("{table}");
    let document = table::replace(&project.read(DOCUMENT)?, &table.costs).context(DOCUMENT)?;
    std::fs::write(project.path(DOCUMENT), document).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("written to {DOCUMENT}");
    Ok(())
}

/// Why it cannot be counted here.
fn missing(project: &Project) -> Option<String> {
    if !cfg!(target_os = "linux") || std::env::consts::ARCH != ARCHITECTURE {
        return Some(format!("the committed values are of Linux on {ARCHITECTURE}"));
    }
    if !project.command("valgrind", ["--version"]).exists() {
        return Some("there is no valgrind here".into());
    }
    // Where processes may not be traced it is there, and fails.
    if !project.command("strace", ["-qq", "-o", "/dev/null", "true"]).exists() {
        return Some("there is no strace here that can trace".into());
    }
    None
}

fn count(project: &Project) -> Result<Costs> {
    project.command("cargo", ["build", "--release", "--package", PACKAGE]).run()?;
    let program = project.release().join(PACKAGE);
    let folder = project.scratch("costs")?;
    let awake = Trace::take(project, &program, "awake", &folder)?;
    let asleep = Trace::take(project, &program, "asleep", &folder)?;
    let mut costs = Costs::new();
    for call in &CALLS {
        let cost = cost(project, call, &program, &folder, (&awake, &asleep));
        costs.insert(call.name, cost.with_context(|| call.text)?);
    }
    Ok(costs)
}

fn cost(
    project: &Project,
    call: &Call,
    program: &Path,
    folder: &Path,
    (awake, asleep): (&Trace, &Trace),
) -> Result<Cost> {
    let (awake, asleep) = (awake.cheapest(call)?, asleep.cheapest(call)?);
    let instructions = instructions::of_block(project, call, program, folder)? as f64 / awake.calls as f64;
    println!("{}: awake: {}; asleep: {}", call.text, awake.names(), asleep.names());
    Ok(Cost { instructions, awake: awake.mean(), asleep: asleep.mean() })
}
