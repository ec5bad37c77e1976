"""The enumerations of the C API. Each has the values of its namesake in surfaceport.h."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What a call of the library says. A value never changes its meaning; later versions may add some."""

    # It was done.
    OK = 0
    # An argument is outside of what the call accepts. Nothing was done.
    INVALID_ARGUMENT = 1
    # The time was over before the thing happened. Nothing was lost; the call can be made again.
    TIMED_OUT = 2
    # The other side is gone: it exited, crashed or dropped its rights without saying so.
    PEER_DEAD = 3
    # The other side ended this stream or session in an orderly way.
    CLOSED = 4
    # No send right to this port is left, so no message can arrive until one is made.
    NO_SENDERS = 5
    # The system, or the other side's owner, does not allow it.
    PERMISSION_DENIED = 6
    # There is nothing by that name.
    NOT_FOUND = 7
    # The name has an owner already.
    ALREADY_EXISTS = 8
    # Larger than the stated maximum. Nothing was sent or made.
    TOO_LARGE = 9
    # Out of descriptors, memory, rights or queue space. Nothing was lost; free some and try again.
    RESOURCE_EXHAUSTED = 10
    # The other side sent something that is not well-formed. What it carried was destroyed.
    MALFORMED = 11
    # This system, or this build, cannot do it.
    UNSUPPORTED = 12
    # The other side said no, and the message says why.
    REFUSED = 13
    # The object is not in a state in which this call makes sense; an empty handle, for instance.
    WRONG_STATE = 14
    # The operating system reported a failure that has no better name here.
    SYSTEM = 15
    # A defect of this library. Please report it.
    INTERNAL = 16
    # The child's time to say hello is over, which is for good.
    NO_HELLO = 17


class Ready(IntEnum):
    """What a port set tells of a member."""

    # The receive right has a message, or something to say: sfp_receive() does not wait.
    RECEIVE = 1
    # The port behind the watched send right is dead. The watch has ended.
    DEAD = 2


class Attachment(IntEnum):
    """What an attachment is."""

    # Nothing: it was taken out, or never was.
    NONE = 0
    # A send right: sfp_message_take_send_right().
    SEND_RIGHT = 1
    # A receive right: sfp_message_take_receive_right().
    RECEIVE_RIGHT = 2
    # A memory region: sfp_message_take_memory().
    MEMORY = 3
    # A surface: sfp_message_take_surface().
    SURFACE = 4
    # A file descriptor: sfp_message_take_fd().
    FD = 5


class MemoryAccess(IntEnum):
    """Who may write a memory region."""

    # Every process that has it.
    READ_WRITE = 0
    # Only the process that made it; the kernel enforces that for all others.
    READ_ONLY_FOR_OTHERS = 1


class PixelFormat(IntEnum):
    """What pixels are. Each number is a four-character code, the first character in the highest byte,
    with the meaning that it has in IOSurface and Core Video.
    """

    # For options: SFP_PIXEL_FORMAT_BGRA8. No surface has it.
    DEFAULT = 0
    # 'BGRA': 8 bits for each of blue, green, red, alpha, in the order of memory.
    BGRA8 = 1111970369
    # 'RGBA': 8 bits for each of red, green, blue, alpha, in the order of memory.
    RGBA8 = 1380401729
    # 'l10r': 10 bits for each colour, 2 for alpha, in a little-endian 32-bit word: blue in the
    # lowest bits, then green, red, alpha.
    RGB10A2 = 1815162994
    # 'RGhA': half-precision red, green, blue, alpha, in the order of memory.
    RGBA16F = 1380411457
    # 'L008': one component of 8 bits.
    R8 = 1278226488
    # '2C08': two components of 8 bits.
    RG8 = 843264056
    # '420v': 8-bit Y'CbCr 4:2:0, video range; a plane of Y', one of CbCr pairs.
    NV12 = 875704438
    # '420f': as NV12, full range.
    NV12_FULL = 875704422
    # 'x420': 10-bit Y'CbCr 4:2:0, video range; a plane of Y', one of CbCr pairs; each component is
    # the high 10 bits of a little-endian 16-bit word.
    P010 = 2016686640
    # 'y420': 8-bit Y'CbCr 4:2:0, video range; a plane each of Y', Cb, Cr.
    I420 = 2033463856
    # '422v': 8-bit Y'CbCr 4:2:2, video range; a plane of Y', one of CbCr pairs.
    NV16 = 875704950
    # '422f': as NV16, full range.
    NV16_FULL = 875704934
    # '444v': 8-bit Y'CbCr 4:4:4, video range; a plane of Y', one of CbCr pairs.
    NV24 = 875836534
    # '444f': as NV24, full range.
    NV24_FULL = 875836518


