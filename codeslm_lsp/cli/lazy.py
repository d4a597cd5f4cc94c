"""Subcommands that are imported when they are asked for: an editor that starts the server waits for none of them."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "complete": "complete:complete",
        "eval": "evaluate:evaluate",
        "models": "models:app",
        "bench": "bench:app",
        "explain": "commands:explain",
        "ask": "commands:ask",
        "document": "commands:document",
        "fix": "commands:fix",
        "implement": "commands:implement",
        "simplify": "commands:simplify",
        "types": "commands:type_hints",
        "name": "commands:better_name",
        "test": "commands:write_tests",
        "complexity": "commands:complexity",
        "translate": "commands:translate",
        "commit": "commands:commit",
        "solve": "commands:solve",
        "verify": "commands:verify",
        "latex": "commands:latex",
        "formula": "commands:formula",
        "allow": "commands:allow",
        "stats": "stats:stats",
        "config": "config:app",
        "doctor": "doctor:doctor",
        "editors": "editors:editors",
        "reference": "reference:reference",
    }
)
"""In the order of ``codeslm --help``: in which module of this room a command is, and what it is called there."""


class LazyGroup(TyperGroup):
    """``codeslm`` with its subcommands: those that it was made with, and ``COMMANDS``."""

    def list_commands(self, ctx: Any) -> list[str]:
        own = [name for name in super().list_commands(ctx) if name not in COMMANDS]
        return [*own, *COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            self.add_command(_imported(cmd_name), cmd_name)
        return super().get_command(ctx, cmd_name)


def _imported(name: str) -> Any:
    found = resolve_name(f"codeslm_lsp.cli.{COMMANDS[name]}")
    app = typer.Typer(add_completion=False)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
        group: Any = typer.main.get_group(app)
        return group.commands[name]
    app.command(name)(found)
    return typer.main.get_command(app)
