//! Surfaces between real processes, of the system's own kind: on macOS they need IOSurface.
#![allow(missing_docs)]

mod process;
mod surface;

use surfaceport::surface::Backing;

const BACKING: Backing = Backing::Native;

peers! {
    "work on surfaces" => surface::work_on_surfaces,
    "write values" => surface::write_values,
}
