"""A request → the bodies that remote servers want; the events of their streams → tokens."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.remote_model import Api, RemoteModel
from codeslm_lsp.engine.stop_texts import before_stop_text
from codeslm_lsp.values import StopReason, Timings, Token

ASSUMED_LOGPROB = math.log(0.9)
"""Of a token whose server does not say how likely it was: what most tokens of good completions have."""

ALTERNATIVE_TEMPERATURE = 0.8
"""A server cannot be asked for the second best; so others are drawn."""

MAX_STOPS = 4
"""OpenAI's own limit, and vLLM's since 0.32 at the latest: it refuses a request with more."""

_TAIL = re.compile(r"(?:\w+|[^\S\n]+|[^\w\s]+)\Z")
_SPACE = re.compile(r"(?<=\S) \Z")


@dataclass(frozen=True, slots=True)
class Asking:
    """One call: ``path`` and ``body``. ``healed`` is text that its answer repeats: the end of what was typed.

    Its answer ends before any of the texts ``ends``, whether the server minds them or not.
    """

    path: str
    body: dict[str, Any]
    healed: str = ""
    ends: tuple[str, ...] = ()


def askings(request: GenerateRequest, prompt: Sequence[int], typed: str, model: RemoteModel) -> list[Asking]:
    """A call for each continuation that is wanted, the likeliest first.

    ``prompt`` is the request's with the tokens of what of ``typed`` is not healed; see ``split_typed``.
    """
    healed = split_typed(request, typed, model)[1]
    n_calls = max(request.n_samples, 1 + request.n_alternatives)
    return [_asking(request, prompt, healed, model, number) for number in range(n_calls)]


def split_typed(request: GenerateRequest, typed: str, model: RemoteModel) -> tuple[str, str]:
    """What is typed, in two parts: what the prompt ends with, and what the model writes once more.

    That is the last word where a grammar holds the model to it; elsewhere only the space behind a word, which a model
    writes by itself: its tokens begin with one, so that behind another one it would write two.
    """
    tail = (_TAIL if model.api is Api.LLAMA_SERVER else _SPACE).search(typed)
    if not request.heal or tail is None:
        return typed, ""
    return typed[: tail.start()], tail.group()


def _asking(request: GenerateRequest, prompt: Sequence[int], healed: str, model: RemoteModel, number: int) -> Asking:
    temperature = request.temperature or (ALTERNATIVE_TEMPERATURE if number else 0.0)
    body: dict[str, Any] = {"temperature": temperature, "top_p": request.top_p, "stream": True}
    if temperature:
        body["seed"] = request.seed + number
    if model.api is Api.LLAMA_SERVER:
        body |= {
            "prompt": list(prompt),
            "n_predict": request.max_tokens + (len(healed) if healed else 0),
            "cache_prompt": True,
            "n_probs": 1,
            "top_k": 0 if temperature else 1,
            "min_p": 0.0,
        }
        if request.stop_texts:
            body["stop"] = list(request.stop_texts)
        if request.grammar or healed:
            body["grammar"] = request.grammar or f"root ::= {_literal(healed)} [^\\x00]*"
        return Asking("/completion", body, healed)
    assert model.pieces is not None
    body |= {"model": model.name, "max_tokens": max(1, request.max_tokens), "logprobs": 1}
    if model.api is Api.SUFFIX:
        body |= _around(model, prompt)
        return Asking("/v1/completions", body, healed)
    body["prompt"] = model.pieces.text_of(prompt)
    ends = (*request.stop_texts, *reversed(model.sentinels))
    body["stop"] = list(ends[:MAX_STOPS])
    if model.is_vllm:
        body["skip_special_tokens"] = False
    return Asking("/v1/completions", body, healed, ends)


def _around(model: RemoteModel, prompt: Sequence[int]) -> dict[str, str]:
    """The texts between the three sentinels; what is typed belongs to the prefix."""
    assert model.pieces is not None
    prefix_at, suffix_at, middle_at = (prompt.index(number) for number in range(3))
    return {
        "prompt": model.pieces.text_of([*prompt[prefix_at + 1 : suffix_at], *prompt[middle_at + 1 :]]),
        "suffix": model.pieces.text_of(prompt[suffix_at + 1 : middle_at]),
    }


def _literal(text: str) -> str:
    escaped = (f"\\U{ord(each):08X}" if not each.isalnum() or not each.isascii() else each for each in text)
    return '"' + "".join(escaped) + '"'


class Reading:
    """The events of one call's stream → tokens of one branch. ``stop`` and ``timings`` are there at its end."""

    def __init__(self, asking: Asking, request: GenerateRequest, branch: int) -> None:
        self._request, self.branch = request, branch
        self._healed, self._ends = asking.healed, asking.ends
        self._spoken = _Spoken()
        self.stop: StopReason | None = None
        self.timings = Timings()

    def tokens(self, event: Mapping[str, Any]) -> Iterator[Token]:
        """The tokens that one event brings. What is no event of the kind brings none."""
        for id_, text, logprob in self._spoken.tokens(event) if "choices" in event else _llama(event):
            if id_ in self._request.stop_ids:
                self.stop = StopReason.END
                return
            if (left := self._unhealed(text)) is None:
                continue
            token = Token(max(0, id_), left, logprob, self.branch)
            kept = before_stop_text((token,), self._ends)
            yield from kept
            if kept != (token,):
                self.stop = StopReason.END
                return
        self._heed_end(event)

    def _unhealed(self, text: str) -> str | None:
        """What is new of a token's text: its healed beginning stands before the cursor already."""
        n_common = min(len(text), len(self._healed))
        if self._healed.isspace() and not text.startswith(self._healed[:n_common]):
            self._healed = ""  # The model wants none, and there is one: so be it.
            return text
        if self._healed[:n_common] != text[:n_common]:
            self.stop, self._healed = StopReason.UNHEALABLE, ""
            return None
        self._healed = self._healed[n_common:]
        return text[n_common:] if text[n_common:] or not n_common else None

    def _heed_end(self, event: Mapping[str, Any]) -> None:
        choice = _choice(event)
        reason = choice.get("finish_reason") or (event.get("stop_type") if event.get("stop") is True else None)
        if isinstance(reason, str) and reason != "none" and self.stop is None:
            self.stop = StopReason.MAX_TOKENS if reason in ("length", "limit") else StopReason.END
        told = event.get("timings")
        if isinstance(told, Mapping):
            numbers = {key: value for key, value in told.items() if isinstance(value, int | float)}
            self.timings = Timings(
                prefill_ms=float(numbers.get("prompt_ms", 0.0)),
                decode_ms=float(numbers.get("predicted_ms", 0.0)),
                n_prefill=int(numbers.get("prompt_n", 0)),
                n_reused=int(numbers.get("cache_n", 0)),
                n_decode=int(numbers.get("predicted_n", 0)),
            )


