"""Forks of a process that has handles: their end changes nothing for it, whatever way they end.

Each case is a process of its own, forks.py, which must not have a word to say: an exception in a finalizer
would be one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import surfaceport as sfp
from conftest import WAIT
from forks import KINDS, WAYS

FORKS = Path(__file__).resolve().with_name("forks.py")


def says(*command: str) -> str:
    """What a program says, which ends with 0."""
    ended = subprocess.run(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * WAIT,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fork_changes_nothing_for_its_parent(kind: str, way: str) -> None:
    assert says(str(FORKS), kind, way) == ""
