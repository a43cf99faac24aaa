"""Small charts as inline SVG, without any library: colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from .codes import RANGE, Counts

_LABEL, _BAR, _VALUE, _ROW = 200, 420, 100, 18
_POINTS = 1500  # of a curve; more cannot be told apart


def _svg(width: float, height: float, title: str, body: Sequence[str]) -> str:
    return (f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{escape(title)}">'
            + "".join(body) + "</svg>")


def bars(title: str, rows: Sequence[tuple[str, float | None, str]]) -> str:
    """Draw one bar a row of (label, value, value as text); nothing for None."""
    largest = max((value for _, value, _ in rows if value is not None and math.isfinite(value)), default=0) or 1
    body = []
    for index, (label, value, text) in enumerate(rows):
        y = index * _ROW
        length = 0.0 if value is None else _BAR * max(min(value / largest, 1.0), 0.0)
        short = label if len(label) <= 30 else "…" + label[-29:]
        body.append(
            f'<g><title>{escape(label)}: {escape(text)}</title><text x="{_LABEL - 6}" y="{y + 13}" class="end">'
            f'{escape(short)}</text><rect x="{_LABEL}" y="{y + 3}" width="{length:.1f}" height="{_ROW - 6}"/>'
            f'<text x="{_LABEL + length + 6:.1f}" y="{y + 13}">{escape(text)}</text></g>')
    return _svg(_LABEL + _BAR + _VALUE, len(rows) * _ROW + 4, title, body)


def memory(title: str, below: Sequence[int], above: Sequence[int], bound: int) -> str:
    """Draw two stacked step curves over the commands, and a line at `bound`; bytes."""
    width, height, left, foot = 640, 180, 70, 20
    lower, total = _thinned(np.array(below)), _thinned(np.array(below) + np.array(above))
    top = max(int(total.max(initial=0)), bound, 1) * 1.05

    def path(values: np.ndarray) -> str:
        step = width / max(len(values), 1)
        points = "".join(f"V{height - value / top * height:.1f}H{left + (i + 1) * step:.1f}"
                         for i, value in enumerate(values.tolist()))
        return f"M{left} {height}{points}V{height}Z"

    level = height - bound / top * height
    return _svg(left + width + 10, height + foot, title, [
        f'<path class="second" d="{path(total)}"/><path d="{path(lower)}"/>',
        f'<line x1="{left}" x2="{left + width}" y1="{level:.1f}" y2="{level:.1f}"/>',
        f'<text x="{left - 6}" y="{level + 4:.1f}" class="end">{bound:,}</text>',
        f'<text x="{left - 6}" y="{height}" class="end">0</text>',
        f'<text x="{left}" y="{height + 15}">command 0</text>',
        f'<text x="{left + width}" y="{height + 15}" class="end">{max(len(below) - 1, 0):,}</text>',
    ])


def _thinned(values: np.ndarray) -> np.ndarray:
    """Return at most _POINTS values, each the largest of its stretch."""
    if len(values) <= _POINTS:
        return values
    return np.array([part.max() for part in np.array_split(values, _POINTS)])


def histogram(title: str, counts: Counts) -> str:
    """Draw how often each signed code occurs; the bar of zero apart in colour, and its share in the text."""
    width, height = len(counts), 60
    total, zero = max(int(counts.sum()), 1), int(counts[RANGE])
    others = np.delete(counts, RANGE)
    top = max(int(others.max(initial=0)), 1)
    outline = "".join(f"V{height - min(count / top, 1.0) * height:.1f}h1" for count in counts.tolist())
    ends = int(counts[0] + counts[-1])
    note = f"zero {zero / total:.1%} · ends {ends / total:.1%}"
    return _svg(width, height + 16, f"{title}: {note}", [
        f"<title>{escape(title)}: {note}</title>",
        f'<path d="M0 {height}{outline}V{height}Z"/>',
        f'<rect class="second" x="{RANGE}" y="{height - min(zero / top, 1.0) * height:.1f}" width="1" '
        f'height="{min(zero / top, 1.0) * height:.1f}"/>',
        f'<text x="0" y="{height + 13}">{note}</text>',
    ])
