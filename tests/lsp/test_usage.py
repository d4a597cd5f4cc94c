"""What editors tell of suggestions reaches the file, and nothing of the code does."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.support.client import Editor, replay_editor

URI = "file:///work/a.py"
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


def kept(folder: Path) -> list[Any]:
    files = list(folder.iterdir())
    if not files:
        return []
    connection = sqlite3.connect(folder / "usage.sqlite")
    try:
        return connection.execute(
            "SELECT outcome, characters, accepted_characters, asked, language FROM suggestions ORDER BY decided_at"
        ).fetchall()
    finally:
        connection.close()


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
