//! Invitations: for hosts that start their children by their own means.

use std::ffi::{CString, c_char, c_int};
use std::os::fd::AsRawFd;

use super::boundary::{call, value};
use super::handle::{Slot, borrow, out, release, retain};
use super::host::{hello_timeout_from, sfp_host};
use super::status::sfp_status;
use crate::error::{Error, Result, Status};
use crate::session::Invitation;

/// What a child has to inherit to connect to this process: a few entries of its environment and a few
/// file descriptors. It is for one child.
///
/// Start the child with the entries of sfp_invitation_environment() and with the descriptors of
/// sfp_invitation_fds() open under the same numbers, then call sfp_invitation_into_host(). The
/// descriptors are close-on-exec here, so that no other child gets them. With posix_spawn(), a
/// posix_spawn_file_actions_adddup2() of each onto its own number passes it on; on macOS that leaves it
/// close-on-exec, and posix_spawn_file_actions_addinherit_np() does it. After a fork(), the child clears
/// FD_CLOEXEC by fcntl().
pub struct sfp_invitation {
    contents: Slot<Invitation>,
    environment: Environment,
    /// Ends with -1.
    fds: Box<[c_int]>,
}

/// Texts for C, and the list of their places, which NULL ends.
struct Environment {
    list: Box<[*const c_char]>,
    _texts: Vec<CString>,
}

// SAFETY: the pointers are to the texts beside them, which live as long and which nobody changes.
unsafe impl Send for Environment {}
// SAFETY: as above.
unsafe impl Sync for Environment {}

impl Environment {
    fn new(entries: Vec<(String, String)>) -> Result<Self> {
        let text = |(name, value)| CString::new(format!("{name}={value}"));
        let texts = entries.into_iter().map(text).collect::<Result<Vec<_>, _>>();
        let texts = texts.map_err(|_| Error::fixed(Status::Internal, "an entry contains a zero byte"))?;
        let list = texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
        Ok(Self { list, _texts: texts })
    }
}

/// Makes an invitation with a new secret.
///
/// Parameters:
/// - `invitation`: becomes the invitation, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_create(invitation: *mut *mut sfp_invitation) -> sfp_status {
    call(|| {
        let invitation = out!(invitation);
        let made = Invitation::create()?;
        let environment = Environment::new(made.environment())?;
        let fds = made.descriptors().iter().map(AsRawFd::as_raw_fd).chain([-1]).collect();
        invitation.give(sfp_invitation { contents: Slot::new(made), environment, fds });
        Ok(())
    })
}

/// Makes one more reference to an invitation.
///
/// Parameters:
/// - `invitation`: the invitation; NULL is nothing.
///
/// Returns `invitation`, as a reference of its own that needs its own sfp_invitation_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_retain(invitation: *mut sfp_invitation) -> *mut sfp_invitation {
    retain!(invitation)
}

/// Ends a reference to an invitation. The last one takes it back, unless a host was made of it.
///
/// Parameters:
/// - `invitation`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_release(invitation: *mut sfp_invitation) {
    release!(invitation);
}

/// The entries that the child's environment must have, "NAME=value". They say where things are; nothing
/// in them is secret.
///
/// Parameters:
/// - `invitation`: the invitation.
///
/// Returns a list that NULL ends. It and its texts are the invitation's, and valid until that is
/// released. NULL if `invitation` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_environment(
    invitation: *const sfp_invitation,
) -> *const *const c_char {
    value(std::ptr::null(), || Ok(borrow!(invitation).environment.list.as_ptr()))
}

/// The file descriptors that the child must have, under the same numbers.
///
/// Parameters:
/// - `invitation`: the invitation.
///
/// Returns a list that -1 ends, which is the invitation's, and valid until that is released. The
/// descriptors are the library's: do not close them. sfp_invitation_into_host() does. NULL if
/// `invitation` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_fds(invitation: *const sfp_invitation) -> *const c_int {
    value(std::ptr::null(), || Ok(borrow!(invitation).fds.as_ptr()))
}

/// Sets how long the child has to say hello, counted from sfp_invitation_into_host().
///
/// Parameters:
/// - `invitation`: the invitation.
/// - `timeout_ns`: how long, in nanoseconds; 0 is 10 seconds, SFP_FOREVER has no end.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_set_hello_timeout(
    invitation: *mut sfp_invitation,
    timeout_ns: i64,
) -> sfp_status {
    call(|| {
        borrow!(invitation).contents.with(|invitation| {
            invitation.set_hello_timeout(hello_timeout_from(timeout_ns));
            Ok(())
        })
    })
}

/// Sets whether another process than the one of sfp_invitation_into_host() may say hello; see
/// `allow_descendants` of sfp_spawn_options.
///
/// Parameters:
/// - `invitation`: the invitation.
/// - `allow`: whether it may. At first it may not.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_set_allow_descendants(
    invitation: *mut sfp_invitation,
    allow: bool,
) -> sfp_status {
    call(|| {
        borrow!(invitation).contents.with(|invitation| {
            invitation.set_allow_descendants(allow);
            Ok(())
        })
    })
}

/// Makes the host's side of the session, once the child is started. This process's descriptors of the
/// invitation are closed, and the invitation's handle is empty then; release it.
///
/// With the child's process number the hello is believed from that process only, and its death is known
/// by itself. The child must not be reaped yet, or the number could be another process's. Without one,
/// the secret and the same user suffice.
///
/// The host never reaps such a child and does not end it when it is released: that is for who started it.
///
/// Parameters:
/// - `invitation`: the invitation.
/// - `process_id`: the number of the child's process; 0 if it is not known.
/// - `host`: becomes the host's side of the session, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_NOT_FOUND, SFP_STATUS_INVALID_ARGUMENT: there is no such process, or cannot be.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
/// - SFP_STATUS_WRONG_STATE: the handle is empty.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_invitation_into_host(
    invitation: *mut sfp_invitation,
    process_id: u32,
    host: *mut *mut sfp_host,
) -> sfp_status {
    call(|| {
        let (invitation, host) = (borrow!(invitation), out!(host));
        let process_id = (process_id != 0).then_some(process_id);
        let made = invitation.contents.consume_by(|contents| {
            contents.into_host(process_id).map_err(|(contents, error)| (Some(contents), error))
        })?;
        host.give(sfp_host(made));
        Ok(())
    })
}
