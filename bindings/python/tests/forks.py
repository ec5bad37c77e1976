"""A process that forks while it has a handle: `forks.py KIND WAY`. It ends with 0 if the handle is as it was.

A kind makes handles, gives them, and checks them after the fork. A way is what the fork does.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import surfaceport as sfp

WAIT = 30

Handles = list[Any]


@contextmanager
def frame() -> Iterator[Handles]:
    with sfp.Producer(16, 16) as producer, producer.consumer_right() as right, right.attach() as consumer:
        with producer.acquire(WAIT) as image:
            image.surface.plane(0).view[:] = b"\x07" * image.surface.plane(0).size
        held = consumer.acquire(WAIT)
        view = held.surface.plane(0).view
        yield [held, view, consumer, producer]
        for _ in range(10):
            with producer.acquire(WAIT) as image:
                image.surface.plane(0).view[:] = b"\x09" * image.surface.plane(0).size
        assert bytes(view) == b"\x07" * len(view)
        held.close()
        assert consumer.acquire(WAIT).surface.plane(0).view[0] == 9


@contextmanager
def image() -> Iterator[Handles]:
    """Drawn into when the process forks; the block in which it is presented is not left by the fork."""
    with sfp.Producer(16, 16) as producer, producer.consumer_right() as right, right.attach() as consumer:
        drawn = producer.acquire(WAIT)
        view = drawn.surface.plane(0).view
        yield [drawn, producer]
        view[:] = b"\x07" * len(view)
        drawn.present()
        with consumer.acquire(WAIT) as frame:
            assert bytes(frame.surface.plane(0).view) == b"\x07" * len(frame.surface.plane(0).view)
            assert frame.number == 1


@contextmanager
def stream() -> Iterator[Handles]:
    """In order, and to its end."""
    with sfp.Producer(16, 16, mode=sfp.PresentMode.FIFO) as producer, producer.consumer_right() as right:
        with right.attach() as consumer:
            producer.service()
            producer.acquire(WAIT).present()
            yield [producer, consumer, right]
            assert consumer.acquire(WAIT).number == 1
            for n in range(2, 12):
                producer.acquire(WAIT).present()
                assert consumer.acquire(WAIT).number == n
            assert producer.statistics.consumers == 1
            producer.close()
            assert list(consumer) == []


@contextmanager
def channel() -> Iterator[Handles]:
    first, second = sfp.ChannelEnd.pair()
    with first.open() as one, second.open() as other:
        for _ in range(20):
            one.send(sfp.Message(1), WAIT)
            other.receive(WAIT)
        one.send(sfp.Message(2, b"before"), WAIT)
        yield [one, other]
        assert other.receive(WAIT).payload == b"before"
        for n in range(20):
            other.send(sfp.Message(n), WAIT)
            assert one.receive(WAIT).id == n
        assert not one.is_peer_dead and not other.is_peer_dead


@contextmanager
def port() -> Iterator[Handles]:
    with sfp.ReceiveRight() as receiver, receiver.make_send() as right, sfp.PortSet() as ports:
        ports.add(receiver, 1)
        ports.watch(right, 2)
        right.send(sfp.Message(1), WAIT)
        yield [receiver, right, ports]
        assert ports.wait(WAIT) == (1, sfp.Ready.RECEIVE)
        assert receiver.receive(WAIT).id == 1
        assert not right.is_dead
        right.send(sfp.Message(2), WAIT)
        assert ports.wait(WAIT) == (1, sfp.Ready.RECEIVE)
        assert receiver.receive(WAIT).id == 2


@contextmanager
def name() -> Iterator[Handles]:
    called = f"surfaceport.python.fork.{os.getpid()}"
    with sfp.bootstrap.check_in(called) as receiver:
        yield [receiver]
        with sfp.bootstrap.look_up(called, WAIT) as right:
            right.send(sfp.Message(5), WAIT)
        assert receiver.receive(WAIT).id == 5
        try:
            sfp.bootstrap.check_in(called)
        except sfp.AlreadyExists:
            pass
        else:
            raise AssertionError("two owners of one name")


@contextmanager
def host() -> Iterator[Handles]:
    program = [sys.executable, str(Path(__file__).with_name("roles.py")), "echo"]
    with sfp.Host.spawn(program, grace=WAIT) as session, session.channel(WAIT) as messages:
        yield [session, messages]
        assert messages.request(sfp.Message(1, b"still there"), WAIT).payload == b"still there"
        assert session.is_connected
        messages.send(sfp.Message(0, b"end"), WAIT)
        assert session.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)


@contextmanager
def surface() -> Iterator[Handles]:
    made, memory = sfp.Surface(16, 16), sfp.Memory(100)
    with made.use(), made.lock():
        yield [made, memory, made.plane(0)]
        assert made.in_use and made.use_count == 1
        made.plane(0).view[0] = memory.view[0] = 3
        assert made.plane(0).view[0] == memory.view[0] == 3
    assert not made.in_use


def wait_for(process: int) -> int:
    """How the fork ended: its exit status, or the negative number of the signal."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    raise AssertionError("the fork does not end")


