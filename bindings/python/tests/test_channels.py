"""Channels inside one process."""

from __future__ import annotations

import asyncio
import math
import select
import time
from collections.abc import Iterator

import pytest
import surfaceport as sfp
from conftest import WAIT


@pytest.fixture
def pair() -> Iterator[tuple[sfp.Channel, sfp.Channel]]:
    first, second = sfp.ChannelEnd.pair()
    with first.open() as one, second.open() as other:
        yield one, other


def warm_up(one: sfp.Channel, other: sfp.Channel) -> None:
    """Has messages go through shared memory."""
    for n in range(20):
        one.send(sfp.Message(n), WAIT)
        assert other.receive(WAIT).id == n


def work_of_a_wait(channel: sfp.Channel) -> float:
    """What a wait in vain takes of the processor."""
    before = time.thread_time()
    with pytest.raises(sfp.TimedOut):
        channel.receive(0.2)
    return time.thread_time() - before


def test_a_spin_time_is_how_long_a_wait_watches(pair: tuple[sfp.Channel, sfp.Channel]) -> None:
    one, other = pair
    warm_up(one, other)
    other.set_spin_time(0)
    work_of_a_wait(other)  # The first one pays for more than itself.
    asleep = work_of_a_wait(other)
    other.set_spin_time(math.inf)
    assert work_of_a_wait(other) > 4 * asleep
    other.set_spin_time(0)
    warm_up(one, other)


def test_a_full_queue_drops_what_may_be_dropped(pair: tuple[sfp.Channel, sfp.Channel]) -> None:
    one, other = pair
    for turn in range(3):
        assert one.dropped == 2 * turn
        sent = 0
        while one.send_or_drop(sfp.Message(sent)):
            sent += 1
        assert sent > 1
        message = sfp.Message(0, attachments=[sfp.Memory(100)])
        assert not one.send_or_drop(message)
        assert message.closed
        for n in range(sent):
            assert other.receive(WAIT).id == n
        with pytest.raises(sfp.TimedOut):
            other.receive(0)
    other.close()
    message = sfp.Message(0, b"kept")
    with pytest.raises(sfp.PeerDead):
        one.send_or_drop(message)
    assert message.payload == b"kept"


def is_readable(descriptor: int, seconds: float) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


def test_a_descriptor_tells_of_room(pair: tuple[sfp.Channel, sfp.Channel]) -> None:
    one, other = pair
    room = one.writable_fileno()
    assert is_readable(room, 0)
    for _ in range(3):
        sent = 0
        while one.send_or_drop(sfp.Message(sent)):
            sent += 1
        for _ in range(5):  # It can be readable once too often.
            with sfp.Message(0) as message, pytest.raises(sfp.TimedOut):
                one.send(message, 0)
            if not is_readable(room, 0):
                break
        assert not is_readable(room, 0)
        for n in range(sent):
            assert other.receive(WAIT).id == n
        assert is_readable(room, WAIT)
        one.send(sfp.Message(7), 0)
        assert other.receive(WAIT).id == 7
    other.close()
    assert is_readable(room, WAIT)


def test_many_messages_are_sent_on_asyncio(pair: tuple[sfp.Channel, sfp.Channel]) -> None:
    one, other = pair
    payload = bytes(2000)

    async def send() -> None:
        for n in range(1000):
            await one.send_async(sfp.Message(n, payload), WAIT)

    async def receive() -> None:
        for n in range(1000):
            assert (await other.receive_async(WAIT)).id == n

    async def both() -> None:
        await asyncio.gather(send(), receive())

    asyncio.run(both())
