"""Helix in a terminal, set up as ``editors/README.md`` says."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from tests.editors.conftest import PATIENCE_S, block_of, codeslm_command, from_debian
from tests.editors.judging import HEADER, SUM
from tests.support.client import ROOT

SCREEN = (80, 20)


class Screen(pyte.Screen):
    """A terminal that does not answer questions about itself; those of newer terminals pyte would stumble on."""

    def report_device_status(self, mode: int, **_: bool) -> None:
        """No answer."""

    def report_device_attributes(self, mode: int = 0, **_: bool) -> None:
        """No answer."""


class Helix:
    """A running Helix: keys go in, and what it draws is read from the terminal."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self._screen = Screen(*SCREEN)
        self._stream = pyte.ByteStream(self._screen)
        ours, its = pty.openpty()
        self._terminal = ours
        self._process = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=environment, cwd=folder, start_new_session=True
        )
        os.close(its)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def screen(self) -> str:
        while select.select([self._terminal], [], [], 0.02)[0]:
            try:
                self._stream.feed(os.read(self._terminal, 65536))
            except OSError:  # It has ended.
                break
        return "\n".join(line.rstrip() for line in self._screen.display)

    def until(self, is_expected: Callable[[str], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_expected(screen := self.screen()):
            if time.monotonic() > deadline:
                pytest.fail(f"This did not become as expected:\n{screen}")

    def lists_commands(self) -> bool:
        """Whether there is a server with commands yet. The list is closed again."""
        self.type(":lsp-workspace-command\r")
        self.until(lambda screen: "0/0" in screen or "codeslm." in screen or "No Language Server" in screen)
        found = "codeslm." in self.screen()
        self.type("\x1b")
        self.until(lambda screen: "/" not in screen.splitlines()[1])
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


@pytest.fixture
def helix(tmp_path: Path) -> Iterator[Helix]:
    program = from_debian("helix", "usr/bin/hx", "hx")
    config = tmp_path / "config" / "helix"
    config.mkdir(parents=True)
    (config / "languages.toml").write_text(block_of("Helix: the completion menu", "toml"), encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    (project / "shapes.py").write_text(HEADER, encoding="utf-8")
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "LINES": str(SCREEN[1]),
        "COLUMNS": str(SCREEN[0]),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PATH": f"{codeslm_command(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CODESLM_TEST_SCRIPT": json.dumps(SUM),
        "CODESLM_COMPLETION__PREFETCH": "never",
    }
    running = Helix([str(program), "shapes.py"], environment, project)
    yield running
    running.end()


def test_it_attaches_and_completes(helix: Helix, tmp_path: Path) -> None:
    helix.until(lambda screen: "def add" in screen)
    helix.until(lambda _: helix.lists_commands())
    helix.type("Go    ret")
    helix.until(lambda screen: screen.count("return a + b") > 0)
    helix.type("\t\r\x1b")
    helix.until(lambda screen: "    return a + b" in screen)
    helix.type(":w\r")
    file = tmp_path / "project" / "shapes.py"
    helix.until(lambda _: "return" in file.read_text(encoding="utf-8"))
    assert file.read_text(encoding="utf-8") == "def add(a, b):\n    return a + b\n"
