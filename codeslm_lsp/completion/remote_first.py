"""Two completers → one: the remote engine is asked first, and the local one where that may not be, fails or is late."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from codeslm_lsp.completion.completer import Completer
from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.completion.prompts import LONGEST_SECRET
from codeslm_lsp.context.source import WorkspaceContext
from codeslm_lsp.settings import RemoteSettings, Settings
from codeslm_lsp.syntax.same import difference
from codeslm_lsp.values import Completion, Cursor, Document, Report, Skip, SkipReason, Trigger
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.ignored import is_meant
from codeslm_lsp.workspace.secrets import holds_secret, is_secret_name

REMEMBERED = 64
"""Documents whose last version was looked through for secrets."""

NO_ENGINE = frozenset({SkipReason.ENGINE_FAILED, SkipReason.MODEL_MISSING, SkipReason.MODEL_LOADING})
"""Reasons for which there is no engine to ask, now or at all."""


class Completes(Protocol):
    """What answers requests for completions, by one engine or by two: see ``Completer``."""

    async def complete(self, document: Document, cursor: Cursor, trigger: Trigger) -> Report: ...

    def prepare(self, document: Document, cursor: Cursor) -> None: ...

    def forget(self, uri: str) -> None: ...

    def stop(self) -> None: ...


class RemoteFirst:
    """Asks the remote completer, and the local one, if there is one, where that is needed.

    The local engine is not warmed up for every document: who has a remote one wants the own machine quiet.
    """

    def __init__(self, remote: Completer, local: Completer | None, settings: RemoteSettings) -> None:
        self._remote = remote
        self._local = local
        self._settings = settings
        self._looked: OrderedDict[str, _Looked] = OrderedDict()

    async def complete(self, document: Document, cursor: Cursor, trigger: Trigger) -> Report:
        """See ``Completer.complete``."""
        if reason := self._reason_to_keep(document):
            if self._local is not None:
                return await self._local.complete(document, cursor, trigger)
            return Report(Skip(SkipReason.KEPT_HERE, f"{reason}, so the remote engine is not asked."), trigger)
        if self._local is None:
            return await self._remote.complete(document, cursor, trigger)
        return await self._sooner(self._local, document, cursor, trigger)

    def prepare(self, document: Document, cursor: Cursor) -> None:
        """See ``Completer.prepare``."""
        if not self._reason_to_keep(document):
            self._remote.prepare(document, cursor)
        elif self._local is not None:
            self._local.prepare(document, cursor)

    def forget(self, uri: str) -> None:
        """See ``Completer.forget``."""
        self._looked.pop(uri, None)
        for completer in self._both():
            completer.forget(uri)

    def stop(self) -> None:
        """See ``Completer.stop``."""
        for completer in self._both():
            completer.stop()

    def _both(self) -> tuple[Completer, ...]:
        return (self._remote,) if self._local is None else (self._remote, self._local)

    async def _sooner(self, local: Completer, document: Document, cursor: Cursor, trigger: Trigger) -> Report:
        """The remote answer, unless it fails or is late and the local one has something to offer before it.

        What the local one has offered, and the user goes on to type, is not waited for.
        """
        asked = asyncio.create_task(self._remote.complete(document, cursor, trigger))
        other: asyncio.Task[Report] | None = None
        is_known = local.goes_on(document, cursor)
        try:
            await asyncio.wait({asked}, timeout=0 if is_known else self._settings.patience_ms / 1000)
            if asked.done() and not _has_failed(asked.result()):
                return asked.result()
            other = asyncio.create_task(local.complete(document, cursor, trigger))
            running = {other} if asked.done() else {asked, other}
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for report in (each.result() for each in (asked, other) if each in done):
                    if isinstance(report.outcome, Completion):
                        return report
            return other.result() if _has_failed(asked.result()) else asked.result()
        finally:
            asked.cancel()
            if other is not None:
                other.cancel()

    def _reason_to_keep(self, document: Document) -> str:
        """Why a document must not leave this machine, as the beginning of a sentence; or nothing."""
        if is_meant(document.path, self._settings.private_files):
            return "The setting remote.private_files keeps this file here"
        if is_secret_name(document.path) or self._holds_secret(document):
            return "This file holds a secret"
        return ""

    def _holds_secret(self, document: Document) -> bool:
        """Looks through all of a text once, and from then on around what has changed: this is asked at every key."""
        text, before = document.text, self._looked.get(document.uri)
        if before is None or before.holds_secret:
            found = holds_secret(text)
        else:
            start, _, end = difference(before.text, text)
            found = text != before.text and holds_secret(text[max(0, start - LONGEST_SECRET) : end + LONGEST_SECRET])
        self._looked[document.uri] = _Looked(text, found)
        self._looked.move_to_end(document.uri)
        if len(self._looked) > REMEMBERED:
            self._looked.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class _Looked:
    """A text that was looked through."""

    text: str
    holds_secret: bool


def completer_by(
    launched: Launched,
    settings: Settings,
    workspace: WorkspaceContext | None = None,
    environment: Environment | None = None,
) -> Completes:
    """What completes by these engines. Code of other files goes to remote ones only where the settings say so."""

    def by(engine: Launched, shown: WorkspaceContext | None) -> Completer:
        return Completer(engine.engine, engine.read_format, settings, shown, launched.filters, environment)

    if not launched.is_remote:
        return by(launched, workspace)
    local = by(launched.fallback, workspace) if launched.fallback is not None else None
    return RemoteFirst(by(launched, workspace if settings.remote.context else None), local, settings.remote)


def _has_failed(report: Report) -> bool:
    return isinstance(report.outcome, Skip) and report.outcome.reason in NO_ENGINE
