"""What the model said → the code in it. Everything else it may have said around that is left out."""

from __future__ import annotations

import re
import textwrap

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[^\n`]*\n(?P<code>.*?)(?:^[ \t]*(?P=mark)[ \t]*$|\Z)", re.S | re.M
)


def code_in(reply: str) -> str:
    """The longest fenced block (CommonMark 4.5); all of the reply where it has none.

    >>> code_in("Sure!\\n```python\\nx = 1\\n```\\nDone.")
    'x = 1\\n'
    """
    blocks = [textwrap.dedent(match["code"]) if match["indent"] else match["code"] for match in _FENCE.finditer(reply)]
    return max(blocks, key=len) if blocks else reply.strip("\n") + "\n" if reply.strip() else ""


def fenced(code: str, language: str = "") -> str:
    """A Markdown block that holds ``code``, whatever fences that has in it."""
    mark = "`" * max(3, 1 + max(map(len, re.findall(r"`+", code)), default=0))
    return f"{mark}{language}\n{code.rstrip()}\n{mark}"


def indented_like(code: str, original: str) -> str:
    """``code`` moved to the indentation that the first line of ``original`` has."""
    first = next((line for line in original.split("\n") if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip())]
    return textwrap.indent(textwrap.dedent(code), margin)


def is_import(line: str) -> bool:
    """Whether a line of Python imports something."""
    return re.match(r"(?:import|from)\s+\w", line) is not None
