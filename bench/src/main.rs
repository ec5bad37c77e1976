//! Measures the library between two real processes: `cargo xtask bench`.
//!
//! All figures of one table come from one run, in rounds that take turns, so that a machine whose speed drifts moves
//! them together. What counts is the ratio.

mod handoff;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => handoff::run(),
        Some("child") => handoff::child(),
        Some(other) => anyhow::bail!("unknown argument {other}: this program takes none"),
    }
}
