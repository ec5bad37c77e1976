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

#[derive(Default)]
struct Registry {
    next: u64,
    /// Id and bytes of each, by the order in which they came.
    surfaces: BTreeMap<u64, (u32, usize)>,
}

static REGISTRY: Lazy<Mutex<Registry>> = Lazy::new(Mutex::default);

/// All surfaces that live in this process: made here or received, as long as anything holds them. Any thread.
pub fn live_surfaces() -> LiveSurfaces {
    let registry = REGISTRY.lock();
    let mut ids: Vec<u32> = registry.surfaces.values().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    LiveSurfaces {
        count: ids.len(),
        bytes: registry.surfaces.values().map(|(_, bytes)| *bytes as u64).sum(),
        ids,
    }
}

/// The entry of one surface, which ends with it.
pub(super) struct Registration(u64);

impl Registration {
    pub(super) fn new(id: u32, bytes: usize) -> Self {
        let mut registry = REGISTRY.lock();
        let key = registry.next;
        registry.next += 1;
        registry.surfaces.insert(key, (id, bytes));
        Self(key)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        REGISTRY.lock().surfaces.remove(&self.0);
    }
}
