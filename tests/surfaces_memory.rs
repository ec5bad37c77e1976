//! Surfaces between real processes, of plain memory, which needs nothing but the system's memory and ports.
#![allow(missing_docs)]

mod process;
mod surface;

use surfaceport::surface::Backing;

const BACKING: Backing = Backing::Memory;

peers! {
    "work on surfaces" => surface::work_on_surfaces,
    "write values" => surface::write_values,
}
