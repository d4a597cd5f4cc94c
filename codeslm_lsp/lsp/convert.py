"""Our values ⇄ the protocol's. Pure but for the converter, which forgives what real clients get wrong."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeGuard
from urllib.parse import unquote, urlsplit

from cattrs import Converter
from lsprotocol import types
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage, default_converter

from codeslm_lsp.context.desk import LineEdit
from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.values import Completion, Report, Skip, Trigger

ACCEPTED = "codeslm.accepted"
"""The command that an editor runs when the user takes an item; its one argument is the request's id."""

LABEL_CHARS = 60
"""A menu's entry is cut here; common menus show 40 to 80 characters."""

FIRST = "!"
"""Sorts before every letter, digit and underscore, which is what other servers' sort texts begin with."""

_LINE_END = re.compile(r"\r\n?|\n")

MAX_UINTEGER = 2**31 - 1
"""LSP ``uinteger``."""


def inline_completion_list(
    completions: Sequence[Completion], document: MirroredDocument | None, ids: Sequence[str] = ()
) -> types.InlineCompletionList:
    """The answer to ``textDocument/inlineCompletion``: the best item first, or none, never null.

    Editors run an item's command once it was accepted; ``ids``, if given, say there which one it was.

    ``document`` must still be the text that the completions' offsets count in. An item's range has to stay on one line,
    so a completion that replaces more cannot be offered.
    """
    items = []
    known = itertools.chain(ids, itertools.repeat(None))
    for completion, id_ in zip(completions, known, strict=False) if document is not None else ():
        assert document is not None
        span = _range(completion, document)
        if span.start.line == span.end.line:
            text = _lines(completion.text)
            items.append(types.InlineCompletionItem(text, range=span, command=_accepted(id_)))
    return types.InlineCompletionList(items=items)


def completion_list(
    completion: Completion | None, document: MirroredDocument | None, id_: str | None = None
) -> types.CompletionList:
    """The answer to ``textDocument/completion`` for an editor without ghost text: one menu entry or none.

    The entry replaces the word before the cursor too, because editors hold that word against ``filterText`` to decide
    whether the entry stays while the user types on. The list is incomplete: every key may bring a better one.
    """
    if completion is None or document is None:
        return types.CompletionList(is_incomplete=True, items=[])
    span = _range(completion, document)
    if span.start.line != span.end.line:
        return types.CompletionList(is_incomplete=True, items=[])
    word = _word_before(completion.start, document)
    text = word + _lines(completion.text)
    start = document.position_at(completion.start - len(word))
    item = types.CompletionItem(
        label=_label(text),
        kind=types.CompletionItemKind.Text,
        detail="codeslm",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, _fenced(text, document.language_id or "")),
        preselect=True,
        sort_text=FIRST,
        filter_text=text,
        insert_text=text,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,  # Lines after the first are indented already.
        text_edit=types.TextEdit(types.Range(start, span.end), text),
        command=_accepted(id_),
    )
    return types.CompletionList(is_incomplete=True, items=[item])


