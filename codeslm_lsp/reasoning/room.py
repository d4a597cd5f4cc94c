"""A document of a project → a place where its code may be run: a sandbox, copies of the project's files, a Python."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from codeslm_lsp.reasoning.interpreter import OURS, Interpreter, interpreter_of
from codeslm_lsp.reasoning.project import project_files
from codeslm_lsp.reasoning.question import Means
from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.sandbox.outcome import Outcome
from codeslm_lsp.sandbox.workshop import Workshop
from codeslm_lsp.values import Document, SandboxUnavailable

RUN = Limits(wall_s=120.0, cpu_s=30)
"""What does not end uses up its processor time; the rest is patience with a busy machine."""

NOT_ALLOWED = "allow it for this project first (`codeslm allow`, or --run for once)"
"""What to do so that code is run."""


@dataclass(frozen=True, slots=True)
class Room:
    """``files`` are the project's, by their paths in it."""

    mechanism: Mechanism
    files: Mapping[str, str]
    python: Interpreter = OURS

    def with_files(self, files: Mapping[str, str]) -> Room:
        """The same with these files added, or instead of those of the same name."""
        return replace(self, files={**self.files, **files})

    async def run_python(
        self, arguments: Sequence[str], files: Mapping[str, str] | None = None, limits: Limits = RUN
    ) -> Outcome:
        """Run a script among the files, or ``-m`` and a module, in a sandbox of its own. ``files`` are added."""
        everything = {**self.files, **(files or {})}
        async with Workshop(everything, limits, mechanism=self.mechanism, readable=self.python.readable) as shop:
            return await shop.run([*self.python.command, *arguments])


async def room_for(document: Document, means: Means, refusal: str = "Nothing was run") -> Room | str:
    """Where code of this document may be run; or why it may not, in a sentence that begins with ``refusal``."""
    if not means.may_run:
        return f"{refusal}: {NOT_ALLOWED}."
    try:
        mechanism = await detect()
    except SandboxUnavailable as error:
        return str(error)
    files = await asyncio.to_thread(project_files, means.folder, document.path, document.text)
    python = await asyncio.to_thread(interpreter_of, means.folder)
    return Room(mechanism, files, python)
