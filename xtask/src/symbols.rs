//! The library's exported symbols: what the header declares, and nothing else.
//!
//! A symbol that was in a release cannot go: include/surfaceport.symbols lists all that there ever
//! were, `cargo xtask header` adds new ones, and only a person takes one away.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use object::read::NameOrOrdinal;
use object::{BinaryFormat, Object};
use regex::Regex;

use crate::header::HEADER;
use crate::project::Project;
use crate::report::Outcome;

/// All functions that the library has for C, on any system; one a line.
const LIST: &str = "include/surfaceport.symbols";

/// Compares the header, the list and the release build of the shared library.
pub(crate) fn check(project: &Project) -> Result<Outcome> {
    let header = project.read(HEADER)?;
    let (declared, listed) = (declared(&header)?, listed(project)?);
    if declared.is_empty() {
        bail!("{HEADER} declares no function");
    }
    let preprocessed = project.command("cc", ["-E", "-P", "-std=c11", HEADER]).read()?;
    let here = functions(&preprocessed)?;
    let exported = exported(project)?;

    let mut faults = Vec::new();
    let mut fault = |names: Vec<&String>, what: &str| {
        faults.extend(names.into_iter().map(|name| format!("{name}: {what}")));
    };
    fault(here.difference(&exported).collect(), "the header declares it, the library does not export it");
    fault(exported.difference(&here).collect(), "the library exports it, the header does not declare it");
    fault(
        listed.difference(&declared).collect(),
        "it is gone, and programs that use it would no longer start; \
         if that is meant, take it out of include/surfaceport.symbols",
    );
    fault(declared.difference(&listed).collect(), "it is new: run `cargo xtask header` to list it");
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    println!("{} functions: declared, listed and exported", exported.len());
    Ok(Outcome::Passed)
}

/// Adds what the header declares to the list; keeps what is gone, and says so.
pub(crate) fn write_list(project: &Project, header: &str) -> Result<()> {
    let declared = declared(header)?;
    let listed = if project.path(LIST).exists() { listed(project)? } else { BTreeSet::new() };
    for name in listed.difference(&declared) {
        println!("{name} is no longer declared; if that is meant, take it out of {LIST}");
    }
    let all: Vec<&str> = declared.union(&listed).map(String::as_str).collect();
    fs::write(project.path(LIST), all.join("\n") + "\n").with_context(|| format!("cannot write {LIST}"))?;
    println!("wrote {LIST}: {} functions", all.len());
    Ok(())
}

/// The functions that the header declares, on any system.
pub(crate) fn declared(header: &str) -> Result<BTreeSet<String>> {
    functions(&unconditional(header)?)
}

/// All functions of the list.
pub(crate) fn listed(project: &Project) -> Result<BTreeSet<String>> {
    Ok(project.read(LIST)?.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect())
}

/// What the shared library exports.
fn exported(project: &Project) -> Result<BTreeSet<String>> {
    let path = project.shared_library();
    let data = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = object::File::parse(&*data).with_context(|| format!("cannot parse {}", path.display()))?;
    let mut names = BTreeSet::new();
    for export in file.exports()? {
        let export = export?;
        let NameOrOrdinal::Name(name) = export.name() else {
            bail!("{} exports a symbol that has no name", path.display());
        };
        let name = String::from_utf8_lossy(name).into_owned();
        // Mach-O puts an underscore before each name of C.
        names.insert(match file.format() {
            BinaryFormat::MachO => name.strip_prefix('_').map_or(name.clone(), String::from),
            _ => name,
        });
    }
    Ok(names)
}

/// The header's text for all systems at once: without comments, directives and what is for C++ only.
fn unconditional(header: &str) -> Result<String> {
    let comment = Regex::new(r"(?s)/\*.*?\*/|//[^\n]*")?;
    let for_cxx = Regex::new(r"(?ms)^#ifdef __cplusplus$.*?^#endif")?;
    let directive = Regex::new(r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$")?;
    let text = comment.replace_all(header, " ");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let text = lines.join("\n");
    let text = for_cxx.replace_all(&text, "");
    Ok(directive.replace_all(&text, "").into_owned())
}

/// The functions that a preprocessed text in C declares with external linkage.
pub(crate) fn functions(text: &str) -> Result<BTreeSet<String>> {
    let declaration = Regex::new(r"\b(sfp_\w+)\s*\(")?;
    let mut names = BTreeSet::new();
    for statement in without_bodies(text).split(';') {
        let statement = statement.trim_start();
        if statement.starts_with("static") || statement.starts_with("typedef") {
            continue;
        }
        // The first one is the function; later ones could be parameters.
        if let Some(found) = declaration.captures(statement) {
            names.insert(found[1].to_owned());
        }
    }
    Ok(names)
}

/// The text with each outermost `{ … }` replaced by a semicolon.
fn without_bodies(text: &str) -> String {
    let mut depth = 0_u32;
    let mut rest = String::new();
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    rest.push(';');
                }
            }
            _ if depth == 0 => rest.push(c),
            _ => {}
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
/* sfp_in_a_comment(); */
#include <stdint.h>
#define SFP_CALL(x) \
    sfp_in_a_macro(x)

#ifdef __cplusplus
extern "C" {
#endif  // __cplusplus

enum sfp_status
#ifdef __cplusplus
  : int32_t
#endif // __cplusplus
 {
  SFP_STATUS_OK = 0, // as sfp_in_another_comment() says
};
typedef struct sfp_host sfp_host;
typedef bool (*sfp_callback)(void *context, const struct sfp_host *host);
typedef struct sfp_options {
  void (*sfp_call)(void);
} sfp_options;
static inline int sfp_inline(void) { if (1) { return sfp_called(1); } return 2; }
const char *sfp_version(void);
sfp_status sfp_host_spawn(const struct sfp_options *options,
                          struct sfp_host **host);
#if defined(__APPLE__)
void *sfp_host_native(struct sfp_host *host);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus
"#;

    #[test]
    fn functions_are_found_and_nothing_else() {
        let found = functions(&unconditional(TEXT).unwrap()).unwrap();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["sfp_host_native", "sfp_host_spawn", "sfp_version"]);
    }
}
