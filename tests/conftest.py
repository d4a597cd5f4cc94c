"""What holds for all tests: none of them reads or writes evaluated prompts or indexes in the user's own cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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


def pytest_configure(config: pytest.Config) -> None:
    """Each process has cores of its own: an engine whose threads wait for each other on busy ones takes far longer."""
    told = getattr(config, "workerinput", None)
    if told is not None and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[int(told["workerid"].removeprefix("gw")) :: told["workercount"]] or cores)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first; real editors come last, when there are no models beside them."""
    items.sort(key=lambda item: (not item.nodeid.startswith(MODELS), item.nodeid.startswith(EDITORS)))
