"""What an editor says it did with suggestions ⇄ the journal of usage."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from codeslm_lsp.usage.journal import Journal, Suggestion, usage_file
from codeslm_lsp.values import Completion, Report

MOST = 512
"""Suggestions that are remembered; an editor has long decided on those before."""


class Usage:
    """The suggestions that were sent last, by the ids in their commands. Keeps nothing unless it is ``on``."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, Suggestion] = OrderedDict()
        self._journal: Journal | None = None

    def turn(self, *, on: bool) -> None:
        """From now on keep what is told, or do not."""
        if on and self._journal is None:
            self._journal = Journal(usage_file())
        elif not on and self._journal is not None:
            self._journal.close(waits=False)
            self._journal = None

    async def close(self) -> None:
        """Wait until everything is written."""
        journal, self._journal = self._journal, None
        if journal is not None:
            await asyncio.to_thread(journal.close)

    def sent(self, report: Report, completions: Sequence[Completion], language: str) -> list[str]:
        """An id for each of these completions, which are about to be sent."""
        ids = []
        for each in completions:
            suggestion = Suggestion(
                id=uuid.uuid4().hex,
                language=language,
                model=report.model,
                asked=report.trigger.value,
                characters=len(each.text),
                lines=each.text.count("\n") + 1,
                confidence=each.confidence,
                elapsed_ms=report.elapsed_ms,
                from_offered=report.from_offered,
            )
            self._sent[suggestion.id] = suggestion
            ids.append(suggestion.id)
        while len(self._sent) > MOST:
            self._sent.popitem(last=False)
        return ids

    def shown(self, params: Any) -> None:
        """``textDocument/didShowCompletion``."""
        if (found := self._meant(params)) is not None and self._journal is not None:
            self._journal.shown(found)

    def partly_accepted(self, params: Any) -> None:
        """``textDocument/didPartiallyAcceptCompletion``; ``acceptedLength`` counts from the suggestion's beginning."""
        length = params.get("acceptedLength") if isinstance(params, dict) else None
        if (found := self._meant(params)) is not None and self._journal is not None and isinstance(length, int):
            self._journal.accepted(found, max(0, length), is_whole=False)

    def dismissed(self, params: Any) -> None:
        """``codeslm/didDismissCompletion``."""
        if (found := self._meant(params)) is not None and self._journal is not None:
            self._journal.dismissed(found)

    def accepted(self, id_: Any) -> None:
        """The command of an item was run: all of it was taken."""
        found = self._sent.get(id_) if isinstance(id_, str) else None
        if found is not None and self._journal is not None:
            self._journal.accepted(found, found.characters, is_whole=True)

    def _meant(self, params: Any) -> Suggestion | None:
        """The suggestion whose id stands in the command of ``item``."""
        item = params.get("item") if isinstance(params, dict) else None
        command = item.get("command") if isinstance(item, dict) else None
        arguments = command.get("arguments") if isinstance(command, dict) else None
        if not isinstance(arguments, list) or not arguments or not isinstance(arguments[0], str):
            return None
        return self._sent.get(arguments[0])
