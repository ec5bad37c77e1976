"""Children: connect to the host that started this process."""

from __future__ import annotations

from ctypes import byref

from ._native import functions as c
from ._native.enums import Allocator, Backing, PixelFormat, PresentMode
from ._native.handles import sfp_channel, sfp_child, sfp_consumer, sfp_consumer_right, sfp_producer
from ._native.structures import sfp_sender
from .channel import Channel
from .consumer import Consumer
from .consumer_right import ConsumerRight, present_mode
from .handle import Handle
from .producer import Producer, swapchain_options
from .readiness import attempt
from .sender import Sender
from .status import check
from .times import Timeout, nanoseconds, wait


class Child(Handle[sfp_child]):
    """The child's side of a session. `close()` ends the session, which the host learns.

    Producers, consumers and channels stay what they are. Threads: any, several at once.
    """

    __slots__ = ()

    @classmethod
    def connect(cls, timeout: Timeout = 5) -> Child:
        """Connects to the host that started this process. Possible once in the life of a process.

        Raises `NotFound` if no host started it, `WrongState` if this was called before, `Refused` or
        `Unsupported` if the host says no, `PeerDead`, or `TimedOut` if the host did not answer.
        """
        handle = sfp_child()
        check(c.sfp_child_connect(nanoseconds(timeout), byref(handle)))
        return cls(handle)

    def producer(
        self,
        width: int,
        height: int,
        format: PixelFormat = PixelFormat.BGRA8,
        *,
        images: int = 0,
        mode: PresentMode = PresentMode.DEFAULT,
        allocator: Allocator = Allocator.PRODUCER,
        backing: Backing = Backing.NATIVE,
    ) -> Producer:
        """Makes a swapchain, and offers it to the host, which gets it by `Host.consumer()`.

        Parameters as for `Producer`. Raises as that, and as `offer()`.
        """
        handle = sfp_producer()
        options = swapchain_options(width, height, format, images, mode, allocator, backing)
        check(c.sfp_child_create_producer(self._reference, byref(options), byref(handle)))
        return Producer._of(handle)

    def offer(self, right: ConsumerRight) -> None:
        """Gives the host a right to consume, which stays yours.

        Raises `PeerDead`, or `TimedOut` after 5 seconds in which the host takes nothing in.
        """
        check(c.sfp_child_offer_consumer_right(self._reference, right))

    def consumer(self, timeout: Timeout = None, *, mode: PresentMode = PresentMode.DEFAULT) -> Consumer:
        """Attaches to the next swapchain that the host offers; waits until there is one.

        Raises `TimedOut`; `PeerDead` or `Closed` if the session is over, and all that was offered
        accepted; otherwise as `ConsumerRight.attach()`.
        """
        if present_mode(mode) != PresentMode.DEFAULT:
            with self.consumer_right(timeout) as right:
                return right.attach(mode)
        consumer = sfp_consumer()
        wait(lambda time: c.sfp_child_accept_consumer(self._reference, time, byref(consumer)), timeout)
        return Consumer(consumer)

    async def consumer_async(
        self, timeout: Timeout = None, *, mode: PresentMode = PresentMode.DEFAULT
    ) -> Consumer:
        """As `consumer()`, on asyncio."""
        return await attempt(lambda: self.consumer(0, mode=mode), self.fileno, timeout)

    def consumer_right(self, timeout: Timeout = None) -> ConsumerRight:
        """Takes the next right to consume that the host offers."""
        right = sfp_consumer_right()
        wait(lambda time: c.sfp_child_accept_consumer_right(self._reference, time, byref(right)), timeout)
        return ConsumerRight(right)

    async def consumer_right_async(self, timeout: Timeout = None) -> ConsumerRight:
        """As `consumer_right()`, on asyncio."""
        return await attempt(lambda: self.consumer_right(0), self.fileno, timeout)

    def channel(self) -> Channel:
        """Gives the channel for messages of your own."""
        handle = sfp_channel()
        check(c.sfp_child_channel(self._reference, byref(handle)))
        return Channel(handle)

    def wait_closed(self, timeout: Timeout = None) -> None:
        """Waits until the host ends the session, in good order or not. Raises `TimedOut`."""
        wait(lambda time: c.sfp_child_wait_closed(self._reference, time), timeout)

    async def wait_closed_async(self, timeout: Timeout = None) -> None:
        """As `wait_closed()`, on asyncio."""
        await attempt(lambda: self.wait_closed(0), self.fileno, timeout)

    @property
    def host(self) -> Sender:
        """Who the host is, as the kernel says it."""
        host = sfp_sender()
        check(c.sfp_child_host(self._reference, byref(host)))
        return Sender._of(host)

    @property
    def features(self) -> int:
        """What both sides can do beyond the first version, as bits."""
        return int(c.sfp_child_features(self._reference))

    @property
    def refused(self) -> int:
        """How many messages were refused that did not come from the host or were not well-formed."""
        return int(c.sfp_child_refused(self._reference))

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to do: `consumer_right(0)` then.

        It is the library's, and readable for good once the host is gone.
        """
        return int(c.sfp_child_fd(self._reference))
