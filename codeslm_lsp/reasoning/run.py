"""The name of a command → its answer, with what it has cost; and the same answer as data."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any

from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.engine.protocol import Engine
from codeslm_lsp.reasoning.question import Command, Means, Question
from codeslm_lsp.reasoning.speaker import ChatModel
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Answer, InputError, ModelUnsuitable

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "explain": "explain:explain",
        "ask": "ask:ask",
        "document": "document:document",
        "fix": "fix:fix",
        "implement": "implement:implement",
        "simplify": "simplify:simplify",
        "types": "type_hints:type_hints",
        "name": "name:name",
        "test": "unit_tests:unit_tests",
        "complexity": "complexity:complexity",
        "translate": "translate:translate",
        "commit": "commit:commit",
        "solve": "solve:solve",
        "verify": "verify:verify",
        "latex": "latex:latex",
        "formula": "formula:formula",
    }
)
"""In which module of this room a command is, and what it is called there. None is imported before it is asked for:
most sessions ask for few, and all together take a seventh of a second."""


async def run(name: str, question: Question, means: Means) -> Answer:
    """Answer a question. Raises ``CodeslmError``, with one sentence, when there can be no answer."""
    if name not in COMMANDS:
        raise InputError(f"There is no command '{name}'; there are {', '.join(COMMANDS)}.")
    started = time.perf_counter()
    # In a thread: nobody's key waits for the import.
    command: Command = await asyncio.to_thread(resolve_name, f"codeslm_lsp.reasoning.{COMMANDS[name]}")
    answer = await command(question, means)
    account = means.speaker.account
    return replace(
        answer,
        model=account.model,
        n_tokens=account.n_tokens,
        n_evaluated=account.n_evaluated,
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )


def chat_model(engine: Engine, model_format: ModelFormat, settings: Settings) -> ChatModel:
    """The engine's model as one to converse with. Raises ``ModelUnsuitable`` where it is none."""
    if model_format.chat is None:
        raise ModelUnsuitable(model_format.chat_refusal)
    return ChatModel(
        engine,
        model_format.chat,
        model_format.tokenizer,
        settings.completion.wait_for_model_ms,
        settings.commands.max_tokens,
    )


def as_data(answer: Answer) -> dict[str, Any]:
    """What ``--json`` prints. Edits count in code points of the document as it was when the question was asked."""
    return {
        "command": answer.command,
        "answer": answer.text,
        "value": answer.value,
        "badge": answer.badge.value,
        "evidence": [asdict(check) for check in answer.checks],
        "edit": [asdict(edit) for edit in answer.edits],
        "model": answer.model,
        "timings": {
            "elapsed_ms": round(answer.elapsed_ms, 1),
            "n_tokens": answer.n_tokens,
            "n_evaluated": answer.n_evaluated,
        },
    }
