"""Text of a Python file → what a type checker on the path says of it. The file is read, not run.

The project's own configuration is not read: it may name plug-ins, which are programs.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.reasoning.checkers import Finding, program_of, run_checker

CHECK_S = 90.0
"""mypy reads all that the file imports; the first time that takes a minute in a large project."""

PYRIGHTS = ("pyright", "basedpyright")

NAMES = ("mypy", *PYRIGHTS)
"""The checkers that are known, the first preferred."""

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


class TypeChecker:
    """mypy or a pyright, asked about versions of one file. What mypy has read of other modules it remembers."""

    def __init__(self, name: str, program: str, file: Path, folder: Path | None, room: Path) -> None:
        self.name = name
        self._program = program
        self._file = file
        self._folder = folder
        self._room = room
        self._sizes: set[int] = set()
        if name in PYRIGHTS:
            configuration = {"extraPaths": self._sources(), "typeCheckingMode": "standard"}
            (room / "pyrightconfig.json").write_text(json.dumps(configuration), encoding="utf-8")

    async def findings(self, text: str) -> tuple[Finding, ...] | None:
        """The errors in this version of the file; ``None`` where the checker fails."""
        version = self._room / self._file.name
        await asyncio.to_thread(version.write_text, self._of_new_size(text), encoding="utf-8")
        if self.name in PYRIGHTS:
            return await self._said([self._program, "--outputjson", version.name], self._room, _pyright)
        command = [self._program, *_MYPY, f"--cache-dir={self._room / 'cache'}"]
        if self._folder is not None and (self._folder / self._file).is_file():
            # In its place, so that relative imports lead somewhere.
            own = str(self._file if self._file.is_absolute() else Path(self._folder, self._file))
            in_place = [*command, "--shadow-file", own, str(version), own]
            found = await self._said(in_place, self._folder, lambda said: _mypy(said, Path(own)))
            if found is not None:
                return found
        return await self._said([*command, str(version)], self._room, lambda said: _mypy(said, version))

    async def _said(
        self, command: list[str], folder: Path, read: Callable[[str], list[Finding]]
    ) -> tuple[Finding, ...] | None:
        environment = {**os.environ, "MYPYPATH": os.pathsep.join(self._sources())}
        ended = await run_checker(command, "", CHECK_S, folder, environment)
        if ended is None or ended[0] not in (0, 1):
            return None
        try:
            return tuple(read(ended[1]))
        except (ValueError, KeyError, TypeError):
            return None

    def _sources(self) -> list[str]:
        """The folders from which the project's modules are imported."""
        own = self._folder
        return [str(each) for each in (own, own / "src") if each.is_dir()] if own is not None else []

    def _of_new_size(self, text: str) -> str:
        """The text with as many empty lines behind it as give it a size of its own.

        Of a file that is shadowed mypy 2.4 compares the size with what it remembers and then the hash, but that of the
        file in its place: another version of the same size would pass for the one before.
        """
        while (size := len(text.encode("utf-8", "surrogatepass"))) in self._sizes:
            text += "\n"
        self._sizes.add(size)
        return text


@contextmanager
def type_checker(path: str, folder: Path | None, tool: str = "") -> Iterator[TypeChecker | None]:
    """The checker called ``tool``, or the first there is, for the file ``path`` of ``folder``; ``None`` without one."""
    wanted = PYRIGHTS if tool == "pyright" else (tool,) if tool else NAMES
    name, program = next(((name, found) for name in wanted if (found := program_of(name))), ("", ""))
    if not program:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="codeslm-types-") as room:
        yield TypeChecker(name, program, Path(path), folder, Path(room))


async def check_types(path: str, before: str, after: str, folder: Path | None) -> Typed | None:
    """Both versions of a file, by the first checker there is; ``None`` where there is none, or it fails."""
    with type_checker(path, folder) as checker:
        if checker is None:
            return None
        found = [await checker.findings(text) for text in (before, after)]
        if found[0] is None or found[1] is None:
            return None
        return Typed(checker.name, found[0], found[1])


def _mypy(said: str, file: Path) -> list[Finding]:
    """Of this file only: others are read for what it imports."""
    rows = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [
        Finding("mypy", str(row.get("code") or ""), int(row["line"]), str(row["message"]))
        for row in rows
        if row["severity"] == "error" and Path(row["file"]).name == file.name
    ]


def _pyright(said: str) -> list[Finding]:
    """Of a pyright of any name; its reasons are lines of their own, with spaces that nothing breaks before them."""
    return [
        Finding(
            "pyright",
            str(row.get("rule") or ""),
            int(row["range"]["start"]["line"]) + 1,
            " ".join(str(row["message"]).split()),
        )
        for row in json.loads(said)["generalDiagnostics"]
        if row["severity"] == "error"
    ]
