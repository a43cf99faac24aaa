"""The report as one HTML file that needs nothing else: no script, no network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from ..spec.targets import TARGETS
from . import FullReport
from .charts import bars, histogram, memory
from .codes import Counts

_STYLE = """
:root { color-scheme: light dark; --ink: #222; --dim: #667; --line: #ccd; --one: #2b6cb0; --two: #d08a2e;
  --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --dim: #99a; --line: #445; --one: #6aa5e0; --two: #e0a95a; --paper: #16181c } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem;
  margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2.2rem }
p, dd, figcaption { color: var(--dim) } dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1.2rem }
dt, dd { margin: 0 } .scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--line); white-space: nowrap;
  max-width: 15rem; overflow: hidden; text-overflow: ellipsis }
.number { text-align: right }
svg { max-width: 100%; height: auto; display: block } svg text { font-size: 11px; fill: var(--ink) }
svg .end { text-anchor: end } svg rect, svg path { fill: var(--one) }
.one { color: var(--one) } .two { color: var(--two) }
svg .second { fill: var(--two) } svg line { stroke: var(--ink); stroke-dasharray: 4 3 }
.codes { display: grid; grid-template-columns: repeat(auto-fill, minmax(35rem, 1fr)); gap: 1rem }
.codes figure { margin: 0; display: grid; grid-template-columns: 1fr 1fr; gap: .2rem 1rem }
.codes figcaption { grid-column: 1 / -1; overflow: hidden; text-overflow: ellipsis }
"""


def render(report: FullReport) -> str:
    """Return the page."""
    figures = report.figures
    source = str(report.provenance.get("source", "model"))
    names = [layer.name for layer in figures.layers]
    parts = [
        f"<h1>{escape(source)} on {escape(figures.target)}</h1>", _summary(report),
        "<h2>Layers</h2>", _layers(report),
        "<h2>Signal above error</h2><p>dB, against float on the calibration data. Errors add up along the network: "
        "what matters is where it falls.</p>",
        bars("SQNR by layer", [(layer.name, layer.sqnr_db, _decibel(layer.sqnr_db)) for layer in figures.layers
                               if layer.sources]),
        "<h2>Cycles</h2><p>Of the engine, for one inference; 0 is on the CPU.</p>",
        bars("cycles by layer", [(layer.name, layer.cycles, f"{layer.cycles:,}") for layer in figures.layers]),
        "<h2>Memory over time</h2><p>Bytes that hold a value still needed, during each command: "
        "<b class=one>in SRAM</b> and <b class=two>in the arena</b>. "
        f"Reserved are {figures.sram_bytes:,} in SRAM and {figures.arena_bytes:,} in the arena; the dashed line is "
        "the least that any placement of these layers needs.</p>",
        memory("live bytes by command", report.sram, report.arena, figures.memory_lower_bound),
        "<h2>Codes in use</h2><p>Left the weights, right what the layer computes: codes from −127 to 127, the smallest "
        "magnitudes in the middle. <b class=two>Zero</b> has a colour of its own; its bar may be cut off at the "
        "height of the others. Many codes at the ends are saturated values.</p>",
        '<div class="codes">',
        *(_codes(name, weights, activations) for name, weights, activations
          in zip(names, report.weight_codes, report.activation_codes, strict=True)),
        "</div>",
    ]
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(source)} on {escape(figures.target)}</title><style>{_STYLE}</style></head><body>\n"
            + "\n".join(parts) + "\n</body></html>\n")


def _summary(report: FullReport) -> str:
    figures = report.figures
    clock = TARGETS[figures.target].clock_hz
    rows = [
        ("file", f"{figures.file_bytes:,} bytes, of them constants {figures.constant_bytes:,} before coding"),
        ("memory", f"SRAM {figures.sram_bytes:,} bytes, arena {figures.arena_bytes:,} bytes, "
                   f"lower bound {figures.memory_lower_bound:,} bytes"),
        ("MACs", f"{figures.macs:,}"),
        ("cycles", f"{figures.cycles:,} = {figures.seconds * 1e3:.3g} ms at {clock / 1e6:g} MHz"),
    ]
    for key, value in report.provenance.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        rows.append((key.replace("_", " "), text))
    return "<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>" for key, text in rows) + "</dl>"


def _layers(report: FullReport) -> str:
    rows = [(layer.name, layer.op, ", ".join(layer.sources[:2]) + (" …" if len(layer.sources) > 2 else ""),
             "×".join(map(str, layer.shape)), f"{layer.macs:,}", f"{layer.weight_bytes:,}", _decibel(layer.sqnr_db),
             f"{layer.cycles:,}") for layer in report.figures.layers]
    return _table(("layer", "op", "nodes", "shape", "MACs", "weight bytes", "SQNR dB", "cycles"), rows, 4)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], first_number: int) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(
            f"<{tag}{' class=number' if i >= first_number else ''} title=\"{escape(cell)}\">{escape(cell)}</{tag}>"
            for i, cell in enumerate(cells)) + "</tr>"

    return ('<div class="scroll"><table><thead>' + line(head, "th") + "</thead><tbody>"
            + "\n".join(line(row, "td") for row in rows) + "</tbody></table></div>")


def _decibel(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if math.isfinite(value) else "exact"


def _codes(name: str, weights: Counts | None, activations: Counts | None) -> str:
    if weights is None and activations is None:
        return ""
    drawn = ["<span></span>" if counts is None else histogram(f"{what} of {name}", counts)
             for what, counts in (("weights", weights), ("output", activations))]
    return f'<figure><figcaption>{escape(name)}</figcaption>{"".join(drawn)}</figure>'
