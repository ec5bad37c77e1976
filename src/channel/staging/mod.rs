//! Large payloads of a channel: through a *staging region*, memory beside the ring that is used again and again.
//!
//! The sender has the region, in which it gives each payload a place, writes it there, and says in the ring's entry where
//! that is. The receiver copies it out, at once and in the order of the ring; so places become free in the order in which
//! they were given, and the ring's count of what was taken says it. The receiver can only read the region.
//!
//! The entry comes first and the bytes after it, told of in chunks, so that the receiver copies one chunk while the
//! sender writes the next. The sender waits for nothing in between: once there is an entry, nothing but its death keeps
//! the rest from coming, and the receiver has not delivered anything then.
//!
//! Regions are offered, as rings are: the sender uses one once the receiver says that it has it. They are counted, and each
//! entry says which one it means, so that the receiver changes from one to the next at the right place.

use std::collections::VecDeque;

use super::ring::{Broken, MAX_INLINE, Place, RingPage, RingReceiver, RingSender, STAGED_BYTES};
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

/// Payloads that go the long way after an offer that was not accepted, until the next offer.
const BEFORE_OFFER_AGAIN: u32 = 16;

/// Regions that a receiver has at once: one of each size, and some that were offered twice.
const MOST_REGIONS: usize = 8;

