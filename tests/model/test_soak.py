"""A minute of the soak with a real model: engines are killed, and the two people who type get completions again."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.client import ROOT

DEADLINE_S = 600.0
"""Far more than it takes; a machine may be busy."""


@pytest.mark.skipif(sys.platform == "win32", reason="there processes are not suspended by a signal")
async def test_typing_goes_on_while_things_go_wrong(small_model: Path, tmp_path: Path) -> None:
    soak = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak", "0.7", "--model", str(small_model), "--seed", "2"),
        *("--files", "2", "--pause", "3", "--folder", str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(soak.communicate(), DEADLINE_S)
    assert soak.returncode == 0, told.decode()
    found = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert found["broken"] is None
    assert found["n_faults"]
    assert all(fault["recovered_s"] is not None for fault in found["faults"])
    assert found["counts"]["comparisons"] >= 2 * len(found["faults"])
    assert (tmp_path / "soak.png").stat().st_size > 0
