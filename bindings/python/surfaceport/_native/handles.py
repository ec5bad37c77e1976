"""The handles of the C API, one class for each opaque struct of surfaceport.h.

An instance is one counted reference: it holds the pointer, and releases it when nothing in Python
needs it any more. A call that runs in another thread needs it, so nothing is released under a call.
Calls fill it through `byref`, so that not even an interrupt between a call and its result loses it.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_void_p
from typing import Any, ClassVar, NoReturn


class Uncopied:
    """What stands for one object of the library: a copy of it would be one reference more that nobody
    counts, and a pickled one means nothing in another process.

    `copy`, `pickle` and all that is made of them, such as `dataclasses.asdict` and the pools of
    `multiprocessing`, get a TypeError.
    """

    __slots__ = ()

    def _refuse(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled: it stands for one object of this process"
        )

    def __copy__(self) -> NoReturn:
        self._refuse()

    def __deepcopy__(self, memo: object) -> NoReturn:
        self._refuse()

    def __reduce__(self) -> NoReturn:
        self._refuse()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self._refuse()

    def __getstate__(self) -> NoReturn:
        self._refuse()


class _Release(int):
    """An address that is released with this object.

    The collector of cycles calls all finalizers of a cycle before it takes any object apart, and a later
    one may use what an earlier one has ended. It does not know of this object, which holds no others: that
    ends when it is taken out of its reference, after all finalizers.
    """

    __slots__ = ()

    release: ClassVar[Callable[[Any], None]]

    def __del__(self) -> None:
        type(self).release(self)


class Reference(Uncopied, c_void_p):
    """One counted reference to an object of the library; empty until a call has filled it."""

    release: ClassVar[Callable[[Any], None]]
    last: ClassVar[type[_Release]]

    def __del__(self) -> None:
        address = self.value
        if address is not None:
            self.end = type(self).last(address)

    @classmethod
    def released_by(cls, release: Callable[[Any], None]) -> None:
        """Sets the function that ends such a reference."""
        cls.release = release
        cls.last = type(f"{cls.__name__}_release", (_Release,), {"__slots__": (), "release": release})


class sfp_channel(Reference):
    """An `sfp_channel *`."""


class sfp_channel_end(Reference):
    """An `sfp_channel_end *`."""


class sfp_child(Reference):
    """An `sfp_child *`."""


class sfp_consumer(Reference):
    """An `sfp_consumer *`."""


class sfp_consumer_right(Reference):
    """An `sfp_consumer_right *`."""


class sfp_frame(Reference):
    """An `sfp_frame *`."""


class sfp_host(Reference):
    """An `sfp_host *`."""


class sfp_image(Reference):
    """An `sfp_image *`."""


class sfp_invitation(Reference):
    """An `sfp_invitation *`."""


class sfp_memory(Reference):
    """An `sfp_memory *`."""


class sfp_message(Reference):
    """An `sfp_message *`."""


class sfp_port_set(Reference):
    """An `sfp_port_set *`."""


class sfp_producer(Reference):
    """An `sfp_producer *`."""


class sfp_receive_right(Reference):
    """An `sfp_receive_right *`."""


class sfp_send_once_right(Reference):
    """An `sfp_send_once_right *`."""


class sfp_send_right(Reference):
    """An `sfp_send_right *`."""


class sfp_surface(Reference):
    """An `sfp_surface *`."""


HANDLES: tuple[type[Reference], ...] = (
    sfp_channel,
    sfp_channel_end,
    sfp_child,
    sfp_consumer,
    sfp_consumer_right,
    sfp_frame,
    sfp_host,
    sfp_image,
    sfp_invitation,
    sfp_memory,
    sfp_message,
    sfp_port_set,
    sfp_producer,
    sfp_receive_right,
    sfp_send_once_right,
    sfp_send_right,
    sfp_surface,
)
