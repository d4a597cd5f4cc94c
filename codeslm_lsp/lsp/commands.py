"""``workspace/executeCommand`` and code actions ⇄ questions and answers. Edits are proposed to the user, never made."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from codeslm_lsp.lsp.answers import CANNOT_CREATE, answer_as_json, creates_files, workspace_edit
from codeslm_lsp.lsp.convert import range_as_json
from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.reasoning.question import Complaint, Question
from codeslm_lsp.values import Answer, CodeslmError, Document, InputError

if TYPE_CHECKING:
    from codeslm_lsp.lsp.server import CodeslmServer

PREFIX = "codeslm."
"""Of the commands' names: ``codeslm.explain``."""

PROPOSE = "propose"
"""An argument: whoever asks does not read the answer, so it is shown, and its edits are offered."""

STREAM = "stream"
"""An argument: the name under which whoever asks wants to hear the answer while it is written. They show by themselves
that something is going on."""

DID_WRITE_ANSWER = "codeslm/didWriteAnswer"
"""A notification of ours, ``{stream, text}``: what has been said since the last one."""

REPORT_EVERY_S = 0.2
"""How often progress is told. More often only costs the editor time."""

APPLY, DISCARD = "Apply", "Discard"

MAY_BE_FORMULA = re.compile(r"[\\^$=*/]|\w\s*[-+]\s*\w")
"""What a selection has that is offered to be written as code."""

QUICK_FIX, REWRITE = types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite

FOR_PYTHON = (
    ("Write the docstring", "document"),
    ("Simplify", "simplify"),
    ("Add annotations", "types"),
    ("Find a better name", "name"),
    ("Write tests", "test"),
)
"""What is offered wherever the cursor is in a Python file."""

WITHOUT_MODEL = frozenset({"latex", "formula"})
"""Commands that the model has no part in."""

MAX_SHOWN = 2000
"""Characters of an answer that are shown as a message, where an editor has no better place for it."""


def actions(
    document: MirroredDocument, params: types.CodeActionParams, *, knows_tags: bool = False
) -> list[types.CodeAction]:
    """What may be asked about a selection. Costs nothing: the model is asked when one is chosen.

    Where the client ``knows_tags``, what a model writes is marked as that.
    """
    found = list(_actions(document, params))
    if knows_tags:
        for each in found:
            if each.command is not None and each.command.command.removeprefix(PREFIX) not in WITHOUT_MODEL:
                each.tags = [types.CodeActionTag.LlmGenerated]
    only = params.context.only
    return [each for each in found if only is None or _is_wanted(each.kind or "", only)]


def _actions(document: MirroredDocument, params: types.CodeActionParams) -> Iterator[types.CodeAction]:
    is_python = document.language_id == "python"
    yield _action("Explain", "explain", types.CodeActionKind.Empty, params)
    yield _action("Implement", "implement", REWRITE, params)
    if is_python:
        yield _action("How does it grow?", "complexity", types.CodeActionKind.Empty, params)
        for title, name in FOR_PYTHON:
            yield _action(title, name, REWRITE, params)
        yield _action("Show as LaTeX", "latex", types.CodeActionKind.Empty, params)
        if params.range.start == params.range.end:
            yield _action("Does it compute its formula?", "verify", types.CodeActionKind.Empty, params)
    for diagnostic in params.context.diagnostics[:3]:
        message = diagnostic.message.splitlines()[0] if diagnostic.message else "this"
        yield _action(f"Fix: {message}", "fix", QUICK_FIX, params, [diagnostic])
        yield _action(f"Explain: {message}", "explain", types.CodeActionKind.Empty, params, [diagnostic])
    if params.range.start != params.range.end:
        yield _action("Solve", "solve", types.CodeActionKind.Empty, params)
        yield _action("Is this true?", "verify", types.CodeActionKind.Empty, params)
        start, end = document.offset_at(params.range.start), document.offset_at(params.range.end)
        if MAY_BE_FORMULA.search(document.source[start:end]):
            yield _action("Write this formula as code", "formula", REWRITE, params)


