"""`python -m surfaceport` shows which package, which library and which Python run."""

from __future__ import annotations

import importlib.util
import platform

from ._native.library import LIBRARY_NAME
from .version import __version__, library_version


def main() -> None:
    """Prints the versions."""
    print(f"surfaceport {__version__}")
    print(f"library {library_version()} ({LIBRARY_NAME})")
    print(f"Python {platform.python_version()} on {platform.platform()}")
    if importlib.util.find_spec("numpy") is None:
        print("NumPy is not there: no arrays")
    else:
        import numpy

        print(f"NumPy {numpy.__version__}")


if __name__ == "__main__":
    main()
