//! As Linux lists it in /proc.

use std::time::Duration;

use super::PortRight;

/// What is closed is closed at once.
pub const SETTLING: Duration = Duration::ZERO;
/// Nothing appears that was not asked for.
pub const RUNS: usize = 1;

/// The number of open descriptors of this process.
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("a list of descriptors").count()
}

/// As [`open_descriptors`], for when there is none left to list them by.
pub fn open_descriptors_without_looking() -> usize {
    (0..4096).filter(|fd| std::fs::symlink_metadata(format!("/proc/self/fd/{fd}")).is_ok()).count()
}

/// The number of mappings of this process that belong to the library's memory.
pub fn shared_mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("a list of mappings");
    maps.lines().filter(|line| line.contains("memfd:surfaceport")).count()
}

/// Rights are descriptors here.
pub fn port_rights() -> Vec<PortRight> {
    Vec::new()
}

/// The memory of this process that is in use, in bytes.
pub fn resident_bytes() -> usize {
    pages(1) * rustix::param::page_size()
}

/// The addresses of this process that something is mapped at, in bytes.
pub fn mapped_bytes() -> usize {
    pages(0) * rustix::param::page_size()
}

/// A number of `/proc/self/statm`, see proc(5).
fn pages(field: usize) -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the sizes of this process");
    statm.split(' ').nth(field).and_then(|pages| pages.parse().ok()).expect("a number of pages")
}
