"""Commit messages for real repositories, with what the model says scripted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from codeslm_lsp.reasoning.commit import message_in
from codeslm_lsp.reasoning.question import Question
from codeslm_lsp.reasoning.staged import Staged, StagedFile, staged
from codeslm_lsp.values import Badge, InputError
from tests.support.asking import asking
from tests.support.replay import spoken


def git(folder: Path, *arguments: str) -> None:
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, env={**os.environ, **identity, **nobody}
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Begin")
    (tmp_path / "a.py").write_text("def area(r):\n    return r\n")
    (tmp_path / "größe.py").write_text("y = 2\n")
    git(tmp_path, "add", ".")
    return tmp_path


async def test_a_message_is_held_against_the_diff(repository: Path) -> None:
    reason = "It was missing in the module, so that everybody had to write the same formula again and again."
    reply = f"```\nAdd `area` to a.py.\n\n{reason}\n```"
    async with asking(("What is to be committed", reply), folder=repository) as asker:
        answer = await asker.ask("commit", Question("we need it"))
        assert answer.text == (
            "Add `area` to a.py\n\nIt was missing in the module, so that everybody had to write the same\n"
            "formula again and again."
        )
        assert (answer.badge, answer.edits) == (Badge.UNVERIFIED, ())
        assert [(check.kind, check.passed) for check in answer.checks] == [
            *(("length", True), ("imperative", True), ("files", True), ("names", True)),
        ]
        asked = spoken(asker.engine.requests[0].token_ids)
        assert "Begin" in asked
        assert "größe.py: new file" in asked
        assert "The reason for it: we need it" in asked


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("Add " + "x" * 80, "length"),
        ("Added an area", "imperative"),
        ("Fixes the area", "imperative"),
        ("New function for areas", "imperative"),
        ("fix: adding an area", "imperative"),
        ("Add area to src/other.py", "files"),
        ("Add `volume`", "names"),
        ("Add area\n\n@@ -1 +1 @@\n+def area(r):\n", "form"),
    ],
)
async def test_what_is_wrong_is_asked_again_and_shown(reply: str, kind: str, repository: Path) -> None:
    async with asking(("What is to be committed", reply), ("was not right", reply), folder=repository) as asker:
        answer = await asker.ask("commit", Question())
        assert [check.kind for check in answer.checks if not check.passed] == [kind]


async def test_secrets_are_not_shown_and_told(repository: Path) -> None:
    key = "AKIA" + "IOSFODNN7QWERTY2"
    (repository / ".env").write_text("PASSWORD=1\n")
    (repository / "b.py").write_text(f"key = '{key}'\n")
    git(repository, "add", "-f", ".")
    async with asking(("What is to be committed", "Add area"), folder=repository) as asker:
        answer = await asker.ask("commit", Question())
        asked = spoken(asker.engine.requests[0].token_ids)
        assert key not in asked
        assert ".env" not in asked
        assert ".env, b.py" in answer.checks[-1].detail


async def test_programs_that_a_repository_names_are_not_run(repository: Path) -> None:
    planted = repository / "planted"
    program = repository / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch '{planted}'\ncat \"$1\"\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py diff=mine\n")
    for name in ("core.fsmonitor", "diff.external", "diff.mine.textconv", "diff.mine.command", "core.pager"):
        git(repository, "config", name, str(program))
    assert [each.path for each in (await staged(repository)).files] == ["a.py", "größe.py"]
    assert not planted.exists()


def test_a_long_diff_is_cut_by_hunks_and_every_file_keeps_something() -> None:
    hunks = tuple(f"@@ {number}\n" + "+x\n" * 30 for number in range(20))
    changes = Staged((StagedFile("a", "a: changed", hunks), StagedFile("b", "b: changed", hunks[:2])), (), ())
    shown, n_left_out = changes.shown(1000)
    assert len(shown) <= 1000
    assert "b: changed\n@@ 0" in shown
    assert shown.count("@@") + n_left_out == 22
    huge = Staged((StagedFile("a", "a: changed", ("@@ 1\n" + "+x\n" * 10_000,)),), (), ())
    assert len(huge.shown(1000)[0]) <= 1000
    assert "+x" in huge.shown(1000)[0]


async def test_without_anything_to_say_it_is_one_sentence(tmp_path: Path, repository: Path) -> None:
    git(repository, "commit", "-qm", "All")
    nowhere = Path("/proc")
    for folder, said in ((repository, "Nothing is staged"), (nowhere, "no git repository"), (None, "inside a git")):
        async with asking(folder=folder) as asker:
            with pytest.raises(InputError, match=said):
                await asker.ask("commit", Question())


async def test_an_empty_reply_is_one_sentence(repository: Path) -> None:
    async with asking(("What is to be committed", ""), ("was not right", "```\n```"), folder=repository) as asker:
        with pytest.raises(InputError, match="no message"):
            await asker.ask("commit", Question())


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("Fix it.", "Fix it"),
        ('"Fix it"\n', "Fix it"),
        ("Commit message: Fix it\nbecause", "Fix it\n\nbecause"),
        (
            "# Fix it\n\n- one\n- two " + "long " * 20,
            "Fix it\n\n- one\n- two" + " long" * 13 + "\n  " + " ".join(["long"] * 7),
        ),
        ("\n\n", ""),
    ],
)
def test_the_message_in_a_reply(reply: str, message: str) -> None:
    assert message_in(reply) == message
