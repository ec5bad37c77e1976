"""Values that C would cut, wrap or misread are refused, with the name of the parameter and its range."""

from __future__ import annotations

import ctypes
import decimal
import enum
import math
import os
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import surfaceport as sfp
from conftest import WAIT, role
from surfaceport._native import functions, structures
from surfaceport._native.handles import HANDLES
from surfaceport._native.library import library

INTEGERS = {
    ctypes.c_int: (-(2**31), 2**31 - 1),
    ctypes.c_int32: (-(2**31), 2**31 - 1),
    ctypes.c_uint32: (0, 2**32 - 1),
    ctypes.c_int64: (-(2**63), 2**63 - 1),
    ctypes.c_uint64: (0, 2**64 - 1),
    ctypes.c_size_t: (0, 2**64 - 1),
}

NO_INTEGERS: list[Any] = [
    True,
    False,
    1.0,
    math.nan,
    "1",
    b"1",
    None,
    [],
    object(),
    decimal.Decimal(1),
    np.True_,
]


class Number(enum.IntEnum):
    """One of them."""

    SEVEN = 7


def parameters() -> dict[Any, list[tuple[str, Callable[[Any], object]]]]:
    """By type, each parameter and each field of a struct: its name, and what gives it a value."""
    found: dict[Any, list[tuple[str, Callable[[Any], object]]]] = {}
    for name, (system, _, declared) in functions.DECLARATIONS.items():
        if system in ("all", sys.platform):
            for (parameter, kind), given in zip(
                declared.items(), getattr(library, name).argtypes, strict=True
            ):
                found.setdefault(kind, []).append((parameter, given.from_param))
    for name, struct in vars(structures).items():
        if name.startswith("sfp_"):
            for field, kind in struct._fields_:

                def write(value: Any, struct: Any = struct, field: str = field) -> None:
                    struct(**{field: value})
                    setattr(struct(), field, value)

                if kind is not ctypes.c_void_p:  # The library alone writes these.
                    found.setdefault(kind, []).append((field, write))
    return found


PARAMETERS = parameters()


@pytest.mark.parametrize("kind", PARAMETERS, ids=lambda kind: kind.__name__)
def test_each_parameter_and_field_has_a_check(kind: Any) -> None:
    for name, call in PARAMETERS[kind]:
        refuses_what_is_wrong(name, kind, call)


def refuses_what_is_wrong(name: str, kind: Any, call: Callable[[Any], object]) -> None:
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        for value in (low, high, np.int32(5), Number.SEVEN):
            call(value)
        for value in (low - 1, high + 1, -(2**64) + 1, 2**64 + 7, 10**40):
            with pytest.raises(
                sfp.InvalidArgument, match=f"^{name} must be from {low} to {high}, not {value}$"
            ):
                call(value)
        for value in NO_INTEGERS:
            with pytest.raises(TypeError, match=f"^{name} must be an int, not "):
                call(value)
    elif kind is ctypes.c_bool:
        for value in (True, False):
            call(value)
        for value in (0, 1, "no", None, [], 0.0):
            with pytest.raises(TypeError, match=f"^{name} must be a bool, not "):
                call(value)
    elif kind is ctypes.c_char_p:
        call("text")
        for value in ("a\0b", "\0", b"a\0"):
            with pytest.raises(sfp.InvalidArgument, match=f"^{name} must not contain a NUL"):
                call(value)
        for value in (5, True, 1.0, [], bytearray(b"a")):
            with pytest.raises(TypeError, match=f"^{name} must be a text, not "):
                call(value)
    elif kind is ctypes.c_void_p:
        call(b"bytes")
        with pytest.raises(TypeError, match=f"^{name} must be bytes, not a str$"):
            call("text")
        for value in (-1, 2**64):
            with pytest.raises(sfp.InvalidArgument):
                call(value)
        for value in (True, 1.5):
            with pytest.raises(TypeError):
                call(value)
    elif kind is ctypes.POINTER(ctypes.c_char_p):
        call(["a", b"b", Path("c")])
        with pytest.raises(sfp.InvalidArgument, match=f"^{name} must be a list of texts"):
            call("a text")
        for wrong in (5, [5], ["a", None], [True]):
            with pytest.raises(TypeError, match=f"^{name} must be "):
                call(wrong)
        with pytest.raises(sfp.InvalidArgument, match=f"^{name} must not contain a NUL"):
            call(["a", "b\0c"])
    elif isinstance(kind, type) and issubclass(kind, ctypes.Array):
        size = ctypes.sizeof(kind)
        for content in (b"", bytes(size), bytearray(1), memoryview(b"x")):
            call(content)
        with pytest.raises(
            sfp.InvalidArgument, match=f"^{name} must have at most {size} bytes, not {size + 1}$"
        ):
            call(bytes(size + 1))
        for no_bytes in ("text", 5, None):
            with pytest.raises(TypeError, match=f"^{name} must be bytes, not "):
                call(no_bytes)
    else:
        # What only the package makes: pointers to results, structs, and the object whose method calls.
        assert (
            kind in HANDLES
            or issubclass(kind, (ctypes.Structure, ctypes._Pointer))
            or (
                issubclass(kind, (ctypes._CFuncPtr, ctypes.c_void_p))  # type: ignore[attr-defined]
            )
        )


