//! Port sets: many ports behind one descriptor.

use std::ffi::c_int;
use std::os::fd::AsRawFd;

use super::boundary::{call, value};
use super::handle::{borrow, out, release, retain};
use super::port::{sfp_receive_right, sfp_send_right};
use super::status::sfp_status;
use crate::port::{PortSet, Ready};
use crate::time::Timeout;

/// Many receive rights, and watches for the death of ports, behind one file descriptor. Members that
/// are ready take turns.
///
/// Members are named by keys of your own, 0 to SFP_PORT_SET_MAX_KEY. The set borrows them: a receive
/// right is in a set once, and leaves it when it ends or moves; its key can be used again then. What is
/// reported is always of the member that has the key now.
pub struct sfp_port_set(pub(super) PortSet);

/// The greatest key of a member of a port set.
pub const SFP_PORT_SET_MAX_KEY: u64 = 9223372036854775807;
const _: () = assert!(SFP_PORT_SET_MAX_KEY == PortSet::MAX_KEY);

/// What a port set tells of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_ready {
    /// The receive right has a message, or something to say: sfp_receive() does not wait.
    Receive = 1,
    /// The port behind the watched send right is dead. The watch has ended.
    Dead = 2,
}

/// A member of a port set that is ready.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_port_set_event {
    /// The member's key.
    pub key: u64,
    /// What it is ready for.
    pub kind: sfp_ready,
}

/// Makes an empty port set.
///
/// Parameters:
/// - `set`: becomes the set, a reference that you release.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_create(set: *mut *mut sfp_port_set) -> sfp_status {
    call(|| {
        let set = out!(set);
        set.give(sfp_port_set(PortSet::new()?));
        Ok(())
    })
}

/// Makes one more reference to a port set.
///
/// Parameters:
/// - `set`: the set; NULL is nothing.
///
/// Returns `set`, as a reference of its own that needs its own sfp_port_set_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_retain(set: *mut sfp_port_set) -> *mut sfp_port_set {
    retain!(set)
}

/// Ends a reference to a port set. The last one frees it; its members stay what they are.
///
/// Parameters:
/// - `set`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_release(set: *mut sfp_port_set) {
    release!(set);
}

/// Adds a receive right to a set.
///
/// Parameters:
/// - `set`: the set.
/// - `right`: the receive right; it stays yours, and the set does not keep it alive.
/// - `key`: its key, 0 to SFP_PORT_SET_MAX_KEY.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the key is too great.
/// - SFP_STATUS_ALREADY_EXISTS: a member has this key, or the right is a member.
/// - SFP_STATUS_WRONG_STATE: the right's handle is empty.
///
/// Threads: any, also while another one waits for the set. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_add(
    set: *mut sfp_port_set,
    right: *mut sfp_receive_right,
    key: u64,
) -> sfp_status {
    call(|| {
        let (set, right) = (borrow!(set), borrow!(right));
        set.0.add(&*right.0.get()?, key)
    })
}

/// Takes a receive right out of a set.
///
/// Parameters:
/// - `set`: the set.
/// - `key`: the key that it was added by.
///
/// Returns:
/// - SFP_STATUS_NOT_FOUND: no receive right has this key.
///
/// Threads: any, also while another one waits for the set. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_remove(set: *mut sfp_port_set, key: u64) -> sfp_status {
    call(|| borrow!(set).0.remove(key))
}

/// Has a set tell, once, when the port behind a send right is dead.
///
/// Parameters:
/// - `set`: the set.
/// - `right`: a right to send to the port; it stays yours, and the set does not keep it alive.
/// - `key`: the key of the watch, 0 to SFP_PORT_SET_MAX_KEY.
///
/// Returns as sfp_port_set_add().
///
/// Threads: any, also while another one waits for the set. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_watch(
    set: *mut sfp_port_set,
    right: *mut sfp_send_right,
    key: u64,
) -> sfp_status {
    call(|| {
        let (set, right) = (borrow!(set), borrow!(right));
        set.0.watch(&*right.0.get()?, key)
    })
}

/// Ends a watch. One that has told of its port's death has ended by itself.
///
/// Parameters:
/// - `set`: the set.
/// - `key`: the key of the watch.
///
/// Returns:
/// - SFP_STATUS_NOT_FOUND: no watch has this key.
///
/// Threads: any, also while another one waits for the set. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_unwatch(set: *mut sfp_port_set, key: u64) -> sfp_status {
    call(|| borrow!(set).0.unwatch(key))
}

/// Waits until a member of a set is ready.
///
/// Receive from a right that is ready with the timeout 0: another thread may have been faster.
///
/// Parameters:
/// - `set`: the set.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `event`: becomes the member's key, and what it is ready for.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: no member became ready.
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_wait(
    set: *mut sfp_port_set,
    timeout_ns: i64,
    event: *mut sfp_port_set_event,
) -> sfp_status {
    call(|| {
        let (set, event) = (borrow!(set), out!(event));
        event.set(match set.0.wait(Timeout::from_nanoseconds(timeout_ns))? {
            Ready::Receive(key) => sfp_port_set_event { key, kind: sfp_ready::Receive },
            Ready::Dead(key) => sfp_port_set_event { key, kind: sfp_ready::Dead },
        });
        Ok(())
    })
}

/// A file descriptor that is readable when sfp_port_set_wait() would not wait, for poll, epoll or
/// kqueue.
///
/// Parameters:
/// - `set`: the set.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the set was released. -1 if `set` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_port_set_fd(set: *const sfp_port_set) -> c_int {
    value(-1, || Ok(borrow!(set).0.descriptor().as_raw_fd()))
}
