"""Memory over time and code counts, against slower ways to find them out."""

from __future__ import annotations

import numpy as np
import pytest

import pal_edge
from pal_edge.reporting import full_report
from pal_edge.reporting.codes import signed_counts
from pal_edge.reporting.memory import live_bytes
from pal_edge.spec.commands import Opcode
from pal_edge.spec.registers import Region
from tests.compiler.frontend.models import model as parse
from tests.compiler.frontend.models import rand


@pytest.fixture(scope="module")
def branched() -> tuple[pal_edge.Model, np.ndarray]:
    """Two convolutions of one value, added: something must wait while another is computed."""
    proto = parse("(float[1,3,8,8] x) => (float[1,4,4,4] y)",
                  "a = Conv<pads=[1,1,1,1]>(x, w) b = Conv<pads=[1,1,1,1]>(a, v) c = Sigmoid(a) d = Mul(b, c) "
                  "e = Conv(a, u) f = Add(d, e) y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(f)",
                  w=rand(4, 3, 3, 3), v=rand(4, 4, 3, 3), u=rand(4, 4, 1, 1))
    data = np.random.default_rng(0).normal(size=(3, 3, 8, 8)).astype(np.float32)
    return pal_edge.convert(proto, {"x": data}, optimize="none"), data


def cells(region: int, offset: int, h: int, w: int, n: int, row: int, px: int) -> set[tuple[int, int]]:
    """Return the scratch bytes of a map as (region, address)."""
    return {(region, offset + y * row + x * px + i) for y in range(h) for x in range(w) for i in range(n)
            if region in (Region.SRAM, Region.ARENA)}


def test_live_bytes_are_those_written_before_and_read_later(branched: tuple[pal_edge.Model, np.ndarray]) -> None:
    model, _ = branched
    spans = []  # per command: bytes written, bytes read
    for c in model.commands:
        read = cells(c.ifm_region, c.ifm_offset, c.ifm_h, c.ifm_w, c.ifm_c, c.ifm_row, c.ifm_px)
        if c.opcode in (Opcode.ADD, Opcode.MUL):
            read |= cells(c.ifm2_region, c.ifm2_offset, c.ifm_h, c.ifm_w, c.ifm_c, c.ifm2_row, c.ifm2_px)
        spans.append((cells(c.ofm_region, c.ofm_offset, c.ofm_h, c.ofm_w, c.ofm_c, c.ofm_row, c.ofm_px), read))
    expected = []
    for now in range(len(spans)):
        waiting, later = set(), set()  # what a later command reads before it is written again
        for written, read in spans[now + 1:]:
            waiting |= read - later
            later |= written
        expected.append(len(waiting | spans[now][0] | spans[now][1]))
    found = live_bytes(model)
    assert [sum(pair) for pair in zip(found["sram"], found["arena"], strict=True)] == expected
    assert max(expected) == model.report.memory_lower_bound


def test_counts_are_of_every_weight_and_output(branched: tuple[pal_edge.Model, np.ndarray]) -> None:
    model, data = branched
    report = full_report(model, {"x": data})
    by_value = {layer.value: i for i, layer in enumerate(report.figures.layers)}
    assert int(report.weight_codes[by_value["a"]].sum()) == 4 * 3 * 9
    assert report.weight_codes[by_value["y"]] is None
    with pal_edge.InferenceSession(model) as session:
        codes = np.stack([session.trace({"x": data[i : i + 1]})["b"] for i in range(3)])
    np.testing.assert_array_equal(report.activation_codes[by_value["b"]], signed_counts(codes))


def test_signed_counts_run_from_the_most_negative_code() -> None:
    counts = signed_counts(np.array([0xFF, 0x81, 0x81, 0x00, 0x80, 0x01, 0x7F, 0x7F, 0x7F], np.uint8))
    assert len(counts) == 255 and counts.sum() == 9
    assert (counts[0], counts[126], counts[127], counts[128], counts[254]) == (1, 2, 2, 1, 3)
