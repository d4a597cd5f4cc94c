"""Secrets of many kinds lie in files that would help: nothing of them leaves these, whatever the server is asked."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from pygls.exceptions import JsonRpcMethodNotFound

from tests.lsp.test_commands import execute
from tests.support.client import ROOT, editor
from tests.support.planted import Planted, planted

LEFT_ALONE = "left_alone"
"""A word of the one file without a secret: it must be shown, or nothing is proved."""

MARK = "written_by_the_user"
"""A word of the open document, which must be shown and logged nowhere."""

CLEAN = f'''"""Reports."""


def report_of_orders(rows, width, {LEFT_ALONE}=0):
    """Lay out rows by the custom of orders."""
    return [row.ljust(width) for row in rows]
'''

OPTIONS = {"context": {"max_tokens": 6000}, "prompt": {"max_tokens": 16_000}}
"""The replaying engine's tokens are bytes."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for file in planted():
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
    (folder / "orders.py").write_text(CLEAN, encoding="utf-8")
    return folder


def using(modules: Sequence[str]) -> str:
    """A document that imports modules, and stops in the middle of code like theirs."""
    imported = "".join(f"from {name} import report_of_{name}\n" for name in modules)
    called = "".join(f"    report_of_{name}(rows, width)\n" for name in modules)
    return f"{imported}\n\ndef report_of_all(rows, width):  # {MARK}\n{called}    return [row.lju"


@dataclass(frozen=True, slots=True)
class Left:
    """What a session has shown to the engine, told by logs and messages, and written into its caches."""

    prompts: str
    told: str
    kept: bytes


async def session(project: Path, folder: Path, files: Sequence[Planted], caches: Sequence[Path]) -> Left:
    """One that uses all of these files: they are imported, like what is written, and open beside it."""
    prompts, log = folder / "prompts", folder / "log"
    script = {"prompts": str(prompts), "default": "st(width)", "command_answers": ["It lays out rows."]}
    start = (
        f"import os, runpy; os.dup2(os.open({str(log)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2); "
        "runpy.run_module('tests.support.replay_server', run_name='__main__')"
    )
    environment = {"CODESLM_TEST_SCRIPT": json.dumps(script)}
    modules = ["orders", *(file.path.removesuffix(".py") for file in files if file.path.endswith(".py"))]
    modules = [name for name in modules if name.isidentifier()]
    async with (
        asyncio.timeout(120),
        editor(["-c", start], environment=environment, options=OPTIONS, root=project) as client,
    ):
        for first in range(0, len(modules), 6):
            text = using(["orders", *modules[first : first + 6]])
            uri = (project / f"main{first}.py").as_uri()
            client.open(uri, text)
            while not (await client.complete(uri, len(text)) and (await client.explain())["snippets"]):
                await asyncio.sleep(0.1)  # The index is being made.
                client.type(uri, len(client.texts[uri]), " ")
                text = client.texts[uri]
            span = {"start": {"line": 12, "character": 4}, "end": {"line": 12, "character": 4}}
            for name in ("explain", "ask", "document"):
                await execute(client, name, words="What is this?", textDocument={"uri": uri}, range=span)
        # What is open in the editor is shown beside others, too: but not this.
        for file in (each for each in files if each.path.endswith(".py")):
            client.open((project / file.path).as_uri(), file.text)
        client.type(uri, len(client.texts[uri]), "\n    ret")
        await client.complete(uri, len(client.texts[uri]))
        with pytest.raises(JsonRpcMethodNotFound):
            await client.client.protocol.send_request_async("codeslm/nothing", {"text": text})
        while_it_ran = [each for cache in caches for each in contents(cache)]
    after = [each for cache in caches for each in contents(cache)]
    told = [log.read_text(encoding="utf-8"), *client.messages, *client.notes, *map(str, client.statuses)]
    return Left(prompts.read_text(encoding="utf-8"), "\n".join(told), b"\n".join([*while_it_ran, *after]))


async def test_no_secret_leaves_its_file(
    project: Path, tmp_path: Path, index_dir: Path, usage_dir: Path, sequences_dir: Path, user_settings: Path
) -> None:
    files = list(planted())
    left = await session(project, tmp_path, files, (index_dir, usage_dir, sequences_dir, user_settings.parent))
    assert LEFT_ALONE in left.prompts
    assert MARK in left.prompts
    assert MARK not in left.told
    assert LEFT_ALONE not in left.told
    assert b"report_of_orders" in left.kept
    for file in files:
        assert f"leaking_{file.path.removesuffix('.py')}" not in left.prompts, file.path
        assert file.path.encode() not in left.kept, f"{file.path} is in the index"
        for line in file.secret.split("\n"):
            assert line not in left.prompts, file.path
            assert line not in left.told, file.path
            assert line.encode() not in left.kept, file.path


def contents(folder: Path) -> list[bytes]:
    """All bytes of a folder's files, unfinished and temporary ones too."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_the_doctor_tells_no_secret_and_no_source(project: Path) -> None:
    (project / "main.py").write_text(f"{MARK} = 1\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CODESLM_MODELS_DIR": str(project / "none")}
    done = subprocess.run(
        [sys.executable, "-m", "codeslm_lsp.cli", "doctor", "--json"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert json.loads(done.stdout)
    for file in planted():
        assert not any(line in done.stdout + done.stderr for line in file.secret.split("\n")), file.path
    assert MARK not in done.stdout + done.stderr
