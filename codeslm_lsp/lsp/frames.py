"""The bytes of a client → the bodies of its messages, by LSP's base protocol (specification 3.18, "Base Protocol").

Nobody can say where the next message begins once a frame is broken. A change that is lost would put every later one in
the wrong place, so no guess is made: whoever reads has to end, and the editor starts another server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

MAX_BODY_BYTES = 1 << 30
"""More than any editor sends: a document of 100 MB is input. Whoever announces more has not said where it ends."""

_HEADER = re.compile(rb"(?P<name>[A-Za-z-]+):[ \t]*(?P<value>[^\r\n]*?)[ \t]*\r?\n")


class NoFrame(Exception):
    """What arrived is no header with the length of a body; says what it is instead."""


async def bodies(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The bodies, one after the other, until the client closes the pipe.

    Raises ``NoFrame``, and ``asyncio.IncompleteReadError`` where the pipe is closed in the middle of one.
    """
    while (n_bytes := await _length(reader)) is not None:
        if n_bytes:
            yield await reader.readexactly(n_bytes)


async def _length(reader: asyncio.StreamReader) -> int | None:
    """Read one header: how long the body is. Empty lines before it are passed over."""
    n_bytes = None
    is_begun = False
    while line := await _line(reader):
        if not line.strip():
            if is_begun and n_bytes is None:
                raise NoFrame("a header has no Content-Length")
            if is_begun:
                return n_bytes
            continue
        if (header := _HEADER.fullmatch(line)) is None:
            raise NoFrame("a line is no header")
        is_begun = True
        if header["name"].lower() == b"content-length":
            n_bytes = _number(header["value"])
    return None


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:
        raise NoFrame("a line does not end") from None


def _number(value: bytes) -> int:
    if not re.fullmatch(rb"\d{1,15}", value) or int(value) > MAX_BODY_BYTES:
        raise NoFrame("a Content-Length is none")
    return int(value)
