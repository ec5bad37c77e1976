//! Watching for dead names.
//!
//! All send rights of a task to one port are one name, and the kernel keeps one request for each name: a second
//! `mach_port_request_notification` would take it away from the first. So all requests of the process lead to one
//! port, which every port set that watches something has in its kqueue. Whoever looks first takes the
//! notifications and wakes the sets that they are for.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use mach2::mach_port::mach_port_request_notification;
use mach2::message::{MACH_MSG_TYPE_MAKE_SEND_ONCE, MACH_MSG_TYPE_MOVE_SEND_ONCE};
use mach2::notify::MACH_NOTIFY_DEAD_NAME;
use mach2::port::MACH_PORT_QLIMIT_LARGE;
use parking_lot::Mutex;

use super::port::{SendRight, construct, give_back_reference};
use super::{check, message, task};
use crate::error::Result;
use crate::sys::mach_message::{Name, Notification};
use crate::sys::owner::PerProcess;

/// A set that is told.
pub(super) trait Mourner: Send + Sync {
    fn has_died(&self, key: u64);
}

/// Who watches a name. The right keeps the name from being given to another port.
struct Watched {
    _right: SendRight,
    mourners: Vec<(Weak<dyn Mourner>, u64)>,
}

pub(super) struct DeadNames {
    port: Name,
    watched: Mutex<HashMap<Name, Watched>>,
}

/// The process's one. Its port lives as long as the process.
pub(super) fn dead_names() -> Result<&'static DeadNames> {
    static DEAD_NAMES: PerProcess<DeadNames> = PerProcess::new();
    DEAD_NAMES.get_or_try_make(|| {
        Ok(DeadNames { port: construct(MACH_PORT_QLIMIT_LARGE)?, watched: Mutex::default() })
    })
}

impl DeadNames {
    /// The port that has a message when a watched name may have died.
    pub(super) fn port(&self) -> Name {
        self.port
    }

    /// Tells `mourner` once when the port behind `right` is dead, or is dead already.
    pub(super) fn watch(&self, right: &SendRight, mourner: &Arc<dyn Mourner>, key: u64) -> Result<()> {
        let clone = right.try_clone()?;
        let mut watched = self.watched.lock();
        let entry = watched.entry(right.name());
        let is_new = matches!(entry, std::collections::hash_map::Entry::Vacant(_));
        let entry = entry.or_insert(Watched { _right: clone, mourners: Vec::new() });
        entry.mourners.push((Arc::downgrade(mourner), key));
        if is_new && let Err(error) = self.request(right.name(), self.port, MACH_MSG_TYPE_MAKE_SEND_ONCE) {
            watched.remove(&right.name());
            return Err(error);
        }
        Ok(())
    }

    /// With a `sync` of 1 the kernel notifies at once of a name that is dead already: XNU, `ipc_right_request_alloc`.
    fn request(&self, name: Name, to: Name, disposition: u32) -> Result<()> {
        let mut before = 0;
        // SAFETY: names in this task's own port space; one word is written, which lives across the call.
        let code = unsafe {
            mach_port_request_notification(
                task(),
                name,
                MACH_NOTIFY_DEAD_NAME,
                1,
                to,
                disposition,
                &raw mut before,
            )
        };
        check("watching for a dead name", code)?;
        // Of a request that is replaced. Unused, it makes a notification, which the next look takes and ignores.
        give_back_reference(before);
        Ok(())
    }

    pub(super) fn unwatch(&self, name: Name, mourner: &Arc<dyn Mourner>, key: u64) {
        let mut watched = self.watched.lock();
        let Some(entry) = watched.get_mut(&name) else { return };
        let is_it = |other: &(Weak<dyn Mourner>, u64)| {
            other.1 == key && std::ptr::addr_eq(other.0.as_ptr(), Arc::as_ptr(mourner))
        };
        entry.mourners.retain(|other| !is_it(other) && other.0.strong_count() > 0);
        if entry.mourners.is_empty() {
            // A name that has died meanwhile has no request any more.
            let _ = self.request(name, 0, MACH_MSG_TYPE_MOVE_SEND_ONCE);
            watched.remove(&name);
        }
        drop(watched);
        // What the end of the request left behind must not gather when nobody waits for anything.
        let _ = self.look();
    }

    /// Takes the notifications that have come, and tells those that they are for.
    pub(super) fn look(&self) -> Result<()> {
        message::drain(self.port, |notification| {
            let Some(Notification::DeadName(Some(name))) = notification else { return };
            // The notification has a reference of its own to the name, which `name` drops.
            let dead = self.watched.lock().remove(&name.name());
            for (mourner, key) in dead.into_iter().flat_map(|dead| dead.mourners) {
                if let Some(mourner) = mourner.upgrade() {
                    mourner.has_died(key);
                }
            }
        })
    }
}
