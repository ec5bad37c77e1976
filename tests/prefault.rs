//! Pages that are made when they are asked for, and not when they are touched.
#![allow(missing_docs)]

use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::surface::{Backing, LockMode, PixelFormat, Surface, SurfaceDescriptor};

const SIZE: usize = 32 << 20;

/// Faults of this thread so far that the kernel answered without a disk.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn faults() -> i64 {
    // SAFETY: a structure of numbers only, for which zeroes are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the structure lives across the call.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) }, 0);
    usage.ru_minflt
}

#[test]
fn a_region_keeps_what_was_written() {
    let region = MemoryRegion::create(SIZE, Access::ReadWrite).unwrap();
    region.write(SIZE - 3, b"end").unwrap();
    region.prefault().unwrap();
    let mut bytes = [0; 3];
    region.read(SIZE - 3, &mut bytes).unwrap();
    assert_eq!(&bytes, b"end");
    region.read(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 3]);
}

#[test]
fn surfaces_of_every_kind_keep_what_was_drawn() {
    for backing in [Backing::Native, Backing::Memory] {
        for format in [PixelFormat::Bgra8, PixelFormat::Nv12] {
            let descriptor = SurfaceDescriptor::new(1001, 777, format);
            let surface = Surface::create_with(&descriptor, backing).unwrap();
            let row = vec![0x5a; 1001];
            surface.lock(LockMode::Write).unwrap().plane(0).unwrap().write_row(776, &row).unwrap();
            surface.prefault().unwrap();
            let mut seen = vec![0; 1001];
            surface.lock(LockMode::Read).unwrap().plane(0).unwrap().read_row(776, &mut seen).unwrap();
            assert_eq!(seen, row);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_prefaulted_region_and_surface_do_not_fault_when_they_are_written() {
    let region = MemoryRegion::create(SIZE, Access::ReadWrite).unwrap();
    region.prefault().unwrap();
    let bytes = vec![7; SIZE];
    let before = faults();
    region.write(0, &bytes).unwrap();
    let of_region = faults() - before;

    let surface = Surface::create(&SurfaceDescriptor::new(3840, 2160, PixelFormat::Bgra8)).unwrap();
    surface.prefault().unwrap();
    let row = vec![7; 4 * 3840];
    let locked = surface.lock(LockMode::Write).unwrap();
    let plane = locked.plane(0).unwrap();
    let before = faults();
    for y in 0..2160 {
        plane.write_row(y, &row).unwrap();
    }
    let of_surface = faults() - before;
    // Of 8192 and 8100 pages.
    assert!(of_region < 100 && of_surface < 100, "{of_region} and {of_surface} faults");
}
