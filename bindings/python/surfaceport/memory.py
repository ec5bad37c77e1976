"""Memory: regions that are mapped here and wherever they were sent, with no copy."""

from __future__ import annotations

from ctypes import byref, c_uint8
from typing import Any

from ._native import functions as c
from ._native.enums import MemoryAccess
from ._native.handles import sfp_memory
from .handle import Handle
from .status import check


def bytes_at(address: int, size: int, owner: object) -> memoryview:
    """A writable view of the library's memory, which stays as long as the view needs it."""
    array: Any = (c_uint8 * size).from_address(address)
    array.owner = owner
    return memoryview(array).cast("B")


class Memory(Handle[sfp_memory]):
    """A region of memory. Its size never changes; it is freed when the last process lets go of it.

    Threads: any, several at once.
    """

    __slots__ = ()

    def __init__(self, size: int, access: MemoryAccess = MemoryAccess.READ_WRITE) -> None:
        """Makes a region of `size` zero bytes.

        Raises `InvalidArgument` for size 0, `TooLarge`, or `ResourceExhausted`.
        """
        handle = sfp_memory()
        check(c.sfp_memory_create(size, access, byref(handle)))
        super().__init__(handle)

    @classmethod
    def _of(cls, handle: sfp_memory) -> Memory:
        memory = cls.__new__(cls)
        Handle.__init__(memory, handle)
        return memory

    def __len__(self) -> int:
        """The size in bytes."""
        return int(c.sfp_memory_size(self._reference))

    @property
    def writable(self) -> bool:
        """Whether this process may write it."""
        return bool(c.sfp_memory_is_writable(self._reference))

    def prefault(self) -> None:
        """Has every page made and mapped in this process now, so that the first access to each does not have to.

        Raises `ResourceExhausted`, when there is not as much memory.
        """
        check(c.sfp_memory_prefault(self._reference))

    @property
    def view(self) -> memoryview:
        """The bytes themselves; read-only if this process may not write them."""
        handle = self._reference
        view = bytes_at(c.sfp_memory_base(handle), c.sfp_memory_size(handle), handle)
        return view if self.writable else view.toreadonly()
