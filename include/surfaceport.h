/*
 * surfaceport: cross-process rendering. One process draws into shared surfaces, another one shows
 * them, without a copy.
 *
 * This file is generated from the Rust source by `cargo xtask header`; change it there.
 *
 * It is also the manual. What holds for all of it:
 *
 * Status.   A call that can fail returns sfp_status. What it makes comes by its last pointers, which
 *           are written on SFP_STATUS_OK only. A call that returns a value, as sfp_surface_width(),
 *           returns 0, false, NULL or -1 where there is none. After either failure,
 *           sfp_last_error_message() says in words what went wrong.
 * Handles.  An `sfp_noun *` is opaque and counted. A call that makes one gives you a reference: give
 *           it back by sfp_noun_release(). sfp_noun_retain() makes one more. NULL where a handle is
 *           asked for is SFP_STATUS_INVALID_ARGUMENT, never a crash; to release NULL does nothing.
 *           What a call is given, it borrows until it returns, with these exceptions:
 *           - sfp_send(), and all that send, end your reference to the message when they succeed, and
 *             sfp_producer_present() that to the image;
 *           - what moves a right leaves you its handle *empty*: calls say SFP_STATUS_WRONG_STATE,
 *             and you still release it.
 *           A call that fails leaves everything with you, as it was. What sfp_frame_surface() and
 *           sfp_image_surface() return is theirs: do not release it, or retain it first.
 * Ports.    A call with a mach_port_t says whose the right is behind it. A send right that you pass
 *           stays yours, and the call takes a reference of its own; of a receive or a send-once right
 *           there can be one only, so success makes it the handle's.
 * Files.    A file descriptor that you pass is duplicated, and stays yours. One that a call writes
 *           for you is yours to close. One that an sfp_noun_fd() returns is the library's.
 * Options.  A struct of options starts as its SFP_NOUN_INIT, which sets its size and leaves every
 *           other field 0, the default. It may grow in a later version; your program need not be
 *           compiled again.
 * Time.     An int64_t of nanoseconds on the monotonic clock: SFP_SECONDS(5), SFP_MILLISECONDS(100).
 *           0 does not wait, a negative one (SFP_FOREVER) waits for as long as it takes.
 * Waiting.  Whatever can become ready has a file descriptor for poll, epoll or kqueue. The library
 *           starts no thread.
 * Threads.  Each comment says which threads may make the call. "Any" is several at once, too, with
 *           the same handles; "one at a time" is any thread, while no other one uses the handle.
 * Forks.    A handle belongs to the process that made or received it. A fork() of that can look at the
 *           pixels of surfaces and frames and at the bytes of memory and messages (on Linux), and
 *           release its handles, also by exit(). Nobody notices that: frames stay held, streams,
 *           channels, names and sessions go on. It closes descriptors and unmaps memory, and waits
 *           for nothing. Every other call says SFP_STATUS_WRONG_STATE, or returns as if there was
 *           nothing. What the fork makes itself is its own. It can connect to the host of its parent
 *           only if that did not, and the host allows descendants.
 *           Descriptors are close-on-exec, not close-on-fork. Until a fork releases its copies, ends,
 *           or executes a program, whoever watches a port of its parent cannot see that it is gone.
 *           Sessions, channels and swapchains see the end of the process itself. To start a program,
 *           use sfp_host_spawn(), posix_spawn(), or fork() and exec at once.
 * Systems.  Each comment says where the call exists: on all, Linux and macOS, or on one.
 */

#ifndef SURFACEPORT_H
#define SURFACEPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __APPLE__
#include <dispatch/dispatch.h>
#include <mach/port.h>
#if __has_include(<CoreFoundation/CFRunLoop.h>)
#include <CoreFoundation/CFRunLoop.h>
#else /* the same types for a compiler without the frameworks */
typedef struct __CFRunLoopSource *CFRunLoopSourceRef;
#define CF_RETURNS_RETAINED
#endif
/* What IOSurfaceRef and CVPixelBufferRef point to, without their frameworks' headers. */
struct __IOSurface;
struct __CVBuffer;
#endif

/**
 * The version of this header, as text and as numbers. What runs can be another one: see
 * sfp_version_string() and sfp_version().
 */
#define SFP_VERSION "0.1.0"
#define SFP_VERSION_MAJOR 0
#define SFP_VERSION_MINOR 1
#define SFP_VERSION_PATCH 0
#define SFP_VERSION_NUMBER \
    (SFP_VERSION_MAJOR * 1000000 + SFP_VERSION_MINOR * 1000 + SFP_VERSION_PATCH)

/** Times: to poll, to wait without an end, and so many seconds or milliseconds. */
#define SFP_POLL ((int64_t)0)
#define SFP_FOREVER ((int64_t)-1)
#define SFP_SECONDS(n) ((int64_t)((n) * INT64_C(1000000000)))
#define SFP_MILLISECONDS(n) ((int64_t)((n) * INT64_C(1000000)))

/** Options with their size set and everything else at its default, 0. */
#define SFP_SURFACE_DESCRIPTOR_INIT SFP_DEFAULT_OPTIONS(sfp_surface_descriptor)
#define SFP_SWAPCHAIN_OPTIONS_INIT SFP_DEFAULT_OPTIONS(sfp_swapchain_options)
#define SFP_PRESENT_INFO_INIT SFP_DEFAULT_OPTIONS(sfp_present_info)
#define SFP_CONSUMER_OPTIONS_INIT SFP_DEFAULT_OPTIONS(sfp_consumer_options)
#define SFP_SPAWN_OPTIONS_INIT SFP_DEFAULT_OPTIONS(sfp_spawn_options)

#ifdef __cplusplus
#define SFP_DEFAULT_OPTIONS(type) \
    ([] { type initial = type(); initial.struct_size = sizeof(type); return initial; }())
#else
#define SFP_DEFAULT_OPTIONS(type) { .struct_size = sizeof(type) }
#endif

/**
 * The greatest key of a member of a port set.
 */
#define SFP_PORT_SET_MAX_KEY 9223372036854775807

/**
 * The largest payload of a message, in bytes: 256 MiB.
 */
#define SFP_MESSAGE_MAX_PAYLOAD 268435456

/**
 * The most attachments of a message.
 */
#define SFP_MESSAGE_MAX_ATTACHMENTS 64

/**
 * The longest name for sfp_bootstrap_check_in(), in bytes, without the NUL at its end.
 */
#define SFP_BOOTSTRAP_MAX_NAME 127

/**
 * The largest memory region, in bytes: 64 GiB.
 */
#define SFP_MEMORY_MAX_SIZE 68719476736

/**
 * The greatest width and the greatest height of a surface, in pixels.
 */
#define SFP_SURFACE_MAX_DIMENSION 16384

/**
 * The greatest number of planes of a surface.
 */
#define SFP_SURFACE_MAX_PLANES 3

/**
 * How many attachments of a message the end of a channel takes.
 */
#define SFP_CHANNEL_END_ATTACHMENTS 2

/**
 * The most images of a swapchain.
 */
#define SFP_SWAPCHAIN_MAX_IMAGES 16

/**
 * Bytes of your own in each frame's record.
 */
#define SFP_FRAME_USER_BYTES 64

/**
 * How many attachments of a message a right to consume takes.
 */
#define SFP_CONSUMER_RIGHT_ATTACHMENTS 3

/**
 * What a call that can fail returns. Decide by it; show sfp_last_error_message().
 *
 * The comment of each call lists the statuses that have a meaning of their own there. Besides these,
 * any call can return SFP_STATUS_INVALID_ARGUMENT, when a pointer is NULL that must not be;
 * SFP_STATUS_INTERNAL; and what the system answers to something that the call needs:
 * - SFP_STATUS_RESOURCE_EXHAUSTED, when it lacks memory, descriptors, processes or space, or a limit
 *   (RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_FSIZE, RLIMIT_NPROC) is reached. The message names the limit
 *   where that helps. No limit ends the process by a signal.
 * - SFP_STATUS_PERMISSION_DENIED and SFP_STATUS_UNSUPPORTED, when a filter of system calls, a security
 *   module or an old kernel refuses it.
 * - SFP_STATUS_SYSTEM for all else.
 *
 * A value never changes its meaning; later versions may add some.
 */
enum sfp_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It was done.
     */
    SFP_STATUS_OK = 0,
    /**
     * An argument is outside of what the call accepts. Nothing was done.
     */
    SFP_STATUS_INVALID_ARGUMENT = 1,
    /**
     * The time was over before the thing happened. Nothing was lost; the call can be made again.
     */
    SFP_STATUS_TIMED_OUT = 2,
    /**
     * The other side is gone: it exited, crashed or dropped its rights without saying so.
     */
    SFP_STATUS_PEER_DEAD = 3,
    /**
     * The other side ended this stream or session in an orderly way.
     */
    SFP_STATUS_CLOSED = 4,
    /**
     * No send right to this port is left, so no message can arrive until one is made.
     */
    SFP_STATUS_NO_SENDERS = 5,
    /**
     * The system, or the other side's owner, does not allow it.
     */
    SFP_STATUS_PERMISSION_DENIED = 6,
    /**
     * There is nothing by that name.
     */
    SFP_STATUS_NOT_FOUND = 7,
    /**
     * The name has an owner already.
     */
    SFP_STATUS_ALREADY_EXISTS = 8,
    /**
     * Larger than the stated maximum. Nothing was sent or made.
     */
    SFP_STATUS_TOO_LARGE = 9,
    /**
     * Out of descriptors, memory, rights or queue space. Nothing was lost; free some and try again.
     */
    SFP_STATUS_RESOURCE_EXHAUSTED = 10,
    /**
     * The other side sent something that is not well-formed. What it carried was destroyed.
     */
    SFP_STATUS_MALFORMED = 11,
    /**
     * This system, or this build, cannot do it.
     */
    SFP_STATUS_UNSUPPORTED = 12,
    /**
     * The other side said no, and the message says why.
     */
    SFP_STATUS_REFUSED = 13,
    /**
     * The object is not in a state in which this call makes sense; an empty handle, for instance.
     */
    SFP_STATUS_WRONG_STATE = 14,
    /**
     * The operating system reported a failure that has no better name here.
     */
    SFP_STATUS_SYSTEM = 15,
    /**
     * A defect of this library. Please report it.
     */
    SFP_STATUS_INTERNAL = 16,
    /**
     * The child did not say hello in the time that it had for it. That is for good: this session will not
     * begin.
     */
    SFP_STATUS_NO_HELLO = 17,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_status sfp_status;
#else
typedef int32_t sfp_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a port set tells of a member.
 */
enum sfp_ready
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The receive right has a message, or something to say: sfp_receive() does not wait.
     */
    SFP_READY_RECEIVE = 1,
    /**
     * The port behind the watched send right is dead. The watch has ended.
     */
    SFP_READY_DEAD = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_ready sfp_ready;
#else
typedef uint32_t sfp_ready;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an attachment is.
 */
enum sfp_attachment
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing: it was taken out, or never was.
     */
    SFP_ATTACHMENT_NONE = 0,
    /**
     * A send right: sfp_message_take_send_right().
     */
    SFP_ATTACHMENT_SEND_RIGHT = 1,
    /**
     * A receive right: sfp_message_take_receive_right().
     */
    SFP_ATTACHMENT_RECEIVE_RIGHT = 2,
    /**
     * A memory region: sfp_message_take_memory().
     */
    SFP_ATTACHMENT_MEMORY = 3,
    /**
     * A surface: sfp_message_take_surface().
     */
    SFP_ATTACHMENT_SURFACE = 4,
    /**
     * A file descriptor: sfp_message_take_fd().
     */
    SFP_ATTACHMENT_FD = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_attachment sfp_attachment;
#else
typedef uint32_t sfp_attachment;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who may write a memory region.
 */
enum sfp_memory_access
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Every process that has it.
     */
    SFP_MEMORY_ACCESS_READ_WRITE = 0,
    /**
     * Only the process that made it; the kernel enforces that for all others.
     */
    SFP_MEMORY_ACCESS_READ_ONLY_FOR_OTHERS = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_memory_access sfp_memory_access;
#else
typedef uint32_t sfp_memory_access;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What pixels are. Each number is a four-character code, the first character in the highest byte, with
 * the meaning that it has in IOSurface and Core Video.
 */
enum sfp_pixel_format
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * For options: SFP_PIXEL_FORMAT_BGRA8. No surface has it.
     */
    SFP_PIXEL_FORMAT_DEFAULT = 0,
    /**
     * 'BGRA': 8 bits for each of blue, green, red, alpha, in the order of memory.
     */
    SFP_PIXEL_FORMAT_BGRA8 = 1111970369,
    /**
     * 'RGBA': 8 bits for each of red, green, blue, alpha, in the order of memory.
     */
    SFP_PIXEL_FORMAT_RGBA8 = 1380401729,
    /**
     * 'l10r': 10 bits for each colour, 2 for alpha, in a little-endian 32-bit word: blue in the
     * lowest bits, then green, red, alpha.
     */
    SFP_PIXEL_FORMAT_RGB10A2 = 1815162994,
    /**
     * 'RGhA': half-precision red, green, blue, alpha, in the order of memory.
     */
    SFP_PIXEL_FORMAT_RGBA16F = 1380411457,
    /**
     * 'L008': one component of 8 bits.
     */
    SFP_PIXEL_FORMAT_R8 = 1278226488,
    /**
     * '2C08': two components of 8 bits.
     */
    SFP_PIXEL_FORMAT_RG8 = 843264056,
    /**
     * '420v': 8-bit Y'CbCr 4:2:0, video range; a plane of Y', one of CbCr pairs.
     */
    SFP_PIXEL_FORMAT_NV12 = 875704438,
    /**
     * '420f': as NV12, full range.
     */
    SFP_PIXEL_FORMAT_NV12_FULL = 875704422,
    /**
     * 'x420': 10-bit Y'CbCr 4:2:0, video range; a plane of Y', one of CbCr pairs; each component is
     * the high 10 bits of a little-endian 16-bit word.
     */
    SFP_PIXEL_FORMAT_P010 = 2016686640,
    /**
     * 'y420': 8-bit Y'CbCr 4:2:0, video range; a plane each of Y', Cb, Cr.
     */
    SFP_PIXEL_FORMAT_I420 = 2033463856,
    /**
     * '422v': 8-bit Y'CbCr 4:2:2, video range; a plane of Y', one of CbCr pairs.
     */
    SFP_PIXEL_FORMAT_NV16 = 875704950,
    /**
     * '422f': as NV16, full range.
     */
    SFP_PIXEL_FORMAT_NV16_FULL = 875704934,
    /**
     * '444v': 8-bit Y'CbCr 4:4:4, video range; a plane of Y', one of CbCr pairs.
     */
    SFP_PIXEL_FORMAT_NV24 = 875836534,
    /**
     * '444f': as NV24, full range.
     */
    SFP_PIXEL_FORMAT_NV24_FULL = 875836518,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_pixel_format sfp_pixel_format;
#else
typedef uint32_t sfp_pixel_format;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the memory of a surface is. On Linux both are the same: a sealed memory file.
 */
enum sfp_backing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * What the system itself shows and gives to its GPUs: an IOSurface on macOS.
     */
    SFP_BACKING_NATIVE = 0,
    /**
     * Shared memory and nothing else: also there without a GPU, a window server or the right to use
     * IOSurface.
     */
    SFP_BACKING_MEMORY = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_backing sfp_backing;
#else
typedef uint32_t sfp_backing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a lock is for.
 */
enum sfp_lock
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Reading and writing: the seed moves when the lock ends.
     */
    SFP_LOCK_WRITE = 0,
    /**
     * Reading only: the seed stays.
     */
    SFP_LOCK_READ = 1,
    /**
     * As SFP_LOCK_WRITE, but it fails if pixels had to be copied from a GPU's memory.
     */
    SFP_LOCK_WRITE_AVOID_SYNC = 2,
    /**
     * As SFP_LOCK_READ, but it fails if pixels had to be copied from a GPU's memory.
     */
    SFP_LOCK_READ_AVOID_SYNC = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_lock sfp_lock;
#else
typedef uint32_t sfp_lock;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the system may do with a surface's memory when that is short.
 *
 * On Linux no memory can be taken back unasked: volatile is a mark that others can read, empty frees
 * the memory at once.
 */
enum sfp_purgeable
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The contents stay.
     */
    SFP_PURGEABLE_NON_VOLATILE = 0,
    /**
     * The contents may vanish.
     */
    SFP_PURGEABLE_VOLATILE = 1,
    /**
     * The contents are gone; the pixels read as zero until they are written again.
     */
    SFP_PURGEABLE_EMPTY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_purgeable sfp_purgeable;
#else
typedef uint32_t sfp_purgeable;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the colours of pixels are meant.
 */
