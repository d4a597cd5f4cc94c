"""llm-ls (Hugging Face): whole lines around the cursor, by turns, as many as fit its context window.

What it does is in ``crates/llm-ls/src/main.rs`` of huggingface/llm-ls (``should_complete``, ``build_prompt``,
``format_generations``); its defaults are those of ``lua/llm/config.lua`` of huggingface/llm.nvim. Its tokenizer setting
is taken to name the model's own. It is empty by default, and then bytes are counted instead, which fills a prompt of
1,024 bytes.
"""

from __future__ import annotations

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.rivals.rival import Files, RivalPrompt, in_fim, lines_of, through
from codeslm_lsp.prompt.detect import FimFormat
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import SyntaxTree, parse

CONTEXT_WINDOW = 1024
"""Tokens, ``context_window`` of llm.nvim's ``config.lua``."""
N_SENTINELS = 3
"""What ``build_prompt`` subtracts for them."""
MAX_NEW_TOKENS = 60
"""``max_new_tokens`` of llm.nvim's ``config.lua``."""


class LlmLs:
    """The rival. It knows no other file. It waits for the whole answer, even where it shows one line of it."""

    max_tokens = MAX_NEW_TOKENS

    def __init__(self, fim: FimFormat, tokenizer: Tokenizer, _files: Files) -> None:
        self._fim = fim
        self._tokenizer = tokenizer

    async def prompt(self, case: Case) -> RivalPrompt | None:
        """See ``Rival.prompt``."""
        if lines_wanted(case) == 0:
            return None
        before = lines_of(case.prefix)[::-1][:CONTEXT_WINDOW]
        after = lines_of(case.suffix)[:CONTEXT_WINDOW]
        tokens = [len(ids) for ids in await encode_user_texts(self._tokenizer, self._fim, [*before, *after])]
        costs_before, costs_after = tokens[: len(before)], tokens[len(before) :]
        n_before = n_after = 0
        n_left = CONTEXT_WINDOW - N_SENTINELS
        for turn in range(max(len(before), len(after))):
            if turn < len(before):
                if costs_before[turn] > n_left:
                    break
                n_left -= costs_before[turn]
                n_before += 1
            if turn < len(after):
                if costs_after[turn] > n_left:
                    break
                n_left -= costs_after[turn]
                n_after += 1
        return RivalPrompt(in_fim(self._fim, "".join(before[:n_before][::-1]), "".join(after[:n_after])))

    def end(self, _case: Case, _text: str) -> int | None:
        """Only the model ends it."""
        return None

    def shown(self, case: Case, text: str) -> tuple[str, tuple[str, ...]]:
        """See ``Rival.shown``."""
        return through(text, (first_line_where_one_is_wanted,), case)


def first_line_where_one_is_wanted(case: Case, text: str) -> str:
    """``format_generations``: many lines are shown only where ``should_complete`` says so."""
    return text.partition("\n")[0] if lines_wanted(case) == 1 else text


def lines_wanted(case: Case) -> int:
    """``should_complete``: 0 where nothing is asked, 1 for one line, 2 for many.

    Many are wanted between statements (the cursor is in the root) and inside an empty pair; one where the next
    character is white space.
    """
    text, cursor = case.prefix + case.suffix, len(case.prefix)
    if not text:
        return 0
    language = language_of(case.language, case.path)
    found = _by_tree(parse(text, language), cursor) if language is not None else None
    if found is not None:
        return found
    following = text[cursor : cursor + 1]
    return 1 if not following or following.isspace() else 0


def _by_tree(tree: SyntaxTree, cursor: int) -> int | None:
    """What the smallest node around the cursor says, if anything."""
    if tree.root is None:
        return None
    place = tree.source.to_byte(cursor)
    node = tree.root.descendant_for_byte_range(place, min(place + 1, len(tree.source.data)))
    if node is None:
        return None
    if node == tree.root:
        return 2
    start, end = tree.source.to_offset(node.start_byte), tree.source.to_offset(node.end_byte) - 1
    start += not tree.text[start : start + 1].isspace()
    end -= not tree.text[end : end + 1].isspace()
    if start >= end:
        return 1
    return 2 if not tree.text[start:end].strip() else None
