//! Bootstrap names on macOS: `bootstrap_check_in` and `bootstrap_look_up` of `servers/bootstrap.h`.
//!
//! Names live in the bootstrap namespace of the process, usually its login session's; other users are not in it. A
//! name that launchd knows from a job's `MachServices` is checked in by that job alone, and looking it up starts the job.

use std::ffi::CString;
use std::time::Duration;

use mach2::bootstrap::{
    BOOTSTRAP_NAME_IN_USE, BOOTSTRAP_NO_MEMORY, BOOTSTRAP_NOT_PRIVILEGED, BOOTSTRAP_SERVICE_ACTIVE,
    BOOTSTRAP_SUCCESS, BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_check_in, bootstrap_look_up, bootstrap_port,
};
use mach2::kern_return::kern_return_t;

use super::port::{ReceiveRight, SendRight};
use crate::error::{Error, Result, Status};
use crate::time::{Deadline, Timeout};

fn failure(what: &str, name: &str, code: kern_return_t) -> Error {
    let (status, advice) = match code {
        BOOTSTRAP_NOT_PRIVILEGED => (
            Status::PermissionDenied,
            "permission denied (1100): in a sandbox the name has to begin with an application group of both programs \
             and a dot, or the entitlement com.apple.security.temporary-exception.mach-register.global-name (to check \
             in) or .mach-lookup.global-name (to look up) has to list it; a child that the host spawns inherits its \
             port and needs no name",
        ),
        BOOTSTRAP_NAME_IN_USE => {
            (Status::AlreadyExists, "the name has an owner (1101): end that process or use another name")
        }
        BOOTSTRAP_UNKNOWN_SERVICE => (Status::NotFound, "nobody has checked in that name (1102)"),
        BOOTSTRAP_SERVICE_ACTIVE => (
            Status::AlreadyExists,
            "the name is active (1103): its owner runs, or a launchd job of that name has checked in before",
        ),
        BOOTSTRAP_NO_MEMORY => (Status::ResourceExhausted, "launchd has no memory (1105)"),
        _ => return Error::new(Status::System, format!("{what} {name}: launchd says {code}")),
    };
    Error::new(status, format!("{what} {name}: {advice}"))
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::invalid("a bootstrap name has a zero byte"))
}

/// Takes a name. Errors: already exists; permission denied; what the system says.
pub(crate) fn check_in(name: &str) -> Result<ReceiveRight> {
    let text = c_name(name)?;
    let last_try = Timeout::after(Duration::from_millis(200)).deadline();
    loop {
        let mut port = 0;
        // SAFETY: the text and the port live across the call; `bootstrap_port` is set before any code of a program runs.
        let code = unsafe { bootstrap_check_in(bootstrap_port, text.as_ptr(), &raw mut port) };
        match code {
            BOOTSTRAP_SUCCESS => return ReceiveRight::of_bootstrap_name(port),
            // Launchd says *not privileged* of a name that another process owns, too (its `job_mig_check_in2`). Who finds
            // it knows which of the two it is. Of an owner that ended just now launchd hears in its own time.
            BOOTSTRAP_NOT_PRIVILEGED | BOOTSTRAP_SERVICE_ACTIVE | BOOTSTRAP_NAME_IN_USE => {
                match look_up(name, Deadline::NOW) {
                    Ok(_) => return Err(failure("checking in", name, BOOTSTRAP_NAME_IN_USE)),
                    Err(error) if error.status() == Status::NotFound && !last_try.is_over() => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(_) => return Err(failure("checking in", name, code)),
                }
            }
            code => return Err(failure("checking in", name, code)),
        }
    }
}

/// Finds a name. Waits for it until the deadline.
///
/// Errors: not found, when the deadline is now; timed out; permission denied; resources exhausted.
pub(crate) fn look_up(name: &str, deadline: Deadline) -> Result<SendRight> {
    let text = c_name(name)?;
    let may_wait = !deadline.is_over();
    // Nothing public tells that a name has appeared, so it is asked for again and again, ever less often.
    let mut pause = Duration::from_millis(1);
    loop {
        let mut port = 0;
        // SAFETY: as in `check_in`.
        let code = unsafe { bootstrap_look_up(bootstrap_port, text.as_ptr(), &raw mut port) };
        let found = (code == BOOTSTRAP_SUCCESS).then(|| SendRight::from_owned_name(port));
        match (code, found) {
            (_, Some(right)) if !right.is_dead()? => return Ok(right),
            // An owner of whose end launchd has not heard yet is none.
            (BOOTSTRAP_SUCCESS | BOOTSTRAP_UNKNOWN_SERVICE, _) if may_wait => {}
            (BOOTSTRAP_SUCCESS, _) => return Err(failure("looking up", name, BOOTSTRAP_UNKNOWN_SERVICE)),
            (code, _) => return Err(failure("looking up", name, code)),
        }
        if deadline.is_over() {
            return Err(Error::new(
                Status::TimedOut,
                format!("nobody answered to the name {name} in the given time"),
            ));
        }
        std::thread::sleep(deadline.remaining().map_or(pause, |left| left.min(pause)));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
