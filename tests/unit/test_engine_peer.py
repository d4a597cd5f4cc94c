"""Both ends of a connection make sure of each other before anything is said."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable

import pytest

from codeslm_lsp.engine import peer

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def pair(kind: str) -> tuple[Ends, Ends]:
    """Two connected ends, over the kind of socket that a system has."""
    if kind == "unix":
        left, right = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            left = socket.create_connection(listening.getsockname())
            right, _ = listening.accept()
    return await asyncio.open_connection(sock=left), await asyncio.open_connection(sock=right)


async def outcomes(*greetings: Awaitable[None]) -> list[str]:
    results = await asyncio.gather(*greetings, return_exceptions=True)
    return ["trusted" if result is None else str(result) for result in results]


KINDS = pytest.mark.parametrize("kind", ["unix", "tcp"] if sys.platform != "win32" else ["tcp"])


@KINDS
async def test_those_who_know_the_secret_trust_each_other(kind: str) -> None:
    engine, client = await pair(kind)
    found = await outcomes(
        peer.greet(*engine, "secret", own=peer.ENGINE, other=peer.CLIENT),
        peer.greet(*client, "secret", own=peer.CLIENT, other=peer.ENGINE),
    )
    assert found == ["trusted", "trusted"]
    client[1].write(b"and now to business\n")
    assert await engine[0].readline() == b"and now to business\n"
    for _, writer in (engine, client):
        writer.close()


@KINDS
async def test_a_wrong_secret_is_noticed_by_both(kind: str) -> None:
    engine, client = await pair(kind)
    found = await outcomes(
        peer.greet(*engine, "secret", own=peer.ENGINE, other=peer.CLIENT),
        peer.greet(*client, "guess", own=peer.CLIENT, other=peer.ENGINE),
    )
    assert found == ["it does not know the secret"] * 2
    for _, writer in (engine, client):
        writer.close()


async def test_an_echo_proves_nothing() -> None:
    engine, (reader, writer) = await pair("tcp")

    async def echo() -> None:
        while data := await reader.read(1000):
            writer.write(data)

    echoing = asyncio.create_task(echo())
    found = await outcomes(peer.greet(*engine, "secret", own=peer.ENGINE, other=peer.CLIENT))
    assert found == ["it does not know the secret"]
    engine[1].close()
    writer.close()
    await echoing


async def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "PATIENCE_S", 0.05)
    engine, client = await pair("tcp")
    found = await outcomes(peer.greet(*engine, "secret", own=peer.ENGINE, other=peer.CLIENT))
    assert found == ["it did not say who it is"]
    engine[1].close()
    client[1].close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no users of sockets")
async def test_another_user_is_refused_whatever_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, client = await pair("unix")
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    found = await outcomes(
        peer.greet(*engine, "secret", own=peer.ENGINE, other=peer.CLIENT),
        peer.greet(*client, "secret", own=peer.CLIENT, other=peer.ENGINE),
    )
    assert found == [f"its user has the number {own}"] * 2
    for _, writer in (engine, client):
        writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no users of sockets")
def test_the_system_tells_who_is_at_the_other_end() -> None:
    left, right = socket.socketpair()
    assert peer.peer_uid(left) == peer.peer_uid(right) == os.getuid()
    left.close()
    right.close()
