"""The Python environment of a real server: what it does not have is not suggested."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import psutil

from tests.support.client import Editor, replay_editor

AUTOMATIC = 2
TEXT = "import os\n\n\ndef f(a, b):\n    return "
SCRIPT = {
    "answers": {
        "def f(a, b):\n    return ": "os.path.joinn(a, b)\n",
        "def g(a, b):\n    return ": "os.path.join(a, b)\n",
    }
}


def processes(pid: int) -> list[psutil.Process]:
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "codeslm_lsp.workspace.environment_process" in child.cmdline()]


async def ask(editor: Editor, uri: str, text: str, trigger: int = AUTOMATIC) -> tuple[list[str], Any]:
    editor.open(uri, text)
    items = await editor.complete(uri, len(text), trigger)
    return [str(item.insert_text) for item in items], await editor.explain()


async def test_a_name_that_does_not_exist_is_hidden_once_that_is_known() -> None:
    async with replay_editor(SCRIPT) as editor, asyncio.timeout(120):
        for number in count():
            items, explained = await ask(editor, f"file:///work/a{number}.py", TEXT)
            if not items:
                break
            assert items == ["os.path.joinn(a, b)"]
            await asyncio.sleep(0.5)  # The other process has the lowest priority: it works while nobody asks.
        assert explained["skip"]["reason"] == "unknown_name"
        assert "The module os.path has no 'joinn'" in explained["skip"]["detail"]
        assert explained["features"][0]["n_absent_names"] == 1

        items, explained = await ask(editor, "file:///work/b.py", TEXT.replace("f(", "g("))
        assert items == ["os.path.join(a, b)"]
        assert (explained["features"][0]["n_absent_names"], explained["features"][0]["n_unknown_names"]) == (0, 0)

        items, explained = await ask(editor, "file:///work/c.py", TEXT, trigger=1)
        assert (items, explained["confidence"]) == (["os.path.joinn(a, b)"], 0.0)

        running = processes(editor.server_pid)
        assert running
        await editor.leave()
        while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in running):
            await asyncio.sleep(0.05)


async def test_nothing_is_started_where_it_is_switched_off_or_nothing_is_imported() -> None:
    async with replay_editor(SCRIPT, options={"index": {"enabled": False}}) as editor:
        assert (await ask(editor, "file:///work/a.py", TEXT))[0] == ["os.path.joinn(a, b)"]
        assert not processes(editor.server_pid)
    async with replay_editor(SCRIPT) as editor:
        assert (await ask(editor, "file:///work/a.py", TEXT.replace("import os", "")))[0]
        assert not processes(editor.server_pid)