def ends(how: Callable[[Handles], None], wanted: int = 0) -> Callable[[Handles], None]:
    def way(handles: Handles) -> None:
        process = os.fork()
        if process == 0:
            how(handles)
        said = wait_for(process)
        assert said == wanted, said

    return way


def exits(_: Handles) -> NoReturn:
    """By the end of the interpreter, with all finalizers; out of all `with` blocks on its way."""
    sys.exit(0)


def leaves(_: Handles) -> NoReturn:
    os._exit(0)


def dies(_: Handles) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def closes(handles: Handles) -> NoReturn:
    """Ends each of them by hand, and goes on for a while as another process."""
    for handle in handles:
        if isinstance(handle, memoryview):
            handle.release()
        elif hasattr(handle, "close"):
            handle.close()
    handles.clear()
    gc.collect()
    with sfp.ReceiveRight() as own, own.make_send() as right:
        right.send(sfp.Message(1), WAIT)
        assert own.receive(WAIT).id == 1
    os._exit(0)


def refused(call: Callable[[], Any]) -> None:
    try:
        call()
    except sfp.WrongState as error:
        assert "fork" in str(error), error
    else:
        raise AssertionError("a fork used what is its parent's")


CALLS: dict[type, Callable[[Any], Any]] = {
    sfp.Consumer: lambda consumer: consumer.acquire(WAIT),
    sfp.Producer: lambda producer: producer.acquire(WAIT),
    sfp.ConsumerRight: lambda right: right.attach(),
    sfp.Image: lambda image: image.present(),
    sfp.Channel: lambda channel: channel.receive(WAIT),
    sfp.ReceiveRight: lambda right: right.receive(WAIT),
    sfp.SendRight: lambda right: right.send(sfp.Message(1), WAIT),
    sfp.PortSet: lambda ports: ports.wait(WAIT),
    sfp.Host: lambda host: host.wait_exit(WAIT),
    sfp.Surface: lambda surface: surface.use().__enter__(),
}


def asks(handles: Handles) -> NoReturn:
    """Calls each of them, and is told that it is its parent's."""
    for handle in handles:
        if type(handle) in CALLS:
            refused(lambda handle=handle: CALLS[type(handle)](handle))  # type: ignore[misc]
    os._exit(0)


def nothing() -> None:
    """What a worker does."""


def processes(_: Handles) -> None:
    worker = multiprocessing.get_context("fork").Process(target=nothing)
    worker.start()
    worker.join(WAIT)
    assert worker.exitcode == 0, worker.exitcode


def spawns(_: Handles) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=nothing)
    worker.start()
    worker.join(WAIT)
    assert worker.exitcode == 0, worker.exitcode


# A pool that lives until the handles were looked at.
POOLS: list[Any] = []


def pools(_: Handles) -> None:
    pool = multiprocessing.get_context("fork").Pool(2)
    for answer in [pool.apply_async(nothing) for _ in range(8)]:
        answer.get(WAIT)
    POOLS.append(pool)


KINDS: dict[str, Callable[[], Any]] = {
    kind.__name__: kind for kind in (frame, image, stream, channel, port, name, host, surface)
}
WAYS: dict[str, Callable[[Handles], None]] = {
    "exits": ends(exits),
    "leaves": ends(leaves),
    "dies": ends(dies, -signal.SIGKILL),
    "closes": ends(closes),
    "asks": ends(asks),
    "processes": processes,
    "spawns": spawns,
    "pools": pools,
}


def main() -> None:
    kind, way = sys.argv[1:]
    with KINDS[kind]() as handles:
        WAYS[way](handles)
    for pool in POOLS:
        pool.terminate()
        pool.join()


if __name__ == "__main__":
    main()