def place_of(params: Any) -> tuple[str, types.Position] | None:
    """Document and position of a notification that LSP does not know, or None if it is not what it should be."""
    document, position = (_of(params, name) for name in ("textDocument", "position"))
    uri, line, character = _of(document, "uri"), _of(position, "line"), _of(position, "character")
    if not isinstance(uri, str) or not _is_uinteger(line) or not _is_uinteger(character):
        return None
    return uri, types.Position(line, character)


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _is_uinteger(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_UINTEGER


def line_edits(changes: Sequence[types.TextDocumentContentChangeEvent]) -> tuple[LineEdit, ...] | None:
    """Which lines the changes of one message replaced, one after the other; None if all of the text was."""
    edits = []
    for change in changes:
        if not isinstance(change, types.TextDocumentContentChangePartial):
            return None
        first, last = sorted((change.range.start.line, change.range.end.line))
        edits.append(LineEdit(first, last + 1, first + len(_LINE_END.findall(change.text)) + 1))
    return tuple(edits)


def trigger_of(kind: types.InlineCompletionTriggerKind) -> Trigger:
    """Why the editor asks; ``converter`` has already read the numbers of old clients."""
    return Trigger.INVOKED if kind == types.InlineCompletionTriggerKind.Invoked else Trigger.AUTOMATIC


def report_as_json(report: Report, document: MirroredDocument | None) -> dict[str, Any]:
    """What ``codeslm.explainLast`` answers. ``range`` is null when the document is closed."""
    outcome = report.outcome
    skip = outcome if isinstance(outcome, Skip) else None
    completion = outcome if isinstance(outcome, Completion) else None
    return {
        "skip": {"reason": skip.reason.value, "detail": skip.detail} if skip else None,
        "text": completion.text if completion else None,
        "range": range_as_json(_range(completion, document)) if completion and document else None,
        "confidence": completion.confidence if completion else None,
        "alternatives": [other.text for other in report.alternatives],
        "trigger": report.trigger.value,
        "extent": report.extent.value if report.extent else None,
        "model": report.model,
        "stop": report.stop.value if report.stop else None,
        "timings": asdict(report.timings),
        "filters": list(report.filters),
        "anchor_reused": report.anchor_reused,
        "prompt_outdated": report.prompt_outdated,
        "from_offered": report.from_offered,
        "features": [asdict(features) for features in report.features],
        "chances": list(report.chances),
        "snippets": list(report.snippets),
        "elapsed_ms": report.elapsed_ms,
    }


def knows_tags(capabilities: types.ClientCapabilities) -> bool:
    """Whether the client shows of code actions that a language model has a part in them."""
    document = capabilities.text_document
    support = document.code_action.tag_support if document is not None and document.code_action is not None else None
    return support is not None and types.CodeActionTag.LlmGenerated in support.value_set


def is_inside(uri: str, root_uri: str | None) -> bool:
    """Whether the document is a file in the workspace's folder, by the names that the editor gives both."""
    root = _path(root_uri).rstrip("/") if root_uri else ""
    return uri.startswith("file:") and bool(root) and _path(uri).startswith(f"{root}/")


def root_of(uri: str, root_uris: Sequence[str]) -> str | None:
    """The innermost of the workspace's folders that the document is in; the first folder for one that is in none.

    A notebook's cell is where its notebook is.
    """
    path, first = _path(uri), next(iter(root_uris), None)
    around = [root for root in root_uris if path.startswith(f"{_path(root).rstrip('/')}/")]
    return max(around, key=lambda root: len(_path(root).rstrip("/")), default=first)


def document_key(uri: str) -> str:
    """The key under which pygls keeps a document: clients escape the same URI in different ways."""
    return unquote(uri)


def path_of(uri: str, root_uri: str | None) -> str:
    """What a prompt may show as the file's name.

    ``file:///proj/a/b.py`` in ``file:///proj`` → ``a/b.py``; outside of the root only the name, ``b.py``, for the rest
    of the path tells of the user's machine. Other schemes have paths too: ``untitled:Untitled-1`` → ``Untitled-1``.
    """
    path = _path(uri)
    root = _path(root_uri) if root_uri else ""
    if root and path.startswith(root if root.endswith("/") else f"{root}/"):
        return path[len(root) :].lstrip("/")
    return posixpath.basename(path)


def converter() -> Converter:
    """pygls' converter, which would leave a message unread (and a request unanswered) for each of these:

    a position such as 4294967295 for "the end" (LSP allows 2³¹ - 1), ``"range": null`` for a change of the whole text,
    ``"version": null``, and the trigger kinds of old clients.

    What LSP does not know stays as JSON has it: pygls would define a class for each object of each message, which costs
    milliseconds, and stays in memory until Python next looks for cycles among all that is old.
    """
    made: Converter = default_converter()  # type: ignore[no-untyped-call]
    for message in (JsonRPCRequestMessage, JsonRPCResponseMessage, JsonRPCNotification):
        made.register_structure_hook(message, lambda data, kind: kind(**data))
    kinds = _TriggerKinds()
    made.register_structure_hook(types.InlineCompletionTriggerKind, lambda value, _: kinds.read(value))
    made.register_structure_hook(types.Position, lambda value, _: _position(value))
    made.register_structure_hook(types.VersionedTextDocumentIdentifier, lambda value, _: _versioned(value))
    made.register_structure_hook(types.TextDocumentContentChangePartial, lambda value, _: _change(value, made))
    return made


class _TriggerKinds:
    """Reads one client's trigger kinds.

    LSP 3.18 counts Invoked 1, Automatic 2; its drafts (vscode-languageclient 9) counted Invoked 0, Automatic 1. So 1 is
    ambiguous: it means Invoked until the client has sent a 0, and Automatic from then on.
    """

    def __init__(self) -> None:
        self._counts_from_zero = False

    def read(self, value: Any) -> types.InlineCompletionTriggerKind:
        if value == 0:
            self._counts_from_zero = True
        invoked = 0 if self._counts_from_zero else 1
        if value == invoked:
            return types.InlineCompletionTriggerKind.Invoked
        return types.InlineCompletionTriggerKind.Automatic


def _position(value: Any) -> types.Position:
    line, character = (min(max(int(value[name]), 0), MAX_UINTEGER) for name in ("line", "character"))
    return types.Position(line, character)


def _versioned(value: Any) -> types.VersionedTextDocumentIdentifier:
    return types.VersionedTextDocumentIdentifier(version=value.get("version") or 0, uri=value["uri"])


def _change(value: Any, made: Converter) -> types.TextDocumentContentChangeEvent:
    """A change is taken for a partial one as soon as it has a key ``range``, whatever stands there."""
    if value.get("range") is None:
        return types.TextDocumentContentChangeWholeDocument(value["text"])
    return types.TextDocumentContentChangePartial(made.structure(value["range"], types.Range), value["text"])


def _accepted(id_: str | None) -> types.Command | None:
    return types.Command(title="", command=ACCEPTED, arguments=[id_]) if id_ is not None else None


def _lines(text: str) -> str:
    """Between lines a line feed alone: editors write the line ends of their file, and Neovim would show ``^M``."""
    return text.replace("\r\n", "\n")


def _range(completion: Completion, document: MirroredDocument) -> types.Range:
    return types.Range(document.position_at(completion.start), document.position_at(completion.end))


def range_as_json(span: types.Range) -> dict[str, dict[str, int]]:
    """A range as JSON has it."""
    ends = {"start": span.start, "end": span.end}
    return {name: {"line": end.line, "character": end.character} for name, end in ends.items()}


def _word_before(offset: int, document: MirroredDocument) -> str:
    place = document.server_position_at_offset(offset)
    before = document.lines[place.line][: place.character]
    backwards = re.match(r"\w*", before[::-1])
    return before[len(before) - backwards.end() :] if backwards else ""


def _label(text: str) -> str:
    """The first line with anything on it, shortened."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "⏎")
    return line if len(line) <= LABEL_CHARS else f"{line[: LABEL_CHARS - 1]}…"


def _fenced(code: str, language_id: str) -> str:
    """A Markdown code block whose fence is longer than any in the code (CommonMark 4.5)."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    language = language_id if re.fullmatch(r"[\w+#.-]+", language_id) else ""
    return f"{fence}{language}\n{code}\n{fence}"


def _path(uri: str) -> str:
    """The URI's path with forward slashes; a drive's letter, which editors write in either case, is made small."""
    try:
        parts = urlsplit(uri)
        host, path = parts.netloc, unquote(parts.path)
    except ValueError:
        host, path = "", unquote(uri)
    if re.match(r"/[A-Za-z]:", path):
        path = path[1].lower() + path[2:]
    if path:
        path = posixpath.normpath(path)
    return f"//{host}{path}" if host and uri.startswith("file:") else path
