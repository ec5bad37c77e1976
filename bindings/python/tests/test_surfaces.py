"""Surfaces: planes as bytes and as arrays, over the surface's own memory."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
from typing import Any

import numpy as np
import pytest
import surfaceport as sfp
from surfaceport import PixelFormat

# Of each format: the shape of each plane for 33 x 17 pixels, and the type of its elements.
SHAPES: dict[PixelFormat, list[tuple[tuple[int, ...], str]]] = {
    PixelFormat.BGRA8: [((17, 33, 4), "u1")],
    PixelFormat.RGBA8: [((17, 33, 4), "u1")],
    PixelFormat.RGB10A2: [((17, 33), "u4")],
    PixelFormat.RGBA16F: [((17, 33, 4), "f2")],
    PixelFormat.R8: [((17, 33), "u1")],
    PixelFormat.RG8: [((17, 33, 2), "u1")],
    PixelFormat.NV12: [((17, 33), "u1"), ((9, 17, 2), "u1")],
    PixelFormat.NV12_FULL: [((17, 33), "u1"), ((9, 17, 2), "u1")],
    PixelFormat.P010: [((17, 33), "u2"), ((9, 17, 2), "u2")],
    PixelFormat.I420: [((17, 33), "u1"), ((9, 17), "u1"), ((9, 17), "u1")],
    PixelFormat.NV16: [((17, 33), "u1"), ((17, 17, 2), "u1")],
    PixelFormat.NV16_FULL: [((17, 33), "u1"), ((17, 17, 2), "u1")],
    PixelFormat.NV24: [((17, 33), "u1"), ((17, 33, 2), "u1")],
    PixelFormat.NV24_FULL: [((17, 33), "u1"), ((17, 33, 2), "u1")],
}


def test_every_format_has_its_shapes() -> None:
    assert SHAPES.keys() == set(PixelFormat) - {PixelFormat.DEFAULT}


@pytest.mark.parametrize("format", SHAPES, ids=lambda format: format.name)
def test_an_array_is_the_memory_of_its_plane(format: PixelFormat) -> None:
    surface = sfp.Surface(33, 17, format)
    assert (surface.width, surface.height, surface.pixel_format) == (33, 17, format)
    assert len(surface.planes) == len(SHAPES[format])
    for plane, array, (shape, kind) in zip(surface.planes, surface.arrays, SHAPES[format], strict=True):
        assert array.shape == shape
        assert array.dtype == np.dtype(kind)
        assert array.flags.writeable
        assert array.ctypes.data == plane.address
        assert array.strides[0] == plane.bytes_per_row >= plane.width * plane.bytes_per_element
        assert array.strides[1] == plane.bytes_per_element
        assert plane.bytes_per_element == array.itemsize * int(np.prod(shape[2:]))
        assert plane.size >= plane.bytes_per_row * (plane.height - 1) + plane.width * plane.bytes_per_element
        # What one of them writes, all others read.
        array[:] = 0
        last = (plane.height - 1) * plane.bytes_per_row + (plane.width - 1) * plane.bytes_per_element
        view = plane.view
        assert (view.format, view.ndim, view.readonly, len(view)) == ("B", 1, False, plane.size)
        view[last : last + array.itemsize] = b"\x01" * array.itemsize
        pixel = array[-1, -1] if array.ndim == 2 else array[-1, -1, 0]
        assert pixel.tobytes() == b"\x01" * array.itemsize
        assert plane.row(plane.height - 1)[-plane.bytes_per_element] == 1
        assert ctypes.string_at(plane.address + last, array.itemsize) == b"\x01" * array.itemsize


def test_a_row_that_is_not_there_is_refused() -> None:
    plane = sfp.Surface(4, 4).plane(0)
    for y in (-1, 4):
        with pytest.raises(IndexError):
            plane.row(y)
    with pytest.raises(sfp.InvalidArgument):
        sfp.Surface(4, 4).plane(1)


def test_the_array_interface_and_dlpack_share_the_memory() -> None:
    surface = sfp.Surface(20, 10)
    surface.array[3, 5] = (1, 2, 3, 4)
    plain: Any = surface
    for other in (np.asarray(plain), np.from_dlpack(plain), np.from_dlpack(plain.plane(0))):
        assert other.ctypes.data == surface.plane(0).address
        assert other[3, 5].tolist() == [1, 2, 3, 4]
    assert surface.__dlpack_device__() == (1, 0)


def test_arrays_keep_the_memory() -> None:
    before = len(sfp.live_surfaces().ids)
    surface = sfp.Surface(20, 10)
    kept = [surface.array, np.from_dlpack(surface.plane(0)), np.asarray(surface.plane(0).view)]
    surface.array[:] = 7
    surface.close()
    del surface
    gc.collect()
    assert len(sfp.live_surfaces().ids) == before + 1
    assert all((array[:, :80].reshape(-1)[:80] == 7).all() for array in kept[:2])
    assert kept[2][0] == 7
    kept.clear()
    gc.collect()
    assert len(sfp.live_surfaces().ids) == before


def test_a_closed_surface_is_refused() -> None:
    surface = sfp.Surface(4, 4)
    surface.close()
    surface.close()
    assert surface.closed
    with pytest.raises(sfp.WrongState, match="the Surface is closed"):
        surface.width


def test_sizes_that_cannot_be_are_refused() -> None:
    for size in ((0, 4), (4, 16385), (-1, 4), (2**32 + 4, 4)):
        with pytest.raises(sfp.InvalidArgument):
            sfp.Surface(*size)


def test_a_lock_for_writing_moves_the_seed() -> None:
    surface = sfp.Surface(4, 4)
    seed = surface.seed
    with surface.lock(sfp.Lock.READ):
        pass
    assert surface.seed == seed
    with surface.lock():
        surface.array[:] = 1
    assert surface.seed != seed


def test_prefault_keeps_the_contents() -> None:
    surface = sfp.Surface(1001, 77)
    memory = sfp.Memory(5000)
    memory.view[4096:4100] = b"kept"
    surface.arrays[0][76, 1000] = 9
    surface.prefault()
    memory.prefault()
    assert bytes(memory.view[4096:4100]) == b"kept"
    assert (surface.arrays[0][76, 1000] == 9).all()


def test_values_and_states_are_kept() -> None:
    surface = sfp.Surface(4, 4)
    assert surface.value_names == ()
    surface.set_value("name", b"\x00long" * 200)
    surface.set_value("empty", b"")
    assert sorted(surface.value_names) == ["empty", "name"]
    assert (surface.value("name"), surface.value("empty")) == (b"\x00long" * 200, b"")
    surface.remove_value("name")
    with pytest.raises(sfp.NotFound):
        surface.value("name")
    with pytest.raises(sfp.TooLarge):
        surface.set_value("name", b"x" * 40_000)
    assert surface.color_space is sfp.ColorSpace.UNKNOWN
    surface.color_space = sfp.ColorSpace.DISPLAY_P3
    assert surface.color_space is sfp.ColorSpace.DISPLAY_P3
    assert surface.set_purgeable(sfp.Purgeable.VOLATILE) is sfp.Purgeable.NON_VOLATILE
    assert surface.purgeable is sfp.Purgeable.VOLATILE
    assert not surface.in_use
    with surface.use():
        assert surface.in_use
        assert surface.use_count == 1
    assert not surface.in_use


def test_the_descriptor_maps_the_same_pixels() -> None:
    surface = sfp.Surface(4, 4)
    surface.array[0, 0] = (9, 8, 7, 6)
    fd = surface.export_fd()
    try:
        with mmap.mmap(fd, surface.plane(0).offset + 4, prot=mmap.PROT_READ) as mapped:
            assert mapped[surface.plane(0).offset :] == bytes((9, 8, 7, 6))
    finally:
        os.close(fd)


def test_live_surfaces_are_counted() -> None:
    before = sfp.live_surfaces()
    made = [sfp.Surface(64, 64) for _ in range(300)]
    now = sfp.live_surfaces()
    assert set(now.ids) - set(before.ids) == {surface.id for surface in made}
    assert now.bytes - before.bytes >= sum(surface.plane(0).size for surface in made)
