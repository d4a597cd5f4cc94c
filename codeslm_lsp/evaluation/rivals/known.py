"""The rivals by the names of their arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codeslm_lsp.evaluation.rivals.continue_prompt import Continue
from codeslm_lsp.evaluation.rivals.llm_ls import LlmLs
from codeslm_lsp.evaluation.rivals.rival import Files, Rival
from codeslm_lsp.evaluation.rivals.tabby import Tabby
from codeslm_lsp.prompt.detect import FimFormat
from codeslm_lsp.prompt.tokenizer import Tokenizer

RIVALS: Mapping[str, Callable[[FimFormat, Tokenizer, Files], Rival]] = {
    "llm_ls": LlmLs,
    "continue": Continue,
    "tabby": Tabby,
}
