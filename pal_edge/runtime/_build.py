"""Builds `pal_edge.runtime._pal`: the driver and the simulator, in cffi's API mode (abi3).

The declarations come from the real headers, through the C preprocessor: nothing is copied by hand.
"""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from cffi import FFI

DRIVER = Path(__file__).resolve().parents[2] / "driver"
HEADERS = ("pal/arithmetic.h", "pal/coding.h", "pal/link.h", "pal/session.h", "mmio.h", "page.h", "stopwatch.h")
SOURCES = ("src/*.c", "link/*.c", "sim/*.c", "bus/mmio.c", "bus/stopwatch.c")
INCLUDES = ("driver/include", "driver/sim", "driver/bus")


def declarations() -> str:
    """Return what the headers declare, as cffi's parser takes it."""
    compiler = os.environ.get("CC") or (sysconfig.get_config_var("CC") or "cc").split()[0]
    source = "".join(f'#include "{header}"\n' for header in HEADERS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "headers.c"
        path.write_text(source)
        command = [*compiler.split(), "-E", "-DPAL_CDEF", *(f"-I{DRIVER.parent / i}" for i in INCLUDES), str(path)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept, ours = [], False
    for line in text.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            ours = str(DRIVER) in os.path.abspath(marker[1])
        elif ours:
            kept.append(line)
    plain = "\n".join(kept)
    # Inline functions and tables stay in C.
    plain = re.sub(r"static inline [^{;]*\{.*?\n\}", "", plain, flags=re.DOTALL)
    return re.sub(r"static const [^;]*;", "", plain, flags=re.DOTALL)


ffi = FFI()
ffi.cdef(declarations() + """
#define PAL_SESSION_ALIGN ...
extern "Python" void pal_edge_link_text(void *ctx, const uint8_t *data, uint32_t size);
""")
ffi.set_source(
    "pal_edge.runtime._pal",
    "".join(f'#include "{header}"\n' for header in HEADERS),
    sources=sorted(str(p.relative_to(DRIVER.parent)) for pattern in SOURCES for p in DRIVER.glob(pattern)),
    include_dirs=list(INCLUDES),
    extra_compile_args=["-std=c11", "-O3"],
    py_limited_api=True,
)
