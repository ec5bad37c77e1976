//! What a terminal can show. Its kind is the value of TERM; NO_COLOR asks every program to do without colours
//! (<https://no-color.org>).

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;

/// What can be shown there, each more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Screen {
    /// Text, line after line: a file, a pipe, or a terminal that knows no escape sequences.
    Lines,
    /// Text anywhere, in one colour.
    Plain,
    /// Text in colours.
    Color,
}

impl Screen {
    /// What `output` of this process leads to.
    pub(crate) fn of(output: &impl IsTerminal) -> Screen {
        match output.is_terminal() {
            true => Screen::of_kind(variable("TERM").as_deref(), variable("NO_COLOR").is_some()),
            false => Screen::Lines,
        }
    }

    fn of_kind(kind: Option<&OsStr>, no_color: bool) -> Screen {
        let Some(kind) = kind.map(OsStr::to_string_lossy) else { return Screen::Lines };
        let name = kind.split('-').next().unwrap_or_default();
        match name {
            "dumb" | "unknown" | "emacs" | "network" | "dialup" => Screen::Lines,
            _ if no_color || kind.ends_with("-m") || kind.ends_with("-mono") => Screen::Plain,
            _ if name
                .strip_prefix("vt")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                Screen::Plain
            }
            _ => Screen::Color,
        }
    }
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_told_apart_by_their_kind() {
        let of = |kind: &str| Screen::of_kind(Some(kind.as_ref()), false);
        for kind in ["dumb", "dumb-emacs-ansi", "unknown", "network"] {
            assert_eq!(of(kind), Screen::Lines, "{kind}");
        }
        for kind in ["vt100", "vt220-8bit", "xterm-mono", "ansi-m"] {
            assert_eq!(of(kind), Screen::Plain, "{kind}");
        }
        for kind in ["xterm-256color", "xterm", "linux", "screen", "tmux-256color", "foot", "vte-256color"] {
            assert_eq!(of(kind), Screen::Color, "{kind}");
            assert_eq!(Screen::of_kind(Some(kind.as_ref()), true), Screen::Plain, "{kind}");
        }
        assert_eq!(Screen::of_kind(None, false), Screen::Lines);
        assert_eq!(Screen::of_kind(Some("dumb".as_ref()), true), Screen::Lines);
    }
}
