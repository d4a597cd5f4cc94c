"""A question about a file or a workspace → an answer from excerpts, whose places are checked to exist."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.context.chunks import chunked
from codeslm_lsp.context.near import IDENTIFIER
from codeslm_lsp.reasoning.passage import passage_of
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.values import Answer, Badge, Check, InputError

MAX_EXCERPTS, MAX_CHARACTERS = 6, 7000
"""What is shown: some 2,000 tokens. A small model loses the thread in more."""

MAX_FILES = 400
"""Files of the workspace whose text is looked through, those that define a word of the question first."""

MAX_FILE_BYTES = 200_000

_CITED = re.compile(r"\[([^\[\]\s:]+):(\d+)(?:[-–]\d+)?\]")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can do does for from function class file code how i in is it method my of on or that "
        "the there this to use used uses what when where which who why will with you",
    )
)
"""Words of a question that tell nothing of where its answer stands."""


@dataclass(frozen=True, slots=True)
class _Excerpt:
    path: str
    first_line: int
    text: str
    score: float


async def ask(question: Question, means: Means) -> Answer:
    """Answer from the open document and the workspace. Raises ``InputError`` when there is neither, or no question."""
    if not question.words.strip():
        raise InputError("There is no question; type one, such as: codeslm ask 'Where are settings read?'")
    excerpts = await asyncio.to_thread(_excerpts, question, means)  # Reads and compares hundreds of files.
    if not excerpts:
        raise InputError("There is nothing to answer from; name a file with --file, or ask inside a project's folder.")
    shown = "\n\n".join(_shown(each) for each in excerpts)
    messages = conversation("ask", {"excerpts": shown, "question": question.words.strip()})
    said = await means.speaker.say(messages, listen=means.listen)
    return Answer("ask", said.strip(), Badge.UNVERIFIED, tuple(_citations(said, excerpts)))


def _citations(answer: str, excerpts: Iterable[_Excerpt]) -> Iterable[Check]:
    """Whether each place that the answer names is one that it was shown."""
    places: dict[str, list[range]] = defaultdict(list)
    for each in excerpts:
        places[each.path].append(range(each.first_line, each.first_line + each.text.count("\n") + 2))
    cited = list(dict.fromkeys(_CITED.findall(answer)))
    for path, line in cited:
        exists = any(int(line) in lines for lines in places.get(path, ()))
        detail = f"{path}:{line} is in what it was shown." if exists else f"{path}:{line} is not in what it was shown."
        yield Check("source", exists, detail, f"{path}:{line}")
    if not cited:
        yield Check("source", False, "It names no place in the code.")


def _excerpts(question: Question, means: Means) -> list[_Excerpt]:
    """What is likeliest to hold the answer: what is selected, then the best chunks of the document and the folder."""
    found: list[_Excerpt] = []
    document = question.document
    if document is not None and document.text.strip():
        passage = passage_of(document, question.start, question.end, most=MAX_CHARACTERS // 2)
        found.append(_Excerpt(document.path, passage.first_line, passage.text, float("inf")))
    words = _words(question.words)
    candidates = [chunk for path, text in _texts(question, means, words) for chunk in _scored(path, text, words)]
    n_left = MAX_CHARACTERS - sum(len(each.text) for each in found)
    for each in sorted(candidates, key=lambda each: -each.score):
        if len(found) >= MAX_EXCERPTS or not each.score:
            break
        if len(each.text) <= n_left and not any(_overlap(each, other) for other in found):
            found.append(each)
            n_left -= len(each.text)
    return found


def _texts(question: Question, means: Means, words: frozenset[str]) -> Iterable[tuple[str, str]]:
    """Path and text of the open document and of the workspace's files."""
    if question.document is not None:
        yield question.document.path, question.document.text
    if means.index is None or means.folder is None:
        return
    own = question.document.path if question.document is not None else ""
    paths = [path for path in means.index.files() if path != own]
    paths.sort(key=lambda path: -len(words & _words(path)))
    for path in paths[:MAX_FILES]:
        if (text := _read(means.folder / path)) is not None:
            yield path, text


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size <= MAX_FILE_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None  # It went away, or is no text: then the answer is not in it.


def _scored(path: str, text: str, words: frozenset[str]) -> Iterable[_Excerpt]:
    """Chunks by how many of the question's words they have; a word in a name that is defined counts more."""
    in_path = _words(path)
    for chunk in chunked(path, text).chunks:
        defined = _words(" ".join(re.findall(r"(?:def|class|func|fn|function)\s+(\w+)", chunk.text)))
        own = _words(" ".join(IDENTIFIER.findall(chunk.text)))
        score = len(words & own) + 2 * len(words & defined) + 0.5 * len(words & in_path)
        yield _Excerpt(path, chunk.first_line + 1, chunk.text, score / max(1.0, len(words)))


def _words(text: str) -> frozenset[str]:
    """``"readHTTPSettings"`` → read, http, settings; plurals lose their s."""
    parts = (part.lower() for part in _WORD.findall(text))
    return frozenset(part.removesuffix("s") for part in parts if part not in STOP_WORDS and len(part) > 1)


def _overlap(left: _Excerpt, right: _Excerpt) -> bool:
    if left.path != right.path:
        return False
    ends = [each.first_line + each.text.count("\n") for each in (left, right)]
    return left.first_line <= ends[1] and right.first_line <= ends[0]


def _shown(excerpt: _Excerpt) -> str:
    language = language_of("", excerpt.path)
    return f"[{excerpt.path}:{excerpt.first_line}]\n{fenced(excerpt.text, language.name if language else '')}"
