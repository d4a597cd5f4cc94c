"""``codeslm config …``: what can be set."""

from __future__ import annotations

import json

import typer

from codeslm_lsp.settings import Settings

app = typer.Typer(help="Settings: print what can be set.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Settings: print what can be set."""


@app.command()
def schema() -> None:
    """Print the JSON Schema of all settings, for programs that write or check them."""
    typer.echo(json.dumps(Settings.model_json_schema(), indent=2))
