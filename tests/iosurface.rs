//! Surfaces as the system's own frameworks have them: IOSurface, Core Video, XPC, ports. For macOS.
//!
//! The tests of pixel buffers need Core Video, and those of XPC objects the system's XPC. Where a system that is not
//! a whole macOS lacks Core Video, both see that the library says so, and no more.
#![cfg(target_os = "macos")]
#![allow(missing_docs, unsafe_code)]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

use mach2::mach_port::mach_port_deallocate;
use mach2::port::MACH_PORT_RIGHT_SEND;
use mach2::traps::mach_task_self;
use objc2_core_foundation::{CFArray, CFData, CFDictionary, CFNumber, CFRetained, CFString, CFType, Type};
use objc2_io_surface::*;
use surfaceport::ffi::iosurface::*;
use surfaceport::ffi::status::sfp_status;
use surfaceport::ffi::surface::*;
use surfaceport::surface::{ColorSpace, LockMode, Purgeable, Surface};

const BGRA: u32 = u32::from_be_bytes(*b"BGRA");
const NV12: u32 = u32::from_be_bytes(*b"420v");

/// What a call made, or why it did not; then the place is as it was.
fn made<T: Copy + PartialEq + std::fmt::Debug>(
    before: T,
    call: impl FnOnce(*mut T) -> sfp_status,
) -> Result<T, sfp_status> {
    let mut place = before;
    match call(&raw mut place) {
        sfp_status::Ok => Ok(place),
        status => {
            assert_eq!(place, before, "a result of a call that failed");
            Err(status)
        }
    }
}

/// A surface of the C API, released at the end.
#[derive(Debug, PartialEq)]
struct Made(*mut sfp_surface);

impl Made {
    fn of(call: impl FnOnce(*mut *mut sfp_surface) -> sfp_status) -> Result<Self, sfp_status> {
        made(null_mut(), call).map(Self)
    }

    fn create(width: u32, height: u32, four_cc: u32, backing: sfp_backing) -> Self {
        assert_eq!(size_of::<sfp_pixel_format>(), size_of::<u32>());
        let descriptor = sfp_surface_descriptor {
            struct_size: size_of::<sfp_surface_descriptor>(),
            width,
            height,
            // SAFETY: of the same size, and any number is allowed there.
            format: unsafe { std::mem::transmute::<u32, MaybeUninit<sfp_pixel_format>>(four_cc) },
            backing: MaybeUninit::new(backing),
        };
        // SAFETY: a descriptor that lives.
        Self::of(|place| unsafe { sfp_surface_create(&raw const descriptor, place) }).unwrap()
    }

    fn of_iosurface(surface: &IOSurfaceRef) -> Result<Self, sfp_status> {
        let surface = std::ptr::from_ref(surface).cast_mut();
        // SAFETY: an IOSurface that lives.
        Self::of(|place| unsafe { sfp_surface_from_iosurface(surface, place) })
    }

    fn iosurface(&self) -> Option<&IOSurfaceRef> {
        // SAFETY: a surface that lives, and an IOSurface that lives as long as it.
        unsafe { sfp_surface_iosurface(self.0).as_ref() }
    }

    fn plane(&self, index: usize) -> sfp_plane {
        let mut plane = MaybeUninit::uninit();
        // SAFETY: a surface that lives, and a place that is initialized by a success.
        unsafe {
            assert_eq!(sfp_surface_plane(self.0, index, plane.as_mut_ptr()), sfp_status::Ok);
            plane.assume_init()
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: our reference.
        unsafe { sfp_surface_release(self.0) };
    }
}

type Entry<'a> = (&'a CFString, CFRetained<CFType>);

fn number(value: i64) -> CFRetained<CFType> {
    CFNumber::new_i64(value).into()
}

