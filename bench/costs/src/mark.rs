//! Marks for tools that watch from outside: between which system calls a call of the library stands.

/// Makes a call between two marks.
macro_rules! counted {
    ($name:literal, $call:expr) => {{
        $crate::mark::say(concat!("surfaceport-costs/begin/", $name));
        let outcome = $call;
        $crate::mark::say(concat!("surfaceport-costs/end/", $name));
        outcome
    }};
}
pub(crate) use counted;

/// Looks for a file that is not there: strace shows the name.
pub(crate) fn say(mark: &str) {
    let _ = std::fs::metadata(mark);
}

/// A block is over; callgrind writes what it counted in it.
#[inline(never)]
pub(crate) fn end_block() {
    say("surfaceport-costs/end/block");
}
