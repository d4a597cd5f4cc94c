"""The figures by which a completion is judged. ``‸`` is the cursor."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from codeslm_lsp.completion.confidence import calibration
from codeslm_lsp.completion.features import IMPOSSIBLE, evidence_of, features_by_line, rest_of, unknown_names
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import SyntaxTree, parse
from codeslm_lsp.values import AbsentName, Document, Evidence, StopReason, Token


def hole(marked: str, path: str = "a.py") -> tuple[Document, int, SyntaxTree | None]:
    text = marked.replace("‸", "")
    language = language_of("", path)
    return Document("file:///a", path, "", 1, text), marked.index("‸"), parse(text, language) if language else None


@pytest.mark.parametrize(
    ("marked", "shown", "unknown"),
    [
        ("total = 1\nprint(‸)\n", "total", ()),
        ("total = 1\nprint(‸)\n", "totals", ("totals",)),
        ("total = 1\nprint(tot‸)\n", "al", ()),
        ("x = ‸\n", "shop.price", ()),
        ("x = ‸\n", "len([a for a in range(3)])", ()),
        ("‸\n", "def area(width):\n    return width", ("width",)),
        ("x = ‸\n", "'never seen' # nor this", ()),
        ("x = ‸\n", "f(rate=2)", ("f",)),
        ("‸\n", "count = 0\ncount.bit_length()", ()),
    ],
)
def test_names_that_nothing_knows(marked: str, shown: str, unknown: tuple[str, ...]) -> None:
    document, cursor, tree = hole(marked)
    assert unknown_names(shown, document, cursor, tree, {"shop", "price"}.__contains__) == unknown


def evidence(marked: str, shown: str, tokens: Sequence[Token] = (), path: str = "a.py") -> Evidence:
    document, cursor, tree = hole(marked, path)
    return evidence_of(shown, tokens, StopReason.END, document, cursor, tree, lambda _: False)


def test_logarithms_are_those_of_what_is_shown() -> None:
    tokens = [Token(1, "a", -0.5), Token(2, " + b", -1.5), Token(3, " # never shown", -9.0)]
    [features] = features_by_line("a + b", evidence("x = ‸\n", "a + b", tokens))
    assert (features.mean_logprob, features.min_logprob, features.first_logprob) == (-1.0, -1.5, -0.5)
    assert features.sum_logprob == -2.0
    assert (features.n_tokens, features.n_lines, features.n_characters, features.ended) == (2, 1, 5, True)


def test_what_has_no_tokens_is_never_likely() -> None:
    [features] = features_by_line("a", evidence("x = ‸\n", "a"))
    assert features.min_logprob == features.sum_logprob == IMPOSSIBLE


def test_each_line_is_judged_with_those_before_it() -> None:
    tokens = [Token(1, "a", -0.5), Token(2, "\n\n", -0.25), Token(3, "b(c)", -2.0), Token(4, "\n", -0.5)]
    shown = "a\n\nb(c)\n"
    first, both = features_by_line(shown, evidence("‸\n", shown, tokens))
    assert (first.sum_logprob, first.n_lines, first.n_unknown_names) == (-0.5, 1, 1)
    assert (both.sum_logprob, both.n_lines, both.n_unknown_names) == (-3.25, 2, 3)


@pytest.mark.parametrize(("shown", "n_lines"), [("a", 1), ("\n", 1), ("\n    a", 1), ("a\r\nb", 2), ("a\n\n\nb\n", 2)])
def test_lines_without_anything_in_them_do_not_count(shown: str, n_lines: int) -> None:
    assert len(features_by_line(shown, evidence("‸\n", shown))) == n_lines


def test_the_rest_of_a_completion_is_judged_by_its_own_tokens() -> None:
    tokens = (Token(1, "ab", -0.5), Token(2, "cd", -1.5), Token(3, "ef", -0.25))
    rest = rest_of(Evidence(tokens), 3)
    assert [(token.text, token.logprob) for token in rest.tokens] == [("d", -1.5), ("ef", -0.25)]
    assert features_by_line("def", rest)[0].sum_logprob == -1.75


def test_an_absent_name_counts_from_its_line_on_until_it_is_typed() -> None:
    found = Evidence((), absent_names=(AbsentName("os", "paths", 15),))
    shown = "x = 1\nos.paths.y\n"
    assert [each.n_absent_names for each in features_by_line(shown, found)] == [0, 1]
    assert [calibration().chance(each) == 0 for each in features_by_line(shown, found)] == [False, True]
    assert features_by_line(shown[10:], rest_of(found, 10))[-1].n_absent_names == 1
    assert features_by_line(shown[15:], rest_of(found, 15))[-1].n_absent_names == 0


@pytest.mark.parametrize(
    ("marked", "shown", "sign"), [("f(‸\n", "1)", 1), ("x = 1‸\n", " + 2", 0), ("x = 1‸\n", " + (", -1)]
)
def test_how_much_better_the_text_parses(marked: str, shown: str, sign: int) -> None:
    gain = evidence(marked, shown).parse_gain
    assert (gain > 0) - (gain < 0) == sign


def test_a_language_without_grammar_has_no_parse_gain() -> None:
    assert hole("f(‸\n", "a.unknown")[2] is None
    assert evidence("f(‸\n", "1)", path="a.unknown").parse_gain == 0
