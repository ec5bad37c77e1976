"""Messages: a number, bytes, and attachments of several kinds."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from ctypes import byref, c_int
from typing import IO, Any

from . import channel as channels
from . import consumer_right as consumer_rights
from . import ports
from . import surface as surfaces
from ._native import functions as c
from ._native.enums import Attachment
from ._native.handles import (
    sfp_channel_end,
    sfp_consumer_right,
    sfp_memory,
    sfp_message,
    sfp_receive_right,
    sfp_send_once_right,
    sfp_send_right,
    sfp_surface,
)
from ._native.structures import sfp_sender
from ._native.values import article, bytes_of
from .errors import Error, InvalidArgument
from .handle import Handle
from .memory import Memory
from .sender import Sender
from .status import check
from .times import Timeout, nanoseconds, wait


class Message(Handle[sfp_message]):
    """A message: it owns all that it carries. It is for one thread at a time.

    What was sent is closed: calls raise `WrongState`.
    """

    __slots__ = ()

    def __init__(
        self, id: int, payload: bytes | bytearray | memoryview = b"", attachments: Iterable[Any] = ()
    ) -> None:
        """Makes a message with a number of yours, 0 to 2**32 - 1; see `append()` and `attach()`."""
        super().__init__(c.sfp_message_create(id))
        if payload or not isinstance(payload, bytes):
            self.append(payload)
        for attachment in attachments:
            self.attach(attachment)

    @classmethod
    def _of(cls, handle: sfp_message) -> Message:
        message = cls.__new__(cls)
        Handle.__init__(message, handle)
        return message

    @property
    def id(self) -> int:
        """The message's number, which is the sender's choice."""
        return int(c.sfp_message_id(self._reference))

    @property
    def payload(self) -> bytes:
        """The bytes, as a copy. Large data goes without one in `Memory`, as an attachment."""
        handle = self._reference
        size = c.sfp_message_payload_size(handle)
        return ctypes.string_at(c.sfp_message_payload(handle), size) if size else b""

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Adds bytes behind the payload. Raises `TooLarge` over 256 MiB."""
        copy = bytes_of("data", data)
        check(c.sfp_message_append(self._reference, copy, len(copy)))

    def attach(self, attachment: Any) -> None:
        """Adds an attachment behind the others.

        A `SendRight`, `Memory`, `Surface` or `ConsumerRight` stays yours. A `ReceiveRight` or
        `ChannelEnd` moves, and is empty then. An open file, or a descriptor's number, is duplicated.
        Raises `TooLarge` for more than 64 attachments, and TypeError for what cannot be attached.
        """
        message = self._reference
        if isinstance(attachment, ports.SendRight):
            check(c.sfp_message_attach_send_right(message, attachment._reference))
        elif isinstance(attachment, ports.ReceiveRight):
            check(c.sfp_message_attach_receive_right(message, attachment._reference))
        elif isinstance(attachment, Memory):
            check(c.sfp_message_attach_memory(message, attachment._reference))
        elif isinstance(attachment, surfaces.Surface):
            check(c.sfp_message_attach_surface(message, attachment._reference))
        elif isinstance(attachment, channels.ChannelEnd):
            check(c.sfp_message_attach_channel_end(message, attachment._reference))
        elif isinstance(attachment, consumer_rights.ConsumerRight):
            check(c.sfp_message_attach_consumer_right(message, attachment._reference))
        elif not isinstance(attachment, Handle):
            fd = attachment if isinstance(attachment, int) else _fileno(attachment)
            check(c.sfp_message_attach_fd(message, fd))
        else:
            raise TypeError(f"a {type(attachment).__name__} cannot be attached to a message")

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What is attached, in order; `Attachment.NONE` is where something was taken out."""
        message = self._reference
        count = c.sfp_message_attachment_count(message)
        return tuple(Attachment(c.sfp_message_attachment_kind(message, i)) for i in range(count))

    def take(self, index: int) -> ports.SendRight | ports.ReceiveRight | Memory | surfaces.Surface | int:
        """Takes an attachment out; the others keep their places. A file is a descriptor, yours to close.

        Raises `InvalidArgument` where there is none, `Malformed` for what the sender did wrong.
        """
        kind = c.sfp_message_attachment_kind(self._reference, index)
        if kind == Attachment.SEND_RIGHT:
            return self.take_send_right(index)
        if kind == Attachment.RECEIVE_RIGHT:
            return self.take_receive_right(index)
        if kind == Attachment.MEMORY:
            return self.take_memory(index)
        if kind == Attachment.SURFACE:
            return self.take_surface(index)
        if kind == Attachment.FD:
            return self.take_fd(index)
        raise InvalidArgument(f"there is no attachment {index}")

    def take_send_right(self, index: int) -> ports.SendRight:
        """Takes a send right out. Raises `InvalidArgument` where there is none."""
        handle = sfp_send_right()
        check(c.sfp_message_take_send_right(self._reference, index, byref(handle)))
        return ports.SendRight(handle)

    def take_receive_right(self, index: int) -> ports.ReceiveRight:
        """Takes a receive right out. Raises `InvalidArgument` where there is none."""
        handle = sfp_receive_right()
        check(c.sfp_message_take_receive_right(self._reference, index, byref(handle)))
        return ports.ReceiveRight._of(handle)

    def take_memory(self, index: int) -> Memory:
        """Takes a memory region out. Raises `InvalidArgument` where there is none."""
        handle = sfp_memory()
        check(c.sfp_message_take_memory(self._reference, index, byref(handle)))
        return Memory._of(handle)

    def take_surface(self, index: int) -> surfaces.Surface:
        """Takes a surface out. Raises `InvalidArgument` where there is none."""
        handle = sfp_surface()
        check(c.sfp_message_take_surface(self._reference, index, byref(handle)))
        return surfaces.Surface._of(handle)

    def take_fd(self, index: int) -> int:
        """Takes a file descriptor out, which is yours to close."""
        fd = c_int()
        check(c.sfp_message_take_fd(self._reference, index, byref(fd)))
        return fd.value

    def take_channel_end(self, index: int) -> channels.ChannelEnd:
        """Takes the end of a channel out; `index` is that of the first of its two attachments."""
        handle = sfp_channel_end()
        check(c.sfp_message_take_channel_end(self._reference, index, byref(handle)))
        return channels.ChannelEnd(handle)

    def take_consumer_right(self, index: int) -> consumer_rights.ConsumerRight:
        """Takes a right to consume out; `index` is that of the first of its two attachments."""
        handle = sfp_consumer_right()
        check(c.sfp_message_take_consumer_right(self._reference, index, byref(handle)))
        return consumer_rights.ConsumerRight(handle)

    @property
    def sender(self) -> Sender:
        """Who sent it, as the kernel says. Raises `WrongState` for a message that was made here."""
        sender = sfp_sender()
        check(c.sfp_message_sender(self._reference, byref(sender)))
        return Sender._of(sender)

    @property
    def wants_answer(self) -> bool:
        """Whether it is a request: whether it has a right to answer it, which nobody took yet."""
        return bool(c.sfp_message_has_reply_right(self._reference))

    def reply(self, answer: Message, timeout: Timeout = None) -> None:
        """Answers a request, once; the answer is closed then.

        Raises `WrongState` for what is no request or was answered, `PeerDead` if nobody waits any more.
        """
        give(answer, lambda given, time: c.sfp_message_reply(self._reference, given, time), timeout)

    def take_reply_right(self) -> ports.SendOnceRight:
        """Takes the right to answer out of a request, to answer it from elsewhere."""
        handle = sfp_send_once_right()
        check(c.sfp_message_take_reply_right(self._reference, byref(handle)))
        return ports.SendOnceRight(handle)

    def set_reply_right(self, right: ports.SendOnceRight) -> None:
        """Has the receiver answer by a right, which moves into the message."""
        check(c.sfp_message_set_reply_right(self._reference, right))


def give(message: Message, call: Callable[[sfp_message, int], int], timeout: Timeout) -> None:
    """Makes a call that ends a reference to the message if it succeeds.

    It gets one more reference to end, so that even an interrupt right behind the call cannot have the
    same one ended twice.
    """
    if not isinstance(message, Message):
        raise TypeError(f"message must be a Message, not {article(message)}")
    nanoseconds(timeout)  # What is no time has to be refused before there is one more reference.
    c.sfp_message_retain(message._reference)
    try:
        wait(lambda time: call(message._reference, time), timeout)
    except Error:
        c.sfp_message_release(message._reference)
        raise
    message.close()


def _fileno(file: IO[Any]) -> int:
    try:
        return file.fileno()
    except AttributeError:
        raise TypeError(f"a {type(file).__name__} cannot be attached to a message") from None
