"""How many seeded defects ``codeslm fix`` repairs: ``python -m tests.eval.fix_defects REPOSITORIES [MODEL] [N]``.

``REPOSITORIES`` is gzip JSON ``{package: {path: text}}``. Defects of four kinds are put into its Python files, ``N`` of
each (default 10), one at a time: a name with a letter less, an import that is missing, an argument that is missing,
text where a number belongs. Only those that a checker finds (ruff, mypy) are taken, and what it says is the diagnostic
that the real server is asked to fix. *As it was*: the repaired file is the one before the defect, whatever its layout.
"""

from __future__ import annotations

import ast
import asyncio
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.cases import read_repositories
from codeslm_lsp.evaluation.client import Server, serving
from codeslm_lsp.settings import Settings

SEED = 0
PER_FILE, PER_PACKAGE = 2, 0.5
"""Of one kind, and which share of all of it: no file and no package should decide."""


@dataclass(frozen=True)
class Diagnostic:
    """As LSP has it; ``line`` and columns count from 0."""

    line: int
    start: int
    end: int
    message: str
    source: str
    code: str


@dataclass(frozen=True)
class Defect:
    """A file before and after, and what a checker says of it."""

    kind: str
    path: str
    before: str
    after: str
    diagnostic: Diagnostic


Change = tuple[int, int, str]
"""Start and end in the text, and what stands there from now on."""

Seeder = Callable[[ast.Module, str], Iterator[Change]]


def misspelt_names(tree: ast.Module, text: str) -> Iterator[Change]:
    """A variable of a function, read with its third letter missing."""
    for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
        names = [each for each in ast.walk(function) if isinstance(each, ast.Name)]
        bound = {each.id for each in names if isinstance(each.ctx, ast.Store)}
        for each in names:
            if isinstance(each.ctx, ast.Load) and each.id in bound and len(each.id) > 4:
                start, end = _span(text, each)
                yield start, end, each.id[:2] + each.id[3:]


def missing_imports(tree: ast.Module, text: str) -> Iterator[Change]:
    """A statement that imports one thing, left out."""
    for each in tree.body:
        is_one = isinstance(each, ast.Import | ast.ImportFrom) and len(each.names) == 1
        if is_one and not (isinstance(each, ast.ImportFrom) and each.module == "__future__"):
            start, end = _span(text, each)
            yield start, end + 1, ""


def missing_arguments(tree: ast.Module, text: str) -> Iterator[Change]:
    """A call of a function of the same file without its last argument."""
    names = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or call.keywords or len(call.args) < 2:
            continue
        if isinstance(call.func, ast.Name) and call.func.id in names:
            yield _span(text, call.args[-2])[1], _span(text, call.args[-1])[1], ""


def text_for_numbers(tree: ast.Module, text: str) -> Iterator[Change]:
    """A number that is calculated with, in quotes."""
    for sum_ in ast.walk(tree):
        if isinstance(sum_, ast.BinOp) and isinstance(sum_.op, ast.Add | ast.Sub | ast.FloorDiv | ast.Div):
            for each in (sum_.left, sum_.right):
                if isinstance(each, ast.Constant) and type(each.value) is int:
                    start, end = _span(text, each)
                    yield start, end, f'"{text[start:end]}"'


def ruff(text: str) -> list[Diagnostic]:
    """Undefined names."""
    command = ["ruff", "check", "--isolated", "--output-format=json", "--select=F821,E9", "-"]
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return [
        Diagnostic(
            row["location"]["row"] - 1,
            row["location"]["column"] - 1,
            row["end_location"]["column"] - 1,
            row["message"],
            "ruff",
            row["code"] or "",
        )
        for row in json.loads(ended.stdout)
    ]