enum sfp_color_space
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nobody said so, or by a name that is not known here.
     */
    SFP_COLOR_SPACE_UNKNOWN = 0,
    /**
     * IEC 61966-2-1.
     */
    SFP_COLOR_SPACE_SRGB = 1,
    /**
     * sRGB primaries, linear, values outside of 0 to 1 allowed.
     */
    SFP_COLOR_SPACE_EXTENDED_LINEAR_SRGB = 2,
    /**
     * P3 primaries with sRGB's transfer function.
     */
    SFP_COLOR_SPACE_DISPLAY_P3 = 3,
    /**
     * ITU-R BT.709.
     */
    SFP_COLOR_SPACE_BT709 = 4,
    /**
     * ITU-R BT.2020.
     */
    SFP_COLOR_SPACE_BT2020 = 5,
    /**
     * ITU-R BT.2100 with the perceptual quantizer.
     */
    SFP_COLOR_SPACE_BT2100_PQ = 6,
    /**
     * ITU-R BT.2100 with hybrid log-gamma.
     */
    SFP_COLOR_SPACE_BT2100_HLG = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_color_space sfp_color_space;
#else
typedef uint32_t sfp_color_space;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How frames get from the producer to its consumers.
 */
enum sfp_present_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * For options: SFP_PRESENT_MODE_MAILBOX for a swapchain, and the swapchain's own mode for a
     * consumer.
     */
    SFP_PRESENT_MODE_DEFAULT = 0,
    /**
     * The newest frame wins. The producer never waits while there are two images more than frames
     * held.
     */
    SFP_PRESENT_MODE_MAILBOX = 1,
    /**
     * Every consumer sees every frame, in order; the producer waits for them. While there is no
     * consumer, frames wait for one. At least two images.
     */
    SFP_PRESENT_MODE_FIFO = 2,
    /**
     * One image, drawn while it is shown: no waiting, and tearing.
     */
    SFP_PRESENT_MODE_IMMEDIATE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_present_mode sfp_present_mode;
#else
typedef uint32_t sfp_present_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which side makes the images' memory.
 */
enum sfp_allocator
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The producer's process.
     */
    SFP_ALLOCATOR_PRODUCER = 0,
    /**
     * The process of the first consumer that can. The producer waits for it.
     */
    SFP_ALLOCATOR_CONSUMER = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_allocator sfp_allocator;
#else
typedef uint32_t sfp_allocator;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a spawned child that still runs when its host is released.
 */
enum sfp_end_of_life
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It has `grace_ns` to end by itself, since it learns that the session is over; then it is killed.
     * Either way it is reaped, and the release waits for that.
     */
    SFP_END_OF_LIFE_KILL = 0,
    /**
     * It is left to itself. If it ends later it stays a zombie until this process ends, unless this
     * process reaps its children by other means.
     */
    SFP_END_OF_LIFE_LEAVE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_end_of_life sfp_end_of_life;
#else
typedef uint32_t sfp_end_of_life;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a process ended.
 */
enum sfp_exit_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It has ended; how is known to its own parent only, or to who reaped it first.
     */
    SFP_EXIT_KIND_UNKNOWN = 0,
    /**
     * By itself, with an exit status.
     */
    SFP_EXIT_KIND_EXITED = 1,
    /**
     * By a signal.
     */
    SFP_EXIT_KIND_SIGNALLED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sfp_exit_kind sfp_exit_kind;
#else
typedef uint32_t sfp_exit_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A two-way connection to one other process.
 *
 * It listens to that one only, its *peer*: in a session the process of the other side, otherwise the
 * process of the first message. What others send, to whom the peer passed its rights on, is destroyed
 * and counted. What a peer sent before its end can be received after it. The end of the peer's process is
 * the end of the channel, also where a fork of it lives on.
 *
 * A channel, and the end of one, belong to the process that made them: in a fork of it, calls return
 * SFP_STATUS_WRONG_STATE, and a release is nothing that anybody else notices.
 */
typedef struct sfp_channel sfp_channel;

/**
 * One end of a channel that is not in use yet: it can still be sent to the process that will use it.
 *
 * A *broker* makes both ends and sends each to a process: so two meet that do not know each other, and
 * the broker takes no part in what they then say.
 */
typedef struct sfp_channel_end sfp_channel_end;

/**
 * The child's side of the session with the host that started this process: sfp_child_connect().
 *
 * Calls that fail with SFP_STATUS_PEER_DEAD, because the host is gone, or with SFP_STATUS_CLOSED, because
 * it released its sfp_host, do so behind what the host sent before.
 */
typedef struct sfp_child sfp_child;

/**
 * Takes the frames of a swapchain: sfp_consumer_acquire().
 */
typedef struct sfp_consumer sfp_consumer;

/**
 * Lets its holder become a consumer of a swapchain: sfp_consumer_attach().
 *
 * It comes from sfp_producer_create_consumer_right(), out of a message, or from the other side of a
 * session. A process that only passes it on, a *broker*, is in no frame's path. As long as one is left
 * anywhere, the producer waits for consumers to come: release what you do not need any more.
 *
 * A producer that ends the stream leaves the frames that are to be seen with each right that was not used yet: who
 * attaches later sees them, then gets SFP_STATUS_CLOSED. They are with the right that is used or sent first; clones
 * that are used after it get SFP_STATUS_CLOSED at once.
 */
typedef struct sfp_consumer_right sfp_consumer_right;

/**
 * A frame that is held: nobody draws into it until it is released, whatever happens to the producer.
 */
typedef struct sfp_frame sfp_frame;

/**
 * The host's side of a session with one child process: sfp_host_spawn(), or sfp_invitation_into_host().
 *
 * The child is who it says: its hello has to bring a secret that only it inherited, and to come from
 * the process that was started. Calls that fail with SFP_STATUS_PEER_DEAD, because the child has ended,
 * or with SFP_STATUS_CLOSED, because it released its sfp_child, do so behind what the child sent before.
 */
typedef struct sfp_host sfp_host;

/**
 * An image of a swapchain that is the producer's alone, to draw into.
 *
 * It is for one thread at a time. An image that was presented leaves its other references, if there
 * are any, as empty handles.
 */
typedef struct sfp_image sfp_image;

/**
 * What a child has to inherit to connect to this process: a few entries of its environment and a few
 * file descriptors. It is for one child.
 *
 * Start the child with the entries of sfp_invitation_environment() and with the descriptors of
 * sfp_invitation_fds() open under the same numbers, then call sfp_invitation_into_host(). The
 * descriptors are close-on-exec here, so that no other child gets them. With posix_spawn(), a
 * posix_spawn_file_actions_adddup2() of each onto its own number passes it on; on macOS that leaves it
 * close-on-exec, and posix_spawn_file_actions_addinherit_np() does it. After a fork(), the child clears
 * FD_CLOEXEC by fcntl().
 */
typedef struct sfp_invitation sfp_invitation;

/**
 * A region of memory, mapped here and wherever it was sent. Its size never changes. It is freed when
 * the last process lets go of it.
 */
typedef struct sfp_memory sfp_memory;

/**
 * A message: it owns all that it carries, and gives that back when its last reference ends.
 *
 * It is for one thread at a time. A message that was sent leaves its other references, if there are
 * any, as empty handles.
 */
typedef struct sfp_message sfp_message;

/**
 * Many receive rights, and watches for the death of ports, behind one file descriptor. Members that
 * are ready take turns.
 *
 * Members are named by keys of your own, 0 to SFP_PORT_SET_MAX_KEY. The set borrows them: a receive
 * right is in a set once, and leaves it when it ends or moves; its key can be used again then. What is
 * reported is always of the member that has the key now.
 */
typedef struct sfp_port_set sfp_port_set;

/**
 * Draws into the images of a swapchain and presents them: sfp_producer_acquire(),
 * sfp_producer_present().
 *
 * An image is *free*, then *acquired* by the producer, which draws, then *presented*: consumers can
 * come to *hold* it as a frame. It is free again when it is not the newest frame and nobody holds it.
 * No pixel is copied on the way, and while the other side is awake there is no system call either.
 */
typedef struct sfp_producer sfp_producer;

/**
 * The one right to receive from a port: sfp_receive(). When it ends, so does the port.
 *
 * Messages come whole, and in order for each sender. It can move to another process, with all that
 * is queued, by sfp_message_attach_receive_right().
 */
typedef struct sfp_receive_right sfp_receive_right;

/**
 * Lets its holder send to a port once, which is how a request is answered: sfp_send_once().
 *
 * If it ends unused, the port's receiver learns that no answer will come (SFP_STATUS_PEER_DEAD).
 */
typedef struct sfp_send_once_right sfp_send_once_right;

/**
 * Lets its holder send to a port, any number of times: sfp_send(), sfp_request().
 *
 * It comes from sfp_receive_right_make_send(), out of a message, or by a name from
 * sfp_bootstrap_look_up().
 */
typedef struct sfp_send_right sfp_send_right;

/**
 * A buffer of pixels in memory that several processes share.
 *
 * It is freed when the last process lets go of it. What other processes can write too, the pixels, the
 * seed, the uses, the purgeable state and the values, is their word.
 */
typedef struct sfp_surface sfp_surface;

/**
 * A member of a port set that is ready.
 */
typedef struct sfp_port_set_event {
    /**
     * The member's key.
     */
    uint64_t key;
    /**
     * What it is ready for.
     */
    sfp_ready kind;
} sfp_port_set_event;

/**
 * Who sent a message, as the kernel says it of this very message.
 */
typedef struct sfp_sender {
    /**
     * The process; 0 when it has no number here, because it lives in another PID namespace.
     */
    uint32_t process_id;
    /**
     * Its real user. On Linux, a process that has several (set-user-ID) may name another one of them, and a
     * privileged one anybody.
     */
    uint32_t user_id;
    /**
     * Its real group; else as above.
     */
    uint32_t group_id;
} sfp_sender;

/**
 * What a surface is made with. Begin with SFP_SURFACE_DESCRIPTOR_INIT.
 */
typedef struct sfp_surface_descriptor {
    /**
     * sizeof(sfp_surface_descriptor), set by SFP_SURFACE_DESCRIPTOR_INIT.
     */
    size_t struct_size;
    /**
     * Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
     */
    uint32_t width;
    /**
     * Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
     */
    uint32_t height;
    /**
     * What the pixels are; 0 is SFP_PIXEL_FORMAT_BGRA8.
     */
    sfp_pixel_format format;
    /**
     * What the memory is; 0 is SFP_BACKING_NATIVE.
     */
    sfp_backing backing;
} sfp_surface_descriptor;

/**
 * A plane of a surface.
 */
typedef struct sfp_plane {
    /**
     * The first byte of the first row. Access it between lock and unlock.
     */
    void *base;
    /**
     * From the beginning of a row to the beginning of the next, in bytes.
     */
    size_t bytes_per_row;
    /**
     * Of one element: a pixel of this plane.
     */
    size_t bytes_per_element;
    /**
     * From the beginning of the surface's memory to `base`, in bytes.
     */
    size_t offset;
    /**
     * Of all rows, with what is between them, in bytes.
     */
    size_t size;
    /**
     * Elements of a row.
     */
    uint32_t width;
    /**
     * Rows.
     */
    uint32_t height;
} sfp_plane;

/**
 * The pixels of a locked surface, or image.
 */
typedef struct sfp_pixels {
    /**
     * The first byte of the first row of plane 0. For the other planes see sfp_surface_plane().
     */
    void *base;
    /**
     * From the beginning of a row of plane 0 to the beginning of the next, in bytes.
     */
    size_t bytes_per_row;
    /**
     * The surface's width, in pixels.
     */
    uint32_t width;
    /**
     * The surface's height, in pixels.
     */
    uint32_t height;
    /**
     * What the pixels are.
     */
    sfp_pixel_format format;
    /**
     * 1 to SFP_SURFACE_MAX_PLANES.
     */
    uint32_t plane_count;
} sfp_pixels;

/**
 * The surfaces of this process, all together.
 */
typedef struct sfp_surface_totals {
    /**
     * How many there are. One that arrived twice counts twice.
     */
    size_t count;
    /**
     * The memory that they take, in bytes.
     */
    uint64_t bytes;
} sfp_surface_totals;

/**
 * What a swapchain is made with. Begin with SFP_SWAPCHAIN_OPTIONS_INIT.
 */
typedef struct sfp_swapchain_options {
    /**
     * sizeof(sfp_swapchain_options), set by SFP_SWAPCHAIN_OPTIONS_INIT.
     */
    size_t struct_size;
    /**
     * Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
     */
    uint32_t width;
    /**
     * Pixels: 1 to SFP_SURFACE_MAX_DIMENSION.
     */
    uint32_t height;
    /**
     * What the pixels are; 0 is SFP_PIXEL_FORMAT_BGRA8.
     */
    sfp_pixel_format format;
    /**
     * How many images: 2 to SFP_SWAPCHAIN_MAX_IMAGES, and 1 in immediate mode. 0 is 3, or that 1.
     */
    uint32_t images;
    /**
     * How frames get to consumers; 0 is SFP_PRESENT_MODE_MAILBOX.
     */
    sfp_present_mode mode;
    /**
     * Which side makes the images' memory; 0 is SFP_ALLOCATOR_PRODUCER.
     */
    sfp_allocator allocator;
    /**
     * What the images' memory is, whichever side makes it; 0 is SFP_BACKING_NATIVE.
     */
    sfp_backing backing;
    /**
     * 0.
     */
    uint32_t reserved;
} sfp_swapchain_options;

/**
 * A rectangle in pixels, from the upper left corner of the image.
 */
typedef struct sfp_rectangle {
    /**
     * From the left edge.
     */
    uint32_t x;
    /**
     * From the upper edge.
     */
    uint32_t y;
    /**
     * To the right.
     */
    uint32_t width;
    /**
     * Down.
     */
    uint32_t height;
} sfp_rectangle;

/**
 * What a producer says of a frame besides its pixels. Begin with SFP_PRESENT_INFO_INIT.
 */
typedef struct sfp_present_info {
    /**
     * sizeof(sfp_present_info), set by SFP_PRESENT_INFO_INIT.
     */
    size_t struct_size;
    /**
     * When the frame is meant to be shown, in nanoseconds of the clock of sfp_time_now(); 0 is as soon
     * as possible.
     */
    int64_t display_ns;
    /**
     * What has changed since the last frame; without area, everything may have.
     */
    struct sfp_rectangle damage;
    /**
     * How the colours are meant; 0 is as the surface says.
     */
    sfp_color_space color_space;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Your own, for the consumers to read.
     */
    uint8_t user[64];
} sfp_present_info;

/**
 * What a producer counts, from its beginning.
 */
typedef struct sfp_producer_statistics {
    /**
     * Frames presented; also the number of the newest one.
     */
    uint64_t presented;
    /**
     * How often sfp_producer_acquire() did not find an image at once.
     */
    uint64_t waited;
    /**
     * Messages that were no such of a swapchain, and consumers that were refused.
     */
    uint64_t refused;
    /**
     * Consumers that are attached now.
     */
    uint32_t consumers;
    /**
     * 0.
     */
    uint32_t reserved;
} sfp_producer_statistics;

/**
 * What a consumer is made with. Begin with SFP_CONSUMER_OPTIONS_INIT.
 */
typedef struct sfp_consumer_options {
    /**
     * sizeof(sfp_consumer_options), set by SFP_CONSUMER_OPTIONS_INIT.
     */
    size_t struct_size;
    /**
     * How to take frames; 0 is the swapchain's own mode. A fifo swapchain can be looked at in mailbox
     * mode, which does not make its producer wait; the producer refuses any other difference.
     */
    sfp_present_mode mode;
    /**
     * 0.
     */
    uint32_t reserved;
} sfp_consumer_options;

/**
 * What a consumer counts, from its beginning.
 */
typedef struct sfp_consumer_statistics {
    /**
     * Frames that the producer presented since the first one that this consumer could see.
     */
    uint64_t presented;
    /**
     * Frames taken.
     */
    uint64_t shown;
    /**
     * Frames that were replaced by newer ones before they were taken.
     */
    uint64_t dropped;
    /**
     * How often sfp_consumer_acquire() had to wait.
     */
    uint64_t waited;
} sfp_consumer_statistics;

/**
 * What the producer says of a frame: its word, not a fact.
 */
typedef struct sfp_frame_info {
    /**
     * Counts the frames of the swapchain from 1.
     */
    uint64_t number;
    /**
     * When it was presented, in nanoseconds of the clock of sfp_time_now().
     */
    int64_t presented_ns;
    /**
     * When it is meant to be shown, by the same clock; 0 is as soon as possible.
     */
    int64_t display_ns;
    /**
     * What has changed since the frame before; all 0 if everything may have.
     */
    struct sfp_rectangle damage;
    /**
     * How the colours are meant; SFP_COLOR_SPACE_UNKNOWN is as the surface says.
     */
    sfp_color_space color_space;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The producer's own.
     */
    uint8_t user[64];
} sfp_frame_info;

/**
 * What to start, and how. Begin with SFP_SPAWN_OPTIONS_INIT.
 */
