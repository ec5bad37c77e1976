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
#[cfg(all(test, shell))]
mod failures;
mod patience;
mod producer;
mod protocol;
mod record;
mod right;

pub use consumer::{Consumer, ConsumerOptions, ConsumerStatistics, Frame};
pub use producer::{Image, Producer, ProducerStatistics};
pub use record::{FrameInfo, PresentInfo, Rectangle, USER_BYTES};
pub use right::ConsumerRight;

use std::time::Duration;

use crate::error::{Error, Result};
use crate::layout::SurfaceDescriptor;
use crate::pixel_format::PixelFormat;
use crate::surface::Backing;

/// How long a side that never has to wait goes without asking the kernel for news: who died says nothing in shared
/// memory.
const NEWS_INTERVAL: Duration = Duration::from_millis(8);
/// The most images of a swapchain.
pub const MAX_IMAGES: u32 = control::MAX_IMAGES as u32;

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
