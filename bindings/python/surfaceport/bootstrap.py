"""Bootstrap: a name that one process checks in, and others of the same user look up."""

from __future__ import annotations

from ctypes import byref

from ._native import functions as c
from ._native.handles import sfp_receive_right, sfp_send_right
from .ports import ReceiveRight, SendRight
from .status import check
from .times import Timeout, nanoseconds, wait


def check_in(name: str) -> ReceiveRight:
    """Takes a name, of at most 127 bytes, and gives the right to receive what is sent to it.

    Raises `AlreadyExists` if it has an owner, `InvalidArgument` or `PermissionDenied`.
    """
    handle = sfp_receive_right()
    check(c.sfp_bootstrap_check_in(name, byref(handle)))
    return ReceiveRight._of(handle)


def look_up(name: str, timeout: Timeout = 0) -> SendRight:
    """Gives a send right to the port with that name; waits until there is one.

    Raises `NotFound` if there is none and the timeout is 0, `TimedOut` if none came in that time,
    `InvalidArgument` or `PermissionDenied`.
    """
    handle = sfp_send_right()
    # Without any time the library says another thing than that the time is over.
    least = min(nanoseconds(timeout) % 2**63, 1)
    wait(lambda time: c.sfp_bootstrap_look_up(name, time or least, byref(handle)), timeout)
    return SendRight(handle)
