"""Text around the hole → the names written there, and how near they are. Works without a tree, for any language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

IDENTIFIER = re.compile(r"[^\W\d]\w*")

LINES_BEFORE, LINES_AFTER = 40, 20
"""What is further away says little about the line being written. About a screen."""

HALF_LINES = 8
"""At this distance a name counts half as much as beside the hole: a function's body is about this long."""

_UNQUOTED = re.compile(r"(?<![\w\"'])[^\W\d]\w*(?![\w\"'])")
_MEMBER = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?:\.|->|::|\?\.)\s*\w*$")


def names_near(
    text: str,
    cursor: int,
    n_before: int = LINES_BEFORE,
    n_after: int = LINES_AFTER,
    half_lines: float = HALF_LINES,
) -> Mapping[str, float]:
    """Every name near ``cursor`` with its weight, 1 on the cursor's line and less above and below it."""
    before = text[:cursor].rsplit("\n", n_before)[-n_before:]
    after = text[cursor:].split("\n", n_after)[:n_after]
    weights: dict[str, float] = {}
    for lines in (before[::-1], after):
        for distance, line in enumerate(lines):
            weight = 1 / (1 + distance / half_lines)
            for name in IDENTIFIER.findall(line):
                weights[name] = max(weight, weights.get(name, 0.0))
    return weights


def counted_names(text: str) -> Counter[str]:
    """How often each name stands in a text, not counting those in quotes, as in lists of what a module exports."""
    return Counter(_UNQUOTED.findall(text))


def receiver_before(text: str, cursor: int) -> str:
    """What stands before the dot at which the cursor is: ``self._store`` for ``self._store.ge‸``; empty for none."""
    found = _MEMBER.search(text[text.rfind("\n", 0, cursor) + 1 : cursor])
    return found.group(1) if found else ""


def types_of(text: str, cursor: int, receiver: str) -> tuple[str, ...]:
    """Names that may be the receiver's type: how it was declared or made above the cursor, the last one first.

    Understands ``name: Type``, ``Type name`` and ``name = Type(…)`` or ``new Type(…)``, and follows an assignment from
    another name once. A receiver that is a type or a module itself is the first answer.
    """
    above = text[:cursor]
    head, _, member = receiver.rpartition(".")
    found = [receiver.partition(".")[0]] if head not in ("self", "this") else []
    for _ in range(2):
        declared = _declared(above, receiver if head else member)
        found += [name for name in declared if name not in found]
        if not declared or declared[0][:1].isupper():
            break
        receiver, (head, _, member) = declared[0], declared[0].rpartition(".")
    return tuple(found)


def _declared(above: str, name: str) -> list[str]:
    """The names in the last declaration or assignment of ``name``."""
    escaped = re.escape(name)
    if "." not in name:  # As in Java, C and Go: the type stands before its name.
        typed = list(re.finditer(rf"\b([A-Z]\w*)(?:<[^<>\n]*>)?[ *&]+{escaped}\s*[=;,)]", above))
        if typed:
            return [typed[-1].group(1)]
    pattern = rf"(?<![\w.]){escaped}\s*(?::(?!=)\s*([^=,)\n]+)|(?::=|=)(?!=)\s*(?:await\s+|new\s+)?([\w.]+))"
    matches = list(re.finditer(pattern, above))
    if not matches:
        return []
    annotation, made = matches[-1].groups()
    return IDENTIFIER.findall(annotation) if annotation else [made.rpartition(".")[2]]
