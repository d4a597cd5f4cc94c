"""Requests of several clients → tokens of the one model, by the one thread that owns it (see ``schedule``).

A request that gives way to another goes on where it stopped: what it has produced is kept, and so is what its sequence
holds, as long as nobody else needs the room.

A generation is known by its client and the number that the client gave it, so nobody can stop somebody else's; a
document belongs to its client too, so that two editors with the same file open do not take each other's prompts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from codeslm_lsp.engine.progress import Progress
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.schedule import Interrupted, Schedule
from codeslm_lsp.engine.sequence_folder import open_folder, sequences_dir
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.prompt.tokenizer import exact_tokenizer
from codeslm_lsp.prompt.vocabulary import read_vocabulary
from codeslm_lsp.values import EngineUnavailable, ModelInfo, Priority, StopReason, Timings, Token, Tuning

Key = tuple[int, int]
"""The client's number, and its own number of the generation."""


GRACE_S = 0.02
"""How long an evaluation goes on that was cancelled. When somebody types on, the next request follows within some
milliseconds and wants the same prompt: an abort would lose the micro-batch that both need, and with a key every tenth
of a second a prompt would never be evaluated."""


SAVING_S = 2.0
"""How long an engine stays to save what it has evaluated: most of it was saved while the user paused."""


class Runner:
    """The model, from the first ``open`` to the end of the process. All methods may be called from the event loop."""

    def __init__(self, tell_tuning: Callable[[Tuning], None]) -> None:
        self._schedule = Schedule(self._interrupt, self._allow, self._tidy_up)
        self._tell_tuning = tell_tuning
        self._tuner: Any = None
        self._model: Any = None
        self._lanes: Any = None
        self._info: ModelInfo | None = None
        self._asked: dict[Key, _Asked] = {}
        self._cancelled: set[Key] = set()
        self._has_read_tokenizer = False
        self._encode: Callable[[str], list[int]] = lambda _: []
        self._running: Key | None = None
        self._is_leaving = False
        self._lock = threading.Lock()

    def open(self, params: dict[str, Any]) -> Future[ModelInfo]:
        """Load the model unless that is done; all clients of one engine ask for the same. Raises ``CodeslmError``."""
        return self._schedule.submit(lambda: self._open(params))

    def generate(
        self, key: Key, request: GenerateRequest, on_token: Callable[[Token], None]
    ) -> Future[tuple[StopReason, Timings]]:
        """Run a request; ``on_token`` is called in the model's thread."""
        client, _ = key
        own = replace(request, document=f"{client}\0{_kind_of(request.priority)}\0{request.document}")
        progress = Progress()
        work = partial(self._generate, key, own, on_token, progress)
        promised = self._schedule.submit(work, request.priority, client)
        asked = _Asked(own, progress, promised)
        with self._lock:
            self._asked[key] = asked
        promised.add_done_callback(lambda _: self._forget(key))
        promised.add_done_callback(lambda _: asked.answer_as_promised())
        return asked.answer

    def cancel(self, key: Key) -> None:
        """Stop a generation, whether it runs or waits."""
        with self._lock:
            asked = self._asked.get(key)
            if asked is None:
                return  # It is over.
            self._cancelled.add(key)
        self._schedule.withdraw(asked.promised, (StopReason.CANCELLED, asked.progress.timings))
        asyncio.get_running_loop().call_later(GRACE_S, self._abort_what_nobody_wants)

    def enough(self, key: Key) -> None:
        """Stop a generation, and answer at once: what it has produced so far has been said."""
        with self._lock:
            asked = self._asked.get(key)
        if asked is not None:
            asked.answer_now((StopReason.CANCELLED, asked.progress.timings))
        self.cancel(key)

    @property
    def tuning(self) -> Tuning | None:
        """What was measured of the model, if it was."""
        return self._tuner.tuning if self._tuner is not None else None

    def measure(self) -> Future[Tuning]:
        """Measure anew how the model runs best here."""
        return self._schedule.submit(lambda: self._tuner.measure())

    def n_warm(self, token_ids: tuple[int, ...], client: int) -> Future[int]:
        """See ``Engine.n_warm``."""
        return self._schedule.submit(lambda: int(self._lanes.n_warm(token_ids)), owner=client)

    def save(self) -> None:
        """Stop whatever runs and save what was evaluated, for the next engine. The last thing before this one ends."""
        if self._lanes is None:
            return
        with self._lock:
            self._is_leaving = True
            self._model.abort()
        with suppress(TimeoutError):
            self._schedule.submit(self._lanes.save).result(SAVING_S)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """See ``Engine.encode``. The vocabulary is read-only, and its tokenizers keep no state: any thread may."""
        if self._info is None:
            raise EngineUnavailable("The model is not loaded yet; try again shortly.")
        return [self._encode(text) for text in texts]

    def _read_tokenizer(self, path: Path) -> None:
        """Encode by tiktoken from now on, if it gives the same tokens: it is quicker, and no text overflows its stack.

        Once for all editors, because it takes 60 MB and most of a second of one core.
        """
        tokenizer = exact_tokenizer(read_vocabulary(read_header(path).metadata))
        if tokenizer is not None:
            self._encode = tokenizer.encode_text

    def _open(self, params: dict[str, Any]) -> ModelInfo:
        # Imported here so that clients can connect before the native library is loaded.
        from codeslm_lsp.engine.llama_lanes import Lanes
        from codeslm_lsp.engine.tuner import Tuner, Wishes

        if self._info is None:
            path = str(params["path"])
            wishes = Wishes(**{field.name: params[field.name] for field in fields(Wishes)})
            self._tuner = Tuner(Path(path), wishes, self._schedule, self._tell_tuning)
            self._model = self._tuner.model
            self._encode = self._model.tokenize
            folder = open_folder(sequences_dir(), self._model.state_key(), int(params["disk_bytes"]))
            self._lanes = Lanes(self._model, folder)
            self._info = ModelInfo(Path(path).stem, path, n_ctx=self._model.n_ctx, n_vocab=self._model.n_vocab)
        return self._info

    def _generate(
        self, key: Key, request: GenerateRequest, on_token: Callable[[Token], None], progress: Progress
    ) -> tuple[StopReason, Timings]:
        with self._lock:
            if key in self._cancelled:
                return StopReason.CANCELLED, progress.timings
            self._running = key
        tokens = self._lanes.run(request, lambda: self._has_to_stop(key), progress)
        try:
            while True:
                on_token(next(tokens))
        except StopIteration as end:
            stop, timings = end.value
        finally:
            with self._lock:
                self._running = None
        is_wanted = key not in self._cancelled and not self._is_leaving
        if stop is StopReason.CANCELLED and is_wanted and request.priority is not Priority.COMPLETION:
            raise Interrupted
        return stop, timings

    def _has_to_stop(self, key: Key) -> bool:
        return self._is_leaving or key in self._cancelled or self._schedule.is_interrupted

    def _abort_what_nobody_wants(self) -> None:
        """Abort the evaluation that runs if it was cancelled, unless another request waits for the same prompt."""
        with self._lock:
            if self._running is None or self._running not in self._cancelled:
                return
            running = self._asked[self._running].request
            others = (asked.request for key, asked in self._asked.items() if key not in self._cancelled)
            if not any(_needs(other, running) for other in others):
                self._model.abort()

    def _forget(self, key: Key) -> None:
        with self._lock:
            self._asked.pop(key, None)
            self._cancelled.discard(key)

    def _interrupt(self) -> None:
        if self._model is not None:
            self._model.abort()

    def _allow(self) -> None:
        if self._model is not None and not self._is_leaving:
            self._model.clear_abort()

    def _tidy_up(self) -> bool:
        """What can wait until nobody wants anything. Says whether there is more."""
        if self._info is not None and not self._has_read_tokenizer:
            self._has_read_tokenizer = True
            path = Path(self._info.path)
            threading.Thread(target=self._read_tokenizer, args=(path,), name="tokenizer", daemon=True).start()
        return self._lanes is not None and self._lanes.save_next() is not None


