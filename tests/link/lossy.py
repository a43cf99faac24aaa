"""A bad line: a transport that loses, doubles, damages and reorders what passes it, in both directions."""

from __future__ import annotations

from typing import Any

from pal_edge.link import Transport
from tests.link.loopback import Noise


class LossyTransport(Transport):
    """`inner`, each piece of 64 bytes of which suffers each kind of damage with this probability."""

    def __init__(self, inner: Transport, probability: float, seed: int) -> None:
        self.name = inner.name
        self._inner = inner
        self._out, self._in = Noise(probability, seed), Noise(probability, seed + 1)

    def read(self, timeout: float) -> bytes:
        return b"".join(self._in(self._inner.read(timeout)))

    def write(self, data: Any, timeout: float) -> int:
        for piece in self._out(bytes(data)):
            while piece:
                taken = self._inner.write(piece, timeout)
                if not taken:  # the rest is lost
                    break
                piece = piece[taken:]
        return len(data)

    def close(self) -> None:
        self._inner.close()
