"""Where commands print: rich's console, which has no style either where ``NO_COLOR`` asks for no colours."""

from __future__ import annotations

import os
from typing import Any

import rich.console


class Console(rich.console.Console):
    """As rich's, but bold and dim are left out with the colours, so that what is copied or logged is the bare text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(color_system=None if is_plain() else "auto", **options)


def is_plain() -> bool:
    """Whether the user wants no colours: https://no-color.org."""
    return bool(os.environ.get("NO_COLOR"))


def make_help_plain() -> None:
    """The same for what typer prints: help, and what is wrong with a command line."""
    from typer import rich_utils

    rich_utils.COLOR_SYSTEM = None
