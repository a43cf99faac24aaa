"""Tiling: compute chains of layers in stripes of rows, so that what lies between them stays on chip.

A value that does not fit into the on-chip memory would travel through system memory twice. Where only
the next layer reads it, both are run stripe by stripe instead: for the rows that the last layer of the
chain computes, each layer before it computes the rows needed, those that two stripes share in both.
The rewrite works on commands alone: any command can be cut to some rows of its output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..spec.commands import WINDOW_OPCODES, Command, Opcode
from ..spec.registers import Region
from .allocate import allocate
from .program import Buffer, Draft, LoweredLayer, Program, aligned

_ROWWISE = WINDOW_OPCODES | {Opcode.ADD, Opcode.MUL, Opcode.MAP}


@dataclass(frozen=True)
class Rows:
    """Rows [first, end) of a map."""

    first: int
    end: int

    def joined(self, other: Rows | None) -> Rows:
        return self if other is None else Rows(min(self.first, other.first), max(self.end, other.end))


def tile(program: Program, sram_bytes: int) -> None:
    """Rewrite the program's commands so that fewer values leave the chip; its results stay the same."""
    allocate(program.drafts, sram_bytes)
    placed = _placed(program)
    spilled = {id(buffer) for buffer in placed if buffer.region == Region.ARENA}
    for buffer in placed:
        buffer.region = None
    position = 0
    while position < len(program.layers):
        chain = _chain(program, position, spilled)
        if len(chain) > 1:
            _stripe(program, position, len(chain), sram_bytes)
        position += 1


def _placed(program: Program) -> list[Buffer]:
    """Return the buffers that `allocate` placed in SRAM or ARENA."""
    found = {id(b): b for d in program.drafts for b in (d.ifm, d.ifm2, d.ofm)
             if b is not None and b.region in (Region.SRAM, Region.ARENA)}
    return list(found.values())


def _drafts(program: Program, layer: LoweredLayer) -> list[Draft]:
    return program.drafts[layer.first_command : layer.first_command + layer.command_count]


def _chain(program: Program, position: int, spilled: set[int]) -> list[LoweredLayer]:
    """Return the layers from `position` on that are joined by spilled values nobody else reads."""
    chain = [program.layers[position]]
    while position + len(chain) < len(program.layers):
        last, following = chain[-1], program.layers[position + len(chain)]
        between = _output(_drafts(program, last))
        made, used = _drafts(program, last), _drafts(program, following)
        if between is None or id(between) not in spilled or not _only_reader(program, between, following) \
                or not _rowwise(made, None) or not _rowwise(used, between) or not _same_rows(made, used):
            break
        chain.append(following)
    return chain


def _output(drafts: list[Draft]) -> Buffer | None:
    """Return the one buffer that all commands write."""
    return drafts[0].ofm if len({id(d.ofm) for d in drafts}) == 1 else None


def _only_reader(program: Program, buffer: Buffer, layer: LoweredLayer) -> bool:
    inside = {id(d) for d in _drafts(program, layer)}
    return all(id(d) in inside for d in program.drafts if buffer in (d.ifm, d.ifm2))


def _rowwise(drafts: list[Draft], source: Buffer | None) -> bool:
    """Whether every command computes all rows of one map, from the rows of `source` if that is given."""
    first = drafts[0].command
    for draft in drafts:
        c = draft.command
        if c.opcode not in _ROWWISE or c.ofm_h != first.ofm_h or c.ofm_row != first.ofm_row \
                or c.ofm_offset >= c.ofm_row or draft.ofm.size != c.ofm_h * c.ofm_row:
            return False
        if source is not None and (draft.ifm is not source or draft.ifm2 is source
                                   or c.ifm_offset >= c.ifm_row or source.size != c.ifm_h * c.ifm_row):
            return False
    return first.ofm_h > 1


def _same_rows(made: list[Draft], used: list[Draft]) -> bool:
    """Whether what is written as rows is read as the same rows; a ConvTranspose writes several as one."""
    return all(d.command.ifm_row == made[0].command.ofm_row for d in used)


def _needed(command: Command, rows: Rows) -> Rows:
    """Return the input rows that these output rows read."""
    if command.opcode not in WINDOW_OPCODES:
        return rows
    first = rows.first * command.stride_y - command.pad_top
    last = (rows.end - 1) * command.stride_y - command.pad_top + (command.kh - 1) * command.dilation_y
    return Rows(min(max(first, 0), command.ifm_h - 1), min(max(last, 0), command.ifm_h - 1) + 1)


