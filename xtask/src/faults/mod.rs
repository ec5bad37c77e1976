//! `cargo xtask faults`: programs of which each system call fails once, with each error that it can have.
//!
//! A first run of a program counts the system calls that its processes make inside of functions of the library. In
//! each further run one of them, of one process, fails. Whatever that is, the program has to end, and to keep what
//! the header promises: see `verdict.rs`.

mod errors;
mod injector;
mod manual;
mod programs;
mod run;
mod table;
mod verdict;
mod witness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use libc::c_long;

use self::manual::Manual;
use self::programs::{Kind, Program};
use self::run::{Fault, Place};
use self::table::{Row, Table};
use self::verdict::Clean;
use self::witness::Witness;
use crate::cargo;
use crate::project::Project;
use crate::random::Random;
use crate::report::Outcome;

/// For the step of `cargo xtask test`.
const BUDGET: Duration = Duration::from_secs(90);
/// The same call in the same function, again and again: after so many, the next ones tell nothing new.
const ALIKE: usize = 8;

/// What to run.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Selection {
    /// All that differ by role, system call, function of the library and error, and of those that are alike some; not
    /// only what 90 s are enough for.
    #[arg(long)]
    all: bool,
    /// With --all: those that are alike, too.
    #[arg(long)]
    every: bool,
    /// What is chosen, and in which order, where not all is run.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this program.
    #[arg(long)]
    program: Option<String>,
    /// Only this role of it, such as "channel child".
    #[arg(long)]
    role: Option<String>,
    /// Only this system call.
    #[arg(long)]
    call: Option<String>,
    /// Only this error.
    #[arg(long)]
    error: Option<String>,
    /// Only the N-th of these calls.
    #[arg(long)]
    nth: Option<usize>,
}

/// A run to come.
#[derive(Debug)]
struct Planned {
    /// Its index.
    program: usize,
    fault: Fault,
    /// The function of the library that makes the call, by its index.
    function: usize,
}

/// The step of `cargo xtask test`.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if let Some(reason) = injector::missing() {
        return Ok(Outcome::Skipped(reason));
    }
    run(project, &Selection::default())?;
    Ok(Outcome::Passed)
}

/// The task.
pub(crate) fn build_and_run(project: &Project, selection: &Selection) -> Result<()> {
    if let Some(reason) = injector::missing() {
        bail!("{reason}");
    }
    cargo::library(project)?;
    run(project, selection)
}

/// Runs what is selected; an error if anything was wrong.
fn run(project: &Project, selection: &Selection) -> Result<()> {
    let scratch = project.scratch("faults")?;
    let manual = Manual::read(project)?;
    let witness = witness::build(project, &manual, &scratch)?;
    let mut programs = programs::build(project, &scratch)?;
    programs.retain(|program| selection.program.as_ref().is_none_or(|name| *name == program.name));
    if programs.is_empty() {
        bail!("there is no such program");
    }
    let seed = selection.seed.unwrap_or_else(|| Random::new_seed() % 1_000_000);
    let one = selection.nth.is_some() && selection.call.is_some();
    println!("seed {seed}");
    let laboratory = Laboratory { witness, scratch, manual, programs, verbose: one };
    let (clean, mut planned, table) = laboratory.plan(selection)?;
    Random::new(seed).shuffle(&mut planned);
    if !selection.every {
        planned = thin(planned);
    }
    println!("{} faults", planned.len());
    let deadline = (!selection.all && !one).then(|| Instant::now() + BUDGET);
    let table = laboratory.inject(&planned, &clean, deadline, table)?;
    print!("{table}");
    table.judge()
}

/// How often a run has to be wrong.
const ATTEMPTS: usize = 3;

/// Leaves out what is like [`ALIKE`] others, and puts one of each kind first.
fn thin(planned: Vec<Planned>) -> Vec<Planned> {
    let mut seen: BTreeMap<(usize, String, c_long, i32, usize), usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, Planned)> = Vec::new();
    for planned in planned {
        let Planned { program, fault, function } = &planned;
        let kind = (*program, fault.role.clone(), fault.call.number, fault.error, *function);
        let rank = seen.entry(kind).or_default();
        *rank += 1;
        ranked.push((*rank, planned));
    }
    ranked.retain(|(rank, _)| *rank <= ALIKE);
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, planned)| planned).collect()
}

/// The programs, and what sees and judges them.
struct Laboratory {
    witness: Witness,
    scratch: PathBuf,
    manual: Manual,
    programs: Vec<Program>,
    /// Shows also what a program printed whose run was wrong.
    verbose: bool,
}

