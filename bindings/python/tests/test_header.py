"""The ctypes declarations against include/surfaceport.h, for Linux and for macOS: every function, struct,
enumeration and constant, and none that the header does not have.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pycparser import c_ast, c_parser
from surfaceport._native import constants, enums, functions, handles, structures
from surfaceport._native.library import library

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[2] / "include" / "surfaceport.h"

# The preprocessor's symbols of each system, and what sys.platform is there.
SYSTEMS = {
    "linux": ["-U__APPLE__", "-D__linux__=1"],
    "darwin": ["-U__linux__", "-D__APPLE__=1"],
}

NUMBERS = {
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint8_t": ctypes.c_uint8,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "_Bool": ctypes.c_bool,
    "mach_port_t": ctypes.c_uint32,
}

# Types of macOS that are addresses for us.
ADDRESSES = {"CFRunLoopSourceRef", "dispatch_source_t", "dispatch_queue_t", "__IOSurface", "__CVBuffer"}

# A handle that a function returns is an address where the caller does not own it, or owns one by hand.
BORROWED = {"sfp_frame_surface", "sfp_image_surface"}

# Bytes that the function writes, not a text.
BUFFERS = {("sfp_surface_value_names", "buffer")}


def preprocess(system: str, *options: str) -> str:
    """The header behind the preprocessor, with just those system headers that the parser needs."""
    command = ["cc", "-E", "-nostdinc", f"-I{HERE / 'headers'}", *SYSTEMS[system], *options, str(HEADER)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Header:
    """What the header declares for one system."""

    def __init__(self, system: str) -> None:
        tree = c_parser.CParser().parse(preprocess(system, "-P"))
        self.functions: dict[str, Any] = {}
        self.structs: dict[str, Any] = {}
        self.enums: dict[str, Any] = {}
        self.handles: set[str] = set()
        for node in tree.ext:
            kind = node.type
            if isinstance(node, c_ast.Decl) and isinstance(kind, c_ast.FuncDecl):
                self.functions[node.name] = kind
            elif isinstance(node, c_ast.Decl) and isinstance(kind, c_ast.Enum):
                self.enums[kind.name] = kind
            elif isinstance(node, c_ast.Typedef) and isinstance(getattr(kind, "type", None), c_ast.Struct):
                if kind.type.decls is None:
                    self.handles.add(kind.type.name)
                else:
                    self.structs[kind.type.name] = kind.type

    def ctype(self, node: Any) -> Any:
        """The ctypes type of a type in C."""
        if isinstance(node, c_ast.ArrayDecl):
            return self.ctype(node.type) * int(node.dim.value)
        if isinstance(node, c_ast.PtrDecl):
            return self.pointer(node.type)
        inner = node.type
        if isinstance(inner, c_ast.Struct):
            return getattr(structures, inner.name)
        (name,) = inner.names
        if name in self.enums:
            return ctypes.c_int32 if name == "sfp_status" else ctypes.c_uint32
        if name in ADDRESSES:
            return ctypes.c_void_p
        if name in ("sfp_ready_callback", "sfp_context_release"):
            return getattr(functions, name)
        return None if name == "void" else NUMBERS[name]

    def pointer(self, node: Any) -> Any:
        """The ctypes type of a pointer to a type in C."""
        if isinstance(node, c_ast.TypeDecl):
            name = node.type.name if isinstance(node.type, c_ast.Struct) else node.type.names[0]
            if name in self.handles:
                return getattr(handles, name)
            if name in ADDRESSES or name == "void":
                return ctypes.c_void_p
            if name == "char":
                return ctypes.c_char_p
        return ctypes.POINTER(self.ctype(node))

    def parameters(self, name: str) -> list[tuple[str, Any]]:
        """The names and types of a function's parameters, in order."""
        found = self.functions[name].args
        listed = [] if found is None else found.params
        named = []
        for parameter in listed:
            wanted = self.ctype(parameter.type)
            if (name, parameter.name) in BUFFERS:
                wanted = ctypes.c_void_p
            if wanted is not None:  # (void)
                named.append((parameter.name, wanted))
        return named

    def result(self, name: str) -> Any:
        """The type of what a function returns."""
        if name in BORROWED or name.endswith("_retain"):
            return ctypes.c_void_p
        return self.ctype(self.functions[name].type)


@pytest.fixture(scope="module", params=sorted(SYSTEMS))
def header(request: pytest.FixtureRequest) -> Header:
    parsed = Header(request.param)
    parsed.system = request.param  # type: ignore[attr-defined]
    return parsed


def test_every_function_has_the_types_of_the_header(header: Any) -> None:
    declared = {
        name: (result, parameters)
        for name, (system, result, parameters) in functions.DECLARATIONS.items()
        if system in ("all", header.system)
    }
    assert len(header.functions) > 150
    assert declared.keys() == header.functions.keys()
    for name, (result, parameters) in declared.items():
        assert list(parameters.items()) == header.parameters(name), name
        assert result == header.result(name), name


