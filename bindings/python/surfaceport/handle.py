"""Handle: what all objects that stand for one of the library's have in common."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, TypeVar

from ._native.handles import Reference, Uncopied
from ._native.values import article
from .errors import WrongState

R = TypeVar("R", bound=Reference)
Self = TypeVar("Self", bound="Handle[Any]")


class Handle(Uncopied, Generic[R]):
    """An object of the library. `close()` ends it here, and so does the end of a `with` block.

    What is not closed ends when nothing refers to it any more. After `close()` every call raises
    `WrongState`. A call that is on its way in another thread keeps what it needs.

    It is of the process that made it, and is not copied: `copy` and `pickle` raise TypeError. What may
    go to another process goes in a message. A fork of this process can end it, which changes nothing for
    this process; every other call raises `WrongState` there.

    Methods look a reference up where they pass it, and keep none in a variable: the traceback of an
    exception would hold it, and what was closed would live on.
    """

    __slots__ = ("__weakref__", "_handle")

    _handle: R | None

    def __init__(self, handle: R) -> None:
        if not isinstance(handle, Reference):
            raise TypeError(f"{article(self)} is made by the library, not of {article(handle)}")
        self._handle = handle

    @property
    def _reference(self) -> R:
        """The reference to pass to the library."""
        handle = self._handle
        if handle is None:
            raise WrongState(f"the {type(self).__name__} is closed")
        return handle

    @property
    def closed(self) -> bool:
        """Whether `close()` was called, or the block ended."""
        return self._handle is None

    def close(self) -> None:
        """Ends this object. Once more does nothing."""
        self._handle = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
