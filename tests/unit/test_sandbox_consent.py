"""Whose consent counts: the user's own, for one folder, and nothing that a project brings along."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from codeslm_lsp.sandbox.consent import Consent, Consents, user_consents
from codeslm_lsp.values import InputError


@pytest.fixture
def consents(tmp_path: Path) -> Consents:
    return Consents(tmp_path / "state" / "consents")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_what_was_said_is_kept_for_one_folder(consents: Consents, project: Path) -> None:
    assert consents.of(project) is Consent.UNASKED
    consents.allow(project)
    again = Consents(consents.root)
    assert again.is_allowed(project)
    (project / "inner").mkdir()
    (project.parent / "link").symlink_to(project)
    assert again.is_allowed(project.parent / "link")
    assert not again.is_allowed(project / "inner")
    assert not again.is_allowed(project.parent)
    consents.deny(project)
    assert again.of(project) is Consent.DENIED
    assert len(list(consents.root.iterdir())) == 1
    assert list(project.iterdir()) == [project / "inner"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_user_can_have_said_it(consents: Consents, project: Path) -> None:
    consents.allow(project)
    (file,) = consents.root.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(consents.root.stat().st_mode) == 0o700
    for path, mode, usual in ((file, 0o620, 0o600), (consents.root, 0o777, 0o700)):
        path.chmod(mode)
        assert not consents.is_allowed(project)
        path.chmod(usual)
    assert consents.is_allowed(project)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"folder": "/", "consent": "allowed"}', "\0", "{"])
def test_a_damaged_file_says_nothing(text: str, consents: Consents, project: Path) -> None:
    consents.allow(project)
    (file,) = consents.root.iterdir()
    said = json.loads(file.read_text())
    file.write_text(text)
    assert consents.of(project) is Consent.UNASKED
    file.write_text(json.dumps({**said, "consent": "perhaps"}))
    assert consents.of(project) is Consent.UNASKED
    file.write_text(json.dumps(said))
    assert consents.is_allowed(project)


def test_a_folder_that_holds_the_consents_cannot_have_one(consents: Consents) -> None:
    for folder in (consents.root, consents.root.parent, consents.root.parent.parent):
        with pytest.raises(InputError, match="open a smaller one"):
            consents.allow(folder)
    # Nor if somebody has put a fitting file there.
    outside = Consents(consents.root.parent.parent / "other")
    outside.allow(consents.root.parent)
    consents.root.mkdir(parents=True)
    (file,) = outside.root.iterdir()
    file.rename(consents.root / file.name)
    assert not consents.is_allowed(consents.root.parent)


def test_a_place_that_cannot_be_written_is_told(consents: Consents, project: Path) -> None:
    consents.root.parent.write_text("a file")
    with pytest.raises(InputError, match="make that writable"):
        consents.allow(project)
    assert not consents.is_allowed(project)


def test_the_users_own_are_in_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    root = user_consents().root
    assert root.parts[-2:] == ("codeslm", "consents")
    assert sys.platform != "linux" or root == tmp_path / "codeslm" / "consents"
    assert not os.path.lexists(root)
