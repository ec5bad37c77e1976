"""Surfaces: buffers of pixels in memory that several processes share."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from ctypes import byref, c_int, c_size_t, c_uint32, sizeof
from typing import TYPE_CHECKING, Any, NamedTuple

from ._native import functions as c
from ._native.enums import Backing, ColorSpace, Lock, PixelFormat, Purgeable
from ._native.handles import sfp_surface
from ._native.structures import sfp_pixels, sfp_plane, sfp_surface_descriptor, sfp_surface_totals
from ._native.values import bytes_of
from .handle import Handle
from .pixel_layout import ELEMENTS
from .pixels import Pixels, SurfacePixels
from .plane import Plane
from .status import check

if TYPE_CHECKING:
    import numpy


class Surface(Handle[sfp_surface]):
    """A buffer of pixels in shared memory, freed when the last process lets go of it.

    What other processes can write too, the pixels, the seed, the uses, the purgeable state and the
    values, is their word. Threads: any, several at once.

    The surface of a frame or an image is locked by itself, from the first look at its pixels to the end
    of the frame or image. Other surfaces are locked by `lock()` around what the CPU does with them;
    on Linux that moves the seed and nothing else.
    """

    __slots__ = ("_exported", "_pixels")

    _exported: Plane
    _pixels: Callable[[], Pixels] | None

    def __init__(
        self,
        width: int,
        height: int,
        format: PixelFormat = PixelFormat.BGRA8,
        *,
        backing: Backing = Backing.NATIVE,
    ) -> None:
        """Makes a surface of zero bytes; width and height are in pixels, 1 to 16384.

        Raises `InvalidArgument`, `Unsupported` for a format that there is not, `ResourceExhausted`.
        """
        handle = sfp_surface()
        options = sfp_surface_descriptor(sizeof(sfp_surface_descriptor), width, height, format, backing)
        check(c.sfp_surface_create(byref(options), byref(handle)))
        super().__init__(handle)
        self._pixels = None

    @classmethod
    def _of(cls, handle: sfp_surface, pixels: Callable[[], Pixels] | None = None) -> Surface:
        surface = cls.__new__(cls)
        surface._handle = handle
        surface._pixels = pixels
        return surface

    @property
    def id(self) -> int:
        """A number that names the surface in this process."""
        return int(c.sfp_surface_id(self._reference))

    @property
    def width(self) -> int:
        """Pixels."""
        return int(c.sfp_surface_width(self._reference))

    @property
    def height(self) -> int:
        """Pixels."""
        return int(c.sfp_surface_height(self._reference))

    @property
    def pixel_format(self) -> PixelFormat:
        """What the pixels are."""
        return PixelFormat(c.sfp_surface_pixel_format(self._reference))

    @property
    def backing(self) -> Backing:
        """What the memory is."""
        return Backing(c.sfp_surface_backing(self._reference))

    @property
    def allocation_size(self) -> int:
        """The memory that it takes, with all that belongs to it, in bytes."""
        return int(c.sfp_surface_allocation_size(self._reference))

    def prefault(self) -> None:
        """Has every page made and mapped in this process now, which for large surfaces takes milliseconds.

        Raises `ResourceExhausted`, when there is not as much memory.
        """
        check(c.sfp_surface_prefault(self._reference))

    @property
    def seed(self) -> int:
        """A number that moves whenever a process ends a lock for writing."""
        return int(c.sfp_surface_seed(self._reference))

    def plane(self, index: int) -> Plane:
        """A plane, from 0. Raises `InvalidArgument` where there is none."""
        handle = self._reference
        pixels = SurfacePixels(handle) if self._pixels is None else self._pixels()
        plane = sfp_plane()
        check(c.sfp_surface_plane(handle, index, byref(plane)))
        return Plane(pixels, plane, ELEMENTS[c.sfp_surface_pixel_format(handle)][index])

    @property
    def planes(self) -> tuple[Plane, ...]:
        """All planes, 1 to 3."""
        return tuple(self.plane(i) for i in range(c.sfp_surface_plane_count(self._reference)))

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """Plane 0 as a NumPy array over the shared memory; see `Plane.array`."""
        return self.plane(0).array

    @property
    def arrays(self) -> tuple[numpy.ndarray[Any, Any], ...]:
        """All planes as NumPy arrays."""
        return tuple(plane.array for plane in self.planes)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        # What is made of this keeps the surface, and has to keep what the plane does.
        self._exported = self.plane(0)
        return self._exported.__array_interface__

    def __dlpack__(self, **options: Any) -> Any:
        """Plane 0 for a library that takes DLPack. Raises ImportError without NumPy."""
        return self.plane(0).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The CPU's memory."""
        return (1, 0)

    def lock(self, mode: Lock = Lock.WRITE) -> AbstractContextManager[Surface]:
        """Locks the surface for access by the CPU, in a `with` block. Locks nest, and exclude nobody."""
        unlock = c.sfp_surface_unlock
        return _block(
            self,
            lambda handle: c.sfp_surface_lock(handle, mode, byref(sfp_pixels())),
            lambda handle: unlock(handle, int(mode)),
        )

    @property
    def use_count(self) -> int:
        """How often this process has begun a use and not ended it."""
        return int(c.sfp_surface_use_count(self._reference))

    @property
    def in_use(self) -> bool:
        """Whether any living process has begun a use."""
        return bool(c.sfp_surface_is_in_use(self._reference))

    def use(self) -> AbstractContextManager[Surface]:
        """Begins a use by this process, which every process sees, until the end of the `with` block."""
        return _block(self, c.sfp_surface_increment_use_count, c.sfp_surface_decrement_use_count)

    @property
    def purgeable(self) -> Purgeable:
        """What the system may do with the memory."""
        state = c_uint32()
        check(c.sfp_surface_purgeable(self._reference, byref(state)))
        return Purgeable(state.value)

    def set_purgeable(self, state: Purgeable) -> Purgeable:
        """Changes that, and returns the state from before: `EMPTY` says that the pixels are gone."""
        before = c_uint32()
        check(c.sfp_surface_set_purgeable(self._reference, state, byref(before)))
        return Purgeable(before.value)

    @property
    def color_space(self) -> ColorSpace:
        """How the colours are meant; every process that has the surface sees it."""
        space = c_uint32()
        check(c.sfp_surface_color_space(self._reference, byref(space)))
        return ColorSpace(space.value)

    @color_space.setter
    def color_space(self, space: ColorSpace) -> None:
        check(c.sfp_surface_set_color_space(self._reference, space))

    def value(self, name: str) -> bytes:
        """A value that a process attached. Raises `NotFound`."""
        handle = self._reference
        return _read(lambda buffer, room, size: c.sfp_surface_value(handle, name, buffer, room, size))

    def set_value(self, name: str, value: bytes) -> None:
        """Attaches a value, which every process that has the surface sees.

        A name has 1 to 255 bytes. Raises `TooLarge` if all values together have no room in 28 KiB.
        """
        content = bytes_of("value", value)
        check(c.sfp_surface_set_value(self._reference, name, content, len(content)))

    def remove_value(self, name: str) -> None:
        """Takes a value away. That there is none is no failure."""
        check(c.sfp_surface_remove_value(self._reference, name))

    @property
    def value_names(self) -> tuple[str, ...]:
        """The names of all values."""
        handle = self._reference
        names = _read(lambda buffer, room, size: c.sfp_surface_value_names(handle, buffer, room, size))
        return tuple(os.fsdecode(name) for name in names.split(b"\0")[:-1])

    def export_fd(self) -> int:
        """A descriptor of the pixels' memory, yours to close; planes lie at their `offset`. Linux only."""
        fd = c_int()
        check(c.sfp_surface_export_fd(self._reference, byref(fd)))
        return fd.value

    def export_dma_buf(self) -> int:
        """A dma-buf of the pixels, yours to close. Linux only. Raises `Unsupported`."""
        fd = c_int()
        check(c.sfp_surface_export_dma_buf(self._reference, byref(fd)))
        return fd.value

    @property
    def iosurface(self) -> int | None:
        """The address of the IOSurface, which is the surface's; `None` if it has none. macOS only."""
        address: int | None = c.sfp_surface_iosurface(self._reference)
        return address

    @classmethod
    def from_iosurface(cls, address: int) -> Surface:
        """Makes a surface of an IOSurface, whoever made that. macOS only."""
        handle = sfp_surface()
        check(c.sfp_surface_from_iosurface(address, byref(handle)))
        return cls._of(handle)


