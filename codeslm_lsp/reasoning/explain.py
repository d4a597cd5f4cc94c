"""Explain a selection, a diagnostic or the text of an error. Nothing but the model says so; names are looked up."""

from __future__ import annotations

import builtins
import keyword
import re

from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.values import Answer, Badge, Check, InputError, Message

MAX_ERROR_CHARACTERS = 4000
"""Of an error's text. The end of a long one says most: there stands what was raised."""

_QUOTED = re.compile(r"`([A-Za-z_][\w.]*)(?:\(\))?`")

NO_OUTLINE = "(nothing else)"


async def explain(question: Question, means: Means) -> Answer:
    """What the code at the selection does; or what an error means, where one is given."""
    if question.document is None:
        if not question.words.strip():
            raise InputError("There is nothing to explain; select some code, or give the text of an error.")
        messages: tuple[Message, ...] = conversation(
            "explain_error",
            {
                "error": fenced(_end_of(question.words)),
                "path": "(not given)",
                "outline": NO_OUTLINE,
                "code": NO_OUTLINE,
            },
        )
        said = await means.speaker.say(messages, listen=means.listen)
        return Answer("explain", said.strip(), Badge.UNVERIFIED)
    passage = passage_of(question.document, question.start, question.end)
    said = await means.speaker.say(_messages(question, passage), listen=means.listen)
    return Answer("explain", said.strip(), Badge.UNVERIFIED, _names(said, passage, means))


def _messages(question: Question, passage: Passage) -> tuple[Message, ...]:
    shown = {
        "path": passage.document.path,
        "outline": fenced(passage.outline, passage.language_name) if passage.outline else NO_OUTLINE,
        "code": fenced(passage.text, passage.language_name),
    }
    if question.complaints:
        error = "\n".join(each.sentence for each in question.complaints)
        return conversation("explain_error", {**shown, "error": fenced(error)})
    asked = f"\nIn particular: {question.words.strip()}" if question.words.strip() else ""
    return conversation("explain", {**shown, "question": asked})


def _names(answer: str, passage: Passage, means: Means) -> tuple[Check, ...]:
    """Whether the names that the answer quotes are in the file, in the workspace or in the language."""
    quoted = {part for name in _QUOTED.findall(answer) for part in name.split(".") if part}
    text = passage.document.text
    known = {*re.findall(r"\w+", text), *keyword.kwlist, *dir(builtins)}
    unknown = sorted(name for name in quoted - known if means.index is None or not means.index.is_known(name))
    if not quoted:
        return ()
    if unknown:
        return (Check("names", False, f"Names that are not in the file or the workspace: {', '.join(unknown)}."),)
    said = "The name that it quotes exists." if len(quoted) == 1 else f"All {len(quoted)} names that it quotes exist."
    return (Check("names", True, said),)


def _end_of(error: str) -> str:
    return error.strip()[-MAX_ERROR_CHARACTERS:]