impl Laboratory {
    /// Runs each program without a fault. Gives what that left, all faults that are possible, and a table with the
    /// programs that are wrong by themselves, for which there are none.
    fn plan(&self, selection: &Selection) -> Result<(Vec<Clean>, Vec<Planned>, Table)> {
        let wanted =
            |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        let (mut clean, mut planned, mut table) = (Vec::new(), Vec::new(), Table::default());
        for (index, program) in self.programs.iter().enumerate() {
            let run = run::run(program, &self.witness, &run::folder_of(&self.scratch, 0), None)?;
            let left = Clean::of(&run)?;
            let mut faults = verdict::faults(program, &run, &left, &self.manual)?;
            if !run.status.success() {
                faults.push(run.status.to_string());
            }
            clean.push(left);
            if !faults.is_empty() {
                println!("{}", run.output);
                table.add_by_itself(format!("{} without a fault: {}", program.name, faults.join("; ")));
                continue;
            }
            for ((role, number), functions) in &run.calls {
                let call = errors::calls().find(|call| call.number == *number).context("an unknown call")?;
                if !wanted(&selection.role, role) || !wanted(&selection.call, call.name) {
                    continue;
                }
                for (at, function) in functions.iter().enumerate() {
                    let errors = call.errors_of(program.kind == Kind::Pair);
                    for error in
                        errors.into_iter().filter(|error| wanted(&selection.error, errors::name(*error)))
                    {
                        let fault = Fault { role: role.clone(), call, nth: at + 1, error };
                        if selection.nth.is_none_or(|nth| nth == fault.nth) {
                            planned.push(Planned { program: index, fault, function: *function });
                        }
                    }
                }
            }
        }
        Ok((clean, planned, table))
    }

    /// Runs a program for each fault, several at a time.
    fn inject(
        &self,
        planned: &[Planned],
        clean: &[Clean],
        deadline: Option<Instant>,
        table: Table,
    ) -> Result<Table> {
        let (next, table) = (AtomicUsize::new(0), Mutex::new(table));
        // Much of a run is waiting.
        let workers = thread::available_parallelism().map_or(1, usize::from).min(8) * 2;
        let results: Vec<Result<()>> = thread::scope(|scope| {
            let work = |worker: usize| {
                let (next, table) = (&next, &table);
                move || -> Result<()> {
                    // Relaxed: it only counts.
                    while let Some(Planned { program, fault, .. }) =
                        planned.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                            break;
                        }
                        let folder = run::folder_of(&self.scratch, worker);
                        let row =
                            self.inject_one(&self.programs[*program], fault, &clean[*program], &folder)?;
                        table.lock().unwrap_or_else(|broken| broken.into_inner()).add(row);
                    }
                    Ok(())
                }
            };
            let workers: Vec<_> = (0..workers).map(|worker| scope.spawn(work(worker))).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
                .collect()
        });
        results.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(table.into_inner().unwrap_or_else(|broken| broken.into_inner()))
    }

    fn inject_one(&self, program: &Program, fault: &Fault, clean: &Clean, folder: &Path) -> Result<Row> {
        let mut run = run::run(program, &self.witness, folder, Some(fault))?;
        let mut faults = verdict::faults(program, &run, clean, &self.manual)?;
        // On a machine that does other things a run can be wrong by chance: it counts if it is wrong each time. The others
        // are told of.
        for _ in 1..ATTEMPTS {
            if faults.is_empty() {
                break;
            }
            run = run::run(program, &self.witness, folder, Some(fault))?;
            let found = verdict::faults(program, &run, clean, &self.manual)?;
            if found.is_empty() {
                println!("wrong, and right when it was repeated: {fault:?}: {}", faults.join("; "));
            }
            faults = found;
        }
        let error = errors::name(fault.error);
        let Fault { role, call, nth, .. } = fault;
        let place = |(_, function): &Place| self.manual.functions[*function].name.clone();
        let repeat = format!(
            "cargo xtask faults --program {} --role '{role}' --call {} --error {error} --nth {nth}",
            program.name, call.name
        );
        if !faults.is_empty() {
            let place = run.hit.as_ref().map(place).unwrap_or_default();
            println!("{repeat}\n  in {place}(): {}", faults.join("\n  "));
            if self.verbose {
                println!("{}", run.output);
            }
        }

        Ok(Row {
            role: role.clone(),
            call: call.name,
            place: run.hit.as_ref().map(place),
            survived: run.status.success(),
            faults: (!faults.is_empty()).then(|| format!("{repeat}: {}", faults.join("; "))),
        })
    }
}
