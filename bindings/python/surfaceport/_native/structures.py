"""The structs of the C API, laid out as in surfaceport.h."""

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


class sfp_port_set_event(Structure):
    """A member of a port set that is ready."""

    _fields_ = (
        ("key", c_uint64),
        ("kind", c_uint32),
    )


class sfp_sender(Structure):
    """Who sent a message, as the kernel says it of this very message."""

    _fields_ = (
        ("process_id", c_uint32),
        ("user_id", c_uint32),
        ("group_id", c_uint32),
    )


class sfp_surface_descriptor(Structure):
    """What a surface is made with. Begin with SFP_SURFACE_DESCRIPTOR_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
        ("format", c_uint32),
        ("backing", c_uint32),
    )


class sfp_plane(Structure):
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


class sfp_pixels(Structure):
    """The pixels of a locked surface, or image."""

    _fields_ = (
        ("base", c_void_p),
        ("bytes_per_row", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
        ("format", c_uint32),
        ("plane_count", c_uint32),
    )


class sfp_surface_totals(Structure):
    """The surfaces of this process, all together."""

    _fields_ = (
        ("count", c_size_t),
        ("bytes", c_uint64),
    )


class sfp_swapchain_options(Structure):
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


class sfp_rectangle(Structure):
    """A rectangle in pixels, from the upper left corner of the image."""

    _fields_ = (
        ("x", c_uint32),
        ("y", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
    )


class sfp_present_info(Structure):
    """What a producer says of a frame besides its pixels. Begin with SFP_PRESENT_INFO_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("display_ns", c_int64),
        ("damage", sfp_rectangle),
        ("color_space", c_uint32),
        ("reserved", c_uint32),
        ("user", c_uint8 * 64),
    )


class sfp_producer_statistics(Structure):
    """What a producer counts, from its beginning."""

    _fields_ = (
        ("presented", c_uint64),
        ("waited", c_uint64),
        ("refused", c_uint64),
        ("consumers", c_uint32),
        ("reserved", c_uint32),
    )


class sfp_consumer_options(Structure):
    """What a consumer is made with. Begin with SFP_CONSUMER_OPTIONS_INIT."""

    _fields_ = (
        ("struct_size", c_size_t),
        ("mode", c_uint32),
        ("reserved", c_uint32),
    )


class sfp_consumer_statistics(Structure):
    """What a consumer counts, from its beginning."""

    _fields_ = (
        ("presented", c_uint64),
        ("shown", c_uint64),
        ("dropped", c_uint64),
        ("waited", c_uint64),
    )


class sfp_frame_info(Structure):
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


class sfp_spawn_options(Structure):
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


class sfp_exit(Structure):
    """The end of a process."""

    _fields_ = (
        ("kind", c_uint32),
        ("code", c_int32),
    )
