"""Values and messages, each way."""

from __future__ import annotations

import json

import pytest
from lsprotocol import types
from pygls.protocol import JsonRPCNotification

from codeslm_lsp.context.desk import LineEdit
from codeslm_lsp.lsp import convert
from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.values import (
    Completion,
    Extent,
    Report,
    Skip,
    SkipReason,
    StopReason,
    Timings,
    Trigger,
)

MIRROR = MirroredDocument("file:///a.py", "x = '😀'\nreturn val\n", 1, "python")
END_OF_VAL = MIRROR.source.index("\n", 8)


def ghost(text: str, start: int = END_OF_VAL, end: int | None = None) -> Completion:
    return Completion(text, start, start if end is None else end, 0.5)


def test_an_inline_item() -> None:
    [item] = convert.inline_completion_list([ghost("ue\n", 6, 7)], MIRROR, ["id-1"]).items
    assert item.insert_text == "ue\n"
    assert item.range == types.Range(types.Position(0, 7), types.Position(0, 8))
    assert item.command == types.Command("", "codeslm.accepted", arguments=["id-1"])


def test_nothing_is_an_empty_list() -> None:
    over_two_lines = ghost("x", 6, END_OF_VAL)
    for completion, document in [(None, MIRROR), (ghost("x"), None), (None, None), (over_two_lines, MIRROR)]:
        assert convert.inline_completion_list([completion] if completion else [], document, ["id"]).items == []
        assert convert.completion_list(completion, document, "id").items == []


def test_without_an_id_there_is_no_command() -> None:
    [item] = convert.inline_completion_list([ghost("ue")], MIRROR).items
    assert item.command is None
    unstructured = convert.converter().unstructure(convert.inline_completion_list([ghost("ue")], MIRROR))
    assert unstructured["items"][0]["insertText"] == "ue"


def test_a_menu_entry_replaces_the_word_before_it() -> None:
    answer = convert.completion_list(ghost("ue + ```\n    # more"), MIRROR, "id-2")
    [item] = answer.items
    assert answer.is_incomplete
    assert item.label == "value + ```"
    assert item.insert_text == item.filter_text == "value + ```\n    # more"
    assert item.text_edit == types.TextEdit(
        types.Range(types.Position(1, 7), types.Position(1, 10)), "value + ```\n    # more"
    )
    assert item.documentation == types.MarkupContent(
        types.MarkupKind.Markdown, "````python\nvalue + ```\n    # more\n````"
    )
    assert item.preselect
    assert (item.kind, item.sort_text) == (types.CompletionItemKind.Text, "!")
    assert item.insert_text_mode == types.InsertTextMode.AsIs
    assert item.insert_text_format == types.InsertTextFormat.PlainText
    assert item.command == types.Command("", "codeslm.accepted", arguments=["id-2"])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("\n    return x\n", "return x"),
        ("a" * 80, "a" * 59 + "…"),
        ("a" * 60, "a" * 60),
        ("\n\n", "⏎"),
    ],
)
def test_labels_are_one_short_line(text: str, label: str) -> None:
    [item] = convert.completion_list(ghost(text, 0), MIRROR).items
    assert item.label == label


def test_a_strange_language_stays_out_of_the_fence() -> None:
    document = MirroredDocument("file:///a", "", 1, "a b`")
    [item] = convert.completion_list(ghost("x", 0), document).items
    assert item.documentation == types.MarkupContent(types.MarkupKind.Markdown, "```\nx\n```")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ([1, 2], [Trigger.INVOKED, Trigger.AUTOMATIC]),
        ([0, 1, 0], [Trigger.INVOKED, Trigger.AUTOMATIC, Trigger.INVOKED]),
        ([1, 0, 1], [Trigger.INVOKED, Trigger.INVOKED, Trigger.AUTOMATIC]),  # FIXME: the first 1 was automatic.
        ([7, None], [Trigger.AUTOMATIC, Trigger.AUTOMATIC]),
    ],
)
def test_triggers_of_old_and_new_clients(sent: list[int | None], read: list[Trigger]) -> None:
    converter = convert.converter()
    contexts = [converter.structure({"triggerKind": kind}, types.InlineCompletionContext) for kind in sent]
    assert [convert.trigger_of(context.trigger_kind) for context in contexts] == read


@pytest.mark.parametrize(
    ("uri", "root", "path"),
    [
        ("file:///proj/a/b.py", "file:///proj", "a/b.py"),
        ("file:///proj/a/b.py", "file:///proj/", "a/b.py"),
        ("file:///proj/a%20b.py", "file:///proj", "a b.py"),
        ("file:///proj/a;b%23c%3Fd.py", "file:///proj", "a;b#c?d.py"),
        ("file:///projects/a.py", "file:///proj", "a.py"),
        ("file:///proj/../home/a.py", "file:///proj", "a.py"),
        ("file:///home/someone/a.py", None, "a.py"),
        ("file:///a/b.py", "file:///", "a/b.py"),
        ("file:///c%3A/x/y.py", "file:///C:/x", "y.py"),
        ("file:///C:/x/y.py", "file:///c%3A", "x/y.py"),
        ("file://server/share/x/y.py", "file://server/share", "x/y.py"),
        ("file://other/share/x/y.py", "file://server/share", "y.py"),
        ("untitled:Untitled-1", "file:///proj", "Untitled-1"),
        ("untitled:Untitled-1", None, "Untitled-1"),
        ("vscode-notebook-cell:/proj/n/n.ipynb#W0sZmlsZQ%3D%3D", "file:///proj", "n/n.ipynb"),
        ("vscode-notebook-cell://wsl%2Bubuntu/proj/n.ipynb#W0", "vscode-remote://wsl%2Bubuntu/proj", "n.ipynb"),
        ("file://[nonsense/a.py", "file:///proj", "a.py"),
        ("", "file:///proj", ""),
    ],
)
def test_paths(uri: str, root: str | None, path: str) -> None:
    assert convert.path_of(uri, root) == path


