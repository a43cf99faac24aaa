"""Only what pyproject.toml cannot say: the extension module and its stable ABI."""

from setuptools import setup

setup(
    cffi_modules=["pal_edge/runtime/_build.py:ffi"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
