"""What a frame as a NumPy array costs over the C call: `python bench/frame.py [LIMIT]`.

The producer is in the same process, so that no wait is measured. Two turns are timed over the same 1080p
swapchain, and in both the producer presents one frame by the same code:

- raw: sfp_consumer_acquire() and sfp_frame_release(), by ctypes, without any class;
- array: `consumer.acquire()`, the frame's `array`, and its release.

It prints the medians in microseconds. It ends with 1 if the array is not at the address of the surface, or if
the difference is over the limit: so many microseconds, 20 if none is given.
"""

from __future__ import annotations

import statistics
import sys
import time
from ctypes import byref

import surfaceport as sfp
from surfaceport._native import functions as c
from surfaceport._native.handles import sfp_frame

TURNS = 5000
ROUNDS = 7


def raw(consumer: sfp.Consumer) -> int:
    reference = consumer._reference
    frame = sfp_frame()
    begin = time.perf_counter_ns()
    c.sfp_consumer_acquire(reference, 0, byref(frame))
    address = frame.value
    c.sfp_frame_release(frame)
    end = time.perf_counter_ns()
    frame.value = None
    assert address is not None
    return end - begin


def array(consumer: sfp.Consumer) -> int:
    begin = time.perf_counter_ns()
    with consumer.acquire(0) as frame:
        pixels = frame.array
    end = time.perf_counter_ns()
    assert pixels.shape == (1080, 1920, 4)
    return end - begin


def main() -> None:
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with sfp.Producer(1920, 1080) as producer, producer.consumer_right() as right, right.attach() as consumer:
        producer.service()
        taken: dict[str, list[float]] = {"raw": [], "array": []}
        for _ in range(ROUNDS):
            for name, turn in (("raw", raw), ("array", array)):
                times = []
                for _ in range(TURNS):
                    producer.acquire(0).present()
                    times.append(turn(consumer))
                taken[name].append(statistics.median(times) / 1000)
        producer.acquire(0).present()
        with consumer.acquire(0) as frame:
            same = frame.array.ctypes.data == frame.surface.plane(0).address
    c_call, whole = min(taken["raw"]), min(taken["array"])
    print(f"1920x1080 BGRA8, {ROUNDS} rounds of {TURNS} frames, the best round's median")
    print(f"acquire and release in C, by ctypes  {c_call:6.2f} us")
    print(f"the same with a NumPy array          {whole:6.2f} us")
    print(f"over the C call                      {whole - c_call:6.2f} us  (limit {limit:g} us)")
    print(f"the array is at the surface's address: {same}")
    sys.exit(0 if same and whole - c_call < limit else 1)


if __name__ == "__main__":
    main()