typedef struct sfp_spawn_options {
    /**
     * sizeof(sfp_spawn_options), set by SFP_SPAWN_OPTIONS_INIT.
     */
    size_t struct_size;
    /**
     * The program and its arguments; NULL ends the list. A program without a slash is searched in
     * PATH.
     */
    const char *const *argv;
    /**
     * Entries for the environment, "NAME=value", over those of this process; NULL ends the list. NULL
     * for none.
     */
    const char *const *environment;
    /**
     * The working folder; NULL is this process's. A relative path of the program starts there.
     */
    const char *directory;
    /**
     * How long the child has to say hello, in nanoseconds; 0 is 10 seconds, SFP_FOREVER has no end.
     */
    int64_t hello_timeout_ns;
    /**
     * How long a child has to end by itself when its host is released, in nanoseconds; 0 is 1 second,
     * SFP_FOREVER never kills it.
     */
    int64_t grace_ns;
    /**
     * What happens to a child that still runs then; 0 is SFP_END_OF_LIFE_KILL.
     */
    sfp_end_of_life end_of_life;
    /**
     * Whether the environment has `environment` only, and nothing of this process's.
     */
    bool clear_environment;
    /**
     * Whether another process than the one that was started may say hello, if it has the secret and is
     * of the same user: for wrappers, such as a shell script that does not exec the program. Whatever
     * inherits the descriptors can take the child's place then. When the host is released, the process
     * that said hello is ended as well, where the system names it for certain (Linux 6.5).
     */
    bool allow_descendants;
    /**
     * 0.
     */
    uint8_t reserved[2];
} sfp_spawn_options;

/**
 * The end of a process.
 */
typedef struct sfp_exit {
    /**
     * How it ended.
     */
    sfp_exit_kind kind;
    /**
     * The exit status, or the number of the signal; 0 if unknown.
     */
    int32_t code;
} sfp_exit;

#if defined(__APPLE__)
/**
 * Called when something is ready: take what is there, with the timeout 0. Now and then there is nothing any more.
 *
 * For what is left it is called again. Behind the end, SFP_STATUS_CLOSED or SFP_STATUS_PEER_DEAD, there is always
 * something: end the source then, or it is called over and over.
 */
typedef void (*sfp_ready_callback)(void *context);
#endif

#if defined(__APPLE__)
/**
 * Called once, when the source that was given `context` does not need it any more, and has done its last
 * call.
 */
typedef void (*sfp_context_release)(void *context);
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ------------------------------------------------------------------------------------------------
 * Status: what a call says, and the words for it
 * ------------------------------------------------------------------------------------------------ */

/**
 * The name of a status as it is written in C, "SFP_STATUS_TIMED_OUT".
 *
 * Parameters:
 * - `status`: any number; of one that is no status, the name is "unknown status".
 *
 * Returns a text that is always valid; never NULL.
 *
 * Threads: any. Systems: all.
 */
const char *sfp_status_name(sfp_status status);

/**
 * What went wrong in the last call of this thread that failed: one line, without a final full stop.
 *
 * Calls that succeed leave it as it is, so ask right after the failure.
 *
 * Returns a text in UTF-8, which is the library's and valid until the next call of this thread that
 * fails, or until the thread ends. Never NULL; "" before the first failure.
 *
 * Threads: each has its own. Systems: all.
 */
const char *sfp_last_error_message(void);

/**
 * The status of the last call of this thread that failed, SFP_STATUS_OK before the first failure.
 *
 * For calls that return no status but a value: what they return for a failure can be a value, too.
 *
 * Threads: each has its own. Systems: all.
 */
sfp_status sfp_last_error_status(void);

/* ------------------------------------------------------------------------------------------------
 * Version: which library this is
 * ------------------------------------------------------------------------------------------------ */

/**
 * The version of the library that runs, as one number: SFP_VERSION_NUMBER of its header.
 *
 * It is major * 1000000 + minor * 1000 + patch, so that a later one is greater. The library can be
 * another one than that of the header that the program was compiled with.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_version(void);

/**
 * The version of the library that runs, as text: "1.2.3", SFP_VERSION of its header.
 *
 * Returns a text that is always valid; never NULL.
 *
 * Threads: any. Systems: all.
 */
const char *sfp_version_string(void);

/* ------------------------------------------------------------------------------------------------
 * Time: one clock for all processes
 * ------------------------------------------------------------------------------------------------ */

/**
 * The time on the monotonic clock, in nanoseconds.
 *
 * It is the same clock in every process of this system, it never goes back, and what its zero is has
 * no meaning. A frame's presentation time is on this clock.
 *
 * Threads: any. Systems: all.
 */
int64_t sfp_time_now(void);

/* ------------------------------------------------------------------------------------------------
 * Ports: send rights, one receive right, and rights to send once
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes one more reference to a send right.
 *
 * Parameters:
 * - `right`: the right; NULL is nothing.
 *
 * Returns `right`, as a reference of its own that needs its own sfp_send_right_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_send_right *sfp_send_right_retain(struct sfp_send_right *right);

/**
 * Ends a reference to a send right. The last one gives the right back to the system.
 *
 * Parameters:
 * - `right`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_send_right_release(struct sfp_send_right *right);

/**
 * Tells whether a port is dead: its receive right is gone, and nothing can arrive any more.
 *
 * To be told of it instead of asking, see sfp_port_set_watch().
 *
 * Parameters:
 * - `right`: a right to send to the port.
 * - `dead`: becomes true or false.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_send_right_is_dead(const struct sfp_send_right *right, bool *dead);

/**
 * Sends a message; waits while the port's queue is full.
 *
 * Success ends your reference to the message: do not release it. On failure it is still yours, whole,
 * to be sent again, sent elsewhere, or released.
 *
 * Parameters:
 * - `right`: the right to send to the port.
 * - `message`: what to send.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: the queue stayed full.
 * - SFP_STATUS_PEER_DEAD: the port is dead.
 * - SFP_STATUS_WRONG_STATE: an attachment was taken out of the message, or a handle is empty.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: the system has no room for the message; try later.
 *
 * Threads: any, several at once with one right. Systems: all.
 */
sfp_status sfp_send(struct sfp_send_right *right,
                    struct sfp_message *message,
                    int64_t timeout_ns);

/**
 * Sends a message with a right to answer it once, and waits for the answer.
 *
 * Success ends your reference to the message. On failure it is still yours; whether it was sent before
 * the failure says sfp_message_is_empty(). A request that timed out leaves nothing behind: an answer
 * that comes later is destroyed.
 *
 * Parameters:
 * - `right`: the right to send to the port.
 * - `message`: the request.
 * - `timeout_ns`: how long to wait for both, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `answer`: becomes the answer, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: the queue stayed full, or no answer came.
 * - SFP_STATUS_PEER_DEAD: the port is dead, or the right to answer ended unused.
 * - SFP_STATUS_MALFORMED, SFP_STATUS_UNSUPPORTED: the answer does not keep to the format.
 * - Otherwise as sfp_send().
 *
 * Threads: any, several at once with one right. Systems: all.
 */
sfp_status sfp_request(struct sfp_send_right *right,
                       struct sfp_message *message,
                       int64_t timeout_ns,
                       struct sfp_message **answer);

#if defined(__linux__)
/**
 * Turns a send right into its raw form: a file descriptor, to be carried by any means that carries
 * one.
 *
 * The handle is empty then; release it. sfp_send_right_from_fd() is the way back, in any process.
 *
 * Parameters:
 * - `right`: the right.
 * - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty, or another thread is in a call with it.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_send_right_into_fd(struct sfp_send_right *right, int *fd);
#endif

#if defined(__linux__)
/**
 * Makes a send right of its raw form.
 *
 * Parameters:
 * - `fd`: the descriptor; it stays yours, and can be closed after the call.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the descriptor is not open.
 * - SFP_STATUS_MALFORMED: it is no end of a SOCK_SEQPACKET socket.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_send_right_from_fd(int fd, struct sfp_send_right **right);
#endif

/**
 * Makes one more reference to a right to send once.
 *
 * Parameters:
 * - `right`: the right; NULL is nothing.
 *
 * Returns `right`, as a reference of its own that needs its own sfp_send_once_right_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_send_once_right *sfp_send_once_right_retain(struct sfp_send_once_right *right);

/**
 * Ends a reference to a right to send once. The last one tells the port's receiver that no answer will
 * come, unless the right was used.
 *
 * Parameters:
 * - `right`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_send_once_right_release(struct sfp_send_once_right *right);

/**
 * Tells whether nobody waits for the one message any more, because the port is dead.
 *
 * Parameters:
 * - `right`: the right to send once.
 * - `dead`: becomes true or false.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_send_once_right_is_dead(const struct sfp_send_once_right *right, bool *dead);

/**
 * Sends the one message, usually an answer. See sfp_message_reply() for the shorter way.
 *
 * Success ends your reference to the message, and leaves the right's handle empty: release that. On
 * failure both are as before.
 *
 * Parameters:
 * - `right`: the right to send once.
 * - `message`: what to send.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 *
 * Returns as sfp_send().
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_send_once(struct sfp_send_once_right *right,
                         struct sfp_message *message,
                         int64_t timeout_ns);

/**
 * Makes a port, to which nobody can send yet, and gives the right to receive from it.
 *
 * Parameters:
 * - `right`: becomes the receive right, a reference that you release.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_receive_right_create(struct sfp_receive_right **right);

/**
 * Makes one more reference to a receive right. It does not make one more receiver: each message comes
 * to one call of sfp_receive() only.
 *
 * Parameters:
 * - `right`: the right; NULL is nothing.
 *
 * Returns `right`, as a reference of its own that needs its own sfp_receive_right_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_receive_right *sfp_receive_right_retain(struct sfp_receive_right *right);

/**
 * Ends a reference to a receive right. The last one ends the port: what is queued is destroyed, and
 * senders learn that it is dead. That is not so if the right was moved before.
 *
 * Parameters:
 * - `right`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any; a thread that waits in sfp_receive() needs a reference of its own. Systems: all.
 */
void sfp_receive_right_release(struct sfp_receive_right *right);

/**
 * Makes a send right to the port of a receive right. That can be done at any time, also after all
 * earlier ones are gone.
 *
 * Parameters:
 * - `right`: the right to receive from the port.
 * - `send`: becomes the send right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_receive_right_make_send(struct sfp_receive_right *right,
                                       struct sfp_send_right **send);

/**
 * Makes a right to send one message to the port of a receive right. When it ends unused, sfp_receive()
 * says SFP_STATUS_PEER_DEAD.
 *
 * Parameters:
 * - `right`: the right to receive from the port.
 * - `once`: becomes the right to send once, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_receive_right_make_send_once(struct sfp_receive_right *right,
                                            struct sfp_send_once_right **once);

/**
 * Takes the next message of a port; waits while there is none.
 *
 * Parameters:
 * - `right`: the right to receive from the port.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `message`: becomes the message, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: no message came.
 * - SFP_STATUS_NO_SENDERS: the queue is empty and the last send right is gone. Said once each time
 *   that this happens, and once more to a process that the right moves to; new send rights can be
 *   made. With SFP_FOREVER, when nothing can end the wait but a new send right, it is said each time.
 * - SFP_STATUS_PEER_DEAD: a right to send once ended unused.
 * - SFP_STATUS_MALFORMED, SFP_STATUS_UNSUPPORTED: a sender does not keep to the format. That message
 *   is destroyed; go on with the next.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for what the message carries. It stays in
 *   the queue; close some and try again.
 * - SFP_STATUS_WRONG_STATE: the handle is empty, because the right was moved.
 *
 * Threads: any, several at once. While one waits here, the right cannot be moved. Systems: all.
 */
sfp_status sfp_receive(struct sfp_receive_right *right,
                       int64_t timeout_ns,
                       struct sfp_message **message);

/**
 * A file descriptor that is readable when sfp_receive() would not wait, for poll, epoll or kqueue.
 *
 * Parameters:
 * - `right`: the receive right.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the right was moved or released. -1 if `right` is NULL or empty.
 *
 * Threads: any. Systems: all.
 */
int sfp_receive_right_fd(const struct sfp_receive_right *right);

#if defined(__linux__)
/**
 * Turns a receive right into its raw form, a file descriptor, to be carried by any means that carries
 * one. It has that form while exactly one send right was made of it.
 *
 * The handle is empty then; release it. sfp_receive_right_from_fd() is the way back, in any process.
 *
 * Parameters:
 * - `right`: the right.
 * - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: no send right was made of it, or several, or it came by a name from
 *   sfp_bootstrap_check_in(), or the handle is empty, or another thread is in a call with it.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_receive_right_into_fd(struct sfp_receive_right *right,
                                     int *fd);
#endif

#if defined(__linux__)
/**
 * Makes a receive right of its raw form. The other end of the socket pair is its first send right.
 *
 * Parameters:
 * - `fd`: the descriptor; it stays yours. Close it after the call: as long as it is open, senders do
 *   not learn that the receive right is gone.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the descriptor is not open.
 * - SFP_STATUS_MALFORMED: it is no end of a SOCK_SEQPACKET socket.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_receive_right_from_fd(int fd,
                                     struct sfp_receive_right **right);
#endif

/* ------------------------------------------------------------------------------------------------
 * Port sets: many ports behind one descriptor
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes an empty port set.
 *
 * Parameters:
 * - `set`: becomes the set, a reference that you release.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_port_set_create(struct sfp_port_set **set);

/**
 * Makes one more reference to a port set.
 *
 * Parameters:
 * - `set`: the set; NULL is nothing.
 *
 * Returns `set`, as a reference of its own that needs its own sfp_port_set_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_port_set *sfp_port_set_retain(struct sfp_port_set *set);

/**
 * Ends a reference to a port set. The last one frees it; its members stay what they are.
 *
 * Parameters:
 * - `set`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_port_set_release(struct sfp_port_set *set);

/**
 * Adds a receive right to a set.
 *
 * Parameters:
 * - `set`: the set.
 * - `right`: the receive right; it stays yours, and the set does not keep it alive.
 * - `key`: its key, 0 to SFP_PORT_SET_MAX_KEY.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the key is too great.
 * - SFP_STATUS_ALREADY_EXISTS: a member has this key, or the right is a member.
 * - SFP_STATUS_WRONG_STATE: the right's handle is empty.
 *
 * Threads: any, also while another one waits for the set. Systems: all.
 */
sfp_status sfp_port_set_add(struct sfp_port_set *set,
                            struct sfp_receive_right *right,
                            uint64_t key);

/**
 * Takes a receive right out of a set.
 *
 * Parameters:
 * - `set`: the set.
 * - `key`: the key that it was added by.
 *
 * Returns:
 * - SFP_STATUS_NOT_FOUND: no receive right has this key.
 *
 * Threads: any, also while another one waits for the set. Systems: all.
 */
sfp_status sfp_port_set_remove(struct sfp_port_set *set, uint64_t key);

/**
 * Has a set tell, once, when the port behind a send right is dead.
 *
 * Parameters:
 * - `set`: the set.
 * - `right`: a right to send to the port; it stays yours, and the set does not keep it alive.
 * - `key`: the key of the watch, 0 to SFP_PORT_SET_MAX_KEY.
 *
 * Returns as sfp_port_set_add().
 *
 * Threads: any, also while another one waits for the set. Systems: all.
 */
sfp_status sfp_port_set_watch(struct sfp_port_set *set, struct sfp_send_right *right, uint64_t key);

/**
 * Ends a watch. One that has told of its port's death has ended by itself.
 *
 * Parameters:
 * - `set`: the set.
 * - `key`: the key of the watch.
 *
 * Returns:
 * - SFP_STATUS_NOT_FOUND: no watch has this key.
 *
 * Threads: any, also while another one waits for the set. Systems: all.
 */
sfp_status sfp_port_set_unwatch(struct sfp_port_set *set, uint64_t key);

/**
 * Waits until a member of a set is ready.
 *
 * Receive from a right that is ready with the timeout 0: another thread may have been faster.
 *
 * Parameters:
 * - `set`: the set.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `event`: becomes the member's key, and what it is ready for.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: no member became ready.
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_port_set_wait(struct sfp_port_set *set,
                             int64_t timeout_ns,
                             struct sfp_port_set_event *event);

/**
 * A file descriptor that is readable when sfp_port_set_wait() would not wait, for poll, epoll or
 * kqueue.
 *
 * Parameters:
 * - `set`: the set.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the set was released. -1 if `set` is NULL.
 *
 * Threads: any. Systems: all.
 */
int sfp_port_set_fd(const struct sfp_port_set *set);

/* ------------------------------------------------------------------------------------------------
 * Messages: a number, bytes, and up to 64 attachments
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes an empty message.
 *
 * Parameters:
 * - `id`: a number; what it means is for sender and receiver to agree.
 *
 * Returns the message, a reference that you release, or that sfp_send() and its like end. NULL only if
 * there is no memory for it.
 *
 * Threads: any. Systems: all.
 */
struct sfp_message *sfp_message_create(uint32_t id);

