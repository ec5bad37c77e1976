//! Buffers for large payloads that go back to where they came from and are used again: memory that is fresh from the
//! system costs a fault for each of its pages, which is more than the copy into it.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::error::{Error, Result, Status};
use crate::sys::owner::Owner;

/// The most buffers that wait to be used again.
const MAX_FREE: usize = 4;
/// The most bytes of them together.
const MAX_FREE_BYTES: usize = 16 << 20;

/// The buffers of one channel. Can be used from any thread.
#[derive(Debug, Default)]
pub(crate) struct FreeBuffers(Arc<Mutex<Free>>);

/// Those that nobody uses, the last used one at the end.
#[derive(Debug, Default)]
struct Free(VecDeque<Vec<u8>>);

/// Bytes in a buffer that is given back when this is dropped, if somebody wants it still.
#[derive(Debug)]
pub(crate) struct RecycledBytes {
    /// All of it was written once, so the part that is used can change without filling it.
    buffer: Vec<u8>,
    length: usize,
    home: Weak<Mutex<Free>>,
    owner: Owner,
}

impl FreeBuffers {
    /// A buffer for so many bytes. What is in them is left from another use, or zero.
    ///
    /// Errors: resources exhausted.
    pub(crate) fn take(&self, length: usize) -> Result<RecycledBytes> {
        let free = self.0.lock().take(length);
        let buffer = free.map_or_else(|| fresh(length.next_power_of_two()), Ok)?;
        Ok(RecycledBytes { buffer, length, home: Arc::downgrade(&self.0), owner: Owner::this_process() })
    }
}

fn fresh(length: usize) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    let lacking = |_| Error::fixed(Status::ResourceExhausted, "there is no memory for a message");
    buffer.try_reserve_exact(length).map_err(lacking)?;
    buffer.resize(length, 0);
    Ok(buffer)
}

impl Free {
    /// The smallest that is large enough.
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let fitting = self.0.iter().enumerate().filter(|(_, buffer)| buffer.len() >= length);
        let (index, _) = fitting.min_by_key(|(_, buffer)| buffer.len())?;
        self.0.remove(index)
    }

    fn put(&mut self, buffer: Vec<u8>) {
        self.0.push_back(buffer);
        while self.0.len() > MAX_FREE || self.0.iter().map(Vec::len).sum::<usize>() > MAX_FREE_BYTES {
            self.0.pop_front();
        }
    }
}

impl Deref for RecycledBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl DerefMut for RecycledBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }
}

impl Drop for RecycledBytes {
    fn drop(&mut self) {
        // In a fork nobody takes buffers from there, and the lock may be a thread's that does not exist here.
        if !self.owner.is_here() {
            return;
        }
        if let Some(home) = self.home.upgrade() {
            home.lock().put(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(buffers: &FreeBuffers) -> Vec<usize> {
        buffers.0.lock().0.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_buffer_comes_back_and_is_used_again() {
        let buffers = FreeBuffers::default();
        let mut first = buffers.take(100_000).unwrap();
        first[99_999] = 7;
        let place = first.as_ptr();
        drop(first);
        let again = buffers.take(90_000).unwrap();
        assert_eq!((again.as_ptr(), again.len()), (place, 90_000));
        assert!(free(&buffers).is_empty());
        let other = buffers.take(100_000).unwrap();
        assert_ne!(other.as_ptr(), place);
        assert_eq!(other[99_999], 0);
    }

    #[test]
    fn the_smallest_that_is_large_enough_is_taken() {
        let buffers = FreeBuffers::default();
        drop([
            buffers.take(4 << 20).unwrap(),
            buffers.take(1 << 20).unwrap(),
            buffers.take(2 << 20).unwrap(),
        ]);
        drop(buffers.take((1 << 20) + 1).unwrap());
        assert_eq!(free(&buffers), [4 << 20, 1 << 20, 2 << 20]);
        drop(buffers.take(1).unwrap());
        assert_eq!(free(&buffers), [4 << 20, 2 << 20, 1 << 20]);
    }

    #[test]
    fn only_few_wait_and_the_oldest_go_first() {
        let buffers = FreeBuffers::default();
        drop((1..=8).map(|n| buffers.take(n << 14).unwrap()).collect::<Vec<_>>());
        assert_eq!(free(&buffers).len(), MAX_FREE);
        drop(buffers.take(8 << 20).unwrap());
        drop([buffers.take(8 << 20).unwrap(), buffers.take(5 << 20).unwrap()]);
        assert_eq!(free(&buffers), [8 << 20, 8 << 20]);
        // More than may wait at all.
        drop(buffers.take(MAX_FREE_BYTES + 1).unwrap());
        assert!(free(&buffers).is_empty());
    }

    #[test]
    fn a_buffer_outlives_where_it_came_from() {
        let buffers = FreeBuffers::default();
        let mut taken = buffers.take(3).unwrap();
        drop(buffers);
        taken.copy_from_slice(b"abc");
        assert_eq!(&taken[..], b"abc");
    }
}
