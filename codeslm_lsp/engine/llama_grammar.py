"""A GBNF text → what may come next, by llama.cpp's own grammar sampler (``grammars/README.md`` there)."""

from __future__ import annotations

import ctypes
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.values import InputError

MAX_CHARACTERS = 20_000
"""Ours have some hundred. llama.cpp's parser is recursive, and a long text of brackets could overflow its stack."""

MAX_DEPTH = 100
"""Of brackets, for the same reason."""


class LlamaGrammar:
    """One text's way through a grammar whose root is called ``root``. Raises ``InputError`` for what is no grammar."""

    def __init__(self, vocabulary: Any, gbnf: str) -> None:
        self._sampler = None
        if len(gbnf) > MAX_CHARACTERS or max(gbnf.count(bracket) for bracket in "({[") > MAX_DEPTH * 10:
            raise InputError("The grammar is too large; write a shorter one.")
        self._sampler = llama_cpp.llama_sampler_init_grammar(vocabulary, gbnf.encode(), b"root")
        if not self._sampler:
            raise InputError("The grammar cannot be read (GBNF with a rule called 'root' is needed); correct it.")

    def allowed(self, tokens: NDArray[np.int32]) -> NDArray[np.bool_]:
        """See ``choosing.Grammar``."""
        n = len(tokens)
        data = (llama_cpp.llama_token_data * n)()
        view = np.ctypeslib.as_array(data)
        view["id"], view["logit"], view["p"] = tokens, 0.0, 0.0
        array = llama_cpp.llama_token_data_array(data=data, size=n, selected=-1, sorted=False)
        llama_cpp.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return np.asarray(np.isfinite(view["logit"]), dtype=np.bool_)

    def accept(self, token: int) -> None:
        """See ``choosing.Grammar``."""
        llama_cpp.llama_sampler_accept(self._sampler, token)

    def __del__(self) -> None:
        if self._sampler:
            llama_cpp.llama_sampler_free(self._sampler)