/**
 * Makes one more reference to a message.
 *
 * Parameters:
 * - `message`: the message; NULL is nothing.
 *
 * Returns `message`, as a reference of its own that needs its own sfp_message_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_message *sfp_message_retain(struct sfp_message *message);

/**
 * Ends a reference to a message. The last one destroys it, with all that it still carries.
 *
 * Parameters:
 * - `message`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_message_release(struct sfp_message *message);

/**
 * Tells whether a message was sent, so that the handle is empty.
 *
 * After a failure of sfp_request() this tells whether the other side can have the request: if not, the
 * message is whole and can be sent again.
 *
 * Parameters:
 * - `message`: the message.
 *
 * Returns true if the handle is empty; false for NULL.
 *
 * Threads: one at a time. Systems: all.
 */
bool sfp_message_is_empty(const struct sfp_message *message);

/**
 * The number of a message.
 *
 * Parameters:
 * - `message`: the message.
 *
 * Returns the number; 0 if `message` is NULL or empty.
 *
 * Threads: one at a time. Systems: all.
 */
uint32_t sfp_message_id(const struct sfp_message *message);

/**
 * Adds bytes at the end of a message's payload.
 *
 * A large payload travels out of line by itself; the receiver sees no difference. To not copy it at
 * all, fill an sfp_memory in place and attach that.
 *
 * Parameters:
 * - `message`: the message.
 * - `bytes`: what to add, which is copied; can be NULL if there are 0.
 * - `size`: how many bytes.
 *
 * Returns:
 * - SFP_STATUS_TOO_LARGE: the payload would be over SFP_MESSAGE_MAX_PAYLOAD; it is unchanged.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory for it; it is unchanged.
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_append(struct sfp_message *message, const void *bytes, size_t size);

/**
 * The bytes of a message: sfp_message_payload_size() of them.
 *
 * Parameters:
 * - `message`: the message.
 *
 * Returns the first byte. It is the message's, and valid until the message is changed, sent (also if
 * that fails) or released. Of a payload of 0 bytes it is not NULL, but there is nothing to read. NULL
 * if `message` is NULL or empty.
 *
 * Threads: one at a time. Systems: all.
 */
const void *sfp_message_payload(const struct sfp_message *message);

/**
 * How many bytes a message has.
 *
 * Parameters:
 * - `message`: the message.
 *
 * Returns the number of bytes; 0 if `message` is NULL or empty.
 *
 * Threads: one at a time. Systems: all.
 */
size_t sfp_message_payload_size(const struct sfp_message *message);

/**
 * Adds a send right behind the attachments of a message: another right to the same port.
 *
 * Parameters:
 * - `message`: the message.
 * - `right`: the right; it stays yours.
 *
 * Returns:
 * - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
 * - SFP_STATUS_WRONG_STATE: a handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_attach_send_right(struct sfp_message *message, struct sfp_send_right *right);

/**
 * Moves a receive right behind the attachments of a message, with all that is queued at the port.
 *
 * The right's handle is empty then; release it. If the message is never sent, take the right out again
 * or it ends with the message.
 *
 * Parameters:
 * - `message`: the message.
 * - `right`: the right; on failure it is what it was.
 *
 * Returns:
 * - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
 * - SFP_STATUS_UNSUPPORTED: this right cannot move: it belongs to a name, and came from
 *   sfp_bootstrap_check_in().
 * - SFP_STATUS_WRONG_STATE: a handle is empty, or another thread is in a call with the right.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_attach_receive_right(struct sfp_message *message,
                                            struct sfp_receive_right *right);

/**
 * Adds a memory region behind the attachments of a message: shared, not copied.
 *
 * Parameters:
 * - `message`: the message.
 * - `memory`: the region; it stays yours, and is the same memory for both sides.
 *
 * Returns:
 * - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_attach_memory(struct sfp_message *message, struct sfp_memory *memory);

/**
 * Adds a surface behind the attachments of a message: shared, not copied.
 *
 * Parameters:
 * - `message`: the message.
 * - `surface`: the surface; it stays yours, and is the same pixels for both sides.
 *
 * Returns:
 * - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_attach_surface(struct sfp_message *message, struct sfp_surface *surface);

/**
 * Adds a file descriptor behind the attachments of a message: a duplicate.
 *
 * Parameters:
 * - `message`: the message.
 * - `fd`: the descriptor; it stays yours, and can be closed after the call.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the descriptor is not open.
 * - SFP_STATUS_TOO_LARGE: the message has SFP_MESSAGE_MAX_ATTACHMENTS.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_attach_fd(struct sfp_message *message, int fd);

/**
 * How many attachments a message has, those counted that were taken out: the others keep their places.
 *
 * Parameters:
 * - `message`: the message.
 *
 * Returns the number; 0 if `message` is NULL or empty.
 *
 * Threads: one at a time. Systems: all.
 */
size_t sfp_message_attachment_count(const struct sfp_message *message);

/**
 * What an attachment is.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: which attachment, from 0.
 *
 * Returns its kind; SFP_ATTACHMENT_NONE if it was taken out or never was, or if `message` is NULL or
 * empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_attachment sfp_message_attachment_kind(const struct sfp_message *message,
                                           size_t index);

/**
 * Takes a send right out of a message. The other attachments keep their places.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: which attachment, from 0.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_send_right(struct sfp_message *message,
                                       size_t index,
                                       struct sfp_send_right **right);

/**
 * Takes a receive right out of a message. The other attachments keep their places.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: which attachment, from 0.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. It stays in the message.
 * - SFP_STATUS_MALFORMED: the sender did not keep to the format. It is destroyed.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_receive_right(struct sfp_message *message,
                                          size_t index,
                                          struct sfp_receive_right **right);

/**
 * Takes a memory region out of a message. The other attachments keep their places.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: which attachment, from 0.
 * - `memory`: becomes the region, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_memory(struct sfp_message *message,
                                   size_t index,
                                   struct sfp_memory **memory);

/**
 * Takes a surface out of a message. The other attachments keep their places.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: which attachment, from 0.
 * - `surface`: becomes the surface, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_surface(struct sfp_message *message,
                                    size_t index,
                                    struct sfp_surface **surface);

/**
 * Takes a file descriptor out of a message. The other attachments keep their places.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: which attachment, from 0.
 * - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is another kind at that place, which stays, or none.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_fd(struct sfp_message *message, size_t index, int *fd);

/**
 * Tells who sent a message that was received.
 *
 * Parameters:
 * - `message`: the message.
 * - `sender`: becomes the sender, as the kernel says it of this very message.
 *
 * Returns:
 * - SFP_STATUS_NOT_FOUND: nobody sent it, it was made here.
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_sender(const struct sfp_message *message, struct sfp_sender *sender);

/**
 * Tells whether a message is a request: whether it has a right to answer it, which nobody took yet.
 *
 * Parameters:
 * - `message`: the message.
 *
 * Returns true if an answer is wanted; false if not, or if `message` is NULL or empty.
 *
 * Threads: one at a time. Systems: all.
 */
bool sfp_message_has_reply_right(const struct sfp_message *message);

/**
 * Answers a request, once.
 *
 * Success ends your reference to the answer: do not release it. The request stays yours. On failure
 * both are as before, and the request can be answered again. A request that is released unanswered
 * tells so to who made it.
 *
 * Parameters:
 * - `request`: a message that has a reply right.
 * - `answer`: what to send; not the request itself.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the answer is the request.
 * - SFP_STATUS_WRONG_STATE: the request has no reply right, or was answered before; an attachment was
 *   taken out of the answer; a handle is empty.
 * - SFP_STATUS_PEER_DEAD: nobody waits for the answer any more.
 * - Otherwise as sfp_send().
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_reply(struct sfp_message *request,
                             struct sfp_message *answer,
                             int64_t timeout_ns);

/**
 * Takes the right to answer out of a request, to answer it from elsewhere: sfp_send_once().
 *
 * Parameters:
 * - `message`: the request.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the message has no reply right, or the handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_reply_right(struct sfp_message *message,
                                        struct sfp_send_once_right **right);

/**
 * Has the receiver of a message answer by a right: to pass a request on, with the duty to answer it.
 *
 * The right's handle is empty then; release it. A reply right that the message had before ends unused.
 *
 * Parameters:
 * - `message`: the message.
 * - `right`: the right to send once; on failure it is what it was.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: a handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_set_reply_right(struct sfp_message *message,
                                       struct sfp_send_once_right *right);

/* ------------------------------------------------------------------------------------------------
 * Bootstrap: a name that one process checks in, and others of the same user look up
 * ------------------------------------------------------------------------------------------------ */

/**
 * Takes a name, and gives the right to receive what is sent to it.
 *
 * The right gathers the messages of all who have looked the name up; each message tells its sender. It
 * never says SFP_STATUS_NO_SENDERS, since the next one can look the name up at any time; and on Linux
 * it cannot be moved to another process.
 *
 * On Linux a name is a socket in each of the folders $XDG_RUNTIME_DIR/surfaceport,
 * /run/user/UID/surfaceport and /tmp/surfaceport-UID that there are, so that processes of the user with
 * other environments find it. If these files are removed, by a cleaner of temporary files for instance,
 * the owner makes them again when it receives. If another process has taken the name by then, the right
 * becomes one without a name, and says SFP_STATUS_NO_SENDERS when its last sender is gone.
 *
 * Parameters:
 * - `name`: 1 to SFP_BOOTSTRAP_MAX_NAME of the characters A-Z, a-z, 0-9, '.', '_' and '-', in the
 *   style of reverse DNS ("org.example.viewer"), with no empty part between dots.
 * - `right`: becomes the receive right, a reference that you release. The name is free again when the
 *   last one ends, or this process does.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the name is not as above; the message says what is wrong.
 * - SFP_STATUS_ALREADY_EXISTS: a living process owns the name. One of a dead process is taken over.
 * - SFP_STATUS_PERMISSION_DENIED: the place of names is not this user's alone, or a sandbox forbids
 *   it; the message says which other way there is.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_bootstrap_check_in(const char *name,
                                  struct sfp_receive_right **right);

/**
 * Finds the port behind a name; waits until the name appears.
 *
 * Parameters:
 * - `name`: as for sfp_bootstrap_check_in().
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `right`: becomes a right to send to the port, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: nobody can have this name.
 * - SFP_STATUS_NOT_FOUND: nobody has the name, and `timeout_ns` is 0. The message names the folders that
 *   were searched.
 * - SFP_STATUS_TIMED_OUT: nobody took the name in that time. The message is as above.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: the owner does not take in those who look the name up.
 * - SFP_STATUS_PERMISSION_DENIED: another user owns it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_bootstrap_look_up(const char *name,
                                 int64_t timeout_ns,
                                 struct sfp_send_right **right);

/* ------------------------------------------------------------------------------------------------
 * Memory regions: memory that several processes map, sent in messages without a copy
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes a memory region of zero bytes.
 *
 * Parameters:
 * - `size`: how many bytes, 1 to SFP_MEMORY_MAX_SIZE.
 * - `access`: who may write.
 * - `memory`: becomes the region, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the size is 0, or `access` is something else.
 * - SFP_STATUS_TOO_LARGE: the size is over SFP_MEMORY_MAX_SIZE.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_memory_create(size_t size, sfp_memory_access access, struct sfp_memory **memory);

/**
 * Makes one more reference to a memory region.
 *
 * Parameters:
 * - `memory`: the region; NULL is nothing.
 *
 * Returns `memory`, as a reference of its own that needs its own sfp_memory_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_memory *sfp_memory_retain(struct sfp_memory *memory);

/**
 * Ends a reference to a memory region. The last one unmaps it here, once no message holds it either.
 *
 * Parameters:
 * - `memory`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_memory_release(struct sfp_memory *memory);

/**
 * The first byte of a memory region: sfp_memory_size() of them can be read, and written if
 * sfp_memory_is_writable().
 *
 * Other processes may write at any time: read what matters once, then check it.
 *
 * Parameters:
 * - `memory`: the region.
 *
 * Returns the address, valid until the region is released; NULL if `memory` is NULL.
 *
 * Threads: any. Systems: all.
 */
void *sfp_memory_base(const struct sfp_memory *memory);

/**
 * The size of a memory region.
 *
 * Parameters:
 * - `memory`: the region.
 *
 * Returns the number of bytes; 0 if `memory` is NULL.
 *
 * Threads: any. Systems: all.
 */
size_t sfp_memory_size(const struct sfp_memory *memory);

/**
 * Tells whether this process may write a memory region. If not, writing to it is a fault.
 *
 * Parameters:
 * - `memory`: the region.
 *
 * Returns true if it may; false if not, or if `memory` is NULL.
 *
 * Threads: any. Systems: all.
 */
bool sfp_memory_is_writable(const struct sfp_memory *memory);

/**
 * Has the system make every page of a memory region now and map it in this process, so that the first
 * access to each does not have to.
 *
 * Parameters:
 * - `memory`: the region.
 *
 * Returns SFP_STATUS_RESOURCE_EXHAUSTED: there is not as much memory. Writing would end the process then.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_memory_prefault(struct sfp_memory *memory);

/**
 * Copies bytes into a memory region.
 *
 * Parameters:
 * - `memory`: the region.
 * - `offset`: where in the region they begin, in bytes.
 * - `bytes`: what to copy; can be NULL if there are 0. Not a part of the region itself.
 * - `size`: how many bytes.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: they do not fit.
 * - SFP_STATUS_PERMISSION_DENIED: this process may only read the region.
 *
 * Threads: any; what several write at once is any mixture of it. Systems: all.
 */
sfp_status sfp_memory_write(struct sfp_memory *memory,
                            size_t offset,
                            const void *bytes,
                            size_t size);

/**
 * Copies bytes out of a memory region.
 *
 * Parameters:
 * - `memory`: the region.
 * - `offset`: where in the region they begin, in bytes.
 * - `buffer`: becomes the bytes; can be NULL for 0 of them. Not a part of the region itself.
 * - `size`: how many bytes.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there are not as many.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_memory_read(const struct sfp_memory *memory,
                           size_t offset,
                           void *buffer,
                           size_t size);

/* ------------------------------------------------------------------------------------------------
 * Surfaces: pixel buffers that several processes map, in IOSurface's vocabulary
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes a surface of zero bytes.
 *
 * Parameters:
 * - `descriptor`: size and format; begin with SFP_SURFACE_DESCRIPTOR_INIT.
 * - `surface`: becomes the surface, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: a side is 0 or over SFP_SURFACE_MAX_DIMENSION, there is no such
 *   backing, or `struct_size` is not set.
 * - SFP_STATUS_UNSUPPORTED: the format is none of sfp_pixel_format; or the descriptor is of a later
 *   version, and asks for something that this one does not have.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_create(const struct sfp_surface_descriptor *descriptor,
                              struct sfp_surface **surface);

/**
 * Makes one more reference to a surface.
 *
 * Parameters:
 * - `surface`: the surface; NULL is nothing.
 *
 * Returns `surface`, as a reference of its own that needs its own sfp_surface_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_surface *sfp_surface_retain(struct sfp_surface *surface);

/**
 * Ends a reference to a surface. The last one unmaps it here, once no message and no swapchain holds
 * it either, and with it end this process's uses.
 *
 * Parameters:
 * - `surface`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_surface_release(struct sfp_surface *surface);

/**
 * The number that names a surface on this system while it lives. It gives no access.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns the number, the same in every process that has the surface; 0 if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_surface_id(const struct sfp_surface *surface);

/**
 * The width of a surface.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns pixels; 0 if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_surface_width(const struct sfp_surface *surface);

/**
 * The height of a surface.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns pixels; 0 if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_surface_height(const struct sfp_surface *surface);

/**
 * The pixel format of a surface.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns the format; SFP_PIXEL_FORMAT_DEFAULT, which is 0, if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
sfp_pixel_format sfp_surface_pixel_format(const struct sfp_surface *surface);

/**
 * What the memory of a surface is.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns the backing, on Linux always SFP_BACKING_NATIVE; SFP_BACKING_NATIVE, which is 0, if `surface`
 * is NULL.
 *
 * Threads: any. Systems: all.
 */
sfp_backing sfp_surface_backing(const struct sfp_surface *surface);

