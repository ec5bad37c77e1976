//! Consumers: take the frames of a swapchain, and show them.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::boundary::{call, value};
use super::consumer_right::sfp_consumer_right;
use super::handle::{Options, borrow, end_of, lend, options, out, release, retain};
use super::producer::{mode_from, sfp_present_mode, sfp_rectangle};
use super::status::sfp_status;
use super::surface::{sfp_color_space, sfp_surface};
use crate::error::{Error, Result, Status};
use crate::swapchain::{Consumer, ConsumerOptions, ConsumerStatistics, Frame, FrameInfo, PresentInfo};
use crate::time::Timeout;

/// Takes the frames of a swapchain: sfp_consumer_acquire().
pub struct sfp_consumer(pub(super) Consumer);

/// A frame that is held: nobody draws into it until it is released, whatever happens to the producer.
pub struct sfp_frame {
    frame: Frame,
    /// Made when somebody asks for it.
    surface: OnceLock<Arc<sfp_surface>>,
}

/// What a consumer is made with. Begin with SFP_CONSUMER_OPTIONS_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_consumer_options {
    /// sizeof(sfp_consumer_options), set by SFP_CONSUMER_OPTIONS_INIT.
    pub struct_size: usize,
    /// How to take frames; 0 is the swapchain's own mode. A fifo swapchain can be looked at in mailbox
    /// mode, which does not make its producer wait; the producer refuses any other difference.
    pub mode: MaybeUninit<sfp_present_mode>,
    /// 0.
    pub reserved: u32,
}

// SAFETY: the size is the first field, and all others are integers or enums of which any number is allowed.
unsafe impl Options for sfp_consumer_options {
    const FIRST_SIZE: usize = end_of!(sfp_consumer_options, reserved: u32);
}

/// What the producer says of a frame: its word, not a fact.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_frame_info {
    /// Counts the frames of the swapchain from 1.
    pub number: u64,
    /// When it was presented, in nanoseconds of the clock of sfp_time_now().
    pub presented_ns: i64,
    /// When it is meant to be shown, by the same clock; 0 is as soon as possible.
    pub display_ns: i64,
    /// What has changed since the frame before; all 0 if everything may have.
    pub damage: sfp_rectangle,
    /// How the colours are meant; SFP_COLOR_SPACE_UNKNOWN is as the surface says.
    pub color_space: sfp_color_space,
    /// 0.
    pub reserved: u32,
    /// The producer's own.
    pub user: [u8; 64],
}

/// What a consumer counts, from its beginning.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct sfp_consumer_statistics {
    /// Frames that the producer presented since the first one that this consumer could see.
    pub presented: u64,
    /// Frames taken.
    pub shown: u64,
    /// Frames that were replaced by newer ones before they were taken.
    pub dropped: u64,
    /// How often sfp_consumer_acquire() had to wait.
    pub waited: u64,
}

fn consumer_options_from(given: sfp_consumer_options) -> Result<ConsumerOptions> {
    if given.reserved != 0 {
        return Err(Error::fixed(Status::InvalidArgument, "`reserved` of a consumer's options is not 0"));
    }
    Ok(ConsumerOptions { mode: mode_from(given.mode)? })
}

impl From<&FrameInfo> for sfp_frame_info {
    fn from(info: &FrameInfo) -> Self {
        let PresentInfo { display_ns, damage, color_space, user } = info.present;
        let damage = damage.unwrap_or_default();
        Self {
            number: info.number,
            presented_ns: info.presented_ns,
            display_ns,
            damage: sfp_rectangle { x: damage.x, y: damage.y, width: damage.width, height: damage.height },
            color_space: color_space.into(),
            reserved: 0,
            user,
        }
    }
}

/// Uses a right to become a consumer. Does not wait: the producer takes part when it next acquires,
/// presents or services, and the first sfp_consumer_acquire() waits for that. A producer that has ended the
/// stream left its last frames with the right, if that was not used before: they can be acquired.
///
/// Parameters:
/// - `right`: the right; it stays yours, for more consumers, or to be released.
/// - `options`: how to take frames; begin with SFP_CONSUMER_OPTIONS_INIT. It can be NULL: the defaults.
/// - `consumer`: becomes the consumer, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_CLOSED: the producer has ended the stream, and left nothing with this right.
/// - SFP_STATUS_PEER_DEAD: the producer is gone without having ended the stream.
/// - SFP_STATUS_WRONG_STATE: this process is a fork of the one that has the right.
/// - SFP_STATUS_TIMED_OUT: more consumers are about to attach than the producer takes in; try later.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
/// - SFP_STATUS_INVALID_ARGUMENT: `mode` is none, `reserved` not 0, or `struct_size` not set.
/// - SFP_STATUS_UNSUPPORTED: the options are of a later version, and ask for something that this one
///   does not have.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_attach(
    right: *mut sfp_consumer_right,
    options: *const sfp_consumer_options,
    consumer: *mut *mut sfp_consumer,
) -> sfp_status {
    call(|| {
        let (right, consumer) = (borrow!(right), out!(consumer));
        let options = if options.is_null() {
            ConsumerOptions::default()
        } else {
            consumer_options_from(options!(options))?
        };
        consumer.give(sfp_consumer(Consumer::attach(right.0.try_clone()?, &options)?));
        Ok(())
    })
}

