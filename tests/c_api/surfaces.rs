//! Surfaces and the accounting of all of them.

use std::ffi::CString;

use crate::support::*;

#[test]
fn absurd_surfaces_are_refused() {
    let _balance = Balance::begin();
    let invalid = sfp_status::InvalidArgument;
    for side in [0, SFP_SURFACE_MAX_DIMENSION + 1, 1 << 31, u32::MAX] {
        let bgra = sfp_pixel_format::Bgra8;
        assert_eq!(refused!(sfp_surface_create(&descriptor(side, 10, bgra))), invalid);
        assert!(last_message().contains("width"), "{}", last_message());
        assert_eq!(refused!(sfp_surface_create(&descriptor(10, side, bgra))), invalid);
        assert!(last_message().contains("height"), "{}", last_message());
        assert_eq!(refused!(sfp_surface_create(&descriptor(side, side, bgra))), invalid);
    }
}

#[test]
fn each_backing_can_be_asked_for() {
    let _balance = Balance::begin();
    for number in [0, 1] {
        let asked =
            sfp_surface_descriptor { backing: any(number), ..descriptor(10, 10, sfp_pixel_format::Bgra8) };
        let surface = made!(sfp_surface_create(&asked));
        let expected = if cfg!(target_os = "linux") { 0 } else { number };
        assert_eq!(says!(sfp_surface_backing(surface)) as u32, expected);
        says!(sfp_surface_release(surface));
        let options = sfp_swapchain_options { backing: any(number), ..swapchain_options(10, 10) };
        says!(sfp_producer_release(made!(sfp_producer_create(&options))));
    }
    for number in [2, u32::MAX] {
        let unknown =
            sfp_surface_descriptor { backing: any(number), ..descriptor(10, 10, sfp_pixel_format::Bgra8) };
        assert_eq!(refused!(sfp_surface_create(&unknown)), sfp_status::InvalidArgument);
        let options = sfp_swapchain_options { backing: any(number), ..swapchain_options(10, 10) };
        assert_eq!(refused!(sfp_producer_create(&options)), sfp_status::InvalidArgument);
    }
    let reserved = sfp_swapchain_options { reserved: 1, ..swapchain_options(10, 10) };
    assert_eq!(refused!(sfp_producer_create(&reserved)), sfp_status::InvalidArgument);
}

#[test]
fn unknown_formats_are_refused() {
    let _balance = Balance::begin();
    for code in [1, u32::from_be_bytes(*b"DXT1"), u32::from_be_bytes(*b"ARGB"), u32::MAX] {
        let unknown =
            sfp_surface_descriptor { format: any(code), ..descriptor(10, 10, sfp_pixel_format::Default) };
        assert_eq!(refused!(sfp_surface_create(&unknown)), sfp_status::Unsupported);
        assert!(last_message().starts_with("unknown pixel format"), "{}", last_message());
    }
}

#[test]
fn descriptors_of_other_versions_are_understood_or_refused() {
    let _balance = Balance::begin();
    #[repr(C)]
    struct Later {
        known: sfp_surface_descriptor,
        unknown: [u64; 2],
    }
    let mut later = Later { known: descriptor(10, 20, sfp_pixel_format::Rg8), unknown: [0; 2] };
    let later_size = size_of::<Later>();
    for size in [0, 1, 8, 23, 4097, usize::MAX] {
        later.known.struct_size = size;
        assert_eq!(refused!(sfp_surface_create(&later.known)), sfp_status::InvalidArgument, "{size}");
        assert!(last_message().contains("_INIT"), "{}", last_message());
    }
    later.known.struct_size = later_size;
    let surface = made!(sfp_surface_create((&raw const later).cast()));
    assert_eq!((says!(sfp_surface_width(surface)), says!(sfp_surface_height(surface))), (10, 20));
    says!(sfp_surface_release(surface));
    later.unknown[1] = 1;
    assert_eq!(refused!(sfp_surface_create((&raw const later).cast())), sfp_status::Unsupported);
}