class Backing(IntEnum):
    """What the memory of a surface is. On Linux both are the same: a sealed memory file."""

    # What the system itself shows and gives to its GPUs: an IOSurface on macOS.
    NATIVE = 0
    # Shared memory and nothing else: also there without a GPU, a window server or the right to use
    # IOSurface.
    MEMORY = 1


class Lock(IntEnum):
    """What a lock is for."""

    # Reading and writing: the seed moves when the lock ends.
    WRITE = 0
    # Reading only: the seed stays.
    READ = 1
    # As SFP_LOCK_WRITE, but it fails if pixels had to be copied from a GPU's memory.
    WRITE_AVOID_SYNC = 2
    # As SFP_LOCK_READ, but it fails if pixels had to be copied from a GPU's memory.
    READ_AVOID_SYNC = 3


class Purgeable(IntEnum):
    """What the system may do with a surface's memory when that is short.

    On Linux no memory can be taken back unasked: volatile is a mark that others can read, empty frees
    the memory at once.
    """

    # The contents stay.
    NON_VOLATILE = 0
    # The contents may vanish.
    VOLATILE = 1
    # The contents are gone; the pixels read as zero until they are written again.
    EMPTY = 2


class ColorSpace(IntEnum):
    """How the colours of pixels are meant."""

    # Nobody said so, or by a name that is not known here.
    UNKNOWN = 0
    # IEC 61966-2-1.
    SRGB = 1
    # sRGB primaries, linear, values outside of 0 to 1 allowed.
    EXTENDED_LINEAR_SRGB = 2
    # P3 primaries with sRGB's transfer function.
    DISPLAY_P3 = 3
    # ITU-R BT.709.
    BT709 = 4
    # ITU-R BT.2020.
    BT2020 = 5
    # ITU-R BT.2100 with the perceptual quantizer.
    BT2100_PQ = 6
    # ITU-R BT.2100 with hybrid log-gamma.
    BT2100_HLG = 7


class PresentMode(IntEnum):
    """How frames get from the producer to its consumers."""

    # For options: SFP_PRESENT_MODE_MAILBOX for a swapchain, and the swapchain's own mode for a
    # consumer.
    DEFAULT = 0
    # The newest frame wins. The producer never waits while there are two images more than frames
    # held.
    MAILBOX = 1
    # Every consumer sees every frame, in order; the producer waits for them. While there is no
    # consumer, frames wait for one. At least two images.
    FIFO = 2
    # One image, drawn while it is shown: no waiting, and tearing.
    IMMEDIATE = 3


class Allocator(IntEnum):
    """Which side makes the images' memory."""

    # The producer's process.
    PRODUCER = 0
    # The process of the first consumer that can. The producer waits for it.
    CONSUMER = 1


class EndOfLife(IntEnum):
    """What happens to a spawned child that still runs when its host is released."""

    # It has `grace_ns` to end by itself, since it learns that the session is over; then it is
    # killed. Either way it is reaped, and the release waits for that.
    KILL = 0
    # It is left to itself. If it ends later it stays a zombie until this process ends, unless this
    # process reaps its children by other means.
    LEAVE = 1


class ExitKind(IntEnum):
    """How a process ended."""

    # It has ended; how is known to its own parent only, or to who reaped it first.
    UNKNOWN = 0
    # By itself, with an exit status.
    EXITED = 1
    # By a signal.
    SIGNALLED = 2
