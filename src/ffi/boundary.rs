//! The boundary that no panic and no error crosses: both become a status, and a text for the thread that called.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::status::sfp_status;
use crate::error::{Error, Result, Status};

/// What the last failing call of this thread left.
struct LastError {
    error: Option<Error>,
    /// The error's text for C, once it was asked for. Stays where it is until the next failure.
    text: Option<CString>,
}

thread_local! {
    static LAST_ERROR: RefCell<LastError> = const { RefCell::new(LastError { error: None, text: None }) };
}

/// Runs the body of a call that returns a status.
pub(super) fn call(body: impl FnOnce() -> Result<()>) -> sfp_status {
    match guarded(body) {
        Ok(()) => sfp_status::Ok,
        Err(error) => sfp_status::from(record(error)),
    }
}

/// Runs the body of a call that returns a value, or `fallback` where there is none.
pub(super) fn value<T>(fallback: T, body: impl FnOnce() -> Result<T>) -> T {
    guarded(body).unwrap_or_else(|error| {
        record(error);
        fallback
    })
}

/// The status of the last failure of this thread, OK if there was none.
pub(super) fn last_status() -> sfp_status {
    let status = LAST_ERROR.try_with(|last| last.borrow().error.as_ref().map(Error::status));
    status.ok().flatten().map_or(sfp_status::Ok, sfp_status::from)
}

/// The text of the last failure of this thread, "" if there was none.
pub(super) fn last_message() -> *const c_char {
    let text = LAST_ERROR.try_with(|last| {
        let LastError { error, text } = &mut *last.borrow_mut();
        let error = error.as_ref()?;
        Some(text.get_or_insert_with(|| c_text(error.message())).as_ptr())
    });
    text.ok().flatten().unwrap_or(c"".as_ptr())
}

fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

fn record(error: Error) -> Status {
    let status = error.status();
    // A thread that is ending has no place for it any more; the status is enough then.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = LastError { error: Some(error), text: None });
    status
}

fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a body touches is behind locks that know no poison, or is dropped by the unwinding.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(from_panic(panic)))
}

fn from_panic(panic: Box<dyn Any + Send>) -> Error {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "of an unknown kind",
    };
    let error = Error::new(Status::Internal, format!("a defect of surfaceport, please report it: {text}"));
    // A payload whose drop panics would get past us.
    std::mem::forget(panic);
    error
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn message() -> String {
        // SAFETY: the text lives until the next failure of this thread, and is copied before.
        unsafe { CStr::from_ptr(last_message()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(call(|| panic!("a {} one", "formatted")), sfp_status::Internal);
        assert!(message().ends_with("please report it: a formatted one"), "{}", message());
        assert_eq!(call(|| panic!("a plain one")), sfp_status::Internal);
        assert!(message().ends_with(": a plain one"));
        assert_eq!(call(|| std::panic::panic_any(7)), sfp_status::Internal);
        assert_eq!(value(42, || panic!("in a getter")), 42);
        assert_eq!(last_status(), sfp_status::Internal);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_stays_inside() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the bomb");
            }
        }
        assert_eq!(call(|| std::panic::panic_any(Bomb)), sfp_status::Internal);
    }

    #[test]
    fn a_failure_is_kept_until_the_next_one() {
        std::thread::spawn(|| {
            assert_eq!((last_status(), message().as_str()), (sfp_status::Ok, ""));
            let failed = call(|| Err(Error::new(Status::NotFound, "no\0thing")));
            assert_eq!(failed, sfp_status::NotFound);
            let text = last_message();
            assert_eq!(call(|| Ok(())), sfp_status::Ok);
            assert_eq!(last_message(), text, "the same text at the same place");
            assert_eq!((last_status(), message().as_str()), (sfp_status::NotFound, "nothing"));
            std::thread::spawn(|| assert_eq!(message(), "")).join().unwrap();
            assert_eq!(value(7, || Err(Error::TIMED_OUT)), 7);
            assert_eq!(last_status(), sfp_status::TimedOut);
        })
        .join()
        .unwrap();
    }
}
