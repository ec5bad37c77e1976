//! The process to which a handle belongs.
//!
//! A forked process has copies of all handles of its parent, and may do nothing with them that the parent would notice:
//! the pages, the names, the epoll sets and the peers are the parent's. So each handle remembers who made it. In any
//! other process its end closes descriptors and unmaps memory, and calls on it fail.

use std::convert::Infallible;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::system::owner::Mark;
use crate::error::{Error, Result, Status};

/// The process that made a handle. Can be asked as often as one likes: it costs no system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner(Mark);

impl Owner {
    /// The process that runs.
    pub(crate) fn this_process() -> Self {
        Self(Mark::of_this_process())
    }

    /// Whether the process that runs is this one, and no fork of it.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        self.0.is_of_this_process()
    }

    /// Errors: wrong state in a fork.
    #[inline]
    pub(crate) fn check(self) -> Result<()> {
        if self.is_here() { Ok(()) } else { Err(Self::elsewhere()) }
    }

    /// What calls in a fork say.
    #[cold]
    pub(crate) fn elsewhere() -> Error {
        let message = "this handle belongs to the process that made it, and this process is a fork of that one: \
                       a fork can only let go of it";
        Error::fixed(Status::WrongState, message)
    }
}

/// A value of which each process has its own, for as long as it lives: a fork finds none, and above all no lock that a
/// thread of its parent had.
pub(crate) struct PerProcess<T: 'static>(AtomicPtr<Owned<T>>);

struct Owned<T> {
    owner: Owner,
    value: T,
    /// The parent's, which is left as it is, and which tools that look for leaks are to find.
    _inherited: *mut Self,
}

impl<T: Send + Sync> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// This process's.
    pub(crate) fn get(&'static self) -> &'static T
    where
        T: Default,
    {
        let Ok(value) = self.get_or_try_make(|| Ok::<_, Infallible>(T::default()));
        value
    }

    /// This process's, made if there is none.
    pub(crate) fn get_or_try_make<E>(
        &'static self,
        mut make: impl FnMut() -> Result<T, E>,
    ) -> Result<&'static T, E> {
        // Acquire: pairs with the release below; who sees the value sees it whole.
        let mut found = self.0.load(Ordering::Acquire);
        loop {
            // SAFETY: null, or it came from a box that is never freed.
            match unsafe { found.as_ref() } {
                Some(known) if known.owner.is_here() => return Ok(&known.value),
                _ => {}
            }
            let owned = Owned { owner: Owner::this_process(), value: make()?, _inherited: found };
            let new = Box::into_raw(Box::new(owned));
            match self.0.compare_exchange(found, new, Ordering::Release, Ordering::Acquire) {
                Ok(_) => found = new,
                Err(other) => {
                    // SAFETY: made above, and nobody has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    found = other;
                }
            }
        }
    }
}

#[cfg(all(test, not(shell)))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself() {
        let owner = Owner::this_process();
        assert!(owner.is_here());
        assert!(owner.check().is_ok());
    }

    #[test]
    fn forks_are_others_than_their_parents_and_than_each_other() {
        let parent = Owner::this_process();
        // SAFETY: the child calls nothing but what is safe after a fork of a program with threads: loads, stores, system
        // calls.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let me = Owner::this_process();
            // SAFETY: as above.
            let grandchild = unsafe { libc::fork() };
            if grandchild == 0 {
                let fine = !parent.is_here() && !me.is_here() && Owner::this_process().is_here();
                // SAFETY: ends the process, no code of this program runs.
                unsafe { libc::_exit(i32::from(!fine)) };
            }
            let fine = !parent.is_here() && me.is_here() && exit_status_of(grandchild) == 0;
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(!fine)) };
        }
        assert_eq!(exit_status_of(child), 0);
        assert!(parent.is_here());
    }

    fn exit_status_of(child: libc::pid_t) -> i32 {
        let mut status = -1;
        // SAFETY: the status lives across the call.
        while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
        status
    }
}