def question_of(arguments: Any, documents: Callable[[str], tuple[Document, MirroredDocument] | None]) -> Question:
    """A command's one argument, ``{words?, textDocument?: {uri}, range?, diagnostics?, examples?, to?, stream?}``.

    Raises ``InputError``.
    """
    asked = arguments if isinstance(arguments, Mapping) else {}
    words, language, n_examples = asked.get("words", ""), asked.get("to", ""), asked.get("examples", 0)
    if not isinstance(words, str) or not isinstance(language, str):
        raise InputError("The arguments 'words' and 'to' must be text.")
    if not isinstance(n_examples, int | float) or n_examples < 0:
        raise InputError("The argument 'examples' must be a number.")
    named = asked.get("textDocument")
    uri = named.get("uri") if isinstance(named, Mapping) else named
    if uri is None:
        return Question(words, language=language)
    if not isinstance(uri, str):
        raise InputError("The argument 'textDocument' must be as LSP has it.")
    found = documents(uri)
    if found is None:
        raise InputError("The editor asked about a document that it has not opened.")
    document, mirror = found
    try:
        start, end = _span(asked.get("range"), mirror)
        complaints = tuple(
            Complaint(*_span(each["range"], mirror), str(each["message"]), str(each.get("source") or ""), _code(each))
            for each in asked.get("diagnostics") or ()
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise InputError("The arguments 'range' and 'diagnostics' must be as LSP has them.") from None
    return Question(words, document, start, end, complaints, int(n_examples), language)


class Asking:
    """One command on its way: tells its progress or what it says, and can be cancelled by its progress."""

    def __init__(self, server: CodeslmServer, name: str, stream: str = "") -> None:
        self._server = server
        self._stream = stream
        self._name = name
        self._token = str(uuid.uuid4())
        self._text: list[str] = []
        self._told_at = 0.0
        window = server.client_capabilities.window
        self._shows_progress = bool(window is not None and window.work_done_progress and not stream)

    def hear(self, text: str) -> None:
        """A piece of the answer."""
        self._text.append(text)
        now = asyncio.get_running_loop().time()
        if now - self._told_at <= REPORT_EVERY_S:
            return
        self._told_at = now
        if self._stream:
            self._server.protocol.notify(DID_WRITE_ANSWER, {"stream": self._stream, "text": "".join(self._text)})
            self._text.clear()
        elif self._shows_progress:
            line = "".join(self._text).rstrip().rpartition("\n")[2]
            report = types.WorkDoneProgressReport(message=line[-60:], cancellable=True)
            self._server.work_done_progress.report(self._token, report)

    async def run(self, ask: Callable[[], Any]) -> Answer:
        """Await the answer while telling that it is being worked on. Raises ``CodeslmError``."""
        working = asyncio.ensure_future(ask())
        if self._shows_progress:
            with suppress(Exception):  # A client that refuses a progress bar gets its answer all the same.
                await asyncio.wait_for(self._server.work_done_progress.create_async(self._token), 2.0)
                begin = types.WorkDoneProgressBegin(title=f"codeslm {self._name}", cancellable=True)
                self._server.work_done_progress.begin(self._token, begin)
                cancelled = self._server.work_done_progress.tokens.get(self._token)
                if cancelled is not None:
                    cancelled.add_done_callback(lambda each: working.cancel() if each.cancelled() else None)
        try:
            answer: Answer = await working
            return answer
        except asyncio.CancelledError:
            working.cancel()
            raise
        finally:
            if self._shows_progress:
                with suppress(Exception):
                    self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd())


async def propose(server: CodeslmServer, answer: Answer) -> None:
    """Show an answer to somebody whose editor only knows standard requests, and make the edit if they say so."""
    edit = workspace_edit(answer, server.document, creates_files=creates_files(server.client_capabilities))
    reasons = " ".join(check.detail for check in answer.checks)
    if edit is None and answer.edits:
        reasons += f" {CANNOT_CREATE}"
    if edit is None:
        text = f"{answer.text[:MAX_SHOWN]}\n\n[{answer.badge.value}] {reasons}".strip()
        server.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))
        return
    asked = types.ShowMessageRequestParams(
        type=types.MessageType.Info,
        message=f"codeslm {answer.command} [{answer.badge.value}] {reasons}\n\n{answer.text[:MAX_SHOWN]}",
        actions=[types.MessageActionItem(APPLY), types.MessageActionItem(DISCARD)],
    )
    chosen = await server.window_show_message_request_async(asked)
    if chosen is not None and chosen.title == APPLY:
        await server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, label=f"codeslm {answer.command}"))


async def answer_command(server: CodeslmServer, name: str, arguments: Any) -> dict[str, Any]:
    """Run a command; what went wrong is ``{"error": sentence}``, and told to whoever does not read that."""
    stream = arguments.get(STREAM) if isinstance(arguments, Mapping) else None
    asking = Asking(server, name, stream if isinstance(stream, str) else "")
    is_proposed = isinstance(arguments, Mapping) and bool(arguments.get(PROPOSE))
    try:
        question = question_of(arguments, server.document_to_ask_about)
        answer = await asking.run(lambda: server.session.answer(name, question, asking.hear))
    except CodeslmError as error:
        if is_proposed:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, str(error)))
        return {"error": str(error)}
    if is_proposed:
        await propose(server, answer)
    return answer_as_json(answer, server.document, creates_files=creates_files(server.client_capabilities))


def _action(
    title: str,
    name: str,
    kind: str,
    params: types.CodeActionParams,
    diagnostics: Sequence[types.Diagnostic] = (),
) -> types.CodeAction:
    argument = {
        "textDocument": {"uri": params.text_document.uri},
        "range": range_as_json(params.range),
        "diagnostics": [
            {
                "range": range_as_json(each.range),
                "message": each.message,
                "source": each.source or "",
                "code": str(each.code or ""),
            }
            for each in diagnostics
        ],
        PROPOSE: True,
    }
    command = types.Command(title=title, command=f"{PREFIX}{name}", arguments=[argument])
    return types.CodeAction(
        title=f"{title} (codeslm)", kind=kind or None, diagnostics=list(diagnostics) or None, command=command
    )


def _is_wanted(kind: str, only: Sequence[str]) -> bool:
    """LSP: a kind is wanted with all its sub-kinds."""
    return any(kind == each or (kind.startswith(f"{each}.") if each else True) for each in only)


def _span(span: Any, mirror: MirroredDocument) -> tuple[int, int]:
    if span is None:
        return 0, 0
    ends = [types.Position(int(span[each]["line"]), int(span[each]["character"])) for each in ("start", "end")]
    start, end = (mirror.offset_at(each) for each in ends)
    return min(start, end), max(start, end)


def _code(diagnostic: Mapping[str, Any]) -> str:
    return str(diagnostic.get("code") or "")