#[test]
fn every_format_has_its_planes() {
    let _balance = Balance::begin();
    /// Width, height, bytes of an element.
    type Plane = (u32, u32, usize);
    let formats: [(sfp_pixel_format, &[Plane]); 14] = [
        (sfp_pixel_format::Bgra8, &[(33, 17, 4)]),
        (sfp_pixel_format::Rgba8, &[(33, 17, 4)]),
        (sfp_pixel_format::Rgb10a2, &[(33, 17, 4)]),
        (sfp_pixel_format::Rgba16f, &[(33, 17, 8)]),
        (sfp_pixel_format::R8, &[(33, 17, 1)]),
        (sfp_pixel_format::Rg8, &[(33, 17, 2)]),
        (sfp_pixel_format::Nv12, &[(33, 17, 1), (17, 9, 2)]),
        (sfp_pixel_format::Nv12Full, &[(33, 17, 1), (17, 9, 2)]),
        (sfp_pixel_format::P010, &[(33, 17, 2), (17, 9, 4)]),
        (sfp_pixel_format::I420, &[(33, 17, 1), (17, 9, 1), (17, 9, 1)]),
        (sfp_pixel_format::Nv16, &[(33, 17, 1), (17, 17, 2)]),
        (sfp_pixel_format::Nv16Full, &[(33, 17, 1), (17, 17, 2)]),
        (sfp_pixel_format::Nv24, &[(33, 17, 1), (33, 17, 2)]),
        (sfp_pixel_format::Nv24Full, &[(33, 17, 1), (33, 17, 2)]),
    ];
    for (format, planes) in formats {
        let surface = surface(33, 17, format);
        assert_eq!(says!(sfp_surface_pixel_format(surface)), format);
        assert_eq!(says!(sfp_surface_plane_count(surface)) as usize, planes.len(), "{format:?}");
        let pixels = made!(sfp_surface_lock(surface, MaybeUninit::new(sfp_lock::Write)));
        assert_eq!((pixels.width, pixels.height, pixels.format), (33, 17, format));
        assert_eq!(pixels.plane_count as usize, planes.len());
        for (index, expected) in planes.iter().enumerate() {
            let plane = made!(sfp_surface_plane(surface, index));
            assert_eq!((plane.width, plane.height, plane.bytes_per_element), *expected, "{format:?}");
            assert!(plane.bytes_per_row >= plane.width as usize * plane.bytes_per_element);
            assert_eq!(plane.size, plane.bytes_per_row * plane.height as usize);
            if index == 0 {
                assert_eq!((pixels.base, pixels.bytes_per_row), (plane.base, plane.bytes_per_row));
            }
            assert_eq!(
                plane.base as usize - pixels.base as usize,
                plane.offset - made!(sfp_surface_plane(surface, 0)).offset
            );
            // SAFETY: the surface is locked, and so many bytes are the plane's.
            unsafe { plane.base.cast::<u8>().write_bytes(index as u8 + 1, plane.size) };
        }
        for beyond in [planes.len(), usize::MAX] {
            assert_eq!(refused!(sfp_surface_plane(surface, beyond)), sfp_status::InvalidArgument);
        }
        for (index, _) in planes.iter().enumerate() {
            let plane = made!(sfp_surface_plane(surface, index));
            // SAFETY: as above.
            let bytes = unsafe { std::slice::from_raw_parts(plane.base.cast::<u8>(), plane.size) };
            assert!(bytes.iter().all(|byte| *byte == index as u8 + 1), "no plane lies in another");
        }
        ok!(sfp_surface_unlock(surface, MaybeUninit::new(sfp_lock::Write)));
        says!(sfp_surface_release(surface));
    }
}

#[test]
fn zero_is_the_default_format() {
    let _balance = Balance::begin();
    let surface = surface(1, 1, sfp_pixel_format::Default);
    assert_eq!(says!(sfp_surface_pixel_format(surface)), sfp_pixel_format::Bgra8);
    says!(sfp_surface_release(surface));
}

