//! Producers: draw into the images of a swapchain, and present them as frames.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::boundary::{call, value};
use super::consumer_right::sfp_consumer_right;
use super::handle::{
    Options, Slot, borrow, choice, choices, consume, end_of, lend, number_of, options, out, release, retain,
};
use super::status::sfp_status;
use super::surface::{
    backing_from, descriptor_from, format_from, pixels_of, sfp_backing, sfp_color_space, sfp_lock,
    sfp_pixel_format, sfp_pixels, sfp_surface, sfp_surface_descriptor,
};
use crate::error::{Error, Result, Status};
use crate::surface::LockMode;
use crate::swapchain::{
    Allocator, Image, PresentInfo, PresentMode, Producer, ProducerStatistics, Rectangle, SwapchainOptions,
};
use crate::time::Timeout;

/// Draws into the images of a swapchain and presents them: sfp_producer_acquire(),
/// sfp_producer_present().
///
/// An image is *free*, then *acquired* by the producer, which draws, then *presented*: consumers can
/// come to *hold* it as a frame. It is free again when it is not the newest frame and nobody holds it.
/// No pixel is copied on the way, and while the other side is awake there is no system call either.
pub struct sfp_producer(pub(super) Producer);

/// An image of a swapchain that is the producer's alone, to draw into.
///
/// It is for one thread at a time. An image that was presented leaves its other references, if there
/// are any, as empty handles.
pub struct sfp_image(Slot<Drawing>);

/// What an image's handle has.
struct Drawing {
    image: Image,
    lock: Option<(LockMode, bool)>,
    /// Made when somebody asks for it.
    surface: Option<Arc<sfp_surface>>,
}

/// How frames get from the producer to its consumers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_present_mode {
    /// For options: SFP_PRESENT_MODE_MAILBOX for a swapchain, and the swapchain's own mode for a
    /// consumer.
    Default = 0,
    /// The newest frame wins. The producer never waits while there are two images more than frames
    /// held.
    Mailbox = 1,
    /// Every consumer sees every frame, in order; the producer waits for them. While there is no
    /// consumer, frames wait for one. At least two images.
    Fifo = 2,
    /// One image, drawn while it is shown: no waiting, and tearing.
    Immediate = 3,
}
choices!(sfp_present_mode: Default, Mailbox, Fifo, Immediate);

/// Which side makes the images' memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum sfp_allocator {
    /// The producer's process.
    Producer = 0,
    /// The process of the first consumer that can. The producer waits for it.
    Consumer = 1,
}
choices!(sfp_allocator: Producer, Consumer);

/// The most images of a swapchain.
pub const SFP_SWAPCHAIN_MAX_IMAGES: u32 = 16;
const _: () = assert!(SFP_SWAPCHAIN_MAX_IMAGES == crate::swapchain::MAX_IMAGES);
/// Bytes of your own in each frame's record.
pub const SFP_FRAME_USER_BYTES: usize = 64;
const _: () = assert!(SFP_FRAME_USER_BYTES == crate::swapchain::USER_BYTES);

/// What a swapchain is made with. Begin with SFP_SWAPCHAIN_OPTIONS_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_swapchain_options {
    /// sizeof(sfp_swapchain_options), set by SFP_SWAPCHAIN_OPTIONS_INIT.
    pub struct_size: usize,
    /// Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
    pub width: u32,
    /// Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
    pub height: u32,
    /// What the pixels are; 0 is SFP_PIXEL_FORMAT_BGRA8.
    pub format: MaybeUninit<sfp_pixel_format>,
    /// How many images: 2 to SFP_SWAPCHAIN_MAX_IMAGES, and 1 in immediate mode. 0 is 3, or that 1.
    pub images: u32,
    /// How frames get to consumers; 0 is SFP_PRESENT_MODE_MAILBOX.
    pub mode: MaybeUninit<sfp_present_mode>,
    /// Which side makes the images' memory; 0 is SFP_ALLOCATOR_PRODUCER.
    pub allocator: MaybeUninit<sfp_allocator>,
    /// What the images' memory is, whichever side makes it; 0 is SFP_BACKING_NATIVE.
    pub backing: MaybeUninit<sfp_backing>,
    /// 0.
    pub reserved: u32,
}

