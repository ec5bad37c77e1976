//! Vacancies: told by the port whenever its queue changes.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::failures::point;
use super::port::{Port, SendRight};
use super::readiness::Readiness;
use crate::error::Result;

#[derive(Debug)]
pub(crate) struct Vacancy {
    port: Arc<Port>,
    watch: Arc<Watch>,
}

#[derive(Debug)]
pub(super) struct Watch {
    ready: Readiness,
    for_room: AtomicBool,
}

impl Watch {
    /// Under the lock of the port.
    pub(super) fn tell(&self, has_room: bool, is_dead: bool) {
        // SeqCst: this system is for tests, and nothing in it need be fast.
        self.ready.set(is_dead || (has_room && self.for_room.load(Ordering::SeqCst)));
    }
}

impl Vacancy {
    pub(crate) fn new(right: &SendRight) -> Result<Self> {
        let watch = Arc::new(Watch { ready: Readiness::new()?, for_room: AtomicBool::new(false) });
        right.port().watch_room(&watch);
        Ok(Self { port: right.port().clone(), watch })
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.watch.ready.descriptor()
    }

    pub(crate) fn watch(&self) -> Result<()> {
        self.ask_for_room(true)
    }

    pub(crate) fn forget(&self) -> Result<()> {
        self.ask_for_room(false)
    }

    fn ask_for_room(&self, wanted: bool) -> Result<()> {
        point("watching for room in a port")?;
        self.watch.for_room.store(wanted, Ordering::SeqCst);
        self.port.watch_room(&self.watch);
        Ok(())
    }
}