fn dictionary(entries: &[Entry<'_>]) -> CFRetained<CFDictionary> {
    let keys: Vec<&CFString> = entries.iter().map(|(key, _)| *key).collect();
    let values: Vec<&CFType> = entries.iter().map(|(_, value)| &**value).collect();
    CFDictionary::from_slices(&keys, &values).as_opaque().retain()
}

/// An IOSurface of somebody else's: of this size and format, and whatever more.
fn foreign(width: i64, height: i64, four_cc: u32, more: &[Entry<'_>]) -> CFRetained<IOSurfaceRef> {
    // SAFETY: constants of the framework.
    let keys = unsafe { [kIOSurfaceWidth, kIOSurfaceHeight, kIOSurfacePixelFormat] };
    let values = [number(width), number(height), number(four_cc.into())];
    let mut entries: Vec<Entry<'_>> = keys.into_iter().zip(values).collect();
    entries.extend(more.iter().map(|(key, value)| (*key, value.clone())));
    // SAFETY: keys of the framework, with values of their types.
    unsafe { IOSurfaceRef::new(&dictionary(&entries)) }.expect("the system makes an IOSurface")
}

fn key(name: &'static str) -> CFRetained<CFString> {
    CFString::from_static_str(name)
}

/// A format whose components lie together, of 4 bytes.
fn foreign_bgra(width: i64, height: i64, bytes_per_row: i64) -> CFRetained<IOSurfaceRef> {
    let (element, row) = (key("IOSurfaceBytesPerElement"), key("IOSurfaceBytesPerRow"));
    foreign(width, height, BGRA, &[(&element, number(4)), (&row, number(bytes_per_row))])
}

#[test]
fn an_iosurface_goes_out_and_comes_in() {
    let surface = Made::create(64, 32, BGRA, sfp_backing::Native);
    let native = surface.iosurface().expect("an IOSurface");
    // SAFETY: a surface that lives.
    assert_eq!(native.id(), unsafe { sfp_surface_id(surface.0) });
    assert_eq!((native.width(), native.height(), native.pixel_format()), (64, 32, BGRA));
    assert_eq!(native.bytes_per_row(), surface.plane(0).bytes_per_row);
    assert_eq!(surface.iosurface().map(std::ptr::from_ref), Some(std::ptr::from_ref(native)), "borrowed");

    let count = native.retain_count();
    let again = Made::of_iosurface(native).unwrap();
    assert_eq!(native.retain_count(), count + 1, "a reference of its own");
    let native = native.retain();
    drop(surface);
    // SAFETY: a surface that lives, and its first byte.
    unsafe {
        assert_eq!(sfp_surface_id(again.0), native.id());
        again.plane(0).base.cast::<u8>().write_volatile(0x5a);
        assert_eq!(native.base_address().cast::<u8>().read_volatile(), 0x5a);
    }
    drop(again);
    assert_eq!(native.retain_count(), 1, "and none is left");
}

#[test]
fn surfaces_are_not_global() {
    let surface = Made::create(8, 8, BGRA, sfp_backing::Native);
    // SAFETY: a constant of the framework, which says so only of surfaces that anybody finds by their id.
    #[allow(deprecated)]
    let is_global = unsafe { kIOSurfaceIsGlobal };
    assert!(surface.iosurface().unwrap().value(is_global).is_none());
}

#[test]
fn every_format_is_the_same_to_iosurface() {
    for &format in surfaceport::surface::PixelFormat::ALL {
        let surface = Made::create(67, 35, format.four_cc(), sfp_backing::Native);
        let native = surface.iosurface().unwrap();
        assert_eq!(native.plane_count(), if format.plane_count() == 1 { 0 } else { format.plane_count() });
        for (index, plane) in format.planes().iter().enumerate() {
            let ours = surface.plane(index);
            let theirs = (
                native.width_of_plane(index) as u32,
                native.height_of_plane(index) as u32,
                native.bytes_per_row_of_plane(index),
                native.bytes_per_element_of_plane(index),
                native.base_address_of_plane(index).as_ptr(),
            );
            let expected = (plane.width(67), plane.height(35), plane.bytes_per_element as usize);
            assert_eq!((ours.width, ours.height, ours.bytes_per_element), expected, "{format}");
            assert_eq!(
                (ours.width, ours.height, ours.bytes_per_row, ours.bytes_per_element, ours.base),
                theirs,
                "{format}"
            );
            // SAFETY: constants of the framework.
            let row = unsafe {
                if format.plane_count() == 1 { kIOSurfaceBytesPerRow } else { kIOSurfacePlaneBytesPerRow }
            };
            assert_eq!(ours.bytes_per_row % IOSurfaceRef::property_alignment(row), 0, "{format}");
        }
    }
}

#[test]
fn surfaces_of_others_can_have_any_stride() {
    let theirs = foreign_bgra(100, 10, 4096 + 64);
    let surface = Made::of_iosurface(&theirs).unwrap();
    let plane = surface.plane(0);
    assert_eq!((plane.bytes_per_row, plane.width, plane.height), (4096 + 64, 100, 10));
    assert_eq!(plane.base, theirs.base_address().as_ptr());
    // SAFETY: the last pixel of the last row.
    unsafe {
        let last = plane.base.cast::<u8>().add(9 * plane.bytes_per_row + 399);
        last.write_volatile(7);
        assert_eq!(theirs.base_address().cast::<u8>().add(9 * (4096 + 64) + 399).read_volatile(), 7);
    }
}

#[test]
fn surfaces_that_this_library_cannot_use_are_refused() {
    let (element, row) = (key("IOSurfaceBytesPerElement"), key("IOSurfaceBytesPerRow"));
    let more = |bytes: i64| [(&*element, number(4)), (&*row, number(bytes))];
    let unknown = foreign(64, 64, u32::from_be_bytes(*b"ARGB"), &more(256));
    assert_eq!(Made::of_iosurface(&unknown), Err(sfp_status::Unsupported));
    let no_format = foreign(64, 64, 0, &more(256));
    assert_eq!(Made::of_iosurface(&no_format), Err(sfp_status::Unsupported));
    let no_planes = foreign(64, 64, NV12, &more(256));
    assert_eq!(Made::of_iosurface(&no_planes), Err(sfp_status::InvalidArgument));
    // One that says BGRA and has a byte for each pixel.
    let short = [(&*element, number(1)), (&*row, number(64))];
    assert_eq!(Made::of_iosurface(&foreign(64, 64, BGRA, &short)), Err(sfp_status::InvalidArgument));
    // Chroma of a quarter of the rows that the format has.
    let plane = |width: i64, height: i64, bytes: i64| -> CFRetained<CFType> {
        let keys = ["IOSurfacePlaneWidth", "IOSurfacePlaneHeight", "IOSurfacePlaneBytesPerElement"].map(key);
        let values = [width, height, bytes].map(number);
        let entries: Vec<Entry<'_>> = keys.iter().map(|key| &**key).zip(values).collect();
        dictionary(&entries).into()
    };
    let info = key("IOSurfacePlaneInfo");
    let planes = |height: i64| -> CFRetained<CFType> {
        let planes = CFArray::from_retained_objects(&[plane(64, 64, 1), plane(32, height, 2)]);
        planes.as_opaque().retain().into()
    };
    let low = foreign(64, 64, NV12, &[(&info, planes(8))]);
    assert_eq!(Made::of_iosurface(&low), Err(sfp_status::InvalidArgument));
    Made::of_iosurface(&foreign(64, 64, NV12, &[(&info, planes(32))])).unwrap();
}

#[test]
fn plain_memory_has_no_native_form() {
    let surface = Made::create(8, 8, BGRA, sfp_backing::Memory);
    let invalid = sfp_status::InvalidArgument;
    assert!(surface.iosurface().is_none());
    // SAFETY: a surface that lives, and places.
    unsafe {
        assert_eq!(made(0, |place| sfp_surface_create_mach_port(surface.0, place)), Err(invalid));
        assert_eq!(made(null_mut(), |place| sfp_surface_create_xpc_object(surface.0, place)), Err(invalid));
        assert_eq!(made(null_mut(), |place| sfp_surface_create_pixel_buffer(surface.0, place)), Err(invalid));
    }
}

unsafe extern "C" {
    /// `mach/mach_port.h`.
    fn mach_port_get_refs(task: u32, name: u32, right: u32, count: *mut u32) -> i32;
}

fn send_rights(name: u32) -> u32 {
    let mut count = 0;
    // SAFETY: one word is written, which lives across the call; a name that is none is refused.
    match unsafe { mach_port_get_refs(mach_task_self(), name, MACH_PORT_RIGHT_SEND, &raw mut count) } {
        0 => count,
        _ => 0,
    }
}

#[test]
fn a_port_stands_for_a_surface_and_stays_the_callers() {
    let surface = Made::create(16, 16, NV12, sfp_backing::Native);
    let native = surface.iosurface().unwrap();
    assert!(!native.is_in_use());
    // SAFETY: a surface that lives, and a place.
    let port = made(0, |place| unsafe { sfp_surface_create_mach_port(surface.0, place) }).unwrap();
    // The framework may have rights of its own under the same name.
    let rights = send_rights(port);
    assert!(rights >= 1);
    assert!(native.is_in_use(), "by its port");
    // SAFETY: a port, and a place.
    let found = Made::of(|place| unsafe { sfp_surface_from_mach_port(port, place) }).unwrap();
    assert_eq!(send_rights(port), rights, "the right is still ours");
    assert_eq!(found.iosurface().unwrap().id(), native.id());
    // SAFETY: our right.
    unsafe { mach_port_deallocate(mach_task_self(), port) };
    assert_eq!(send_rights(port), rights - 1);
    assert!(!native.is_in_use());
    // SAFETY: names that are no surface's, and places.
    unsafe {
        // SAFETY: as above: this task's own port, a right of which every task has.
        for none in [0, u32::MAX, mach_task_self()] {
            let refused = Made::of(|place| sfp_surface_from_mach_port(none, place));
            assert_eq!(refused, Err(sfp_status::InvalidArgument));
        }
    }
}

#[test]
fn uses_are_iosurfaces_own() {
    let theirs = foreign_bgra(16, 16, 64);
    let ours = Made::of_iosurface(&theirs).unwrap();
    // SAFETY: a surface that lives.
    unsafe { assert_eq!(sfp_surface_increment_use_count(ours.0), sfp_status::Ok) };
    assert!(theirs.is_in_use());
    assert_eq!(theirs.use_count(), 1);
    drop(ours);
    assert!(!theirs.is_in_use(), "a use ends with who began it");
}

#[test]
fn values_of_others_are_looked_at_before_they_are_used() {
    let surface = Made::create(8, 8, BGRA, sfp_backing::Native);
    let native = surface.iosurface().unwrap();
    let same = Made::of_iosurface(native).unwrap();
    // SAFETY: a surface that lives, behind a reference of the C API.
    let value_of = |name: &std::ffi::CStr| {
        let (mut buffer, mut size) = ([0_u8; 64], 0);
        // SAFETY: a surface that lives, a name, and as much room as is said.
        let status = unsafe {
            sfp_surface_value(same.0, name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len(), &raw mut size)
        };
        (status == sfp_status::Ok).then(|| buffer[..size].to_vec())
    };
    let attach = |name: &'static str, value: CFRetained<CFType>| {
        // SAFETY: a type of property lists.
        unsafe { native.set_value(&key(name), &value) };
    };
    attach("bytes", CFData::from_bytes(b"some").into());
    attach("text", CFString::from_str("t\u{e4}xt").into());
    attach("number", number(7));
    attach("list", CFArray::from_retained_objects(&[number(1)]).as_opaque().retain().into());
    assert_eq!(value_of(c"bytes").as_deref(), Some(&b"some"[..]));
    assert_eq!(value_of(c"text").as_deref(), Some("t\u{e4}xt".as_bytes()));
    assert_eq!((value_of(c"number"), value_of(c"list"), value_of(c"none")), (None, None, None));
    let (mut names, mut size) = ([0_u8; 64], 0);
    // SAFETY: a surface that lives, and as much room as is said.
    unsafe {
        let room = names.as_mut_ptr().cast();
        assert_eq!(sfp_surface_value_names(same.0, room, names.len(), &raw mut size), sfp_status::Ok);
    }
    assert_eq!(&names[..size], b"bytes\0text\0", "what is no value of the library's is none of its business");
}

fn color_space_of(surface: &Made) -> sfp_color_space {
    // SAFETY: a surface that lives, and a place.
    made(sfp_color_space::Unknown, |place| unsafe { sfp_surface_color_space(surface.0, place) }).unwrap()
}

#[test]
fn the_colour_space_is_where_core_graphics_looks_for_it() {
    let surface = Made::create(8, 8, BGRA, sfp_backing::Native);
    let native = surface.iosurface().unwrap();
    // SAFETY: a constant of the framework.
    let key = unsafe { kIOSurfaceColorSpace };
    assert_eq!(color_space_of(&surface), sfp_color_space::Unknown);
    let p3 = MaybeUninit::new(sfp_color_space::DisplayP3);
    // SAFETY: a surface that lives.
    unsafe { assert_eq!(sfp_surface_set_color_space(surface.0, p3), sfp_status::Ok) };
    let value = native.value(key).expect("a value");
    let text = value.downcast_ref::<CFString>().expect("a string, as CGColorSpaceCopyPropertyList gives it");
    assert_eq!(text.to_string(), "kCGColorSpaceDisplayP3");

    let cases: [(CFRetained<CFType>, sfp_color_space); 6] = [
        (CFString::from_str("kCGColorSpaceSRGB").into(), sfp_color_space::Srgb),
        (CFString::from_str("kCGColorSpaceITUR_2020_PQ").into(), sfp_color_space::Bt2100Pq),
        (CFData::from_bytes(b"kCGColorSpaceITUR_709").into(), sfp_color_space::Bt709),
        (CFString::from_str("kCGColorSpaceOfTomorrow").into(), sfp_color_space::Unknown),
        (CFData::from_bytes(&[0, 0, 2, 0x24, b'a', b'p', b'p', b'l']).into(), sfp_color_space::Unknown),
        (number(1), sfp_color_space::Unknown),
    ];
    for (value, expected) in cases {
        // SAFETY: types of property lists.
        unsafe { native.set_value(key, &value) };
        assert_eq!(color_space_of(&surface), expected);
    }
    let none = MaybeUninit::new(sfp_color_space::Unknown);
    // SAFETY: a surface that lives.
    unsafe { assert_eq!(sfp_surface_set_color_space(surface.0, none), sfp_status::Ok) };
    assert!(native.value(key).is_none());
}

#[test]
fn locks_and_purgeable_states_are_iosurfaces_own() {
    let descriptor =
        surfaceport::surface::SurfaceDescriptor::new(8, 8, surfaceport::surface::PixelFormat::Bgra8);
    let surface = Surface::create(&descriptor).unwrap();
    let before = surface.seed();
    drop(surface.lock(LockMode::Read).unwrap());
    assert_eq!(surface.seed(), before);
    drop(surface.lock(LockMode::Write).unwrap());
    assert_ne!(surface.seed(), before);
    surface.begin_lock(LockMode::Read, true).unwrap();
    surface.end_lock(LockMode::Read, true).unwrap();
    for (state, old) in [
        (Purgeable::Volatile, Purgeable::NonVolatile),
        (Purgeable::NonVolatile, Purgeable::Volatile),
        (Purgeable::Empty, Purgeable::NonVolatile),
        (Purgeable::NonVolatile, Purgeable::Empty),
    ] {
        assert_eq!(surface.set_purgeable(state).unwrap(), old);
    }
    surface.set_color_space(Some(ColorSpace::Bt2020)).unwrap();
    assert_eq!(surface.color_space().unwrap(), Some(ColorSpace::Bt2020));
}

/// A function of Core Video, where that is.
fn core_video(name: &std::ffi::CStr) -> Option<NonNull<c_void>> {
    let path = c"/System/Library/Frameworks/CoreVideo.framework/CoreVideo";
    // SAFETY: loads a framework of the system, and looks a name up in it.
    unsafe {
        let image = libc::dlopen(path.as_ptr(), libc::RTLD_LAZY);
        if image.is_null() { None } else { NonNull::new(libc::dlsym(image, name.as_ptr())) }
    }
}

#[test]
fn a_pixel_buffer_is_made_and_taken() {
    let surface = Made::create(64, 48, NV12, sfp_backing::Native);
    // SAFETY: a surface that lives, and a place.
    let buffer = made(null_mut(), |place| unsafe { sfp_surface_create_pixel_buffer(surface.0, place) });
    let Some(release) = core_video(c"CVPixelBufferRelease") else {
        assert_eq!(buffer, Err(sfp_status::Unsupported));
        eprintln!("no Core Video here: only its absence was tested");
        return;
    };
    let buffer = buffer.unwrap();
    // SAFETY: a pixel buffer that lives, and a place.
    let again = Made::of(|place| unsafe { sfp_surface_from_pixel_buffer(buffer, place) }).unwrap();
    assert_eq!(again.iosurface().unwrap().id(), surface.iosurface().unwrap().id());
    // SAFETY: the function of this name has this type, and the buffer is ours.
    unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut __CVBuffer)>(release.as_ptr())(buffer);
    }
    // SAFETY: a surface that lives.
    assert_eq!(unsafe { sfp_surface_width(again.0) }, 64, "the surface holds its memory itself");
}

#[test]
fn an_xpc_object_stands_for_a_surface() {
    unsafe extern "C" {
        fn xpc_release(object: *mut c_void);
    }
    let surface = Made::create(64, 48, BGRA, sfp_backing::Native);
    // SAFETY: a surface that lives, and a place.
    let object = made(null_mut(), |place| unsafe { sfp_surface_create_xpc_object(surface.0, place) });
    let Ok(object) = object else {
        assert_eq!(object, Err(sfp_status::ResourceExhausted));
        assert!(core_video(c"CVPixelBufferRelease").is_none(), "a whole macOS makes XPC objects of surfaces");
        eprintln!("no XPC objects of surfaces here: only their absence was tested");
        return;
    };
    // SAFETY: an XPC object that lives, and a place.
    let again = Made::of(|place| unsafe { sfp_surface_from_xpc_object(object, place) }).unwrap();
    assert_eq!(again.iosurface().unwrap().id(), surface.iosurface().unwrap().id());
    // SAFETY: our reference.
    unsafe { xpc_release(object) };
}
