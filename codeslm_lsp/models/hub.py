"""A repository on Hugging Face → its GGUF file, resumed where an earlier pull stopped.

``hf_hub_download`` would throw an unfinished file away, wait a minute for a hub that cannot be reached, and check the
size only; so the library's two halves, the metadata and the resumable transfer, are used one by one.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from codeslm_lsp.models.catalogue import Entry, HubFile
from codeslm_lsp.models.transfer import (
    Fetched,
    Phase,
    Progress,
    Report,
    SourceFailed,
    gigabytes,
    hash_file,
    require_space,
    verify_report,
)
from codeslm_lsp.values import DownloadFailed

CONNECT_TIMEOUT_S = 5.0
"""A hub that does not answer a HEAD request in this time will not deliver a gigabyte either: try the next source."""


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """One file of a repository; ``HF_ENDPOINT``, ``HF_TOKEN`` and a login by ``hf auth login`` are honoured."""

    file: HubFile

    @property
    def label(self) -> str:
        return "Hugging Face"

    def fetch(self, entry: Entry, folder: Path, report: Report) -> Fetched:
        try:
            return self._fetch(entry, folder, report)
        except (SourceFailed, DownloadFailed):
            raise
        except Exception as error:
            # The library and the HTTP client below it have many errors and all mean the same: not from here, not now.
            raise SourceFailed(_reason(error, self.file.repository)) from error

    def _fetch(self, entry: Entry, folder: Path, report: Report) -> Fetched:
        # Both are read once, when the library is imported. Telemetry also asks the hub for a list of AI agents.
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # public, but not in __all__

        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its retries are not the user's business
        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        url = hf_hub_url(self.file.repository, self.file.file, endpoint=endpoint)
        metadata = get_hf_file_metadata(url, timeout=CONNECT_TIMEOUT_S, endpoint=endpoint)
        promised = metadata.etag if metadata.etag and re.fullmatch(r"[0-9a-f]{64}", metadata.etag) else ""
        size = metadata.size or entry.size_bytes
        _require_same_file(entry, size, promised)

        part = folder / f"hub-{re.sub(r'[^0-9A-Za-z]', '', metadata.etag or 'unknown')[:64]}.part"
        for other in folder.glob("hub-*.part"):
            if other != part:
                other.unlink()
        part.touch()
        if part.stat().st_size > size:
            part.write_bytes(b"")
        done = part.stat().st_size
        require_space(folder, size - done)
        with part.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            counted = _Counted(file, lambda n: report(Progress(n, size, self.label, Phase.DOWNLOAD)))
            headers = build_hf_headers()
            http_get(url, cast(BinaryIO, counted), resume_size=done, headers=headers, expected_size=size or None)
        return Fetched(part, hash_file(part, verify_report(entry, part, self.label, report)), promised)


def _require_same_file(entry: Entry, size: int, promised: str) -> None:
    """Notice before a gigabyte is on its way that the hub has another file than the catalogue means."""
    if entry.size_bytes and size != entry.size_bytes:
        raise SourceFailed(f"has another file now ({gigabytes(size)} instead of {gigabytes(entry.size_bytes)})")
    if entry.sha256 and promised and promised != entry.sha256:
        raise SourceFailed("has another file now (its SHA-256 is not the catalogue's)")


class _Counted:
    """A file that tells its position after every write: progress without the library's own progress bars."""

    def __init__(self, file: BinaryIO, on_position: Callable[[int], None]) -> None:
        self._file = file
        self._on_position = on_position

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self._on_position(self._file.tell())
        return written

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        return self._file.truncate(size)


def _reason(error: Exception, repository: str) -> str:
    """A few words for the user; the library's own messages are paragraphs with addresses in them."""
    from huggingface_hub import errors

    response: Any = getattr(error, "response", None)
    if isinstance(error, errors.GatedRepoError):
        return f"accept the licence on https://huggingface.co/{repository}, then run `hf auth login`"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if response is not None:
        return f"answered with HTTP status {response.status_code}"
    first_line = (str(error).splitlines() or [""])[0][:100]
    return f"cannot be reached ({first_line or type(error).__name__})"
