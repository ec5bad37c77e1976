"""What the tests share: children that are real processes, and a count of what is left behind."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import surfaceport as sfp

# No test waits longer than this for anything, in seconds.
WAIT = 30

ROLES = Path(__file__).resolve().with_name("roles.py")


# A program that knows nothing of us, and outlives the test unless it is ended.
SLEEPER = ["sleep", "600"]


def role(name: str, *arguments: str) -> list[str]:
    """The command of a child; see roles.py."""
    return [sys.executable, str(ROLES), name, *arguments]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """A test ends with the descriptors and surfaces that it began with."""
    gc.collect()
    files, surfaces = os.listdir("/dev/fd"), sfp.live_surfaces()
    yield
    gc.collect()
    assert len(os.listdir("/dev/fd")) == len(files)
    assert sfp.live_surfaces() == surfaces
