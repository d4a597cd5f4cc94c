"""The real server as a subprocess, over real pipes, with the replaying engine behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcRequestCancelled

from tests.support.client import replay_editor
from tests.support.waiting import DEADLINE_S

URI = "file:///work/a.py"
SOURCE = "def add(a, b):\n    ret\n"
CURSOR = SOURCE.index("ret") + 3
AUTOMATIC = 2
"""LSP's ``InlineCompletionTriggerKind``; without it the tests ask by hand."""


async def test_ghost_text_at_the_cursor() -> None:
    async with replay_editor({"answers": {"    ret": "urn a + b\n"}}) as editor:
        editor.open(URI, SOURCE)
        [item] = await editor.complete(URI, CURSOR)
        assert item.insert_text == "urn a + b"
        assert item.range == types.Range(types.Position(1, 7), types.Position(1, 7))


async def test_alternatives_on_an_explicit_request() -> None:
    script = {"answers": {"    ret": "urn a + b\n"}, "alternatives": ["urn b + a\n"]}
    async with replay_editor(script) as editor:
        editor.open(URI, SOURCE)
        assert [item.insert_text for item in await editor.complete(URI, CURSOR)] == ["urn a + b", "urn b + a"]
        assert [item.insert_text for item in await editor.complete(URI, CURSOR, AUTOMATIC)] == ["urn a + b"]


@pytest.mark.parametrize(
    ("typed", "entry", "offered"),
    [
        ("    al", "alphabet", "alphabetical(x)"),
        ("    alphabet", "alphabet", "alphabetical(x)"),
        ("    al", "beta", None),
    ],
)
async def test_what_is_offered_goes_on_from_the_selected_entry_of_a_menu(
    typed: str, entry: str, offered: str | None
) -> None:
    script = {"default": "", "answers": {"    alphabet": "ical(x)\n"}}
    async with replay_editor(script) as editor:
        source = f"def f(x):\n{typed}\n\n\nrest = 1\n"
        editor.open(URI, source)
        params = editor.request(URI, source.index(typed) + len(typed), AUTOMATIC)
        span = types.Range(types.Position(1, 4), types.Position(1, len(typed)))
        params.context.selected_completion_info = types.SelectedCompletionInfo(span, entry)
        answer = await editor.client.text_document_inline_completion_async(params)
        assert isinstance(answer, types.InlineCompletionList)
        if offered is None:
            assert not answer.items
        else:
            [item] = answer.items
            assert (item.insert_text, item.range) == (offered, span)


async def test_capabilities() -> None:
    async with replay_editor() as editor:
        assert editor.capabilities.inline_completion_provider is not None
        assert editor.capabilities.completion_provider is None
        assert editor.capabilities.notebook_document_sync is not None
        assert editor.capabilities.text_document_sync.change == types.TextDocumentSyncKind.Incremental
        assert "codeslm.explainLast" in editor.capabilities.execute_command_provider.commands


