"""The files of a folder as they are now → the index of it. Reads what has changed, forgets what has gone."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from codeslm_lsp.workspace.files import (
    FoundFile,
    SourceFolder,
    changes_rules,
    read_source,
    source_language,
    source_text,
)
from codeslm_lsp.workspace.records import record_of
from codeslm_lsp.workspace.store import Store, digest_of

BATCH_S = 0.5
"""Files are shown to readers in batches: a transaction for each would cost more than the files."""

MAX_SINGLE_CHANGES = 200
"""Where more files change at once, as when a branch is checked out, some of it may not have been told: all are looked
at. (Linux drops what comes after 16,384 untold changes.)"""


class Updater:
    """Brings one folder's index up to date. All methods belong to one thread, and may raise ``sqlite3.Error``."""

    def __init__(self, folder: Path, store: Store, max_files: int) -> None:
        self._store = store
        self._max_files = max_files
        self._source = SourceFolder(folder)
        self.folders: frozenset[str] = frozenset()

    def refresh(self) -> list[FoundFile]:
        """Look at the whole folder, by the ignore rules of now; forget what is not to be read any more.

        Returns the files that have to be read, the latest modified first: they are likeliest to be worked on.
        """
        self._source = SourceFolder(self._source.folder)
        if not self._source.folder.is_dir():
            return []  # Perhaps a drive that will be there again.
        files, folders = self._source.walk()
        self.folders = frozenset(folders)
        kept = sorted(files, key=lambda file: file.mtime_ns, reverse=True)[: self._max_files]
        gone = self._store.paths() - {file.path for file in kept}
        if gone:
            with self._store.changes():
                for path in gone:
                    self._store.remove(path)
        return [file for file in kept if not self._store.is_current(file)]

    def has_to_refresh(self, changed: Collection[str]) -> bool:
        """Whether these changes concern more than single files: a folder, or a file with rules."""
        return len(changed) > MAX_SINGLE_CHANGES or any(
            changes_rules(path) or path in self.folders or self._source.wants_folder(path) for path in changed
        )

    def changed(self, paths: Collection[str]) -> list[FoundFile]:
        """Forget those of these files that have gone; returns those that have to be read."""
        found = {path: self._source.find(path) for path in paths}
        gone = self._store.paths() & {path for path, file in found.items() if file is None}
        if gone:
            with self._store.changes():
                for path in gone:
                    self._store.remove(path)
        return [file for file in found.values() if file is not None and not self._store.is_current(file)]

    def read(self, files: Sequence[FoundFile]) -> Iterator[int]:
        """Index these files; yields how many are done, after each batch. To be ended between two batches."""
        n_done = 0
        while n_done < len(files):
            until = time.monotonic() + BATCH_S
            with self._store.changes():
                while n_done < len(files) and time.monotonic() < until:
                    self._read_one(files[n_done])
                    n_done += 1
            yield n_done

    def _read_one(self, file: FoundFile) -> None:
        data = read_source(self._source.folder, file.path)
        language = source_language(file.path)
        if data is None or language is None:
            self._store.remove(file.path)
            return
        text = source_text(data)
        if text is None:
            self._store.skip(file)
        elif not self._store.has_content(file, digest := digest_of(data)):
            self._store.put(file, digest, record_of(file.path, language, text))
