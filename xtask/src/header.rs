//! The C header: generated from src/ffi, compared with the committed one, compiled alone.
//!
//! cbindgen reads the files of src/ffi only, so that a `pub const` of another layer does not
//! become C. Macros and the introduction are text in cbindgen.toml; the version in them is put in
//! from Cargo.toml.

use std::fmt::Write;
use std::fs;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use regex::Regex;
use similar::TextDiff;

use crate::c_compiler::{C11, C99, CXX17, Language};
use crate::project::Project;
use crate::report::Outcome;
use crate::sections;
use crate::symbols;

/// The committed header.
pub(crate) const HEADER: &str = "include/surfaceport.h";

/// The root of what is exported to C.
const SOURCE: &str = "src/ffi/mod.rs";

/// How many lines of a drift are shown.
const DRIFT_LINES: usize = 80;

/// Writes the header and the list of its symbols.
pub(crate) fn write(project: &Project) -> Result<()> {
    let text = generate(project)?;
    fs::create_dir_all(project.path("include")).context("cannot make the folder include")?;
    fs::write(project.path(HEADER), &text).with_context(|| format!("cannot write {HEADER}"))?;
    println!("wrote {HEADER}");
    symbols::write_list(project, &text)
}

/// Compares the committed header with what the source says.
pub(crate) fn check(project: &Project) -> Result<Outcome> {
    let generated = generate(project)?;
    let committed = project.read(HEADER)?;
    if committed != generated {
        let diff = TextDiff::from_lines(&committed, &generated);
        let diff = diff.unified_diff().header("committed", "generated from src/ffi").to_string();
        let shown: Vec<&str> = diff.lines().take(DRIFT_LINES).collect();
        println!("{}", shown.join("\n"));
        bail!("{HEADER} is not what src/ffi and cbindgen.toml say: run `cargo xtask header`");
    }
    println!("{HEADER} is what src/ffi says ({} lines)", committed.lines().count());
    Ok(Outcome::Passed)
}

/// Compiles the committed header alone, with a use of each macro, in each language.
pub(crate) fn compile(project: &Project) -> Result<Outcome> {
    let text = project.read(HEADER)?;
    every_option_struct_has_its_macro(&text)?;
    let folder = project.scratch("header")?;
    let uses = uses_of_macros(&text)?;
    for language in [&C99, &C11, &CXX17] {
        let file = folder.join(format!("{}.{}", language.name, language.extension));
        fs::write(&file, &uses).with_context(|| format!("cannot write {}", file.display()))?;
        compile_one(project, language, &file)?;
    }
    Ok(Outcome::Passed)
}

fn compile_one(project: &Project, language: &Language, file: &std::path::Path) -> Result<()> {
    let command = project.command(language.compiler, language.strict_flags()).arg("-fsyntax-only");
    command.arg("-Iinclude").arg(file).run()
}

/// The header's text, from src/ffi, cbindgen.toml and the version.
fn generate(project: &Project) -> Result<String> {
    let mut config = cbindgen::Config::from_file(project.path("cbindgen.toml"))
        .map_err(|error| anyhow!("cbindgen.toml: {error}"))?;
    for text in [&mut config.header, &mut config.after_includes, &mut config.trailer].into_iter().flatten() {
        *text = with_version(text.trim_end(), &project.version)?;
    }
    let source = project.path(SOURCE);
    if !source.is_file() {
        bail!("there is no {SOURCE} to generate {HEADER} from");
    }
    warnings::start();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(&source)
        .generate()
        .context("cbindgen cannot read src/ffi")?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let warnings = warnings::take();
    if !warnings.is_empty() {
        bail!("cbindgen warns:\n{}", warnings.join("\n"));
    }
    let text = String::from_utf8(text).context("cbindgen wrote something that is not UTF-8")?;
    sections::add(&text, &source)
}

/// Puts the version in the place of `@VERSION@`, `@MAJOR@`, `@MINOR@` and `@PATCH@`.
fn with_version(text: &str, version: &str) -> Result<String> {
    let numbers: Vec<&str> = version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
    let [major, minor, patch] = numbers[..] else {
        bail!("the version {version} has no three numbers");
    };
    Ok(text
        .replace("@VERSION@", version)
        .replace("@MAJOR@", major)
        .replace("@MINOR@", minor)
        .replace("@PATCH@", patch))
}

/// A file in C (and C++) that includes the header, twice, and nothing else, and uses each of its
/// macros: an `SFP_NOUN_INIT` for an `sfp_noun`, one with a `type` for nothing (others use it), any
/// other one as a value.
fn uses_of_macros(header: &str) -> Result<String> {
    let mut text = String::from(
        "#include <surfaceport.h>\n#include <surfaceport.h>\n\nvoid uses(void);\nvoid uses(void)\n{\n",
    );
    let define = Regex::new(r"(?m)^[ \t]*#[ \t]*define[ \t]+(SFP_\w+)(\(\w+\))?[ \t]+\S")?;
    let mut seen = Vec::new();
    for found in define.captures_iter(header) {
        let name = &found[1];
        let parameter = found.get(2).map_or("", |parameter| parameter.as_str());
        if seen.contains(&name.to_owned()) || parameter == "(type)" {
            continue;
        }
        seen.push(name.to_owned());
        if let Some(noun) = name.strip_suffix("_INIT") {
            let (kind, variable) = (noun.to_lowercase(), name.to_lowercase());
            writeln!(text, "    {{ {kind} {variable} = {name}; (void){variable}; }}")?;
        } else {
            let argument = if parameter.is_empty() { "" } else { "(1)" };
            writeln!(text, "    (void)({name}{argument});")?;
        }
    }
    text.push_str("}\n");
    Ok(text)
}

