"""Swapchains inside one process: producers, consumers, frames, images."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import resource
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import surfaceport as sfp
from conftest import WAIT
from surfaceport import PixelFormat, PresentInfo, PresentMode


@pytest.fixture(params=[PresentMode.FIFO, PresentMode.MAILBOX], ids=lambda mode: mode.name)
def mode(request: pytest.FixtureRequest) -> PresentMode:
    found: PresentMode = request.param
    return found


@pytest.fixture
def pair(mode: PresentMode) -> Iterator[tuple[sfp.Producer, sfp.Consumer]]:
    with sfp.Producer(64, 48, mode=mode) as producer, producer.consumer_right() as right:
        with right.attach() as consumer:
            yield producer, consumer


def test_a_frame_is_what_was_drawn(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    for n in range(10):
        begin = sfp.now()
        with producer.acquire(WAIT) as image:
            image.array[:] = n
            image.array[3, 5] = (1, 2, 3, 4)
            image.info = PresentInfo(
                user=b"frame %d" % n,
                damage=sfp.Rectangle(1, 2, 3, 4),
                display_ns=5,
                color_space=sfp.ColorSpace.SRGB,
            )
        with consumer.acquire(WAIT) as frame:
            assert frame.array.shape == (48, 64, 4)
            assert frame.array[3, 5].tolist() == [1, 2, 3, 4]
            assert int(np.count_nonzero(frame.array != n)) in (3, 4)
            info = frame.info
            assert info.number == frame.number == n + 1
            assert begin <= info.presented_ns <= sfp.now()
            assert info.user == (b"frame %d" % n).ljust(64, b"\0")
            assert (info.damage, info.display_ns) == ((1, 2, 3, 4), 5)
            assert info.color_space is sfp.ColorSpace.SRGB
    assert producer.statistics.presented == 10
    assert producer.statistics.consumers == 1
    assert consumer.statistics.shown == 10


def test_an_array_is_at_the_address_of_its_surface(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    with producer.acquire(WAIT) as image:
        drawn = image.surface.plane(0)
        assert image.array.ctypes.data == drawn.address
        drawn.view[:4] = b"once"
    with consumer.acquire(WAIT) as frame:
        assert frame.array.ctypes.data == frame.surface.plane(0).address
        assert frame.array[0, 0].tobytes() == b"once"


def test_an_exception_in_the_block_presents_nothing(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    with pytest.raises(ZeroDivisionError):
        with producer.acquire(WAIT) as image:
            image.array[:] = 1
            raise ZeroDivisionError
    assert image.closed
    with pytest.raises(sfp.TimedOut):
        consumer.acquire(0)
    for _ in range(10):
        producer.acquire(0).close()
    assert producer.statistics.presented == 0


def test_what_was_presented_is_closed(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    with producer.acquire(WAIT) as image:
        surface = image.surface
        image.present(PresentInfo(user=b"by hand"))
        assert image.closed
    with pytest.raises(sfp.WrongState):
        image.array
    with pytest.raises(sfp.WrongState):
        surface.array
    frame = consumer.acquire(WAIT)
    assert frame.info.user.startswith(b"by hand")
    surface = frame.surface
    frame.close()
    frame.close()
    with pytest.raises(sfp.WrongState):
        frame.array
    with pytest.raises(sfp.WrongState):
        surface.array
    assert producer.statistics.presented == 1


def test_views_of_a_frame_are_read_only(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    with producer.acquire(WAIT) as image:
        image.array[:] = 7
    with consumer.acquire(WAIT) as frame:
        plane = frame.surface.plane(0)
        arrays = [
            frame.array,
            frame.array[:10],
            frame.surface.arrays[0],
            np.asarray(frame.surface),
            np.asarray(plane),
            np.asarray(plane.view),
        ]
        for array in arrays:
            assert not array.flags.writeable
            with pytest.raises(ValueError):
                array[...] = 9
            with pytest.raises(ValueError):
                array.flags.writeable = True
        for view in (plane.view, plane.row(3), plane.view[:4], plane.view.cast("I")):
            assert view.readonly
            with pytest.raises(TypeError):
                view[0] = 9
        assert (frame.array == 7).all()


def kept(way: str, frame: sfp.Frame) -> Any:
    """Something that shows a frame's pixels: as an array, after the frame itself is gone."""
    if way == "array":
        return frame.array
    if way == "slice":
        return frame.array[4:, 4:].view("<u4")
    if way == "plane":
        return frame.surface.planes[0]
    if way == "surface":
        return np.asarray(frame.surface)
    return np.frombuffer(frame.surface.plane(0).view, np.uint8)


