"""The real indexer process on a real folder: it follows what is saved, and ends with its parent."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from codeslm_lsp.workspace.index import Index, index_of
from codeslm_lsp.workspace.places import place_of
from codeslm_lsp.workspace.process import IndexProcess
from codeslm_lsp.workspace.progress import Event, Progress, progress_of
from tests.support.waiting import DEADLINE_S, until


@asynccontextmanager
async def indexer(folder: Path) -> AsyncIterator[tuple[IndexProcess, list[Progress]]]:
    told: list[Progress] = []
    process = IndexProcess(folder, 1000, told.append)
    process.start()
    try:
        yield process, told
    finally:
        await process.close()


def is_ready(told: list[Progress]) -> bool:
    return any(each.event is Event.READY for each in told)


def generate(folder: Path, n_files: int) -> None:
    for n in range(n_files):
        path = folder / f"package{n % 10}" / f"module{n}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"def function_{n}(x):\n    return helper_{n}(x)\n", encoding="utf-8")


async def test_it_indexes_a_folder_and_follows_its_changes(tmp_path: Path) -> None:
    generate(tmp_path, 300)
    index = index_of(tmp_path)
    async with indexer(tmp_path) as (process, told):
        await until(lambda: is_ready(told))
        assert process.progress is not None
        assert process.progress.n_files == len(index.files()) == 300
        assert all(index.is_known(f"function_{n}") and index.is_known(f"helper_{n}") for n in range(300))

        saved = tmp_path / "package1" / "module1.py"
        saved.write_text("def edited(): pass\n", encoding="utf-8")
        await until(lambda: index.is_known("edited"))
        assert not index.is_known("function_1")

        draft = tmp_path / "package1" / "module1.py.tmp"  # As many editors save.
        draft.write_text("def renamed_over(): pass\n", encoding="utf-8")
        draft.replace(saved)
        await until(lambda: index.is_known("renamed_over"))

        saved.unlink()
        await until(lambda: not index.is_known("renamed_over"))

        deep = tmp_path / "new" / "deep"
        deep.mkdir(parents=True)
        (deep / "first.py").write_text("def in_new_folder(): pass\n", encoding="utf-8")
        await until(lambda: index.is_known("in_new_folder"))
        (deep / "second.py").write_text("def later_there(): pass\n", encoding="utf-8")
        await until(lambda: index.is_known("later_there"))

        (tmp_path / "new").rename(tmp_path / "moved")
        await until(lambda: index.file("moved/deep/second.py") is not None)
        assert index.file("new/deep/second.py") is None

        (tmp_path / ".gitignore").write_text("/package2/\n", encoding="utf-8")
        await until(lambda: not index.is_known("function_2"))
        assert index.is_known("function_3")
        await until(lambda: told[-1].event is Event.UPDATED and told[-1].n_files == len(index.files()))


async def test_what_changed_while_nobody_looked(tmp_path: Path) -> None:
    generate(tmp_path, 20)
    async with indexer(tmp_path) as (_, told):
        await until(lambda: is_ready(told))
    (tmp_path / "package1" / "module1.py").write_text("def meanwhile(): pass\n", encoding="utf-8")
    async with indexer(tmp_path) as (_, told):
        await until(lambda: is_ready(told))
        assert index_of(tmp_path).is_known("meanwhile")
        assert [each.n_files for each in told if each.event is Event.INDEXING] == [1]


async def test_it_has_the_lowest_priority_and_ends_with_its_parent(tmp_path: Path) -> None:
    async with indexer(tmp_path) as (process, told):
        await until(lambda: is_ready(told))
        assert process.pid is not None
        running = psutil.Process(process.pid)
        if sys.platform != "win32":
            assert running.nice() == 19
    assert not running.is_running()
    lonely = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "codeslm_lsp.workspace.indexer", str(tmp_path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert lonely.stdin is not None
    lonely.stdin.close()
    _, status = await asyncio.wait_for(asyncio.gather(lonely.communicate(), lonely.wait()), DEADLINE_S)
    assert status == 0


async def test_a_second_one_waits_and_takes_over(tmp_path: Path) -> None:
    generate(tmp_path, 5)
    async with indexer(tmp_path) as (first, told_first), indexer(tmp_path) as (second, told_second):
        await until(lambda: is_ready(told_first) or is_ready(told_second))
        one, other = (first, second) if is_ready(told_first) else (second, first)
        await until(lambda: other.progress is not None)
        assert other.progress is not None
        assert other.progress.event is Event.WAITING
        assert index_of(tmp_path).is_known("function_3")
        await one.close()
        await until(lambda: is_ready(told_first) and is_ready(told_second))


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is not killed by a signal")
async def test_a_killed_one_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    generate(tmp_path, 5)
    with caplog.at_level(logging.WARNING):
        async with indexer(tmp_path) as (process, told):
            await until(lambda: is_ready(told))
            assert process.pid is not None
            psutil.Process(process.pid).send_signal(signal.SIGKILL)
            await until(lambda: len([each for each in told if each.event is Event.READY]) == 2)
    assert "it is started again" in caplog.text


async def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    generate(tmp_path, 5)
    place = place_of(tmp_path)
    place.database.parent.mkdir(parents=True, exist_ok=True)
    place.database.write_bytes(b"not a database" * 1000)
    index: Index = index_of(tmp_path)
    async with indexer(tmp_path) as (_, told):
        await until(lambda: is_ready(told))
        assert index.is_known("function_4")


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be deleted")
@pytest.mark.parametrize("is_deleted", [True, False])
async def test_an_index_that_is_lost_meanwhile_is_made_anew(tmp_path: Path, is_deleted: bool) -> None:
    generate(tmp_path, 5)
    place = place_of(tmp_path)
    async with indexer(tmp_path) as (_, told):
        await until(lambda: is_ready(told))
        if is_deleted:
            for file in place.files():
                file.unlink(missing_ok=True)
        else:
            with place.database.open("r+b") as database:
                database.write(b"not a database" * (place.database.stat().st_size // 14))
        assert not index_of(tmp_path).is_known("function_4")
        await until(lambda: index_of(tmp_path).is_known("function_4"))


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is not killed by a signal")
async def test_one_that_has_run_for_long_is_always_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeslm_lsp.workspace.child.RETRY_S", (0.0,))
    monkeypatch.setattr("codeslm_lsp.workspace.child.STEADY_S", 0.0)
    async with indexer(tmp_path) as (process, told):
        for _ in range(3):
            await until(lambda: is_ready(told))
            told.clear()
            assert process.pid is not None
            psutil.Process(process.pid).send_signal(signal.SIGKILL)
        await until(lambda: is_ready(told))


def test_progress_is_one_line_and_other_lines_are_none() -> None:
    progress = Progress(Event.INDEXING, 3, 10, 1.5)
    assert progress.to_line().count("\n") == 1
    assert progress_of(progress.to_line()) == progress
    for line in ("", "{}", "[]", "null", "no json", '{"event": "odd", "n_done": 1, "n_files": 1, "seconds": 0}'):
        assert progress_of(line) is None
