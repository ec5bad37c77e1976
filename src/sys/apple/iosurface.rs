//! Surfaces that are IOSurfaces. What each call does stands in Apple's header `IOSurface/IOSurfaceRef.h`; "the
//! header" is that one.

use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;

use mach2::vm::mach_vm_region;
use mach2::vm_prot::{VM_PROT_READ, VM_PROT_WRITE};
use mach2::vm_region::{VM_REGION_BASIC_INFO_64, vm_region_basic_info_64};
use objc2_core_foundation::{CFArray, CFData, CFDictionary, CFNumber, CFRetained, CFString, CFType, Type};
use objc2_io_surface::{
    IOSurfaceLockOptions, IOSurfaceRef, kIOSurfaceAllocSize, kIOSurfaceBytesPerElement,
    kIOSurfaceBytesPerRow, kIOSurfaceColorSpace, kIOSurfaceHeight, kIOSurfacePixelFormat,
    kIOSurfacePlaneBytesPerElement, kIOSurfacePlaneBytesPerRow, kIOSurfacePlaneElementHeight,
    kIOSurfacePlaneElementWidth, kIOSurfacePlaneHeight, kIOSurfacePlaneInfo, kIOSurfacePlaneOffset,
    kIOSurfacePlaneSize, kIOSurfacePlaneWidth, kIOSurfaceWidth,
};

use crate::error::{Error, Result, Status};
use crate::layout::{Alignment, Layout, PlaneLayout, SurfaceDescriptor};
use crate::sys::iosurface_geometry::{Geometry, Plane};
use crate::sys::mach::port::SendRight;
use crate::sys::mach::task;
use crate::sys::memory_access::touch;
use crate::sys::memory_surface::Purgeable;
use crate::sys::shared_values::{check_room, entry_size};
use crate::sys::wire::{SurfaceDetail, SurfaceKind};

unsafe extern "C" {
    // The crate's own functions panic for null, which is what a surface without memory for the CPU answers.
    fn IOSurfaceGetBaseAddress(surface: &IOSurfaceRef) -> *mut c_void;
    fn IOSurfaceGetBaseAddressOfPlane(surface: &IOSurfaceRef, plane: usize) -> *mut c_void;
}

/// `kIOReturnCannotLock` of `IOKit/IOReturn.h`: what a lock answers that avoids a copy and cannot.
const CANNOT_LOCK: i32 = 0xe000_02cc_u32 as i32;
/// `kIOSurfacePurgeableKeepCurrent` of `IOSurface/IOSurfaceTypes.h`.
const KEEP_CURRENT: u32 = 3;

/// An IOSurface with its memory, checked. Clones are the same surface.
#[derive(Clone)]
pub(crate) struct Native {
    reference: CFRetained<IOSurfaceRef>,
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: an IOSurface is used from many threads by the system's own frameworks, none of its calls is bound to one;
// the reference count is atomic, the memory is mapped as long as a reference lives, and `Native` makes no reference
// into it.
unsafe impl Send for Native {}
// SAFETY: as above.
unsafe impl Sync for Native {}

/// A key of the framework.
macro_rules! key {
    ($name:ident) => {{
        // SAFETY: a constant of the framework, which is there before any code of a program runs.
        unsafe { $name }
    }};
}

impl Native {
    /// A new surface of zero bytes, which nobody finds who does not get its port: it is not global.
    pub(crate) fn create(descriptor: &SurfaceDescriptor) -> Result<Self> {
        let (row, offset) = match descriptor.format.plane_count() {
            1 => (key!(kIOSurfaceBytesPerRow), None),
            _ => (key!(kIOSurfacePlaneBytesPerRow), Some(key!(kIOSurfacePlaneOffset))),
        };
        let multiple = |key: &CFString| IOSurfaceRef::property_alignment(key).max(1) as u32;
        let alignment = Alignment { bytes_per_row: multiple(row), plane_offset: offset.map_or(1, multiple) };
        let layout = Layout::compute(descriptor, alignment)?;
        // SAFETY: the header wants a dictionary of its keys with the types that stand at each, as they are there.
        let made = unsafe { IOSurfaceRef::new(&properties(&layout)) };
        let made = made.ok_or_else(|| {
            let SurfaceDescriptor { width, height, format } = descriptor;
            let what = format!("the system makes no IOSurface of {width} x {height} pixels of {format}");
            Error::new(Status::ResourceExhausted, what)
        })?;
        let made = Self::adopt(made)?;
        if made.layout.descriptor() != *descriptor {
            return Err(Error::fixed(Status::System, "the system made another IOSurface than was asked for"));
        }
        Ok(made)
    }