/// A struct that begins with its size needs a macro that sets it.
fn every_option_struct_has_its_macro(header: &str) -> Result<()> {
    let sized =
        Regex::new(r"typedef struct (sfp_\w+) \{\s*(?:/\*(?:[^*]|\*+[^*/])*\*+/\s*)?size_t struct_size;")?;
    for found in sized.captures_iter(header) {
        let name = format!("{}_INIT", found[1].to_uppercase());
        if !header.contains(&format!("#define {name} ")) {
            bail!("{} begins with struct_size, but cbindgen.toml defines no {name}", &found[1]);
        }
    }
    Ok(())
}

/// What cbindgen warns of. It does not fail on what it cannot express, so we do.
mod warnings {
    use super::{Mutex, PoisonError};

    static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

    /// Private items are none of cbindgen's business, and no reason for a warning.
    const PRIVATE: [&str; 2] = ["(not `pub`)", "(not `no_mangle`)"];

    /// Types of the systems, whose headers cbindgen.toml includes.
    const FOREIGN: [&str; 6] = [
        "Can't find __CVBuffer.",
        "Can't find __IOSurface.",
        "Can't find CFRunLoopSourceRef.",
        "Can't find dispatch_queue_t.",
        "Can't find dispatch_source_t.",
        "Can't find mach_port_t.",
    ];

    struct Collector;

    impl log::Log for Collector {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            metadata.level() <= log::Level::Warn
        }

        fn log(&self, record: &log::Record<'_>) {
            let text = record.args().to_string();
            let is_expected = PRIVATE.iter().chain(&FOREIGN).any(|expected| text.contains(expected));
            if self.enabled(record.metadata()) && !is_expected {
                WARNINGS.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            }
        }

        fn flush(&self) {}
    }

    /// Begins to collect; a second call changes nothing.
    pub(super) fn start() {
        if log::set_logger(&Collector).is_ok() {
            log::set_max_level(log::LevelFilter::Warn);
        }
    }

    /// What was collected since the last call.
    pub(super) fn take() -> Vec<String> {
        std::mem::take(&mut *WARNINGS.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_put_into_the_text() {
        let text = "\"@VERSION@\" @MAJOR@ @MINOR@ @PATCH@";
        assert_eq!(with_version(text, "1.22.3").unwrap(), "\"1.22.3\" 1 22 3");
        assert_eq!(with_version(text, "1.0.0-rc.1").unwrap(), "\"1.0.0-rc.1\" 1 0 0");
        assert!(with_version(text, "1.0").is_err());
    }

    #[test]
    fn a_struct_with_its_size_needs_a_macro() {
        let header = "typedef struct sfp_spawn_options {\n    /**\n     * Its size.\n     */\n    size_t struct_size;\n}";
        let error = every_option_struct_has_its_macro(header).unwrap_err().to_string();
        assert!(error.contains("SFP_SPAWN_OPTIONS_INIT"), "{error}");
        let with = format!("#define SFP_SPAWN_OPTIONS_INIT {{0}}\n{header}");
        every_option_struct_has_its_macro(&with).unwrap();
        let other = "typedef struct sfp_event {\n    /** Its key. */\n    uint64_t key;\n} sfp_event;\n";
        every_option_struct_has_its_macro(&format!("{other}{with}")).unwrap();
    }

    #[test]
    fn each_macro_is_used_once_and_as_what_it_is() {
        let header = "\
#ifndef SURFACEPORT_H
#define SURFACEPORT_H
#define SFP_FOREVER INT64_C(-1)
#define SFP_SECONDS(n) ((int64_t)(n) * 1000000000)
#ifdef __cplusplus
#define SFP_DEFAULT_OPTIONS(type) type()
#define SFP_SPAWN_OPTIONS_INIT SFP_DEFAULT_OPTIONS(sfp_spawn_options)
#else
#define SFP_SPAWN_OPTIONS_INIT { .struct_size = sizeof(sfp_spawn_options) }
#endif
#endif
";
        let expected = "\
#include <surfaceport.h>
#include <surfaceport.h>

void uses(void);
void uses(void)
{
    (void)(SFP_FOREVER);
    (void)(SFP_SECONDS(1));
    { sfp_spawn_options sfp_spawn_options_init = SFP_SPAWN_OPTIONS_INIT; (void)sfp_spawn_options_init; }
}
";
        assert_eq!(uses_of_macros(header).unwrap(), expected);
    }
}
