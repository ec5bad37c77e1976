//! Bootstrap: a name that one process checks in, and others of the same user look up.

use std::ffi::c_char;

use super::boundary::call;
use super::handle::{out, text};
use super::port::{sfp_receive_right, sfp_send_right};
use super::status::sfp_status;
use crate::bootstrap;
use crate::time::Timeout;

/// The longest name for sfp_bootstrap_check_in(), in bytes, without the NUL at its end.
pub const SFP_BOOTSTRAP_MAX_NAME: u32 = 127;
const _: () = assert!(SFP_BOOTSTRAP_MAX_NAME as usize == bootstrap::MAX_NAME);

/// Takes a name, and gives the right to receive what is sent to it.
///
/// The right gathers the messages of all who have looked the name up; each message tells its sender. It
/// never says SFP_STATUS_NO_SENDERS, since the next one can look the name up at any time; and on Linux
/// it cannot be moved to another process.
///
/// On Linux a name is a socket in each of the folders $XDG_RUNTIME_DIR/surfaceport,
/// /run/user/UID/surfaceport and /tmp/surfaceport-UID that there are, so that processes of the user with
/// other environments find it. If these files are removed, by a cleaner of temporary files for instance,
/// the owner makes them again when it receives. If another process has taken the name by then, the right
/// becomes one without a name, and says SFP_STATUS_NO_SENDERS when its last sender is gone.
///
/// Parameters:
/// - `name`: 1 to SFP_BOOTSTRAP_MAX_NAME of the characters A-Z, a-z, 0-9, '.', '_' and '-', in the
///   style of reverse DNS ("org.example.viewer"), with no empty part between dots.
/// - `right`: becomes the receive right, a reference that you release. The name is free again when the
///   last one ends, or this process does.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the name is not as above; the message says what is wrong.
/// - SFP_STATUS_ALREADY_EXISTS: a living process owns the name. One of a dead process is taken over.
/// - SFP_STATUS_PERMISSION_DENIED: the place of names is not this user's alone, or a sandbox forbids
///   it; the message says which other way there is.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_bootstrap_check_in(
    name: *const c_char,
    right: *mut *mut sfp_receive_right,
) -> sfp_status {
    call(|| {
        let (name, right) = (text!(name), out!(right));
        right.give(sfp_receive_right::new(bootstrap::check_in(name)?));
        Ok(())
    })
}

/// Finds the port behind a name; waits until the name appears.
///
/// Parameters:
/// - `name`: as for sfp_bootstrap_check_in().
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `right`: becomes a right to send to the port, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: nobody can have this name.
/// - SFP_STATUS_NOT_FOUND: nobody has the name, and `timeout_ns` is 0. The message names the folders that
///   were searched.
/// - SFP_STATUS_TIMED_OUT: nobody took the name in that time. The message is as above.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: the owner does not take in those who look the name up.
/// - SFP_STATUS_PERMISSION_DENIED: another user owns it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_bootstrap_look_up(
    name: *const c_char,
    timeout_ns: i64,
    right: *mut *mut sfp_send_right,
) -> sfp_status {
    call(|| {
        let (name, right) = (text!(name), out!(right));
        let found = bootstrap::look_up(name, Timeout::from_nanoseconds(timeout_ns))?;
        right.give(sfp_send_right::new(found));
        Ok(())
    })
}
