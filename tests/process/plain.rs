//! Surfaces over plain memory, so that a test needs nothing but ports and memory of the system.

use surfaceport::surface::{Backing, PixelFormat, Surface, SurfaceDescriptor};
use surfaceport::swapchain::SwapchainOptions;

pub fn surface(width: u32, height: u32, format: PixelFormat) -> Surface {
    Surface::create_with(&SurfaceDescriptor::new(width, height, format), Backing::Memory).unwrap()
}

/// The defaults over such memory, and 64 × 64 pixels.
pub fn swapchain_options() -> SwapchainOptions {
    SwapchainOptions { width: 64, height: 64, backing: Backing::Memory, ..SwapchainOptions::default() }
}
