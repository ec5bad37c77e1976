"""A host: starts a child, in C or any other language, and saves the last frame that it draws.

For example: python host.py ./child last.png
"""

import sys

import surfaceport as sfp
from PIL import Image


def show(frame: sfp.Frame) -> Image.Image:
    """A picture of a BGRA frame: its only copy. view.py shows it in a window."""
    return Image.fromarray(frame.array[:, :, 2::-1].copy())


def main() -> None:
    child, picture = sys.argv[1], sys.argv[2]
    count = 0
    with sfp.Host.spawn([child]) as host, host.consumer(timeout=5) as frames:
        for frame in frames:  # or: async for; raises PeerDead if the child crashed
            with frame:  # valid until the end of the block, whatever the child does
                last = show(frame)
            count += 1
    last.save(picture)
    print(f"{count} frames of {last.width} x {last.height}; the last one is in {picture}")


if __name__ == "__main__":
    main()