/**
 * The number of planes of a surface. A format whose components lie together has 1 (where IOSurface
 * counts 0).
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns 1 to SFP_SURFACE_MAX_PLANES; 0 if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_surface_plane_count(const struct sfp_surface *surface);

/**
 * Tells where a plane of a surface lies. It stays there as long as the surface lives.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `index`: which plane, from 0.
 * - `plane`: becomes the plane. Its `base` is valid until the surface is released.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the surface has no such plane.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_plane(const struct sfp_surface *surface,
                             size_t index,
                             struct sfp_plane *plane);

/**
 * The memory that a surface takes, with all that belongs to it.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns bytes; 0 if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
size_t sfp_surface_allocation_size(const struct sfp_surface *surface);

/**
 * Has the system make every page of a surface now and map it in this process. Without this each is made
 * when it is touched first: for a surface of 8K that takes some tens of milliseconds, once in each
 * process.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns SFP_STATUS_RESOURCE_EXHAUSTED: there is not as much memory. Drawing would end the process then.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_prefault(struct sfp_surface *surface);

/**
 * A number that moves whenever a process ends a lock for writing: another number, other pixels.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns the number, which wraps around; 0 if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_surface_seed(const struct sfp_surface *surface);

/**
 * Locks a surface for access by the CPU, until sfp_surface_unlock().
 *
 * A lock excludes nobody: who may write when is for the swapchain, or the processes, to agree. Locks
 * nest, and each needs its own unlock.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `mode`: what the lock is for.
 * - `pixels`: becomes the place of the pixels, which is theirs until the unlock.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is no such mode.
 * - SFP_STATUS_WRONG_STATE: pixels had to be copied from a GPU's memory, and `mode` is one that avoids
 *   it. Never on Linux.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_lock(struct sfp_surface *surface,
                            sfp_lock mode,
                            struct sfp_pixels *pixels);

/**
 * Ends a lock of a surface.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `mode`: the mode that the lock was begun with.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is no such mode.
 * - SFP_STATUS_WRONG_STATE: the surface is not locked in this mode.
 *
 * Threads: any, not only the one that locked. Systems: all.
 */
sfp_status sfp_surface_unlock(struct sfp_surface *surface, sfp_lock mode);

/**
 * How often this process has begun a use of a surface and not ended it.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns the number; 0 if `surface` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_surface_use_count(const struct sfp_surface *surface);

/**
 * Begins a use of a surface by this process: every process sees that it is in use.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns:
 * - SFP_STATUS_RESOURCE_EXHAUSTED: more processes use it than can be counted.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_increment_use_count(struct sfp_surface *surface);

/**
 * Ends a use of a surface by this process.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: this process has begun none.
 *
 * Threads: any, not only the one that began it. Systems: all.
 */
sfp_status sfp_surface_decrement_use_count(struct sfp_surface *surface);

/**
 * Tells whether any living process has begun a use of a surface.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns true if one has; false if none, or if `surface` is NULL. A process that died does not count.
 *
 * Threads: any. Systems: all.
 */
bool sfp_surface_is_in_use(const struct sfp_surface *surface);

/**
 * Changes the purgeable state of a surface.
 *
 * Making an empty surface non-volatile tells, by the state from before, that the contents are gone.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `state`: the new state.
 * - `before`: becomes the state from before; can be NULL.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is no such state.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_set_purgeable(struct sfp_surface *surface,
                                     sfp_purgeable state,
                                     sfp_purgeable *before);

/**
 * Tells the purgeable state of a surface.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `state`: becomes the state.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_purgeable(const struct sfp_surface *surface, sfp_purgeable *state);

/**
 * Attaches a value to a surface, which every process that has the surface sees.
 *
 * All values of a surface together have room in 28 KiB.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `name`: the value's name, 1 to 255 bytes. A value that it had before is replaced.
 * - `bytes`: the value, which is copied; can be NULL if it has 0 bytes.
 * - `size`: how many bytes.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the name is empty or too long.
 * - SFP_STATUS_TOO_LARGE: there is no room for it; all values are as before.
 * - SFP_STATUS_TIMED_OUT: another process does not stop writing values.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_set_value(struct sfp_surface *surface,
                                 const char *name,
                                 const void *bytes,
                                 size_t size);

/**
 * Reads a value of a surface.
 *
 * It is cut if the buffer is too small: `size` is greater than `capacity` then. Ask with no buffer to
 * learn the size only.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `name`: the value's name.
 * - `buffer`: becomes the value; can be NULL if `capacity` is 0.
 * - `capacity`: how many bytes the buffer has.
 * - `size`: becomes the number of bytes that the value has.
 *
 * Returns:
 * - SFP_STATUS_NOT_FOUND: there is no value of this name.
 * - SFP_STATUS_INVALID_ARGUMENT, SFP_STATUS_TIMED_OUT: as sfp_surface_set_value().
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_value(const struct sfp_surface *surface,
                             const char *name,
                             void *buffer,
                             size_t capacity,
                             size_t *size);

/**
 * Takes a value of a surface away. That there is none is no failure.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `name`: the value's name.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT, SFP_STATUS_TIMED_OUT: as sfp_surface_set_value().
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_remove_value(struct sfp_surface *surface, const char *name);

/**
 * Reads the names of all values of a surface: texts that each end with NUL, one behind the other.
 *
 * They are cut if the buffer is too small: `size` is greater than `capacity` then.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `buffer`: becomes the names; can be NULL if `capacity` is 0.
 * - `capacity`: how many bytes the buffer has.
 * - `size`: becomes the number of bytes of all names, with their NULs.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: another process does not stop writing values.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_value_names(const struct sfp_surface *surface,
                                   char *buffer,
                                   size_t capacity,
                                   size_t *size);

/**
 * Says how the colours of a surface's pixels are meant.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `space`: the colour space; SFP_COLOR_SPACE_UNKNOWN takes back what was said.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is no such colour space.
 * - SFP_STATUS_TOO_LARGE, SFP_STATUS_TIMED_OUT: as sfp_surface_set_value().
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_set_color_space(struct sfp_surface *surface, sfp_color_space space);

/**
 * Tells how the colours of a surface's pixels are meant.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `space`: becomes the colour space; SFP_COLOR_SPACE_UNKNOWN if nobody said so.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: another process does not stop writing values.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_surface_color_space(const struct sfp_surface *surface, sfp_color_space *space);

#if defined(__linux__)
/**
 * Gives a descriptor of the memory of a surface's pixels, for interfaces that map or import one.
 *
 * The planes lie in it as sfp_surface_plane() says by `offset`.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `fd`: becomes the descriptor, which is yours to close. It is close-on-exec.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_surface_export_fd(struct sfp_surface *surface, int *fd);
#endif

#if defined(__linux__)
/**
 * Makes a dma-buf of a surface's pixels, for a GPU or a display to import.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `fd`: becomes the descriptor of the dma-buf, which is yours to close. It is close-on-exec.
 *
 * Returns:
 * - SFP_STATUS_UNSUPPORTED: the system has no /dev/udmabuf that this user can open.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_surface_export_dma_buf(struct sfp_surface *surface, int *fd);
#endif

/**
 * Tells of all surfaces that live in this process, so that a leak is seen and not guessed: those made
 * here and those received, as long as anything holds them.
 *
 * Parameters:
 * - `ids`: becomes the ids of the surfaces, ascending, as many as there is room for; can be NULL if
 *   `capacity` is 0.
 * - `capacity`: how many ids there is room for.
 * - `totals`: becomes the number of surfaces, which can be greater than `capacity`, and their memory.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_live_surfaces(uint32_t *ids,
                             size_t capacity,
                             struct sfp_surface_totals *totals);

/* ------------------------------------------------------------------------------------------------
 * Surfaces on macOS: as IOSurfaces, and as what the system's own frameworks have them
 * ------------------------------------------------------------------------------------------------ */

#if defined(__APPLE__)
/**
 * The IOSurface of a surface, for all that the system can do with one: the contents of a layer, a
 * texture of Metal.
 *
 * Parameters:
 * - `surface`: the surface.
 *
 * Returns the IOSurfaceRef, which is the surface's: CFRetain() it to keep it longer. NULL if `surface`
 * is NULL or of SFP_BACKING_MEMORY, and has none.
 *
 * Threads: any. Systems: macOS.
 */
struct __IOSurface *sfp_surface_iosurface(const struct sfp_surface *surface);
#endif

#if defined(__APPLE__)
/**
 * Makes a surface of an IOSurface, whoever made that. Its rows and planes may lie anywhere: see
 * sfp_surface_plane().
 *
 * Parameters:
 * - `iosurface`: an IOSurfaceRef. It stays yours; the surface has a reference of its own.
 * - `surface`: becomes the surface, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_UNSUPPORTED: the pixel format is none of sfp_pixel_format, or the CPU has no access.
 * - SFP_STATUS_INVALID_ARGUMENT: the planes are not what the pixel format asks for, or a side is 0 or
 *   over SFP_SURFACE_MAX_DIMENSION.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_surface_from_iosurface(struct __IOSurface *iosurface,
                                      struct sfp_surface **surface);
#endif

#if defined(__APPLE__)
/**
 * Makes a surface of the IOSurface that a pixel buffer of Core Video has.
 *
 * Parameters:
 * - `buffer`: a CVPixelBufferRef, which stays yours. The surface holds the IOSurface and not the
 *   buffer: to keep a pool from using the memory again, hold the buffer, or begin a use.
 * - `surface`: becomes the surface, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the buffer has no IOSurface; and as sfp_surface_from_iosurface().
 * - SFP_STATUS_UNSUPPORTED: as sfp_surface_from_iosurface(), or there is no Core Video.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_surface_from_pixel_buffer(struct __CVBuffer *buffer, struct sfp_surface **surface);
#endif

#if defined(__APPLE__)
/**
 * Makes a pixel buffer of Core Video over a surface's memory, without a copy.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `buffer`: becomes the CVPixelBufferRef, which is yours: CVPixelBufferRelease() it. It holds the
 *   memory for as long as it lives.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the surface is of SFP_BACKING_MEMORY.
 * - SFP_STATUS_UNSUPPORTED: there is no Core Video, or it does not know the pixel format.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory for it.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_surface_create_pixel_buffer(struct sfp_surface *surface, struct __CVBuffer **buffer);
#endif

#if defined(__APPLE__)
/**
 * Makes an XPC object that stands for a surface, for a program that has an XPC connection. The
 * surface counts as in use while the object, or a copy of it in a message, lives.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `object`: becomes the xpc_object_t, which is yours: xpc_release() it, or in Objective-C with
 *   automatic counting take it over by __bridge_transfer.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the surface is of SFP_BACKING_MEMORY.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: the system makes none.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_surface_create_xpc_object(struct sfp_surface *surface, void **object);
#endif

#if defined(__APPLE__)
/**
 * Makes a surface of an XPC object that stands for one.
 *
 * Parameters:
 * - `object`: an xpc_object_t, which stays yours.
 * - `surface`: becomes the surface, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the object stands for no surface; and as sfp_surface_from_iosurface().
 * - SFP_STATUS_UNSUPPORTED: as sfp_surface_from_iosurface().
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_surface_from_xpc_object(void *object,
                                       struct sfp_surface **surface);
#endif

#if defined(__APPLE__)
/**
 * Makes a port that stands for a surface, for a program that sends ports in its own way. The surface
 * counts as in use until the port is gone.
 *
 * Parameters:
 * - `surface`: the surface.
 * - `port`: becomes the name of the port, with one send right that is yours:
 *   mach_port_deallocate() it, or move it in a message.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the surface is of SFP_BACKING_MEMORY.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: the system makes none.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_surface_create_mach_port(struct sfp_surface *surface,
                                        mach_port_t *port);
#endif

#if defined(__APPLE__)
/**
 * Makes a surface of a port that stands for one.
 *
 * Parameters:
 * - `port`: the name of the port. Its send right stays yours to give back; do so soon, the surface
 *   counts as in use until then.
 * - `surface`: becomes the surface, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the port stands for no surface; and as sfp_surface_from_iosurface().
 * - SFP_STATUS_UNSUPPORTED: as sfp_surface_from_iosurface().
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_surface_from_mach_port(mach_port_t port,
                                      struct sfp_surface **surface);
#endif

/* ------------------------------------------------------------------------------------------------
 * Channels: two-way connections of two processes, for messages of your own
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes a channel, and gives both of its ends.
 *
 * Parameters:
 * - `one`: becomes one end, a reference that you release.
 * - `other`: becomes the other end, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_channel_end_create_pair(struct sfp_channel_end **one,
                                       struct sfp_channel_end **other);

/**
 * Makes one more reference to the end of a channel.
 *
 * Parameters:
 * - `end`: the end; NULL is nothing.
 *
 * Returns `end`, as a reference of its own that needs its own sfp_channel_end_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_channel_end *sfp_channel_end_retain(struct sfp_channel_end *end);

/**
 * Ends a reference to the end of a channel. The last one closes it, unless it was opened or moved.
 *
 * Parameters:
 * - `end`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_channel_end_release(struct sfp_channel_end *end);

/**
 * Begins to use the end of a channel. The end's handle is empty then; release it.
 *
 * Parameters:
 * - `end`: the end.
 * - `channel`: becomes the channel, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_channel_end_open(struct sfp_channel_end *end, struct sfp_channel **channel);

/**
 * Moves the end of a channel behind the attachments of a message, as the next
 * SFP_CHANNEL_END_ATTACHMENTS of them.
 *
 * The end's handle is empty then; release it. If the message is never sent, take the end out again or
 * it closes with the message.
 *
 * Parameters:
 * - `message`: the message.
 * - `end`: the end; on failure it is what it was.
 *
 * Returns:
 * - SFP_STATUS_TOO_LARGE: the message would have more than SFP_MESSAGE_MAX_ATTACHMENTS.
 * - SFP_STATUS_WRONG_STATE: a handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_attach_channel_end(struct sfp_message *message,
                                          struct sfp_channel_end *end);

/**
 * Takes the end of a channel out of a message. The other attachments keep their places.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: the first of its attachments, from 0.
 * - `end`: becomes the end, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is no end at that place.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. It stays in the message.
 * - SFP_STATUS_MALFORMED: the sender did not keep to the format. It is destroyed.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_channel_end(struct sfp_message *message,
                                        size_t index,
                                        struct sfp_channel_end **end);

#if defined(__linux__)
/**
 * Turns the end of a channel into its raw form: two file descriptors, to be carried by any means that
 * carries them. The end's handle is empty then; release it.
 *
 * Parameters:
 * - `end`: the end.
 * - `receive_fd`: becomes the descriptor by which messages come, which is yours to close.
 * - `send_fd`: becomes the descriptor by which messages go, which is yours to close. Both are
 *   close-on-exec.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty, the end has no such form any more, or this process is a
 *   fork of the one that made it.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_channel_end_into_fds(struct sfp_channel_end *end,
                                    int *receive_fd,
                                    int *send_fd);
#endif

#if defined(__linux__)
/**
 * Makes the end of a channel of its raw form.
 *
 * Parameters:
 * - `receive_fd`: the descriptor by which messages come; it stays yours. Close it after the call: as
 *   long as it is open, the peer does not learn that the end is gone.
 * - `send_fd`: the descriptor by which messages go; the same holds for it.
 * - `end`: becomes the end, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: a descriptor is not open.
 * - SFP_STATUS_MALFORMED: one is no end of a SOCK_SEQPACKET socket.
 *
 * Threads: any. Systems: Linux.
 */
sfp_status sfp_channel_end_from_fds(int receive_fd,
                                    int send_fd,
                                    struct sfp_channel_end **end);
#endif

/**
 * Makes one more reference to a channel.
 *
 * Parameters:
 * - `channel`: the channel; NULL is nothing.
 *
 * Returns `channel`, as a reference of its own that needs its own sfp_channel_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_channel *sfp_channel_retain(struct sfp_channel *channel);

/**
 * Ends a reference to a channel. The last one closes it, once its session, if it has one, has ended.
 *
 * Parameters:
 * - `channel`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_channel_release(struct sfp_channel *channel);

/**
 * Sends a message to the peer; waits while its queue is full.
 *
 * Success ends your reference to the message: do not release it. On failure it is still yours, whole, and
 * has not arrived: it can be sent again.
 *
 * A peer that was killed a moment ago may not be noticed by the next few sends, which ask nobody;
 * sfp_channel_is_peer_dead() asks the kernel.
 *
 * Parameters:
 * - `channel`: the channel.
 * - `message`: what to send.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 *
 * Returns as sfp_send(); SFP_STATUS_WRONG_STATE also in a fork.
 *
 * Threads: any, several at once with one channel. Systems: all.
 */
sfp_status sfp_channel_send(struct sfp_channel *channel,
                            struct sfp_message *message,
                            int64_t timeout_ns);

/**
 * Sends a message if the peer's queue has room for it, and drops it otherwise, with all that it carries:
 * for what is soon outdated, such as positions or progress. Never waits.
 *
 * Success ends your reference to the message, also if it was dropped: do not release it. On failure it
 * is still yours, whole. A queue is also full while another thread waits for room in it.
 *
 * Parameters:
 * - `channel`: the channel.
 * - `message`: what to send.
 * - `sent`: becomes true, or false if the message was dropped, which sfp_channel_dropped() counts. It can
 *   be NULL.
 *
 * Returns as sfp_send(), but for SFP_STATUS_TIMED_OUT.
 *
 * Threads: any, several at once with one channel. Systems: all.
 */
sfp_status sfp_channel_send_or_drop(struct sfp_channel *channel,
                                    struct sfp_message *message,
                                    bool *sent);

