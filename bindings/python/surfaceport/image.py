"""Images: what a producer draws into."""

from __future__ import annotations

from ctypes import byref
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._native import functions as c
from ._native.handles import sfp_image, sfp_surface
from ._native.values import article
from .errors import WrongState
from .frame_info import PresentInfo
from .handle import Handle
from .pixels import ImagePixels
from .status import check, failure
from .surface import Surface

if TYPE_CHECKING:
    import numpy

    from .producer import Producer


class Image(Handle[sfp_image]):
    """An image of a swapchain that is the producer's alone, to draw into.

    The end of a `with` block presents it, with what `info` says then; an exception in the block, or
    `close()`, gives it back undrawn. Its views keep it if nothing else does, and are revoked when it is
    presented or given back; see `Plane`. It is for one thread at a time.
    """

    __slots__ = ("_pixels", "_producer", "info")

    _pixels: ImagePixels | None

    def __init__(self, handle: sfp_image, producer: Producer) -> None:
        super().__init__(handle)
        self._producer = producer
        self._pixels = None
        self.info: PresentInfo | None = None

    @property
    def index(self) -> int:
        """Which of its swapchain's images it is, from 0, for tables of what belongs to each."""
        return int(c.sfp_image_index(self._reference))

    @property
    def surface(self) -> Surface:
        """Its surface, locked for writing by the first look at the pixels, until it is presented."""
        # It keeps us, so we do not keep it: a cycle would hold the image until Python looks for cycles.
        return Surface._of(self._surface(), self._look)

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """Plane 0 as a NumPy array over the shared memory; see `Plane.array`."""
        return self.surface.array

    def present(self, info: PresentInfo | None = None) -> None:
        """Makes it the newest frame; the image is closed then, and its pixels are not yours any more.

        Raises `WrongState` if a frame of another size was presented since it was acquired.
        """
        if self._pixels is not None:
            self._pixels.unlock()
        if not (info is None or isinstance(info, PresentInfo)):
            raise TypeError(f"info must be a PresentInfo, not {article(info)}")
        said = None if info is None else byref(info._struct())
        if self._producer.closed:
            raise WrongState("the producer is closed")
        # The call ends a reference if it succeeds: it gets one of its own.
        c.sfp_image_retain(self._reference)
        status = c.sfp_producer_present(self._producer._reference, self._reference, said)
        if status:
            error = failure(status)
            c.sfp_image_release(self._reference)
            raise error
        self.close()

    def _surface(self) -> sfp_surface:
        return sfp_surface(c.sfp_surface_retain(c.sfp_image_surface(self._reference)))

    def _look(self) -> ImagePixels:
        if self._handle is None:
            raise WrongState("the image was presented, or given back")
        if self._pixels is None:
            self._pixels = ImagePixels(self._handle, self._surface())
        return self._pixels

    def close(self) -> None:
        """Gives the image back undrawn, unless it was presented. Once more does nothing."""
        self._handle = None
        if self._pixels is not None:
            self._pixels.revoke()
            self._pixels = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._handle is not None:
            self.present(self.info)
        self.close()
