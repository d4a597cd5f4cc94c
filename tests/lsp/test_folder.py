"""The workspace folders of a real server: their indexers come and go, and each file is shown what is in its own."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import psutil
from lsprotocol import types

from tests.support.client import Editor, folder_of, replay_editor
from tests.support.waiting import DEADLINE_S

INDEXER = "codeslm_lsp.workspace.indexer"


def indexers(pid: int) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # It may end meanwhile.
            if INDEXER in child.cmdline():
                found.append(child)
    return found


def indexed(pid: int) -> set[str]:
    """The folders that a server keeps indexed."""
    found = set()
    for process in indexers(pid):
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            found.add(command[command.index(INDEXER) + 1])
    return found


async def test_the_indexer_ends_with_the_server(tmp_path: Path, index_dir: Path) -> None:
    (tmp_path / "prices.py").write_text("def cheapest(prices): ...\n")
    async with replay_editor(root=tmp_path) as editor, asyncio.timeout(2 * DEADLINE_S):
        while not (running := indexers(editor.server_pid)):
            await asyncio.sleep(0.05)
        while not list(index_dir.glob("*.sqlite")):
            await asyncio.sleep(0.05)
        await editor.leave()
        while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in running):
            await asyncio.sleep(0.05)


async def test_a_folder_is_not_indexed_where_the_context_is_switched_off(tmp_path: Path, index_dir: Path) -> None:
    (tmp_path / "prices.py").write_text("def cheapest(prices): ...\n")
    options = {"context": {"enabled": False}}
    async with replay_editor({"answers": {"ret": "urn 1"}}, root=tmp_path, options=options) as editor:
        uri = (tmp_path / "cart.py").as_uri()
        editor.open(uri, "ret")
        assert await editor.complete(uri, 3)
        assert not indexers(editor.server_pid)
    assert not list(index_dir.iterdir())


async def shown(editor: Editor, file: Path, text: str) -> list[str]:
    """The other files whose code a prompt holds."""
    editor.open(file.as_uri(), text)
    await editor.complete(file.as_uri(), len(text))
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(file.as_uri())))
    return list((await editor.explain())["snippets"])


def two_projects(folder: Path) -> tuple[Path, Path]:
    """Projects that have each a module that the other has not."""
    shop, office = folder / "shop", folder / "office"
    for project, module in ((shop, "prices"), (office, "taxes")):
        project.mkdir()
        (project / f"{module}.py").write_text(f"def cheapest_of_{module}(values, limit):\n    return min(values)\n")
    return shop, office


ROOMY = {"prompt": {"max_tokens": 8192}, "context": {"max_tokens": 2048}}
"""The replaying engine's tokens are bytes."""

TEXT = "from {0} import cheapest_of_{0}\n\n\ndef f(values):\n    return "


async def test_of_several_folders_each_file_is_shown_its_own(tmp_path: Path) -> None:
    shop, office = two_projects(tmp_path)
    async with replay_editor(folders=[shop, office], options=ROOMY) as editor, asyncio.timeout(2 * DEADLINE_S):
        for project, module in ((office, "taxes"), (shop, "prices")):
            while await shown(editor, project / "cart.py", TEXT.format(module)) != [f"{module}.py"]:
                await asyncio.sleep(0.05)
        assert "taxes.py" not in await shown(editor, shop / "cart.py", TEXT.format("taxes"))
        assert "prices.py" not in await shown(editor, office / "cart.py", TEXT.format("prices"))
        assert indexed(editor.server_pid) == {str(shop), str(office)}


async def test_folders_are_added_and_removed_while_it_runs(tmp_path: Path) -> None:
    shop, office = two_projects(tmp_path)
    async with replay_editor(folders=[shop], options=ROOMY) as editor, asyncio.timeout(2 * DEADLINE_S):
        file = office / "cart.py"
        assert "taxes.py" not in await shown(editor, file, TEXT.format("taxes"))

        def change(added: list[Path], removed: list[Path]) -> None:
            event = types.WorkspaceFoldersChangeEvent(
                added=[folder_of(each) for each in added], removed=[folder_of(each) for each in removed]
            )
            editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))

        change([office], [])
        while await shown(editor, file, TEXT.format("taxes")) != ["taxes.py"]:
            await asyncio.sleep(0.05)
        change([], [shop])
        while indexed(editor.server_pid) != {str(office)}:
            await asyncio.sleep(0.05)
        assert await shown(editor, file, TEXT.format("taxes")) == ["taxes.py"]
        change([], [office])
        while indexers(editor.server_pid):
            await asyncio.sleep(0.05)
        assert await shown(editor, file, TEXT.format("taxes")) == []


async def test_a_folder_is_opened_when_its_first_file_is(tmp_path: Path) -> None:
    shop, office = two_projects(tmp_path)
    async with replay_editor(folders=[shop, office], options=ROOMY) as editor, asyncio.timeout(2 * DEADLINE_S):
        while not indexers(editor.server_pid):
            await asyncio.sleep(0.05)
        await shown(editor, shop / "cart.py", TEXT.format("prices"))
        assert indexed(editor.server_pid) == {str(shop)}
