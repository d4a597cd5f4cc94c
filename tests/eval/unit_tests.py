"""What the tests that ``codeslm test`` writes are worth: ``python -m tests.eval.unit_tests REPOSITORIES [MODEL] [N]``.

``REPOSITORIES`` is gzip JSON ``{package: {path: text}}``. For ``N`` functions (default 30), drawn once from those of
its Python files that the active environment (``VIRTUAL_ENV``) can import, the shell's command is run as a user runs
it, in a folder that holds the repository. Counted are those whose tests run and pass, and those whose tests notice at
least half of the small changes (mutants) made to the function.
"""

from __future__ import annotations

import ast
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from codeslm_lsp.evaluation.cases import read_repositories
from codeslm_lsp.reasoning.project import module_of

SEED = 0
LINES = 4, 40
"""Of a function that is asked about: shorter ones have nothing to test, longer ones are rather several."""

PER_FILE = 3
"""No file should decide."""

_KILLED = re.compile(r"They notice (\d+) of (\d+)")


def is_importable(folder: Path, path: str) -> bool:
    """Whether the environment has what a file needs, and the repository holds it."""
    active = os.environ.get("VIRTUAL_ENV")
    python = str(Path(active, "bin", "python")) if active else sys.executable
    command = [python, "-c", f"import {module_of(path)}"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def functions(folder: Path, files: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    """Path, name and line (from 1) of functions that take something and return something, in a drawn order."""
    found = []
    for path, text in files.items():
        if not is_importable(folder, path):
            continue
        for each in ast.parse(text).body:
            if not isinstance(each, ast.FunctionDef) or not each.args.args or each.decorator_list:
                continue
            returns = any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(each))
            n_lines = (each.end_lineno or each.lineno) - each.lineno + 1
            if returns and LINES[0] <= n_lines <= LINES[1]:
                found.append((path, each.name, each.lineno))
    random.Random(SEED).shuffle(found)
    taken: dict[str, int] = {}
    for path, name, line in found:
        taken[path] = taken.get(path, 0) + 1
        if taken[path] <= PER_FILE:
            yield path, name, line


def main(repositories: Path, model: str, n: int) -> None:
    """Print each function with what became of it, and the shares."""
    with tempfile.TemporaryDirectory() as top:
        sources = {}
        for package, texts in read_repositories(repositories).items():
            folder = Path(top) / package
            files = {path: text for path, text in texts.items() if path.endswith(".py")}
            for path, text in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
            sources[package] = (folder, functions(folder, files))
        drawn: list[tuple[Path, str, str, int]] = []
        while sources and len(drawn) < n:  # One of each package in turn.
            for package, (folder, names) in [*sources.items()]:
                one = next(names, None)
                if one is None:
                    del sources[package]
                elif len(drawn) < n:
                    drawn.append((folder, *one))
        ask_about(drawn, model)


def ask_about(drawn: list[tuple[Path, str, str, int]], model: str) -> None:
    """Each is a repository's folder, a path in it, the function's name, and its line."""
    n_run = n_passing = n_strong = 0
    for folder, path, name, line in drawn:
        command = [sys.executable, "-m", "codeslm_lsp.cli", "--model", model, "test", f"{path}:{line}", "--run"]
        started = time.monotonic()
        ended = subprocess.run([*command, "--json"], cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        try:
            said = json.loads(ended.stdout)
        except ValueError:
            print(f"{folder.name}: {path}: {name}: {ended.stderr.strip()[-150:]}", flush=True)
            continue
        details = [check["detail"] for check in said["evidence"]]
        ran = any(check["kind"] == "ran" and "not run" not in check["detail"] for check in said["evidence"])
        killed = next((found for detail in details if (found := _KILLED.search(detail))), None)
        share = int(killed[1]) / max(1, int(killed[2])) if killed else 0.0
        n_run, n_passing, n_strong = n_run + ran, n_passing + (killed is not None), n_strong + (share >= 0.5)
        shown = " ".join(details[:3])
        print(f"{folder.name}: {path}: {name}: {said['badge']}, {seconds:.0f} s: {shown}", flush=True)
    print(f"\n{len(drawn)} functions: the tests of {n_run} run, of {n_passing} some pass, ", end="")
    print(f"of {n_strong} they notice at least half of the mutants")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), given[1] if len(given) > 1 else "qwen2.5-coder-1.5b", int(given[2]) if len(given) > 2 else 30)
