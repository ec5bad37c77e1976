//! Instructions, counted by callgrind inside of the program's function for a call, both sides awake.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Call, LIMIT};
use crate::project::Project;

/// The instructions of all calls of the cheapest block.
pub(super) fn of_block(project: &Project, call: &Call, program: &Path, folder: &Path) -> Result<u64> {
    let counted = folder.join(format!("{}.callgrind", call.name));
    let function = format!("cost_of_{}", call.name.replace('-', "_"));
    project
        .command("valgrind", ["--quiet", "--tool=callgrind", "--combine-dumps=yes"])
        // The stars stand for what the compiler puts around a name.
        .arg(format!("--toggle-collect=*{function}*"))
        .arg("--dump-after=*end_block*")
        .arg(format!("--callgrind-out-file={}", counted.display()))
        .arg(program)
        .arg("awake")
        .run_limited(LIMIT, &folder.join("output.txt"))?;
    let text = fs::read_to_string(&counted).with_context(|| format!("cannot read {}", counted.display()))?;
    cheapest(&text).with_context(|| format!("callgrind saw too few blocks with calls of {function}"))
}

/// The smallest total of a part of callgrind's file, one for each block. The first one with the call warms up; there is
/// none of it in the blocks of other calls.
fn cheapest(text: &str) -> Option<u64> {
    let totals = text.lines().filter_map(|line| line.strip_prefix("totals:")?.trim().parse().ok());
    totals.filter(|total| *total > 0).skip(1).min()
}

#[cfg(test)]
mod tests {
    use super::cheapest;

    #[test]
    fn the_cheapest_block_behind_the_first_counts() {
        let text = "part: 1\nfn=(1) f\n0 7\ntotals: 0\npart: 2\ntotals: 10\npart: 3\ntotals: 30\npart: 4\n\
            summary: 5\ntotals: 20\npart: 5\ntotals: 0\n";
        assert_eq!(cheapest(text), Some(20));
        assert_eq!(cheapest("totals: 0\ntotals: 10\ntotals: 0\n"), None);
    }
}
