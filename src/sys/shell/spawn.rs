//! Processes, of which there are none but this one.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::process::{Pid, WaitId};

use super::port::{ReceiveRight, SendRight};
use crate::error::{Error, Result, Status};
use crate::time::Deadline;

pub(crate) use crate::sys::inherited::{Command, TOKEN_LENGTH, Token, is_our_user, random_token};
use crate::sys::process::Entry;
pub(crate) use crate::sys::process::{Exit, Process, ProcessStamp};

const NO_PROCESSES: Error = Error::fixed(Status::Unsupported, "this system starts and watches no processes");

/// There is none.
#[derive(Debug)]
pub(crate) enum Inheritance {}

impl Inheritance {
    pub(crate) fn for_spawn(_: &Token) -> Result<(ReceiveRight, Self)> {
        Err(NO_PROCESSES)
    }

    pub(crate) fn for_others(_: &Token) -> Result<(ReceiveRight, Self)> {
        Err(NO_PROCESSES)
    }

    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        match *self {}
    }

    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match *self {}
    }
}

pub(crate) fn take_inheritance(_: Deadline) -> Result<(SendRight, Token)> {
    Err(NO_PROCESSES)
}

pub(crate) fn watch_host(_: &SendRight) -> Result<Option<Watched>> {
    Ok(None)
}

pub(crate) fn spawn(_: &Command<'_>) -> Result<Process> {
    Err(NO_PROCESSES)
}

/// There is none.
#[derive(Debug)]
pub(crate) enum ProcessHandle {}

/// There is none.
#[derive(Debug)]
pub(crate) enum Watched {}

impl Watched {
    pub(crate) fn process(_: Pid) -> Result<Self> {
        Err(NO_PROCESSES)
    }

    pub(crate) fn has_ended(&self) -> Result<bool> {
        match *self {}
    }

    pub(crate) fn sender(_: Pid, handle: &ProcessHandle) -> Result<Self> {
        match *handle {}
    }

    pub(crate) fn to_reap(&self) -> WaitId<'_> {
        match *self {}
    }

    pub(crate) fn kill(&self) -> Result<(), Errno> {
        match *self {}
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}

/// This process alone is known, and lives.
pub(crate) fn entry_of(pid: Pid) -> Entry {
    if pid == rustix::process::getpid() {
        Entry::Process { has_ended: false, started: 1 }
    } else {
        Entry::None
    }
}

/// There is one.
pub(crate) fn pid_namespace() -> u32 {
    0
}