// SAFETY: the size is the first field, and all others are integers or enums of which any number is allowed.
unsafe impl Options for sfp_swapchain_options {
    const FIRST_SIZE: usize = end_of!(sfp_swapchain_options, allocator: sfp_allocator);
}

/// A rectangle in pixels, from the upper left corner of the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct sfp_rectangle {
    /// From the left edge.
    pub x: u32,
    /// From the upper edge.
    pub y: u32,
    /// To the right.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// What a producer says of a frame besides its pixels. Begin with SFP_PRESENT_INFO_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_present_info {
    /// sizeof(sfp_present_info), set by SFP_PRESENT_INFO_INIT.
    pub struct_size: usize,
    /// When the frame is meant to be shown, in nanoseconds of the clock of sfp_time_now(); 0 is as soon
    /// as possible.
    pub display_ns: i64,
    /// What has changed since the last frame; without area, everything may have.
    pub damage: sfp_rectangle,
    /// How the colours are meant; 0 is as the surface says.
    pub color_space: MaybeUninit<sfp_color_space>,
    /// 0.
    pub reserved: u32,
    /// Your own, for the consumers to read.
    pub user: [u8; 64],
}

// SAFETY: the size is the first field, and all others are integers or enums of which any number is allowed.
unsafe impl Options for sfp_present_info {
    const FIRST_SIZE: usize = end_of!(sfp_present_info, user: [u8; SFP_FRAME_USER_BYTES]);
}

/// What a producer counts, from its beginning.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_producer_statistics {
    /// Frames presented; also the number of the newest one.
    pub presented: u64,
    /// How often sfp_producer_acquire() did not find an image at once.
    pub waited: u64,
    /// Messages that were no such of a swapchain, and consumers that were refused.
    pub refused: u64,
    /// Consumers that are attached now.
    pub consumers: u32,
    /// 0.
    pub reserved: u32,
}

pub(super) fn mode_from(given: MaybeUninit<sfp_present_mode>) -> Result<Option<PresentMode>> {
    let mode = given;
    Ok(match choice!(mode) {
        sfp_present_mode::Default => None,
        sfp_present_mode::Mailbox => Some(PresentMode::Mailbox),
        sfp_present_mode::Fifo => Some(PresentMode::Fifo),
        sfp_present_mode::Immediate => Some(PresentMode::Immediate),
    })
}

pub(super) fn swapchain_options_from(given: sfp_swapchain_options) -> Result<SwapchainOptions> {
    if given.reserved != 0 {
        return Err(Error::fixed(Status::InvalidArgument, "`reserved` of a swapchain's options is not 0"));
    }
    let allocator = given.allocator;
    let mode = mode_from(given.mode)?.unwrap_or_default();
    let default = if mode == PresentMode::Immediate { 1 } else { SwapchainOptions::default().images };
    Ok(SwapchainOptions {
        width: given.width,
        height: given.height,
        format: format_from(given.format)?,
        images: if given.images == 0 { default } else { given.images },
        mode,
        allocator: match choice!(allocator) {
            sfp_allocator::Producer => Allocator::Producer,
            sfp_allocator::Consumer => Allocator::Consumer,
        },
        backing: backing_from(given.backing)?,
    })
}

fn present_info_from(given: sfp_present_info) -> Result<PresentInfo> {
    if given.reserved != 0 {
        return Err(Error::fixed(Status::InvalidArgument, "`reserved` of a frame's information is not 0"));
    }
    let (color_space, sfp_rectangle { x, y, width, height }) = (given.color_space, given.damage);
    Ok(PresentInfo {
        display_ns: given.display_ns,
        damage: (width != 0 && height != 0).then_some(Rectangle { x, y, width, height }),
        color_space: if number_of(color_space) == 0 { None } else { choice!(color_space).into() },
        user: given.user,
    })
}

impl sfp_image {
    fn new(image: Image) -> Self {
        Self(Slot::new(Drawing { image, lock: None, surface: None }))
    }
}

impl Drop for sfp_image {
    fn drop(&mut self) {
        // One that is given back while it is locked is unlocked first; all others are not locked.
        let _ = self.0.with(Drawing::unlock);
    }
}