def refused(call: Callable[[], object], kind: type[Exception], words: str) -> None:
    files = len(os.listdir("/dev/fd"))
    with pytest.raises(kind, match=words):
        call()
    assert len(os.listdir("/dev/fd")) == files


def test_wrong_numbers_and_descriptors_are_refused() -> None:
    message = sfp.Message(1)
    port = sfp.ReceiveRight()
    with sfp.PortSet() as ports:
        range_of_fd = "must be from -2147483648 to 2147483647"
        for fd in (2**40, 2**32, -(2**40)):
            refused(lambda: message.attach(fd), sfp.InvalidArgument, f"^fd {range_of_fd}, not {fd}$")
            refused(lambda: sfp.SendRight.from_fd(fd), sfp.InvalidArgument, f"^fd {range_of_fd}")
            refused(lambda: sfp.ReceiveRight.from_fd(fd), sfp.InvalidArgument, f"^fd {range_of_fd}")
            refused(lambda: sfp.ChannelEnd.from_fds(0, fd), sfp.InvalidArgument, f"^send_fd {range_of_fd}")
        refused(lambda: message.attach(-1), sfp.InvalidArgument, ".")
        refused(lambda: message.attach(True), TypeError, "^fd must be an int, not a bool$")
        refused(lambda: message.attach(1.5), TypeError, "a float cannot be attached")
        assert message.attachments == ()
        for index in (-1, 2**64):
            refused(lambda: message.take(index), sfp.InvalidArgument, "^index must be from 0 ")
            refused(lambda: message.take_memory(index), sfp.InvalidArgument, "^index must be from 0 ")
        for number in (-1, 2**32):
            refused(
                lambda: sfp.Message(number), sfp.InvalidArgument, f"^id must be from 0 to {2**32 - 1}, not "
            )
        for size in (-1, 2**64):
            refused(lambda: sfp.Memory(size), sfp.InvalidArgument, "^size must be from 0 ")
        for key in (-1, 2**64 + 1):
            refused(lambda: ports.add(port, key), sfp.InvalidArgument, "^key must be from 0 ")
        refused(lambda: ports.add(port, True), TypeError, "^key must be an int, not a bool$")
    for wrong in (8.0, "8", True):
        size_of_a_surface: Any = wrong
        refused(lambda: sfp.Surface(size_of_a_surface, 8), TypeError, "^width must be an int, not ")
        refused(lambda: sfp.Producer(8, size_of_a_surface), TypeError, "^height must be an int, not ")
        refused(
            lambda: sfp.Producer(8, 8, images=size_of_a_surface), TypeError, "^images must be an int, not "
        )
    surface = sfp.Surface(8, 8)
    refused(lambda: surface.plane(-1), sfp.InvalidArgument, "^index must be from 0 ")
    row: Any = 1.0
    refused(lambda: surface.plane(0).row(row), TypeError, "^y must be an int, not a float$")
    with sfp.Invitation() as invitation:
        for process in (-1, 2**32 + os.getpid()):
            refused(lambda: invitation.into_host(process), sfp.InvalidArgument, "^process_id must be from 0 ")
        allow: Any = "no"
        refused(
            lambda: invitation.set_allow_descendants(allow), TypeError, "^allow must be a bool, not a str$"
        )


