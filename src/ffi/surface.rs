//! Surfaces: pixel buffers that several processes map, in IOSurface's vocabulary.

#[cfg(target_os = "linux")]
use std::ffi::c_int;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use super::boundary::{call, value};
#[cfg(target_os = "linux")]
use super::handle::duplicate;
use super::handle::{
    Options, Room, borrow, bytes, choice, choices, end_of, number_of, optional_out, options, out, release,
    retain, room, text,
};
use super::status::sfp_status;
use crate::error::{Error, Result, Status};
use crate::surface::{Backing, ColorSpace, LockMode, PixelFormat, Purgeable, Surface, SurfaceDescriptor};

/// A buffer of pixels in memory that several processes share.
///
/// It is freed when the last process lets go of it. What other processes can write too, the pixels, the
/// seed, the uses, the purgeable state and the values, is their word.
pub struct sfp_surface(pub(super) Surface);

/// What pixels are. Each number is a four-character code, the first character in the highest byte, with
/// the meaning that it has in IOSurface and Core Video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_pixel_format {
    /// For options: SFP_PIXEL_FORMAT_BGRA8. No surface has it.
    Default = 0,
    /// 'BGRA': 8 bits for each of blue, green, red, alpha, in the order of memory.
    Bgra8 = 0x4247_5241,
    /// 'RGBA': 8 bits for each of red, green, blue, alpha, in the order of memory.
    Rgba8 = 0x5247_4241,
    /// 'l10r': 10 bits for each colour, 2 for alpha, in a little-endian 32-bit word: blue in the
    /// lowest bits, then green, red, alpha.
    Rgb10a2 = 0x6c31_3072,
    /// 'RGhA': half-precision red, green, blue, alpha, in the order of memory.
    Rgba16f = 0x5247_6841,
    /// 'L008': one component of 8 bits.
    R8 = 0x4c30_3038,
    /// '2C08': two components of 8 bits.
    Rg8 = 0x3243_3038,
    /// '420v': 8-bit Y'CbCr 4:2:0, video range; a plane of Y', one of CbCr pairs.
    Nv12 = 0x3432_3076,
    /// '420f': as NV12, full range.
    Nv12Full = 0x3432_3066,
    /// 'x420': 10-bit Y'CbCr 4:2:0, video range; a plane of Y', one of CbCr pairs; each component is
    /// the high 10 bits of a little-endian 16-bit word.
    P010 = 0x7834_3230,
    /// 'y420': 8-bit Y'CbCr 4:2:0, video range; a plane each of Y', Cb, Cr.
    I420 = 0x7934_3230,
    /// '422v': 8-bit Y'CbCr 4:2:2, video range; a plane of Y', one of CbCr pairs.
    Nv16 = 0x3432_3276,
    /// '422f': as NV16, full range.
    Nv16Full = 0x3432_3266,
    /// '444v': 8-bit Y'CbCr 4:4:4, video range; a plane of Y', one of CbCr pairs.
    Nv24 = 0x3434_3476,
    /// '444f': as NV24, full range.
    Nv24Full = 0x3434_3466,
}

/// What the memory of a surface is. On Linux both are the same: a sealed memory file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_backing {
    /// What the system itself shows and gives to its GPUs: an IOSurface on macOS.
    Native = 0,
    /// Shared memory and nothing else: also there without a GPU, a window server or the right to use
    /// IOSurface.
    Memory = 1,
}
choices!(sfp_backing: Native, Memory);

/// The greatest width and the greatest height of a surface, in pixels.
pub const SFP_SURFACE_MAX_DIMENSION: u32 = 16384;
const _: () = assert!(SFP_SURFACE_MAX_DIMENSION == crate::layout::MAX_DIMENSION);
/// The greatest number of planes of a surface.
pub const SFP_SURFACE_MAX_PLANES: u32 = 3;
const _: () = assert!(SFP_SURFACE_MAX_PLANES as usize == crate::layout::MAX_PLANES);

