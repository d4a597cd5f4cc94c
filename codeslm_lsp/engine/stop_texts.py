"""Texts that end a generation: produced text → whether it contains one, and the tokens before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codeslm_lsp.values import Token


class StopTexts:
    """Looks for any of ``texts``, none of which is empty, in a text that comes in pieces."""

    def __init__(self, texts: Sequence[str], seen: str = "") -> None:
        self._texts = texts
        self._n_kept = max(map(len, texts), default=1) - 1
        self._seen = seen

    def push(self, text: str) -> bool:
        """More text has come; whether one of the texts is complete with it."""
        seen = self._seen + text
        self._seen = seen[max(0, len(seen) - self._n_kept) :]
        return any(stop in seen for stop in self._texts)

    def copy(self) -> StopTexts:
        """Another one that has seen the same."""
        return StopTexts(self._texts, self._seen)


def before_stop_text(tokens: Sequence[Token], stop_texts: Sequence[str]) -> tuple[Token, ...]:
    """The tokens up to the first stop text, of whichever begins first; the last one's text ends where that begins."""
    text = "".join(token.text for token in tokens)
    starts = [start for stop in stop_texts if (start := text.find(stop)) >= 0]
    if not starts:
        return tuple(tokens)
    kept: list[Token] = []
    left = min(starts)
    for token in tokens:
        if left <= 0:
            break
        kept.append(replace(token, text=token.text[:left]))
        left -= len(token.text)
    return tuple(kept)
