"""Pixel layouts: how the elements of each plane of a format lie in memory, in NumPy's terms."""

from __future__ import annotations

from typing import NamedTuple

from ._native.enums import PixelFormat


class Element(NamedTuple):
    """An element of a plane: the type of a component, as `__array_interface__` has it, its size in
    bytes, and how many components there are.
    """

    typestr: str
    size: int
    components: int


_BYTE = Element("|u1", 1, 1)
_TWO_BYTES = Element("|u1", 1, 2)
_FOUR_BYTES = Element("|u1", 1, 4)

# The elements of the planes of each format.
ELEMENTS: dict[int, tuple[Element, ...]] = {
    PixelFormat.BGRA8: (_FOUR_BYTES,),
    PixelFormat.RGBA8: (_FOUR_BYTES,),
    PixelFormat.RGB10A2: (Element("<u4", 4, 1),),
    PixelFormat.RGBA16F: (Element("<f2", 2, 4),),
    PixelFormat.R8: (_BYTE,),
    PixelFormat.RG8: (_TWO_BYTES,),
    PixelFormat.NV12: (_BYTE, _TWO_BYTES),
    PixelFormat.NV12_FULL: (_BYTE, _TWO_BYTES),
    PixelFormat.P010: (Element("<u2", 2, 1), Element("<u2", 2, 2)),
    PixelFormat.I420: (_BYTE, _BYTE, _BYTE),
    PixelFormat.NV16: (_BYTE, _TWO_BYTES),
    PixelFormat.NV16_FULL: (_BYTE, _TWO_BYTES),
    PixelFormat.NV24: (_BYTE, _TWO_BYTES),
    PixelFormat.NV24_FULL: (_BYTE, _TWO_BYTES),
}
