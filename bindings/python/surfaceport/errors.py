"""Errors: one exception for each status of the library."""

from __future__ import annotations

from ._native.enums import Status


class Error(Exception):
    """A call of the library failed. `status` says how, and `detail` is its text for people."""

    status: Status | int = Status.INTERNAL

    def __init__(self, detail: str, status: Status | int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return self.detail


class InvalidArgument(Error, ValueError):
    """An argument is outside of what the call accepts. Nothing was done."""

    status = Status.INVALID_ARGUMENT


class TimedOut(Error, TimeoutError):
    """The time was over before the thing happened. Nothing was lost; the call can be made again."""

    status = Status.TIMED_OUT


class PeerDead(Error, ConnectionError):
    """The other side is gone: it exited, crashed or dropped its rights without saying so."""

    status = Status.PEER_DEAD


class Closed(Error, EOFError):
    """The other side ended this stream or session in an orderly way."""

    status = Status.CLOSED


class NoSenders(Error, EOFError):
    """No send right to this port is left, so no message can arrive until one is made."""

    status = Status.NO_SENDERS


class PermissionDenied(Error, PermissionError):
    """The system, or the other side's owner, does not allow it."""

    status = Status.PERMISSION_DENIED


class NotFound(Error, LookupError):
    """There is nothing by that name."""

    status = Status.NOT_FOUND


class AlreadyExists(Error, FileExistsError):
    """The name has an owner already."""

    status = Status.ALREADY_EXISTS


class TooLarge(Error, ValueError):
    """Larger than the stated maximum. Nothing was sent or made."""

    status = Status.TOO_LARGE


class ResourceExhausted(Error):
    """Out of descriptors, memory, rights or queue space. Nothing was lost; free some and try again."""

    status = Status.RESOURCE_EXHAUSTED


class Malformed(Error, ValueError):
    """The other side sent something that is not well-formed. What it carried was destroyed."""

    status = Status.MALFORMED


class Unsupported(Error, NotImplementedError):
    """This system, or this build, cannot do it."""

    status = Status.UNSUPPORTED


class Refused(Error, ConnectionError):
    """The other side said no, and the detail says why."""

    status = Status.REFUSED


class WrongState(Error, RuntimeError):
    """The object is not in a state in which this call makes sense: it was closed, sent or moved."""

    status = Status.WRONG_STATE


class SystemFailure(Error, OSError):
    """The operating system reported a failure that has no better name here."""

    status = Status.SYSTEM


class InternalError(Error):
    """A defect of the library. Please report it."""

    status = Status.INTERNAL


class NoHello(Error, ConnectionError):
    """The child's time to say hello is over, which is for good: another wait for it is in vain."""

    status = Status.NO_HELLO


_BY_STATUS: dict[int, type[Error]] = {
    kind.status: kind
    for kind in (
        InvalidArgument,
        TimedOut,
        PeerDead,
        Closed,
        NoSenders,
        PermissionDenied,
        NotFound,
        AlreadyExists,
        TooLarge,
        ResourceExhausted,
        Malformed,
        Unsupported,
        Refused,
        WrongState,
        SystemFailure,
        InternalError,
        NoHello,
    )
}
