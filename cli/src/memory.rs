//! Which memory the pixels of a surface are in. Host and child compare what the kernel tells them: if both
//! have the same memory mapped at the place where one writes and the other reads, nothing was copied between.

use serde::{Deserialize, Serialize};
use surfaceport::surface::Surface;

/// The kernel's name of a piece of memory: the same in every process that maps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    device: String,
    inode: u64,
    offset: u64,
}

/// The memory behind the first pixel of `surface`; nothing if it is not memory that processes share.
#[cfg(target_os = "linux")]
pub(crate) fn identity(surface: &Surface) -> Option<Identity> {
    // A path in it may be in any encoding, the program's own, too.
    let maps = std::fs::read("/proc/self/maps").ok()?;
    find(&String::from_utf8_lossy(&maps), surface.base().addr().get() as u64)
}

/// The memory behind the first pixel of `surface`: the number that the kernel gave the IOSurface, which is the same in
/// every process that has it. Nothing public tells more of the memory behind a mapping.
#[cfg(target_os = "macos")]
pub(crate) fn identity(surface: &Surface) -> Option<Identity> {
    Some(Identity { device: "IOSurface".into(), inode: surface.id().into(), offset: 0 })
}

/// Looks for `address` in the text of a process's mappings.
#[cfg(target_os = "linux")]
fn find(maps: &str, address: u64) -> Option<Identity> {
    let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
    maps.lines().find_map(|line| {
        // 7f00-7f10 rw-s 00001000 00:01 1234 /memfd:name (deleted)
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
        if !(start..end).contains(&address) {
            return None;
        }
        let shared = words.next()?.ends_with('s');
        let offset = hexadecimal(words.next()?)?;
        let device = words.next()?.to_owned();
        let inode = words.next()?.parse().ok()?;
        (shared && inode != 0).then_some(Identity { device, inode, offset: offset + (address - start) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use surfaceport::layout::SurfaceDescriptor;
    use surfaceport::pixel_format::PixelFormat;

    #[cfg(target_os = "linux")]
    const MAPS: &str = "\
55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0                          [heap]
7f0000001000-7f0000005000 rw-s 00002000 00:01 1234                       /memfd:surface (deleted)
7f0000005000-7f0000006000 r--p 00000000 fe:01 99                         /lib/a b.so
";

    #[test]
    #[cfg(target_os = "linux")]
    fn only_shared_memory_has_an_identity() {
        let found = find(MAPS, 0x7f00_0000_1010).unwrap();
        assert_eq!(found, Identity { device: "00:01".into(), inode: 1234, offset: 0x2010 });
        for address in [0x55d0_c0a0_0000, 0x7f00_0000_5000, 0x7f00_0000_6000, 0] {
            assert_eq!(find(MAPS, address), None, "{address:x}");
        }
        assert_eq!(find("garbage\n1-2\n", 1), None);
    }

    #[test]
    fn two_surfaces_are_two_memories() {
        let make = || Surface::create(&SurfaceDescriptor::new(16, 16, PixelFormat::Bgra8)).unwrap();
        let (one, two) = (make(), make());
        assert!(identity(&one).is_some());
        assert_ne!(identity(&one), identity(&two));
        assert_eq!(identity(&one), identity(&one.clone()));
    }
}
