"""Files of ``prompts/``, ``grammars/`` and ``editors/`` → their text, the same from a wheel, an sdist or a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from codeslm_lsp.values import InputError

_PACKAGE = Path(__file__).parent


@cache
def _root(top: str) -> Path:
    """The folder that holds ``top``: inside the package when installed from a wheel, beside it in a checkout."""
    for candidate in (_PACKAGE / "_data" / top, _PACKAGE.parent / top):
        if candidate.is_dir():
            return candidate
    raise InputError(f"The folder '{top}' is missing from this installation; reinstall codeslm with pip.")


def resource_path(relative: str) -> Path:
    """The path of one resource, such as ``"prompts/fim.toml"``; it need not exist."""
    top, _, rest = relative.partition("/")
    return _root(top) / rest


def read_text(relative: str) -> str:
    """The UTF-8 text of one resource. Raises ``InputError`` when it is not part of this installation."""
    try:
        return resource_path(relative).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"The file '{relative}' is missing from this installation; reinstall codeslm with pip."
        ) from None
