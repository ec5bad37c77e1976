//! All functions of the C API, as their source declares them.

use std::collections::BTreeSet;

/// A function, and its parameters.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
}

pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_pointer: bool,
    /// Whether the manual says `can be NULL` or `NULL is nothing`.
    pub(crate) can_be_null: bool,
}

macro_rules! sources {
    ($($module:ident),* $(,)?) => {
        &[$((stringify!($module), include_str!(concat!("../../src/ffi/", stringify!($module), ".rs")))),*]
    };
}

/// The source of each module, built in, so that a test program runs anywhere.
const SOURCES: &[(&str, &str)] = sources!(
    status,
    version,
    time,
    port,
    port_set,
    message,
    bootstrap,
    memory,
    surface,
    iosurface,
    channel,
    producer,
    consumer_right,
    consumer,
    host,
    child,
    invitation,
    mach_port,
    runloop_source,
    dispatch_source,
);

/// Those that are for macOS as a whole.
const MACOS_MODULES: &[&str] = &["iosurface", "mach_port", "runloop_source", "dispatch_source"];

/// All that exist on this system.
pub(crate) fn functions() -> Vec<Function> {
    let here = SOURCES.iter().filter(|(name, _)| cfg!(target_os = "macos") || !MACOS_MODULES.contains(name));
    here.flat_map(|(_, source)| parse(source)).collect()
}

fn parse(source: &str) -> Vec<Function> {
    let starts: Vec<usize> = source.match_indices("extern \"C\" fn sfp_").map(|(at, _)| at).collect();
    starts.into_iter().filter_map(|at| parse_one(&source[..at], &source[at..])).collect()
}

/// `None` if it is for another system.
fn parse_one(before: &str, text: &str) -> Option<Function> {
    let before = before.rsplit("\n\n").next()?;
    let for_other = before.lines().any(|line| match line.strip_prefix("#[cfg(target_os = \"") {
        Some(rest) => rest.strip_suffix("\")]").expect("one system") != std::env::consts::OS,
        None => false,
    });
    let name_and_rest = text.strip_prefix("extern \"C\" fn ").expect("it was found by that");
    let (name, rest) = name_and_rest.split_once('(').expect("parameters");
    let (list, _) = rest.split_once(')').expect("no parameter has brackets");
    let parameters = list.split(',').map(str::trim).filter(|parameter| !parameter.is_empty());
    let parameters = parameters.map(|parameter| {
        let (name, kind) = parameter.split_once(": ").expect("a type");
        let entry = entry_of(before, name);
        assert!(!entry.is_empty(), "{name} of {parameter} has no entry in the manual");
        Parameter {
            name: name.to_owned(),
            is_pointer: kind.starts_with('*'),
            can_be_null: entry.contains("can be NULL") || entry.contains("NULL is nothing"),
        }
    });
    let function = Function { name: name.to_owned(), parameters: parameters.collect() };
    (!for_other).then_some(function)
}

/// What the manual says of a parameter, as one line.
fn entry_of(comment: &str, parameter: &str) -> String {
    let mut lines = comment.lines().map(|line| line.trim_start_matches("///"));
    let start = format!(" - `{parameter}`: ");
    let Some(first) = lines.find(|line| line.starts_with(&start)) else { return String::new() };
    let rest = lines.take_while(|line| line.starts_with("   "));
    [first].into_iter().chain(rest).map(str::trim).collect::<Vec<_>>().join(" ")
}

#[test]
fn no_module_is_forgotten() {
    let module = |line: &str| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned);
    let declared: BTreeSet<String> =
        include_str!("../../src/ffi/mod.rs").lines().filter_map(module).collect();
    let here: BTreeSet<String> = SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(declared, here);
}

#[test]
fn every_function_says_who_may_call_it_and_where() {
    for (module, source) in SOURCES {
        for (at, _) in source.match_indices("extern \"C\" fn sfp_") {
            let comment = source[..at].rsplit("\n\n").next().unwrap_or_default();
            let name = source[at..].split('(').next().unwrap_or_default();
            let only = |system: &str| comment.contains(&format!("#[cfg(target_os = \"{system}\")]"));
            let for_macos = MACOS_MODULES.contains(module) || only("macos");
            let systems = match (only("linux"), for_macos) {
                (true, _) => "Systems: Linux.",
                (_, true) => "Systems: macOS.",
                _ => "Systems: all.",
            };
            assert!(comment.contains("/// Threads: "), "{module}: {name}");
            assert!(comment.contains(systems), "{module}: {name} should say {systems:?}");
            assert!(comment.contains("#[unsafe(no_mangle)]"), "{module}: {name}");
        }
    }
}
