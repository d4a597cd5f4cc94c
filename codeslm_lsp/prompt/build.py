"""``Context`` → ``Prompt``: chooses what fits into the budget and writes it as the model's family was taught."""

from __future__ import annotations

from dataclasses import dataclass, replace

from codeslm_lsp.prompt.detect import FimFormat, Slot
from codeslm_lsp.prompt.snippets import SnippetLayout, lay_out_snippets
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.prompt.window import (
    MAX_CHARACTERS_PER_TOKEN,
    block_characters,
    block_starts,
    choose_kept,
    first_that_fits,
    lines_of,
    shorter_head,
    shorter_tail,
)
from codeslm_lsp.values import Context, KeptLines, Prompt

_STEPS = 16
"""Tokens that one side leaves unused are given to the other in sixteenths of the budget, so that the other side's
window does not move with every line that is typed."""


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """How many tokens a prompt may have, and what they are for.

    ``n_prompt`` are for the document. ``suffix_share`` of them is for the text after the cursor; what either side does
    not need goes to the other. ``kept_share`` is of the prefix's tokens. Snippets may have ``n_snippets`` besides: they
    shall not cost the model the text around the cursor, which says more.
    """

    n_prompt: int
    suffix_share: float = 0.25
    kept_share: float = 0.25
    n_snippets: int = 0


@dataclass(frozen=True, slots=True)
class _Window:
    """The chosen text: ``head`` (snippets, kept lines) and ``prefix`` before the anchor, ``suffix`` after the cursor.

    Both quotas are tokens; together they are what there is room for.
    """

    head: str
    prefix: str
    suffix: str
    prefix_quota: int
    suffix_quota: int


async def build_prompt(context: Context, fim: FimFormat, tokenizer: Tokenizer, budget: TokenBudget) -> Prompt:
    """The prompt for ``context``, of at most as many tokens as ``budget`` has (or just the sentinels, if more).

    Costs a handful of tokenizer calls on some eight characters for every token of the budget, however large the
    document is.
    """
    snippets = await lay_out_snippets(context, fim, tokenizer, budget.n_snippets)
    fixed = (*fim.bos_ids, *snippets.token_ids)
    n_sentinels = sum(isinstance(part, int) for part in fim.layout)
    n_free = max(0, budget.n_prompt - len(fim.bos_ids) - n_sentinels) + snippets.n_lead
    window = await _choose_window(context, fim, tokenizer, snippets, budget, n_free)
    prefix_ids, suffix_ids = await _encode(window, fim, tokenizer)
    while len(prefix_ids) + len(suffix_ids) > n_free and (window.head or window.prefix or window.suffix):
        window = _cut(window, len(prefix_ids), len(suffix_ids))
        prefix_ids, suffix_ids = await _encode(window, fim, tokenizer)
    texts = {Slot.PREFIX: prefix_ids, Slot.SUFFIX: suffix_ids}
    written = [token for part in fim.layout for token in ([part] if isinstance(part, int) else texts[part])]
    return Prompt(
        token_ids=(*fixed, *written),
        typed=context.typed,
        stop_ids=fim.stop_ids,
        prefix_text=window.prefix,
        suffix_text=window.suffix,
        snippets=snippets.paths if snippets.token_ids or window.head else (),
    )


async def _choose_window(
    context: Context, fim: FimFormat, tokenizer: Tokenizer, snippets: SnippetLayout, budget: TokenBudget, n_free: int
) -> _Window:
    """Whole blocks before the anchor and whole lines after the cursor, as many as fit by the sum of their own tokens.

    The suffix's end is counted from the cursor, not in blocks of the document: typing leaves it where it is, and moving
    the cursor changes the suffix's beginning, behind which nothing in a KV cache could be kept.
    """
    n_characters = n_free * MAX_CHARACTERS_PER_TOKEN
    block = block_characters(n_free)
    prefix = context.prefix
    suffix = context.suffix[:n_characters] if Slot.SUFFIX in fim.layout else ""
    starts = block_starts(prefix, context.prefix_start, len(prefix) - n_characters, block) if prefix else []
    starts = starts or [max(0, len(prefix) - n_characters)]
    blocks = [prefix[start:end] for start, end in zip(starts, [*starts[1:], len(prefix)], strict=True)]
    lines = lines_of(suffix, block)
    kept = [entry for entry in context.kept if entry.end - entry.start <= n_characters]
    texts = [snippets.lead, *blocks, *lines, *(_whole_lines(entry) for entry in kept)]
    encoded = await encode_user_texts(tokenizer, fim, texts)
    counts = [len(tokens) for tokens in encoded]
    n_lead, block_counts = counts[0], counts[1 : 1 + len(blocks)]
    line_counts, kept_counts = counts[1 + len(blocks) : len(counts) - len(kept)], counts[len(counts) - len(kept) :]

    step = max(1, n_free // _STEPS)
    all_prefix = n_lead + sum(block_counts) if starts[0] == 0 else n_free
    all_suffix = sum(line_counts) if len(suffix) < n_characters else n_free
    suffix_quota = max(int(n_free * budget.suffix_share), n_free - _round_up(all_prefix, step))
    suffix_quota = min(suffix_quota, _round_up(all_suffix, step))
    prefix_quota = n_free - suffix_quota

    # When not even the last block fits, it is taken all the same, and cut by characters afterwards.
    last = len(starts) - 1
    first = min(first_that_fits(block_counts, prefix_quota - n_lead), last)
    shown: list[KeptLines] = []
    if kept and starts[first] + context.prefix_start > 0:
        kept_quota = min(int(prefix_quota * budget.kept_share), _round_up(sum(kept_counts), step))
        first = min(first_that_fits(block_counts, prefix_quota - n_lead - kept_quota), last)
        shown = choose_kept(kept, kept_counts, context.prefix_start + starts[first], kept_quota)
    n_lines = len(lines) - first_that_fits(line_counts[::-1], suffix_quota)
    return _Window(
        head=snippets.lead + "".join(_whole_lines(entry) for entry in shown),
        prefix="".join(blocks[first:]),
        suffix="".join(lines[:n_lines]) or "".join(lines[:1]),
        prefix_quota=prefix_quota,
        suffix_quota=suffix_quota,
    )


async def _encode(window: _Window, fim: FimFormat, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    before = window.head + window.prefix
    space = " " if fim.space_before_prefix else ""
    prefix_ids, suffix_ids = await encode_user_texts(tokenizer, fim, [space + before, window.suffix])
    return prefix_ids, suffix_ids


def _cut(window: _Window, n_prefix: int, n_suffix: int) -> _Window:
    """A smaller window: for a line too long for the budget, or when the whole has more tokens than its parts."""
    if window.suffix and (n_suffix > window.suffix_quota or not (window.head or window.prefix)):
        return replace(window, suffix=shorter_head(window.suffix, n_suffix, window.suffix_quota))
    if window.prefix:
        return replace(window, prefix=shorter_tail(window.prefix, n_prefix, window.prefix_quota))
    return replace(window, head="")


def _whole_lines(kept: KeptLines) -> str:
    return kept.text if kept.text.endswith("\n") else kept.text + "\n"


def _round_up(n_tokens: int, step: int) -> int:
    return -(-n_tokens // step) * step