/**
 * Sends a message with a right to answer it once, and waits for the answer. Whoever the peer passes
 * that right on to may answer.
 *
 * Success ends your reference to the message. On failure it is still yours; whether it was sent before
 * the failure says sfp_message_is_empty().
 *
 * Parameters:
 * - `channel`: the channel.
 * - `message`: the request.
 * - `timeout_ns`: how long to wait for both, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `answer`: becomes the answer, a reference that you release.
 *
 * Returns as sfp_request().
 *
 * Threads: any, several at once with one channel. Systems: all.
 */
sfp_status sfp_channel_request(struct sfp_channel *channel,
                               struct sfp_message *message,
                               int64_t timeout_ns,
                               struct sfp_message **answer);

/**
 * Takes the peer's next message; waits while there is none.
 *
 * Parameters:
 * - `channel`: the channel.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `message`: becomes the message, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: no message came.
 * - SFP_STATUS_PEER_DEAD: the peer is gone, and all that it sent was received.
 * - SFP_STATUS_MALFORMED, SFP_STATUS_UNSUPPORTED: the peer does not keep to the format, or what its message
 *   carried could not be opened. That message is destroyed, and this is said once, in its place; go on with
 *   the next.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors, or no memory, for what the message carries. It
 *   stays in its place; close some and try again. A call that may wait tries for up to 100 ms before it
 *   says so, so that a loop of such calls does not keep a processor busy.
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the one that made the channel.
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_channel_receive(struct sfp_channel *channel,
                               int64_t timeout_ns,
                               struct sfp_message **message);

/**
 * Tells whose messages are received here.
 *
 * Parameters:
 * - `channel`: the channel.
 * - `peer`: becomes the peer's process, user and group, as the kernel says them.
 *
 * Returns:
 * - SFP_STATUS_NOT_FOUND: no message came yet, and the channel is not a session's.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_channel_peer(const struct sfp_channel *channel, struct sfp_sender *peer);

/**
 * Tells whether the peer let go of its end, so that nothing sent can arrive any more. What it sent
 * before can still be received. An end that is on its way to its process is not dead.
 *
 * Parameters:
 * - `channel`: the channel.
 * - `dead`: becomes true or false.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_channel_is_peer_dead(const struct sfp_channel *channel, bool *dead);

/**
 * How many messages were destroyed because they came from another process than the peer.
 *
 * Parameters:
 * - `channel`: the channel.
 *
 * Returns the number; 0 if `channel` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint64_t sfp_channel_refused(const struct sfp_channel *channel);

/**
 * How many messages sfp_channel_send_or_drop() has dropped.
 *
 * Parameters:
 * - `channel`: the channel.
 *
 * Returns the number; 0 if `channel` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint64_t sfp_channel_dropped(const struct sfp_channel *channel);

/**
 * Sets how long a wait of a channel watches the shared memory before it sleeps: 50 µs unless it is set.
 *
 * Watching takes a processor, and saves the tens of microseconds that it costs to sleep and to be woken.
 * Where waits turn out to be longer, it sleeps at once, whatever the time.
 *
 * Parameters:
 * - `channel`: the channel.
 * - `time_ns`: the longest time to watch, in nanoseconds; 0 is not to watch.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any, also while another one waits. Systems: all.
 */
sfp_status sfp_channel_set_spin_time(struct sfp_channel *channel,
                                     uint64_t time_ns);

/**
 * A file descriptor that is readable while a send with a timeout of 0 would probably find room, and for
 * good once the peer is gone (take it out of your loop then), for poll, epoll or kqueue.
 *
 * When a send has said SFP_STATUS_TIMED_OUT, wait for the descriptor, then send again. Do not wait for it
 * with nothing to send: it is readable most of the time, and now and then once too often. A receiver that
 * goes on receiving makes it readable when up to three quarters of the queue are free, not with each
 * message that it takes.
 *
 * Parameters:
 * - `channel`: the channel.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the channel was released. -1 if `channel` is NULL, or if the first call found no descriptors for
 * it, which sfp_last_error_status() tells.
 *
 * Threads: any. Systems: all.
 */
int sfp_channel_writable_fd(const struct sfp_channel *channel);

/**
 * A file descriptor that is readable when sfp_channel_receive() would not wait, for poll, epoll or kqueue.
 *
 * Once the peer is gone it is readable for good, as a socket is at its end: take it out of your loop when
 * sfp_channel_receive() returns SFP_STATUS_PEER_DEAD, or the loop keeps a processor busy.
 *
 * Now and then it is readable once too often: receive with a timeout of 0, and wait again when that says
 * SFP_STATUS_TIMED_OUT.
 *
 * Parameters:
 * - `channel`: the channel.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the channel was released. -1 if `channel` is NULL.
 *
 * Threads: any. Systems: all.
 */
int sfp_channel_fd(const struct sfp_channel *channel);

/* ------------------------------------------------------------------------------------------------
 * Producers: draw into the images of a swapchain, and present them as frames
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes a swapchain, for consumers that get a right of sfp_producer_create_consumer_right(). The child
 * of a host uses sfp_child_create_producer() instead.
 *
 * Parameters:
 * - `options`: size, format, images, mode; begin with SFP_SWAPCHAIN_OPTIONS_INIT.
 * - `producer`: becomes the producer, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: a side is 0 or over SFP_SURFACE_MAX_DIMENSION, so many images do not
 *   go with the mode, `mode` or `allocator` is none, or `struct_size` is not set.
 * - SFP_STATUS_UNSUPPORTED: the format is none of sfp_pixel_format; or the options are of a later
 *   version, and ask for something that this one does not have.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_producer_create(const struct sfp_swapchain_options *options,
                               struct sfp_producer **producer);

/**
 * Makes one more reference to a producer.
 *
 * Parameters:
 * - `producer`: the producer; NULL is nothing.
 *
 * Returns `producer`, as a reference of its own that needs its own sfp_producer_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_producer *sfp_producer_retain(struct sfp_producer *producer);

/**
 * Ends a reference to a producer. The last one ends the stream: consumers see the frames that are
 * left, then SFP_STATUS_CLOSED. So do those who have a right to consume and did not use it yet: what they
 * need waits with the right, also after this process has ended. It does not wait for anybody;
 * sfp_producer_drain() does.
 *
 * Parameters:
 * - `producer`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_producer_release(struct sfp_producer *producer);

/**
 * Takes an image to draw into; waits while there is none. It has the pixels of some earlier frame, or
 * zeroes.
 *
 * Parameters:
 * - `producer`: the producer.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `image`: becomes the image, a reference that sfp_producer_present() or you end.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: no image became free.
 * - SFP_STATUS_PEER_DEAD: all consumers are gone, and no right to become one is left anywhere.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: an image is waited for that a consumer keeps because this process lacks
 *   descriptors or memory to serve it. Nothing is lost; a later call goes on.
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the one that made the producer.
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_producer_acquire(struct sfp_producer *producer,
                                int64_t timeout_ns,
                                struct sfp_image **image);

/**
 * Makes an image the newest frame.
 *
 * Success ends your reference to the image: do not release it, and do not touch its pixels. On failure
 * it is still yours, to be presented or released.
 *
 * Parameters:
 * - `producer`: the producer that the image was acquired from.
 * - `image`: the image, not locked.
 * - `info`: what to say of the frame; begin with SFP_PRESENT_INFO_INIT. It can be NULL: nothing.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the image is locked; it is of another producer; a frame of another size
 *   was presented since it was acquired; or its handle is empty, because it was presented before.
 * - SFP_STATUS_INVALID_ARGUMENT: `color_space` is none, `reserved` not 0, or `struct_size` not set.
 * - SFP_STATUS_UNSUPPORTED: the information is of a later version, and says something that this one
 *   does not know.
 *
 * Threads: any, several at once with one producer. Systems: all.
 */
sfp_status sfp_producer_present(struct sfp_producer *producer,
                                struct sfp_image *image,
                                const struct sfp_present_info *info);

/**
 * Gives a swapchain images of another size. Consumers keep showing the old ones until the first frame
 * of the new size is there; images that are being drawn can be presented until then.
 *
 * Parameters:
 * - `producer`: the producer.
 * - `width`: pixels, 1 to SFP_SURFACE_MAX_DIMENSION.
 * - `height`: pixels, 1 to SFP_SURFACE_MAX_DIMENSION.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: a side is 0 or over SFP_SURFACE_MAX_DIMENSION.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for them.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_producer_resize(struct sfp_producer *producer,
                               uint32_t width,
                               uint32_t height);

/**
 * Gives a swapchain images of another size or format; otherwise as sfp_producer_resize().
 *
 * The images' memory stays of the swapchain's backing, whatever the descriptor has there.
 *
 * Parameters:
 * - `producer`: the producer.
 * - `descriptor`: size and format; begin with SFP_SURFACE_DESCRIPTOR_INIT.
 *
 * Returns as sfp_surface_create().
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_producer_reconfigure(struct sfp_producer *producer,
                                    const struct sfp_surface_descriptor *descriptor);

/**
 * Looks after consumers that come and go, without waiting.
 *
 * sfp_producer_acquire() does it too. A producer that draws rarely calls this when sfp_producer_fd() is
 * readable.
 *
 * Parameters:
 * - `producer`: the producer.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_producer_service(struct sfp_producer *producer);

/**
 * Waits until every consumer has what it is to have: in fifo mode every frame, else the newest one.
 *
 * Rights that were not used yet are waited for, too, until they are used or nobody has them any more. A
 * program calls it before its end, if its frames must be seen and not only kept for who comes late.
 *
 * Parameters:
 * - `producer`: the producer.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: somebody does not have everything yet.
 * - SFP_STATUS_PEER_DEAD: frames are left that nobody will see: all consumers are gone, and no right to
 *   become one is left.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory to wait with.
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the one that made the producer.
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_producer_drain(struct sfp_producer *producer,
                              int64_t timeout_ns);

/**
 * Tells what a producer has counted.
 *
 * Parameters:
 * - `producer`: the producer.
 * - `statistics`: becomes what was counted.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_producer_get_statistics(const struct sfp_producer *producer,
                                       struct sfp_producer_statistics *statistics);

/**
 * Makes a right to consume a swapchain, for one or more consumers of this or any other process.
 *
 * Parameters:
 * - `producer`: the producer.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_producer_create_consumer_right(struct sfp_producer *producer,
                                              struct sfp_consumer_right **right);

/**
 * Sets how long a wait of sfp_producer_acquire() watches the shared memory before it sleeps: 50 µs unless it is set.
 *
 * Watching takes a processor, and saves the tens of microseconds that it costs to sleep and to be woken.
 * Where waits turn out to be longer, it sleeps at once, whatever the time.
 *
 * Parameters:
 * - `producer`: the producer.
 * - `time_ns`: the longest time to watch, in nanoseconds; 0 is not to watch.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any, also while another one waits. Systems: all.
 */
sfp_status sfp_producer_set_spin_time(struct sfp_producer *producer,
                                      uint64_t time_ns);

/**
 * A file descriptor that is readable when sfp_producer_acquire(), without waiting, or
 * sfp_producer_service() has something to do, for poll, epoll or kqueue.
 *
 * Acquire with the timeout 0 until SFP_STATUS_TIMED_OUT, then wait for the descriptor.
 *
 * Parameters:
 * - `producer`: the producer.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the producer was released. -1 if `producer` is NULL.
 *
 * Threads: any. Systems: all.
 */
int sfp_producer_fd(const struct sfp_producer *producer);

/**
 * Makes one more reference to an image.
 *
 * Parameters:
 * - `image`: the image; NULL is nothing.
 *
 * Returns `image`, as a reference of its own that needs its own sfp_image_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_image *sfp_image_retain(struct sfp_image *image);

/**
 * Ends a reference to an image. The last one gives it back undrawn, unless it was presented; a lock of
 * it ends.
 *
 * Parameters:
 * - `image`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_image_release(struct sfp_image *image);

/**
 * The surface of an image.
 *
 * Parameters:
 * - `image`: the image.
 *
 * Returns the surface, which is the image's: do not release it, and do not use it after the image was
 * presented or released, unless you retain it. That keeps the memory, and not the right to draw. NULL
 * if `image` is NULL or empty.
 *
 * Threads: one at a time. Systems: all.
 */
struct sfp_surface *sfp_image_surface(struct sfp_image *image);

/**
 * Which of its swapchain's images it is, for tables of what belongs to each.
 *
 * Parameters:
 * - `image`: the image.
 *
 * Returns the index, from 0; 0 if `image` is NULL or empty.
 *
 * Threads: one at a time. Systems: all.
 */
size_t sfp_image_index(const struct sfp_image *image);

/**
 * Locks an image for access by the CPU, until sfp_image_unlock(). An image has one lock at a time.
 *
 * Parameters:
 * - `image`: the image.
 * - `mode`: what the lock is for.
 * - `pixels`: becomes the place of the pixels, which is theirs until the unlock.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is no such mode.
 * - SFP_STATUS_WRONG_STATE: the image is locked; the handle is empty; or as sfp_surface_lock().
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_image_lock(struct sfp_image *image, sfp_lock mode, struct sfp_pixels *pixels);

/**
 * Ends the lock of an image.
 *
 * Parameters:
 * - `image`: the image.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the image is not locked, or the handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_image_unlock(struct sfp_image *image);

/* ------------------------------------------------------------------------------------------------
 * Rights to consume a swapchain, which go to any process
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes one more reference to a right to consume.
 *
 * Parameters:
 * - `right`: the right; NULL is nothing.
 *
 * Returns `right`, as a reference of its own that needs its own sfp_consumer_right_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_consumer_right *sfp_consumer_right_retain(struct sfp_consumer_right *right);

/**
 * Ends a reference to a right to consume. Consumers that were made by it stay.
 *
 * Parameters:
 * - `right`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_consumer_right_release(struct sfp_consumer_right *right);

/**
 * Adds a right to consume after the attachments of a message, as the next
 * SFP_CONSUMER_RIGHT_ATTACHMENTS of them.
 *
 * Parameters:
 * - `message`: the message.
 * - `right`: the right; it stays yours.
 *
 * Returns:
 * - SFP_STATUS_TOO_LARGE: the message would have more than SFP_MESSAGE_MAX_ATTACHMENTS.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty, or this process is a fork of the one that has the right.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_attach_consumer_right(struct sfp_message *message,
                                             struct sfp_consumer_right *right);

/**
 * Takes a right to consume out of a message. The other attachments keep their places.
 *
 * Parameters:
 * - `message`: the message.
 * - `index`: the first of its attachments, from 0.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: there is no such right at that place.
 * - SFP_STATUS_MALFORMED: the sender did not keep to the format. It is destroyed.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. It stays in the message.
 * - SFP_STATUS_WRONG_STATE: the message's handle is empty.
 *
 * Threads: one at a time. Systems: all.
 */
sfp_status sfp_message_take_consumer_right(struct sfp_message *message,
                                           size_t index,
                                           struct sfp_consumer_right **right);

/* ------------------------------------------------------------------------------------------------
 * Consumers: take the frames of a swapchain, and show them
 * ------------------------------------------------------------------------------------------------ */

/**
 * Uses a right to become a consumer. Does not wait: the producer takes part when it next acquires,
 * presents or services, and the first sfp_consumer_acquire() waits for that. A producer that has ended the
 * stream left its last frames with the right, if that was not used before: they can be acquired.
 *
 * Parameters:
 * - `right`: the right; it stays yours, for more consumers, or to be released.
 * - `options`: how to take frames; begin with SFP_CONSUMER_OPTIONS_INIT. It can be NULL: the defaults.
 * - `consumer`: becomes the consumer, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_CLOSED: the producer has ended the stream, and left nothing with this right.
 * - SFP_STATUS_PEER_DEAD: the producer is gone without having ended the stream.
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the one that has the right.
 * - SFP_STATUS_TIMED_OUT: more consumers are about to attach than the producer takes in; try later.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there is no memory, or no descriptor, for it.
 * - SFP_STATUS_INVALID_ARGUMENT: `mode` is none, `reserved` not 0, or `struct_size` not set.
 * - SFP_STATUS_UNSUPPORTED: the options are of a later version, and ask for something that this one
 *   does not have.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_consumer_attach(struct sfp_consumer_right *right,
                               const struct sfp_consumer_options *options,
                               struct sfp_consumer **consumer);

/**
 * Makes one more reference to a consumer.
 *
 * Parameters:
 * - `consumer`: the consumer; NULL is nothing.
 *
 * Returns `consumer`, as a reference of its own that needs its own sfp_consumer_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_consumer *sfp_consumer_retain(struct sfp_consumer *consumer);

/**
 * Ends a reference to a consumer. The last one tells the producer not to wait for it any more. Frames
 * that are still held stay so.
 *
 * Parameters:
 * - `consumer`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_consumer_release(struct sfp_consumer *consumer);

/**
 * Takes the next frame: the newest one, or in fifo mode the next in order. Waits while there is none
 * that was not taken before.
 *
 * Parameters:
 * - `consumer`: the consumer.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `frame`: becomes the frame, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: no frame came.
 * - SFP_STATUS_CLOSED: the producer ended the stream, and all its frames were taken.
 * - SFP_STATUS_PEER_DEAD: the producer died, and all its frames were taken.
 * - SFP_STATUS_REFUSED: the producer does not want this consumer; the message says why.
 * - SFP_STATUS_WRONG_STATE: this consumer holds SFP_SWAPCHAIN_MAX_IMAGES frames: release one first.
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_consumer_acquire(struct sfp_consumer *consumer,
                                int64_t timeout_ns,
                                struct sfp_frame **frame);

/**
 * Tells what a consumer has counted.
 *
 * Parameters:
 * - `consumer`: the consumer.
 * - `statistics`: becomes what was counted.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_consumer_get_statistics(const struct sfp_consumer *consumer,
                                       struct sfp_consumer_statistics *statistics);

/**
 * Sets how long a wait of sfp_consumer_acquire() watches the shared memory before it sleeps: 50 µs unless it is set.
 *
 * Watching takes a processor, and saves the tens of microseconds that it costs to sleep and to be woken.
 * Where waits turn out to be longer, it sleeps at once, whatever the time.
 *
 * Parameters:
 * - `consumer`: the consumer.
 * - `time_ns`: the longest time to watch, in nanoseconds; 0 is not to watch.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any, also while another one waits. Systems: all.
 */
