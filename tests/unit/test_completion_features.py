"""The figures by which a completion is judged. ``‸`` is the cursor."""

from __future__ import annotations

import pytest

from codeslm_lsp.completion.features import IMPOSSIBLE, features_of, unknown_names
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import SyntaxTree, parse
from codeslm_lsp.values import Document, StopReason, Token


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


def test_logarithms_are_those_of_what_is_shown() -> None:
    document, cursor, tree = hole("x = ‸\n")
    tokens = [Token(1, "a", -0.5), Token(2, " + b", -1.5), Token(3, " # never shown", -9.0)]
    features = features_of("a + b", tokens, StopReason.END, document, cursor, tree, lambda _: True)
    assert (features.mean_logprob, features.min_logprob, features.first_logprob) == (-1.0, -1.5, -0.5)
    assert (features.n_tokens, features.n_lines, features.n_characters, features.ended) == (2, 1, 5, True)


def test_nothing_shown_is_never_likely() -> None:
    document, cursor, tree = hole("x = ‸\n")
    assert features_of("", [], StopReason.CANCELLED, document, cursor, tree, lambda _: True).min_logprob == IMPOSSIBLE


@pytest.mark.parametrize(
    ("marked", "shown", "sign"), [("f(‸\n", "1)", 1), ("x = 1‸\n", " + 2", 0), ("x = 1‸\n", " + (", -1)]
)
def test_how_much_better_the_text_parses(marked: str, shown: str, sign: int) -> None:
    document, cursor, tree = hole(marked)
    gain = features_of(shown, [], StopReason.END, document, cursor, tree, lambda _: True).parse_gain
    assert (gain > 0) - (gain < 0) == sign


def test_a_language_without_grammar_has_no_parse_gain() -> None:
    document, cursor, tree = hole("f(‸\n", "a.unknown")
    assert tree is None
    assert features_of("1)", [], StopReason.END, document, cursor, tree, lambda _: True).parse_gain == 0
