//! `surfaceport doctor`: what this system offers for the library, and what is wrong, in plain words.

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod system;

use std::fmt::Write as _;
use std::fs;

use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use crate::failure::Exit;

#[cfg(target_os = "macos")]
pub(crate) use system::probe;

/// Fewer descriptors than this are not enough for a host with a few children; macOS gives 256 by itself.
const FEW_DESCRIPTORS: u64 = 256;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Ok,
    /// Good to know; nothing is broken by it.
    Note,
    /// Something will not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    /// What was found.
    detail: String,
    /// What to do about a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Check {
        Check { name, verdict: Verdict::Ok, detail: detail.into(), remedy: None }
    }

    fn note(name: &'static str, detail: impl Into<String>) -> Check {
        Check { name, verdict: Verdict::Note, detail: detail.into(), remedy: None }
    }

    fn problem(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { name, verdict: Verdict::Problem, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

/// How many descriptors a process may have. Those that are open are entries of the folder `open`.
fn descriptors(open: &str) -> Check {
    let used = fs::read_dir(open).map(|entries| entries.count().saturating_sub(1)).unwrap_or(0);
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < FEW_DESCRIPTORS => Check::problem(
            "descriptors",
            format!("a process may have {limit} ({used} in use): too few for several children"),
            "run ulimit -n 1024 before the program",
        ),
        Some(limit) => {
            Check::ok("descriptors", format!("a process may have {limit}, {used} are in use here"))
        }
        None => Check::ok("descriptors", format!("no limit, {used} are in use here")),
    }
}

/// All checks of one run.
#[derive(Serialize)]
struct Findings {
    system: String,
    problems: usize,
    checks: Vec<Check>,
}

impl Findings {
    fn new(system: String, checks: Vec<Check>) -> Findings {
        let problems = checks.iter().filter(|check| check.verdict == Verdict::Problem).count();
        Findings { system, problems, checks }
    }

    fn exit(&self) -> Exit {
        if self.problems == 0 { Exit::Ok } else { Exit::Failed }
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.system);
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        for check in &self.checks {
            let verdict = match check.verdict {
                Verdict::Ok => "ok",
                Verdict::Note => "note",
                Verdict::Problem => "PROBLEM",
            };
            let _ = writeln!(text, "{verdict:<8} {:<width$}  {}", check.name, check.detail);
            if let Some(remedy) = &check.remedy {
                let _ = writeln!(text, "{:<8} {:<width$}  {remedy}", "", "");
            }
        }
        let _ = match self.problems {
            0 => writeln!(text, "\nNothing is wrong."),
            1 => writeln!(text, "\n1 problem."),
            count => writeln!(text, "\n{count} problems."),
        };
        text
    }
}

/// Looks at everything and gives what to print and the status to end with.
pub(crate) fn run(json: bool) -> (String, Exit) {
    let findings = findings();
    let text = if json {
        serde_json::to_string(&findings).expect("strings and numbers have a JSON form") + "\n"
    } else {
        findings.text()
    };
    (text, findings.exit())
}

fn findings() -> Findings {
    let mut checks = system::checks();
    checks.push(display());
    Findings::new(system::system(), checks)
}

/// Whether `demo` can open a window.
fn display() -> Check {
    match crate::view::display() {
        Some(display) => Check::ok("display", format!("{display}: the demo opens a window there")),
        None => Check::note("display", "none: the demo shows its frames in the terminal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_problem_fails() {
        let fine = Findings::new("Linux 6".into(), vec![Check::ok("a", "b"), Check::note("c", "d")]);
        assert_eq!(fine.exit(), Exit::Ok);
        assert!(fine.text().ends_with("\nNothing is wrong.\n"));
        let wrong = Findings::new("Linux 6".into(), vec![Check::problem("a", "it is broken", "mend it")]);
        assert_eq!(wrong.exit(), Exit::Failed);
        let text = wrong.text();
        assert!(text.contains("PROBLEM  a  it is broken") && text.contains("mend it"), "{text}");
    }

    #[test]
    fn the_object_says_the_same() {
        let (text, exit) = run(true);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["problems"] == 0, exit == Exit::Ok);
        assert!(value["checks"].as_array().is_some_and(|checks| !checks.is_empty()));
    }
}
