"""What holds for all tests: none of them reads or writes evaluated prompts or indexes in the user's own cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling


@pytest.fixture(autouse=True)
def sequences_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a folder of its own: what one evaluated must not make another one's engine quicker."""
    folder = tmp_path_factory.mktemp("sequences")
    monkeypatch.setenv("CODESLM_SEQUENCES_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def usage_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nor are tests counted among what the user has accepted."""
    folder = tmp_path_factory.mktemp("usage")
    monkeypatch.setenv("CODESLM_USAGE_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def index_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has indexes of its own."""
    folder = tmp_path_factory.mktemp("indexes")
    monkeypatch.setenv("CODESLM_INDEX_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def user_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own settings do not count in tests."""
    file = tmp_path_factory.mktemp("config") / "config.toml"
    monkeypatch.setenv("CODESLM_CONFIG", str(file))
    return file


MODELS = "tests/model/"
EDITORS = "tests/editors/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first. Real editors come last: beside a model, which wants all cores, they are slow."""
    items.sort(key=lambda item: (not item.nodeid.startswith(MODELS), item.nodeid.startswith(EDITORS)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> LoadScopeScheduling:
    return _OneProcessForModels(config)


class _OneProcessForModels(LoadScopeScheduling):
    """A file at a time, and all tests with a model as one: they take turns, so a second process would only wait."""

    def _split_scope(self, nodeid: str) -> str:
        return MODELS if nodeid.startswith(MODELS) else nodeid.partition("::")[0]
