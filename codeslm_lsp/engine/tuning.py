"""What was measured of one model on this machine ⇄ a file of the user's cache folder.

A figure holds for one model file, one processor and one version of llama.cpp; anything else is measured anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

from codeslm_lsp import private
from codeslm_lsp.models.cores import n_usable_cores
from codeslm_lsp.values import Trial, Tuning

FOLDER_VARIABLE = "CODESLM_MACHINE_DIR"
"""An environment variable that names another folder for the figures, such as that of a test."""

FORMAT = 1
"""Grows when the way of measuring changes, so that older figures are measured anew."""


def choose_threads(n_cores: int) -> int:
    """Until it is measured: all cores up to two, then all but one, which the editor needs while the user types."""
    return max(1, n_cores if n_cores <= 2 else n_cores - 1)


def threads_of(wanted: int) -> int:
    """``wanted``; where that is 0, as many as this machine's cores allow until it is measured."""
    return wanted or choose_threads(n_usable_cores())


def load_tuning(model: Path) -> Tuning | None:
    """What was measured of this model here; ``None`` when it has to be measured. Raises nothing."""
    try:
        return tuning_from_json(json.loads(_file_of(model).read_text(encoding="utf-8"))["tuning"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save_tuning(model: Path, tuning: Tuning) -> None:
    """Remember what was measured. Where the folder cannot be written, it is measured again next time."""
    path = _file_of(model)
    content = {"model": model.name, **_facts(model), "tuning": tuning_to_json(tuning)}
    with contextlib.suppress(OSError):
        private.write_text(path, json.dumps(content, indent=1) + "\n")


def tuning_to_json(tuning: Tuning) -> dict[str, Any]:
    """Plain values, for a file or a message."""
    return asdict(tuning)


def tuning_from_json(values: dict[str, Any]) -> Tuning:
    """The inverse of ``tuning_to_json``. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
    tuning = Tuning(
        n_threads=int(values["n_threads"]),
        n_threads_batch=int(values["n_threads_batch"]),
        n_ubatch=int(values["n_ubatch"]),
        flash_attention=bool(values["flash_attention"]),
        prefill_tokens_s=float(values["prefill_tokens_s"]),
        decode_tokens_s=float(values["decode_tokens_s"]),
        verify_cost=tuple((int(n), float(cost)) for n, cost in values["verify_cost"]),
        trials=tuple(Trial(**trial) for trial in values["trials"]),
    )
    figures = (tuning.prefill_tokens_s, tuning.decode_tokens_s, *(cost for _, cost in tuning.verify_cost))
    if min(tuning.n_threads, tuning.n_threads_batch, tuning.n_ubatch) < 1:
        raise ValueError("there is no running with less than one thread or one token")
    if not all(math.isfinite(figure) and figure > 0 for figure in figures):
        raise ValueError("a figure that cannot have been measured")
    return tuning


def _file_of(model: Path) -> Path:
    key = hashlib.sha256(json.dumps(_facts(model), sort_keys=True).encode()).hexdigest()[:20]
    return _folder() / f"{key}.json"


def _folder() -> Path:
    configured = os.environ.get(FOLDER_VARIABLE, "").strip()
    return Path(configured) if configured else platformdirs.user_cache_path("codeslm", appauthor=False) / "machine"


def _facts(model: Path) -> dict[str, Any]:
    """Everything that the speed depends on and that can be looked up at once."""
    status = model.stat()
    return {
        "format": FORMAT,
        "size_bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "processor": _processor(),
        "n_cores": n_usable_cores(),
        "runtime": version("llama-cpp-python"),
    }


def _processor() -> str:
    """The processor's name, as exactly as this system tells it."""
    system = platform.system()
    if system == "Linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        # Where there is no name, as on ARM, the identifiers of the first core are one.
        wanted = ("model name", "cpu family", "model", "stepping", "CPU implementer", "CPU part")
        first = lines[: lines.index("")] if "" in lines else lines
        return "; ".join(line.partition(":")[2].strip() for line in first if line.partition("\t")[0].strip() in wanted)
    if system == "Darwin":
        try:
            command = ("sysctl", "-n", "machdep.cpu.brand_string")
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return platform.machine()
    return platform.processor() or platform.machine()
