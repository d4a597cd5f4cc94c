"""A project's folder → copies of its Python files for the sandbox, and what pytest says of tests among them."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from codeslm_lsp.reasoning.question import Means
from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.sandbox.workshop import Workshop
from codeslm_lsp.values import Document, SandboxUnavailable
from codeslm_lsp.workspace.files import SourceFolder, read_source

MAX_FILES, MAX_BYTES = 400, 8_000_000
"""Of the project that are copied."""

RUN = Limits(wall_s=120.0, cpu_s=30)
"""What does not end uses up its processor time; the rest is patience with a busy machine."""

NOT_ALLOWED = "allow it for this project first (`codeslm allow`, or --run for once)"
"""What to do so that code is run."""

_RESULT = re.compile(r"^(PASSED|FAILED|ERROR) (\S+?::.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ran:
    """Which tests passed and which did not, by pytest's names of them (``a.py::test_b[1]``), and what it said."""

    passed: frozenset[str]
    failed: frozenset[str]
    said: str
    exit_code: int | None

    @property
    def passed_functions(self) -> frozenset[str]:
        """The names of test functions that passed with all their parameters."""
        return frozenset(map(_function, self.passed)) - frozenset(map(_function, self.failed))


async def run_tests(
    mechanism: Mechanism, files: Mapping[str, str], tests: Sequence[str], limits: Limits = RUN, *options: str
) -> Ran:
    """Run those of the files that are tests beside the others, in a sandbox of their own."""
    quiet = ["-q", "-rA", "--tb=short", "-p", "no:cacheprovider", "--no-header", "-c", "/dev/null", "--rootdir=."]
    async with Workshop(files, limits, mechanism=mechanism) as shop:
        outcome = await shop.run([sys.executable, "-m", "pytest", *quiet, *options, *tests])
    said = outcome.stdout.decode("utf-8", "replace")
    results = _RESULT.findall(said)
    failed = frozenset(name for result, name in results if result != "PASSED")
    passed = frozenset(name for result, name in results if result == "PASSED") - failed
    return Ran(passed, failed, said, outcome.exit_code)


@dataclass(frozen=True, slots=True)
class Room:
    """Where code may be run: a sandbox, and the project's files to copy into it."""

    mechanism: Mechanism
    files: Mapping[str, str]


async def room_for(document: Document, means: Means, refusal: str = "Nothing was run") -> Room | str:
    """Where code of this document may be run; or why it may not, in a sentence that begins with ``refusal``."""
    if not means.may_run:
        return f"{refusal}: {NOT_ALLOWED}."
    try:
        mechanism = await detect()
    except SandboxUnavailable as error:
        return str(error)
    files = await asyncio.to_thread(project_files, means.folder, document.path, document.text)
    return Room(mechanism, files)


def _function(name: str) -> str:
    return name.rpartition("::")[2].partition("[")[0]


def tests_that_mention(files: Mapping[str, str], name: str) -> list[str]:
    """The test files in which a name stands, by the customs of pytest."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    is_test = re.compile(r"(?:.*/)?(?:test_\w+|\w+_test)\.py")
    return sorted(path for path, text in files.items() if is_test.fullmatch(path) and word.search(text))


def module_of(path: str) -> str:
    """``src/shapes/circle.py`` → ``shapes.circle``."""
    parts = PurePosixPath(path.removesuffix(".py")).parts
    parts = parts[1:] if parts[:1] == ("src",) else parts
    return ".".join(parts[:-1] if parts[-1:] == ("__init__",) else parts)


def project_files(folder: Path | None, path: str, text: str) -> dict[str, str]:
    """The Python files of the project, the open one as it is in the editor; just that where there is no project."""
    found: dict[str, str] = {}
    n_bytes = 0
    for each in SourceFolder(folder).walk()[0] if folder is not None else ():
        data = read_source(folder, each.path) if folder is not None and each.path.endswith(".py") else None
        if data is None:
            continue
        found[each.path] = data.decode("utf-8-sig", "replace")
        n_bytes += len(data)
        if len(found) >= MAX_FILES or n_bytes > MAX_BYTES:
            break
    found[path] = text
    if path.startswith("src/") and "conftest.py" not in found:
        found["conftest.py"] = 'import sys\n\nsys.path.insert(0, "src")\n'
    return found
