"""The folder of models on this machine: what is in it, where a name points, and whether a file is what it should be.

Beside each ``model.gguf`` lies ``model.gguf.json`` with its hash, so that a start need not read a gigabyte.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from codeslm_lsp import private
from codeslm_lsp.models.catalogue import Catalogue, Entry, load_catalogue
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.models.transfer import hash_file
from codeslm_lsp.settings import user_folder
from codeslm_lsp.values import InputError, ModelDamaged, ModelNotFound

PARTIAL = ".partial"
"""The folder inside the store where pulls keep what they have so far."""


@dataclass(frozen=True, slots=True)
class Installed:
    """One model file of the store. ``entry`` is ``None`` when the catalogue does not know it.

    ``damaged`` is the quick look only: its size is not the catalogue's.
    """

    name: str
    path: Path
    size_bytes: int
    entry: Entry | None
    damaged: bool


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is remembered of a file that was hashed once; it holds while size and modification time stay the same."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    source: str


class Store:
    """The models below one folder. The folder need not exist: then nothing is installed."""

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self.root = root
        self.catalogue = catalogue

    def installed(self) -> list[Installed]:
        """Every ``.gguf`` file of the folder, those of the catalogue first and in its order. Nothing is hashed."""
        try:
            paths = sorted(path for path in self.root.glob("*.gguf") if path.is_file())
        except OSError as error:
            raise InputError(f"The model folder {self.root} cannot be read ({error}); check its permissions.") from None
        by_file = {entry.file: entry for entry in self.catalogue.entries}
        found = [self._installed(path, by_file.get(path.name)) for path in paths]
        order = {entry.name: position for position, entry in enumerate(self.catalogue.entries)}
        return sorted(found, key=lambda model: (order.get(model.name, len(order)), model.name))

    def find(self, name: str) -> Path:
        """The file that ``name`` means: a catalogue name or alias, a file name in the store, or a path to any GGUF.

        Raises ``ModelNotFound``, naming the command that would help.
        """
        entry = self.catalogue.get(name)
        if entry is not None:
            path = self.target(entry)
            if path.is_file():
                return path
            raise ModelNotFound(f"{entry.name} is not on this machine; run `codeslm models pull {entry.name}`.")
        for path in (self.root / name, self.root / f"{name}.gguf", Path(name).expanduser()):
            if path.suffix == ".gguf" and _is_file(path):
                return path.absolute()
        near = self.catalogue.suggestion(name)
        raise ModelNotFound(
            f"There is no model '{name}'{near}; `codeslm models list` shows the names, "
            "or give the path of a .gguf file."
        )

    def entry_of(self, path: Path) -> Entry | None:
        """The catalogue's entry for a file of this store; ``None`` for a file that only has the same name elsewhere."""
        if path.absolute().parent != self.root.absolute():
            return None
        return next((entry for entry in self.catalogue.entries if entry.file == path.name), None)

    def verify(
        self,
        path: Path,
        entry: Entry | None = None,
        on_bytes: Callable[[int], None] = lambda _: None,
        *,
        again: bool = False,
    ) -> str:
        """Check that ``path`` is a whole GGUF and, where its hash is known, that it has it; returns its SHA-256.

        A file of the store is hashed only when its size or modification time differ from those of its last hashing, or
        ``again``.
        Raises ``ModelNotFound`` or ``ModelDamaged``.
        """
        read_header(path)
        remembered = read_sidecar(path)
        expected = entry.sha256 if entry else ""
        remedy = f"run `codeslm models pull {entry.name if entry else 'NAME'}` to get it again."
        if remembered is not None and _still_holds(remembered, path) and not again:
            sha256 = remembered.sha256
        else:
            sha256 = hash_file(path, on_bytes)
            if remembered is not None and entry is not None:
                expected = expected or remembered.sha256
            if expected in ("", sha256) and path.absolute().parent == self.root.absolute():
                self.record(path, sha256, remembered.source if remembered else "found in the folder")
        if expected and sha256 != expected:
            raise ModelDamaged(f"{path} has the SHA-256 {sha256[:12]}… and should have {expected[:12]}…; {remedy}")
        return sha256

    def record(self, path: Path, sha256: str, source: str) -> None:
        """Remember the hash of a file of the store."""
        status = path.stat()
        sidecar = Sidecar(sha256, status.st_size, status.st_mtime_ns, source)
        with suppress(OSError):  # A folder that is read-only for us, shared between users: it will be hashed again.
            private.write_text(sidecar_path(path), json.dumps(asdict(sidecar), indent=1) + "\n")

    def target(self, entry: Entry) -> Path:
        """Where the file of ``entry`` belongs."""
        return self.root / entry.file

    def partial(self, entry: Entry) -> Path:
        """Where an unfinished pull of ``entry`` keeps its parts."""
        return self.root / PARTIAL / entry.name

    def _installed(self, path: Path, entry: Entry | None) -> Installed:
        size = path.stat().st_size
        damaged = entry is not None and entry.size_bytes not in (0, size)
        return Installed(entry.name if entry else path.stem, path, size, entry, damaged)


def models_dir() -> Path:
    """``CODESLM_MODELS_DIR``, or the folder for this user's data on this system."""
    return user_folder("CODESLM_MODELS_DIR", platformdirs.user_data_path("codeslm", appauthor=False) / "models")


def open_store() -> Store:
    """This user's store with the catalogue of this installation."""
    return Store(models_dir(), load_catalogue())


def read_sidecar(path: Path) -> Sidecar | None:
    """What is remembered of ``path``; ``None`` when there is nothing, or nothing that can be understood."""
    try:
        values = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
        return Sidecar(str(values["sha256"]), int(values["size_bytes"]), int(values["mtime_ns"]), str(values["source"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_file(path: Path) -> bool:
    """``Path.is_file`` for what a user typed: a name too long for the system is no file, and no exception either."""
    try:
        return path.is_file()
    except OSError:
        return False


def sidecar_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _still_holds(sidecar: Sidecar, path: Path) -> bool:
    status = path.stat()
    return (sidecar.size_bytes, sidecar.mtime_ns) == (status.st_size, status.st_mtime_ns)