def mypy(text: str) -> list[Diagnostic]:
    """Wrong calls and wrong types."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "module.py"
        file.write_text(text, encoding="utf-8")
        options = ["--config-file=", "--check-untyped-defs", "--follow-imports=skip", "--ignore-missing-imports"]
        command = [sys.executable, "-m", "mypy", *options, "--output=json", "--no-incremental", str(file)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=name)
    rows = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    wanted = [row for row in rows if row["severity"] == "error" and row["code"] in ("call-arg", "operator", "arg-type")]
    return [
        Diagnostic(row["line"] - 1, row["column"], row["column"], row["message"], "mypy", row["code"]) for row in wanted
    ]


KINDS: dict[str, tuple[Seeder, Callable[[str], list[Diagnostic]]]] = {
    "undefined name": (misspelt_names, ruff),
    "missing import": (missing_imports, ruff),
    "missing argument": (missing_arguments, mypy),
    "wrong type": (text_for_numbers, mypy),
}


def defects(kind: str, files: dict[str, str], n: int) -> Iterator[Defect]:
    """``n`` defects that the checker finds and does not find without them, from files in an order drawn once."""
    seeder, checker = KINDS[kind]
    paths = sorted(files)
    random.Random(SEED).shuffle(paths)
    n_found = 0
    for path in paths:
        text = files[path]
        changes = list(seeder(ast.parse(text), text))
        random.Random(path).shuffle(changes)
        n_here = 0
        known: list[str] | None = None
        for start, end, new in changes[:6]:
            if n_here == PER_FILE or n_found == n:
                break
            if known is None:
                known = [each.message for each in checker(text)]
            broken = text[:start] + new + text[end:]
            new_ones = [each for each in checker(broken) if each.message not in known]
            if new_ones:
                n_here, n_found = n_here + 1, n_found + 1
                yield Defect(kind, path, text, broken, new_ones[0])


async def repaired(server: Server, folder: Path, defect: Defect) -> tuple[str, str, float]:
    """The badge, the file with the proposed edit, and the seconds it took."""
    path = folder / defect.path
    path.write_text(defect.after, encoding="utf-8")
    document = server.open(path.as_uri(), defect.after, "python")
    found = defect.diagnostic
    span = {"start": _place(found.line, found.start), "end": _place(found.line, found.end)}
    diagnostic = {"range": span, "message": found.message, "source": found.source, "code": found.code}
    argument = {"textDocument": {"uri": path.as_uri()}, "range": span, "diagnostics": [diagnostic]}
    started = asyncio.get_running_loop().time()
    answer = await server.command("codeslm.fix", argument)
    seconds = asyncio.get_running_loop().time() - started
    document.close()
    path.write_text(defect.before, encoding="utf-8")
    if "error" in answer or not answer["edit"]:
        return answer.get("badge", "error"), "", seconds
    edits = answer["edit"]["documentChanges"][0]["edits"]
    return answer["badge"], _applied(defect.after, edits), seconds


async def main(repositories: Path, model: Path, n: int) -> None:
    """Print each defect with what became of it, and the shares."""
    results: dict[str, list[tuple[str, bool]]] = {kind: [] for kind in KINDS}
    for package, texts in read_repositories(repositories).items():
        files = {path: text for path, text in texts.items() if path.endswith(".py")}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            for path, text in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
            async with serving(model, Settings(), folder) as server:
                for kind in KINDS:
                    for defect in defects(kind, files, min(n - len(results[kind]), ceil(n * PER_PACKAGE))):
                        badge, text, seconds = await repaired(server, folder, defect)
                        is_as_it_was = bool(text) and _same(text, defect.before)
                        results[kind].append((badge, is_as_it_was))
                        place = f"{package}: {defect.path}:{defect.diagnostic.line + 1}"
                        was = "as it was" if is_as_it_was else "otherwise" if text else "no edit"
                        said = f"{place}: {defect.diagnostic.message}"
                        print(f"{kind}: {badge}, {was}, {seconds:.1f} s: {said}", flush=True)
    print(f"\n{'':18}{'n':>4}{'verified':>10}{'as it was':>11}{'edits':>7}")
    everything = [row for found in results.values() for row in found]
    for kind, rows in [*results.items(), ("all", everything)]:
        n_verified = sum(badge == "tested" for badge, _ in rows)
        n_edits = sum(badge in ("tested", "unverified") for badge, _ in rows)
        print(f"{kind:18}{len(rows):4}{n_verified:10}{sum(same for _, same in rows):11}{n_edits:7}")


def _span(text: str, node: Any) -> tuple[int, int]:
    lines = text.splitlines(keepends=True)

    def offset(line: int, column: int) -> int:
        before = sum(map(len, lines[: line - 1]))
        return before + len(lines[line - 1].encode()[:column].decode())

    return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)


def _place(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


def _applied(text: str, edits: list[dict[str, Any]]) -> str:
    lines = [*text.splitlines(keepends=True), ""]

    def offset(place: dict[str, int]) -> int:
        return sum(map(len, lines[: place["line"]])) + place["character"]

    for edit in sorted(edits, key=lambda each: -offset(each["range"]["start"])):
        text = text[: offset(edit["range"]["start"])] + edit["newText"] + text[offset(edit["range"]["end"]) :]
    return text


def _same(one: str, other: str) -> bool:
    """Whether two files are the same program: imports in any order and place, everything else as it is."""
    try:
        return _outline(one) == _outline(other)
    except SyntaxError:
        return False


def _outline(text: str) -> tuple[list[str], list[str]]:
    body = ast.parse(text).body
    imports = sorted({ast.unparse(each) for each in body if isinstance(each, ast.Import | ast.ImportFrom)})
    return imports, [ast.dump(each) for each in body if not isinstance(each, ast.Import | ast.ImportFrom)]


if __name__ == "__main__":
    from codeslm_lsp.models.store import open_store

    name = sys.argv[2] if len(sys.argv) > 2 else "qwen2.5-coder-1.5b"
    found = [path for path in open_store().root.glob("*.gguf") if path.stem.startswith(name)]
    if not found:
        sys.exit(f"There is no model '{name}'; get it by: codeslm models pull {name}")
    asyncio.run(main(Path(sys.argv[1]), found[0], int(sys.argv[3]) if len(sys.argv) > 3 else 10))
