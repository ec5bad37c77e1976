"""Ports: send rights, one receive right, and rights to send once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from ctypes import byref, c_bool, c_int

from . import message as messages
from ._native import functions as c
from ._native.handles import sfp_message, sfp_receive_right, sfp_send_once_right, sfp_send_right
from .errors import NoSenders
from .handle import Handle
from .readiness import attempt
from .status import check
from .times import Timeout, nanoseconds, wait


class SendRight(Handle[sfp_send_right]):
    """Lets its holder send to a port, any number of times.

    It comes from `ReceiveRight.make_send()`, out of a message, or by a name from `bootstrap.look_up()`.
    Threads: any, several at once.
    """

    __slots__ = ()

    @property
    def is_dead(self) -> bool:
        """Whether the port is dead: its receive right has ended."""
        dead = c_bool()
        check(c.sfp_send_right_is_dead(self._reference, byref(dead)))
        return dead.value

    def send(self, message: messages.Message, timeout: Timeout = None) -> None:
        """Sends a message, which is closed then; waits while the queue is full.

        A failure leaves the message as it was. Raises `TimedOut`, `PeerDead` for a dead port, or
        `WrongState` for a message that was sent before, or that an attachment was taken out of.
        """
        messages.give(message, lambda given, time: c.sfp_send(self._reference, given, time), timeout)

    def request(self, message: messages.Message, timeout: Timeout = None) -> messages.Message:
        """Sends a message, and waits for its answer, for both together `timeout` seconds.

        Raises as `send()`, and `PeerDead` when the request ends unanswered. It is one call of the library:
        unlike other waits it sees Ctrl-C only when it is over.
        """
        answer = sfp_message()
        time = nanoseconds(timeout)
        messages.give(message, lambda given, _: c.sfp_request(self._reference, given, time, byref(answer)), 0)
        return messages.Message._of(answer)

    async def request_async(self, message: messages.Message, timeout: Timeout = None) -> messages.Message:
        """As `request()`, on asyncio. Only the answer is waited for: a full queue is `TimedOut`."""
        with ReceiveRight() as answers:
            message.set_reply_right(answers.make_send_once())
            self.send(message, 0)
            return await answers.receive_async(timeout)

    def into_fd(self) -> int:
        """Turns the right into a file descriptor, which is yours to close. Linux only."""
        fd = c_int()
        check(c.sfp_send_right_into_fd(self._reference, byref(fd)))
        return fd.value

    @classmethod
    def from_fd(cls, fd: int) -> SendRight:
        """The way back from `into_fd()`, in any process. `fd` stays yours. Linux only."""
        handle = sfp_send_right()
        check(c.sfp_send_right_from_fd(fd, byref(handle)))
        return cls(handle)


class SendOnceRight(Handle[sfp_send_once_right]):
    """Lets its holder send to a port once, which is how a request is answered.

    If it ends unused, the port's receiver learns that no answer will come (`PeerDead`).
    """

    __slots__ = ()

    @property
    def is_dead(self) -> bool:
        """Whether nobody waits for the answer any more."""
        dead = c_bool()
        check(c.sfp_send_once_right_is_dead(self._reference, byref(dead)))
        return dead.value

    def send(self, message: messages.Message, timeout: Timeout = None) -> None:
        """Sends a message, which is closed then, and uses the right up. Raises as `SendRight.send()`."""
        messages.give(message, lambda given, time: c.sfp_send_once(self._reference, given, time), timeout)


class ReceiveRight(Handle[sfp_receive_right]):
    """The one right to receive from a port. When it ends, so does the port.

    Messages come whole, and in order for each sender. It is iterable: the messages until the last send
    right is gone. Threads: any, several at once.
    """

    __slots__ = ()

    def __init__(self) -> None:
        """Makes a port, to which nobody can send yet. Raises `ResourceExhausted`."""
        handle = sfp_receive_right()
        check(c.sfp_receive_right_create(byref(handle)))
        super().__init__(handle)

    @classmethod
    def _of(cls, handle: sfp_receive_right) -> ReceiveRight:
        right = cls.__new__(cls)
        Handle.__init__(right, handle)
        return right

    def make_send(self) -> SendRight:
        """Makes a send right to the port. That can be done at any time."""
        handle = sfp_send_right()
        check(c.sfp_receive_right_make_send(self._reference, byref(handle)))
        return SendRight(handle)

    def make_send_once(self) -> SendOnceRight:
        """Makes a right to send one message to the port."""
        handle = sfp_send_once_right()
        check(c.sfp_receive_right_make_send_once(self._reference, byref(handle)))
        return SendOnceRight(handle)

    def receive(self, timeout: Timeout = None) -> messages.Message:
        """Takes the next message; waits while there is none.

        Raises `TimedOut`; `NoSenders` when the queue is empty and the last send right is gone, once each
        time that this happens; `PeerDead` for a right to send once that ended unused; `Malformed`;
        `ResourceExhausted` if there are no descriptors for what the message carries, which stays queued.
        """
        message = sfp_message()
        wait(lambda time: c.sfp_receive(self._reference, time, byref(message)), timeout)
        return messages.Message._of(message)

    async def receive_async(self, timeout: Timeout = None) -> messages.Message:
        """As `receive()`, on asyncio."""
        return await attempt(lambda: self.receive(0), self.fileno, timeout)

    def fileno(self) -> int:
        """A descriptor that is readable when `receive()` would not wait. It is the library's."""
        return int(c.sfp_receive_right_fd(self._reference))

    def into_fd(self) -> int:
        """Turns the right into a file descriptor, which is yours to close. Linux only.

        Raises `WrongState` unless exactly one send right was made of it.
        """
        fd = c_int()
        check(c.sfp_receive_right_into_fd(self._reference, byref(fd)))
        return fd.value

    @classmethod
    def from_fd(cls, fd: int) -> ReceiveRight:
        """The way back from `into_fd()`, in any process. `fd` stays yours. Linux only."""
        handle = sfp_receive_right()
        check(c.sfp_receive_right_from_fd(fd, byref(handle)))
        return cls._of(handle)

    def __iter__(self) -> Iterator[messages.Message]:
        while True:
            try:
                message = self.receive()
            except NoSenders:
                return
            yield message

    async def __aiter__(self) -> AsyncIterator[messages.Message]:
        while True:
            try:
                message = await self.receive_async()
            except NoSenders:
                return
            yield message