/// What a surface is made with. Begin with SFP_SURFACE_DESCRIPTOR_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_surface_descriptor {
    /// sizeof(sfp_surface_descriptor), set by SFP_SURFACE_DESCRIPTOR_INIT.
    pub struct_size: usize,
    /// Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
    pub width: u32,
    /// Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
    pub height: u32,
    /// What the pixels are; 0 is SFP_PIXEL_FORMAT_BGRA8.
    pub format: MaybeUninit<sfp_pixel_format>,
    /// What the memory is; 0 is SFP_BACKING_NATIVE.
    pub backing: MaybeUninit<sfp_backing>,
}

// SAFETY: the size is the first field, and all others are integers or enums of which any number is allowed.
unsafe impl Options for sfp_surface_descriptor {
    const FIRST_SIZE: usize = end_of!(sfp_surface_descriptor, backing: sfp_backing);
}

/// What a lock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_lock {
    /// Reading and writing: the seed moves when the lock ends.
    Write = 0,
    /// Reading only: the seed stays.
    Read = 1,
    /// As SFP_LOCK_WRITE, but it fails if pixels had to be copied from a GPU's memory.
    WriteAvoidSync = 2,
    /// As SFP_LOCK_READ, but it fails if pixels had to be copied from a GPU's memory.
    ReadAvoidSync = 3,
}
choices!(sfp_lock: Write, Read, WriteAvoidSync, ReadAvoidSync);

/// The pixels of a locked surface, or image.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_pixels {
    /// The first byte of the first row of plane 0. For the other planes see sfp_surface_plane().
    pub base: *mut c_void,
    /// From the beginning of a row of plane 0 to the beginning of the next, in bytes.
    pub bytes_per_row: usize,
    /// The surface's width, in pixels.
    pub width: u32,
    /// The surface's height, in pixels.
    pub height: u32,
    /// What the pixels are.
    pub format: sfp_pixel_format,
    /// 1 to SFP_SURFACE_MAX_PLANES.
    pub plane_count: u32,
}

/// A plane of a surface.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_plane {
    /// The first byte of the first row. Access it between lock and unlock.
    pub base: *mut c_void,
    /// From the beginning of a row to the beginning of the next, in bytes.
    pub bytes_per_row: usize,
    /// Of one element: a pixel of this plane.
    pub bytes_per_element: usize,
    /// From the beginning of the surface's memory to `base`, in bytes.
    pub offset: usize,
    /// Of all rows, with what is between them, in bytes.
    pub size: usize,
    /// Elements of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What the system may do with a surface's memory when that is short.
///
/// On Linux no memory can be taken back unasked: volatile is a mark that others can read, empty frees
/// the memory at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_purgeable {
    /// The contents stay.
    NonVolatile = 0,
    /// The contents may vanish.
    Volatile = 1,
    /// The contents are gone; the pixels read as zero until they are written again.
    Empty = 2,
}
choices!(sfp_purgeable: NonVolatile, Volatile, Empty);

/// How the colours of pixels are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_color_space {
    /// Nobody said so, or by a name that is not known here.
    Unknown = 0,
    /// IEC 61966-2-1.
    Srgb = 1,
    /// sRGB primaries, linear, values outside of 0 to 1 allowed.
    ExtendedLinearSrgb = 2,
    /// P3 primaries with sRGB's transfer function.
    DisplayP3 = 3,
    /// ITU-R BT.709.
    Bt709 = 4,
    /// ITU-R BT.2020.
    Bt2020 = 5,
    /// ITU-R BT.2100 with the perceptual quantizer.
    Bt2100Pq = 6,
    /// ITU-R BT.2100 with hybrid log-gamma.
    Bt2100Hlg = 7,
}

/// The surfaces of this process, all together.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_surface_totals {
    /// How many there are. One that arrived twice counts twice.
    pub count: usize,
    /// The memory that they take, in bytes.
    pub bytes: u64,
}

pub(super) fn descriptor_from(given: sfp_surface_descriptor) -> Result<(SurfaceDescriptor, Backing)> {
    let descriptor = SurfaceDescriptor::new(given.width, given.height, format_from(given.format)?);
    Ok((descriptor, backing_from(given.backing)?))
}

