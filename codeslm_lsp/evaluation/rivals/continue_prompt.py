"""Continue: a share of its tokens for the text before and after the cursor, and definitions of imported names.

What it does is in ``core/autocomplete`` of continuedev/continue: ``util/HelperVars.ts`` (what is cut),
``templating/filtering.ts`` (which snippets fit), ``AutocompleteTemplate.ts`` and ``formatting.ts`` there (how they are
written). For Qwen2.5-Coder they stand before the FIM prompt in the model's repository format, without a path for the
file itself; for CodeGemma, StarCoder2 and all others as comments at the head of the prefix.

Tokens are counted by the model's own tokenizer, where Continue has two for all models. Its snippets are shuffled at
every request; here they stand in their order, so that a run can be repeated. Clipboard, recently visited and edited
ranges, and ``git diff``, which come first in an editor, are not there: a benchmark has nothing but files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.rivals import continue_output
from codeslm_lsp.evaluation.rivals.continue_definitions import Definitions
from codeslm_lsp.evaluation.rivals.rival import Files, Parts, RivalPrompt, in_fim
from codeslm_lsp.prompt.detect import FimFormat
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.values import Snippet

MAX_PROMPT_TOKENS, PREFIX_SHARE, SUFFIX_SHARE = 1024, 0.3, 0.2
"""``maxPromptTokens``, ``prefixPercentage`` and ``maxSuffixPercentage`` of ``core/util/parameters.ts``."""
SNIPPET_EXTRA = 10
"""``TOKEN_BUFFER`` of ``templating/filtering.ts``: what a snippet's path and marks are taken to cost."""
MAX_TOKENS = 96
"""Continue sets no limit of its own but 300 ms (``showWhateverWeHaveAtXMs``), and no arm is measured by the clock: as
many as codeslm's own default."""
NO_FOLDER = "myproject"
"""The repository's name where no folder is open (``templating/index.ts``)."""


class Continue:
    """The rival, with the definitions of one repository."""

    max_tokens = MAX_TOKENS

    def __init__(self, fim: FimFormat, tokenizer: Tokenizer, files: Files) -> None:
        self._fim = fim
        self._tokenizer = tokenizer
        self._definitions = Definitions(files)

    async def prompt(self, case: Case) -> RivalPrompt | None:
        """See ``Rival.prompt``."""
        if not (case.prefix + case.suffix).strip():
            return None  # ``prefiltering/index.ts``: nothing for an empty file.
        prefix, suffix = await self._window(case)
        near = prefix + suffix
        snippets = await self._that_fit(self._definitions.around(case), near)
        if is_in_repository_format(self._fim):
            parts = in_repository_format(self._fim, case.repository or NO_FOLDER, snippets, prefix, suffix or "\n")
        else:
            parts = in_fim(self._fim, with_comments(case, snippets, prefix), suffix or "\n")
        return RivalPrompt(parts, tuple(dict.fromkeys(snippet.path for snippet in snippets)))

    def end(self, case: Case, text: str) -> int | None:
        """See ``Rival.end``."""
        return continue_output.end(case, text)

    def shown(self, case: Case, text: str) -> tuple[str, tuple[str, ...]]:
        """See ``Rival.shown``."""
        # In the repository format the suffix is part of one text, and the filter that looks for it is given none.
        suffix = "" if is_in_repository_format(self._fim) else case.suffix
        return continue_output.shown(case, suffix, text)

    async def _window(self, case: Case) -> tuple[str, str]:
        """``prunePrefixSuffix``: whole lines near the cursor."""
        most = MAX_PROMPT_TOKENS * PREFIX_SHARE
        before = case.prefix.split("\n")
        costs = await self._n_tokens([case.prefix, *before])
        n_prefix, first = costs[0], 0
        while n_prefix > most and first < len(before):
            n_prefix -= costs[1 + first]
            first += 1
        prefix = "\n".join(before[first:])
        [n_prefix] = await self._n_tokens([prefix])
        most = min(MAX_PROMPT_TOKENS - n_prefix, MAX_PROMPT_TOKENS * SUFFIX_SHARE)
        after = case.suffix.split("\n")
        costs = await self._n_tokens([case.suffix, *after])
        n_suffix, end = costs[0], len(after)
        while n_suffix > most and end > 0:
            end -= 1
            n_suffix -= costs[1 + end]
        return prefix, "\n".join(after[:end])

    async def _that_fit(self, snippets: Sequence[Snippet], near: str) -> list[Snippet]:
        """``getSnippets``: those that are not in the window, as far as the tokens that it leaves go."""
        others = [each for each in snippets if each.text.strip() and each.text.strip() not in near]
        n_near, *costs = await self._n_tokens([near, *(each.text for each in others)])
        n_left, fitting = MAX_PROMPT_TOKENS - n_near, []
        for snippet, cost in zip(others, costs, strict=True):
            if n_left >= cost + SNIPPET_EXTRA:
                n_left -= cost + SNIPPET_EXTRA
                fitting.append(snippet)
        return fitting

    async def _n_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in await encode_user_texts(self._tokenizer, self._fim, texts)]


def is_in_repository_format(fim: FimFormat) -> bool:
    """Only for Qwen's coders: StarCoder2's repository format is in the code, and not used."""
    return fim.family == "qwen2.5-coder" and fim.repository is not None


def in_repository_format(
    fim: FimFormat, repository: str, snippets: Sequence[Snippet], prefix: str, suffix: str
) -> Parts:
    """``<|repo_name|>R``, ``\\n<|file_sep|>PATH\\nTEXT`` for each snippet, then the FIM prompt."""
    assert fim.repository is not None
    (name, *_), (separator, *_) = fim.repository.header, fim.repository.file
    parts: list[int | str] = [name, repository]
    for path, snippet in zip(shortest_unique([each.path for each in snippets]), snippets, strict=True):
        parts += ["\n", separator, f"{path}\n{snippet.text}"]
    return (*parts, *in_fim(fim, prefix, suffix))


def with_comments(case: Case, snippets: Sequence[Snippet], prefix: str) -> str:
    """``formatSnippets``: each as comments under its path, the file's own path, then the prefix."""
    language = language_of(case.language, case.path)
    mark = (language.line_comment if language is not None else None) or "//"
    blocks = [_commented(mark, f"Path: {_last_two(each.path)}\n{each.text}") for each in snippets]
    return "\n".join(blocks) + f"\n{_commented(mark, _last_two(case.path))}\n{prefix}"


def shortest_unique(paths: Sequence[str]) -> list[str]:
    """The shortest ends of paths that tell them apart; all of a path that is there twice (``util/uri.ts``)."""
    ends = [["/".join(path.split("/")[-n:]) for n in range(1, path.count("/") + 2)] for path in paths]
    counts = Counter(end for of_one in ends for end in of_one)
    return [next((end for end in of_one if counts[end] == 1), of_one[-1]) for of_one in ends]


def _commented(mark: str, text: str) -> str:
    return "\n".join(f"{mark} {line}" for line in text.strip().split("\n"))


def _last_two(path: str) -> str:
    return "/".join(path.split("/")[-2:])
