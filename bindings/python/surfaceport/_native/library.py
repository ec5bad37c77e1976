"""Finds and loads the shared library: the one that `SURFACEPORT_LIBRARY` names, the one inside this
package, which a wheel brings, or the system's.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from .constants import SFP_VERSION, SFP_VERSION_MAJOR, SFP_VERSION_MINOR

# Names the library's file; it goes before all others.
VARIABLE = "SURFACEPORT_LIBRARY"

if sys.platform == "darwin":
    _FILE = "libsurfaceport.dylib"
    _INSTALLED = f"libsurfaceport.{SFP_VERSION_MAJOR}.dylib"
    _SYSTEM = (_INSTALLED, f"/opt/homebrew/lib/{_INSTALLED}", f"/usr/local/lib/{_INSTALLED}")
else:
    _FILE = "libsurfaceport.so"
    _SYSTEM = (f"libsurfaceport.so.{SFP_VERSION_MAJOR}", "libsurfaceport.so")


def _candidates() -> tuple[str, ...]:
    named = os.environ.get(VARIABLE)
    if named:
        return (named,)
    inside = Path(__file__).resolve().parent.parent / _FILE
    return (str(inside),) if inside.is_file() else _SYSTEM


def _load() -> tuple[ctypes.CDLL, str]:
    faults = []
    for name in _candidates():
        try:
            # CDLL lets other threads run while a call waits.
            return ctypes.CDLL(name), name
        except OSError as error:
            faults.append(str(error))
    raise ImportError(
        f"the library of surfaceport was not found; {VARIABLE} can name its file ({'; '.join(faults)})"
    )


def _check(loaded: ctypes.CDLL, name: str) -> None:
    try:
        loaded.sfp_version.restype = ctypes.c_uint32
        version = loaded.sfp_version()
    except AttributeError:
        raise ImportError(f"{name} is not the library of surfaceport") from None
    wanted = SFP_VERSION_MAJOR * 1000 + SFP_VERSION_MINOR
    if version // 1000 != wanted:
        text = f"{version // 1000000}.{version // 1000 % 1000}.{version % 1000}"
        raise ImportError(f"{name} is version {text}; this package is for {SFP_VERSION}")


# The library, and the name that it was loaded by.
library, LIBRARY_NAME = _load()
_check(library, LIBRARY_NAME)
