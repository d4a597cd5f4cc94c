"""What each rival would ask the model, written out, and what it would show of an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.evaluation.arms import NOT_ASKED, fill_as
from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.rivals import bm25, continue_output, llama_vim, tabby, tabby_output
from codeslm_lsp.evaluation.rivals.continue_prompt import Continue, shortest_unique
from codeslm_lsp.evaluation.rivals.known import RIVALS
from codeslm_lsp.evaluation.rivals.llm_ls import LlmLs, lines_wanted
from codeslm_lsp.evaluation.rivals.rival import Rival, spelled
from codeslm_lsp.evaluation.rivals.tabby import Tabby
from codeslm_lsp.prompt.detect import FimFormat, RepositoryFormat, Slot
from tests.support.replay import FORMAT, ByteTokenizer, ReplayEngine, Script

ORDER = (1, Slot.PREFIX, 2, Slot.SUFFIX, 3)
QWEN = FimFormat(
    family="qwen2.5-coder",
    layouts={"PSM": ORDER},
    bos_ids=(),
    stop_ids=frozenset(),
    repository=RepositoryFormat(header=(4, "{repository}\n"), file=(5, "{path}\n{text}"), current=(5, "{path}\n")),
)
CODEGEMMA = FimFormat(family="codegemma", layouts={"PSM": ORDER}, bos_ids=(), stop_ids=frozenset())

PRICES = '''\
from decimal import Decimal


class Price:
    """What something costs."""

    amount: Decimal


def total(prices: list[Price]) -> Decimal:
    return sum(price.amount for price in prices)
'''
CART = """\
from shop.prices import Price, total


class Cart:
    def __init__(self) -> None:
        self.prices: list[Price] = []

    def sum(self):
        return total(self.prices)
