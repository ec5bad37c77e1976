//! Bootstrap: a name that one process checks in and others of the same user look up.

use crate::error::{Error, Result};
use crate::port::{ReceiveRight, SendRight};
use crate::sys;
use crate::time::Timeout;

/// The longest name, in bytes.
pub const MAX_NAME: usize = 127;

/// Checks a name: 1 to 127 bytes of `[A-Za-z0-9._-]`, in the style of reverse DNS, with no empty part between dots.
///
/// Errors: [`Status::InvalidArgument`](crate::error::Status::InvalidArgument).
pub fn check_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let reason = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_NAME {
        "is longer than 127 bytes"
    } else if !name.bytes().all(allowed) {
        "has a character that is not in [A-Za-z0-9._-]"
    } else if name.split('.').any(str::is_empty) {
        "has an empty part before, between or behind its dots"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("the bootstrap name {name:?} {reason}")))
}

/// Takes a name. Who looks it up can send to the receive right; dropping that gives the name back.
///
/// The right gathers the messages of all who have looked the name up; each message tells its sender. A client that wants a
/// connection of its own sends a right to answer by, or the end of a channel. The right never says
/// [`Status::NoSenders`](crate::error::Status::NoSenders), and on Linux it cannot be moved to another process.
///
/// On Linux a name is a socket in each of the folders `$XDG_RUNTIME_DIR/surfaceport`, `/run/user/<uid>/surfaceport` and
/// `/tmp/surfaceport-<uid>` that there are, so that processes of the user with other environments find it. If these files
/// are removed, the owner makes them again as soon as it receives or its descriptor is looked at. If another process was
/// faster, the name is that one's, and this right says *no senders* when its last sender is gone.
///
/// Errors: [`Status::InvalidArgument`](crate::error::Status::InvalidArgument) for the name;
/// [`Status::AlreadyExists`](crate::error::Status::AlreadyExists), when a living process owns it (a dead one's is
/// taken over); [`Status::PermissionDenied`](crate::error::Status::PermissionDenied), when the place of names is
/// not this user's alone, or a sandbox forbids it.
pub fn check_in(name: &str) -> Result<ReceiveRight> {
    check_name(name)?;
    sys::bootstrap::check_in(name).map(ReceiveRight)
}

/// Finds a name, waiting until it appears.
///
/// Errors: [`Status::InvalidArgument`](crate::error::Status::InvalidArgument) for the name;
/// [`Status::NotFound`](crate::error::Status::NotFound) with [`Timeout::NONE`], else
/// [`Status::TimedOut`](crate::error::Status::TimedOut);
/// [`Status::PermissionDenied`](crate::error::Status::PermissionDenied), when another user owns it.
pub fn look_up(name: &str, timeout: Timeout) -> Result<SendRight> {
    check_name(name)?;
    sys::bootstrap::look_up(name, timeout.deadline()).map(SendRight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "org.example.viewer", "A-1_b.c", &"x".repeat(127)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a..b", ".a", "a.", "a/b", "a b", "a~lock", "ä", "a\0b", &"x".repeat(128)]
        {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
