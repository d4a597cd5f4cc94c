"""A stream of tokens → the generation, stopped where what was asked for is complete."""

from __future__ import annotations

import math
import time

from codeslm_lsp.completion.postprocess.draft import Draft
from codeslm_lsp.completion.stopping import line_end, wanted_end
from codeslm_lsp.engine.protocol import GenerateRequest, TokenStream, generation_of
from codeslm_lsp.values import Generation, StopReason, Timings, Token


async def read(stream: TokenStream, request: GenerateRequest, around: Draft, patience_ms: float) -> Generation:
    """Read until what was asked for is complete, or a line of it is and ``patience_ms`` have passed.

    Then the engine is told so, and not waited for: what it has said is enough, only its timings are not known yet.
    """
    tokens: list[Token] = []
    texts: dict[int, str] = {}  # Of continuations that go on.
    n_begun, n_tokens, deadline = 0, 0, math.inf
    async for token in stream:
        tokens.append(token)
        if token.is_end:
            texts.pop(token.branch, None)
            continue
        n_tokens += 1
        n_begun = max(n_begun, token.branch + 1)
        texts[token.branch] = texts.get(token.branch, "") + token.text
        now = time.perf_counter()
        deadline = min(deadline, now + patience_ms / 1000)
        if request.n_alternatives and n_tokens <= n_begun:
            continue  # All continuations begin before one of them goes on.
        if all(_end_of(around, text) is not None for text in texts.values()):
            stop = StopReason.END
        elif now > deadline and all(line_end(text) is not None for text in texts.values()):
            stop = StopReason.TIME_BUDGET
        else:
            continue
        await stream.enough()
        return generation_of(request, tokens, stop, Timings())
    return await stream.result()


def _end_of(around: Draft, text: str) -> int | None:
    """Where in ``text`` what was asked for is complete."""
    return wanted_end(around.extent, around.prefix, text, around.suffix, around.language)
