"""The extension of ``editors/vscode``, packed as its README says, in a real VS Code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import playwright.sync_api
import pytest
from playwright.sync_api import Browser, Page

from tests.editors.conftest import REPLAYING
from tests.editors.judging import EAGER, HEADER, SUM, edited_at_random, kept
from tests.editors.vscode import (
    GHOST,
    SIZE,
    TAKE_LINE,
    CodeServer,
    Window,
    code_server_entry,
    open_file,
    open_window,
    packed_extension,
    running_browser,
    running_code_server,
    write_keys,
)

Open = Callable[..., Window]


@pytest.fixture(scope="module")
def code_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeServer]:
    folder = tmp_path_factory.mktemp("vscode")
    with running_code_server(code_server_entry(), packed_extension(), folder) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def page(code_server: CodeServer, browser: Browser) -> Page:
    """One window for all tests: it takes seconds to open."""
    write_keys(code_server)
    code_server.write_settings({})
    code_server.write_program(REPLAYING, {})
    page = open_window(browser, code_server, code_server.project)
    Window(page, code_server, code_server.project).has_status("is ready")
    return page


@pytest.fixture
def opened(code_server: CodeServer, page: Page, usage_dir: Path) -> Open:
    """Opens a file, anew for each test, with a server that replays a script."""

    def open_one(
        text: str = HEADER,
        script: Mapping[str, Any] | None = SUM,
        *,
        name: str = "shapes.py",
        server: tuple[str, ...] = REPLAYING,
        settings: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        project: str = "",
        until: str = "is ready",
    ) -> Window:
        code_server.write_settings(settings or {})
        code_server.write_program(
            server,
            {
                "CODESLM_TEST_SCRIPT": json.dumps(script or {}),
                "CODESLM_USAGE_DIR": str(usage_dir),
                "CODESLM_COMPLETION__PREFETCH": "never" if script is not None else "always",
                "CODESLM_COMPLETION__TIME_BUDGET_MS": "60000",  # However busy the machine is, all lines are shown.
                **(environment or {}),
            },
        )
        (code_server.project / "pyproject.toml").write_text(project, encoding="utf-8")
        file = code_server.project / name
        file.write_bytes(text.encode())
        window = Window(page, code_server, file)
        open_file(window)
        window.has_status(until)
        return window

    return open_one


def test_ghost_text_appears_and_tab_accepts_it_as_one_step_to_undo(opened: Open) -> None:
    window = opened()
    window.type("    ret")
    window.draws("urn a + b")
    window.press("Tab")
    window.holds("def add(a, b):", "    return a + b")
    window.draws()
    window.press("Control+z")
    window.holds("def add(a, b):", "    ret")


def test_what_is_typed_as_it_says_never_flickers(opened: Open) -> None:
    """Of all pictures that the browser draws while it is typed, none is without the rest of it."""
    window = opened(script={**SUM, "prefill_ms": 150})
    window.type("    ret")
    window.draws("urn a + b")
    window.page.evaluate(
        f"""() => {{
          window.drawn = [];
          const look = () => {{ window.drawn.push(({GHOST})()); window.watching = requestAnimationFrame(look); }};
          look();
        }}"""
    )
    window.type("urn a", delay_ms=60)
    window.draws(" + b")
    drawn = window.page.evaluate("() => { cancelAnimationFrame(window.watching); return window.drawn; }")
    kinds = {"".join(each) for each in drawn}
    assert kinds <= {"urn a + b"[n:] for n in range(6)}, kinds
    window.type("x")
    window.draws()


def test_words_and_lines_are_taken_one_by_one(opened: Open) -> None:
    answers = {"add(a, b):\n    ": "total = é.plus(a)\n    return total"}
    window = opened("import os\n", {"default": "", "answers": answers})
    window.type("def add(a, b):")
    window.press("Enter")
    window.draws("total = é.plus(a)", "    return total")
    window.press("Control+ArrowRight")
    window.draws(" = é.plus(a)", "    return total")
    window.press(TAKE_LINE)
    window.until(
        window.saved, lambda data: data.startswith("import os\ndef add(a, b):\n    total = é.plus(a)".encode())
    )
    window.press("Control+End")
    window.press("Tab")
    window.until(window.saved, lambda data: b"return total" in data or data.endswith(b"    "))


def test_others_are_shown_in_turn(opened: Open) -> None:
    window = opened(script={**SUM, "alternatives": ["urn b + a", "urn sum((a, b))"]})
    window.type("    ret")
    window.draws("urn a + b")
    for shown in ("urn b + a", "urn sum((a, b))", "urn a + b"):
        window.press("Alt+]")
        window.draws(shown)
    window.press("Alt+[")
    window.draws("urn sum((a, b))")
    window.press("Tab")
    window.holds("def add(a, b):", "    return sum((a, b))")


def test_others_are_shown_where_the_first_came_late(opened: Open) -> None:
    window = opened(script={**SUM, "alternatives": ["urn b + a"], "prefill_ms": 1500})
    window.type("    ret")
    window.draws("urn a + b")
    window.press("Alt+]")
    window.draws("urn b + a")


def test_it_is_hidden_and_asked_for_by_hand(opened: Open) -> None:
    window = opened(settings={"codeslm.completion.automatic": False})
    window.type("    ret")
    window.has_status("has no suggestion")
    window.press("Alt+\\")
    window.draws("urn a + b")
    window.press("Escape")
    window.draws()


def test_what_takes_longer_than_the_menu_waits_is_shown_all_the_same(opened: Open) -> None:
    """VS Code cancels a request after three quarters of a second, whether it has a menu to show or not."""
    window = opened(script={**SUM, "prefill_ms": 2000})
    window.type("    ret")
    window.has_status("is thinking")
    window.draws("urn a + b")
    window.press("Tab")
    window.holds("def add(a, b):", "    return a + b")
    window.press("Enter")
    window.type("ret")
    window.has_status("is thinking")
    window.press("Home")
    window.has_status("is ready")
    assert window.ghost() == []


def test_ghost_text_goes_on_from_the_selected_entry_of_the_menu(opened: Open) -> None:
    answers = {"    alpha": "_DECAY * 2", "    alphabet": "ical(x)"}
    settings = {"editor.wordBasedSuggestions": "currentDocument", "editor.quickSuggestions": {"other": "on"}}
    window = opened("alpha\nalphabet\n", {"default": "", "answers": answers}, settings=settings)
    window.type("    alphab", delay_ms=30)
    window.until(lambda: window.page.locator(".suggest-widget.visible .focused").count(), bool)
    window.until(window.lines, lambda lines: lines[-1] == "    alphabetical(x)")
    window.press("Tab")
    window.until(window.saved, lambda data: b"\n    alphabet" in data)


def test_several_lines_in_the_middle_of_a_line(opened: Open) -> None:
    settings = {"editor.autoClosingBrackets": "never", "editor.autoIndent": "none"}
    answers = {"f(": "{\n  1: 2\n}"}
    window = opened("f(, 'é')", {"default": "", "answers": answers}, settings=settings, environment=EAGER)
    window.press("Home", "ArrowRight")
    window.type("(")
    window.press("Backspace")
    window.press("ArrowRight")
    window.press("Alt+\\")
    window.until(window.ghost, bool)
    window.press("Tab")
    window.holds("f({", "  1: 2", "}, 'é')")


def test_wide_characters_and_tabs(opened: Open) -> None:
    befores = ['a = "😀"; x', 'b = "漢字かな"; x', 'c = "e\u0301👩\u200d👩\u200d👧"; x', "\tＡ\u202f; x"]
    answer = " = '🎉é'"
    window = opened("\n".join(befores) + "\n", {"default": "", "answers": dict.fromkeys(befores, answer)})
    window.press("Control+Home")
    for row, _ in enumerate(befores):
        window.press("End")
        window.press("Alt+\\")
        window.draws(answer)
        window.press("Tab")
        window.holds(*(before + answer for before in befores[: row + 1]), *befores[row + 1 :], "")
        window.press("ArrowDown")


def test_a_file_with_carriage_returns(opened: Open) -> None:
    answers = {"add(a, b):\r\n    ": "total = a + b\r\n    return total"}
    window = opened("import os\r\n", {"default": "", "answers": answers})
    window.type("def add(a, b):")
    window.press("Enter")
    window.draws("total = a + b", "    return total")
    window.press("Tab")
    window.holds("import os", "def add(a, b):", "    total = a + b", "    return total", end="\r\n")


def test_fast_typing_with_acceptance_loses_and_doubles_nothing(opened: Open) -> None:
    """200 random edits against a list of characters; whatever was accepted is what was shown."""
    plain = {
        "editor.autoClosingBrackets": "never",
        "editor.autoSurround": "never",
        "editor.quickSuggestions": {"other": "off"},
    }
    window = opened("", {"default": "ab = 'é漢'"}, settings=plain)
    reference = edited_at_random(VSCodeKeys(window), 200, 1)
    window.holds(reference)


class VSCodeKeys:
    """Hands on an editor of VS Code."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def key(self, character: str) -> None:
        self._window.type(character)

    def backspace(self) -> None:
        self._window.press("Backspace")

    def left(self) -> None:
        self._window.press("ArrowLeft")

    def accept(self) -> str:
        taken = "".join(self._window.ghost_of_next_picture())
        if taken:
            self._window.press("Tab")
        return taken

    def rest(self) -> None:
        self._window.page.wait_for_timeout(120)


