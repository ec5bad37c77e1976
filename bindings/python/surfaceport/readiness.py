"""Readiness: waiting on asyncio for a descriptor of the library. It starts no thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar

from .errors import TimedOut
from .times import Timeout, deadline, now

T = TypeVar("T")

# A wait that ends within so many nanoseconds was none. When the call after it is in vain, a pause
# follows, of so many seconds: each time a longer one.
_AT_ONCE = 1_000_000
_PAUSES = (0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)


async def readable(descriptor: int, seconds: float | None = None) -> None:
    """Waits until a descriptor is readable, or the time is over; `None` has no end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    # One of our own: several tasks can wait for the same one, and it can be closed meanwhile.
    own = os.dup(descriptor)
    alarm = None if seconds is None else loop.call_later(seconds, wake)
    try:
        loop.add_reader(own, wake)
        try:
            await ready
        finally:
            loop.remove_reader(own)
    finally:
        if alarm is not None:
            alarm.cancel()
        os.close(own)


async def attempt(
    call: Callable[[], T], descriptor: Callable[[], int], timeout: Timeout, news_at: int | None = None
) -> T:
    """Makes a call that does not wait, again whenever the descriptor is readable, until it is not
    `TimedOut`; raises that when the time is over. At `news_at`, a time of `now()`, the call has something
    to say of which the descriptor does not tell.

    Nothing is awaited behind the call that succeeds, so a task that is cancelled loses no result.
    """
    end = deadline(timeout)
    futile = 0
    while True:
        try:
            return call()
        except TimedOut:
            time = now()
            if end is not None and time >= end:
                raise
        ahead = [until - time for until in (end, news_at) if until is not None and until > time]
        left = min(ahead) / 1e9 if ahead else None
        # What is readable for something that this call does not take would have it called without end.
        if futile:
            pause = _PAUSES[min(futile, len(_PAUSES)) - 1]
            await asyncio.sleep(pause if left is None else min(pause, left))
        before = now()
        await readable(descriptor(), left)
        futile = futile + 1 if now() - before < _AT_ONCE else 0
