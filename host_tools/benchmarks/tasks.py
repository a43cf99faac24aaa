"""The four MLPerf Tiny tasks: their data as the float models want it, and their metrics.

The models and the even half of their evaluation sets are not part of the repository: they are looked for in
the folder that PAL_MLPERF_TINY names, else in ../shared/mlperf_tiny.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

CALIBRATION_SAMPLES = 64
ROOT = Path(__file__).resolve().parents[2]
Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

WINDOW, SLICES, MELS = 5, 200, 128  # ad01: consecutive log-mel slices that make one input
WINDOWS = SLICES - WINDOW + 1


def folder() -> Path:
    """Return where the models should be."""
    return Path(os.environ.get("PAL_MLPERF_TINY", ROOT.parent / "shared" / "mlperf_tiny"))


def absent() -> str | None:
    """Return why the tasks cannot run here, None where they can."""
    needed = [folder() / name for task in TASKS for name in (f"{task.name}.onnx", f"{task.name}_dev.npz")]
    missing = next((path for path in needed if not path.is_file()), None)
    if missing is None:
        return None
    return f"{missing} is not there; name the folder of the models and their data in PAL_MLPERF_TINY"


@dataclass(frozen=True)
class Task:
    """One task. `prepare` turns stored samples into model inputs [n, ...]; `score` takes what the model
    was given, what it answered, and the labels."""

    name: str
    metric: str
    input: ClassVar[str] = "input_1"
    prepare: Callable[[NDArray[np.generic]], Floats]
    score: Callable[[Floats, Floats, Labels], float]

    @property
    def model(self) -> Path:
        return folder() / f"{self.name}.onnx"

    def typical(self, inputs: Floats) -> Floats:
        """Return CALIBRATION_SAMPLES of the inputs, evenly spread."""
        chosen: Floats = inputs[np.linspace(0, len(inputs) - 1, CALIBRATION_SAMPLES).astype(int)]
        return chosen

    def data(self) -> tuple[Floats, Labels]:
        """Return all inputs and the labels; ad01 has WINDOWS inputs a label."""
        with np.load(folder() / f"{self.name}_dev.npz") as stored:
            return self.prepare(stored["x"]), stored["y"].astype(np.int64)


def _top_1(_: Floats, answers: Floats, labels: Labels) -> float:
    return float((answers.reshape(len(labels), -1).argmax(axis=1) == labels).mean())


def _windows(clips: NDArray[np.generic]) -> Floats:
    """[clips, SLICES, MELS] -> [clips * WINDOWS, WINDOW * MELS]."""
    parts = [clips[:, i : i + WINDOWS] for i in range(WINDOW)]
    return np.concatenate(parts, axis=2).reshape(-1, WINDOW * MELS).astype(np.float32)


def _anomaly_auc(inputs: Floats, answers: Floats, labels: Labels) -> float:
    """The area under the ROC curve of each clip's mean squared reconstruction error."""
    errors = np.square(inputs - answers.reshape(inputs.shape)).reshape(len(labels), -1).mean(axis=1)
    anomalous, normal = errors[labels == 1, None], errors[labels == 0]
    return float(((anomalous > normal) + 0.5 * (anomalous == normal)).mean())


TASKS = (
    Task("kws01", "top-1", lambda x: ((x.astype(np.float32) - 83) * np.float32(0.5847029)), _top_1),
    Task("ic01", "top-1", lambda x: x.astype(np.float32), _top_1),
    Task("vww01", "top-1", lambda x: x.astype(np.float32) / np.float32(255), _top_1),
    Task("ad01", "AUC", _windows, _anomaly_auc),
)
