"""The one compiled part, which a computer without a compiler does without; the rest is declared.

A wheel with it is tagged for its platform and for every Python from 3.11 on, one without it for any
platform. A release, built by cibuildwheel, must have it, except on Windows, whose usual compiler
lacks the vector extensions of GCC and Clang.
"""

import os
import sys

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

RELEASE = os.environ.get("CIBUILDWHEEL") == "1" and sys.platform != "win32"


class BuildIfPossible(build_ext):
    """Say once that the compiled part is missing."""

    def run(self) -> None:
        """Build it."""
        super().run()
        if not all(os.path.exists(path) for path in self.get_outputs()):
            self.distribution.ext_modules = []
            self.warn("no compiler: midtone will apply corrections with NumPy, 13 times slower")


class TagWhatIsBuilt(bdist_wheel):
    """The wheel's tag depends on whether the compiled part could be built."""

    def run(self) -> None:
        """Build the wheel."""
        self.run_command("build_ext")
        if not self.distribution.has_ext_modules():
            self.root_is_pure = True
            self.py_limited_api = False
        super().run()


setup(
    cmdclass={"build_ext": BuildIfPossible, "bdist_wheel": TagWhatIsBuilt},
    ext_modules=[
        Extension(
            "midtone.bilateral_grid._slice",
            ["src/midtone/bilateral_grid/_slice.c"],
            # No contraction: NumPy, which has none, gives the same pixels.
            extra_compile_args=["-O3", "-ffp-contract=off", "-Wno-psabi"],
            py_limited_api=True,
            optional=not RELEASE,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
