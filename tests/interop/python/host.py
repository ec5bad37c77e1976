"""The host of the interoperation tests: `host.py CHILD [ARGS...]`. It prints `ok`, or what differs."""

from __future__ import annotations

import sys

import numpy as np
import surfaceport as sfp

WAIT = 30
FRAMES = 100


def wants(true: bool, what: str) -> None:
    if not true:
        sys.exit(f"host: {what}")


def check_frame(frame: sfp.Frame, n: int) -> None:
    surface = frame.surface
    size = (surface.width, surface.height, surface.pixel_format)
    wants(size == (64, 48, sfp.PixelFormat.BGRA8), f"frame {n} is {size}")
    wants(frame.info.user == n.to_bytes(64, "little"), f"frame {n} has the user data {frame.info.user!r}")
    words = frame.array.view("<u4")[:, :, 0]
    wanted = (n * 0x010203 + np.arange(48 * 64, dtype=np.uint32)).reshape(48, 64)
    wants(bool((words == wanted).all()), f"frame {n} has other pixels")


def main() -> None:
    with sfp.Host.spawn(sys.argv[1:], hello_timeout=WAIT, grace=WAIT) as host:
        with host.channel(WAIT) as channel, host.consumer(WAIT) as frames:
            surface = sfp.Surface(8, 8)
            with surface.lock():
                surface.array[:] = 0x11
            channel.send(sfp.Message(1, b"hello from the host", [surface]), WAIT)

            for n in range(FRAMES):
                with frames.acquire(WAIT) as frame:
                    check_frame(frame, n)

            message = channel.receive(WAIT)
            said = (message.id, message.payload)
            wants(said == (2, b"hello from the child"), f"the child says {said}")
            memory = message.take_memory(0)
            wants(len(memory) == 4096, f"the memory has {len(memory)} bytes")
            text = bytes(memory.view[:14])
            wants(text == b"from the child", f"the memory begins with {text!r}")

            channel.send(sfp.Message(3, b"bye"), WAIT)
            try:
                frames.acquire(WAIT)
                wants(False, "there is a frame too many")
            except sfp.Closed:
                pass
            end = host.wait_exit(WAIT)
            wants(end == (sfp.ExitKind.EXITED, 0), f"the child ended with {end}")
    print("ok")


if __name__ == "__main__":
    try:
        main()
    except sfp.Error as error:
        sys.exit(f"host: {type(error).__name__}: {error}")
