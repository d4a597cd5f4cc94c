"""Commands over the pipes of the real server: answers as data, code actions, and edits that the user lets happen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcRequestCancelled

from tests.support.client import Editor, replay_editor
from tests.support.waiting import DEADLINE_S

SOURCE = (
    "import json\n\n\ndef load(path):\n    return json.loads(path.read_text())\n\n\n"
    'print(jsn.dumps({}), "é😀")\n\n# c = a^2/b\n'
)
URI = "file:///project/load.py"
DOCSTRING = "Load a file.\n\nArgs:\n    path: where it lies\n\nReturns:\n    what it holds\n"


def span(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


async def execute(editor: Editor, name: str, **argument: Any) -> Any:
    params = types.ExecuteCommandParams(f"codeslm.{name}", [argument])
    return await editor.client.workspace_execute_command_async(params)


def value_of(answer: Any, *path: str | int) -> Any:
    """A member of an answer: pygls makes objects of some and leaves others as they are."""
    for each in path:
        answer = answer[each] if isinstance(each, int) or isinstance(answer, dict) else getattr(answer, each)
    return answer


async def test_a_docstring_comes_as_an_edit_in_the_clients_positions() -> None:
    async with replay_editor({"replies": [["Document this function", DOCSTRING]]}) as editor:
        editor.open(URI, SOURCE)
        answer = await execute(editor, "document", textDocument={"uri": URI}, range=span(4, 4, 4))
        assert value_of(answer, "badge") == "cross-checked"
        change = value_of(answer, "edit", "documentChanges", 0)
        assert value_of(change, "textDocument", "version") == 1
        edit = value_of(change, "edits", 0)
        assert value_of(edit, "range", "start", "line") == 3
        assert value_of(edit, "newText").startswith('\n    """Load a file.')


async def test_what_cannot_be_answered_is_one_sentence() -> None:
    async with replay_editor({}) as editor:
        editor.open(URI, SOURCE)
        assert "has not opened" in value_of(
            await execute(editor, "explain", textDocument={"uri": "file:///other.py"}), "error"
        )
        assert "no question" in value_of(await execute(editor, "ask"), "error")
        assert "must be text" in value_of(await execute(editor, "ask", words=3), "error")
        assert "as LSP has them" in value_of(
            await execute(editor, "explain", textDocument={"uri": URI}, range={"start": 1}), "error"
        )


TESTS = "```python\ndef test_nothing():\n    assert load\n```"


@pytest.mark.parametrize("creates_files", [True, False])
async def test_a_new_file_is_created_where_the_editor_can(creates_files: bool, tmp_path: Path) -> None:
    script = {"replies": [["Write 6 tests", TESTS]]}
    async with replay_editor(script, root=tmp_path, creates_files=creates_files) as editor:
        uri = (tmp_path / "load.py").as_uri()
        editor.open(uri, SOURCE)
        answer = await execute(editor, "test", textDocument={"uri": uri}, range=span(4, 4, 4))
        assert value_of(answer, "badge") == "unverified"
        if not creates_files:
            assert value_of(answer, "edit") is None
            assert "does not create files" in value_of(answer, "note")
            return
        created, change = value_of(answer, "edit", "documentChanges")
        expected = (tmp_path / "tests" / "test_load_load.py").as_uri()
        assert (value_of(created, "kind"), value_of(created, "uri")) == ("create", expected)
        assert (value_of(created, "options", "overwrite"), value_of(change, "textDocument", "uri")) == (False, expected)
        assert "def test_nothing" in value_of(change, "edits", 0, "newText")
        assert value_of(answer, "note") == ""


async def test_a_name_that_was_chosen_is_renamed_without_the_model() -> None:
    async with replay_editor({"never_loads": "There is no model."}) as editor:
        editor.open(URI, SOURCE.replace("path", "é😀path".replace("😀", "")))
        answer = await execute(editor, "name", textDocument={"uri": URI}, range=span(3, 9, 9), words="source")
        edits = value_of(answer, "edit", "documentChanges", 0, "edits")
        assert [value_of(each, "newText") for each in edits] == ["source", "source"]
        assert [value_of(each, "range", "start", "character") for each in edits] == [9, 22]


async def test_a_function_is_simplified_where_nothing_may_be_run() -> None:
    source = "def f(n):\n    a = n\n    return a\n"
    script = {"replies": [["Simplify this function", "def f(n):\n    return n\n"]]}
    async with replay_editor(script) as editor:
        editor.open(URI, source)
        answer = await execute(editor, "simplify", textDocument={"uri": URI}, range=span(1, 4, 4), examples=10)
        assert value_of(answer, "badge") == "unverified"
        assert value_of(answer, "edit", "documentChanges", 0, "edits", 0, "newText") == "    return n\n"
        wrong = await execute(editor, "simplify", textDocument={"uri": URI}, range=span(1, 4, 4), examples="many")
        assert "must be a number" in value_of(wrong, "error")


async def test_mathematics_is_answered_without_the_model() -> None:
    async with replay_editor({"never_loads": "There is no model."}) as editor:
        answer = await execute(editor, "verify", words="(x + 1)^2 = x^2 + 2x + 1")
        assert value_of(answer, "badge") == "proved"


async def test_formulas_become_latex_and_code_without_the_model() -> None:
    async with replay_editor({"never_loads": "There is no model."}) as editor:
        editor.open(URI, SOURCE)
        answer = await execute(editor, "latex", words="x**2/(1 - x)")
        assert (value_of(answer, "badge"), value_of(answer, "answer")) == (
            "proved",
            "```latex\n\\frac{x^{2}}{1 - x}\n```",
        )
        answer = await execute(editor, "formula", textDocument={"uri": URI}, range=span(9, 2, 11))
        assert value_of(answer, "badge") == "proved"
        edit = value_of(answer, "edit", "documentChanges", 0, "edits", 0)
        assert (value_of(edit, "range", "start", "line"), value_of(edit, "newText")[:12]) == (10, "def c(a, b):")