impl Drawing {
    fn surface(&mut self) -> &Arc<sfp_surface> {
        self.surface.get_or_insert_with(|| Arc::new(sfp_surface(self.image.surface().clone())))
    }

    fn lock(&mut self, mode: sfp_lock) -> Result<sfp_pixels> {
        if self.lock.is_some() {
            return Err(Error::fixed(Status::WrongState, "the image is locked already"));
        }
        let (mode, avoid_sync) = mode.mode();
        self.image.surface().begin_lock(mode, avoid_sync)?;
        self.lock = Some((mode, avoid_sync));
        pixels_of(self.image.surface())
    }

    fn unlock(&mut self) -> Result<()> {
        let Some((mode, avoid_sync)) = self.lock.take() else {
            return Err(Error::fixed(Status::WrongState, "the image is not locked"));
        };
        self.image.surface().end_lock(mode, avoid_sync)
    }

    fn present(self, producer: &Producer, info: &PresentInfo) -> Result<u64, (Option<Self>, Error)> {
        if self.lock.is_some() {
            let error = Error::fixed(Status::WrongState, "a locked image was presented: unlock it first");
            return Err((Some(self), error));
        }
        let Self { image, lock, surface } = self;
        let gone = producer.present(image, info);
        gone.map_err(|(image, error)| (Some(Self { image, lock, surface }), error))
    }
}

/// Makes a swapchain, for consumers that get a right of sfp_producer_create_consumer_right(). The child
/// of a host uses sfp_child_create_producer() instead.
///
/// Parameters:
/// - `options`: size, format, images, mode; begin with SFP_SWAPCHAIN_OPTIONS_INIT.
/// - `producer`: becomes the producer, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: a side is 0 or over SFP_SURFACE_MAX_DIMENSION, so many images do not
///   go with the mode, `mode` or `allocator` is none, or `struct_size` is not set.
/// - SFP_STATUS_UNSUPPORTED: the format is none of sfp_pixel_format; or the options are of a later
///   version, and ask for something that this one does not have.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_create(
    options: *const sfp_swapchain_options,
    producer: *mut *mut sfp_producer,
) -> sfp_status {
    call(|| {
        let (options, producer) = (swapchain_options_from(options!(options))?, out!(producer));
        producer.give(sfp_producer(Producer::create(&options)?));
        Ok(())
    })
}

/// Makes one more reference to a producer.
///
/// Parameters:
/// - `producer`: the producer; NULL is nothing.
///
/// Returns `producer`, as a reference of its own that needs its own sfp_producer_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_retain(producer: *mut sfp_producer) -> *mut sfp_producer {
    retain!(producer)
}

/// Ends a reference to a producer. The last one ends the stream: consumers see the frames that are
/// left, then SFP_STATUS_CLOSED. So do those who have a right to consume and did not use it yet: what they
/// need waits with the right, also after this process has ended. It does not wait for anybody;
/// sfp_producer_drain() does.
///
/// Parameters:
/// - `producer`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_release(producer: *mut sfp_producer) {
    release!(producer);
}

/// Takes an image to draw into; waits while there is none. It has the pixels of some earlier frame, or
/// zeroes.
///
/// Parameters:
/// - `producer`: the producer.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `image`: becomes the image, a reference that sfp_producer_present() or you end.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: no image became free.
/// - SFP_STATUS_PEER_DEAD: all consumers are gone, and no right to become one is left anywhere.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: an image is waited for that a consumer keeps because this process lacks
///   descriptors or memory to serve it. Nothing is lost; a later call goes on.
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the one that made the producer.
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_acquire(
    producer: *mut sfp_producer,
    timeout_ns: i64,
    image: *mut *mut sfp_image,
) -> sfp_status {
    call(|| {
        let (producer, image) = (borrow!(producer), out!(image));
        image.give(sfp_image::new(producer.0.acquire(Timeout::from_nanoseconds(timeout_ns))?));
        Ok(())
    })
}

