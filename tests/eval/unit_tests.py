"""What the tests that ``codeslm test`` writes are worth: ``python -m tests.eval.unit_tests REPOSITORIES [MODEL] [N]``.

``REPOSITORIES`` is gzip JSON ``{package: {path: text}}``. For ``N`` functions (default 30), drawn once from its Python
files, the shell's command is run as a user runs it, in a folder that holds the repository. Counted are those whose
tests run and pass, and those whose tests notice at least half of the small changes (mutants) made to the function.
"""

from __future__ import annotations

import ast
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from codeslm_lsp.evaluation.cases import read_repositories

SEED = 0
LINES = 4, 40
"""Of a function that is asked about: shorter ones have nothing to test, longer ones are rather several."""

PER_FILE = 3
"""No file should decide."""

_KILLED = re.compile(r"They notice (\d+) of (\d+)")


def functions(files: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    """Path, name and line (from 1) of functions that take something and return something, in a drawn order."""
    found = []
    for path, text in files.items():
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
    drawn: list[tuple[str, str, str, int]] = []
    packages = {
        package: {path: text for path, text in texts.items() if path.endswith(".py")}
        for package, texts in read_repositories(repositories).items()
    }
    sources = {package: functions(files) for package, files in packages.items()}
    while sources and len(drawn) < n:  # One of each package in turn.
        for package in [*sources]:
            one = next(sources[package], None)
            if one is None:
                del sources[package]
            elif len(drawn) < n:
                drawn.append((package, *one))
    n_run = n_passing = n_strong = 0
    for package, path, name, line in drawn:
        with tempfile.TemporaryDirectory() as folder:
            for each, text in packages[package].items():
                (Path(folder) / each).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / each).write_text(text, encoding="utf-8")
            command = [sys.executable, "-m", "codeslm_lsp.cli", "--model", model, "test"]
            command += [f"{path}:{line}", "--run", "--json"]
            started = time.monotonic()
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            seconds = time.monotonic() - started
        try:
            said = json.loads(ended.stdout)
        except ValueError:
            print(f"{package}: {path}: {name}: {ended.stderr.strip()[-150:]}", flush=True)
            continue
        ran = any(check["kind"] == "ran" for check in said["evidence"])
        killed = next((found for check in said["evidence"] if (found := _KILLED.search(check["detail"]))), None)
        share = int(killed[1]) / max(1, int(killed[2])) if killed else 0.0
        n_run, n_passing, n_strong = n_run + ran, n_passing + (killed is not None), n_strong + (share >= 0.5)
        details = " ".join(check["detail"] for check in said["evidence"][:2])
        print(f"{package}: {path}: {name}: {said['badge']}, {seconds:.0f} s: {details}", flush=True)
    print(f"\n{len(drawn)} functions: the tests of {n_run} run, of {n_passing} some pass, ", end="")
    print(f"of {n_strong} they notice at least half of the mutants")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), given[1] if len(given) > 1 else "qwen2.5-coder-1.5b", int(given[2]) if len(given) > 2 else 30)
