"""Frames: pictures of a swapchain, held by a consumer."""

from __future__ import annotations

import weakref
from ctypes import byref
from typing import TYPE_CHECKING, Any

from ._native import functions as c
from ._native.handles import sfp_frame, sfp_surface
from ._native.structures import sfp_frame_info
from .errors import WrongState
from .frame_info import FrameInfo
from .handle import Handle
from .pixels import FramePixels, ViewedFrames
from .status import check
from .surface import Surface

if TYPE_CHECKING:
    import numpy


class Frame(Handle[sfp_frame]):
    """A frame that is held: nobody draws into it until it is released, whatever happens to the producer.

    It is released after `close()`, or the end of a `with` block, and the last of its views: arrays,
    memoryviews and planes are read-only and keep the frame held, so `consumer.acquire().array` is valid for
    as long as there is that array. What you want to keep, copy: each frame that is held is an image less for
    the producer, and 16 are the most. A frame that is closed, and has views, is also released when its
    consumer is closed; the views show what the producer draws from then on.

    Threads: any, but one at a time for the first look at the pixels.
    """

    __slots__ = ("_pixels", "_viewed")

    _pixels: FramePixels | None

    def __init__(self, handle: sfp_frame, viewed: ViewedFrames | None = None) -> None:
        super().__init__(handle)
        self._pixels = None
        self._viewed = viewed

    @property
    def number(self) -> int:
        """Counts from 1; in mailbox mode numbers are left out when frames were replaced."""
        return int(c.sfp_frame_number(self._reference))

    @property
    def info(self) -> FrameInfo:
        """What the producer says of it."""
        info = sfp_frame_info()
        check(c.sfp_frame_get_info(self._reference, byref(info)))
        return FrameInfo._of(info)

    @property
    def surface(self) -> Surface:
        """Its surface, locked for reading by the first look at the pixels, until the frame is released."""
        # It keeps us, so we do not keep it: a cycle would hold the frame until Python looks for cycles.
        return Surface._of(self._surface(), self._look)

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """Plane 0 as a NumPy array over the shared memory, read-only; see `Plane.array`."""
        return self.surface.array

    def _surface(self) -> sfp_surface:
        return sfp_surface(c.sfp_surface_retain(c.sfp_frame_surface(self._reference)))

    def _look(self) -> FramePixels:
        if self._handle is None:
            raise WrongState("the frame is released")
        if self._pixels is None:
            self._pixels = FramePixels(self._handle, self._surface())
        return self._pixels

    def close(self) -> None:
        """Lets go of the frame, which is released once there is no view of it. Once more does nothing."""
        self._handle = None
        if self._pixels is not None:
            pixels = weakref.ref(self._pixels)
            self._pixels = None
            if self._viewed is not None:
                self._viewed.add(pixels)