/// Makes an image the newest frame.
///
/// Success ends your reference to the image: do not release it, and do not touch its pixels. On failure
/// it is still yours, to be presented or released.
///
/// Parameters:
/// - `producer`: the producer that the image was acquired from.
/// - `image`: the image, not locked.
/// - `info`: what to say of the frame; begin with SFP_PRESENT_INFO_INIT. It can be NULL: nothing.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the image is locked; it is of another producer; a frame of another size
///   was presented since it was acquired; or its handle is empty, because it was presented before.
/// - SFP_STATUS_INVALID_ARGUMENT: `color_space` is none, `reserved` not 0, or `struct_size` not set.
/// - SFP_STATUS_UNSUPPORTED: the information is of a later version, and says something that this one
///   does not know.
///
/// Threads: any, several at once with one producer. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_present(
    producer: *mut sfp_producer,
    image: *mut sfp_image,
    info: *const sfp_present_info,
) -> sfp_status {
    call(|| {
        let (producer, contents) = (borrow!(producer), &borrow!(image).0);
        let info = if info.is_null() { PresentInfo::default() } else { present_info_from(options!(info))? };
        contents.consume_by(|drawing| drawing.present(&producer.0, &info))?;
        consume!(image);
        Ok(())
    })
}

/// Gives a swapchain images of another size. Consumers keep showing the old ones until the first frame
/// of the new size is there; images that are being drawn can be presented until then.
///
/// Parameters:
/// - `producer`: the producer.
/// - `width`: pixels, 1 to SFP_SURFACE_MAX_DIMENSION.
/// - `height`: pixels, 1 to SFP_SURFACE_MAX_DIMENSION.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: a side is 0 or over SFP_SURFACE_MAX_DIMENSION.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for them.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_resize(
    producer: *mut sfp_producer,
    width: u32,
    height: u32,
) -> sfp_status {
    call(|| borrow!(producer).0.resize(width, height))
}

/// Gives a swapchain images of another size or format; otherwise as sfp_producer_resize().
///
/// The images' memory stays of the swapchain's backing, whatever the descriptor has there.
///
/// Parameters:
/// - `producer`: the producer.
/// - `descriptor`: size and format; begin with SFP_SURFACE_DESCRIPTOR_INIT.
///
/// Returns as sfp_surface_create().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_reconfigure(
    producer: *mut sfp_producer,
    descriptor: *const sfp_surface_descriptor,
) -> sfp_status {
    call(|| {
        let (producer, (descriptor, backing)) = (borrow!(producer), descriptor_from(options!(descriptor))?);
        if backing != producer.0.backing() {
            let message = "the images of a swapchain cannot be given another backing";
            return Err(Error::fixed(Status::Unsupported, message));
        }
        producer.0.reconfigure(&descriptor)
    })
}

/// Looks after consumers that come and go, without waiting.
///
/// sfp_producer_acquire() does it too. A producer that draws rarely calls this when sfp_producer_fd() is
/// readable.
///
/// Parameters:
/// - `producer`: the producer.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_service(producer: *mut sfp_producer) -> sfp_status {
    call(|| {
        borrow!(producer).0.service();
        Ok(())
    })
}

/// Waits until every consumer has what it is to have: in fifo mode every frame, else the newest one.
///
/// Rights that were not used yet are waited for, too, until they are used or nobody has them any more. A
/// program calls it before its end, if its frames must be seen and not only kept for who comes late.
///
/// Parameters:
/// - `producer`: the producer.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: somebody does not have everything yet.
/// - SFP_STATUS_PEER_DEAD: frames are left that nobody will see: all consumers are gone, and no right to
///   become one is left.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory to wait with.
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the one that made the producer.
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_drain(producer: *mut sfp_producer, timeout_ns: i64) -> sfp_status {
    call(|| borrow!(producer).0.drain(Timeout::from_nanoseconds(timeout_ns)))
}

/// Tells what a producer has counted.
///
/// Parameters:
/// - `producer`: the producer.
/// - `statistics`: becomes what was counted.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_get_statistics(
    producer: *const sfp_producer,
    statistics: *mut sfp_producer_statistics,
) -> sfp_status {
    call(|| {
        let (producer, statistics) = (borrow!(producer), out!(statistics));
        let ProducerStatistics { presented, waited, consumers, refused } = producer.0.statistics();
        statistics.set(sfp_producer_statistics { presented, waited, refused, consumers, reserved: 0 });
        Ok(())
    })
}

