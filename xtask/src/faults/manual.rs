//! What the header says of each call: how it is declared, and which statuses it lists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::project::Project;

const HEADER: &str = "include/surfaceport.h";
/// After these words, the comment of `sfp_status` names what is listed nowhere else.
const ANY: &str = "any call can return";
/// Of these, what no program here is to get: for a pointer that is NULL, and for a defect.
const NEVER: [&str; 2] = ["INVALID_ARGUMENT", "INTERNAL"];

/// A function of the library.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) returns: String,
    pub(super) parameters: String,
}

/// The functions, and the statuses by name.
#[derive(Debug)]
pub(super) struct Manual {
    pub(super) functions: Vec<Function>,
    statuses: BTreeMap<i32, String>,
    listed: BTreeMap<String, BTreeSet<String>>,
    any: BTreeSet<String>,
}

impl Manual {
    pub(super) fn read(project: &Project) -> Result<Self> {
        let include = Path::new(HEADER).parent().unwrap_or(Path::new(""));
        let plain = project.command("cc", ["-E", "-P", HEADER, "-I"]).arg(include).read()?;
        Self::parse(&project.read(HEADER)?, &plain)
    }

    /// Of the header as it is, and as the compiler sees it.
    fn parse(header: &str, plain: &str) -> Result<Self> {
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let declaration = Regex::new(r"([^;{}()]+[ *])(sfp_\w+)\(([^()]*)\);")?;
        let functions: Vec<Function> = declaration
            .captures_iter(&plain)
            .map(|found| Function {
                returns: found[1].trim().to_owned(),
                name: found[2].to_owned(),
                parameters: found[3].trim().to_owned(),
            })
            .collect();
        if functions.is_empty() {
            bail!("{HEADER} declares no function");
        }
        let status = Regex::new(r"SFP_STATUS_(\w+) = (\d+),")?;
        let statuses = status
            .captures_iter(header)
            .map(|found| Ok((found[2].parse()?, found[1].to_owned())))
            .collect::<Result<_>>()?;
        let (_, any) = header.split_once(ANY).context("the header does not say what any call can return")?;
        let named = Regex::new(r"SFP_STATUS_(\w+)")?;
        let named = named.captures_iter(any.split("*/").next().unwrap_or_default());
        let mut any: BTreeSet<String> = named.map(|found| found[1].to_owned()).collect();
        any.retain(|status| !NEVER.contains(&status.as_str()));
        Ok(Self { functions, statuses, listed: listed(header)?, any })
    }

    /// The index of a function.
    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.functions.iter().position(|function| function.name == name)
    }

    pub(super) fn status(&self, status: i32) -> &str {
        self.statuses.get(&status).map_or("an unknown status", String::as_str)
    }

    pub(super) fn lists(&self, function: &str, status: i32) -> bool {
        let name = self.status(status);
        self.any.contains(name) || self.listed.get(function).is_some_and(|listed| listed.contains(name))
    }
}

/// The statuses that the comment of each function names, or that of the function to which it refers.
fn listed(header: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let comment = Regex::new(r"(?s)/\*\*(.*?)\*/\s*(?:[\w*]+\s+)+\**(sfp_\w+)\(")?;
    let status = Regex::new(r"SFP_STATUS_(\w+)")?;
    let refers = Regex::new(r"[Aa]s ((?:(?:, | and | or )?sfp_\w+\(\))+)")?;
    let function = Regex::new(r"sfp_\w+")?;
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut references: Vec<(String, String)> = Vec::new();
    for found in comment.captures_iter(header) {
        // The first comment that is found can reach over several: the last one belongs to the function.
        let text = found[1].rsplit("/**").next().unwrap_or_default();
        let name = &found[2];
        listed.insert(name.into(), status.captures_iter(text).map(|found| found[1].to_owned()).collect());
        let returns = &text[text.find("Returns").unwrap_or(0)..];
        let returns = returns.replace("\n * ", " ");
        let to = refers.find_iter(&returns).flat_map(|found| function.find_iter(found.as_str()));
        references.extend(to.map(|to| (name.to_owned(), to.as_str().to_owned())));
    }
    // As often as a reference can lead to another one.
    for _ in 0..4 {
        for (name, to) in &references {
            let more = listed.get(to).cloned().unwrap_or_default();
            listed.entry(name.clone()).or_default().extend(more);
        }
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "
/** Besides these, any call can return SFP_STATUS_SYSTEM and SFP_STATUS_INTERNAL. */
enum sfp_status {
    SFP_STATUS_OK = 0,
    SFP_STATUS_TIMED_OUT = 2,
    SFP_STATUS_SYSTEM = 15,
    SFP_STATUS_INTERNAL = 16,
};
/** A type. */
typedef struct sfp_thing sfp_thing;
/**
 * Waits. Returns:
 * - SFP_STATUS_TIMED_OUT: it did not happen.
 */
sfp_status sfp_wait(struct sfp_thing *thing,
                    int64_t timeout_ns);
/**
 * Returns as sfp_end() and
 * sfp_wait().
 */
sfp_status sfp_wait_more(struct sfp_thing *thing);
/** Ends it. */
void sfp_end(struct sfp_thing *thing);
";

    #[test]
    fn declarations_and_statuses_are_found() {
        let manual = Manual::parse(HEADER, HEADER).unwrap();
        let names: Vec<_> = manual.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["sfp_wait", "sfp_wait_more", "sfp_end"]);
        assert_eq!(manual.functions[0].parameters, "struct sfp_thing *thing, int64_t timeout_ns");
        assert!(
            manual.lists("sfp_wait", 2) && manual.lists("sfp_wait_more", 2) && manual.lists("sfp_wait", 15)
        );
        assert!(
            !manual.lists("sfp_end", 2) && !manual.lists("sfp_wait", 16) && !manual.lists("sfp_wait", 99)
        );
    }
}
