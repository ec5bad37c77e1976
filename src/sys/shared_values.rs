//! Values under names in memory that several processes write.
//!
//! They lie there as entries of `name length (u16), value length (u32), name, value`, all little-endian, twice: a
//! writer fills the area that is not in use and then turns to it. What is read was written by a peer: entries that
//! do not fit end the list.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::spawn::ProcessStamp;
use crate::error::{Error, Result, Status};

/// Room for all values of a surface together, in bytes.
const MAX_VALUES: usize = 28 << 10;

/// The part of a shared page that holds values. Zeroes are none.
#[repr(C)]
pub(super) struct SharedValues {
    /// Which process writes now; 0 is nobody.
    writer: AtomicU64,
    /// How often values were written. Its lowest bit says which of the two areas is valid, so that a writer who
    /// dies half-way leaves the old ones.
    sequence: AtomicU64,
    areas: [ValueArea; 2],
}

#[repr(C)]
struct ValueArea {
    length: AtomicU32,
    reserved: AtomicU32,
    words: [AtomicU64; MAX_VALUES / 8],
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct EntryHead {
    name_length: U16,
    value_length: U32,
}

/// The part of the room for values that one takes, in bytes.
pub(super) fn entry_size(name: usize, value: usize) -> usize {
    size_of::<EntryHead>() + name + value
}

/// Says that `size` bytes of values are more than there is room for.
pub(super) fn check_room(size: usize) -> Result<()> {
    if size <= MAX_VALUES {
        return Ok(());
    }
    let message = format!("a surface's values are {size} bytes together, the maximum is {MAX_VALUES}");
    Err(Error::new(Status::TooLarge, message))
}

type Values = BTreeMap<Vec<u8>, Vec<u8>>;

fn decode(mut bytes: &[u8]) -> Values {
    let mut values = Values::new();
    while let Ok((head, rest)) = EntryHead::ref_from_prefix(bytes) {
        let (name_length, value_length) = (usize::from(head.name_length), head.value_length.get() as usize);
        let Some((name, rest)) = rest.split_at_checked(name_length) else { break };
        let Some((value, rest)) = rest.split_at_checked(value_length) else { break };
        values.insert(name.to_vec(), value.to_vec());
        bytes = rest;
    }
    values
}

fn encode(values: &Values) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in values {
        let head =
            EntryHead { name_length: (name.len() as u16).into(), value_length: (value.len() as u32).into() };
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
    }
    bytes
}

/// For the fuzz target.
#[cfg(fuzzing)]
pub(crate) fn decode_and_encode(bytes: &[u8]) {
    let values = decode(bytes);
    assert_eq!(decode(&encode(&values)), values);
}

impl SharedValues {
    /// Puts a value under a name of at most 65 535 bytes.
    pub(super) fn set(&self, name: &str, value: &[u8]) -> Result<()> {
        // Before anything else, for sizes that an entry's head has no room for.
        check_room(entry_size(name.len(), value.len()))?;
        self.change(|values| {
            values.insert(name.into(), value.into());
        })
    }

    /// The value under a name.
    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(decode(&self.read()?).remove(name.as_bytes()))
    }

    /// Takes the value under a name away; none is fine.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        self.change(|values| {
            values.remove(name.as_bytes());
        })
    }

    /// All names, ascending. One that is no UTF-8, which only a peer can have written, is left out.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        Ok(decode(&self.read()?).into_keys().filter_map(|name| String::from_utf8(name).ok()).collect())
    }

    /// All values, as they were written last.
    fn read(&self) -> Result<Vec<u8>> {
        for _ in 0..1000 {
            // Acquire: pairs with the release that published this sequence.
            let sequence = self.sequence.load(Ordering::Acquire);
            let area = &self.areas[(sequence & 1) as usize];
            let length = (area.length.load(Ordering::Relaxed) as usize).min(MAX_VALUES);
            let words = &area.words[..length.div_ceil(8)];
            let mut bytes: Vec<u8> =
                words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
            bytes.truncate(length);
            // The loads above happen before the one below; if no writer came in between, they were of one piece.
            fence(Ordering::Acquire);
            if self.sequence.load(Ordering::Relaxed) == sequence {
                return Ok(bytes);
            }
            std::thread::yield_now();
        }
        Err(Error::fixed(Status::TimedOut, "a surface's values are being written without an end"))
    }

    fn change(&self, change: impl FnOnce(&mut Values)) -> Result<()> {
        let writing = ValueWriting::begin(self)?;
        let mut values = decode(&self.read()?);
        change(&mut values);
        let bytes = encode(&values);
        check_room(bytes.len())?;
        writing.publish(&bytes);
        Ok(())
    }
}

/// The right to write a surface's values, which one process has at a time. A dead holder's is taken over.
struct ValueWriting<'a> {
    shared: &'a SharedValues,
    mark: u64,
}

impl<'a> ValueWriting<'a> {
    fn begin(shared: &'a SharedValues) -> Result<Self> {
        let mark = ProcessStamp::current().to_shared();
        for round in 0..1000 {
            // Acquire: pairs with the release of the last holder, whose values we are going to read.
            let holder = shared.writer.compare_exchange(0, mark, Ordering::Acquire, Ordering::Relaxed);
            let Err(holder) = holder else { return Ok(Self { shared, mark }) };
            // Looking a process up costs some microseconds, a writer is done in less.
            let dead = round % 10 == 9 && !ProcessStamp::from_shared(holder).is_alive();
            if dead
                && shared.writer.compare_exchange(holder, mark, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return Ok(Self { shared, mark });
            }
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
        Err(Error::fixed(Status::TimedOut, "another process does not end writing a surface's values"))
    }

    fn publish(&self, bytes: &[u8]) {
        let next = self.shared.sequence.load(Ordering::Relaxed).wrapping_add(1);
        let area = &self.shared.areas[(next & 1) as usize];
        // A reader that is still in this area, two writes late, must not take what follows for whole: its check
        // of the sequence fails, because that moved on before the area came up again. This fence keeps the stores
        // below from being seen before that earlier move.
        fence(Ordering::Release);
        for (word, chunk) in area.words.iter().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            whole[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
        }
        area.length.store(bytes.len() as u32, Ordering::Relaxed);
        // Release: who reads the new sequence sees the area behind it.
        self.shared.sequence.store(next, Ordering::Release);
    }
}

impl Drop for ValueWriting<'_> {
    fn drop(&mut self) {
        // Release: the next holder sees what was published. Only our own mark is taken away.
        let _ = self.shared.writer.compare_exchange(self.mark, 0, Ordering::Release, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            values in proptest::collection::btree_map(
                proptest::collection::vec(any::<u8>(), 1..20),
                proptest::collection::vec(any::<u8>(), 0..50),
                0..10,
            )
        ) {
            let bytes = encode(&values);
            let sizes = values.iter().map(|(name, value)| entry_size(name.len(), value.len()));
            prop_assert_eq!(sizes.sum::<usize>(), bytes.len());
            prop_assert_eq!(decode(&bytes), values);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            decode(&bytes);
        }
    }
}
