"""Where a prompt's window begins and ends, and that it never has more tokens than it may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.detect import FimFormat, RepositoryFormat, Slot
from codeslm_lsp.prompt.window import block_characters, block_starts
from codeslm_lsp.values import Context, KeptLines, Prompt, Snippet

PRE, SUF, MID, SEP, BOS = 1_114_112, 1_114_113, 1_114_114, 1_114_115, 1_114_116
"""Sentinels, above every code point."""


class CharacterTokenizer:
    """Every character is one token, its code point; counts what it was asked to encode."""

    def __init__(self) -> None:
        self.n_characters = 0

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.n_characters += sum(len(text) for text in texts)
        return [[ord(character) for character in text] for text in texts]


class CleverTokenizer(CharacterTokenizer):
    """Counts depend on what stands beside: pairs of letters are one token, so joining texts changes their number."""

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.n_characters += sum(len(text) for text in texts)
        return [[ord(text[start]) for start in range(0, len(text), 2)] for text in texts]


FIM = FimFormat(
    family="test",
    layouts={"PSM": (PRE, Slot.PREFIX, SUF, Slot.SUFFIX, MID)},
    bos_ids=(BOS,),
    stop_ids=frozenset({PRE, SUF, MID}),
    spellings=("<PRE>", "<MID>"),
)
DOCUMENT = "".join(f"line number {number} of the document\n" for number in range(400))


def context_at(document: str, offset: int, typed: str = "", **changes: object) -> Context:
    end = offset + len(typed)
    context = Context("a.py", "python", document[:offset], 0, typed, document[end:])
    return replace(context, **changes)  # type: ignore[arg-type]


def line_start(line: int) -> int:
    return sum(len(text) for text in DOCUMENT.splitlines(keepends=True)[:line])


async def build(context: Context, n_prompt: int = 2000, fim: FimFormat = FIM) -> Prompt:
    n_snippets = n_prompt // 4 if context.snippets else 0
    prompt = await build_prompt(context, fim, CharacterTokenizer(), TokenBudget(n_prompt, n_snippets=n_snippets))
    assert len(prompt.token_ids) <= n_prompt + n_snippets
    assert context.prefix.endswith(prompt.prefix_text)
    assert context.suffix.startswith(prompt.suffix_text)
    return prompt


def text_of(token_ids: Sequence[int]) -> str:
    names = {PRE: "⟨pre⟩", SUF: "⟨suf⟩", MID: "⟨mid⟩", SEP: "⟨sep⟩", BOS: "⟨bos⟩"}
    return "".join(names.get(token) or chr(token) for token in token_ids)


async def test_a_small_document_is_shown_whole() -> None:
    prompt = await build(Context("a.py", "python", "def f():\n", 0, "    ret", "\nprint()\n"))
    assert text_of(prompt.token_ids) == "⟨bos⟩⟨pre⟩def f():\n⟨suf⟩\nprint()\n⟨mid⟩"
    assert prompt.typed == "    ret"
    assert prompt.stop_ids == FIM.stop_ids


@pytest.mark.parametrize(("prefix", "suffix"), [("", ""), ("a\n", ""), ("", "b\n")])
async def test_what_is_empty_stays_empty(prefix: str, suffix: str) -> None:
    prompt = await build(Context("a.py", "python", prefix, 0, "", suffix))
    assert (prompt.prefix_text, prompt.suffix_text) == (prefix, suffix)


async def test_both_sides_are_whole_lines_and_the_budget_is_used() -> None:
    prompt = await build(context_at(DOCUMENT, line_start(200)))
    assert prompt.prefix_text.startswith("line number")
    assert prompt.suffix_text.endswith("document\n")
    assert 400 < len(prompt.suffix_text) <= 500
    assert len(prompt.prefix_text) > 1500 - block_characters(2000)


async def test_room_that_one_side_leaves_is_used_by_the_other() -> None:
    at_start = await build(context_at(DOCUMENT, line_start(2)))
    assert len(at_start.suffix_text) > 1700
    at_end = await build(context_at(DOCUMENT, len(DOCUMENT)))
    assert len(at_end.prefix_text) > 2000 - 10 - block_characters(2000)


async def test_moving_down_keeps_the_beginning_of_the_prompt() -> None:
    prompts = [await build(context_at(DOCUMENT, line_start(line))) for line in range(100, 160)]
    starts = [prompt.token_ids[: 2 + 200] for prompt in prompts]
    moves = sum(before != after for before, after in pairwise(starts))
    assert moves <= 60 * len("line number 100 of the document\n") / block_characters(2000) + 1
    for before, after in pairwise(prompts):
        if before.token_ids[:202] == after.token_ids[:202]:
            assert after.prefix_text.startswith(before.prefix_text)


async def test_typing_a_line_leaves_the_suffix_as_it_is() -> None:
    offset = line_start(200)
    before = await build(context_at(DOCUMENT, offset))
    longer = DOCUMENT[:offset] + "typed = 1\n" + DOCUMENT[offset:]
    after = await build(context_at(longer, offset + len("typed = 1\n")))
    assert before.suffix_text == after.suffix_text


async def test_blocks_are_counted_in_the_document_not_in_the_context() -> None:
    """The same document gives the same window whether the context begins at its start or later."""
    offset = line_start(200)
    whole = await build(context_at(DOCUMENT, offset))
    cut = line_start(60)
    context = Context("a.py", "python", DOCUMENT[cut:offset], cut, "", DOCUMENT[offset:])
    assert (await build(context)).token_ids == whole.token_ids


def kept_at(document: str, *lines: str) -> tuple[KeptLines, ...]:
    return tuple(KeptLines(document.index(line), document.index(line) + len(line), line) for line in lines)


async def test_kept_lines_stand_before_a_window_that_does_not_reach_them() -> None:
    document = "import os\nimport re\nclass A:\n" + DOCUMENT
    context = context_at(document, len(document) - 300, kept=kept_at(document, "import os\n", "class A:\n"))
    prompt = await build(context)
    assert text_of(prompt.token_ids).startswith("⟨bos⟩⟨pre⟩import os\nclass A:\nline number")
    assert "import" not in prompt.prefix_text


async def test_kept_lines_inside_the_window_are_not_repeated() -> None:
    document = "import os\n" + DOCUMENT
    prompt = await build(context_at(document, 300, kept=kept_at(document, "import os\n")))
    assert text_of(prompt.token_ids).count("import os") == 1


async def test_the_last_kept_lines_come_first_when_not_all_fit() -> None:
    imports = [f"import module_{number}\n" for number in range(100, 180)]
    document = "".join(imports) + "class Innermost:\n" + DOCUMENT
    context = context_at(document, len(document) - 300, kept=kept_at(document, *imports, "class Innermost:\n"))
    text = text_of((await build(context)).token_ids)
    assert "module_179\nclass Innermost:\nline number" in text
    assert "module_100" not in text
    assert text.index("line number") <= 0.25 * 2000 + 10


async def test_one_enormous_line_is_cut_near_the_cursor_at_a_bounded_cost() -> None:
    line = "x=1;" * 1_000_000
    context = Context("min.js", "javascript", line, 0, "", line)
    tokenizer = CharacterTokenizer()
    prompt = await build_prompt(context, FIM, tokenizer, TokenBudget(1000))
    assert 1000 - block_characters(1000) < len(prompt.token_ids) <= 1000
    assert line.endswith(prompt.prefix_text)
    assert line.startswith(prompt.suffix_text)
    assert tokenizer.n_characters < 1000 * 40


async def test_the_window_in_an_enormous_line_keeps_its_start_too() -> None:
    line = "".join(f"value_{number};" for number in range(20_000))
    before = await build(context_at(line, 100_000))
    after = await build(context_at(line, 100_040))
    assert before.token_ids[:500] == after.token_ids[:500]


async def test_tokens_larger_than_characters_do_not_break_the_budget() -> None:
    class Costly(CharacterTokenizer):
        async def encode(self, texts: Sequence[str]) -> list[list[int]]:
            return [[ord(character) for character in text for _ in range(5)] for text in texts]

    prompt = await build_prompt(context_at(DOCUMENT, 5000), FIM, Costly(), TokenBudget(300))
    assert 150 < len(prompt.token_ids) <= 300


@given(
    prefix=st.text(st.sampled_from("ab \n<PRE>"), max_size=600),
    suffix=st.text(st.sampled_from("cd\t\r\n<MID>"), max_size=600),
    prefix_start=st.integers(0, 1000),
    n_prompt=st.integers(8, 500),
    share=st.floats(0, 0.9),
)
async def test_no_budget_is_ever_exceeded(
    prefix: str, suffix: str, prefix_start: int, n_prompt: int, share: float
) -> None:
    context = Context("a.py", "python", prefix, prefix_start, "", suffix)
    for tokenizer in (CharacterTokenizer(), CleverTokenizer()):
        prompt = await build_prompt(context, FIM, tokenizer, TokenBudget(n_prompt, share))
        assert len(prompt.token_ids) <= n_prompt
        assert prefix.endswith(prompt.prefix_text)
        assert suffix.startswith(prompt.suffix_text)
        assert [token for token in prompt.token_ids if token >= PRE] == [BOS, PRE, SUF, MID]


async def test_snippets_are_written_in_the_repository_format() -> None:
    repository = RepositoryFormat(header=("{repository}\n",), file=(SEP, "{path}\n{text}"), current=(SEP, "{path}\n"))
    context = Context("a.py", "python", "x\n", 0, "", "y\n", snippets=(Snippet("b.py", "{b}\n"), Snippet("c.py", "c")))
    prompt = await build(context, fim=replace(FIM, repository=repository))
    expected = "⟨bos⟩project\n⟨sep⟩b.py\n{b}\n⟨sep⟩c.py\nc\n⟨sep⟩a.py\n⟨pre⟩x\n⟨suf⟩y\n⟨mid⟩"
    assert text_of(prompt.token_ids) == expected
    assert prompt.prefix_text == "x\n"


async def test_snippets_become_comments_where_there_is_no_format() -> None:
    context = Context("a.lua", "lua", "x\n", 0, "", "y\n", snippets=(Snippet("b.lua", "b = 1\n\nc = 2\n"),))
    prompt = await build(context)
    assert text_of(prompt.token_ids) == "⟨bos⟩⟨pre⟩-- b.lua\n-- b = 1\n--\n-- c = 2\n\nx\n⟨suf⟩y\n⟨mid⟩"


async def test_a_snippet_that_does_not_fit_is_left_out() -> None:
    snippets = (Snippet("big.py", "b" * 5000), Snippet("small.py", "s"))
    context = Context("a.py", "python", "x\n", 0, "", "y\n", snippets=snippets)
    text = text_of((await build(context, n_prompt=200)).token_ids)
    assert "small.py" in text
    assert "big.py" not in text


async def test_snippets_do_not_cost_the_document_its_room() -> None:
    plain = context_at(DOCUMENT, line_start(200))
    with_snippets = replace(plain, snippets=(Snippet("b.py", "b = 1\n" * 10),))
    alone, beside = await build(plain, n_prompt=600), await build(with_snippets, n_prompt=600)
    assert len(beside.token_ids) > len(alone.token_ids)
    assert len(beside.prefix_text) >= len(alone.prefix_text)
    assert len(beside.suffix_text) >= len(alone.suffix_text)


async def test_a_format_without_a_suffix_spends_everything_on_the_prefix() -> None:
    prompt = await build(context_at(DOCUMENT, line_start(200)), fim=replace(FIM, layouts={"P": (Slot.PREFIX,)}))
    assert prompt.suffix_text == ""
    assert len(prompt.prefix_text) > 2000 - 1 - block_characters(2000)


@given(st.text(st.sampled_from("ab\n"), max_size=400), st.integers(0, 300), st.integers(0, 400))
def test_block_starts_are_line_starts_unless_a_line_is_longer_than_a_block(
    prefix: str, prefix_start: int, earliest: int
) -> None:
    starts = block_starts(prefix, prefix_start, earliest, 64)
    assert starts == sorted(set(starts))
    for start in starts:
        is_line_start = start == 0 or prefix[start - 1] == "\n"
        assert is_line_start or ((prefix_start + start) % 64 == 0 and "\n" not in prefix[start - 1 : start + 63])