@pytest.mark.parametrize(
    ("uri", "root", "inside"),
    [
        ("file:///proj/a/b.py", "file:///proj", True),
        ("file:///proj/a/b.py", "file:///proj/", True),
        ("file:///a.py", "file:///", False),
        ("file:///project/b.py", "file:///proj", False),
        ("file:///proj/../other/b.py", "file:///proj", False),
        ("git:/proj/a/b.py?ref=HEAD", "file:///proj", False),
        ("untitled:b.py", "file:///proj", False),
        ("file:///proj/b.py", None, False),
        ("file:///C%3A/proj/b.py", "file:///c:/proj", True),
    ],
)
def test_only_files_of_the_folder_are_inside_it(uri: str, root: str | None, inside: bool) -> None:
    assert convert.is_inside(uri, root) is inside


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("file:///proj/a.py", "file:///proj"),
        ("file:///proj/lib/a.py", "file:///proj/lib/"),
        ("file:///proj/library/a.py", "file:///proj"),
        ("file:///other/a.py", "file:///other"),
        ("file:///elsewhere/a.py", "file:///proj"),
        ("untitled:Untitled-1", "file:///proj"),
        ("vscode-notebook-cell:/other/n.ipynb#W0", "file:///other"),
    ],
)
def test_a_document_belongs_to_the_innermost_folder(uri: str, root: str) -> None:
    assert convert.root_of(uri, ["file:///proj", "file:///proj/lib/", "file:///other"]) == root
    assert convert.root_of(uri, []) is None


def test_which_lines_a_change_replaced() -> None:
    def change(first: int, last: int, text: str) -> types.TextDocumentContentChangePartial:
        span = types.Range(types.Position(first, 2), types.Position(last, 0))
        return types.TextDocumentContentChangePartial(span, text)

    assert convert.line_edits([change(3, 3, "x")]) == (LineEdit(3, 4, 4),)
    assert convert.line_edits([change(3, 5, ""), change(1, 1, "a\r\nb\rc\n")]) == (LineEdit(3, 6, 4), LineEdit(1, 2, 5))
    assert convert.line_edits([change(5, 3, "x")]) == (LineEdit(3, 6, 4),)
    assert convert.line_edits([change(3, 3, "x"), types.TextDocumentContentChangeWholeDocument("all")]) is None


def test_a_report_of_a_completion() -> None:
    report = Report(
        ghost("ue", 6, 7),
        Trigger.INVOKED,
        Extent.LINE,
        "tiny",
        StopReason.END,
        Timings(1.0, 2.0, 3, 4, 5, 2),
        ("one", "two"),
        anchor_reused=True,
        snippets=("a/b.py", "c.py"),
        elapsed_ms=9.5,
    )
    assert convert.report_as_json(report, MIRROR) == {
        "skip": None,
        "text": "ue",
        "range": {"start": {"line": 0, "character": 7}, "end": {"line": 0, "character": 8}},
        "confidence": 0.5,
        "alternatives": [],
        "trigger": "invoked",
        "extent": "line",
        "model": "tiny",
        "stop": "end",
        "timings": {
            **{"prefill_ms": 1.0, "decode_ms": 2.0},
            **{"n_prefill": 3, "n_reused": 4, "n_decode": 5, "n_restored": 2, "n_drafted": 0, "n_drafts_kept": 0},
        },
        "filters": ["one", "two"],
        "anchor_reused": True,
        "prompt_outdated": False,
        "from_offered": False,
        "features": [],
        "chances": [],
        "snippets": ["a/b.py", "c.py"],
        "elapsed_ms": 9.5,
    }
    assert convert.report_as_json(report, None)["range"] is None


def test_a_report_of_a_skip() -> None:
    shown = convert.report_as_json(Report(Skip(SkipReason.BLANK, "Only blanks."), Trigger.AUTOMATIC), MIRROR)
    assert shown["skip"] == {"reason": "blank", "detail": "Only blanks."}
    assert [shown[key] for key in ("text", "range", "confidence", "extent", "stop")] == [None] * 5
    json.dumps(shown)


def test_keys_do_not_depend_on_escapes() -> None:
    assert convert.document_key("file:///c%3A/%61.py") == convert.document_key("file:///c:/a.py")


def test_what_lsp_does_not_know_stays_as_json_has_it() -> None:
    """No class is made for it: one for each message is what a server's memory grew by."""
    params = {"item": {"command": {"arguments": ["7", {"type_name": "x"}]}}}
    said = {"jsonrpc": "2.0", "method": "codeslm/didShowCompletion", "params": params}
    assert convert.converter().structure(said, JsonRPCNotification).params is params
