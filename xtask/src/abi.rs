//! The binary interface: what programs that were compiled against an older header rely on.
//!
//! `abi/` has a snapshot for each first number of the version, made by libabigail of what the header says to a
//! compiler: the signature of each function, the layout of each struct, the value of each constant. Whatever breaks
//! programs needs another first number, and so another snapshot.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::command::Command;
use crate::header::HEADER;
use crate::project::Project;
use crate::report::Outcome;
use crate::symbols;

/// Bits of abidiff's exit status: it could not do its work, or found a difference.
const ERROR: i32 = 1 | 2;

/// How a header differs from a snapshot.
#[derive(Debug, PartialEq, Eq)]
enum Difference {
    /// Not at all.
    None,
    /// Something is there that was not; programs do not notice.
    Added(String),
    /// Programs would break.
    Breaks(String),
}

/// Compares the header with the snapshot.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    if !project.command("abidiff", ["--version"]).exists() {
        return Ok(Outcome::Skipped("there is no abidiff: `apt install abigail-tools`".into()));
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Outcome::Skipped("the snapshot is of Linux on x86-64".into()));
    }
    let snapshot = snapshot(project);
    if !project.path(&snapshot).is_file() {
        bail!("there is no {snapshot}: `cargo xtask abi` writes it");
    }
    let folder = project.scratch("abi")?;
    let now = describe(project, &project.read(HEADER)?, &folder)?;
    match compare(project, &project.path(&snapshot), &now)? {
        Difference::None => {
            println!("{HEADER} has the binary interface of {snapshot}");
            Ok(Outcome::Passed)
        }
        Difference::Added(report) => {
            bail!("{snapshot} lacks what is new: run `cargo xtask abi`\n{report}")
        }
        Difference::Breaks(report) => bail!(
            "programs that were compiled before break; that needs a version with another first number\n{report}"
        ),
    }
}

/// Writes the snapshot; one that exists is only added to.
pub(crate) fn write(project: &Project) -> Result<()> {
    let name = snapshot(project);
    let snapshot = project.path(&name);
    let folder = project.scratch("abi")?;
    let now = describe(project, &project.read(HEADER)?, &folder)?;
    if snapshot.is_file() {
        match compare(project, &snapshot, &now)? {
            Difference::None => {
                println!("{name} is as it should be");
                return Ok(());
            }
            Difference::Added(report) => println!("{report}"),
            Difference::Breaks(report) => bail!("{name} stays, because programs would break\n{report}"),
        }
    }
    fs::create_dir_all(project.path("abi")).context("cannot make the folder abi")?;
    fs::copy(&now.description, &snapshot).with_context(|| format!("cannot write {name}"))?;
    println!("wrote {name}");
    Ok(())
}

/// The snapshot for the first number of the version.
fn snapshot(project: &Project) -> String {
    let major = project.version.split('.').next().unwrap_or_default();
    format!("abi/surfaceport.{major}-linux-x86_64.abi")
}

/// What a header says, for libabigail.
struct Interface {
    /// Its description of a library that refers to all of the header.
    description: PathBuf,
    /// Which changes are none for programs.
    suppressions: PathBuf,
}