async def test_the_completion_menu_is_opt_in() -> None:
    async with replay_editor({"answers": {"ret": "urn a"}}, options={"completion": {"menu": True}}) as editor:
        assert editor.capabilities.completion_provider is not None
        editor.open(URI, SOURCE)
        params = types.CompletionParams(types.TextDocumentIdentifier(URI), types.Position(1, 7))
        answer = await editor.client.text_document_completion_async(params)
        assert isinstance(answer, types.CompletionList)
        [item] = answer.items
        assert item.text_edit == types.TextEdit(types.Range(types.Position(1, 4), types.Position(1, 7)), "return a")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_position_encodings(encoding: str) -> None:
    text = 'x = "日本😀" + y\n'
    before = text[: text.index(" + y")]
    units = {"utf-8": len(before.encode()), "utf-16": len(before.encode("utf-16-le")) // 2, "utf-32": len(before)}
    async with replay_editor({"answers": {'😀"': ".strip()"}}, encodings=[encoding]) as editor:
        assert editor.capabilities.position_encoding == encoding
        editor.open(URI, text)
        request = editor.request(URI, 0)
        request.position = types.Position(0, units[encoding])
        answer = await editor.client.text_document_inline_completion_async(request)
        assert isinstance(answer, types.InlineCompletionList)
        assert answer.items[0].insert_text == ".strip()"
        assert answer.items[0].range == types.Range(request.position, request.position)


async def test_the_mirror_never_desynchronises() -> None:
    """Characters that only Python takes for line ends, each in a document of its own."""
    async with replay_editor({"answers": {"c = 34": "FOUND"}}) as editor:
        for number, character in enumerate(["\f", "\v", "\x85", "\u2028", "\x1c", "😀"]):
            uri, text = f"file:///work/{number}.py", f"a = 1{character}b = 2\nc = 3\n"
            editor.open(uri, text)
            end = editor.type(uri, text.index("3") + 1, "4")
            items = await editor.complete(uri, end)
            assert [item.insert_text for item in items] == ["FOUND"], repr(character)


async def test_a_newer_request_stops_the_older_one(tmp_path: Path) -> None:
    events = tmp_path / "events"
    script = {"answers": {"    ret": "slow", "    retu": "rn a"}, "prefill_ms": 400, "events": str(events)}
    async with replay_editor(script) as editor:
        editor.open(URI, SOURCE)
        old = asyncio.create_task(editor.complete(URI, CURSOR))
        await asyncio.sleep(0.15)
        end = editor.type(URI, CURSOR, "u")
        new = asyncio.create_task(editor.complete(URI, end))
        assert await old == []
        assert not new.done(), "the old request is answered at once, not after the new one"
        assert [item.insert_text for item in await new] == ["rn a"]
    assert events.read_text().split() == ["started", "generating", "cancelled", "generating", "end", "closed"]


async def test_a_cancelled_request_stops_at_once(tmp_path: Path) -> None:
    events = tmp_path / "events"
    async with replay_editor({"prefill_ms": 600_000, "events": str(events)}) as editor:
        editor.open(URI, SOURCE)
        request: Any = editor.client.protocol.send_request_async(
            types.TEXT_DOCUMENT_INLINE_COMPLETION, editor.request(URI, CURSOR), msg_id="wanted"
        )
        while "generating" not in (events.read_text() if events.exists() else ""):
            await asyncio.sleep(0.01)
        editor.client.cancel_request(types.CancelParams(id="wanted"))
        with pytest.raises(JsonRpcRequestCancelled):
            async with asyncio.timeout(DEADLINE_S):
                await request
        assert (await editor.explain())["skip"]["reason"] == "cancelled"
        assert "cancelled" in events.read_text()


async def test_other_messages_are_answered_while_the_model_works() -> None:
    async with replay_editor({"prefill_ms": 600_000}) as editor:
        editor.open(URI, SOURCE)
        slow = asyncio.create_task(editor.complete(URI, CURSOR))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(DEADLINE_S):
            editor.type(URI, 0, "# ")
            assert await editor.explain() is None
        assert not slow.done()
        async with asyncio.timeout(DEADLINE_S):
            await editor.leave()
        slow.cancel()


async def test_the_first_request_waits_for_the_model() -> None:
    async with replay_editor({"load_ms": 700, "answers": {"ret": "urn"}}) as editor:
        editor.open(URI, SOURCE)
        assert [item.insert_text for item in await editor.complete(URI, CURSOR)] == ["urn"]
        assert editor.notes == ["replay: a script"]


async def test_a_model_that_loads_too_long_is_a_reason() -> None:
    options = {"completion": {"wait_for_model_ms": 50}}
    async with replay_editor({"load_ms": 60_000}, options=options) as editor:
        editor.open(URI, SOURCE)
        assert await editor.complete(URI, CURSOR) == []
        assert (await editor.explain())["skip"]["reason"] == "model_loading"


async def test_an_editor_that_has_a_place_for_it_is_told_how_things_are() -> None:
    async with replay_editor({"load_ms": 200, "answers": {"    ret": "urn a + b"}}) as editor:
        editor.open(URI, SOURCE)
        await editor.complete(URI, CURSOR)
        await until(lambda: len(editor.statuses) == 2)
        loading, ready = editor.statuses
        assert loading == {"kind": "loading", "message": "The model is being loaded.", "model": ""}
        assert ready == {"kind": "ready", "message": "", "model": "replay"}
        off = types.DidChangeConfigurationParams({"codeslm": {"completion": {"enabled": False}}})
        editor.client.workspace_did_change_configuration(off)
        await until(lambda: len(editor.statuses) == 3)
        assert editor.statuses[2]["kind"] == "off"
        editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"codeslm": {}}))
        await until(lambda: len(editor.statuses) == 4)
        assert editor.statuses[3] == ready


async def test_a_problem_is_told_and_that_it_has_passed() -> None:
    async with replay_editor({"dies_on": "    re", "answers": {"    ret": "urn"}}, shows_status=True) as editor:
        editor.open(URI, SOURCE)
        await editor.complete(URI, CURSOR - 1)
        await until(lambda: bool(editor.statuses) and editor.statuses[-1]["kind"] == "problem")
        assert editor.statuses[-1]["message"].endswith(".")
        await editor.complete(URI, CURSOR)
        await until(lambda: editor.statuses[-1]["kind"] == "ready")


