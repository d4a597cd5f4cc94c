"""What a user asks of a command, and what a command has to answer with. No logic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.speaker import Listener, Speaker
from codeslm_lsp.values import Answer, Document
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.index import Index


@dataclass(frozen=True, slots=True)
class Complaint:
    """A diagnostic of a language server or a checker, in code points of the document.

    ``source`` is who says so (``"ruff"``), ``code`` which rule (``"F821"``); both may be empty.
    """

    start: int
    end: int
    message: str
    source: str = ""
    code: str = ""

    @property
    def sentence(self) -> str:
        """``"ruff F821: Undefined name `x`"``."""
        return f"{self.source} {self.code}: {self.message}".strip(" :")


@dataclass(frozen=True, slots=True)
class Question:
    """``words`` are what was typed, ``[start, end)`` is what is selected in ``document``, or where the cursor is.

    ``n_examples`` is how many inputs are to be tried, 0 for as many as the command thinks right. ``language`` is what
    is to be translated into.
    """

    words: str = ""
    document: Document | None = None
    start: int = 0
    end: int = 0
    complaints: tuple[Complaint, ...] = ()
    n_examples: int = 0
    language: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What commands may use. ``listen`` hears the answer while it is being written.

    ``index`` is that of the workspace's ``folder``. ``may_run`` says whether the user lets code of this workspace be
    run in the sandbox. ``environment`` knows what installed modules have.
    """

    speaker: Speaker
    mathematician: Mathematician
    listen: Listener = lambda _: None
    index: Index | None = None
    folder: Path | None = None
    environment: Environment | None = None
    may_run: bool = False


Command = Callable[[Question, Means], Awaitable[Answer]]
"""Answers one question. Raises ``CodeslmError``, with one sentence, when there can be no answer."""
