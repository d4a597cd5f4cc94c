"""The name of a command → its answer, with what it has cost; and the same answer as data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.engine.protocol import Engine
from codeslm_lsp.reasoning.ask import ask
from codeslm_lsp.reasoning.commit import commit
from codeslm_lsp.reasoning.complexity import complexity
from codeslm_lsp.reasoning.document import document
from codeslm_lsp.reasoning.explain import explain
from codeslm_lsp.reasoning.fix import fix
from codeslm_lsp.reasoning.formula import formula
from codeslm_lsp.reasoning.implement import implement
from codeslm_lsp.reasoning.latex import latex
from codeslm_lsp.reasoning.name import name as better_name
from codeslm_lsp.reasoning.question import Command, Means, Question
from codeslm_lsp.reasoning.simplify import simplify
from codeslm_lsp.reasoning.solve import solve
from codeslm_lsp.reasoning.speaker import ChatModel
from codeslm_lsp.reasoning.translate import translate
from codeslm_lsp.reasoning.type_hints import type_hints
from codeslm_lsp.reasoning.unit_tests import unit_tests
from codeslm_lsp.reasoning.verify import verify
from codeslm_lsp.values import Answer, InputError, ModelUnsuitable

COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "explain": explain,
        "ask": ask,
        "document": document,
        "fix": fix,
        "implement": implement,
        "simplify": simplify,
        "types": type_hints,
        "name": better_name,
        "test": unit_tests,
        "complexity": complexity,
        "translate": translate,
        "commit": commit,
        "solve": solve,
        "verify": verify,
        "latex": latex,
        "formula": formula,
    }
)


async def run(name: str, question: Question, means: Means) -> Answer:
    """Answer a question. Raises ``CodeslmError``, with one sentence, when there can be no answer."""
    if name not in COMMANDS:
        raise InputError(f"There is no command '{name}'; there are {', '.join(COMMANDS)}.")
    started = time.perf_counter()
    answer = await COMMANDS[name](question, means)
    account = means.speaker.account
    return replace(
        answer,
        model=account.model,
        n_tokens=account.n_tokens,
        n_evaluated=account.n_evaluated,
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )


def chat_model(engine: Engine, model_format: ModelFormat, wait_ms: float) -> ChatModel:
    """The engine's model as one to converse with. Raises ``ModelUnsuitable`` where it is none."""
    if model_format.chat is None:
        raise ModelUnsuitable(model_format.chat_refusal)
    return ChatModel(engine, model_format.chat, model_format.tokenizer, wait_ms)


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
