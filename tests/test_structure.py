"""The shape of the source tree: who may know whom, how long a file may be, what the packages show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NATIVE = "pal_edge.runtime._pal"  # compiled, so not among the sources
MAX_LINES = 500

# For a module, by its longest listed prefix: the modules of this project that it may import.
# An entry allows itself and everything below it.
MAY_IMPORT = {
    "pal_edge.errors": (),
    "pal_edge.version": (),
    "pal_edge.spec": ("pal_edge.spec",),
    "pal_edge.numeric": ("pal_edge.numeric", "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.report": ("pal_edge.container", "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.reporting": ("pal_edge.reporting", "pal_edge.container", "pal_edge.report", "pal_edge.runtime",
                           "pal_edge.spec"),
    "pal_edge.coding": ("pal_edge.coding", "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.container": ("pal_edge.coding", "pal_edge.report", "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.compiler": ("pal_edge.compiler", "pal_edge.container", "pal_edge.numeric", "pal_edge.spec",
                          "pal_edge.errors"),
    "pal_edge.runtime": ("pal_edge.runtime", "pal_edge.board", "pal_edge.link", "pal_edge.container",
                         "pal_edge.numeric", "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.runtime.native": ("pal_edge.runtime._pal", "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.link": ("pal_edge.link", "pal_edge.runtime.native", "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.board": ("pal_edge.board", "pal_edge.link", "pal_edge.runtime.native", "pal_edge.container",
                       "pal_edge.spec", "pal_edge.errors"),
    "pal_edge.cli": ("pal_edge",),
    "pal_edge.__main__": ("pal_edge.cli",),
    "pal_edge": tuple(f"pal_edge.{path.stem}" for path in (ROOT / "pal_edge").iterdir() if path.stem != "cli"),
    "host_tools.generators": ("host_tools.generators",),
    "host_tools": ("host_tools", "pal_edge"),
}
# The same for `#include "..."` in C, by folder: the public headers are below driver/include.
MAY_INCLUDE = {
    "driver/include": ("driver/include",),
    "driver/src": ("driver/include", "driver/src"),
    "driver/link": ("driver/include", "driver/link"),
    "driver/bus": ("driver/include", "driver/bus"),
    "driver/sim": ("driver/include", "driver/sim", "driver/bus"),
    "firmware/include": ("driver/include", "firmware/include"),
    **{f"firmware/{part}": ("driver/include", "firmware/include", f"firmware/{part}")
       for part in ("app", "boot", "flash", "kept", "loader", "server", "store", "update")},
}


def sources(*folders: str, suffixes: tuple[str, ...] = (".py", ".c", ".h")) -> list[Path]:
    """Return the source files below `folders`, relative to the repository."""
    found = (path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*"))
    return sorted(p for p in found if p.suffix in suffixes and "build" not in p.parts)


def is_generated(path: Path) -> bool:
    return "Generated from driver/spec by `make generate`" in (ROOT / path).read_text()[:200]


def module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


PYTHON = sources("pal_edge", "host_tools", suffixes=(".py",))
C = sources("driver", "firmware", suffixes=(".c", ".h"))
MODULES = {module(path) for path in PYTHON} | {NATIVE}


def imports(path: Path, text: str) -> Iterator[str]:
    """Yield the full name of every module that the text imports."""
    package = list(path.parts[:-1])
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1] if node.level else [])
            base = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in MODULES else base


def below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def forbidden(path: Path, text: str) -> list[str]:
    name = module(path)
    allowed = MAY_IMPORT[max((p for p in MAY_IMPORT if below(name, p)), key=len)]
    return [f"{path}: {name} must not import {each}" for each in imports(path, text)
            if each.split(".")[0] in {"pal_edge", "host_tools", "pal_edge_tools"}
            and not any(below(each, prefix) for prefix in allowed)]


def test_python_imports_only_in_the_allowed_directions() -> None:
    assert not [line for path in PYTHON for line in forbidden(path, (ROOT / path).read_text())]


@pytest.mark.parametrize(("path", "text"), [
    ("pal_edge/compiler/lower/conv.py", "from ...runtime import InferenceSession"),
    ("pal_edge/compiler/emit.py", "from .. import runtime"),
    ("pal_edge/runtime/session.py", "from ..cli import main"),
    ("pal_edge/numeric/codec.py", "def late():\n    import pal_edge.container"),
    ("pal_edge/convert.py", "from host_tools.generators import spec"),
    ("pal_edge/cli/run.py", "import pal_edge_tools.generators"),
])
def test_a_forbidden_import_is_found(path: str, text: str) -> None:
    assert len(forbidden(Path(path), text)) == 1


def test_only_one_module_imports_the_native_library() -> None:
    users = {module(path) for path in PYTHON for each in imports(path, (ROOT / path).read_text())
             if each == NATIVE}
    assert len(users) == 1, users


def resolve(path: Path, name: str) -> Path | None:
    """Return the file that `#include "name"` in `path` means, as the compiler looks for it."""
    folders = [ROOT / path.parent, ROOT / "driver/include", *(ROOT / folder for folder in MAY_INCLUDE)]
    found = (folder / name for folder in folders)
    hit = next((each.resolve() for each in found if each.is_file()), None)
    return hit.relative_to(ROOT) if hit else None


def test_c_includes_only_in_the_allowed_directions() -> None:
    wrong = []
    for path in C:
        folder = next((f for f in MAY_INCLUDE if path.is_relative_to(f)), None)
        if folder is None:  # tests and fuzz targets may see everything
            continue
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', (ROOT / path).read_text(), re.M):
            target = resolve(path, name)
            if target is None or not any(target.is_relative_to(f) for f in MAY_INCLUDE[folder]):
                wrong.append(f'{path}: "{name}"')
    assert not wrong


@pytest.mark.parametrize("path", sources("pal_edge", "host_tools", "driver", "firmware", "tests", "examples"), ids=str)
def test_files_stay_short(path: Path) -> None:
    assert is_generated(path) or len((ROOT / path).read_text().splitlines()) < MAX_LINES


def test_generated_files_and_only_they_have_the_banner() -> None:
    folders = ("driver/include/pal/spec", "pal_edge/spec")
    with_banner = {path for path in sources("pal_edge", "driver") if is_generated(path)}
    assert with_banner == {p for p in sources(*folders) if p.name != "__init__.py"}


def bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the module's own statements bind."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        else:
            names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
            yield from (each.id for each in names if isinstance(each.ctx, ast.Store))


@pytest.mark.parametrize("path", [p for p in PYTHON if "__all__" in (ROOT / p).read_text()], ids=str)
def test_public_names_are_sorted_and_there(path: Path) -> None:
    tree = ast.parse((ROOT / path).read_text())
    names: list[str] = next(ast.literal_eval(node.value) for node in tree.body
                            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
    assert list(names) == sorted(names)
    assert set(names) <= set(bound(tree))


def test_every_folder_is_a_package_and_so_in_the_wheel() -> None:
    folders = {path.parent for path in PYTHON}
    assert folders == {path.parent for path in PYTHON if path.name == "__init__.py"}


@pytest.mark.parametrize("path", C, ids=str)
def test_c_files_state_their_licence(path: Path) -> None:
    assert is_generated(path) or "SPDX-License-Identifier: Apache-2.0" in (ROOT / path).read_text()[:200]
