//! Surfaces as other interfaces of the system have them: IOSurface's own references, pixel buffers of Core Video,
//! XPC objects, ports.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use objc2_core_foundation::CFRetained;
use objc2_io_surface::IOSurfaceRef;
use once_cell::sync::OnceCell;

use super::iosurface::Native;
use crate::error::{Error, Result, Status};
use crate::sys::surface::Surface;

/// A `CVPixelBufferRef` that is not null.
pub(crate) type PixelBuffer = NonNull<c_void>;
/// An `xpc_object_t` that is not null.
pub(crate) type XpcObject = NonNull<c_void>;

unsafe extern "C" {
    // `IOSurface/IOSurfaceAPI.h`, since macOS 10.7.
    fn IOSurfaceCreateXPCObject(surface: &IOSurfaceRef) -> *mut c_void;
    fn IOSurfaceLookupFromXPCObject(object: NonNull<c_void>) -> *mut IOSurfaceRef;
}

/// The two calls of `CoreVideo/CVPixelBufferIOSurface.h`, since macOS 10.6. Core Video brings a good part of the
/// system's graphics with it, which a process that only draws or only relays should not have to load. So it is loaded
/// by the first one who has to do with a pixel buffer.
struct CoreVideo {
    get_io_surface: unsafe extern "C" fn(*mut c_void) -> *mut IOSurfaceRef,
    create_with_io_surface:
        unsafe extern "C" fn(*const c_void, &IOSurfaceRef, *const c_void, *mut *mut c_void) -> i32,
}

/// `kCVReturnAllocationFailed` and `kCVReturnInvalidPixelFormat` of `CoreVideo/CVReturn.h`.
const ALLOCATION_FAILED: i32 = -6662;
const INVALID_PIXEL_FORMAT: i32 = -6680;

impl CoreVideo {
    fn get() -> Result<&'static Self> {
        static LOADED: OnceCell<CoreVideo> = OnceCell::new();
        LOADED.get_or_try_init(Self::load)
    }

    fn load() -> Result<Self> {
        let missing = || Error::fixed(Status::Unsupported, "this system has no Core Video");
        let path = c"/System/Library/Frameworks/CoreVideo.framework/CoreVideo";
        // SAFETY: loads a framework of the system, which stays loaded.
        let image = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
        let image = NonNull::new(image).ok_or_else(missing)?;
        let find = |name: &CStr| {
            // SAFETY: an image that is loaded, and a name that ends with zero.
            NonNull::new(unsafe { libc::dlsym(image.as_ptr(), name.as_ptr()) }).ok_or_else(missing)
        };
        let (get, create) = (find(c"CVPixelBufferGetIOSurface")?, find(c"CVPixelBufferCreateWithIOSurface")?);
        // SAFETY: functions of these names have these types: `CVPixelBufferIOSurface.h`.
        unsafe {
            Ok(Self {
                get_io_surface: std::mem::transmute::<*mut c_void, _>(get.as_ptr()),
                create_with_io_surface: std::mem::transmute::<*mut c_void, _>(create.as_ptr()),
            })
        }
    }
}

impl Surface {
    /// The `IOSurfaceRef`, which lives as long as the surface. Null for one of plain memory.
    pub(crate) fn io_surface(&self) -> Result<NonNull<IOSurfaceRef>> {
        Ok(CFRetained::as_ptr(self.native()?.reference()))
    }

    /// A surface of somebody else's, of which this takes a reference of its own.
    ///
    /// Errors: unsupported for a format that this library does not know.
    ///
    /// # Safety
    ///
    /// It must be an IOSurface that lives.
    pub(crate) unsafe fn from_io_surface(surface: NonNull<IOSurfaceRef>) -> Result<Self> {
        // SAFETY: the caller vouches for it.
        Native::adopt(unsafe { CFRetained::retain(surface) }).map(Self::Native)
    }

    /// The surface behind a pixel buffer.
    ///
    /// Errors: invalid argument for one that has none; as [`Self::from_io_surface`].
    ///
    /// # Safety
    ///
    /// It must be a pixel buffer that lives.
    pub(crate) unsafe fn from_pixel_buffer(buffer: PixelBuffer) -> Result<Self> {
        // SAFETY: the caller vouches for the buffer; the answer is borrowed from it, or null.
        let surface = unsafe { (CoreVideo::get()?.get_io_surface)(buffer.as_ptr()) };
        let surface = NonNull::new(surface)
            .ok_or_else(|| Error::fixed(Status::InvalidArgument, "the pixel buffer has no IOSurface"))?;
        // SAFETY: it lives as long as the buffer.
        unsafe { Self::from_io_surface(surface) }
    }

    /// A new pixel buffer over the surface, which is the caller's to release and holds the surface meanwhile.
    pub(crate) fn create_pixel_buffer(&self) -> Result<PixelBuffer> {
        let surface = self.native()?.reference();
        let mut buffer = std::ptr::null_mut();
        // SAFETY: null stands for the default allocator and for no attributes; the result lives across the call.
        let code = unsafe {
            let create = CoreVideo::get()?.create_with_io_surface;
            create(std::ptr::null(), surface, std::ptr::null(), &raw mut buffer)
        };
        let status = match code {
            ALLOCATION_FAILED => Status::ResourceExhausted,
            INVALID_PIXEL_FORMAT => Status::Unsupported,
            _ => Status::System,
        };
        NonNull::new(buffer)
            .filter(|_| code == 0)
            .ok_or_else(|| Error::new(status, format!("making a pixel buffer: Core Video says {code}")))
    }

    /// A new XPC object that stands for the surface, the caller's to release. While it lives the surface is in use.
    pub(crate) fn create_xpc_object(&self) -> Result<XpcObject> {
        // SAFETY: a surface that lives.
        NonNull::new(unsafe { IOSurfaceCreateXPCObject(self.native()?.reference()) }).ok_or_else(|| {
            Error::fixed(Status::ResourceExhausted, "the system makes no XPC object of an IOSurface")
        })
    }

    /// The surface that an XPC object stands for.
    ///
    /// Errors: invalid argument for an object that is none; as [`Self::from_io_surface`].
    ///
    /// # Safety
    ///
    /// It must be an XPC object that lives.
    pub(crate) unsafe fn from_xpc_object(object: XpcObject) -> Result<Self> {
        // SAFETY: the caller vouches for the object.
        let found = NonNull::new(unsafe { IOSurfaceLookupFromXPCObject(object) })
            .ok_or_else(|| Error::fixed(Status::InvalidArgument, "the XPC object is no IOSurface"))?;
        // SAFETY: the header says that the answer is a reference that is the caller's to release.
        Native::adopt(unsafe { CFRetained::from_raw(found) }).map(Self::Native)
    }

    /// A new port that stands for the surface; one send right, the caller's to give back. While it lives the surface
    /// is in use.
    pub(crate) fn create_mach_port(&self) -> Result<u32> {
        Ok(self.native()?.right_to_send()?.into_raw().into_name())
    }

    /// The surface behind a port, whose right stays the caller's.
    ///
    /// Errors: invalid argument for a port that leads to none; as [`Self::from_io_surface`].
    pub(crate) fn from_mach_port(port: u32) -> Result<Self> {
        Native::look_up(port).map(Self::Native)
    }
}
