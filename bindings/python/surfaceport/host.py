"""Hosts: start a child process, and know it for certain."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from ctypes import byref, sizeof
from types import TracebackType
from typing import NamedTuple, TypeVar

from ._native import functions as c
from ._native.enums import EndOfLife, ExitKind, PresentMode
from ._native.handles import sfp_channel, sfp_consumer, sfp_consumer_right, sfp_host
from ._native.structures import sfp_exit, sfp_spawn_options
from ._native.values import article
from .channel import Channel
from .consumer import Consumer
from .consumer_right import ConsumerRight, present_mode
from .handle import Handle
from .readiness import attempt
from .status import check
from .times import Timeout, deadline, nanoseconds, wait

T = TypeVar("T")

Text = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Exit(NamedTuple):
    """The end of a process: how, and the exit status or the number of the signal."""

    kind: ExitKind
    code: int


class Host(Handle[sfp_host]):
    """The host's side of a session with one child process: `spawn()`, or `Invitation.into_host()`.

    Calls that fail with `PeerDead`, because the child has ended, or with `Closed`, because it closed its
    side, do so behind what the child sent before. Those that wait for the child's hello raise `NoHello`
    when its time for that is over.

    `close()`, and the end of a `with` block, ends the session, and waits for a child that was spawned to
    end: up to its `grace`. On asyncio that would hold the whole loop; `async with`, or `aclose()`, does
    not. Threads: any, several at once.
    """

    __slots__ = ("_hello_end",)

    def __init__(self, handle: sfp_host, hello_end: int | None) -> None:
        super().__init__(handle)
        # The descriptor does not tell of the end of that time; this is never before it.
        self._hello_end = hello_end

    @classmethod
    def spawn(
        cls,
        argv: Sequence[Text],
        *,
        environment: Mapping[Text, Text] | None = None,
        clear_environment: bool = False,
        directory: Text | None = None,
        hello_timeout: Timeout = 10,
        grace: Timeout = 1,
        end_of_life: EndOfLife = EndOfLife.KILL,
        allow_descendants: bool = False,
    ) -> Host:
        """Starts a child process, which connects by `Child.connect()` or its like.

        `environment` goes over this process's, or alone with `clear_environment`. The child has
        `hello_timeout` seconds to connect, and `grace` to end by itself when the host is closed; then
        `end_of_life` says what happens to it. `allow_descendants` lets another process than the one that
        was started say hello, for wrappers.

        Raises `NotFound`, `PermissionDenied`, `InvalidArgument`, `ResourceExhausted`, `SystemFailure`.
        """
        if not (environment is None or isinstance(environment, Mapping)):
            raise TypeError(f"environment must be a mapping, not {article(environment)}")
        options = sfp_spawn_options(
            struct_size=sizeof(sfp_spawn_options),
            argv=argv,
            environment=environment,
            directory=directory,
            # 0 would be the default.
            hello_timeout_ns=nanoseconds(hello_timeout) or 1,
            grace_ns=nanoseconds(grace) or 1,
            end_of_life=end_of_life,
            clear_environment=clear_environment,
            allow_descendants=allow_descendants,
        )
        handle = sfp_host()
        check(c.sfp_host_spawn(byref(options), byref(handle)))
        return cls(handle, deadline(hello_timeout))

    async def aclose(self) -> None:
        """As `close()`, on asyncio: the loop goes on while the child has its grace. Once more does nothing.

        A task that is cancelled here does not stop it.
        """
        last = [self._handle]
        self.close()
        # The release waits, so a thread does it. It is the last one unless a call is on its way.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, last.clear))

    async def __aenter__(self) -> Host:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def wait_connected(self, timeout: Timeout = None) -> None:
        """Waits until the child has said hello.

        Raises `TimedOut`; `NoHello` when the child's time for it is over, or `PeerDead` if it ended without.
        """
        wait(lambda time: c.sfp_host_wait_connected(self._reference, time), timeout)

    async def wait_connected_async(self, timeout: Timeout = None) -> None:
        """As `wait_connected()`, on asyncio."""
        await self._attempt(lambda: self.wait_connected(0), timeout)

    def consumer(self, timeout: Timeout = None, *, mode: PresentMode = PresentMode.DEFAULT) -> Consumer:
        """Attaches to the next swapchain that the child offers; waits until there is one.

        Raises `TimedOut`; `NoHello`; `PeerDead` or `Closed` if the session is over, and all that was offered
        accepted; otherwise as `ConsumerRight.attach()`.
        """
        if present_mode(mode) != PresentMode.DEFAULT:
            with self.consumer_right(timeout) as right:
                return right.attach(mode)
        consumer = sfp_consumer()
        wait(lambda time: c.sfp_host_accept_consumer(self._reference, time, byref(consumer)), timeout)
        return Consumer(consumer)

    async def consumer_async(
        self, timeout: Timeout = None, *, mode: PresentMode = PresentMode.DEFAULT
    ) -> Consumer:
        """As `consumer()`, on asyncio."""
        return await self._attempt(lambda: self.consumer(0, mode=mode), timeout)

    def consumer_right(self, timeout: Timeout = None) -> ConsumerRight:
        """Takes the next right to consume that the child offers, for example to pass it on. Raises as
        `consumer()`.
        """
        right = sfp_consumer_right()
        wait(lambda time: c.sfp_host_accept_consumer_right(self._reference, time, byref(right)), timeout)
        return ConsumerRight(right)

    async def consumer_right_async(self, timeout: Timeout = None) -> ConsumerRight:
        """As `consumer_right()`, on asyncio."""
        return await self._attempt(lambda: self.consumer_right(0), timeout)

    def offer(self, right: ConsumerRight) -> None:
        """Gives the child a right to consume, which stays yours.

        Raises `WrongState` before the child's hello, `PeerDead`, or `TimedOut` after 5 seconds in which
        the child takes nothing in.
        """
        check(c.sfp_host_offer_consumer_right(self._reference, right))

    def channel(self, timeout: Timeout = None) -> Channel:
        """Gives the channel for messages of your own, once the child has said hello. Raises as
        `wait_connected()`.
        """
        channel = sfp_channel()
        wait(lambda time: c.sfp_host_channel(self._reference, time, byref(channel)), timeout)
        return Channel(channel)

    async def channel_async(self, timeout: Timeout = None) -> Channel:
        """As `channel()`, on asyncio."""
        return await self._attempt(lambda: self.channel(0), timeout)

    def wait_exit(self, timeout: Timeout = None) -> Exit:
        """Waits for the end of the child's process. Raises `TimedOut` while it runs."""
        end = sfp_exit()
        wait(lambda time: c.sfp_host_wait_exit(self._reference, time, byref(end)), timeout)
        return Exit(ExitKind(end.kind), end.code)

    async def wait_exit_async(self, timeout: Timeout = None) -> Exit:
        """As `wait_exit()`, on asyncio."""
        return await self._attempt(lambda: self.wait_exit(0), timeout)

    def kill(self) -> None:
        """Ends the child's process at once. One that has ended already is fine."""
        check(c.sfp_host_kill(self._reference))

    @property
    def process_id(self) -> int:
        """The number of the child's process; 0 if it is not known."""
        return int(c.sfp_host_process_id(self._reference))

    @property
    def is_connected(self) -> bool:
        """Whether the child has said hello, and its session has not ended since."""
        return bool(c.sfp_host_is_connected(self._reference))

    @property
    def features(self) -> int:
        """What both sides can do beyond the first version, as bits."""
        return int(c.sfp_host_features(self._reference))

    @property
    def refused(self) -> int:
        """How many messages were refused: wrong secrets, wrong processes, what was not well-formed."""
        return int(c.sfp_host_refused(self._reference))

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to do: `consumer_right(0)` then.

        It is the library's, and readable for good once the child has ended.
        """
        return int(c.sfp_host_fd(self._reference))

    async def _attempt(self, call: Callable[[], T], timeout: Timeout) -> T:
        return await attempt(call, self.fileno, timeout, self._hello_end)