/// Makes a right to consume a swapchain, for one or more consumers of this or any other process.
///
/// Parameters:
/// - `producer`: the producer.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_create_consumer_right(
    producer: *mut sfp_producer,
    right: *mut *mut sfp_consumer_right,
) -> sfp_status {
    call(|| {
        let (producer, right) = (borrow!(producer), out!(right));
        right.give(sfp_consumer_right(producer.0.consumer_right()?));
        Ok(())
    })
}

/// Sets how long a wait of sfp_producer_acquire() watches the shared memory before it sleeps: 50 µs unless it is set.
///
/// Watching takes a processor, and saves the tens of microseconds that it costs to sleep and to be woken.
/// Where waits turn out to be longer, it sleeps at once, whatever the time.
///
/// Parameters:
/// - `producer`: the producer.
/// - `time_ns`: the longest time to watch, in nanoseconds; 0 is not to watch.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any, also while another one waits. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_set_spin_time(producer: *mut sfp_producer, time_ns: u64) -> sfp_status {
    call(|| {
        borrow!(producer).0.set_spin_time(Duration::from_nanos(time_ns));
        Ok(())
    })
}

/// A file descriptor that is readable when sfp_producer_acquire(), without waiting, or
/// sfp_producer_service() has something to do, for poll, epoll or kqueue.
///
/// Acquire with the timeout 0 until SFP_STATUS_TIMED_OUT, then wait for the descriptor.
///
/// Parameters:
/// - `producer`: the producer.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the producer was released. -1 if `producer` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_producer_fd(producer: *const sfp_producer) -> c_int {
    value(-1, || Ok(borrow!(producer).0.descriptor().as_raw_fd()))
}

/// Makes one more reference to an image.
///
/// Parameters:
/// - `image`: the image; NULL is nothing.
///
/// Returns `image`, as a reference of its own that needs its own sfp_image_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_image_retain(image: *mut sfp_image) -> *mut sfp_image {
    retain!(image)
}

/// Ends a reference to an image. The last one gives it back undrawn, unless it was presented; a lock of
/// it ends.
///
/// Parameters:
/// - `image`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_image_release(image: *mut sfp_image) {
    release!(image);
}

/// The surface of an image.
///
/// Parameters:
/// - `image`: the image.
///
/// Returns the surface, which is the image's: do not release it, and do not use it after the image was
/// presented or released, unless you retain it. That keeps the memory, and not the right to draw. NULL
/// if `image` is NULL or empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_image_surface(image: *mut sfp_image) -> *mut sfp_surface {
    value(std::ptr::null_mut(), || borrow!(image).0.with(|drawing| Ok(lend(drawing.surface()))))
}

/// Which of its swapchain's images it is, for tables of what belongs to each.
///
/// Parameters:
/// - `image`: the image.
///
/// Returns the index, from 0; 0 if `image` is NULL or empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_image_index(image: *const sfp_image) -> usize {
    value(0, || borrow!(image).0.with(|drawing| Ok(drawing.image.index())))
}

/// Locks an image for access by the CPU, until sfp_image_unlock(). An image has one lock at a time.
///
/// Parameters:
/// - `image`: the image.
/// - `mode`: what the lock is for.
/// - `pixels`: becomes the place of the pixels, which is theirs until the unlock.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is no such mode.
/// - SFP_STATUS_WRONG_STATE: the image is locked; the handle is empty; or as sfp_surface_lock().
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_image_lock(
    image: *mut sfp_image,
    mode: MaybeUninit<sfp_lock>,
    pixels: *mut sfp_pixels,
) -> sfp_status {
    call(|| {
        let (image, mode, pixels) = (borrow!(image), choice!(mode), out!(pixels));
        pixels.set(image.0.with(|drawing| drawing.lock(mode))?);
        Ok(())
    })
}

/// Ends the lock of an image.
///
/// Parameters:
/// - `image`: the image.
///
/// Returns:
/// - SFP_STATUS_WRONG_STATE: the image is not locked, or the handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_image_unlock(image: *mut sfp_image) -> sfp_status {
    call(|| borrow!(image).0.with(Drawing::unlock))
}
