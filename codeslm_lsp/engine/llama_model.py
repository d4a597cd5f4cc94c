"""A GGUF file → evaluated tokens, through llama.cpp's C interface. Knows nothing of prompts, sockets or threads.

The high-level ``llama_cpp.Llama`` is not used: its fill-in-the-middle emits token 0 for every sentinel, string prompts
parse special tokens inside user code, and it keeps a row of logits for every position.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.llama_grammar import LlamaGrammar
from codeslm_lsp.values import ModelUnsuitable

N_SEQUENCES = 16
"""KV sequences of one context: two for each of eight documents. An empty one costs nothing."""

_EXCERPT = N_SEQUENCES
"""One more: what of a sequence is to be saved is forked into it for that moment."""

_SAMPLED_BYTES = 1 << 20
"""What is read of both ends of a model file to know it again: its header and some weights, in a millisecond."""

MAX_CHARACTERS = 10_000
"""Longer texts are tokenised in parts where expressions split them first: for DeepSeek-Coder's, llama.cpp uses
``std::regex``, and 30,000 letters in a row overflowed a stack of 8 MB, which ended the process."""


class Aborted(Exception):
    """The evaluation was stopped by ``LlamaModel.abort``; what was evaluated before stays in the KV cache."""


@dataclass(frozen=True, slots=True)
class LlamaOptions:
    """How to run a model. ``n_ctx`` (of one sequence) and ``n_ubatch`` in tokens.

    ``n_threads`` produce tokens, ``n_threads_batch`` (as many if 0) evaluate prompts.
    ``cache_bytes`` is what the KV cache of all sequences together may take; one of ``n_ctx`` always fits.
    """

    n_ctx: int = 4096
    n_ubatch: int = 64
    n_threads: int = 1
    n_threads_batch: int = 0
    flash_attention: bool = True
    cache_bytes: int = 0


class LlamaModel:
    """A loaded model with one context, whose sequences share one KV cache. Not thread-safe, except for ``abort``.

    ``pieces[token]`` are the bytes that a token stands for in text; empty for control tokens. ``n_ctx`` is the most
    tokens of one sequence, ``n_cells`` of all together. ``n_threads`` (for one token, for several) may be changed at
    any time, and holds from the next evaluation on. ``pause`` is called before each evaluation. ``verify_cost`` is what
    was measured on this machine (see ``Tuning``), or empty.
    """

    n_threads: tuple[int, int]
    pause: Callable[[], object]
    verify_cost: tuple[tuple[int, float], ...] = ()

    def __init__(self, path: str, options: LlamaOptions) -> None:
        llama_cpp.llama_log_set(_log_warnings, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model = self._model = load_weights(path)
        self._path = path
        vocab = llama_cpp.llama_model_get_vocab(model)
        assert vocab is not None
        self._vocab = vocab
        self._is_bpe = llama_cpp.llama_vocab_type(vocab) == llama_cpp.LLAMA_VOCAB_TYPE_BPE
        self.n_vocab: int = llama_cpp.llama_vocab_n_tokens(vocab)
        self.n_ctx = min(options.n_ctx, int(llama_cpp.llama_model_n_ctx_train(model)) or options.n_ctx)
        self.n_cells = max(self.n_ctx, options.cache_bytes // self._bytes_per_cell())
        self.n_threads = (options.n_threads, options.n_threads_batch or options.n_threads)
        self.pause = lambda: None
        self._abort_flag, self._abort_function = _native_abort_flag()
        self._flash_attention = options.flash_attention
        self._context = self._new_context(options)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(self.n_ctx, 0, 1)
        self.pieces = [self._piece(token) for token in range(self.n_vocab)]

    def _new_context(self, options: LlamaOptions) -> Any:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.n_cells
        params.n_batch = self.n_ctx
        params.n_ubatch = min(options.n_ubatch, self.n_ctx)
        params.n_seq_max = N_SEQUENCES + 1
        params.kv_unified = True  # One pool: what a long document needs, short ones need not have reserved.
        params.n_threads, params.n_threads_batch = self._threads_in_use = self.n_threads
        params.flash_attn_type = flash_attention_type(options.flash_attention)
        params.no_perf = True
        context = llama_cpp.llama_init_from_model(self._model, params)
        if not context:
            raise ModelUnsuitable(
                f"There is not enough memory for a KV cache of {self.n_cells} tokens; "
                "lower the settings engine.cache_megabytes and engine.context_tokens."
            )
        self.stop_by_abort(context)
        return context

    @property
    def handle(self) -> Any:
        """llama.cpp's own pointer to the weights, for another context on them."""
        return self._model

    def stop_by_abort(self, context: Any) -> None:
        """Let ``abort`` stop what runs in ``context``, too."""
        llama_cpp.llama_set_abort_callback(
            context, self._abort_function, ctypes.cast(self._abort_flag, ctypes.c_void_p)
        )

    def tokenize(self, text: str) -> list[int]:
        """Tokens of user text: special tokens are not parsed, nothing is added."""
        if not self._is_bpe:
            return self._tokenize(text)
        parts = (text[start : start + MAX_CHARACTERS] for start in range(0, len(text), MAX_CHARACTERS))
        return [token for part in parts for token in self._tokenize(part)]

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        n_max = len(data) + 8
        tokens = (llama_cpp.llama_token * n_max)()
        n_tokens = llama_cpp.llama_tokenize(self._vocab, data, len(data), tokens, n_max, False, False)
        return list(tokens[:n_tokens])

    def evaluate(self, sequence: int, tokens: Sequence[int], start: int, n_logits: int) -> NDArray[np.float32]:
        """Evaluate ``tokens`` at positions ``start`` and on; everything from ``start`` on is forgotten first.

        Returns the logits behind each of the last ``n_logits`` tokens, shape (n_logits, n_vocab), float32, a copy.
        Raises ``Aborted``; ``n_evaluated`` then tells what was kept.
        """
        self._get_ready()
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1)
        n_tokens = len(tokens)
        batch = self._batch
        batch.n_tokens = n_tokens
        for i, token in enumerate(tokens):
            self._put(i, token, sequence, start + i, i >= n_tokens - n_logits)
        return self._decode(n_logits)

    def evaluate_together(
        self, sequences: Sequence[int], tokens: Sequence[int], positions: Sequence[int]
    ) -> NDArray[np.float32]:
        """Evaluate one token of each of several sequences at once; what they hold from there on is forgotten.

        Returns the logits behind each, shape (number of sequences, n_vocab). Raises ``Aborted``.
        """
        self._get_ready()
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, (sequence, token, position) in enumerate(zip(sequences, tokens, positions, strict=True)):
            llama_cpp.llama_memory_seq_rm(self._memory, sequence, position, -1)
            self._put(i, token, sequence, position, wants_logits=True)
        return self._decode(len(tokens))

    def _put(self, i: int, token: int, sequence: int, position: int, wants_logits: bool) -> None:
        """Make ``token`` the ``i``-th of the batch."""
        batch = self._batch
        batch.token[i] = token
        batch.pos[i] = position
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = wants_logits

    def _get_ready(self) -> None:
        """Called before each evaluation: it may have to wait, or to run with other threads than the last."""
        self.pause()
        if self._threads_in_use != self.n_threads:
            self._threads_in_use = self.n_threads
            llama_cpp.llama_set_n_threads(self._context, *self._threads_in_use)

    def _decode(self, n_logits: int) -> NDArray[np.float32]:
        """Evaluate the batch; the last ``n_logits`` of its tokens have logits."""
        status = llama_cpp.llama_decode(self._context, self._batch)
        if status == 2:
            raise Aborted
        if status != 0:
            raise RuntimeError(f"llama_decode failed with status {status}")
        rows = np.empty((n_logits, self.n_vocab), dtype=np.float32)
        for row in range(n_logits):
            pointer = llama_cpp.llama_get_logits_ith(self._context, row - n_logits)
            rows[row] = np.ctypeslib.as_array(pointer, shape=(self.n_vocab,))
        return rows

    def n_evaluated(self, sequence: int) -> int:
        """How many tokens the KV cache holds of a sequence."""
        return int(llama_cpp.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    def forget(self, sequence: int) -> None:
        """Empty a sequence; cells that another one shares stay that one's."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def fork(self, source: int, target: int, n_tokens: int) -> None:
        """Let ``target`` hold the first ``n_tokens`` of ``source``. They share the cells: nothing is copied."""
        self.forget(target)
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, n_tokens)

    def state_key(self) -> bytes:
        """32 bytes that name whatever decides what a saved state means: the model, and llama.cpp on this processor.

        The type of the keys and values is llama.cpp's default, which its version decides; values lie the other way
        round without flash attention. Raises ``OSError``.
        """
        status = Path(self._path).stat()
        key = hashlib.blake2b(digest_size=32)
        key.update(f"{status.st_size} {status.st_mtime_ns} {llama_cpp.__version__} {self._flash_attention}".encode())
        key.update(llama_cpp.llama_print_system_info() or b"")
        with Path(self._path).open("rb") as file:
            key.update(file.read(_SAMPLED_BYTES))
            file.seek(max(0, status.st_size - _SAMPLED_BYTES))
            key.update(file.read())
        return key.digest()

    def state(self, sequence: int, n_tokens: int) -> memoryview:
        """A copy of the keys and values of the first ``n_tokens``, for ``set_state``. Takes 10 ms for 30 MB or so.

        Source of format and function: ``llama_state_seq_get_data`` in llama.cpp's ``llama.h``.
        """
        self.fork(sequence, _EXCERPT, n_tokens)
        n_bytes = llama_cpp.llama_state_seq_get_size(self._context, _EXCERPT)
        state = np.empty(n_bytes, dtype=np.uint8)
        n_written = llama_cpp.llama_state_seq_get_data(self._context, _bytes_of(state), n_bytes, _EXCERPT)
        self.forget(_EXCERPT)
        return state[:n_written].data

    def set_state(self, sequence: int, state: bytes | memoryview) -> None:
        """Let a sequence hold what ``state`` was made of, in cells of its own. When that fails it holds nothing.

        llama.cpp takes what it is given at its word: verify bytes that come from outside. It refuses a state for which
        there are not enough cells.
        """
        self.forget(sequence)
        data = _bytes_of(np.frombuffer(state, dtype=np.uint8))
        if not llama_cpp.llama_state_seq_set_data(self._context, data, len(state), sequence):
            self.forget(sequence)

    def is_end(self, token: int) -> bool:
        """Whether the model ends its text with this token."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def grammar(self, text: str) -> LlamaGrammar:
        """A GBNF grammar over this vocabulary. Raises ``InputError``."""
        return LlamaGrammar(self._vocab, text)

    def abort(self) -> None:
        """Make a running ``evaluate`` raise ``Aborted`` within tens of milliseconds. May be called from any thread."""
        self._abort_flag[0] = b"\x01"

    def clear_abort(self) -> None:
        """Allow evaluation again."""
        self._abort_flag[0] = b"\x00"

    def close(self) -> None:
        """Free the memory of context and model."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)

    def _bytes_per_cell(self) -> int:
        """Bytes that one token takes in the KV cache: keys and values of all layers, in 16 bits."""
        n_heads = max(1, llama_cpp.llama_model_n_head(self._model))
        width = llama_cpp.llama_model_n_head_kv(self._model) * llama_cpp.llama_model_n_embd(self._model) // n_heads
        return max(1, 2 * 2 * int(llama_cpp.llama_model_n_layer(self._model)) * int(width))

    def _piece(self, token: int) -> bytes:
        if llama_cpp.llama_vocab_is_control(self._vocab, token):
            return b""
        buffer = ctypes.create_string_buffer(64)
        length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, 64, 0, False)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, -length, 0, False)
        return buffer.raw[:length]


class LlamaSequence:
    """One KV sequence of a model, as if it were all there is."""

    def __init__(self, model: LlamaModel, number: int) -> None:
        self._model = model
        self._number = number
        self.pieces = model.pieces
        self.n_ctx = model.n_ctx

    def evaluate(self, tokens: Sequence[int], start: int, n_logits: int) -> NDArray[np.float32]:
        """See ``LlamaModel.evaluate``."""
        return self._model.evaluate(self._number, tokens, start, n_logits)

    def evaluate_with(
        self, others: Sequence[LlamaSequence], tokens: Sequence[int], positions: Sequence[int]
    ) -> NDArray[np.float32]:
        """See ``LlamaModel.evaluate_together``: this sequence first, then ``others``."""
        return self._model.evaluate_together([each._number for each in (self, *others)], tokens, positions)

    def n_evaluated(self) -> int:
        """See ``LlamaModel.n_evaluated``."""
        return self._model.n_evaluated(self._number)

    def forget(self) -> None:
        """See ``LlamaModel.forget``."""
        self._model.forget(self._number)

    def fork(self, source: LlamaSequence, n_tokens: int) -> None:
        """See ``LlamaModel.fork``."""
        self._model.fork(source._number, self._number, n_tokens)

    def state(self, n_tokens: int) -> memoryview:
        """See ``LlamaModel.state``."""
        return self._model.state(self._number, n_tokens)

    def set_state(self, state: bytes | memoryview) -> None:
        """See ``LlamaModel.set_state``."""
        self._model.set_state(self._number, state)

    def is_end(self, token: int) -> bool:
        """See ``LlamaModel.is_end``."""
        return self._model.is_end(token)

    def grammar(self, text: str) -> LlamaGrammar:
        """See ``LlamaModel.grammar``."""
        return self._model.grammar(text)


def load_weights(path: str) -> Any:
    """llama.cpp's own pointer to a model that is run by the processor. Raises ``ModelUnsuitable``."""
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = not has_amx()
    model = llama_cpp.llama_model_load_from_file(path.encode(), params)
    if not model:
        raise ModelUnsuitable(f"llama.cpp cannot load {path}; pull another model with `codeslm models pull NAME`.")
    return model


def flash_attention_type(is_on: bool) -> int:
    """``enum llama_flash_attn_type`` of llama.h. Where it is on, llama.cpp decides by itself whether it can be."""
    return int(llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO if is_on else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED)


def _bytes_of(array: NDArray[np.uint8]) -> Any:
    """The address of the first byte, as llama.cpp's functions want it. The array has to outlive the call."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def has_amx() -> bool:
    """Whether llama.cpp would repack weights for Intel's AMX, where its first evaluation crashes.

    Seen with llama-cpp-python 0.3.36 on Sapphire Rapids, and reported as ggml-org/llama.cpp issue 20824.
    """
    return b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info()


def _native_abort_flag() -> tuple[ctypes.Array[ctypes.c_char], Any]:
    """A flag byte, and a C function that llama.cpp polls to read it: ``strlen`` of the one-character string.

    A Python callback would take the interpreter's lock some 250 times a token.
    """
    flag = ctypes.create_string_buffer(2)
    library = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
    return flag, ctypes.cast(library.strlen, llama_cpp.ggml_abort_callback)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log_warnings(level: int, text: bytes, _user_data: ctypes.c_void_p) -> None:
    """Pass llama.cpp's errors on to stderr (level 4 in ``enum ggml_log_level``); the rest is chatter."""
    if level == 4:
        sys.stderr.write(text.decode("utf-8", errors="replace"))
