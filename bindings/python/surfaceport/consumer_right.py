"""Rights to consume a swapchain, which go to any process."""

from __future__ import annotations

from ctypes import byref, sizeof

from ._native import functions as c
from ._native.enums import PresentMode
from ._native.handles import sfp_consumer, sfp_consumer_right
from ._native.structures import sfp_consumer_options
from ._native.values import integer
from .consumer import Consumer
from .errors import InvalidArgument
from .handle import Handle
from .status import check


def present_mode(mode: int) -> PresentMode:
    """A mode, which has to be known before anything is taken that a wrong one would lose."""
    number = integer("mode", mode)
    if number not in PresentMode.__members__.values():
        raise InvalidArgument(f"mode must be one of PresentMode, not {number}")
    return PresentMode(number)


class ConsumerRight(Handle[sfp_consumer_right]):
    """Lets its holder become a consumer, or pass it on: to a message, or to the other side of a session.

    As long as one is left anywhere, the producer waits for consumers to come: close what you do not need.
    Threads: any, several at once.
    """

    __slots__ = ()

    def attach(self, mode: PresentMode = PresentMode.DEFAULT) -> Consumer:
        """Becomes a consumer, in the swapchain's own mode or, for a fifo swapchain, in mailbox mode.

        Does not wait. Raises `PeerDead`, `TimedOut` if more consumers are about to attach than the
        producer takes in, or `ResourceExhausted`.
        """
        handle = sfp_consumer()
        options = sfp_consumer_options(sizeof(sfp_consumer_options), present_mode(mode), 0)
        check(c.sfp_consumer_attach(self._reference, byref(options), byref(handle)))
        return Consumer(handle)
