"""Builds the wheel: cargo builds the library, which lies in the package under its own name.

The package calls the library by ctypes, so one wheel is for every Python 3 of a system. With
SURFACEPORT_WHEEL_LIBRARY, the file of a library that was built before, cargo is not run: that is how wheels
for other systems are made, together with `--plat-name`.
"""

import os
import shutil
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools_rust import Binding, RustExtension, Strip
from setuptools_rust.build import build_rust

PREBUILT = os.environ.get("SURFACEPORT_WHEEL_LIBRARY")
NAME = "libsurfaceport.dylib" if sys.platform == "darwin" else "libsurfaceport.so"


class Wheel(bdist_wheel):
    """Any Python 3, this system only."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class Library(build_rust):
    """The library's file has no Python version in its name."""

    def get_dylib_ext_path(self, ext: RustExtension, target_fname: str) -> str:
        return str(Path(super().get_dylib_ext_path(ext, target_fname)).with_name(NAME))


class Package(build_py):
    """Brings the library that was built before, and none that an earlier build left."""

    def run(self) -> None:
        super().run()
        package = Path(self.build_lib, "surfaceport")
        for left in package.glob("libsurfaceport.*"):
            left.unlink()
        if PREBUILT:
            shutil.copyfile(PREBUILT, package / Path(PREBUILT).name)


class Binary(Distribution):
    """Has a library for one system, also without an extension."""

    def has_ext_modules(self) -> bool:
        return True


library = RustExtension(
    "surfaceport.libsurfaceport",
    path="../../Cargo.toml",
    binding=Binding.NoBinding,
    debug=False,
    strip=Strip.Debug,
)
setup(
    cmdclass={"bdist_wheel": Wheel, "build_rust": Library, "build_py": Package},
    distclass=Binary,
    rust_extensions=[] if PREBUILT else [library],
)
