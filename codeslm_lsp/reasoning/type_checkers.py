"""Text of a Python file → what a type checker on the path says of it. The file is read, not run.

The project's own configuration is not read: it may name plug-ins, which are programs.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.reasoning.checkers import Finding, run_checker

CHECK_S = 90.0
"""mypy reads all that the file imports; the first time that takes a minute in a large project."""


_MYPY = (
    "--config-file=",
    "--output=json",
    "--ignore-missing-imports",
    "--follow-imports=silent",
    "--check-untyped-defs",  # Else nothing would be found in a function before it has annotations.
)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a checker finds in each of two versions of a file."""

    checker: str
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]

    @property
    def new(self) -> list[Finding]:
        """What is found only in the second one, or more often."""
        left = Counter((each.code, each.message) for each in self.before)
        found = []
        for each in self.after:
            if left[each.code, each.message] > 0:
                left[each.code, each.message] -= 1
            else:
                found.append(each)
        return found


async def check_types(path: str, before: str, after: str, folder: Path | None) -> Typed | None:
    """Both versions of a file, by mypy or pyright; ``None`` where there is neither, or it fails."""
    name, program = next(((name, found) for name in ("mypy", "pyright") if (found := shutil.which(name))), ("", ""))
    if not program:
        return None
    with tempfile.TemporaryDirectory(prefix="codeslm-types-") as room:
        findings = []
        for text in (before, after):
            file = Path(room, Path(path).name)
            await asyncio.to_thread(file.write_text, text, encoding="utf-8")
            each = await _checked(name, program, file, folder)
            if each is None:
                return None
            findings.append(each)
    return Typed(name, findings[0], findings[1])


async def _checked(name: str, program: str, file: Path, folder: Path | None) -> tuple[Finding, ...] | None:
    sources = [str(each) for each in (folder, folder / "src") if each.is_dir()] if folder is not None else []
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(sources)}
    if name == "mypy":
        command = [program, *_MYPY, f"--cache-dir={file.parent / 'cache'}", file.name]
    else:
        command = [program, "--outputjson", file.name]
    ended = await run_checker(command, "", CHECK_S, file.parent, environment)
    if ended is None or ended[0] not in (0, 1):
        return None
    try:
        return tuple(_mypy(ended[1]) if name == "mypy" else _pyright(ended[1]))
    except (ValueError, KeyError, TypeError):
        return None


def _mypy(said: str) -> list[Finding]:
    rows = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [
        Finding("mypy", str(row.get("code") or ""), int(row["line"]), str(row["message"]))
        for row in rows
        if row["severity"] == "error"
    ]


def _pyright(said: str) -> list[Finding]:
    return [
        Finding("pyright", str(row.get("rule") or ""), int(row["range"]["start"]["line"]) + 1, str(row["message"]))
        for row in json.loads(said)["generalDiagnostics"]
        if row["severity"] == "error"
    ]
