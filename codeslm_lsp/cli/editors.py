"""``codeslm editors``: where an editor's plug-in lies in this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from codeslm_lsp.resources import resource_path
from codeslm_lsp.values import InputError

PLUGINS = {"nvim": "editors/nvim"}
"""The editors that have one, and its folder."""


def editors(
    name: Annotated[str, typer.Argument(metavar="EDITOR", help="An editor that has one: nvim.")] = "",
) -> None:
    """Print the folder of an editor's plug-in, for its search path."""
    if name not in PLUGINS:
        raise InputError(f"There are plug-ins for {', '.join(PLUGINS)}; run `codeslm editors {next(iter(PLUGINS))}`.")
    typer.echo(resource_path(PLUGINS[name]))