/// Compiles a library that refers to each function and each enum of the header, and describes it.
fn describe(project: &Project, header: &str, folder: &Path) -> Result<Interface> {
    let file = |name: &str, text: &str| -> Result<PathBuf> {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    let header_file = file("surfaceport.h", header)?;
    let preprocessed = project.command("cc", ["-E", "-P", "-std=c11"]).arg(&header_file).read()?;
    let source = file("references.c", &references(&preprocessed)?)?;
    let suppressions = file("suppressions.ini", &suppressions(header)?)?;
    let (library, description) = (folder.join("references.so"), folder.join("references.abi"));
    project
        .command("cc", ["-std=gnu11", "-g", "-fno-eliminate-unused-debug-types", "-fPIC", "-shared"])
        .arg("-Wl,--unresolved-symbols=ignore-all")
        .arg(format!("-ffile-prefix-map={}=.", folder.display()))
        .arg(source)
        .arg("-o")
        .arg(&library)
        .read()?;
    project
        .command("abidw", ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file"])
        .arg(&description)
        .arg(&library)
        .read()?;
    Ok(Interface { description, suppressions })
}

/// A C file with a pointer to each function, and an object of each enum: the functions have the enums' values as
/// integers, so that nothing else refers to these. A suppression lets abidiff overlook more than what is new at the
/// end of a struct, so that each member of a struct that may grow is an object too, and its place an array's length.
fn references(preprocessed: &str) -> Result<String> {
    let functions = symbols::functions(preprocessed)?;
    if functions.is_empty() {
        bail!("{HEADER} declares no function");
    }
    let mut text = String::from("#include \"surfaceport.h\"\n");
    for name in functions {
        let _ = writeln!(text, "__typeof__(&{name}) function_{name} = &{name};");
    }
    for found in Regex::new(r"\benum\s+(sfp_\w+)\s*\{")?.captures_iter(preprocessed) {
        let name = &found[1];
        let _ = writeln!(text, "enum {name} enum_{name};");
    }
    for (name, members) in growing(preprocessed)? {
        for member in members {
            let _ = writeln!(text, "__typeof__((({name} *)0)->{member}) member_{name}_{member};");
            let _ = writeln!(text, "char place_{name}_{member}[offsetof({name}, {member}) + 1];");
        }
    }
    Ok(text)
}

/// A struct that begins with its size may get further members at its end.
fn suppressions(header: &str) -> Result<String> {
    let grows = growing(header)?;
    if grows.is_empty() {
        bail!("{HEADER} has no struct that begins with its size");
    }
    let names: Vec<&str> = grows.iter().map(|(name, _)| name.as_str()).collect();
    Ok(format!(
        "[suppress_type]\n  type_kind = struct\n  name_regexp = ^({})$\n  has_data_member_inserted_at = end\n",
        names.join("|")
    ))
}

/// The structs that begin with their size, each with the names of its members.
fn growing(text: &str) -> Result<Vec<(String, Vec<String>)>> {
    let comments = Regex::new(r"(?s)/\*.*?\*/")?;
    let grows = Regex::new(r"struct\s+(sfp_\w+)\s*\{\s*(size_t\s+struct_size;[^}]*)\}")?;
    let member = Regex::new(r"(?:\(\s*\*\s*(\w+)\s*\)\s*\(.*\)|(\w+)\s*(?:\[[^\]]*\])*)\s*$")?;
    let text = comments.replace_all(text, "");
    let mut found = Vec::new();
    for one in grows.captures_iter(&text) {
        let mut members = Vec::new();
        for declaration in one[2].split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let name = member.captures(declaration).and_then(|found| found.get(1).or(found.get(2)));
            let name = name.with_context(|| format!("which member of {} is this: {declaration}", &one[1]))?;
            members.push(name.as_str().to_owned());
        }
        found.push((one[1].to_owned(), members));
    }
    Ok(found)
}

/// Asks abidiff twice: with and without what was added.
fn compare(project: &Project, snapshot: &Path, now: &Interface) -> Result<Difference> {
    let abidiff = |flags: &[&str]| -> Command {
        project
            .command("abidiff", flags)
            .arg("--suppressions")
            .arg(&now.suppressions)
            .arg(snapshot)
            .arg(&now.description)
    };
    let (status, report) = abidiff(&["--no-added-syms"]).status_and_output()?;
    if status & ERROR != 0 {
        bail!("abidiff failed ({status}):\n{report}");
    }
    if status != 0 {
        return Ok(Difference::Breaks(report));
    }
    // Harmless are new values of an enum, among others.
    let (status, report) = abidiff(&["--harmless"]).status_and_output()?;
    Ok(if status == 0 { Difference::None } else { Difference::Added(report) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small header with each kind of thing that ours has.
    const HEADER_TEXT: &str = "\
#include <stddef.h>
#include <stdint.h>
enum sfp_mode { SFP_MODE_A = 0, SFP_MODE_B = 1 };
typedef int32_t sfp_mode;
typedef struct sfp_host sfp_host;
typedef struct sfp_pixels { void *base; uint32_t width; uint32_t height; } sfp_pixels;
typedef struct sfp_options {
    /** The size. */
    size_t struct_size;
    uint64_t flags;
} sfp_options;
int sfp_open(const sfp_options *options, sfp_host **host);
int sfp_lock(sfp_host *host, sfp_pixels *pixels, sfp_mode mode);
";

    /// Whether abidiff is here; without it these tests fail where nothing may be skipped.
    fn can_compare(project: &Project) -> bool {
        let can = project.command("abidiff", ["--version"]).exists();
        assert!(can || std::env::var_os("SURFACEPORT_NO_SKIP").is_none(), "there is no abidiff");
        can
    }

    /// How a header that `change` makes of the small one differs from it; `None` where there is no abidiff.
    fn difference(name: &str, change: impl Fn(&str) -> String) -> Option<Difference> {
        let project = Project::find(false).unwrap();
        if !can_compare(&project) {
            return None;
        }
        let folder = std::env::temp_dir().join(format!("xtask-{}-abi-{name}", std::process::id()));
        let describe = |name: &str, text: &str| {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).unwrap();
            describe(&project, text, &folder).unwrap()
        };
        let (old, changed) = (describe("old", HEADER_TEXT), change(HEADER_TEXT));
        assert_ne!(changed, HEADER_TEXT);
        let new = describe("new", &changed);
        let found = compare(&project, &old.description, &new).unwrap();
        assert_eq!(compare(&project, &old.description, &old).unwrap(), Difference::None);
        fs::remove_dir_all(&folder).unwrap();
        Some(found)
    }

    fn breaks(name: &str, from: &str, to: &str) {
        let found = difference(name, |text| text.replace(from, to));
        assert!(found.as_ref().is_none_or(|found| matches!(found, Difference::Breaks(_))), "{found:?}");
    }

    fn adds(name: &str, from: &str, to: &str) {
        let found = difference(name, |text| text.replace(from, to));
        assert!(found.as_ref().is_none_or(|found| matches!(found, Difference::Added(_))), "{found:?}");
    }

    #[test]
    fn a_changed_struct_breaks_programs() {
        breaks("type", "uint32_t width;", "uint64_t width;");
        breaks("order", "uint32_t width; uint32_t height;", "uint32_t height; uint32_t width;");
        breaks("grown", "uint32_t height;", "uint32_t height; uint64_t more;");
        breaks("options", "uint64_t flags;", "uint32_t flags;");
        breaks("member", "    uint64_t flags;\n", "");
        breaks("middle", "uint64_t flags;", "uint64_t before; uint64_t flags;");
    }

    #[test]
    fn a_changed_function_or_constant_breaks_programs() {
        breaks("gone", "int sfp_open(const sfp_options *options, sfp_host **host);", "");
        breaks("parameter", "sfp_pixels *pixels, sfp_mode", "sfp_pixels *pixels, int64_t");
        breaks("result", "int sfp_lock", "int64_t sfp_lock");
        breaks("constant", "SFP_MODE_B = 1", "SFP_MODE_B = 2");
        breaks("lost", ", SFP_MODE_B = 1", "");
    }

    #[test]
    fn what_is_new_does_not() {
        adds("function", "int sfp_lock", "int sfp_new(void);\nint sfp_lock");
        adds("value", "SFP_MODE_B = 1", "SFP_MODE_B = 1, SFP_MODE_C = 2");
        adds("end", "uint64_t flags;", "uint64_t flags; uint64_t more;");
    }

    /// The real header against the real snapshot, each time with one thing changed.
    #[test]
    fn the_snapshot_in_the_repository_refuses_what_breaks_programs() {
        let project = Project::find(false).unwrap();
        if !can_compare(&project) || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return;
        }
        let snapshot = project.path(&snapshot(&project));
        let header = project.read(HEADER).unwrap();
        let folder = std::env::temp_dir().join(format!("xtask-{}-abi-real", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let judge = |from: &str, to: &str| {
            let changed = Regex::new(from).unwrap().replace(&header, to).into_owned();
            assert!(from.is_empty() || changed != header, "{from} is not in {HEADER}");
            compare(&project, &snapshot, &describe(&project, &changed, &folder).unwrap()).unwrap()
        };
        assert_eq!(judge("", ""), Difference::None);
        let described = fs::read_to_string(folder.join("references.abi")).unwrap();
        assert!(
            !described.contains(&*folder.to_string_lossy()),
            "a folder of this machine is in the snapshot"
        );
        for (from, to) in [
            // A function is gone, a struct's member is wider, a constant has another value.
            (r"(?m)^[^\n/*]*\bsfp_frame_release\([^;]*;", ""),
            (r"uint32_t (width|height);", "uint64_t $1;"),
            (r"SFP_STATUS_CLOSED = (\d+)", "SFP_STATUS_CLOSED = 9$1"),
        ] {
            let found = judge(from, to);
            assert!(matches!(found, Difference::Breaks(_)), "{from}: {found:?}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn members_are_found_by_their_names() {
        let text = "struct sfp_all { size_t struct_size; const char *const *argv; int pair[2]; \
                    void (*call)(void *context, int n); }; struct sfp_fixed { int a; };";
        let members = ["struct_size", "argv", "pair", "call"].map(String::from).to_vec();
        assert_eq!(growing(text).unwrap(), [("sfp_all".to_owned(), members)]);
    }

    #[test]
    fn only_structs_with_their_size_may_grow() {
        let text = suppressions(HEADER_TEXT).unwrap();
        assert!(text.contains("name_regexp = ^(sfp_options)$"), "{text}");
        assert!(suppressions("struct sfp_pixels { void *base; };").is_err());
    }
}
