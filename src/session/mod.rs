//! Sessions: a host process and the child process that it started, known to each other for certain.
//!
//! The host makes a port and a random token of 256 bits and hands both to the child by inheritance: descriptors that
//! nobody else gets, and an environment that names their numbers and nothing more. The child says *hello* with the
//! token; the host believes it only if the token is right **and** the kernel says that the message came from the
//! process that was started, of the same user. Everything else is refused, told why, and counted.
//!
//! - [`Host::spawn`] starts the child. For hosts that start processes by their own means there is an [`Invitation`].
//! - [`Child::connect`] is the child's side.
//! - Both then have a [`Channel`](crate::channel::Channel) for messages of their own, and pass on rights to consume
//!   swapchains: [`Child::create_producer`], [`Host::accept_consumer`].
//!
//! Either side learns of the other's end at once, gets what was sent before it, and then
//! [`Status::PeerDead`](crate::Status::PeerDead), or [`Status::Closed`](crate::Status::Closed) if the other side
//! dropped its [`Host`] or [`Child`] in good order.

mod child;
mod handshake;
mod host;
mod inbox;
mod invitation;

use std::fmt;

use crate::error::Error;
use crate::swapchain::ConsumerRight;
use crate::sys::spawn::Exit;

pub use child::Child;
pub use host::{EndOfLife, Host, SpawnOptions};
pub use invitation::Invitation;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildExit {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It has ended; how is known to its own parent only, or to who reaped it first.
    Unknown,
}

impl fmt::Display for ChildExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exited with status {status}"),
            Self::Signalled(signal) => write!(f, "was ended by signal {signal}"),
            Self::Unknown => f.write_str("ended"),
        }
    }
}

impl From<Exit> for ChildExit {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Exited(status) => Self::Exited(status),
            Exit::Signalled(signal) => Self::Signalled(signal),
            Exit::Unknown => Self::Unknown,
        }
    }
}

/// A right to consume a swapchain that the other side was not given, with the reason.
#[derive(Debug)]
pub struct OfferError {
    /// Why.
    pub error: Error,
    /// The right, given back. It is lost only when descriptors ran out while it was taken back.
    pub right: Option<ConsumerRight>,
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for OfferError {}

impl From<OfferError> for Error {
    fn from(failure: OfferError) -> Self {
        failure.error
    }
}
