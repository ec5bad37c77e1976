//! The one error type of the program: what failed, why, and what to do about it, in one line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of everything here that can fail.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// The statuses that the program ends with; `--help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Exit {
    /// It did what was asked.
    Ok = 0,
    /// Something failed, or the doctor found a problem.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
}

/// Something that did not work, told so that the reader knows what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    why: String,
    remedy: String,
}

impl Failure {
    /// `what` failed because of `why`; `remedy` is what the user can do.
    pub(crate) fn new(what: impl fmt::Display, why: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Failure {
            exit: Exit::Failed,
            what: what.to_string(),
            why: why.to_string(),
            remedy: remedy.to_string(),
        }
    }

    /// The same for a command line that makes no sense.
    pub(crate) fn usage(what: impl fmt::Display, why: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Failure { exit: Exit::Usage, ..Failure::new(what, why, remedy) }
    }

    /// The status that the program ends with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{}: {}; {}", self.what, self.why, self.remedy);
        f.write_str(&one_line(&line))
    }
}

impl std::error::Error for Failure {}

/// `text` on one line: line ends become spaces, other control characters are escaped, because part of
/// it may come from a file that anybody wrote.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_it_quotes() {
        let failure = Failure::new("cannot open 'a\nb'", "no\x1b[31m such\r\nfile", "give another file");
        let line = failure.to_string();
        assert!(!line.contains('\n') && !line.contains('\x1b'), "{line:?}");
        assert!(line.ends_with("; give another file"));
        assert_eq!(failure.exit(), Exit::Failed);
    }

    #[test]
    fn a_usage_failure_ends_with_two() {
        assert_eq!(Failure::usage("a", "b", "c").exit() as i32, 2);
    }
}
