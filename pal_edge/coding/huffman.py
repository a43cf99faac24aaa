"""Canonical Huffman codes, and strings of bits as arrays. Bits go most significant first.

A symbol may be followed by further bits that are no code; how many is a property of the symbol.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ContainerError
from ..spec.container import CODING_MAX_LENGTH as MAX_LENGTH

_DOUBLINGS = 5

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bits = NDArray[np.uint8]


def damaged(why: str) -> ContainerError:
    return ContainerError(f"section CONSTANTS does not decode: {why}; copy or convert the file again")


@dataclass(frozen=True)
class Code:
    """`lengths[symbol]` in bits, 0 for a symbol that does not occur; codes follow from the lengths."""

    lengths: Ints

    @staticmethod
    def build(counts: Ints) -> Code:
        """Return the code of least total length for symbols that occur so often, none over MAX_LENGTH."""
        floor = 0
        while True:
            lengths = _huffman(np.where(counts, np.maximum(counts, floor), 0))
            if lengths.max(initial=0) <= MAX_LENGTH:
                return Code(lengths)
            floor = max(1, floor * 2, int(counts.sum()) >> MAX_LENGTH)

    def bits(self) -> Bits:
        """Return the lengths as stored, each against the one before: 0 same, 10 one more, 110 one less,
        111 and four bits."""
        out, last = [], 0
        for length in self.lengths.tolist():
            plain = [1, 1, 1, *(length >> i & 1 for i in (3, 2, 1, 0))]
            out += {0: [0], 1: [1, 0], -1: [1, 1, 0]}.get(length - last, plain)
            last = length
        return np.array(out, np.uint8)

    @staticmethod
    def read(bits: Bits, at: int, size: int) -> tuple[Code, int]:
        """Return the code of `size` symbols stored at bit `at`, and where it ends. Raises ContainerError."""
        source, position = bits[at : at + 7 * size].tolist() + [0] * 7 * size, 0
        lengths, last = [], 0
        for _ in range(size):
            prefix = source[position : position + 3]
            if not prefix[0]:
                position += 1
            elif not prefix[1]:
                last, position = last + 1, position + 2
            elif not prefix[2]:
                last, position = last - 1, position + 3
            else:
                last = int("".join(map(str, source[position + 3 : position + 7])), 2)
                position += 7
            if not 0 <= last <= MAX_LENGTH:
                raise damaged("a table has a length out of range")
            lengths.append(last)
        code = Code(np.array(lengths, np.int64))
        if at + position > len(bits) or code._widths().sum() > 1 << MAX_LENGTH:
            raise damaged("a table is too long or has too many short codes")
        return code, at + position

    def _widths(self) -> Ints:
        """Return how many words of MAX_LENGTH bits begin with each symbol's code."""
        return np.where(self.lengths, 1 << MAX_LENGTH >> self.lengths, 0)

    def codes(self) -> Words:
        """Return each symbol's code: in order of length, then of symbol."""
        order, widths = np.argsort(self.lengths, kind="stable"), self._widths()
        start = np.zeros_like(widths)
        start[order] = np.cumsum(widths[order]) - widths[order]
        return (start >> (MAX_LENGTH - self.lengths)).astype(np.uint64)

    def lookup(self) -> NDArray[np.int16]:
        """Return the symbol that each word of MAX_LENGTH bits begins with, -1 for none."""
        order, table = np.argsort(self.lengths, kind="stable"), np.full(1 << MAX_LENGTH, -1, np.int16)
        symbols = np.repeat(order, self._widths()[order])
        table[: len(symbols)] = symbols
        return table


def _huffman(counts: Ints) -> Ints:
    """Return the code length of every symbol; a lone symbol has length 1."""
    lengths = np.zeros(len(counts), np.int64)
    used = np.flatnonzero(counts)
    if len(used) < 2:
        lengths[used] = 1
        return lengths
    heap = [(count, node) for node, count in enumerate(counts[used].tolist())]
    heapq.heapify(heap)
    parent = [0] * (2 * len(used) - 1)
    for node in range(len(used), len(parent)):
        a, i = heapq.heappop(heap)
        b, j = heap[0]
        parent[i] = parent[j] = node
        heapq.heapreplace(heap, (a + b, node))
    depth = [0] * len(parent)
    for node in range(len(parent) - 2, -1, -1):
        depth[node] = depth[parent[node]] + 1
    lengths[used] = depth[: len(used)]
    return lengths


def pack(values: Words, lengths: Ints) -> bytes:
    """Return values of at most 46 bits each as a string of bits, padded with zeros to a byte."""
    end = np.cumsum(lengths)
    total = int(end[-1]) if len(end) else 0
    start = end - lengths
    spread = values << (64 - lengths - (start & 7)).astype(np.uint64)
    sums = np.zeros(total // 8 + 9)
    for k in range((int(lengths.max(initial=0)) + 14) // 8):
        part = spread >> np.uint64(56 - 8 * k) & np.uint64(0xFF)
        sums += np.bincount((start >> 3) + k, weights=part, minlength=len(sums))
    return sums[: -(-total // 8)].astype(np.uint8).tobytes()


def unpack(stored: bytes, at: int, code: Code, further: Ints, limit: int) -> tuple[Ints, Words, int]:
    """Return the symbols from bit `at` on, their further bits, and where they end.

    Args:
        further: for each symbol, how many bits follow its code.
        limit: of symbols; fewer are returned where the string ends or a code is invalid.
    """
    total, first = 8 * len(stored), at >> 3
    padded = np.frombuffer(stored[first:] + bytes(8), np.uint8)
    window = np.lib.stride_tricks.sliding_window_view(padded, 8)[: len(stored) - first]
    words = np.ascontiguousarray(window).view(">u8").astype(np.uint64)
    aligned = (words << np.arange(8, dtype=np.uint64)).reshape(-1)  # the word that begins at every bit
    symbol = code.lookup()[aligned >> np.uint64(64 - MAX_LENGTH)]
    end = total - 8 * first
    size = np.where(symbol < 0, end + 1, (code.lengths + further)[symbol])
    # Only one chain of symbols is real. Follow it in strides, then look at what lies in between.
    follow = np.append(np.minimum(np.arange(len(size)) + size, end + 1), [end, end + 1])
    stride = follow
    for _ in range(_DOUBLINGS):
        stride = stride[stride]
    position = at - 8 * first
    starts = [position]
    while starts[-1] < end and len(starts) << _DOUBLINGS < limit:
        starts.append(int(stride[starts[-1]]))
    steps = [np.array(starts)]
    for _ in range((1 << _DOUBLINGS) - 1):
        steps.append(follow[steps[-1]])
    here = np.stack(steps, axis=1).reshape(-1)
    here = here[here < end][:limit]
    if len(here) and follow[here[-1]] > end:  # padding, or what damage looks like
        here = here[:-1]
    if len(here):
        position = int(follow[here[-1]])
    symbols = symbol[here].astype(np.int64)
    count = further[symbols].astype(np.uint64)
    rest = aligned[here] << code.lengths[symbols].astype(np.uint64)
    return symbols, np.where(count, rest >> (np.uint64(64) - count) % np.uint64(64), 0), position + 8 * first
