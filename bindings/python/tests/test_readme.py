"""What the package's README shows, and the example's child: they do what they say, and end without a word."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import surfaceport as sfp
from conftest import WAIT, role

PACKAGE = Path(__file__).resolve().parents[1]
HOST, CHILD, ASYNCHRONOUS = re.findall(
    r"^```python\n(.*?)^```$", (PACKAGE / "README.md").read_text(), re.M | re.S
)
EXAMPLE = PACKAGE.parents[1] / "examples" / "python" / "child.py"

BEFORE = """
import surfaceport as sfp
shown = []
def show(array):
    shown.append(int(array[0, 0, 0]))
def draw():
    return 7
"""


def with_a_child(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program where `./child` is one of our roles."""
    child = folder / "child"
    child.write_text(f"#!/bin/sh\nexec {shlex.join(role(*arguments))}\n")
    child.chmod(0o755)
    command = [sys.executable, "-c", source]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=2 * WAIT, check=False)


def test_the_host_shows_each_frame(tmp_path: Path) -> None:
    said = with_a_child(tmp_path, BEFORE + HOST + "print(shown)", "frames", "5")
    assert (said.stdout, said.stderr) == ("[0, 1, 2, 3, 4]\n", "")


@pytest.mark.parametrize("ending", ["frames", "crashes"])
def test_the_asynchronous_host_shows_each_frame_and_a_crash(tmp_path: Path, ending: str) -> None:
    body = textwrap.indent(ASYNCHRONOUS, "    ")
    source = f"{BEFORE}import asyncio\nasync def main():\n{body}\nasyncio.run(main())\nprint(shown)"
    said = with_a_child(tmp_path, source, ending, "5")
    assert said.stderr == ""
    lines = said.stdout.splitlines()
    assert lines[-1] == "[0, 1, 2, 3, 4]"
    assert len(lines) == (1 if ending == "frames" else 2)
    assert ending == "frames" or "Exit(kind=<ExitKind.SIGNALLED: 2>, code=9)" in lines[0]


@pytest.mark.parametrize(
    "command",
    [[sys.executable, "-c", BEFORE + CHILD], [sys.executable, str(EXAMPLE)]],
    ids=["readme", "example"],
)
def test_a_child_whose_host_closes_ends_without_a_word(command: list[str]) -> None:
    with sfp.Invitation() as invitation:
        environment = os.environ | invitation.environment
        child = subprocess.Popen(
            command, env=environment, pass_fds=invitation.fds, stderr=subprocess.PIPE, text=True
        )
        with invitation.into_host(child.pid) as host, host.consumer(WAIT) as frames:
            for _ in range(3):
                frames.acquire(WAIT).close()
        assert child.communicate(timeout=WAIT)[1] == ""
        assert child.returncode == 0
