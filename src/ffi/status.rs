//! Status: what a call says, and the words for it.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use super::boundary;
use super::handle::{Choice, choices, number_of};
use crate::error::Status;

/// What a call that can fail returns. Decide by it; show sfp_last_error_message().
///
/// The comment of each call lists the statuses that have a meaning of their own there. Besides these,
/// any call can return SFP_STATUS_INVALID_ARGUMENT, when a pointer is NULL that must not be;
/// SFP_STATUS_INTERNAL; and what the system answers to something that the call needs:
/// - SFP_STATUS_RESOURCE_EXHAUSTED, when it lacks memory, descriptors, processes or space, or a limit
///   (RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_FSIZE, RLIMIT_NPROC) is reached. The message names the limit
///   where that helps. No limit ends the process by a signal.
/// - SFP_STATUS_PERMISSION_DENIED and SFP_STATUS_UNSUPPORTED, when a filter of system calls, a security
///   module or an old kernel refuses it.
/// - SFP_STATUS_SYSTEM for all else.
///
/// A value never changes its meaning; later versions may add some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum sfp_status {
    /// It was done.
    Ok = 0,
    /// An argument is outside of what the call accepts. Nothing was done.
    InvalidArgument = 1,
    /// The time was over before the thing happened. Nothing was lost; the call can be made again.
    TimedOut = 2,
    /// The other side is gone: it exited, crashed or dropped its rights without saying so.
    PeerDead = 3,
    /// The other side ended this stream or session in an orderly way.
    Closed = 4,
    /// No send right to this port is left, so no message can arrive until one is made.
    NoSenders = 5,
    /// The system, or the other side's owner, does not allow it.
    PermissionDenied = 6,
    /// There is nothing by that name.
    NotFound = 7,
    /// The name has an owner already.
    AlreadyExists = 8,
    /// Larger than the stated maximum. Nothing was sent or made.
    TooLarge = 9,
    /// Out of descriptors, memory, rights or queue space. Nothing was lost; free some and try again.
    ResourceExhausted = 10,
    /// The other side sent something that is not well-formed. What it carried was destroyed.
    Malformed = 11,
    /// This system, or this build, cannot do it.
    Unsupported = 12,
    /// The other side said no, and the message says why.
    Refused = 13,
    /// The object is not in a state in which this call makes sense; an empty handle, for instance.
    WrongState = 14,
    /// The operating system reported a failure that has no better name here.
    System = 15,
    /// A defect of this library. Please report it.
    Internal = 16,
    /// The child did not say hello in the time that it had for it. That is for good: this session will not
    /// begin.
    NoHello = 17,
}

/// One line for each status, so that none is forgotten: its variant and its name in C.
macro_rules! statuses {
    ($($variant:ident = $name:literal,)*) => {
        impl From<Status> for sfp_status {
            fn from(status: Status) -> Self {
                match status {
                    $(Status::$variant => Self::$variant,)*
                }
            }
        }

        $(const _: () = assert!(Status::$variant as i32 == sfp_status::$variant as i32);)*

        fn name(status: sfp_status) -> &'static CStr {
            match status {
                sfp_status::Ok => c"SFP_STATUS_OK",
                $(sfp_status::$variant => $name,)*
            }
        }

        choices!(sfp_status: Ok, $($variant),*);
    };
}
statuses! {
    InvalidArgument = c"SFP_STATUS_INVALID_ARGUMENT",
    TimedOut = c"SFP_STATUS_TIMED_OUT",
    PeerDead = c"SFP_STATUS_PEER_DEAD",
    Closed = c"SFP_STATUS_CLOSED",
    NoSenders = c"SFP_STATUS_NO_SENDERS",
    PermissionDenied = c"SFP_STATUS_PERMISSION_DENIED",
    NotFound = c"SFP_STATUS_NOT_FOUND",
    AlreadyExists = c"SFP_STATUS_ALREADY_EXISTS",
    TooLarge = c"SFP_STATUS_TOO_LARGE",
    ResourceExhausted = c"SFP_STATUS_RESOURCE_EXHAUSTED",
    Malformed = c"SFP_STATUS_MALFORMED",
    Unsupported = c"SFP_STATUS_UNSUPPORTED",
    Refused = c"SFP_STATUS_REFUSED",
    WrongState = c"SFP_STATUS_WRONG_STATE",
    System = c"SFP_STATUS_SYSTEM",
    Internal = c"SFP_STATUS_INTERNAL",
    NoHello = c"SFP_STATUS_NO_HELLO",
}

/// The name of a status as it is written in C, "SFP_STATUS_TIMED_OUT".
///
/// Parameters:
/// - `status`: any number; of one that is no status, the name is "unknown status".
///
/// Returns a text that is always valid; never NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub extern "C" fn sfp_status_name(status: MaybeUninit<sfp_status>) -> *const c_char {
    let status = sfp_status::from_number(number_of(status));
    status.map_or(c"unknown status", name).as_ptr()
}

/// What went wrong in the last call of this thread that failed: one line, without a final full stop.
///
/// Calls that succeed leave it as it is, so ask right after the failure.
///
/// Returns a text in UTF-8, which is the library's and valid until the next call of this thread that
/// fails, or until the thread ends. Never NULL; "" before the first failure.
///
/// Threads: each has its own. Systems: all.
#[unsafe(no_mangle)]
pub extern "C" fn sfp_last_error_message() -> *const c_char {
    boundary::last_message()
}

/// The status of the last call of this thread that failed, SFP_STATUS_OK before the first failure.
///
/// For calls that return no status but a value: what they return for a failure can be a value, too.
///
/// Threads: each has its own. Systems: all.
#[unsafe(no_mangle)]
pub extern "C" fn sfp_last_error_status() -> sfp_status {
    boundary::last_status()
}