"""
FILES = {"shop/prices.py": PRICES, "shop/cart.py": CART, "shop/total.js": "function total() {}\n"}


def hole(marked: str, path: str = "shop/cart.py", language: str = "python") -> Case:
    """A case with the text before and after ``‸``."""
    prefix, _, suffix = marked.partition("‸")
    return Case("1", "line", language, prefix, "", suffix, path=path, repository="shop")


CASE = hole(CART.replace("total(self.prices)", "‸"))


class WordTokenizer:
    """Tokens are words, however long."""

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1] * len(text.split()) for text in texts]


async def asked(rival: Rival, case: Case = CASE, fim: FimFormat = QWEN) -> str:
    prompt = await rival.prompt(case)
    assert prompt is not None
    return spelled(prompt.parts, fim)


# --- llm-ls ------------------------------------------------------------------------------------------------------


async def test_llm_ls_asks_with_the_lines_around() -> None:
    rival = LlmLs(QWEN, ByteTokenizer(), {})
    assert await asked(rival, hole("a = 1\nb = ‸\nc = 3\n")) == (
        "<|fim_prefix|>a = 1\nb = <|fim_suffix|>\nc = 3\n<|fim_middle|>"
    )


async def test_llm_ls_takes_whole_lines_by_turns_until_one_does_not_fit() -> None:
    rival = LlmLs(QWEN, ByteTokenizer(), {})
    line = "x" * 299 + "\n"
    # 1,021 bytes: the line above, the one below, the next above; the next below does not fit, and no other is tried.
    prompt = await asked(rival, hole(line + "y = 0\n" + line + "b = ‸\n" + line + line + line))
    assert prompt == f"<|fim_prefix|>y = 0\n{line}b = <|fim_suffix|>\n{line}{line}<|fim_middle|>"


@pytest.mark.parametrize(
    ("marked", "n"),
    [
        ("", 0),
        ("x = 1\n‸", 2),  # Between statements.
        ("def f(a):\n    x = ‸\n    return x\n", 1),
        ("x = ‸name\n", 0),  # Before a word.
        ("print(‸)\n", 1),
    ],
)
def test_llm_ls_wants_so_many_lines(marked: str, n: int) -> None:
    assert lines_wanted(hole(marked)) == n


async def test_llm_ls_shows_one_line_where_it_wants_one() -> None:
    rival = LlmLs(QWEN, ByteTokenizer(), {})
    case = hole("def f(a):\n    x = ‸\n    return x\n")
    assert rival.shown(case, "a\nb") == ("a", ("first_line_where_one_is_wanted",))
    assert rival.shown(hole("x = 1\n‸"), "y\nz") == ("y\nz", ())
    assert await rival.prompt(hole("x = ‸name\n")) is None


# --- Continue ----------------------------------------------------------------------------------------------------


async def test_continue_asks_qwen_in_the_repository_format() -> None:
    assert await asked(Continue(QWEN, WordTokenizer(), FILES)) == (
        "<|repo_name|>shop\n"
        "<|file_sep|>prices.py\n"
        "class Price:\n"
        '    """What something costs."""\n'
        "\n"
        "    amount: Decimal"
        f"<|fim_prefix|>{CASE.prefix}<|fim_suffix|>\n<|fim_middle|>"
    )


async def test_continue_asks_other_models_with_comments() -> None:
    case = hole("from shop.prices import Price\n\nx: Price = ‸\n")
    assert await asked(Continue(CODEGEMMA, WordTokenizer(), FILES), case, CODEGEMMA) == (
        "<|fim_prefix|># Path: shop/prices.py\n"
        "# class Price:\n"
        '#     """What something costs."""\n'
        "# \n"
        "#     amount: Decimal\n"
        "# shop/cart.py\n"
        "from shop.prices import Price\n\nx: Price = <|fim_suffix|>\n<|fim_middle|>"
    )


async def test_continue_cuts_by_its_shares() -> None:
    before = "".join(f"a{n} a a\n" for n in range(200))
    prompt = await asked(Continue(QWEN, WordTokenizer(), {}), hole(before + "‸\n" + before))
    prefix, suffix = prompt.split("<|fim_prefix|>")[1].split("<|fim_suffix|>")
    assert (len(prefix.split()), len(suffix.removesuffix("<|fim_middle|>").split())) == (306, 204)
    assert prefix.endswith("a199 a a\n")
    assert suffix.startswith("\na0 a a")


async def test_continue_finds_only_names_that_are_imported_and_near() -> None:
    rival = Continue(QWEN, WordTokenizer(), FILES)
    far = await rival.prompt(hole("from shop.prices import Price, total\n\n\n\n\n\nx = ‸\n"))
    underscored = await rival.prompt(hole("from shop.prices import a_total\n\nx = a_total‸\n"))
    standard = await rival.prompt(hole("from decimal import total\n\nx = total‸\n"))
    assert [each.snippets for each in (far, underscored, standard) if each] == [(), (), ()]


async def test_continue_takes_the_types_of_the_enclosing_header() -> None:
    body = "\n".join(["    x = 1"] * 8)
    case = hole(f"from shop.prices import Price\n\ndef f(price: Price):\n{body}\n    ‸\n")
    prompt = await Continue(QWEN, WordTokenizer(), FILES).prompt(case)
    assert prompt is not None
    assert prompt.snippets == ("shop/prices.py",)


def test_paths_as_short_as_they_can_be() -> None:
    assert shortest_unique(["a/b/c.py", "d/c.py", "e.py"]) == ["b/c.py", "d/c.py", "e.py"]
    assert shortest_unique(["a/b.py", "a/b.py"]) == ["a/b.py", "a/b.py"]


@pytest.mark.parametrize(
    ("marked", "text", "shown"),
    [
        ("x = ‸\n", "1\n\ny = 2", "1"),  # A blank line.
        ("x = ‸\ny = 2\n", "1\ny = 2\nz", "1"),  # The next line of the file.
        ("x = ‸\nresult = compute(2)\n", "1\nresult = compute(3)", "1"),  # Nearly the next line.
        ("x = ‸\n", "1\n# Path: a.py\n2", "1\n2"),
        ("x = ‸\n", "1\n#\n2", "1\n2"),
        ("x = ‸\n", "a\na\na\nb", "a"),
        ("x = 12345\n‸\n", "x = 12345\n", ""),  # The line above.
        ("x = ‸\n", " 1", "1"),
        ("# note ‸\n", "one\ntwo", "one"),  # In a comment.
        ("f(‸)\n", "1)", "1"),  # The rest of the line.
        ("x = ‸\n", "1\n```\nprose", "1"),
        ("x = ‸\n", "  \n", ""),
    ],
)
def test_continue_shows(marked: str, text: str, shown: str) -> None:
    assert continue_output.shown(hole(marked), "", text)[0] == shown


def test_continue_stops_where_the_suffix_begins_if_it_is_given_one() -> None:
    case = hole("x = ‸\nanother_name = some_function()\n")
    text = "1\nanother_name = some_function()"
    assert continue_output._before_start_of(case.suffix, text) == "1\n"
    assert continue_output._before_start_of("", text) == text


def test_continue_ends_the_model_early() -> None:
    case = hole("x = ‸\ny = 2\n")
    assert continue_output.end(case, "1\n") is None
    assert continue_output.end(case, "1\n\n") == 2
    assert continue_output.end(case, "1\ny = 2\n") == 2
    assert continue_output.end(case, "a/src/b") == 1
    assert continue_output.end(hole("# ‸\n"), "a\n") == 1


# --- Tabby -------------------------------------------------------------------------------------------------------


async def test_tabby_asks_with_what_it_finds_as_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabby, "MIN_SCORE", 0.5)
    assert await asked(Tabby(QWEN, ByteTokenizer(), FILES)) == (
        "<|fim_prefix|># Path: shop/prices.py\n"
        "# from decimal import Decimal\n"
        "#\n"
        "#\n"
        "# class Price:\n"
        '#     """What something costs."""\n'
        "#\n"
        "#     amount: Decimal\n"
        "#\n"
        "#\n"
        "# def total(prices: list[Price]) -> Decimal:\n"
        "#     return sum(price.amount for price in prices)\n"
        f"{CASE.prefix}<|fim_suffix|>\n<|fim_middle|>"
    )


async def test_tabby_asks_with_twenty_lines() -> None:
    prompt = await asked(Tabby(QWEN, ByteTokenizer(), {}), hole("a\n" * 30 + "‸" + "b\n" * 30))
    assert prompt == "<|fim_prefix|>" + "a\n" * 19 + "<|fim_suffix|>" + "b\n" * 20 + "<|fim_middle|>"
    assert await Tabby(QWEN, ByteTokenizer(), {}).prompt(hole(" \n‸x")) is None


def test_tabby_leaves_out_the_file_itself_other_languages_and_what_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabby, "MIN_SCORE", 0.0)
    chunks = [chunk for path, text in FILES.items() for chunk in tabby.chunks_of(path, text)]
    python = chunks[0].language
    assert {each.path for each in tabby.found_in(chunks, "shop/cart.py", python, CART)} == {"shop/prices.py"}
    long = [chunk for path in ("a.py", "b.py") for chunk in tabby.chunks_of(path, "total = 1\n" * 45)]
    assert len(tabby.found_in(long, "c.py", python, "total")) == 1  # Two of 450 characters are more than 768.


def test_chunks_are_whole_lines() -> None:
    chunks = [*tabby.chunks_of("a.py", "value = 1\n" * 100)]
    assert [len(chunk.text) for chunk in chunks] == [509, 489]
    assert chunks[0].words == {"value": 51, "1": 51}


def test_bm25() -> None:
    documents = [Counter(text.split()) for text in ("a b", "a a", "c d")]
    both, twice, neither = bm25.scores(documents, ["a", "b"])
    assert both > twice > neither == 0
    # Two of three documents hold "a", all are as long as the average: ln(1 + 1.5 / 2.5) × 2.2 / (1 + 1.2).
    assert bm25.scores(documents, ["a"])[0] == pytest.approx(0.470, abs=0.001)
    assert bm25.scores([], ["a"]) == []


def test_tabby_ends_the_model_before_a_stop_word() -> None:
    rival = Tabby(QWEN, ByteTokenizer(), {})
    assert rival.end(CASE, "x = 1\n\n") == 5
    assert rival.end(CASE, "x = 1\ndef") == 5
    assert rival.end(CASE, "x = 1\n    def") is None
    assert rival.end(replace(CASE, language="rust"), "x = 1\ndef") is None


@pytest.mark.parametrize(
    ("marked", "text", "shown"),
    [
        ("x = ‸\n", "value", "value"),
        ("x = ‸\n", "1", ""),  # Fewer than four characters.
        ("f(‸) + 1\n", "value\nmore", ""),  # Several lines in the middle of one.
        ("f(‸ + 1\n", "value + 1\nmore", "value"),
        ("x = f(‸)\n", "value)", "value"),  # The closer that stands there.
        ("‸\nresult = compute(2)\n", "result = compute(3)\nmore", "result = compute(3)\nmore"),
        ("‸\nresult = compute(2)\n", "result = compute(2)", ""),
        ("x = ‸\n", "  value  ", "value"),
        ("def f():\n    ‸\n", "return 1\nprint(f())\nmore()", "return 1\nprint(f())"),  # Out of its scope.
        ("if x:\n    ‸\nend\n", "value()\n    other()\nend", "value()\n    other()"),
        ("‸\n", "abc = 1\n" + "line()\n" * 8 + "li", "abc = 1\nline()"),
        ("x = ‸\n", "abcabcabcabcabcabcabc", ""),
    ],
)
def test_tabby_shows(marked: str, text: str, shown: str) -> None:
    assert tabby_output.shown(hole(marked), text)[0] == shown


# --- llama.vim ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "text", "shown"),
    [
        ("x = ‸\n", "1\n\n", "1"),
        ("x = ‸\ny = 2\n", "\ny = 2", ""),
        ("f(‸)\n", ")", ""),
        ("‸\n\ny = 2\nz\n", "y = 2", ""),
        ("‸\ny = 2\nz = 3\n", "y = 2\nz =", ""),
        ("‸\ny = 2\nz\nw\n", "y = 2\nz\nw", ""),
        ("‸\ny = 2\nz\n", "y = 2\nother", "y = 2\nother"),
    ],
)
def test_llama_vim_shows(marked: str, text: str, shown: str) -> None:
    assert llama_vim.shown(hole(marked), text)[0] == shown


# --- On the engine -----------------------------------------------------------------------------------------------


async def test_a_rival_fills_a_hole() -> None:
    engine = ReplayEngine(Script({"x = ": "value\n\ndef f():\n"}))
    known = ModelFormat(FORMAT, ByteTokenizer())
    fill = await fill_as(Tabby(FORMAT, known.tokenizer, {}), hole("x = ‸\n"), engine, known)
    assert (fill.text, fill.skip, fill.stop, fill.filters) == ("value", "", "end", ())
    assert fill.prompt == "<256>x = <257>\n<258>"
    [request] = engine.requests
    assert (request.max_tokens, request.typed_ids) == (64, ())


async def test_why_a_rival_shows_nothing() -> None:
    known = ModelFormat(FORMAT, ByteTokenizer())
    engine = ReplayEngine(Script({"x = ": "1"}))
    dropped = await fill_as(Tabby(FORMAT, known.tokenizer, {}), hole("x = ‸\n"), engine, known)
    assert (dropped.text, dropped.skip, dropped.filters) == ("", "drop_minimum", ("drop_minimum",))
    silent = await fill_as(LlmLs(FORMAT, known.tokenizer, {}), hole("x = ‸name\n"), engine, known)
    assert (silent.text, silent.skip, len(engine.requests)) == ("", NOT_ASKED, 1)


@pytest.mark.parametrize("name", RIVALS)
async def test_a_file_that_stands_alone_is_no_error(name: str) -> None:
    known = ModelFormat(FORMAT, ByteTokenizer())
    case = Case("1", "line", "unknown-language", "x = ", "1", "\n")
    fill = await fill_as(RIVALS[name](FORMAT, known.tokenizer, {}), case, ReplayEngine(Script()), known)
    assert fill.text == "REPLAY"