async def test_code_actions_offer_what_fits_the_selection_and_the_kind() -> None:
    async with replay_editor({}) as editor:
        editor.open(URI, SOURCE)
        place = types.Range(types.Position(7, 6), types.Position(7, 9))
        diagnostic = types.Diagnostic(place, "Undefined name `jsn`", source="ruff", code="F821")

        async def titles(only: list[str] | None, selected: types.Range = place) -> list[str]:
            context = types.CodeActionContext([diagnostic], only=only)
            params = types.CodeActionParams(types.TextDocumentIdentifier(URI), selected, context)
            found = await editor.client.text_document_code_action_async(params)
            return [each.title for each in found or ()]

        assert await titles(["quickfix"]) == ["Fix: Undefined name `jsn` (codeslm)"]
        assert await titles(["refactor"]) == [
            f"{title} (codeslm)"
            for title in (
                *("Implement", "Write the docstring", "Simplify", "Add annotations"),
                *("Find a better name", "Write tests"),
            )
        ]
        assert {"Explain (codeslm)", "Show as LaTeX (codeslm)"} < set(await titles(None))
        cursor = types.Range(types.Position(4, 4), types.Position(4, 4))
        assert "Does it compute its formula? (codeslm)" in await titles(None, cursor)
        formula = types.Range(types.Position(9, 2), types.Position(9, 11))
        assert "Write this formula as code (codeslm)" in await titles(["refactor"], formula)


async def test_what_a_model_writes_is_marked_for_clients_that_show_it() -> None:
    for knows_tags in (True, False):
        async with replay_editor({}, knows_tags=knows_tags) as editor:
            editor.open(URI, SOURCE)
            params = {"textDocument": {"uri": URI}, "range": span(4, 4, 4), "context": {"diagnostics": []}}
            found = await editor.send_raw("textDocument/codeAction", params)
            tags = {value_of(each, "title"): each.get("tags") for each in found}
            marked = [types.CodeActionTag.LlmGenerated.value] if knows_tags else None
            assert (tags["Explain (codeslm)"], tags["Show as LaTeX (codeslm)"]) == (marked, None)


async def test_an_answer_is_told_while_it_is_written() -> None:
    said = "It reads a file. " * 30
    async with replay_editor({"command_answers": [said], "command_token_ms": 1}) as editor:
        editor.open(URI, SOURCE)
        answer = await execute(editor, "explain", textDocument={"uri": URI}, range=span(4, 4, 4), stream="mine")
        assert value_of(answer, "answer").startswith("It reads a file.")
        told = "".join(each["text"] for each in editor.written)
        assert len(editor.written) > 1
        assert {each["stream"] for each in editor.written} == {"mine"}
        assert said.startswith(told)
        await execute(editor, "explain", textDocument={"uri": URI}, range=span(4, 4, 4))
        assert {each["stream"] for each in editor.written} == {"mine"}


async def test_a_chosen_action_asks_before_it_changes_anything() -> None:
    async with replay_editor({}) as editor:
        asked: list[str] = []
        applied: list[Any] = []

        @editor.client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
        def choose(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
            asked.append(params.message)
            return None if len(asked) == 1 else types.MessageActionItem("Apply")

        @editor.client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            applied.append(params.edit)
            return types.ApplyWorkspaceEditResult(applied=True)

        editor.open(URI, SOURCE)
        diagnostics = [{"range": span(7, 6, 9), "message": "Undefined name `jsn`", "source": "ruff", "code": "F821"}]
        argument = {"textDocument": {"uri": URI}, "range": span(7, 6, 9), "diagnostics": diagnostics, "propose": True}
        await execute(editor, "fix", **argument)
        assert (len(asked), applied) == (1, [])
        assert "tested" in asked[0]
        await execute(editor, "fix", **argument)
        assert [edit.new_text for edit in applied[0].document_changes[0].edits] == ["json"]


async def test_a_cancelled_command_ends_at_once(tmp_path: Path) -> None:
    events = tmp_path / "events"
    script = {"replies": [["Explain this part", "word " * 500]], "token_ms": 2000, "events": str(events)}
    async with replay_editor(script) as editor:
        editor.open(URI, SOURCE)
        argument = {"textDocument": {"uri": URI}, "range": span(4, 4, 4)}
        request: Any = editor.client.protocol.send_request_async(
            types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("codeslm.explain", [argument]), msg_id="wanted"
        )
        while "generating" not in (events.read_text() if events.exists() else ""):
            await asyncio.sleep(0.01)
        assert value_of(await execute(editor, "verify", words="1 + 1 = 2"), "badge") == "proved"  # Others do not wait.
        editor.client.cancel_request(types.CancelParams(id="wanted"))
        with pytest.raises(JsonRpcRequestCancelled):
            async with asyncio.timeout(DEADLINE_S):
                await request
        async with asyncio.timeout(DEADLINE_S):
            while "cancelled" not in events.read_text():
                await asyncio.sleep(0.01)


async def test_the_server_ends_while_a_command_is_being_answered() -> None:
    async with replay_editor({"replies": [["Explain this part", "word " * 500]], "token_ms": 2000}) as editor:
        editor.open(URI, SOURCE)
        slow = asyncio.create_task(execute(editor, "explain", textDocument={"uri": URI}, range=span(4, 4, 4)))
        await asyncio.sleep(0.3)
        async with asyncio.timeout(DEADLINE_S):
            await editor.leave()
        slow.cancel()
