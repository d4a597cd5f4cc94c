"""What lives as long as one connection: the settings, the engine, the workspace's folders, and the last answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pygls.uris import to_fs_path

from codeslm_lsp.completion.latest import LatestWins
from codeslm_lsp.completion.launch import Launch, Launched, LaunchOther
from codeslm_lsp.completion.remote_first import Completes
from codeslm_lsp.context.desk import Desk
from codeslm_lsp.lsp.convert import root_of
from codeslm_lsp.lsp.memory import FreeMemory, trim_of_libc
from codeslm_lsp.lsp.status import Show, Status, status_after, status_of
from codeslm_lsp.lsp.surroundings import Surroundings
from codeslm_lsp.lsp.usage import Usage
from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.run import chat_model, run
from codeslm_lsp.reasoning.speaker import ChatModel, Listener, Speaker
from codeslm_lsp.sandbox.consent import user_consents
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import (
    Answer,
    CodeslmError,
    Cursor,
    Document,
    Evaluated,
    ModelError,
    ModelNotFound,
    Report,
    Skip,
    SkipReason,
    Trigger,
)

CONFIGURATION_PATIENCE_S = 5.0
"""A client that was asked for its configuration and does not answer is not waited for any longer."""

CLOSING_S = 2.0
"""How long an editor that has gone is outlived at most, so that nothing is left behind."""

RETRY_S = 3.0
"""How long a missing model is not looked for again."""

CHARACTERS_PER_TOKEN = 3
"""Of source code, rather too few: what fits by this does fit."""

Tell = Callable[[str], None]
"""Says one sentence: to the user (``window/showMessage``), or into the editor's log (``window/logMessage``)."""


