"""What a producer says of a frame besides its pixels."""

from __future__ import annotations

from ctypes import sizeof
from typing import NamedTuple

from ._native.enums import ColorSpace
from ._native.structures import sfp_frame_info, sfp_present_info, sfp_rectangle


class Rectangle(NamedTuple):
    """A rectangle in pixels, from the upper left corner of the image."""

    x: int
    y: int
    width: int
    height: int


class PresentInfo(NamedTuple):
    """What to say of a frame.

    `user` is up to 64 bytes of your own. `damage` is what has changed since the last frame, or `None`
    if everything may have. `display_ns` is when it is meant to be shown, in nanoseconds of `now()`; 0 is
    as soon as possible. `color_space` is how the colours are meant; UNKNOWN is as the surface says.
    """

    user: bytes = b""
    damage: Rectangle | None = None
    display_ns: int = 0
    color_space: ColorSpace = ColorSpace.UNKNOWN

    def _struct(self) -> sfp_present_info:
        return sfp_present_info(
            struct_size=sizeof(sfp_present_info),
            display_ns=self.display_ns,
            damage=sfp_rectangle() if self.damage is None else sfp_rectangle(*Rectangle(*self.damage)),
            color_space=self.color_space,
            user=self.user,
        )


class FrameInfo(NamedTuple):
    """What the producer says of a frame: its word, not a fact. See `PresentInfo`.

    `number` counts the frames of the swapchain from 1, `presented_ns` is when it was presented, in
    nanoseconds of `now()`, and `user` has all 64 bytes.
    """

    number: int
    presented_ns: int
    display_ns: int
    damage: Rectangle | None
    color_space: ColorSpace
    user: bytes

    @classmethod
    def _of(cls, info: sfp_frame_info) -> FrameInfo:
        damage = info.damage
        rectangle = Rectangle(damage.x, damage.y, damage.width, damage.height)
        return cls(
            info.number,
            info.presented_ns,
            info.display_ns,
            rectangle if any(rectangle) else None,
            ColorSpace(info.color_space),
            bytes(info.user),
        )
