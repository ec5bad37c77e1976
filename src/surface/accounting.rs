//! The surfaces that live in this process, so that a leak is seen and not guessed.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::sys::owner::{Owner, PerProcess};

/// What [`live_surfaces`] tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveSurfaces {
    /// How many surfaces this process has made or received. One that arrived twice counts twice.
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

/// A fork begins with none: what it has of its parent's is not counted there.
static REGISTRY: PerProcess<Mutex<Registry>> = PerProcess::new();

/// All surfaces that live in this process: made here or received, as long as anything holds them. Any thread.
pub fn live_surfaces() -> LiveSurfaces {
    let registry = REGISTRY.get().lock();
    let mut ids: Vec<u32> = registry.surfaces.values().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    LiveSurfaces {
        count: ids.len(),
        bytes: registry.surfaces.values().map(|(_, bytes)| *bytes as u64).sum(),
        ids,
    }
}

/// The entry of one surface, which ends with it.
pub(super) struct Registration {
    key: u64,
    owner: Owner,
}

impl Registration {
    pub(super) fn new(id: u32, bytes: usize) -> Self {
        let mut registry = REGISTRY.get().lock();
        let key = registry.next;
        registry.next += 1;
        registry.surfaces.insert(key, (id, bytes));
        Self { key, owner: Owner::this_process() }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.owner.is_here() {
            REGISTRY.get().lock().surfaces.remove(&self.key);
        }
    }
}
