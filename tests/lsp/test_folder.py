"""The workspace folder of a real server: its indexer comes and goes with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil

from tests.support.client import replay_editor


def indexers(pid: int) -> list[psutil.Process]:
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "codeslm_lsp.workspace.indexer" in child.cmdline()]


async def test_the_indexer_ends_with_the_server(tmp_path: Path, index_dir: Path) -> None:
    (tmp_path / "prices.py").write_text("def cheapest(prices): ...\n")
    async with replay_editor(root=tmp_path) as editor, asyncio.timeout(20):
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
