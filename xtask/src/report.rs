//! What the steps came to, and the table that says so at the end.

use std::fmt::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything that it checks is good.
    Passed,
    /// It could not run here, and why.
    Skipped(String),
    /// What was wrong.
    Failed(String),
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Outcome::Passed => "ok",
            Outcome::Skipped(_) => "skipped",
            Outcome::Failed(_) => "failed",
        }
    }

    fn style(&self) -> Style {
        let color = match self {
            Outcome::Passed => AnsiColor::Green,
            Outcome::Skipped(_) => AnsiColor::Yellow,
            Outcome::Failed(_) => AnsiColor::Red,
        };
        color.on_default().bold()
    }
}

/// One step that ran.
pub(crate) struct Entry {
    /// The step's name on the command line.
    pub(crate) name: String,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// Tests inside the step that could not run here (`name: reason`).
    pub(crate) skips: Vec<String>,
    /// How long it took.
    pub(crate) time: Duration,
}

/// All steps of one run, in order.
pub(crate) struct Report {
    no_skip: bool,
    entries: Vec<Entry>,
}

impl Report {
    /// A report of no step yet; `no_skip` makes a skip a failure.
    pub(crate) fn new(no_skip: bool) -> Report {
        Report { no_skip, entries: Vec::new() }
    }

    /// Adds a step, and says how it ended.
    pub(crate) fn add(&mut self, mut entry: Entry) {
        if self.no_skip {
            entry.outcome = strict(entry.outcome, &entry.skips);
        }
        let style = entry.outcome.style();
        let time = seconds(entry.time);
        anstream::println!("-- {}: {style}{}{style:#} ({time})", entry.name, entry.outcome.word());
        if let Outcome::Skipped(reason) | Outcome::Failed(reason) = &entry.outcome {
            println!("{}", indent(reason, "   "));
        }
        self.entries.push(entry);
    }

    /// Whether this step failed already.
    pub(crate) fn has_failed(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name && matches!(entry.outcome, Outcome::Failed(_)))
    }

    /// Whether no step failed.
    pub(crate) fn is_good(&self) -> bool {
        self.count("failed") == 0
    }

    /// Prints the table, what was skipped and what failed, and last the count.
    pub(crate) fn print(&self) {
        anstream::print!("\n{}", self.table());
        println!("{}", self.totals());
    }

    fn table(&self) -> String {
        let width = self.entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0).max("step".len());
        let bold = Style::new().bold();
        let mut text = format!("{bold}{:width$}  {:8} {:>9}{bold:#}\n", "step", "result", "time");
        for entry in &self.entries {
            let (style, word, time) = (entry.outcome.style(), entry.outcome.word(), seconds(entry.time));
            let _ = writeln!(text, "{:width$}  {style}{word:8}{style:#} {time:>9}", entry.name);
        }
        let (mut skipped, mut failed) = (String::new(), String::new());
        for entry in &self.entries {
            match &entry.outcome {
                Outcome::Passed => {}
                Outcome::Skipped(reason) => list(&mut skipped, &entry.name, reason),
                Outcome::Failed(reason) => list(&mut failed, &entry.name, reason),
            }
            for skip in &entry.skips {
                list(&mut skipped, &format!("{}, {}", entry.name, first_word(skip)), reason_of(skip));
            }
        }
        for (title, lines) in [("Skipped", skipped), ("Failed", failed)] {
            if !lines.is_empty() {
                let _ = write!(text, "\n{bold}{title}{bold:#}\n{lines}");
            }
        }
        text.push('\n');
        text
    }

    /// The closing line; it counts steps.
    fn totals(&self) -> String {
        let (passed, failed, skipped) = (self.count("ok"), self.count("failed"), self.count("skipped"));
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    fn count(&self, word: &str) -> usize {
        self.entries.iter().filter(|entry| entry.outcome.word() == word).count()
    }
}

/// What an outcome is where nothing may be skipped.
fn strict(outcome: Outcome, skips: &[String]) -> Outcome {
    match outcome {
        Outcome::Skipped(reason) => Outcome::Failed(format!("skipped, which --no-skip forbids: {reason}")),
        Outcome::Passed if !skips.is_empty() => {
            Outcome::Failed(format!("tests were skipped, which --no-skip forbids:\n{}", skips.join("\n")))
        }
        other => other,
    }
}

fn list(text: &mut String, name: &str, reason: &str) {
    let first = reason.lines().next().unwrap_or_default();
    let _ = writeln!(text, "  {name}: {first}");
    let rest: Vec<&str> = reason.lines().skip(1).collect();
    if !rest.is_empty() {
        let _ = writeln!(text, "{}", indent(&rest.join("\n"), "    "));
    }
}

fn first_word(skip: &str) -> &str {
    skip.split_once(": ").map_or(skip, |(name, _)| name)
}

fn reason_of(skip: &str) -> &str {
    skip.split_once(": ").map_or("no reason given", |(_, reason)| reason)
}

fn indent(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}")).collect::<Vec<_>>().join("\n")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, outcome: Outcome, skips: &[&str]) -> Entry {
        let skips = skips.iter().map(ToString::to_string).collect();
        Entry { name: name.into(), outcome, skips, time: Duration::from_millis(1250) }
    }

    fn report(no_skip: bool) -> Report {
        let mut report = Report::new(no_skip);
        report.add(entry("fmt", Outcome::Passed, &[]));
        report.add(entry("rust", Outcome::Passed, &["demo::video: no ffmpeg here"]));
        report.add(entry("valgrind", Outcome::Skipped("no valgrind here".into()), &[]));
        report.add(entry("header", Outcome::Failed("it drifted\n-a\n+b".into()), &[]));
        report
    }

    /// The table as a pipe gets it: without colours.
    fn plain(report: &Report) -> String {
        anstream::adapter::strip_str(&report.table()).to_string()
    }

    #[test]
    fn the_table_says_what_was_skipped_and_why() {
        let report = report(false);
        let expected = "\
step      result        time
fmt       ok           1.2 s
rust      ok           1.2 s
valgrind  skipped      1.2 s
header    failed       1.2 s

Skipped
  rust, demo::video: no ffmpeg here
  valgrind: no valgrind here

Failed
  header: it drifted
    -a
    +b

";
        assert_eq!(plain(&report), expected);
        assert_eq!(report.totals(), "2 passed, 1 failed, 1 skipped");
        assert!(!report.is_good());
        assert!(report.has_failed("header") && !report.has_failed("rust"));
    }

    #[test]
    fn no_skip_makes_every_skip_a_failure() {
        let report = report(true);
        assert_eq!(report.totals(), "1 passed, 3 failed, 0 skipped");
        assert!(plain(&report).contains("valgrind: skipped, which --no-skip forbids: no valgrind here"));
    }

    #[test]
    fn a_run_without_a_failure_is_good() {
        let mut report = Report::new(false);
        report.add(entry("fmt", Outcome::Passed, &[]));
        report.add(entry("valgrind", Outcome::Skipped("no valgrind here".into()), &[]));
        assert!(report.is_good());
    }
}