class Session:
    """Completions for one client. All methods belong to the server's event loop."""

    def __init__(
        self,
        launch: Launch,
        launch_for_commands: LaunchOther,
        tell: Tell,
        note: Tell,
        show: Show,
        root_uris: Callable[[], Sequence[str]],
        usage: Usage,
    ) -> None:
        self._launch = launch
        self._launch_for_commands = launch_for_commands
        self._root_uris = root_uris
        self._tell = tell
        self._note = note
        self._show = show
        self._settings: Settings | None = None
        self._launched: Launched | None = None
        self._for_commands: Launched | None = None
        self._around: dict[str | None, Surroundings] = {}
        self._problem: Skip | None = None
        self._tried_at = 0.0
        self._configured = asyncio.Event()
        self._closed = False
        self._latest = LatestWins()
        self._resting: tuple[Document, Cursor] | None = None
        self._mathematician: Mathematician | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._free_memory = FreeMemory(trim_of_libc())
        self.last: tuple[Report, str] | None = None
        self.status = Status("loading")
        self.usage = usage

    def configure(self, settings: Settings) -> None:
        """Use these settings from now on.

        The engine is started anew only if it has to run differently.
        After ``close_soon`` nothing is started any more: the client's answer about its settings may come that late.
        """
        if self._closed or settings == self._settings:
            return
        before, self._settings = self._settings, settings
        self.usage.turn(on=settings.usage.enabled)
        if before is None or (before.index, before.context.enabled) != (settings.index, settings.context.enabled):
            self._open_folders(settings)
        if before is None or _engine(before) != _engine(settings) or not self._launched:
            self._start(settings)
        if before is None or _commands_engine(before) != _commands_engine(settings):
            self._end_for_commands()
        self._renew_completers()
        self._configured.set()
        if before is not None and before.completion.enabled != settings.completion.enabled:
            self._be(status_of(settings, self.status.model, self._problem, is_loaded=self._launched is not None))

    async def complete(self, document: Document, cursor: Cursor, trigger: Trigger) -> Report:
        """Answer one request; a newer one answers this one with a skip."""
        self._free_memory.is_made()
        self._resting = (document, cursor)
        try:
            report = await self._latest.run(self._complete(document, cursor, trigger))
        except asyncio.CancelledError:
            self.remember(
                Report(Skip(SkipReason.CANCELLED, "The editor cancelled the request."), trigger),
                document.uri,
                document.language_id,
            )
            raise
        return report or Report(Skip(SkipReason.SUPERSEDED, "A newer request took its place."), trigger)

    async def answer(self, name: str, question: Question, listen: Listener) -> Answer:
        """Run a command. Raises ``CodeslmError``."""
        self._free_memory.is_made()
        if self._mathematician is None:
            self._mathematician = Mathematician()
        around = self._around_of(question.document.uri if question.document is not None else "")
        folder = around.folder
        index, root = (folder.index, folder.path) if folder is not None else (None, None)
        speaker = Speaker(self._chat_model, f"codeslm:{name}")
        may_run = root is not None and user_consents().is_allowed(root)
        means = Means(speaker, self._mathematician, listen, index, root, around.environment, may_run)
        if self._settings is not None and not question.n_examples:
            question = replace(question, n_examples=self._settings.commands.examples)
        return await run(name, question, means)

    async def _chat_model(self) -> ChatModel:
        await self._be_configured()
        if self._for_commands is None and self._settings is not None and not self._closed:
            self._for_commands = self._launch_for_commands(self._settings)
            if self._for_commands is not None:
                self._note(self._for_commands.message)
        if self._for_commands is None and self._launched is None:
            self._try_again()
        launched = self._for_commands or self._launched
        if launched is None or self._settings is None:
            raise ModelNotFound(self._problem.detail if self._problem else "The engine is being closed.")
        launched = launched.for_commands(self._settings)
        return chat_model(launched.engine, await launched.read_format(), self._settings)

    @property
    def offers_commands(self) -> bool:
        """Whether commands are to be offered as code actions."""
        return (self._settings or Settings()).commands.code_actions

    def _end_for_commands(self) -> None:
        if self._for_commands is not None:
            self._in_background(self._for_commands.close())
        self._for_commands = None

    async def _be_configured(self) -> None:
        try:
            await asyncio.wait_for(self._configured.wait(), CONFIGURATION_PATIENCE_S)
        except TimeoutError:
            self.configure(Settings())

    def opened(self, document: Document) -> None:
        """Nobody knows where the cursor is. Of a file that fits into a prompt, that is the same up to any place."""
        if len(document.text) <= CHARACTERS_PER_TOKEN * (self._settings or Settings()).prompt.max_tokens:
            self.rest(document, Cursor(len(document.text)))

    def rest(self, document: Document, cursor: Cursor) -> None:
        """The cursor rests here, as far as is known; a key may follow. Also before there is an engine."""
        self._resting = (document, cursor)
        if (completer := self._completer_of(document)) is not None:
            completer.prepare(document, cursor)

    def remember(self, report: Report, uri: str, language_id: str) -> None:
        """Keep how a request was answered for ``explainLast``; one that a newer request replaced is only counted."""
        self.usage.skipped(report, language_id)
        if not (isinstance(report.outcome, Skip) and report.outcome.reason is SkipReason.SUPERSEDED):
            self.last = (report, uri)
            self._be(status_after(report, self.status))

    def evaluated(self) -> Evaluated:
        """What the engine has evaluated so far."""
        return self._launched.engine.evaluated() if self._launched is not None else Evaluated()

    def desk(self, uri: str) -> Desk:
        """Where a document of this folder lies."""
        return self._around_of(uri).desk

    def folders_changed(self) -> None:
        """The workspace has other folders now. Documents that are open have to be put on their new desks."""
        self._drop_completers()
        gone = [root for root in self._around if root not in self._root_uris()]
        for root in gone:
            self._in_background(self._around.pop(root).closing())
        if self._settings is not None and not self._closed:
            self._around_of("")
        self._renew_completers()

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.usage.forget(uri)
        for around in self._around.values():
            around.forget(uri)
        if self._resting is not None and self._resting[0].uri == uri:
            self._resting = None

    async def close(self) -> None:
        """End the engine, and whatever else was started; wait for that, but not long."""
        self.close_soon()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSING_S)

    def close_soon(self) -> None:
        """The same without waiting."""
        self._closed = True
        self._latest.cancel()
        self._in_background(self.usage.close())
        self._drop_completers()
        for around in self._around.values():
            self._in_background(around.closing())
        if self._mathematician is not None:
            self._in_background(self._mathematician.close())
        self._end_for_commands()
        if self._launched is not None:
            self._in_background(self._launched.close())
            self._launched = None

    def _around_of(self, uri: str) -> Surroundings:
        """What is known around a document. A folder is opened when the first of its documents is asked about."""
        root = root_of(uri, self._root_uris())
        around = self._around.get(root)
        if around is None:
            path = to_fs_path(root) if root is not None else None
            around = self._around[root] = Surroundings(Path(path) if path else None)
            if self._settings is not None and not self._closed:
                around.open(self._settings)
        return around

    def _open_folders(self, settings: Settings) -> None:
        """Open those that were opened before, and the first one before anybody asks."""
        for around in self._around.values():
            self._in_background(around.closing())
            around.open(settings)
        self._around_of("")

    def _try_again(self) -> None:
        """Perhaps a model has been pulled since there was none."""
        now = asyncio.get_running_loop().time()
        if self._closed or self._settings is None or now - self._tried_at < RETRY_S:
            return
        self._start(self._settings)
        self._renew_completers()

    def _drop_completers(self) -> None:
        for around in self._around.values():
            around.drop_completers()

    def _renew_completers(self) -> None:
        self._drop_completers()
        if self._resting is not None and (completer := self._completer_of(self._resting[0])) is not None:
            completer.prepare(*self._resting)

    def _completer_of(self, document: Document) -> Completes | None:
        """What completes this document; None while there is no engine."""
        if self._launched is None or self._settings is None:
            return None
        return self._around_of(document.uri).completer(document.language_id, self._settings, self._launched)

    def _start(self, settings: Settings) -> None:
        if self._launched is not None:
            self._in_background(self._launched.close())
        self._drop_completers()
        self._launched = self._problem = None
        self._tried_at = asyncio.get_running_loop().time()
        try:
            self._launched = self._launch(settings)
        except ModelError as error:
            self._problem = Skip(SkipReason.MODEL_MISSING, str(error))
            self._be(status_of(settings, "", self._problem, is_loaded=False))
            self._tell(str(error))
            return
        self._be(status_of(settings, "", None, is_loaded=False))
        self._note(self._launched.message)
        self._in_background(self._warm_up(self._launched, settings))

    async def _warm_up(self, launched: Launched, settings: Settings) -> None:
        """Load the model before the first key, and tell once what is wrong with it."""
        try:
            model_format = await launched.read_format()
            if model_format.warning:
                self._tell(model_format.warning)
            info = await launched.engine.ready(settings.completion.wait_for_model_ms)
        except CodeslmError as error:
            if self._launched is launched:
                self._be(Status("problem", str(error)))
                self._tell(f"{error} The local model answers meanwhile." if launched.fallback else str(error))
        else:
            if self._launched is launched and self._settings is not None:
                self._be(status_of(self._settings, info.name, None, is_loaded=True))

    def _be(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self._show(status)

    async def _complete(self, document: Document, cursor: Cursor, trigger: Trigger) -> Report:
        await self._be_configured()
        if self._launched is None and self._problem is not None:
            self._try_again()
        completer = self._completer_of(document)
        if completer is None:
            problem = self._problem or Skip(SkipReason.ENGINE_FAILED, "The engine is being closed.")
            return Report(problem, trigger)
        return await completer.complete(document, cursor, trigger)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _engine(settings: Settings) -> tuple[object, ...]:
    """What the engine that completes depends on."""
    return settings.model, settings.engine, settings.remote


def _commands_engine(settings: Settings) -> tuple[object, ...]:
    """What the engine for commands depends on."""
    return settings.model, settings.engine, settings.commands.model
