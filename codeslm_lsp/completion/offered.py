"""What was offered a moment ago → what is left of it, while the user types what the ghost text says.

Answers without the model: across lines, and after a backspace. Also what was too doubtful to be shown is kept: each
key that agrees with it makes its rest more likely. Also holds what was generated ahead, for a state that
the document does not have yet.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from codeslm_lsp.completion.doubt import weighed
from codeslm_lsp.completion.features import rest_of
from codeslm_lsp.values import Completion, Cursor, Document, Report, Timings

MAX_OFFERS = 16
"""Enough to go back over a line of corrections. Each holds on to one version of its document's text."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A completion, and the text before and behind the place where it is inserted.

    Both are kept apart because a key is compared with them as they are, in place: a slice of a large text is a copy.
    """

    uri: str
    before: str
    behind: str
    report: Report
    completion: Completion


class Offered:
    """The newest completions of all documents."""

    def __init__(self) -> None:
        self._offers: deque[_Offer] = deque(maxlen=MAX_OFFERS)

    def remember(self, document: Document, cursor: Cursor, report: Report) -> None:
        """``report`` answered a request at ``cursor``. Only pure insertions are kept."""
        completion = report.outcome
        if isinstance(completion, Completion) and completion.start == completion.end == cursor:
            before, behind = document.text[:cursor], document.text[cursor:]
            self._offers.appendleft(_Offer(document.uri, before, behind, report, completion))

    def rest(self, document: Document, cursor: Cursor) -> Report | None:
        """The answer for ``cursor`` if the document is what it was, but for the beginning of an offer typed into it."""
        for offer in self._offers:
            if offer.uri == document.uri and (left := _left(offer, document.text, cursor)):
                completion = replace(offer.completion, text=left, start=cursor, end=cursor)
                n_typed = len(offer.completion.text) - len(left)
                evidence = rest_of(offer.report.evidence, n_typed) if offer.report.evidence is not None else None
                rest = replace(offer.report, outcome=completion, timings=Timings(), alternatives=(), from_offered=True)
                return weighed(replace(rest, evidence=evidence))
        return None

    def forget(self, uri: str) -> None:
        """The document is closed."""
        self._offers = deque((offer for offer in self._offers if offer.uri != uri), maxlen=MAX_OFFERS)


def _left(offer: _Offer, text: str, cursor: int) -> str:
    """What of the offer is still to be typed; empty when the document is another, or nothing worth showing is left."""
    n_typed = cursor - len(offer.before)
    offered = offer.completion.text
    if not 0 <= n_typed < len(offered) or len(text) - cursor != len(offer.behind):
        return ""
    if not text.startswith(offered[:n_typed], len(offer.before)):
        return ""
    if not text.startswith(offer.before) or not text.endswith(offer.behind):
        return ""
    left = offered[n_typed:]
    return left if left.strip() else ""