#[test]
fn locks_move_the_seed_when_they_were_for_writing() {
    let _balance = Balance::begin();
    let surface = surface(4, 4, sfp_pixel_format::Bgra8);
    let seed = || says!(sfp_surface_seed(surface));
    let first = seed();
    for (mode, moves) in [(1, 0), (0, 1), (3, 0), (2, 1)] {
        let before = seed();
        made!(sfp_surface_lock(surface, any(mode)));
        ok!(sfp_surface_unlock(surface, any(mode)));
        assert_eq!(seed().wrapping_sub(before), moves, "{mode}");
    }
    assert_eq!(seed().wrapping_sub(first), 2);
    for mode in 0..4 {
        assert_eq!(says!(sfp_surface_unlock(surface, any(mode))), sfp_status::WrongState);
    }
    made!(sfp_surface_lock(surface, any(1)));
    assert_eq!(says!(sfp_surface_unlock(surface, any(0))), sfp_status::WrongState, "another mode");
    ok!(sfp_surface_unlock(surface, any(1)));
    for mode in [4, 7, u32::MAX] {
        assert_eq!(refused!(sfp_surface_lock(surface, any(mode))), sfp_status::InvalidArgument);
        assert_eq!(says!(sfp_surface_unlock(surface, any(mode))), sfp_status::InvalidArgument);
    }
    says!(sfp_surface_release(surface));
}

#[test]
fn uses_are_counted() {
    let _balance = Balance::begin();
    let surface = surface(4, 4, sfp_pixel_format::Bgra8);
    assert_eq!(says!(sfp_surface_decrement_use_count(surface)), sfp_status::WrongState);
    ok!(sfp_surface_increment_use_count(surface));
    ok!(sfp_surface_increment_use_count(surface));
    assert_eq!((says!(sfp_surface_use_count(surface)), says!(sfp_surface_is_in_use(surface))), (2, true));
    ok!(sfp_surface_decrement_use_count(surface));
    assert!(says!(sfp_surface_is_in_use(surface)));
    ok!(sfp_surface_decrement_use_count(surface));
    assert_eq!((says!(sfp_surface_use_count(surface)), says!(sfp_surface_is_in_use(surface))), (0, false));
    says!(sfp_surface_release(surface));
}

#[test]
fn contents_can_be_given_up() {
    let _balance = Balance::begin();
    let surface = surface(4, 4, sfp_pixel_format::Bgra8);
    assert_eq!(made!(sfp_surface_purgeable(surface)), sfp_purgeable::NonVolatile);
    assert_eq!(made!(sfp_surface_set_purgeable(surface, any(1))), sfp_purgeable::NonVolatile);
    assert_eq!(made!(sfp_surface_set_purgeable(surface, any(2))), sfp_purgeable::Volatile);
    ok!(sfp_surface_set_purgeable(surface, any(0), null_mut()));
    assert_eq!(made!(sfp_surface_purgeable(surface)), sfp_purgeable::NonVolatile);
    assert_eq!(refused!(sfp_surface_set_purgeable(surface, any(3))), sfp_status::InvalidArgument);
    says!(sfp_surface_release(surface));
}

#[test]
fn values_are_cut_to_the_buffer() {
    let _balance = Balance::begin();
    let surface = surface(4, 4, sfp_pixel_format::Bgra8);
    let (first, second) = (c"first".as_ptr(), c"second".as_ptr());
    ok!(sfp_surface_set_value(surface, first, b"0123456789".as_ptr().cast(), 10));
    ok!(sfp_surface_set_value(surface, second, null(), 0));
    let mut buffer = [b'#'; 12];
    for (capacity, expected) in [(0, "############"), (4, "0123########"), (12, "0123456789##")] {
        assert_eq!(made!(sfp_surface_value(surface, first, buffer.as_mut_ptr().cast(), capacity)), 10);
        assert_eq!(std::str::from_utf8(&buffer).unwrap(), expected);
    }
    let missing = refused!(sfp_surface_value(surface, c"third".as_ptr(), buffer.as_mut_ptr().cast(), 12));
    assert_eq!(missing, sfp_status::NotFound);
    assert_eq!(made!(sfp_surface_value(surface, second, buffer.as_mut_ptr().cast(), 12)), 0);
    assert_eq!(&buffer, b"0123456789##", "a failure and an empty value write nothing");
    let mut names = [b'#'; 15];
    assert_eq!(made!(sfp_surface_value_names(surface, names.as_mut_ptr().cast(), 15)), 13);
    assert_eq!(&names, b"first\0second\0##");

    let too_large = vec![0_u8; 1 << 20];
    let refused = says!(sfp_surface_set_value(surface, first, too_large.as_ptr().cast(), too_large.len()));
    assert_eq!(refused, sfp_status::TooLarge);
    let too_long = CString::new("x".repeat(256)).unwrap();
    for bad in [c"".as_ptr(), too_long.as_ptr(), c"\xff".as_ptr()] {
        let invalid = sfp_status::InvalidArgument;
        assert_eq!(says!(sfp_surface_set_value(surface, bad, null(), 0)), invalid);
        assert_eq!(refused!(sfp_surface_value(surface, bad, null_mut(), 0)), invalid);
        assert_eq!(says!(sfp_surface_remove_value(surface, bad)), invalid);
    }
    ok!(sfp_surface_remove_value(surface, first));
    ok!(sfp_surface_remove_value(surface, first));
    assert_eq!(made!(sfp_surface_value_names(surface, null_mut(), 0)), 7);
    says!(sfp_surface_release(surface));
}