sfp_status sfp_consumer_set_spin_time(struct sfp_consumer *consumer,
                                      uint64_t time_ns);

/**
 * A file descriptor that is readable when sfp_consumer_acquire(), without waiting, has something to do,
 * for poll, epoll or kqueue.
 *
 * Acquire with the timeout 0 until SFP_STATUS_TIMED_OUT, then wait for the descriptor.
 *
 * Parameters:
 * - `consumer`: the consumer.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the consumer was released. -1 if `consumer` is NULL.
 *
 * Threads: any. Systems: all.
 */
int sfp_consumer_fd(const struct sfp_consumer *consumer);

/**
 * Makes one more reference to a frame.
 *
 * Parameters:
 * - `frame`: the frame; NULL is nothing.
 *
 * Returns `frame`, as a reference of its own that needs its own sfp_frame_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_frame *sfp_frame_retain(struct sfp_frame *frame);

/**
 * Ends a reference to a frame. The last one lets the producer draw into its image again.
 *
 * Parameters:
 * - `frame`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_frame_release(struct sfp_frame *frame);

/**
 * The surface of a frame: its pixels.
 *
 * Parameters:
 * - `frame`: the frame.
 *
 * Returns the surface, which is the frame's: do not release it, and do not use it after the frame was
 * released, unless you retain it. That keeps the memory, and not the picture: the producer draws into
 * it again. NULL if `frame` is NULL.
 *
 * Threads: any. Systems: all.
 */
struct sfp_surface *sfp_frame_surface(struct sfp_frame *frame);

/**
 * The number of a frame. In mailbox mode numbers are left out when frames were replaced.
 *
 * Parameters:
 * - `frame`: the frame.
 *
 * Returns the number, from 1; 0 if `frame` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint64_t sfp_frame_number(const struct sfp_frame *frame);

/**
 * Tells what the producer says of a frame.
 *
 * Parameters:
 * - `frame`: the frame.
 * - `info`: becomes what it says.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_frame_get_info(const struct sfp_frame *frame, struct sfp_frame_info *info);

/* ------------------------------------------------------------------------------------------------
 * Hosts: start a child process, and know it for certain
 * ------------------------------------------------------------------------------------------------ */

/**
 * Starts a child process, which connects by sfp_child_connect(). Returns when it is started; the
 * handshake is done by whatever call waits for it first.
 *
 * The child inherits what it needs to connect, and no other descriptor of this library. Its signals
 * begin with their defaults, but for those that this process ignores, and none is blocked. When this
 * fails, no child is left behind.
 *
 * An application may ignore SIGCHLD, or reap all of its children itself. Then how the child ended is
 * not known here: SFP_EXIT_KIND_UNKNOWN.
 *
 * Parameters:
 * - `options`: what to start; begin with SFP_SPAWN_OPTIONS_INIT.
 * - `host`: becomes the host's side of the session, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: no program is named, an entry of the environment has no name, or
 *   `struct_size` is not set.
 * - SFP_STATUS_NOT_FOUND: there is no such program, or no such folder.
 * - SFP_STATUS_PERMISSION_DENIED: the system does not let this user run it.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors, no memory, or no processes for it.
 * - SFP_STATUS_UNSUPPORTED: the options are of a later version, and ask for something that this one
 *   does not have.
 * - SFP_STATUS_SYSTEM: it could not be started; the message says why.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_host_spawn(const struct sfp_spawn_options *options,
                          struct sfp_host **host);

/**
 * Makes one more reference to a host.
 *
 * Parameters:
 * - `host`: the host's side of the session; NULL is nothing.
 *
 * Returns `host`, as a reference of its own that needs its own sfp_host_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_host *sfp_host_retain(struct sfp_host *host);

/**
 * Ends a reference to a host. The last one closes the session: a child that was spawned learns that,
 * has a time to end, is killed, and is reaped; see sfp_end_of_life. This waits for it.
 *
 * Parameters:
 * - `host`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_host_release(struct sfp_host *host);

/**
 * Waits until the child has said hello.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: this time is over.
 * - SFP_STATUS_NO_HELLO: the child's time to say hello is over, which is for good.
 * - SFP_STATUS_PEER_DEAD: the child has ended, or let go of what it inherited, without a hello.
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_host_wait_connected(struct sfp_host *host, int64_t timeout_ns);

/**
 * Attaches to the next swapchain that the child offers by sfp_child_create_producer() or
 * sfp_child_offer_consumer_right(); waits until there is one.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `consumer`: becomes the consumer, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT, SFP_STATUS_NO_HELLO, SFP_STATUS_PEER_DEAD before the hello: as
 *   sfp_host_wait_connected().
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the host's.
 * - SFP_STATUS_TIMED_OUT: the child offered nothing.
 * - SFP_STATUS_PEER_DEAD, SFP_STATUS_CLOSED: the session is over, and all that was offered accepted.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it; nothing is lost.
 * - Otherwise as sfp_consumer_attach().
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_host_accept_consumer(struct sfp_host *host,
                                    int64_t timeout_ns,
                                    struct sfp_consumer **consumer);

/**
 * Takes the next right to consume that the child offers: to attach with options, or to pass it on to
 * another process, so that this one is in no frame's path.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns as sfp_host_accept_consumer().
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_host_accept_consumer_right(struct sfp_host *host,
                                          int64_t timeout_ns,
                                          struct sfp_consumer_right **right);

/**
 * Gives the child a right to consume a swapchain of this or another process. Does not wait for the
 * child to accept it; waits up to 5 seconds while more is queued than the child takes in.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 * - `right`: the right; it stays yours.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the child has not said hello yet, or this process is a fork of the host's.
 * - SFP_STATUS_PEER_DEAD: the child is gone.
 * - SFP_STATUS_TIMED_OUT: the child takes nothing in.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_host_offer_consumer_right(struct sfp_host *host,
                                         struct sfp_consumer_right *right);

/**
 * Gives the channel for messages of your own, once the child has said hello. It is there also when the
 * child has ended since, and stays when the host is released.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `channel`: becomes the channel, a reference that you release.
 *
 * Returns as sfp_host_wait_connected().
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_host_channel(struct sfp_host *host,
                            int64_t timeout_ns,
                            struct sfp_channel **channel);

/**
 * Waits for the end of the child's process. Until the child has said hello, this also does the
 * handshake: a child that waits for its answer would not end.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `exit`: becomes how it ended.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: it still runs, or a debugger still has it.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for the handshake.
 * - For an invitation without a process number, as sfp_host_wait_connected().
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_host_wait_exit(struct sfp_host *host, int64_t timeout_ns, struct sfp_exit *exit);

/**
 * Ends the child's process at once. One that has ended already is fine.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: its process is not known before its hello.
 * - SFP_STATUS_UNSUPPORTED: it is no child of this process, and the system does not name it for certain
 *   (macOS, and Linux before 6.5): the number can be another process's by now.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_host_kill(struct sfp_host *host);

/**
 * The number of the child's process: the one that was started, else the one that said hello.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 *
 * Returns the number; 0 if it is not known, or `host` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint32_t sfp_host_process_id(const struct sfp_host *host);

/**
 * Tells whether the child has said hello, and its session has not ended since.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 *
 * Returns true if so; false if not, or if `host` is NULL.
 *
 * Threads: any. Systems: all.
 */
bool sfp_host_is_connected(const struct sfp_host *host);

/**
 * What both sides can do beyond the first version, as bits; none is defined yet.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 *
 * Returns the bits; 0 before the hello, or if `host` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint64_t sfp_host_features(const struct sfp_host *host);

/**
 * How many messages were refused: hellos with the wrong secret, from the wrong process or of another
 * version, second hellos, and whatever else did not come from the child or was not well-formed.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 *
 * Returns the number; 0 if `host` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint64_t sfp_host_refused(const struct sfp_host *host);

/**
 * A file descriptor that is readable when there is something to do, for poll, epoll or kqueue: call
 * sfp_host_wait_connected() or sfp_host_accept_consumer_right() with the timeout 0 then.
 *
 * It is readable for good once the child has ended. The channel and each consumer have descriptors of
 * their own. The end of the child's time to say hello is not seen here.
 *
 * Parameters:
 * - `host`: the host's side of the session.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the host was released. -1 if `host` is NULL.
 *
 * Threads: any. Systems: all.
 */
int sfp_host_fd(const struct sfp_host *host);

/* ------------------------------------------------------------------------------------------------
 * Children: connect to the host that started this process
 * ------------------------------------------------------------------------------------------------ */

/**
 * Connects to the host that started this process. Possible once in the life of a process.
 *
 * Parameters:
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER has no end.
 * - `child`: becomes the child's side of the session, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_NOT_FOUND: no host started this process.
 * - SFP_STATUS_WRONG_STATE: this succeeded before, or the host heard of this process before, by whatever
 *   copy of the library this process has.
 * - SFP_STATUS_REFUSED, SFP_STATUS_UNSUPPORTED: the host says no; the message says why.
 * - SFP_STATUS_PEER_DEAD: the host is gone, at once also while forks of it live.
 * - SFP_STATUS_TIMED_OUT: the host did not answer: nothing in it waits for this child.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. If the host has not heard of this
 *   process yet, the call can be made again.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_child_connect(int64_t timeout_ns,
                             struct sfp_child **child);

/**
 * Makes one more reference to the child's side of a session.
 *
 * Parameters:
 * - `child`: the child's side of the session; NULL is nothing.
 *
 * Returns `child`, as a reference of its own that needs its own sfp_child_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_child *sfp_child_retain(struct sfp_child *child);

/**
 * Ends a reference to the child's side of a session. The last one ends the session, which the host
 * learns. Producers, consumers and channels stay what they are.
 *
 * Parameters:
 * - `child`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_child_release(struct sfp_child *child);

/**
 * Makes a swapchain, and offers it to the host, which gets it by sfp_host_accept_consumer().
 *
 * Parameters:
 * - `child`: the child's side of the session.
 * - `options`: size, format, images, mode; begin with SFP_SWAPCHAIN_OPTIONS_INIT.
 * - `producer`: becomes the producer, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the one that connected.
 * - SFP_STATUS_PEER_DEAD: the host is gone.
 * - SFP_STATUS_TIMED_OUT: the host takes nothing in.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it, or no memory.
 * - Otherwise as sfp_producer_create(). No producer is left after a failure.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_child_create_producer(struct sfp_child *child,
                                     const struct sfp_swapchain_options *options,
                                     struct sfp_producer **producer);

/**
 * Gives the host a right to consume a swapchain of this or another process. Does not wait for the host
 * to accept it; waits up to 5 seconds while more is queued than the host takes in.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 * - `right`: the right; it stays yours.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the one that connected.
 * - SFP_STATUS_PEER_DEAD: the host is gone.
 * - SFP_STATUS_TIMED_OUT: the host takes nothing in.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_child_offer_consumer_right(struct sfp_child *child,
                                          struct sfp_consumer_right *right);

/**
 * Attaches to the next swapchain that the host offers by sfp_host_offer_consumer_right(); waits until
 * there is one.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `consumer`: becomes the consumer, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: this process is a fork of the one that connected.
 * - SFP_STATUS_TIMED_OUT: the host offered nothing.
 * - SFP_STATUS_PEER_DEAD, SFP_STATUS_CLOSED: the session is over, and all that was offered accepted.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it; nothing is lost.
 * - Otherwise as sfp_consumer_attach().
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_child_accept_consumer(struct sfp_child *child,
                                     int64_t timeout_ns,
                                     struct sfp_consumer **consumer);

/**
 * Takes the next right to consume that the host offers.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns as sfp_child_accept_consumer().
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_child_accept_consumer_right(struct sfp_child *child,
                                           int64_t timeout_ns,
                                           struct sfp_consumer_right **right);

/**
 * Gives the channel for messages of your own.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 * - `channel`: becomes the channel, a reference that you release.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_child_channel(struct sfp_child *child, struct sfp_channel **channel);

/**
 * Waits until the host ends the session, in good order or not.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 * - `timeout_ns`: how long to wait, in nanoseconds; SFP_FOREVER, or 0 to not wait.
 *
 * Returns:
 * - SFP_STATUS_TIMED_OUT: the session goes on.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for what the host offers.
 *
 * Threads: any, several at once. Systems: all.
 */
sfp_status sfp_child_wait_closed(struct sfp_child *child, int64_t timeout_ns);

/**
 * Tells who the host is, as the kernel says it.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 * - `host`: becomes the host's process, user and group.
 *
 * Returns SFP_STATUS_OK, or what any call can return.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_child_host(const struct sfp_child *child, struct sfp_sender *host);

/**
 * What both sides can do beyond the first version, as bits; none is defined yet.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 *
 * Returns the bits; 0 if `child` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint64_t sfp_child_features(const struct sfp_child *child);

/**
 * How many messages were refused that did not come from the host or were not well-formed.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 *
 * Returns the number; 0 if `child` is NULL.
 *
 * Threads: any. Systems: all.
 */
uint64_t sfp_child_refused(const struct sfp_child *child);

/**
 * A file descriptor that is readable when there is something to do, for poll, epoll or kqueue: call
 * sfp_child_accept_consumer_right() or sfp_child_wait_closed() with the timeout 0 then.
 *
 * It is readable for good once the host is gone. The channel, each producer and each consumer have
 * descriptors of their own.
 *
 * Parameters:
 * - `child`: the child's side of the session.
 *
 * Returns the descriptor, which is the library's: do not close it, do not read from it, do not use it
 * after the child's side was released. -1 if `child` is NULL.
 *
 * Threads: any. Systems: all.
 */
int sfp_child_fd(const struct sfp_child *child);

/* ------------------------------------------------------------------------------------------------
 * Invitations: for hosts that start their children by their own means
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes an invitation with a new secret.
 *
 * Parameters:
 * - `invitation`: becomes the invitation, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_invitation_create(struct sfp_invitation **invitation);

/**
 * Makes one more reference to an invitation.
 *
 * Parameters:
 * - `invitation`: the invitation; NULL is nothing.
 *
 * Returns `invitation`, as a reference of its own that needs its own sfp_invitation_release().
 *
 * Threads: any. Systems: all.
 */
struct sfp_invitation *sfp_invitation_retain(struct sfp_invitation *invitation);

/**
 * Ends a reference to an invitation. The last one takes it back, unless a host was made of it.
 *
 * Parameters:
 * - `invitation`: the reference, which is no longer yours; NULL is nothing.
 *
 * Threads: any. Systems: all.
 */
void sfp_invitation_release(struct sfp_invitation *invitation);

/**
 * The entries that the child's environment must have, "NAME=value". They say where things are; nothing
 * in them is secret.
 *
 * Parameters:
 * - `invitation`: the invitation.
 *
 * Returns a list that NULL ends. It and its texts are the invitation's, and valid until that is
 * released. NULL if `invitation` is NULL.
 *
 * Threads: any. Systems: all.
 */
const char *const *sfp_invitation_environment(const struct sfp_invitation *invitation);

/**
 * The file descriptors that the child must have, under the same numbers.
 *
 * Parameters:
 * - `invitation`: the invitation.
 *
 * Returns a list that -1 ends, which is the invitation's, and valid until that is released. The
 * descriptors are the library's: do not close them. sfp_invitation_into_host() does. NULL if
 * `invitation` is NULL.
 *
 * Threads: any. Systems: all.
 */
const int *sfp_invitation_fds(const struct sfp_invitation *invitation);

