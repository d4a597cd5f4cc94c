"""The one fake of the project: an engine that replays a script. Its tokens are the bytes of UTF-8, one each."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.engine.protocol import GenerateRequest, TokenStream, generation_of, with_typed_ids
from codeslm_lsp.engine.stop_texts import StopTexts
from codeslm_lsp.prompt.chat import ChatFormat
from codeslm_lsp.prompt.detect import FimFormat, Slot
from codeslm_lsp.values import (
    BRANCH_END,
    EngineDied,
    EngineLoading,
    EngineUnavailable,
    Evaluated,
    Generation,
    InputError,
    ModelInfo,
    Priority,
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
    ``command_answers`` are what commands are answered, in the order in which they ask; the last also to all that ask
    later. A command that asks for several samples takes as many at once. Where there are none, a command is answered as
    a completion. ``token_ms`` is the time of each token; ``command_token_ms``, if given, that of a command's.
    Or ``replies``: for a conversation in which the first of a pair stands, its second; each pair serves once.
    ``refuses`` is said to whoever comes with a grammar, as if that could not be used.
    ``n_warm`` is how much of any prompt it says to have evaluated.
    ``events`` is a file to which the engine writes a line for whatever happens to it, ``prompts`` one to which it
    writes all that it is shown.
    Where it ``echoes``, it completes with a digest of the text that it sees (see ``echo``), and keeps no request.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    default: str = "REPLAY"
    alternatives: Sequence[str] = ()
    load_ms: float = 0
    prefill_ms: float = 0
    token_ms: float = 0
    command_answers: Sequence[str] = ()
    replies: Sequence[tuple[str, str]] = ()
    command_token_ms: float | None = None
    refuses: str = ""
    n_warm: int = 0
    never_loads: str = ""
    dies_on: str = ""
    events: str = ""
    prompts: str = ""
    echoes: bool = False


class ReplayEngine:
    """An ``Engine`` that answers from its script."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._loaded_at: float | None = None
        self._n_answered = 0
        self.replies = list(script.replies)
        self.requests: list[GenerateRequest] = []
        self.log("started")

    def log(self, event: str) -> None:
        _append(self._script.events, event)

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
        request = with_typed_ids(request, lambda text: [*text.encode("utf-8")])
        if not self._script.echoes:
            self.requests.append(request)
        _append(self._script.prompts, spoken([*request.token_ids, *request.typed_ids]))
        stream = _ReplayStream(self, self._script, request)
        try:
            yield stream
        finally:
            await stream.close()

    def next_answers(self, n: int) -> list[str]:
        """What the next ``n`` commands, or samples of one, are answered."""
        answers = self._script.command_answers
        first, self._n_answered = self._n_answered, self._n_answered + n
        return [answers[min(number, len(answers) - 1)] for number in range(first, first + n)]

    def reply_to(self, request: GenerateRequest) -> str:
        """What the script replies to this conversation."""
        said = spoken(request.token_ids)
        for each in self.replies:
            if each[0] in said:
                self.replies.remove(each)
                return each[1]
        raise AssertionError(f"nothing was scripted for: {said}")

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return await ByteTokenizer().encode(texts)

    async def n_warm(self, token_ids: Sequence[int]) -> int:
        return min(self._script.n_warm, len(token_ids))

    def evaluated(self) -> Evaluated:
        n_evaluated = dict.fromkeys(Priority, 0)
        for request in self.requests:
            n_evaluated[request.priority] += len(request.token_ids)
        n_foreground, n_commands, n_background = n_evaluated.values()
        return Evaluated(n_foreground, n_background, n_commands)

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
        self._is_command = request.priority is Priority.COMMAND and bool(script.command_answers or script.replies)
        self._commanded: list[str] = []
        if self._is_command:
            if script.command_answers:
                self._commanded = engine.next_answers(request.n_samples)
            else:
                self._commanded = [engine.reply_to(request) for _ in range(request.n_samples)]
        engine.log("generating")

    async def __aiter__(self) -> AsyncIterator[Token]:
        if self._script.refuses and self._request.grammar:
            raise InputError(self._script.refuses)
        await asyncio.sleep(self._script.prefill_ms / 1000)
        seen: dict[int, StopTexts] = {}
        ended: set[int] = set()
        for token in self._in_turns():
            if token.branch in ended:
                continue
            await asyncio.sleep(self._token_ms() / 1000)
            if self._stop is not None:
                return
            self._tokens.append(token)
            yield token
            if seen.setdefault(token.branch, StopTexts(self._request.stop_texts)).push(token.text):
                ended.add(token.branch)
        if self._stop is None:
            self._stop = StopReason.END if self._says_all() else StopReason.MAX_TOKENS

    async def stop(self) -> None:
        self._stop = StopReason.CANCELLED

    async def enough(self) -> None:
        await self.stop()

    async def result(self) -> Generation:
        if self._stop is None:
            async for _ in self:
                pass
        assert self._stop is not None
        n_prompt = len(self._request.token_ids) + len(self._request.typed_ids)
        timings = Timings(1.0, 1.0, n_prompt, 0, len(self._tokens))
        return generation_of(self._request, self._tokens, self._stop, timings)

    async def close(self) -> None:
        if self._stop is None:
            self._stop = StopReason.CANCELLED
        self._engine.log(self._stop.value)

    def _token_ms(self) -> float:
        of_command = self._script.command_token_ms
        return of_command if self._is_command and of_command is not None else self._script.token_ms

    def _says_all(self) -> bool:
        """Whether a command has said all it had to say; a completion that is cut off says that it has."""
        if not self._is_command:
            return self._request.max_tokens > 0
        texts = (
            "".join(token.text for token in self._tokens if token.branch == n) for n in range(len(self._commanded))
        )
        return all(
            said == wanted or any(stop in said for stop in self._request.stop_texts)
            for said, wanted in zip(texts, self._commanded, strict=True)
        )

    def _in_turns(self) -> list[Token]:
        """The answer and its alternatives or the samples, a token of each at a time."""
        if self._is_command:
            first, *others = (_tokens(text, branch, -0.1) for branch, text in enumerate(self._commanded))
        else:
            first = self._answer()
            alternatives = self._script.alternatives[: self._request.n_alternatives]
            others = [_tokens(text, 1 + number, -0.5) for number, text in enumerate(alternatives)]
        branches = [first, *others]
        said: list[Token] = []
        for n, turn in enumerate(islice(zip_longest(*branches), self._request.max_tokens), start=1):
            said += (token for token in turn if token is not None)
            if others:
                said += (Token(BRANCH_END, "", 0.0, branch) for branch, all_ in enumerate(branches) if len(all_) == n)
        return said

    def _answer(self) -> list[Token]:
        ids = self._request.token_ids
        prefix_ids = ids[1 : ids.index(SUF)] if SUF in ids else [token for token in ids if token < 256]
        before = bytes([*prefix_ids, *self._request.typed_ids]).decode("utf-8", errors="replace")
        if self._script.echoes:
            behind = ids[ids.index(SUF) + 1 : ids.index(MID)] if SUF in ids else ()
            return _tokens(echo(before, bytes(behind).decode("utf-8", errors="replace")), 0, -0.001)
        if self._script.dies_on and before.endswith(self._script.dies_on):
            raise EngineDied("The engine stopped while it was working; it is being started again.")
        ends = [end for end in self._script.answers if before.endswith(end)]
        text = self._script.answers[max(ends, key=len)] if ends else self._script.default
        return _tokens(text, 0, -0.001)


def _append(path: str, line: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def echo(before: str, behind: str) -> str:
    """What an engine that echoes says between these texts: a name that no other text gives."""
    one, other = (hashlib.blake2b(text.encode(), digest_size=5).hexdigest() for text in (before, behind))
    return f"saw_{one}_{other}"


def _tokens(text: str, branch: int, logprob: float) -> list[Token]:
    return [Token(ord(character) % 256, character, logprob, branch) for character in text]


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
