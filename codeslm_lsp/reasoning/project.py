"""A project's folder → copies of its Python files for the sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from codeslm_lsp.workspace.files import SourceFolder, read_source

MAX_FILES, MAX_BYTES = 400, 8_000_000
"""Of the project that are copied."""


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