def _cut(draft: Draft, rows: Rows, source: tuple[Buffer, Rows] | None, target: tuple[Buffer, Rows]) -> Draft:
    """Return the command that computes only `rows`, between buffers that hold only some rows."""
    c = draft.command
    needed = _needed(c, rows)
    held = source[1].first if source else 0
    fields = {"ofm_h": rows.end - rows.first, "ifm_h": needed.end - needed.first,
              "ofm_offset": c.ofm_offset + (rows.first - target[1].first) * c.ofm_row,
              "ifm_offset": c.ifm_offset + (needed.first - held) * c.ifm_row}
    if c.opcode in WINDOW_OPCODES:
        fields["pad_top"] = needed.first - (rows.first * c.stride_y - c.pad_top)
    elif draft.ifm2 is not None:
        fields["ifm2_offset"] = c.ifm2_offset + rows.first * c.ifm2_row
    return Draft(replace(c, **fields), source[0] if source else draft.ifm, target[0], draft.ifm2)


def _stripe(program: Program, position: int, length: int, sram_bytes: int) -> None:
    """Replace layers [position, position + length) by one whose commands run in stripes."""
    chain = program.layers[position : position + length]
    stages = [_drafts(program, layer) for layer in chain]
    height = stages[-1][0].command.ofm_h
    stripes = 1
    while stripes < height and _live(stages, -(-height // stripes)) > sram_bytes:
        stripes *= 2
    rows = -(-height // min(stripes, height))
    first, end = chain[0].first_command, chain[-1].first_command + chain[-1].command_count
    striped = [draft for start in range(0, height, rows)
               for draft in _one_stripe(stages, Rows(start, min(start + rows, height)))]
    program.drafts[first:end] = [replace(d, command=replace(d.command, layer=position)) for d in striped]
    whole = LoweredLayer(
        " + ".join(layer.name for layer in chain), "Tiled", tuple(s for layer in chain for s in layer.sources),
        chain[-1].value, chain[-1].placed, first, len(striped), sum(layer.macs for layer in chain),
        sum(layer.weight_bytes for layer in chain))
    grown = len(striped) - (end - first)
    program.layers[position : position + length] = [whole]
    for index in range(position + 1, len(program.layers)):
        later = program.layers[index]
        later = replace(later, first_command=later.first_command + grown)
        program.layers[index] = later
        for i in range(later.first_command, later.first_command + later.command_count):
            draft = program.drafts[i]
            program.drafts[i] = replace(draft, command=replace(draft.command, layer=index))


def _spans(stages: list[list[Draft]], rows: Rows) -> list[Rows]:
    """Return, for every stage, the output rows that it computes so that the last one computes `rows`."""
    spans = [rows]
    for drafts in reversed(stages[1:]):
        needed: Rows | None = None
        for draft in drafts:
            needed = _needed(draft.command, spans[0]).joined(needed)
        spans.insert(0, needed or rows)
    return spans


def _live(stages: list[list[Draft]], rows: int) -> int:
    """Return the most bytes that two neighbouring stripes between the stages take."""
    height = stages[-1][0].command.ofm_h
    middle = max(0, height // 2 - rows // 2)  # where no edge shortens the windows
    spans = _spans(stages, Rows(middle, min(height, middle + rows)))
    sizes = [aligned((span.end - span.first) * drafts[0].command.ofm_row)
             for span, drafts in zip(spans[:-1], stages, strict=False)]
    return max(a + b for a, b in zip(sizes, [*sizes[1:], 0], strict=True))


def _one_stripe(stages: list[list[Draft]], rows: Rows) -> Iterator[Draft]:
    spans = _spans(stages, rows)
    source: tuple[Buffer, Rows] | None = None
    for index, (drafts, span) in enumerate(zip(stages, spans, strict=True)):
        command, whole = drafts[0].command, drafts[0].ofm
        if index + 1 < len(stages):
            piece = Buffer(f"{whole.name}[{span.first}:{span.end}]", (span.end - span.first) * command.ofm_row)
            target = (piece, span)
        else:
            target = (whole, Rows(0, command.ofm_h))
        for draft in drafts:
            yield _cut(draft, span, source, target)
        source = target


def flatten(program: Program) -> None:
    """Make one long row of every 1x1 convolution over a dense map: it keeps all pixel lanes busy."""
    for index, draft in enumerate(program.drafts):
        c = draft.command
        simple = c.opcode == Opcode.CONV and (c.kh, c.kw, c.stride_y, c.stride_x) == (1, 1, 1, 1) \
            and not c.pad_top and not c.pad_left and c.ifm_h == c.ofm_h > 1 and c.ifm_w == c.ofm_w
        if simple and c.ifm_row == c.ifm_w * c.ifm_px and c.ofm_row == c.ofm_w * c.ofm_px \
                and c.ifm_h * c.ifm_w <= 0xFFFF:
            long = {"ifm_h": 1, "ifm_w": c.ifm_h * c.ifm_w, "ofm_h": 1, "ofm_w": c.ofm_h * c.ofm_w}
            program.drafts[index] = replace(draft, command=replace(c, **long))