    /// A surface that somebody made.
    ///
    /// Errors: unsupported for an unknown format, or if the CPU has no access; invalid argument if its parts do not
    /// fit together.
    pub(crate) fn adopt(reference: CFRetained<IOSurfaceRef>) -> Result<Self> {
        lock(&reference, IOSurfaceLockOptions::ReadOnly)?;
        // SAFETY: a living surface; the answer is an address, or null.
        let base = NonNull::new(unsafe { IOSurfaceGetBaseAddress(&reference) }.cast::<u8>());
        let geometry = base.map(|base| geometry(&reference, base));
        unlock(&reference, IOSurfaceLockOptions::ReadOnly)?;
        let (Some(base), Some(geometry)) = (base, geometry) else {
            return Err(Error::fixed(Status::Unsupported, "an IOSurface has no memory that the CPU can use"));
        };
        // The lock only brackets access; the memory stays mapped where it is as long as the surface is held.
        Ok(Self { layout: geometry.layout()?, reference, base })
    }

    /// The surface behind a port, whose right stays the caller's: the header says that it is not destroyed.
    pub(crate) fn look_up(port: u32) -> Result<Self> {
        let found = IOSurfaceRef::lookup_from_mach_port(port);
        Self::adopt(found.ok_or_else(|| Error::invalid("a port leads to no IOSurface"))?)
    }

    /// A new right that stands for the surface in one message. While it lives the surface counts as in use: so says
    /// the header. That is as it should be while it travels, and over when the receiver has looked the surface up.
    pub(crate) fn right_to_send(&self) -> Result<SendRight> {
        match self.reference.create_mach_port() {
            0 => Err(Error::fixed(Status::ResourceExhausted, "the system makes no port of an IOSurface")),
            name => Ok(SendRight::from_owned_name(name)),
        }
    }

    pub(crate) fn reference(&self) -> &CFRetained<IOSurfaceRef> {
        &self.reference
    }

    /// What a message says of the surface, beside its port.
    pub(crate) fn describe(&self) -> [u8; 32] {
        let descriptor = self.layout.descriptor();
        SurfaceDetail { descriptor, id: self.id(), kind: SurfaceKind::IoSurface }.encode()
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn id(&self) -> u32 {
        self.reference.id()
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) fn plane_base(&self, plane: usize) -> NonNull<u8> {
        // SAFETY: a layout's planes lie within its size, and `geometry` found that much memory behind the base.
        unsafe { self.base.add(self.layout.planes()[plane].offset) }
    }

    pub(crate) fn copy_in(&self, offset: usize, bytes: &[u8]) {
        assert!(offset.checked_add(bytes.len()).is_some_and(|end| end <= self.layout.size()));
        // SAFETY: the range is within the layout's size, and `geometry` found that much memory to read and write;
        // `bytes` is private memory. Others may write the same bytes meanwhile, as with any memory that is shared
        // without agreement: what is there then is a mixture, and no reference to it exists here.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.add(offset).as_ptr(), bytes.len()) };
    }

    pub(crate) fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        assert!(offset.checked_add(bytes.len()).is_some_and(|end| end <= self.layout.size()));
        // SAFETY: as in `copy_in`.
        unsafe {
            std::ptr::copy_nonoverlapping(self.base.add(offset).as_ptr(), bytes.as_mut_ptr(), bytes.len())
        };
    }

    /// Has every page made and mapped in this process.
    pub(crate) fn prefault(&self) -> Result<()> {
        self.lock(true, false)?;
        touch(self.layout.size(), |offset, bytes| self.copy_out(offset, bytes));
        self.unlock(true, false)
    }

    pub(crate) fn allocation_size(&self) -> usize {
        self.reference.alloc_size()
    }

    pub(crate) fn lock(&self, read_only: bool, avoid_sync: bool) -> Result<()> {
        lock(&self.reference, lock_options(read_only, avoid_sync))
    }

    pub(crate) fn unlock(&self, read_only: bool, avoid_sync: bool) -> Result<()> {
        unlock(&self.reference, lock_options(read_only, avoid_sync))
    }

    pub(crate) fn seed(&self) -> u32 {
        self.reference.seed()
    }

    /// Counts this process as a user. The kernel keeps the count, so there is no place to give back.
    pub(crate) fn begin_use(&self) -> Result<usize> {
        self.reference.increment_use_count();
        Ok(0)
    }

