"""Frames: pictures of a swapchain, held by a consumer."""

from __future__ import annotations

from ctypes import byref
from typing import TYPE_CHECKING, Any

from ._native import functions as c
from ._native.enums import Lock
from ._native.handles import sfp_frame, sfp_surface
from ._native.structures import sfp_frame_info, sfp_pixels
from .errors import WrongState, check
from .frame_info import FrameInfo
from .handle import Handle
from .surface import Surface

if TYPE_CHECKING:
    import numpy


class Frame(Handle[sfp_frame]):
    """A frame that is held: nobody draws into it until it is released, whatever happens to the producer.

    `close()`, or the end of a `with` block, releases it. Arrays of it that are kept longer show what the
    producer draws next. Threads: any, but one at a time for the first look at the pixels.
    """

    __slots__ = ("_locked",)

    def __init__(self, handle: sfp_frame) -> None:
        self._handle = handle
        self._locked: sfp_surface | None = None

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
        address = c.sfp_surface_retain(c.sfp_frame_surface(self._reference))
        return Surface._of(sfp_surface(address), self._lock)

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """Plane 0 as a NumPy array over the shared memory; see `Plane.array`."""
        return self.surface.array

    def _lock(self) -> None:
        if self._handle is None:
            raise WrongState("the frame is released")
        if self._locked is None:
            surface, pixels = self.surface._reference, sfp_pixels()
            check(c.sfp_surface_lock(surface, Lock.READ, byref(pixels)))
            self._locked = surface

    def close(self) -> None:
        """Releases the frame. Once more does nothing."""
        locked, self._locked = self._locked, None
        self._handle = None
        if locked is not None:
            check(c.sfp_surface_unlock(locked, Lock.READ))

    def __del__(self) -> None:
        self.close()
