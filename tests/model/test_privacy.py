"""Nothing leaves the machine: a whole session without any network, of which every socket is written down."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.model.test_server import PATIENT
from tests.support.client import editor

SOURCE = "def add(a, b):\n    ret\n\n\ndef double(x):\n    return add(x, x)\n"
CURSOR = SOURCE.index("ret") + 3

CALLS = "socket,socketpair,connect,bind,listen,accept,accept4,sendto,sendmsg,sendmmsg"
_CALL = re.compile(r"\b(?P<call>socket|bind|connect)\((?P<arguments>[^)]*)")


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing, by which this is proved: install it, such as by `apt install {name}`.")
    return found


def families(log: Path) -> dict[str, set[str]]:
    """For each system call the address families it was made with."""
    found: dict[str, set[str]] = {}
    for match in _CALL.finditer(log.read_text(encoding="utf-8", errors="replace")):
        family = re.search(r"\bAF_\w+", match["arguments"])
        found.setdefault(match["call"], set()).add(family[0] if family else match["arguments"])
    return found


async def test_no_socket_is_opened_but_the_local_one(
    small_model: Path, tmp_path: Path, usage_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Completions, commands, mathematics, the index, what becomes of suggestions; then the shell's commands."""
    monkeypatch.setenv("CODESLM_ENGINE__SHARED", "false")  # The engine ends with the session, and so does the trace.
    project = tmp_path / "project"
    project.mkdir()
    file = project / "a.py"
    file.write_text(SOURCE, encoding="utf-8")
    walls = [program("bwrap"), "--unshare-net", "--dev-bind", "/", "/"]
    log = tmp_path / "calls"
    trace = [program("strace"), "-f", "--seccomp-bpf", "-qq", "-e", f"trace={CALLS}", "-o", str(log)]
    serve = [sys.executable, "-m", "codeslm_lsp.cli", "--model", str(small_model), "serve"]
    start = f"import os; os.execv({walls[0]!r}, {[*walls, *trace, *serve]!r})"

    async def run(name: str, **argument: Any) -> Any:
        params = types.ExecuteCommandParams(f"codeslm.{name}", [argument])
        return await client.client.workspace_execute_command_async(params)

    options = {**PATIENT, "commands": {"max_tokens": 24}}
    async with asyncio.timeout(300), editor(["-c", start], options=options, root=project) as client:
        uri = file.as_uri()
        client.open(uri, SOURCE)
        [item] = await client.complete(uri, CURSOR)
        assert str(item.insert_text).startswith("urn ")
        assert item.command is not None
        await client.client.workspace_execute_command_async(
            types.ExecuteCommandParams(item.command.command, list(item.command.arguments or ()))
        )
        span = {"start": {"line": 5, "character": 4}, "end": {"line": 5, "character": 4}}
        here: dict[str, Any] = {"textDocument": {"uri": uri}, "range": span}
        for name, argument in {"explain": here, "ask": {"words": "What is doubled?"}, "types": here}.items():
            assert await run(name, **argument), name
        proved = await run("verify", words="(a + b)^2 = a^2 + 2*a*b + b^2")
        assert "proved" in str(proved)
        assert await run("statistics") is not None

    seen = families(log)
    assert seen["socket"] == {"AF_UNIX"}, seen
    assert seen["bind"] | seen["connect"] == {"AF_UNIX"}, seen
    assert (usage_dir / "usage.sqlite").exists()

    for words in (["complete", f"{file}:2:8"], ["models", "list"], ["stats"], ["solve", "2*x = 6"], ["doctor"]):
        command = [*walls, *trace, sys.executable, "-m", "codeslm_lsp.cli", "--model", str(small_model), *words]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, said.decode()
        opened = families(log).get("socket", set())
        # The sandbox, which `doctor` tries, tells the kernel to set up a loopback of its own.
        assert opened <= {"AF_UNIX", *(["AF_NETLINK"] if words == ["doctor"] else [])}, (words, opened)
