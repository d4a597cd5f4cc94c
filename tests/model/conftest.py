"""Real models for the tests: pulled on first use, as a user would, and kept for the next run.

``CODESLM_TEST_MODEL`` names a file to use as the small model instead.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from codeslm_lsp.engine.tuning import FOLDER_VARIABLE
from codeslm_lsp.models.pull import pull
from codeslm_lsp.models.store import open_store


def _model(name: str) -> Path:
    """A model of the catalogue. A model that cannot be had fails the tests that need it: it is never skipped.

    Tests run in several processes, which want the same one at the same time.
    """
    with filelock.FileLock(Path(tempfile.gettempdir()) / f"codeslm-tests-{name}.lock"):
        return pull(name, store=open_store(), progress=lambda _progress: None)


@pytest.fixture(scope="session", autouse=True)
def _own_figures(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test runs a model as somebody's earlier measurements would have it, or leaves its own behind."""
    os.environ[FOLDER_VARIABLE] = str(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="session")
def small_model() -> Path:
    """Qwen2.5-Coder 0.5B."""
    given = os.environ.get("CODESLM_TEST_MODEL")
    return Path(given) if given else _model("qwen2.5-coder-0.5b")


@pytest.fixture(scope="session")
def large_model() -> Path:
    """Qwen2.5-Coder 1.5B."""
    return _model("qwen2.5-coder-1.5b")


@pytest.fixture(autouse=True)
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of the test's own: it shares no engine with an editor that is open meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="codeslm-test-"))  # pytest's own are too long for a socket.
    if sys.platform != "win32":
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
