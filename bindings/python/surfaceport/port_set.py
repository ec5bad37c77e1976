"""Port sets: many receive rights, and watches for the death of ports, behind one descriptor."""

from __future__ import annotations

from ctypes import byref
from typing import NamedTuple

from ._native import functions as c
from ._native.enums import Ready
from ._native.handles import sfp_port_set
from ._native.structures import sfp_port_set_event
from .handle import Handle
from .ports import ReceiveRight, SendRight
from .readiness import attempt
from .status import check
from .times import Timeout, wait


class Event(NamedTuple):
    """A member of a port set that is ready: its key, and what it is ready for."""

    key: int
    kind: Ready


class PortSet(Handle[sfp_port_set]):
    """Members are named by keys of your own, from 0. Those that are ready take turns.

    The set borrows its members: one that ends or moves is silent; remove it to use its key again.
    Threads: any, several at once.
    """

    __slots__ = ()

    def __init__(self) -> None:
        """Makes an empty set. Raises `ResourceExhausted`."""
        handle = sfp_port_set()
        check(c.sfp_port_set_create(byref(handle)))
        super().__init__(handle)

    def add(self, right: ReceiveRight, key: int) -> None:
        """Adds a receive right. Raises `AlreadyExists` for a key, or a right, that is there."""
        check(c.sfp_port_set_add(self._reference, right, key))

    def remove(self, key: int) -> None:
        """Takes a receive right out. Raises `NotFound`."""
        check(c.sfp_port_set_remove(self._reference, key))

    def watch(self, right: SendRight, key: int) -> None:
        """Watches for the death of the port behind a send right. Raises `AlreadyExists`."""
        check(c.sfp_port_set_watch(self._reference, right, key))

    def unwatch(self, key: int) -> None:
        """Ends a watch. Raises `NotFound`."""
        check(c.sfp_port_set_unwatch(self._reference, key))

    def wait(self, timeout: Timeout = None) -> Event:
        """Waits until a member is ready. Raises `TimedOut`."""
        event = sfp_port_set_event()
        wait(lambda time: c.sfp_port_set_wait(self._reference, time, byref(event)), timeout)
        return Event(event.key, Ready(event.kind))

    async def wait_async(self, timeout: Timeout = None) -> Event:
        """As `wait()`, on asyncio."""
        return await attempt(lambda: self.wait(0), self.fileno, timeout)

    def fileno(self) -> int:
        """A descriptor that is readable when `wait()` would not wait. It is the library's."""
        return int(c.sfp_port_set_fd(self._reference))
