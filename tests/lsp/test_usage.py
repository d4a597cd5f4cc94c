"""What editors tell of suggestions reaches the file, and nothing of the code does."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.support.client import Editor, replay_editor
from tests.support.waiting import until

URI, OTHER, THIRD = (f"file:///work/{name}.py" for name in "abc")
SOURCE = "def add(a, b):\n    ret\n\n\nsecret_name = 1\n"
CURSOR = SOURCE.index("ret") + 3
SCRIPT = {"answers": {"    ret": "urn a + b\n"}, "alternatives": ["urn b + a\n"]}


def notify(editor: Editor, method: str, item: types.InlineCompletionItem, **more: Any) -> None:
    command = item.command
    assert command is not None
    ran = {"title": "", "command": command.command, "arguments": list(command.arguments or ())}
    editor.client.protocol.notify(method, {"item": {"insertText": item.insert_text, "command": ran}, **more})


async def run_command(editor: Editor, item: types.InlineCompletionItem) -> None:
    command = item.command
    assert command is not None
    params = types.ExecuteCommandParams(command.command, list(command.arguments or ()))
    await editor.client.workspace_execute_command_async(params)


def read(folder: Path, query: str) -> list[Any]:
    """What the file holds; nothing where it is not made yet, or not yet to its end."""
    if not (folder / "usage.sqlite").exists():
        return []
    connection = sqlite3.connect(folder / "usage.sqlite")
    try:
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            return []
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def kept(folder: Path) -> list[Any]:
    return read(
        folder, "SELECT outcome, characters, accepted_characters, asked, language FROM suggestions ORDER BY decided_at"
    )


def stayed(folder: Path) -> list[Any]:
    """What was accepted, and how much of it was still there."""
    return read(folder, "SELECT accepted_characters, kept_characters FROM suggestions ORDER BY decided_at")


SOON = {"CODESLM_TEST_LOOK_AFTER_S": "1"}
"""Long enough for what an editor sends next to come before."""


async def test_what_is_shown_and_taken_is_kept_when_the_editor_ends(usage_dir: Path) -> None:
    async with replay_editor(SCRIPT) as editor:
        editor.open(URI, SOURCE)
        first, other = await editor.complete(URI, CURSOR)
        notify(editor, "textDocument/didShowCompletion", first)
        notify(editor, "textDocument/didShowCompletion", other)
        notify(editor, "codeslm/didDismissCompletion", other)
        notify(editor, "textDocument/didPartiallyAcceptCompletion", first, acceptedLength=4)
        [automatic] = await editor.complete(URI, CURSOR, 2)
        await run_command(editor, automatic)
    assert kept(usage_dir) == [
        ("dismissed", 9, 0, "invoked", "python"),
        ("partly accepted", 9, 4, "invoked", "python"),
        ("accepted", 9, 9, "automatic", "python"),
    ]
    content = (usage_dir / "usage.sqlite").read_bytes()
    assert b"secret_name" not in content
    assert b"urn a" not in content


async def test_it_can_be_switched_off(usage_dir: Path) -> None:
    async with replay_editor(SCRIPT, options={"usage": {"enabled": False}}) as editor:
        editor.open(URI, SOURCE)
        first, _ = await editor.complete(URI, CURSOR)
        notify(editor, "textDocument/didShowCompletion", first)
        await run_command(editor, first)
    assert list(usage_dir.iterdir()) == []


@pytest.mark.parametrize(
    "params",
    [None, [], {}, {"item": None}, {"item": {"command": {}}}, {"item": {"command": {"arguments": [3]}}}, {"item": []}],
)
async def test_what_is_not_understood_is_nothing(usage_dir: Path, params: Any) -> None:
    async with replay_editor(SCRIPT) as editor:
        editor.open(URI, SOURCE)
        for method in (
            "textDocument/didShowCompletion",
            "textDocument/didPartiallyAcceptCompletion",
            "codeslm/didDismissCompletion",
        ):
            editor.client.protocol.notify(method, params)
        strange: list[list[Any]] = [[], ["unknown"], [7], [{}]]
        for arguments in strange:
            await editor.client.workspace_execute_command_async(
                types.ExecuteCommandParams("codeslm.accepted", arguments)
            )
        assert await editor.complete(URI, CURSOR)
    assert list(usage_dir.iterdir()) == []


async def test_what_was_accepted_is_looked_at_later(usage_dir: Path) -> None:
    """Edited in one document, left alone in the other; there in two parts, which are looked at together."""
    async with replay_editor(SCRIPT, environment=SOON) as editor:
        for uri in (URI, OTHER):
            editor.open(uri, SOURCE)
        [first] = await editor.complete(URI, CURSOR, 2)
        [other] = await editor.complete(OTHER, CURSOR, 2)
        end = editor.type(URI, CURSOR, "urn a + b")
        await run_command(editor, first)
        editor.edit(URI, end - 4, end, "")
        editor.type(URI, 0, "import math\n")
        editor.type(OTHER, CURSOR, "urn a +")
        notify(editor, "textDocument/didPartiallyAcceptCompletion", other, acceptedLength=3)
        notify(editor, "textDocument/didPartiallyAcceptCompletion", other, acceptedLength=7)
        await until(lambda: stayed(usage_dir) == [(9, 5), (7, 7)])
    content = (usage_dir / "usage.sqlite").read_bytes()
    for part in (b"secret_name", b"urn a", b"a.py", b"math"):
        assert part not in content


async def test_of_a_document_that_was_closed_or_a_session_that_ended_nothing_is_known(usage_dir: Path) -> None:
    async with replay_editor(SCRIPT, environment=SOON) as editor:
        for uri in (URI, OTHER, THIRD):
            editor.open(uri, SOURCE)
        items = [(await editor.complete(uri, CURSOR, 2))[0] for uri in (URI, OTHER, THIRD)]
        for uri, item in zip((URI, OTHER), items, strict=False):
            editor.type(uri, CURSOR, "urn a + b")
            await run_command(editor, item)
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(URI)))
        editor.open(URI, SOURCE)
        await until(lambda: (9, 9) in stayed(usage_dir))
        editor.type(THIRD, CURSOR, "urn a + b")
        await run_command(editor, items[2])
    assert stayed(usage_dir) == [(9, None), (9, 9), (9, None)]


async def test_characters_are_counted_and_not_units(usage_dir: Path) -> None:
    """An editor counts UTF-16 units: a letter beyond them has two."""
    async with replay_editor({"answers": {"    ret": "urn '𝔸𝔹'"}}, environment=SOON) as editor:
        editor.open(URI, SOURCE)
        [item] = await editor.complete(URI, CURSOR, 2)
        editor.type(URI, CURSOR, "urn '𝔸")
        notify(editor, "textDocument/didPartiallyAcceptCompletion", item, acceptedLength=7)
        await until(lambda: stayed(usage_dir) == [(6, 6)])


async def test_why_nothing_was_shown_is_counted(usage_dir: Path) -> None:
    """Also a request for what is not open."""
    commented = "# nothing here\nx = 1\n"
    options = {"completion": {"in_comments": False}}
    async with replay_editor({"default": ""}, options=options) as editor:
        editor.open(URI, commented)
        assert await editor.complete(URI, 6, 2) == []
        assert await editor.complete(URI, 6, 2) == []
        assert await editor.complete(URI, len(commented) - 1, 1) == []
        assert await editor.complete(OTHER, 0, 1) == []
    skips = read(usage_dir, "SELECT reason, language, asked, n FROM skips ORDER BY reason")
    assert skips == [
        ("in_comment", "python", "automatic", 2),
        ("nothing_generated", "python", "invoked", 1),
        ("unknown_document", "", "invoked", 1),
    ]
    assert b"nothing here" not in (usage_dir / "usage.sqlite").read_bytes()
    assert kept(usage_dir) == []


async def test_requests_that_are_overtaken_or_cancelled_are_counted(usage_dir: Path) -> None:
    async with replay_editor({**SCRIPT, "token_ms": 100}) as editor:
        editor.open(URI, SOURCE)
        overtaken, _ = await asyncio.gather(editor.complete(URI, CURSOR, 2), editor.complete(URI, CURSOR, 2))
        assert overtaken == []
        waiting = asyncio.create_task(editor.complete(URI, CURSOR - 1, 2))
        await asyncio.sleep(0)
        await editor.explain()  # Its answer says that the request before it is being worked on.
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert read(usage_dir, "SELECT reason, language, asked, n FROM skips ORDER BY reason") == [
        ("cancelled", "python", "automatic", 1),
        ("superseded", "python", "automatic", 1),
    ]
