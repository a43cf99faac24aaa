"""Layouts describe what numpy does to real arrays."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pal_edge.compiler.layout import Layout, refine

SHAPES = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4).map(tuple)


def logical(layout: Layout, memory: np.ndarray) -> np.ndarray:
    """Read the logical array that `memory` holds in this layout."""
    flat = np.empty(layout.size, memory.dtype)
    flat[layout.flat_index()] = memory
    return flat.reshape(layout.shape)


@given(SHAPES, st.data())
def test_views_read_what_numpy_computes(shape: tuple[int, ...], data: st.DataObject) -> None:
    layout = Layout.ordered(shape, tuple(data.draw(st.permutations(range(len(shape))))))
    memory = np.arange(layout.size)
    value = logical(layout, memory)
    for _ in range(3):
        if data.draw(st.booleans()):
            perm = tuple(data.draw(st.permutations(range(value.ndim))))
            layout, value = layout.transpose(perm), value.transpose(perm)
        else:
            wanted = data.draw(st.sampled_from([(layout.size,), (1, layout.size), (*value.shape, 1),
                                                (2, layout.size // 2), (layout.size // 3, 3)]))
            reshaped = layout.reshape(wanted) if math.prod(wanted) == layout.size else None
            if reshaped is None:
                continue
            layout, value = reshaped, value.reshape(wanted)
        assert np.array_equal(logical(layout, memory), value)


def test_flatten_of_channels_last_needs_no_copy() -> None:
    layout = Layout.channels_last((1, 3, 4, 5)).reshape((1, 60))
    assert layout is not None and layout.order() is None
    assert list(layout.axis_index(1)[:4]) == [0, 20, 40, 1]


def test_channel_shuffle_is_a_view() -> None:
    layout = Layout.channels_last((1, 12, 4, 4)).reshape((1, 3, 4, 4, 4))
    assert layout is not None
    shuffled = layout.transpose((0, 2, 1, 3, 4)).reshape((1, 12, 4, 4))
    assert shuffled is not None and shuffled.split({1}) is not None
    assert list(shuffled.axis_index(1)) == [(i % 4) * 3 + i // 4 for i in range(12)]


def test_reshape_that_straddles_axes_is_refused() -> None:
    assert Layout.ordered((4, 6), (1, 0)).reshape((3, 8)) is None


@given(SHAPES, st.data())
def test_refinement_keeps_every_element(shape: tuple[int, ...], data: st.DataObject) -> None:
    layout = Layout.ordered(shape, tuple(data.draw(st.permutations(range(len(shape))))))
    cuts = {math.prod(shape[i:]) for i in range(len(shape))}
    fine = refine([(n, s, b) for (n, s), b in zip(layout.flat(), layout.strides(), strict=True)], cuts)

    def walk(loops: list[tuple[int, int]]) -> list[int]:
        index = np.zeros(1, np.int64)
        for size, step in loops:
            index = (index[:, None] + np.arange(size) * step).reshape(-1)
        return list(index)

    assert walk([(n, s) for n, s, _ in fine]) == list(layout.flat_index())
    assert walk([(n, b) for n, _, b in fine]) == list(range(layout.size))