#[test]
fn colour_spaces_are_told() {
    let _balance = Balance::begin();
    let surface = surface(4, 4, sfp_pixel_format::Bgra8);
    assert_eq!(made!(sfp_surface_color_space(surface)), sfp_color_space::Unknown);
    for number in (0..8).rev() {
        ok!(sfp_surface_set_color_space(surface, any(number)));
        assert_eq!(made!(sfp_surface_color_space(surface)) as u32, number);
    }
    let invalid = sfp_status::InvalidArgument;
    assert_eq!(says!(sfp_surface_set_color_space(surface, any(8))), invalid);
    says!(sfp_surface_release(surface));
}

#[test]
fn live_surfaces_are_accounted_for() {
    let _balance = Balance::begin();
    let all: Vec<_> = (1..4).map(|side| surface(side, side, sfp_pixel_format::Bgra8)).collect();
    let mut expected: Vec<u32> = all.iter().map(|surface| says!(sfp_surface_id(*surface))).collect();
    expected.sort_unstable();
    let bytes: usize = all.iter().map(|surface| says!(sfp_surface_allocation_size(*surface))).sum();
    let mut ids = [0_u32; 4];
    let totals = made!(sfp_live_surfaces(ids.as_mut_ptr(), 4));
    assert_eq!((totals.count, totals.bytes), (3, bytes as u64));
    assert_eq!((&ids[..3], ids[3]), (&expected[..], 0));
    let mut ids = [0_u32; 2];
    assert_eq!(made!(sfp_live_surfaces(ids.as_mut_ptr(), 1)).count, 3);
    assert_eq!(ids, [expected[0], 0], "as many as there is room for");
    for surface in all {
        says!(sfp_surface_release(surface));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_surface_can_be_exported() {
    use std::os::fd::{FromRawFd, OwnedFd};
    use std::os::unix::fs::FileExt;

    let _balance = Balance::begin();
    let surface = surface(4, 4, sfp_pixel_format::Bgra8);
    let pixels = made!(sfp_surface_lock(surface, any(0)));
    // SAFETY: the surface is locked, and its first row has that many bytes.
    unsafe { pixels.base.cast::<u8>().write_bytes(0x5a, 16) };
    ok!(sfp_surface_unlock(surface, any(0)));
    let offset = made!(sfp_surface_plane(surface, 0)).offset as u64;
    // SAFETY: the call made it ours.
    let file: std::fs::File = unsafe { OwnedFd::from_raw_fd(made!(sfp_surface_export_fd(surface))) }.into();
    let mut row = [0; 16];
    file.read_exact_at(&mut row, offset).unwrap();
    assert_eq!(row, [0x5a; 16]);
    // SAFETY: the call checks all that it is given.
    match result(|fd| unsafe { sfp_surface_export_dma_buf(surface, fd) }) {
        // SAFETY: the call made it ours.
        Ok(fd) => drop(unsafe { OwnedFd::from_raw_fd(fd) }),
        Err(status) => {
            assert_eq!(status, sfp_status::Unsupported);
            assert!(last_message().contains("udmabuf"), "{}", last_message());
        }
    }
    drop(file);
    says!(sfp_surface_release(surface));
}
