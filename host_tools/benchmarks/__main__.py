"""Print the project's figures, each beside its reference in the same run.

    python -m host_tools.benchmarks [kws01 | ic01 | vww01 | ad01 | conversion | simulation | overhead | board ...]

Calibration sees CALIBRATION_SAMPLES inputs of the same set, evenly spread, and no label.
"""

from __future__ import annotations

import sys
import warnings

from . import board, models, speed
from .tasks import TASKS, absent

SPEEDS = ("conversion", "simulation", "overhead")
BOARD = "board"
SPEED_TASK = "ic01"


def main() -> None:
    wanted = sys.argv[1:] or [*(task.name for task in TASKS), *SPEEDS, BOARD]
    known = {**{task.name: task for task in TASKS}, **dict.fromkeys((*SPEEDS, BOARD))}
    unknown = set(wanted) - set(known)
    if unknown:
        raise SystemExit(f"error: no benchmark {min(unknown)!r}; there are {', '.join(known)}")
    warnings.simplefilter("ignore", DeprecationWarning)  # of ONNX Runtime's quantizer
    reason = absent()
    tasks = [task for task in TASKS if task.name in wanted]
    if reason:
        skipped = [name for name in wanted if name not in ("overhead", BOARD)]
        if skipped:
            print(f"skipped {', '.join(skipped)}: {reason}")
    else:
        if tasks:
            models.print_table(tasks)
        reference = next(task for task in TASKS if task.name == SPEED_TASK)
        for name, measure in (("conversion", speed.conversion), ("simulation", speed.simulation)):
            if name in wanted:
                measure(reference)
    if "overhead" in wanted:
        speed.overhead()
    if BOARD in wanted:
        board.sizes()
        board.flashing()
        if not reason:
            board.inference(list(TASKS))


if __name__ == "__main__":
    main()
