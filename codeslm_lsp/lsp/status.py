"""What has just happened to the engine → what an editor may show in its status line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Report, Skip, SkipReason


@dataclass(frozen=True, slots=True)
class Status:
    """``message`` is one sentence, or empty where there is nothing to say; ``model`` is the one that completes."""

    kind: Literal["loading", "ready", "off", "problem"]
    message: str = ""
    model: str = ""


Show = Callable[[Status], None]

PROBLEMS = frozenset({SkipReason.ENGINE_FAILED, SkipReason.MODEL_MISSING, SkipReason.INTERNAL_ERROR})
"""Reasons for no suggestion that will not pass by themselves."""

OFF = "Completions are switched off by the setting completion.enabled."


def status_of(settings: Settings, model: str, problem: Skip | None, *, is_loaded: bool) -> Status:
    """Before anything was asked for."""
    if problem is not None:
        return Status("problem", problem.detail)
    if not settings.completion.enabled:
        return Status("off", OFF, model)
    return Status("ready", "", model) if is_loaded else Status("loading", "The model is being loaded.", model)


def status_after(report: Report, before: Status) -> Status:
    """What an answer tells of the engine; an answer that it had no part in tells nothing."""
    if isinstance(report.outcome, Skip):
        if report.outcome.reason in PROBLEMS:
            return Status("problem", report.outcome.detail, before.model)
        if report.outcome.reason is SkipReason.MODEL_LOADING:
            return Status("loading", report.outcome.detail, before.model)
    return Status("ready", "", report.model) if report.model else before
