"""Versions of a file that is being repaired → what the checkers say of it, that of the diagnostic among them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

from codeslm_lsp.reasoning.checkers import Finding, Findings, check_python
from codeslm_lsp.reasoning.question import Complaint, Means, Question
from codeslm_lsp.reasoning.type_checkers import TypeChecker, type_checker
from codeslm_lsp.values import Document

TOOLS = {"mypy": "mypy", "dmypy": "mypy", "pyright": "pyright", "basedpyright": "pyright", "pylance": "pyright"}
"""By what language servers give as ``source``: which checker on the path says the same."""

UNDEFINED = frozenset({"name-defined", "syntax", "reportUndefinedVariable"})
"""What type checkers find and ruff or the compiler has told already."""

_CODE_BEHIND = re.compile(r"\s*\[[a-z-]+\]\s*$")


class Look:
    """Compiler and ruff, and a type checker where that is who complains, or nobody else finds anything there.

    ``row`` is where the user looks, counted from 1.
    """

    def __init__(self, complaint: Complaint | None, row: int, checker: TypeChecker | None, *, is_python: bool) -> None:
        self._complaint = complaint
        self._row = row
        self._checker = checker
        self._is_python = is_python
        self._by_types = complaint is not None and complaint.source.lower() in TOOLS

    async def first(self, text: str) -> Findings:
        """What is found in the file as it is; it decides who is asked about other versions."""
        if not self._is_python:
            return Findings((), ())
        found = await self(text)
        is_known = any(self._is_meant(each) for each in found.found)
        if not is_known and not self._by_types:
            self._by_types = True
            found = await self(text)
        return found

    def _is_meant(self, finding: Finding) -> bool:
        return finding.line == self._row if self._complaint is None else is_said_by(finding, self._complaint)

    async def __call__(self, text: str) -> Findings:
        """Everything that is found in this version."""
        if self._checker is None or not self._by_types:
            return await check_python(text)
        found, typed = await asyncio.gather(check_python(text), self._checker.findings(text))
        if typed is None:
            return found
        rest = tuple(each for each in typed if each.code not in UNDEFINED)
        return Findings((*found.found, *rest), (*found.checkers, self._checker.name))


@contextmanager
def looking(question: Question, document: Document, means: Means, *, is_python: bool) -> Iterator[Look]:
    """The checkers for the file that is asked about."""
    complaint = complaint_in(question)
    tool = TOOLS.get(complaint.source.lower(), "") if complaint is not None else ""
    with type_checker(document.path, means.folder, tool) as checker:
        row = document.text.count("\n", 0, question.start) + 1
        yield Look(complaint, row, checker, is_python=is_python)


def complaint_in(question: Question) -> Complaint | None:
    """The editor's diagnostic, or what was typed."""
    if question.complaints:
        return question.complaints[0]
    words = question.words.strip()
    return Complaint(question.start, question.end, words) if words else None


def is_said_by(finding: Finding, complaint: Complaint) -> bool:
    """Whether a checker found what is complained about; some servers write the rule behind the message."""
    is_same_rule = not complaint.code or finding.code == complaint.code
    said = " ".join(complaint.message.split())  # pyright's reasons are lines of their own.
    return is_same_rule and finding.message == _CODE_BEHIND.sub("", said)
