"""Weighed stubs → the snippets of a prompt: as many as its budget holds, in an order that stays.

Snippets stand at the head of the prompt, so any change in them has all of it evaluated again. What was chosen for a
document is therefore kept as long as it holds everything that is needed now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codeslm_lsp.context.stubs import Stub
from codeslm_lsp.values import Snippet

NEEDED_WEIGHT = 0.6
"""From here on a stub is worth a prompt of its own: its name stands within some lines of the hole, or is the receiver's
type."""

MIN_WEIGHT = 0.3
"""What is imported, used already, and named nowhere near the hole, is not likely to help. Nothing is shown for it, but
what was chosen may stay."""

NEEDED_SHARE, OTHER_SHARE = 0.5, 0.2
"""How much of all room one stub may take, whether it is needed or only imported: many short ones say more than one that
lists all members of a large class."""

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
    chosen: list[Stub] = []
    paths: set[str] = set()
    n_all = n_characters
    for stub in (each for each in ranked if each.weight >= MIN_WEIGHT):
        n_header = 0 if stub.path in paths else len(stub.path) + 4
        share = NEEDED_SHARE if stub.weight >= NEEDED_WEIGHT else OTHER_SHARE
        room = min(n_characters - n_header, int(n_all * share))
        text = stub.text if len(stub.text) < room else _shortened(stub.text, room)
        if len(text) < MIN_CHARACTERS and text != stub.text:
            continue
        chosen.append(Stub(stub.path, stub.name, text, stub.weight))
        paths.add(stub.path)
        n_characters -= n_header + len(text) + 1
    return tuple(chosen)


def _shortened(text: str, n_characters: int) -> str:
    """Its first whole lines: a class keeps its header and the members that come first."""
    end = text.rfind("\n", 0, max(0, n_characters))
    return text[:end] if end > 0 else ""


def _key(stub: Stub) -> tuple[str, str]:
    return stub.path, stub.name