def test_an_edit_is_shown_as_a_difference_and_made_when_the_user_says_so(opened: Open) -> None:
    reply = "Add them.\n\nArgs:\n    a: one\n    b: the other\n"
    before = HEADER + "    return a + b\n"
    window = opened(before, {"default": "", "replies": [["Document this function", reply]] * 2})
    window.press("Control+Home")
    window.run("codeslm: Write the Docstring")
    window.until(window.notices, lambda notices: any("codeslm document" in each for each in notices))
    window.until(lambda: window.page.title(), lambda title: "codeslm document" in title)
    window.click_notice("Discard")
    window.until(lambda: window.page.title(), lambda title: "codeslm document" not in title)
    assert window.file.read_text() == before
    window.run("codeslm: Write the Docstring")
    window.until(window.notices, lambda notices: any("codeslm document" in each for each in notices))
    window.click_notice("Apply")
    window.until(lambda: window.page.title(), lambda title: "codeslm document" not in title)
    window.until(window.saved, lambda data: b'    """Add them.' in data)
    window.press("Control+z")
    window.holds(*before.split("\n"))


def test_an_answer_is_written_beside_the_code_with_its_badge(opened: Open) -> None:
    """It takes longer than the preview does to load: see ``documents.ts``."""
    said = "It adds **both**. " + "Really. " * 40
    window = opened(HEADER + "    return a + b\n", {"default": "", "command_answers": [said], "command_token_ms": 40})
    window.run("codeslm: Explain")
    window.until(window.preview, lambda text: text.startswith("It adds both."))
    text = window.until(window.preview, lambda text: "unverified" in text)
    assert "? unverified" in text
    assert "shapes.py" in window.page.title()  # The code keeps the keys.


