"""A report → the answer as clients of OpenAI's and of llama.cpp's servers read it."""

from __future__ import annotations

import time
import uuid
from typing import Any

from codeslm_lsp.completion.remote_first import NO_ENGINE
from codeslm_lsp.serving.offer import texts_of
from codeslm_lsp.serving.requests import Asked
from codeslm_lsp.values import Report, Skip, SkipReason, StopReason

FAILURES = NO_ENGINE | {SkipReason.INTERNAL_ERROR}
"""Reasons that are errors; that there is nothing to add is none."""


def openai_answer(report: Report, asked: Asked) -> dict[str, Any]:
    """``text_completion``. ``codeslm`` is ours: why there is nothing, or how sure it is and what was shown."""
    reason = "length" if _is_cut(report) else "stop"
    texts = texts_of(report, asked) or [""]
    timings = report.timings
    n_prompt, n_produced = timings.n_prefill + timings.n_reused, timings.n_decode
    return {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": report.model,
        "choices": [
            {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
            for index, text in enumerate(texts)
        ],
        "usage": {
            "prompt_tokens": n_prompt,
            "completion_tokens": n_produced,
            "total_tokens": n_prompt + n_produced,
        },
        "codeslm": _own(report),
    }


def openai_parts(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The same in the parts of a stream: each text, and then its end."""
    head = {key: answer[key] for key in ("id", "object", "created", "model")}
    texts = [{**choice, "finish_reason": None} for choice in answer["choices"]]
    ends = [{**choice, "text": ""} for choice in answer["choices"]]
    return [*({**head, "choices": [choice]} for choice in texts), {**answer, "choices": ends}]


def infill_answer(report: Report, asked: Asked) -> dict[str, Any]:
    """llama.cpp's, with those of its fields that its clients read; only ``asked.fields`` if there are some."""
    timings = report.timings
    answer = {
        "content": next(iter(texts_of(report, asked)), ""),
        "stop": True,
        "model": report.model,
        "tokens_predicted": timings.n_decode,
        "tokens_evaluated": timings.n_prefill + timings.n_reused,
        "tokens_cached": timings.n_reused,
        "truncated": False,
        "stop_type": "limit" if _is_cut(report) else "eos",
        "timings": {
            "prompt_n": timings.n_prefill,
            "prompt_ms": timings.prefill_ms,
            "prompt_per_second": _per_second(timings.n_prefill, timings.prefill_ms),
            "predicted_n": timings.n_decode,
            "predicted_ms": timings.decode_ms,
            "predicted_per_second": _per_second(timings.n_decode, timings.decode_ms),
        },
        "codeslm": _own(report),
    }
    if not asked.fields:
        return answer
    flat = {**answer, **{f"timings/{name}": value for name, value in answer["timings"].items()}}  # type: ignore[attr-defined]
    return {name: flat[name] for name in asked.fields if name in flat}


def failure(report: Report) -> str | None:
    """The sentence that says why nothing could be answered at all; None where something was, if only nothing."""
    outcome = report.outcome
    return outcome.detail if isinstance(outcome, Skip) and outcome.reason in FAILURES else None


def _own(report: Report) -> dict[str, Any]:
    outcome = report.outcome
    if isinstance(outcome, Skip):
        return {"reason": outcome.reason.value, "detail": outcome.detail}
    return {"confidence": outcome.confidence, "snippets": list(report.snippets)}


def _is_cut(report: Report) -> bool:
    return report.stop in (StopReason.MAX_TOKENS, StopReason.TIME_BUDGET)


def _per_second(n_tokens: int, elapsed_ms: float) -> float:
    return n_tokens / elapsed_ms * 1000 if elapsed_ms else 0.0
