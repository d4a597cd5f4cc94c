"""The value that filters hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.values import Extent, StopReason


@dataclass(frozen=True, slots=True)
class Draft:
    """A completion on its way to the user, with the text around it."""

    text: str
    prefix: str
    suffix: str
    extent: Extent
    stop: StopReason
    language: Language | None