def test_the_functions_are_called_with_what_is_declared() -> None:
    """The library's own function objects have these types, not only our table; or a check before them."""
    for name, (system, result, parameters) in functions.DECLARATIONS.items():
        if system in ("all", sys.platform):
            function: Any = getattr(library, name)
            assert function.restype is result, name
            kinds = [getattr(kind, "kind", kind) for kind in function.argtypes]
            assert kinds == list(parameters.values()), name


def test_every_handle_is_there_and_is_released_by_its_own_function(header: Any) -> None:
    assert {handle.__name__ for handle in handles.HANDLES} == header.handles
    for handle in handles.HANDLES:
        assert handle.release is getattr(functions, f"{handle.__name__}_release")
        assert ctypes.sizeof(handle) == ctypes.sizeof(ctypes.c_void_p)


def test_every_struct_has_the_fields_of_the_header(header: Any) -> None:
    ours = {name for name in vars(structures) if name.startswith("sfp_")}
    assert ours == header.structs.keys()
    for name, struct in header.structs.items():
        wanted = [(field.name, header.ctype(field.type)) for field in struct.decls]
        assert list(getattr(structures, name)._fields_) == wanted, name


def test_every_struct_is_laid_out_as_the_compiler_does(tmp_path: Path) -> None:
    """Size, and offset and size of each field, as the C compiler of this machine has them."""
    lines, wanted = [], []
    for name, struct in Header("linux").structs.items():
        ours = getattr(structures, name)
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        wanted.append(f"{name} {ctypes.sizeof(ours)}")
        for field in struct.decls:
            place = getattr(ours, field.name)
            both = f"offsetof({name}, {field.name}), sizeof((({name} *)0)->{field.name})"
            lines.append(f'printf("{name}.{field.name} %zu %zu\\n", {both});')
            wanted.append(f"{name}.{field.name} {place.offset} {place.size}")
    body = "\n    ".join(lines)
    source = tmp_path / "layout.c"
    source.write_text(
        f"#include <stdio.h>\n#include <surfaceport.h>\nint main(void)\n{{\n    {body}\n    return 0;\n}}\n"
    )
    program = tmp_path / "layout"
    subprocess.run(["cc", f"-I{HEADER.parent}", str(source), "-o", str(program)], check=True)
    said = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == wanted


def test_every_enumeration_has_the_values_of_the_header(header: Any) -> None:
    ours: dict[str, Any] = {
        name: kind
        for name, kind in vars(enums).items()
        if isinstance(kind, type) and kind.__module__ == enums.__name__
    }
    wanted = {
        "".join(word.capitalize() for word in name.split("_")[1:]): kind
        for name, kind in header.enums.items()
    }
    assert ours.keys() == wanted.keys()
    for name, kind in wanted.items():
        prefix = f"{kind.name.upper()}_"
        values = {v.name.removeprefix(prefix): int(v.value.value) for v in kind.values.enumerators}
        assert {member.name: member.value for member in ours[name]} == values, name


def test_every_constant_has_the_value_of_the_header(tmp_path: Path) -> None:
    """The macros that take no argument and are no default options; the compiler says their values."""
    macros = preprocess("linux", "-dM")
    named = re.findall(r"^#define (SFP_\w+) (.+)$", macros, re.MULTILINE)
    names = sorted(name for name, _ in named if not name.endswith("_INIT"))
    ours = {name: value for name, value in vars(constants).items() if name.startswith("SFP_")}
    assert sorted(ours) == names
    source = tmp_path / "constants.c"
    lines = [
        f'printf("{name} %{"s" if isinstance(ours[name], str) else "lld"}\\n", '
        f"{name if isinstance(ours[name], str) else f'(long long)({name})'});"
        for name in names
    ]
    body = "\n    ".join(lines)
    source.write_text(
        f"#include <stdio.h>\n#include <surfaceport.h>\nint main(void)\n{{\n    {body}\n    return 0;\n}}\n"
    )
    program = tmp_path / "constants"
    subprocess.run(["cc", f"-I{HEADER.parent}", str(source), "-o", str(program)], check=True)
    said = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    assert dict(line.split(" ", 1) for line in said.splitlines()) == {k: str(v) for k, v in ours.items()}


def test_each_status_has_its_exception() -> None:
    from surfaceport import Error, Status, errors

    for status in Status:
        if status is not Status.OK:
            kind = errors._BY_STATUS[status]
            assert issubclass(kind, Error)
            assert kind.status is status
            assert functions.sfp_status_name(status) == f"SFP_STATUS_{status.name}".encode()
