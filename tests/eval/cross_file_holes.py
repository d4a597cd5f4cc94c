"""More holes that need a name of another module: ``python -m tests.eval.cross_file_holes REPOSITORIES ROWS OUT [N]``.

``REPOSITORIES`` is gzip JSON ``{package: {path: text}}``, ``ROWS`` are gzip JSON lines whose holes are not taken again.
Written are ``N`` rows (default 200) for ``codeslm eval --set OUT:xfile``: a hole reaches from a name that the file
imports from its own package to the end of the line, one a line, as many of each package as it has lines for, evenly.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from codeslm_lsp.evaluation.cases import json_rows, read_repositories

SEED = 0
LEAST_CHARACTERS, MOST_CHARACTERS = 4, 120
"""Of what belongs into a hole: less is no question, more is none with one answer."""

Row = dict[str, object]


def own_names(tree: ast.Module, package: str) -> set[str]:
    """What a file imports from its own package."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == package):
            found |= {each.asname or each.name for each in node.names}
    return found


def holes(package: str, path: str, text: str) -> Iterator[Row]:
    """The holes of one file: at the first such name of each line."""
    tree = ast.parse(text)
    names = own_names(tree, path.split("/")[0])
    imported = {
        row
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for row in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    offsets = [0]
    for line in text.split("\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    lines = text.split("\n")
    seen: set[int] = set()
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in names]
    for node in sorted(used, key=lambda node: (node.lineno, node.col_offset)):
        if node.lineno in seen or node.lineno in imported:
            continue
        seen.add(node.lineno)
        line = lines[node.lineno - 1]
        column = len(line.encode()[: node.col_offset].decode())
        middle = line[column:].rstrip()
        if LEAST_CHARACTERS <= len(middle) <= MOST_CHARACTERS and "#" not in middle:
            offset = offsets[node.lineno - 1] + column
            id_ = hashlib.sha256(f"{package} {path} {offset}".encode()).hexdigest()[:12]
            yield {
                "id": id_,
                "package": package,
                "kind": "xfile",
                "name": node.id,
                "path": path,
                "language": "python",
                "offset": offset,
                "middle": middle,
            }


def main(repositories: Path, known: Path, out: Path, n: int) -> None:
    """Write the rows, and print how many of each package there are."""
    taken = {(row["package"], row["path"], row["offset"]) for row in json_rows(known) if "offset" in row}
    found: dict[str, list[Row]] = defaultdict(list)
    for package, files in read_repositories(repositories).items():
        for path, text in sorted(files.items()):
            if path.endswith(".py"):
                new = (row for row in holes(package, path, text) if (package, path, row["offset"]) not in taken)
                found[package] += new
    for rows in found.values():
        random.Random(SEED).shuffle(rows)
    chosen: list[Row] = []
    while len(chosen) < n and any(found.values()):
        chosen += [rows.pop() for rows in found.values() if rows]
    with gzip.open(out, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in chosen[:n])
    counts = {package: sum(row["package"] == package for row in chosen[:n]) for package in found}
    print(f"{min(n, len(chosen))} holes: {', '.join(f'{package} {count}' for package, count in counts.items())}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 200)
