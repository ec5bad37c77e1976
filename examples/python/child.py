#!/usr/bin/env python3
"""A child that draws with NumPy, for a host in C or any other language: `./host ./child.py`."""

import numpy as np
import surfaceport as sfp

FRAMES = 120


def main() -> None:
    with sfp.Child.connect() as host, host.producer(1280, 720, mode=sfp.PresentMode.FIFO) as frames:
        x = np.arange(1280, dtype=np.uint32)
        y = np.arange(720, dtype=np.uint32)[:, np.newaxis]
        for n in range(1, FRAMES + 1):
            with frames.acquire() as image:  # presented at the end of the block
                pixels = image.array.view("<u4")[:, :, 0]  # the shared memory itself
                pixels[:] = (x * 200 // 1280) + (y * 200 // 720 << 8) + (n << 16) + 0xFF000000
                pixels[0, 0] = n


if __name__ == "__main__":
    try:
        main()
    except sfp.PeerDead:
        pass  # the host has closed: nobody looks at frames any more
