"""The same on asyncio."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import surfaceport as sfp
from conftest import WAIT, role


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
