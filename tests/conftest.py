"""What holds for all tests: none of them reads or writes evaluated prompts or indexes in the user's own cache."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # Before xdist looks at the groups.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file run in one process; all those with a model in one, which begins with them: two would wait for
    each other (see ``model/conftest``), and there is enough else to do meanwhile."""
    groups = {item: "model" if "model" in item.path.parts else str(item.path) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: groups[item] != "model")


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
