"""Invitations: for hosts that start their children by their own means."""

from __future__ import annotations

import os
from ctypes import byref

from ._native import functions as c
from ._native.handles import sfp_host, sfp_invitation
from .errors import WrongState
from .handle import Handle
from .host import Host
from .status import check
from .times import Timeout, deadline, nanoseconds


class Invitation(Handle[sfp_invitation]):
    """What one child has to inherit to connect: entries of its environment, and descriptors.

        invitation = Invitation()
        process = subprocess.Popen(
            argv, env=os.environ | invitation.environment, pass_fds=invitation.fds
        )
        host = invitation.into_host(process.pid)

    Threads: any.
    """

    __slots__ = ("_hello_timeout",)

    _hello_timeout: Timeout

    def __init__(self) -> None:
        """Makes an invitation with a new secret. Raises `ResourceExhausted`."""
        handle = sfp_invitation()
        check(c.sfp_invitation_create(byref(handle)))
        super().__init__(handle)
        self._hello_timeout = 10

    @property
    def environment(self) -> dict[str, str]:
        """The entries that the child's environment must have. Nothing in them is secret."""
        entries = c.sfp_invitation_environment(self._reference)
        if not entries:
            raise WrongState("a host was made of the invitation")
        found: dict[str, str] = {}
        for entry in entries:
            if entry is None:
                break
            name, _, value = os.fsdecode(entry).partition("=")
            found[name] = value
        return found

    @property
    def fds(self) -> tuple[int, ...]:
        """The descriptors that the child must have, under the same numbers. They are the library's."""
        numbers = c.sfp_invitation_fds(self._reference)
        if not numbers:
            raise WrongState("a host was made of the invitation")
        found: list[int] = []
        for fd in numbers:
            if fd < 0:
                break
            found.append(fd)
        return tuple(found)

    def set_hello_timeout(self, timeout: Timeout) -> None:
        """Sets how long the child has to say hello, counted from `into_host()`; at first 10 seconds."""
        check(c.sfp_invitation_set_hello_timeout(self._reference, nanoseconds(timeout) or 1))
        self._hello_timeout = timeout

    def set_allow_descendants(self, allow: bool) -> None:
        """Sets whether another process than the one that is named may say hello; at first not."""
        check(c.sfp_invitation_set_allow_descendants(self._reference, allow))

    def into_host(self, process_id: int = 0) -> Host:
        """Makes the host's side of the session, once the child is started; the invitation is closed then.

        With the number of the child's process, which must not be reaped yet, the hello is believed from
        that process only. The host never reaps such a child, and does not end it.

        Raises `NotFound` or `InvalidArgument` for a process that there is not.
        """
        handle = sfp_host()
        check(c.sfp_invitation_into_host(self._reference, process_id, byref(handle)))
        self.close()
        return Host(handle, deadline(self._hello_timeout))
