"""Sessions with real children: hosts, invitations, channels, deaths."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import surfaceport as sfp
from conftest import SLEEPER, WAIT, role


def test_a_host_gets_every_frame_of_its_child() -> None:
    with sfp.Host.spawn(role("frames", "50"), grace=WAIT) as host, host.consumer(WAIT) as frames:
        assert host.is_connected
        taken = 0
        for frame in frames:
            with frame:
                assert frame.array.shape == (48, 64, 4)
                assert (frame.array == taken).all()
                assert frame.info.user == taken.to_bytes(64, "little")
            taken += 1
        assert taken == 50
        assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)


def test_a_killed_child_raises_peer_dead_behind_its_last_frame() -> None:
    with sfp.Host.spawn(role("killed", "2")) as host, host.consumer(WAIT) as frames:
        taken = []
        with pytest.raises(sfp.PeerDead) as failure:
            for frame in frames:
                with frame:
                    taken.append(int(frame.array[0, 0, 0]))
                if len(taken) == 1:
                    with host.channel(WAIT) as channel:
                        channel.send(sfp.Message(1), WAIT)
        assert taken == [0, 1]
        assert failure.value.status is sfp.Status.PEER_DEAD
        assert isinstance(failure.value, ConnectionError)
        assert host.wait_exit(WAIT) == (sfp.ExitKind.SIGNALLED, signal.SIGKILL)
        with pytest.raises(sfp.PeerDead):
            host.consumer(WAIT)


def test_a_frame_outlives_the_child_that_drew_it() -> None:
    with sfp.Host.spawn(role("newest", "1")) as host, host.consumer(WAIT) as frames:
        with frames.acquire(WAIT) as frame:
            drawn = frame.array[0, 0, 0]
            host.kill()
            assert host.wait_exit(WAIT).kind is sfp.ExitKind.SIGNALLED
            assert (frame.array == drawn).all()


def test_the_newest_frame_is_taken_in_mailbox_mode() -> None:
    with sfp.Host.spawn(role("newest", "10"), grace=WAIT) as host:
        with host.consumer(WAIT) as frames:
            numbers: list[int] = []
            while len(numbers) < 10:
                with frames.acquire(WAIT) as frame:
                    numbers.append(frame.number)
        assert numbers == sorted(set(numbers))
        assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)


def test_a_child_that_ends_without_a_hello_is_known() -> None:
    with sfp.Host.spawn(role("says_nothing")) as host:
        with pytest.raises(sfp.PeerDead):
            host.wait_connected(WAIT)
        assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 3)
        with pytest.raises(sfp.PeerDead):
            host.consumer(WAIT)


def test_a_child_that_says_no_hello_in_its_time_is_not_waited_for() -> None:
    with sfp.Host.spawn(SLEEPER, hello_timeout=0.3, grace=0) as host:
        waits: list[Callable[[], object]] = [
            lambda: host.wait_connected(WAIT),
            lambda: host.consumer(),
            lambda: host.consumer(mode=sfp.PresentMode.MAILBOX),
            lambda: host.consumer_right(),
            lambda: host.channel(),
        ]
        for call in waits:
            with pytest.raises(sfp.NoHello) as failure:
                call()
            assert failure.value.status is sfp.Status.NO_HELLO
            # What is over for good is no reason to try again.
            assert not isinstance(failure.value, TimeoutError)
        with pytest.raises(sfp.TimedOut):
            host.wait_exit(0)


def test_a_short_wait_for_a_hello_is_only_over() -> None:
    with sfp.Host.spawn(SLEEPER, hello_timeout=WAIT, grace=0) as host:
        for timeout in (0, 0.15):
            with pytest.raises(sfp.TimedOut):
                host.consumer(timeout)


def test_messages_go_both_ways() -> None:
    with sfp.Host.spawn(role("echo"), grace=WAIT) as host, host.channel(WAIT) as channel:
        assert channel.peer.process_id == host.process_id
        channel.send(sfp.Message(1, b"a message"), WAIT)
        back = channel.receive(WAIT)
        assert (back.id, back.payload) == (2, b"a message")
        assert back.sender == channel.peer
        answer = channel.request(sfp.Message(5, b"a request"), WAIT)
        assert (answer.id, answer.payload) == (6, b"a request")
        channel.send(sfp.Message(0, b"end"), WAIT)
        assert list(channel) == []
        with pytest.raises(sfp.PeerDead):
            channel.receive(WAIT)
        assert channel.is_peer_dead
        assert channel.refused == host.refused == host.features == 0
        assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)


def test_every_kind_of_attachment_reaches_the_child() -> None:
    read, write = os.pipe()
    port, moved = sfp.ReceiveRight(), sfp.ReceiveRight()
    with sfp.Host.spawn(role("carries"), grace=WAIT) as host, host.channel(WAIT) as channel:
        to_moved = moved.make_send()
        to_moved.send(sfp.Message(1, b"queued before it moved"), WAIT)
        memory = sfp.Memory(4096, sfp.MemoryAccess.READ_ONLY_FOR_OTHERS)
        memory.view[:4] = b"only"
        surface = sfp.Surface(4, 4)
        surface.set_value("who", b"the host")
        ours, theirs = sfp.ChannelEnd.pair()
        message = sfp.Message(1, b"all", [port.make_send(), moved, memory, surface, write, theirs])
        with pytest.raises(sfp.WrongState):
            moved.receive(0)
        channel.send(message, WAIT)
        os.close(write)
        assert port.receive(WAIT).payload == b"by the send right"
        with os.fdopen(read, "rb") as file:
            assert file.read() == b"through the pipe"
        with ours.open() as other:
            assert other.receive(WAIT).payload == b"by the other channel"
            other.send(sfp.Message(3), WAIT)
            assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)
        assert surface.array[0, 0].tobytes() == b"BGRA"
        to_moved.close()
        port.close()


def test_a_host_can_be_the_producer() -> None:
    with sfp.Host.spawn(role("consumes", "20"), grace=WAIT) as host:
        with sfp.Producer(64, 48, mode=sfp.PresentMode.FIFO) as producer:
            with producer.consumer_right() as right:
                with pytest.raises((sfp.WrongState, AssertionError)):
                    host.offer(right)
                    raise AssertionError("it may have connected before")
                host.wait_connected(WAIT)
                host.offer(right)
            for n in range(20):
                with producer.acquire(WAIT) as image:
                    image.array[:] = n
                    image.info = sfp.PresentInfo(user=n.to_bytes(8, "little"))
        assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)


def test_an_invitation_is_for_a_child_of_ones_own() -> None:
    with sfp.Invitation() as invitation:
        environment = os.environ | invitation.environment
        child = subprocess.Popen(role("frames", "10"), env=environment, pass_fds=invitation.fds)
        with child, invitation.into_host(child.pid) as host, host.consumer(WAIT) as frames:
            assert [int(frame.array[0, 0, 0]) for frame in frames] == list(range(10))
            assert host.process_id == child.pid
            assert child.wait(WAIT) == 0
        assert invitation.closed


def test_closing_a_host_ends_the_session() -> None:
    host = sfp.Host.spawn(role("waits"), grace=WAIT)
    host.wait_connected(WAIT)
    child = host.process_id
    host.close()
    # It was reaped: there is no such child of ours any more.
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_what_cannot_be_started_is_an_exception() -> None:
    with pytest.raises(sfp.NotFound):
        sfp.Host.spawn(["/no/such/program"])
    nothing: list[str] = []
    for wrong in (nothing, "a text"):
        with pytest.raises(sfp.InvalidArgument):
            sfp.Host.spawn(wrong)


def test_the_childs_environment_and_folder_are_as_asked(tmp_path: Path) -> None:
    program = "import os, sys; sys.exit(os.environ.get('WHO') != 'you' or os.getcwd() != sys.argv[1])"
    folder = tmp_path.resolve()
    with sfp.Host.spawn(
        [sys.executable, "-c", program, folder], environment={"WHO": "you"}, directory=folder
    ) as host:
        assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)


def test_who_was_not_started_by_a_host_cannot_connect() -> None:
    with pytest.raises(sfp.NotFound):
        sfp.Child.connect(WAIT)
