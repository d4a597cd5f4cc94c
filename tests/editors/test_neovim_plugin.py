"""The plug-in of ``editors/nvim`` in both versions of the real Neovim, set up as ``editors/README.md`` says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.editors.conftest import Mark, Neovim, OpenNeovim, draws, holds, shows
from tests.editors.judging import EAGER, HEADER, SUM, edited_at_random, kept

PLUGIN = "Neovim: the plug-in"
Open = Callable[..., Neovim]


@pytest.fixture(params=["0_11", "0_12"])
def opened(request: pytest.FixtureRequest, open_neovim: OpenNeovim) -> Open:
    """Opens a Neovim of each version with the plug-in."""
    program: Path = request.getfixturevalue(f"neovim_{request.param}")

    def open_one(text: str = HEADER, script: Mapping[str, Any] | None = SUM, **options: Any) -> Neovim:
        return open_neovim(program, PLUGIN, text, script=script, **options)

    return open_one


def test_ghost_text_appears_and_tab_accepts_it_as_one_step_to_undo(opened: Open) -> None:
    neovim = opened()
    neovim.type("Goret")
    shows(neovim, 1, "    return a + b")
    assert neovim.ghost() == [Mark(1, 7, "urn a + b")]
    neovim.type("<Tab>")
    holds(neovim, "def add(a, b):", "    return a + b")
    assert neovim.cursor() == (2, len("    return a + b"))
    draws(neovim)
    neovim.type("<Esc>u")
    holds(neovim, "def add(a, b):", "    ret")
    assert neovim.log() == ""


def test_what_is_typed_as_it_says_never_flickers(opened: Open) -> None:
    """At no key is there a moment without the rest of the ghost text."""
    neovim = opened(script={"default": "", "answers": {"    ret": "urn a + b"}, "prefill_ms": 150})
    neovim.type("Goret")
    draws(neovim, Mark(1, 7, "urn a + b"))
    for typed in range(1, 9):
        neovim.type("urn a + b"[typed - 1])
        left = "urn a + b"[typed:]
        neovim.until(neovim.cursor, lambda cursor, typed=typed: cursor == (2, 7 + typed))  # type: ignore[misc]
        assert neovim.ghost() == [Mark(1, 7 + typed, left)]
    neovim.type("x")
    draws(neovim)


def test_words_and_lines_are_taken_one_by_one(opened: Open) -> None:
    answers = {"add(a, b):\n    ": "total = é.plus(a)\n    return total"}
    neovim = opened("import os\n", {"default": "", "answers": answers})
    neovim.type("Godef add(a, b):<CR>")
    draws(neovim, Mark(2, 4, "total = é.plus(a)", ("    return total",)))
    for taken in ("total", "total =", "total = é", "total = é.", "total = é.plus"):
        neovim.type("<M-Right>")
        holds(neovim, "import os", "def add(a, b):", "    " + taken)
        draws(neovim, Mark(2, 4 + len(taken.encode()), "total = é.plus(a)"[len(taken) :], ("    return total",)))
    neovim.type("<M-End>")
    holds(neovim, "import os", "def add(a, b):", "    total = é.plus(a)")
    draws(neovim, Mark(2, len("    total = é.plus(a)".encode()), "", ("    return total",)))
    neovim.type("<M-End>")
    holds(neovim, "import os", "def add(a, b):", "    total = é.plus(a)", "    return total")
    draws(neovim)


def test_what_became_of_suggestions_is_kept(opened: Open, usage_dir: Path) -> None:
    answers = {"    ret": "urn a + b", "\na": " = 1", "\nb": " = 'é'"}
    neovim = opened(script={"default": "", "answers": answers})
    neovim.type("Goret")
    draws(neovim, Mark(1, 7, "urn a + b"))
    neovim.type("urn")
    draws(neovim, Mark(1, 10, " a + b"))
    neovim.type("<Tab><CR>a")
    draws(neovim, Mark(2, 1, " = 1"))
    neovim.type("<C-]><CR>b")
    draws(neovim, Mark(3, 1, " = 'é'"))
    neovim.type("<M-Right><Esc>")
    draws(neovim)
    neovim.quit()

    deadline = time.monotonic() + 10  # The server ends a moment after Neovim.
    expected = [("accepted", 9, 9, 0), ("dismissed", 4, 0, 0), ("partly accepted", 6, 2, 0)]
    while kept(usage_dir) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kept(usage_dir) == expected


def test_others_are_asked_for_and_shown_in_turn(opened: Open) -> None:
    neovim = opened(script={**SUM, "alternatives": ["urn b + a", "urn sum((a, b))"]})
    neovim.type("Goret")
    draws(neovim, Mark(1, 7, "urn a + b"))
    for shown in ("urn b + a", "urn sum((a, b))", "urn a + b"):
        neovim.type("<M-]>")
        draws(neovim, Mark(1, 7, shown))
    neovim.type("<M-[>")
    draws(neovim, Mark(1, 7, "urn sum((a, b))"))
    neovim.type("<Tab>")
    holds(neovim, "def add(a, b):", "    return sum((a, b))")


def test_it_is_hidden_and_asked_for_by_hand(opened: Open) -> None:
    neovim = opened(environment={"CODESLM_COMPLETION__AUTOMATIC": "false"})
    neovim.type("Goret<M-\\>")
    draws(neovim, Mark(1, 7, "urn a + b"))
    neovim.type("<C-]>")
    draws(neovim)
    neovim.type("<Tab>.")
    holds(neovim, "def add(a, b):", "    ret .")


def test_several_lines_in_the_middle_of_a_line(opened: Open) -> None:
    """What stands behind the cursor is shown where it will stand."""
    neovim = opened("", {"default": "", "answers": {"f(": "{\n  1: 2\n}"}}, environment=EAGER)
    neovim.type("if(, 'é')")
    neovim.type("<Esc>0f(a")
    shows(neovim, 0, "f({")
    shows(neovim, 1, "  1: 2")
    shows(neovim, 2, "}, 'é')")
    neovim.type("<Tab>")
    holds(neovim, "f({", "  1: 2", "}, 'é')")
    assert neovim.cursor() == (3, 1)


def test_wide_characters_and_tabs(opened: Open) -> None:
    befores = ['a = "😀"; x', 'b = "漢字かな"; x', 'c = "e\u0301👩\u200d👩\u200d👧"; x', "\tＡ\u202f; x"]
    answer = " = '🎉é'"
    neovim = opened("\n".join(befores) + "\n", {"default": "", "answers": dict.fromkeys(befores, answer)})
    neovim.lua("vim.o.tabstop = 8")
    for row, before in enumerate(befores):
        neovim.type(f"<Esc>{row + 1}GA")
        draws(neovim, Mark(row, len(before.encode()), answer))
        shows(neovim, row, before.expandtabs() + answer)
        neovim.type("<Tab>")
        accepted = [before + answer for before in befores[: row + 1]]
        holds(neovim, *accepted, *befores[row + 1 :])
        assert neovim.cursor() == (row + 1, len(accepted[row].encode()))
    assert neovim.log() == ""


def test_tabs_in_ghost_text_go_to_the_next_stop(opened: Open) -> None:
    neovim = opened("", {"default": "", "answers": {"x": " = [\ty,\n\tz]"}}, environment=EAGER)
    neovim.lua("vim.bo.tabstop = 4")
    neovim.type("ix")
    shows(neovim, 0, "x = [   y,")
    shows(neovim, 1, "    z]")
    neovim.type("<Tab>")
    holds(neovim, "x = [\ty,", "\tz]")


def test_a_file_with_carriage_returns(opened: Open) -> None:
    answers = {"add(a, b):\r\n    ": "total = a + b\r\n    return total"}
    neovim = opened("import os\r\n", {"default": "", "answers": answers})
    neovim.type("Godef add(a, b):<CR>")
    draws(neovim, Mark(2, 4, "total = a + b", ("    return total",)))
    neovim.type("<Tab>")
    holds(neovim, "import os", "def add(a, b):", "    total = a + b", "    return total")
    assert neovim.lua("return vim.bo.fileformat") == "dos"


@pytest.mark.parametrize("seed", [1, 2])
def test_fast_typing_with_acceptance_loses_and_doubles_nothing(opened: Open, seed: int) -> None:
    """100 random edits against a list of characters; whatever was accepted is what was shown."""
    neovim = opened("", {"default": "ab = 'é😀'"})
    neovim.type("i")
    reference = edited_at_random(NeovimKeys(neovim), 100, seed)
    neovim.until(neovim.text, lambda text: text == [reference])


class NeovimKeys:
    """Hands on a Neovim in insert mode."""

    def __init__(self, neovim: Neovim) -> None:
        self._neovim = neovim
        self.key = neovim.type

    def backspace(self) -> None:
        self._neovim.type("<BS>")

    def left(self) -> None:
        self._neovim.type("<Left>")

    def accept(self) -> str:
        return accepted(self._neovim)

    def rest(self) -> None:
        time.sleep(0.05)


def accepted(neovim: Neovim) -> str:
    """What is shown at this moment, which is accepted then; nothing where nothing is."""
    code = """local own = require('codeslm.own')
      local namespace = vim.api.nvim_get_namespaces()['codeslm.ghost']
      local mark = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })[1]
      if not mark or not own.accept() then
        return ''
      end
      vim.wait(1000, function() return not own.is_visible() end)
      return mark[4].virt_text[1][1]"""
    return str(neovim.lua(code))


@pytest.mark.parametrize(
    ("mapping", "typed", "text"),
    [
        ("'TAB'", "i<Tab>", "TAB"),
        ("function() return '<Left>X' end, { expr = true }", "iab<Tab>c", "aXcb"),
    ],
)
def test_a_key_does_what_it_did_before_where_nothing_is_shown(
    opened: Open, mapping: str, typed: str, text: str
) -> None:
    neovim = opened(script={"default": ""})
    neovim.lua(f"vim.keymap.set('i', '<Tab>', {mapping})")
    neovim.lua("vim.cmd.edit('other.py')")
    neovim.attached()
    neovim.until(lambda: neovim.lua("return vim.fn.maparg('<Tab>', 'i', false, true).buffer"), lambda local: local == 1)
    neovim.type(typed)
    holds(neovim, text)


def test_keys_typed_at_once_are_done_one_after_the_other(opened: Open) -> None:
    neovim = opened()
    neovim.type("Goret")
    draws(neovim, Mark(1, 7, "urn a + b"))
    neovim.type("<Tab> # sum<Esc>0")
    holds(neovim, "def add(a, b):", "    return a + b # sum")
    assert neovim.cursor() == (2, 0)


def test_no_ghost_text_behind_a_menu(opened: Open) -> None:
    neovim = opened("alpha\nalphabet\n", {"default": "GHOST"})
    neovim.type("Goal")
    neovim.until(neovim.ghost, bool)
    neovim.type("<C-n>")
    neovim.until(lambda: neovim.lua("return vim.fn.pumvisible()"), bool)
    draws(neovim)


def test_the_status_line_says_how_things_are(opened: Open) -> None:
    neovim = opened()
    status = "return require('codeslm').status()"
    neovim.until(lambda: neovim.lua(status), lambda said: said == "codeslm")
    neovim.type(":CodeSLM disable<CR>")
    neovim.until(lambda: neovim.lua(status), lambda said: said == "codeslm: off")
    neovim.type("Goret<M-\\>")
    time.sleep(0.3)
    assert neovim.ghost() == []
    neovim.type("<Esc>:CodeSLM enable<CR>A")
    neovim.until(lambda: neovim.lua(status), lambda said: said == "codeslm")
    draws(neovim, Mark(1, 7, "urn a + b"))


def test_an_edit_is_shown_as_a_patch_and_made_when_the_user_says_so(opened: Open) -> None:
    reply = "Add them.\n\nArgs:\n    a: one\n    b: the other\n"
    neovim = opened(HEADER + "    return a + b\n", {"default": "", "replies": [["Document this function", reply]] * 2})
    neovim.type(":CodeSLM document<CR>")
    neovim.until(lambda: "\n".join(neovim.text()), lambda text: "Press a to make this change" in text)
    shown = neovim.text()
    assert '+    """Add them.' in shown
    assert any(line.startswith("**cross-checked**") or line.startswith("**unverified**") for line in shown)
    neovim.type("q")
    holds(neovim, "def add(a, b):", "    return a + b")
    neovim.type(":CodeSLM document<CR>")
    neovim.until(lambda: neovim.text()[0], lambda line: line.startswith("Press a"))
    neovim.type("a")
    neovim.until(lambda: neovim.text()[1:2], lambda lines: lines == ['    """Add them.'])
    neovim.type("u")
    holds(neovim, "def add(a, b):", "    return a + b")


