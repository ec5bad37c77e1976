"""Channels: two-way connections of two processes, for messages of your own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from ctypes import byref, c_bool, c_int

from . import message as messages
from . import ports
from ._native import functions as c
from ._native.handles import sfp_channel, sfp_channel_end, sfp_message
from ._native.structures import sfp_sender
from .errors import PeerDead
from .handle import Handle
from .readiness import attempt
from .sender import Sender
from .status import check, failure
from .times import Timeout, nanoseconds, spin_nanoseconds, wait


class ChannelEnd(Handle[sfp_channel_end]):
    """An end of a channel that is on its way to the process that opens it; it goes by message."""

    __slots__ = ()

    @classmethod
    def pair(cls) -> tuple[ChannelEnd, ChannelEnd]:
        """Makes a channel, and gives both of its ends. Raises `ResourceExhausted`."""
        one, other = sfp_channel_end(), sfp_channel_end()
        check(c.sfp_channel_end_create_pair(byref(one), byref(other)))
        return cls(one), cls(other)

    def open(self) -> Channel:
        """Makes the channel of this end, which is empty then."""
        handle = sfp_channel()
        check(c.sfp_channel_end_open(self._reference, byref(handle)))
        return Channel(handle)

    def into_fds(self) -> tuple[int, int]:
        """Turns the end into two descriptors, to receive and to send, yours to close. Linux only."""
        receive, send = c_int(), c_int()
        check(c.sfp_channel_end_into_fds(self._reference, byref(receive), byref(send)))
        return receive.value, send.value

    @classmethod
    def from_fds(cls, receive: int, send: int) -> ChannelEnd:
        """The way back from `into_fds()`, in any process. Both stay yours. Linux only."""
        handle = sfp_channel_end()
        check(c.sfp_channel_end_from_fds(receive, send, byref(handle)))
        return cls(handle)


class Channel(Handle[sfp_channel]):
    """A two-way connection with one peer; the kernel says of each message that it is from there.

    It is iterable, also by `async for`: the messages until the peer is gone, and all that it sent was
    received. Threads: any, several at once.
    """

    __slots__ = ()

    def send(self, message: messages.Message, timeout: Timeout = None) -> None:
        """Sends a message, which is closed then; waits while the queue is full.

        A failure leaves the message as it was. Raises as `SendRight.send()`.
        """
        messages.give(message, lambda given, time: c.sfp_channel_send(self._reference, given, time), timeout)

    async def send_async(self, message: messages.Message, timeout: Timeout = None) -> None:
        """As `send()`, on asyncio."""
        await attempt(lambda: self.send(message, 0), self.writable_fileno, timeout)

    def send_or_drop(self, message: messages.Message) -> bool:
        """Sends a message if the queue has room, and drops it otherwise; it is closed then. Never waits.

        Gives whether it was sent. For what is soon outdated, such as positions or progress. A failure
        leaves the message as it was. Raises as `send()`, but for `TimedOut`.
        """
        sent = c_bool()

        def call(given: sfp_message, _: int) -> int:
            return int(c.sfp_channel_send_or_drop(self._reference, given, byref(sent)))

        messages.give(message, call, 0)
        return sent.value

    def request(self, message: messages.Message, timeout: Timeout = None) -> messages.Message:
        """Sends a message, and waits for its answer, for both together `timeout` seconds.

        Raises as `send()`, and `PeerDead` when the request ends unanswered. It is one call of the library:
        unlike other waits it sees Ctrl-C only when it is over.
        """
        answer = sfp_message()
        time = nanoseconds(timeout)

        def call(given: sfp_message, _: int) -> int:
            return int(c.sfp_channel_request(self._reference, given, time, byref(answer)))

        messages.give(message, call, 0)
        return messages.Message._of(answer)

    async def request_async(self, message: messages.Message, timeout: Timeout = None) -> messages.Message:
        """As `request()`, on asyncio. Only the answer is waited for: a full queue is `TimedOut`."""
        with ports.ReceiveRight() as answers:
            message.set_reply_right(answers.make_send_once())
            self.send(message, 0)
            return await answers.receive_async(timeout)

    def receive(self, timeout: Timeout = None) -> messages.Message:
        """Takes the peer's next message; waits while there is none.

        Raises `TimedOut`; `PeerDead` when the peer is gone, and all that it sent was received;
        `Malformed`; `ResourceExhausted` if there are no descriptors for what it carries.
        """
        message = sfp_message()
        wait(lambda time: c.sfp_channel_receive(self._reference, time, byref(message)), timeout)
        return messages.Message._of(message)

    async def receive_async(self, timeout: Timeout = None) -> messages.Message:
        """As `receive()`, on asyncio."""
        return await attempt(lambda: self.receive(0), self.fileno, timeout)

    @property
    def peer(self) -> Sender:
        """Whose messages are received here. Raises `NotFound` if that is not known yet."""
        peer = sfp_sender()
        check(c.sfp_channel_peer(self._reference, byref(peer)))
        return Sender._of(peer)

    @property
    def is_peer_dead(self) -> bool:
        """Whether the peer let go of its end, so that nothing sent can arrive any more."""
        dead = c_bool()
        check(c.sfp_channel_is_peer_dead(self._reference, byref(dead)))
        return dead.value

    @property
    def refused(self) -> int:
        """How many messages were destroyed because they came from another process than the peer."""
        return int(c.sfp_channel_refused(self._reference))

    @property
    def dropped(self) -> int:
        """How many messages `send_or_drop()` has dropped."""
        return int(c.sfp_channel_dropped(self._reference))

    def set_spin_time(self, seconds: float) -> None:
        """Sets how long a wait watches the shared memory before it sleeps: 50 µs unless it is set.

        0 is not to watch. Where waits turn out to be longer, it sleeps at once, whatever the time.
        """
        check(c.sfp_channel_set_spin_time(self._reference, spin_nanoseconds(seconds)))

    def writable_fileno(self) -> int:
        """A descriptor that is readable while `send()` would probably find room. It is the library's.

        Wait for it when `send(message, 0)` has raised `TimedOut`; now and then it is readable once too
        often. Raises `ResourceExhausted`.
        """
        descriptor = int(c.sfp_channel_writable_fd(self._reference))
        if descriptor < 0:
            raise failure(c.sfp_last_error_status())
        return descriptor

    def fileno(self) -> int:
        """A descriptor that is readable when `receive()` would not wait. It is the library's."""
        return int(c.sfp_channel_fd(self._reference))

    def __iter__(self) -> Iterator[messages.Message]:
        while True:
            try:
                message = self.receive()
            except PeerDead:
                return
            yield message

    async def __aiter__(self) -> AsyncIterator[messages.Message]:
        while True:
            try:
                message = await self.receive_async()
            except PeerDead:
                return
            yield message
