"""The same on asyncio."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
import surfaceport as sfp
from conftest import SLEEPER, WAIT, role


def test_frames_and_requests_at_once() -> None:
    """A host that shows frames and asks questions in one loop, and a child that does both, too."""

    async def show(host: sfp.Host) -> list[int]:
        with await host.consumer_async(WAIT) as frames:
            taken: list[int] = []
            async for frame in frames:
                with frame:
                    assert np.all(frame.array == len(taken))
                    taken.append(frame.number)
            return taken

    async def ask(host: sfp.Host) -> list[bytes]:
        with await host.channel_async(WAIT) as channel:
            answers = []
            for n in range(20):
                answer = await channel.request_async(sfp.Message(n, b"%d" % n), WAIT)
                assert answer.id == n + 1
                answers.append(answer.payload)
            channel.send(sfp.Message(0, b"end"), WAIT)
            return answers

    async def both() -> None:
        with sfp.Host.spawn(role("asynchronous", "60"), grace=WAIT) as host:
            shown, answers = await asyncio.gather(show(host), ask(host))
            assert shown == list(range(1, 61))
            assert answers == [b"%d" % n for n in range(20)]
            assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)

    asyncio.run(both())


def test_a_killed_child_raises_peer_dead() -> None:
    async def watch() -> int:
        taken = 0
        with sfp.Host.spawn(role("killed", "2")) as host:
            with await host.consumer_async(WAIT) as frames:
                with pytest.raises(sfp.PeerDead):
                    async for frame in frames:
                        frame.close()
                        taken += 1
                        if taken == 1:
                            with await host.channel_async(WAIT) as channel:
                                channel.send(sfp.Message(1), 0)
        return taken

    assert asyncio.run(watch()) == 2


def test_the_loop_goes_on_while_a_task_waits() -> None:
    async def wait() -> None:
        with sfp.ReceiveRight() as port, port.make_send() as right:
            one = asyncio.create_task(port.receive_async(WAIT))
            other = asyncio.create_task(port.receive_async(WAIT))
            await asyncio.sleep(0)
            assert not one.done() and not other.done()
            right.send(sfp.Message(1), WAIT)
            right.send(sfp.Message(2), WAIT)
            assert {(await one).id, (await other).id} == {1, 2}

    asyncio.run(wait())


def test_a_time_that_is_over_is_told() -> None:
    async def wait() -> None:
        with sfp.ReceiveRight() as port, port.make_send() as right:
            begin = sfp.now()
            for timeout in (0, 0.1):
                with pytest.raises(sfp.TimedOut):
                    await port.receive_async(timeout)
            assert sfp.now() - begin >= 100_000_000
            right.send(sfp.Message(1), 0)
            assert (await port.receive_async(0)).id == 1

    asyncio.run(wait())


def test_a_task_that_is_cancelled_takes_nothing() -> None:
    async def wait() -> None:
        with sfp.ReceiveRight() as port, port.make_send() as right:
            task = asyncio.create_task(port.receive_async(None))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            right.send(sfp.Message(1), WAIT)
            assert (await port.receive_async(WAIT)).id == 1

    asyncio.run(wait())


def test_messages_until_the_last_sender() -> None:
    async def read() -> list[int]:
        with sfp.ReceiveRight() as port:
            right = port.make_send()
            for n in range(3):
                right.send(sfp.Message(n), WAIT)
            asyncio.get_running_loop().call_soon(right.close)
            return [message.id async for message in port]

    assert asyncio.run(read()) == [0, 1, 2]


def test_a_port_set_is_waited_for() -> None:
    async def wait() -> None:
        with sfp.PortSet() as ports, sfp.ReceiveRight() as port, port.make_send() as right:
            ports.add(port, 5)
            task = asyncio.create_task(ports.wait_async(WAIT))
            await asyncio.sleep(0)
            right.send(sfp.Message(1), WAIT)
            assert await task == (5, sfp.Ready.RECEIVE)

    asyncio.run(wait())


def test_a_child_that_says_no_hello_in_its_time_is_not_waited_for() -> None:
    async def wait(host: sfp.Host) -> None:
        for call in (
            host.wait_connected_async,
            host.consumer_async,
            host.consumer_right_async,
            host.channel_async,
        ):
            with pytest.raises(sfp.NoHello):
                await call()
        with pytest.raises(sfp.TimedOut):
            await host.wait_exit_async(0.1)

    async def both() -> None:
        async with sfp.Host.spawn(SLEEPER, hello_timeout=0.3, grace=0) as host:
            await wait(host)
        with sfp.Invitation() as invitation:
            invitation.set_hello_timeout(0.3)
            child = subprocess.Popen(SLEEPER, pass_fds=invitation.fds)
            async with invitation.into_host(child.pid) as host:
                with pytest.raises(sfp.NoHello):
                    await host.wait_connected_async()
            child.kill()
            child.wait(WAIT)

    asyncio.run(both())


@asynccontextmanager
async def turning() -> AsyncIterator[list[float]]:
    """Collects the times of the loop's turns: one in each millisecond, unless something holds it."""
    times = [time.monotonic()]

    async def turn() -> None:
        while True:
            await asyncio.sleep(0.001)
            times.append(time.monotonic())

    task = asyncio.create_task(turn())
    try:
        yield times
    finally:
        task.cancel()


def test_the_loop_goes_on_while_a_host_is_closed() -> None:
    """Its child does not care, so the whole grace time passes."""

    async def close() -> None:
        async with turning() as times:
            async with sfp.Host.spawn(SLEEPER, grace=0.5) as host:
                child = host.process_id
            assert host.closed
            turns = len(times)
            await host.aclose()
        # It was reaped: there is no such child of ours any more.
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
        assert times[-1] - times[0] >= 0.5
        assert turns > 5

    asyncio.run(close())


def test_a_close_that_is_cancelled_goes_on() -> None:
    async def close() -> int:
        host = sfp.Host.spawn(SLEEPER, grace=0.2)
        child = host.process_id
        task = asyncio.create_task(host.aclose())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return child

    child = asyncio.run(close())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_an_exit_is_waited_for() -> None:
    """What the child offers, and nobody takes, keeps the host's descriptor ready all the time."""

    async def wait() -> None:
        async with sfp.Host.spawn(role("offers_in_vain"), grace=WAIT) as host:
            await host.wait_connected_async(WAIT)
            before = time.process_time()
            with pytest.raises(sfp.TimedOut):
                await host.wait_exit_async(0.3)
            assert time.process_time() - before < 0.2
            channel = await host.channel_async(WAIT)
            await channel.send_async(sfp.Message(1), WAIT)
            assert await host.wait_exit_async(WAIT) == (sfp.ExitKind.EXITED, 0)
            channel.close()

    asyncio.run(wait())


def test_messages_until_the_peer_is_gone() -> None:
    async def read() -> list[int]:
        first, second = sfp.ChannelEnd.pair()
        with first.open() as one:
            other = second.open()
            for n in range(3):
                one.send(sfp.Message(n), WAIT)
                other.send(sfp.Message(n), WAIT)
            asyncio.get_running_loop().call_soon(other.close)
            return [message.id async for message in one]

    assert asyncio.run(read()) == [0, 1, 2]
