"""Ports, messages, port sets, names."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

import pytest
import surfaceport as sfp
from conftest import WAIT, role


def test_messages_come_whole_and_in_order() -> None:
    with sfp.ReceiveRight() as port, port.make_send() as right:
        for n in range(5):
            right.send(sfp.Message(n, bytes([n]) * n * 1000), WAIT)
        for n in range(5):
            message = port.receive(WAIT)
            assert (message.id, message.payload) == (n, bytes([n]) * n * 1000)
            assert message.sender == (os.getpid(), os.geteuid(), os.getegid())


def test_a_message_that_was_sent_is_closed() -> None:
    with sfp.ReceiveRight() as port, port.make_send() as right:
        message = sfp.Message(1, b"once")
        right.send(message, WAIT)
        assert message.closed
        with pytest.raises(sfp.WrongState, match="closed"):
            right.send(message, WAIT)
        assert port.receive(0).payload == b"once"


def test_a_message_whose_sending_failed_is_whole() -> None:
    with sfp.ReceiveRight() as port, port.make_send() as right:
        sent = 0
        message = sfp.Message(1, b"x" * 1000)
        with pytest.raises(sfp.TimedOut):
            while True:
                right.send(message, 0)
                sent += 1
                message = sfp.Message(1, b"x" * 1000)
        assert sent > 0
        assert message.payload == b"x" * 1000
        port.receive(0)
        right.send(message, WAIT)


def test_the_statuses_of_ports_are_exceptions() -> None:
    with sfp.ReceiveRight() as port:
        right = port.make_send()
        with pytest.raises(sfp.TimedOut) as failure:
            port.receive(0)
        assert failure.value.status is sfp.Status.TIMED_OUT
        assert failure.value.detail == str(failure.value) != ""
        assert isinstance(failure.value, TimeoutError)
        right.close()
        with pytest.raises(sfp.NoSenders):
            port.receive(WAIT)
        right = port.make_send()
        assert not right.is_dead
        port.close()
        assert right.is_dead
        with pytest.raises(sfp.PeerDead) as dead:
            right.send(sfp.Message(1), WAIT)
        assert isinstance(dead.value, ConnectionError)
        with pytest.raises(sfp.WrongState):
            port.receive(0)
        right.close()


def test_a_time_that_is_over_is_not_over_before() -> None:
    with sfp.ReceiveRight() as port, port.make_send():
        begin = sfp.now()
        with pytest.raises(sfp.TimedOut):
            port.receive(0.25)
        assert sfp.now() - begin >= 250_000_000


def test_a_request_is_answered() -> None:
    with sfp.ReceiveRight() as port, port.make_send() as right:

        def answer() -> None:
            request = port.receive(WAIT)
            assert request.wants_answer
            request.reply(sfp.Message(request.id + 1, request.payload[::-1]), WAIT)
            assert not request.wants_answer
            with pytest.raises(sfp.WrongState):
                request.reply(sfp.Message(9), WAIT)
            port.receive(WAIT).close()

        other = threading.Thread(target=answer)
        other.start()
        reply = right.request(sfp.Message(1, b"abc"), WAIT)
        assert (reply.id, reply.payload) == (2, b"cba")
        with pytest.raises(sfp.PeerDead):
            right.request(sfp.Message(3), WAIT)
        other.join()


def test_an_answer_can_come_from_elsewhere() -> None:
    with sfp.ReceiveRight() as port, port.make_send() as right, sfp.ReceiveRight() as answers:
        request = sfp.Message(1)
        once = answers.make_send_once()
        request.set_reply_right(once)
        with pytest.raises(sfp.WrongState):
            once.send(sfp.Message(9), WAIT)
        right.send(request, WAIT)
        with port.receive(WAIT).take_reply_right() as reply:
            assert not reply.is_dead
            reply.send(sfp.Message(5), WAIT)
        assert answers.receive(WAIT).id == 5


def test_iteration_ends_with_the_last_sender() -> None:
    with sfp.ReceiveRight() as port:
        with port.make_send() as right:
            for n in range(3):
                right.send(sfp.Message(n), WAIT)
        assert [message.id for message in port] == [0, 1, 2]


def test_attachments_arrive_as_what_they_were() -> None:
    with sfp.ReceiveRight() as port, port.make_send() as right:
        memory = sfp.Memory(4096)
        memory.view[:3] = b"abc"
        with open(os.devnull, "rb") as file:
            right.send(sfp.Message(1, attachments=[memory, file, sfp.Surface(4, 4), right]), WAIT)
        message = port.receive(WAIT)
        kinds = sfp.Attachment
        assert message.attachments == (kinds.MEMORY, kinds.FD, kinds.SURFACE, kinds.SEND_RIGHT)
        taken = [message.take(i) for i in range(4)]
        assert isinstance(taken[0], sfp.Memory) and bytes(taken[0].view[:3]) == b"abc"
        assert isinstance(taken[1], int)
        os.close(taken[1])
        assert isinstance(taken[2], sfp.Surface) and taken[2].width == 4
        assert isinstance(taken[3], sfp.SendRight)
        assert message.attachments == (kinds.NONE,) * 4
        with pytest.raises(sfp.InvalidArgument):
            message.take(0)
        for wrong in (message, "text", None):
            with pytest.raises(TypeError):
                message.attach(wrong)


def test_views_keep_the_memory() -> None:
    memory = sfp.Memory(8192)
    view = memory.view
    view[:4] = b"kept"
    memory.close()
    assert bytes(view[:4]) == b"kept"
    with pytest.raises(sfp.WrongState):
        memory.view


def test_a_port_set_tells_which_member_is_ready() -> None:
    with sfp.PortSet() as ports, sfp.ReceiveRight() as one, sfp.ReceiveRight() as other:
        ports.add(one, 1)
        ports.add(other, 2)
        with pytest.raises(sfp.AlreadyExists):
            ports.add(other, 1)
        with one.make_send() as right, other.make_send() as doomed:
            with pytest.raises(sfp.TimedOut):
                ports.wait(0)
            right.send(sfp.Message(1), WAIT)
            assert ports.wait(WAIT) == (1, sfp.Ready.RECEIVE)
            one.receive(0)
            ports.remove(2)
            ports.watch(doomed, 2)
            other.close()
            assert ports.wait(WAIT) == (2, sfp.Ready.DEAD)
            with pytest.raises(sfp.NotFound):
                ports.remove(7)


def test_a_name_is_found_by_another_process() -> None:
    name = f"surfaceport.python.{os.getpid()}"
    with pytest.raises(sfp.NotFound):
        sfp.bootstrap.look_up(name)
    with sfp.bootstrap.check_in(name) as port:
        with pytest.raises(sfp.AlreadyExists):
            sfp.bootstrap.check_in(name)
        with subprocess.Popen(role("looks_up", name)) as other:
            message = port.receive(WAIT)
            assert (message.id, message.payload) == (7, b"by name")
            assert message.sender.process_id == other.pid
            assert other.wait(WAIT) == 0


def test_a_right_goes_by_its_descriptor() -> None:
    with sfp.ReceiveRight() as port, port.make_send() as right:
        fd = right.into_fd()
        with pytest.raises(sfp.WrongState):
            right.send(sfp.Message(1), 0)
        with sfp.SendRight.from_fd(fd) as again:
            again.send(sfp.Message(4), WAIT)
        os.close(fd)
        assert port.receive(WAIT).id == 4


def test_a_signal_is_handled_while_a_call_waits() -> None:
    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with sfp.ReceiveRight() as port, port.make_send():
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupted):
                port.receive()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_what_is_closed_under_a_waiting_call_stays_for_it() -> None:
    port = sfp.ReceiveRight()
    right = port.make_send()
    began = threading.Event()
    received: list[bytes] = []

    def receive() -> None:
        began.set()
        received.append(port.receive(WAIT).payload)

    other = threading.Thread(target=receive)
    other.start()
    began.wait(WAIT)
    # Whether it waits already or not: either it gets the message, or the port was closed before.
    right.send(sfp.Message(1, b"there"), WAIT)
    other.join(WAIT)
    port.close()
    right.close()
    assert received == [b"there"]


def test_a_region_of_no_bytes_is_refused() -> None:
    with pytest.raises(ValueError):
        sfp.Memory(0)
