"""What the modules of a Python environment have: read by a real process, and by hand-made folders of packages."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from codeslm_lsp.workspace import environment as environments
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.members import Members, Watched, is_subject, said
from tests.support.waiting import DEADLINE_S, until


@asynccontextmanager
async def opened(project: Path | None = None) -> AsyncIterator[Environment]:
    environment = Environment(project)
    try:
        yield environment
    finally:
        await environment.close()


async def known(environment: Environment, *subjects: str) -> None:
    environment.ask(subjects)
    await until(lambda: all(environment.has(subject) is not None for subject in subjects))


def project(folder: Path, sources: Mapping[str, str]) -> Path:
    """A project with an environment that has these modules, by their paths without ending. Returns where they lie."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / ".venv" / "lib" / f"python{version}" / "site-packages"
    site.mkdir(parents=True)
    (folder / ".venv" / "pyvenv.cfg").write_text(f"home = /nowhere\nversion = {version}.1\n")
    for name, source in sources.items():
        path = site / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    return site


PLAIN = """
import os
first: int = 1
if os.sep == "?":
    def elsewhere(): ...
class C:
    def method(self): ...
"""
PACKAGE = """
from .deep import *
from .run import run
from . import other
from .later import lost
"""
SOURCES = {
    "plain": PLAIN,
    "lazy": "def __getattr__(name): ...\n",
    "written": "for name in 'ab':\n    globals()[name] = 1\n",
    "broken": "def (",
    "stars": "from lazy import *\n",
    "package/__init__": PACKAGE,
    "package/deep": "def dive(): ...\n",
    "package/run": "def run(): ...\n",
    "package/other": "x = 1\n",
}


async def test_the_library_and_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    async with opened() as environment:
        assert environment.members("json") is None
        await known(environment, "json", "fractions.Fraction", "nowhere.at.all", "math", "iniconfig")
        assert {"loads", "decoder"} <= (environment.members("json") or set())
        assert environment.lacks("json", "load_string")
        assert not environment.lacks("json", "_private")
        assert environment.lacks("iniconfig", "IniConfigs")
        assert not environment.lacks("iniconfig", "IniConfig")
        assert environment.lacks("math", "squareroot"), "it is compiled"
        assert {"numerator", "from_float"} <= (environment.members("fractions.Fraction") or set())
        assert not environment.lacks("fractions.Fraction", "nothing"), "a class may have anything"
        assert environment.members("nowhere.at.all") is None
        assert environment.has("nowhere.at.all") is False


async def test_an_environment_in_the_projects_folder(tmp_path: Path) -> None:
    site = project(tmp_path, SOURCES)
    (site / "__editable__.pth").write_text(f"import nothing_is_run\n{tmp_path / 'src'}\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "own.py").write_text("mine = 1\n")
    (tmp_path / "json.py").write_text("shadow = 1\n")
    async with opened(tmp_path) as environment:
        subjects = ("plain", "plain.C", "lazy", "written", "broken", "package", "package.run", "package.other")
        await known(environment, *subjects, "stars", "own", "json", "pytest")
        assert {"first", "elsewhere", "C", "__name__"} <= (environment.members("plain") or set())
        assert environment.lacks("plain", "second")
        assert "method" in (environment.members("plain.C") or set())
        assert {"dive", "run", "other", "deep", "lost"} <= (environment.members("package") or set())
        assert environment.lacks("package", "swim")
        assert environment.lacks("package.other", "y")
        for subject in ("lazy", "written", "broken", "stars", "package.run", "own"):
            assert not environment.lacks(subject, "anything"), subject
        assert "mine" in (environment.members("own") or set())
        assert "loads" in (environment.members("json") or set()), "a file of the project is not of the environment"
        assert environment.has("pytest") is False, "it has Python's library, and nothing else of ours"


async def test_a_program_in_the_project_is_not_run(tmp_path: Path) -> None:
    site = project(tmp_path, {"plain": "first = 1\n"})
    (site / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(tmp_path / 'run')!r}).touch()\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\ntouch {tmp_path / 'run'}\n")
    python.chmod(0o755)
    async with opened(tmp_path) as environment:
        await known(environment, "plain")
        assert environment.lacks("plain", "second")
    assert not (tmp_path / "run").exists()


async def test_what_is_installed_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LOOK_S", 0.0)
    site = project(tmp_path, {"plain": "first = 1\n"})
    async with opened(tmp_path) as environment:
        await known(environment, "later")
        assert environment.has("later") is False
        (site / "later.py").write_text("second = 2\n")
        await known(environment, "later")
        assert environment.members("later") is not None


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is not killed by a signal")
async def test_the_process_is_humble_and_replaceable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeslm_lsp.workspace.child.RETRY_S", (0.0,))
    project(tmp_path, {"plain": "first = 1\n", "other": "second = 1\n"})
    async with opened(tmp_path) as environment:
        await until(lambda: environment.pid is None)
        environment.ask(["plain"])
        await until(lambda: environment.pid is not None)
        assert environment.pid is not None
        os.kill(environment.pid, signal.SIGKILL)
        await known(environment, "plain", "other")
        assert environment.has("plain") in (False, True), "what it died of is not asked again"
        assert environment.has("other") is True
        assert environment.pid is not None
        running = psutil.Process(environment.pid)
        assert running.nice() == 19
        monkeypatch.setattr(environments, "IDLE_S", 0.0)
        await known(environment, "third")
        await until(lambda: not running.is_running() or running.status() == psutil.STATUS_ZOMBIE)
        await known(environment, "fourth")


async def test_it_ends_with_its_server_whatever_it_does() -> None:
    """A server that is killed cannot end it, and with the lowest priority it would be there for long."""
    asked = [f"not_there_{number}" for number in range(5000)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "codeslm_lsp.workspace.environment_process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said_until_then, _ = await asyncio.wait_for(process.communicate("\n".join(asked).encode()), DEADLINE_S)
    assert process.returncode == 0
    assert said_until_then.count(b"\n") < len(asked)


async def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "MAX_NAMES", 10)
    async with opened() as environment:
        for number in range(5):
            environment.learn(Members(f"m{number}", frozenset({"a", "b", "c"})))
            environment.learn(Members(f"m{number}", frozenset({"a", "b", "c"})))
        assert [environment.has(f"m{number}") for number in range(5)] == [None, None, None, True, True]


def test_an_answer_is_one_line_and_other_lines_are_none() -> None:
    for what in (Members("a.b", frozenset({"c", "d"}), is_all=True), Members("a", None), Watched(("/a", "/b"))):
        assert what.to_line().count("\n") == 1
        assert said(what.to_line()) == what
    for line in ("", "{}", "[]", "null", "no json", '{"subject": "a", "names": 3, "is_all": true}'):
        assert said(line) is None


@pytest.mark.parametrize(("text", "is_one"), [("a.b_c", True), ("a", True), ("a b", False), ("a.", False), ("", False)])
def test_what_may_be_asked(text: str, is_one: bool) -> None:
    assert is_subject(text) is is_one
    assert not is_subject("a\nimport b")
