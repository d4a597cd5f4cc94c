"""A folder → what is staged in its git repository, file by file, without what holds secrets.

git is asked to read only: none of the programs that a repository's configuration may name is run.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.reasoning.checkers import run_checker
from codeslm_lsp.values import InputError
from codeslm_lsp.workspace.secrets import holds_secret, is_secret_name

READ_S = 20.0

N_SUBJECTS = 5
"""Earlier subjects that show how this project writes them."""

_QUIET = (
    *("-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "color.ui=false", "--no-pager", "--no-optional-locks"),
)
_DIFF = ("diff", "--cached", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--unified=3")


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One file: its ``path``, what git says of it above the first hunk (``status``), and the hunks."""

    path: str
    status: str
    hunks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """All of it but secrets. ``withheld`` are the paths of files of which something looks like one."""

    files: tuple[StagedFile, ...]
    withheld: tuple[str, ...]
    subjects: tuple[str, ...]

    def shown(self, most: int) -> tuple[str, int]:
        """A diff of at most so many characters, and how many hunks it leaves out: those behind the first of a file."""
        left = most - sum(len(each.status) + 1 for each in self.files)
        kept: dict[str, list[str]] = {each.path: [] for each in self.files}
        n_left_out = 0
        for number in range(max((len(each.hunks) for each in self.files), default=0)):
            for each in self.files:
                if number >= len(each.hunks):
                    continue
                hunk = each.hunks[number]
                if len(hunk) > left and not number and left > 200:
                    hunk = hunk[: left // 2].rpartition("\n")[0] + "\n[…]\n"  # Something of each file is better.
                if len(hunk) > left:
                    n_left_out += 1
                    continue
                kept[each.path].append(hunk)
                left -= len(hunk)
        parts = [f"{each.status}\n{''.join(kept[each.path])}" for each in self.files]
        return "".join(parts)[:most], n_left_out


async def staged(folder: Path) -> Staged:
    """What ``git diff --cached`` says. Raises ``InputError`` where there is no git, repository, or anything staged."""
    if shutil.which("git") is None:
        raise InputError("There is no git on the path; install it, and stage what is to be committed.")
    diff = await _git(folder, *_DIFF)
    if diff is None:
        raise InputError(f"{folder} is in no git repository that can be read; run this where 'git status' works.")
    if not diff.strip():
        raise InputError("Nothing is staged; choose what is to be committed with 'git add'.")
    files, withheld = [], []
    for part in re.split(r"^(?=diff --git )", diff, flags=re.MULTILINE):
        if not part.strip():
            continue
        each = _file(part)
        if is_secret_name(each.path):
            withheld.append(each.path)
            continue
        safe = tuple(hunk for hunk in each.hunks if not holds_secret(_without_marks(hunk)))
        if len(safe) < len(each.hunks):
            withheld.append(each.path)
        files.append(StagedFile(each.path, each.status, safe))
    log = await _git(folder, "log", f"-{N_SUBJECTS}", "--no-merges", "--format=%s")
    subjects = tuple(line[:100] for line in (log or "").splitlines() if line.strip() and not holds_secret(line))
    return Staged(tuple(files), tuple(withheld), subjects)


def _file(part: str) -> StagedFile:
    """One file's part of a diff (``git-diff(1)``, "Generating patch text with -p")."""
    head, *hunks = re.split(r"^(?=@@ )", part, flags=re.MULTILINE)
    lines = head.splitlines()
    path = ""
    for mark, prefix in (("+++ ", "b/"), ("rename to ", ""), ("--- ", "a/")):
        found = next((line.removeprefix(mark) for line in lines if line.startswith(mark)), "")
        if not path and found and found.split("\t")[0] != "/dev/null":
            path = found.split("\t")[0].strip('"').removeprefix(prefix)
    if not path:
        path = lines[0].rpartition(" b/")[2]
    kind = next(
        (line for line in lines[1:] if line.startswith(("new file", "deleted file", "rename from", "Binary"))), ""
    )
    kind = re.sub(r" mode \d+$", "", kind)  # Small models take the mode for the matter.
    return StagedFile(path, f"{path}: {kind or 'changed'}", tuple(hunks))


def _without_marks(hunk: str) -> str:
    return "\n".join(line[1:] for line in hunk.splitlines()[1:])


async def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; ``None`` where it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_TERMINAL_PROMPT"] = "0"
    ended = await run_checker(["git", *_QUIET, *arguments], "", READ_S, folder, environment)
    return ended[1] if ended is not None and ended[0] == 0 else None
