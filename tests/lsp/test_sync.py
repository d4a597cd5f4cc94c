"""After hundreds of edits the server completes the text that the editor shows, in every position encoding."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import pytest
from lsprotocol import types

from tests.support.client import Editor, replay_editor

URI = "file:///work/a.txt"
N_EDITS = 300
N_CHECKS = 50
MAX_CHARACTERS = 150

PARTS = [*"abc \t", "\n", "\n", "\r\n", "\r\n", "\r", "\n\r", "\f", "\v", "\x1c", "\x85", "\u2028", "\u2029"]
PARTS += ["é", "e\u0301", "漢字", "😀", "👩‍💻", "\U0010ffff", "\ufeff", "x" * 20]
"""Line ends, what only looks like one, and characters of every length in every encoding."""

Change = types.TextDocumentContentChangeEvent


@dataclass(frozen=True)
class Message:
    """What is sent at once, and the text that the editor shows then. ``checked`` is a place to complete at, if any.

    ``answer`` is what the engine says there, provided that the text before it is what the editor shows.
    """

    changes: tuple[Change, ...]
    text: str
    checked: int | None = None
    answer: str = ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_random_edits(encoding: str) -> None:
    messages = scenario(random.Random(f"edits in {encoding}"), encoding)
    checks = [message for message in messages if message.checked is not None]
    assert len(checks) >= N_CHECKS
    answers = {message.text[: message.checked]: message.answer for message in checks}
    options = {"prompt": {"max_tokens": 100_000}}
    async with replay_editor(
        {"answers": answers, "default": "DIFFERENT"}, options=options, encodings=[encoding]
    ) as editor:
        editor.open(URI, "", language="plaintext")
        for version, message in enumerate(messages, start=2):
            editor.client.text_document_did_change(
                types.DidChangeTextDocumentParams(
                    types.VersionedTextDocumentIdentifier(version=version, uri=URI), list(message.changes)
                )
            )
            if message.checked is not None:
                await check(editor, message, encoding)


async def check(editor: Editor, message: Message, encoding: str) -> None:
    """The whole text before the cursor is the editor's, the text behind it is as long, and the answer comes there."""
    place = position(message.text, message.checked or 0, encoding)
    request = editor.request(URI, 0)
    request.position = place
    answer = await editor.client.text_document_inline_completion_async(request)
    assert isinstance(answer, types.InlineCompletionList)
    assert [item.insert_text for item in answer.items] == [message.answer], repr(message.text)
    assert answer.items[0].range == types.Range(place, place)
    explained = await editor.explain()
    n_sentinels = 3
    assert explained["timings"]["n_prefill"] == len(message.text.encode()) + n_sentinels


def scenario(chance: random.Random, encoding: str) -> list[Message]:
    """Edits in messages of one to four. Every sixth message ends with a mark of its own, before which is completed.

    The mark makes every text before and behind a cursor the only one of its kind, so that no prompt is used twice.
    """
    text, messages, n_edits, mark = "", list[Message](), 0, ""
    while n_edits < N_EDITS or len(messages) < N_CHECKS * 6:
        changes: list[Change] = []
        for _ in range(chance.randint(1, 4)):
            change, text = edit(chance, text, encoding)
            changes.append(change)
            n_edits += 1
        if len(messages) % 6 < 5:
            messages.append(Message(tuple(changes), text))
            continue
        mark = f"<{len(messages)}>"
        places = [place for place in range(len(text) + 1) if is_place(text, place)]
        for new_at in (0, chance.choice(places) + len(mark)):
            new_text = text[:new_at] + mark + text[new_at:]
            changes.append(replacing(text, new_at, new_at, mark, encoding))
            text = new_text
        messages.append(Message(tuple(changes), text, new_at, f"answer{len(messages)}"))
    return messages


def edit(chance: random.Random, text: str, encoding: str) -> tuple[Change, str]:
    """A random change, and the text behind it. Now and then the whole text is replaced."""
    new = "".join(chance.choices(PARTS, k=chance.randint(0, 5)))
    if chance.random() < 0.03:
        return types.TextDocumentContentChangeWholeDocument(new), new
    places = [place for place in range(len(text) + 1) if is_place(text, place)]
    start = chance.choice(places)
    n_away = chance.randint(0, 4 if len(text) < MAX_CHARACTERS else len(text))
    end = chance.choice([place for place in places if start <= place <= start + n_away])
    return replacing(text, start, end, new, encoding), text[:start] + new + text[end:]


def replacing(text: str, start: int, end: int, new: str, encoding: str) -> Change:
    span = types.Range(position(text, start, encoding), position(text, end, encoding))
    return types.TextDocumentContentChangePartial(span, new)


def is_place(text: str, offset: int) -> bool:
    """No editor has a position inside of a line end."""
    return text[max(0, offset - 1) : offset + 1] != "\r\n"


def position(text: str, offset: int, encoding: str) -> types.Position:
    """By the words of the specification: ``\\n``, ``\\r\\n`` and ``\\r`` end a line; characters count in code units."""
    *lines, last = re.split(r"\r\n|\n|\r", text[:offset])
    units = {"utf-8": 1, "utf-16-le": 2, "utf-32-le": 4}
    codec = encoding if encoding == "utf-8" else f"{encoding}-le"
    return types.Position(len(lines), len(last.encode(codec)) // units[codec])
