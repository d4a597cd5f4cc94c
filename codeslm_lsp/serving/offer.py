"""What is asked for → a report with completions: the same prompts, engine and post-processing as in an editor."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.completion.launch import Launch, Launched
from codeslm_lsp.completion.prompts import INVOKED_PATIENCE
from codeslm_lsp.completion.remote_first import Completes, completer_by
from codeslm_lsp.lsp.folder import repository_folder
from codeslm_lsp.serving.requests import Asked
from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.guess import guessed_language
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.values import Completion, Cursor, Document, ModelInfo, Report, Trigger

MOST_COMPLETERS = 8
"""Clients ask again and again with the same limits; each keeps trees and prompts of its documents."""

TOLD_BY_CHARS = 200
MOST_GUESSED = 64
"""Code that begins with the same characters is the same file, with another line of it changed."""


@dataclass(frozen=True, slots=True)
class _Limits:
    max_tokens: int
    time_budget_ms: int
    n_alternatives: int


class Offer:
    """Completions for clients of all kinds. Belongs to an event loop.

    Files of ``root``, if it is a folder of a repository, are shown to the model as an editor would show them.
    """

    def __init__(self, launch: Launch, settings: Settings, root: Path) -> None:
        self._settings = settings
        self._launched: Launched = launch(settings)
        self._root = root
        self._completers: OrderedDict[_Limits, Completes] = OrderedDict()
        self._versions = 0
        self._guessed: OrderedDict[str, str] = OrderedDict()
        self._folder = repository_folder(root, settings)

    @property
    def message(self) -> str:
        """Which model was chosen, and why."""
        return self._launched.message

    async def model(self) -> ModelInfo:
        """The model once it is loaded. Raises ``EngineError``."""
        return await self._launched.engine.ready(self._settings.completion.wait_for_model_ms)

    async def complete(self, asked: Asked) -> Report:
        """Answer one request; the completions end before its stop texts."""
        document, cursor = self._document(asked), Cursor(len(asked.prefix))
        return await self._completer(asked).complete(document, cursor, Trigger.INVOKED)

    async def close(self) -> None:
        """End the engine, if nobody else uses it, and the indexer."""
        for completer in self._completers.values():
            completer.stop()
        if self._folder is not None:
            await self._folder.close()
        await self._launched.close()

    def _document(self, asked: Asked) -> Document:
        """The text with a name of its own. One without any is told from others only by its language."""
        self._versions += 1
        language_id = self._language_of(asked)
        path = (self._root / asked.path).resolve() if asked.path else self._root / f"untitled.{language_id}"
        inside = path.is_relative_to(self._root)
        name = path.relative_to(self._root).as_posix() if inside else path.name
        return Document(path.as_uri(), name, language_id, self._versions, asked.prefix + asked.suffix)

    def _language_of(self, asked: Asked) -> str:
        """Where neither its name nor anybody says, it is guessed, once for texts that begin alike; perhaps empty."""
        if asked.language_id or language_of("", asked.path) is not None:
            return asked.language_id
        beginning = asked.prefix[:TOLD_BY_CHARS]
        if beginning not in self._guessed:
            guessed = guessed_language(asked.prefix, asked.suffix)
            self._guessed[beginning] = guessed.lsp_ids[0] if guessed is not None else ""
            if len(self._guessed) > MOST_GUESSED:
                self._guessed.popitem(last=False)
        return self._guessed[beginning]

    def _completer(self, asked: Asked) -> Completes:
        options = self._settings.completion
        limits = _Limits(
            asked.max_tokens or options.max_tokens,
            max(50, (asked.time_budget_ms or options.time_budget_ms * INVOKED_PATIENCE) // INVOKED_PATIENCE),
            asked.n_choices - 1,
        )
        if limits not in self._completers:
            changed = {
                "max_tokens": limits.max_tokens,
                "time_budget_ms": limits.time_budget_ms,
                "alternatives": limits.n_alternatives,
            }
            settings = self._settings.model_copy(update={"completion": options.model_copy(update=changed)})
            workspace = self._folder.context if self._folder is not None else None
            self._completers[limits] = completer_by(self._launched, settings, workspace)
        self._completers.move_to_end(limits)
        while len(self._completers) > MOST_COMPLETERS:
            self._completers.popitem(last=False)[1].stop()
        return self._completers[limits]


def texts_of(report: Report, asked: Asked) -> list[str]:
    """What is offered, the best first, each up to a stop text; nothing where there is a reason for it."""
    if not isinstance(report.outcome, Completion):
        return []
    found = [each.text for each in (report.outcome, *report.alternatives)]
    for stop in asked.stop_texts:
        found = [text.partition(stop)[0] for text in found]
    return found[: asked.n_choices]
