"""Planes: the memory of a surface, as bytes and as arrays, with no copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._native.handles import Uncopied
from ._native.structures import sfp_plane
from ._native.values import integer
from .memory import bytes_at
from .pixel_layout import Element
from .pixels import Pixels

if TYPE_CHECKING:
    import numpy


class Plane(Uncopied):
    """A plane of a surface.

    It can be used wherever `__array_interface__` or DLPack is understood. It, and every view of it, keeps
    what it belongs to: the memory of a surface; a frame, whose views are read-only, and which is released
    after the last of them; or an image. When the image is presented, or given back, its views are revoked:
    arrays become read-only, memoryviews are released. What you derived of them, such as slices, cannot be:
    do not write by it any more.
    """

    __slots__ = ("_element", "_pixels", "_plane")

    def __init__(self, pixels: Pixels, plane: sfp_plane, element: Element) -> None:
        self._pixels = pixels
        self._plane = plane
        self._element = element

    @property
    def address(self) -> int:
        """The address of the first byte of the first row."""
        return self._plane.base or 0

    @property
    def bytes_per_row(self) -> int:
        """From the beginning of a row to the beginning of the next."""
        return int(self._plane.bytes_per_row)

    @property
    def bytes_per_element(self) -> int:
        """Of one element: a pixel of this plane."""
        return int(self._plane.bytes_per_element)

    @property
    def offset(self) -> int:
        """From the beginning of the surface's memory, in bytes."""
        return int(self._plane.offset)

    @property
    def size(self) -> int:
        """Of all rows, with what is between them, in bytes."""
        return int(self._plane.size)

    @property
    def width(self) -> int:
        """Elements of a row."""
        return int(self._plane.width)

    @property
    def height(self) -> int:
        """Rows."""
        return int(self._plane.height)

    @property
    def view(self) -> memoryview:
        """All bytes: row `y` begins at `y * bytes_per_row`. A frame's are read-only."""
        return self._bytes(0, self.size)

    def row(self, y: int) -> memoryview:
        """The elements of a row, as bytes. Raises IndexError for a row that is not there."""
        if not 0 <= integer("y", y) < self.height:
            raise IndexError(f"there is no row {y} in a plane of {self.height}")
        return self._bytes(y * self.bytes_per_row, self.width * self.bytes_per_element)

    def _bytes(self, begin: int, size: int) -> memoryview:
        self._pixels.check()
        view = bytes_at(self.address + begin, size, self._pixels)
        return self._pixels.give(view.toreadonly() if self._pixels.read_only else view)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        self._pixels.check()
        plane, element = self._plane, self._element
        shape: tuple[int, ...] = (plane.height, plane.width)
        strides: tuple[int, ...] = (plane.bytes_per_row, plane.bytes_per_element)
        if element.components > 1:
            shape += (element.components,)
            strides += (element.size,)
        return {
            "version": 3,
            "shape": shape,
            "typestr": element.typestr,
            "data": (plane.base, self._pixels.read_only),
            "strides": strides,
        }

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """The plane as a NumPy array: height x width, and x components if there are several.

        A frame's is read-only. Raises ImportError without NumPy.
        """
        array: numpy.ndarray[Any, Any] = _numpy().asarray(self)
        return self._pixels.give(array)

    def __dlpack__(self, **options: Any) -> Any:
        """The plane for a library that takes DLPack. Raises ImportError without NumPy, and BufferError for a
        frame if that library cannot be told that it is read-only.
        """
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The CPU's memory."""
        return (1, 0)

    def __repr__(self) -> str:
        return f"<Plane {self.width}x{self.height}, {self.bytes_per_row} bytes per row>"


_module: Any = None


def _numpy() -> Any:
    # The package works without NumPy, and starts without waiting for it.
    global _module
    if _module is None:
        import numpy

        _module = numpy
    return _module
