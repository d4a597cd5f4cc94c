"""How many threads a model may have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from codeslm_lsp.models import cores
from codeslm_lsp.models.cores import n_physical_cores, n_usable_cores


@pytest.mark.parametrize(
    ("content", "n_cores"),
    [
        ("200000 100000\n", 2),
        ("50000 100000\n", 1),
        ("350000 100000\n", 4),
        ("6400000 100000\n", 8),
        ("max 100000\n", 8),
        ("", 8),
        ("nonsense 0 0\n", 8),
    ],
)
def test_a_container_may_have_fewer_than_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, n_cores: int
) -> None:
    monkeypatch.setattr(cores, "n_physical_cores", lambda: 8)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _self: list(range(16)), raising=False)
    (tmp_path / "cpu.max").write_text(content, encoding="ascii")
    assert n_usable_cores(tmp_path / "cpu.max") == n_cores
    assert n_usable_cores(tmp_path / "none") == 8


@pytest.mark.skipif(sys.platform != "linux", reason="taskset is a program of Linux")
def test_a_process_may_be_kept_to_some_cores() -> None:
    code = "from codeslm_lsp.models.cores import n_usable_cores; print(n_usable_cores())"
    command = ["taskset", "-c", str(min(psutil.Process().cpu_affinity() or [0])), sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


def test_this_machine_has_cores() -> None:
    assert 1 <= n_usable_cores() <= n_physical_cores()
