//! What the linker sees of macOS, from another system: the link stubs of the repository, and zig's list of libSystem.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use regex::{Captures, Regex};

use super::stub::Stub;
use super::{empty, work_folder};
use crate::project::Project;

/// The link stubs, one file for each library.
pub(super) const STUBS: &str = "xtask/macos/stubs";

/// Libraries that are libSystem by another name.
const ALIASES: [&str; 5] = ["c", "dl", "m", "pthread", "resolv"];

/// Puts together the folder that stands for macOS's `/`.
pub(super) fn make(project: &Project, system: &Path) -> Result<PathBuf> {
    let sysroot = work_folder(project).join("sysroot");
    empty(&sysroot)?;
    for file in project.files(STUBS, "tbd")? {
        let stub = Stub::read(&file)?;
        put(&sysroot.join(stub.link_path()?), &fs::read_to_string(&file)?)?;
    }
    let text = fs::read_to_string(system).with_context(|| format!("cannot read {}", system.display()))?;
    let text = for_programs(&text)?;
    for name in ["System"].iter().chain(&ALIASES) {
        put(&sysroot.join(format!("usr/lib/lib{name}.tbd")), &text)?;
    }
    Ok(sysroot)
}

fn put(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Apple's list names the processors that its own libraries are built for, `arm64e` and others that older tools do not
/// know. Programs of ours are `arm64`, and find the same symbols.
fn for_programs(text: &str) -> Result<String> {
    let targets = Regex::new(r"targets:\s*\[([^\]]*)\]")?;
    let replaced = targets.replace_all(text, |found: &Captures<'_>| {
        let named: Vec<&str> = found[1].split(',').map(str::trim).collect();
        let has = |start: &str| named.iter().any(|name| name.starts_with(start) && name.ends_with("-macos"));
        let kept = [("x86_64", "x86_64-macos"), ("arm64", "arm64-macos")];
        let kept: Vec<&str> = kept.iter().filter(|(start, _)| has(start)).map(|(_, name)| *name).collect();
        format!("targets: [ {} ]", kept.join(", "))
    });
    Ok(replaced.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arm64_has_what_arm64e_has() {
        let text = "\
targets:         [ x86_64-macos, x86_64-maccatalyst, arm64e-macos,
                   arm64e.x1-macos ]
exports:
  - targets:         [ x86_64-macos ]
    symbols:         [ _a ]
  - targets:         [ arm64e-macos, arm64-maccatalyst ]
    symbols:         [ _b ]
  - targets:         [ x86_64-maccatalyst ]
";
        let expected = "\
targets: [ x86_64-macos, arm64-macos ]
exports:
  - targets: [ x86_64-macos ]
    symbols:         [ _a ]
  - targets: [ arm64-macos ]
    symbols:         [ _b ]
  - targets: [  ]
";
        assert_eq!(for_programs(text).unwrap(), expected);
    }
}
