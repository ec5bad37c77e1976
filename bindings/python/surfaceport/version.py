"""Versions: of this package, and of the library that runs."""

from __future__ import annotations

from ._native import functions as c
from ._native.constants import SFP_VERSION

# The version of the package, which is that of the header that it was made for.
__version__ = SFP_VERSION


def library_version() -> str:
    """The version of the library that runs."""
    return str(c.sfp_version_string().decode())
