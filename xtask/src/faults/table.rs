//! What the runs showed, by system call and place.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, bail};

/// All are printed as they come; so many again at the end.
const SHOWN: usize = 20;

/// A run with a fault.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) role: String,
    pub(super) call: &'static str,
    /// The function of the library that made the call, if the run came to it.
    pub(super) place: Option<String>,
    /// Whether the program did all that it is for.
    pub(super) survived: bool,
    /// How to repeat it, and what was wrong.
    pub(super) faults: Option<String>,
}

/// Runs with the same system call in the same place.
#[derive(Debug, Default)]
struct Line {
    runs: usize,
    survived: usize,
    errors: usize,
    faults: usize,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    lines: BTreeMap<(&'static str, String), Line>,
    faults: Vec<String>,
    injected: usize,
    missed: usize,
}

impl Table {
    pub(super) fn add(&mut self, row: Row) {
        let Some(place) = row.place else {
            self.missed += 1;
            self.faults.extend(row.faults);
            return;
        };
        self.injected += 1;
        let line = self.lines.entry((row.call, format!("{}: {place}", row.role))).or_default();
        line.runs += 1;
        match (&row.faults, row.survived) {
            (Some(_), _) => line.faults += 1,
            (None, true) => line.survived += 1,
            (None, false) => line.errors += 1,
        }
        self.faults.extend(row.faults);
    }

    /// Notes a program that is wrong without a fault.
    pub(super) fn add_by_itself(&mut self, text: String) {
        println!("{text}");
        self.faults.push(text);
    }

    pub(super) fn judge(&self) -> Result<()> {
        if !self.faults.is_empty() {
            let (wrong, shown) = (self.faults.len(), &self.faults[..self.faults.len().min(SHOWN)]);
            bail!("{wrong} of {} runs were wrong; the first are\n{}", self.injected, shown.join("\n"));
        }
        if self.injected == 0 {
            bail!("no run came to the call that was to fail");
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:18} {:60} {:>6} {:>9} {:>6} {:>6}",
            "call", "place", "runs", "survived", "error", "wrong"
        )?;
        for ((call, place), line) in &self.lines {
            let Line { runs, survived, errors, faults } = line;
            writeln!(f, "{call:18} {place:60} {runs:>6} {survived:>9} {errors:>6} {faults:>6}")?;
        }
        let (injected, missed, faults) = (self.injected, self.missed, self.faults.len());
        writeln!(
            f,
            "{injected} faults were injected, {missed} runs did not come to theirs, {faults} were wrong"
        )
    }
}
