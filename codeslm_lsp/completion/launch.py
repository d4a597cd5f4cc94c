"""What a session needs to complete: an engine and the way to read its model's format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codeslm_lsp.completion.completer import FormatReader
from codeslm_lsp.completion.postprocess.chain import CHAIN
from codeslm_lsp.completion.postprocess.draft import Filter
from codeslm_lsp.engine.protocol import Engine
from codeslm_lsp.settings import Settings


@dataclass(frozen=True, slots=True)
class Launched:
    """An engine that has begun to start. ``message`` tells the user which model was chosen and why.

    ``filters`` are run over what it generates; none where an evaluation wants to see it as it is.
    """

    engine: Engine
    read_format: FormatReader
    message: str
    filters: Sequence[Filter] = CHAIN


Launch = Callable[[Settings], Launched]
"""Begins to start the engine that the settings ask for. Raises ``ModelError`` when there is no model to run."""

LaunchOther = Callable[[Settings], Launched | None]
"""Begins to start the engine of another model for commands, if the settings name one. Raises ``ModelError``."""
