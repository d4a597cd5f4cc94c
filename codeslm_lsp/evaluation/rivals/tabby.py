"""Tabby: twenty lines before and after the cursor, and before them, as comments, code found in the repository.

The prompt is that of ``crates/tabby/src/services/completion/completion_prompt.rs`` in TabbyML/tabby; what its editors
send is in ``clients/tabby-agent/src/codeCompletion/contexts.ts``.

Of its sources of snippets, the search in the repository is reproduced, and of that the BM25 half: there is no embedding
model here, whose ranks Tabby fuses with those of BM25, and as it wants both to agree, it shows less often. Declarations
that the editor's language server knows, and code of files changed or opened a moment ago, which come first, need an
editor.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.rivals import bm25, tabby_output
from codeslm_lsp.evaluation.rivals.rival import Files, RivalPrompt, in_fim, lines_of
from codeslm_lsp.prompt.detect import FimFormat
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.syntax.languages import Language, language_of

MAX_LINES = 20
"""``maxPrefixLines``, ``maxSuffixLines`` of ``clients/tabby-agent/src/config/default.ts``; the cursor's line is one."""
MAX_DECODING_TOKENS = 64
"""``max_decoding_tokens`` of ``crates/tabby-common/src/config.rs``."""
MAX_SNIPPET_CHARACTERS = 768
"""``max_snippets_chars_in_prompt`` of ``completion_prompt.rs``."""
CHUNK_CHARACTERS = 512
"""``CHUNK_SIZE`` of ``crates/tabby-index/src/code/intelligence.rs``."""
MIN_SCORE, N_RETURNED = 8.0, 20
"""``min_bm25_score`` and ``num_to_return`` of ``crates/tabby-common/src/api/code.rs``."""
MAX_WORD = 64
"""Longer words are not indexed: ``crates/tabby-common/src/index/code/tokenizer.rs``."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of one file, and the words in them."""

    path: str
    language: Language
    text: str
    words: Counter[str]


class Tabby:
    """The rival, with its index of one repository."""

    max_tokens = MAX_DECODING_TOKENS

    def __init__(self, fim: FimFormat, _tokenizer: Tokenizer, files: Files) -> None:
        self._fim = fim
        self._chunks = [chunk for path, text in sorted(files.items()) for chunk in chunks_of(path, text)]

    async def prompt(self, case: Case) -> RivalPrompt | None:
        """See ``Rival.prompt``."""
        prefix = "".join(lines_of(case.prefix)[-MAX_LINES:])
        suffix = "".join(lines_of(case.suffix)[:MAX_LINES])
        if not case.prefix.strip():
            return None  # ``isValid`` of contexts.ts
        language = language_of(case.language, case.path)
        comment = language.line_comment if language is not None else None
        found = found_in(self._chunks, case.path, language, prefix) if comment else []
        prefix = with_snippets(prefix, found, comment or "")
        paths = tuple(dict.fromkeys(chunk.path for chunk in found))
        return RivalPrompt(in_fim(self._fim, prefix, suffix or "\n"), paths)

    def end(self, case: Case, text: str) -> int | None:
        """Before the stop word with which the text ends."""
        ends = [len(word) for word in tabby_output.stop_words(case.language) if text.endswith(word)]
        return len(text) - max(ends) if ends else None

    def shown(self, case: Case, text: str) -> tuple[str, tuple[str, ...]]:
        """See ``Rival.shown``."""
        return tabby_output.shown(case, text)


def chunks_of(path: str, text: str) -> Iterator[Chunk]:
    """Whole lines up to ``CHUNK_CHARACTERS``. Tabby cuts where its parser sees a boundary, at the same size."""
    language = language_of("", path)
    if language is None:
        return
    lines: list[str] = []
    n_characters = 0
    for line in [*lines_of(text), None]:
        if lines and (line is None or n_characters + len(line) > CHUNK_CHARACTERS):
            body = "".join(lines).strip("\n").rstrip()
            if words := words_of(body):
                yield Chunk(path, language, body, Counter(words))
            lines, n_characters = [], 0
        if line is not None:
            lines.append(line)
            n_characters += len(line)


def found_in(chunks: Sequence[Chunk], path: str, language: Language | None, prefix: str) -> list[Chunk]:
    """The best chunks of other files in the same language, as long as they fit; all of ``prefix`` is the query."""
    others = [chunk for chunk in chunks if chunk.path != path and chunk.language == language]
    scores = bm25.scores([chunk.words for chunk in others], words_of(prefix))
    good = [pair for pair in zip(scores, others, strict=True) if pair[0] > MIN_SCORE]
    found: list[Chunk] = []
    n_characters = 0
    for _, chunk in sorted(good, key=lambda pair: -pair[0])[:N_RETURNED]:
        n_characters += len(chunk.text)
        if n_characters > MAX_SNIPPET_CHARACTERS:
            break
        found.append(chunk)
    return found


def with_snippets(prefix: str, snippets: Sequence[Chunk], comment: str) -> str:
    """``build_prefix``: each snippet under its path, an empty comment between two of them, then the prefix."""
    if not snippets:
        return prefix
    blocks = [[f"Path: {snippet.path}", *snippet.text.split("\n")] for snippet in snippets]
    lines = [line for block in blocks for line in ("", *block)][1:]
    return "".join(f"{comment} {line}\n" if line else f"{comment}\n" for line in lines) + prefix


def words_of(text: str) -> list[str]:
    """The words that are indexed and asked for."""
    return [word for word in _WORD.findall(text) if len(word) < MAX_WORD]
