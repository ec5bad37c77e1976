//! System calls, as strace shows them between the program's marks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use regex::Regex;

use super::{Call, LIMIT};
use crate::project::Project;

/// Depends on the machine: a call of the kernel only where its clock cannot be read without.
const CLOCK: &str = "clock_gettime";

/// What a run of the program showed: for each call by its name, its blocks in order.
#[derive(Debug, Default)]
pub(super) struct Trace(BTreeMap<String, Vec<Block>>);

/// The same call, again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) calls: usize,
    system_calls: usize,
    /// Those of the call that made the most.
    most: Vec<String>,
}

impl Trace {
    /// Runs the program in a role.
    pub(super) fn take(project: &Project, program: &Path, role: &str, folder: &Path) -> Result<Self> {
        let prefix = format!("{role}.strace");
        project
            .command("strace", ["-ff", "-qq", "-s", "64", "-e", "signal=none", "-o"])
            .arg(folder.join(&prefix))
            .arg(program)
            .arg(role)
            .run_limited(LIMIT, &folder.join("output.txt"))?;
        let mut trace = Self::default();
        // A file for each thread, with its number behind the name.
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                trace.read(&String::from_utf8_lossy(&fs::read(entry.path())?))?;
            }
        }
        Ok(trace)
    }

    /// Takes in what one thread did.
    fn read(&mut self, text: &str) -> Result<()> {
        let mark = Regex::new(r#"^\w+\(.*"surfaceport-costs/(begin|end)/([a-z-]+)""#)?;
        let system_call = Regex::new(r"^(\w+)\(")?;
        let mut blocks: BTreeMap<String, Block> = BTreeMap::new();
        let mut inside: Option<(String, Vec<String>)> = None;
        for line in text.lines() {
            let mark = mark.captures(line).map(|found| (found[1].to_owned(), found[2].to_owned()));
            match (mark, &mut inside) {
                (Some((place, name)), None) if place == "begin" => inside = Some((name, Vec::new())),
                (Some((_, name)), None) if name == "block" => {
                    for (name, block) in std::mem::take(&mut blocks) {
                        self.0.entry(name).or_default().push(block);
                    }
                }
                (Some((place, name)), Some((call, _))) if place == "end" && name == *call => {
                    let (call, made) = inside.take().unwrap_or_default();
                    let block = blocks.entry(call).or_default();
                    block.calls += 1;
                    block.system_calls += made.len();
                    if made.len() > block.most.len() {
                        block.most = made;
                    }
                }
                (Some((place, name)), _) => bail!("the mark {place} {name} is out of place"),
                (None, Some((_, made))) => {
                    let name = system_call.captures(line).map(|found| found[1].to_owned());
                    made.extend(name.filter(|name| name != CLOCK));
                }
                (None, None) => {}
            }
        }
        if let Some((name, _)) = inside {
            bail!("the program ended in {name}");
        }
        Ok(())
    }

    /// The block with the fewest system calls, behind the first, which warms up.
    pub(super) fn cheapest(&self, call: &Call) -> Result<&Block> {
        let blocks = self.0.get(call.name).context("the program made no such call")?;
        let cheapest = blocks.iter().skip(1).min_by_key(|block| block.system_calls);
        cheapest.context("the program made only one block of such calls")
    }
}

impl Block {
    /// System calls of a call.
    pub(super) fn mean(&self) -> f64 {
        self.system_calls as f64 / self.calls as f64
    }

    /// The system calls of the call that made the most.
    pub(super) fn names(&self) -> String {
        if self.most.is_empty() { "none".into() } else { self.most.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::CALLS;

    const MARK: &str =
        "statx(AT_FDCWD, \"surfaceport-costs/PLACE\", AT_STATX_SYNC_AS_STAT, STATX_ALL, 0x7ffd) = -1 ENOENT";

    /// Lines of strace; `begin/present` stands for that mark.
    fn read(lines: &[&str]) -> Result<Trace> {
        let lines = lines.iter().map(|line| match line.contains('(') {
            true => (*line).to_owned(),
            false => MARK.replace("PLACE", line),
        });
        let mut trace = Trace::default();
        trace.read(&lines.collect::<Vec<_>>().join("\n"))?;
        Ok(trace)
    }

    fn present() -> &'static Call {
        CALLS.iter().find(|call| call.name == "present").unwrap()
    }

    #[test]
    fn what_stands_between_marks_is_counted_in_the_cheapest_block() {
        let call = ["begin/present", "sendto(5, \"(\", 1) = 1", "clock_gettime(1, {}) = 0", "end/present"];
        let news = ["begin/present", "epoll_pwait(3) = 0", "sendto(5, \"x\", 1) = 1", "end/present"];
        let (block, outside) = (["end/block"], ["begin/send", "end/send", "read(0) = 0"]);
        let trace = read(
            &[&call[..2], &call[3..], &block, &news, &call, &block, &outside, &call, &call, &block].concat(),
        )
        .unwrap();
        let cheapest = trace.cheapest(present()).unwrap();
        assert_eq!(*cheapest, Block { calls: 2, system_calls: 2, most: vec!["sendto".into()] });
        assert_eq!(cheapest.mean(), 1.0);
        assert_eq!(cheapest.names(), "sendto");
    }

    #[test]
    fn a_trace_without_the_call_or_with_half_of_it_is_an_error() {
        assert!(read(&["end/block", "end/block"]).unwrap().cheapest(present()).is_err());
        assert!(read(&["begin/present", "end/present", "end/block"]).unwrap().cheapest(present()).is_err());
        assert!(read(&["begin/present"]).is_err());
        assert!(read(&["begin/present", "end/send"]).is_err());
        assert!(read(&["end/present"]).is_err());
    }
}
