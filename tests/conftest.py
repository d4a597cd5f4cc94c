"""What holds for all tests: which of them run side by side, and that none uses the user's own caches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

MODEL_TESTS = "tests/model/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a model come first: they take longest, and one process runs them all (see ``Scheduling``)."""
    items.sort(key=lambda item: not item.nodeid.startswith(MODEL_TESTS))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Called where tests run in several processes."""
    return Scheduling(config, log)


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Tests of one file run in one process, one after the other, and so do all that use a model.

    Each of these needs all cores; most others wait for an editor, a server, or a sandbox.
    """

    def _split_scope(self, nodeid: str) -> str:
        return MODEL_TESTS if nodeid.startswith(MODEL_TESTS) else super()._split_scope(nodeid)


@pytest.fixture(autouse=True)
def sequences_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a folder of its own: what one evaluated must not make another one's engine quicker."""
    folder = tmp_path_factory.mktemp("sequences")
    monkeypatch.setenv("CODESLM_SEQUENCES_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def index_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has indexes of its own."""
    folder = tmp_path_factory.mktemp("indexes")
    monkeypatch.setenv("CODESLM_INDEX_DIR", str(folder))
    return folder