def test_commands_that_are_not_there_are_told(opened: Open) -> None:
    neovim = opened()
    neovim.until(lambda: neovim.lua("return require('codeslm').state().kind"), lambda kind: kind == "ready")
    for typed, said in (
        ("CodeSLM nonsense", "there is no command nonsense; there are ask, commit"),
        ("CodeSLM document this", "document takes no words"),
        ("CodeSLM status", "codeslm is ready with replay."),
        ("CodeSLM why", "nothing has been asked for yet"),
    ):
        neovim.type(f":{typed}<CR>")
        neovim.until(lambda: neovim.nvim.command_output("messages"), lambda shown, said=said: said in shown)  # type: ignore[misc]
    names = neovim.lua("return vim.fn.getcompletion('CodeSLM ex', 'cmdline')")
    assert names == ["explain"]


def test_wrong_options_are_told_and_the_rest_holds(opened: Open) -> None:
    neovim = opened()
    neovim.lua(
        "require('codeslm').setup({ colour = 1, ghost = 'red', keys = { accept = 3, jump = 'x', next = false } })"
    )
    said = neovim.nvim.command_output("messages")
    for part in ("no option 'colour'", "no key 'jump'", "'accept' has to be a string or false", "'ghost' has to be"):
        assert part in said
    options = neovim.lua("return require('codeslm.config').options")
    assert (options["ghost"], options["keys"]["accept"], options["keys"]["next"]) == ("auto", "<Tab>", False)