/// The sender's half.
#[derive(Debug)]
pub(super) struct StagingSender {
    /// The one in use, with its number.
    region: Option<(u32, MemoryRegion)>,
    /// The newest one, which the receiver does not have yet, and the payloads that it came too late for.
    offered: Option<(MemoryRegion, u32)>,
    /// Regions that were offered.
    regions: u32,
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
        let (held, patient) = (VecDeque::new(), true);
        Self { region: None, offered: None, regions: 0, held, missed: false, patient }
    }

    /// The number of the region that is offered next.
    pub(super) fn next_region(&self) -> u32 {
        self.regions + 1
    }

    /// This region was offered.
    pub(super) fn offered(&mut self, region: MemoryRegion) {
        self.regions += 1;
        self.offered = Some((region, 0));
    }

    /// From here on, payloads go through the region that was offered, if the receiver has it.
    fn use_region_if_accepted(&mut self, ring: &Sending) {
        if let Some((region, _)) = self.offered.take_if(|_| ring.has_region(self.regions)) {
            self.region = Some((self.regions, region));
            self.held.clear();
            self.patient = true;
        }
    }

    /// Whether there would be a place for so many bytes, and room for its entry.
    pub(super) fn has_room(&mut self, ring: &mut Sending, length: usize) -> bool {
        self.find_place(ring, length).is_some() && ring.has_room_for(STAGED_BYTES)
    }

    /// Gives a payload a place and says so in the ring, if there is room. The bytes come by [`Self::fill`], which the
    /// receiver waits for.
    pub(super) fn begin(&mut self, ring: &mut Sending, number: u32, id: u32, length: usize) -> Option<usize> {
        let begin = self.find_place(ring, length)?;
        let region = self.region.as_ref()?.0;
        let place = Place { region, offset: begin as u32, length: length as u64 };
        if !ring.push_staged(number, id, place) {
            return None;
        }
        let end = (begin + length).next_multiple_of(ALIGNMENT);
        self.held.push_back(Held { begin, end, until: ring.end() });
        Some(begin)
    }

    /// Writes the payload.
    pub(super) fn fill(&self, ring: &mut Sending, begin: usize, bytes: &[u8]) {
        for (n, chunk) in bytes.chunks(CHUNK).enumerate() {
            let written = self.region.as_ref().map(|(_, region)| region.write(begin + n * CHUNK, chunk));
            debug_assert!(matches!(written, Some(Ok(()))), "a place is within its region, which is ours");
            ring.add_filled(chunk.len() as u64);
        }
    }

    /// What is to be done for a payload that found no place.
    pub(super) fn lacking(&mut self, length: usize) -> Lacking {
        let has = self.region.as_ref().map_or(0, |(_, region)| region.len());
        if length > MAX_STAGED {
            return Lacking::Everything;
        }
        let wanted = (2 * length).next_power_of_two().max(MIN_REGION);
        if wanted > has {
            if let Some((region, missed)) = &mut self.offered {
                *missed += 1;
                if region.len() >= wanted && *missed < BEFORE_OFFER_AGAIN {
                    return Lacking::Everything;
                }
            }
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
        self.use_region_if_accepted(ring);
        let size = self.region.as_ref()?.1.len();
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
    /// The one in use and newer ones, with their numbers.
    regions: Vec<(u32, MemoryRegion)>,
    arriving: Option<Arriving>,
    /// Bytes of all payloads before the next one.
    before: u64,
}

/// A payload that is being copied, after the sender that writes it.
#[derive(Debug)]
struct Arriving {
    id: u32,
    region: MemoryRegion,
    offset: usize,
    length: usize,
    copied: usize,
    /// Once there is memory for it.
    payload: Option<RecycledBytes>,
}

impl StagingReceiver {
    pub(super) fn new() -> Self {
        Self { regions: Vec::new(), arriving: None, before: 0 }
    }

    /// What the sender offers for what follows.
    ///
    /// Errors: malformed for a size that no sender chooses.
    pub(super) fn accept_region(
        &mut self,
        ring: &Receiving,
        number: u32,
        region: MemoryRegion,
    ) -> Result<()> {
        let length = region.len();
        if !length.is_power_of_two() || !(MIN_REGION..=MAX_REGION).contains(&length) {
            return Err(Error::malformed(format!("a peer sent a staging region of {length} bytes")));
        }
        // What is not accepted is offered again.
        if self.regions.len() < MOST_REGIONS {
            region.keep_from_forks();
            self.regions.push((number, region));
            ring.accept_region(number);
        }
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
            Some(arriving) => self.filled(ring, arriving) == arriving.length,
            None => !ring.is_empty(),
        }
    }

    /// How much of a payload is there. Whatever the sender says, it is not more than the whole.
    fn filled(&self, ring: &Receiving, arriving: &Arriving) -> usize {
        ring.filled().saturating_sub(self.before).min(arriving.length as u64) as usize
    }

    /// Begins to take what an entry told of. A place that is none is given back at once: that message is lost.
    pub(super) fn begin(&mut self, ring: &Receiving, id: u32, place: Place) -> Result<(), Broken> {
        self.regions.retain(|(number, _)| *number >= place.region);
        let region = self.regions.iter().find(|(number, _)| *number == place.region);
        let (offset, length) = (u64::from(place.offset), place.length);
        let is_large = (MAX_INLINE as u64 + 1..=MAX_STAGED as u64).contains(&length);
        match region {
            Some((_, region)) if is_large && offset + length <= region.len() as u64 => {
                let (offset, length) = (offset as usize, length as usize);
                let region = region.clone();
                self.arriving = Some(Arriving { id, region, offset, length, copied: 0, payload: None });
                Ok(())
            }
            _ => {
                ring.give_back();
                Err(Broken)
            }
        }
    }

    /// Copies what is there, and gives the message once all of it is.
    ///
    /// Errors: resources exhausted, when there is no memory for it; then it stays.
    pub(super) fn copy(
        &mut self,
        ring: &Receiving,
        buffers: &FreeBuffers,
    ) -> Result<Option<(u32, RecycledBytes)>> {
        let Some(mut arriving) = self.arriving.take() else { return Ok(None) };
        let mut payload = match arriving.payload.take().map_or_else(|| buffers.take(arriving.length), Ok) {
            Ok(payload) => payload,
            Err(error) => {
                self.arriving = Some(arriving);
                return Err(error);
            }
        };
        loop {
            let filled = self.filled(ring, &arriving);
            if filled <= arriving.copied {
                break;
            }
            let part = arriving.copied..filled;
            arriving.region.read(arriving.offset + arriving.copied, &mut payload[part])?;
            arriving.copied = filled;
        }
        if arriving.copied < arriving.length {
            self.arriving = Some(Arriving { payload: Some(payload), ..arriving });
            return Ok(None);
        }
        self.end(ring, arriving.length);
        Ok(Some((arriving.id, payload)))
    }

    /// Gives up a payload whose rest does not come.
    pub(super) fn give_up(&mut self, ring: &Receiving) {
        if let Some(arriving) = self.arriving.take() {
            self.end(ring, arriving.length);
        }
    }

    fn end(&mut self, ring: &Receiving, length: usize) {
        self.before += length as u64;
        ring.give_back();
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