def _llama(event: Mapping[str, Any]) -> Iterator[tuple[int, str, float]]:
    """llama.cpp's: ``completion_probabilities`` has a token each, ``content`` their text."""
    content = event.get("content")
    content = content if isinstance(content, str) else ""
    told = event.get("completion_probabilities")
    found = [each for each in told if isinstance(each, Mapping)] if isinstance(told, list) else []
    texts = [each.get("token") for each in found]
    if not found or not all(isinstance(text, str) for text in texts):
        if content:
            yield -2, content, ASSUMED_LOGPROB
        return
    is_exact = "".join(map(str, texts)) == content
    for number, each in enumerate(found):
        text = str(each.get("token")) if is_exact else (content if number == len(found) - 1 else "")
        yield _integer(each.get("id")), text, _logprob(each.get("logprob"))


class _Spoken:
    """OpenAI's events → tokens. A server that looks for the ends of an answer tells tokens before it gives their text,
    and cuts that anywhere (vLLM); so the text of a token that has been told is waited for."""

    def __init__(self) -> None:
        self._told: deque[tuple[str, float]] = deque()
        self._text = ""

    def tokens(self, event: Mapping[str, Any]) -> Iterator[tuple[int, str, float]]:
        choice = _choice(event)
        tokens, logprobs = _told(choice.get("logprobs"))
        self._told.extend((str(token), _logprob(each)) for token, each in zip(tokens, logprobs, strict=False))
        self._text += text if isinstance(text := choice.get("text"), str) else ""
        while self._told and self._told[0][0] and self._text.startswith(self._told[0][0]):
            token, logprob = self._told.popleft()
            self._text = self._text[len(token) :]
            yield -2, token, logprob
        waits = self._told and self._told[0][0].startswith(self._text) and choice.get("finish_reason") is None
        if self._text and not waits:
            yield -2, self._text, self._told[0][1] if self._told else ASSUMED_LOGPROB
            self._told.clear()
            self._text = ""


def _told(logprobs: Any) -> tuple[list[Any], list[Any]]:
    """Tokens and their probabilities: in two lists, as completions have them, or in one, as conversations do."""
    if not isinstance(logprobs, Mapping):
        return [], []
    if isinstance(content := logprobs.get("content"), list):
        found = [each for each in content if isinstance(each, Mapping)]
        return [each.get("token") for each in found], [each.get("logprob") for each in found]
    lists = logprobs.get("tokens"), logprobs.get("token_logprobs")
    return (lists[0], lists[1]) if isinstance(lists[0], list) and isinstance(lists[1], list) else ([], [])


def _choice(event: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else -2


def _logprob(value: Any) -> float:
    return min(0.0, float(value)) if isinstance(value, int | float) and math.isfinite(value) else ASSUMED_LOGPROB
