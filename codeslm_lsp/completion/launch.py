"""What a session needs to complete: an engine and the way to read its model's format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codeslm_lsp.completion.completer import FormatReader
from codeslm_lsp.completion.postprocess.chain import CHAIN
from codeslm_lsp.completion.postprocess.draft import Filter
from codeslm_lsp.engine.protocol import Engine
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import ModelNotFound


@dataclass(frozen=True, slots=True)
class Launched:
    """An engine that has begun to start. ``message`` tells the user which model was chosen and why.

    One that ``is_remote`` runs on other machines; ``fallback`` then is the one of this machine, if that may be asked
    too. ``filters`` are run over what it generates; none where an evaluation wants to see it as it is.
    """

    engine: Engine
    read_format: FormatReader
    message: str
    filters: Sequence[Filter] = CHAIN
    is_remote: bool = False
    fallback: Launched | None = None

    async def close(self) -> None:
        """Close its engines."""
        await self.engine.close()
        if self.fallback is not None:
            await self.fallback.close()

    def for_commands(self, settings: Settings) -> Launched:
        """Which of them answers commands. Raises ``ModelNotFound`` where none may."""
        if not self.is_remote or settings.remote.commands:
            return self
        if self.fallback is None:
            raise ModelNotFound(
                "Commands are answered on this machine, which has no model: run `codeslm models pull NAME`, or set "
                "'remote.commands'."
            )
        return self.fallback


Launch = Callable[[Settings], Launched]
"""Begins to start the engine that the settings ask for. Raises ``ModelError`` when there is no model to run."""

LaunchOther = Callable[[Settings], Launched | None]
"""Begins to start the engine of another model for commands, if the settings name one. Raises ``ModelError``."""