@pytest.mark.parametrize("way", ["array", "slice", "plane", "surface", "memoryview"])
@pytest.mark.parametrize("closed", [False, True], ids=["dropped", "closed"])
def test_views_keep_the_frame_held(way: str, closed: bool) -> None:
    with sfp.Producer(64, 48, images=3) as producer, producer.consumer_right() as right:
        with right.attach() as consumer:
            with producer.acquire(WAIT) as image:
                image.surface.plane(0).view[:] = b"\x07" * image.surface.plane(0).size
            frame = consumer.acquire(WAIT)
            view = kept(way, frame)
            if closed:
                frame.close()
            del frame
            gc.collect()
            for _ in range(10):
                with producer.acquire(WAIT) as image:
                    image.array[:] = 9
            pixels = view.array if way == "plane" else view
            if pixels.dtype == np.uint32:
                assert (pixels == 0x07070707).all()
            else:
                assert (pixels.reshape(-1)[: 48 * 256] == 7).all()
            # The last view releases it: one image more that is drawn into.
            del pixels, view, image
            with producer.acquire(WAIT) as one, producer.acquire(WAIT) as other:
                assert one.index != other.index


def test_a_closed_consumer_is_gone_though_views_of_closed_frames_are_kept() -> None:
    with sfp.Producer(16, 16) as producer:
        with producer.consumer_right() as right:
            consumer = right.attach()
        producer.service()
        for n in range(3):
            with producer.acquire(WAIT) as image:
                image.array[:] = n
            with consumer.acquire(WAIT) as frame:
                plane = frame.surface.plane(0)
                array, view = frame.array, plane.view
        assert (array == 2).all()
        producer.acquire(WAIT).present()
        with consumer.acquire(WAIT) as last:
            kept = last.array
            consumer.close()
        with pytest.raises(sfp.WrongState, match="released"):
            plane.view
        with pytest.raises(sfp.PeerDead):
            for _ in range(10):
                producer.acquire(WAIT).present()
        # The memory is still there.
        assert array.shape == kept.shape == (16, 16, 4)
        assert len(view) >= 16 * 64


def test_a_frame_that_is_not_closed_stays_when_its_consumer_is() -> None:
    with sfp.Producer(16, 16) as producer, producer.consumer_right() as right, right.attach() as other:
        producer.service()
        with right.attach() as consumer:
            with producer.acquire(WAIT) as image:
                image.array[:] = 7
            array = consumer.acquire(WAIT).array
        for _ in range(10):
            with producer.acquire(WAIT) as image:
                image.array[:] = 9
            other.acquire(WAIT).close()
        assert (array == 7).all()


