"""The one compiled part, which a computer without a compiler does without; the rest is declared."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "midtone.bilateral_grid._slice",
            ["src/midtone/bilateral_grid/_slice.c"],
            # No contraction: NumPy, which has none, gives the same pixels.
            extra_compile_args=["-O3", "-ffp-contract=off", "-Wno-psabi"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
