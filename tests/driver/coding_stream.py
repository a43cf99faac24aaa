"""The stream of the driver's C tests: every kind of segment and every way of signs, in about 10 KB.

Write driver/tests/data/coding.bin with `python -m tests.driver.coding_stream`: the decoded size (u32), the
decoded bytes, then the stream. The same writes the seeds of the decoder's fuzzer.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from pal_edge import coding
from pal_edge.numeric import encode
from pal_edge.spec.container import CODING_LANES, CODING_MAX_LENGTH, SegmentKind

ROOT = Path(__file__).parents[2] / "driver"
PATH = ROOT / "tests" / "data" / "coding.bin"
CORPUS = ROOT / "fuzz" / "corpus_coding"


def weights(rng: np.random.Generator, count: int, spread: float = 1.0) -> np.ndarray:
    """Return codes of normally distributed weights, without zeros."""
    codes = encode(np.abs(rng.normal(0, spread, count)).astype(np.float32) + np.float32(0.01), -96)
    return np.where(rng.random(count) < 0.5, codes | 0x80, codes).astype(np.uint8)


def params(rng: np.random.Generator, count: int) -> bytes:
    biases = rng.normal(0, 5000, count).astype("<i4")
    biases[:3] = 0, 2**31 - 1, -(2**31) + 1
    return biases.tobytes() + rng.integers(-200, -90, count).astype("<i2").tobytes()


def pieces() -> list[tuple[bytes, SegmentKind]]:
    """Return what is in the stream; tests/test_coding.py makes sure that it has what this says."""
    rng = np.random.default_rng(3)
    plain = weights(rng, 1500)
    before = weights(rng, 1600) & 0x7F | np.repeat(rng.integers(0, 2, 16) * 0x80, 100).astype(np.uint8)
    lane = weights(rng, 1600) & 0x7F | np.tile(rng.integers(0, 2, CODING_LANES) * 0x80, 100).astype(np.uint8)
    joined = np.where(rng.random(1500) < 0.9, weights(rng, 1500) | 0x80, weights(rng, 1500) & 0x7F)
    sparse = weights(rng, 3001)
    sparse[np.isin(np.arange(len(sparse)) % CODING_LANES, (0, 3, 4, 15))] = 0
    sparse[rng.random(len(sparse)) < 0.3] = 0
    counts = [1, 1]  # their Huffman code is as long as can be
    while len(counts) < CODING_MAX_LENGTH + 1:
        counts.append(counts[-1] + counts[-2])
    steep = rng.permutation(np.repeat(np.arange(100, 101 + CODING_MAX_LENGTH, dtype=np.uint8), counts))
    kinds = SegmentKind
    return [(plain.tobytes(), kinds.WEIGHTS), (params(rng, 60), kinds.PARAMS),
            (weights(rng, 333).tobytes(), kinds.WEIGHTS), (b"neither of them", kinds.RAW),
            (before.tobytes(), kinds.WEIGHTS), (lane.tobytes(), kinds.WEIGHTS),
            (params(rng, 20), kinds.PARAMS), (joined.tobytes(), kinds.WEIGHTS),
            (bytes(5000), kinds.WEIGHTS), (sparse.tobytes(), kinds.WEIGHTS),
            (steep.tobytes(), kinds.WEIGHTS)]


def stream() -> bytes:
    return coding.encode(pieces())


def decoded() -> bytes:
    return b"".join(data for data, _ in pieces())


def seeds() -> dict[str, bytes]:
    """Return short streams for the fuzzer, by name."""
    rng = np.random.default_rng(4)
    plain, signs, zeros = weights(rng, 200), weights(rng, 700) & 0x7F, weights(rng, 300)
    signs |= np.tile(rng.integers(0, 2, CODING_LANES) * 0x80, 44)[:700].astype(np.uint8)
    zeros[np.arange(300) % CODING_LANES > 5] = 0
    kinds = SegmentKind
    return {
        "plain": coding.encode([(plain.tobytes(), kinds.WEIGHTS), (params(rng, 20), kinds.PARAMS), (b"raw", kinds.RAW),
                                (plain[:90].tobytes(), kinds.WEIGHTS)]),
        "signs": coding.encode([(signs.tobytes(), kinds.WEIGHTS)]),
        "zeros": coding.encode([(zeros.tobytes(), kinds.WEIGHTS)]),
    }


if __name__ == "__main__":
    PATH.write_bytes(struct.pack("<I", len(decoded())) + decoded() + stream())
    for name, seed in seeds().items():
        (CORPUS / name).write_bytes(seed)
