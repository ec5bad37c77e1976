//! Large payloads of a channel: through a *staging region*, memory beside the ring that is used again and again.
//!
//! The sender has the region, in which it gives each payload a place, writes it there, and says in the ring's entry where
//! that is. The receiver copies it out, at once and in the order of the ring; so places become free in the order in which
//! they were given, and the ring's count of what was taken says it. The receiver can only read the region.
//!
//! The entry comes first and the bytes behind it, told of in chunks, so that the receiver copies one chunk while the
//! sender writes the next. The sender waits for nothing in between: once there is an entry, nothing but its death keeps
//! the rest from coming, and the receiver has not delivered anything then.

use std::collections::VecDeque;

use super::ring::{Broken, MAX_INLINE, RingPage, RingReceiver, RingSender, STAGED_BYTES};
use crate::error::{Error, Result};
use crate::memory::MemoryRegion;
use crate::page::Page;
use crate::recycled::{FreeBuffers, RecycledBytes};

type Sending = RingSender<Page<RingPage>>;
type Receiving = RingReceiver<Page<RingPage>>;

/// Bytes of a region: a power of two.
const MIN_REGION: usize = 1 << 20;
const MAX_REGION: usize = 16 << 20;
/// The largest payload that goes this way, in bytes: two of them have a place, so that one can be written while the
/// other is read.
pub(super) const MAX_STAGED: usize = MAX_REGION / 2;
/// Bytes that are written until the receiver is told. Small enough to be in the second cache still when it reads them.
const CHUNK: usize = 64 << 10;
/// Places begin at a cache line.
const ALIGNMENT: usize = 64;

/// The sender's half.
#[derive(Debug)]
pub(super) struct StagingSender {
    region: Option<MemoryRegion>,
    /// Places that the receiver has not given back, the oldest first.
    held: VecDeque<Held>,
    /// A payload went the long way because the region was too small for it.
    missed: bool,
    /// The last wait for room was of use, or there was none.
    patient: bool,
}

/// A place that is in use.
#[derive(Debug)]
struct Held {
    begin: usize,
    end: usize,
    /// It is given back once the receiver has taken the ring up to here.
    until: u64,
}

/// What would give a payload a place that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    /// Nothing that is worth it.
    Everything,
    /// A region of so many bytes.
    Region(usize),
    /// Room in the region.
    Room,
}

impl StagingSender {
    pub(super) fn new() -> Self {
        Self { region: None, held: VecDeque::new(), missed: false, patient: true }
    }

    /// From here on, payloads go through this region. The receiver gets it behind all that is in the one before.
    pub(super) fn use_region(&mut self, region: MemoryRegion) {
        self.region = Some(region);
        self.held.clear();
        self.patient = true;
    }

    /// Whether there would be a place for so many bytes, and room for its entry.
    pub(super) fn has_room(&mut self, ring: &mut Sending, length: usize) -> bool {
        self.find_place(ring, length).is_some() && ring.has_room_for(STAGED_BYTES)
    }

    /// Gives a payload a place and says so in the ring, if there is room. The bytes come by [`Self::fill`], which the
    /// receiver waits for.
    pub(super) fn begin(&mut self, ring: &mut Sending, id: u32, length: usize) -> Option<usize> {
        let begin = self.find_place(ring, length)?;
        if !ring.push_staged(id, begin as u64, length as u64) {
            return None;
        }
        let end = (begin + length).next_multiple_of(ALIGNMENT);
        self.held.push_back(Held { begin, end, until: ring.end() });
        Some(begin)
    }

    /// Writes the payload.
    pub(super) fn fill(&self, ring: &mut Sending, begin: usize, bytes: &[u8]) -> Result<()> {
        let Some(region) = &self.region else { return Ok(()) };
        for (n, chunk) in bytes.chunks(CHUNK).enumerate() {
            region.write(begin + n * CHUNK, chunk)?;
            ring.add_filled(chunk.len() as u64);
        }
        Ok(())
    }

    /// What is to be done for a payload that found no place.
    pub(super) fn lacking(&mut self, length: usize) -> Lacking {
        let has = self.region.as_ref().map_or(0, MemoryRegion::len);
        if length > MAX_STAGED {
            return Lacking::Everything;
        }
        let wanted = (2 * length).next_power_of_two().max(MIN_REGION);
        if wanted > has {
            // One large payload is not worth it; a second one is.
            self.missed = !self.missed;
            return if self.missed { Lacking::Everything } else { Lacking::Region(wanted) };
        }
        if self.patient { Lacking::Room } else { Lacking::Everything }
    }

