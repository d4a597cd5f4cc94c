"""``python -m codeslm_lsp.workspace.indexer FOLDER``: keep the index of a folder up to date until standard input ends.

A process of its own, of the lowest priority, so that no key waits for it. It says on standard output how far it is, see
``progress``. There is one for each folder: a second one waits until the first has gone.
"""

from __future__ import annotations

import argparse
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from codeslm_lsp.workspace.files import FoundFile
from codeslm_lsp.workspace.humble import be_humble, leave_quietly
from codeslm_lsp.workspace.places import Place, make_private, mark_opened, place_of, sweep
from codeslm_lsp.workspace.progress import Event, Progress
from codeslm_lsp.workspace.store import Store
from codeslm_lsp.workspace.update import Updater
from codeslm_lsp.workspace.watch import changes

POLL_S = 1.0
"""How often a waiting indexer looks whether the one before it has gone."""

MAX_FAILURES = 3
"""An index that is damaged again and again lies on a disk that is full or failing."""

_PASSING = frozenset({"SQLITE_BUSY", "SQLITE_FULL"})
"""What SQLite (https://www.sqlite.org/rescode.html) says of a database that is sound all the same."""

_log = logging.getLogger(__name__)


def main() -> None:
    """Started by ``workspace.process``."""
    parser = argparse.ArgumentParser(description="Keeps the index of a folder; started by codeslm itself.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--max-files", type=int, default=20_000)
    arguments = parser.parse_args()
    be_humble()
    over = threading.Event()
    threading.Thread(target=_wait_for_end, args=(over,), daemon=True).start()
    try:
        run(arguments.folder.resolve(), arguments.max_files, over)
    except BrokenPipeError:
        leave_quietly()


def run(folder: Path, max_files: int, over: threading.Event) -> None:
    """Index and watch until ``over``. Raises ``OSError`` or ``sqlite3.Error`` where no index can be written."""
    place = place_of(folder)
    make_private(place.database.parent)
    lock = place.lock()
    while not over.is_set():
        try:
            lock.acquire()
        except Timeout:
            _tell(Progress(Event.WAITING))
            over.wait(POLL_S)
        else:
            break
    with lock:
        for n_failures in range(1, MAX_FAILURES + 1):
            try:
                _keep(folder, place, max_files, over)
                return
            except sqlite3.DatabaseError as error:
                if n_failures == MAX_FAILURES:
                    raise
                if getattr(error, "sqlite_errorname", "") not in _PASSING:
                    _log.warning("the index of %s is made anew (%s)", folder, error)
                    place.clear()


def _keep(folder: Path, place: Place, max_files: int, over: threading.Event) -> None:
    started_s = time.monotonic()
    store = Store(place)
    try:
        mark_opened(place)
        sweep(place)
        updater = Updater(folder, store, max_files)
        event, n_known = Event.READY, len(store.paths())
        for files in _outdated(updater, store, folder, over):
            for n_done in updater.read(files):
                if event is Event.READY:
                    _tell(Progress(Event.INDEXING, n_done, len(files), time.monotonic() - started_s))
                if over.is_set():
                    return
            n_before, n_known = n_known, len(store.paths())
            if event is Event.READY or files or n_known != n_before:
                store.tidy()
                _tell(Progress(event, len(files), n_known, time.monotonic() - started_s))
            event = Event.UPDATED
    finally:
        store.close()


def _outdated(updater: Updater, store: Store, folder: Path, over: threading.Event) -> Iterator[list[FoundFile]]:
    """The files that have to be read: first all, then what has changed, as it does. Nothing, while nothing does.

    Raises ``sqlite3.DatabaseError`` when the index was deleted or damaged.
    """
    files = updater.refresh()
    while not over.is_set():
        watched = updater.folders
        events = changes(folder, watched, over)
        next(events, None)  # From here on no change is missed.
        yield files
        yield updater.refresh()  # What changed before.
        for changed in events:
            store.check()
            if changed is None or updater.has_to_refresh(changed):
                yield updater.refresh()
            elif changed:
                yield updater.changed(changed)
            if updater.folders != watched:
                break
        events.close()
        files = []


def _tell(progress: Progress) -> None:
    sys.stdout.write(progress.to_line())
    sys.stdout.flush()


def _wait_for_end(over: threading.Event) -> None:
    # Not through ``sys.stdin``: its lock, held by a waiting thread, would stop the interpreter from ending.
    while os.read(0, 4096):
        pass
    over.set()


if __name__ == "__main__":
    main()
