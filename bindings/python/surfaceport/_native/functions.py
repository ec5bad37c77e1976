"""The functions of the C API, declared as in surfaceport.h.

Each line has the name, the type of the result, and names and types of the parameters, of which `values`
makes the checks of what is passed. The first parameter is not checked if it is a handle: that is the object
whose method calls. A status is its number: `status.check` makes an exception of it. What returns `c_void_p`
where the header has a handle gives an address, and does not release it: the retains, and what belongs to a
frame or an image.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from ctypes import (
    CFUNCTYPE,
    POINTER,
    ArgumentError,
    c_bool,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

from .handles import (
    HANDLES,
    sfp_channel,
    sfp_channel_end,
    sfp_child,
    sfp_consumer,
    sfp_consumer_right,
    sfp_frame,
    sfp_host,
    sfp_image,
    sfp_invitation,
    sfp_memory,
    sfp_message,
    sfp_port_set,
    sfp_producer,
    sfp_receive_right,
    sfp_send_once_right,
    sfp_send_right,
    sfp_surface,
)
from .library import library
from .structures import (
    sfp_consumer_options,
    sfp_consumer_statistics,
    sfp_exit,
    sfp_frame_info,
    sfp_pixels,
    sfp_plane,
    sfp_port_set_event,
    sfp_present_info,
    sfp_producer_statistics,
    sfp_sender,
    sfp_spawn_options,
    sfp_surface_descriptor,
    sfp_surface_totals,
    sfp_swapchain_options,
)
from .values import Check, check_of

# Every declaration, by name: the system that has it, the result, the parameters by their names.
DECLARATIONS: dict[str, tuple[str, Any, dict[str, Any]]] = {}

sfp_ready_callback = CFUNCTYPE(None, c_void_p)
sfp_context_release = CFUNCTYPE(None, c_void_p)


class _Parameter:
    """A type for ctypes that checks what is passed."""

    __slots__ = ("check", "kind")

    def __init__(self, check: Check, kind: Any) -> None:
        self.check = check
        self.kind = kind

    def from_param(self, value: Any) -> Any:
        """What ctypes passes."""
        return self.kind.from_param(self.check(value))


def _parameter(name: str, kind: Any, is_first: bool) -> Any:
    check = None if is_first and kind in HANDLES else check_of(name, kind)
    return kind if check is None else _Parameter(check, kind)


def _declare(system: str, name: str, result: Any, parameters: dict[str, Any]) -> Callable[..., Any]:
    DECLARATIONS[name] = (system, result, parameters)
    if system not in ("all", sys.platform):

        def not_here(*_: object) -> Any:
            raise NotImplementedError(f"{name}() is not there on {sys.platform}")

        return not_here
    function = getattr(library, name)
    kinds = [_parameter(*item, is_first=n == 0) for n, item in enumerate(parameters.items())]
    function.restype = result
    function.argtypes = kinds
    if not any(isinstance(kind, _Parameter) for kind in kinds):
        return function  # type: ignore[no-any-return]

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except ArgumentError:
            # ctypes makes this of whatever a check raises.
            for kind, value in zip(kinds, arguments, strict=True):
                kind.from_param(value)
            raise

    return call


def _function(name: str, result: Any, /, **parameters: Any) -> Callable[..., Any]:
    return _declare("all", name, result, parameters)


def _on_linux(name: str, result: Any, /, **parameters: Any) -> Callable[..., Any]:
    return _declare("linux", name, result, parameters)


def _on_macos(name: str, result: Any, /, **parameters: Any) -> Callable[..., Any]:
    return _declare("darwin", name, result, parameters)


# What each run loop source and each dispatch source ends with: what to call, with what, and how that ends.
_CALLBACK = {"callback": sfp_ready_callback, "context": c_void_p, "release": sfp_context_release}

sfp_status_name = _function("sfp_status_name", c_char_p, status=c_int32)
sfp_last_error_message = _function("sfp_last_error_message", c_char_p)
sfp_last_error_status = _function("sfp_last_error_status", c_int32)
sfp_version = _function("sfp_version", c_uint32)
sfp_version_string = _function("sfp_version_string", c_char_p)
sfp_time_now = _function("sfp_time_now", c_int64)
sfp_send_right_retain = _function("sfp_send_right_retain", c_void_p, right=sfp_send_right)
sfp_send_right_release = _function("sfp_send_right_release", None, right=sfp_send_right)
sfp_send_right_is_dead = _function(
    "sfp_send_right_is_dead", c_int32, right=sfp_send_right, dead=POINTER(c_bool)
)
sfp_send = _function("sfp_send", c_int32, right=sfp_send_right, message=sfp_message, timeout_ns=c_int64)
sfp_request = _function(
    "sfp_request",
    c_int32,
    right=sfp_send_right,
    message=sfp_message,
    timeout_ns=c_int64,
    answer=POINTER(sfp_message),
)
sfp_send_right_into_fd = _on_linux("sfp_send_right_into_fd", c_int32, right=sfp_send_right, fd=POINTER(c_int))
sfp_send_right_from_fd = _on_linux("sfp_send_right_from_fd", c_int32, fd=c_int, right=POINTER(sfp_send_right))
sfp_send_once_right_retain = _function("sfp_send_once_right_retain", c_void_p, right=sfp_send_once_right)
sfp_send_once_right_release = _function("sfp_send_once_right_release", None, right=sfp_send_once_right)
sfp_send_once_right_is_dead = _function(
    "sfp_send_once_right_is_dead", c_int32, right=sfp_send_once_right, dead=POINTER(c_bool)
)
sfp_send_once = _function(
    "sfp_send_once", c_int32, right=sfp_send_once_right, message=sfp_message, timeout_ns=c_int64
)
sfp_receive_right_create = _function("sfp_receive_right_create", c_int32, right=POINTER(sfp_receive_right))
sfp_receive_right_retain = _function("sfp_receive_right_retain", c_void_p, right=sfp_receive_right)
sfp_receive_right_release = _function("sfp_receive_right_release", None, right=sfp_receive_right)
sfp_receive_right_make_send = _function(
    "sfp_receive_right_make_send", c_int32, right=sfp_receive_right, send=POINTER(sfp_send_right)
)
sfp_receive_right_make_send_once = _function(
    "sfp_receive_right_make_send_once", c_int32, right=sfp_receive_right, once=POINTER(sfp_send_once_right)
)
sfp_receive = _function(
    "sfp_receive", c_int32, right=sfp_receive_right, timeout_ns=c_int64, message=POINTER(sfp_message)
)
sfp_receive_right_fd = _function("sfp_receive_right_fd", c_int, right=sfp_receive_right)
sfp_receive_right_into_fd = _on_linux(
    "sfp_receive_right_into_fd", c_int32, right=sfp_receive_right, fd=POINTER(c_int)
)
sfp_receive_right_from_fd = _on_linux(
    "sfp_receive_right_from_fd", c_int32, fd=c_int, right=POINTER(sfp_receive_right)
)
sfp_port_set_create = _function("sfp_port_set_create", c_int32, set=POINTER(sfp_port_set))
sfp_port_set_retain = _function("sfp_port_set_retain", c_void_p, set=sfp_port_set)
sfp_port_set_release = _function("sfp_port_set_release", None, set=sfp_port_set)
sfp_port_set_add = _function(
    "sfp_port_set_add", c_int32, set=sfp_port_set, right=sfp_receive_right, key=c_uint64
)
sfp_port_set_remove = _function("sfp_port_set_remove", c_int32, set=sfp_port_set, key=c_uint64)
sfp_port_set_watch = _function(
    "sfp_port_set_watch", c_int32, set=sfp_port_set, right=sfp_send_right, key=c_uint64
)
sfp_port_set_unwatch = _function("sfp_port_set_unwatch", c_int32, set=sfp_port_set, key=c_uint64)
sfp_port_set_wait = _function(
    "sfp_port_set_wait", c_int32, set=sfp_port_set, timeout_ns=c_int64, event=POINTER(sfp_port_set_event)
)
sfp_port_set_fd = _function("sfp_port_set_fd", c_int, set=sfp_port_set)
sfp_message_create = _function("sfp_message_create", sfp_message, id=c_uint32)
sfp_message_retain = _function("sfp_message_retain", c_void_p, message=sfp_message)
sfp_message_release = _function("sfp_message_release", None, message=sfp_message)
sfp_message_is_empty = _function("sfp_message_is_empty", c_bool, message=sfp_message)
sfp_message_id = _function("sfp_message_id", c_uint32, message=sfp_message)
sfp_message_append = _function(
    "sfp_message_append", c_int32, message=sfp_message, bytes=c_void_p, size=c_size_t
)
sfp_message_payload = _function("sfp_message_payload", c_void_p, message=sfp_message)
sfp_message_payload_size = _function("sfp_message_payload_size", c_size_t, message=sfp_message)
sfp_message_attach_send_right = _function(
    "sfp_message_attach_send_right", c_int32, message=sfp_message, right=sfp_send_right
)
sfp_message_attach_receive_right = _function(
    "sfp_message_attach_receive_right", c_int32, message=sfp_message, right=sfp_receive_right
)
sfp_message_attach_memory = _function(
    "sfp_message_attach_memory", c_int32, message=sfp_message, memory=sfp_memory
)
sfp_message_attach_surface = _function(
    "sfp_message_attach_surface", c_int32, message=sfp_message, surface=sfp_surface
)
sfp_message_attach_fd = _function("sfp_message_attach_fd", c_int32, message=sfp_message, fd=c_int)
sfp_message_attachment_count = _function("sfp_message_attachment_count", c_size_t, message=sfp_message)
sfp_message_attachment_kind = _function(
    "sfp_message_attachment_kind", c_uint32, message=sfp_message, index=c_size_t
)
sfp_message_take_send_right = _function(
    "sfp_message_take_send_right", c_int32, message=sfp_message, index=c_size_t, right=POINTER(sfp_send_right)
)
sfp_message_take_receive_right = _function(
    "sfp_message_take_receive_right",
    c_int32,
    message=sfp_message,
    index=c_size_t,
    right=POINTER(sfp_receive_right),
)
sfp_message_take_memory = _function(
    "sfp_message_take_memory", c_int32, message=sfp_message, index=c_size_t, memory=POINTER(sfp_memory)
)
sfp_message_take_surface = _function(
    "sfp_message_take_surface", c_int32, message=sfp_message, index=c_size_t, surface=POINTER(sfp_surface)
)
sfp_message_take_fd = _function(
    "sfp_message_take_fd", c_int32, message=sfp_message, index=c_size_t, fd=POINTER(c_int)
)
sfp_message_sender = _function("sfp_message_sender", c_int32, message=sfp_message, sender=POINTER(sfp_sender))
sfp_message_has_reply_right = _function("sfp_message_has_reply_right", c_bool, message=sfp_message)
sfp_message_reply = _function(
    "sfp_message_reply", c_int32, request=sfp_message, answer=sfp_message, timeout_ns=c_int64
)
sfp_message_take_reply_right = _function(
    "sfp_message_take_reply_right", c_int32, message=sfp_message, right=POINTER(sfp_send_once_right)
)
sfp_message_set_reply_right = _function(
    "sfp_message_set_reply_right", c_int32, message=sfp_message, right=sfp_send_once_right
)
sfp_bootstrap_check_in = _function(
    "sfp_bootstrap_check_in", c_int32, name=c_char_p, right=POINTER(sfp_receive_right)
)
sfp_bootstrap_look_up = _function(
    "sfp_bootstrap_look_up", c_int32, name=c_char_p, timeout_ns=c_int64, right=POINTER(sfp_send_right)
)
sfp_memory_create = _function(
    "sfp_memory_create", c_int32, size=c_size_t, access=c_uint32, memory=POINTER(sfp_memory)
)
sfp_memory_retain = _function("sfp_memory_retain", c_void_p, memory=sfp_memory)
sfp_memory_release = _function("sfp_memory_release", None, memory=sfp_memory)
sfp_memory_base = _function("sfp_memory_base", c_void_p, memory=sfp_memory)
sfp_memory_size = _function("sfp_memory_size", c_size_t, memory=sfp_memory)
sfp_memory_is_writable = _function("sfp_memory_is_writable", c_bool, memory=sfp_memory)
sfp_memory_prefault = _function("sfp_memory_prefault", c_int32, memory=sfp_memory)
sfp_memory_write = _function(
    "sfp_memory_write", c_int32, memory=sfp_memory, offset=c_size_t, bytes=c_void_p, size=c_size_t
)
sfp_memory_read = _function(
    "sfp_memory_read", c_int32, memory=sfp_memory, offset=c_size_t, buffer=c_void_p, size=c_size_t
)
sfp_surface_create = _function(
    "sfp_surface_create", c_int32, descriptor=POINTER(sfp_surface_descriptor), surface=POINTER(sfp_surface)
)
sfp_surface_retain = _function("sfp_surface_retain", c_void_p, surface=sfp_surface)
sfp_surface_release = _function("sfp_surface_release", None, surface=sfp_surface)
sfp_surface_id = _function("sfp_surface_id", c_uint32, surface=sfp_surface)
sfp_surface_width = _function("sfp_surface_width", c_uint32, surface=sfp_surface)
sfp_surface_height = _function("sfp_surface_height", c_uint32, surface=sfp_surface)
sfp_surface_pixel_format = _function("sfp_surface_pixel_format", c_uint32, surface=sfp_surface)
sfp_surface_backing = _function("sfp_surface_backing", c_uint32, surface=sfp_surface)
sfp_surface_plane_count = _function("sfp_surface_plane_count", c_uint32, surface=sfp_surface)
sfp_surface_plane = _function(
    "sfp_surface_plane", c_int32, surface=sfp_surface, index=c_size_t, plane=POINTER(sfp_plane)
)
sfp_surface_allocation_size = _function("sfp_surface_allocation_size", c_size_t, surface=sfp_surface)
sfp_surface_prefault = _function("sfp_surface_prefault", c_int32, surface=sfp_surface)
sfp_surface_seed = _function("sfp_surface_seed", c_uint32, surface=sfp_surface)
sfp_surface_lock = _function(
    "sfp_surface_lock", c_int32, surface=sfp_surface, mode=c_uint32, pixels=POINTER(sfp_pixels)
)
sfp_surface_unlock = _function("sfp_surface_unlock", c_int32, surface=sfp_surface, mode=c_uint32)
sfp_surface_use_count = _function("sfp_surface_use_count", c_uint32, surface=sfp_surface)
sfp_surface_increment_use_count = _function("sfp_surface_increment_use_count", c_int32, surface=sfp_surface)
sfp_surface_decrement_use_count = _function("sfp_surface_decrement_use_count", c_int32, surface=sfp_surface)
sfp_surface_is_in_use = _function("sfp_surface_is_in_use", c_bool, surface=sfp_surface)
sfp_surface_set_purgeable = _function(
    "sfp_surface_set_purgeable", c_int32, surface=sfp_surface, state=c_uint32, before=POINTER(c_uint32)
)
sfp_surface_purgeable = _function(
    "sfp_surface_purgeable", c_int32, surface=sfp_surface, state=POINTER(c_uint32)
)
sfp_surface_set_value = _function(
    "sfp_surface_set_value", c_int32, surface=sfp_surface, name=c_char_p, bytes=c_void_p, size=c_size_t
)
sfp_surface_value = _function(
    "sfp_surface_value",
    c_int32,
    surface=sfp_surface,
    name=c_char_p,
    buffer=c_void_p,
    capacity=c_size_t,
    size=POINTER(c_size_t),
)
sfp_surface_remove_value = _function("sfp_surface_remove_value", c_int32, surface=sfp_surface, name=c_char_p)
sfp_surface_value_names = _function(
    "sfp_surface_value_names",
    c_int32,
    surface=sfp_surface,
    buffer=c_void_p,
    capacity=c_size_t,
    size=POINTER(c_size_t),
)
sfp_surface_set_color_space = _function(
    "sfp_surface_set_color_space", c_int32, surface=sfp_surface, space=c_uint32
)
sfp_surface_color_space = _function(
    "sfp_surface_color_space", c_int32, surface=sfp_surface, space=POINTER(c_uint32)
)
sfp_surface_export_fd = _on_linux("sfp_surface_export_fd", c_int32, surface=sfp_surface, fd=POINTER(c_int))
sfp_surface_export_dma_buf = _on_linux(
    "sfp_surface_export_dma_buf", c_int32, surface=sfp_surface, fd=POINTER(c_int)
)
sfp_live_surfaces = _function(
    "sfp_live_surfaces", c_int32, ids=POINTER(c_uint32), capacity=c_size_t, totals=POINTER(sfp_surface_totals)
)
sfp_channel_end_create_pair = _function(
    "sfp_channel_end_create_pair", c_int32, one=POINTER(sfp_channel_end), other=POINTER(sfp_channel_end)
)
sfp_channel_end_retain = _function("sfp_channel_end_retain", c_void_p, end=sfp_channel_end)
sfp_channel_end_release = _function("sfp_channel_end_release", None, end=sfp_channel_end)
sfp_channel_end_open = _function(
    "sfp_channel_end_open", c_int32, end=sfp_channel_end, channel=POINTER(sfp_channel)
)
sfp_message_attach_channel_end = _function(
    "sfp_message_attach_channel_end", c_int32, message=sfp_message, end=sfp_channel_end
)
sfp_message_take_channel_end = _function(
    "sfp_message_take_channel_end", c_int32, message=sfp_message, index=c_size_t, end=POINTER(sfp_channel_end)
)
sfp_channel_end_into_fds = _on_linux(
    "sfp_channel_end_into_fds",
    c_int32,
    end=sfp_channel_end,
    receive_fd=POINTER(c_int),
    send_fd=POINTER(c_int),
)
sfp_channel_end_from_fds = _on_linux(
    "sfp_channel_end_from_fds", c_int32, receive_fd=c_int, send_fd=c_int, end=POINTER(sfp_channel_end)
)
sfp_channel_retain = _function("sfp_channel_retain", c_void_p, channel=sfp_channel)
sfp_channel_release = _function("sfp_channel_release", None, channel=sfp_channel)
sfp_channel_send = _function(
    "sfp_channel_send", c_int32, channel=sfp_channel, message=sfp_message, timeout_ns=c_int64
)
sfp_channel_send_or_drop = _function(
    "sfp_channel_send_or_drop", c_int32, channel=sfp_channel, message=sfp_message, sent=POINTER(c_bool)
)
sfp_channel_request = _function(
    "sfp_channel_request",
    c_int32,
    channel=sfp_channel,
    message=sfp_message,
    timeout_ns=c_int64,
    answer=POINTER(sfp_message),
)
sfp_channel_receive = _function(
    "sfp_channel_receive", c_int32, channel=sfp_channel, timeout_ns=c_int64, message=POINTER(sfp_message)
)
sfp_channel_peer = _function("sfp_channel_peer", c_int32, channel=sfp_channel, peer=POINTER(sfp_sender))
sfp_channel_is_peer_dead = _function(
    "sfp_channel_is_peer_dead", c_int32, channel=sfp_channel, dead=POINTER(c_bool)
)
sfp_channel_refused = _function("sfp_channel_refused", c_uint64, channel=sfp_channel)
sfp_channel_dropped = _function("sfp_channel_dropped", c_uint64, channel=sfp_channel)
sfp_channel_set_spin_time = _function(
    "sfp_channel_set_spin_time", c_int32, channel=sfp_channel, time_ns=c_uint64
)
sfp_channel_writable_fd = _function("sfp_channel_writable_fd", c_int, channel=sfp_channel)
sfp_channel_fd = _function("sfp_channel_fd", c_int, channel=sfp_channel)
sfp_producer_create = _function(
    "sfp_producer_create", c_int32, options=POINTER(sfp_swapchain_options), producer=POINTER(sfp_producer)
)
sfp_producer_retain = _function("sfp_producer_retain", c_void_p, producer=sfp_producer)
sfp_producer_release = _function("sfp_producer_release", None, producer=sfp_producer)
sfp_producer_acquire = _function(
    "sfp_producer_acquire", c_int32, producer=sfp_producer, timeout_ns=c_int64, image=POINTER(sfp_image)
)
sfp_producer_present = _function(
    "sfp_producer_present", c_int32, producer=sfp_producer, image=sfp_image, info=POINTER(sfp_present_info)
)
sfp_producer_resize = _function(
    "sfp_producer_resize", c_int32, producer=sfp_producer, width=c_uint32, height=c_uint32
)
sfp_producer_reconfigure = _function(
    "sfp_producer_reconfigure", c_int32, producer=sfp_producer, descriptor=POINTER(sfp_surface_descriptor)
)
sfp_producer_service = _function("sfp_producer_service", c_int32, producer=sfp_producer)
sfp_producer_drain = _function("sfp_producer_drain", c_int32, producer=sfp_producer, timeout_ns=c_int64)
sfp_producer_get_statistics = _function(
    "sfp_producer_get_statistics", c_int32, producer=sfp_producer, statistics=POINTER(sfp_producer_statistics)
)
sfp_producer_create_consumer_right = _function(
    "sfp_producer_create_consumer_right", c_int32, producer=sfp_producer, right=POINTER(sfp_consumer_right)
)
sfp_producer_set_spin_time = _function(
    "sfp_producer_set_spin_time", c_int32, producer=sfp_producer, time_ns=c_uint64
)
sfp_producer_fd = _function("sfp_producer_fd", c_int, producer=sfp_producer)
sfp_image_retain = _function("sfp_image_retain", c_void_p, image=sfp_image)
sfp_image_release = _function("sfp_image_release", None, image=sfp_image)
sfp_image_surface = _function("sfp_image_surface", c_void_p, image=sfp_image)
sfp_image_index = _function("sfp_image_index", c_size_t, image=sfp_image)
sfp_image_lock = _function(
    "sfp_image_lock", c_int32, image=sfp_image, mode=c_uint32, pixels=POINTER(sfp_pixels)
)
sfp_image_unlock = _function("sfp_image_unlock", c_int32, image=sfp_image)
sfp_consumer_right_retain = _function("sfp_consumer_right_retain", c_void_p, right=sfp_consumer_right)
sfp_consumer_right_release = _function("sfp_consumer_right_release", None, right=sfp_consumer_right)
sfp_message_attach_consumer_right = _function(
    "sfp_message_attach_consumer_right", c_int32, message=sfp_message, right=sfp_consumer_right
)
sfp_message_take_consumer_right = _function(
    "sfp_message_take_consumer_right",
    c_int32,
    message=sfp_message,
    index=c_size_t,
    right=POINTER(sfp_consumer_right),
)
sfp_consumer_attach = _function(
    "sfp_consumer_attach",
    c_int32,
    right=sfp_consumer_right,
    options=POINTER(sfp_consumer_options),
    consumer=POINTER(sfp_consumer),
)
sfp_consumer_retain = _function("sfp_consumer_retain", c_void_p, consumer=sfp_consumer)
sfp_consumer_release = _function("sfp_consumer_release", None, consumer=sfp_consumer)
sfp_consumer_acquire = _function(
    "sfp_consumer_acquire", c_int32, consumer=sfp_consumer, timeout_ns=c_int64, frame=POINTER(sfp_frame)
)
sfp_consumer_get_statistics = _function(
    "sfp_consumer_get_statistics", c_int32, consumer=sfp_consumer, statistics=POINTER(sfp_consumer_statistics)
)
sfp_consumer_set_spin_time = _function(
    "sfp_consumer_set_spin_time", c_int32, consumer=sfp_consumer, time_ns=c_uint64
)
sfp_consumer_fd = _function("sfp_consumer_fd", c_int, consumer=sfp_consumer)
sfp_frame_retain = _function("sfp_frame_retain", c_void_p, frame=sfp_frame)
sfp_frame_release = _function("sfp_frame_release", None, frame=sfp_frame)
sfp_frame_surface = _function("sfp_frame_surface", c_void_p, frame=sfp_frame)
sfp_frame_number = _function("sfp_frame_number", c_uint64, frame=sfp_frame)
sfp_frame_get_info = _function("sfp_frame_get_info", c_int32, frame=sfp_frame, info=POINTER(sfp_frame_info))
sfp_host_spawn = _function(
    "sfp_host_spawn", c_int32, options=POINTER(sfp_spawn_options), host=POINTER(sfp_host)
)
sfp_host_retain = _function("sfp_host_retain", c_void_p, host=sfp_host)
sfp_host_release = _function("sfp_host_release", None, host=sfp_host)
sfp_host_wait_connected = _function("sfp_host_wait_connected", c_int32, host=sfp_host, timeout_ns=c_int64)
sfp_host_accept_consumer = _function(
    "sfp_host_accept_consumer", c_int32, host=sfp_host, timeout_ns=c_int64, consumer=POINTER(sfp_consumer)
)
sfp_host_accept_consumer_right = _function(
    "sfp_host_accept_consumer_right",
    c_int32,
    host=sfp_host,
    timeout_ns=c_int64,
    right=POINTER(sfp_consumer_right),
)
sfp_host_offer_consumer_right = _function(
    "sfp_host_offer_consumer_right", c_int32, host=sfp_host, right=sfp_consumer_right
)
sfp_host_channel = _function(
    "sfp_host_channel", c_int32, host=sfp_host, timeout_ns=c_int64, channel=POINTER(sfp_channel)
)
sfp_host_wait_exit = _function(
    "sfp_host_wait_exit", c_int32, host=sfp_host, timeout_ns=c_int64, exit=POINTER(sfp_exit)
)
sfp_host_kill = _function("sfp_host_kill", c_int32, host=sfp_host)
sfp_host_process_id = _function("sfp_host_process_id", c_uint32, host=sfp_host)
sfp_host_is_connected = _function("sfp_host_is_connected", c_bool, host=sfp_host)
sfp_host_features = _function("sfp_host_features", c_uint64, host=sfp_host)
sfp_host_refused = _function("sfp_host_refused", c_uint64, host=sfp_host)
sfp_host_fd = _function("sfp_host_fd", c_int, host=sfp_host)
sfp_child_connect = _function("sfp_child_connect", c_int32, timeout_ns=c_int64, child=POINTER(sfp_child))
sfp_child_retain = _function("sfp_child_retain", c_void_p, child=sfp_child)
sfp_child_release = _function("sfp_child_release", None, child=sfp_child)
sfp_child_create_producer = _function(
    "sfp_child_create_producer",
    c_int32,
    child=sfp_child,
    options=POINTER(sfp_swapchain_options),
    producer=POINTER(sfp_producer),
)
sfp_child_offer_consumer_right = _function(
    "sfp_child_offer_consumer_right", c_int32, child=sfp_child, right=sfp_consumer_right
)
sfp_child_accept_consumer = _function(
    "sfp_child_accept_consumer", c_int32, child=sfp_child, timeout_ns=c_int64, consumer=POINTER(sfp_consumer)
)
sfp_child_accept_consumer_right = _function(
    "sfp_child_accept_consumer_right",
    c_int32,
    child=sfp_child,
    timeout_ns=c_int64,
    right=POINTER(sfp_consumer_right),
)
sfp_child_channel = _function("sfp_child_channel", c_int32, child=sfp_child, channel=POINTER(sfp_channel))
sfp_child_wait_closed = _function("sfp_child_wait_closed", c_int32, child=sfp_child, timeout_ns=c_int64)
sfp_child_host = _function("sfp_child_host", c_int32, child=sfp_child, host=POINTER(sfp_sender))
sfp_child_features = _function("sfp_child_features", c_uint64, child=sfp_child)
sfp_child_refused = _function("sfp_child_refused", c_uint64, child=sfp_child)
sfp_child_fd = _function("sfp_child_fd", c_int, child=sfp_child)
sfp_invitation_create = _function("sfp_invitation_create", c_int32, invitation=POINTER(sfp_invitation))
sfp_invitation_retain = _function("sfp_invitation_retain", c_void_p, invitation=sfp_invitation)
sfp_invitation_release = _function("sfp_invitation_release", None, invitation=sfp_invitation)
sfp_invitation_environment = _function(
    "sfp_invitation_environment", POINTER(c_char_p), invitation=sfp_invitation
)
sfp_invitation_fds = _function("sfp_invitation_fds", POINTER(c_int), invitation=sfp_invitation)
sfp_invitation_set_hello_timeout = _function(
    "sfp_invitation_set_hello_timeout", c_int32, invitation=sfp_invitation, timeout_ns=c_int64
)
sfp_invitation_set_allow_descendants = _function(
    "sfp_invitation_set_allow_descendants", c_int32, invitation=sfp_invitation, allow=c_bool
)
sfp_invitation_into_host = _function(
    "sfp_invitation_into_host",
    c_int32,
    invitation=sfp_invitation,
    process_id=c_uint32,
    host=POINTER(sfp_host),
)
sfp_surface_iosurface = _on_macos("sfp_surface_iosurface", c_void_p, surface=sfp_surface)
sfp_surface_from_iosurface = _on_macos(
    "sfp_surface_from_iosurface", c_int32, iosurface=c_void_p, surface=POINTER(sfp_surface)
)
sfp_surface_from_pixel_buffer = _on_macos(
    "sfp_surface_from_pixel_buffer", c_int32, buffer=c_void_p, surface=POINTER(sfp_surface)
)
sfp_surface_create_pixel_buffer = _on_macos(
    "sfp_surface_create_pixel_buffer", c_int32, surface=sfp_surface, buffer=POINTER(c_void_p)
)
sfp_surface_create_xpc_object = _on_macos(
    "sfp_surface_create_xpc_object", c_int32, surface=sfp_surface, object=POINTER(c_void_p)
)
sfp_surface_from_xpc_object = _on_macos(
    "sfp_surface_from_xpc_object", c_int32, object=c_void_p, surface=POINTER(sfp_surface)
)
sfp_surface_create_mach_port = _on_macos(
    "sfp_surface_create_mach_port", c_int32, surface=sfp_surface, port=POINTER(c_uint32)
)
sfp_surface_from_mach_port = _on_macos(
    "sfp_surface_from_mach_port", c_int32, port=c_uint32, surface=POINTER(sfp_surface)
)
sfp_send_right_copy_mach_port = _on_macos(
    "sfp_send_right_copy_mach_port", c_int32, right=sfp_send_right, port=POINTER(c_uint32)
)
sfp_send_right_from_mach_port = _on_macos(
    "sfp_send_right_from_mach_port", c_int32, port=c_uint32, right=POINTER(sfp_send_right)
)
sfp_send_once_right_into_mach_port = _on_macos(
    "sfp_send_once_right_into_mach_port", c_int32, right=sfp_send_once_right, port=POINTER(c_uint32)
)
sfp_send_once_right_from_mach_port = _on_macos(
    "sfp_send_once_right_from_mach_port", c_int32, port=c_uint32, right=POINTER(sfp_send_once_right)
)
sfp_receive_right_into_mach_port = _on_macos(
    "sfp_receive_right_into_mach_port", c_int32, right=sfp_receive_right, port=POINTER(c_uint32)
)
sfp_receive_right_from_mach_port = _on_macos(
    "sfp_receive_right_from_mach_port", c_int32, port=c_uint32, right=POINTER(sfp_receive_right)
)
sfp_channel_end_into_mach_ports = _on_macos(
    "sfp_channel_end_into_mach_ports",
    c_int32,
    end=sfp_channel_end,
    receive=POINTER(c_uint32),
    send=POINTER(c_uint32),
)
sfp_channel_end_from_mach_ports = _on_macos(
    "sfp_channel_end_from_mach_ports", c_int32, receive=c_uint32, send=c_uint32, end=POINTER(sfp_channel_end)
)
sfp_runloop_source_create_for_receive_right = _on_macos(
    "sfp_runloop_source_create_for_receive_right", c_void_p, right=sfp_receive_right, **_CALLBACK
)
sfp_runloop_source_create_for_port_set = _on_macos(
    "sfp_runloop_source_create_for_port_set", c_void_p, set=sfp_port_set, **_CALLBACK
)
sfp_runloop_source_create_for_channel = _on_macos(
    "sfp_runloop_source_create_for_channel", c_void_p, channel=sfp_channel, **_CALLBACK
)
sfp_runloop_source_create_for_producer = _on_macos(
    "sfp_runloop_source_create_for_producer", c_void_p, producer=sfp_producer, **_CALLBACK
)
sfp_runloop_source_create_for_consumer = _on_macos(
    "sfp_runloop_source_create_for_consumer", c_void_p, consumer=sfp_consumer, **_CALLBACK
)
sfp_runloop_source_create_for_host = _on_macos(
    "sfp_runloop_source_create_for_host", c_void_p, host=sfp_host, **_CALLBACK
)
sfp_runloop_source_create_for_child = _on_macos(
    "sfp_runloop_source_create_for_child", c_void_p, child=sfp_child, **_CALLBACK
)
sfp_dispatch_source_create_for_receive_right = _on_macos(
    "sfp_dispatch_source_create_for_receive_right",
    c_void_p,
    right=sfp_receive_right,
    queue=c_void_p,
    **_CALLBACK,
)
sfp_dispatch_source_create_for_port_set = _on_macos(
    "sfp_dispatch_source_create_for_port_set", c_void_p, set=sfp_port_set, queue=c_void_p, **_CALLBACK
)
sfp_dispatch_source_create_for_channel = _on_macos(
    "sfp_dispatch_source_create_for_channel", c_void_p, channel=sfp_channel, queue=c_void_p, **_CALLBACK
)
sfp_dispatch_source_create_for_producer = _on_macos(
    "sfp_dispatch_source_create_for_producer", c_void_p, producer=sfp_producer, queue=c_void_p, **_CALLBACK
)
sfp_dispatch_source_create_for_consumer = _on_macos(
    "sfp_dispatch_source_create_for_consumer", c_void_p, consumer=sfp_consumer, queue=c_void_p, **_CALLBACK
)
sfp_dispatch_source_create_for_host = _on_macos(
    "sfp_dispatch_source_create_for_host", c_void_p, host=sfp_host, queue=c_void_p, **_CALLBACK
)
sfp_dispatch_source_create_for_child = _on_macos(
    "sfp_dispatch_source_create_for_child", c_void_p, child=sfp_child, queue=c_void_p, **_CALLBACK
)

for _handle in HANDLES:
    _handle.released_by(globals()[f"{_handle.__name__}_release"])
