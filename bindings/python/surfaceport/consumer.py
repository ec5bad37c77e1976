"""Consumers: take the frames of a swapchain, and show them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from ctypes import byref
from typing import NamedTuple

from ._native import functions as c
from ._native.handles import sfp_consumer, sfp_frame
from ._native.structures import sfp_consumer_statistics
from .errors import Closed
from .frame import Frame
from .handle import Handle
from .pixels import ViewedFrames
from .readiness import attempt
from .status import check
from .times import Timeout, spin_nanoseconds, wait


class ConsumerStatistics(NamedTuple):
    """What a consumer counts, from its beginning: frames presented since the first one that it could
    see, frames taken, frames replaced before they were taken, and how often it had to wait.
    """

    presented: int
    shown: int
    dropped: int
    waited: int


class Consumer(Handle[sfp_consumer]):
    """Takes the frames of a swapchain.

    It is iterable, also by `async for`: the frames until the producer ends the stream. A producer that
    died raises `PeerDead`, behind its last frame. Threads: any, several at once.
    """

    __slots__ = ("_viewed",)

    def __init__(self, handle: sfp_consumer) -> None:
        super().__init__(handle)
        self._viewed = ViewedFrames()

    def close(self) -> None:
        """Ends this consumer. The frames that are closed are released, also those that have views."""
        super().close()
        self._viewed.end()

    def acquire(self, timeout: Timeout = None) -> Frame:
        """Takes the next frame: the newest one, or in fifo mode the next in order; waits for it.

        Raises `TimedOut`; `Closed` when the producer ended the stream, or `PeerDead` when it died, and
        all its frames were taken; `Refused` if the producer does not want this consumer; `WrongState`
        while 16 frames are held.
        """
        frame = sfp_frame()
        if c.sfp_consumer_acquire(self._reference, 0, byref(frame)):
            wait(lambda time: c.sfp_consumer_acquire(self._reference, time, byref(frame)), timeout)
        return Frame(frame, self._viewed)

    async def acquire_async(self, timeout: Timeout = None) -> Frame:
        """As `acquire()`, on asyncio."""
        return await attempt(lambda: self.acquire(0), self.fileno, timeout)

    @property
    def statistics(self) -> ConsumerStatistics:
        """What it has counted."""
        counted = sfp_consumer_statistics()
        check(c.sfp_consumer_get_statistics(self._reference, byref(counted)))
        return ConsumerStatistics(counted.presented, counted.shown, counted.dropped, counted.waited)

    def set_spin_time(self, seconds: float) -> None:
        """Sets how long an acquire that waits watches the shared memory before it sleeps: 50 µs unless it is set.

        0 is not to watch. Where waits turn out to be longer, it sleeps at once, whatever the time.
        """
        check(c.sfp_consumer_set_spin_time(self._reference, spin_nanoseconds(seconds)))

    def fileno(self) -> int:
        """A descriptor that is readable when `acquire(0)` has something to do. It is the library's.

        Acquire until `TimedOut`, then wait for it.
        """
        return int(c.sfp_consumer_fd(self._reference))

    def __iter__(self) -> Iterator[Frame]:
        while True:
            try:
                frame = self.acquire()
            except Closed:
                return
            yield frame

    async def __aiter__(self) -> AsyncIterator[Frame]:
        while True:
            try:
                frame = await self.acquire_async()
            except Closed:
                return
            yield frame
