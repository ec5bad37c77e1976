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
from ._native.values import article
from .errors import InvalidArgument
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
    """A timeout as the C API has it. A negative one is as 0; NaN raises ValueError, what is no number
    TypeError.
    """
    if timeout is None:
        return SFP_FOREVER
    if not isinstance(timeout, (int, float)) or isinstance(timeout, bool):
        timeout = _seconds(timeout)
    if timeout == math.inf:
        return SFP_FOREVER
    if timeout <= 0:
        return 0
    # In whole seconds there is no float that could be too small for them.
    return _LONGEST if timeout > _LONGEST // 10**9 else round(timeout * 1e9)


def spin_nanoseconds(seconds: float) -> int:
    """How long to watch the shared memory, as the C API has it: no end is the greatest number."""
    if seconds is None:
        raise TypeError("seconds must be a number, not None")
    time = nanoseconds(seconds)
    if seconds < 0:
        raise InvalidArgument(f"seconds must be 0 or more, not {seconds}")
    return 2**64 - 1 if time == SFP_FOREVER else time


def _seconds(timeout: Any) -> float:
    # Such as those of NumPy, a Decimal or a Fraction.
    if isinstance(timeout, (str, bytes, bytearray, bool)) or not hasattr(type(timeout), "__float__"):
        raise TypeError(f"a timeout must be seconds or None, not {article(timeout)}")
    return float(timeout)


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
