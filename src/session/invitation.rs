//! Invitations: what a child must inherit, for hosts that start it by their own means. Runs in the host.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::handshake::Secret;
use super::host::{EndOfLife, Host, Life, Terms};
use crate::error::{Error, Result};
use crate::port::ReceiveRight;
use crate::sys;
use crate::sys::owner::Owner;
use crate::sys::spawn::{self, Inheritance, Process, Token};
use crate::time::Timeout;

/// What a child has to inherit to connect to this process: a few environment entries and a few descriptors.
///
/// Start the child with the entries of [`Self::environment`] and with the descriptors of [`Self::descriptors`] open
/// under the same numbers, then call [`Self::into_host`] **after** the start: it closes this process's descriptors.
/// An invitation is for one child. Everything that inherits the descriptors can say hello in its stead.
///
/// The descriptors are close-on-exec here, so that no other child gets them. With `posix_spawn`,
/// `posix_spawn_file_actions_adddup2` of each onto its own number passes it on, except on macOS, where that leaves it
/// close-on-exec and `posix_spawn_file_actions_addinherit_np` does it; after a `fork`, an `fcntl` in the child.
#[derive(Debug)]
pub struct Invitation {
    port: ReceiveRight,
    token: Secret,
    inheritance: Inheritance,
    hello_timeout: Timeout,
    allow_descendants: bool,
    owner: Owner,
}

impl Invitation {
    /// A new invitation with a random token.
    ///
    /// Errors: [`Status::ResourceExhausted`](crate::Status::ResourceExhausted).
    pub fn create() -> Result<Self> {
        Self::with(Inheritance::for_others)
    }

    /// For a child that this library starts.
    pub(super) fn for_spawn() -> Result<Self> {
        Self::with(Inheritance::for_spawn)
    }

    fn with(make: impl FnOnce(&Token) -> Result<(sys::port::ReceiveRight, Inheritance)>) -> Result<Self> {
        let token = spawn::random_token()?;
        let (port, inheritance) = make(&token)?;
        Ok(Self {
            port: ReceiveRight(port),
            token: Secret(token),
            inheritance,
            hello_timeout: Host::HELLO_TIMEOUT,
            allow_descendants: false,
            owner: Owner::this_process(),
        })
    }

    pub(super) fn inheritance(&self) -> &Inheritance {
        &self.inheritance
    }

    /// Entries for the child's environment, as name and value. They say where things are; nothing in them is secret.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.inheritance.environment()
    }

    /// The descriptors that the child has to have, under the same numbers. Borrowed: do not close them.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.inheritance.descriptors()
    }

    /// How long the child has to say hello, counted from [`Self::into_host`]. 10 seconds unless set.
    pub fn set_hello_timeout(&mut self, timeout: Timeout) {
        self.hello_timeout = timeout;
    }

    /// As [`SpawnOptions::allow_descendants`](super::SpawnOptions::allow_descendants). Not unless set.
    pub fn set_allow_descendants(&mut self, allow: bool) {
        self.allow_descendants = allow;
    }

    /// The host's side, once the child is started.
    ///
    /// With the child's process number the hello is believed from that process only, and its death is known by
    /// itself. The number must be of a child that is not reaped yet, or it could have become another process's.
    /// Without one, the token and the same user suffice, and until the hello a dead child is known only by nobody
    /// having its descriptors any more.
    ///
    /// The host never reaps such a child and does not end it when it is dropped: that is for who started it.
    ///
    /// Errors: [`Status::NotFound`](crate::Status::NotFound), when there is no such process;
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument), when the number can be none's;
    /// [`Status::ResourceExhausted`](crate::Status::ResourceExhausted). The invitation comes back.
    pub fn into_host(self, process_id: Option<u32>) -> Result<Host, (Self, Error)> {
        let process = match self.owner.check().and_then(|()| process_id.map(Process::watch).transpose()) {
            Ok(process) => process,
            Err(error) => return Err((self, error)),
        };
        // Nobody waits, ends or reaps at the end of this life.
        self.into_host_of(process, EndOfLife::Leave)
    }

    pub(super) fn into_host_of(
        self,
        process: Option<Process>,
        end_of_life: EndOfLife,
    ) -> Result<Host, (Self, Error)> {
        let Self { port, token, inheritance, hello_timeout, allow_descendants, owner } = self;
        let any_process = allow_descendants || process.is_none();
        let terms = Terms { token, any_process, hello_deadline: hello_timeout.deadline() };
        let life = Life::new(process.map(Arc::new), end_of_life);
        // The inheritance ends with this: from here on the child alone has the rights, so that their end is its end.
        Host::new(port, terms, life).map_err(|(port, Terms { token, .. }, error)| {
            (Self { port, token, inheritance, hello_timeout, allow_descendants, owner }, error)
        })
    }
}
