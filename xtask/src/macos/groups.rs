//! The groups of tests, each of which can be run alone on a Mac.
//!
//! This is the one place that says which test program is in which group; a test program that is in none is an error.
//! One whose name ends with `_linux` has nothing to test on macOS.

use anyhow::{Result, bail};

use crate::project::LIBRARY;

/// A group with the test programs of the library that are in it; `lib` is the library's unit tests.
type Group = (&'static str, &'static [&'static str]);

/// The group of the C examples, the C tests and the Rust tests of the C API.
pub(super) const C_API: &str = "c-api";

/// The group of everything that is in the program's package.
const PROGRAM: &str = "cli";

/// In the order of `run-tests.sh`: lower layers first, and what needs more of the system last.
const GROUPS: [Group; 12] = [
    ("unit", &["lib"]),
    ("ports", &["ports", "ports_between_processes"]),
    (
        "messages",
        &[
            "messages",
            "messages_between_processes",
            "messages_descriptors",
            "messages_hostile_mach",
            "messages_memory",
        ],
    ),
    ("bootstrap", &["bootstrap"]),
    ("channels", &["channels", "channels_full", "channels_large", "channels_rings"]),
    (
        "sessions",
        &["sessions", "sessions_ends", "sessions_invitations", "sessions_killed", "sessions_refusals"],
    ),
    (
        "swapchains",
        &[
            "swapchains",
            "swapchains_between_processes",
            "swapchains_ends",
            "swapchains_hostile",
            "swapchains_sizes",
        ],
    ),
    ("rights", &["rights", "rights_between_processes"]),
    ("surfaces", &["surfaces_memory"]),
    ("iosurface", &["surfaces", "iosurface", "prefault"]),
    ("runloop", &["runloop"]),
    (C_API, &["c_api"]),
];

/// What the names of tests end with that are about Linux alone.
const ELSEWHERE: &str = "_linux";

/// The group of a package's test program; none if it is not for macOS.
pub(super) fn group_of(package: &str, program: &str) -> Result<Option<&'static str>> {
    if program.ends_with(ELSEWHERE) {
        return Ok(None);
    }
    if package != LIBRARY {
        return Ok(Some(PROGRAM));
    }
    match GROUPS.iter().find(|(_, programs)| programs.contains(&program)) {
        Some((group, _)) => Ok(Some(group)),
        None => bail!("the test program {program} is in no group: see xtask/src/macos/groups.rs"),
    }
}

/// The place of a group in the order.
pub(super) fn place_of(group: &str) -> usize {
    GROUPS.iter().position(|(name, _)| *name == group).unwrap_or(GROUPS.len())
}

/// The programs that are in a group and were not built.
pub(super) fn missing<'a>(built: impl Fn(&str) -> bool + 'a) -> Vec<&'static str> {
    GROUPS
        .iter()
        .flat_map(|(_, programs)| programs.iter().copied())
        .filter(|program| !built(program))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn every_test_program_is_in_one_group() {
        let project = Project::find(false).unwrap();
        let library = project.metadata.packages.iter().find(|package| package.name == LIBRARY).unwrap();
        let tests: Vec<&str> = library
            .targets
            .iter()
            .filter(|target| target.is_test())
            .map(|target| target.name.as_str())
            .chain(["lib"])
            .collect();
        for test in &tests {
            let expected = usize::from(!test.ends_with(ELSEWHERE));
            let groups = GROUPS.iter().filter(|(_, programs)| programs.contains(test)).count();
            assert_eq!(groups, expected, "{test}");
        }
        assert_eq!(missing(|program| tests.contains(&program)), [""; 0]);
        assert!(group_of(LIBRARY, "no such test").is_err());
        assert_eq!(group_of("surfaceport-cli", "demo").unwrap(), Some(PROGRAM));
        assert_eq!(group_of(LIBRARY, "ports_linux").unwrap(), None);
    }
}
