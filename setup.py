"""Only what pyproject.toml cannot say: packages under another name, the extension and its stable ABI."""

from setuptools import find_packages, setup

TOOLS = find_packages(include=["host_tools", "host_tools.*"])

setup(
    packages=find_packages(include=["pal_edge", "pal_edge.*"])
    + ["pal_edge_tools" + name.removeprefix("host_tools") for name in TOOLS],
    cffi_modules=["pal_edge/runtime/_build.py:ffi"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
