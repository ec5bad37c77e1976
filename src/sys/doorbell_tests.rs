//! What every system's doorbell does.

use super::doorbell::{Rung, doorbell};
use crate::error::Status;

#[test]
fn rings_coalesce_and_never_block() {
    let (doorbell, ringer) = doorbell().unwrap();
    assert_eq!(doorbell.drain().unwrap(), Rung::No);
    for _ in 0..10_000 {
        ringer.ring().unwrap();
    }
    // An honest side may need a few looks to take what a mad one has queued.
    while doorbell.drain().unwrap() == Rung::Yes {}
    assert_eq!(doorbell.drain().unwrap(), Rung::No);
}

#[test]
fn either_side_learns_of_the_others_end() {
    let (waiting, ringer) = doorbell().unwrap();
    ringer.ring().unwrap();
    drop(ringer);
    assert_eq!(waiting.drain().unwrap(), Rung::RingerDead);
    assert_eq!(waiting.drain().unwrap(), Rung::RingerDead, "now and later");
    let (waiting, ringer) = doorbell().unwrap();
    drop(waiting);
    assert_eq!(ringer.ring().unwrap_err().status(), Status::PeerDead);
}
