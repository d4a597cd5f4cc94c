"""The text of a GBNF grammar → that llama.cpp survives it. Whether it is GBNF at all, llama.cpp says itself.

llama.cpp (0.3.36 of llama-cpp-python) returns nothing for a malformed grammar and for most left recursion. But where a
rule comes back to itself behind something that may be empty (``a ::= b* a "x"``) it takes more and more memory without
end, as soon as that rule is reached; and brackets that are nested 20,000 deep overflow its stack.
Source of the syntax: llama.cpp, grammars/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codeslm_lsp.values import InputError

MAX_CHARACTERS = 1 << 16
"""A grammar of a programming language is shorter, and its rules cannot refer to each other deeper than a stack is."""

MAX_DEPTH = 100
"""Of brackets; nobody writes so many, and llama.cpp can take some thousand."""

_TOKENS = re.compile(
    r"""(?P<skip>\#[^\n]*|[ \t\r\n]+)
    |(?P<define>[a-zA-Z0-9-]+[ \t]*::=)
    |(?P<name>[a-zA-Z0-9-]+)
    |(?P<text>"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|!?<[^>]*>|\.)
    |(?P<repeat>[*+?]|\{[^}]*\})
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a rule: another rule's name, a literal, or alternatives of several parts in brackets."""

    name: str = ""
    alternatives: tuple[tuple[_Part, ...], ...] = ()
    is_empty: bool = False
    """Whether it may be empty whatever is in it: ``*``, ``?``, ``{0,3}``, ``""``."""


def check_grammar(text: str) -> None:
    """Raises ``InputError`` for a grammar that could end the process. What is no GBNF is not noticed here."""
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"A grammar may have {MAX_CHARACTERS} characters at most; shorten it.")
    if "\0" in text:
        raise InputError("A grammar may not contain a null character; remove it.")
    rules = _Reader(text).rules()
    empty = _possibly_empty(rules)
    followed = {
        name: {part for rule in alternatives for part in _first(rule, empty)} for name, alternatives in rules.items()
    }
    if (name := _recursive(followed)) is not None:
        raise InputError(f"The grammar's rule {name} begins with itself (left recursion); rewrite it with * or +.")


class _Reader:
    """Reads what it understands, and leaves out the rest."""

    def __init__(self, text: str) -> None:
        found = ((match.lastgroup, match.group()) for match in _TOKENS.finditer(text))
        self._tokens = [(kind, text) for kind, text in found if kind != "skip"]
        self._at = 0

    def rules(self) -> dict[str, tuple[tuple[_Part, ...], ...]]:
        """Each rule's alternatives."""
        rules: dict[str, tuple[tuple[_Part, ...], ...]] = {}
        while self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            self._at += 1
            if kind == "define":
                name = text.removesuffix("::=").rstrip()
                rules[name] = (*rules.get(name, ()), *self._alternatives(0))
        return rules

    def _alternatives(self, depth: int) -> tuple[tuple[_Part, ...], ...]:
        """Up to the closing bracket, the next rule, or the end."""
        if depth > MAX_DEPTH:
            raise InputError(f"The grammar's brackets are nested deeper than {MAX_DEPTH}; use more rules.")
        found: list[list[_Part]] = [[]]
        while self._at < len(self._tokens) and self._tokens[self._at][0] != "define":
            kind, text = self._tokens[self._at]
            self._at += 1
            if kind == "name":
                found[-1].append(_Part(name=text))
            elif kind == "text":
                found[-1].append(_Part(is_empty=text == '""'))
            elif kind == "repeat":
                found[-1] = _repeated(found[-1], text)
            elif text == "|":
                found.append([])
            elif text == "(":
                found[-1].append(_Part(alternatives=self._alternatives(depth + 1)))
            elif text == ")" and depth:
                break
        return tuple(map(tuple, found))


def _repeated(parts: Sequence[_Part], how: str) -> list[_Part]:
    """The last of the parts repeated: the same for what may come first, unless it may be left out altogether."""
    if not parts:
        return []
    *before, last = parts
    may_be_left_out = how in "*?" or re.match(r"\{\s*0*\s*[,}]", how) is not None
    return [*before, _Part(last.name, last.alternatives, last.is_empty or may_be_left_out)]


_Rules = Mapping[str, tuple[tuple[_Part, ...], ...]]


def _possibly_empty(rules: _Rules) -> set[str]:
    """The rules that may be empty."""
    empty: set[str] = set()
    while True:
        more = {name for name, alternatives in rules.items() if any(_is_empty(rule, empty) for rule in alternatives)}
        if more <= empty:
            return empty
        empty |= more


def _is_empty(rule: Sequence[_Part], empty: set[str]) -> bool:
    return all(
        part.is_empty or part.name in empty or any(_is_empty(inner, empty) for inner in part.alternatives)
        for part in rule
    )


def _first(rule: Sequence[_Part], empty: set[str]) -> Iterator[str]:
    """The rules that may stand at its beginning."""
    for part in rule:
        if part.name:
            yield part.name
        for inner in part.alternatives:
            yield from _first(inner, empty)
        if not _is_empty([part], empty):
            return


def _recursive(followed: Mapping[str, set[str]]) -> str | None:
    """A rule that leads back to itself, if there is one."""
    done: set[str] = set()
    for start in followed:
        path: list[tuple[str, Iterator[str]]] = [(start, iter(followed[start]))] if start not in done else []
        on_path = {start}
        while path:
            name, rest = path[-1]
            following = next((other for other in rest if other in followed and other not in done), None)
            if following is None:
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif following in on_path:
                return following
            else:
                path.append((following, iter(followed[following])))
                on_path.add(following)
    return None
