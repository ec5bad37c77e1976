//! What tells a process from its forks on Linux: a page that the kernel gives to a forked process as zeroes.
//!
//! `MADV_WIPEONFORK` (4.14) acts at each fork, however it is made, and a look at the page is a load, while getpid(2) is
//! a system call. Where there is no such page, getpid(2) has to do.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::sys::posix::page_size;

/// Null until the first question; then the page, or [`NO_PAGE`]. It is decided once, and forks inherit the decision:
/// marks of one kind are never compared with those of the other.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
/// The last mark that this process, or one that it is a fork of, has given itself.
static LAST: AtomicU64 = AtomicU64::new(0);
/// Stands in [`PAGE`] where there is none. It is never read or written.
static NO_PAGE: AtomicU64 = AtomicU64::new(0);

/// A number that this process has for all its life, and that none of its ancestors and forks has.
#[inline]
pub(in crate::sys) fn process_mark() -> u64 {
    // Acquire: pairs with the release in `decide`; who sees the page sees it mapped.
    let page = PAGE.load(Ordering::Acquire);
    if page.is_null() || ptr::eq(page, &raw const NO_PAGE) {
        return process_mark_without_page();
    }
    // SAFETY: neither null nor the stand-in, so it is the page that `decide` has mapped, readable and writable, for good.
    let mark = unsafe { &*page };
    // Relaxed: the mark orders nothing.
    match mark.load(Ordering::Relaxed) {
        0 => new_mark(mark),
        known => known,
    }
}

/// The first question in this process since it was forked.
#[cold]
fn new_mark(mark: &AtomicU64) -> u64 {
    // Relaxed, all: only the numbers matter, and these are atomic.
    let new = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    match mark.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => new,
        Err(known) => known,
    }
}

#[cold]
fn process_mark_without_page() -> u64 {
    if PAGE.load(Ordering::Acquire).is_null() {
        decide();
        return process_mark();
    }
    rustix::process::getpid().as_raw_nonzero().get().unsigned_abs().into()
}

fn decide() {
    let made = make_page();
    let page = made.map_or((&raw const NO_PAGE).cast_mut(), NonNull::as_ptr);
    // Release: pairs with the acquire in `process_mark`.
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
