"""The picture of latencies is drawn, and says so when it cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codeslm_lsp.evaluation.plot import draw_latencies
from codeslm_lsp.values import InputError

LATENCIES = {"codeslm": [5.0, 12.0, 900.0], "llama_server": [3000.0, 4500.0]}
N_PAUSES = {"codeslm": 4, "llama_server": 3}


def test_a_picture_is_written(tmp_path: Path) -> None:
    path = tmp_path / "latencies.png"
    draw_latencies(path, LATENCIES, N_PAUSES, "Typing")
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    assert (width, height) == (1200, 675)


def test_nothing_measured_is_no_error(tmp_path: Path) -> None:
    draw_latencies(tmp_path / "empty.png", {"codeslm": []}, {"codeslm": 1}, "Typing")
    assert (tmp_path / "empty.png").exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        draw_latencies(tmp_path, LATENCIES, N_PAUSES, "Typing")


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="codeslm\\[bench\\]"):
        draw_latencies(tmp_path / "a.png", LATENCIES, N_PAUSES, "Typing")
