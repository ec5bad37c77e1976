//! Swapchains: a producer draws into images and presents them as frames, consumers in other processes show them.
//!
//! # The states of an image
//!
//! | state | who may touch the pixels | how it gets there |
//! |---|---|---|
//! | free | nobody | made; or no consumer needs its frame any more |
//! | acquired | the producer, reading and writing | [`Producer::acquire`] |
//! | presented | every consumer may come to hold it | [`Producer::present`] |
//! | held | those consumers that hold it, reading | [`Consumer::acquire`] |
//!
//! An image can be held by several consumers. It is free again when it is not the latest frame, nobody holds it,
//! and, in fifo mode, every consumer has taken it. An acquired image that is dropped is free at once.
//!
//! No system call and no copy is on the frame path while the other side is awake; one wakes it when it sleeps.
//! How that works, and why it is safe against a peer that is hostile or dies, stands in `control.rs`.
//!
//! # Resizing
//!
//! [`Producer::resize`] makes a new *generation* of images. Consumers keep showing the old one until the first frame
//! of the new one is there; then the old one's memory is freed on both sides.

mod consumer;
mod control;
mod producer;
mod protocol;
mod right;

pub use consumer::{Consumer, ConsumerOptions, ConsumerStatistics, Frame};
pub use producer::{Image, Producer, ProducerStatistics};
pub use right::ConsumerRight;

use crate::error::{Error, Result};
use crate::layout::SurfaceDescriptor;
use crate::pixel_format::PixelFormat;
use crate::surface::{Backing, ColorSpace};

/// The most images of a swapchain.
pub const MAX_IMAGES: u32 = control::MAX_IMAGES as u32;
/// Bytes of the user's own in each frame's record.
pub const USER_BYTES: usize = 64;

/// How frames get from the producer to its consumers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PresentMode {
    /// The newest frame wins. The producer never waits while there are two images more than frames held.
    #[default]
    Mailbox,
    /// Every consumer sees every frame, in order; the producer waits for them. While there is no consumer, frames
    /// wait for one. At least two images.
    Fifo,
    /// One image, drawn while it is shown: no waiting, and tearing.
    Immediate,
}

/// Which side makes the images' memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Allocator {
    /// The producer's process.
    #[default]
    Producer,
    /// The process of the first consumer that can. The producer waits for it.
    Consumer,
}

/// What a swapchain is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapchainOptions {
    /// Pixels, 1 to 16 384.
    pub width: u32,
    /// Pixels, 1 to 16 384.
    pub height: u32,
    /// What the pixels are.
    pub format: PixelFormat,
    /// 2 to 16 images; 1 in immediate mode.
    pub images: u32,
    /// How frames get to consumers.
    pub mode: PresentMode,
    /// Which side makes the images' memory.
    pub allocator: Allocator,
    /// What the images' memory is.
    pub backing: Backing,
}

impl Default for SwapchainOptions {
    /// Three images in mailbox mode, BGRA8, made by the producer. The size is 0 × 0 and has to be set.
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            format: PixelFormat::Bgra8,
            images: 3,
            mode: PresentMode::default(),
            allocator: Allocator::default(),
            backing: Backing::default(),
        }
    }
}

impl SwapchainOptions {
    fn descriptor(&self) -> SurfaceDescriptor {
        SurfaceDescriptor::new(self.width, self.height, self.format)
    }

    fn check(&self) -> Result<()> {
        self.descriptor().check()?;
        let fits = match self.mode {
            PresentMode::Immediate => self.images == 1,
            PresentMode::Mailbox | PresentMode::Fifo => (2..=MAX_IMAGES).contains(&self.images),
        };
        if fits {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a swapchain of {} images in {:?} mode was asked for; immediate mode takes 1, the others 2 to {MAX_IMAGES}",
            self.images, self.mode
        )))
    }
}

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
    fn from_record(number: u64, record: &control::RecordData) -> Self {
        let [x, y, width, height] = record.damage;
        let mut user = [0; USER_BYTES];
        for (bytes, word) in user.chunks_exact_mut(8).zip(record.user) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        Self {
            number,
            presented_ns: record.presented_ns,
            present: PresentInfo {
                display_ns: record.display_ns,
                // A rectangle without area stands for none in the record.
                damage: (width != 0 && height != 0).then_some(Rectangle { x, y, width, height }),
                color_space: ColorSpace::from_number(record.color),
                user,
            },
        }
    }
}

impl PresentInfo {
    fn to_record(self, presented_ns: i64) -> control::RecordData {
        let damage = self.damage.unwrap_or_default();
        let mut user = [0; USER_BYTES / 8];
        for (word, bytes) in user.iter_mut().zip(self.user.chunks_exact(8)) {
            *word = u64::from_ne_bytes(bytes.try_into().unwrap_or_default());
        }
        control::RecordData {
            presented_ns,
            display_ns: self.display_ns,
            damage: [damage.x, damage.y, damage.width, damage.height],
            color: self.color_space.map_or(0, |space| space as u32),
            user,
        }
    }
}
