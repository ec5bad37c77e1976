"""Values: what C would cut, wrap or misread is refused before it sees it.

ctypes takes the lower bits of a number that is too large, the truth of any object, and a text up to its
first NUL. So each parameter of a function and each field of a struct has a check, made of its declaration:
by its type, and with its name in the words.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping
from ctypes import (
    POINTER,
    Array,
    c_bool,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
    sizeof,
)
from typing import Any

from ..errors import InvalidArgument
from .handles import Reference

# Gives the value as ctypes takes it, or raises TypeError, or `InvalidArgument`.
Check = Callable[[Any], Any]

_INTEGERS = (c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64)

# The type of a list of texts that NULL ends.
_TEXTS = POINTER(c_char_p)


def check_of(name: str, kind: Any) -> Check | None:
    """The check for a parameter or a field; `None` for what only this package makes."""
    if kind in _INTEGERS:
        bits = 8 * sizeof(kind)
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if kind(-1).value < 0 else (0, 2**bits)
        return _integers(name, low, high - 1)
    if kind is c_bool:
        return _truths(name)
    if kind is c_char_p:
        return lambda value: None if value is None else text(name, value)
    if kind is c_void_p:
        return _memories(name)
    if kind is _TEXTS:
        return lambda value: None if value is None else texts(name, value)
    if isinstance(kind, type) and issubclass(kind, Array):
        return _byte_arrays(name, kind)
    if isinstance(kind, type) and issubclass(kind, Reference):
        return _handles(name, kind)
    return None


def integer(name: str, value: Any) -> int:
    """A whole number, of whatever class; no truth, and no float."""
    try:
        # NumPy's truths have other names, and were numbers before NumPy 2.3.
        if type(value).__name__ not in ("bool", "bool_"):
            return operator.index(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be an int, not {article(value)}")


def text(name: str, value: Any) -> bytes:
    """A text, or a path, as C has it."""
    try:
        encoded = os.fsencode(value)
    except TypeError:
        raise TypeError(f"{name} must be a text, not {article(value)}") from None
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{name} has a character that cannot be encoded: {error}") from None
    if b"\0" in encoded:
        raise InvalidArgument(f"{name} must not contain a NUL: {value!r}")
    return encoded


def texts(name: str, values: Any) -> Array[c_char_p]:
    """Texts, or the entries of an environment, as a list that NULL ends."""
    if isinstance(values, (str, bytes)):
        raise InvalidArgument(f"{name} must be a list of texts, not one text")
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list of texts, not {article(values)}")
    if isinstance(values, Mapping):
        encoded = [_entry(name, key, value) for key, value in values.items()]
    else:
        encoded = [text(name, value) for value in values]
    return (c_char_p * (len(encoded) + 1))(*encoded, None)


def _entry(name: str, key: Any, value: Any) -> bytes:
    variable = text(f"a name in {name}", key)
    if not variable or b"=" in variable:
        raise InvalidArgument(f"a name in {name} must not be empty or contain '=': {key!r}")
    return variable + b"=" + text(f"{key} in {name}", value)


def _integers(name: str, low: int, high: int) -> Check:
    def check(value: Any) -> int:
        number = value if type(value) is int else integer(name, value)
        if low <= number <= high:
            return number
        raise InvalidArgument(f"{name} must be from {low} to {high}, not {number}")

    return check


def _truths(name: str) -> Check:
    def check(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise TypeError(f"{name} must be a bool, not {article(value)}")

    return check


def _memories(name: str) -> Check:
    addresses = _integers(name, 0, 2 ** (8 * sizeof(c_void_p)) - 1)

    def check(value: Any) -> Any:
        if value is None or isinstance(value, (bytes, Array, c_void_p)):
            return value
        if isinstance(value, str):
            raise TypeError(f"{name} must be bytes, not a str")
        return addresses(value)

    return check


def _byte_arrays(name: str, kind: Any) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        content = bytes_of(name, value)
        if len(content) > sizeof(kind):
            raise InvalidArgument(f"{name} must have at most {sizeof(kind)} bytes, not {len(content)}")
        return kind.from_buffer_copy(content.ljust(sizeof(kind), b"\0"))

    return check


def bytes_of(name: str, value: Any) -> bytes:
    """The bytes of whatever has some; no text, and no number."""
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise TypeError(f"{name} must be bytes, not {article(value)}") from None


def _handles(name: str, kind: type[Reference]) -> Check:
    ours = "".join(word.capitalize() for word in kind.__name__.split("_")[1:])

    def check(value: Any) -> Reference:
        # A handle of the package has it; that of a closed one raises.
        reference = value if isinstance(value, Reference) else getattr(value, "_reference", None)
        if isinstance(reference, kind):
            return reference
        raise TypeError(f"{name} must be a {ours}, not {article(value)}")

    return check


def article(value: Any) -> str:
    """What a value is, for a text: *a str*, *an int*, *None*."""
    kind = type(value).__name__
    return "None" if value is None else f"an {kind}" if kind[0].lower() in "aeiou" else f"a {kind}"
