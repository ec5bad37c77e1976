//! What tells a process from its forks on Linux: a page that the kernel gives to a forked process as zeroes.
//!
//! `MADV_WIPEONFORK` (4.14) acts at each fork, however it is made, and a look at the page is a load, while getpid(2) is
//! a system call. Where there is no such page, getpid(2) has to do.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::sys::posix::page_size;

/// Null until the first question; then the page, or [`NO_PAGE`]. It is decided once, and forks inherit the decision.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
/// The last mark that this process, or one that it is a fork of, has given itself.
static LAST: AtomicU64 = AtomicU64::new(0);
/// Stands in [`PAGE`] where there is none. It is never read or written.
static NO_PAGE: AtomicU64 = AtomicU64::new(0);

/// What tells a process from its ancestors and forks.
#[derive(Clone, Copy, Debug)]
pub(in crate::sys) struct Mark {
    /// Where the number of the process that runs stands; none, if it is that of getpid(2).
    page: Option<&'static AtomicU64>,
    number: u64,
}

impl Mark {
    pub(in crate::sys) fn of_this_process() -> Self {
        // Acquire: pairs with the release in `decide`; who sees the page sees it mapped.
        let mut page = PAGE.load(Ordering::Acquire);
        while page.is_null() {
            decide();
            page = PAGE.load(Ordering::Acquire);
        }
        if ptr::eq(page, &raw const NO_PAGE) {
            return Self { page: None, number: process_number() };
        }
        // SAFETY: neither null nor the stand-in, so it is the page that `decide` has mapped, readable and writable, for good.
        let page = unsafe { &*page };
        // Relaxed: the number orders nothing.
        let number = match page.load(Ordering::Relaxed) {
            0 => new_number(page),
            known => known,
        };
        Self { page: Some(page), number }
    }

    #[inline]
    pub(in crate::sys) fn is_of_this_process(self) -> bool {
        match self.page {
            // Relaxed: the number orders nothing. A fork that was not asked yet has 0 there, which no process has.
            Some(page) => page.load(Ordering::Relaxed) == self.number,
            None => process_number() == self.number,
        }
    }
}

/// The first question in this process since it was forked.
#[cold]
fn new_number(page: &AtomicU64) -> u64 {
    // Relaxed, all: only the numbers matter, and these are atomic.
    let new = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    match page.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => new,
        Err(known) => known,
    }
}

#[cold]
fn process_number() -> u64 {
    rustix::process::getpid().as_raw_nonzero().get().unsigned_abs().into()
}

fn decide() {
    let made = make_page();
    let page = made.map_or((&raw const NO_PAGE).cast_mut(), NonNull::as_ptr);
    // Release: pairs with the acquire in `of_this_process`.
    let decided = PAGE.compare_exchange(ptr::null_mut(), page, Ordering::Release, Ordering::Relaxed);
    if let (Err(_), Some(page)) = (decided, made) {
        // SAFETY: another thread was faster, so nobody has seen this page.
        let _ = unsafe { rustix::mm::munmap(page.as_ptr().cast(), page_size()) };
    }
}

fn make_page() -> Option<NonNull<AtomicU64>> {
    let length = page_size();
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: no address is asked for, so no existing mapping is touched.
    let page = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), length, protection, MapFlags::PRIVATE) };
    let page = NonNull::new(page.ok()?)?;
    // SAFETY: a whole page of ours; the advice takes effect in forks only.
    if unsafe { rustix::mm::madvise(page.as_ptr(), length, Advice::LinuxWipeOnFork) }.is_err() {
        // SAFETY: mapped above, and nobody has seen it.
        let _ = unsafe { rustix::mm::munmap(page.as_ptr(), length) };
        return None;
    }
    Some(page.cast())
}