pub(super) fn backing_from(backing: MaybeUninit<sfp_backing>) -> Result<Backing> {
    Ok(match choice!(backing) {
        sfp_backing::Native => Backing::Native,
        sfp_backing::Memory => Backing::Memory,
    })
}

/// One line for each, so that none is forgotten: its name here, its name in the library.
macro_rules! pixel_formats {
    ($($variant:ident = $format:ident,)*) => {
        choices!(sfp_pixel_format: Default, $($variant),*);

        impl From<PixelFormat> for sfp_pixel_format {
            fn from(format: PixelFormat) -> Self {
                match format {
                    $(PixelFormat::$format => Self::$variant,)*
                }
            }
        }
    };
}
pixel_formats! {
    Bgra8 = Bgra8,
    Rgba8 = Rgba8,
    Rgb10a2 = Rgb10A2,
    Rgba16f = Rgba16F,
    R8 = R8,
    Rg8 = Rg8,
    Nv12 = Nv12,
    Nv12Full = Nv12Full,
    P010 = P010,
    I420 = I420,
    Nv16 = Nv16,
    Nv16Full = Nv16Full,
    Nv24 = Nv24,
    Nv24Full = Nv24Full,
}

pub(super) fn format_from(given: MaybeUninit<sfp_pixel_format>) -> Result<PixelFormat> {
    match number_of(given) {
        0 => Ok(PixelFormat::Bgra8),
        four_cc => Ok(PixelFormat::from_four_cc(four_cc)?),
    }
}

impl sfp_lock {
    /// The library's mode, and whether to avoid copies.
    pub(super) fn mode(self) -> (LockMode, bool) {
        match self {
            Self::Write => (LockMode::Write, false),
            Self::Read => (LockMode::Read, false),
            Self::WriteAvoidSync => (LockMode::Write, true),
            Self::ReadAvoidSync => (LockMode::Read, true),
        }
    }
}

pub(super) fn pixels_of(surface: &Surface) -> Result<sfp_pixels> {
    let plane = plane_of(surface, 0)?;
    let SurfaceDescriptor { width, height, format } = surface.descriptor();
    Ok(sfp_pixels {
        base: plane.base,
        bytes_per_row: plane.bytes_per_row,
        width,
        height,
        format: format.into(),
        plane_count: format.plane_count() as u32,
    })
}

fn plane_of(surface: &Surface, index: usize) -> Result<sfp_plane> {
    let (Some(base), Some(plane)) = (surface.plane_base(index), surface.layout().plane(index)) else {
        let (format, count) = (surface.format(), surface.layout().planes().len());
        return Err(Error::invalid(format!(
            "a surface of format {format} has {count} planes and no plane {index}"
        )));
    };
    Ok(sfp_plane {
        base: base.as_ptr().cast(),
        bytes_per_row: plane.bytes_per_row,
        bytes_per_element: plane.bytes_per_element,
        offset: plane.offset,
        size: plane.size,
        width: plane.width,
        height: plane.height,
    })
}

impl From<sfp_purgeable> for Purgeable {
    fn from(state: sfp_purgeable) -> Self {
        match state {
            sfp_purgeable::NonVolatile => Self::NonVolatile,
            sfp_purgeable::Volatile => Self::Volatile,
            sfp_purgeable::Empty => Self::Empty,
        }
    }
}

impl From<Purgeable> for sfp_purgeable {
    fn from(state: Purgeable) -> Self {
        match state {
            Purgeable::NonVolatile => Self::NonVolatile,
            Purgeable::Volatile => Self::Volatile,
            Purgeable::Empty => Self::Empty,
        }
    }
}

/// One line for each, so that none is forgotten.
macro_rules! color_spaces {
    ($($space:ident,)*) => {
        choices!(sfp_color_space: Unknown, $($space),*);

        impl From<sfp_color_space> for Option<ColorSpace> {
            fn from(space: sfp_color_space) -> Self {
                match space {
                    sfp_color_space::Unknown => None,
                    $(sfp_color_space::$space => Some(ColorSpace::$space),)*
                }
            }
        }

        impl From<Option<ColorSpace>> for sfp_color_space {
            fn from(space: Option<ColorSpace>) -> Self {
                match space {
                    None => Self::Unknown,
                    $(Some(ColorSpace::$space) => Self::$space,)*
                }
            }
        }
    };
}
color_spaces! {
    Srgb, ExtendedLinearSrgb, DisplayP3, Bt709, Bt2020, Bt2100Pq, Bt2100Hlg,
}

