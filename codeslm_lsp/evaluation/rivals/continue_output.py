"""Continue: where it stops the model, and what it shows of the answer.

The rules are those of ``filtering/streamTransforms`` and ``postprocessing/index.ts`` in ``core/autocomplete`` of
continuedev/continue, in the order of ``StreamTransformPipeline.ts``, and that of its VS Code extension for an answer in
the middle of a line (``util/processSingleLineCompletion.ts``). Not reproduced: the time after which it shows what there
is, its rules for YAML, JSON and Markdown, those for StarCoder2's stray ``t``, and that an answer of several lines
replaces the rest of the cursor's line, which a filled hole cannot express.
"""

from __future__ import annotations

from collections.abc import Callable

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.levenshtein import distance
from codeslm_lsp.evaluation.rivals.rival import through
from codeslm_lsp.syntax.languages import language_of

STOPS = ("/src/", "#- coding: utf-8", "```", "diff --git")
"""``commonStops`` of ``templating/getStopTokens.ts`` and ``STOP_AT_PATTERNS`` of ``StreamTransformPipeline.ts``; the
sentinels are stop tokens anyway."""
LAST_LINES = ("# End of file.", "<STOP EDITING HERE", "<|/updated_code|>", "```")
"""``LINES_TO_STOP_AT`` of ``lineStream.ts``."""
N_ALIKE = 20
"""``sequenceLength`` of ``stopAtStartOf`` in ``charStream.ts``."""
MAX_REPEATS = 3
"""``MAX_REPEATS`` of ``stopAtRepeatingLines``."""


def end(case: Case, text: str) -> int | None:
    """Where generating more changes nothing: at a stop text, a blank line behind content, or the line below."""
    ends = [found for stop in STOPS if (found := text.find(stop)) >= 0]
    if not is_multi_line(case) and "\n" in text:
        ends.append(text.index("\n"))
    place, below = 0, line_below(case)
    for number, line in enumerate(text.split("\n")[:-1]):
        if (number and not line.strip()) or (below.strip() and line == below):
            ends.append(place)
        place += len(line) + 1
    return min(ends, default=None)


def shown(case: Case, suffix: str, text: str) -> tuple[str, tuple[str, ...]]:
    """What is offered, and the names of the rules that changed it.

    ``suffix`` is the one that the prompt has apart from its prefix, if any.
    """

    def stop_at_start_of(_case: Case, text: str) -> str:
        """It ends where twenty characters are among the first thirty of the suffix."""
        return _before_start_of(suffix, text)

    rules: tuple[Callable[[Case, str], str], ...] = (
        one_line_in_a_comment,
        stop_at_stop_texts,
        stop_at_start_of,
        stop_at_lines,
        stop_at_repeating_lines,
        avoid_empty_comments,
        avoid_path_line,
        no_double_new_line,
        stop_at_similar_line,
        nothing_blank,
        rewrites_line_above,
        extreme_repetition,
        one_space_is_enough,
        remove_backticks,
        rest_of_line_once,
    )
    return through(text, rules, case)


def is_multi_line(case: Case) -> bool:
    """``shouldCompleteMultiline``: not where the cursor's line is a comment."""
    mark = _comment_mark(case)
    return not (mark and case.prefix.rpartition("\n")[2].lstrip().startswith(mark))


def line_below(case: Case) -> str:
    """The next line with something on it (``getLineBelowCursor``)."""
    below = case.suffix.split("\n")[1:]
    return next((line for line in below if line.strip()), "")


def one_line_in_a_comment(case: Case, text: str) -> str:
    """Only the rest of a comment's line."""
    return text if is_multi_line(case) else text.partition("\n")[0]


def stop_at_stop_texts(_case: Case, text: str) -> str:
    """It ends before a text that no completion should have."""
    return text[: min((text.find(stop) for stop in STOPS if stop in text), default=len(text))]


def stop_at_lines(case: Case, text: str) -> str:
    """It ends before a line that means the end, or is exactly the next one of the file."""
    below = line_below(case)

    def is_last(line: str) -> bool:
        apart = f" {line.lstrip()}"
        return any(f" {each}" in apart for each in LAST_LINES) or (bool(below.strip()) and line == below)

    return _until(text, is_last)


def stop_at_repeating_lines(_case: Case, text: str) -> str:
    """Of the same line several times in a row only the first is shown; at the third it ends."""
    kept: list[str] = []
    n_times, before = 0, None
    for line in text.split("\n"):
        n_times = n_times + 1 if line == before else 1
        if n_times == MAX_REPEATS:
            break
        if n_times == 1:
            kept.append(line)
        before = line
    return "\n".join(kept)


