"""``codeslm doctor`` with a real model: it completes some code, and finds nothing wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from codeslm_lsp.cli.main import app


def test_a_machine_where_everything_works(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESLM_MODEL", str(small_model))
    result = CliRunner().invoke(app, ["doctor", "--json"], catch_exceptions=False)
    found = {each["topic"]: each for each in json.loads(result.stdout)}
    assert result.exit_code == 0, result.stdout
    assert {each["state"] for each in found.values()} <= {"ok", "warning"}
    assert "as qwen2.5-coder, answers commands too" in found["model"]["detail"]
    assert "ret⟦urn a + b⟧ after" in found["completion"]["detail"]
