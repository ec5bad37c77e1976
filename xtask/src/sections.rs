//! Headings in the C header: one before the first function of each module of src/ffi.
//!
//! cbindgen writes all functions in the order of the source, without a word between them. The first
//! line of a module's comment is the heading of its functions.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use regex::Regex;

/// A module of src/ffi.
struct Module {
    heading: String,
    functions: Vec<String>,
}

/// Puts the headings into the header; `root` is the file that names the modules.
pub(crate) fn add(header: &str, root: &Path) -> Result<String> {
    let folder = root.parent().context("a file without a folder")?;
    let text = fs::read_to_string(root).with_context(|| format!("cannot read {}", root.display()))?;
    let mut modules = Vec::new();
    for name in names(&text)? {
        let file = folder.join(format!("{name}.rs"));
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        modules.push(module(&text)?);
    }
    put(header, &modules)
}

/// The modules that a file names, in order.
fn names(text: &str) -> Result<Vec<String>> {
    let module = Regex::new(r"(?m)^(?:pub(?:\([a-z:]+\))? )?mod (\w+);")?;
    Ok(module.captures_iter(text).map(|found| found[1].to_owned()).filter(|name| name != "tests").collect())
}

fn module(text: &str) -> Result<Module> {
    let function = Regex::new(r#"extern "C" fn (sfp_\w+)"#)?;
    let first = text.lines().find_map(|line| line.strip_prefix("//! ")).unwrap_or_default();
    Ok(Module {
        heading: first.trim().trim_end_matches('.').to_owned(),
        functions: function.captures_iter(text).map(|found| found[1].to_owned()).collect(),
    })
}

fn put(header: &str, modules: &[Module]) -> Result<String> {
    let declaration = Regex::new(r"^[a-z].*\b(sfp_\w+)\(")?;
    let mut lines: Vec<String> = header.lines().map(String::from).collect();
    for module in modules {
        let declares = |line: &String| {
            let name = declaration.captures(line).map(|found| found[1].to_owned());
            !line.starts_with("typedef") && name.is_some_and(|name| module.functions.contains(&name))
        };
        let Some(at) = lines.iter().position(declares) else { continue };
        // The function's comment, and a condition on the system, belong to it.
        let belongs =
            |line: &String| line.starts_with("/**") || line.starts_with(" *") || line.starts_with("#if ");
        let start = lines[..at].iter().rposition(|line| !belongs(line)).map_or(0, |before| before + 1);
        let rule = "-".repeat(96);
        let heading =
            [format!("/* {rule}"), format!(" * {}", module.heading), format!(" * {rule} */"), String::new()];
        lines.splice(start..start, heading);
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_in_order() {
        let text = "//! C.\nmod status;\n#[cfg(target_os = \"macos\")]\npub(crate) mod native;\nmod tests;\n";
        assert_eq!(names(text).unwrap(), ["status", "native"]);
    }

    #[test]
    fn a_heading_stands_before_the_first_function_and_its_comment() {
        let source = "//! Hosts: they show.\n//!\n//! More.\n\
            pub unsafe extern \"C\" fn sfp_host_spawn() {}\npub extern \"C\" fn sfp_host_end() {}\n";
        let header = "\
typedef bool (*sfp_call)(const struct sfp_host *host);

const char *sfp_version(void);

#if defined(__linux__)
/**
 * Spawns, as sfp_host_end() ends.
 */
sfp_status sfp_host_spawn(struct sfp_host **host);
#endif

sfp_status sfp_host_end(struct sfp_host *host);
";
        let rule = "-".repeat(96);
        let expected = header
            .replace("#if defined", &format!("/* {rule}\n * Hosts: they show\n * {rule} */\n\n#if defined"));
        assert_eq!(put(header, &[module(source).unwrap()]).unwrap(), expected);
    }
}
