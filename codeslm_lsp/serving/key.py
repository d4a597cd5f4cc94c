"""The key without which nobody is answered: a page in a browser, or another user's program, can reach the port too."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import platformdirs

from codeslm_lsp import private
from codeslm_lsp.values import InputError

KEY_VARIABLE = "CODESLM_OPENAI_KEY"
"""An environment variable with the key itself, instead of the file."""

MIN_CHARACTERS = 16


def key_file() -> Path:
    """Where the key is kept, for its user alone to read."""
    return platformdirs.user_config_path("codeslm", appauthor=False) / "openai_key"


def access_key() -> tuple[str, str]:
    """The key, made at the first time and the same ever after, and where it is to be found.

    Raises ``InputError`` when the file cannot be read or made, or holds no key.
    """
    if given := os.environ.get(KEY_VARIABLE, "").strip():
        return _checked(given, f"the environment variable {KEY_VARIABLE}")
    path = key_file()
    try:
        if not path.exists():
            private.write_text(path, secrets.token_urlsafe(32) + "\n")
        return _checked(path.read_text(encoding="utf-8").strip(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The key in {path} cannot be read or made ({error}); set {KEY_VARIABLE} instead.") from None


def _checked(key: str, place: str) -> tuple[str, str]:
    if len(key) < MIN_CHARACTERS or not key.isascii() or not key.isprintable():
        raise InputError(f"The key in {place} is none; give at least {MIN_CHARACTERS} letters and digits.")
    return key, place
