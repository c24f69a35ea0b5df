"""The compiled parts, which a computer without a compiler does without; the rest is declared.

The second needs the headers of libjpeg-turbo, but neither links nor ships it.

A wheel with them is tagged for its platform and for every Python from 3.11 on, one without them
for any platform. A release, built by cibuildwheel, must have them, except on Windows, whose usual
compiler lacks the vector extensions of GCC and Clang.
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
        built = [one for one in self.extensions if os.path.exists(self.get_ext_fullpath(one.name))]
        self.distribution.ext_modules = built
        if not any(one.name.endswith("_slice") for one in built):
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
        ),
        Extension(
            "midtone._jpeg",
            ["src/midtone/_jpeg.c"],
            libraries=["dl"] if sys.platform == "linux" else [],
            py_limited_api=True,
            optional=not RELEASE or sys.platform == "darwin",
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
