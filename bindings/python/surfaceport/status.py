"""Statuses: what a call of the library says, as an exception with the detail text of the call."""

from __future__ import annotations

from ._native import functions as c
from .errors import _BY_STATUS, Error


def failure(status: int) -> Error:
    """The exception for what the last call of this thread returned, with its detail text."""
    detail = c.sfp_last_error_message().decode("utf-8", "replace")
    kind = _BY_STATUS.get(status)
    return Error(detail, status) if kind is None else kind(detail)


def check(status: int) -> None:
    """Raises the exception of a status that is not `Status.OK`. Call it right behind the call."""
    if status:
        raise failure(status)