def test_wrong_words_for_a_frame_are_refused() -> None:
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"display_ns": 2**64 + 7}, ValueError, f"^display_ns must be from {-(2**63)} to {2**63 - 1}, not "),
        ({"display_ns": 1.5}, TypeError, "^display_ns must be an int, not a float$"),
        ({"display_ns": True}, TypeError, "^display_ns must be an int, not a bool$"),
        ({"damage": (-1, 0, 1, 1)}, ValueError, "^x must be from 0 to 4294967295, not -1$"),
        ({"damage": sfp.Rectangle(0, 0, 1, 2**32)}, ValueError, "^height must be from 0 "),
        ({"damage": (0, 0, 1.0, 1)}, TypeError, "^width must be an int, not a float$"),
        ({"damage": (1, 2)}, TypeError, "missing"),
        ({"damage": 5}, TypeError, "."),
        ({"user": "text"}, TypeError, "^user must be bytes, not a str$"),
        ({"user": 5}, TypeError, "^user must be bytes, not an int$"),
        ({"user": bytes(65)}, ValueError, "^user must have at most 64 bytes, not 65$"),
        ({"color_space": "sRGB"}, TypeError, "^color_space must be an int, not a str$"),
        ({"color_space": -1}, ValueError, "^color_space must be from 0 "),
    ]
    with sfp.Producer(8, 8) as producer, producer.consumer_right() as right, right.attach() as consumer:
        image = producer.acquire(WAIT)
        for said, kind, words in wrong:
            with pytest.raises(kind, match=words):
                image.present(sfp.PresentInfo(**said))
        no_info: Any = {"user": b""}
        with pytest.raises(TypeError, match="^info must be a PresentInfo, not a dict$"):
            image.present(no_info)
        view: Any = memoryview(b"x")
        image.present(sfp.PresentInfo(user=view, display_ns=2**63 - 1))
        with consumer.acquire(WAIT) as frame:
            assert frame.number == 1
            assert frame.info.display_ns == 2**63 - 1


def test_texts_are_not_bytes_and_bytes_are_no_texts() -> None:
    anything: Any
    for anything in ("text", 5, 1.5, None, [1, "a"]):
        message = sfp.Message(1)
        with pytest.raises(TypeError, match="^data must be bytes, not "):
            message.append(anything)
        if anything is not None:
            with pytest.raises(TypeError, match="^data must be bytes, not "):
                sfp.Message(1, anything)
        assert message.payload == b""
    assert sfp.Message(1, memoryview(b"abcdef")[::2]).payload == b"ace"
    assert sfp.Message(1, bytearray(b"abc")).payload == b"abc"
    surface = sfp.Surface(4, 4)
    for anything in ("text", 5, None):
        with pytest.raises(TypeError, match="^value must be bytes, not "):
            surface.set_value("name", anything)
    for name in ("a\0b", "\0"):
        for call in (surface.value, surface.remove_value, sfp.bootstrap.check_in, sfp.bootstrap.look_up):
            with pytest.raises(ValueError, match="^name must not contain a NUL"):
                call(name)
        with pytest.raises(ValueError, match="^name must not contain a NUL"):
            surface.set_value(name, b"x")
    for anything in (5, None, ["a"]):
        for other in (surface.value, sfp.bootstrap.check_in, sfp.bootstrap.look_up):
            with pytest.raises((TypeError, sfp.InvalidArgument)):
                other(anything)
    assert surface.value_names == ()


def test_what_is_started_is_refused_whole() -> None:
    program = [sys.executable, "-c", ""]
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"argv": [*program, "a\0b"]}, ValueError, "^argv must not contain a NUL"),
        ({"argv": [*program, 5]}, TypeError, "^argv must be a text, not an int$"),
        ({"argv": program[0]}, ValueError, "^argv must be a list of texts, not one text$"),
        ({"argv": 5}, TypeError, "^argv must be a list of texts, not an int$"),
        (
            {"environment": {"A=B": "c"}},
            ValueError,
            "^a name in environment must not be empty or contain '=': 'A=B'$",
        ),
        ({"environment": {"": "c"}}, ValueError, "^a name in environment must not be empty or contain '='"),
        ({"environment": {"A\0": "c"}}, ValueError, "^a name in environment must not contain a NUL"),
        ({"environment": {"A": "c\0d"}}, ValueError, "^A in environment must not contain a NUL"),
        ({"environment": {"A": 5}}, TypeError, "^A in environment must be a text, not an int$"),
        ({"environment": ["A=b"]}, TypeError, "^environment must be a mapping, not a list$"),
        ({"directory": "/tmp\0/x"}, ValueError, "^directory must not contain a NUL"),
        ({"directory": 5}, TypeError, "^directory must be a text, not an int$"),
        ({"end_of_life": 1.0}, TypeError, "^end_of_life must be an int, not a float$"),
        ({"end_of_life": -1}, ValueError, "^end_of_life must be from 0 "),
        ({"clear_environment": "no"}, TypeError, "^clear_environment must be a bool, not a str$"),
        ({"allow_descendants": 0}, TypeError, "^allow_descendants must be a bool, not an int$"),
        ({"hello_timeout": "5"}, TypeError, "^a timeout must be seconds or None, not a str$"),
        ({"grace": math.nan}, ValueError, "."),
    ]
    for options, kind, words in wrong:
        refused(lambda: sfp.Host.spawn(**{"argv": program, **options}), kind, words)
    said = "import os, sys; sys.exit(os.environ['A'] != 'b=c' or os.environb[b'B'] != b'\\xff')"
    with sfp.Host.spawn([sys.executable, "-c", said], environment={"A": "b=c", b"B": b"\xff"}) as host:
        assert host.wait_exit(WAIT) == (sfp.ExitKind.EXITED, 0)