def test_the_server_is_killed_and_comes_back(opened: Open) -> None:
    neovim = opened()
    neovim.type("Goret")
    draws(neovim, Mark(1, 7, "urn a + b"))
    [server] = neovim.servers()
    server.kill()
    psutil.wait_procs([server], timeout=10)
    neovim.type("<Esc>:CodeSLM restart<CR>")
    neovim.until(neovim.servers, lambda servers: [each.pid for each in servers] not in ([], [server.pid]))
    neovim.attached()
    neovim.type("A<BS>t")
    draws(neovim, Mark(1, 7, "urn a + b"))


def test_checkhealth_finds_nothing_wrong(opened: Open) -> None:
    neovim = opened()
    neovim.until(lambda: neovim.lua("return require('codeslm').state().kind"), lambda kind: kind == "ready")
    neovim.type(":checkhealth codeslm<CR>")
    text = neovim.until(
        lambda: "\n".join(neovim.text()), lambda text: "The language server runs: codeslm is ready" in text
    )
    assert "accept: <Tab>" in text


def test_the_help_file_has_what_the_plug_in_has(opened: Open) -> None:
    neovim = opened()
    neovim.lua("vim.cmd.helptags(vim.fn.fnamemodify(vim.api.nvim_get_runtime_file('doc/codeslm.txt', false)[1], ':h'))")
    for tag in ("codeslm", "codeslm-options", "codeslm-keys", "codeslm-status", ":CodeSLM"):
        neovim.lua(f"vim.cmd('silent! help {tag}')")  # Without errors of what draws it: the parser may be missing.
        assert neovim.lua("return vim.fn.expand('%:t')") == "codeslm.txt"
    text = "\n".join(neovim.text())
    for name in neovim.lua("return vim.tbl_keys(require('codeslm.config').defaults)"):
        assert f"`{name}`" in text, name
    for key in neovim.lua("return vim.tbl_values(require('codeslm.config').defaults.keys)"):
        assert key in text, key


def test_a_real_model_with_the_plug_in(opened: Open, small_model: Path) -> None:
    environment = {"CODESLM_MODEL": str(small_model), "CODESLM_COMPLETION__TIME_BUDGET_MS": "60000"}
    server = ("-m", "codeslm_lsp.cli", "serve")
    neovim = opened("", None, server=server, environment=environment)
    neovim.type("idef add(a, b):<CR>ret")
    shows(neovim, 1, "    return a + b")
    neovim.type("<M-Right><M-Right>")
    holds(neovim, "def add(a, b):", "    return a")
    neovim.type("<Tab>")
    holds(neovim, "def add(a, b):", "    return a + b")
    neovim.until(lambda: neovim.lua("return require('codeslm').state()"), lambda state: state["kind"] == "ready")
    assert neovim.lua("return require('codeslm').state().model") == small_model.stem
