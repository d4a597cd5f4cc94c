"""Text of a Python file → what checkers say of it: whether it compiles, and what ruff finds where that is installed.

Neither runs the file. The project's own ruff settings are not read: what is undefined is undefined in any style.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECK_S = 15.0
"""A checker that takes longer is ended, and says nothing."""

RULES = "E9,F"
"""Syntax errors, and what pyflakes finds: undefined names, unused imports, wrong formats."""

_COMPILE = "import sys; compile(sys.stdin.buffer.read(), 'file', 'exec', dont_inherit=True)"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a checker complains about. ``line`` counts from 1."""

    source: str
    code: str
    line: int
    message: str

    @property
    def complaint(self) -> tuple[str, str, str]:
        """Who complains about what, whatever line it is on."""
        return self.source, self.code, self.message


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, and by whom it was looked for: ``("compile", "ruff")``."""

    found: tuple[Finding, ...]
    checkers: tuple[str, ...]


async def check_python(text: str) -> Findings:
    """Everything that the checkers at hand say."""
    compiled, ruffed = await asyncio.gather(_compiled(text), _ruffed(text))
    found = [*(compiled or ()), *(ruffed or ())]
    checkers = [name for name, result in (("compile", compiled), ("ruff", ruffed)) if result is not None]
    return Findings(tuple(found), tuple(checkers))


def added(before: Findings, after: Findings) -> list[Finding]:
    """What is found only now, whatever line it is on."""
    old = {each.complaint for each in before.found}
    return [each for each in after.found if each.complaint not in old]


def program_of(checker: str) -> str | None:
    """Where a checker is: on the path, or in the environment that this Python belongs to."""
    return shutil.which(checker) or shutil.which(checker, path=str(Path(sys.executable).parent))


async def formatted(text: str) -> str:
    """As ruff writes it; as it is where ruff is not installed."""
    ruff = program_of("ruff")
    ended = await run_checker([ruff, "format", "--isolated", "--no-cache", "-"], text) if ruff is not None else None
    return ended[1] if ended is not None and ended[0] == 0 else text


async def _compiled(text: str) -> list[Finding] | None:
    ended = await run_checker([sys.executable, "-I", "-W", "ignore", "-c", _COMPILE], text)
    if ended is None:
        return None
    code, _, errors = ended
    if code == 0:
        return []
    lines = errors.strip().splitlines()
    place = next((line for line in lines if 'File "file", line' in line), "")
    number = place.rpartition("line ")[2]
    return [Finding("compile", "SyntaxError", int(number) if number.isdigit() else 1, lines[-1] if lines else "")]


async def _ruffed(text: str) -> list[Finding] | None:
    ruff = program_of("ruff")
    if ruff is None:
        return None
    command = [ruff, "check", "--isolated", "--no-cache", "--output-format=json", f"--select={RULES}", "-"]
    ended = await run_checker(command, text)
    if ended is None or ended[0] not in (0, 1):
        return None
    try:
        rows = json.loads(ended[1])
    except ValueError:
        return None
    return [
        Finding("ruff", str(row.get("code") or "syntax"), int(row["location"]["row"]), str(row["message"]))
        for row in rows
    ]


async def run_checker(
    command: list[str],
    text: str,
    limit_s: float = CHECK_S,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str, str] | None:
    """Exit status and output of a program that reads ``text``; ``None`` if it took too long or is not there."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, env=environment
        )
    except OSError:
        return None
    try:
        data = text.encode("utf-8", "replace")
        out, errors = await asyncio.wait_for(process.communicate(data), limit_s)
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
