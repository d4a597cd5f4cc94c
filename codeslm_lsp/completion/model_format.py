"""A model file → how to speak to it: its FIM format and a tokenizer, read from the file's own header."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.engine.protocol import Engine
from codeslm_lsp.models.gguf import GgufHeader, read_header
from codeslm_lsp.prompt.chat import ChatFormat, detect_chat
from codeslm_lsp.prompt.detect import FimFormat, detect, prefix_only
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.prompt.vocabulary import Vocabulary, read_vocabulary
from codeslm_lsp.values import ModelUnsuitable


@dataclass(frozen=True, slots=True)
class ModelFormat:
    """How to build prompts for one model. ``warning`` is a sentence to tell the user once, or empty.

    ``chat`` is how to converse with it, or ``None``; ``chat_refusal`` is the sentence that says why not.
    """

    fim: FimFormat
    tokenizer: Tokenizer
    warning: str = ""
    chat: ChatFormat | None = None
    chat_refusal: str = ""


class EngineTokenizer:
    """The model's own tokenizer, asked over the engine's socket.

    That takes 1 to 3 ms for what is typed behind a prompt. A tokenizer in this process would take none, but 60 MB of
    memory and most of a second at the start in every editor's server, for a vocabulary of 150,000 tokens.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``Tokenizer.encode``."""
        return await self._engine.encode(texts)


async def read_format(path: Path, engine: Engine) -> ModelFormat:
    """Read the header in a thread: a large vocabulary, or a chat template, takes a fraction of a second.

    Raises ``ModelNotFound`` or ``ModelDamaged``.
    """
    return await asyncio.to_thread(lambda: format_of(read_header(path), engine))


def format_of(header: GgufHeader, engine: Engine) -> ModelFormat:
    """The format that a header asks for. A model without FIM tokens gets the prefix-only format and a warning.

    Raises ``ModelDamaged``. Keeps nothing of the header, which is large.
    """
    return format_by(read_vocabulary(header.metadata), header.metadata, engine)


def format_by(vocabulary: Vocabulary, metadata: Mapping[str, Any], engine: Engine) -> ModelFormat:
    """The same by a vocabulary and the metadata of a GGUF's header."""
    tokenizer = EngineTokenizer(engine)
    try:
        chat, refusal = detect_chat(vocabulary, metadata), ""
    except ModelUnsuitable as error:
        chat, refusal = None, str(error)
    try:
        fim, warning = detect(vocabulary, metadata), ""
    except ModelUnsuitable as error:
        fim, warning = prefix_only(vocabulary), f"{error} Until then only the text before the cursor is used."
    return ModelFormat(fim, tokenizer, warning, chat, refusal)
