"""A model file → how to speak to it: its FIM format and a tokenizer, read from the file's own header."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.engine.protocol import Engine
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.prompt.detect import FimFormat, detect, prefix_only
from codeslm_lsp.prompt.tokenizer import Tokenizer, exact_tokenizer
from codeslm_lsp.prompt.vocabulary import read_vocabulary
from codeslm_lsp.values import ModelUnsuitable


@dataclass(frozen=True, slots=True)
class ModelFormat:
    """How to build prompts for one model. ``warning`` is a sentence to tell the user once, or empty."""

    fim: FimFormat
    tokenizer: Tokenizer
    warning: str = ""


class EngineTokenizer:
    """The model's own tokenizer, asked over the engine's socket: for models that tiktoken cannot reproduce exactly."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``Tokenizer.encode``."""
        return await self._engine.encode(texts)


async def read_format(path: Path, engine: Engine) -> ModelFormat:
    """Read the header in a thread: a large vocabulary takes a fraction of a second.

    Raises ``ModelNotFound`` or ``ModelDamaged``. A model without FIM tokens gets the prefix-only format and a warning.
    """
    fim, exact, warning = await asyncio.to_thread(_read, path)
    return ModelFormat(fim, exact or EngineTokenizer(engine), warning)


def _read(path: Path) -> tuple[FimFormat, Tokenizer | None, str]:
    metadata = read_header(path).metadata
    vocabulary = read_vocabulary(metadata)
    try:
        fim, warning = detect(vocabulary, metadata), ""
    except ModelUnsuitable as error:
        fim = prefix_only(vocabulary)
        warning = f"{error} Until then only the text before the cursor is used."
    return fim, exact_tokenizer(vocabulary), warning
