//! What can go wrong, in one type: a [`Status`] to decide by and a sentence to read.

use std::borrow::Cow;
use std::fmt;

/// The kinds of failure. A program decides by the status and shows the message of the [`Error`].
///
/// The values are those of `sfp_status` in the C API and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Status {
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
    /// Out of descriptors, memory, rights or queue space. Nothing was lost; try again after freeing some.
    ResourceExhausted = 10,
    /// The other side sent something that is not well-formed. What it carried was destroyed.
    Malformed = 11,
    /// This system, or this build, cannot do it.
    Unsupported = 12,
    /// The other side said no, and the message says why.
    Refused = 13,
    /// The object is not in a state in which this call makes sense.
    WrongState = 14,
    /// The operating system reported a failure that has no better name here.
    System = 15,
    /// A defect of this library. Please report it.
    Internal = 16,
    /// The child did not say hello in the time that it had for it. That is for good: this session will not begin.
    NoHello = 17,
}

/// A failure: its [`Status`] and what happened, as one line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: Cow<'static, str>,
}

/// The result of most calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error from a status and one line of text.
    pub fn new(status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) const fn fixed(status: Status, message: &'static str) -> Self {
        Self { status, message: Cow::Borrowed(message) }
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }

    pub(crate) fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Malformed, message)
    }

    pub(crate) const TIMED_OUT: Self = Self::fixed(Status::TimedOut, "the time was over before it happened");
    pub(crate) const PEER_DEAD: Self = Self::fixed(Status::PeerDead, "the other side is gone");

    /// The kind of failure.
    pub fn status(&self) -> Status {
        self.status
    }

    /// What happened, as one line without a final full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same failure with what was attempted written before it.
    pub(crate) fn context(self, what: &str) -> Self {
        Self { status: self.status, message: format!("{what}: {}", self.message).into() }
    }
}

/// Text that a peer sent, as one line that can be shown: at most so many bytes of it, and no control characters.
pub(crate) fn line_from_peer(text: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(most)]);
    text.chars().filter(|letter| !letter.is_control()).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Of a call that gives back what it was given: the reason alone.
impl<T> From<(T, Self)> for Error {
    fn from((_, error): (T, Self)) -> Self {
        error
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error.status {
            Status::InvalidArgument => ErrorKind::InvalidInput,
            Status::TimedOut | Status::NoHello => ErrorKind::TimedOut,
            Status::PeerDead => ErrorKind::BrokenPipe,
            Status::Closed | Status::NoSenders => ErrorKind::UnexpectedEof,
            Status::PermissionDenied => ErrorKind::PermissionDenied,
            Status::NotFound => ErrorKind::NotFound,
            Status::AlreadyExists => ErrorKind::AlreadyExists,
            Status::ResourceExhausted => ErrorKind::OutOfMemory,
            Status::Malformed => ErrorKind::InvalidData,
            Status::Unsupported => ErrorKind::Unsupported,
            Status::Refused => ErrorKind::ConnectionRefused,
            Status::TooLarge | Status::WrongState | Status::System | Status::Internal => ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl Status {
    const ALL: [Self; 17] = [
        Self::InvalidArgument,
        Self::TimedOut,
        Self::PeerDead,
        Self::Closed,
        Self::NoSenders,
        Self::PermissionDenied,
        Self::NotFound,
        Self::AlreadyExists,
        Self::TooLarge,
        Self::ResourceExhausted,
        Self::Malformed,
        Self::Unsupported,
        Self::Refused,
        Self::WrongState,
        Self::System,
        Self::Internal,
        Self::NoHello,
    ];
}

/// In words.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidArgument => "invalid argument",
            Self::TimedOut => "timed out",
            Self::PeerDead => "peer dead",
            Self::Closed => "closed",
            Self::NoSenders => "no senders",
            Self::PermissionDenied => "permission denied",
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::TooLarge => "too large",
            Self::ResourceExhausted => "resource exhausted",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::Refused => "refused",
            Self::WrongState => "wrong state",
            Self::System => "system error",
            Self::Internal => "internal error",
            Self::NoHello => "no hello",
        })
    }
}

/// From the value that it has in the C API. What is no status comes back.
impl TryFrom<i32> for Status {
    type Error = i32;

    fn try_from(value: i32) -> Result<Self, i32> {
        Self::ALL.into_iter().find(|status| *status as i32 == value).ok_or(value)
    }
}

impl From<crate::layout::LayoutError> for Error {
    fn from(error: crate::layout::LayoutError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<crate::pixel_format::UnknownFormat> for Error {
    fn from(error: crate::pixel_format::UnknownFormat) -> Self {
        Self::new(Status::Unsupported, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_a_number_and_words() {
        for value in -1..40 {
            match Status::try_from(value) {
                Ok(status) => {
                    assert_eq!(status as i32, value);
                    // `ResourceExhausted` is "resource exhausted", and so on.
                    let letters = |text: String| text.to_lowercase().replace(' ', "");
                    let (words, name) = (letters(status.to_string()), letters(format!("{status:?}")));
                    assert!(words.starts_with(&name), "{words}, {name}");
                }
                Err(back) => assert!(back == value && !(1..=17).contains(&value), "{value}"),
            }
        }
    }

    #[test]
    fn errors_of_calls_that_give_back_are_errors() {
        fn give_back() -> Result<(), (String, Error)> {
            Err(("a thing".to_owned(), Error::TIMED_OUT))
        }
        fn ask() -> Result<()> {
            give_back()?;
            Ok(())
        }
        fn read() -> std::io::Result<()> {
            ask()?;
            Ok(())
        }
        assert_eq!(ask(), Err(Error::TIMED_OUT));
        let error = read().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(error.into_inner().unwrap().downcast_ref(), Some(&Error::TIMED_OUT));
    }
}