    /// A wait for room was of no use, and is not repeated until the receiver gives something back.
    pub(super) fn lose_patience(&mut self) {
        self.patient = false;
    }

    /// Places follow each other; where the end is too near, the next one is at the beginning. A region that is not in use
    /// begins anew, so that a stream whose receiver keeps up stays in the same, warm part of it.
    fn find_place(&mut self, ring: &mut Sending, length: usize) -> Option<usize> {
        let size = self.region.as_ref()?.len();
        let free = |from: usize, to: usize| (to.checked_sub(from)? >= length).then_some(from);
        ring.look_at_taken();
        while self.held.front().is_some_and(|held| held.until <= ring.taken()) {
            self.held.pop_front();
            self.patient = true;
        }
        match (self.held.front(), self.held.back()) {
            (Some(first), Some(last)) if first.begin <= last.begin => {
                free(last.end, size).or_else(|| free(0, first.begin))
            }
            (Some(first), Some(last)) => free(last.end, first.begin),
            _ => free(0, size),
        }
    }
}

/// The receiver's half, of one ring.
#[derive(Debug)]
pub(super) struct StagingReceiver {
    region: Option<MemoryRegion>,
    arriving: Option<Arriving>,
    /// Bytes of all payloads before the next one.
    before: u64,
}

/// A payload that is being copied, behind the sender that writes it.
#[derive(Debug)]
struct Arriving {
    id: u32,
    offset: usize,
    copied: usize,
    payload: RecycledBytes,
}

impl StagingReceiver {
    pub(super) fn new() -> Self {
        Self { region: None, arriving: None, before: 0 }
    }

    /// What the sender gave for what follows.
    ///
    /// Errors: malformed for a size that no sender chooses.
    pub(super) fn use_region(&mut self, region: MemoryRegion) -> Result<()> {
        let length = region.len();
        if !length.is_power_of_two() || !(MIN_REGION..=MAX_REGION).contains(&length) {
            return Err(Error::malformed(format!("a peer sent a staging region of {length} bytes")));
        }
        self.region = Some(region);
        Ok(())
    }

    /// Whether a payload is on its way, before which the ring has nothing.
    pub(super) fn is_arriving(&self) -> bool {
        self.arriving.is_some()
    }

    /// Whether there is something to take from the ring or to copy.
    pub(super) fn has_news(&self, ring: &Receiving) -> bool {
        match &self.arriving {
            Some(arriving) => self.filled(ring, arriving) > arriving.copied,
            None => !ring.is_empty(),
        }
    }

    /// Whether there is a message to take; a part of one does not count.
    pub(super) fn has_message(&self, ring: &Receiving) -> bool {
        match &self.arriving {
            Some(arriving) => self.filled(ring, arriving) == arriving.payload.len(),
            None => !ring.is_empty(),
        }
    }

    /// How much of a payload is there. Whatever the sender says, it is not more than the whole.
    fn filled(&self, ring: &Receiving, arriving: &Arriving) -> usize {
        let length = arriving.payload.len();
        ring.filled().saturating_sub(self.before).min(length as u64) as usize
    }

    /// Begins to take what an entry told of.
    pub(super) fn begin(
        &mut self,
        buffers: &FreeBuffers,
        id: u32,
        offset: u64,
        length: u64,
    ) -> Result<(), Broken> {
        let size = self.region.as_ref().map_or(0, MemoryRegion::len) as u64;
        let is_large = (MAX_INLINE as u64 + 1..=MAX_STAGED as u64).contains(&length);
        if !is_large || offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(Broken);
        }
        let payload = buffers.take(length as usize);
        self.arriving = Some(Arriving { id, offset: offset as usize, copied: 0, payload });
        Ok(())
    }

    /// Copies what is there, and gives the message once all of it is.
    pub(super) fn copy(&mut self, ring: &Receiving) -> Result<Option<(u32, RecycledBytes)>> {
        let Some(mut arriving) = self.arriving.take() else { return Ok(None) };
        let length = arriving.payload.len();
        while arriving.copied < length {
            let filled = self.filled(ring, &arriving);
            if filled <= arriving.copied {
                self.arriving = Some(arriving);
                return Ok(None);
            }
            if let Some(region) = &self.region {
                let part = arriving.copied..filled;
                region.read(arriving.offset + arriving.copied, &mut arriving.payload[part])?;
            }
            arriving.copied = filled;
        }
        self.before += length as u64;
        ring.give_back();
        Ok(Some((arriving.id, arriving.payload)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