async def test_no_other_editor_is_told() -> None:
    async with replay_editor({"answers": {"    ret": "urn a + b"}}, shows_status=False) as editor:
        editor.open(URI, SOURCE)
        assert await editor.complete(URI, CURSOR)
        assert editor.statuses == []


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_no_model_is_told_once_and_explained() -> None:
    sentence = "No model is installed; run `codeslm models pull x`."
    async with replay_editor(environment={"CODESLM_TEST_NO_MODEL": sentence}) as editor:
        editor.open(URI, SOURCE)
        assert await editor.complete(URI, CURSOR) == []
        assert await editor.complete(URI, CURSOR) == []
        why = await editor.explain()
        assert why["skip"] == {"reason": "model_missing", "detail": sentence}
        await editor.said("No model is installed")
        assert len(editor.messages) == 1


async def test_an_engine_that_dies_is_a_reason_and_the_next_request_works() -> None:
    async with replay_editor({"dies_on": "ret", "answers": {"retu": "rn"}}) as editor:
        editor.open(URI, SOURCE)
        assert await editor.complete(URI, CURSOR) == []
        assert (await editor.explain())["skip"]["reason"] == "engine_failed"
        end = editor.type(URI, CURSOR, "u")
        assert [item.insert_text for item in await editor.complete(URI, end)] == ["rn"]


async def test_typing_what_is_shown_and_accepting_it_do_not_ask_the_model(tmp_path: Path) -> None:
    """The rest of the ghost text while it is typed, and after acceptance what was generated ahead."""
    events = tmp_path / "events"
    script = {"answers": {"    ret": "urn a", "    return a": " + b"}, "default": "", "events": str(events)}
    async with replay_editor(script, environment={"CODESLM_COMPLETION__PREFETCH": "always"}) as editor:
        editor.open(URI, SOURCE)
        assert [item.insert_text for item in await editor.complete(URI, CURSOR, AUTOMATIC)] == ["urn a"]
        async with asyncio.timeout(DEADLINE_S):
            while events.read_text().split().count("end") < 2:
                await asyncio.sleep(0.01)
        end = editor.type(URI, CURSOR, "urn")
        assert [item.insert_text for item in await editor.complete(URI, end, AUTOMATIC)] == [" a"]
        assert (await editor.explain())["from_offered"]
        end = editor.type(URI, end, " a")
        assert [item.insert_text for item in await editor.complete(URI, end, AUTOMATIC)] == [" + b"]
        assert (await editor.explain())["from_offered"]
        assert events.read_text().split().count("generating") >= 2


@pytest.mark.parametrize("moves", [True, False])
async def test_the_prompt_is_evaluated_where_the_cursor_rests(moves: bool, tmp_path: Path) -> None:
    """By our own notification, or, of a small file, as soon as it is open. What is no position is ignored."""
    events = tmp_path / "events"
    environment = {"CODESLM_COMPLETION__PREFETCH": "always"}
    async with replay_editor({"default": "", "events": str(events)}, environment=environment) as editor:
        editor.open(URI, SOURCE if not moves else SOURCE + "# a comment\n" * 400)
        if moves:
            place = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 7}}
            for params in ({}, {**place, "position": {"line": -1, "character": True}}, place):
                editor.client.protocol.notify("codeslm/didMoveCursor", params)
        async with asyncio.timeout(DEADLINE_S):
            while not events.exists() or "max_tokens" not in events.read_text():
                await asyncio.sleep(0.01)
        await editor.complete(URI, CURSOR, AUTOMATIC)
        assert (await editor.explain())["anchor_reused"] is moves
        assert editor.messages == []


REASONS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("", "empty_document", {}, {}),
    ("\0\0", "not_text", {}, {}),
    ("x = 1\n" * 400, "file_too_large", {}, {"completion": {"max_file_bytes": 1000}}),
    (SOURCE, "disabled", {}, {"completion": {"enabled": False}}),
    (SOURCE, "disabled", {}, {"completion": {"disabled_languages": ["python"]}}),
    (SOURCE, "disabled", {}, {"completion": {"disabled_files": ["*", f"!{Path(URI).name}", "*.py"]}}),
    (SOURCE, "disabled", {}, {"languages": {"python": {"completion": {"enabled": False}}}}),
    (SOURCE, "blank", {"default": "\n\n   "}, {}),
    (SOURCE, "nothing_generated", {"default": ""}, {}),
]


