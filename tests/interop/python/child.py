"""The child of the interoperation tests."""

from __future__ import annotations

import sys

import numpy as np
import surfaceport as sfp

WAIT = 30
FRAMES = 100


def wants(true: bool, what: str) -> None:
    if not true:
        sys.exit(f"child: {what}")


def main() -> None:
    with sfp.Child.connect(WAIT) as host, host.channel() as channel:
        with host.producer(64, 48, images=3, mode=sfp.PresentMode.FIFO) as frames:
            message = channel.receive(WAIT)
            said = (message.id, message.payload)
            wants(said == (1, b"hello from the host"), f"the host says {said}")
            surface = message.take_surface(0)
            size = (surface.width, surface.height, surface.pixel_format)
            wants(size == (8, 8, sfp.PixelFormat.BGRA8), f"the surface is {size}")
            with surface.lock(sfp.Lock.READ):
                wants(bool((surface.array == 0x11).all()), "the surface has other pixels")

            memory = sfp.Memory(4096)
            memory.view[:14] = b"from the child"
            channel.send(sfp.Message(2, b"hello from the child", [memory]), WAIT)

            numbers = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64)
            for n in range(FRAMES):
                with frames.acquire(WAIT) as image:
                    image.array.view("<u4")[:, :, 0] = numbers + np.uint32(n * 0x010203)
                    image.info = sfp.PresentInfo(user=n.to_bytes(8, "little"))

            message = channel.receive(WAIT)
            said = (message.id, message.payload)
            wants(said == (3, b"bye"), f"the host says {said}")


if __name__ == "__main__":
    try:
        main()
    except sfp.Error as error:
        sys.exit(f"child: {type(error).__name__}: {error}")