/// Makes one more reference to a consumer.
///
/// Parameters:
/// - `consumer`: the consumer; NULL is nothing.
///
/// Returns `consumer`, as a reference of its own that needs its own sfp_consumer_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_retain(consumer: *mut sfp_consumer) -> *mut sfp_consumer {
    retain!(consumer)
}

/// Ends a reference to a consumer. The last one tells the producer not to wait for it any more. Frames
/// that are still held stay so.
///
/// Parameters:
/// - `consumer`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_release(consumer: *mut sfp_consumer) {
    release!(consumer);
}

/// Takes the next frame: the newest one, or in fifo mode the next in order. Waits while there is none
/// that was not taken before.
///
/// Parameters:
/// - `consumer`: the consumer.
/// - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
/// - `frame`: becomes the frame, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_TIMED_OUT: no frame came.
/// - SFP_STATUS_CLOSED: the producer ended the stream, and all its frames were taken.
/// - SFP_STATUS_PEER_DEAD: the producer died, and all its frames were taken.
/// - SFP_STATUS_REFUSED: the producer does not want this consumer; the message says why.
/// - SFP_STATUS_WRONG_STATE: this consumer holds SFP_SWAPCHAIN_MAX_IMAGES frames: release one first.
///
/// Threads: any, several at once. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_acquire(
    consumer: *mut sfp_consumer,
    timeout_ns: i64,
    frame: *mut *mut sfp_frame,
) -> sfp_status {
    call(|| {
        let (consumer, frame) = (borrow!(consumer), out!(frame));
        let taken = consumer.0.acquire(Timeout::from_nanoseconds(timeout_ns))?;
        frame.give(sfp_frame { frame: taken, surface: OnceLock::new() });
        Ok(())
    })
}

/// Tells what a consumer has counted.
///
/// Parameters:
/// - `consumer`: the consumer.
/// - `statistics`: becomes what was counted.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_get_statistics(
    consumer: *const sfp_consumer,
    statistics: *mut sfp_consumer_statistics,
) -> sfp_status {
    call(|| {
        let (consumer, statistics) = (borrow!(consumer), out!(statistics));
        let ConsumerStatistics { presented, shown, dropped, waited } = consumer.0.statistics();
        statistics.set(sfp_consumer_statistics { presented, shown, dropped, waited });
        Ok(())
    })
}

/// Sets how long a wait of sfp_consumer_acquire() watches the shared memory before it sleeps: 50 µs unless it is set.
///
/// Watching takes a processor, and saves the tens of microseconds that it costs to sleep and to be woken.
/// Where waits turn out to be longer, it sleeps at once, whatever the time.
///
/// Parameters:
/// - `consumer`: the consumer.
/// - `time_ns`: the longest time to watch, in nanoseconds; 0 is not to watch.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any, also while another one waits. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_set_spin_time(consumer: *mut sfp_consumer, time_ns: u64) -> sfp_status {
    call(|| {
        borrow!(consumer).0.set_spin_time(Duration::from_nanos(time_ns));
        Ok(())
    })
}

/// A file descriptor that is readable when sfp_consumer_acquire(), without waiting, has something to do,
/// for poll, epoll or kqueue.
///
/// Acquire with the timeout 0 until SFP_STATUS_TIMED_OUT, then wait for the descriptor.
///
/// Parameters:
/// - `consumer`: the consumer.
///
/// Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
/// after the consumer was released. -1 if `consumer` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_fd(consumer: *const sfp_consumer) -> c_int {
    value(-1, || Ok(borrow!(consumer).0.descriptor().as_raw_fd()))
}

/// Makes one more reference to a frame.
///
/// Parameters:
/// - `frame`: the frame; NULL is nothing.
///
/// Returns `frame`, as a reference of its own that needs its own sfp_frame_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_frame_retain(frame: *mut sfp_frame) -> *mut sfp_frame {
    retain!(frame)
}

/// Ends a reference to a frame. The last one lets the producer draw into its image again.
///
/// Parameters:
/// - `frame`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_frame_release(frame: *mut sfp_frame) {
    release!(frame);
}

/// The surface of a frame: its pixels.
///
/// Parameters:
/// - `frame`: the frame.
///
/// Returns the surface, which is the frame's: do not release it, and do not use it after the frame was
/// released, unless you retain it. That keeps the memory, and not the picture: the producer draws into
/// it again. NULL if `frame` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_frame_surface(frame: *mut sfp_frame) -> *mut sfp_surface {
    value(std::ptr::null_mut(), || {
        let sfp_frame { frame, surface } = borrow!(frame);
        Ok(lend(surface.get_or_init(|| Arc::new(sfp_surface(frame.surface().clone())))))
    })
}

/// The number of a frame. In mailbox mode numbers are left out when frames were replaced.
///
/// Parameters:
/// - `frame`: the frame.
///
/// Returns the number, from 1; 0 if `frame` is NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_frame_number(frame: *const sfp_frame) -> u64 {
    value(0, || Ok(borrow!(frame).frame.number()))
}

/// Tells what the producer says of a frame.
///
/// Parameters:
/// - `frame`: the frame.
/// - `info`: becomes what it says.
///
/// Returns SFP_STATUS_OK, or what any call can return.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_frame_get_info(
    frame: *const sfp_frame,
    info: *mut sfp_frame_info,
) -> sfp_status {
    call(|| {
        let (frame, info) = (borrow!(frame), out!(info));
        info.set((&frame.frame.info()).into());
        Ok(())
    })
}
