"""Retrieved snippets → what stands before the file being edited, in the family's own format or as comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeslm_lsp.prompt.detect import FimFormat, RepositoryFormat
from codeslm_lsp.prompt.families import load_formats
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.values import Context, Snippet

REPOSITORY_NAME = "project"
"""Formats ask for the repository's name. It says little about the code and may be private, so all have the same."""
_DEFAULT_COMMENT = "//"


@dataclass(frozen=True, slots=True)
class SnippetLayout:
    """``token_ids`` stand before the layout, ``lead`` at the head of the prefix. Both empty without snippets.

    ``paths`` are those of the snippets inside, in their order, each once; ``n_lead`` the tokens of the lead, at most.
    """

    token_ids: tuple[int, ...] = ()
    lead: str = ""
    paths: tuple[str, ...] = ()
    n_lead: int = 0


async def lay_out_snippets(context: Context, fim: FimFormat, tokenizer: Tokenizer, quota: int) -> SnippetLayout:
    """As many of the snippets as fit into ``quota`` tokens, in their order; one that does not fit is left out."""
    if not context.snippets:
        return SnippetLayout()
    repository = fim.repository
    if repository is None or repository.snippet_in_prefix:
        return await _in_prefix(context, fim, tokenizer, quota)
    around = [*_written(repository.header, context.path), *_written(repository.current, context.path)]
    files = [_written(repository.file, snippet.path, snippet.text) for snippet in context.snippets]
    before, *encoded = await _encode(tokenizer, fim, [around, *files])
    chosen = _that_fit(encoded, quota - len(before))
    if not chosen:
        return SnippetLayout()
    header, current = await _encode(
        tokenizer, fim, [_written(repository.header, context.path), _written(repository.current, context.path)]
    )
    token_ids = (*header, *(token for index in chosen for token in encoded[index]), *current)
    return SnippetLayout(token_ids, repository.prefix.format(path=context.path), _paths(context, chosen))


async def _in_prefix(context: Context, fim: FimFormat, tokenizer: Tokenizer, quota: int) -> SnippetLayout:
    texts = [_as_text(snippet, fim.repository, context.language_id) for snippet in context.snippets]
    prefix = fim.repository.prefix.format(path=context.path) if fim.repository else ""
    before, *encoded = await encode_user_texts(tokenizer, fim, [prefix, *texts])
    chosen = _that_fit(encoded, quota - len(before))
    if not chosen:
        return SnippetLayout()
    lead = "".join(texts[index] for index in chosen) + prefix
    n_lead = len(before) + sum(len(encoded[index]) for index in chosen)
    return SnippetLayout(lead=lead, paths=_paths(context, chosen), n_lead=n_lead)


def _paths(context: Context, chosen: Sequence[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(context.snippets[index].path for index in chosen))


def _as_text(snippet: Snippet, repository: RepositoryFormat | None, language_id: str) -> str:
    if repository:
        return repository.snippet_in_prefix.format(path=snippet.path, text=_whole(snippet.text))
    comment = load_formats().comments.get(language_id, _DEFAULT_COMMENT)
    lines = (snippet.path, *snippet.text.rstrip("\n").split("\n"))
    return "".join(f"{comment} {line}".rstrip() + "\n" for line in lines) + "\n"


def _whole(text: str) -> str:
    """``text`` with exactly one line end behind its last line."""
    return text.rstrip("\n") + "\n"


def _that_fit(encoded: Sequence[Sequence[int]], quota: int) -> list[int]:
    chosen: list[int] = []
    for index, tokens in enumerate(encoded):
        if len(tokens) <= quota:
            chosen.append(index)
            quota -= len(tokens)
    return chosen


def _written(parts: Sequence[int | str], path: str, text: str = "") -> list[int | str]:
    """A format's parts with their placeholders filled."""
    values = {"repository": REPOSITORY_NAME, "path": path, "text": _whole(text)}
    return [part if isinstance(part, int) else part.format_map(values) for part in parts]


async def _encode(tokenizer: Tokenizer, fim: FimFormat, sequences: Sequence[Sequence[int | str]]) -> list[list[int]]:
    """Token ids of each sequence of ids and texts."""
    texts = [part for sequence in sequences for part in sequence if isinstance(part, str)]
    encoded = iter(await encode_user_texts(tokenizer, fim, texts))
    return [
        [token for part in sequence for token in ([part] if isinstance(part, int) else next(encoded))]
        for sequence in sequences
    ]
