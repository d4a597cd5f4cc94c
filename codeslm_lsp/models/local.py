"""A GGUF file that the user has already → the same file in the store, without a second copy where possible."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.models.catalogue import Entry
from codeslm_lsp.models.transfer import (
    Fetched,
    Phase,
    Progress,
    Report,
    copy_and_hash,
    hash_file,
    require_space,
    verify_report,
)
from codeslm_lsp.values import InputError


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of this machine. The user's own file is never changed or deleted."""

    path: Path

    @property
    def label(self) -> str:
        return str(self.path)

    def fetch(self, entry: Entry, folder: Path, report: Report) -> Fetched:
        """Hard-link the file, or copy it when it lies on another disk. Raises ``InputError`` when it cannot be read."""
        target = folder / "local.gguf"
        target.unlink(missing_ok=True)
        try:
            original = self.path.expanduser().resolve(strict=True)
            try:
                os.link(original, target)
            except OSError:
                return Fetched(target, self._copy(original, target, report))
            return Fetched(target, hash_file(target, verify_report(entry, target, self.label, report)))
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"The file {self.path} cannot be read ({reason}); check its path.") from None

    def _copy(self, original: Path, target: Path, report: Report) -> str:
        total = original.stat().st_size
        require_space(target.parent, total)
        digest, done = hashlib.sha256(), 0

        def on_bytes(n_bytes: int) -> None:
            nonlocal done
            done += n_bytes
            report(Progress(done, total, self.label, Phase.DOWNLOAD))

        with original.open("rb") as source, target.open("wb") as copy:
            copy_and_hash(source, copy, digest, on_bytes)
        return digest.hexdigest()
