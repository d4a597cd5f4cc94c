"""Whatever is edited, the KV cache holds the tokens of the document as it is now, and goes on as a cold one does.

The real completer on a real model, in this process so that its sequences can be looked into.
"""

from __future__ import annotations

import asyncio
import random
import textwrap
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codeslm_lsp.completion.completer import Completer
from codeslm_lsp.completion.model_format import ModelFormat, read_format
from codeslm_lsp.engine.llama_lanes import Lanes
from codeslm_lsp.engine.llama_model import LlamaModel, LlamaOptions
from codeslm_lsp.engine.llama_session import HEALED_TOKENS
from codeslm_lsp.engine.protocol import GenerateRequest, generation_of, with_typed_ids
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Cursor, Document, Evaluated, Generation, ModelInfo, Token, Trigger, Tuning

SOURCE = "".join(Path(textwrap.__file__).read_text(encoding="utf-8").splitlines(keepends=True)[60:110])
SPARE = 15
"""A sequence that no document of this test uses: for cold evaluations."""

N_EDITS = 250
"""Of each example; with two examples they are 500."""

SNIPPETS = [
    "x",
    " ",
    "\n",
    "\n    ",
    "return ",
    "self.",
    "(",
    ")",
    "é",
    "# note\n",
    "import os\n",
    "value = text.split()",
    "",
]


class DirectEngine:
    """An ``Engine`` that evaluates at once, and remembers the last request."""

    def __init__(self, path: Path) -> None:
        self.model = LlamaModel(str(path), LlamaOptions(n_ctx=1024, n_threads=1, cache_bytes=32 << 20))
        self.lanes = Lanes(self.model)
        self.last: GenerateRequest | None = None
        self.noise = 0.0

    async def ready(self, timeout_ms: float) -> ModelInfo:
        return ModelInfo("direct", "", self.model.n_ctx, self.model.n_vocab)

    @asynccontextmanager
    async def generate(self, request: GenerateRequest) -> AsyncIterator[Answer]:
        self.last = request = with_typed_ids(request, self.model.tokenize)
        yield Answer(self.lanes, request)

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.model.tokenize(text) for text in texts]

    async def n_warm(self, token_ids: Sequence[int]) -> int:
        return self.lanes.n_warm(tuple(token_ids))

    def evaluated(self) -> Evaluated:
        return Evaluated()

    def tuning(self) -> Tuning | None:
        return None

    async def close(self) -> None:
        self.model.close()


class Answer:
    """What the lanes say, all of it at once."""

    def __init__(self, lanes: Lanes, request: GenerateRequest) -> None:
        self._request = request
        self._tokens: list[Token] = []
        tokens = lanes.run(request, lambda: False)
        while True:
            try:
                self._tokens.append(next(tokens))
            except StopIteration as end:
                self._end = end.value
                return

    async def __aiter__(self) -> AsyncIterator[Token]:
        for token in self._tokens:
            yield token

    async def stop(self) -> None:
        """It has ended."""

    async def enough(self) -> None:
        """It has ended."""

    async def result(self) -> Generation:
        return generation_of(self._request, self._tokens, *self._end)


@pytest.fixture(scope="module")
def engine(small_model: Path) -> Iterator[DirectEngine]:
    made = DirectEngine(small_model)
    tokens = made.model.tokenize(SOURCE)[:200]
    whole = made.model.evaluate(SPARE, tokens, 0, 1)[0]
    made.model.evaluate(SPARE, tokens[:-3], 0, 1)
    made.noise = float(np.abs(whole - made.model.evaluate(SPARE, tokens[-3:], 197, 1)[0]).max())
    yield made
    made.model.close()


@pytest.fixture(scope="module")
def model_format(small_model: Path, engine: DirectEngine) -> ModelFormat:
    return asyncio.run(read_format(small_model, engine))


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_cache_is_the_document(seed: int, engine: DirectEngine, model_format: ModelFormat) -> None:
    asyncio.run(edit_at_random(random.Random(seed), engine, model_format))


async def edit_at_random(draw: random.Random, engine: DirectEngine, model_format: ModelFormat) -> None:
    async def known_format() -> ModelFormat:
        return model_format

    options = {"completion": {"prefetch": "never", "max_tokens": 2, "alternatives": 0}, "prompt": {"max_tokens": 64}}
    completer = Completer(engine, known_format, Settings.model_validate(options))
    text, cursor = SOURCE, len(SOURCE) // 2
    for version in range(N_EDITS):
        text, cursor = edited(text, cursor, draw)
        if draw.random() < 0.06:
            document = Document(f"file:///{version % 2}.py", "a.py", "python", version, text)
            await completer.complete(document, Cursor(cursor), Trigger.INVOKED)
            check(engine, document, cursor, compares_logits=draw.random() < 0.3)


def edited(text: str, cursor: int, draw: random.Random) -> tuple[str, int]:
    """Mostly a key where the cursor is; now and then a jump, or something changed elsewhere."""
    what = draw.random()
    if what < 0.1:
        cursor = draw.randrange(len(text) + 1)
    elif what < 0.2:
        place, new = draw.randrange(len(text) + 1), draw.choice(SNIPPETS)
        end = min(len(text), place + draw.randrange(4))
        shift = len(new) - (end - place) if place <= cursor else 0
        return text[:place] + new + text[end:], max(0, min(cursor + shift, len(text) + shift))
    elif what < 0.35:
        return text[: max(0, cursor - 1)] + text[cursor:], max(0, cursor - 1)
    new = draw.choice(SNIPPETS)
    return text[:cursor] + new + text[cursor:], cursor + len(new)


def check(engine: DirectEngine, document: Document, cursor: int, *, compares_logits: bool) -> None:
    request = engine.last
    assert request is not None
    own = (lane for lane in engine.lanes._lanes if lane.document == request.document)
    lane = next(lane for lane in own if lane.prompt == request.token_ids)
    target = [*request.token_ids, *request.typed_ids]
    sure = target[: len(target) - min(HEALED_TOKENS, len(request.typed_ids))]
    held = list(lane.session.tokens)
    number = engine.lanes._lanes.index(lane)
    assert held[: len(sure)] == sure
    assert engine.model.n_evaluated(number) == len(held)
    typed = text_of(engine, request.typed_ids)
    assert document.text[:cursor].endswith(typed)
    shown = text_of(engine, request.token_ids)
    rest_of_line = document.text[cursor:].partition("\n")[0]  # What is shown of the text below may end with the line.
    assert document.text[:cursor].removesuffix(typed)[-20:] + rest_of_line[:20] in shown.replace("\r", "")
    if compares_logits:
        assert np.abs(behind(engine, number, held) - cold(engine, held)).max() < 4 * engine.noise


def text_of(engine: DirectEngine, tokens: Sequence[int]) -> str:
    return b"".join(engine.model.pieces[token] for token in tokens).decode(errors="replace")


def behind(engine: DirectEngine, number: int, held: Sequence[int]) -> NDArray[np.float32]:
    """The logits behind the last token that the warm sequence holds."""
    rows = engine.model.evaluate(number, held[-1:], len(held) - 1, 1)
    return rows.reshape(-1)


def cold(engine: DirectEngine, tokens: Sequence[int]) -> NDArray[np.float32]:
    """The logits behind the last token, all of them evaluated anew."""
    rows = engine.model.evaluate(SPARE, tokens, 0, 1)
    return rows.reshape(-1)
