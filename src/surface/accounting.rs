//! The surfaces that live in this process, so that a leak is seen and not guessed.

use std::collections::BTreeMap;

use once_cell::sync::Lazy;
use parking_lot::Mutex;

/// What [`live_surfaces`] tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveSurfaces {
    /// How many surfaces this process has. One that arrived twice counts twice.
    pub count: usize,
    /// The memory that they take together, in bytes.
    pub bytes: u64,
    /// Their ids, ascending.
    pub ids: Vec<u32>,
}

/// Id and bytes of each, by the order in which they came.
static LIVE: Lazy<Mutex<(u64, BTreeMap<u64, (u32, usize)>)>> = Lazy::new(Mutex::default);

/// All surfaces that live in this process: made here or received, as long as anything holds them. Any thread.
pub fn live_surfaces() -> LiveSurfaces {
    let live = LIVE.lock();
    let mut ids: Vec<u32> = live.1.values().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    LiveSurfaces { count: ids.len(), bytes: live.1.values().map(|(_, bytes)| *bytes as u64).sum(), ids }
}

/// The entry of one surface, which ends with it.
pub(super) struct Registration(u64);

impl Registration {
    pub(super) fn new(id: u32, bytes: usize) -> Self {
        let mut live = LIVE.lock();
        let key = live.0;
        live.0 += 1;
        live.1.insert(key, (id, bytes));
        Self(key)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        LIVE.lock().1.remove(&self.0);
    }
}
