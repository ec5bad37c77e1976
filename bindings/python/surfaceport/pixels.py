"""Pixels: what the views of a frame or an image belong to, and live by."""

from __future__ import annotations

import weakref
from ctypes import byref
from typing import Any, Protocol, TypeVar

from ._native import functions as c
from ._native.enums import Lock
from ._native.handles import sfp_frame, sfp_image, sfp_surface
from ._native.structures import sfp_pixels
from .errors import WrongState
from .status import check

V = TypeVar("V")


class Pixels(Protocol):
    """Each view has a reference to it. It is not copied: no view of it is."""

    @property
    def read_only(self) -> bool:
        """Whether views of it are read-only."""

    def check(self) -> None:
        """Raises `WrongState` when there are no new views any more."""

    def give(self, view: V) -> V:
        """Gives a view away."""


class SurfacePixels:
    """The pixels of a surface of one's own: views keep its memory."""

    __slots__ = ("_surface",)

    read_only = False

    def __init__(self, surface: sfp_surface) -> None:
        self._surface = surface

    def check(self) -> None:
        """There can always be one more."""

    def give(self, view: V) -> V:
        """Nothing has to be known of it."""
        return view


class FramePixels:
    """The pixels of a frame, locked for reading. Views keep the frame held, until the last one is gone."""

    __slots__ = ("__weakref__", "_frame", "_surface")

    read_only = True

    def __init__(self, frame: sfp_frame, surface: sfp_surface) -> None:
        check(c.sfp_surface_lock(surface, Lock.READ, byref(sfp_pixels())))
        self._frame: sfp_frame | None = frame
        self._surface = surface

    def check(self) -> None:
        """Raises `WrongState` when the frame was released with its consumer."""
        if self._frame is None:
            raise WrongState("the frame is released")

    def give(self, view: V) -> V:
        """Nothing has to be known of it."""
        return view

    # What a finalizer calls is looked up now: modules may be empty when the interpreter ends. In a fork
    # of the process the call does nothing, and says so.
    def release(self, unlock: Any = c.sfp_surface_unlock, mode: int = int(Lock.READ)) -> None:
        """Lets go of the frame, though there are views."""
        if self._frame is not None:
            self._frame = None
            unlock(self._surface, mode)

    def __del__(self) -> None:
        if hasattr(self, "_surface"):
            self.release()


class ViewedFrames:
    """The frames of a consumer that are closed, and held by views only."""

    __slots__ = ("_ended", "_pixels")

    def __init__(self) -> None:
        self._ended = False
        self._pixels: list[weakref.ref[FramePixels]] = []

    def add(self, pixels: weakref.ref[FramePixels]) -> None:
        """Notes one, unless there is no view of it."""
        if pixels() is not None:
            self._pixels[:] = [other for other in self._pixels if other() is not None]
            self._pixels.append(pixels)
            if self._ended:
                self.end()

    def end(self) -> None:
        """Releases them all, and those that come: the consumer is closed."""
        self._ended = True
        while self._pixels:
            pixels = self._pixels.pop()()
            if pixels is not None:
                pixels.release()


class ImagePixels:
    """The pixels of an image, locked for writing. Views keep the image, until it is presented or given back.

    Then they are revoked, because the pixels are others' from there on: arrays become read-only, memoryviews
    are released. What was derived of them, such as a slice, is out of reach.
    """

    __slots__ = ("_given", "_image", "_locked", "_surface")

    read_only = False

    def __init__(self, image: sfp_image, surface: sfp_surface) -> None:
        self._image: sfp_image | None = image
        self._locked = False
        self._surface = surface
        self._given: list[weakref.ref[Any]] = []

    def check(self) -> None:
        """Locks them unless they are. Raises `WrongState` once they were revoked."""
        if self._image is None:
            raise WrongState("the image was presented, or given back")
        if not self._locked:
            check(c.sfp_image_lock(self._image, Lock.WRITE, byref(sfp_pixels())))
            self._locked = True

    def give(self, view: V) -> V:
        """Notes it, to revoke it."""
        self._given.append(weakref.ref(view))
        return view

    def unlock(self) -> None:
        """Ends the lock, before the image is presented."""
        if self._image is not None and self._locked:
            self._locked = False
            check(c.sfp_image_unlock(self._image))

    def revoke(self) -> None:
        """Ends all writing by views, and lets go of the image."""
        self._image = None
        given, self._given = self._given, []
        for reference in given:
            view = reference()
            if isinstance(view, memoryview):
                try:
                    view.release()
                except BufferError:
                    pass  # Another object has taken its bytes, which is as with a slice.
            elif view is not None:
                view.flags.writeable = False
