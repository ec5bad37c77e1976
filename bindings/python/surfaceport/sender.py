"""Sender: who sent a message, as the kernel says it of this very message."""

from __future__ import annotations

from typing import NamedTuple

from ._native.structures import sfp_sender


class Sender(NamedTuple):
    """A process with its real user and group.

    `process_id` is 0 when the process has no number here, because it lives in another PID namespace.
    """

    process_id: int
    user_id: int
    group_id: int

    @classmethod
    def _of(cls, sender: sfp_sender) -> Sender:
        return cls(sender.process_id, sender.user_id, sender.group_id)
