"""Write the generated files, or with --check fail when one differs: `make generate`."""

from __future__ import annotations

import sys

from . import emit_c, emit_python, spec


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    stale = []
    for path, render in {**emit_c.FILES, **emit_python.FILES}.items():
        target, text = spec.ROOT / path, render()
        if target.exists() and target.read_text() == text:
            continue
        stale.append(path)
        if not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    for path in stale:
        print(f"{'stale' if check else 'wrote'} {path}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