@pytest.mark.parametrize(("text", "reason", "script", "options"), REASONS)
async def test_every_empty_answer_has_a_reason(
    text: str, reason: str, script: dict[str, Any], options: dict[str, Any]
) -> None:
    async with replay_editor(script, options=options) as editor:
        editor.open(URI, text)
        assert await editor.complete(URI, min(CURSOR, len(text))) == []
        why = await editor.explain()
        assert why["skip"]["reason"] == reason
        assert why["skip"]["detail"].endswith(".")


async def test_each_language_is_completed_by_its_own_settings() -> None:
    script = {"default": "1\nb = 2\n"}
    async with replay_editor(script, options={"languages": {"go": {"completion": {"enabled": False}}}}) as editor:
        for uri, language, n_items in ((URI, "python", 1), ("file:///work/a.go", "go", 0), (URI + "x", "python", 1)):
            editor.open(uri, "a = ", language)
            assert len(await editor.complete(uri, 4)) == n_items, uri


async def test_a_document_that_was_never_opened() -> None:
    async with replay_editor() as editor:
        assert await editor.complete("file:///nowhere.py", 0) == []
        assert (await editor.explain())["skip"]["reason"] == "unknown_document"


async def test_a_position_outside_the_file_is_taken_for_its_end() -> None:
    async with replay_editor({"answers": {"x = 1": "0"}}) as editor:
        editor.open(URI, "x = 1")
        request = editor.request(URI, 0)
        request.position = types.Position(50, 2**31 - 1)
        answer = await editor.client.text_document_inline_completion_async(request)
        assert isinstance(answer, types.InlineCompletionList)
        assert [item.insert_text for item in answer.items] == ["0"]


async def test_typing_reuses_the_prompt() -> None:
    async with replay_editor({"default": "x"}) as editor:
        editor.open(URI, SOURCE)
        await editor.complete(URI, CURSOR)
        assert not (await editor.explain())["anchor_reused"]
        await editor.complete(URI, editor.type(URI, CURSOR, "ur"))
        assert (await editor.explain())["anchor_reused"]
        await editor.complete(URI, editor.type(URI, 0, "# above\n") + CURSOR)
        assert not (await editor.explain())["anchor_reused"]


async def test_the_explanation_holds_the_numbers() -> None:
    async with replay_editor({"answers": {"ret": "urn a"}}) as editor:
        assert await editor.explain() is None
        editor.open(URI, SOURCE)
        await editor.complete(URI, CURSOR)
        why = await editor.explain()
        assert (why["text"], why["skip"], why["model"], why["extent"]) == ("urn a", None, "replay", "statement")
        assert 0 < why["confidence"] <= 1
        assert {"prefill_ms", "decode_ms", "n_prefill", "n_reused", "n_decode"} <= set(why["timings"])


async def test_wrong_settings_are_told_and_defaults_hold(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.codeslm.prompt]\nmax_tokens = "many"\n')
    async with replay_editor(
        {"default": "y" * 200},
        options={"completion": {"max_tokens": "lots"}},
        configuration={"completion": {"multiline": 3}, "unheard_of": 1},
        environment={"CODESLM_COMPLETION__AUTOMATIC": "perhaps"},
        root=tmp_path,
    ) as editor:
        for setting in (
            "'completion.max_tokens' in initializationOptions",
            "'completion.multiline' in the editor's configuration",
            "'unheard_of' in the editor's configuration",
            "'completion.automatic' in the environment",
            "'prompt.max_tokens' in",
        ):
            await editor.said(setting)
        editor.open(URI, SOURCE)
        [item] = await editor.complete(URI, CURSOR)
        assert len(str(item.insert_text)) == 96


async def test_settings_change_while_running() -> None:
    async with replay_editor({"default": "abcdef"}) as editor:
        editor.open(URI, SOURCE)
        assert await editor.complete(URI, CURSOR)
        editor.client.workspace_did_change_configuration(
            types.DidChangeConfigurationParams({"codeslm": {"completion": {"enabled": False}}})
        )
        assert await editor.complete(URI, CURSOR) == []
        assert (await editor.explain())["skip"]["reason"] == "disabled"


@pytest.mark.parametrize("whose", ["user", "project"])
async def test_files_of_settings_count_as_soon_as_they_are_written(
    whose: str, user_settings: Path, tmp_path: Path
) -> None:
    async with replay_editor({"answers": {"    ret": "urn a + b\n"}}, root=tmp_path) as editor:
        editor.open(URI, SOURCE)
        assert await editor.complete(URI, CURSOR, AUTOMATIC)
        if whose == "user":
            user_settings.write_text("[completion]\nenabled = false\n", encoding="utf-8")
        else:
            (tmp_path / "pyproject.toml").write_text("[tool.codeslm.completion]\nenabled = false\n", encoding="utf-8")
        async with asyncio.timeout(DEADLINE_S):
            while await editor.complete(URI, CURSOR, AUTOMATIC):
                await asyncio.sleep(0.1)
        assert editor.statuses[-1]["kind"] == "off"