class _Asked:
    """A request that is not over. ``promised`` is done when it is; ``answer`` may be given before."""

    def __init__(
        self, request: GenerateRequest, progress: Progress, promised: Future[tuple[StopReason, Timings]]
    ) -> None:
        self.request = request
        self.progress = progress
        self.promised = promised
        self.answer: Future[tuple[StopReason, Timings]] = Future()
        self._lock = threading.Lock()

    def answer_now(self, result: tuple[StopReason, Timings]) -> None:
        """Answer by ``result``, unless it was answered before."""
        with self._lock:
            if not self.answer.done():
                self.answer.set_result(result)

    def answer_as_promised(self) -> None:
        """It is over; answer unless it was answered before."""
        with self._lock:
            if self.answer.done():
                return
            if (error := self.promised.exception()) is not None:
                self.answer.set_exception(error)
            else:
                self.answer.set_result(self.promised.result())


def _kind_of(priority: Priority) -> str:
    """Commands have sequences of their own: they do not take those of the document's completions."""
    return "command" if priority is Priority.COMMAND else ""


def _needs(waiting: GenerateRequest, running: GenerateRequest) -> bool:
    """Whether what is being evaluated for ``running`` would have to be evaluated for ``waiting`` as well, and soon."""
    is_same = (waiting.document, waiting.token_ids) == (running.document, running.token_ids)
    return is_same and waiting.priority is not Priority.BACKGROUND
