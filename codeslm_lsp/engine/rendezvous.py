"""A model file and how it is to be run → the place where all servers of this user find the one engine that does so.

A place is a private folder with a card in it: where the engine listens, and the secret that both ends must know. The
engine holds the place's lock as long as it lives, and puts its card there once it can be called; so a card without a
lock is what a killed engine left, and whoever gets the lock may clear it away. Knows nothing of sockets.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

import codeslm_lsp
from codeslm_lsp import private
from codeslm_lsp.values import EngineUnavailable

MAX_BASE_BYTES = 75
"""A Unix socket's path holds at most 104 to 108 bytes (``sun_path`` in ``unix(7)``); ``/KEY/socket`` takes 24."""


@dataclass(frozen=True, slots=True)
class Card:
    """How to reach an engine: ``unix:PATH`` or ``tcp:HOST:PORT``, the secret, and its process id."""

    address: str
    secret: str
    pid: int


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one engine, which is there while the engine is; and its lock, which lies beside it."""

    folder: Path

    @property
    def socket(self) -> Path:
        """Where the engine listens on systems with Unix sockets."""
        return self.folder / "socket"

    def lock(self) -> FileLock:
        """The lock that only a living engine holds. The system takes it back however that ends."""
        return FileLock(self.folder.with_suffix(".lock"), timeout=0, mode=0o600, thread_local=False)

    def card(self) -> Card | None:
        """What the engine has left for its clients. Raises ``EngineUnavailable`` if somebody else may have left it."""
        try:
            check_private(self.folder)
            return Card(**json.loads((self.folder / "card").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def settle(self) -> None:
        """Begin with an empty folder. Only for the holder of the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)

    def prepare(self) -> None:
        """Make the folder again if somebody has tidied it away. Only for the holder of the lock."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def is_found(self) -> bool:
        """Whether there is a card, and a socket where it names one. Where somebody else may be, that is enough too."""
        try:
            card = self.card()
        except EngineUnavailable:
            return True
        return card is not None and (not card.address.startswith("unix:") or self.socket.exists())

    def show(self, card: Card) -> None:
        """Let clients find the engine: the card is there as a whole or not at all."""
        draft = self.folder / "draft"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(card)), encoding="utf-8")
        draft.replace(self.folder / "card")

    def hide(self) -> None:
        """Let nobody find the engine any more."""
        (self.folder / "card").unlink(missing_ok=True)

    def clear(self) -> None:
        """Leave nothing. Only for the holder of the lock, as the last thing it does.

        Windows does not remove a lock file that is held; the next engine of this user does (``sweep``).
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.with_suffix(".lock").unlink()


def place_of(model: Path, options: Mapping[str, object]) -> Place:
    """Where the engine of this very file, run with these options by this very codeslm, is to be found.

    Raises ``EngineUnavailable`` when the file is not there, or no folder is private enough.
    """
    try:
        file = model.resolve(strict=True)
        status = file.stat()
    except OSError as error:
        raise EngineUnavailable(
            f"The model file {model} cannot be read ({error.strerror}); run `codeslm models list` to see what is there."
        ) from None
    parts = {
        "file": [str(file), status.st_size, status.st_mtime_ns],
        "options": dict(options),
        "codeslm": [codeslm_lsp.__version__, str(Path(codeslm_lsp.__file__).parent), sys.executable],
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return Place(base_folder() / key)


def lonely_place() -> Place:
    """A place that nobody else comes to. Raises ``EngineUnavailable``."""
    return Place(base_folder() / secrets.token_hex(8))


def base_folder() -> Path:
    """The folder of all places of this user, made if need be. Raises ``EngineUnavailable`` if it is not private."""
    for folder in _candidates():
        if len(os.fsencode(folder)) > MAX_BASE_BYTES:
            continue
        try:
            private.make_folder(folder)
            check_private(folder)
        except OSError:
            continue
        return folder
    raise EngineUnavailable("No folder was found for the engine's socket; set XDG_RUNTIME_DIR to a folder of your own.")


def check_private(folder: Path) -> None:
    """Raise ``EngineUnavailable`` unless ``folder`` is a folder of this user's that nobody else may enter.

    On Windows the user's local application data is private by inheritance. Raises ``OSError`` where there is nothing.
    """
    if sys.platform == "win32":
        return
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise EngineUnavailable(
            f"The folder {folder} may have been made by somebody else, so no engine is looked for in it; remove it, "
            "or set XDG_RUNTIME_DIR to a folder of your own."
        )


def sweep(own: Place) -> None:
    """Clear away what killed engines have left at other places: nobody holds their locks."""
    for path in own.folder.parent.glob("*.lock"):
        place = Place(path.with_suffix(""))
        if place == own:
            continue
        with contextlib.suppress(Timeout, OSError), place.lock():
            place.clear()
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                path.unlink()


def _candidates() -> Iterator[Path]:
    """Where the folder may be, the best first."""
    if sys.platform == "win32":
        yield platformdirs.user_data_path("codeslm", appauthor=False) / "engines"
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    # After `su` the variable may still name the other user's folder, where nothing of ours should be.
    if runtime and Path(runtime).is_dir() and Path(runtime).stat().st_uid == os.getuid():
        yield Path(runtime, "codeslm")
    for temporary in (tempfile.gettempdir(), "/tmp"):
        yield Path(temporary, f"codeslm-{os.getuid()}")