/**
 * Sets how long the child has to say hello, counted from sfp_invitation_into_host().
 *
 * Parameters:
 * - `invitation`: the invitation.
 * - `timeout_ns`: how long, in nanoseconds; 0 is 10 seconds, SFP_FOREVER has no end.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_invitation_set_hello_timeout(struct sfp_invitation *invitation, int64_t timeout_ns);

/**
 * Sets whether another process than the one of sfp_invitation_into_host() may say hello; see
 * `allow_descendants` of sfp_spawn_options.
 *
 * Parameters:
 * - `invitation`: the invitation.
 * - `allow`: whether it may. At first it may not.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_invitation_set_allow_descendants(struct sfp_invitation *invitation, bool allow);

/**
 * Makes the host's side of the session, once the child is started. This process's descriptors of the
 * invitation are closed, and the invitation's handle is empty then; release it.
 *
 * With the child's process number the hello is believed from that process only, and its death is known
 * by itself. The child must not be reaped yet, or the number could be another process's. Without one,
 * the secret and the same user suffice.
 *
 * The host never reaps such a child and does not end it when it is released: that is for who started it.
 *
 * Parameters:
 * - `invitation`: the invitation.
 * - `process_id`: the number of the child's process; 0 if it is not known.
 * - `host`: becomes the host's side of the session, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_NOT_FOUND, SFP_STATUS_INVALID_ARGUMENT: there is no such process, or cannot be.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: all.
 */
sfp_status sfp_invitation_into_host(struct sfp_invitation *invitation,
                                    uint32_t process_id,
                                    struct sfp_host **host);

/* ------------------------------------------------------------------------------------------------
 * Raw Mach rights, out of handles and into handles
 * ------------------------------------------------------------------------------------------------ */

#if defined(__APPLE__)
/**
 * Gives the Mach port behind a send right, with a reference of your own.
 *
 * Parameters:
 * - `right`: the right; it stays as it is.
 * - `port`: becomes the port's name, with one reference to a send right that is yours to give back by
 *   mach_port_deallocate(). If the port is dead, it is the name of a dead name, or MACH_PORT_DEAD.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_send_right_copy_mach_port(struct sfp_send_right *right,
                                         mach_port_t *port);
#endif

#if defined(__APPLE__)
/**
 * Makes a send right of a Mach port that you have one for.
 *
 * Parameters:
 * - `port`: the port's name. Its reference stays yours: the call takes one of its own.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the name has no send right, also because the port is dead.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: the name has as many references as it can have.
 *
 * Threads: any, while no other one gives back your reference. Systems: macOS.
 */
sfp_status sfp_send_right_from_mach_port(mach_port_t port, struct sfp_send_right **right);
#endif

#if defined(__APPLE__)
/**
 * Turns a right to send once into the Mach port behind it. The handle is empty then; release it.
 *
 * Parameters:
 * - `right`: the right.
 * - `port`: becomes the name of the send-once right, which is yours: send to it, or give it back by
 *   mach_port_deallocate(). If the port is dead, it can be MACH_PORT_DEAD.
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_send_once_right_into_mach_port(struct sfp_send_once_right *right, mach_port_t *port);
#endif

#if defined(__APPLE__)
/**
 * Makes a right to send once of a Mach port's name, such as msgh_remote_port of a message that you received
 * by mach_msg().
 *
 * What sfp_send_once() sends to it has the format of this library.
 *
 * Parameters:
 * - `port`: the name of a send-once right. Success makes it the handle's; after a failure it is yours.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the name has no send-once right, also because the port is dead.
 *
 * Threads: any, while no other one uses the name. Systems: macOS.
 */
sfp_status sfp_send_once_right_from_mach_port(mach_port_t port,
                                              struct sfp_send_once_right **right);
#endif

#if defined(__APPLE__)
/**
 * Turns a receive right into the Mach port behind it, with all that is queued. The handle is empty then;
 * release it.
 *
 * What is queued has the format of this library, which sfp_receive_right_from_mach_port() understands, in any
 * process.
 *
 * Parameters:
 * - `right`: the right.
 * - `port`: becomes the name of the receive right, which is yours to give back by
 *   mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1).
 *
 * Returns:
 * - SFP_STATUS_WRONG_STATE: the handle is empty, or another thread is in a call with it, or a run loop or
 *   dispatch source has it.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: a message waits for what was lacking when it was to be received.
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_receive_right_into_mach_port(struct sfp_receive_right *right,
                                            mach_port_t *port);
#endif

#if defined(__APPLE__)
/**
 * Makes a receive right of a Mach port that you have one for.
 *
 * Messages that do not have the format of this library are destroyed: sfp_receive() says
 * SFP_STATUS_MALFORMED. The notification of the port's last sender (MACH_NOTIFY_NO_SENDERS) is the library's
 * from then on.
 *
 * Parameters:
 * - `port`: the name of a receive right, in no port set. Success makes it the handle's; after a failure it is
 *   yours. Send rights under the same name stay yours.
 * - `right`: becomes the right, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: the name has no receive right.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 *
 * Threads: any, while no other one uses the name. Systems: macOS.
 */
sfp_status sfp_receive_right_from_mach_port(mach_port_t port,
                                            struct sfp_receive_right **right);
#endif

#if defined(__APPLE__)
/**
 * Turns the end of a channel into the two Mach ports behind it, to be carried by any means that carries a
 * receive right. The end's handle is empty then; release it.
 *
 * Where only a send right can be carried, or looked up: carry one to a port of the other process, make a handle of it
 * by sfp_send_right_from_mach_port(), and send it the end in a message.
 *
 * Parameters:
 * - `end`: the end.
 * - `receive`: becomes the name of the receive right, where this end's messages arrive. It is yours.
 * - `send`: becomes the name of the send right, where this end's messages go, with one reference that is yours.
 *
 * Returns as sfp_receive_right_into_mach_port().
 *
 * Threads: any. Systems: macOS.
 */
sfp_status sfp_channel_end_into_mach_ports(struct sfp_channel_end *end,
                                           mach_port_t *receive,
                                           mach_port_t *send);
#endif

#if defined(__APPLE__)
/**
 * Makes the end of a channel of its two Mach ports.
 *
 * Parameters:
 * - `receive`: the name of a receive right, as sfp_receive_right_from_mach_port() takes it: success makes it the
 *   handle's.
 * - `send`: the name of a send right, as sfp_send_right_from_mach_port() takes it: its reference stays yours.
 * - `end`: becomes the end, a reference that you release.
 *
 * Returns:
 * - SFP_STATUS_INVALID_ARGUMENT: a name does not have its right.
 * - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
 *
 * Threads: any, while no other one uses the names. Systems: macOS.
 */
sfp_status sfp_channel_end_from_mach_ports(mach_port_t receive,
                                           mach_port_t send,
                                           struct sfp_channel_end **end);
#endif

#if defined(__APPLE__)
/**
 * Makes a run loop source for a receive right: `callback` is called on the run loops that it was added to
 * while it has a message, or a notice as SFP_STATUS_NO_SENDERS. The right cannot be moved as long as the
 * source lives.
 *
 * What holds for all sources of this kind: there is one call at a time, on a thread of a run loop that the
 * source is in. In the callback everything is allowed, also to end the source. CFRunLoopSourceInvalidate()
 * ends it: behind that, when it is made on the run loop's thread, there is no call any more. When the last
 * reference to it goes, on whatever thread, the source gives back its reference to the handle, and then
 * releases the context. The handle can be released before: the source keeps it.
 *
 * Parameters:
 * - `right`: the receive right; the source keeps a reference to it until it is freed.
 * - `callback`: what to call.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
 * CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
CFRunLoopSourceRef sfp_runloop_source_create_for_receive_right(struct sfp_receive_right *right,
                                                               sfp_ready_callback callback,
                                                               void *context,
                                                               sfp_context_release release)
CF_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a run loop source for a port set, as sfp_runloop_source_create_for_receive_right() does:
 * `callback` is called while a member is ready.
 *
 * Parameters:
 * - `set`: the port set; the source keeps a reference to it until it is freed.
 * - `callback`: what to call.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
 * CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
CFRunLoopSourceRef sfp_runloop_source_create_for_port_set(struct sfp_port_set *set,
                                                          sfp_ready_callback callback,
                                                          void *context,
                                                          sfp_context_release release)
CF_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a run loop source for a channel, as sfp_runloop_source_create_for_receive_right() does: `callback`
 * is called while it has a message, or its peer is dead.
 *
 * Parameters:
 * - `channel`: the channel; the source keeps a reference to it until it is freed.
 * - `callback`: what to call.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
 * CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
CFRunLoopSourceRef sfp_runloop_source_create_for_channel(struct sfp_channel *channel,
                                                         sfp_ready_callback callback,
                                                         void *context,
                                                         sfp_context_release release)
CF_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a run loop source for a producer, as sfp_runloop_source_create_for_receive_right() does:
 * `callback` is called while sfp_producer_acquire(), without waiting, has something to do: an image came
 * free, or consumers want to attach.
 *
 * Parameters:
 * - `producer`: the producer; the source keeps a reference to it until it is freed.
 * - `callback`: what to call.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
 * CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
CFRunLoopSourceRef sfp_runloop_source_create_for_producer(struct sfp_producer *producer,
                                                          sfp_ready_callback callback,
                                                          void *context,
                                                          sfp_context_release release)
CF_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a run loop source for a consumer, as sfp_runloop_source_create_for_receive_right() does:
 * `callback` is called while sfp_consumer_acquire(), without waiting, has something to do. Acquire until
 * SFP_STATUS_TIMED_OUT, in the callback and once before the source is added: only who found no frame is
 * told of the next one.
 *
 * Parameters:
 * - `consumer`: the consumer; the source keeps a reference to it until it is freed.
 * - `callback`: what to call.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
 * CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
CFRunLoopSourceRef sfp_runloop_source_create_for_consumer(struct sfp_consumer *consumer,
                                                          sfp_ready_callback callback,
                                                          void *context,
                                                          sfp_context_release release)
CF_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a run loop source for a host, as sfp_runloop_source_create_for_receive_right() does: `callback` is
 * called while the host has something to do: the child connected, offered a right to consume, or ended.
 *
 * Parameters:
 * - `host`: the host; the source keeps a reference to it until it is freed.
 * - `callback`: what to call.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
 * CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
CFRunLoopSourceRef sfp_runloop_source_create_for_host(struct sfp_host *host,
                                                      sfp_ready_callback callback,
                                                      void *context,
                                                      sfp_context_release release)
CF_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a run loop source for a child, as sfp_runloop_source_create_for_receive_right() does: `callback`
 * is called while the child has something to do: the host offered a right to consume, or is gone.
 *
 * Parameters:
 * - `child`: the child; the source keeps a reference to it until it is freed.
 * - `callback`: what to call.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own that needs its own CFRelease(); add it to a run loop by
 * CFRunLoopAddSource(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
CFRunLoopSourceRef sfp_runloop_source_create_for_child(struct sfp_child *child,
                                                       sfp_ready_callback callback,
                                                       void *context,
                                                       sfp_context_release release)
CF_RETURNS_RETAINED;
#endif

/* ------------------------------------------------------------------------------------------------
 * Dispatch sources: your function is called on your queue while something is ready
 * ------------------------------------------------------------------------------------------------ */

#if defined(__APPLE__)
/**
 * Makes a dispatch source for a receive right: `callback` is called on a queue while it has a message, or
 * a notice as SFP_STATUS_NO_SENDERS. The right cannot be moved as long as the source lives.
 *
 * What holds for all sources of this kind: there is one call at a time. In the callback everything is
 * allowed, also to end the source. dispatch_source_cancel() and dispatch_release() end it. When the system
 * does not use it any more, behind both, the source gives back its reference to the handle, and then
 * releases the context, both on the queue. The handle can be released before: the source keeps it. Instead
 * of `callback` you can give the source another event handler, before it is activated, by
 * dispatch_source_set_event_handler(); `callback` may be NULL then. Its cancellation handler is yours; its
 * context and its finalizer (dispatch_set_context(), dispatch_set_finalizer_f()) are the library's.
 *
 * Parameters:
 * - `right`: the receive right; the source keeps a reference to it until it is freed.
 * - `queue`: where to call; NULL is the default global queue.
 * - `callback`: what to call; it can be NULL.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
 * dispatch_release(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
dispatch_source_t sfp_dispatch_source_create_for_receive_right(struct sfp_receive_right *right,
                                                               dispatch_queue_t queue,
                                                               sfp_ready_callback callback,
                                                               void *context,
                                                               sfp_context_release release)
OS_OBJECT_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a dispatch source for a port set, as sfp_dispatch_source_create_for_receive_right() does:
 * `callback` is called while a member is ready.
 *
 * Parameters:
 * - `set`: the port set; the source keeps a reference to it until it is freed.
 * - `queue`: where to call; NULL is the default global queue.
 * - `callback`: what to call; it can be NULL.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
 * dispatch_release(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
dispatch_source_t sfp_dispatch_source_create_for_port_set(struct sfp_port_set *set,
                                                          dispatch_queue_t queue,
                                                          sfp_ready_callback callback,
                                                          void *context,
                                                          sfp_context_release release)
OS_OBJECT_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a dispatch source for a channel, as sfp_dispatch_source_create_for_receive_right() does:
 * `callback` is called while it has a message, or its peer is dead.
 *
 * Parameters:
 * - `channel`: the channel; the source keeps a reference to it until it is freed.
 * - `queue`: where to call; NULL is the default global queue.
 * - `callback`: what to call; it can be NULL.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
 * dispatch_release(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
dispatch_source_t sfp_dispatch_source_create_for_channel(struct sfp_channel *channel,
                                                         dispatch_queue_t queue,
                                                         sfp_ready_callback callback,
                                                         void *context,
                                                         sfp_context_release release)
OS_OBJECT_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a dispatch source for a producer, as sfp_dispatch_source_create_for_receive_right() does:
 * `callback` is called while sfp_producer_acquire(), without waiting, has something to do: an image came
 * free, or consumers want to attach.
 *
 * Parameters:
 * - `producer`: the producer; the source keeps a reference to it until it is freed.
 * - `queue`: where to call; NULL is the default global queue.
 * - `callback`: what to call; it can be NULL.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
 * dispatch_release(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
dispatch_source_t sfp_dispatch_source_create_for_producer(struct sfp_producer *producer,
                                                          dispatch_queue_t queue,
                                                          sfp_ready_callback callback,
                                                          void *context,
                                                          sfp_context_release release)
OS_OBJECT_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a dispatch source for a consumer, as sfp_dispatch_source_create_for_receive_right() does:
 * `callback` is called while sfp_consumer_acquire(), without waiting, has something to do. Acquire until
 * SFP_STATUS_TIMED_OUT, in the callback and once before the source is added: only who found no frame is
 * told of the next one.
 *
 * Parameters:
 * - `consumer`: the consumer; the source keeps a reference to it until it is freed.
 * - `queue`: where to call; NULL is the default global queue.
 * - `callback`: what to call; it can be NULL.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
 * dispatch_release(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
dispatch_source_t sfp_dispatch_source_create_for_consumer(struct sfp_consumer *consumer,
                                                          dispatch_queue_t queue,
                                                          sfp_ready_callback callback,
                                                          void *context,
                                                          sfp_context_release release)
OS_OBJECT_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a dispatch source for a host, as sfp_dispatch_source_create_for_receive_right() does: `callback`
 * is called while the host has something to do: the child connected, offered a right to consume, or ended.
 *
 * Parameters:
 * - `host`: the host; the source keeps a reference to it until it is freed.
 * - `queue`: where to call; NULL is the default global queue.
 * - `callback`: what to call; it can be NULL.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
 * dispatch_release(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
dispatch_source_t sfp_dispatch_source_create_for_host(struct sfp_host *host,
                                                      dispatch_queue_t queue,
                                                      sfp_ready_callback callback,
                                                      void *context,
                                                      sfp_context_release release)
OS_OBJECT_RETURNS_RETAINED;
#endif

#if defined(__APPLE__)
/**
 * Makes a dispatch source for a child, as sfp_dispatch_source_create_for_receive_right() does: `callback`
 * is called while the child has something to do: the host offered a right to consume, or is gone.
 *
 * Parameters:
 * - `child`: the child; the source keeps a reference to it until it is freed.
 * - `queue`: where to call; NULL is the default global queue.
 * - `callback`: what to call; it can be NULL.
 * - `context`: what to call it with; it can be NULL.
 * - `release`: what to call with the context, once, when the source does not need it any more; it can
 *   be NULL.
 *
 * Returns the source, as a reference of its own, not active yet: dispatch_activate() it, also before its
 * dispatch_release(). NULL if it could not be made: then `context` is not released.
 *
 * Threads: any. Systems: macOS.
 */
dispatch_source_t sfp_dispatch_source_create_for_child(struct sfp_child *child,
                                                       dispatch_queue_t queue,
                                                       sfp_ready_callback callback,
                                                       void *context,
                                                       sfp_context_release release)
OS_OBJECT_RETURNS_RETAINED;
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SURFACEPORT_H */
