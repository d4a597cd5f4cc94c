"""The body of a request for a completion, as OpenAI and as llama.cpp spell it → what is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from codeslm_lsp.prompt.families import SENTINELS, load_formats
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.values import InputError

MAX_TOKENS = 1024
MAX_CHOICES = 6
MAX_STOP_TEXTS = 16

_SAID_LANGUAGE = re.compile(r"\A\W*language: ([\w+#-]{1,20})", re.IGNORECASE)
"""How minuet begins what it sends: a comment with the language's name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What should be written between ``prefix`` and ``suffix``.

    ``path`` is the file's name, ``language_id`` as in LSP; either may be empty. ``max_tokens`` and ``time_budget_ms``
    are ``None`` where the settings decide. Texts end before one of ``stop_texts``. ``n_choices`` are wanted, which
    differ. ``fields`` are those that an answer in llama.cpp's way should have, all if there are none.
    """

    prefix: str
    suffix: str = ""
    path: str = ""
    language_id: str = ""
    max_tokens: int | None = None
    time_budget_ms: int | None = None
    n_choices: int = 1
    stop_texts: tuple[str, ...] = ()
    streams: bool = False
    fields: tuple[str, ...] = ()


def asked_of_openai(body: Mapping[str, Any]) -> Asked:
    """``POST /v1/completions`` (https://platform.openai.com/docs/api-reference/completions/create).

    A prompt that is written for a model's fill-in-the-middle already, as Zed's are, is taken apart again. ``path`` and
    ``language`` are ours. Temperature and the like are ignored: the likeliest text is offered. Raises ``InputError``.
    """
    prompt, suffix = body.get("prompt"), body.get("suffix") or ""
    if isinstance(prompt, list) and len(prompt) == 1:
        (prompt,) = prompt
    if not isinstance(prompt, str) or not isinstance(suffix, str):
        raise InputError("Give 'prompt' and 'suffix' as text: the code before and behind the cursor.")
    prefix, suffix = (prompt, suffix) if suffix else _taken_apart(prompt)
    return Asked(
        prefix,
        suffix,
        path=_text(body, "path"),
        language_id=_text(body, "language") or _said_language(prefix),
        max_tokens=_number(body, "max_tokens", 1, MAX_TOKENS),
        n_choices=_number(body, "n", 1, MAX_CHOICES) or 1,
        stop_texts=_stop_texts(body),
        streams=body.get("stream") is True,
    )


def asked_of_infill(body: Mapping[str, Any]) -> Asked:
    """``POST /infill`` of llama.cpp's server (tools/server/README.md there), which llama.vim and llama.vscode ask.

    ``prompt`` is what stands before the cursor in its line. ``input_extra`` is ignored: what other files have to say is
    looked up here. Raises ``InputError``.
    """
    texts = [body.get(name, "") for name in ("input_prefix", "prompt", "input_suffix")]
    if not all(isinstance(text, str) for text in texts):
        raise InputError("Give 'input_prefix', 'prompt' and 'input_suffix' as text.")
    before, typed, suffix = texts
    fields = body.get("response_fields")
    return Asked(
        before + typed,
        suffix,
        path=_text(body, "path"),
        language_id=_text(body, "language") or _said_language(before),
        max_tokens=_number(body, "n_predict", 1, MAX_TOKENS),
        time_budget_ms=_number(body, "t_max_predict_ms", 1, 600_000),
        stop_texts=_stop_texts(body),
        streams=body.get("stream") is True,
        fields=tuple(map(str, fields)) if isinstance(fields, list) else (),
    )


def _said_language(prefix: str) -> str:
    said = _SAID_LANGUAGE.search(prefix)
    return said.group(1).lower() if said is not None and language_of(said.group(1), "") is not None else ""


def _taken_apart(prompt: str) -> tuple[str, str]:
    for pattern in _layouts():
        if (found := pattern.fullmatch(prompt)) is not None:
            return found["prefix"] + found["typed"], found["suffix"]
    return prompt, ""


@cache
def _layouts() -> tuple[re.Pattern[str], ...]:
    """How the families of ``prompts/fim.toml`` write a prompt; other files may stand before it."""
    return tuple(dict.fromkeys(_patterns()))


def _patterns() -> Iterator[re.Pattern[str]]:
    for family in load_formats().families.values():
        pieces = family.pieces()
        for parts in family.layouts.values():
            if "{suffix}" in parts and parts[0] in SENTINELS:
                slots = {"{prefix}": r"(?P<prefix>[\s\S]*?)", "{suffix}": r"(?P<suffix>[\s\S]*?)"}
                written = "".join(slots.get(part) or re.escape(pieces[part]) for part in parts)
                yield re.compile(rf"[\s\S]*?{written}(?P<typed>[\s\S]*)")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _number(body: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    """A number within limits; ``None`` where there is none, or one below them, by which llama.cpp means no limit."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"Give '{name}' as a number.")
    return min(int(value), most) if value >= least else None


def _stop_texts(body: Mapping[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop") or ()
    texts = (stop,) if isinstance(stop, str) else stop
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) and text for text in texts):
        raise InputError("Give 'stop' as a text or a list of texts.")
    return tuple(texts[:MAX_STOP_TEXTS])