def test_a_frame_without_views_is_released_by_close(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    held = []
    for _ in range(40):
        producer.acquire(WAIT).present()
        frame = consumer.acquire(WAIT)
        held.append(frame)
        frame.array.sum()
        frame.close()


def test_writing_by_what_was_presented_is_refused(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    for end in ("present", "close", "block", "error"):
        image = producer.acquire(WAIT)
        plane = image.surface.plane(0)
        array, view, row = image.array, plane.view, plane.row(1)
        other = image.surface.arrays[0]
        array[:] = 7
        if end == "present":
            image.present()
        elif end == "close":
            image.close()
        elif end == "block":
            with image:
                pass
        else:
            with pytest.raises(KeyError), image:
                raise KeyError
        for revoked in (array, other):
            with pytest.raises(ValueError, match="read-only"):
                revoked[:] = 8
            with pytest.raises(ValueError):
                revoked.flags.writeable = True
        for released in (view, row):
            with pytest.raises(ValueError, match="released"):
                released[0] = 8
        for look in (
            lambda: plane.view,
            lambda: plane.row(0),
            lambda: plane.array,
            lambda: np.asarray(plane),
        ):
            with pytest.raises(sfp.WrongState):
                look()
        if end in ("present", "block"):
            with consumer.acquire(WAIT) as frame:
                assert (frame.array == 7).all()


def test_views_keep_an_image_that_nobody_else_keeps(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, _ = pair
    array = producer.acquire(WAIT).array
    images = [producer.acquire(WAIT), producer.acquire(WAIT)]
    with pytest.raises(sfp.TimedOut):
        producer.acquire(0)
    array[:] = 3
    assert all(image.surface.plane(0).address != array.ctypes.data for image in images)
    address = array.ctypes.data
    del array
    assert producer.acquire(WAIT).surface.plane(0).address == address


def test_an_image_can_be_presented_after_a_failure(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    image = producer.acquire(WAIT)
    image.array[:] = 1
    with pytest.raises(sfp.InvalidArgument):
        image.present(PresentInfo(user=b"x" * 65))
    image.array[:] = 2
    image.present()
    with consumer.acquire(WAIT) as frame:
        assert (frame.array == 2).all()


def test_looking_at_a_frame_locks_it_for_reading(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    with producer.acquire(WAIT) as image:
        seed = image.surface.seed
        image.array[:] = 1
        kept = image.surface
    assert kept.seed != seed
    seed = kept.seed
    with consumer.acquire(WAIT) as frame:
        frame.array.sum()
    assert kept.seed == seed


def test_frames_that_nobody_keeps_are_released(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    """Also without `with` and without the collector of cycles."""
    producer, consumer = pair
    gc.disable()
    try:
        for n in range(20):
            with producer.acquire(WAIT) as image:
                image.array[:] = n
            assert consumer.acquire(WAIT).array[0, 0, 0] == n
    finally:
        gc.enable()


def test_iteration_ends_with_the_stream() -> None:
    producer = sfp.Producer(8, 8, mode=PresentMode.FIFO, images=4)
    with producer.consumer_right() as right:
        consumer = right.attach()
    producer.service()
    for n in range(3):
        with producer.acquire(WAIT) as image:
            image.array[:] = n
    # The last image is still in a variable.
    producer.close()
    assert [int(frame.array[0, 0, 0]) for frame in consumer] == [0, 1, 2]
    with pytest.raises(sfp.Closed):
        consumer.acquire(WAIT)
    with pytest.raises(sfp.WrongState):
        producer.acquire(0)
    consumer.close()


def test_a_drain_waits_until_all_is_seen(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    producer.service()
    producer.acquire(WAIT).present()
    for timeout in (0, 0.15):
        with pytest.raises(sfp.TimedOut):
            producer.drain(timeout)
    consumer.acquire(WAIT).close()
    producer.drain(WAIT)
    asyncio.run(producer.drain_async(WAIT))


def test_a_drain_goes_on_when_the_frame_is_taken(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    producer.service()
    producer.acquire(WAIT).present()

    async def both() -> None:
        draining = asyncio.create_task(producer.drain_async(WAIT))
        await asyncio.sleep(0.01)
        assert not draining.done()
        consumer.acquire(0).close()
        await draining

    asyncio.run(both())
    producer.acquire(WAIT).present()
    other = threading.Thread(target=lambda: consumer.acquire(WAIT).close())
    other.start()
    producer.drain(WAIT)
    other.join(WAIT)


def test_a_producer_without_consumers_is_told() -> None:
    with sfp.Producer(8, 8) as producer:
        with producer.consumer_right() as right:
            consumer = right.attach()
        producer.service()
        consumer.close()
        with pytest.raises(sfp.PeerDead):
            for _ in range(10):
                producer.acquire(WAIT).present()


def test_a_size_and_a_format_can_change(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, consumer = pair
    with producer.acquire(WAIT):
        pass
    consumer.acquire(WAIT).close()
    producer.resize(100, 50)
    with producer.acquire(WAIT) as image:
        assert image.array.shape == (50, 100, 4)
    with consumer.acquire(WAIT) as frame:
        assert frame.array.shape == (50, 100, 4)
    producer.reconfigure(30, 20, PixelFormat.NV12)
    with producer.acquire(WAIT) as image:
        assert [array.shape for array in image.surface.arrays] == [(20, 30), (10, 15, 2)]
    with pytest.raises(sfp.InvalidArgument):
        producer.resize(0, 1)


def test_a_fifo_swapchain_can_be_looked_at_in_mailbox_mode() -> None:
    with sfp.Producer(8, 8, mode=PresentMode.FIFO) as producer, producer.consumer_right() as right:
        with right.attach(PresentMode.MAILBOX) as consumer:
            producer.service()
            for _ in range(5):
                with producer.acquire(WAIT):
                    pass
            assert consumer.acquire(WAIT).number == 5


def test_user_data_has_room_for_64_bytes(pair: tuple[sfp.Producer, sfp.Consumer]) -> None:
    producer, _ = pair
    with producer.acquire(WAIT) as image:
        with pytest.raises(sfp.InvalidArgument):
            image.present(PresentInfo(user=b"x" * 65))
        image.present(PresentInfo(user=b"x" * 64))


def test_wrong_options_are_refused() -> None:
    wrong: list[dict[str, Any]] = [{"images": 17}, {"images": -1}, {"width": 0}]
    for options in wrong:
        with pytest.raises(sfp.InvalidArgument):
            sfp.Producer(**({"width": 8, "height": 8} | options))
    with pytest.raises(sfp.Unsupported):
        sfp.Producer(8, 8, 12345)  # type: ignore[arg-type]


def test_a_consumer_in_a_thread_gets_every_frame() -> None:
    taken: list[int] = []
    with sfp.Producer(64, 48, mode=PresentMode.FIFO) as producer, producer.consumer_right() as right:
        consumer = right.attach()

        def consume() -> None:
            for frame in consumer:
                with frame:
                    taken.append(int(frame.array[0, 0, 0]))

        other = threading.Thread(target=consume)
        other.start()
        for n in range(200):
            with producer.acquire(WAIT) as image:
                image.array[:] = n
        producer.close()
        other.join(WAIT)
        consumer.close()
    assert taken == list(range(200))


def test_nothing_leaks_in_100_000_acquires_and_releases() -> None:
    """Descriptors, surfaces, objects and memory are what they were behind the first ones."""
    with sfp.Producer(64, 48) as producer, producer.consumer_right() as right, right.attach() as consumer:

        def turn(count: int) -> None:
            for n in range(count):
                with producer.acquire(WAIT) as image:
                    image.array[0, 0, 0] = n & 0xFF
                with consumer.acquire(WAIT) as frame:
                    assert frame.array[0, 0, 0] == n & 0xFF

        turn(5_000)
        gc.collect()
        files, surfaces = len(os.listdir("/dev/fd")), sfp.live_surfaces()
        memory, objects = _resident(), len(gc.get_objects())
        turn(100_000)
        gc.collect()
        assert len(os.listdir("/dev/fd")) == files
        assert sfp.live_surfaces() == surfaces
        assert len(gc.get_objects()) < objects + 100
        # An address alone for each would be 800 kB for either side; a frame's info is more.
        assert _resident() - memory < 600_000
        assert producer.statistics.presented == consumer.statistics.shown == 105_000


def _resident() -> int:
    """The memory that the process has now, in bytes, without what it shares by files."""
    try:
        with open("/proc/self/statm") as statm:
            _, resident, shared, *_ = (int(word) for word in statm.read().split())
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (resident - shared) * resource.getpagesize()


def work_of_a_wait(waiting: sfp.Producer | sfp.Consumer) -> float:
    """What a wait in vain takes of the processor."""
    before = time.thread_time()
    with pytest.raises(sfp.TimedOut):
        waiting.acquire(0.2)
    return time.thread_time() - before


def test_spin_times_are_how_long_waits_watch() -> None:
    with sfp.Producer(8, 8, mode=PresentMode.FIFO) as producer, producer.consumer_right() as right:
        with right.attach() as consumer:
            producer.set_spin_time(0)
            consumer.set_spin_time(0)
            producer.acquire(WAIT).present()
            consumer.acquire(WAIT).close()
            work_of_a_wait(consumer)  # The first one pays for more than itself.
            asleep = work_of_a_wait(consumer)
            consumer.set_spin_time(math.inf)
            assert work_of_a_wait(consumer) > 4 * asleep
            for _ in range(3):
                producer.acquire(WAIT).present()
            work_of_a_wait(producer)
            asleep = work_of_a_wait(producer)
            producer.set_spin_time(math.inf)
            assert work_of_a_wait(producer) > 4 * asleep
