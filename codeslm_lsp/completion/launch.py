"""What a session needs to complete: an engine and the way to read its model's format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codeslm_lsp.completion.completer import FormatReader
from codeslm_lsp.engine.protocol import Engine
from codeslm_lsp.settings import Settings


@dataclass(frozen=True, slots=True)
class Launched:
    """An engine that has begun to start. ``message`` tells the user which model was chosen and why."""

    engine: Engine
    read_format: FormatReader
    message: str


Launch = Callable[[Settings], Launched]
"""Begins to start the engine that the settings ask for. Raises ``ModelError`` when there is no model to run."""
