"""Headings, paragraphs and explained terms → Markdown, or the roff of a man page. Knows nothing of what they speak of.

In all texts what stands between backticks is literal, as in Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """``level`` counts from 1: a chapter, a section in it."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Prose."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """One line as it is typed."""

    text: str


@dataclass(frozen=True, slots=True)
class Term:
    """A name, literal as a whole, and what it means."""

    name: str
    text: str


Block = Heading | Paragraph | Code | Term

_LITERAL = re.compile(r"`([^`]*)`")


def as_markdown(title: str, subtitle: str, blocks: Iterable[Block]) -> str:
    """One page with ``title`` above everything."""
    lines = [f"# {_inline(title, _prose)}", "", _inline(subtitle, _prose)]
    before: Block | None = None
    for block in blocks:
        if not (isinstance(before, Term) and isinstance(block, Term)):
            lines.append("")
        lines.append(_markdown(block))
        before = block
    return "\n".join(lines) + "\n"


def as_man(name: str, version: str, subtitle: str, blocks: Iterable[Block]) -> str:
    """A page of section 1 in the macros of man(7). It has no date, so that the same program has the same page."""
    lines = [f'.TH {name.upper()} 1 "" "{name} {version}"', ".SH NAME", f"{name} \\- {_roff(subtitle)}"]
    for block in blocks:
        lines += _man(block)
    return _ascii("\n".join(lines)) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * (level + 1)} {_inline(text, _prose)}"
        case Paragraph(text):
            return _inline(text, _prose)
        case Code(text):
            return f"```\n{text}\n```"
        case Term(name, text):
            return f"- `{name}`: {_inline(text, _prose)}" if text else f"- `{name}`"


def _prose(text: str) -> str:
    """Markdown that shows ``text`` as it is; ``_`` within a word is no mark, nor are brackets without an address."""
    return re.sub(r"(?<!\w)_|_(?!\w)|[\\*<]|\](?=\()", r"\\\g<0>", text)


def _man(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f'.{"SH" if level == 1 else "SS"} "{_roff(text.upper() if level == 1 else text)}"'
        case Paragraph(text):
            yield ".PP"
            yield _line(_inline(text, _roff))
        case Code(text):
            yield from (".PP", ".RS 4", ".nf", _line(_literal(text)), ".fi", ".RE")
        case Term(name, text):
            yield ".TP"
            yield _line(f"\\fB{_literal(name)}\\fR")
            if text:
                yield _line(_inline(text, _roff))


def _roff(text: str) -> str:
    """``text`` as roff shows it; what only a terminal takes apart (hyphens, quotes) is left to it."""
    return text.replace("\\", "\\e").replace('"', "\\(dq")


def _literal(text: str) -> str:
    """Characters that can be copied from the page: roff would make typographic ones of them."""
    plain = _roff(text)
    for character, name in (("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga"), ("^", "\\(ha"), ("~", "\\(ti")):
        plain = plain.replace(character, name)
    return plain


def _ascii(roff: str) -> str:
    """groff reads Latin-1 unless somebody tells it otherwise: other characters are written by their numbers."""
    return "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in roff)


def _line(text: str) -> str:
    """A line of text that is no request, though it may begin with a dot or a quote."""
    return f"\\&{text}" if text[:1] in {".", "'"} else text


def _inline(text: str, prose: Callable[[str], str]) -> str:
    """``text`` with its prose written by ``prose``; what is literal is bold in roff, and as it is in Markdown."""
    parts = _LITERAL.split(" ".join(text.split()))
    written = [prose(part) for part in parts]
    for place in range(1, len(parts), 2):
        written[place] = f"\\fB{_literal(parts[place])}\\fR" if prose is _roff else f"`{parts[place]}`"
    return "".join(written)
