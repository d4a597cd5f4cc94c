"""A conversation → what the model says next. Completions of code come first; what is said is only delayed by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from codeslm_lsp.engine.protocol import Engine, GenerateRequest
from codeslm_lsp.prompt.chat import ChatFormat, write_chat
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.values import Generation, InputError, Message, Priority

MAX_TOKENS = 1024
"""Of one answer, unless a setting says otherwise: a page and a half. A model that says more mostly repeats itself."""

TIME_LIMIT_MS = 600_000.0
"""Ten minutes: 1,000 tokens on the slowest machine that is of any use. Time in which it is suspended is not counted."""

MARGIN_TOKENS = 16
"""Left free in the context window."""

LONGEST_SHARE = 0.75
"""Of the context window, for the conversation so far: an answer needs room too."""

REPEATED_LINES = 6
"""A line said so often in a row will be said for ever: small models do not find out of that."""

Listener = Callable[[str], None]
"""Told each piece of text as it is said."""


@dataclass(frozen=True, slots=True)
class Style:
    """How something is to be said: as the model likes best, or drawn at ``temperature`` from a stream with a ``seed``.

    ``grammar`` is a file of ``grammars/output`` as text, or ``""``. Without ``max_tokens`` those of the model hold.
    The answer ends before one of ``stop_texts``.
    """

    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    grammar: str = ""
    stop_texts: tuple[str, ...] = ()


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A model that can converse: its engine, its format, its tokenizer.

    ``wait_ms`` is how long it may take to load, ``max_tokens`` the most that it may say at once.
    """

    engine: Engine
    chat: ChatFormat
    tokenizer: Tokenizer
    wait_ms: float = 60_000
    max_tokens: int = MAX_TOKENS


@dataclass
class Account:
    """What one command has cost so far, in tokens, and which model said it."""

    n_tokens: int = 0
    n_evaluated: int = 0
    model: str = ""


class Speaker:
    """One command's conversations with the model; ``document`` is the name under which their evaluation is kept."""

    def __init__(self, read_model: Callable[[], Awaitable[ChatModel]], document: str) -> None:
        self._read_model = read_model
        self._document = document
        self.account = Account()

    async def say(
        self,
        messages: Sequence[Message],
        style: Style = PLAIN,
        listen: Listener | None = None,
        is_enough: Callable[[str], bool] = lambda _text: False,
    ) -> str:
        """What the model says in its next turn, without its own end mark; ended after a line where ``is_enough``.

        Raises ``ModelUnsuitable`` for a model that cannot converse, ``EngineError``, and ``InputError`` when the
        conversation is too long for its context window.
        """
        generation = await self._generate(messages, style, listen=listen, is_enough=is_enough)
        return without_repetition(generation.text)

    async def say_samples(self, messages: Sequence[Message], style: Style, n_samples: int) -> list[str]:
        """Several turns that the model might take next, drawn and decoded together: sooner than one after the other.

        Raises what ``say`` does.
        """
        generation = await self._generate(messages, style, n_samples)
        others = ("".join(token.text for token in tokens) for tokens in generation.alternatives)
        return [without_repetition(text) for text in (generation.text, *others)]

    async def _generate(
        self,
        messages: Sequence[Message],
        style: Style,
        n_samples: int = 1,
        listen: Listener | None = None,
        is_enough: Callable[[str], bool] = lambda _text: False,
    ) -> Generation:
        model = await self._read_model()
        info = await model.engine.ready(model.wait_ms)
        token_ids = await write_chat(messages, model.chat, model.tokenizer)
        if len(token_ids) > info.n_ctx * LONGEST_SHARE:
            raise InputError(
                f"That is {len(token_ids)} tokens, too much for a context window of {info.n_ctx}; select less, or "
                "raise the setting engine.context_tokens."
            )
        request = GenerateRequest(
            token_ids=token_ids,
            typed_ids=(),
            stop_ids=model.chat.stop_ids,
            max_tokens=min(
                style.max_tokens or model.max_tokens,
                model.max_tokens,
                (info.n_ctx - len(token_ids)) // n_samples - MARGIN_TOKENS,
            ),
            time_budget_ms=TIME_LIMIT_MS,
            heal=False,
            document=self._document,
            priority=Priority.COMMAND,
            n_samples=n_samples,
            temperature=style.temperature,
            top_p=style.top_p,
            seed=style.seed,
            grammar=style.grammar,
            stop_texts=style.stop_texts,
        )
        async with model.engine.generate(request) as stream:
            text = ""
            async for token in stream:
                if token.branch:
                    continue
                text += token.text
                if listen is not None:
                    listen(token.text)
                if n_samples == 1 and "\n" in token.text and (is_stuck(text) or is_enough(text)):
                    await stream.stop()
                    break
            generation = await stream.result()
        self.account.model = info.name
        self.account.n_tokens += sum(len(tokens) for tokens in (generation.tokens, *generation.alternatives))
        self.account.n_evaluated += generation.timings.n_prefill
        return generation


def is_stuck(text: str) -> bool:
    """Whether the last whole lines are all the same."""
    lines = text.split("\n")[-1 - REPEATED_LINES : -1]
    return len(lines) == REPEATED_LINES and bool(lines[0].strip()) and len(set(lines)) == 1


def without_repetition(text: str) -> str:
    """Of lines that are said ``REPEATED_LINES`` times in a row or more, one."""
    kept: list[str] = []
    for line in text.split("\n"):
        kept.append(line)
        if line.strip() and kept[-REPEATED_LINES:] == [line] * REPEATED_LINES:
            del kept[-REPEATED_LINES + 1 :]
    while len(kept) > 1 and kept[-1].strip() and kept[-1] == kept[-2]:
        kept.pop()
    return "\n".join(kept)
