"""Find in new data what the board has already, by digests of its blocks, at any offset.

A block's digest is h = (h + byte + 1) * FACTOR modulo 2^64 from h = 0, of which the upper 48 bits are kept. With
S[n] = sum of (byte[j] + 1) * FACTOR^-j for j < n, the digest of the L bytes at i is
(S[i + L] - S[i]) * FACTOR^(i + L): all windows at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..spec.link import DIGEST_BYTES, DIGEST_FACTOR

Digests = NDArray[np.uint64]
_DROPPED = np.uint64(64 - 8 * DIGEST_BYTES)  # bits
_SPAN = 1 << 18  # windows looked at together: bounds the memory


class Copy(NamedTuple):
    """`length` bytes at `start` of the new data are at `source` of the old."""

    start: int
    length: int
    source: int


def parse_digests(data: bytes) -> Digests:
    """Return the digests of a DIGESTS response."""
    rows = np.frombuffer(data, np.uint8).reshape(-1, DIGEST_BYTES).astype(np.uint64)
    digests: Digests = np.bitwise_or.reduce(rows << np.arange(8 * DIGEST_BYTES - 8, -1, -8, dtype=np.uint64), axis=1)
    return digests


def block_digests(data: bytes, block: int) -> Digests:
    """Return the digest of every `block` bytes of `data`, a whole number of blocks."""
    values = np.frombuffer(data, np.uint8).reshape(-1, block).astype(np.uint64) + np.uint64(1)
    digests: Digests = (values * _powers(DIGEST_FACTOR, block + 1)[:0:-1]).sum(axis=1, dtype=np.uint64) >> _DROPPED
    return digests


def find_copies(data: bytes, source: Digests, block: int) -> list[Copy]:
    """Return where `data` has whole blocks of the source, in order, neighbours joined.

    Args:
        source: digests of the source's whole blocks.
    """
    if not len(source):
        return []
    order = np.argsort(source, kind="stable")
    ordered = source[order]
    found: list[Copy] = []
    done = 0
    for first in range(0, len(data) - block + 1, _SPAN):
        windows = _window_digests(data[first : first + _SPAN + block - 1], block)
        at = np.minimum(np.searchsorted(ordered, windows), len(ordered) - 1)
        hits = np.flatnonzero(ordered[at] == windows)
        next_hit = 0
        while True:
            next_hit += int(np.searchsorted(hits[next_hit:], max(done - first, 0)))
            if next_hit == len(hits):
                break
            start = int(hits[next_hit])
            following = found[-1].source + found[-1].length if found and sum(found[-1][:2]) == first + start else -1
            number = following // block if following >= 0 and following % block == 0 else len(source)
            if number < len(source) and source[number] == windows[start]:
                found[-1] = found[-1]._replace(length=found[-1].length + block)
            else:
                found.append(Copy(first + start, block, int(order[at[start]]) * block))
            done = first + start + block
    return found


def _powers(base: int, count: int) -> Digests:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


def _window_digests(data: bytes, length: int) -> Digests:
    """Return the digest of the `length` bytes at every offset."""
    values = np.frombuffer(data, np.uint8).astype(np.uint64) + np.uint64(1)
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(values * _powers(pow(DIGEST_FACTOR, -1, 1 << 64), len(data)), out=sums[1:])
    return (sums[length:] - sums[:-length]) * _powers(DIGEST_FACTOR, len(data) + 1)[length:] >> _DROPPED
