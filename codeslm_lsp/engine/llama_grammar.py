"""A GBNF grammar → which tokens it allows, by llama.cpp's own grammar sampler.

That sampler ends the process where it is told that something came next which it does not allow, so nothing is accepted
that was not tested; and it cannot take every text for a grammar (see ``gbnf``).
"""

from __future__ import annotations

import ctypes
import time
import weakref
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.gbnf import check_grammar
from codeslm_lsp.values import InputError

_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""``llama_token_data`` of llama.h."""


MAX_STEP_S = 0.5
"""llama.cpp follows all readings of a text at once. Where they multiply with each character, one step takes
milliseconds, the next a second and the one after that a minute, in which nobody else is answered."""


class LlamaGrammar:
    """See ``constraint.Grammar``. ``vocabulary`` is llama.cpp's own pointer. Raises ``InputError``."""

    def __init__(self, vocabulary: Any, text: str) -> None:
        check_grammar(text)
        sampler = llama_cpp.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
        if not sampler:
            raise InputError("The grammar is not GBNF as llama.cpp reads it; compare it with grammars/README.md there.")
        self._sampler = sampler
        self._end = np.array([_end_token(vocabulary)], dtype=np.intp)
        weakref.finalize(self, llama_cpp.llama_sampler_free, sampler)

    def allowed(self, tokens: NDArray[np.intp]) -> NDArray[np.bool_]:
        """See ``constraint.Grammar``: llama.cpp makes −inf the logit of what is not allowed."""
        data = np.zeros(len(tokens), dtype=_TOKEN_DATA)
        data["id"] = tokens
        pointer = data.ctypes.data_as(llama_cpp.llama_token_data_p)
        array = llama_cpp.llama_token_data_array(pointer, len(tokens), -1, False)
        llama_cpp.llama_sampler_apply(self._sampler, ctypes.byref(array))
        is_allowed: NDArray[np.bool_] = np.isfinite(data["logit"])
        return is_allowed

    def is_complete(self) -> bool:
        """See ``constraint.Grammar``: there llama.cpp allows the model's end token."""
        return bool(self.allowed(self._end)[0])

    def accept(self, token: int) -> None:
        """See ``constraint.Grammar``.

        Raises ``ValueError`` where the token is not allowed, ``InputError`` where following the grammar takes too long.
        """
        started = time.perf_counter()
        if not self.allowed(np.array([token], dtype=np.intp))[0]:
            raise ValueError(f"token {token} is not allowed here")
        llama_cpp.llama_sampler_accept(self._sampler, token)
        if time.perf_counter() - started > MAX_STEP_S:
            raise InputError("The grammar can be read in too many ways at once to be followed; make it less ambiguous.")


def _end_token(vocabulary: Any) -> int:
    """A token with which the model ends its text. Every vocabulary that llama.cpp loads has one of the two."""
    ends = (llama_cpp.llama_vocab_eot(vocabulary), llama_cpp.llama_vocab_eos(vocabulary))
    return next(int(token) for token in ends if token >= 0)
