"""The end of the interpreter, and finalizers that come late: no crash, and not a word."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import SLEEPER, WAIT

BEGIN = """
import gc, sys, threading
import surfaceport as sfp

producer = sfp.Producer(16, 16)
right = producer.consumer_right()
consumer = right.attach()
producer.acquire(5).present()
frame = consumer.acquire(5)
image = producer.acquire(5)
image.surface.plane(0).view[0] = 1
port, ports = sfp.ReceiveRight(), sfp.PortSet()
ports.add(port, 1)
sender = port.make_send()
message = sfp.Message(1, b"x", [sender, sfp.Memory(10), frame.surface])
first, second = sfp.ChannelEnd.pair()
channel = first.open()
handles = [producer, right, consumer, frame, image, port, ports, sender, message, channel, second]
"""

ENDS = {
    "globals": "",
    "cycle": "handles.append(handles); del producer, consumer, frame, image, port, ports, sender, message",
    "views": "kept = [frame.surface.plane(0).view, frame.surface.planes, image.surface.plane(0).row(1)]",
    "no collector": "gc.disable(); handles.append(handles)",
    "open blocks": """
surface = sfp.Surface(4, 4)
blocks = [surface.lock(), surface.use()]
[block.__enter__() for block in blocks]
def loop():
    for frame in consumer:
        yield frame
frame.close()
image.present()
frames = loop()
next(frames)
""",
    "traceback": """
try:
    frame.info, frame.surface.plane(7)
except sfp.InvalidArgument as error:
    kept = error
""",
    "threads": """
began = [threading.Event() for _ in range(4)]
def wait(event, call):
    event.set()
    call()
calls = [consumer.acquire, port.receive, channel.receive, ports.wait]
for event, call in zip(began, calls):
    threading.Thread(target=wait, args=(event, call), daemon=True).start()
    event.wait(5)
""",
    "atexit": "import atexit; atexit.register(lambda: [handle.close() for handle in handles])",
    "atexit later": "import atexit; atexit.register(handles.clear); sys.modules['handles'] = handles",
    "empty modules": """
modules = [module for name, module in sys.modules.items() if name.startswith("surfaceport")]
for module in modules:
    for name in list(vars(module)):
        setattr(module, name, None)
del producer, right, consumer, frame, image, port, ports, sender, message, first, second, channel
handles.clear()
gc.collect()
""",
    "exit": "raise SystemExit(0)",
    # Garbage of one collection, in which the finalizer of one uses all others.
    "finalizers": """
class Last:
    def __init__(self, *things):
        self.things, self.me = things, self
    def __del__(self):
        frame, view, memory, right, block = self.things
        assert frame.number == 1 and view[0] == 0
        memory.view[0] = 1
        assert not right.is_dead
        block.__exit__(None, None, None)
        ended.append(1)
gc.disable()
ended = []
block = sfp.Surface(4, 4).lock()
block.__enter__()
last = Last(frame, frame.surface.plane(0).view, sfp.Memory(100), port.make_send(), block)
handles.remove(frame)
del last, block, frame
gc.collect()
assert ended == [1]
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_interpreter_ends_without_a_word(end: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", BEGIN + ENDS[end]],
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_host_in_a_global_ends_its_child() -> None:
    program = f"""
import surfaceport as sfp
host = sfp.Host.spawn({SLEEPER!r}, grace=0)
print(host.process_id)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT, check=True
    )
    assert ended.stderr == ""
    alive = subprocess.run(["kill", "-0", ended.stdout.strip()], capture_output=True, check=False)
    assert alive.returncode != 0
