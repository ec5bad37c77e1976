//! What a producer says of a frame, and how it lies in shared memory.

use crate::surface::ColorSpace;
use crate::sync::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// Bytes of the user's own in each frame's record.
pub const USER_BYTES: usize = 64;
const USER_WORDS: usize = USER_BYTES / 8;

/// A rectangle in pixels, from the upper left corner of the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rectangle {
    /// From the left edge.
    pub x: u32,
    /// From the upper edge.
    pub y: u32,
    /// To the right.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// What a producer says of a frame besides its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentInfo {
    /// When the frame is meant to be shown, in nanoseconds of the monotonic clock; 0: as soon as possible.
    pub display_ns: i64,
    /// What has changed since the last frame; `None`: everything may have.
    pub damage: Option<Rectangle>,
    /// How the colours are meant; `None`: as the surface says.
    pub color_space: Option<ColorSpace>,
    /// The user's own.
    pub user: [u8; USER_BYTES],
}

impl Default for PresentInfo {
    fn default() -> Self {
        Self { display_ns: 0, damage: None, color_space: None, user: [0; USER_BYTES] }
    }
}

/// A frame's record, as the producer wrote it: its word, not a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Counts the frames of the swapchain from 1.
    pub number: u64,
    /// When it was presented, in nanoseconds of the monotonic clock.
    pub presented_ns: i64,
    /// What the producer said of it.
    pub present: PresentInfo,
}

impl FrameInfo {
    /// The same with damage that is within a surface of this size.
    pub(super) fn within(mut self, width: u32, height: u32) -> Self {
        self.present.damage = self.present.damage.map(|Rectangle { x, y, width: across, height: down }| {
            let (x, y) = (x.min(width), y.min(height));
            Rectangle { x, y, width: across.min(width - x), height: down.min(height - y) }
        });
        self
    }
}

/// A frame's record in shared memory. It is written while its cell is the producer's alone and read while a hold
/// keeps it so; the accesses are atomic only because a peer that breaks the rules must not make them undefined. All are
/// relaxed: the word of the frame is stored behind them, by a release store, and loaded before them, by an acquire load.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(zerocopy::FromBytes))]
#[repr(C, align(64))]
pub(super) struct Record {
    presented_ns: AtomicI64,
    display_ns: AtomicI64,
    /// x, y, width, height in pixels.
    damage: [AtomicU32; 4],
    color: AtomicU32,
    user: [AtomicU64; USER_WORDS],
}

impl Record {
    #[inline]
    pub(super) fn write(&self, presented_ns: i64, info: &PresentInfo) {
        self.presented_ns.store(presented_ns, Ordering::Relaxed);
        self.display_ns.store(info.display_ns, Ordering::Relaxed);
        let [left, top, across, down] = &self.damage;
        if let Some(Rectangle { x, y, width, height }) = info.damage {
            left.store(x, Ordering::Relaxed);
            top.store(y, Ordering::Relaxed);
            across.store(width, Ordering::Relaxed);
            down.store(height, Ordering::Relaxed);
        } else {
            // A rectangle without area stands for none.
            down.store(0, Ordering::Relaxed);
        }
        self.color.store(info.color_space.map_or(0, |space| space as u32), Ordering::Relaxed);
        let (words, _) = info.user.as_chunks();
        for (to, from) in self.user.iter().zip(words) {
            to.store(u64::from_ne_bytes(*from), Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self, number: u64) -> FrameInfo {
        let [x, y, width, height] = std::array::from_fn(|i| self.damage[i].load(Ordering::Relaxed));
        let mut user = [0; USER_BYTES];
        let (words, _) = user.as_chunks_mut();
        for (to, from) in words.iter_mut().zip(&self.user) {
            *to = from.load(Ordering::Relaxed).to_ne_bytes();
        }
        FrameInfo {
            number,
            presented_ns: self.presented_ns.load(Ordering::Relaxed),
            present: PresentInfo {
                display_ns: self.display_ns.load(Ordering::Relaxed),
                damage: (width != 0 && height != 0).then_some(Rectangle { x, y, width, height }),
                color_space: ColorSpace::from_number(self.color.load(Ordering::Relaxed)),
                user,
            },
        }
    }
}

#[cfg(all(test, loom))]
impl Record {
    pub(super) fn new() -> Self {
        Self {
            presented_ns: AtomicI64::new(0),
            display_ns: AtomicI64::new(0),
            damage: std::array::from_fn(|_| AtomicU32::new(0)),
            color: AtomicU32::new(0),
            user: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}
