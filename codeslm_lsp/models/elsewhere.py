"""GGUF files that other programs on this machine have downloaded, to be used without a copy.

Where they are: Ollama's ``docs/faq.md`` ("Where are models stored?"), whose manifests are those of OCI images; the
documentation of LM Studio ("Import models"); llama.cpp's ``fs_get_cache_directory``; the documentation of
``huggingface_hub`` ("Understand caching").
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp import private
from codeslm_lsp.models.catalogue import Entry
from codeslm_lsp.models.store import Store
from codeslm_lsp.models.transfer import hash_file
from codeslm_lsp.values import InputError

OLLAMA_MODEL = "application/vnd.ollama.image.model"
"""The media type of the layer that is a GGUF file."""

_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
_NOT_A_MODEL = re.compile(r"(?:^|[-_.])mmproj", re.IGNORECASE)
"""What sees pictures for a model is a file of its own."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One file. ``name`` is what the other program, ``program``, calls the model."""

    name: str
    path: Path
    program: str
    size_bytes: int


def models_elsewhere(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> list[Elsewhere]:
    """All of them, each file once; what is cut into parts is left out. What cannot be read is taken for missing."""
    home = home or Path.home()
    found: dict[Path, Elsewhere] = {}
    for each in (
        *_ollama(environment, home),
        *_files("LM Studio", (home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"), "*/*/*.gguf"),
        *_files("llama.cpp", (_llama_cpp(environment, home),), "*.gguf"),
        *_files("Hugging Face", (_hugging_face(environment, home),), "models--*/snapshots/*/**/*.gguf"),
    ):
        found.setdefault(each.path.resolve(), each)
    return sorted(found.values(), key=lambda each: (each.program, each.name))


def entry_for(file: Elsewhere, store: Store) -> Entry | None:
    """The model of the catalogue that this file is, to the last byte; only one of the same size is hashed."""
    for entry in store.catalogue.entries:
        is_alike = bool(entry.sha256) and entry.size_bytes == file.size_bytes
        if is_alike and hash_file(file.path, lambda _: None) == entry.sha256:
            return entry
    return None


def link(file: Elsewhere, store: Store) -> Path:
    """Have the store know the file, where it is, and return its place there.

    Raises ``InputError`` where something else is of that name, or the system has no links.
    """
    entry = entry_for(file, store)
    name = entry.file if entry is not None else f"{_plain(file.name)}.gguf"
    place = store.root / name
    if place.exists():
        if place.resolve() == file.path.resolve():
            return place
        raise InputError(f"There is a model {place.stem} already; `codeslm models rm {place.stem}` would make room.")
    try:
        private.make_folder(store.root)
        place.unlink(missing_ok=True)  # A link to what is not there any more.
        if sys.platform == "win32":  # Only administrators may make symbolic links there.
            place.hardlink_to(file.path)
        else:
            place.symlink_to(file.path)
    except OSError as error:
        raise InputError(
            f"{file.path} cannot be linked from {store.root} ({error.strerror}); name it by its path: "
            f"`codeslm config set model {file.path}`."
        ) from None
    return place


def _plain(name: str) -> str:
    """``qwen2.5-coder:1.5b`` → ``qwen2.5-coder-1.5b``, which every file system takes."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "model"


def _ollama(environment: Mapping[str, str], home: Path) -> Iterator[Elsewhere]:
    """``manifests/HOST/NAMESPACE/MODEL/TAG`` is a JSON file, which names layers in ``blobs``."""
    named = environment.get("OLLAMA_MODELS", "").strip()
    roots = (Path(named),) if named else (home / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models"))
    for root in roots:
        for manifest in _glob(root / "manifests", "*/*/*/*"):
            try:
                layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
                digests = [each["digest"] for each in layers if each["mediaType"] == OLLAMA_MODEL]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            for digest in digests[:1]:
                if isinstance(digest, str):
                    blob = root / "blobs" / digest.replace(":", "-")
                    yield from _file("Ollama", f"{manifest.parent.name}:{manifest.name}", blob)


def _llama_cpp(environment: Mapping[str, str], home: Path) -> Path:
    if named := environment.get("LLAMA_CACHE", "").strip():
        return Path(named)
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "llama.cpp"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA", home / "AppData" / "Local")) / "llama.cpp"
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "llama.cpp"


def _hugging_face(environment: Mapping[str, str], home: Path) -> Path:
    if named := environment.get("HF_HUB_CACHE", "").strip():
        return Path(named)
    own = environment.get("HF_HOME", "").strip()
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return (Path(own) if own else cache / "huggingface") / "hub"


def _files(program: str, folders: tuple[Path, ...], pattern: str) -> Iterator[Elsewhere]:
    for folder in folders:
        for path in _glob(folder, pattern):
            if not _PART.search(path.name) and not _NOT_A_MODEL.search(path.name):
                yield from _file(program, path.stem, path)


def _file(program: str, name: str, path: Path) -> Iterator[Elsewhere]:
    try:
        if path.is_file():
            yield Elsewhere(name, path, program, path.stat().st_size)
    except OSError:
        return


def _glob(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