/// Makes a surface of zero bytes.
///
/// Parameters:
/// - `descriptor`: size and format; begin with SFP_SURFACE_DESCRIPTOR_INIT.
/// - `surface`: becomes the surface, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: a side is 0 or over SFP_SURFACE_MAX_DIMENSION, there is no such
///   backing, or `struct_size` is not set.
/// - SFP_STATUS_UNSUPPORTED: the format is none of sfp_pixel_format; or the descriptor is of a later
///   version, and asks for something that this one does not have.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_create(
    descriptor: *const sfp_surface_descriptor,
    surface: *mut *mut sfp_surface,
) -> sfp_status {
    call(|| {
        let ((descriptor, backing), surface) = (descriptor_from(options!(descriptor))?, out!(surface));
        surface.give(sfp_surface(Surface::create_with(&descriptor, backing)?));
        Ok(())
    })
}

/// Makes one more reference to a surface.
///
/// Parameters:
/// - `surface`: the surface; NULL is nothing.
///
/// Returns `surface`, as a reference of its own that needs its own sfp_surface_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_retain(surface: *mut sfp_surface) -> *mut sfp_surface {
    retain!(surface)
}

/// Ends a reference to a surface. The last one unmaps it here, once no message and no swapchain holds
/// it either, and with it end this process's uses.
///
/// Parameters:
/// - `surface`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_release(surface: *mut sfp_surface) {
    release!(surface);
}

/// The number that names a surface on this system while it lives. It gives no access.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns the number, the same in every process that has the surface; 0 if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_id(surface: *const sfp_surface) -> u32 {
    value(0, || Ok(borrow!(surface).0.id()))
}

/// The width of a surface.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns pixels; 0 if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_width(surface: *const sfp_surface) -> u32 {
    value(0, || Ok(borrow!(surface).0.width()))
}

/// The height of a surface.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns pixels; 0 if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_height(surface: *const sfp_surface) -> u32 {
    value(0, || Ok(borrow!(surface).0.height()))
}

/// The pixel format of a surface.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns the format; SFP_PIXEL_FORMAT_DEFAULT, which is 0, if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_pixel_format(surface: *const sfp_surface) -> sfp_pixel_format {
    value(sfp_pixel_format::Default, || Ok(borrow!(surface).0.format().into()))
}

/// What the memory of a surface is.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns the backing, on Linux always SFP_BACKING_NATIVE; SFP_BACKING_NATIVE, which is 0, if `surface`
/// is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_backing(surface: *const sfp_surface) -> sfp_backing {
    value(sfp_backing::Native, || {
        Ok(match borrow!(surface).0.backing() {
            Backing::Native => sfp_backing::Native,
            Backing::Memory => sfp_backing::Memory,
        })
    })
}

/// The number of planes of a surface. A format whose components lie together has 1 (where IOSurface
/// counts 0).
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns 1 to SFP_SURFACE_MAX_PLANES; 0 if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_plane_count(surface: *const sfp_surface) -> u32 {
    value(0, || Ok(borrow!(surface).0.layout().planes().len() as u32))
}

/// Tells where a plane of a surface lies. It stays there as long as the surface lives.
///
/// Parameters:
/// - `surface`: the surface.
/// - `index`: which plane, from 0.
/// - `plane`: becomes the plane. Its `base` is valid until the surface is released.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the surface has no such plane.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_plane(
    surface: *const sfp_surface,
    index: usize,
    plane: *mut sfp_plane,
) -> sfp_status {
    call(|| {
        let (surface, plane) = (borrow!(surface), out!(plane));
        plane.set(plane_of(&surface.0, index)?);
        Ok(())
    })
}