@contextmanager
def _block(
    surface: Surface,
    begin: Callable[[sfp_surface], int],
    end: Callable[[sfp_surface], int],
    process: Callable[[], int] = os.getpid,
    check: Callable[[int], None] = check,
) -> Iterator[Surface]:
    handle, owner = surface._reference, process()
    check(begin(handle))
    try:
        yield surface
    finally:
        # A fork that leaves the block has nothing to end.
        if process() == owner:
            check(end(handle))


class LiveSurfaces(NamedTuple):
    """All surfaces that live in this process: their ids, ascending, and their memory in bytes."""

    ids: tuple[int, ...]
    bytes: int


def live_surfaces() -> LiveSurfaces:
    """Tells of all surfaces of this process, made here or received, as long as anything holds them."""
    totals, room = sfp_surface_totals(), 0
    while True:
        ids = (c_uint32 * room)()
        check(c.sfp_live_surfaces(ids, room, byref(totals)))
        if totals.count <= room:
            return LiveSurfaces(tuple(ids[: totals.count]), totals.bytes)
        room = totals.count


def _read(call: Callable[[Any, int, Any], int]) -> bytes:
    """Reads what another process can make longer between two calls."""
    size, room = c_size_t(), 256
    while True:
        buffer = ctypes.create_string_buffer(room)
        check(call(buffer, room, byref(size)))
        if size.value <= room:
            return buffer.raw[: size.value]
        room = size.value
