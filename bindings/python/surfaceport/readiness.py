"""Readiness: waiting on asyncio for a descriptor of the library. It starts no thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar

from .errors import TimedOut
from .times import Timeout, nanoseconds, now

T = TypeVar("T")


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


async def attempt(call: Callable[[], T], descriptor: Callable[[], int], timeout: Timeout) -> T:
    """Makes a call that does not wait, again whenever the descriptor is readable, until it is not
    `TimedOut`; raises that when the time is over.

    Nothing is awaited behind the call that succeeds, so a task that is cancelled loses no result.
    """
    left = nanoseconds(timeout)
    end = None if left < 0 else now() + left
    while True:
        try:
            return call()
        except TimedOut:
            if end is not None and now() >= end:
                raise
        await readable(descriptor(), None if end is None else max(end - now(), 0) / 1e9)
