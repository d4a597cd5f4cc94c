"""Files that are on any machine that runs the tests → fifty texts in nine languages to type in."""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.client import ROOT

MIN_LINES, MAX_LINES = 40, 400

N_PYTHON, N_TYPESCRIPT, N_C, N_LUA = 20, 12, 7, 6

SAMPLED = {"javascript": "js", "go": "go", "rust": "rs", "java": "java", "cpp": "cpp"}
"""Languages of which a machine need not have any file but the samples of the syntax tests."""

N_COPIES = 3
"""Of a sample in one file: alone it is too short to type in its middle."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to type in; ``path`` is where it lies in the project."""

    path: str
    language: str
    text: str


def corpus(draw: random.Random) -> list[Source]:
    """Fifty files, in no order."""
    found = [
        *_some(draw, N_PYTHON, "python", Path(sysconfig.get_path("stdlib")).glob("*.py")),
        *_some(draw, N_TYPESCRIPT, "typescript", (ROOT / "editors" / "vscode" / "src").glob("*.ts")),
        *_some(draw, N_C, "c", Path(np.get_include()).rglob("*.h")),
        *_some(draw, N_LUA, "lua", (ROOT / "editors" / "nvim").rglob("*.lua")),
        *(_sample(language, ending) for language, ending in SAMPLED.items()),
    ]
    draw.shuffle(found)
    return found


def _some(draw: random.Random, n: int, language: str, paths: Iterable[Path]) -> list[Source]:
    """``n`` of these files; where fewer have the right size, of those that come nearest to it too."""
    texts = {path.name: _text(path) for path in sorted(paths)}
    fitting = [name for name, text in texts.items() if MIN_LINES <= text.count("\n") <= MAX_LINES]
    others = sorted(texts.keys() - set(fitting), key=lambda name: abs(texts[name].count("\n") - MIN_LINES))
    chosen = [*draw.sample(fitting, min(n, len(fitting))), *others][:n]
    return [Source(f"{language}/{name}", language, texts[name]) for name in chosen]


def _text(path: Path) -> str:
    """What the file says; nothing where that is no UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def _sample(language: str, ending: str) -> Source:
    text = _text(ROOT / "tests" / "data" / "syntax" / language / "sample.txt")
    return Source(f"{language}/sample.{ending}", language, (text.rstrip("\n") + "\n\n") * N_COPIES)
