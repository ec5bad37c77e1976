//! Surfaces on macOS: as IOSurfaces, and as what the system's own frameworks have them.

use std::ffi::c_void;
use std::ptr::NonNull;

use libc::mach_port_t;

use super::boundary::{call, value};
use super::handle::{Out, borrow, is_null, out};
use super::status::sfp_status;
use super::surface::sfp_surface;
use crate::error::Result;
use crate::surface::Surface;
use crate::sys;

/// What an `IOSurfaceRef` points to.
pub type __IOSurface = objc2_io_surface::IOSurfaceRef;

/// What a `CVPixelBufferRef` points to.
#[repr(C)]
pub struct __CVBuffer {
    opaque: [u8; 0],
}

/// Hands out a surface that `make` finds behind a pointer.
fn give<T>(
    pointer: *mut T,
    name: &str,
    surface: Out<'_, *mut sfp_surface>,
    make: impl FnOnce(NonNull<T>) -> Result<sys::surface::Surface>,
) -> Result<()> {
    let made = make(NonNull::new(pointer).ok_or_else(|| is_null(name))?)?;
    surface.give(sfp_surface(Surface::from_system(made)));
    Ok(())
}

/// The IOSurface of a surface, for all that the system can do with one: the contents of a layer, a
/// texture of Metal.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns the IOSurfaceRef, which is the surface's: CFRetain() it to keep it longer. NULL if `surface`
/// is NULL or of SFP_BACKING_MEMORY, and has none.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_iosurface(surface: *const sfp_surface) -> *mut __IOSurface {
    value(std::ptr::null_mut(), || Ok(borrow!(surface).0.system().io_surface()?.as_ptr()))
}

/// Makes a surface of an IOSurface, whoever made that. Its rows and planes may lie anywhere: see
/// sfp_surface_plane().
///
/// Parameters:
/// - `iosurface`: an IOSurfaceRef. It stays yours; the surface has a reference of its own.
/// - `surface`: becomes the surface, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_UNSUPPORTED: the pixel format is none of sfp_pixel_format, or the CPU has no access.
/// - SFP_STATUS_INVALID_ARGUMENT: the planes are not what the pixel format asks for, or a side is 0 or
///   over SFP_SURFACE_MAX_DIMENSION.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_from_iosurface(
    iosurface: *mut __IOSurface,
    surface: *mut *mut sfp_surface,
) -> sfp_status {
    call(|| {
        let surface = out!(surface);
        // SAFETY: the C manual asks for an IOSurface that the caller holds until the call returns.
        give(iosurface, "iosurface", surface, |found| unsafe {
            sys::surface::Surface::from_io_surface(found)
        })
    })
}

/// Makes a surface of the IOSurface that a pixel buffer of Core Video has.
///
/// Parameters:
/// - `buffer`: a CVPixelBufferRef, which stays yours. The surface holds the IOSurface and not the
///   buffer: to keep a pool from using the memory again, hold the buffer, or begin a use.
/// - `surface`: becomes the surface, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the buffer has no IOSurface; and as sfp_surface_from_iosurface().
/// - SFP_STATUS_UNSUPPORTED: as sfp_surface_from_iosurface(), or there is no Core Video.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_from_pixel_buffer(
    buffer: *mut __CVBuffer,
    surface: *mut *mut sfp_surface,
) -> sfp_status {
    call(|| {
        let surface = out!(surface);
        // SAFETY: the C manual asks for a pixel buffer that the caller holds until the call returns.
        give(buffer, "buffer", surface, |found| unsafe {
            sys::surface::Surface::from_pixel_buffer(found.cast())
        })
    })
}

/// Makes a pixel buffer of Core Video over a surface's memory, without a copy.
///
/// Parameters:
/// - `surface`: the surface.
/// - `buffer`: becomes the CVPixelBufferRef, which is yours: CVPixelBufferRelease() it. It holds the
///   memory for as long as it lives.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the surface is of SFP_BACKING_MEMORY.
/// - SFP_STATUS_UNSUPPORTED: there is no Core Video, or it does not know the pixel format.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory for it.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_create_pixel_buffer(
    surface: *mut sfp_surface,
    buffer: *mut *mut __CVBuffer,
) -> sfp_status {
    call(|| {
        let (surface, buffer) = (borrow!(surface), out!(buffer));
        buffer.set(surface.0.system().create_pixel_buffer()?.cast().as_ptr());
        Ok(())
    })
}

/// Makes an XPC object that stands for a surface, for a program that has an XPC connection. The
/// surface counts as in use while the object, or a copy of it in a message, lives.
///
/// Parameters:
/// - `surface`: the surface.
/// - `object`: becomes the xpc_object_t, which is yours: xpc_release() it, or in Objective-C with
///   automatic counting take it over by __bridge_transfer.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the surface is of SFP_BACKING_MEMORY.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: the system makes none.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_create_xpc_object(
    surface: *mut sfp_surface,
    object: *mut *mut c_void,
) -> sfp_status {
    call(|| {
        let (surface, object) = (borrow!(surface), out!(object));
        object.set(surface.0.system().create_xpc_object()?.as_ptr());
        Ok(())
    })
}

/// Makes a surface of an XPC object that stands for one.
///
/// Parameters:
/// - `object`: an xpc_object_t, which stays yours.
/// - `surface`: becomes the surface, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the object stands for no surface; and as sfp_surface_from_iosurface().
/// - SFP_STATUS_UNSUPPORTED: as sfp_surface_from_iosurface().
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_from_xpc_object(
    object: *mut c_void,
    surface: *mut *mut sfp_surface,
) -> sfp_status {
    call(|| {
        let surface = out!(surface);
        // SAFETY: the C manual asks for an XPC object that the caller holds until the call returns.
        give(object, "object", surface, |found| unsafe { sys::surface::Surface::from_xpc_object(found) })
    })
}

/// Makes a port that stands for a surface, for a program that sends ports in its own way. The surface
/// counts as in use until the port is gone.
///
/// Parameters:
/// - `surface`: the surface.
/// - `port`: becomes the name of the port, with one send right that is yours:
///   mach_port_deallocate() it, or move it in a message.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the surface is of SFP_BACKING_MEMORY.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: the system makes none.
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_create_mach_port(
    surface: *mut sfp_surface,
    port: *mut mach_port_t,
) -> sfp_status {
    call(|| {
        let (surface, port) = (borrow!(surface), out!(port));
        port.set(surface.0.system().create_mach_port()?);
        Ok(())
    })
}

/// Makes a surface of a port that stands for one.
///
/// Parameters:
/// - `port`: the name of the port. Its send right stays yours to give back; do so soon, the surface
///   counts as in use until then.
/// - `surface`: becomes the surface, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the port stands for no surface; and as sfp_surface_from_iosurface().
/// - SFP_STATUS_UNSUPPORTED: as sfp_surface_from_iosurface().
///
/// Threads: any. Systems: macOS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_from_mach_port(
    port: mach_port_t,
    surface: *mut *mut sfp_surface,
) -> sfp_status {
    call(|| {
        let surface = out!(surface);
        let found = sys::surface::Surface::from_mach_port(port)?;
        surface.give(sfp_surface(Surface::from_system(found)));
        Ok(())
    })
}