def test_what_is_no_handle_of_that_kind_is_refused() -> None:
    wrong: Any
    with sfp.ReceiveRight() as port, port.make_send() as right, sfp.PortSet() as ports:
        for wrong in (right, "port", None, 5):
            with pytest.raises(TypeError, match="^right must be a ReceiveRight, not "):
                ports.add(wrong, 1)
        for wrong in (port, "port", None):
            with pytest.raises(TypeError, match="^right must be a SendRight, not "):
                ports.watch(wrong, 1)
            with pytest.raises(TypeError, match="^right must be a SendOnceRight, not "):
                sfp.Message(1).set_reply_right(wrong)
        for wrong in (port, b"bytes", None):
            with pytest.raises(TypeError, match="^message must be a Message, not "):
                right.send(wrong, WAIT)
        closed = sfp.ReceiveRight()
        closed.close()
        with pytest.raises(sfp.WrongState, match="the ReceiveRight is closed"):
            ports.add(closed, 2)


def test_what_is_refused_keeps_nothing() -> None:
    """The surface in the message ends with it; conftest.py counts them."""
    no_time: Any = "5"
    with sfp.ReceiveRight() as port, port.make_send() as right:
        message = sfp.Message(1, attachments=[sfp.Surface(4, 4)])
        for call in (right.send, right.request):
            with pytest.raises(TypeError, match="^a timeout must be seconds or None, not a str$"):
                call(message, no_time)
        assert len(message.attachments) == 1


def test_a_wrong_mode_takes_no_offer() -> None:
    wrong: Any
    with sfp.Host.spawn(role("newest", "1"), grace=WAIT) as host:
        for wrong, kind in (("mailbox", TypeError), (True, TypeError), (77, ValueError), (-1, ValueError)):
            with pytest.raises(kind, match="^mode must be "):
                host.consumer(WAIT, mode=wrong)
        with host.consumer(WAIT) as frames:
            frames.acquire(WAIT).close()


def test_handles_are_made_by_the_library() -> None:
    kinds: list[Any] = [
        sfp.SendRight,
        sfp.Channel,
        sfp.ChannelEnd,
        sfp.Child,
        sfp.Consumer,
        sfp.ConsumerRight,
        sfp.Frame,
    ]
    for kind in kinds:
        for wrong in (12345, None, b"bytes", sfp.Surface(4, 4)):
            with pytest.raises(TypeError, match=f"^a {kind.__name__} is made by the library, not of "):
                kind(wrong)


def test_timeouts_are_seconds() -> None:
    with sfp.ReceiveRight() as port, port.make_send():
        good: list[Any] = [
            0,
            0.0,
            -1,
            -math.inf,
            np.float32(0),
            np.int64(0),
            Fraction(1, 10**6),
            decimal.Decimal(0),
        ]
        for timeout in good:
            with pytest.raises(sfp.TimedOut):
                port.receive(timeout)
        bad: list[Any] = ["1", b"1", True, [], object()]
        for timeout in bad:
            with pytest.raises(TypeError, match=r"^a timeout must be seconds or None, not an? \w+$"):
                port.receive(timeout)
        with pytest.raises(ValueError):
            port.receive(math.nan)
    one, other = sfp.ChannelEnd.pair()
    with one.open() as channel, other.open():
        for seconds in (0, 1e-6, 5, 1e30, math.inf):
            channel.set_spin_time(seconds)
        with pytest.raises(sfp.InvalidArgument, match="^seconds must be 0 or more, not -1$"):
            channel.set_spin_time(-1)
        for wrong in [None, *bad]:
            with pytest.raises(TypeError):
                channel.set_spin_time(wrong)
