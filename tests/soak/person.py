"""Somebody with an editor open, who types in one file after another, and looks at what is offered."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled

from codeslm_lsp.completion.anchors import OUTDATED_LINES
from codeslm_lsp.evaluation.typist import Stroke, Typist, task_in
from codeslm_lsp.lsp.server import DID_DISMISS, DID_MOVE_CURSOR, DID_SHOW
from codeslm_lsp.values import SkipReason
from tests.soak.corpus import Source
from tests.soak.journal import Answered, Broken, Journal
from tests.soak.mirror import compare_by_actions, compare_by_echo
from tests.soak.world import SEQUENCES_MEGABYTES, World
from tests.support.client import Editor, editor, position

ANSWER_S = 180.0
"""Every request is answered within this, also when an engine is started anew on a busy machine meanwhile."""

RECOVERY_S = 180.0
"""And so soon there is a completion of the model again."""

MOST_OPEN = 8
"""Files at a time."""

KEYS_AT_A_TIME = (10, 60)
"""Before somebody turns to another file."""

ACCEPTED, CANCELLED, CLOSED, SAVED, COMPARED, CALCULATED, ASKED = 0.5, 0.04, 0.3, 0.3, 0.6, 0.1, 0.03
"""How often: of what is offered in a pause, of requests, and of turns to another file."""

PROMPT_TOKENS = 256
"""Short, so that a machine that is busy with other things as well is not tested for its speed."""

MARKED_LINES = OUTDATED_LINES + 2
"""Typed before the text is compared: no prompt of before answers so far below its anchor."""

NO_MODEL = {
    *(SkipReason.MODEL_MISSING, SkipReason.MODEL_LOADING, SkipReason.ENGINE_FAILED),
    *(SkipReason.CANCELLED, SkipReason.SUPERSEDED, SkipReason.TIME_BUDGET),
}
"""Why there may be nothing while there is no engine, or it has something else to do."""

CLAIM = "(x + 1)**2 = x**2 + 2*x + 1"


class Gone(Exception):
    """The server was killed before it answered."""


@dataclass
class Sheet:
    """A file as this person has it: what is to be typed into it, and where the cursor is."""

    uri: str
    source: Source
    typist: Typist
    strokes: Iterator[Stroke]
    cursor: int


class Person:
    """One editor with its server, opened again whenever that is closed or killed."""

    def __init__(
        self, name: str, world: World, sources: Sequence[Source], journal: Journal, draw: random.Random
    ) -> None:
        self.name = name
        self.hands = asyncio.Lock()
        """Held for each thing that is done; whoever holds it can rely on what the files say."""
        self.is_at_work = asyncio.Event()
        """Set when there is something to work on; at first, when every file has been open once."""
        self.editor: Editor
        self._world = world
        self._sources = self._unseen = sources
        self._journal = journal
        self._draw = draw
        self._numbers = itertools.count()
        self._sheets: dict[str, Sheet] = {}
        self._on: Sheet
        self._asked: set[asyncio.Task[Any]] = set()
        self._leaves = self._goes_home = False

    async def live(self) -> None:
        """Work until ``go_home``."""
        while not self._goes_home:
            self._leaves = False
            try:
                await self._sit_down()
            except TimeoutError:
                server: Any = self.editor.client._server
                if server.returncode is None:
                    raise Broken(f"the server of the {self.name} was told to exit, and did not.") from None
                # It has ended, and not yet what it had started, which has the lowest priority.
            self._journal.counts["sessions"] += 1

    async def _sit_down(self) -> None:
        """From an editor's start to its end."""
        async with editor(
            self._world.command,
            environment=self._world.environment,
            options=_options(self._world),
            root=self._world.project,
            shows_status=False,
        ) as self.editor:
            self._sheets.clear()
            with suppress(Gone):
                await self._work()

    def go_home(self) -> None:
        """Close the editor, and open it no more."""
        self._leaves = self._goes_home = True

    def reopen(self) -> None:
        """Close the editor, and open it again."""
        self.is_at_work.clear()
        self._leaves = True

    def crash(self) -> None:
        """The editor's server is killed, and started again."""
        self.reopen()
        self.editor.left = True
        for task in tuple(self._asked):
            task.cancel()
        os.kill(self.editor.server_pid, signal.SIGKILL)

    async def goes_on(self) -> None:
        """Ask until the model has answered once more, and compare the text. Raises ``Broken``."""
        skip: str | None = "its editor was not open."
        try:
            async with asyncio.timeout(RECOVERY_S + ANSWER_S):
                await self.is_at_work.wait()
            async with asyncio.timeout(RECOVERY_S):
                while (skip := await self._asks_anew()) is not None:
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise Broken(
                f"the {self.name} got no completion within {RECOVERY_S:.0f} s any more; at last: {skip}"
            ) from None
        async with self.hands:
            if not self._leaves and self._on.source.path in self._sheets:
                await self._compare(self._on)

    async def _asks_anew(self) -> str | None:
        """Ask at a place where nothing was asked before; why the model did not answer, if it did not."""
        try:
            return await self._asked_anew()
        except Gone:
            return "its server was killed."

    async def _asked_anew(self) -> str | None:
        async with self.hands:
            if self._leaves or self._on.source.path not in self._sheets:
                return "it has no file open."
            sheet, word = self._on, f"n{next(self._numbers)} = "
            end = self.editor.type(sheet.uri, sheet.cursor, word)
            await self._ask(types.TEXT_DOCUMENT_INLINE_COMPLETION, self.editor.request(sheet.uri, end))
            said = await self._ask(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("codeslm.explainLast"))
            self.editor.edit(sheet.uri, sheet.cursor, end, "")
        if said is None or said["from_offered"]:
            return "the answer was of an earlier request."
        return str(said["skip"]) if said["skip"] and said["skip"]["reason"] in NO_MODEL else None

    async def _work(self) -> None:
        for source in self._unseen:
            if self._leaves:
                return
            await self._turn_to(source)
            await self._type(1)
            async with self.hands:
                self._close(source)
        self._unseen = ()
        await self._turn_to(self._draw.choice(self._sources))
        self.is_at_work.set()
        while not self._leaves:
            await self._turn_to(self._draw.choice(self._sources))
            await self._type(self._draw.randint(*KEYS_AT_A_TIME))
            await self._tidy_up()

    async def _turn_to(self, source: Source) -> None:
        async with self.hands:
            sheet = self._sheets.get(source.path)
            if sheet is None:
                if len(self._sheets) >= MOST_OPEN:
                    self._close(self._draw.choice([each.source for each in self._sheets.values()]))
                sheet = self._sheets[source.path] = self._open(source)
            self._on = sheet
            place = position(self.editor.texts[sheet.uri], sheet.cursor)
            self.editor.client.protocol.notify(
                DID_MOVE_CURSOR,
                {
                    "textDocument": {"uri": sheet.uri},
                    "position": {"line": place.line, "character": place.character},
                },
            )

    def _open(self, source: Source) -> Sheet:
        """With some lines missing, which are to be typed."""
        task = task_in(source.path, source.text, self._draw)
        typist = Typist(task, self._draw.getrandbits(32))
        uri = (self._world.project / source.path).as_uri()
        self.editor.open(uri, task.before + task.after, source.language)
        return Sheet(uri, source, typist, typist.strokes(), len(task.before))

    def _close(self, source: Source) -> None:
        sheet = self._sheets.pop(source.path, None)
        if sheet is None:
            return
        del self.editor.texts[sheet.uri], self.editor.versions[sheet.uri]
        self.editor.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(sheet.uri))
        )

    async def _type(self, n_keys: int) -> None:
        """The next keys in this file, or as many as there are."""
        sheet = self._on
        for _ in range(n_keys):
            stroke = next(sheet.strokes, None)
            if stroke is None:
                self._close(sheet.source)
                return
            await asyncio.sleep(stroke.wait_s)
            async with self.hands:
                if self._leaves:
                    return
                asked = self._strike(sheet, stroke)
                if self._draw.random() < CANCELLED:
                    await asyncio.sleep(self._draw.random() * 0.1)
                    self._cancel(asked)
                elif stroke.pauses:
                    await self._look(sheet, asked)

    def _strike(self, sheet: Sheet, stroke: Stroke) -> asyncio.Task[Any]:
        self._journal.counts["keys"] += 1
        if stroke.side_trip:
            self.editor.type(sheet.uri, 0, "\n")
            sheet.cursor += 1
        if stroke.wrong:
            end = self.editor.type(sheet.uri, sheet.cursor, stroke.wrong)
            self._complete_soon(sheet, end)
            self.editor.edit(sheet.uri, sheet.cursor, end, "")
        sheet.cursor = self.editor.type(sheet.uri, sheet.cursor, stroke.text)
        return self._complete_soon(sheet, sheet.cursor)

    async def _look(self, sheet: Sheet, asked: asyncio.Task[Any]) -> None:
        """Wait for what is offered; accept it perhaps, and take back what was not meant."""
        answer = await self._answer_of(asked)
        if not answer.items:
            await self._remember_why()
            return
        item = answer.items[0]
        here = position(self.editor.texts[sheet.uri], sheet.cursor)
        if item.range != types.Range(here, here):
            raise Broken(f"a completion of {sheet.uri} was asked for at {here} and is meant for {item.range}.")
        told = {"item": {"command": {"arguments": item.command.arguments}}}
        self.editor.client.protocol.notify(DID_SHOW, told)
        if self._draw.random() > ACCEPTED:
            self.editor.client.protocol.notify(DID_DISMISS, told)
            return
        self._journal.counts["accepted"] += 1
        end = self.editor.type(sheet.uri, sheet.cursor, item.insert_text)
        await self._ask(
            types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams(item.command.command, item.command.arguments)
        )
        meant = sheet.cursor + len(sheet.typist.accept(item.insert_text))
        self.editor.edit(sheet.uri, meant, end, "")
        sheet.cursor = meant

    async def _remember_why(self) -> None:
        said = await self._ask(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("codeslm.explainLast"))
        reason = said["skip"]["reason"] if said and said["skip"] else "none"
        self._journal.skips[reason] += 1
        if reason == SkipReason.INTERNAL_ERROR:
            raise Broken(f"a completion was answered by a defect: {said['skip']['detail']}")

    async def _tidy_up(self) -> None:
        """What is done between two files: save, compare, calculate, ask, close."""
        async with self.hands:
            sheet = self._on
            if self._leaves or sheet.source.path not in self._sheets:
                return
            if self._draw.random() < SAVED:
                path = self._world.project / sheet.source.path
                with suppress(OSError):
                    path.write_text(self.editor.texts[sheet.uri], encoding="utf-8")
            if self._draw.random() < COMPARED:
                await self._compare(sheet)
            if self._draw.random() < CALCULATED:
                await self._calculate()
            if self._draw.random() < ASKED:
                await self._ask_in_words(sheet)
            if self._draw.random() < CLOSED:
                self._close(sheet.source)

    async def _compare(self, sheet: Sheet) -> None:
        """Is the server's text the editor's?"""
        self._journal.counts["comparisons"] += 1
        await compare_by_actions(self._ask, sheet.uri, self.editor.texts[sheet.uri], self._draw)
        if self._world.model is None:
            await self._compare_all(sheet)

    async def _compare_all(self, sheet: Sheet) -> None:
        """By what the model is shown, in the middle of lines that stand nowhere else."""
        number = next(self._numbers)
        lines = f"m{number} = \n" * MARKED_LINES
        before = self.editor.texts[sheet.uri]
        starts = [0, *(place + 1 for place, character in enumerate(before) if character == "\n")]
        place = self._draw.choice(starts)
        self.editor.type(sheet.uri, place, lines)
        self.editor.type(sheet.uri, 0, lines)
        cursor = place + 2 * len(lines) - 1
        await compare_by_echo(self._ask, sheet.uri, self.editor.texts[sheet.uri], cursor)
        self.editor.edit(sheet.uri, 0, len(lines), "")
        self.editor.edit(sheet.uri, place, place + len(lines), "")
        if self.editor.texts[sheet.uri] != before:
            raise Broken("the soak itself has lost its place.")

    async def _calculate(self) -> None:
        """By a process that may be killed meanwhile; then the answer is a sentence."""
        self._journal.counts["calculations"] += 1
        answer = await self._ask(
            types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("codeslm.verify", [{"words": CLAIM}])
        )
        if "error" not in answer and answer["badge"] == "refuted":
            raise Broken(f"it was refuted that {CLAIM}.")

    async def _ask_in_words(self, sheet: Sheet) -> None:
        """A command, which is not waited for to its end."""
        params = types.ExecuteCommandParams("codeslm.explain", [{"textDocument": {"uri": sheet.uri}}])
        asked = self._begin(types.WORKSPACE_EXECUTE_COMMAND, params)
        await asyncio.sleep(self._draw.random() * 2)
        self._cancel(asked)
        await self._answer_of(asked)

    def _complete_soon(self, sheet: Sheet, cursor: int) -> asyncio.Task[Any]:
        return self._begin(
            types.TEXT_DOCUMENT_INLINE_COMPLETION,
            self.editor.request(sheet.uri, cursor, types.InlineCompletionTriggerKind.Automatic),
        )

    def _begin(self, method: str, params: Any) -> asyncio.Task[Any]:
        id_ = f"{self.name} {next(self._numbers)}"
        task = self._journal.spawn(self._answered(method, params, id_))
        task.set_name(id_)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        return task

    async def _ask(self, method: str, params: Any) -> Any:
        return await self._answer_of(self._begin(method, params))

    def _cancel(self, asked: asyncio.Task[Any]) -> None:
        self.editor.client.cancel_request(types.CancelParams(asked.get_name()))

    async def _answer_of(self, asked: asyncio.Task[Any]) -> Any:
        """None for what was cancelled. Raises ``Gone``."""
        await asyncio.wait({asked})
        if asked.cancelled():
            raise Gone
        return asked.result()

    async def _answered(self, method: str, params: Any, id_: str) -> Any:
        """One request from its beginning to its end. Raises ``Broken`` when that does not come, or is a defect."""
        began_s = self._journal.now_s()
        asked_in = self.editor
        answer: Any = asked_in.client.protocol.send_request_async(method, params, msg_id=id_)
        is_cancelled = False
        try:
            return await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            raise Broken(f"{method} of the {self.name} was not answered within {ANSWER_S:.0f} s.") from None
        except RuntimeError:  # pygls' client says so that the server has ended.
            if not asked_in.left:
                raise Broken(f"the server of the {self.name} ended by itself.") from None
            raise asyncio.CancelledError from None
        except JsonRpcRequestCancelled:
            is_cancelled = True
            return None
        except JsonRpcException as error:
            raise Broken(f"{method} of the {self.name} was answered by a defect: {error}") from None
        finally:
            now_s = self._journal.now_s()
            self._journal.answers.append(Answered(now_s, method, (now_s - began_s) * 1000, is_cancelled))


def _options(world: World) -> dict[str, Any]:
    """Everything is offered that the model says, and the disk is large enough for what is saved."""
    options: dict[str, Any] = {
        "completion": {"confidence": "eager"},
        "prompt": {"max_tokens": PROMPT_TOKENS},
        "commands": {"max_tokens": 64},
        "engine": {"disk_cache_megabytes": SEQUENCES_MEGABYTES},
    }
    if world.model is None:  # The whole text, and nothing else, is to be seen by an engine that echoes.
        options |= {"prompt": {"max_tokens": 100_000}, "context": {"max_tokens": 0}}
        options["completion"]["first_wait_ms"] = 600_000
    return options
