//! Where a run took place.

use std::process::Command;

use serde::Serialize;

use crate::Options;
use crate::pin::Pinning;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    system: String,
    commit: String,
    /// The mean number of processes that wanted to run in the minute before: 0 if nothing disturbs.
    load: f64,
    rounds: usize,
    is_quick: bool,
    pinning: Pinning,
    /// With what the others were built.
    others: [&'static str; 2],
}

fn read(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Machine {
    pub(crate) fn look(options: &Options) -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor =
            information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let name = rustix::system::uname();
        let commit = read("git", &["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".into());
        let changes = read("git", &["status", "--porcelain", "--untracked-files=no"]).unwrap_or_default();
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: processor.map_or("unknown", |(_, name)| name).into(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            system: format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy()),
            commit: if changes.is_empty() { commit } else { format!("{commit}, with changes") },
            load: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN),
            rounds: options.rounds,
            is_quick: options.is_quick,
            pinning: options.pinning,
            others: ["iceoryx2 0.10", "ipc-channel 0.23"],
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self { processor, processors, system, commit, load, rounds, pinning, .. } = self;
        let mut text = format!(
            "- {processors} × {processor}, {system}\n- commit {commit}\n- against {}\n- {rounds} rounds; the host on \
             processor {}, its children on {}\n- load before the run: {load}\n",
            self.others.join(" and "),
            pinning.host,
            pinning.child
        );
        if self.is_quick {
            text.push_str("- **a quick run: a test of the benchmark, no measurement**\n");
        }
        if *load > 0.5 {
            text.push_str("- **the machine was busy with other things**\n");
        }
        text
    }
}
