"""The structs of the C API, laid out as in surfaceport.h. What a field gets is checked; see `values`."""

from __future__ import annotations

from ctypes import (
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, ClassVar

from .values import Check, check_of


class Struct(Structure):
    """A struct whose fields have checks."""

    _checks: ClassVar[dict[str, Check]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checks = {name: check_of(name, kind) for name, kind, *_ in cls.__dict__["_fields_"]}
        cls._checks = {name: check for name, check in checks.items() if check is not None}

    def __setattr__(self, name: str, value: Any) -> None:
        check = self._checks.get(name)
        super().__setattr__(name, value if check is None else check(value))


class sfp_port_set_event(Struct):
    """A member of a port set that is ready."""

    _fields_ = (
        ("key", c_uint64),
        ("kind", c_uint32),
    )


class sfp_sender(Struct):
    """Who sent a message, as the kernel says it of this very message."""

    _fields_ = (
        ("process_id", c_uint32),
        ("user_id", c_uint32),
        ("group_id", c_uint32),
    )


class sfp_surface_descriptor(Struct):
    """What a surface is made with. Begin with SFP_SURFACE_DESCRIPTOR_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
        ("format", c_uint32),
        ("backing", c_uint32),
    )


class sfp_plane(Struct):
    """A plane of a surface."""

    _fields_ = (
        ("base", c_void_p),
        ("bytes_per_row", c_size_t),
        ("bytes_per_element", c_size_t),
        ("offset", c_size_t),
        ("size", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
    )


class sfp_pixels(Struct):
    """The pixels of a locked surface, or image."""

    _fields_ = (
        ("base", c_void_p),
        ("bytes_per_row", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
        ("format", c_uint32),
        ("plane_count", c_uint32),
    )


class sfp_surface_totals(Struct):
    """The surfaces of this process, all together."""

    _fields_ = (
        ("count", c_size_t),
        ("bytes", c_uint64),
    )


class sfp_swapchain_options(Struct):
    """What a swapchain is made with. Begin with SFP_SWAPCHAIN_OPTIONS_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
        ("format", c_uint32),
        ("images", c_uint32),
        ("mode", c_uint32),
        ("allocator", c_uint32),
        ("backing", c_uint32),
        ("reserved", c_uint32),
    )


class sfp_rectangle(Struct):
    """A rectangle in pixels, from the upper left corner of the image."""

    _fields_ = (
        ("x", c_uint32),
        ("y", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
    )


class sfp_present_info(Struct):
    """What a producer says of a frame besides its pixels. Begin with SFP_PRESENT_INFO_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("display_ns", c_int64),
        ("damage", sfp_rectangle),
        ("color_space", c_uint32),
        ("reserved", c_uint32),
        ("user", c_uint8 * 64),
    )


class sfp_producer_statistics(Struct):
    """What a producer counts, from its beginning."""

    _fields_ = (
        ("presented", c_uint64),
        ("waited", c_uint64),
        ("refused", c_uint64),
        ("consumers", c_uint32),
        ("reserved", c_uint32),
    )


class sfp_consumer_options(Struct):
    """What a consumer is made with. Begin with SFP_CONSUMER_OPTIONS_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("mode", c_uint32),
        ("reserved", c_uint32),
    )


class sfp_consumer_statistics(Struct):
    """What a consumer counts, from its beginning."""

    _fields_ = (
        ("presented", c_uint64),
        ("shown", c_uint64),
        ("dropped", c_uint64),
        ("waited", c_uint64),
    )


class sfp_frame_info(Struct):
    """What the producer says of a frame: its word, not a fact."""

    _fields_ = (
        ("number", c_uint64),
        ("presented_ns", c_int64),
        ("display_ns", c_int64),
        ("damage", sfp_rectangle),
        ("color_space", c_uint32),
        ("reserved", c_uint32),
        ("user", c_uint8 * 64),
    )


class sfp_spawn_options(Struct):
    """What to start, and how. Begin with SFP_SPAWN_OPTIONS_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("argv", POINTER(c_char_p)),
        ("environment", POINTER(c_char_p)),
        ("directory", c_char_p),
        ("hello_timeout_ns", c_int64),
        ("grace_ns", c_int64),
        ("end_of_life", c_uint32),
        ("clear_environment", c_bool),
        ("allow_descendants", c_bool),
        ("reserved", c_uint8 * 2),
    )


class sfp_exit(Struct):
    """The end of a process."""

    _fields_ = (
        ("kind", c_uint32),
        ("code", c_int32),
    )
