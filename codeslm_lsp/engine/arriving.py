"""The tokens of one generation as they arrive, for whoever reads them meanwhile or waits for the whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from codeslm_lsp.engine.protocol import GenerateRequest, generation_of
from codeslm_lsp.values import Generation, StopReason, Timings, Token


class Arriving:
    """What all streams of tokens have in common; who makes one begins ``work``, which ``put``s tokens and ends it."""

    def __init__(self, request: GenerateRequest, work: Coroutine[Any, Any, tuple[StopReason, Timings]]) -> None:
        self._request = request
        self._tokens: list[Token] = []
        self._news = asyncio.Event()
        self._answer = asyncio.create_task(self._to_its_end(work))
        self._answer.add_done_callback(retrieve)

    @property
    def has_ended(self) -> bool:
        """Whether there will be no more tokens."""
        return self._answer.done()

    def put(self, token: Token) -> None:
        """Called for each token that arrives."""
        self._tokens.append(token)
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Token]:
        position = 0
        while True:
            self._news.clear()
            while position < len(self._tokens):
                yield self._tokens[position]
                position += 1
            if self._answer.done():
                if position < len(self._tokens):
                    continue
                await self._answer
                return
            await self._news.wait()

    async def result(self) -> Generation:
        """See ``TokenStream.result``."""
        stop, timings = await asyncio.shield(self._answer)
        return generation_of(self._request, self._tokens, stop, timings)

    async def _to_its_end(self, work: Coroutine[Any, Any, tuple[StopReason, Timings]]) -> tuple[StopReason, Timings]:
        try:
            return await work
        finally:
            self._news.set()


def retrieve(task: asyncio.Future[Any]) -> None:
    """Mark an exception as seen: whoever waits for the task gets it again."""
    if not task.cancelled():
        task.exception()
