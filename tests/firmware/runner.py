"""What MLPerf Tiny's public runner does to a device on its serial port: how it asks, and how it reads answers.

Follows benchmark/runner of github.com/mlcommons/tiny: serial_device.py, device_under_test.py, script.py.
"""

from __future__ import annotations

import re
import time
from typing import Any, Self

import serial


class Runner:
    def __init__(self, path: str) -> None:
        self._port = serial.Serial(path, 115200, timeout=0.1)
        self._rest = b""

    def command(self, text: str, timeout: float = 5.0) -> list[str]:
        """Send a command; return the lines of the answer, of which the last holds m-ready."""
        self._port.write(text.encode() + b"%")
        lines: list[str] = []
        while not lines or "m-ready" not in lines[-1]:
            line = self._line(timeout)
            if line:
                lines.append(line)
        return lines

    def _line(self, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        while b"\n" not in self._rest:
            if time.monotonic() > deadline:
                raise RuntimeError("No response")
            self._rest += self._port.read(max(1, self._port.in_waiting))
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode().translate({13: None, 0: None})

    def name(self) -> str | None:
        return self._find(r"^m-(?:name)-dut-\[([^]]+)]$", self.command("name"))

    def model(self) -> str | None:
        return self._find(r"^m-model-\[([^]]+)]$", self.command("profile"))

    def profile(self) -> str | None:
        return self._find(r"^m-profile-\[([^]]+)]$", self.command("profile"))

    @staticmethod
    def _find(pattern: str, lines: list[str]) -> str | None:
        return next((found[1] for found in (re.match(pattern, line) for line in lines) if found), None)

    def load(self, data: bytes, piece: int = 31) -> list[str]:
        """Send the input; `piece` is 26 where energy is measured. Return the last answer."""
        lines = self.command(f"db load {len(data)}")
        for at in range(0, len(data), piece):
            lines = self.command("db " + data[at : at + piece].hex())
        return lines

    def infer(self, count: int, warmups: int) -> dict[str, Any]:
        """Return `results`, `start_time` and `end_time` in microseconds, and `lines`."""
        found: dict[str, Any] = {"lines": self.command(f"infer {count} {warmups}")}
        for line in found["lines"]:
            if match := re.match(r"^m-results-\[([^]]+)\]$", line):
                found["results"] = [float(x) for x in match[1].split(",") if x.strip()]
            elif match := re.match(r"^m-lap-us-([0-9]+)$", line):
                found["end_time" if "start_time" in found else "start_time"] = int(match[1])
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._port.close()