/// The memory that a surface takes, with all that belongs to it.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns bytes; 0 if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_allocation_size(surface: *const sfp_surface) -> usize {
    value(0, || Ok(borrow!(surface).0.allocation_size()))
}

/// Has the system make every page of a surface now and map it in this process. Without this each is made
/// when it is touched first: for a surface of 8K that takes some tens of milliseconds, once in each
/// process.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns SFP_STATUS_RESOURCE_EXHAUSTED: there is not as much memory. Drawing would end the process then.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_prefault(surface: *mut sfp_surface) -> sfp_status {
    call(|| borrow!(surface).0.prefault())
}

/// A number that moves whenever a process ends a lock for writing: another number, other pixels.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns the number, which wraps around; 0 if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_seed(surface: *const sfp_surface) -> u32 {
    value(0, || Ok(borrow!(surface).0.seed()))
}

/// Locks a surface for access by the CPU, until sfp_surface_unlock().
///
/// A lock excludes nobody: who may write when is for the swapchain, or the processes, to agree. Locks
/// nest, and each needs its own unlock.
///
/// Parameters:
/// - `surface`: the surface.
/// - `mode`: what the lock is for.
/// - `pixels`: becomes the place of the pixels, which is theirs until the unlock.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is no such mode.
/// - SFP_STATUS_WRONG_STATE: pixels had to be copied from a GPU's memory, and `mode` is one that avoids
///   it. Never on Linux.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_lock(
    surface: *mut sfp_surface,
    mode: MaybeUninit<sfp_lock>,
    pixels: *mut sfp_pixels,
) -> sfp_status {
    call(|| {
        let (surface, (mode, avoid_sync), pixels) = (borrow!(surface), choice!(mode).mode(), out!(pixels));
        surface.0.begin_lock(mode, avoid_sync)?;
        pixels.set(pixels_of(&surface.0)?);
        Ok(())
    })
}

/// Ends a lock of a surface.
///
/// Parameters:
/// - `surface`: the surface.
/// - `mode`: the mode that the lock was begun with.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is no such mode.
/// - SFP_STATUS_WRONG_STATE: the surface is not locked in this mode.
///
/// Threads: any, not only the one that locked. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_unlock(
    surface: *mut sfp_surface,
    mode: MaybeUninit<sfp_lock>,
) -> sfp_status {
    call(|| {
        let (surface, (mode, avoid_sync)) = (borrow!(surface), choice!(mode).mode());
        surface.0.end_lock(mode, avoid_sync)
    })
}

/// How often this process has begun a use of a surface and not ended it.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns the number; 0 if `surface` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_use_count(surface: *const sfp_surface) -> u32 {
    value(0, || Ok(borrow!(surface).0.use_count()))
}

/// Begins a use of a surface by this process: every process sees that it is in use.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns:
/// - SFP_STATUS_RESOURCE_EXHAUSTED: more processes use it than can be counted.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_increment_use_count(surface: *mut sfp_surface) -> sfp_status {
    call(|| borrow!(surface).0.increment_use_count())
}

/// Ends a use of a surface by this process.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: this process has begun none.
///
/// Threads: any, not only the one that began it. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_decrement_use_count(surface: *mut sfp_surface) -> sfp_status {
    call(|| borrow!(surface).0.decrement_use_count())
}

/// Tells whether any living process has begun a use of a surface.
///
/// Parameters:
/// - `surface`: the surface.
///
/// Returns true if one has; false if none, or if `surface` is NULL. A process that died does not count.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_is_in_use(surface: *const sfp_surface) -> bool {
    value(false, || Ok(borrow!(surface).0.is_in_use()))
}

/// Changes the purgeable state of a surface.
///
/// Making an empty surface non-volatile tells, by the state from before, that the contents are gone.
///
/// Parameters:
/// - `surface`: the surface.
/// - `state`: the new state.
/// - `before`: becomes the state from before; can be NULL.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is no such state.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_set_purgeable(
    surface: *mut sfp_surface,
    state: MaybeUninit<sfp_purgeable>,
    before: *mut sfp_purgeable,
) -> sfp_status {
    call(|| {
        let (surface, state, before) = (borrow!(surface), choice!(state), optional_out!(before));
        let old = surface.0.set_purgeable(state.into())?;
        before.into_iter().for_each(|before| before.set(old.into()));
        Ok(())
    })
}