def test_an_answer_is_asked_for_in_the_light_bulb(opened: Open) -> None:
    window = opened(HEADER + "    return a + b\n", {"default": "", "command_answers": ["It adds."]})
    window.press("Control+Home")
    entry = window.page.locator(".action-widget .action-item, .action-widget .monaco-list-row").filter(
        has_text="Explain (codeslm)"
    )

    def is_offered() -> bool:
        window.press("Escape", "Control+.")  # What takes the keys closes the list, as does a diagnostic that comes.
        with suppress(playwright.sync_api.Error):
            entry.first.wait_for(timeout=5000)
        return bool(entry.count())

    window.until(is_offered, bool)
    entry.first.click()
    assert "It adds." in window.until(window.preview, lambda text: "unverified" in text)


def test_a_command_is_cancelled(opened: Open) -> None:
    window = opened(HEADER, {"default": "", "command_answers": ["No end. " * 400], "command_token_ms": 50})
    window.run("codeslm: Explain")
    window.until(window.preview, lambda text: "No end." in text)
    window.click_notice("Cancel")
    window.until(window.notices, lambda notices: not notices)
    window.page.wait_for_timeout(1500)  # The preview is drawn a moment later.
    text = window.preview()
    window.page.wait_for_timeout(1000)
    assert window.preview() == text
    window.press("Control+End")
    window.type("    ret")
    window.has_status("no suggestion here")  # The server goes on.


