"""Shows what a child draws in a window: `python view.py CHILD [ARGUMENTS...]`.

With `--save PICTURE` before the child it needs no display, and saves the newest frame when the child ends.
"""

import argparse
import sys

import surfaceport as sfp
from PIL import Image


def picture(frame: sfp.Frame) -> Image.Image:
    """The frame as a picture, by its pixel format."""
    pixels = frame.array
    match frame.surface.pixel_format:
        case sfp.PixelFormat.BGRA8:
            pixels = pixels[:, :, 2::-1]
        case sfp.PixelFormat.RGBA8:
            pixels = pixels[:, :, :3]
        case sfp.PixelFormat.R8 | sfp.PixelFormat.NV12 | sfp.PixelFormat.NV12_FULL | sfp.PixelFormat.I420:
            pass  # of the last three, the brightness
        case other:
            sys.exit(f"view: no picture can be made of {other.name}")
    return Image.fromarray(pixels.copy())


def save(frames: sfp.Consumer, path: str) -> None:
    """Keeps the newest frame until the child ends; nothing is copied before."""
    newest = None
    for frame in frames:
        if newest is not None:
            newest.close()
        newest = frame
    if newest is None:
        sys.exit("view: the child drew nothing")
    with newest:
        picture(newest).save(path)
        print(f"frame {newest.number} is in {path}")


def window(frames: sfp.Consumer, title: str) -> None:
    """A window that looks for a new frame 60 times in a second, until it or the child ends."""
    import tkinter

    from PIL import ImageTk

    root = tkinter.Tk()
    root.title(title)
    label = tkinter.Label(root, borderwidth=0)
    label.pack()
    shown: list[ImageTk.PhotoImage] = []

    def look() -> None:
        try:
            with frames.acquire(0) as frame:
                shown[:] = [ImageTk.PhotoImage(picture(frame))]
            label.configure(image=shown[0])
        except sfp.TimedOut:
            pass
        except (sfp.Closed, sfp.PeerDead) as end:
            print(end)
            root.destroy()
            return
        root.after(16, look)

    look()
    root.mainloop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows what a child draws.")
    parser.add_argument("--save", metavar="PICTURE", help="no window; save the newest frame")
    parser.add_argument("child", nargs=argparse.REMAINDER, help="the program and its arguments")
    arguments = parser.parse_args()
    if not arguments.child:
        parser.error("which child?")
    with sfp.Host.spawn(arguments.child) as host, host.consumer(timeout=10) as frames:
        if arguments.save:
            save(frames, arguments.save)
        else:
            window(frames, arguments.child[0])


if __name__ == "__main__":
    main()