/// Tells the purgeable state of a surface.
///
/// Parameters:
/// - `surface`: the surface.
/// - `state`: becomes the state.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_purgeable(
    surface: *const sfp_surface,
    state: *mut sfp_purgeable,
) -> sfp_status {
    call(|| {
        let (surface, state) = (borrow!(surface), out!(state));
        state.set(surface.0.purgeable()?.into());
        Ok(())
    })
}

/// Attaches a value to a surface, which every process that has the surface sees.
///
/// All values of a surface together have room in 28 KiB.
///
/// Parameters:
/// - `surface`: the surface.
/// - `name`: the value's name, 1 to 255 bytes. A value that it had before is replaced.
/// - `bytes`: the value, which is copied; can be NULL if it has 0 bytes.
/// - `size`: how many bytes.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: the name is empty or too long.
/// - SFP_STATUS_TOO_LARGE: there is no room for it; all values are as before.
/// - SFP_STATUS_TIMED_OUT: another process does not stop writing values.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_set_value(
    surface: *mut sfp_surface,
    name: *const c_char,
    bytes: *const c_void,
    size: usize,
) -> sfp_status {
    call(|| {
        let (surface, name, bytes) = (borrow!(surface), text!(name), bytes!(bytes, size));
        surface.0.set_value(name, bytes)
    })
}

/// Reads a value of a surface.
///
/// It is cut if the buffer is too small: `size` is greater than `capacity` then. Ask with no buffer to
/// learn the size only.
///
/// Parameters:
/// - `surface`: the surface.
/// - `name`: the value's name.
/// - `buffer`: becomes the value; can be NULL if `capacity` is 0.
/// - `capacity`: how many bytes the buffer has.
/// - `size`: becomes the number of bytes that the value has.
///
/// Returns:
/// - SFP_STATUS_NOT_FOUND: there is no value of this name.
/// - SFP_STATUS_INVALID_ARGUMENT, SFP_STATUS_TIMED_OUT: as sfp_surface_set_value().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_value(
    surface: *const sfp_surface,
    name: *const c_char,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
) -> sfp_status {
    call(|| {
        let (surface, name, size) = (borrow!(surface), text!(name), out!(size));
        let buffer = buffer.cast::<u8>();
        let room: Room<'_, u8> = room!(buffer, capacity);
        let value = surface.0.value(name)?;
        let missing = || Error::new(Status::NotFound, format!("the surface has no value {name:?}"));
        let value = value.ok_or_else(missing)?;
        room.fill(&value);
        size.set(value.len());
        Ok(())
    })
}

/// Takes a value of a surface away. That there is none is no failure.
///
/// Parameters:
/// - `surface`: the surface.
/// - `name`: the value's name.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT, SFP_STATUS_TIMED_OUT: as sfp_surface_set_value().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_remove_value(
    surface: *mut sfp_surface,
    name: *const c_char,
) -> sfp_status {
    call(|| {
        let (surface, name) = (borrow!(surface), text!(name));
        surface.0.remove_value(name)
    })
}

/// Reads the names of all values of a surface: texts that each end with NUL, one behind the other.
///
/// They are cut if the buffer is too small: `size` is greater than `capacity` then.
///
/// Parameters:
/// - `surface`: the surface.
/// - `buffer`: becomes the names; can be NULL if `capacity` is 0.
/// - `capacity`: how many bytes the buffer has.
/// - `size`: becomes the number of bytes of all names, with their NULs.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: another process does not stop writing values.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_value_names(
    surface: *const sfp_surface,
    buffer: *mut c_char,
    capacity: usize,
    size: *mut usize,
) -> sfp_status {
    call(|| {
        let (surface, size) = (borrow!(surface), out!(size));
        let buffer = buffer.cast::<u8>();
        let room: Room<'_, u8> = room!(buffer, capacity);
        let names: String = surface.0.value_names()?.iter().flat_map(|name| [name.as_str(), "\0"]).collect();
        room.fill(names.as_bytes());
        size.set(names.len());
        Ok(())
    })
}