def test_a_document_that_is_no_file(opened: Open) -> None:
    window = opened()
    window.run("codeslm: Try It on a Sample")
    window.until(lambda: window.page.title(), lambda title: "Untitled" in title)
    window.draws("urn a + b")


def test_what_became_of_suggestions_is_kept(opened: Open, usage_dir: Path) -> None:
    answers = {"    ret": "urn a + b", "\na": " = 1", "\nb": "eta(1)"}
    window = opened(script={"default": "", "answers": answers})
    window.type("    ret")
    window.draws("urn a + b")
    window.type("urn", delay_ms=60)
    window.draws(" a + b")
    window.press("Tab", "Enter", "Home")
    window.type("a")
    window.draws(" = 1")
    window.press("Enter")
    window.type("b")
    window.draws("eta(1)")
    window.press("Control+ArrowRight")
    window.draws("(1)")

    expected = [("accepted", 9, 9, 0), ("dismissed", 4, 0, 0), ("partly accepted", 6, 3, 0)]
    window.until(lambda: kept(usage_dir), lambda rows: rows == expected)


def test_the_menu_of_the_status_bar_switches_it_off_where_one_likes(opened: Open) -> None:
    window = opened()
    item = window.page.locator('.statusbar-item[id*="codeslm.status"] a')
    for choice, said, back in (
        ("Pause for 10 minutes", "paused until", "Go on suggesting"),
        ("Switch off for this file", "off for this file", "Switch on for this file"),
        ("Switch off for python", "off for this language", "Switch on for python"),
    ):
        item.click()
        window.choose(choice)
        window.has_status(said)
        item.click()
        window.choose(back)
        window.has_status("is ready")
    window.page.locator(".monaco-editor .view-lines").first.click()
    window.press("Control+End")
    window.type("    ret")
    window.draws("urn a + b")


def test_settings_count_while_it_runs(opened: Open, code_server: CodeServer) -> None:
    window = opened()
    code_server.write_settings({"codeslm.completion.enabled": False})
    window.has_status("switched off")
    window.type("    ret")
    window.page.wait_for_timeout(500)
    assert window.ghost() == []
    code_server.write_settings({"codeslm.completion.enabled": True})
    window.has_status("is ready")
    window.press("Backspace")
    window.type("t")
    window.draws("urn a + b")


def test_what_a_project_says_of_itself_is_not_overruled_by_defaults(opened: Open) -> None:
    opened(project="[tool.codeslm.completion]\nenabled = false\n", until="switched off")


def test_the_server_is_killed_and_comes_back(opened: Open, code_server: CodeServer) -> None:
    window = opened()
    [server] = window.until(code_server.servers, lambda servers: len(servers) == 1)
    server.kill()
    window.until(code_server.servers, lambda servers: servers and servers[0].pid != server.pid)
    window.has_status("is ready")
    window.type("    ret")
    window.draws("urn a + b")


def test_a_missing_model_is_told_and_how_to_begin_is_shown_once(opened: Open) -> None:
    missing = "No model is installed; run `codeslm models pull`."
    window = opened(environment={"CODESLM_TEST_NO_MODEL": missing}, until="there is a problem")
    assert missing in window.status()
    window.until(lambda: window.page.title(), lambda title: "Welcome" in title)
    window.until(window.notices, lambda notices: any("no model on this machine yet" in each for each in notices))
    opened(environment={"CODESLM_TEST_NO_MODEL": missing}, until="there is a problem")
    window.until(window.notices, lambda notices: any("no model on this machine yet" in each for each in notices))
    assert "Welcome" not in window.page.title()


