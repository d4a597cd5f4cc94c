"""What an editor says it did with suggestions ⇄ the journal of usage; and what is left of them a while later."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lsprotocol import types

from codeslm_lsp.lsp.documents import MirroredDocument, characters_within
from codeslm_lsp.usage.journal import Journal, Skipped, Suggestion, usage_file
from codeslm_lsp.usage.persistence import Placed, placed
from codeslm_lsp.values import Completion, Report, Skip

MOST = 512
"""Suggestions that are remembered; an editor has long decided on those before."""

LOOK_AFTER_S = 30.0
"""How long after a suggestion was accepted it is looked at again: long enough to read and mend it, and short enough
that what has become of it since has to do with what it was. The shortest of the times that were used for this with
GitHub Copilot (Ziegler et al. 2022, "Productivity Assessment of Neural Code Completion": 30, 120, 300, 600 seconds)."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """``placed`` and ``uri`` say what was to be put where."""

    suggestion: Suggestion
    placed: Placed
    uri: str


class Usage:
    """The suggestions that were sent last, by the ids in their commands. Keeps nothing unless it is ``on``.

    ``text_of`` gives the text of a document now, by its URI, or None where it is not open. A suggestion is looked at
    ``look_after_s`` after it, or the last part of it, was accepted; not if its document was closed until then, or the
    session. Its text is forgotten with that.
    """

    def __init__(self, text_of: Callable[[str], str | None], look_after_s: float = LOOK_AFTER_S) -> None:
        self._text_of = text_of
        self._look_after_s = look_after_s
        self._sent: OrderedDict[str, _Sent] = OrderedDict()
        self._waiting: dict[str, tuple[_Sent, asyncio.TimerHandle]] = {}
        self._journal: Journal | None = None

    def turn(self, *, on: bool) -> None:
        """From now on keep what is told, or do not."""
        if on and self._journal is None:
            self._journal = Journal(usage_file())
        elif not on and self._journal is not None:
            self._journal.close(waits=False)
            self._forget_all()

    async def close(self) -> None:
        """Wait until everything is written. What is still to be looked at never will be."""
        journal = self._journal
        self._forget_all()
        if journal is not None:
            await asyncio.to_thread(journal.close)

    def sent(self, report: Report, completions: Sequence[Completion], document: MirroredDocument) -> list[str]:
        """An id for each of these completions, which are about to be sent for this document as it is."""
        ids = [uuid.uuid4().hex for _ in completions]
        if self._journal is None:
            return ids
        for id_, each in zip(ids, completions, strict=True):
            there = placed(document.text, each.start, each.end, each.text)
            suggestion = Suggestion(
                id=id_,
                language=document.language_id or "",
                model=report.model,
                asked=report.trigger.value,
                characters=len(there.text),
                lines=there.text.count("\n") + 1,
                confidence=each.confidence,
                elapsed_ms=report.elapsed_ms,
                from_offered=report.from_offered,
            )
            self._sent[id_] = _Sent(suggestion, there, document.uri)
        while len(self._sent) > MOST:
            self._sent.popitem(last=False)
        return ids

    def skipped(self, report: Report, language: str) -> None:
        """A request was answered; it counts where that was with nothing."""
        if isinstance(report.outcome, Skip) and self._journal is not None:
            self._journal.skipped(Skipped(report.outcome.reason.value, language, report.trigger.value))

    def shown(self, params: Any) -> None:
        """``textDocument/didShowCompletion``."""
        if (found := self._meant(params)) is not None and self._journal is not None:
            self._journal.shown(found.suggestion)

    def partly_accepted(self, params: Any) -> None:
        """``textDocument/didPartiallyAcceptCompletion``; ``acceptedLength`` counts from the suggestion's beginning."""
        length = params.get("acceptedLength") if isinstance(params, dict) else None
        if (found := self._meant(params)) is not None and self._journal is not None and isinstance(length, int):
            taken = characters_within(found.placed.text, max(0, length), types.PositionEncodingKind.Utf16)
            part = found.placed.part(taken)
            self._journal.accepted(found.suggestion, len(part.text), is_whole=False)
            self._look_later(replace(found, placed=part))

    def dismissed(self, params: Any) -> None:
        """``codeslm/didDismissCompletion``."""
        if (found := self._meant(params)) is not None and self._journal is not None:
            self._journal.dismissed(found.suggestion)

    def accepted(self, id_: Any) -> None:
        """The command of an item was run: all of it was taken, and nothing more will be told of it."""
        found = self._sent.pop(id_, None) if isinstance(id_, str) else None
        if found is not None and self._journal is not None:
            self._journal.accepted(found.suggestion, found.suggestion.characters, is_whole=True)
            self._look_later(found)

    def forget(self, uri: str) -> None:
        """A document was closed: what it has become of is not known."""
        for id_ in [id_ for id_, (accepted, _) in self._waiting.items() if accepted.uri == uri]:
            self._waiting.pop(id_)[1].cancel()

    def _look_later(self, accepted: _Sent) -> None:
        id_ = accepted.suggestion.id
        if id_ in self._waiting:
            self._waiting.pop(id_)[1].cancel()
        timer = asyncio.get_running_loop().call_later(self._look_after_s, self._look, id_)
        self._waiting[id_] = accepted, timer

    def _look(self, id_: str) -> None:
        accepted, _ = self._waiting.pop(id_)
        text = self._text_of(accepted.uri)
        if text is not None and self._journal is not None:
            self._journal.looked(accepted.suggestion, accepted.placed, text)

    def _forget_all(self) -> None:
        self._journal = None
        self._sent.clear()
        for _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _meant(self, params: Any) -> _Sent | None:
        """The suggestion whose id stands in the command of ``item``."""
        item = params.get("item") if isinstance(params, dict) else None
        command = item.get("command") if isinstance(item, dict) else None
        arguments = command.get("arguments") if isinstance(command, dict) else None
        if not isinstance(arguments, list) or not arguments or not isinstance(arguments[0], str):
            return None
        return self._sent.get(arguments[0])
