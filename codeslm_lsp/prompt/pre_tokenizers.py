"""The name of a pre-tokenizer → the one regular expression that splits text as it does.

Byte-level BPE merges only inside the pieces that its pre-tokenizer makes. The names and expressions are those of
llama.cpp's ``llm_tokenizer_bpe`` (src/llama-vocab.cpp), rewritten where it applies several one after the other. A
pre-tokenizer that is not here, DeepSeek-Coder's five successive splits among them, is left to the engine.
"""

from __future__ import annotations

_CONTRACTION = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
_LINES_AND_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"

_QWEN2 = rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_LINES_AND_SPACES}"
_LLAMA3 = (
    rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_LINES_AND_SPACES}"
)
_SEED_CODER = rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{_LINES_AND_SPACES}"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# Two steps: every digit alone, then GPT-2's split of what lies between, which sees a digit as the end of the text.
_STARCODER = r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"

EXPRESSIONS = {
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "grok-2"), _QWEN2),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "falcon3", "dbrx", "smaug-bpe"), _LLAMA3),
    **dict.fromkeys(("gpt-2", "phi-2", "mpt", "olmo", "mellum"), _GPT2),
    **dict.fromkeys(("starcoder", "refact", "codeshell", "command-r", "smollm", "mellum2"), _STARCODER),
    "seed-coder": _SEED_CODER,
}
"""``tokenizer.ggml.pre`` → expression, in the syntax that tiktoken compiles."""

WHOLE_WORDS_FIRST = frozenset({"llama-bpe", "llama3", "llama-v3", "falcon3"})
"""Pre-tokenizers whose models look a whole piece up before they merge (``ignore_merges`` in tokenizer.json)."""
