"""Producers: draw into the images of a swapchain, and present them as frames."""

from __future__ import annotations

from ctypes import byref, sizeof
from typing import NamedTuple

from ._native import functions as c
from ._native.enums import Allocator, Backing, PixelFormat, PresentMode
from ._native.handles import sfp_consumer_right, sfp_image, sfp_producer
from ._native.structures import sfp_producer_statistics, sfp_surface_descriptor, sfp_swapchain_options
from .consumer_right import ConsumerRight
from .handle import Handle
from .image import Image
from .readiness import attempt
from .status import check
from .times import Timeout, spin_nanoseconds, wait


class ProducerStatistics(NamedTuple):
    """What a producer counts: frames presented, how often it had to wait for an image, what and whom it
    refused, and the consumers that are attached now.
    """

    presented: int
    waited: int
    refused: int
    consumers: int


class Producer(Handle[sfp_producer]):
    """Draws into the images of a swapchain and presents them.

    `close()` ends the stream: consumers see the frames that are left, then its end. Threads: any,
    several at once.
    """

    __slots__ = ()

    def __init__(
        self,
        width: int,
        height: int,
        format: PixelFormat = PixelFormat.BGRA8,
        *,
        images: int = 0,
        mode: PresentMode = PresentMode.DEFAULT,
        allocator: Allocator = Allocator.PRODUCER,
        backing: Backing = Backing.NATIVE,
    ) -> None:
        """Makes a swapchain, for consumers that get a `consumer_right()`.

        Width and height are in pixels, 1 to 16384; `images` is 2 to 16, or 1 in immediate mode, and 0 is
        3, or that 1. Raises `InvalidArgument`, `Unsupported` or `ResourceExhausted`.
        """
        handle = sfp_producer()
        options = swapchain_options(width, height, format, images, mode, allocator, backing)
        check(c.sfp_producer_create(byref(options), byref(handle)))
        super().__init__(handle)

    @classmethod
    def _of(cls, handle: sfp_producer) -> Producer:
        producer = cls.__new__(cls)
        Handle.__init__(producer, handle)
        return producer

    def acquire(self, timeout: Timeout = None) -> Image:
        """Takes an image to draw into; waits while there is none. It has the pixels of an earlier frame.

        Raises `TimedOut`, or `PeerDead` when all consumers are gone and no right to become one is left.
        """
        image = sfp_image()
        if c.sfp_producer_acquire(self._reference, 0, byref(image)):
            wait(lambda time: c.sfp_producer_acquire(self._reference, time, byref(image)), timeout)
        return Image(image, self)

    async def acquire_async(self, timeout: Timeout = None) -> Image:
        """As `acquire()`, on asyncio."""
        return await attempt(lambda: self.acquire(0), self.fileno, timeout)

    def resize(self, width: int, height: int) -> None:
        """Gives the swapchain images of another size, from the next `acquire()` on."""
        check(c.sfp_producer_resize(self._reference, width, height))

    def reconfigure(self, width: int, height: int, format: PixelFormat) -> None:
        """Gives the swapchain images of another size or format, from the next `acquire()` on."""
        size = sizeof(sfp_surface_descriptor)
        wanted = sfp_surface_descriptor(size, width, height, format, Backing.NATIVE)
        check(c.sfp_producer_reconfigure(self._reference, byref(wanted)))

    def service(self) -> None:
        """Looks after consumers that come and go, as `acquire()` does, for a producer that draws rarely."""
        check(c.sfp_producer_service(self._reference))

    def drain(self, timeout: Timeout = None) -> None:
        """Waits until every consumer has what it is to have: in fifo mode every frame, else the newest one.

        Rights that were not used yet are waited for, too. Call it before the end of the program, if its
        frames must be seen and not only kept for who comes late. Raises `TimedOut`, or `PeerDead` if frames
        are left that nobody will see.
        """
        wait(lambda time: c.sfp_producer_drain(self._reference, time), timeout)

    async def drain_async(self, timeout: Timeout = None) -> None:
        """As `drain()`, on asyncio."""
        await attempt(lambda: self.drain(0), self.fileno, timeout)

    @property
    def statistics(self) -> ProducerStatistics:
        """What it has counted."""
        counted = sfp_producer_statistics()
        check(c.sfp_producer_get_statistics(self._reference, byref(counted)))
        return ProducerStatistics(counted.presented, counted.waited, counted.refused, counted.consumers)

    def consumer_right(self) -> ConsumerRight:
        """Makes a right to consume, for consumers of any process. Raises `ResourceExhausted`."""
        handle = sfp_consumer_right()
        check(c.sfp_producer_create_consumer_right(self._reference, byref(handle)))
        return ConsumerRight(handle)

    def set_spin_time(self, seconds: float) -> None:
        """Sets how long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set.

        0 is not to watch. Where waits turn out to be longer, it sleeps at once, whatever the time.
        """
        check(c.sfp_producer_set_spin_time(self._reference, spin_nanoseconds(seconds)))

    def fileno(self) -> int:
        """A descriptor that is readable when `acquire(0)` or `service()` has something to do.

        It is the library's. Acquire until `TimedOut`, then wait for it.
        """
        return int(c.sfp_producer_fd(self._reference))


def swapchain_options(
    width: int,
    height: int,
    format: PixelFormat,
    images: int,
    mode: PresentMode,
    allocator: Allocator,
    backing: Backing,
) -> sfp_swapchain_options:
    """The options as the C API has them."""
    return sfp_swapchain_options(
        sizeof(sfp_swapchain_options),
        width,
        height,
        format,
        images,
        mode,
        allocator,
        backing,
        0,
    )
