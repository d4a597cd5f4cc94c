"""A Python document and a module → whether a file of the user's own takes the module's place."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from codeslm_lsp.values import Document


def is_shadowed(document: Document, module: str) -> bool:
    """Whether ``import module`` may find a file beside the document or in a folder above it, as far as the workspace's.

    Python looks in the folder of the file that was started, and in others that nobody knows: wherever there is one of
    this name it may be meant.
    """
    uri = urlsplit(document.uri)
    if uri.scheme != "file":
        return False
    name = module.partition(".")[0]
    n_folders = len(PurePosixPath(document.path).parts)  # Relative to the workspace's folder, or the name alone.
    folders = list(Path(url2pathname(uri.path)).parents)[:n_folders]
    bases = [base for folder in folders for base in (folder, folder / "src")]
    return any((base / f"{name}.py").is_file() or (base / name / "__init__.py").is_file() for base in bases)
