"""Whether the server has the text that the editor shows, asked by what every editor may ask.

1. *Code actions.* That a selection may be written as code is offered where it has signs of a formula, so the answer for
   any span is a yes or no about its characters, at the place where the server thinks it lies.
2. *A completion by an engine that echoes* (``Script.echoes``): what it says is a digest of all the text that it sees.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from lsprotocol import types

from codeslm_lsp.lsp.commands import MAY_BE_FORMULA
from tests.soak.journal import Broken
from tests.support.client import position
from tests.support.replay import echo

N_SPANS = 60
"""Beside every line as a whole; one in two of them has such signs."""

Ask = Callable[[str, Any], Awaitable[Any]]
"""Sends a request and awaits its answer."""


async def compare_by_actions(ask: Ask, uri: str, text: str, draw: random.Random) -> None:
    """Every line, spans within lines, and what lies behind the last line. Raises ``Broken``."""
    asked = list(_spans(text, draw))
    answers = await asyncio.gather(
        *(ask(types.TEXT_DOCUMENT_CODE_ACTION, _actions(uri, span)) for span, _ in asked),
    )
    for (span, characters), answer in zip(asked, answers, strict=True):
        offered = any("formula as code" in each.title for each in answer or ())
        if offered != bool(MAY_BE_FORMULA.search(characters)):
            raise Broken(f"the server has another text than the editor at line {span.start.line} of {uri}.")


async def compare_by_echo(ask: Ask, uri: str, text: str, cursor: int) -> None:
    """The whole text, where everything before and behind the cursor is the only one of its kind. Raises ``Broken``."""
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked)
    identifier = types.TextDocumentIdentifier(uri)
    params = types.InlineCompletionParams(context, identifier, position(text, cursor))
    answer = await ask(types.TEXT_DOCUMENT_INLINE_COMPLETION, params)
    said = [str(item.insert_text) for item in answer.items]
    if said != [expected := echo(text[:cursor], text[cursor:])]:
        raise Broken(f"the server has another text than the editor of {uri}: its model saw {said}, not {expected}.")


def _spans(text: str, draw: random.Random) -> Iterator[tuple[types.Range, str]]:
    lines = text.split("\n")
    far = 1_000_000  # What lies behind the end of a line, or of the text, means its end.
    for number, line in enumerate(lines):
        yield _range(number, 0, number, far), line
    for _ in range(N_SPANS):
        number = draw.randrange(len(lines))
        start, end = sorted(draw.choices(range(len(lines[number]) + 1), k=2))
        if start < end:
            yield _range(number, start, number, end), lines[number][start:end]
    yield _range(len(lines), 0, far, 0), ""


def _range(first: int, start: int, last: int, end: int) -> types.Range:
    return types.Range(types.Position(first, start), types.Position(last, end))


def _actions(uri: str, span: types.Range) -> types.CodeActionParams:
    return types.CodeActionParams(types.TextDocumentIdentifier(uri), span, types.CodeActionContext([]))
