"""The other processes of the tests: `roles.py ROLE`. Each ends with 0 if all was as it should be."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from typing import Any

import surfaceport as sfp

WAIT = 30


def draw(image: sfp.Image, n: int) -> None:
    """Every byte of plane 0 is the frame's number."""
    plane = image.surface.plane(0)
    plane.view[:] = bytes([n % 256]) * plane.size
    image.info = sfp.PresentInfo(user=n.to_bytes(8, "little"))


def frames(count: str) -> None:
    """Presents so many frames in order, and ends well."""
    with (
        sfp.Child.connect(WAIT) as host,
        host.producer(64, 48, mode=sfp.PresentMode.FIFO) as producer,
    ):
        for n in range(int(count)):
            with producer.acquire(WAIT) as image:
                draw(image, n)


def newest(count: str) -> None:
    """Presents frames in mailbox mode until the host has taken so many."""
    with sfp.Child.connect(WAIT) as host, host.producer(64, 48) as producer:
        n = 0
        try:
            while True:
                with producer.acquire(WAIT) as image:
                    draw(image, n)
                n += 1
        except sfp.PeerDead:
            assert n >= int(count)


def killed(count: str) -> None:
    """Presents so many frames and, when the host has one, is killed."""
    host = sfp.Child.connect(WAIT)
    producer = host.producer(64, 48, mode=sfp.PresentMode.FIFO)
    for n in range(int(count)):
        with producer.acquire(WAIT) as image:
            draw(image, n)
    channel = host.channel()
    waited: list[Any] = [producer, channel]
    while channel not in select.select(waited, [], [], WAIT)[0]:
        producer.service()
    os.kill(os.getpid(), signal.SIGKILL)


def crashes(count: str) -> None:
    """Presents so many frames, three or more, and is killed: of two images the host has had one by then."""
    host = sfp.Child.connect(WAIT)
    producer = host.producer(64, 48, mode=sfp.PresentMode.FIFO, images=2)
    for n in range(int(count)):
        with producer.acquire(WAIT) as image:
            draw(image, n)
    os.kill(os.getpid(), signal.SIGKILL)


def waits() -> None:
    """Connects, and waits for the end of the session."""
    with sfp.Child.connect(WAIT) as host:
        host.wait_closed(WAIT)


def offers_in_vain() -> None:
    """Offers swapchains until it gets a message."""
    with sfp.Child.connect(WAIT) as host, host.channel() as channel:
        producers = [host.producer(8, 8) for _ in range(3)]
        channel.receive(WAIT).close()
        for producer in producers:
            producer.close()


def echo() -> None:
    """Answers each request with its payload, and sends each other message back, until it is told."""
    with sfp.Child.connect(WAIT) as host, host.channel() as channel:
        while True:
            message = channel.receive(WAIT)
            if message.payload == b"end":
                return
            answer = sfp.Message(message.id + 1, message.payload)
            if message.wants_answer:
                message.reply(answer, WAIT)
            else:
                channel.send(answer, WAIT)


def carries() -> None:
    """Takes one of each attachment, uses it, and sends a surface, a file and an end back."""
    with sfp.Child.connect(WAIT) as host, host.channel() as channel:
        message = channel.receive(WAIT)
        assert message.sender.process_id == os.getppid()
        assert channel.peer == message.sender == host.host
        kinds = [kind.name for kind in message.attachments]
        assert kinds[:5] == ["SEND_RIGHT", "RECEIVE_RIGHT", "MEMORY", "SURFACE", "FD"], kinds
        assert len(kinds) == 7
        with message.take_send_right(0) as right:
            right.send(sfp.Message(1, b"by the send right"), WAIT)
        with message.take_receive_right(1) as port:
            assert port.receive(WAIT).payload == b"queued before it moved"
        memory = message.take_memory(2)
        assert not memory.writable
        assert memory.view.readonly
        assert bytes(memory.view[:4]) == b"only"
        surface = message.take_surface(3)
        assert surface.value("who") == b"the host"
        with surface.lock():
            surface.plane(0).view[:4] = b"BGRA"
        with os.fdopen(message.take_fd(4), "wb") as file:
            file.write(b"through the pipe")
        with message.take_channel_end(5).open() as other:
            other.send(sfp.Message(2, b"by the other channel"), WAIT)
            other.receive(WAIT)


def consumes(count: str) -> None:
    """Takes so many frames of the host's swapchain."""
    with sfp.Child.connect(WAIT) as host, host.consumer(WAIT) as consumer:
        taken = 0
        for frame in consumer:
            with frame:
                assert bytes(frame.surface.plane(0).row(0)) == bytes([taken]) * 256
                assert frame.info.user == taken.to_bytes(64, "little")
            taken += 1
        assert taken == int(count), taken


def asynchronous(count: str) -> None:
    """As `frames` and `echo` at once, on asyncio."""

    async def present(host: sfp.Child) -> None:
        with host.producer(64, 48, mode=sfp.PresentMode.FIFO) as producer:
            for n in range(int(count)):
                with await producer.acquire_async(WAIT) as image:
                    draw(image, n)

    async def answer(host: sfp.Child) -> None:
        with host.channel() as channel:
            async for message in channel:
                if message.payload == b"end":
                    return
                message.reply(sfp.Message(message.id + 1, message.payload), WAIT)

    async def both() -> None:
        with sfp.Child.connect(WAIT) as host:
            await asyncio.gather(present(host), answer(host))

    asyncio.run(both())


def says_nothing() -> None:
    """Ends with 3, without a hello."""
    sys.exit(3)


def looks_up(name: str) -> None:
    """Sends a message to the port with a name. It is no child of a session."""
    with sfp.bootstrap.look_up(name, WAIT) as right:
        right.send(sfp.Message(7, b"by name"), WAIT)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
