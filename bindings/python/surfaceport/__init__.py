"""Cross-process rendering: one process draws into shared surfaces, another one shows them, no copy.

A host starts a child and shows what it draws:

    with Host.spawn(["./child"]) as host, host.consumer(timeout=5) as frames:
        for frame in frames:
            with frame:
                show(frame.array)

A child connects and draws:

    try:
        with Child.connect() as host, host.producer(1280, 720) as frames:
            while True:
                with frames.acquire() as image:  # presented at the end of the block
                    draw(image.array)
    except PeerDead:
        pass  # the host has closed: nobody looks at frames any more

Timeouts are seconds; `None` waits for as long as it takes, 0 does not wait. What ends in `_async` is for
asyncio. Whatever can become ready has a `fileno()`. Failures raise an `Error`, one class for each status.
"""

from . import bootstrap
from ._native.enums import (
    Allocator,
    Attachment,
    Backing,
    ColorSpace,
    EndOfLife,
    ExitKind,
    Lock,
    MemoryAccess,
    PixelFormat,
    PresentMode,
    Purgeable,
    Ready,
    Status,
)
from .channel import Channel, ChannelEnd
from .child import Child
from .consumer import Consumer, ConsumerStatistics
from .consumer_right import ConsumerRight
from .errors import (
    AlreadyExists,
    Closed,
    Error,
    InternalError,
    InvalidArgument,
    Malformed,
    NoHello,
    NoSenders,
    NotFound,
    PeerDead,
    PermissionDenied,
    Refused,
    ResourceExhausted,
    SystemFailure,
    TimedOut,
    TooLarge,
    Unsupported,
    WrongState,
)
from .frame import Frame
from .frame_info import FrameInfo, PresentInfo, Rectangle
from .host import Exit, Host
from .image import Image
from .invitation import Invitation
from .memory import Memory
from .message import Message
from .plane import Plane
from .port_set import Event, PortSet
from .ports import ReceiveRight, SendOnceRight, SendRight
from .producer import Producer, ProducerStatistics
from .sender import Sender
from .surface import LiveSurfaces, Surface, live_surfaces
from .times import now
from .version import __version__, library_version

__all__ = [
    "AlreadyExists", "Allocator", "Attachment", "Backing", "Channel", "ChannelEnd", "Child", "Closed",
    "ColorSpace", "Consumer", "ConsumerRight", "ConsumerStatistics", "EndOfLife", "Error", "Event", "Exit",
    "ExitKind", "Frame", "FrameInfo", "Host", "Image", "InternalError", "InvalidArgument", "Invitation",
    "LiveSurfaces", "Lock", "Malformed", "Memory", "MemoryAccess", "Message", "NoHello", "NoSenders",
    "NotFound", "PeerDead", "PermissionDenied", "PixelFormat", "Plane", "PortSet", "PresentInfo",
    "PresentMode", "Producer", "ProducerStatistics", "Purgeable", "Ready", "ReceiveRight", "Rectangle",
    "Refused", "ResourceExhausted", "SendOnceRight", "SendRight", "Sender", "Status", "Surface",
    "SystemFailure", "TimedOut", "TooLarge", "Unsupported", "WrongState", "__version__", "bootstrap", "library_version",
    "live_surfaces", "now",
]  # fmt: skip
