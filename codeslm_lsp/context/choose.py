"""Weighed stubs → the snippets of a prompt: as many as its budget holds, in an order that stays.

Snippets stand at the head of the prompt, so any change in them has all of it evaluated again. What was chosen for a
document is therefore kept as long as it holds everything that is needed now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from codeslm_lsp.context.stubs import RECEIVER_WEIGHT, Stub
from codeslm_lsp.values import Snippet

NEEDED_WEIGHT = 0.6
"""From here on a stub is worth a prompt of its own: its name stands within some lines of the hole, or is the receiver's
type."""

MIN_WEIGHT = 0.3
"""What is imported, used already, and named nowhere near the hole, is not likely to help. Nothing is shown for it, but
what was chosen may stay."""

RECEIVER_SHARE, NEEDED_SHARE, OTHER_SHARE = 0.5, 0.3, 0.15
"""How much of all room one stub may take at first: many short ones say more than one that lists all members of a large
class, and a class that is missing among others seems not to be meant. What is left is for those that were cut, up to
``RECEIVER_SHARE`` each."""

ONE_LINE = 120
"""Characters that any stub may take: most signatures have fewer."""

_MORE = "\n    ..."

MIN_CHARACTERS = 40
"""A stub that would be cut to less says nothing."""


def choose(ranked: Sequence[Stub], before: Sequence[Stub], n_characters: int) -> tuple[Stub, ...]:
    """Stubs that fit into ``n_characters``, heaviest first; ``before``, chosen earlier, if it still does as well."""
    fitting = _that_fit(ranked, n_characters)
    needed = {_key(stub) for stub in fitting if stub.weight >= NEEDED_WEIGHT}
    if before and needed <= {_key(stub) for stub in before} <= {_key(stub) for stub in ranked}:
        return tuple(before)
    return fitting


def snippets_of(chosen: Sequence[Stub]) -> tuple[Snippet, ...]:
    """One snippet for each file, in the order of paths and names, which does not depend on where the cursor is."""
    texts: dict[str, list[str]] = {}
    for stub in sorted(chosen, key=lambda stub: (stub.path, stub.name)):
        texts.setdefault(stub.path, []).append(stub.text)
    return tuple(Snippet(path, "\n".join(parts) + "\n") for path, parts in texts.items())


def beside(chosen: Sequence[Stub], n_taken: int, n_characters: int) -> tuple[Stub, ...]:
    """The stubs for which there is room beside chunks of ``n_taken`` characters: what is only imported gives way."""
    n_left = n_characters - n_taken
    fitting = []
    for stub in sorted(chosen, key=lambda stub: -stub.weight):
        n_left -= len(stub.path) + len(stub.text)
        if n_left >= 0 or stub.weight >= NEEDED_WEIGHT:
            fitting.append(stub)
    return tuple(fitting)


def n_needed(chosen: Iterable[Stub]) -> int:
    """Characters of the stubs that no chunk takes the place of: a signature says more than as much of a body."""
    return sum(len(stub.path) + len(stub.text) for stub in chosen if stub.weight >= NEEDED_WEIGHT)


def _that_fit(ranked: Sequence[Stub], n_characters: int) -> tuple[Stub, ...]:
    chosen: dict[int, Stub] = {}
    paths: set[str] = set()
    n_all, n_left = n_characters, n_characters
    for number, stub in enumerate(ranked):
        if stub.weight < MIN_WEIGHT:
            break
        n_header = 0 if stub.path in paths else len(stub.path) + 4
        most = max(ONE_LINE, int(n_all * _share(stub)))
        text = _shortened(stub.text, min(n_left - n_header, most))
        if len(text) < MIN_CHARACTERS and text != stub.text:
            continue
        chosen[number] = replace(stub, text=text)
        paths.add(stub.path)
        n_left -= n_header + len(text) + 1
    for number, stub in chosen.items():
        text = _shortened(ranked[number].text, min(len(stub.text) + n_left, int(n_all * RECEIVER_SHARE)))
        if len(text) > len(stub.text):
            chosen[number] = replace(stub, text=text)
            n_left -= len(text) - len(stub.text)
    return tuple(chosen.values())


def _share(stub: Stub) -> float:
    if stub.weight >= RECEIVER_WEIGHT:
        return RECEIVER_SHARE
    return NEEDED_SHARE if stub.weight >= NEEDED_WEIGHT else OTHER_SHARE


def _shortened(text: str, n_characters: int) -> str:
    """All of it, or its first whole lines: a class keeps its header and the members that come first, and says so."""
    if len(text) < n_characters:
        return text
    lines = text[: max(0, n_characters - len(_MORE))].split("\n")[:-1]
    while lines and lines[-1].lstrip().startswith("@"):
        lines.pop()  # What it decorates is not shown.
    return "\n".join(lines) + _MORE if lines else ""


def _key(stub: Stub) -> tuple[str, str]:
    return stub.path, stub.name
