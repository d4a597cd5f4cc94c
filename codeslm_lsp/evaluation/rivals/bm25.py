"""Texts as bags of words → how well each answers a query, by BM25 (S. Robertson and H. Zaragoza, 2009)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

K1, B = 1.2, 0.75
"""Tantivy's, ``src/query/bm25.rs`` of quickwit-oss/tantivy."""


def scores(documents: Sequence[Counter[str]], query: Sequence[str]) -> list[float]:
    """One for each document; a word that the query repeats counts as often.

    Lengths are exact, where tantivy rounds those above 40 words to one of 256 steps.
    """
    wanted = Counter(query)
    n_with = Counter(word for document in documents for word in document.keys() & wanted.keys())
    lengths = [document.total() for document in documents]
    average = sum(lengths) / len(lengths) if lengths else 1.0
    weights = {
        word: times * (K1 + 1) * math.log(1 + (len(documents) - n_with[word] + 0.5) / (n_with[word] + 0.5))
        for word, times in wanted.items()
    }
    return [
        sum(
            weights[word] * document[word] / (document[word] + K1 * (1 - B + B * length / average))
            for word in document.keys() & weights.keys()
        )
        for document, length in zip(documents, lengths, strict=True)
    ]