    pub(crate) fn end_use(&self, _: usize) {
        self.reference.decrement_use_count();
    }

    pub(crate) fn is_in_use(&self) -> bool {
        self.reference.is_in_use()
    }

    pub(crate) fn set_purgeable(&self, state: Option<Purgeable>) -> Result<Purgeable> {
        let mut before = 0;
        let new = state.map_or(KEEP_CURRENT, |state| state as u32);
        // SAFETY: one word is written, which lives across the call.
        let code = unsafe { self.reference.set_purgeable(new, &raw mut before) };
        check("changing the purgeable state of an IOSurface", code)?;
        Ok(Purgeable::from_shared(before))
    }

    /// Attaches a value, as data: that is what two programs of this library understand. What Core Graphics reads and
    /// writes under its own key is the colour space as a property list, for one that has a name that name as a string.
    pub(crate) fn set_value(&self, name: &str, value: &[u8]) -> Result<()> {
        let others = self.all_values().into_iter().filter(|(other, _)| other != name);
        let others: usize = others.map(|(name, value)| entry_size(name.len(), value.len())).sum();
        check_room(others.saturating_add(entry_size(name.len(), value.len())))?;
        let key = CFString::from_str(name);
        let text = std::str::from_utf8(value).ok().filter(|_| *key == *key!(kIOSurfaceColorSpace));
        let value: CFRetained<CFType> = match text {
            Some(text) => CFString::from_str(text).into(),
            None => CFData::from_bytes(value).into(),
        };
        // SAFETY: both are types of property lists, as the header asks.
        unsafe { self.reference.set_value(&key, &value) };
        Ok(())
    }

    pub(crate) fn value(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.reference.value(&CFString::from_str(name)).and_then(|value| bytes_of(&value)))
    }

    pub(crate) fn remove_value(&self, name: &str) -> Result<()> {
        self.reference.remove_value(&CFString::from_str(name));
        Ok(())
    }