/// Says how the colours of a surface's pixels are meant.
///
/// Parameters:
/// - `surface`: the surface.
/// - `space`: the colour space; SFP_COLOR_SPACE_UNKNOWN takes back what was said.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is no such colour space.
/// - SFP_STATUS_TOO_LARGE, SFP_STATUS_TIMED_OUT: as sfp_surface_set_value().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_set_color_space(
    surface: *mut sfp_surface,
    space: MaybeUninit<sfp_color_space>,
) -> sfp_status {
    call(|| {
        let (surface, space) = (borrow!(surface), choice!(space));
        surface.0.set_color_space(space.into())
    })
}

/// Tells how the colours of a surface's pixels are meant.
///
/// Parameters:
/// - `surface`: the surface.
/// - `space`: becomes the colour space; SFP_COLOR_SPACE_UNKNOWN if nobody said so.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: another process does not stop writing values.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_color_space(
    surface: *const sfp_surface,
    space: *mut sfp_color_space,
) -> sfp_status {
    call(|| {
        let (surface, space) = (borrow!(surface), out!(space));
        space.set(surface.0.color_space()?.into());
        Ok(())
    })
}

/// Gives a descriptor of the memory of a surface's pixels, for interfaces that map or import one.
///
/// The planes lie in it as sfp_surface_plane() says by `offset`.
///
/// Parameters:
/// - `surface`: the surface.
/// - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_export_fd(surface: *mut sfp_surface, fd: *mut c_int) -> sfp_status {
    call(|| {
        let (surface, fd) = (borrow!(surface), out!(fd));
        fd.give_descriptor(duplicate(surface.0.descriptor_of_memory()?)?);
        Ok(())
    })
}

/// Makes a dma-buf of a surface's pixels, for a GPU or a display to import.
///
/// Parameters:
/// - `surface`: the surface.
/// - `fd`: becomes the descriptor of the dma-buf, which is yours to close. It is close-on-exec.
///
/// Returns:
/// - SFP_STATUS_UNSUPPORTED: the system has no /dev/udmabuf that this user can open.
///
/// Threads: any. Systems: Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_surface_export_dma_buf(surface: *mut sfp_surface, fd: *mut c_int) -> sfp_status {
    call(|| {
        let (surface, fd) = (borrow!(surface), out!(fd));
        fd.give_descriptor(surface.0.export_dma_buf()?);
        Ok(())
    })
}

/// Tells of all surfaces that live in this process, so that a leak is seen and not guessed: those made
/// here and those received, as long as anything holds them.
///
/// Parameters:
/// - `ids`: becomes the ids of the surfaces, ascending, as many as there is room for; can be NULL if
///   `capacity` is 0.
/// - `capacity`: how many ids there is room for.
/// - `totals`: becomes the number of surfaces, which can be greater than `capacity`, and their memory.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_live_surfaces(
    ids: *mut u32,
    capacity: usize,
    totals: *mut sfp_surface_totals,
) -> sfp_status {
    call(|| {
        let (room, totals) = (room!(ids, capacity), out!(totals));
        let live = crate::surface::live_surfaces();
        room.fill(&live.ids);
        totals.set(sfp_surface_totals { count: live.count, bytes: live.bytes });
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_the_numbers_of_the_library() {
        for &format in PixelFormat::ALL {
            let number = sfp_pixel_format::from(format);
            assert_eq!(number as u32, format.four_cc());
            assert_eq!(format_from(MaybeUninit::new(number)).unwrap(), format);
        }
        assert_eq!(format_from(MaybeUninit::zeroed()).unwrap(), PixelFormat::Bgra8);
    }

    #[test]
    fn colour_spaces_lead_back() {
        for number in 0..=7 {
            let space = <sfp_color_space as crate::ffi::handle::Choice>::from_number(number).unwrap();
            assert_eq!(sfp_color_space::from(Option::from(space)), space);
        }
    }
}
