"""Paths of indexed files → their chunks: as the editor has them, or from the disk, read again when they change.

What is binary, generated or holds a secret has none. Reading takes a limited time for each question: what was not
read by then is read for the next.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from operator import is_
from pathlib import Path

from codeslm_lsp.context.chunks import MAX_FILE_CHARACTERS, ChunkedFile, chunked
from codeslm_lsp.context.similar import ChunkSet, chunk_set
from codeslm_lsp.values import Document
from codeslm_lsp.workspace.files import read_source, source_text
from codeslm_lsp.workspace.secrets import is_secret_name

PATIENCE_S = 0.05
"""For reading and cutting files that are not known yet: some twenty of usual length. The prompt waits for it."""

MAX_FILES = 64
"""Kept in memory: the neighbours of three or four documents."""

_Version = tuple[object, ...]


class Texts:
    """The chunks of one folder's files. Any thread may ask; one question is answered at a time."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[_Version, ChunkedFile]] = OrderedDict()
        self._last = chunk_set(())

    def files(self, paths: Iterable[str], documents: Mapping[str, Document]) -> ChunkSet:
        """Those of the indexed files ``paths`` that have something to show; at least one new one is read each time."""
        with self._lock:
            started_s = self._clock()
            found = []
            for path in paths:
                version = self._version(path, documents.get(path))
                if version is None:
                    continue
                known = self._known.get(path)
                if known is None or known[0] != version:
                    if self._clock() - started_s > PATIENCE_S:
                        continue
                    known = (version, chunked(path, self._text(path, documents.get(path)) or ""))
                    self._known[path] = known
                self._known.move_to_end(path)
                found.append(known[1])
            while len(self._known) > MAX_FILES:
                self._known.popitem(last=False)
            files = [file for file in found if file.chunks]
            if len(files) != len(self._last.files) or not all(map(is_, files, self._last.files)):
                self._last = chunk_set(files)
            return self._last

    def _version(self, path: str, document: Document | None) -> _Version | None:
        """What tells this text from another one; ``None`` when the file has gone."""
        if document is not None:
            return ("open", hash(document.text))  # Clients may count versions wrongly; a text keeps its hash.
        try:
            status = (self._folder / path).lstat()
        except OSError:
            return None
        return ("disk", status.st_mtime_ns, status.st_size)

    def _text(self, path: str, document: Document | None) -> str | None:
        if is_secret_name(path):
            return None
        data = read_source(self._folder, path) if document is None else document.text.encode("utf-8", "replace")
        if data is None or len(data) > MAX_FILE_CHARACTERS:
            return None
        return source_text(data)