def avoid_empty_comments(case: Case, text: str) -> str:
    """No line that is a comment's mark and nothing else."""
    mark = _comment_mark(case)
    return _without(text, lambda line: bool(mark) and line.strip() == mark)


def avoid_path_line(case: Case, text: str) -> str:
    """No line that begins as a snippet does in the prompt."""
    return _without(text, lambda line: line.startswith(f"{_comment_mark(case)} Path: "))


def no_double_new_line(_case: Case, text: str) -> str:
    """It ends before a blank line, unless that is the first."""
    first, *others = text.split("\n")
    end = next((at for at, line in enumerate(others) if not line.strip()), len(others))
    return "\n".join([first, *others[:end]])


def stop_at_similar_line(case: Case, text: str) -> str:
    """It ends before a line that is nearly the next one of the file, unless that has a bracket and is just the same."""
    below = line_below(case)
    content = below.strip()
    if not content:
        return text
    has_bracket = any(character in content for character in ")]};")
    return _until(
        text,
        lambda line: not (has_bracket and line.strip() == content) and (line == below or is_repeated(line, content)),
    )


def nothing_blank(_case: Case, text: str) -> str:
    """White space alone is not shown."""
    return text if text.strip() else ""


def rewrites_line_above(case: Case, text: str) -> str:
    """Nothing is shown whose first line is nearly the last one with something on it before the cursor."""
    above = next((line for line in case.prefix.split("\n")[::-1] if line.strip()), "")
    first = next((line for line in text.split("\n") if line.strip()), "")
    return "" if above and first and is_repeated(above, first) else text


def extreme_repetition(_case: Case, text: str) -> str:
    """Nothing is shown of which most lines share what the first has in common with the second or third."""
    lines = text.split("\n")
    if len(lines) < 6:
        return text
    for step in (1, 2):
        common = _common(lines[0], lines[step])
        if len(common) > 5 or len(common) > len(lines[0]) * 0.5:
            n_alike = step * sum(common in line for line in lines[::step])
            if n_alike > 8 or n_alike / len(lines) > 0.8:
                return ""
    return text


def one_space_is_enough(case: Case, text: str) -> str:
    """Of a space on either side of the cursor one is enough."""
    return text[1:] if case.prefix.endswith(" ") and text.startswith(" ") else text


def remove_backticks(_case: Case, text: str) -> str:
    """The fences around a code block are taken off."""
    lines = text.split("\n")
    if lines[0].strip().startswith("```"):
        lines = lines[1:]
    if lines and (last := lines[-1].strip()) and not last.strip("`"):
        lines = lines[:-1]
    return "\n".join(lines)


def rest_of_line_once(case: Case, text: str) -> str:
    """One line that ends with the rest of the cursor's line replaces it: the file has it once."""
    rest = case.suffix.partition("\n")[0]
    return text.removesuffix(rest) if rest.strip() and "\n" not in text else text


def is_repeated(a: str, b: str) -> bool:
    """Whether two lines are the same but for a tenth (``lineIsRepeated``)."""
    if len(a) <= 4 or len(b) <= 4:
        return False
    a, b = a.strip(), b.strip()
    return bool(b) and distance(a, b) / len(b) < 0.1


def _before_start_of(suffix: str, text: str) -> str:
    if len(suffix) < N_ALIKE:
        return text
    target = suffix.lstrip()[: N_ALIKE * 3 // 2]
    if len(text) >= N_ALIKE and text[:N_ALIKE] in target:
        return ""
    ends = (at for at in range(len(text) - N_ALIKE) if text[at : at + N_ALIKE + 1] in target)
    return text[: next(ends, len(text))]


def _until(text: str, is_last: Callable[[str], bool]) -> str:
    lines = text.split("\n")
    return "\n".join(lines[: next((at for at, line in enumerate(lines) if is_last(line)), len(lines))])


def _without(text: str, is_unwanted: Callable[[str], bool]) -> str:
    return "\n".join(line for line in text.split("\n") if not is_unwanted(line))


def _comment_mark(case: Case) -> str:
    language = language_of(case.language, case.path)
    return (language.line_comment or "") if language is not None else "//"


def _common(a: str, b: str) -> str:
    """The longest common subsequence (``util/lcs.ts``)."""
    rows = [[""] * (len(b) + 1)]
    for x in a:
        row = [""]
        for at, y in enumerate(b):
            row.append(rows[-1][at] + x if x == y else max(rows[-1][at + 1], row[at], key=len))
        rows.append(row)
    return rows[-1][-1]