def test_a_wrong_program_is_told_and_another_one_taken_at_once(opened: Open, code_server: CodeServer) -> None:
    window = opened(settings={"codeslm.serverPath": "/nowhere/codeslm"}, until="there is a problem")
    assert "names /nowhere/codeslm, which is no program" in window.status()
    code_server.write_settings({})
    window.has_status("is ready")


def test_why_nothing_was_suggested_is_told(opened: Open) -> None:
    window = opened(script={"default": ""})
    window.type("    ret")
    window.has_status("has no suggestion here")
    window.run("codeslm: Why Was That Suggested, or Nothing?")
    window.until(window.preview, lambda text: "Nothing was suggested:" in text)


def test_models_are_shown_with_what_they_need(opened: Open) -> None:
    window = opened()
    window.run("codeslm: Choose the Model")
    assert "1.1 GB · 2.2 GB of memory · reads " in window.lists("qwen2.5-coder-1.5b")
    window.press("Escape")


def test_a_notebook_cell(opened: Open) -> None:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": ["x = 1"],
    }
    about = {"metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    notebook = json.dumps({"cells": [cell], **about})
    window = opened(notebook, {"default": "", "answers": {"ret": "urn x"}}, name="sheet.ipynb")
    window.page.locator(".notebook-editor .cell .monaco-editor").first.click()
    window.press("Control+End", "Enter")
    window.type("ret")
    window.draws("urn x")


@pytest.mark.parametrize(
    ("theme", "width", "height"), [("Default Light Modern", 1000, 600), ("Default Dark Modern", 520, 480)]
)
def test_each_state_can_be_looked_at(opened: Open, theme: str, width: int, height: int) -> None:
    """Pictures in light and wide, and in dark and narrow; that each state is there is what fails or not."""
    name = "dark" if "Dark" in theme else "light"
    reply = "Add two numbers.\n\nArgs:\n    a: one\n    b: the other\n"
    answers = {
        "    ret": "urn a + b",
        "def total(items):\n    ": "result = 0\n    for item in items:\n        result += item",
    }
    said = "`add` returns the sum of **a** and **b**.\n\n- It takes whatever `+` takes.\n- Nothing is changed."
    script = {"default": "", "answers": answers, "replies": [["Document this function", reply], ["Explain", said]]}
    look = {"workbench.colorTheme": theme, "workbench.activityBar.location": "hidden", "window.commandCenter": False}
    window = opened(f"{HEADER}    return a + b\n\n\n", script, settings=look, environment=EAGER)
    window.page.set_viewport_size({"width": width, "height": height})
    try:
        window.press("Control+b")
        window.type("def total(items):")
        window.press("Enter")
        window.until(window.ghost, lambda ghost: len(ghost) == 3)
        window.picture(f"suggestion-{name}")
        window.press("Escape", "Control+z", "Control+z", "Control+Home")
        window.run("codeslm: Write the Docstring")
        window.until(window.notices, lambda notices: any("codeslm document" in each for each in notices))
        window.picture(f"edit-{name}")
        window.click_notice("Discard")
        window.until(lambda: window.page.title(), lambda title: "codeslm document" not in title)
        window.run("codeslm: Explain")
        window.until(window.preview, lambda text: "unverified" in text)
        window.picture(f"answer-{name}")
        window.page.locator('.statusbar-item[id*="codeslm.status"] a').click()
        window.lists("Pause for 10 minutes")
        window.picture(f"menu-{name}")
        window.press("Escape")
        window.run("codeslm: Choose the Model")
        window.lists("qwen2.5-coder-1.5b")
        window.picture(f"models-{name}")
        window.press("Escape")
    finally:
        window.page.set_viewport_size(SIZE)
        window.press("Control+b")


def test_a_real_model(opened: Open, small_model: Path) -> None:
    environment = {"CODESLM_MODEL": str(small_model)}
    window = opened("", None, server=("-m", "codeslm_lsp.cli", "serve"), environment=environment)
    window.type("def add(a, b):")
    window.press("Enter")
    window.type("ret")
    window.draws("urn a + b")
    window.press("Tab")
    window.holds("def add(a, b):", "    return a + b")
    assert small_model.stem in window.status()