    pub(crate) fn value_names(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.all_values().into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// All values that are bytes or text, whoever attached them. Others, as the system's own, are not the library's.
    fn all_values(&self) -> Vec<(String, Vec<u8>)> {
        let Some(all) = self.reference.all_values() else { return Vec::new() };
        // SAFETY: the values are a property list, so all in it are Core Foundation's objects; of which types, a peer
        // has chosen, and is looked at below.
        let all = unsafe { CFRetained::cast_unchecked::<CFDictionary<CFType, CFType>>(all) };
        let (keys, values) = all.to_vecs();
        let both = keys.iter().zip(&values);
        both.filter_map(|(key, value)| Some((key.downcast_ref::<CFString>()?.to_string(), bytes_of(value)?)))
            .collect()
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IOSurface").field("id", &self.id()).field("layout", &self.layout).finish()
    }
}

/// The bytes of a value that a peer may have attached, if it is of a type that has some.
fn bytes_of(value: &CFType) -> Option<Vec<u8>> {
    let text = || Some(value.downcast_ref::<CFString>()?.to_string().into_bytes());
    value.downcast_ref::<CFData>().map(CFData::to_vec).or_else(text)
}

fn number(value: usize) -> CFRetained<CFType> {
    CFNumber::new_i64(value as i64).into()
}

fn dictionary(entries: &[(&CFString, CFRetained<CFType>)]) -> CFRetained<CFDictionary> {
    let keys: Vec<&CFString> = entries.iter().map(|(key, _)| *key).collect();
    let values: Vec<&CFType> = entries.iter().map(|(_, value)| &**value).collect();
    CFDictionary::from_slices(&keys, &values).as_opaque().retain()
}

/// What `IOSurfaceCreate` is to make. `kIOSurfaceIsGlobal` is not among it, on purpose.
fn properties(layout: &Layout) -> CFRetained<CFDictionary> {
    let SurfaceDescriptor { width, height, format } = layout.descriptor();
    let size = IOSurfaceRef::align_property(key!(kIOSurfaceAllocSize), layout.size());
    let mut entries = vec![
        (key!(kIOSurfaceWidth), number(width as usize)),
        (key!(kIOSurfaceHeight), number(height as usize)),
        (key!(kIOSurfacePixelFormat), number(format.four_cc() as usize)),
        (key!(kIOSurfaceAllocSize), number(size)),
    ];
    if let [plane] = layout.planes() {
        entries.push((key!(kIOSurfaceBytesPerElement), number(plane.bytes_per_element)));
        entries.push((key!(kIOSurfaceBytesPerRow), number(plane.bytes_per_row)));
    } else {
        let planes: Vec<CFRetained<CFType>> =
            layout.planes().iter().map(|plane| plane_properties(plane).into()).collect();
        let planes = CFArray::from_retained_objects(&planes);
        entries.push((key!(kIOSurfacePlaneInfo), planes.as_opaque().retain().into()));
    }
    dictionary(&entries)
}

fn plane_properties(plane: &PlaneLayout) -> CFRetained<CFDictionary> {
    dictionary(&[
        (key!(kIOSurfacePlaneWidth), number(plane.width as usize)),
        (key!(kIOSurfacePlaneHeight), number(plane.height as usize)),
        (key!(kIOSurfacePlaneBytesPerRow), number(plane.bytes_per_row)),
        (key!(kIOSurfacePlaneOffset), number(plane.offset)),
        (key!(kIOSurfacePlaneSize), number(plane.size)),
        (key!(kIOSurfacePlaneBytesPerElement), number(plane.bytes_per_element)),
        (key!(kIOSurfacePlaneElementWidth), number(1)),
        (key!(kIOSurfacePlaneElementHeight), number(1)),
    ])
}

/// What IOSurface says of the surface, and the kernel of its memory.
fn geometry(surface: &IOSurfaceRef, base: NonNull<u8>) -> Geometry {
    // Without planes the calls for plane 0 answer for the whole surface: so says the header.
    let planes = (0..surface.plane_count().clamp(1, crate::layout::MAX_PLANES + 1)).map(|index| Plane {
        // SAFETY: a living surface; the answer is an address.
        base: unsafe { IOSurfaceGetBaseAddressOfPlane(surface, index) }.addr(),
        width: surface.width_of_plane(index),
        height: surface.height_of_plane(index),
        bytes_per_row: surface.bytes_per_row_of_plane(index),
    });
    Geometry {
        four_cc: surface.pixel_format(),
        width: surface.width(),
        height: surface.height(),
        base: base.as_ptr().addr(),
        size: writable_bytes(base, surface.alloc_size()),
        planes: planes.collect(),
    }
}

/// How many bytes of `wanted` this process can read and write from an address on. The allocation's size alone does
/// not say it: the base address can lie behind the beginning of the allocation (`kIOSurfaceOffset`).
fn writable_bytes(base: NonNull<u8>, wanted: usize) -> usize {
    let begin = base.as_ptr().addr() as u64;
    let mut end = begin;
    while end - begin < wanted as u64 {
        let (mut address, mut size, mut name) = (end, 0, 0);
        // SAFETY: a structure of numbers, for which zeroes are valid.
        let mut info: vm_region_basic_info_64 = unsafe { std::mem::zeroed() };
        let mut count = vm_region_basic_info_64::count();
        // SAFETY: the kernel writes at most `count` words of the structure, and all else lives across the call.
        let code = unsafe {
            mach_vm_region(
                task(),
                &raw mut address,
                &raw mut size,
                VM_REGION_BASIC_INFO_64,
                (&raw mut info).cast(),
                &raw mut count,
                &raw mut name,
            )
        };
        let access = VM_PROT_READ | VM_PROT_WRITE;
        if code != 0 || address > end || info.protection & access != access {
            break;
        }
        end = address + size;
    }
    (end - begin).min(wanted as u64) as usize
}

fn lock_options(read_only: bool, avoid_sync: bool) -> IOSurfaceLockOptions {
    let mut options = IOSurfaceLockOptions::empty();
    options.set(IOSurfaceLockOptions::ReadOnly, read_only);
    options.set(IOSurfaceLockOptions::AvoidSync, avoid_sync);
    options
}

fn lock(surface: &IOSurfaceRef, options: IOSurfaceLockOptions) -> Result<()> {
    // SAFETY: the seed is not asked for.
    check("locking an IOSurface", unsafe { surface.lock(options, std::ptr::null_mut()) })
}

fn unlock(surface: &IOSurfaceRef, options: IOSurfaceLockOptions) -> Result<()> {
    // SAFETY: the seed is not asked for.
    check("unlocking an IOSurface", unsafe { surface.unlock(options, std::ptr::null_mut()) })
}

fn check(what: &str, code: i32) -> Result<()> {
    match code {
        0 => Ok(()),
        CANNOT_LOCK => Err(Error::new(Status::WrongState, format!("{what}: it cannot be locked now"))),
        _ => Err(Error::new(Status::System, format!("{what}: the system says {code:#x}"))),
    }
}
