"""A workspace folder → whether the user lets its code be run. Kept in the user's own state folder, not in the project.

A downloaded project cannot speak for itself: whatever lies in its folder is not asked.
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from codeslm_lsp import private
from codeslm_lsp.values import InputError


class Consent(enum.StrEnum):
    """What the user has said about one folder."""

    UNASKED = "unasked"
    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Consents:
    """One small file for each folder that was decided about, so that no two writers meet."""

    root: Path

    def allow(self, folder: Path) -> None:
        """The user lets code of this folder be run, from now on. Raises ``InputError`` if that cannot be kept."""
        self._keep(folder, Consent.ALLOWED)

    def deny(self, folder: Path) -> None:
        """The user does not want code of this folder run, and does not want to be asked. Raises ``InputError``."""
        self._keep(folder, Consent.DENIED)

    def is_allowed(self, folder: Path) -> bool:
        """Whether code of just this folder may be run."""
        return self.of(folder) is Consent.ALLOWED

    def of(self, folder: Path) -> Consent:
        """What was said of just this folder. A file that somebody else can have written says nothing."""
        folder = folder.resolve()
        if self._lies_in(folder):
            return Consent.UNASKED
        try:
            with self._file(folder).open(encoding="utf-8") as file:
                status = os.fstat(file.fileno())
                said = json.load(file)
            if not _is_private(status) or not _is_private(self.root.lstat()) or said["folder"] != str(folder):
                return Consent.UNASKED
            return Consent(said["consent"])
        except (OSError, ValueError, TypeError, KeyError):
            return Consent.UNASKED

    def _keep(self, folder: Path, consent: Consent) -> None:
        folder = folder.resolve()
        if self._lies_in(folder):
            raise InputError(
                f"{folder} holds codeslm's own folder {self.root}, so nothing can be agreed for it; open a smaller one."
            )
        target = self._file(folder)
        try:
            private.write_text(target, json.dumps({"folder": str(folder), "consent": consent}))
        except OSError as error:
            raise InputError(
                f"What you said of {folder} cannot be kept in {self.root} ({error.strerror}); make that writable."
            ) from None

    def _file(self, folder: Path) -> Path:
        return self.root / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]}.json"

    def _lies_in(self, folder: Path) -> bool:
        """Whether these files are within reach of the folder's own code."""
        return self.root.resolve().is_relative_to(folder)


def user_consents() -> Consents:
    """Those of this user."""
    return Consents(platformdirs.user_state_path("codeslm", appauthor=False) / "consents")


def _is_private(status: os.stat_result) -> bool:
    """Whether only this user can write there. On Windows the user's own folders are private by inheritance."""
    if sys.platform == "win32":
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
