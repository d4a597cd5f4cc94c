"""A docstring's text and a function → which parameters, results and exceptions it speaks of, and whether these exist.

Understands the sections of Google's and numpy's styles and the fields of Sphinx's; a docstring without any is prose.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from codeslm_lsp.syntax.python_function import Function, functions
from codeslm_lsp.syntax.tree import SyntaxTree

Style = Literal["google", "numpy", "sphinx", "plain"]

_GOOGLE = re.compile(r"^[ \t]*(Args|Arguments|Parameters|Returns?|Yields?|Raises):[ \t]*$", re.MULTILINE)
_NUMPY = re.compile(r"^[ \t]*(Parameters|Returns?|Yields?|Raises)[ \t]*\n[ \t]*-{3,}[ \t]*$", re.MULTILINE)
_SPHINX = re.compile(r"^[ \t]*:(param|parameter|arg|returns?|rtype|yields?|raises?)\b([^:]*):", re.MULTILINE)
_NO_ERRORS = r"no (?:exceptions?|errors?)(?: (?:is|are) raised)?"
_NOTHING = re.compile(rf"\W*(?:(?:none|nothing|n/?a|{_NO_ERRORS})\W*)?", re.IGNORECASE)
_ENTRY = re.compile(r"^(?P<name>\*{0,2}[\w.]+)[ \t]*(?:\([^)]*\))?[ \t]*:")


@dataclass(frozen=True, slots=True)
class Documented:
    """What a docstring names. ``result`` and ``yields``: whether it has a section for what comes out."""

    style: Style
    parameters: tuple[str, ...] = ()
    raises: tuple[str, ...] = ()
    result: bool = False
    yields: bool = False


def style_of(tree: SyntaxTree, default: Style = "google") -> Style:
    """The style that most docstrings of a file with sections are in; ``plain`` where all are prose."""
    texts = [tree.text[slice(*each.docstring)] for each in functions(tree) if each.docstring is not None]
    if not texts:
        return default
    counts = Counter(read_docstring(text).style for text in texts)
    with_sections = [(n, style) for style, n in counts.items() if style != "plain"]
    return max(with_sections)[1] if with_sections else "plain"


def read_docstring(text: str) -> Documented:
    """What a docstring speaks of. ``text`` is without its quotes, or with them."""
    if numpy := list(_NUMPY.finditer(text)):
        return _from_sections("numpy", _sections(text, numpy))
    if fields := [(match[1], match[2].split()) for match in _SPHINX.finditer(text)]:
        return Documented(
            "sphinx",
            tuple(words[-1].lstrip("*") for name, words in fields if name in ("param", "parameter", "arg") and words),
            tuple(words[-1].rpartition(".")[2] for name, words in fields if name.startswith("raise") and words),
            any(name.startswith(("return", "rtype")) for name, _ in fields),
            any(name.startswith("yield") for name, _ in fields),
        )
    if google := list(_GOOGLE.finditer(text)):
        return _from_sections("google", _sections(text, google))
    return Documented("plain")


def disagreements(documented: Documented, function: Function) -> tuple[str, ...]:
    """What a docstring with sections says that the syntax tree does not, and the other way round; a sentence each.

    An exception that is not raised in the function itself may come from what it calls, so only a parameter is surely
    wrong; an exception is where the function raises others by name and this name stands nowhere in it.
    """
    if documented.style == "plain":
        return ()
    parameters = [each.name for each in function.documented_parameters]
    found = [f"There is no parameter '{name}'." for name in documented.parameters if name not in parameters]
    if documented.parameters:
        found += [f"The parameter '{name}' is missing." for name in parameters if name not in documented.parameters]
    found += [f"It does not raise {name} itself." for name in documented.raises if name not in function.raises]
    if documented.result and not function.gives_value:
        found.append("It returns nothing.")
    if documented.yields and not function.yields:
        found.append("It yields nothing.")
    return tuple(found)


def formatted(text: str) -> str:
    """A docstring in Google's style as that style wants it: a blank line before each section, its entries indented,
    and no section that says there is nothing to say.

    Small models get the words right more often than the margins.
    """
    headings = list(_GOOGLE.finditer(text))
    if not headings or _NUMPY.search(text):
        return text
    parts = [text[: headings[0].start()].strip()]
    for heading, (_, body) in zip(headings, _sections(text, headings), strict=True):
        name = "Args" if heading[1] in ("Arguments", "Parameters") else heading[1]
        lines = [line.rstrip() for line in body.split("\n") if line.strip()]
        if _NOTHING.fullmatch(" ".join(lines)):
            continue
        margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
        parts.append("\n".join([f"{name}:", *(f"    {line[margin:]}" for line in lines)]))
    return "\n\n".join(part for part in parts if part)


def _sections(text: str, headings: list[re.Match[str]]) -> Iterable[tuple[str, str]]:
    """The name of each section, in small letters and without a plural, and what stands in it."""
    ends = [*(each.start() for each in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=True):
        yield heading[1].lower().rstrip("s"), text[heading.end() : end]


def _from_sections(style: Style, sections: Iterable[tuple[str, str]]) -> Documented:
    parameters: list[str] = []
    raises: list[str] = []
    kinds = set()
    for name, body in sections:
        kinds.add(name)
        entries = list(_entries(body, style))
        if name in ("arg", "argument", "parameter"):
            parameters += [each.lstrip("*") for each in entries]
        elif name == "raise":
            raises += [each.rpartition(".")[2] for each in entries]
    return Documented(style, tuple(parameters), tuple(raises), "return" in kinds, "yield" in kinds)


def _entries(body: str, style: Style) -> Iterable[str]:
    """The names that a section explains: those at its least indentation."""
    lines = [line for line in body.split("\n") if line.strip() and not set(line.strip()) <= set("\"'")]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    for line in lines:
        own = line[margin:]
        if own[:1].isspace():
            continue
        if style == "numpy":
            names = own.split(":")[0].split(",")
            yield from (name.strip() for name in names if re.fullmatch(r"\*{0,2}[\w.]+", name.strip()))
        elif (entry := _ENTRY.match(own)) is not None:
            yield entry["name"]
