"""The private protocol between server and engine process: JSON-RPC (pygls') over a local socket.

    engine/open      {secret, path, n_ctx, n_ubatch, n_threads, cache_bytes, disk_bytes}
                     → {name, path, n_ctx, n_vocab}
    engine/generate  {stream, token_ids, typed_ids, stop_ids, max_tokens, time_budget_ms, heal, document, background}
                     → {stop, timings}
    engine/token     {stream, id, text, logprob}                  notification, engine → server
    engine/cancel    {stream}                                     notification, server → engine
    engine/encode    {texts} → [[token id, …], …]
    engine/warm      {token_ids} → how many of the first of them need not be evaluated

The socket is a Unix domain socket in a folder only the user can enter; where there are none (Windows) it is a
loopback port. Either way the first message must carry the secret that the server handed the engine at its start.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import asdict
from typing import Any

import cattrs
from pygls.exceptions import JsonRpcException
from pygls.io_ import run_async
from pygls.protocol import JsonRPCProtocol
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage
from pygls.server import JsonRPCServer

from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.values import StopReason, Timings, Token

OPEN = "engine/open"
GENERATE = "engine/generate"
TOKEN = "engine/token"
CANCEL = "engine/cancel"
ENCODE = "engine/encode"
WARM = "engine/warm"

SECRET_VARIABLE = "CODESLM_ENGINE_SECRET"
"""The environment variable by which the secret reaches the engine process; it is not visible in process lists."""

RequestFailed = JsonRpcException
"""What a request raises whose answer is an error."""

_log = logging.getLogger(__name__)


class Connection(JsonRPCServer):
    """One end of the socket: a pygls JSON-RPC peer over asyncio streams."""

    def __init__(self) -> None:
        super().__init__(JsonRPCProtocol, _converter)
        self._stop = threading.Event()

    def attach(self, writer: asyncio.StreamWriter) -> None:
        """From now on messages can be sent."""
        self.protocol.set_writer(_StreamWriter(writer))

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle messages until the other end closes the socket."""
        try:
            await run_async(self._stop, reader, self.protocol, _log, self.report_server_error)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._stop.set()
            writer.close()


class _StreamWriter:
    """pygls' writer over an asyncio stream; a message to an end that has gone is dropped."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def close(self) -> None:
        self._writer.close()


def _converter() -> cattrs.Converter:
    """Messages keep their parameters as plain JSON values."""
    converter = cattrs.Converter()
    for message in (JsonRPCRequestMessage, JsonRPCResponseMessage, JsonRPCNotification):
        converter.register_structure_hook(
            message, lambda data, kind: kind(**{"params": None, **data} if "method" in data else data)
        )
    return converter


def request_to_json(request: GenerateRequest) -> dict[str, Any]:
    """The parameters of ``engine/generate`` without ``stream``."""
    return {
        "token_ids": list(request.token_ids),
        "typed_ids": list(request.typed_ids),
        "stop_ids": sorted(request.stop_ids),
        "max_tokens": request.max_tokens,
        "time_budget_ms": request.time_budget_ms,
        "heal": request.heal,
        "document": request.document,
        "background": request.background,
    }


def request_from_json(data: dict[str, Any]) -> GenerateRequest:
    """The inverse of ``request_to_json``."""
    return GenerateRequest(
        token_ids=tuple(data["token_ids"]),
        typed_ids=tuple(data["typed_ids"]),
        stop_ids=frozenset(data["stop_ids"]),
        max_tokens=data["max_tokens"],
        time_budget_ms=data["time_budget_ms"],
        heal=data["heal"],
        document=data["document"],
        background=data["background"],
    )


def token_to_json(stream: int, token: Token) -> dict[str, Any]:
    """The parameters of ``engine/token``."""
    return {"stream": stream, **asdict(token)}


def end_to_json(stop: StopReason, timings: Timings) -> dict[str, Any]:
    """The result of ``engine/generate``."""
    return {"stop": stop.value, "timings": asdict(timings)}


def end_from_json(data: dict[str, Any]) -> tuple[StopReason, Timings]:
    """The inverse of ``end_to_json``."""
    return StopReason(data["stop"]), Timings(**data["timings"])
