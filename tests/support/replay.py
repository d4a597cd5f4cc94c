"""The one fake of the project: an engine that replays a script. Its tokens are the bytes of UTF-8, one each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.engine.protocol import GenerateRequest, Priority, TokenStream, generation_of
from codeslm_lsp.prompt.chat import ChatFormat
from codeslm_lsp.prompt.detect import FimFormat, Slot
from codeslm_lsp.values import (
    EngineDied,
    EngineLoading,
    EngineUnavailable,
    Evaluated,
    Generation,
    ModelInfo,
    StopReason,
    Timings,
    Token,
    Tuning,
)

PRE, SUF, MID, END, TURN = 256, 257, 258, 259, 260
FORMAT = FimFormat(
    family="replay",
    layouts={"PSM": (PRE, Slot.PREFIX, SUF, Slot.SUFFIX, MID)},
    bos_ids=(),
    stop_ids=frozenset({END}),
)


CHAT = ChatFormat(
    family="replay",
    system=(TURN, "system\n{text}", END),
    user=(TURN, "user\n{text}", END),
    answer=(TURN, "assistant\n{text}", END),
    opening=(TURN, "assistant\n"),
    bos_ids=(),
    stop_ids=frozenset({END}),
)


class ByteTokenizer:
    """Tokens are bytes."""

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [list(text.encode("utf-8", errors="replace")) for text in texts]


@dataclass
class Script:
    """What the engine does. ``answers`` maps the end of the text before the cursor to what follows it.

    ``alternatives`` are said beside the answer where they are asked for, token by token in turns.
    ``replies`` are what the commands' generations say, the first that is left whose key stands in the conversation.
    ``n_warm`` is how much of any prompt it says to have evaluated.
    ``events`` is a file to which the engine writes a line for whatever happens to it.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    default: str = "REPLAY"
    alternatives: Sequence[str] = ()
    replies: Sequence[tuple[str, str]] = ()
    load_ms: float = 0
    prefill_ms: float = 0
    token_ms: float = 0
    n_warm: int = 0
    never_loads: str = ""
    dies_on: str = ""
    events: str = ""


class ReplayEngine:
    """An ``Engine`` that answers from its script."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._loaded_at: float | None = None
        self.requests: list[GenerateRequest] = []
        self.replies = list(script.replies)
        self.log("started")

    def log(self, event: str) -> None:
        if self._script.events:
            with Path(self._script.events).open("a", encoding="utf-8") as file:
                file.write(event + "\n")

    async def ready(self, timeout_ms: float) -> ModelInfo:
        if self._script.never_loads:
            raise EngineUnavailable(self._script.never_loads)
        now = asyncio.get_running_loop().time()
        if self._loaded_at is None:
            self._loaded_at = now + self._script.load_ms / 1000
        wait_ms = (self._loaded_at - now) * 1000
        if wait_ms > timeout_ms:
            raise EngineLoading("The model is still loading; try again shortly.")
        await asyncio.sleep(max(0.0, wait_ms) / 1000)
        return ModelInfo("replay", "", 100_000, 261)

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        return self._generate(request)

    @asynccontextmanager
    async def _generate(self, request: GenerateRequest) -> AsyncIterator[TokenStream]:
        self.requests.append(request)
        stream = _ReplayStream(self, self._script, request)
        try:
            yield stream
        finally:
            await stream.close()

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return await ByteTokenizer().encode(texts)

    async def n_warm(self, token_ids: Sequence[int]) -> int:
        return min(self._script.n_warm, len(token_ids))

    def evaluated(self) -> Evaluated:
        return Evaluated(sum(len(request.token_ids) for request in self.requests))

    def tuning(self) -> Tuning | None:
        return None

    async def close(self) -> None:
        self.log("closed")


class _ReplayStream:
    def __init__(self, engine: ReplayEngine, script: Script, request: GenerateRequest) -> None:
        self._engine = engine
        self._script = script
        self._request = request
        self._tokens: list[Token] = []
        self._stop: StopReason | None = None
        engine.log("generating")

    async def __aiter__(self) -> AsyncIterator[Token]:
        await asyncio.sleep(self._script.prefill_ms / 1000)
        for token in self._in_turns():
            await asyncio.sleep(self._script.token_ms / 1000)
            if self._stop is not None:
                return
            self._tokens.append(token)
            yield token
        self._stop = StopReason.END if self._request.max_tokens else StopReason.MAX_TOKENS

    async def stop(self) -> None:
        self._stop = StopReason.CANCELLED

    async def result(self) -> Generation:
        if self._stop is None:
            async for _ in self:
                pass
        assert self._stop is not None
        n_prompt = len(self._request.token_ids) + len(self._request.typed_ids)
        timings = Timings(1.0, 1.0, n_prompt, 0, len(self._tokens))
        return generation_of(self._tokens, self._stop, timings)

    async def close(self) -> None:
        if self._stop is None:
            self._stop = StopReason.CANCELLED
        self._engine.log(self._stop.value)

    def _in_turns(self) -> list[Token]:
        """The answer and its alternatives, a token of each at a time."""
        others = [
            [Token(ord(character) % 256, character, -0.5, 1 + number) for character in text]
            for number, text in enumerate(self._script.alternatives[: self._request.n_alternatives])
        ]
        rounds = islice(zip_longest(self._answer(), *others), self._request.max_tokens)
        return [token for turn in rounds for token in turn if token is not None]

    def _answer(self) -> list[Token]:
        if self._request.priority is Priority.COMMAND:
            return [Token(ord(each) % 256, each, -0.001) for each in self._reply()]
        prefix_ids = self._request.token_ids[1 : self._request.token_ids.index(SUF)]
        before = bytes([*prefix_ids, *self._request.typed_ids]).decode("utf-8", errors="replace")
        if self._script.dies_on and before.endswith(self._script.dies_on):
            raise EngineDied("The engine stopped while it was working; it is being started again.")
        ends = [end for end in self._script.answers if before.endswith(end)]
        text = self._script.answers[max(ends, key=len)] if ends else self._script.default
        return [Token(ord(character) % 256, character, -0.001) for character in text]

    def _reply(self) -> str:
        said = spoken(self._request.token_ids)
        for each in self._engine.replies:
            if each[0] in said:
                self._engine.replies.remove(each)
                return each[1]
        raise AssertionError(f"nothing was scripted for: {said}")


def spoken(token_ids: Iterable[int]) -> str:
    """A conversation's tokens as text."""
    return bytes(token for token in token_ids if token < 256).decode("utf-8", errors="replace")


def replaying(script: Script) -> Launched:
    """The replay engine, wired as the real one is."""

    async def read_format() -> ModelFormat:
        return ModelFormat(FORMAT, ByteTokenizer(), chat=CHAT)

    return Launched(ReplayEngine(script), read_format, "replay: a script")


def script_of(environment: Mapping[str, str]) -> Script:
    """The script that a test put into the environment of the server it starts."""
    options: dict[str, Any] = json.loads(environment.get("CODESLM_TEST_SCRIPT", "{}"))
    return Script(**options)
