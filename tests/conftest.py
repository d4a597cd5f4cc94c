"""What holds for all tests: none of them reads or writes evaluated prompts or indexes in the user's own cache."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests run in several processes (pytest-xdist): those with a real model one after the other, for they need all
    cores; of the others each file by itself."""
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        item.add_marker(pytest.mark.xdist_group(room if room == "model" else str(item.path)))


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
