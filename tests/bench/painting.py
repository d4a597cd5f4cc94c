"""From a key to painted ghost text, beyond the server's own time: ``python -m tests.bench.painting [N]``.

In real editors, with a server whose model takes ``MODEL_MS``, which are not counted. *Asked*: the key needs an answer
of the server. *Typed*: the key is what the ghost text says, and its rest is drawn. Prints medians and 95th percentiles
of ``N`` keys (default 50), in milliseconds: from the key's event in the editor until the ghost text is in the page (VS
Code) or its mark is set (Neovim).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pynvim

from codeslm_lsp.evaluation.statistics import percentile
from tests.editors.conftest import HERE, REPLAYING, codeslm_command, from_debian, lua_of
from tests.editors.vscode import (
    GHOST,
    Window,
    code_server_entry,
    open_file,
    open_window,
    packed_extension,
    running_browser,
    running_code_server,
    write_keys,
)
from tests.support.client import ROOT

MODEL_MS = 200
"""Of a 1.5B model on two cores the median is of that order."""

SCRIPT: Mapping[str, str] = {
    "CODESLM_TEST_SCRIPT": json.dumps({"default": "", "answers": {"x": " = compute(1)"}, "prefill_ms": MODEL_MS}),
    "CODESLM_COMPLETION__PREFETCH": "never",
}
REST_S = 0.15
"""Between keys, so that each is measured by itself."""

WATCH = f"""() => {{
  window.keyed = null; window.painted = [];
  const look = {GHOST};
  addEventListener('keydown', () => {{ window.keyed = performance.now(); window.before = look().join(); }}, true);
  new MutationObserver(() => {{
    const ghost = look().join();
    if (window.keyed !== null && ghost && ghost !== window.before) {{
      window.painted.push(performance.now() - window.keyed); window.keyed = null;
    }}
  }}).observe(document.body, {{ subtree: true, childList: true, characterData: true }});
}}"""
"""Notes, for each key, the milliseconds until the page has other ghost text."""

WATCH_NVIM = """
  painted = {}
  local keyed
  vim.on_key(function() keyed = vim.uv.hrtime() end)
  local ghost = vim.api.nvim_create_namespace('codeslm.ghost')
  local set = vim.api.nvim_buf_set_extmark
  vim.api.nvim_buf_set_extmark = function(buf, namespace, ...)
    if namespace == ghost and keyed then
      table.insert(painted, (vim.uv.hrtime() - keyed) / 1e6)
      keyed = nil
    end
    return set(buf, namespace, ...)
  end"""

Times = dict[str, list[float]]


def vscode(n: int) -> Times:
    """Milliseconds of keys that are asked about, and of those that are typed through."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="painting")))
        server = stack.enter_context(running_code_server(code_server_entry(), packed_extension(), folder))
        browser = stack.enter_context(running_browser())
        write_keys(server)
        server.write_settings({"editor.quickSuggestions": {"other": "off"}})
        server.write_program(REPLAYING, SCRIPT)
        server.file.write_text("", encoding="utf-8")
        window = Window(open_window(browser, server, server.project), server, server.file)
        window.has_status("is ready")
        open_file(window)
        window.has_status("is ready")
        window.page.evaluate(WATCH)
        times: Times = {"asked": [], "typed": []}
        for _ in range(n):
            for key, kind in (("x", "asked"), (" ", "typed")):
                window.page.evaluate("window.painted = []")
                window.press(key)
                times[kind] += window.until(lambda: window.page.evaluate("window.painted"), bool)[:1]
                window.page.wait_for_timeout(1000 * REST_S)
            window.press("Escape", "Enter")
            window.page.wait_for_timeout(1000 * REST_S)
        return times


def neovim(n: int) -> Times:
    """The same in Neovim 0.12."""
    with tempfile.TemporaryDirectory(prefix="painting") as name:
        folder = Path(name)
        setup = folder / "setup.lua"
        setup.write_text(lua_of("Neovim: the plug-in"), encoding="utf-8")
        environment = {
            **os.environ,
            **{f"XDG_{each}_HOME": str(folder) for each in ("CONFIG", "DATA", "STATE", "CACHE")},
            **SCRIPT,
            "PATH": f"{codeslm_command(folder / 'bin')}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CODESLM_TEST_SETUP": str(setup),
        }
        program = from_debian("neovim-0.12", "usr/bin/nvim", "neovim")
        address = folder / "socket"
        command = [
            str(program),
            "--headless",
            "--listen",
            str(address),
            "-u",
            str(HERE / "init.lua"),
            str(folder / "a.py"),
        ]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not address.exists():
                time.sleep(0.05)
            nvim = pynvim.attach("socket", path=str(address))
            while nvim.exec_lua("return require('codeslm').state().kind") != "ready":
                time.sleep(0.05)
            nvim.exec_lua(WATCH_NVIM)
            times: Times = {"asked": [], "typed": []}
            nvim.input("i")
            for _ in range(n):
                for key, kind in (("x", "asked"), (" ", "typed")):
                    nvim.exec_lua("painted = {}")
                    nvim.input(key)
                    while not (painted := nvim.exec_lua("return painted")):
                        time.sleep(0.02)
                    times[kind].append(painted[0])
                    time.sleep(REST_S)
                nvim.input("<C-]><CR>")
                time.sleep(REST_S)
            return times
        finally:
            process.kill()
            process.wait()


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    for editor, measure in (("Neovim 0.12", neovim), ("VS Code", vscode)):
        for kind, times in measure(n).items():
            model_ms = MODEL_MS if kind == "asked" else 0
            p50, p95 = (percentile(sorted(times), percent) - model_ms for percent in (50, 95))
            print(f"{editor}, {kind}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, n = {len(times)}", flush=True)


if __name__ == "__main__":
    main()
