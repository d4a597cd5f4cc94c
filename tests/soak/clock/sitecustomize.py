"""For processes that are started with this folder on ``PYTHONPATH``: a wall clock that can be set while they run.

Python imports a module of this name before any other. The file that ``CODESLM_SOAK_CLOCK`` names says by how many
seconds ``time.time`` goes wrong. The clocks that only count are left alone: whoever sets
the time of day does not move them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def _set_wrong(file: Path, right: Callable[[], float]) -> None:
    def wrong() -> float:
        try:
            return right() + float(file.read_text(encoding="ascii") or 0)
        except (OSError, ValueError):
            return right()

    time.time = wrong


if "CODESLM_SOAK_CLOCK" in os.environ:
    _set_wrong(Path(os.environ["CODESLM_SOAK_CLOCK"]), time.time)
