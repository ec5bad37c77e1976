//! Cross-process rendering: one process draws into shared surfaces, another one shows them, without a copy.
//!
//! A host and its child, each in a few lines:
//!
//! ```no_run
//! use std::time::Duration;
//! use surfaceport::session::{Host, SpawnOptions};
//! use surfaceport::{Status, Timeout};
//!
//! # fn show(_: &surfaceport::surface::Surface) {}
//! let host = Host::spawn(&SpawnOptions::new(["./child"]))?;
//! let frames = host.accept_consumer(Timeout::after(Duration::from_secs(5)))?;
//! let end = loop {
//!     match frames.acquire(Timeout::FOREVER) {
//!         Ok(frame) => show(frame.surface()), // valid while `frame` lives, whatever the child does
//!         Err(error) => break error,
//!     }
//! };
//! assert!(matches!(end.status(), Status::Closed | Status::PeerDead));
//! # Ok::<(), surfaceport::Error>(())
//! ```
//!
//! ```no_run
//! use surfaceport::session::Child;
//! use surfaceport::surface::LockMode;
//! use surfaceport::swapchain::{PresentInfo, SwapchainOptions};
//! use surfaceport::Timeout;
//!
//! # fn draw(_: &surfaceport::surface::LockedSurface<'_>) {}
//! let host = Child::connect(Timeout::after(std::time::Duration::from_secs(5)))?;
//! let options = SwapchainOptions { width: 1280, height: 720, ..SwapchainOptions::default() };
//! let frames = host.create_producer(&options)?;
//! while let Ok(image) = frames.acquire(Timeout::FOREVER) {
//!     draw(&image.surface().lock(LockMode::Write)?);
//!     frames.present(image, &PresentInfo::default()).map_err(|(_image, error)| error)?;
//! }
//! # Ok::<(), surfaceport::Error>(())
//! ```
//!
//! # Layers
//!
//! | module | what |
//! |---|---|
//! | [`port`], [`message`], [`bootstrap`] | rights to send and receive, what they carry, and names to find them by |
//! | [`memory`], [`surface`] | memory and pixels that several processes map |
//! | [`channel`], [`swapchain`] | a two-way connection of two processes; frames from one to several |
//! | [`session`] | a host and the child that it started, with an authenticated handshake |
//!
//! The library starts no thread of its own. Whatever can become ready has a descriptor for the loop that a program
//! already has. The C API of all this is `include/surfaceport.h`.

mod backing;
pub mod bootstrap;
pub mod channel;
pub mod error;
#[cfg(not(shell))]
#[allow(unsafe_code)]
#[doc(hidden)]
pub mod ffi;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod layout;
pub mod memory;
pub mod message;
mod page;
pub mod pixel_format;
pub mod port;
mod recycled;
pub mod session;
pub mod surface;
pub mod swapchain;
mod sync;
#[allow(unsafe_code)]
mod sys;
pub mod time;
mod wake;

pub use error::{Error, Result, Status};
pub use time::Timeout;
