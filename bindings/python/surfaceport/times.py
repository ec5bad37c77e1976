"""Times: the clock that all processes share, and the timeouts of calls.

A timeout is in seconds, an int or a float; `None` waits for as long as it takes, and 0 does not wait.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

from ._native import functions as c
from ._native.constants import SFP_FOREVER
from ._native.enums import Status
from .status import failure

# What a call takes as its time.
Timeout = float | None

# How long one call may wait in the main thread, so that Python gets to see signals such as Ctrl-C.
_SLICE = 100_000_000

_LONGEST = 2**63 - 1
_TIMED_OUT = int(Status.TIMED_OUT)


def now() -> int:
    """The time on the monotonic clock of all processes of this system, in nanoseconds."""
    return int(c.sfp_time_now())


def nanoseconds(timeout: Timeout) -> int:
    """A timeout as the C API has it. A negative one is as 0; NaN raises ValueError."""
    if timeout is None or timeout == math.inf:
        return SFP_FOREVER
    if timeout <= 0:
        return 0
    return min(round(timeout * 1e9), _LONGEST)


def deadline(timeout: Timeout) -> int | None:
    """When a timeout that begins now is over, as a time of `now()`; `None` has no end."""
    left = nanoseconds(timeout)
    return None if left < 0 else now() + left


def wait(call: Callable[[int], Any], timeout: Timeout) -> None:
    """Makes a call that takes nanoseconds and returns a status, until it is done or the time is over.

    In the main thread it is made in slices, between which signals are handled.
    """
    left = nanoseconds(timeout)
    if left == 0 or threading.current_thread() is not threading.main_thread():
        status = call(left)
    else:
        status = call(0)
        if status == _TIMED_OUT:
            end = None if left < 0 else now() + left
            while status == _TIMED_OUT and left != 0:
                status = call(_SLICE if left < 0 else min(left, _SLICE))
                if end is not None:
                    left = max(end - now(), 0)
    if status:
        raise failure(status)
