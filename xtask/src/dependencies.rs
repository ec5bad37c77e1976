//! The library's dependencies: few, and none that only a tool needs. And what others get who depend on it: the crates
//! have what a Rust program needs, and no more.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use cargo_metadata::{Dependency, DependencyKind, Metadata, Package};

use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

/// The library and all that it depends on stay below this.
const FEWER_THAN: usize = 30;

/// The systems whose dependencies are counted, whatever this one is.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"];

/// Counts the library's crates on each system and looks for those of tools.
pub(crate) fn check(project: &Project) -> Result<Outcome> {
    let for_tools = for_tools(&project.metadata);
    for target in TARGETS {
        let arguments = ["tree", "-p", LIBRARY, "-e", "normal", "--prefix", "none", "--target", target];
        let tree = project.command("cargo", arguments).read()?;
        let crates = crates(&tree);
        println!(
            "{target}: {} in all: {}",
            crates.len(),
            crates.iter().cloned().collect::<Vec<_>>().join(", ")
        );
        judge(&crates, &for_tools, target)?;
    }
    for (package, needs) in [
        (LIBRARY, ["src/lib.rs", "include/surfaceport.h"]),
        ("surfaceport-cli", ["src/main.rs", "Cargo.lock"]),
    ] {
        let listed =
            project.command("cargo", ["package", "--list", "--allow-dirty", "-p", package]).read()?;
        packed(&listed, &needs).with_context(|| format!("the crate {package}"))?;
        println!("{package}: {} files in its crate", listed.lines().count());
    }
    Ok(Outcome::Passed)
}

/// Looks what is in a crate, by cargo's list of its files.
fn packed(listed: &str, needs: &[&str]) -> Result<()> {
    let files: BTreeSet<&str> = listed.lines().collect();
    for needed in ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"].iter().chain(needs) {
        if !files.contains(needed) {
            bail!("it has no {needed}");
        }
    }
    let belongs = |file: &&&str| match file.split_once('/') {
        Some((folder, _)) => ["src", "include"].contains(&folder),
        None => !file.starts_with('.') || **file == ".cargo_vcs_info.json",
    };
    match files.iter().find(|file| !belongs(file)) {
        Some(file) => bail!("it has {file}, which no Rust program needs"),
        None => Ok(()),
    }
}

/// What another package of the workspace depends on directly, and the library does not.
fn for_tools(metadata: &Metadata) -> BTreeSet<String> {
    let direct = |package: &Package| -> BTreeSet<String> {
        let normal = |dependency: &&Dependency| dependency.kind == DependencyKind::Normal;
        package.dependencies.iter().filter(normal).map(|dependency| dependency.name.clone()).collect()
    };
    let mut tools = BTreeSet::new();
    let mut library = BTreeSet::from([LIBRARY.to_owned()]);
    for package in &metadata.packages {
        if package.name == LIBRARY { &mut library } else { &mut tools }.extend(direct(package));
    }
    tools.difference(&library).cloned().collect()
}

fn judge(crates: &BTreeSet<String>, for_tools: &BTreeSet<String>, target: &str) -> Result<()> {
    if !crates.iter().any(|name| name.starts_with(LIBRARY)) {
        bail!("cargo tree does not name {LIBRARY} itself");
    }
    if crates.len() >= FEWER_THAN {
        bail!("the library is {} crates on {target}; it must stay below {FEWER_THAN}", crates.len());
    }
    for name in crates {
        let bare = name.split(' ').next().unwrap_or_default();
        if for_tools.contains(bare) {
            bail!(
                "the library depends on {name} on {target}, which only a tool needs: `cargo tree -i {bare}`"
            );
        }
    }
    Ok(())
}

/// The crates that `cargo tree --prefix none` names, each version once.
fn crates(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
surfaceport v0.1.0 (/somewhere)
libc v0.2.1
zerocopy v0.8.1
zerocopy-derive v0.8.1 (proc-macro)
syn v2.0.1
syn v1.0.1
libc v0.2.1
zerocopy v0.8.1 (*)
";

    fn for_tools() -> BTreeSet<String> {
        BTreeSet::from(["clap".to_owned()])
    }

    #[test]
    fn each_version_of_a_crate_counts_once() {
        let crates = crates(TREE);
        assert_eq!(crates.len(), 6);
        judge(&crates, &for_tools(), "here").unwrap();
    }

    #[test]
    fn a_crate_has_what_a_program_needs_and_no_more() {
        let list = ".cargo_vcs_info.json\nCargo.toml\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\nsrc/lib.rs\n";
        packed(list, &["src/lib.rs"]).unwrap();
        assert!(packed(list, &["include/surfaceport.h"]).is_err());
        for more in [".ci/run", ".gitignore", "tests/channels.rs", "bindings/python/setup.py"] {
            let error = packed(&format!("{list}{more}\n"), &["src/lib.rs"]).unwrap_err().to_string();
            assert!(error.contains(more), "{error}");
        }
    }

    #[test]
    fn too_many_crates_or_one_of_a_tool_is_an_error() {
        let mut one = crates(TREE);
        one.insert("clap v4.0.0".into());
        assert!(judge(&one, &for_tools(), "here").unwrap_err().to_string().contains("clap v4.0.0"));
        let many: BTreeSet<String> =
            crates(TREE).into_iter().chain((0..24).map(|n| format!("crate{n} v1"))).collect();
        assert!(judge(&many, &for_tools(), "here").unwrap_err().to_string().contains("30 crates"));
        assert!(judge(&BTreeSet::new(), &for_tools(), "here").is_err());
    }

    #[test]
    fn what_the_tasks_need_is_known_to_be_for_tools() {
        let project = Project::find(false).unwrap();
        let found = super::for_tools(&project.metadata);
        assert!(found.contains("clap") && found.contains("cbindgen"), "{found:?}");
        assert!(!found.contains(LIBRARY) && !found.contains("rustix"), "{found:?}");
    }
}
