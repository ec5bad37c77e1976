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
 *           - sfp_send(), and all that send, end your reference to the message when they succeed;
 *           - what moves a right leaves you its handle *empty*: calls say SFP_STATUS_WRONG_STATE,
 *             and you still release it.
 *           A call that fails leaves everything with you, as it was.
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
 * Systems.  Each comment says where the call exists: on all, Linux and macOS, or on one.
 */

#ifndef SURFACEPORT_H
#define SURFACEPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#ifdef __cplusplus
#define SFP_DEFAULT_OPTIONS(type) \
    ([] { type options = type(); options.struct_size = sizeof(type); return options; }())
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
 * What a call that can fail returns. Decide by it; show sfp_last_error_message().
 *
 * The comment of each call lists the statuses that have a meaning of their own there. Besides these,
 * any call can return SFP_STATUS_INVALID_ARGUMENT, when a pointer is NULL that must not be;
 * SFP_STATUS_RESOURCE_EXHAUSTED and SFP_STATUS_SYSTEM, when the system does; and
 * SFP_STATUS_INTERNAL. A value never changes its meaning; later versions may add some.
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
 * Members are named by keys of your own, 0 to SFP_PORT_SET_MAX_KEY. The set borrows them: a member
 * that ends or moves is silent from then on; remove it to use its key again.
 */
typedef struct sfp_port_set sfp_port_set;

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
     * Its effective user.
     */
    uint32_t user_id;
    /**
     * Its effective group.
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
     * 0.
     */
    uint32_t reserved;
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
 *   that this happens; new send rights can be made.
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
 * - SFP_STATUS_NOT_FOUND: nobody has the name, and `timeout_ns` is 0.
 * - SFP_STATUS_TIMED_OUT: nobody took the name in that time.
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
 * - SFP_STATUS_INVALID_ARGUMENT: a side is 0 or over SFP_SURFACE_MAX_DIMENSION, or `struct_size` is
 *   not set.
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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SURFACEPORT_H */
