"""Asks the worker, and ends it when it takes too long: each answer comes in time, or one sentence that says why not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Collection
from typing import Any

from codeslm_lsp.mathematics.answers import Computed, Sample, Verdict, computed_from, samples_from, verdict_from
from codeslm_lsp.mathematics.expressions import Expression
from codeslm_lsp.mathematics.naming import declaration
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.values import ExpressionError, UnitsError

MEMORY_BYTES = 1 << 30
"""Address space of the worker; SymPy and what it needs take 200 MB of it."""

GRACE = 0.8
"""The worker is told this share of the limit, so that it can say what it found before it would be killed."""

START_S = 30.0
"""For the worker's start, which imports SymPy: half a second, longer on a busy machine. It is no thinking time."""

MAX_LINE_BYTES = 1 << 20
"""An exact answer has at most 6,000 digits, and there are at most 60 of them."""

CLOSED = "Mathematics has been closed; open it again to ask."


class Mathematician:
    """Checks mathematics in a process of its own, one question at a time. All methods belong to one event loop.

    The process starts with the first question. ``limit_s`` is for each question.
    """

    def __init__(self, limit_s: float = 10.0) -> None:
        self._limit_s = limit_s
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._n_asked = 0
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return self._process.pid if self._process is not None else None

    async def verify(self, text: str) -> Verdict:
        """Whether a claim is true; ``unknown`` where neither was found in time. Raises ``ExpressionError``."""
        try:
            return verdict_from(await self._ask("verify", text))
        except _Overrun as error:
            return Verdict("unknown", str(error), {}, text)

    async def agree(
        self,
        left: Expression,
        right: Expression,
        whole: Collection[str] = (),
        variables: Collection[str] = (),
        clause: str = "",
    ) -> Verdict:
        """Whether two expressions are the same function; ``whole`` are its integers, ``clause`` as behind a claim.

        ``variables`` are none of the constants, whatever they are called. Raises ``ExpressionError``.
        """
        declared = declaration((left, right), whole, variables)
        try:
            return verdict_from(await self._ask("agree", to_text(left), to_text(right), declared, clause))
        except _Overrun as error:
            return Verdict("unknown", str(error), {}, f"{to_text(left)} = {to_text(right)}")

    async def sample(
        self, node: Expression, whole: Collection[str] = (), variables: Collection[str] = (), clause: str = ""
    ) -> tuple[Sample, ...]:
        """Values of an expression at points of its domain. Arguments are those of ``agree``.

        Raises ``ExpressionError``.
        """
        declared = declaration((node,), whole, variables)
        return samples_from(await self._ask("sample", to_text(node), declared, clause))

    async def compute(self, statements: str) -> Computed:
        """The value of ``answer``; quantities have units, as in ``3 km + 200 m``.

        Raises ``ExpressionError``, and ``UnitsError`` where all is understood but the units.
        """
        return computed_from(await self._ask("compute", statements))

    async def equal(self, left: str, right: str) -> bool:
        """Whether two answers say the same. Raises ``ExpressionError``."""
        return bool(await self._ask("equal", left, right))

    async def close(self) -> None:
        """End the worker at once; nobody's work is lost. A question that waits raises ``ExpressionError``."""
        self._is_closed = True
        await self._end()

    async def _ask(self, task: str, *texts: str) -> Any:
        async with self._turn:
            if self._is_closed:
                raise ExpressionError(CLOSED)
            self._n_asked += 1
            question = {"id": self._n_asked, "task": task, "texts": texts, "limit_s": self._limit_s * GRACE}
            try:
                process = self._process if self._process is not None else await self._start()
                if self._is_closed:  # While it started.
                    raise ExpressionError(CLOSED)
                said = await self._told(process, question)
            except BaseException:
                # Whatever the worker does now is not wanted any more, a cancelled question included.
                await self._end()
                raise
        if "error" in said:
            raise (UnitsError if said.get("is_units") else ExpressionError)(said["error"])
        return said["answer"]

    async def _start(self) -> asyncio.subprocess.Process:
        # "-P": a module of the user's project must not take the place of one of Python's.
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "codeslm_lsp.mathematics.worker", str(MEMORY_BYTES)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE_BYTES,
        )
        await self._told(process, {"id": 0, "task": "equal", "texts": ("1", "1"), "limit_s": START_S}, START_S)
        return process

    async def _told(
        self, process: asyncio.subprocess.Process, question: dict[str, Any], limit_s: float | None = None
    ) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        limit_s = limit_s if limit_s is not None else self._limit_s
        process.stdin.write(json.dumps(question).encode() + b"\n")
        try:
            line = await asyncio.wait_for(process.stdout.readline(), limit_s)
        except TimeoutError:
            raise _Overrun(f"It took longer than {limit_s:g} s; ask for something smaller.") from None
        except ValueError:
            raise ExpressionError("The answer is too long to be told; ask for something smaller.") from None
        if not line:
            raise ExpressionError("The mathematics process ended over this; ask for something smaller.")
        said: dict[str, Any] = json.loads(line)
        return said

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


class _Overrun(ExpressionError):
    """The worker was killed because it took too long."""