async def test_options_that_are_no_table() -> None:
    async with replay_editor({"answers": {"ret": "urn"}}, options=[1, 2]) as editor:
        await editor.said("not a table of settings")
        editor.open(URI, SOURCE)
        assert await editor.complete(URI, CURSOR)


async def test_a_notebook_cell_sees_the_cells_around_it() -> None:
    cells = ["import math\n", "r = 2\nmath.pi * ", "print(r)"]
    uris = [f"vscode-notebook-cell:/work/n.ipynb#{n}" for n in range(3)]
    async with replay_editor({"answers": {"import math\n\nr = 2\nmath.pi * ": "r**2"}}) as editor:
        for uri, text in zip(uris, cells, strict=True):
            editor.texts[uri] = text
        editor.client.notebook_document_did_open(
            types.DidOpenNotebookDocumentParams(
                types.NotebookDocument(
                    uri="file:///work/n.ipynb",
                    notebook_type="jupyter-notebook",
                    version=1,
                    cells=[types.NotebookCell(types.NotebookCellKind.Code, uri) for uri in uris],
                ),
                [types.TextDocumentItem(uri, "python", 1, text) for uri, text in zip(uris, cells, strict=True)],
            )
        )
        [item] = await editor.complete(uris[1], len(cells[1]))
        assert item.insert_text == "r**2"
        assert item.range == types.Range(types.Position(1, 10), types.Position(1, 10))
        assert (await editor.explain())["range"]["start"] == {"line": 1, "character": 10}


async def test_a_huge_file_is_edited_without_delay() -> None:
    text = "x = 1\n" * 4_000_000
    async with replay_editor() as editor:
        editor.open(URI, text)
        assert await editor.complete(URI, 0) == []
        assert (await editor.explain())["skip"]["reason"] == "file_too_large"


async def test_old_clients_count_their_triggers_from_zero() -> None:
    async with replay_editor({"default": "x"}, options={"completion": {"automatic": False}}) as editor:
        editor.open(URI, SOURCE)
        raw = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 7}}
        answer = await editor.send_raw("textDocument/inlineCompletion", {**raw, "context": {"triggerKind": 0}})
        assert len(answer.items) == 1


async def test_the_server_leaves_when_the_editor_vanishes(tmp_path: Path) -> None:
    async with replay_editor() as editor:
        server = psutil.Process(editor.server_pid)
        editor.left = True
        editor.client._server.stdin.close()
        async with asyncio.timeout(DEADLINE_S):
            while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0.02)


async def test_accepting_runs_a_command_the_server_has() -> None:
    async with replay_editor({"default": "x"}) as editor:
        assert "codeslm.accepted" in json.dumps(editor.capabilities.execute_command_provider.commands)
        await editor.client.workspace_execute_command_async(types.ExecuteCommandParams("codeslm.accepted", ["id"]))


async def test_what_was_just_written_in_another_file_is_shown_and_told(tmp_path: Path) -> None:
    """The other file's text is the editor's: on the disk nothing of it has been saved."""
    written = "def handle_return(request):\n    body = parse_body(request)\n    order = find_order(body.order_id)\n"
    rest = (
        "    order.returned_on = today()\n    order.reason = body.reason\n    notify(order.customer)\n    save(order)\n"
    )
    source = written.replace("return", "refund")
    for path in ("handlers.py", "colours.py", "numbers.py", "letters.py"):
        (tmp_path / path).write_text(f"def {path[:-3]}(value):\n    return value\n")
    handlers = (tmp_path / "handlers.py").as_uri()
    async with replay_editor(
        root=tmp_path, options={"prompt": {"max_tokens": 8192}, "context": {"max_tokens": 2048}}
    ) as editor:
        editor.open(handlers, (tmp_path / "handlers.py").read_text())
        editor.edit(handlers, 0, 0, written + rest)
        shown = []
        for attempt in range(1000):  # Until the folder is indexed.
            uri = (tmp_path / f"refunds_{attempt}.py").as_uri()
            editor.open(uri, source)
            await editor.complete(uri, len(source))
            shown = (await editor.explain())["snippets"]
            if shown:
                break
            await asyncio.sleep(0.05)
        assert shown == ["handlers.py"]
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(handlers)))
        uri = (tmp_path / "closed.py").as_uri()
        editor.open(uri, source)
        await editor.complete(uri, len(source))
        assert (await editor.explain())["snippets"] == []
