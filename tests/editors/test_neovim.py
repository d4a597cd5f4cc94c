"""The real Neovim, old and new, with the setup that ``editors/README.md`` gives to users."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from tests.editors.conftest import PATIENCE_S, Mark, OpenNeovim, draws, holds, shows
from tests.editors.judging import HEADER, SUM

GHOST = "Neovim 0.12: ghost text"
MENU = "Neovim 0.11: the completion menu"
REAL_SERVER = ("-m", "codeslm_lsp.cli", "serve")


def test_ghost_text_appears_and_tab_accepts_it(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    neovim = open_neovim(neovim_0_12, GHOST, HEADER, script=SUM)
    neovim.type("Goret")
    shows(neovim, 1, "    return a + b")
    assert neovim.ghost() == [Mark(1, 7, "urn a + b")]
    assert neovim.text() == ["def add(a, b):", "    ret"]
    neovim.type("<Tab>")
    holds(neovim, "def add(a, b):", "    return a + b")
    assert neovim.cursor() == (2, len("    return a + b"))
    assert neovim.ghost() == []
    assert neovim.log() == ""


def test_the_prompt_is_evaluated_where_the_cursor_rests(
    open_neovim: OpenNeovim, neovim_0_12: Path, tmp_path: Path
) -> None:
    """Before any key: the server is told when the buffer is shown, and again when insert mode begins elsewhere."""
    events = tmp_path / "events"
    text = HEADER + "    return 1\n" + "# a comment\n" * 400
    script = {**SUM, "events": str(events)}
    environment = {"CODESLM_COMPLETION__PREFETCH": "always"}
    neovim = open_neovim(neovim_0_12, GHOST, text, script=script, environment=environment)
    neovim.until(lambda: events.read_text().count("max_tokens") if events.exists() else 0, bool)
    before = events.read_text().count("generating")
    neovim.type("GA")
    neovim.until(lambda: events.read_text().count("generating"), lambda count: count > before)
    assert neovim.log() == ""


def test_typing_on_replaces_stale_ghost_text(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    answers = {"    ret": "urn a + b", "    retu": "rn a + b", "    retx": "NEW"}
    neovim = open_neovim(neovim_0_12, GHOST, HEADER, script={"default": "", "answers": answers})
    neovim.type("Goret")
    shows(neovim, 1, "    return a + b")
    neovim.type("u")
    draws(neovim, Mark(1, 8, "rn a + b"))
    shows(neovim, 1, "    return a + b")
    neovim.type("<BS>x")
    draws(neovim, Mark(1, 8, "NEW"))
    shows(neovim, 1, "    retxNEW")


def test_without_an_answer_the_ghost_text_goes_and_tab_is_a_tab(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    neovim = open_neovim(neovim_0_12, GHOST, HEADER, script=SUM)
    neovim.type("Goret")
    neovim.until(neovim.ghost, bool)
    neovim.type("!")
    draws(neovim)
    shows(neovim, 1, "    ret!")
    neovim.type("<Tab>.")
    holds(neovim, HEADER.strip(), "    ret!    .")


def test_leaving_insert_mode_hides_the_ghost_text(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    neovim = open_neovim(neovim_0_12, GHOST, HEADER, script=SUM)
    neovim.type("Goret")
    neovim.until(neovim.ghost, bool)
    neovim.type("<Esc>")
    draws(neovim)
    shows(neovim, 1, "    ret")


def test_a_block_of_lines(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    answers = {"add(a, b):\n    ": "total = a + b\n    return total"}
    neovim = open_neovim(neovim_0_12, GHOST, "import os\n", script={"default": "", "answers": answers})
    neovim.type("Godef add(a, b):<CR>")
    draws(neovim, Mark(2, 4, "total = a + b", ("    return total",)))
    shows(neovim, 2, "    total = a + b")
    shows(neovim, 3, "    return total")
    neovim.type("<Tab>")
    holds(neovim, "import os", "def add(a, b):", "    total = a + b", "    return total")
    assert neovim.cursor() == (4, len("    return total"))


def test_a_block_of_lines_in_a_file_with_carriage_returns(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    answers = {"add(a, b):\r\n    ": "total = a + b\r\n    return total"}
    neovim = open_neovim(neovim_0_12, GHOST, "import os\r\n", script={"default": "", "answers": answers})
    neovim.type("Godef add(a, b):<CR>")
    neovim.until(neovim.ghost, bool)
    neovim.type("<Tab>")
    holds(neovim, "import os", "def add(a, b):", "    total = a + b", "    return total")


def test_text_after_the_cursor_moves_aside(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    neovim = open_neovim(neovim_0_12, GHOST, HEADER, script={"default": "", "answers": {"x = add(": "1, 2"}})
    neovim.type("Go<C-u>x = add()<Left>")
    shows(neovim, 1, "x = add(1, 2)")
    neovim.type("<Tab>")
    holds(neovim, HEADER.strip(), "x = add(1, 2)")
    assert neovim.cursor() == (2, len("x = add(1, 2"))


def test_wide_characters_before_the_cursor(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    """Bytes, UTF-16 units, code points and cells of the screen all count these lines differently."""
    befores = ['a = "😀"; x', 'b = "漢字かな"; x', 'c = "e\u0301👩\u200d👩\u200d👧"; x', "\tＡ\u202f; x"]
    answer = " = '🎉é'"
    script = {"default": "", "answers": dict.fromkeys(befores, answer)}
    neovim = open_neovim(neovim_0_12, GHOST, "\n".join(befores) + "\n", script=script)
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


def test_typing_faster_than_the_model(open_neovim: OpenNeovim, neovim_0_12: Path) -> None:
    """Answers to old keys come late or not at all; the last one is what is drawn."""
    answers = {"    return a"[:end]: "OLD" for end in range(5, 12)} | {"    return a": " + b"}
    script = {"default": "", "answers": answers, "prefill_ms": 400}
    neovim = open_neovim(neovim_0_12, GHOST, HEADER, script=script)
    neovim.type("Go")
    for key in "return a":
        neovim.type(key)
        time.sleep(0.25)  # Longer than Neovim waits before it asks, shorter than the model works.
    draws(neovim, Mark(1, 12, " + b"))
    shows(neovim, 1, "    return a + b")


def test_when_the_engine_dies_the_next_key_is_answered(
    open_neovim: OpenNeovim, neovim_0_12: Path, tmp_path: Path
) -> None:
    events = tmp_path / "events"
    events.touch()  # The server starts its engine a moment after it has answered ``initialize``.
    script = {**SUM, "dies_on": "    re", "events": str(events)}
    neovim = open_neovim(neovim_0_12, GHOST, HEADER, script=script)
    neovim.type("Gore")
    neovim.until(lambda: events.read_text(encoding="utf-8"), lambda said: "cancelled" in said)
    neovim.type("t")
    shows(neovim, 1, "    return a + b")


def test_neovim_0_11_takes_a_completion_from_its_menu(open_neovim: OpenNeovim, neovim_0_11: Path) -> None:
    neovim = open_neovim(neovim_0_11, MENU, HEADER, script=SUM)
    neovim.type("Goret<C-Space>")
    neovim.until(
        lambda: neovim.screen()[2], lambda shown: shown.split() == ["~", "return", "a", "+", "b", "Text", "codeslm"]
    )
    neovim.type("<C-n><C-y>")
    holds(neovim, "def add(a, b):", "    return a + b")
    assert neovim.cursor() == (2, len("    return a + b"))
    assert neovim.log() == ""


def test_neovim_0_11_takes_wide_characters_from_its_menu(open_neovim: OpenNeovim, neovim_0_11: Path) -> None:
    script = {"default": "", "answers": {'"😀漢"; na': "me = '🎉'"}}
    neovim = open_neovim(neovim_0_11, MENU, HEADER, script=script)
    neovim.type('Go<C-u>"😀漢"; na<C-Space>')
    neovim.until(lambda: neovim.lua("return vim.fn.pumvisible()"), bool)
    neovim.type("<C-n><C-y>")
    holds(neovim, HEADER.strip(), "\"😀漢\"; name = '🎉'")


def test_neovim_0_11_is_answered_without_being_able_to_ask(open_neovim: OpenNeovim, neovim_0_11: Path) -> None:
    """It does not know of inline completion and does not claim to, but its plugins may ask."""
    neovim = open_neovim(neovim_0_11, MENU, HEADER + "    ret\n", script=SUM)
    neovim.type("GA")
    neovim.until(neovim.cursor, lambda cursor: cursor == (2, 7))
    answer = neovim.lua(
        """local client = vim.lsp.get_clients({ name = 'codeslm' })[1]
           local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
           params.context = { triggerKind = 1 }
           return client:request_sync('textDocument/inlineCompletion', params, 60000, 0)"""
    )
    [item] = answer["result"]["items"]
    place = {"line": 1, "character": 7}
    assert item["insertText"] == "urn a + b"
    assert item["range"] == {"start": place, "end": place}


@pytest.mark.parametrize(("version", "setup"), [("0_11", MENU), ("0_12", GHOST)])
def test_the_server_goes_with_neovim(
    open_neovim: OpenNeovim, request: pytest.FixtureRequest, tmp_path: Path, version: str, setup: str
) -> None:
    program: Path = request.getfixturevalue(f"neovim_{version}")
    events = tmp_path / "events"
    events.touch()
    neovim = open_neovim(program, setup, HEADER, script={"events": str(events)})
    [server] = neovim.servers()
    neovim.until(lambda: events.read_text(encoding="utf-8"), lambda said: "started" in said)
    neovim.quit()
    assert psutil.wait_procs([server], timeout=PATIENCE_S)[1] == []
    assert events.read_text(encoding="utf-8").splitlines() == ["started", "closed"]


def test_a_real_model_in_neovim(open_neovim: OpenNeovim, neovim_0_12: Path, small_model: Path) -> None:
    environment = {"CODESLM_MODEL": str(small_model), "CODESLM_COMPLETION__TIME_BUDGET_MS": "60000"}
    neovim = open_neovim(neovim_0_12, GHOST, server=REAL_SERVER, environment=environment)
    neovim.type("idef add(a, b):<CR>ret")
    shows(neovim, 1, "    return a + b")
    neovim.type("<Tab>")
    holds(neovim, "def add(a, b):", "    return a + b")
    [server] = neovim.servers()
    [engine] = server.children()
    neovim.quit()
    assert psutil.wait_procs([server, engine], timeout=PATIENCE_S)[1] == []
