"""Handles are not copied and not pickled, by whatever way."""

from __future__ import annotations

import copy
import dataclasses
import gc
import multiprocessing
import pickle
from collections.abc import Callable
from multiprocessing import resource_tracker
from typing import Any

import pytest
import surfaceport as sfp
from conftest import WAIT, role
from surfaceport._native.handles import HANDLES
from surfaceport.handle import Handle

# It stays, with a descriptor, once there was a pool.
resource_tracker.ensure_running()


def kinds_of(base: Any) -> set[type[Any]]:
    found = set(base.__subclasses__())
    return found.union(*(kinds_of(kind) for kind in found))


# All that stands for an object of the library, and what it keeps.
KINDS = sorted({*kinds_of(Handle), *HANDLES, sfp.Plane}, key=lambda kind: kind.__name__)

WAYS: list[Callable[[Any], object]] = [
    copy.copy,
    copy.deepcopy,
    lambda thing: copy.deepcopy([{"in": thing}]),
    lambda thing: thing.__getstate__(),
    lambda thing: thing.__reduce__(),
    *(
        lambda thing, protocol=protocol: pickle.dumps(thing, protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_kind_of_handle_is_copied_or_pickled(kind: Any) -> None:
    thing = kind.__new__(kind)
    for way in WAYS:
        with pytest.raises(TypeError, match=f"^a {kind.__name__} cannot be copied or pickled: "):
            way(thing)


@dataclasses.dataclass
class Scene:
    surface: sfp.Surface
    planes: list[sfp.Plane]


def test_what_holds_a_handle_is_not_copied_either() -> None:
    before = sfp.live_surfaces()
    surface = sfp.Surface(64, 64)
    scene = Scene(surface, list(surface.planes))
    for way in (dataclasses.asdict, dataclasses.astuple, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            way(scene)
    # A shallow one has the same handle, which is counted.
    other = copy.copy(scene)
    del scene, surface
    gc.collect()
    assert other.surface.planes[0].view[0] == 0
    del other
    gc.collect()
    assert sfp.live_surfaces() == before


def width(surface: sfp.Surface) -> int:
    return surface.width


def test_a_pool_of_processes_gets_no_handle() -> None:
    surface = sfp.Surface(64, 64)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(TypeError, match="a Surface cannot be copied or pickled"):
            pool.apply_async(width, (surface,)).get(WAIT)
        pool.close()
        pool.join()
    assert surface.width == 64


def test_a_host_that_was_not_copied_keeps_its_session() -> None:
    with sfp.Host.spawn(role("newest", "1"), grace=WAIT) as host, host.consumer(WAIT) as frames:
        with frames.acquire(WAIT) as frame:
            for thing in (host, frames, frame, frame.surface):
                with pytest.raises(TypeError):
                    copy.deepcopy(thing)
        gc.collect()
        assert host.is_connected
        frames.acquire(WAIT).close()
