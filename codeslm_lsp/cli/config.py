"""``codeslm config …``: what can be set, what is set and where, and setting it for this user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer
from rich.table import Table
from tomlkit.exceptions import TOMLKitError

from codeslm_lsp import private
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.settings import (
    DEFAULTS,
    Settings,
    complaint_about,
    is_setting,
    origins,
    sources_here,
    user_file,
    value_of_text,
)
from codeslm_lsp.values import InputError

app = typer.Typer(help="Settings: show them and where they come from, set one for this user.", no_args_is_help=True)

SCHEMA = "config.schema.json"
"""Beside the user's file, whose first line names it as Taplo reads that (https://taplo.tamasfe.dev/configuration/directives.html):
editors that know TOML complete and check the file by it."""


def known_keys(incomplete: str) -> list[str]:
    """For completion in a shell."""
    return [key for key in origins([]) if key.startswith(incomplete)]


Key = Annotated[
    str, typer.Argument(metavar="KEY", help="A setting, such as completion.max_tokens.", autocompletion=known_keys)
]


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not as by default.")] = False,
) -> None:
    """Show every setting, its value, and where that comes from. An editor may set others."""
    found = {
        key: (value, source)
        for key, (value, source) in origins(sources_here(Path.cwd())[0]).items()
        if not changed or source != DEFAULTS
    }
    if as_json:
        rows = {key: {"value": value, "from": source} for key, (value, source) in found.items()}
        typer.echo(json.dumps(rows, indent=2))
        return
    console = Console(markup=False, highlight=False)
    if not found:
        console.print(f"Nothing is set here. Your own file would be {user_file()}.", soft_wrap=True)
        return
    table = Table("setting", "value", "from", box=None, pad_edge=False, collapse_padding=True)
    for key, (value, source) in found.items():
        table.add_row(key, json.dumps(value), source, style="" if source != DEFAULTS else "dim")
    console.print(table)
    console.print(f"\nYour own file: {user_file()}", soft_wrap=True)


@app.command()
def path() -> None:
    """Print the path of your own file of settings, whether it is there or not."""
    typer.echo(user_file())


@app.command("set")
def set_command(
    key: Key, value: Annotated[str, typer.Argument(metavar="VALUE", help='As in TOML: 40, true, text, ["go"].')]
) -> None:
    """Write a setting into your own file. Editors that run take it over within a second or two."""
    set_for_user(key, value_of_text(value, key))


@app.command()
def unset(key: Key) -> None:
    """Take a setting out of your own file, so that its default holds again."""
    _require_known(key)
    document = _read()
    *tables, name = key.split(".")
    table: Any = document
    for each in tables:
        table = table.get(each, {})
    if name in table:
        del table[name]
        _write(document)


@app.command()
def schema() -> None:
    """Print the JSON Schema of all settings, for programs that write or check them."""
    typer.echo(_schema())


def _schema() -> str:
    return json.dumps(Settings.model_json_schema(), indent=2)


def set_for_user(key: str, value: Any) -> None:
    """Write a setting into the user's file and leave the rest as it is. Raises ``InputError``."""
    _require_known(key)
    *tables, name = key.split(".")
    options: dict[str, Any] = {name: value}
    for each in reversed(tables):
        options = {each: options}
    if (reason := complaint_about(options)) is not None:
        raise InputError(f"The setting '{key}' in {user_file()} was not set: {reason}.")
    document = _read()
    table: Any = document
    for each in tables:
        table = table.setdefault(each, tomlkit.table())
    table[name] = value
    _write(document)


def _require_known(key: str) -> None:
    if not is_setting(key):
        known = origins([])
        near = [each for each in known if each.endswith(f".{key}")] or [each for each in known if key in each]
        hint = f"; did you mean {near[0]}?" if near else "; `codeslm config show` lists all."
        raise InputError(f"There is no setting '{key}'{hint}")


def _read() -> tomlkit.TOMLDocument:
    path = user_file()
    if not path.exists():
        return tomlkit.parse(f"#:schema ./{SCHEMA}\n")
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise InputError(f"{path} cannot be read ({error}); correct it, or delete it to begin anew.") from None


def _write(document: tomlkit.TOMLDocument) -> None:
    path = user_file()
    try:
        private.write_text(path, tomlkit.dumps(document))
        private.write_text(path.with_name(SCHEMA), _schema())
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); set CODESLM_CONFIG to another file.") from None
