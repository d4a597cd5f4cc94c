"""Emacs with eglot and with lsp-mode, set up as ``editors/README.md`` says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.editors.conftest import HERE, PATIENCE_S, block_of, codeslm_command, from_debian
from tests.editors.judging import HEADER, SUM
from tests.support.client import ROOT


@pytest.mark.parametrize(
    ("setup", "script", "drawn"),
    [
        ("Emacs, eglot: the completion menu", "eglot.el", ""),
        # It draws over the letter before the cursor, too.
        ("Emacs, lsp-mode 10: ghost text", "lsp_mode.el", "drawn: turn a + b\n"),
    ],
)
def test_it_attaches_and_completes(setup: str, script: str, drawn: str, tmp_path: Path) -> None:
    emacs = from_debian("emacs", "usr/bin/emacs-nox", "emacs-nox", "elpa-lsp-mode")
    (tmp_path / "setup.el").write_text(block_of(setup, "elisp"), encoding="utf-8")
    (tmp_path / "project").mkdir()
    file = tmp_path / "project" / "shapes.py"
    file.write_text(HEADER, encoding="utf-8")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{codeslm_command(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ELPA": str(emacs.parent / "tree" / "usr" / "share" / "emacs" / "site-lisp" / "elpa-src"),
        "SETUP": str(tmp_path / "setup.el"),
        "FILE": str(file),
        "CODESLM_TEST_SCRIPT": json.dumps(SUM),
        "CODESLM_COMPLETION__PREFETCH": "never",
    }
    command = [str(emacs), "--batch", "-Q", "-l", str(HERE / script)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False, cwd=tmp_path
    )
    assert done.stdout == f"{drawn}def add(a, b):\n    return a + b", done.stderr
