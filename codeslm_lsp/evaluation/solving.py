"""Problems in words → how often they are solved: by the command, through the real server, and by the model alone.

The model alone (``plain``) is the command's first derivation: the model reasons step by step at temperature 0, and what
it boxed is its answer. Nothing has been computed or compared by then, so that both are paired at the price of one.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.client import Server, serving
from codeslm_lsp.evaluation.problems import Problem
from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.solve import NO_ANSWER
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import CodeslmError

PLAIN, SOLVE = "plain", "solve"

IN_WORDS = "Please solve the following problem: "
"""Makes a problem in words of what is only a formula."""


@dataclass(frozen=True, slots=True)
class Derived:
    """One derivation of the command, with what it came to; ``right`` is whether that is the answer."""

    how: str
    answer: str
    right: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Solved:
    """One problem by the command; ``plain`` says whether the model alone had it right.

    ``answer`` is empty where there is none, and then ``error`` may say why; else it says why the model alone has none.
    ``ms`` is from question to answer.
    """

    id: str
    subject: str
    answer: str
    right: bool
    badge: str
    ms: float
    n_tokens: int
    plain: bool
    derivations: tuple[Derived, ...] = ()
    error: str = ""


@asynccontextmanager
async def solving(model: Path, settings: Settings) -> AsyncIterator[_Solver]:
    """The real server with this model, and somebody who compares its answers with the right ones."""
    mathematician = Mathematician()
    try:
        async with serving(model, settings) as server:
            yield _Solver(server, mathematician)
    finally:
        await mathematician.close()


class _Solver:
    def __init__(self, server: Server, mathematician: Mathematician) -> None:
        self._server = server
        self._mathematician = mathematician

    async def solve(self, problem: Problem) -> Solved:
        """Ask the server, and compare what it says."""
        started = time.perf_counter()
        said = await self._server.command("codeslm.solve", {"words": problem.text})
        ms = (time.perf_counter() - started) * 1000
        if "error" in said:
            return Solved(problem.id, problem.subject, "", False, "", ms, 0, False, error=said["error"])
        derived, error = derivations_of(said), ""
        if not derived:  # Computed as it stands. The model alone has to be asked for, in words.
            asked = await self._server.command("codeslm.solve", {"words": IN_WORDS + problem.text})
            error = asked.get("error", "")
            derived = derivations_of(asked) if not error else []
        derivations = [
            Derived(each["how"], each["answer"], await self._is_right(problem, each["answer"]), each["text"])
            for each in derived
        ]
        answer = said["value"]
        return Solved(
            problem.id,
            problem.subject,
            answer,
            await self._is_right(problem, answer),
            said["badge"],
            ms,
            said["timings"]["n_tokens"],
            bool(derivations) and derivations[0].right,
            tuple(derivations),
            error,
        )

    async def _is_right(self, problem: Problem, answer: str) -> bool:
        try:
            return bool(answer) and await self._mathematician.equal(problem.answer, answer)
        except CodeslmError:
            return False


def derivations_of(said: Mapping[str, Any]) -> list[dict[str, str]]:
    """The derivations among an answer's evidence; none where it was computed without the model."""
    found = []
    for check in said["evidence"]:
        if check["kind"] == "derivation":
            how = check["detail"].removesuffix(f": {check['value'] or NO_ANSWER}")
            found.append({"how": how, "answer": check["value"], "text": check["replay"]})
    return found


def known_again(row: Mapping[str, Any]) -> Solved:
    """A line of a record. Raises ``KeyError`` and ``TypeError`` for one of something else."""
    return Solved(**{**row, "derivations": tuple(Derived(**each) for each in row["derivations"])})
