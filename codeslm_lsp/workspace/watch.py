"""Folders → the paths in them that change, as they do. Knows nothing of what is done about it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Collection, Generator
from pathlib import Path

import watchfiles

STEP_MS = 200
"""Changes are told when for so long there were no more: an editor writes, renames and touches a file at one save."""

DEBOUNCE_MS = 2000
"""And at the latest then, while a build goes on."""

BLIND_S = 30.0
"""How often everything is looked at where nothing can be watched, because the system's watches are used up."""

_log = logging.getLogger(__name__)


def changes(
    folder: Path, folders: Collection[str], over: threading.Event
) -> Generator[frozenset[str] | None, None, None]:
    """The changed paths, relative to ``folder``, every ``STEP_MS``; at first, and while nothing changes, none.

    Only what lies directly in one of ``folders`` is watched; what else changes may be told too. ``None`` says that
    anything may have changed. Ends when ``over`` is set.
    """
    # Inotify watches single folders, and has few watches: none is spent on ``node_modules``. Other systems watch trees.
    singly = sys.platform == "linux"
    watched = [folder / each for each in sorted(folders)] if singly else [folder]
    while not over.is_set():
        try:
            for found in watchfiles.watch(
                *watched,
                recursive=not singly,
                watch_filter=None,
                stop_event=over,
                step=STEP_MS,
                debounce=DEBOUNCE_MS,
                rust_timeout=STEP_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                yield frozenset(_relative(folder, changed) for _, changed in found) - {""}
        except (OSError, RuntimeError) as error:  # What watchfiles raises of its own are RuntimeErrors.
            _log.warning("changes of files cannot be watched (%s); they are looked for every %g s", error, BLIND_S)
            yield frozenset()
            over.wait(BLIND_S)
            yield None


def _relative(folder: Path, path: str) -> str:
    try:
        relative = Path(path).relative_to(folder).as_posix()
    except ValueError:
        return ""
    return "" if relative == "." else relative
