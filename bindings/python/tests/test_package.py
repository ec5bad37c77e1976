"""The package as it is installed: its library, its versions, its types, and Python without NumPy."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import surfaceport as sfp
from surfaceport._native.constants import SFP_VERSION
from surfaceport._native.library import LIBRARY_NAME

# What a program without NumPy can do: all but the arrays.
WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
import surfaceport as sfp
surface = sfp.Surface(4, 4)
with surface.lock():
    surface.planes[0].view[:4] = b"BGRA"
assert bytes(surface.plane(0).row(0)[:4]) == b"BGRA"
assert surface.__array_interface__["shape"] == (4, 4, 4)
for look in (lambda: surface.array, lambda: surface.__dlpack__()):
    try:
        look()
    except ImportError:
        continue
    sys.exit("there is an array without NumPy")
"""


def run(*arguments: str) -> str:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout


def test_the_module_shows_the_versions() -> None:
    lines = run("-m", "surfaceport").splitlines()
    assert lines[0] == f"surfaceport {SFP_VERSION}"
    assert lines[1] == f"library {sfp.library_version()} ({LIBRARY_NAME})"
    assert lines[2].startswith("Python 3.")
    assert lines[3].startswith("NumPy ")


def test_the_version_is_that_of_the_distribution() -> None:
    assert sfp.__version__ == sfp.library_version() == metadata.version("surfaceport") == SFP_VERSION


def test_the_library_is_the_one_that_was_named_or_the_packages_own() -> None:
    folder = Path(sfp.__file__).resolve().parent
    assert LIBRARY_NAME == os.environ.get("SURFACEPORT_LIBRARY", str(folder / Path(LIBRARY_NAME).name))


def test_the_package_is_typed() -> None:
    assert Path(sfp.__file__).with_name("py.typed").is_file()


def test_numpy_is_not_needed() -> None:
    run("-c", WITHOUT_NUMPY)


def test_a_library_that_is_not_there_is_told() -> None:
    """The text says which file was tried and which variable names another one."""
    environment = os.environ | {"SURFACEPORT_LIBRARY": "/no/such/library"}
    command = [sys.executable, "-c", "import surfaceport"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "ImportError" in said.stderr
    assert "/no/such/library" in said.stderr
    assert "SURFACEPORT_LIBRARY" in said.stderr
