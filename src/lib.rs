//! Cross-process rendering.

pub mod bootstrap;
pub mod error;
#[allow(unsafe_code)]
#[doc(hidden)]
pub mod ffi;
pub mod layout;
pub mod memory;
pub mod message;
pub mod pixel_format;
pub mod port;
pub mod surface;
pub mod swapchain;
mod sync;
#[allow(unsafe_code)]
mod sys;
pub mod time;

pub use error::{Error, Result, Status};
pub use time::Timeout;
